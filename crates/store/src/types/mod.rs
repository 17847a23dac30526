//! What a key can hold.

pub mod dict;
mod hash;
pub mod hll;
mod list;
mod memory;
mod name;
mod pack;
mod sample;
mod set;
pub mod stream;
mod text;
pub mod zset;

pub use hash::Hash;
pub use list::List;
pub use name::{Name, SharedName};
pub use set::Set;
pub use stream::Stream;
pub use text::Text;
pub use zset::Zset;

/// The value of a key, in 24 bytes: short strings and small hashes and sets have no more than one allocation beside it.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string; numbers too are kept as their text.
    Str(Text),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A hash.
    Hash(Hash),
    /// A sorted set.
    Zset(Box<Zset>),
    /// A stream.
    Stream(Box<Stream>),
}

impl Value {
    /// The word that `TYPE` answers with.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Str(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Hash(_) => "hash",
            Value::Zset(_) => "zset",
            Value::Stream(_) => "stream",
        }
    }

    /// Whether a key with this value is removed: aggregates without elements, but not streams.
    pub fn is_gone(&self) -> bool {
        match self {
            Value::Str(_) | Value::Stream(_) => false,
            Value::List(list) => list.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
            Value::Zset(zset) => zset.is_empty(),
        }
    }

    /// The name that `OBJECT ENCODING` gives the form Redis would hold it in with its default thresholds.
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::Str(text) => text.encoding(),
            Value::List(list) => list.encoding(),
            Value::Set(set) => set.encoding(),
            Value::Hash(hash) => hash.encoding(),
            Value::Zset(zset) => zset.encoding(),
            Value::Stream(_) => "stream",
        }
    }

    /// About how many bytes it takes beside its own 24, in constant time.
    pub fn heap_size(&self) -> usize {
        match self {
            Value::Str(text) => text.heap_size(),
            Value::List(list) => list.heap_size(),
            Value::Set(set) => set.heap_size(),
            Value::Hash(hash) => hash.heap_size(),
            Value::Zset(zset) => zset.memory(),
            Value::Stream(stream) => stream.memory(),
        }
    }
}

/// One of the types of [`Value`]: lets [`Txn`](crate::Txn) look at a key as that type.
pub trait Kind: Sized {
    /// A value without elements. `seed` is for hashing.
    fn empty(seed: u64) -> Self;
    /// The value, if it is of this type.
    fn of(value: &Value) -> Option<&Self>;
    /// The value, if it is of this type.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// As the value of a key.
    fn into_value(self) -> Value;
}

impl Kind for Text {
    fn empty(_: u64) -> Text {
        Text::new(b"")
    }
    fn of(value: &Value) -> Option<&Text> {
        if let Value::Str(string) = value { Some(string) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Text> {
        if let Value::Str(string) = value { Some(string) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Str(self)
    }
}

impl Kind for List {
    fn empty(_: u64) -> List {
        List::new()
    }
    fn of(value: &Value) -> Option<&List> {
        if let Value::List(list) = value { Some(list) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut List> {
        if let Value::List(list) = value { Some(list) } else { None }
    }
    fn into_value(self) -> Value {
        Value::List(self)
    }
}

impl Kind for Set {
    fn empty(_: u64) -> Set {
        Set::new()
    }
    fn of(value: &Value) -> Option<&Set> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Set> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Set(self)
    }
}

impl Kind for Hash {
    fn empty(_: u64) -> Hash {
        Hash::new()
    }
    fn of(value: &Value) -> Option<&Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Hash(self)
    }
}

impl Kind for Zset {
    fn empty(seed: u64) -> Zset {
        Zset::new(seed)
    }
    fn of(value: &Value) -> Option<&Zset> {
        if let Value::Zset(zset) = value { Some(zset) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Zset> {
        if let Value::Zset(zset) = value { Some(zset) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Zset(Box::new(self))
    }
}

impl Kind for Stream {
    fn empty(_: u64) -> Stream {
        Stream::new()
    }
    fn of(value: &Value) -> Option<&Stream> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Stream> {
        if let Value::Stream(stream) = value { Some(stream) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Stream(Box::new(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn what_is_counted_is_what_there_is_however_unequal_the_elements() {
        use crate::{Config, Store};
        use bytes::Bytes;
        use model::Reply;

        const LONG: usize = 1000;
        let fills = [
            ("RPUSH k a", "RPUSH k $#", "LTRIM k 0 0"),
            ("SADD k a", "SADD k $#", "SREM k $#"),
            ("HSET k a b", "HSET k f# $", "HDEL k f#"),
            ("ZADD k 0 a", "ZADD k 1 $#", "ZREM k $#"),
            ("XGROUP CREATE k g 0 MKSTREAM", "XGROUP CREATECONSUMER k g $#", "XGROUP DELCONSUMER k g $#"),
        ];
        for (first, more, less) in fills {
            let mut store = Store::new(Config::default());
            let mut run = |line: &str, n: usize| {
                let line = line.replace('#', &n.to_string()).replace('$', &"x".repeat(LONG));
                let words: Vec<Bytes> = line.split(' ').map(|word| word.to_owned().into()).collect();
                store.execute(&words, 1)
            };
            let mut used = |line: &str, count| {
                (0..count).for_each(|n| assert!(run(line, n).as_error().is_none(), "{line}"));
                let Reply::Int(used) = run("MEMORY USAGE k", 0) else { panic!("a size") };
                usize::try_from(used).unwrap()
            };
            let few = used(first, 1);
            let many = used(more, 200);
            assert!((LONG * 200..LONG * 400).contains(&many), "{more} {many}");
            let left = used(less, 200);
            assert!(left < few + 30_000, "{less} {left}");
        }
    }
}
