//! Ids and entries of Redis streams (<https://redis.io/docs/latest/develop/data-types/streams/>).

use bytes::Bytes;
use std::fmt;
use std::str::FromStr;

/// An entry's id, `milliseconds-sequence`. Ids of one stream only rise.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct EntryId {
    /// Milliseconds since 1970 as a rule; any number in ids that clients choose.
    pub ms: u64,
    /// Tells entries of the same millisecond apart.
    pub seq: u64,
}

impl EntryId {
    /// `0-0`: before every entry. No entry has this id.
    pub const MIN: EntryId = EntryId { ms: 0, seq: 0 };
    /// The greatest id there can be.
    pub const MAX: EntryId = EntryId { ms: u64::MAX, seq: u64::MAX };

    /// An id of its two parts.
    pub const fn new(ms: u64, seq: u64) -> EntryId {
        EntryId { ms, seq }
    }

    /// The id after this one; none after [`EntryId::MAX`].
    pub fn next(self) -> Option<EntryId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(EntryId { ms: self.ms, seq }),
            None => Some(EntryId { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for EntryId {
    type Err = InvalidEntryId;

    /// `ms-seq`, or `ms` alone for `ms-0`; decimal digits only.
    fn from_str(s: &str) -> Result<EntryId, InvalidEntryId> {
        let number = |t: &str| match t.bytes().all(|b| b.is_ascii_digit()) {
            true => t.parse::<u64>().map_err(|_| InvalidEntryId),
            false => Err(InvalidEntryId),
        };
        match s.split_once('-') {
            Some((ms, seq)) => Ok(EntryId { ms: number(ms)?, seq: number(seq)? }),
            None => Ok(EntryId { ms: number(s)?, seq: 0 }),
        }
    }
}

/// The text is not an entry id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("Invalid stream ID specified as stream command argument")]
pub struct InvalidEntryId;

/// One entry of a stream.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Names and values in the order they were added; a name may come twice.
    pub fields: Vec<(Bytes, Bytes)>,
}

impl Entry {
    /// About how many bytes the entry holds.
    pub fn size(&self) -> usize {
        32 + self.fields.iter().map(|(k, v)| k.len() + v.len() + 8).sum::<usize>()
    }
}

/// A part of a stream, read at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamRange {
    /// Entries with ids above the one asked from, in order, none left out up to the last of them.
    pub entries: Vec<Entry>,
    /// Whether entries above the last one here exist.
    pub more: bool,
    /// The greatest id ever added; [`EntryId::MIN`] if the key does not exist.
    pub last_id: EntryId,
    /// Every entry that was ever removed had an id of at most this; [`EntryId::MIN`] if none was.
    pub removed_up_to: EntryId,
    /// How many entries were ever added: falls only if the stream was deleted and made again.
    pub entries_added: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_and_print() {
        assert_eq!("12-3".parse(), Ok(EntryId::new(12, 3)));
        assert_eq!("12".parse(), Ok(EntryId::new(12, 0)));
        assert_eq!(EntryId::new(12, 3).to_string(), "12-3");
        for bad in ["", "-", "1-", "-1", "+1-0", "1-2-3", "a", "18446744073709551616-0"] {
            assert_eq!(bad.parse::<EntryId>(), Err(InvalidEntryId), "{bad}");
        }
    }

    #[test]
    fn the_next_id_carries() {
        assert_eq!(EntryId::new(1, u64::MAX).next(), Some(EntryId::new(2, 0)));
        assert_eq!(EntryId::MAX.next(), None);
    }
}
