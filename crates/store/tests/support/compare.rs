//! When two replies count as the same, and where versions are known to differ.

use super::grammar::{Compare, Line};
use super::server::Kind;
use model::Reply;

/// A place where a real server answers otherwise than this store, on purpose.
pub struct Difference {
    /// Which servers.
    pub servers: &'static [Kind],
    /// What differs, and why the store does it so.
    pub reason: &'static str,
    /// Whether this line with these replies (ours, theirs) is such a place.
    pub applies: fn(&Line, &Reply, &Reply) -> bool,
}

/// Times are equal if they are no further apart, in milliseconds (or seconds).
const NEAR: i64 = 3000;

/// Whether the replies are the same as far as `compare` says.
pub fn same(compare: Compare, ours: &Reply, theirs: &Reply) -> bool {
    match compare {
        Compare::Skip => true,
        Compare::Near => near(ours, theirs),
        Compare::Shape | Compare::Take => equal(&shape(ours), &shape(theirs)),
        Compare::Sorted => equal(&sorted(ours), &sorted(theirs)),
        Compare::Exact => equal(ours, theirs),
    }
}

/// A reply in RESP2 in the types that ours has: a map, a set, a double and their kin are arrays and text there. Where it does
/// not fit it stays as it is, and so does a null: those of RESP2 must be the same.
pub fn lifted(ours: &Reply, theirs: &Reply) -> Reply {
    match (ours, theirs) {
        (Reply::Map(pairs), Reply::Array(items)) if items.len() == 2 * pairs.len() => {
            let value = |key: &Reply, value: &Reply| {
                // The order may be another.
                let of_ours = pairs.iter().find(|(ours, _)| ours == key);
                of_ours.map_or_else(|| value.clone(), |(_, ours)| lifted(ours, value))
            };
            Reply::Map(items.chunks(2).map(|pair| (pair[0].clone(), value(&pair[0], &pair[1]))).collect())
        }
        (Reply::Set(_), Reply::Array(items)) => Reply::Set(items.clone()),
        (Reply::Array(ours), Reply::Array(items)) if ours.len() == items.len() => {
            Reply::Array(ours.iter().zip(items).map(|(ours, item)| lifted(ours, item)).collect())
        }
        (Reply::Double(_), Reply::Bulk(text)) => {
            let read = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            read.map_or_else(|| theirs.clone(), Reply::Double)
        }
        (Reply::Bool(_), Reply::Int(n @ 0..=1)) => Reply::Bool(*n == 1),
        (Reply::Verbatim { format, .. }, Reply::Bulk(text)) => Reply::Verbatim { format: *format, text: text.clone() },
        (Reply::BigNumber(_), Reply::Bulk(digits)) => Reply::BigNumber(digits.clone()),
        _ => theirs.clone(),
    }
}

/// Our reply as RESP3 has it, with the one null that there is.
pub fn with_one_null(reply: &Reply) -> Reply {
    match reply {
        Reply::NullArray => Reply::Null,
        Reply::Array(items) => Reply::Array(items.iter().map(with_one_null).collect()),
        Reply::Set(items) => Reply::Set(items.iter().map(with_one_null).collect()),
        Reply::Map(pairs) => Reply::Map(pairs.iter().map(|(k, v)| (with_one_null(k), with_one_null(v))).collect()),
        other => other.clone(),
    }
}

/// Equality in which doubles are equal by their bits, and sets and maps have no order.
fn equal(a: &Reply, b: &Reply) -> bool {
    let all = |a: &[Reply], b: &[Reply]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b));
    match (a, b) {
        (Reply::Double(a), Reply::Double(b)) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
        (Reply::Array(a), Reply::Array(b)) => all(a, b),
        (Reply::Set(_), Reply::Set(_)) => match (sorted(a), sorted(b)) {
            (Reply::Array(a), Reply::Array(b)) => all(&a, &b),
            _ => false,
        },
        (Reply::Map(a), Reply::Map(b)) => {
            let flat = |pairs: &[(Reply, Reply)]| {
                let mut pairs: Vec<Reply> =
                    pairs.iter().map(|(k, v)| Reply::Array(vec![k.clone(), v.clone()])).collect();
                pairs.sort_by_key(|pair| format!("{pair:?}"));
                pairs
            };
            all(&flat(a), &flat(b))
        }
        _ => a == b,
    }
}

/// The same elements in an order of their own; in a scan's reply, those of its second half.
fn sorted(reply: &Reply) -> Reply {
    match reply {
        Reply::Array(items) | Reply::Set(items) => match &items[..] {
            [cursor @ Reply::Bulk(_), found @ Reply::Array(_)] => Reply::Array(vec![cursor.clone(), sorted(found)]),
            _ => {
                let mut items = items.clone();
                items.sort_by_key(|item| format!("{item:?}"));
                Reply::Array(items)
            }
        },
        other => other.clone(),
    }
}

/// The reply with nothing for each string.
fn shape(reply: &Reply) -> Reply {
    match reply {
        Reply::Bulk(_) => Reply::bulk(""),
        Reply::Double(_) => Reply::Double(0.0),
        Reply::Array(items) => Reply::Array(items.iter().map(shape).collect()),
        Reply::Set(items) => Reply::Set(items.iter().map(shape).collect()),
        Reply::Map(pairs) => Reply::Map(pairs.iter().map(|(k, v)| (shape(k), shape(v))).collect()),
        other => other.clone(),
    }
}

fn near(ours: &Reply, theirs: &Reply) -> bool {
    match (ours, theirs) {
        (Reply::Int(a), Reply::Int(b)) => a == b || *a > 0 && *b > 0 && (a - b).abs() <= NEAR,
        (Reply::Array(a), Reply::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| near(a, b)),
        _ => equal(ours, theirs),
    }
}
