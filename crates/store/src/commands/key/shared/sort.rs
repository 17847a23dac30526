//! `SORT`: by numbers or text, by what the elements are or by what other keys hold, and what is given for each.

use crate::commands::args::{int, is};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use crate::number::parse_double;
use crate::room::Room;
use crate::types::{Kind, List, Value};
use bytes::Bytes;
use model::{Error, Reply};
use std::cmp::Ordering;

/// The options.
#[derive(Debug)]
pub struct Sorting<'a> {
    by: Option<&'a Bytes>,
    get: Vec<&'a Bytes>,
    /// How many are skipped and how many given; negative: none skipped, all given.
    limit: (i64, i64),
    descending: bool,
    alphabetic: bool,
    store: Option<&'a Bytes>,
}

/// What an element is compared by.
enum Weight {
    Number(f64),
    /// What another key holds, if it does.
    Text(Option<Bytes>),
    /// The element itself.
    Itself,
}

impl<'a> Sorting<'a> {
    /// `may_store`: the command takes `STORE`.
    pub fn parse(args: &'a [Bytes], may_store: bool) -> Result<Sorting<'a>, Error> {
        let mut sorting =
            Sorting { by: None, get: Vec::new(), limit: (0, -1), descending: false, alphabetic: false, store: None };
        let mut rest = args;
        while !rest.is_empty() {
            rest = match rest {
                [option, after @ ..] if is(option, "ASC") => {
                    sorting.descending = false;
                    after
                }
                [option, after @ ..] if is(option, "DESC") => {
                    sorting.descending = true;
                    after
                }
                [option, after @ ..] if is(option, "ALPHA") => {
                    sorting.alphabetic = true;
                    after
                }
                [option, start, count, after @ ..] if is(option, "LIMIT") => {
                    sorting.limit = (int(start)?, int(count)?);
                    after
                }
                [option, destination, after @ ..] if may_store && is(option, "STORE") => {
                    sorting.store = Some(destination);
                    after
                }
                [option, pattern, after @ ..] if is(option, "BY") => {
                    sorting.by = Some(pattern);
                    after
                }
                [option, pattern, after @ ..] if is(option, "GET") => {
                    sorting.get.push(pattern);
                    after
                }
                _ => return Err(errors::SYNTAX),
            };
        }
        Ok(sorting)
    }

    /// `STORE`
    pub fn destination(&self) -> Option<&'a Bytes> {
        self.store
    }

    /// Whether what other keys hold counts.
    pub fn looks_up(&self) -> bool {
        self.by.is_some() || !self.get.is_empty()
    }

    /// What is given, in order.
    pub fn run(&self, txn: &Txn<'_>, key: &[u8]) -> Result<Vec<Reply>, Error> {
        let elements = self.sorted(txn, key)?;
        // What is stored is nobody's reply.
        let mut room = if self.store.is_some() { Room::new(usize::MAX) } else { txn.room() };
        if self.get.is_empty() {
            return room.gather(elements.into_iter().map(Reply::Bulk));
        }
        let patterns = |element: Bytes| self.get.iter().map(move |pattern| given(txn, pattern, &element));
        room.gather(elements.into_iter().flat_map(patterns))
    }

    fn sorted(&self, txn: &Txn<'_>, key: &[u8]) -> Result<Vec<Bytes>, Error> {
        let value = txn.value(key);
        let mut elements = elements(value)?;
        // A pattern without a star is the same for all: nothing to sort by. What has no order of its own and is to be
        // stored is sorted all the same, so that whoever does it again stores the same.
        let unordered = matches!(value, Some(Value::Set(_)));
        let by_nothing = self.by.is_some_and(|pattern| !pattern.contains(&b'*'));
        let for_store = by_nothing && unordered && self.store.is_some();
        if by_nothing && !for_store {
            if self.descending && matches!(value, Some(Value::Zset(_))) {
                elements.reverse();
            }
            return Ok(self.limited(elements));
        }
        let by = if for_store { None } else { self.by };
        let alphabetic = self.alphabetic || for_store;
        let mut weighted = Vec::with_capacity(elements.len());
        for element in elements {
            weighted.push((weight(txn, by, alphabetic, &element)?, element));
        }
        weighted.sort_by(|a, b| if self.descending { compare(b, a) } else { compare(a, b) });
        Ok(self.limited(weighted.into_iter().map(|(_, element)| element).collect()))
    }

    fn limited(&self, elements: Vec<Bytes>) -> Vec<Bytes> {
        let start = usize::try_from(self.limit.0).unwrap_or(0);
        let count = usize::try_from(self.limit.1).unwrap_or(usize::MAX);
        elements.into_iter().skip(start).take(count).collect()
    }
}

/// Makes the destination the list of these; how many they are.
pub fn store(txn: &mut Txn<'_>, destination: &Bytes, found: Vec<Reply>) -> Reply {
    let text = |reply| if let Reply::Bulk(text) = reply { text } else { Bytes::new() };
    let count = Reply::Int(found.len() as i64);
    if found.is_empty() {
        txn.delete(destination);
        return count;
    }
    let mut list = List::new();
    found.into_iter().for_each(|reply| list.push_back(&text(reply)));
    txn.set(destination, list.into_value(), Deadline::Never);
    count
}

fn elements(value: Option<&Value>) -> Result<Vec<Bytes>, Error> {
    Ok(match value {
        None => Vec::new(),
        Some(Value::List(list)) => list.iter().map(Bytes::copy_from_slice).collect(),
        Some(Value::Set(set)) => set.iter().map(Bytes::copy_from_slice).collect(),
        Some(Value::Zset(zset)) => zset.iter().map(|(member, _)| Bytes::copy_from_slice(member)).collect(),
        Some(_) => return Err(errors::WRONG_TYPE),
    })
}

fn weight(txn: &Txn<'_>, by: Option<&Bytes>, alphabetic: bool, element: &Bytes) -> Result<Weight, Error> {
    let text = match by {
        Some(pattern) => looked_up(txn, pattern, element),
        None if alphabetic => return Ok(Weight::Itself),
        None => Some(element.clone()),
    };
    if alphabetic {
        return Ok(Weight::Text(text));
    }
    let number = text.map_or(Some(0.0), |text| if text.is_empty() { Some(0.0) } else { parse_double(&text) });
    number.map(Weight::Number).ok_or_else(|| errors::custom("One or more scores can't be converted into double"))
}

/// Equal numbers go by the elements; equal texts stay as they are.
fn compare((a, element): &(Weight, Bytes), (b, other): &(Weight, Bytes)) -> Ordering {
    match (a, b) {
        (Weight::Number(a), Weight::Number(b)) => {
            a.partial_cmp(b).unwrap_or(Ordering::Equal).then_with(|| element.cmp(other))
        }
        (Weight::Text(a), Weight::Text(b)) => a.cmp(b),
        _ => element.cmp(other),
    }
}

fn given(txn: &Txn<'_>, pattern: &Bytes, element: &Bytes) -> Reply {
    looked_up(txn, pattern, element).map_or(Reply::Null, Reply::Bulk)
}

/// What the pattern names for this element: `#` the element, `a*b` a string, `a*b->c` a field of a hash.
fn looked_up(txn: &Txn<'_>, pattern: &Bytes, element: &Bytes) -> Option<Bytes> {
    if &pattern[..] == b"#" {
        return Some(element.clone());
    }
    let star = pattern.iter().position(|&b| b == b'*')?;
    let (prefix, rest) = (&pattern[..star], &pattern[star + 1..]);
    let arrow = rest.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < rest.len());
    let (suffix, field) = match arrow {
        Some(at) => (&rest[..at], Some(&rest[at + 2..])),
        None => (rest, None),
    };
    let key = [prefix, element, suffix].concat();
    match (txn.value(&key)?, field) {
        (Value::Hash(hash), Some(field)) => hash.value(field),
        (Value::Str(text), None) => Some(text.to_bytes()),
        _ => None,
    }
}
