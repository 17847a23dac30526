//! Patches: the operations of RFC 6902 that turn one document into another.
//!
//! Valid for any conforming applier and small: a changed member is one operation, an element that moves is its
//! `remove` and its `add`, and what lies between two elements that stayed is compared element by element. At every
//! level the operations are given up where replacing the whole of it is smaller, up to the root, where [`diff`] says
//! so by `None`. Sizes are estimated as JSON text; nothing is encoded here.

mod sequence;

use crate::value::{Members, same, size};
use bytes::Bytes;
use model::{PatchOp, Value};
use sequence::Step;

/// Operations this small are kept without asking how large the value is that they would have to beat.
const SMALL: usize = 64;

/// The operations that turn `old` into `new`; none if the documents are the same. `None` if they would be no smaller
/// than the whole value, whose size as JSON is `new_size`, or too costly to find.
pub(crate) fn diff(old: &Value, new: &Value, new_size: usize) -> Option<Vec<PatchOp>> {
    let mut differ = Differ { path: String::new(), ops: Vec::new(), size: 2, size_max: new_size };
    let found = match (old, new) {
        (Value::Object(old), Value::Object(new)) => differ.members(old, new),
        (Value::Array(old), Value::Array(new)) => differ.elements(old, new),
        _ if same(old, new) => Ok(()),
        _ => Err(Whole),
    };
    found.is_ok().then_some(differ.ops)
}

/// No operations: the whole value is to be sent instead.
struct Whole;

struct Differ {
    /// Where we are, as a JSON Pointer.
    path: String,
    ops: Vec<PatchOp>,
    /// The bytes of `ops` as JSON.
    size: usize,
    /// What `size` must stay below.
    size_max: usize,
}

impl Differ {
    /// At the current path, `old` becomes `new`.
    fn value(&mut self, old: &Value, new: &Value) -> Result<(), Whole> {
        let (ops_before, size_before) = (self.ops.len(), self.size);
        let inside = match (old, new) {
            (Value::Object(old), Value::Object(new)) => self.members(old, new),
            (Value::Array(old), Value::Array(new)) => self.elements(old, new),
            _ if same(old, new) => return Ok(()),
            _ => Err(Whole),
        };
        let spent = self.size - size_before;
        if inside.is_ok() && (spent <= SMALL || spent <= size::of_replace(&self.path, size::of_value(new))) {
            return Ok(());
        }
        self.ops.truncate(ops_before);
        self.size = size_before;
        self.push(PatchOp::Replace { path: self.path.clone(), value: new.clone() })
    }

    fn members(&mut self, old: &[(Bytes, Value)], new: &[(Bytes, Value)]) -> Result<(), Whole> {
        let (in_old, in_new) = (Members::new(old), Members::new(new));
        for (i, (name, _)) in old.iter().enumerate() {
            if in_new.get(name, i).is_none() {
                self.at_member(name, |d| d.push(PatchOp::Remove { path: d.path.clone() }))?;
            }
        }
        for (i, (name, value)) in new.iter().enumerate() {
            self.at_member(name, |d| match in_old.get(name, i) {
                Some(old) => d.value(old, value),
                None => d.push(PatchOp::Add { path: d.path.clone(), value: value.clone() }),
            })?;
        }
        Ok(())
    }

    /// Operations on an array count with those before them: `at` is the place in the array as it is by then.
    fn elements(&mut self, old: &[Value], new: &[Value]) -> Result<(), Whole> {
        let steps = sequence::steps(old, new, self.size_max.saturating_sub(self.size)).ok_or(Whole)?;
        let (mut at, mut len) = (0, old.len());
        for step in steps {
            match step {
                Step::Keep(count) => at += count,
                Step::Change(from, to) => {
                    self.at_index(at, |d| d.value(&old[from], &new[to]))?;
                    at += 1;
                }
                Step::Remove => {
                    self.at_index(at, |d| d.push(PatchOp::Remove { path: d.path.clone() }))?;
                    len -= 1;
                }
                Step::Add(to) => {
                    let add = |d: &mut Differ| d.push(PatchOp::Add { path: d.path.clone(), value: new[to].clone() });
                    if at == len { self.at_token("-", add) } else { self.at_index(at, add) }?;
                    (at, len) = (at + 1, len + 1);
                }
            }
        }
        Ok(())
    }

    fn at_index<T>(&mut self, index: usize, then: impl FnOnce(&mut Differ) -> T) -> T {
        self.at_token(&index.to_string(), then)
    }

    /// RFC 6901: "'~' needs to be encoded as '~0' and '/' needs to be encoded as '~1'".
    fn at_member<T>(&mut self, name: &[u8], then: impl FnOnce(&mut Differ) -> T) -> T {
        let name = std::str::from_utf8(name).expect("names of members are UTF-8");
        if name.contains(['~', '/']) {
            return self.at_token(&name.replace('~', "~0").replace('/', "~1"), then);
        }
        self.at_token(name, then)
    }

    fn at_token<T>(&mut self, token: &str, then: impl FnOnce(&mut Differ) -> T) -> T {
        let parent = self.path.len();
        self.path.push('/');
        self.path.push_str(token);
        let result = then(self);
        self.path.truncate(parent);
        result
    }

    fn push(&mut self, op: PatchOp) -> Result<(), Whole> {
        self.size += size::of_op(&op);
        self.ops.push(op);
        if self.size < self.size_max { Ok(()) } else { Err(Whole) }
    }
}

#[cfg(test)]
mod tests;
