//! When something that was read expires: the server deletes it late and may tell minutes after (see the facts by
//! experiment), so the gateway asks with each read and reads again at that time.
//!
//! Keys are asked by `PTTL`. Where single fields of a hash can expire, those that the command names are asked by `HPTTL`;
//! for commands over all fields the hash's encoding tells whether any can, and then its fields are asked, up to
//! `hash_fields_max`.

use crate::reply::{bytes, int, items};
use bytes::Bytes;
use model::{Args, Reply};

/// What fields of a hash a command reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fields {
    /// It reads no hash.
    None,
    /// These.
    Named(Vec<Bytes>),
    /// All; `true`: its reply has the names.
    All(bool),
}

/// What fields the command reads.
pub(crate) fn fields(command: &[Bytes]) -> Fields {
    let Some(name) = command.first().filter(|name| name.first().is_some_and(|c| c.eq_ignore_ascii_case(&b'h'))) else {
        return Fields::None;
    };
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    let named = || command.get(2..).unwrap_or_default().to_vec();
    match () {
        () if is("HGET") || is("HSTRLEN") || is("HEXISTS") || is("HMGET") => Fields::Named(named()),
        () if is("HGETALL") || is("HKEYS") => Fields::All(true),
        () if is("HVALS") || is("HLEN") || is("HRANDFIELD") || is("HSCAN") => Fields::All(false),
        () => Fields::None,
    }
}

/// Asks when these fields expire.
pub(crate) fn ask_fields(key: &Bytes, fields: &[Bytes]) -> Args {
    let word = Bytes::from_static;
    let head = [word(b"HPTTL"), key.clone(), word(b"FIELDS"), fields.len().to_string().into()];
    head.into_iter().chain(fields.iter().cloned()).collect()
}

/// Whether fields of a hash with this encoding may expire.
pub(crate) fn may_expire(encoding: &Reply) -> bool {
    bytes(encoding).is_some_and(|name| matches!(&name[..], b"listpackex" | b"hashtable"))
}

/// The names in the reply of `HGETALL` or `HKEYS`.
pub(crate) fn names(command: &[Bytes], reply: &Reply) -> Vec<Bytes> {
    let is_getall = command.first().is_some_and(|name| name.eq_ignore_ascii_case(b"HGETALL"));
    match reply {
        Reply::Map(pairs) => pairs.iter().filter_map(|(name, _)| bytes(name)).cloned().collect(),
        _ if is_getall => items(reply).unwrap_or_default().iter().step_by(2).filter_map(bytes).cloned().collect(),
        _ => items(reply).unwrap_or_default().iter().filter_map(bytes).cloned().collect(),
    }
}

/// The soonest expiry of an answer to `PTTL` or `HPTTL`, in milliseconds; none if nothing expires.
pub(crate) fn soonest(reply: &Reply) -> Option<u64> {
    match items(reply) {
        Some(items) => items.iter().filter_map(soonest).min(),
        None => u64::try_from(int(reply)?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Bytes> {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    #[test]
    fn commands_over_hashes_are_told_apart() {
        assert_eq!(fields(&line("hmget h a b")), Fields::Named(line("a b")));
        assert_eq!(fields(&line("HGETALL h")), Fields::All(true));
        assert_eq!(fields(&line("HLEN h")), Fields::All(false));
        assert_eq!(fields(&line("GET h")), Fields::None);
        assert_eq!(fields(&line("HPTTL h FIELDS 1 a")), Fields::None);
        assert_eq!(fields(&[]), Fields::None);
    }

    #[test]
    fn the_soonest_expiry_counts() {
        assert_eq!(soonest(&Reply::Int(-1)), None);
        assert_eq!(soonest(&Reply::Int(0)), Some(0));
        assert_eq!(soonest(&Reply::Array(vec![Reply::Int(-2), Reply::Int(70), Reply::Int(30)])), Some(30));
        assert_eq!(soonest(&Reply::error("ERR")), None);
        assert_eq!(soonest(&Reply::Null), None);
    }

    #[test]
    fn names_are_read_in_either_protocol() {
        let (a, b) = (Reply::bulk("a"), Reply::bulk("b"));
        assert_eq!(names(&line("HGETALL h"), &Reply::Map(vec![(a.clone(), b.clone())])), line("a"));
        assert_eq!(names(&line("hgetall h"), &Reply::Array(vec![a.clone(), b.clone()])), line("a"));
        assert_eq!(names(&line("HKEYS h"), &Reply::Array(vec![a, b])), line("a b"));
    }
}
