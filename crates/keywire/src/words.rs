//! Commands made of words, for those parts of the binary that write as clients do.

use bytes::Bytes;
use model::Args;

/// A command of these words.
pub fn command<S: AsRef<str>>(words: &[S]) -> Args {
    words.iter().map(word).collect()
}

/// A command of these words and then these pairs, such as fields and values.
pub fn command_with<A: AsRef<str>, B: AsRef<str>>(head: &[&str], pairs: impl IntoIterator<Item = (A, B)>) -> Args {
    head.iter().map(word).chain(pairs.into_iter().flat_map(|(a, b)| [word(&a), word(&b)])).collect()
}

fn word<S: AsRef<str>>(text: &S) -> Bytes {
    Bytes::copy_from_slice(text.as_ref().as_bytes())
}
