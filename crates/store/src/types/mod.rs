//! What a key can hold.

mod memory;
pub mod stream;
pub mod table;
pub mod zset;

use bytes::Bytes;
use std::collections::VecDeque;

pub use stream::Stream;
pub use table::{Hash, Set, Table};
pub use zset::Zset;

/// A list, from head to tail.
pub type List = VecDeque<Bytes>;

/// The value of a key. Aggregates are boxed, so that an entry of the keyspace stays small.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string; numbers too are kept as their text.
    Str(Bytes),
    /// A list.
    List(Box<List>),
    /// A set.
    Set(Box<Set>),
    /// A hash.
    Hash(Box<Hash>),
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

impl Kind for Bytes {
    fn empty(_: u64) -> Bytes {
        Bytes::new()
    }
    fn of(value: &Value) -> Option<&Bytes> {
        if let Value::Str(string) = value { Some(string) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Bytes> {
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
        Value::List(Box::new(self))
    }
}

impl Kind for Set {
    fn empty(seed: u64) -> Set {
        Set::new(seed)
    }
    fn of(value: &Value) -> Option<&Set> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Set> {
        if let Value::Set(set) = value { Some(set) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Set(Box::new(self))
    }
}

impl Kind for Hash {
    fn empty(seed: u64) -> Hash {
        Hash::new(seed)
    }
    fn of(value: &Value) -> Option<&Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }
    fn of_mut(value: &mut Value) -> Option<&mut Hash> {
        if let Value::Hash(hash) = value { Some(hash) } else { None }
    }
    fn into_value(self) -> Value {
        Value::Hash(Box::new(self))
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
