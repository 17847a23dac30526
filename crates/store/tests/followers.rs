//! What a follower of a stream reads: places, gaps, and keys that are no stream.

use bytes::Bytes;
use model::stream::StreamRange;
use model::{EntryId, Error};
use store::{Config, Store};

const BYTES_MAX: usize = 1 << 16;

fn store(lines: &[&str]) -> Store {
    let mut store = Store::new(Config::default());
    for line in lines {
        let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        assert!(store.execute(&words, 1000).as_error().is_none(), "{line}");
    }
    store
}

fn read(store: &Store, after: Option<EntryId>) -> Result<StreamRange, Error> {
    store.stream_range(b"s", after, BYTES_MAX, 1000)
}

fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

#[test]
fn entries_above_the_place_come_with_the_history() {
    let store = store(&["XADD s 1 f v", "XADD s 2 f v g w", "XADD s 3 f v", "XTRIM s MAXLEN 2", "XDEL s 3"]);
    let range = read(&store, Some(EntryId::MIN)).unwrap();
    assert_eq!(range.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id(2)]);
    assert_eq!(range.entries[0].fields, [("f".into(), "v".into()), ("g".into(), "w".into())]);
    assert_eq!((range.last_id, range.removed_up_to, range.entries_added), (id(3), id(3), 3));
    assert!(!range.more && read(&store, Some(id(2))).unwrap().entries.is_empty());
}

#[test]
fn a_trim_alone_marks_what_is_gone() {
    let store = store(&["XADD s 1 f v", "XADD s 2 f v", "XADD s MAXLEN 1 3 f v"]);
    assert_eq!(read(&store, Some(id(1))).unwrap().removed_up_to, id(2));
}

#[test]
fn a_read_stops_at_its_limit_but_gives_one_entry() {
    let store = store(&["XADD s 1 f v", "XADD s 2 f v", "XADD s 3 f v"]);
    let size = read(&store, Some(EntryId::MIN)).unwrap().entries[0].size();
    for (bytes_max, count) in [(0, 1), (size, 1), (2 * size - 1, 1), (2 * size, 2), (3 * size, 3)] {
        let range = store.stream_range(b"s", Some(EntryId::MIN), bytes_max, 1000).unwrap();
        assert_eq!((range.entries.len(), range.more), (count, count < 3), "{bytes_max}");
    }
}

#[test]
fn the_end_is_known_without_entries() {
    let store = store(&["XADD s 1 f v", "XADD s 2 f v"]);
    let range = read(&store, None).unwrap();
    assert_eq!((range.entries.len(), range.more, range.last_id), (0, false, id(2)));
}

#[test]
fn a_missing_or_ended_stream_is_empty_and_another_type_is_an_error() {
    let nothing = StreamRange {
        entries: Vec::new(),
        more: false,
        last_id: EntryId::MIN,
        removed_up_to: EntryId::MIN,
        entries_added: 0,
    };
    assert_eq!(read(&store(&[]), Some(id(5))), Ok(nothing.clone()));
    let ended = store(&["XADD s 1 f v", "PEXPIREAT s 2000"]);
    assert_eq!(ended.stream_range(b"s", Some(EntryId::MIN), BYTES_MAX, 1999).map(|range| range.entries.len()), Ok(1));
    assert_eq!(ended.stream_range(b"s", Some(EntryId::MIN), BYTES_MAX, 2000), Ok(nothing));
    assert_eq!(read(&store(&["SET s x"]), None).unwrap_err().code, "WRONGTYPE");
}
