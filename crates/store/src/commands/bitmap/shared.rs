//! Bits of a string, counted from the highest of its first byte, and parts of it.

use crate::commands::args::{int, is};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::number::parse_int;
use crate::types::Text;
use bytes::Bytes;
use model::{Error, Reply};
use std::ops::Range;

/// Beyond the last bit of the longest string, as in Redis.
const BITS_MAX: u64 = 8 * (512 << 20);

/// The place of a bit. In a field of so many bits, `#n` is the place of the n-th of them.
pub fn offset(arg: &[u8], bits: Option<u32>) -> Result<u64, Error> {
    let number = match (arg, bits) {
        ([b'#', number @ ..], Some(bits)) => parse_int(number).and_then(|n| n.checked_mul(i64::from(bits))),
        _ => parse_int(arg),
    };
    let offset = number.and_then(|n| u64::try_from(n).ok()).filter(|&n| n < BITS_MAX);
    offset.ok_or_else(|| errors::custom("bit offset is not an integer or out of range"))
}

/// The bit at this place; 0 behind the end.
pub fn get_bit(bytes: &[u8], offset: u64) -> bool {
    bytes.get((offset / 8) as usize).is_some_and(|byte| byte >> (7 - offset % 8) & 1 == 1)
}

/// Sets the bit at this place, which must exist, and gives the one that was there.
pub fn set_bit(bytes: &mut [u8], offset: u64, bit: bool) -> bool {
    let old = get_bit(bytes, offset);
    let (byte, mask) = (&mut bytes[(offset / 8) as usize], 0x80 >> (offset % 8));
    *byte = if bit { *byte | mask } else { *byte & !mask };
    old
}

/// Edits the key's string, made long enough for this bit; `edit` is told whether it has grown.
pub fn edit(
    txn: &mut Txn<'_>,
    key: &Bytes,
    last_bit: u64,
    edit: impl FnOnce(&mut [u8], bool) -> Edit<Reply>,
) -> Result<Reply, Error> {
    txn.write(key, |text: &mut Text| {
        let bytes = text.edit();
        let (len, needed) = (bytes.len(), (last_bit / 8) as usize + 1);
        if len < needed {
            bytes.resize(needed, 0);
        }
        edit(bytes, len < needed)
    })
}

/// A part of a string, in bytes or in bits: both ends included, negative ones counted from its end.
pub struct Section {
    start: i64,
    end: i64,
    in_bits: bool,
    /// Whether the end was said.
    pub has_end: bool,
}

impl Section {
    /// All of it.
    pub const WHOLE: Section = Section { start: 0, end: -1, in_bits: false, has_end: false };

    /// From `start [end [BYTE | BIT]]`.
    pub fn parse(args: &[Bytes]) -> Result<Section, Error> {
        let start = int(&args[0])?;
        let in_bits = match args.get(2) {
            Some(unit) if is(unit, "BIT") => true,
            Some(unit) if !is(unit, "BYTE") => return Err(errors::SYNTAX),
            _ => false,
        };
        let end = args.get(1).map(|end| int(end)).transpose()?;
        if args.len() > 3 {
            return Err(errors::SYNTAX);
        }
        Ok(Section { start, end: end.unwrap_or(-1), in_bits, has_end: end.is_some() })
    }

    /// Whether both ends are counted from the end and are the wrong way round.
    pub fn is_reversed(&self) -> bool {
        self.start < 0 && self.end < 0 && self.start > self.end
    }

    /// The bits of a string of so many bytes.
    pub fn bits(&self, len: usize) -> Range<usize> {
        let total = (if self.in_bits { 8 * len } else { len }) as i64;
        let from_end = |at: i64| if at < 0 { at.saturating_add(total).max(0) } else { at };
        let (start, end) = (from_end(self.start), from_end(self.end).min(total - 1));
        if start > end {
            return 0..0;
        }
        let scale = if self.in_bits { 1 } else { 8 };
        start as usize * scale..(end as usize + 1) * scale
    }
}
