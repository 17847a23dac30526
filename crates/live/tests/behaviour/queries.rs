//! Live queries.

use crate::harness::*;
use bytes::Bytes;
use live::{Config, ListenerId, Open, Output};
use model::backend::{BackendEvent, BackendRequest};
use model::request::{Content, Opening, Via};
use model::topic::Query;
use model::{FeedEvent, FeedKey, Limits, Pace, PatchOp, Reply, Time, Value, WatchId};
use std::time::Duration;

fn hash(fields: &[(&str, &str)]) -> Reply {
    Reply::Map(fields.iter().map(|(k, v)| (Reply::bulk(k), Reply::bulk(v))).collect())
}

#[test]
fn a_query_is_read_once_however_many_open_it() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    assert_eq!(lane.open(open(get("a"))), []);
    let out = lane.text(watch, "1");
    assert!(matches!(&out[..], [Output::Opened { feed: a, .. }, Output::Opened { feed: b, .. }] if a == b));
    let (_, rev, content, stale) = opened(&lane.open(open(get("a"))));
    assert_eq!((rev, stale), (1, false));
    assert_eq!(content, Content::Value(tag(&content), text("1")));
    assert_eq!(lane.live.counters().reads, 1);
}

#[test]
fn who_shows_the_current_value_is_not_sent_it() {
    let mut lane = lane();
    lane.opened(get("a"), Reply::bulk("1"));
    let current = tag(&opened(&lane.open(open(get("a")))).2);
    let have = |tag| Open { have: Some(tag), ..open(get("a")) };
    assert_eq!(opened(&lane.open(have(current))).2, Content::Same(current));
    let other = model::feed::Tag(*b"0123456789abcdef");
    assert_eq!(opened(&lane.open(have(other))).2, Content::Value(current, text("1")));
}

#[test]
fn a_change_is_read_and_published_and_an_equal_answer_is_not() {
    let mut lane = lane();
    let (_, watch) = lane.opened(get("a"), Reply::bulk("1"));
    assert_eq!(read(&lane.invalidate("a")), watch);
    assert_eq!(lane.invalidate("b"), []);
    assert_eq!(shown(&event(&lane.text(watch, "2"))), (2, text("2")));
    lane.invalidate("a");
    assert_eq!(lane.text(watch, "2"), []);
    lane.invalidate("a");
    assert_eq!(shown(&event(&lane.text(watch, "3"))), (3, text("3")));
    assert_eq!(lane.live.counters().unchanged, 1);
}

#[test]
fn one_changed_field_is_one_replace_and_the_order_of_fields_is_no_change() {
    let mut lane = lane();
    let key = feed_of(query("HGETALL h"), 0);
    let long = "x".repeat(100);
    let (_, watch) = lane.opened(key, hash(&[("a", "1"), ("b", "2"), ("c", &long)]));
    lane.invalidate("h");
    assert_eq!(lane.value(watch, hash(&[("c", &long), ("b", "2"), ("a", "1")])), []);
    lane.invalidate("h");
    let FeedEvent::Patch { rev: 2, ops, .. } = event(&lane.value(watch, hash(&[("c", &long), ("b", "3"), ("a", "1")])))
    else {
        panic!("no patch")
    };
    assert_eq!(*ops, [PatchOp::Replace { path: "/b".into(), value: Value::Str("3".into()) }]);
}

#[test]
fn a_change_during_a_read_means_one_more_read() {
    let mut lane = lane();
    let (_, watch) = lane.opened(get("a"), Reply::bulk("1"));
    lane.invalidate("a");
    assert_eq!(lane.invalidate("a"), []);
    assert_eq!(lane.invalidate("a"), []);
    let out = lane.text(watch, "2");
    assert_eq!((out.len(), reads(&out)), (2, vec![watch]));
    assert_eq!(lane.text(watch, "2"), []);
}

/// A key that is written every millisecond, and a backend that answers in `answer_ms`.
fn under_constant_writes(every_ms: u64, answer_ms: u64, seconds: u64) -> (u64, u64) {
    let mut lane = lane();
    let (_, watch) = lane.opened(feed_of(query("GET a"), every_ms), Reply::bulk("0"));
    let (mut written, mut armed, mut answer_at, mut read_value) = (0, true, None, 0);
    let (mut oldest, mut latest_ms) = (None, 0);
    let before = lane.live.counters().reads;
    for ms in 0..seconds * 1000 {
        let mut out = lane.pass(1);
        if answer_at == Some(ms) {
            answer_at = None;
            out.extend(lane.text(watch, &read_value.to_string()));
            oldest = None;
            if written > read_value {
                armed = false;
                oldest = Some(ms);
                out.extend(lane.invalidate("a"));
            }
        }
        written += 1;
        oldest = oldest.or(Some(ms));
        if std::mem::take(&mut armed) {
            out.extend(lane.invalidate("a"));
        }
        if !reads(&out).is_empty() {
            assert_eq!(reads(&out).len(), 1);
            (answer_at, read_value, armed) = (Some(ms + answer_ms), written, true);
            latest_ms = latest_ms.max(ms - oldest.unwrap_or(ms));
        }
    }
    (lane.live.counters().reads - before, latest_ms)
}

#[test]
fn reads_are_spaced_by_the_pace() {
    let (reads, latest_ms) = under_constant_writes(50, 1, 10);
    assert!((190..=201).contains(&reads), "{reads} reads in 10 s at every 50");
    assert!(latest_ms <= 51, "a change waited {latest_ms} ms for its read");
    let (reads, _) = under_constant_writes(1000, 20, 10);
    assert!((9..=11).contains(&reads), "{reads} reads in 10 s at every 1000");
}

#[test]
fn the_first_change_goes_at_once_and_the_next_after_the_interval() {
    let mut lane = lane();
    let (_, watch) = lane.opened(feed_of(query("GET a"), 100), Reply::bulk("0"));
    assert_eq!(read(&lane.invalidate("a")), watch);
    assert_eq!(shown(&event(&lane.text(watch, "1"))).0, 2);
    lane.pass(10);
    assert_eq!(lane.invalidate("a"), []);
    assert_eq!(lane.pass(89), []);
    assert_eq!(read(&lane.pass(1)), watch);
}

#[test]
fn a_slow_feed_gets_the_newest_value_at_its_own_pace() {
    let mut lane = lane();
    let (fast, watch) = lane.opened(feed_of(query("GET a"), 16), Reply::bulk("0"));
    let slow = opened(&lane.open(open(feed_of(query("GET a"), 100)))).0;
    lane.invalidate("a");
    let out = lane.text(watch, "1");
    assert_eq!(out.len(), 2, "the first change goes to both at once");
    for n in 2..5 {
        lane.invalidate("a");
        lane.pass(16);
        assert!(matches!(&lane.text(watch, &n.to_string())[..], [Output::Event { feed, .. }] if *feed == fast));
    }
    let out = lane.pass(100);
    assert!(matches!(&out[..], [Output::Event { feed, .. }] if *feed == slow));
    assert_eq!(shown(&event(&out)), (3, text("4")));
}

#[test]
fn a_watch_slows_down_when_its_fastest_feed_is_gone() {
    let mut lane = lane();
    let (fast, watch) = lane.opened(feed_of(query("GET a"), 16), Reply::bulk("0"));
    lane.open(open(feed_of(query("GET a"), 1000)));
    lane.invalidate("a");
    lane.text(watch, "1");
    lane.abandon(fast);
    lane.invalidate("a");
    assert_eq!(lane.pass(999), []);
    assert_eq!(read(&lane.pass(1)), watch);
}

#[test]
fn a_key_that_expires_is_read_at_its_deadline() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    let expiring =
        |ms| BackendEvent::Value { watch, reply: Some(Reply::bulk("1")), expires_in: Some(Duration::from_millis(ms)) };
    opened(&lane.tell(expiring(30)));
    assert_eq!(lane.pass(30), []);
    assert_eq!(read(&lane.pass(1)), watch);
    assert_eq!(lane.tell(expiring(0)), [], "the backend's clock is behind");
    assert_eq!(read(&lane.pass(1)), watch);
    assert_eq!(event(&lane.value(watch, Reply::Null)), {
        let value = std::rc::Rc::new(Value::Null);
        let tag = tag(&opened(&lane.open(open(get("a")))).2);
        FeedEvent::Value { rev: 2, tag, value }
    });
}

#[test]
fn who_opens_after_the_deadline_does_not_get_the_old_value() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    let expires_in = Some(Duration::from_millis(30));
    lane.tell(BackendEvent::Value { watch, reply: Some(Reply::bulk("1")), expires_in });
    lane.now = lane.now + Duration::from_millis(31);
    assert_eq!(read(&lane.open(open(get("a")))), watch, "though the timer was not served yet");
}

#[test]
fn what_no_write_tells_of_is_polled_while_somebody_hears_it() {
    let mut lane = lane();
    let dbsize = Query { polled: true, keys: [].into(), ..query("DBSIZE") };
    let (feed, watch) = lane.opened(feed_of(dbsize.clone(), 500), Reply::Int(1));
    assert_eq!(read(&lane.pass(500)), watch);
    assert_eq!(lane.value(watch, Reply::Int(1)), []);
    assert_eq!(read(&lane.pass(500)), watch);
    assert_eq!(*shown(&event(&lane.value(watch, Reply::Int(2)))).1, Value::Int(2));
    let out = lane.open(open(feed_of(dbsize, 500)));
    assert!(matches!(&out[..], [Output::Opened { state: Opening::Query { via: Via::Polling, .. }, .. }]));
    assert_eq!(lane.abandon(feed), []);
    assert_eq!(lane.live.next_timeout(), None);
}

#[test]
fn wrongtype_opens_as_a_state_and_heals_by_a_value() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    let (_, rev, content, _) = opened(&lane.value(watch, Reply::error("WRONGTYPE no")));
    assert!(matches!(content, Content::Error(e) if e.code == "WRONGTYPE"));
    lane.invalidate("a");
    assert!(matches!(event(&lane.text(watch, "1")), FeedEvent::Value { rev: r, .. } if r == rev + 1));
    lane.invalidate("a");
    assert!(
        matches!(event(&lane.value(watch, Reply::error("ERR x"))), FeedEvent::Error { rev: r, .. } if r == rev + 2)
    );
    lane.invalidate("a");
    assert_eq!(lane.value(watch, Reply::error("ERR x")), []);
    assert_eq!(refused(&lane.open(open(get("a")))), "ERR", "other errors refuse, then too");
}

#[test]
fn other_errors_refuse_all_who_wait() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    lane.open(open(get("a")));
    let out = lane.value(watch, Reply::error("ERR wrong number of arguments"));
    assert!(matches!(
        &out[..],
        [Output::Refused { .. }, Output::Refused { .. }, Output::Backend(BackendRequest::Forget { .. })]
    ));
    assert_eq!(lane.live.counters().topics, 0);
}

/// A lane where values may have ten bytes.
fn small_values() -> Lane {
    lane_with(Config { limits: Limits { value_bytes_max: 10, ..Limits::default() }, ..Config::default() })
}

#[test]
fn a_value_over_its_limit_is_refused() {
    let mut lane = small_values();
    let watch = read(&lane.open(open(get("a"))));
    opened(&lane.text(watch, "12345678"));
    let watch = read(&lane.open(open(get("b"))));
    let out = lane.text(watch, "123456789");
    assert!(matches!(&out[..1], [Output::Refused { error, .. }] if error.code == "TOOBIG"));
    assert_eq!(lane.live.counters().topics, 1);
}

#[test]
fn a_value_that_grows_over_its_limit_ends_the_feed() {
    let mut lane = small_values();
    let (feed, watch) = lane.opened(get("a"), Reply::bulk("1"));
    lane.invalidate("a");
    let out = lane.text(watch, "123456789");
    assert!(closed(feed, "TOOBIG", &out[..2]) && out.len() == 3);
    assert_eq!(lane.abandon(feed), []);
    let watch = read(&lane.open(open(get("a"))));
    assert_ne!(opened(&lane.text(watch, "1")).0, feed);
}

#[test]
fn a_backend_that_is_not_ready_is_asked_again_ever_later() {
    let mut lane = lane();
    let (_, watch) = lane.opened(get("a"), Reply::bulk("1"));
    lane.invalidate("a");
    assert_eq!(event(&lane.not_ready(watch)), FeedEvent::Stale(true));
    for wait in [50, 100, 200, 400, 800, 1000, 1000] {
        assert_eq!(lane.pass(wait - 1), []);
        assert_eq!(read(&lane.pass(1)), watch);
        assert_eq!(lane.not_ready(watch), []);
    }
    assert_eq!(read(&lane.pass(1000)), watch);
    let out = lane.text(watch, "2");
    assert_eq!(shown(&event(&out[..1])), (2, text("2")));
    assert_eq!(event(&out[1..]), FeedEvent::Stale(false));
    assert_eq!(read(&lane.invalidate("a")), watch, "it is fast again");
}

#[test]
fn openers_wait_for_a_backend_that_is_not_ready_but_not_for_ever() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    for wait in [50, 100, 200] {
        assert_eq!(lane.not_ready(watch), []);
        assert_eq!(read(&lane.pass(wait)), watch);
    }
    let out = lane.not_ready(watch);
    assert!(matches!(&out[..1], [Output::Refused { error, .. }] if error.code == "UNAVAILABLE"));
    assert_eq!((lane.live.counters().topics, lane.live.next_timeout()), (0, None));
}

#[test]
fn while_stale_the_last_known_value_is_shown_and_nothing_is_read() {
    let mut lane = lane();
    lane.opened(get("a"), Reply::bulk("1"));
    assert_eq!(lane.open(open(get("b"))).len(), 1);
    let out = lane.stale(true);
    assert!(matches!(&out[0], Output::Event { event: FeedEvent::Stale(true), .. }));
    assert!(matches!(&out[1], Output::Refused { error, .. } if error.code == "UNAVAILABLE"));
    assert!(opened(&lane.open(open(get("a")))).3);
    assert_eq!(refused(&lane.open(open(get("c")))[..1]), "UNAVAILABLE");
    assert_eq!(lane.invalidate("a"), []);
    assert_eq!(lane.pass(60_000), []);
}

#[test]
fn after_an_outage_the_mark_goes_only_after_what_changed() {
    let mut lane = lane();
    let (_, watch) = lane.opened(get("a"), Reply::bulk("1"));
    lane.stale(true);
    assert_eq!(lane.tell(BackendEvent::InvalidatedAll), []);
    assert_eq!(read(&lane.stale(false)), watch);
    let out = lane.text(watch, "2");
    assert_eq!(shown(&event(&out[..1])).0, 2);
    assert_eq!(event(&out[1..]), FeedEvent::Stale(false));
}

#[test]
fn what_is_polled_is_current_again_when_it_was_read_again() {
    let mut lane = lane();
    let (_, watch) = lane.opened(feed_of(Query { polled: true, ..query("TTL a") }, 10_000), Reply::Int(9));
    lane.stale(true);
    assert_eq!(read(&lane.stale(false)), watch);
    assert_eq!(event(&lane.value(watch, Reply::Int(9))), FeedEvent::Stale(false));
}

#[test]
fn a_key_that_expired_during_an_outage_is_read_before_the_mark_goes() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    let expires_in = Some(Duration::from_millis(30));
    lane.tell(BackendEvent::Value { watch, reply: Some(Reply::bulk("1")), expires_in });
    lane.stale(true);
    assert_eq!(lane.pass(1000), []);
    assert_eq!(read(&lane.stale(false)), watch);
    let out = lane.value(watch, Reply::Null);
    assert_eq!(*shown(&event(&out[..1])).1, Value::Null);
    assert_eq!(event(&out[1..]), FeedEvent::Stale(false));
}

#[test]
fn an_answer_from_before_the_outage_does_not_take_the_mark_away() {
    let mut lane = lane();
    let dbsize = Query { polled: true, keys: [].into(), ..query("DBSIZE") };
    let (_, watch) = lane.opened(feed_of(dbsize, 500), Reply::Int(1));
    assert_eq!(read(&lane.pass(500)), watch);
    lane.stale(true);
    assert_eq!(lane.stale(false), []);
    let out = lane.value(watch, Reply::Int(1));
    assert_eq!(read(&out), watch);
    assert_eq!(event(&lane.value(watch, Reply::Int(1))), FeedEvent::Stale(false));
}

#[test]
fn when_anything_may_have_changed_the_reads_come_in_turns() {
    let mut lane = lane_with(Config { reads_in_flight_max: 3, ..Config::default() });
    let watches: Vec<WatchId> = (0..10).map(|i| lane.opened(get(&format!("k{i}")), Reply::bulk("1")).1).collect();
    let mut begun = reads(&lane.tell(BackendEvent::InvalidatedAll));
    assert_eq!(begun, watches[..3]);
    for i in 0..10 {
        begun.extend(reads(&lane.text(begun[i], "1")));
        assert_eq!(begun.len(), (i + 4).min(10));
        assert_eq!(lane.live.counters().reads_in_flight, (9 - i).min(3) as u64);
    }
    assert_eq!(begun, watches, "in their order, each once");
}

#[test]
fn keys_are_forgotten_with_the_last_watch_that_uses_them() {
    let mut lane = lane();
    let (both, _) = lane.opened(feed_of(query("MGET a b"), 0), Reply::Array(vec![]));
    let (one, _) = lane.opened(get("a"), Reply::bulk("1"));
    let forget = |keys: &[&'static str]| {
        let keys: Vec<Bytes> = keys.iter().map(|key| key.as_bytes().into()).collect();
        [Output::Backend(BackendRequest::Forget { keys: keys.into() })]
    };
    assert_eq!(lane.abandon(both), forget(&["b"]));
    assert_eq!(lane.abandon(one), forget(&["a"]));
    assert_eq!(lane.abandon(one), []);
    assert_eq!((lane.live.counters().topics, lane.live.counters().feeds), (0, 0));
}

#[test]
fn an_answer_that_comes_when_nobody_is_left_is_nobody_elses() {
    let mut lane = lane();
    let (feed, old) = lane.opened(get("a"), Reply::bulk("1"));
    lane.invalidate("a");
    lane.abandon(feed);
    let new = read(&lane.open(open(get("a"))));
    assert_eq!(lane.text(old, "1"), []);
    assert_eq!(opened(&lane.text(new, "2")).2, Content::Value(tag(&opened(&lane.open(open(get("a")))).2), text("2")));
    assert_eq!(lane.live.counters().reads_in_flight, 0);
}

#[test]
fn who_waits_survives_the_end_of_the_feed() {
    let mut lane = lane();
    let (feed, watch) = lane.opened(get("a"), Reply::bulk("1"));
    assert_eq!(read(&lane.open(Open { fresh: true, ..open(get("a")) })), watch);
    assert_eq!(lane.abandon(feed), []);
    assert_ne!(opened(&lane.text(watch, "1")).0, feed);
}

#[test]
fn a_fresh_opener_waits_for_a_read_begun_after_it() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    assert_eq!(lane.open(Open { fresh: true, ..open(get("a")) }), []);
    let out = lane.text(watch, "1");
    assert!(matches!(&out[..], [Output::Opened { .. }, Output::Backend(BackendRequest::Read { .. })]));
    let out = lane.text(watch, "2");
    assert_eq!(shown(&event(&out[..1])), (2, text("2")), "the first one hears of it before");
    assert_eq!(opened(&out[1..]).1, 2);
}

#[test]
fn who_joins_a_read_that_a_change_overtakes_waits_for_the_next() {
    let mut lane = lane();
    let watch = read(&lane.open(open(get("a"))));
    assert_eq!(lane.open(open(get("a"))), []);
    assert_eq!(lane.invalidate("a"), []);
    assert_eq!(lane.open(open(get("a"))), []);
    let out = lane.text(watch, "1");
    assert!(matches!(&out[..], [Output::Opened { .. }, Output::Backend(BackendRequest::Read { .. })]));
    let out = lane.text(watch, "2");
    assert!(matches!(&out[..], [Output::Event { .. }, Output::Opened { .. }, Output::Opened { .. }]));
}

#[test]
fn an_early_read_is_shown_to_those_whose_pace_is_slow() {
    let mut lane = lane();
    let key = feed_of(query("GET a"), 1000);
    let (_, watch) = lane.opened(key.clone(), Reply::bulk("1"));
    lane.invalidate("a");
    lane.text(watch, "2");
    assert_eq!(lane.invalidate("a"), []);
    assert_eq!(read(&lane.open(open(key))), watch, "an opener does not wait for the pace");
    let out = lane.text(watch, "3");
    assert_eq!(shown(&event(&out[..1])), (3, text("3")));
    assert_eq!(opened(&out[1..]).1, 3);
}

#[test]
fn shapes_share_a_read_and_patches_reach_into_json() {
    let mut lane = lane();
    let json = FeedKey { json: true, ..get("a") };
    let document = |n: u32| format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(60));
    let (plain, watch) = lane.opened(get("a"), Reply::bulk(document(1)));
    let parsed = opened(&lane.open(open(json.clone()))).0;
    assert_ne!(plain, parsed);
    lane.invalidate("a");
    let out = lane.text(watch, &document(2));
    assert!(matches!(&out[0], Output::Event { event: FeedEvent::Value { .. }, .. }));
    let FeedEvent::Patch { ops, .. } = event(&out[1..]) else { panic!("no patch") };
    assert_eq!(*ops, [PatchOp::Replace { path: "/n".into(), value: Value::Int(2) }]);
    // The same JSON in another spelling is news to the plain feed only, yet its tag is the newest one's.
    lane.invalidate("a");
    let out = lane.text(watch, &document(2).replace(':', ": "));
    assert!(matches!(&out[..], [Output::Event { feed, .. }] if *feed == plain));
    let tags = [get("a"), json].map(|key| tag(&opened(&lane.open(open(key))).2));
    assert_eq!(tags[0], tags[1]);
}

#[test]
fn output_in_no_order_is_sorted() {
    let mut lane = lane();
    let keys = |names: [&str; 2]| Reply::Array(names.map(Reply::bulk).to_vec());
    let (_, watch) = lane.opened(feed_of(Query { unordered: true, ..query("HKEYS h") }, 0), keys(["b", "a"]));
    lane.invalidate("h");
    assert_eq!(lane.value(watch, keys(["a", "b"])), []);
}

#[test]
fn a_listener_that_skipped_events_gets_the_newest_value() {
    let mut lane = lane();
    let (feed, watch) = lane.opened(get("a"), Reply::bulk("1"));
    lane.invalidate("a");
    lane.text(watch, "2");
    lane.stale(true);
    let out = lane.call(|live, _, out| live.handle_resync(feed, ListenerId(7), out));
    let [Output::EventTo { listener: ListenerId(7), event: value, .. }, Output::EventTo { event: stale, .. }] =
        &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!((shown(value), stale), ((2, text("2")), &FeedEvent::Stale(true)));
}

#[test]
fn feed_numbers_are_striped_and_never_used_again() {
    let mut lane = lane_with(Config { first_feed: 3, feed_step: 8, ..Config::default() });
    let mut numbers = Vec::new();
    for _ in 0..3 {
        let (feed, _) = lane.opened(get("a"), Reply::bulk("1"));
        numbers.push(feed.0);
        lane.abandon(feed);
    }
    assert_eq!(numbers, [3, 11, 19]);
}

#[test]
fn there_are_at_most_so_many_topics() {
    let limits = Limits { topics_max: 2, ..Limits::default() };
    let mut lane = lane_with(Config { limits, ..Config::default() });
    let (feed, _) = lane.opened(get("a"), Reply::bulk("1"));
    lane.open(open(topic(model::Topic::Channel("c".into()))));
    assert_eq!(refused(&lane.open(open(get("b")))), "TOOMANY");
    opened(&lane.open(open(get("a"))));
    lane.abandon(feed);
    read(&lane.open(open(get("b"))));
}

#[test]
fn paces_are_feeds_of_their_own() {
    let mut lane = lane();
    let (feed, _) = lane.opened(feed_of(query("GET a"), 16), Reply::bulk("1"));
    assert_eq!(opened(&lane.open(open(feed_of(query("GET a"), 10)))).0, feed, "10 is rounded up to 16");
    assert_ne!(opened(&lane.open(open(feed_of(query("GET a"), 17)))).0, feed);
    assert_eq!(Pace::at_least(17).ms(), 50);
    assert_eq!(lane.live.next_timeout(), None);
    assert!(lane.now > Time::ZERO);
}

#[test]
fn how_changes_are_noticed_is_the_backends_to_say() {
    let mut lane = lane();
    lane.tell(BackendEvent::Via(Via::Events));
    let watch = read(&lane.open(open(get("a"))));
    let out = lane.value(watch, Reply::bulk("1"));
    assert!(matches!(&out[..], [Output::Opened { state: Opening::Query { via: Via::Events, .. }, .. }]));
}
