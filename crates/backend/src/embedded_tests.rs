//! What every backend promises (`model::backend`), held to by the embedded one.

use super::*;
use bytes::Bytes;
use model::{EntryId, Reply, Ticket, WatchId};
use std::sync::Arc;

const A: LaneId = LaneId(0);
const B: LaneId = LaneId(1);

/// A store for two lanes, and what it told.
struct Told {
    backend: Embedded,
    now_ms: u64,
}

impl Told {
    fn new() -> Told {
        Told { backend: Embedded::new(1, 2), now_ms: 1_000_000 }
    }

    fn moment(&self) -> Moment {
        Moment { time: Time::from_millis(self.now_ms - 999_000), unix_ms: self.now_ms }
    }

    fn ask(&mut self, lane: LaneId, request: BackendRequest) -> Events {
        let mut out = Vec::new();
        self.backend.handle(lane, request, self.moment(), &mut out);
        out
    }

    fn run(&mut self, line: &str) -> Events {
        self.ask(A, BackendRequest::Command { ticket: Ticket(7), command: words(line) })
    }

    fn read(&mut self, lane: LaneId, line: &str) -> Events {
        let command = words(line);
        let keys: Arc<[Bytes]> = command[1..].into();
        self.ask(lane, BackendRequest::Read { watch: WatchId(3), command, keys })
    }
}

fn words(line: &str) -> model::Args {
    line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
}

fn reply(reply: Reply) -> (LaneId, BackendEvent) {
    (A, BackendEvent::Reply { ticket: Ticket(7), reply })
}

fn invalidated(lane: LaneId, keys: &[&'static str]) -> (LaneId, BackendEvent) {
    (lane, BackendEvent::Invalidated { keys: keys.iter().map(|key| Bytes::from_static(key.as_bytes())).collect() })
}

#[test]
fn a_change_is_told_once_to_each_lane_that_read_the_key_and_before_the_reply() {
    let mut told = Told::new();
    told.read(A, "MGET k other");
    told.read(B, "GET k");
    told.read(B, "GET k");
    assert_eq!(told.run("SET k 1"), [invalidated(A, &["k"]), invalidated(B, &["k"]), reply(Reply::OK)]);
    assert_eq!(told.run("SET k 2"), [reply(Reply::OK)], "one shot");
    assert_eq!(told.run("SET other 2"), [invalidated(A, &["other"]), reply(Reply::OK)]);
    told.read(B, "GET k");
    assert_eq!(told.run("GET k"), [reply(Reply::bulk("2"))], "a read changes nothing");
    assert_eq!(told.run("DEL k"), [invalidated(B, &["k"]), reply(Reply::Int(1))]);
    assert!(told.backend.armed.is_empty());
}

#[test]
fn a_lane_and_a_client_of_the_stores_own_are_answered_up_to_their_limits() {
    let mut told = Told::new();
    told.run(&format!("RPUSH l {}", "x ".repeat(100).trim_end()));
    told.backend.limit_replies(100, 2000);
    let is_too_big = |reply: &Reply| reply.as_error().is_some_and(|error| error.code == model::error::TOOBIG);
    match &told.run("LRANGE l 0 -1")[..] {
        [(A, BackendEvent::Reply { reply, .. })] => assert!(is_too_big(reply), "{reply:?}"),
        other => panic!("{other:?}"),
    }
    match &told.read(B, "SORT_RO l ALPHA")[..] {
        [(B, BackendEvent::Value { reply: Some(reply), .. })] => assert!(is_too_big(reply), "{reply:?}"),
        other => panic!("{other:?}"),
    }
    let client = told.backend.connect(&runtime::Peer::default(), told.moment());
    let mut answers = Vec::new();
    let line = words("LRANGE l 0 -1");
    told.backend.command(client, &line, told.moment(), &mut |output| answers.push(output));
    let all = Reply::Array(vec![Reply::bulk("x"); 100]);
    assert_eq!(answers, [ClientOutput::Reply { client, reply: all }]);
}

#[test]
fn keys_of_one_command_or_transaction_are_told_together() {
    let mut told = Told::new();
    told.read(A, "MGET a b c");
    let keys = &["a", "b"];
    assert_eq!(told.run("MSET a 1 b 2"), [invalidated(A, keys), reply(Reply::OK)]);
    told.read(A, "MGET a b c");
    let commands = vec![words("SET a 2"), words("SET b 2"), words("SET a 3")];
    let answer = reply(Reply::Array(vec![Reply::OK, Reply::OK, Reply::OK]));
    let events = told.ask(A, BackendRequest::Transaction { ticket: Ticket(7), commands });
    // One by one or together, but all before the answer.
    let (last, before) = events.split_last().unwrap();
    assert_eq!(last, &answer);
    let mut keys: Vec<&Bytes> = before
        .iter()
        .flat_map(|(_, event)| match event {
            BackendEvent::Invalidated { keys } => keys,
            other => panic!("{other:?}"),
        })
        .collect();
    keys.sort();
    assert_eq!(keys, ["a", "b"]);
}

#[test]
fn what_a_lane_forgot_it_is_not_told() {
    let mut told = Told::new();
    told.read(A, "GET k");
    told.read(B, "GET k");
    assert_eq!(told.ask(A, BackendRequest::Forget { keys: words("k nosuch") }), []);
    assert_eq!(told.run("SET k 1"), [invalidated(B, &["k"]), reply(Reply::OK)]);
}

#[test]
fn after_a_flush_any_key_may_have_changed() {
    let mut told = Told::new();
    told.run("SET k 1");
    told.read(B, "GET k");
    let all = |lane| (lane, BackendEvent::InvalidatedAll);
    assert_eq!(told.run("FLUSHALL"), [all(A), all(B), reply(Reply::OK)]);
    assert!(told.backend.armed.is_empty());
}

#[test]
fn a_key_that_expires_is_told_at_its_time_and_read_with_what_is_left() {
    let mut told = Told::new();
    assert_eq!(told.backend.next_timeout(told.moment()), None);
    told.run("SET k v PX 30");
    told.now_ms += 10;
    let value = |reply, left| {
        let expires_in = Option::map(left, Duration::from_millis);
        (B, BackendEvent::Value { watch: WatchId(3), reply: Some(reply), expires_in })
    };
    assert_eq!(told.read(B, "GET k"), [value(Reply::bulk("v"), Some(20))]);
    let at = told.backend.next_timeout(told.moment()).unwrap();
    assert_eq!(at, told.moment().time + Duration::from_millis(20));
    let mut out = Vec::new();
    told.now_ms += 19;
    told.backend.handle_timeout(told.moment(), &mut out);
    assert_eq!(out, [], "not before its time");
    told.now_ms += 1;
    told.backend.handle_timeout(told.moment(), &mut out);
    assert_eq!(out, [invalidated(B, &["k"])]);
    assert_eq!(told.read(B, "GET k"), [value(Reply::Null, None)]);
    assert_eq!(told.backend.next_timeout(told.moment()), None);
}

#[test]
fn a_mass_of_keys_expires_in_portions() {
    let mut told = Told::new();
    for n in 0..=EXPIRE_KEYS_MAX {
        told.run(&format!("SET k{n} v PX 10"));
    }
    told.now_ms += 10;
    let mut rounds = 0;
    while told.backend.next_timeout(told.moment()).is_some_and(|at| at <= told.moment().time) {
        told.backend.handle_timeout(told.moment(), &mut Vec::new());
        rounds += 1;
    }
    assert_eq!(rounds, 2);
    assert_eq!(told.run("DBSIZE"), [reply(Reply::Int(0))]);
}

#[test]
fn a_key_found_expired_before_it_is_deleted_is_gone_and_to_be_read_again_at_once() {
    let mut told = Told::new();
    told.run("SET k v PX 10");
    told.read(B, "GET k");
    told.now_ms += 10;
    let (reply, expires_in) = (Some(Reply::Null), Some(Duration::ZERO));
    assert_eq!(told.read(A, "GET k"), [(A, BackendEvent::Value { watch: WatchId(3), reply, expires_in })]);
    let mut out = Vec::new();
    told.backend.handle_timeout(told.moment(), &mut out);
    assert_eq!(out, [invalidated(B, &["k"]), invalidated(A, &["k"])]);
}

#[test]
fn messages_go_to_the_lanes_that_hear_them() {
    let mut told = Told::new();
    let channel = ChannelName::Channel(Bytes::from_static(b"news"));
    let pattern = ChannelName::Pattern(Bytes::from_static(b"n*"));
    let subscribed = |lane, name: &ChannelName| (lane, BackendEvent::Subscribed { name: name.clone() });
    for (lane, name) in [(A, &channel), (B, &channel), (B, &pattern)] {
        assert_eq!(told.ask(lane, BackendRequest::Subscribe { name: name.clone() }), [subscribed(lane, name)]);
    }
    let message = |lane, name: &ChannelName| {
        let (channel, message) = (Bytes::from_static(b"news"), Bytes::from_static(b"hi"));
        (lane, BackendEvent::Message { name: name.clone(), channel, message })
    };
    let events = told.run("PUBLISH news hi");
    assert_eq!(events[..3], [message(A, &channel), message(B, &channel), message(B, &pattern)]);
    for (lane, name) in [(A, &channel), (B, &channel), (A, &pattern)] {
        assert_eq!(told.ask(lane, BackendRequest::Unsubscribe { name: name.clone() }), []);
    }
    assert_eq!(told.run("PUBLISH news hi"), [message(B, &pattern), reply(Reply::Int(1))]);
    told.ask(B, BackendRequest::Unsubscribe { name: pattern });
    assert_eq!(told.run("PUBLISH news hi"), [reply(Reply::Int(0))]);
    assert!(told.backend.subscribers.is_empty());
}

#[test]
fn a_stream_is_read_from_a_place_and_armed() {
    let mut told = Told::new();
    told.run("XADD s 1-0 f v");
    told.run("XADD s 2-0 f v");
    let range = |after| BackendRequest::Range {
        watch: WatchId(4),
        stream: Bytes::from_static(b"s"),
        after: Some(EntryId::new(after, 0)),
        bytes_max: 1 << 10,
    };
    let events = told.ask(B, range(1));
    let [(B, BackendEvent::Range { watch: WatchId(4), range: Some(Ok(found)) })] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(found.entries.iter().map(|entry| entry.id).collect::<Vec<_>>(), [EntryId::new(2, 0)]);
    assert_eq!(told.run("XADD s 3-0 f v")[0], invalidated(B, &["s"]));
    told.run("DEL s");
    told.run("SET s string");
    let events = told.ask(B, range(1));
    assert!(matches!(&events[..], [(B, BackendEvent::Range { range: Some(Err(e)), .. })] if e.code == "WRONGTYPE"));
}
