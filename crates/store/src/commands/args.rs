//! Reading arguments: numbers, options, ranges, lists of keys.

use super::Outcome;
use crate::errors;
use crate::number::{parse_double, parse_int};
use crate::room::Room;
use crate::types::Text;
use bytes::Bytes;
use model::{Error, Reply, Shape, StringsBuilder};

/// A 64-bit integer.
pub fn int(arg: &[u8]) -> Result<i64, Error> {
    parse_int(arg).ok_or(errors::NOT_AN_INTEGER)
}

/// A double that is a number.
pub fn float(arg: &[u8]) -> Result<f64, Error> {
    parse_double(arg).ok_or(errors::NOT_A_FLOAT)
}

/// A count of at least zero: `value is out of range, must be positive` otherwise.
pub fn count(arg: &[u8]) -> Result<usize, Error> {
    parse_int(arg).and_then(|n| usize::try_from(n).ok()).ok_or(errors::NOT_POSITIVE)
}

/// Whether the argument is this option; options are written in any case.
pub fn is(arg: &[u8], option: &str) -> bool {
    arg.eq_ignore_ascii_case(option.as_bytes())
}

/// The value that must follow an option.
pub fn value<'a>(rest: &mut std::slice::Iter<'a, Bytes>) -> Result<&'a Bytes, Error> {
    rest.next().ok_or(errors::SYNTAX)
}

/// The positions that `start` and `end` name, both inclusive, negative ones counted from the end: an empty range if
/// none of `len` is meant.
pub fn range(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let from = if start < 0 { (signed + start).max(0) } else { start };
    let to = if end < 0 { signed + end } else { end.min(signed - 1) };
    if from > to || from >= signed { 0..0 } else { from as usize..to as usize + 1 }
}

/// The position of an index, negative ones counted from the end.
pub fn index(index: i64, len: usize) -> Option<usize> {
    let position = if index < 0 { index.checked_add(i64::try_from(len).ok()?)? } else { index };
    usize::try_from(position).ok().filter(|&position| position < len)
}

/// A count of at least one.
pub fn positive(arg: &[u8]) -> Option<usize> {
    parse_int(arg).and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0)
}

/// `numkeys key [key …]`: the keys, and what follows them. Commands differ in their errors: `numkeys` reads the number, and
/// `too_many` is for more keys than there are arguments.
pub fn counted_keys(
    args: &[Bytes],
    numkeys: impl FnOnce(&[u8]) -> Result<usize, Error>,
    too_many: Error,
) -> Result<(&[Bytes], &[Bytes]), Error> {
    args[1..].split_at_checked(numkeys(&args[0])?).ok_or(too_many)
}

/// `numkeys key [key …] place [COUNT count]` of `LMPOP` and `ZMPOP`: the keys, the place (`LEFT`, `MIN`, …) as `place` reads
/// it, and how many to take, 1 if it is not said.
pub fn multi_pop<P>(
    args: &[Bytes],
    place: impl FnOnce(&[u8]) -> Result<P, Error>,
) -> Result<(&[Bytes], P, usize), Error> {
    let numkeys = |arg: &[u8]| positive(arg).ok_or(errors::NUMKEYS_NOT_POSITIVE);
    let (keys, rest) = counted_keys(args, numkeys, errors::SYNTAX)?;
    let (word, options) = rest.split_first().ok_or(errors::SYNTAX)?;
    let place = place(word)?;
    match options {
        [] => Ok((keys, place, 1)),
        [option, count, rest @ ..] if is(option, "COUNT") => {
            let count = positive(count).ok_or(errors::COUNT_NOT_POSITIVE)?;
            if rest.is_empty() { Ok((keys, place, count)) } else { Err(errors::SYNTAX) }
        }
        _ => Err(errors::SYNTAX),
    }
}

/// The reply of a length or of how many were changed.
pub fn size(n: usize) -> Reply {
    Reply::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// The reply of a condition: 1 or 0.
pub fn flag(condition: bool) -> Reply {
    Reply::Int(condition.into())
}

/// A byte string, or null.
pub fn bulk_or_null(bytes: Option<&[u8]>) -> Reply {
    bytes.map_or(Reply::Null, Reply::bulk)
}

/// A string value, or null.
pub fn text_or_null(text: Option<&Text>) -> Reply {
    text.map_or(Reply::Null, |text| Reply::Bulk(text.to_bytes()))
}

/// The reply of byte strings, keys and values in turn where it is a map, if there is room for it.
pub fn strings<'a>(mut room: Room, shape: Shape, all: impl Iterator<Item = &'a [u8]>) -> Outcome {
    let mut strings = StringsBuilder::with_capacity(all.size_hint().0);
    for string in all {
        room.take(Reply::ELEMENT_BYTES + string.len())?;
        strings.push(string);
    }
    Ok(strings.finish(shape).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped() {
        for (start, end, len, want) in [
            (0, -1, 3, 0..3),
            (-2, -1, 3, 1..3),
            (-100, 100, 3, 0..3),
            (2, 1, 3, 0..0),
            (3, 9, 3, 0..0),
            (0, -9, 3, 0..0),
            (0, -1, 0, 0..0),
            (i64::MIN, i64::MAX, 2, 0..2),
        ] {
            assert_eq!(range(start, end, len), want, "{start} {end} of {len}");
        }
    }

    #[test]
    fn indexes_count_from_both_ends() {
        assert_eq!(
            [0, 2, 3, -1, -3, -4, i64::MIN].map(|i| index(i, 3)),
            [Some(0), Some(2), None, Some(2), Some(0), None, None]
        );
    }
}
