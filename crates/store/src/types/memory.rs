//! How many bytes a value takes, about.
//!
//! Asked before and after every edit, so it must cost nothing to speak of: of a large collection a few elements at fixed
//! places stand for all. The same value always gives the same number, so a sum that is kept by adding what a value takes
//! after an edit and subtracting what it took before never drifts.

use super::Value;
use bytes::Bytes;

/// How many elements stand for all.
const SAMPLES: usize = 5;
/// What the allocator adds to a byte string, about.
const ALLOCATION: usize = 16;

impl Value {
    /// Bytes that the value takes beside its place in the keyspace, about.
    pub fn memory(&self) -> usize {
        self.memory_sampled(SAMPLES)
    }

    /// The same with another number of samples; 0: all elements are looked at.
    pub fn memory_sampled(&self, samples: usize) -> usize {
        let of = |len, size: &dyn Fn(usize) -> usize| collection(len, samples, size);
        match self {
            Value::Str(string) => bytes(string),
            Value::List(list) => size_of_val(&**list) + of(list.len(), &|at| list.get(at).map_or(0, bytes)),
            Value::Set(set) => {
                size_of_val(&**set) + of(set.len(), &|at| set.at(at).map_or(0, |(member, ())| 8 + bytes(member)))
            }
            Value::Hash(hash) => {
                let pair = |at| hash.at(at).map_or(0, |(field, value)| 8 + bytes(field) + bytes(value));
                size_of_val(&**hash) + of(hash.len(), &pair)
            }
            Value::Zset(zset) => {
                let member = |at| zset.at(at).map_or(0, |(member, _)| 48 + member.len());
                size_of_val(&**zset) + of(zset.len(), &member)
            }
            Value::Stream(stream) => stream.memory(),
        }
    }

    /// How many elements a collection has; 1 for a string.
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

fn bytes(bytes: &Bytes) -> usize {
    size_of::<Bytes>() + ALLOCATION + bytes.len()
}

/// The sum of the sizes of `len` elements, or what some of them at equal distances say of it.
fn collection(len: usize, samples: usize, size: &dyn Fn(usize) -> usize) -> usize {
    if samples == 0 || len <= samples {
        return (0..len).map(size).sum();
    }
    let sampled: usize = (0..samples).map(|at| size(at * (len - 1) / (samples - 1).max(1))).sum();
    sampled * len / samples
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::List;

    #[test]
    fn a_large_list_is_estimated_well_and_cheaply() {
        let list: List = (0..10_000).map(|n| Bytes::from("x".repeat(10 + n % 3))).collect();
        let value = Value::List(Box::new(list));
        let (all, sampled) = (value.memory_sampled(0) as f64, value.memory() as f64);
        assert!((0.9..1.1).contains(&(sampled / all)), "{sampled} of {all}");
        assert_eq!(value.elements(), 10_000);
    }
}
