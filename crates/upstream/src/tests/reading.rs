//! Scripts of reads: order, expiry, size, streams, the tracking table.

use super::double::Double;
use super::script::*;
use crate::interface::{Config, Input, Notice, Output, Role};
use crate::{Upstream, interface::LinkId};
use bytes::Bytes;
use model::backend::{BackendEvent, BackendRequest};
use model::{Args, EntryId, LaneId, Reply, Time, WatchId};
use std::collections::BTreeMap;
use std::time::Duration;

#[test]
fn a_push_before_the_reply_is_of_an_older_write_and_one_after_it_is_told() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.watch(A, 1, "k", "1");
    script.invalidate(link, "k");
    assert_eq!(script.told(), [(A, invalidated(&["k"]))]);
    script.read(A, 1, "GET k", "k");
    script.invalidate(link, "k");
    assert_eq!(script.told(), [], "what is being read is newer");
    script.answer(link, Reply::bulk("2"));
    script.invalidate(link, "k");
    assert_eq!(script.told(), [], "the lane has no answer yet");
    script.answer(link, Reply::Int(-1));
    let value = value_event(1, Some(Reply::bulk("2")), None);
    assert_eq!(script.told(), [(A, value), (A, invalidated(&["k"]))]);
    script.invalidate(link, "k");
    assert_eq!(script.told(), [], "one shot");
}

#[test]
fn what_is_told_after_an_answer_is_told_though_the_answer_does_not_come() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.watch(A, 1, "k", "1");
    script.read(A, 2, "STRLEN k", "k");
    script.answer(link, Reply::Int(1));
    script.invalidate(link, "k");
    assert_eq!(script.told(), []);
    script.cut(link);
    assert_eq!(script.told(), [(A, invalidated(&["k"]))], "another watch shows the key");
}

#[test]
fn several_keys_of_one_command_are_told_together() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.read(A, 1, "MGET a b", "a b");
    assert_eq!(script.questions(link), ["MGET a b", "PTTL a", "PTTL b"]);
    script.answer(link, bulks(&["1", "2"]));
    script.answer(link, Reply::Int(500));
    script.answer(link, Reply::Int(300));
    assert_eq!(script.told(), [(A, value_event(1, Some(bulks(&["1", "2"])), Some(300)))], "the soonest expiry");
    script.push(link, vec![Reply::bulk("invalidate"), bulks(&["a", "b"])]);
    assert_eq!(script.told(), [(A, invalidated(&["a", "b"]))]);
}

#[test]
fn a_null_push_is_everything() {
    let mut script = Script::ready();
    script.watch(A, 1, "k", "1");
    let link = script.link(Role::Tracking);
    script.push(link, vec![Reply::bulk("invalidate"), Reply::Null]);
    assert_eq!(script.told(), to_all(BackendEvent::InvalidatedAll));
    script.invalidate(link, "k");
    assert_eq!(script.told(), []);
}

#[test]
fn who_has_the_reply_to_a_write_finds_what_it_changed_told_before() {
    let mut script = Script::ready();
    let (tracking, commands) = (script.link(Role::Tracking), script.link(Role::Commands));
    script.watch(A, 1, "k", "1");
    script.watch(A, 2, "other", "1");
    script.command(7, "GET k");
    script.answer(commands, Reply::bulk("1"));
    assert_eq!(script.told(), [replied(7, Reply::bulk("1"))], "a read changes nothing");
    script.command(8, "MSET k 2 unwatched 3");
    script.answer(commands, Reply::OK);
    assert_eq!(script.told(), [(A, invalidated(&["k"])), replied(8, Reply::OK)]);
    script.invalidate(tracking, "k");
    assert_eq!(script.told(), [], "the server's own word comes later");
}

#[test]
fn an_error_is_an_answer_and_is_armed() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.read(A, 1, "GET h", "h");
    let wrong = Reply::error("WRONGTYPE Operation against a key holding the wrong kind of value");
    script.answer(link, wrong.clone());
    script.answer(link, Reply::Int(-1));
    assert_eq!(script.told(), [(A, value_event(1, Some(wrong), None))]);
    script.invalidate(link, "h");
    assert_eq!(script.told(), [(A, invalidated(&["h"]))]);
}

#[test]
fn what_a_lane_forgot_it_is_not_told_even_if_its_read_was_under_way() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.read(A, 1, "GET k", "k");
    script.request(A, BackendRequest::Forget { keys: line("k") });
    script.answer(link, Reply::bulk("1"));
    script.answer(link, Reply::Int(-1));
    assert_eq!(script.told().len(), 1, "it is answered all the same");
    assert_eq!(script.upstream.statistics().armed, 0);
    script.invalidate(link, "k");
    assert_eq!(script.told(), []);
}

#[test]
fn fields_of_hashes_are_asked_for_their_expiry_where_they_can_have_one() {
    let mut script = Script::ready();
    let old = script.link(Role::Tracking);
    script.read(A, 1, "HGET h f", "h");
    assert_eq!(script.questions(old), ["HGET h f", "PTTL h"], "Redis 7.0 has none");

    let mut script = Script::begun(Script::standalone());
    script.server = ("valkey", "9.1.2");
    script.greet_all();
    let link = script.link(Role::Tracking);
    script.read(A, 1, "HMGET h f g", "h");
    script.asked(link, "HMGET h f g", bulks(&["1", "2"]));
    script.asked(link, "PTTL h", Reply::Int(9000));
    script.told();
    script.asked(link, "HPTTL h FIELDS 2 f g", Reply::Array(vec![Reply::Int(-1), Reply::Int(70)]));
    assert_eq!(script.told(), [(A, value_event(1, Some(bulks(&["1", "2"])), Some(70)))]);

    script.read(A, 2, "HGETALL h", "h");
    let all = Reply::Map(vec![(Reply::bulk("f"), Reply::bulk("1"))]);
    script.asked(link, "HGETALL h", all.clone());
    script.asked(link, "PTTL h", Reply::Int(-1));
    script.asked(link, "OBJECT ENCODING h", Reply::bulk("hashtable"));
    script.invalidate(link, "h");
    script.asked(link, "HPTTL h FIELDS 1 f", Reply::Array(vec![Reply::Int(50)]));
    let value = value_event(2, Some(all), Some(50));
    assert_eq!(script.told(), [(A, value), (A, invalidated(&["h"]))]);

    script.read(A, 3, "HLEN h", "h");
    script.answer(link, Reply::Int(1));
    script.answer(link, Reply::Int(-1));
    script.answer(link, Reply::bulk("listpackex"));
    script.asked(link, "HKEYS h", bulks(&["f"]));
    script.asked(link, "HPTTL h FIELDS 1 f", Reply::error("ERR unknown command 'HPTTL'"));
    assert_eq!(script.told(), [(A, value_event(3, Some(Reply::Int(1)), None))]);

    script.read(A, 4, "HLEN h", "h");
    script.answer(link, Reply::Int(1));
    script.answer(link, Reply::Int(-1));
    script.answer(link, Reply::bulk("listpack"));
    assert_eq!(script.told(), [(A, value_event(4, Some(Reply::Int(1)), None))], "none of its fields expires");
}

#[test]
fn a_value_that_was_too_large_is_asked_for_its_size_first() {
    let mut script = Script::ready_with(Config { value_bytes_max: 1000, ..Script::standalone() });
    let link = script.link(Role::Tracking);
    let too_big = |script: &mut Script| match &script.told()[..] {
        [(A, BackendEvent::Value { reply: Some(Reply::Error(text)), .. })] => text.starts_with(b"TOOBIG "),
        other => panic!("{other:?}"),
    };
    script.read(A, 1, "GET k", "k");
    script.oversize(link, 5000);
    script.answer(link, Reply::Int(-1));
    assert!(too_big(&mut script));
    script.invalidate(link, "k");
    assert_eq!(script.told(), [(A, invalidated(&["k"]))], "it is armed");

    script.read(A, 1, "GET k", "k");
    assert_eq!(script.questions(link), ["STRLEN k"]);
    script.asked(link, "STRLEN k", Reply::Int(1001));
    script.asked(link, "PTTL k", Reply::Int(70));
    let told = script.told();
    let [(A, BackendEvent::Value { reply: Some(Reply::Error(text)), expires_in, .. })] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(text.starts_with(b"TOOBIG "));
    assert_eq!(*expires_in, Some(std::time::Duration::from_millis(70)), "what is too large ends too");
    script.invalidate(link, "k");
    assert_eq!(script.told(), [(A, invalidated(&["k"]))], "its size is tracked too");

    script.read(A, 1, "GET k", "k");
    script.asked(link, "STRLEN k", Reply::Int(1000));
    script.asked(link, "GET k", Reply::bulk("small"));
    script.asked(link, "PTTL k", Reply::Int(-1));
    assert_eq!(script.told(), [(A, value_event(1, Some(Reply::bulk("small")), None))]);
    script.read(A, 1, "GET k", "k");
    script.asked(link, "STRLEN k", Reply::Int(5));
    assert_eq!(script.questions(link), ["GET k", "PTTL k"]);
    script.answer(link, Reply::bulk("small"));
    script.answer(link, Reply::Int(-1));
    script.read(A, 1, "GET k", "k");
    assert_eq!(script.questions(link), ["GET k", "PTTL k"], "it is small again");
    script.answer(link, Reply::bulk("small"));
    script.answer(link, Reply::Int(-1));

    script.read(A, 2, "HGETALL h", "h");
    script.oversize(link, 5000);
    script.answer(link, Reply::Int(-1));
    script.read(A, 2, "HGETALL h", "h");
    assert_eq!(script.questions(link), ["MEMORY USAGE h"]);
    script.answer(link, Reply::Int(5000));
    script.answer(link, Reply::Int(-1));

    for (command, question) in [("HGET h f", "HSTRLEN h f"), ("HVALS h", "HVALS h"), ("LRANGE h 0 3", "LRANGE h 0 3")] {
        script.read(A, 3, command, "h");
        script.oversize(link, 5000);
        script.answer(link, Reply::Int(-1));
        script.read(A, 3, command, "h");
        assert_eq!(script.questions(link)[0], question, "of a part of a value the value's size says nothing");
        (0..script.questions(link).len()).for_each(|_| script.answer(link, Reply::Int(5)));
        (0..script.questions(link).len()).for_each(|_| script.answer(link, Reply::Int(5)));
    }
}

#[test]
fn what_the_server_cannot_answer_now_is_read_again_later() {
    for text in ["TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN Hash slot not served"] {
        let mut script = Script::ready();
        let link = script.link(Role::Tracking);
        script.read(A, 1, "GET k", "k");
        script.answer(link, Reply::error(text));
        assert_eq!(script.told(), []);
        script.answer(link, Reply::error(text));
        assert_eq!(script.told(), [(A, value_event(1, None, None))]);
        assert_eq!(script.upstream.statistics().armed, 0);
    }
}

fn range(script: &mut Script, after: Option<u64>, bytes_max: usize) {
    let after = after.map(|ms| EntryId::new(ms, 0));
    let stream = Bytes::from_static(b"s");
    script.request(A, BackendRequest::Range { watch: WatchId(9), stream, after, bytes_max });
}

fn entry(ms: u64) -> Reply {
    Reply::Array(vec![Reply::bulk(format!("{ms}-0")), bulks(&["f", "v"])])
}

fn info(first: u64, last: u64) -> Reply {
    let pair = |name: &str, value| (Reply::bulk(name), value);
    let added = Reply::Int(last as i64);
    Reply::Map(vec![
        pair("length", Reply::Int((last - first + 1) as i64)),
        pair("last-generated-id", Reply::bulk(format!("{last}-0"))),
        pair("max-deleted-entry-id", Reply::bulk("0-0")),
        pair("entries-added", added),
        pair("first-entry", entry(first)),
        pair("last-entry", entry(last)),
    ])
}

#[test]
fn a_streams_part_and_its_end_are_read_in_one_transaction() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    range(&mut script, Some(1), 1 << 16);
    script.asked(link, "MULTI", Reply::OK);
    script.asked(link, "XRANGE s (1-0 + COUNT 64", Reply::Simple("QUEUED".into()));
    script.asked(link, "XINFO STREAM s", Reply::Simple("QUEUED".into()));
    script.asked(link, "EXEC", Reply::Array(vec![Reply::Array(vec![entry(2), entry(3)]), info(1, 3)]));
    let events = script.told();
    let [(A, BackendEvent::Range { watch: WatchId(9), range: Some(Ok(found)) })] = &events[..] else { panic!() };
    assert_eq!((found.entries.len(), found.more, found.last_id), (2, false, EntryId::new(3, 0)));
    script.invalidate(link, "s");
    assert_eq!(script.told(), [(A, invalidated(&["s"]))]);

    range(&mut script, Some(3), 1 << 16);
    let size = found.entries[0].size();
    assert_eq!(script.questions(link)[1], format!("XRANGE s (3-0 + COUNT {}", (1 << 16) / size), "as many as fit");
    script.oversize(link, 1);
    script.answer(link, Reply::Simple("QUEUED".into()));
    script.answer(link, Reply::Simple("QUEUED".into()));
    script.oversize(link, 1 << 20);
    assert_eq!(script.questions(link)[1], format!("XRANGE s (3-0 + COUNT {}", (1 << 16) / size / 8), "fewer, then");

    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    range(&mut script, None, 1);
    script.asked(link, "XINFO STREAM s", Reply::error("ERR no such key"));
    let events = script.told();
    let [(A, BackendEvent::Range { range: Some(Ok(found)), .. })] = &events[..] else { panic!("{events:?}") };
    assert_eq!(found.last_id, EntryId::MIN);
}

#[test]
fn a_transaction_that_is_refused_says_what_was_refused_in_it() {
    for (text, is_told) in [("NOPERM No permissions to access a key", true), ("LOADING Redis is loading", false)] {
        let mut script = Script::ready();
        let link = script.link(Role::Tracking);
        range(&mut script, Some(1), 1 << 16);
        script.answer(link, Reply::OK);
        script.answer(link, Reply::error(text));
        script.answer(link, Reply::Simple("QUEUED".into()));
        script.answer(link, Reply::error("EXECABORT Transaction discarded because of previous errors."));
        let events = script.told();
        let [(A, BackendEvent::Range { range, .. })] = &events[..] else { panic!() };
        assert_eq!(
            range.as_ref().map(|range| range.as_ref().unwrap_err().code.to_string()),
            is_told.then(|| "NOPERM".to_owned())
        );
    }
}

#[test]
fn after_a_new_connection_reads_come_back_a_few_at_a_time() {
    let mut script = Script::ready_with(Config { reads_in_flight_max: 3, ..Script::standalone() });
    for n in 0..10 {
        script.watch(A, n, &format!("k{n}"), "1");
    }
    let link = script.link(Role::Tracking);
    script.read(B, 50, "GET k3", "k3");
    script.cut(link);
    script.pass(Duration::from_millis(20));
    script.greet_all();
    assert_eq!(script.told(), to_all(BackendEvent::InvalidatedAll));
    let link = script.link(Role::Tracking);
    assert_eq!(script.questions(link), ["GET k3", "PTTL k3"], "what was under way is asked again");
    (0..10).for_each(|n| script.read(A, n, &format!("GET k{n}"), &format!("k{n}")));
    for done in 0..11 {
        assert_eq!(script.questions(link).len(), 2 * (11 - done).min(3));
        script.answer(link, Reply::bulk("1"));
        script.answer(link, Reply::Int(-1));
    }
    assert_eq!(script.told().len(), 11);
}

#[test]
fn everything_is_read_again_now_and_then_for_what_no_server_tells_of() {
    let mut script = Script::ready_with(Config { reread_interval: Duration::from_secs(60), ..Script::standalone() });
    for n in 0..100 {
        script.watch(A, n, &format!("k{n}"), "1");
    }
    let keys = |script: &mut Script| -> usize {
        let of = |(_, event): &(_, BackendEvent)| match event {
            BackendEvent::Invalidated { keys } => keys.len(),
            other => panic!("{other:?}"),
        };
        script.told().iter().map(of).sum()
    };
    script.pass_alive(Duration::from_secs(30));
    let half = keys(&mut script);
    assert!((30..70).contains(&half), "{half} in half the time");
    script.pass_alive(Duration::from_secs(31));
    assert_eq!(half + keys(&mut script), 100);
    assert_eq!(script.upstream.statistics().armed, 0);
}

#[test]
fn a_connection_that_does_not_track_any_more_is_renewed() {
    let mut script = Script::ready();
    script.answers_tracking = false;
    let link = script.link(Role::Tracking);
    let on = Reply::Map(vec![(Reply::bulk("flags"), Reply::Set(vec![Reply::bulk("on")]))]);
    let off = Reply::Map(vec![(Reply::bulk("flags"), Reply::Set(vec![Reply::bulk("off")]))]);
    for (answer, is_kept) in [(on, true), (Reply::error("NOPERM"), true), (off, false)] {
        for _ in 0..30 {
            script.pass_alive(Duration::from_millis(500));
            if script.questions(link).first().is_some_and(|question| question == "CLIENT TRACKINGINFO") {
                break;
            }
        }
        script.asked(link, "CLIENT TRACKINGINFO", answer);
        assert_eq!(script.links.iter().any(|(known, ..)| *known == link), is_kept);
    }
    assert!(matches!(&script.noticed()[..], [Notice::TrackingLost { .. }, Notice::Lost { .. }]));
}

/// A server whose table is smaller than what is watched, and lanes that read what they are told of.
struct Storm {
    upstream: Upstream,
    server: Double,
    now: Time,
    keys: BTreeMap<u64, String>,
    reads: u32,
    notices: Vec<Notice>,
    started: BTreeMap<LinkId, bool>,
}

impl Storm {
    fn new(keys: u64, table_max: usize) -> Storm {
        let now = Time::from_millis(1000);
        let mut storm = Storm {
            upstream: Upstream::new(Script::standalone(), now),
            server: Double { table_max, ..Double::default() },
            now,
            keys: (0..keys).map(|n| (n, format!("k{n}"))).collect(),
            reads: 0,
            notices: Vec::new(),
            started: BTreeMap::new(),
        };
        storm.handle(vec![Input::Timeout]);
        for n in 0..keys {
            let read = storm.read(n);
            storm.handle(vec![read]);
        }
        storm
    }

    fn read(&mut self, watch: u64) -> Input {
        self.reads += 1;
        let key = Bytes::from(self.keys[&watch].clone());
        let (command, keys) = (Args::from([Bytes::from_static(b"GET"), key.clone()]), [key].into());
        Input::Request { from: LaneId(0), request: BackendRequest::Read { watch: WatchId(watch), command, keys } }
    }

    fn handle(&mut self, mut inputs: Vec<Input>) {
        while let Some(input) = inputs.pop() {
            let mut out = Vec::new();
            self.upstream.handle(input, self.now, &mut out);
            for output in out {
                match output {
                    Output::Connect { link, role, .. } => {
                        self.server.accept(link, role);
                        self.started.insert(link, true);
                        inputs.insert(0, Input::Connected { link, credentials: None });
                    }
                    Output::Send { link, command } => self.server.send(link, command),
                    Output::Event { event: BackendEvent::Invalidated { keys }, .. } => {
                        for key in keys {
                            let watch =
                                self.keys.iter().find(|(_, name)| name.as_bytes() == key).map(|(n, _)| *n).unwrap();
                            let read = self.read(watch);
                            inputs.insert(0, read);
                        }
                    }
                    Output::Notice(notice) => self.notices.push(notice),
                    _ => {}
                }
            }
        }
    }

    /// The server does so many commands a millisecond.
    fn run(&mut self, ms: u64, per_ms: u32) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            for _ in 0..per_ms {
                for link in self.server.conns.keys().copied().collect::<Vec<_>>() {
                    self.server.step(link);
                    let frames: Vec<_> = self.server.conns.get_mut(&link).unwrap().outbox.drain(..).collect();
                    for frame in frames {
                        self.handle(vec![Input::Received { link, frame }]);
                    }
                }
            }
            while self.upstream.next_timeout().is_some_and(|at| at <= self.now) {
                self.handle(vec![Input::Timeout]);
            }
        }
    }

    fn reads_in(&mut self, ms: u64) -> u32 {
        let before = self.reads;
        self.run(ms, 20);
        self.reads - before
    }
}

#[test]
fn a_tracking_table_that_is_too_small_is_noticed_and_reads_are_spaced_until_it_is_enough() {
    let mut storm = Storm::new(110, 100);
    let wild = storm.reads_in(900);
    assert!(wild > 2000, "{wild} reads in vain");
    storm.run(12_000, 20);
    let calm = storm.reads_in(1000);
    assert!(calm < 100, "{calm} reads a second when spaced");
    let small = storm.notices.iter().find_map(|notice| match notice {
        Notice::TrackingTableSmall { keys_max, .. } => Some(*keys_max),
        _ => None,
    });
    assert_eq!(small, Some(Some(100)), "{:?}", storm.notices);
    assert!(storm.upstream.statistics().reads_per_second_max > 0);
    storm.server.table_max = 0;
    storm.run(12_000, 20);
    assert!(matches!(storm.notices.last(), Some(Notice::TrackingTableEnough { .. })), "{:?}", storm.notices);
    assert_eq!(storm.upstream.statistics().reads_per_second_max, 0);
}

#[test]
fn a_table_that_is_large_enough_costs_nothing() {
    let mut storm = Storm::new(100, 100);
    storm.run(1000, 20);
    assert_eq!(storm.reads_in(3000), 0);
    assert!(!storm.notices.iter().any(|notice| matches!(notice, Notice::TrackingTableSmall { .. })));
}
