//! Digests of questions and answers, to see whether an answer is new without keeping it.

use ahash::RandomState;
use bytes::Bytes;
use model::Reply;
use std::hash::{BuildHasher, Hash, Hasher};

fn hasher() -> impl Hasher {
    RandomState::with_seeds(5, 6, 7, 8).build_hasher()
}

/// Of a command.
pub(crate) fn of_command(command: &[Bytes]) -> u64 {
    let mut hasher = hasher();
    command.hash(&mut hasher);
    hasher.finish()
}

/// Of a reply.
pub(crate) fn of_reply(reply: &Reply) -> u64 {
    let mut hasher = hasher();
    add(reply, &mut hasher);
    hasher.finish()
}

fn add(reply: &Reply, hasher: &mut impl Hasher) {
    std::mem::discriminant(reply).hash(hasher);
    match reply {
        Reply::Null | Reply::NullArray => {}
        Reply::Int(number) => number.hash(hasher),
        Reply::Double(number) => number.to_bits().hash(hasher),
        Reply::Bool(is) => is.hash(hasher),
        Reply::Simple(bytes) | Reply::Error(bytes) | Reply::Bulk(bytes) | Reply::BigNumber(bytes) => bytes.hash(hasher),
        Reply::Verbatim { text, .. } => text.hash(hasher),
        Reply::Strings(strings) => {
            strings.len().hash(hasher);
            strings.iter().for_each(|string| string.hash(hasher));
        }
        Reply::Array(items) | Reply::Set(items) => {
            items.len().hash(hasher);
            items.iter().for_each(|item| add(item, hasher));
        }
        Reply::Map(pairs) => {
            pairs.len().hash(hasher);
            pairs.iter().for_each(|(key, value)| {
                add(key, hasher);
                add(value, hasher);
            });
        }
    }
}
