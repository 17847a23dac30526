//! How large a value is: in bytes, about, and in elements.

use super::Value;

impl Value {
    /// How many elements a collection has; 1 for a string. What takes long to free has many.
    pub fn elements(&self) -> usize {
        match self {
            Value::Str(_) => 1,
            Value::List(list) => list.len(),
            Value::Set(set) => set.len(),
            Value::Hash(hash) => hash.len(),
            Value::Zset(zset) => zset.len(),
            Value::Stream(stream) => stream.len(),
        }
    }
}
