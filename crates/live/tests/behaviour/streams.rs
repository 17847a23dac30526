//! Followed streams: what the explorer's worlds do not hold.

use crate::harness::*;
use live::{ListenerId, Open, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::request::Opening;
use model::stream::StreamRange;
use model::{Entry, EntryId, Error, FeedEvent, FeedId, Topic, WatchId};

fn s() -> Open {
    open(topic(Topic::Stream("s".into())))
}

fn id(ms: u64) -> EntryId {
    EntryId::new(ms, 0)
}

fn entries(ids: &[u64]) -> Vec<Entry> {
    ids.iter().map(|&ms| Entry { id: id(ms), fields: vec![] }).collect()
}

/// Of a stream that has one entry for each id up to `last`, none removed.
fn range(ids: &[u64], more: bool, last: u64) -> StreamRange {
    StreamRange { entries: entries(ids), more, last_id: id(last), removed_up_to: EntryId::MIN, entries_added: last }
}

fn answer(lane: &mut Lane, watch: WatchId, range: StreamRange) -> Vec<Output> {
    lane.tell(BackendEvent::Range { watch, range: Some(Ok(range)) })
}

/// The only output, a read: its number and where it begins.
#[track_caller]
fn asked(out: &[Output]) -> (WatchId, Option<EntryId>) {
    match out {
        [Output::Backend(BackendRequest::Range { watch, after, .. })] => (*watch, *after),
        other => panic!("not one read: {other:?}"),
    }
}

/// The only output, an opening: the feed, the place, whether it is the end.
#[track_caller]
fn opened(out: &[Output]) -> (FeedId, EntryId, bool) {
    match out {
        [Output::Opened { feed, state: Opening::Stream { from }, at_end, .. }] => (*feed, *from, *at_end),
        other => panic!("not one opening: {other:?}"),
    }
}

/// A lane with a follower at the end of a stream of five entries.
fn followed() -> (Lane, FeedId) {
    let mut lane = lane();
    let (watch, after) = asked(&lane.open(s()));
    assert_eq!(after, None);
    let (feed, place, at_end) = opened(&answer(&mut lane, watch, range(&[], false, 5)));
    assert_eq!((place, at_end), (id(5), true));
    (lane, feed)
}

#[test]
fn those_at_the_end_share_one_read() {
    let (mut lane, feed) = followed();
    assert_eq!(opened(&lane.open(s())), (feed, id(5), true));
    let (watch, after) = asked(&lane.invalidate("s"));
    assert_eq!(after, Some(id(5)));
    let out = answer(&mut lane, watch, range(&[6, 7], false, 7));
    assert_eq!(event(&out), FeedEvent::Entries(entries(&[6, 7])));
    assert_eq!(lane.live.counters().entries, 2);
}

#[test]
fn one_behind_asks_part_by_part_and_joins_at_the_end() {
    let (mut lane, feed) = followed();
    assert_eq!(opened(&lane.open(Open { from: from(0), ..s() })), (feed, id(0), false));
    let (watch, after) = asked(&lane.catch_up(feed, 9, 0));
    assert_eq!(after, Some(id(0)));
    let listener = ListenerId(9);
    let caught_up = |place, at_end| Output::CaughtUp { listener, feed, position: id(place), at_end };
    let to = |ids: &[u64]| Output::EventTo { listener, feed, event: FeedEvent::Entries(entries(ids)) };
    let out = answer(&mut lane, watch, range(&[1, 2, 3], true, 5));
    assert_eq!(out, [to(&[1, 2, 3]), caught_up(3, false)]);
    // This one reaches beyond the end: those who stand there are given it first.
    let (watch, _) = asked(&lane.catch_up(feed, 9, 3));
    let out = answer(&mut lane, watch, range(&[3, 4, 5, 6], false, 6));
    assert_eq!(event(&out[..1]), FeedEvent::Entries(entries(&[6])));
    assert_eq!(out[1..], [to(&[4, 5, 6]), caught_up(6, true)]);
    assert_eq!(lane.catch_up(feed, 9, 6), [caught_up(6, true)], "nothing to read");
}

#[test]
fn a_place_older_than_the_watching_is_looked_for() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(2), ..s() });
    let (watch, after) = asked(&lane.catch_up(feed, 9, 2));
    assert_eq!(after, Some(EntryId::new(1, u64::MAX)), "from the entry at the place on");
    let out = answer(&mut lane, watch, range(&[2], true, 5));
    let (watch, after) = asked(&out);
    assert_eq!(after, Some(id(2)), "there was no room for another entry");
    let out = answer(&mut lane, watch, range(&[3, 4, 5], false, 5));
    assert_eq!(out.len(), 2, "no gap: {out:?}");
}

#[test]
fn one_who_was_in_an_earlier_stream_of_the_name_is_told_of_a_gap() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(2), ..s() });
    let (watch, _) = asked(&lane.catch_up(feed, 9, 2));
    let made_again = StreamRange { entries_added: 2, ..range(&[4, 5], false, 5) };
    let out = answer(&mut lane, watch, made_again);
    let gap = FeedEvent::Gap { after: id(2), first: Some(id(4)) };
    assert!(out.contains(&Output::EventTo { listener: ListenerId(9), feed, event: gap }), "{out:?}");
}

#[test]
fn a_trimmed_stream_is_a_gap_for_who_begins_before_it() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(0), ..s() });
    let (watch, _) = asked(&lane.catch_up(feed, 9, 0));
    let trimmed = StreamRange { removed_up_to: id(3), ..range(&[4, 5], false, 5) };
    let out = answer(&mut lane, watch, trimmed);
    let gap = FeedEvent::Gap { after: id(0), first: Some(id(4)) };
    assert_eq!(out[0], Output::EventTo { listener: ListenerId(9), feed, event: gap });
    assert_eq!(out.len(), 3);
}

#[test]
fn a_place_beyond_the_end_is_refused_unless_the_stream_has_grown_to_it() {
    let (mut lane, feed) = followed();
    let (watch, _) = asked(&lane.open(Open { from: from(7), ..s() }));
    assert_eq!(refused(&answer(&mut lane, watch, range(&[], false, 5))), "RESET");
    let (watch, _) = asked(&lane.open(Open { from: from(7), ..s() }));
    let out = answer(&mut lane, watch, range(&[6, 7], false, 7));
    assert_eq!(event(&out[..1]), FeedEvent::Entries(entries(&[6, 7])));
    assert_eq!(opened(&out[1..]), (feed, id(7), true));
}

#[test]
fn a_stream_that_is_deleted_ends_its_feed_for_all() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(0), ..s() });
    let (behind, _) = asked(&lane.catch_up(feed, 9, 0));
    let (watch, _) = asked(&lane.invalidate("s"));
    let out = answer(&mut lane, watch, range(&[], false, 0));
    assert!(closed(feed, "RESET", &out[..2]));
    assert!(matches!(out[2..], [Output::Backend(BackendRequest::Forget { .. })]));
    assert_eq!(answer(&mut lane, behind, range(&[], false, 0)), []);
    assert_eq!(lane.catch_up(feed, 9, 0), []);
}

#[test]
fn a_missing_key_is_a_stream_that_has_not_begun() {
    let mut lane = lane();
    let (watch, _) = asked(&lane.open(Open { from: from(0), ..s() }));
    let (feed, place, at_end) = opened(&answer(&mut lane, watch, range(&[], false, 0)));
    assert_eq!((place, at_end), (EntryId::MIN, true));
    let (watch, after) = asked(&lane.invalidate("s"));
    assert_eq!(after, Some(EntryId::MIN));
    assert_eq!(answer(&mut lane, watch, range(&[1], false, 1)).len(), 1);
    assert_eq!(lane.abandon(feed).len(), 1);
}

#[test]
fn a_key_of_another_type_refuses_and_later_ends_the_feed() {
    let wrongtype = || Some(Err(Error::new("WRONGTYPE", "no")));
    let mut fresh = lane();
    let (watch, _) = asked(&fresh.open(s()));
    let out = fresh.tell(BackendEvent::Range { watch, range: wrongtype() });
    assert_eq!(refused(&out[..1]), "WRONGTYPE");
    assert_eq!(fresh.live.counters().topics, 0);
    let (mut lane, feed) = followed();
    let (watch, _) = asked(&lane.invalidate("s"));
    let out = lane.tell(BackendEvent::Range { watch, range: wrongtype() });
    assert!(closed(feed, "WRONGTYPE", &out[..2]));
}

#[test]
fn a_listener_behind_waits_for_a_backend_that_is_not_ready() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(0), ..s() });
    let (watch, _) = asked(&lane.catch_up(feed, 9, 0));
    assert_eq!(event(&lane.tell(BackendEvent::Range { watch, range: None })), FeedEvent::Stale(true));
    let (watch, after) = asked(&lane.pass(50));
    assert_eq!(after, Some(EntryId::MIN));
    let out = answer(&mut lane, watch, range(&[1, 2, 3, 4, 5], false, 5));
    assert_eq!(out.len(), 3);
    assert_eq!(event(&out[2..]), FeedEvent::Stale(false));
}

#[test]
fn while_stale_what_is_known_will_do_and_those_behind_wait() {
    let (mut lane, feed) = followed();
    assert_eq!(event(&lane.stale(true)), FeedEvent::Stale(true));
    assert!(matches!(&lane.open(s())[..], [Output::Opened { stale: true, at_end: true, .. }]));
    assert_eq!(refused(&lane.open(Open { from: from(6), ..s() })), "UNAVAILABLE");
    assert_eq!(refused(&lane.open(open(topic(Topic::Stream("other".into()))))[..1]), "UNAVAILABLE");
    lane.open(Open { from: from(0), ..s() });
    assert_eq!(lane.catch_up(feed, 9, 0), []);
    let out = lane.stale(false);
    assert_eq!(event(&out[..1]), FeedEvent::Stale(false));
    assert_eq!(asked(&out[1..]).1, Some(EntryId::MIN));
}

#[test]
fn a_query_and_a_stream_share_their_key() {
    let (mut lane, feed) = followed();
    let (query, _) = lane.opened(feed_of(query("XLEN s"), 0), model::Reply::Int(5));
    assert_eq!(lane.invalidate("s").len(), 2);
    assert_eq!(lane.abandon(query), []);
    assert!(matches!(&lane.abandon(feed)[..], [Output::Backend(BackendRequest::Forget { .. })]));
}

#[test]
fn only_new_entries_for_who_had_a_reply_before() {
    let (mut lane, feed) = followed();
    let (watch, _) = asked(&lane.open(Open { fresh: true, ..s() }));
    let out = answer(&mut lane, watch, range(&[6], false, 6));
    assert_eq!(event(&out[..1]), FeedEvent::Entries(entries(&[6])));
    assert_eq!(opened(&out[1..]), (feed, id(6), true));
}

#[test]
fn who_joins_a_read_that_a_change_overtakes_begins_after_that_change() {
    let mut lane = lane();
    let (watch, _) = asked(&lane.open(s()));
    assert_eq!(lane.open(s()), []);
    assert_eq!(lane.invalidate("s"), []);
    let out = answer(&mut lane, watch, range(&[], false, 5));
    let (feed, place, _) = opened(&out[..1]);
    assert_eq!(place, id(5));
    let (watch, _) = asked(&out[1..]);
    let out = answer(&mut lane, watch, range(&[6], false, 6));
    assert_eq!(event(&out[..1]), FeedEvent::Entries(entries(&[6])));
    assert_eq!(opened(&out[1..]), (feed, id(6), true));
}

#[test]
fn an_answer_from_before_the_outage_does_not_take_the_mark_away() {
    let (mut lane, _) = followed();
    let (before, _) = asked(&lane.invalidate("s"));
    lane.stale(true);
    lane.tell(BackendEvent::InvalidatedAll);
    assert_eq!(lane.stale(false), []);
    let (after, _) = asked(&answer(&mut lane, before, range(&[], false, 5)));
    let out = answer(&mut lane, after, range(&[6], false, 6));
    assert_eq!(event(&out[..1]), FeedEvent::Entries(entries(&[6])));
    assert_eq!(event(&out[1..]), FeedEvent::Stale(false));
}

#[test]
fn an_answer_that_was_overtaken_joins_its_listener_at_the_end_and_not_beyond() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(0), ..s() });
    let (older, _) = asked(&lane.catch_up(feed, 8, 0));
    let (newer, _) = asked(&lane.catch_up(feed, 9, 4));
    answer(&mut lane, newer, range(&[4, 5], true, 7));
    let out = answer(&mut lane, older, range(&[1, 2, 3, 4, 5, 6], false, 6));
    let listener = ListenerId(8);
    assert_eq!(out[0], Output::EventTo { listener, feed, event: FeedEvent::Entries(entries(&[1, 2, 3, 4, 5])) });
    assert_eq!(out[1], Output::CaughtUp { listener, feed, position: id(5), at_end: true });
}

/// A lane whose follower was just given the entries 6 and 7.
fn remembering() -> (Lane, FeedId) {
    let (mut lane, feed) = followed();
    let (watch, _) = asked(&lane.invalidate("s"));
    answer(&mut lane, watch, range(&[6, 7], false, 7));
    (lane, feed)
}

#[test]
fn who_comes_back_is_given_what_came_last_without_a_read() {
    let (mut lane, feed) = remembering();
    let out = lane.catch_up(feed, 9, 6);
    let listener = ListenerId(9);
    let entries = Output::EventTo { listener, feed, event: FeedEvent::Entries(entries(&[7])) };
    assert_eq!(out, [entries, Output::CaughtUp { listener, feed, position: id(7), at_end: true }]);
}

#[test]
fn what_may_be_gone_is_read_again() {
    // An entry at the end was removed, without a new one.
    let (mut lane, feed) = remembering();
    let (watch, _) = asked(&lane.invalidate("s"));
    answer(&mut lane, watch, StreamRange { removed_up_to: id(7), ..range(&[], false, 7) });
    asked(&lane.catch_up(feed, 9, 6));
    // The same, and a new one came: the client before it is told by what is read.
    let (mut lane, feed) = remembering();
    let (watch, _) = asked(&lane.invalidate("s"));
    answer(&mut lane, watch, StreamRange { removed_up_to: id(7), ..range(&[8], false, 8) });
    asked(&lane.catch_up(feed, 9, 6));
    assert_eq!(lane.catch_up(feed, 9, 7).len(), 2, "what came behind it is there still");
    // Something changed that no read can see: it may be another stream of the same shape.
    let (mut lane, feed) = remembering();
    let (watch, _) = asked(&lane.invalidate("s"));
    answer(&mut lane, watch, range(&[], false, 7));
    asked(&lane.catch_up(feed, 9, 6));
    // The backend was away, or told that anything may have changed.
    let (mut lane, feed) = remembering();
    lane.stale(true);
    lane.stale(false);
    asked(&lane.catch_up(feed, 9, 6));
    let (mut lane, feed) = remembering();
    let (watch, _) = asked(&lane.tell(BackendEvent::InvalidatedAll));
    answer(&mut lane, watch, range(&[8], false, 8));
    asked(&lane.catch_up(feed, 9, 6));
}

#[test]
fn an_answer_that_was_overtaken_brings_nothing_back() {
    let (mut lane, feed) = followed();
    lane.open(Open { from: from(4), ..s() });
    let (behind, _) = asked(&lane.catch_up(feed, 9, 4));
    let (watch, _) = asked(&lane.invalidate("s"));
    answer(&mut lane, watch, StreamRange { removed_up_to: id(5), ..range(&[], false, 5) });
    answer(&mut lane, behind, range(&[4, 5], false, 5));
    let out = lane.catch_up(feed, 9, 4);
    asked(&out);
}
