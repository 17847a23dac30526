//! What the tests of this crate share.
#![allow(dead_code)]

use bytes::Bytes;
use model::Args;

/// The words of a command line.
pub fn line(text: &str) -> Args {
    text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}
