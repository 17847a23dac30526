//! `OBJECT ENCODING key` (<https://redis.io/docs/latest/commands/object-encoding/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::number::parse_int;
use crate::types::{Hash, Set, Value};
use bytes::Bytes;
use model::Reply;

/// The name of the form that Redis 7 would hold the value in.
pub const COMMAND: Command = Command::read("object|encoding", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    Ok(txn.entry(&args[0]).map_or(Reply::Null, |entry| Reply::bulk(encoding(&entry.value))))
}

fn encoding(value: &Value) -> &'static str {
    match value {
        Value::Str(string) => string_encoding(string),
        Value::List(_) => "quicklist",
        Value::Set(set) => set_encoding(set),
        Value::Hash(hash) => hash_encoding(hash),
        Value::Zset(zset) => zset.encoding(),
        Value::Stream(_) => "stream",
    }
}

fn string_encoding(string: &[u8]) -> &'static str {
    /// Longer strings do not lie in the same allocation as their header.
    const EMBEDDED_MAX: usize = 44;
    match string {
        string if parse_int(string).is_some() => "int",
        string if string.len() <= EMBEDDED_MAX => "embstr",
        _ => "raw",
    }
}

fn set_encoding(set: &Set) -> &'static str {
    /// `set-max-intset-entries`
    const INTSET_MAX: usize = 512;
    let small = set.len() <= INTSET_MAX && set.names().all(|member| parse_int(member).is_some());
    if small { "intset" } else { "hashtable" }
}

fn hash_encoding(hash: &Hash) -> &'static str {
    /// `hash-max-listpack-entries` and `hash-max-listpack-value`
    const LISTPACK_MAX: (usize, usize) = (128, 64);
    let short = |bytes: &Bytes| bytes.len() <= LISTPACK_MAX.1;
    let small = hash.len() <= LISTPACK_MAX.0 && hash.iter().all(|(field, value)| short(field) && short(value));
    if small { "listpack" } else { "hashtable" }
}
