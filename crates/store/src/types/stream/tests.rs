//! The stream against a naive model, and its edges.

use super::*;
use proptest::prelude::*;

type Model = Vec<Entry>;

#[derive(Clone, Debug)]
enum Step {
    /// So far above the last id, with this kind of fields.
    Append(u64, u8),
    /// The entry of this index, or none.
    Remove(usize),
    TrimLen(u64),
    /// Up to the entry of this index.
    TrimId(usize),
}

fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (1..3u64, 0..8u8).prop_map(|(gap, kind)| Step::Append(gap, kind)),
        10 => (0..300usize).prop_map(Step::Remove),
        1 => (0..400u64).prop_map(Step::TrimLen),
        1 => (0..100usize).prop_map(Step::TrimId),
    ];
    proptest::collection::vec(step, 0..count)
}

/// Most entries have the same names; some have others, many or long ones.
fn fields(kind: u8, n: u64) -> Vec<Bytes> {
    let text = |s: String| Bytes::from(s);
    match kind {
        0 => vec![text(format!("n{n}")), text(String::new())],
        1 => (0..300).map(|i| text(format!("{i}"))).collect(),
        2 => vec![text("temperature".into()), text("x".repeat(200))],
        _ => vec![text("temperature".into()), text(n.to_string()), text("load".into()), text("0.5".into())],
    }
}

fn entry(id: EntryId, fields: &[Bytes]) -> Entry {
    Entry { id, fields: fields.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect() }
}

fn exact(keep: Keep) -> Trim {
    Trim { keep, approximate: false, limit: None }
}

fn apply(step: &Step, stream: &mut Stream, model: &mut Model) {
    match *step {
        Step::Append(gap, kind) => {
            let id = EntryId::new(stream.last_id().ms + gap, gap);
            let fields = fields(kind, id.ms);
            stream.append(id, &fields);
            model.push(entry(id, &fields));
        }
        Step::Remove(at) if at < model.len() => {
            let id = model.remove(at).id;
            assert!(stream.remove(id) && !stream.remove(id));
            assert!(stream.read_after(None, 0).removed_up_to >= id);
        }
        Step::Remove(at) => assert!(!stream.remove(EntryId::new(at as u64, 7))),
        Step::TrimLen(max) => {
            let gone: Vec<Entry> = model.drain(..model.len().saturating_sub(max as usize)).collect();
            assert_eq!(stream.trim(exact(Keep::MaxLen(max))), gone.len());
            assert!(gone.last().is_none_or(|last| stream.read_after(None, 0).removed_up_to >= last.id));
        }
        Step::TrimId(at) => {
            let min = model.get(at).map_or(EntryId::MIN, |e| e.id);
            let gone = model.iter().take_while(|e| e.id < min).count();
            model.drain(..gone);
            assert_eq!(stream.trim(exact(Keep::MinId(min))), gone);
        }
    }
}

fn all(stream: &Stream) -> Vec<Entry> {
    stream.range(EntryId::MIN, EntryId::MAX).map(Entry::from).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn equals_the_model(steps in steps(900), from in 0..1200u64, to in 0..1200u64, bytes_max in 0..9000usize) {
        let (mut stream, mut model) = (Stream::new(), Model::new());
        steps.iter().for_each(|step| apply(step, &mut stream, &mut model));
        prop_assert_eq!(&all(&stream), &model);
        prop_assert_eq!(stream.len(), model.len());
        prop_assert_eq!(stream.first().map(|e| e.id), model.first().map(|e| e.id));
        prop_assert_eq!(stream.last().map(|e| e.id), model.last().map(|e| e.id));
        prop_assert!(stream.range(EntryId::MIN, EntryId::MAX).all(|e| e.size() == Entry::from(e).size()));

        let (from, to) = (EntryId::new(from, 1), EntryId::new(to, 1));
        let want: Vec<EntryId> = model.iter().map(|e| e.id).filter(|id| (from..=to).contains(id)).collect();
        prop_assert_eq!(stream.range(from, to).map(|e| e.id).collect::<Vec<_>>(), want.clone());
        prop_assert!(stream.range(from, to).rev().map(|e| e.id).eq(want.into_iter().rev()));

        let range = stream.read_after(Some(from), bytes_max);
        let rest: Vec<&Entry> = model.iter().filter(|e| e.id > from).collect();
        prop_assert!(range.entries.iter().eq(rest[..range.entries.len()].iter().copied()));
        prop_assert_eq!(range.more, range.entries.len() < rest.len());
        let bytes: usize = range.entries.iter().map(Entry::size).sum();
        prop_assert!(bytes <= bytes_max || range.entries.len() == 1);
        prop_assert!(!range.more || bytes + rest[range.entries.len()].size() > bytes_max);
    }
}

/// A stream of entries 1-0, 2-0, … with one short field each: a hundred to a chunk.
fn counted(count: u64) -> Stream {
    let mut stream = Stream::new();
    (1..=count).for_each(|n| stream.append(EntryId::new(n, 0), &["n".into(), n.to_string().into()]));
    stream
}

#[test]
fn an_approximate_trim_removes_whole_chunks() {
    let trim = |keep, limit| {
        let mut stream = counted(350);
        (stream.trim(Trim { keep, approximate: true, limit }), stream.read_after(None, 0).removed_up_to.ms)
    };
    assert_eq!(trim(Keep::MaxLen(340), None), (0, 0));
    assert_eq!(trim(Keep::MaxLen(250), None), (100, 100));
    assert_eq!(trim(Keep::MaxLen(120), None), (200, 200));
    assert_eq!(trim(Keep::MaxLen(0), None), (350, 350));
    assert_eq!(trim(Keep::MaxLen(0), Some(200)), (200, 200));
    assert_eq!(trim(Keep::MaxLen(0), Some(99)), (0, 0));
    assert_eq!(trim(Keep::MinId(EntryId::new(100, 0)), None), (0, 0));
    assert_eq!(trim(Keep::MinId(EntryId::new(100, 1)), None), (100, 100));
    assert_eq!(trim(Keep::MinId(EntryId::MAX), None), (350, 350));
}

#[test]
fn new_ids_are_above_the_last_one() {
    let mut stream = Stream::new();
    assert_eq!(stream.next_id(NewId::Auto, 0), Some(EntryId::new(0, 1)));
    assert_eq!(stream.next_id(NewId::AutoSeq(0), 9), Some(EntryId::new(0, 1)));
    assert_eq!(stream.next_id(NewId::Exact(EntryId::MIN), 9), None);
    stream.append(EntryId::new(5, 5), &["f".into(), "v".into()]);
    let id = |ms, seq| Some(EntryId::new(ms, seq));
    assert_eq!(stream.next_id(NewId::Auto, 9), id(9, 0));
    assert_eq!(stream.next_id(NewId::Auto, 5), id(5, 6));
    assert_eq!(stream.next_id(NewId::Auto, 4), id(5, 6), "a clock that went back");
    assert_eq!(stream.next_id(NewId::AutoSeq(5), 9), id(5, 6));
    assert_eq!(stream.next_id(NewId::AutoSeq(6), 9), id(6, 0));
    assert_eq!(stream.next_id(NewId::AutoSeq(4), 9), None);
    assert_eq!(stream.next_id(NewId::Exact(EntryId::new(5, 5)), 9), None);
    stream.set_id(EntryId::new(5, u64::MAX), None, None);
    assert_eq!(stream.next_id(NewId::AutoSeq(5), 9), None);
    assert_eq!(stream.next_id(NewId::Auto, 5), id(6, 0));
    stream.set_id(EntryId::MAX, None, None);
    assert_eq!(stream.next_id(NewId::Auto, 9), None);
}

#[test]
fn history_survives_the_entries() {
    let mut stream = counted(3);
    assert!(stream.remove(EntryId::new(2, 0)));
    assert_eq!(stream.read_after(None, 0).removed_up_to, EntryId::new(2, 0));
    assert!(stream.remove(EntryId::new(1, 0)));
    assert_eq!(stream.read_after(None, 0).removed_up_to, EntryId::new(2, 0), "the mark does not fall");
    assert_eq!(stream.trim(exact(Keep::MaxLen(0))), 1);
    assert_eq!((stream.len(), stream.chunks()), (0, 0));
    assert_eq!((stream.last_id(), stream.entries_added()), (EntryId::new(3, 0), 3));
    assert_eq!(stream.read_after(None, 0).removed_up_to, EntryId::new(3, 0));
    stream.set_id(EntryId::new(9, 0), Some(7), Some(EntryId::new(1, 0)));
    assert_eq!(stream.read_after(None, 0).removed_up_to, EntryId::new(3, 0));
    assert_eq!((stream.last_id(), stream.entries_added()), (EntryId::new(9, 0), 7));
}

#[test]
fn reading_from_the_end_gives_only_the_end() {
    let mut stream = counted(2);
    stream.trim(exact(Keep::MaxLen(1)));
    let range = stream.read_after(None, 1000);
    let history = (EntryId::new(2, 0), EntryId::new(1, 0), 2);
    assert_eq!((range.last_id, range.removed_up_to, range.entries_added), history);
    assert!(range.entries.is_empty() && !range.more);
    assert!(stream.read_after(Some(EntryId::MAX), 1000).entries.is_empty());
    assert_eq!(stream.read_after(Some(EntryId::MIN), 0).entries.len(), 1);
}

#[test]
fn an_entry_longer_than_a_chunk_has_its_own() {
    let mut stream = counted(1);
    let long = Bytes::from(vec![b'x'; 1 << 20]);
    stream.append(EntryId::new(2, 0), &["n".into(), long.clone()]);
    stream.append(EntryId::new(3, 0), &["n".into(), "3".into()]);
    assert_eq!(stream.chunks(), 3);
    assert_eq!(Entry::from(stream.range(EntryId::new(2, 0), EntryId::new(2, 0)).next().unwrap()).fields[0].1, long);
}
