//! Scripts of a cluster: maps, redirections, slots that move, primaries that go.

use super::script::*;
use crate::interface::{Address, Config, LinkId, Notice, Role, Topology};
use model::backend::{BackendEvent, BackendRequest};
use model::slot::slot;
use model::{Reply, Ticket};
use std::time::Duration;

fn seeds() -> Config {
    config(Topology::Cluster { seeds: vec![tcp("seed", 1), tcp("seed", 2)] })
}

fn node(port: u16) -> Address {
    tcp("10.0.0.1", port)
}

fn map(ranges: &[(u16, u16, u16)]) -> Reply {
    let range = |(from, to, port): &(u16, u16, u16)| {
        let primary = Reply::Array(vec![Reply::bulk("10.0.0.1"), Reply::Int((*port).into()), Reply::bulk("id")]);
        Reply::Array(vec![Reply::Int((*from).into()), Reply::Int((*to).into()), primary])
    };
    Reply::Array(ranges.iter().map(range).collect())
}

fn info(epoch: u32) -> Reply {
    Reply::bulk(format!("cluster_state:ok\r\ncluster_current_epoch:{epoch}\r\n"))
}

/// `foo` is in slot 12182, `bar` in 5061.
const HALVES: [(u16, u16, u16); 2] = [(0, 8191, 1), (8192, 16383, 2)];

fn told_map(script: &mut Script, link: LinkId, epoch: u32, ranges: &[(u16, u16, u16)]) {
    script.asked(link, "CLUSTER INFO", info(epoch));
    script.asked(link, "CLUSTER SLOTS", map(ranges));
}

fn ready_with(config: Config) -> Script {
    let mut script = Script::begun(config);
    let seed = script.link(Role::Map);
    script.greet(seed);
    told_map(&mut script, seed, 1, &HALVES);
    assert!(!script.has(Role::Map), "a seed is asked once");
    for (link, ..) in script.links.clone() {
        script.greet(link);
    }
    script.told();
    script.noticed();
    script
}

fn ready() -> Script {
    ready_with(seeds())
}

/// The next time that the map is asked for, it is this; whoever else is asked something answers.
fn remap(script: &mut Script, epoch: u32, ranges: &[(u16, u16, u16)]) {
    for _ in 0..3000 {
        let mut links = script.links.iter().map(|(link, ..)| *link);
        let asked = links.find(|link| script.questions(*link).contains(&"CLUSTER INFO".to_owned()));
        if let Some(link) = asked {
            while script.questions(link)[0] == "PING" {
                script.answer(link, Reply::Simple("PONG".into()));
            }
            return told_map(script, link, epoch, ranges);
        }
        script.pass_alive(Duration::from_millis(1));
    }
    panic!("the map is not asked for");
}

fn watch(script: &mut Script, watch: u64, key: &str, port: u16, value: Reply) {
    script.read(A, watch, &format!("GET {key}"), key);
    let link = script.link_at(Role::Tracking, &node(port));
    script.asked(link, &format!("GET {key}"), value.clone());
    script.asked(link, &format!("PTTL {key}"), Reply::Int(-1));
    assert_eq!(script.told(), [(A, value_event(watch, Some(value), None))]);
}

#[test]
fn everything_goes_to_the_primary_of_its_slot() {
    assert_eq!((slot(b"foo"), slot(b"bar")), (12182, 5061));
    let mut script = ready();
    watch(&mut script, 1, "foo", 2, Reply::Null);
    watch(&mut script, 2, "bar", 1, Reply::Null);
    script.command(1, "SET foo 1");
    assert_eq!(script.questions(script.link_at(Role::Commands, &node(2))), ["SET foo 1"]);
    script.command(2, "MGET foo bar");
    script.command(3, "DBSIZE");
    let texts: Vec<String> = script.told().iter().map(|event| format!("{event:?}")).collect();
    assert!(texts[0].contains("CROSSSLOT Keys in request") && texts[1].contains("names no key"), "{texts:?}");
    script.read(A, 3, "MGET foo bar", "foo bar");
    assert!(matches!(&script.told()[..], [(A, BackendEvent::Value { reply: Some(Reply::Error(_)), .. })]));
}

#[test]
fn moved_is_followed_and_the_map_asked_for() {
    let mut script = ready();
    let (one, two) = (script.link_at(Role::Commands, &node(1)), script.link_at(Role::Commands, &node(2)));
    script.command(1, "SET foo 1");
    script.asked(two, "SET foo 1", Reply::error("MOVED 12182 10.0.0.1:1"));
    script.asked(one, "SET foo 1", Reply::OK);
    assert_eq!(script.told(), [replied(1, Reply::OK)]);
    script.command(2, "SET foo 2");
    assert_eq!(script.questions(one), ["SET foo 2"], "it is remembered");
    script.answer(one, Reply::OK);
    script.told();

    script.request(A, BackendRequest::Transaction { ticket: Ticket(3), commands: vec![line("GET bar")] });
    script.asked(one, "MULTI", Reply::OK);
    script.asked(one, "GET bar", Reply::error("MOVED 5061 10.0.0.1:2"));
    script.asked(one, "EXEC", Reply::error("EXECABORT Transaction discarded because of previous errors."));
    let questions = script.questions(two);
    assert!(questions.ends_with(&["MULTI".to_owned(), "GET bar".to_owned(), "EXEC".to_owned()]), "{questions:?}");
    assert_eq!(script.told(), []);
}

#[test]
fn redirections_end() {
    let mut script = ready();
    let links = [script.link_at(Role::Commands, &node(1)), script.link_at(Role::Commands, &node(2))];
    script.command(1, "GET foo");
    for hop in 0..6 {
        script.asked(links[(hop + 1) % 2], "GET foo", Reply::error(format!("MOVED 12182 10.0.0.1:{}", 1 + hop % 2)));
    }
    let events = script.told();
    assert!(format!("{events:?}").contains("too many redirections"), "{events:?}");
}

#[test]
fn a_slot_on_its_way_is_asked_for_at_its_target() {
    let mut script = ready();
    let (one, two) = (script.link_at(Role::Commands, &node(1)), script.link_at(Role::Commands, &node(2)));
    script.command(1, "GET foo");
    script.asked(two, "GET foo", Reply::error("ASK 12182 10.0.0.1:1"));
    assert_eq!(script.questions(one), ["ASKING", "GET foo"]);
    script.answer(one, Reply::OK);
    script.answer(one, Reply::Null);
    assert_eq!(script.told(), [replied(1, Reply::Null)]);
    script.command(2, "GET foo");
    assert!(script.questions(two).contains(&"GET foo".to_owned()), "ASK is not remembered");

    script.read(A, 1, "GET foo", "foo");
    let (one, two) = (script.link_at(Role::Tracking, &node(1)), script.link_at(Role::Tracking, &node(2)));
    script.asked(two, "GET foo", Reply::error("ASK 12182 10.0.0.1:1"));
    script.asked(two, "PTTL foo", Reply::error("ASK 12182 10.0.0.1:1"));
    assert_eq!(script.questions(one), ["ASKING", "GET foo", "ASKING", "PTTL foo"]);
    for reply in [Reply::OK, Reply::Null, Reply::OK, Reply::Int(-2)] {
        script.answer(one, reply);
    }
    assert_eq!(script.told(), [(A, value_event(1, Some(Reply::Null), Some(1000))),], "read again while the slot moves");
}

#[test]
fn what_was_missing_when_its_slot_moved_is_read_again_at_the_new_owner() {
    let mut script = ready();
    watch(&mut script, 1, "foo", 2, Reply::Null);
    watch(&mut script, 2, "bar", 1, Reply::Null);
    remap(&mut script, 2, &[(0, 8191, 1), (8192, 12181, 2), (12182, 12182, 1), (12183, 16383, 2)]);
    assert_eq!(script.told(), [(A, invalidated(&["foo"]))], "and nothing else");
    assert!(script.noticed().contains(&Notice::SlotsMoved { slots: 1 }));
    watch(&mut script, 1, "foo", 1, Reply::bulk("new"));
}

#[test]
fn what_one_lane_read_at_the_old_owner_is_told_when_another_reads_it_at_the_new_one() {
    let mut script = ready();
    watch(&mut script, 1, "foo", 2, Reply::Null);
    script.read(B, 1, "GET foo", "foo");
    let (one, two) = (script.link_at(Role::Tracking, &node(1)), script.link_at(Role::Tracking, &node(2)));
    script.asked(two, "GET foo", Reply::error("MOVED 12182 10.0.0.1:1"));
    script.asked(two, "PTTL foo", Reply::error("MOVED 12182 10.0.0.1:1"));
    script.asked(one, "GET foo", Reply::bulk("new"));
    assert_eq!(script.told(), [(A, invalidated(&["foo"]))], "whose arming is at the old one");
}

#[test]
fn what_went_and_came_back_unseen_is_read_again() {
    let mut script = ready();
    watch(&mut script, 1, "foo", 2, Reply::Null);
    remap(&mut script, 1, &HALVES);
    assert_eq!(script.told(), []);
    remap(&mut script, 3, &HALVES);
    assert_eq!(script.told(), [(A, invalidated(&["foo"]))], "epochs tell of changes that no map showed");
}

#[test]
fn what_is_being_read_while_its_slot_moves_is_read_again() {
    let mut script = ready();
    let old = script.link_at(Role::Tracking, &node(2));
    script.read(A, 1, "GET foo", "foo");
    remap(&mut script, 2, &[(0, 16383, 1)]);
    assert_eq!(script.told(), []);
    while script.questions(old)[0] == "PING" {
        script.answer(old, Reply::Simple("PONG".into()));
    }
    script.asked(old, "GET foo", Reply::Null);
    script.asked(old, "PTTL foo", Reply::Int(-2));
    assert_eq!(script.told(), [(A, value_event(1, Some(Reply::Null), None)), (A, invalidated(&["foo"]))]);
}

#[test]
fn a_primary_without_slots_is_left_after_a_while() {
    let mut script = ready();
    remap(&mut script, 2, &[(0, 16383, 1)]);
    assert_eq!(script.upstream.statistics().primaries, 2);
    for _ in 0..12 {
        remap(&mut script, 2, &[(0, 16383, 1)]);
        script.pass_alive(Duration::from_millis(500));
    }
    for _ in 0..12 {
        remap(&mut script, 2, &[(0, 16383, 1)]);
    }
    assert_eq!(script.upstream.statistics().primaries, 1);
    assert!(!script.links.iter().any(|(_, address, _)| *address == node(2)));
}

#[test]
fn one_primary_of_two_that_is_gone_marks_only_its_own() {
    let mut script = ready();
    watch(&mut script, 1, "foo", 2, Reply::Null);
    watch(&mut script, 2, "bar", 1, Reply::Null);
    let gone = |script: &mut Script| {
        for (link, address, _) in script.links.clone() {
            if address == node(2) {
                script.cut(link);
            }
        }
    };
    for _ in 0..130 {
        gone(&mut script);
        script.pass_alive(Duration::from_millis(10));
        for (link, ..) in script.links.clone() {
            while script.questions(link).first().is_some_and(|question| question.starts_with("CLUSTER")) {
                script.asked(link, "CLUSTER INFO", info(1));
                script.asked(link, "CLUSTER SLOTS", map(&HALVES));
            }
        }
    }
    assert_eq!(script.told(), [(A, invalidated(&["foo"]))], "not all is stale");
    script.read(A, 1, "GET foo", "foo");
    assert_eq!(script.told(), [(A, value_event(1, None, None))], "at once");
    // Its replica takes over.
    remap(&mut script, 2, &[(0, 8191, 1), (8192, 16383, 3)]);
    for (link, ..) in script.links.clone() {
        script.greet(link);
    }
    watch(&mut script, 1, "foo", 3, Reply::bulk("1"));
}

#[test]
fn all_primaries_gone_is_stale() {
    let mut script = ready();
    for _ in 0..200 {
        for (link, ..) in script.links.clone() {
            script.cut(link);
        }
        script.pass(Duration::from_millis(10));
    }
    assert_eq!(script.told(), to_all(BackendEvent::Stale(true)));
    for _ in 0..100 {
        script.pass(Duration::from_millis(10));
        for (link, ..) in script.links.clone() {
            script.greet(link);
        }
    }
    assert_eq!(script.told(), to_all(BackendEvent::Stale(false)));
}

#[test]
fn channels_of_all_nodes_are_heard_at_one_that_is_in_reach() {
    let mut script = ready();
    script.subscribe(A, "foo");
    script.subscribe(A, "bar");
    let link = script.link(Role::PubSub);
    script.greet(link);
    assert_eq!(script.questions(link), ["SUBSCRIBE bar", "SUBSCRIBE foo"]);
    script.confirm(link, "SUBSCRIBE bar");
    script.confirm(link, "SUBSCRIBE foo");
    script.told();
    // Its node loses all slots; the other one has them.
    let other = if script.links.iter().any(|(id, address, _)| *id == link && *address == node(1)) { 2 } else { 1 };
    remap(&mut script, 2, &[(0, 16383, other)]);
    let next = script.link_at(Role::PubSub, &node(other));
    script.greet(next);
    script.confirm(next, "SUBSCRIBE bar");
    assert_eq!(script.told(), [], "one is not in force yet");
    script.confirm(next, "SUBSCRIBE foo");
    assert_eq!(script.told(), to_all(BackendEvent::Interrupted));
}

#[test]
fn a_name_that_moved_is_heard_at_its_new_place_only() {
    let mut script = ready();
    script.subscribe(A, "foo");
    script.subscribe(A, "bar");
    let link = script.link(Role::PubSub);
    script.greet(link);
    script.confirm(link, "SUBSCRIBE bar");
    script.confirm(link, "SUBSCRIBE foo");
    script.told();
    let message = || ["message", "bar", "m"].map(Reply::bulk).to_vec();
    script.push(link, message());
    assert_eq!(script.told().len(), 1);
    let other = if script.links.iter().any(|(id, address, _)| *id == link && *address == node(1)) { 2 } else { 1 };
    remap(&mut script, 2, &[(0, 16383, other)]);
    script.push(link, message());
    assert_eq!(script.told(), [], "it may come again at the new place");
    let next = script.link_at(Role::PubSub, &node(other));
    script.greet(next);
    script.confirm(next, "SUBSCRIBE bar");
    script.push(next, message());
    let told = script.told();
    assert_eq!(told[..told.len() - 1], to_all(BackendEvent::Interrupted), "the loss is told before what follows it");
    assert!(matches!(told.last(), Some((A, BackendEvent::Message { .. }))));
    script.push(link, message());
    assert_eq!(script.told(), [], "held up by the network until now");
    script.confirm(next, "SUBSCRIBE foo");
    assert_eq!(script.told(), to_all(BackendEvent::Interrupted));
}

#[test]
fn sharded_channels_are_heard_where_their_slot_is_and_follow_it() {
    let mut script = ready_with(Config { sharded_pubsub: true, ..seeds() });
    script.subscribe(A, "foo");
    let two = script.link_at(Role::PubSub, &node(2));
    script.greet(two);
    script.confirm(two, "SSUBSCRIBE foo");
    script.told();
    script.push(two, ["smessage", "foo", "m"].map(Reply::bulk).to_vec());
    assert_eq!(script.told().len(), 1);

    // The slot moves: the subscription ends unasked, and who had it says who has it now.
    script.push(two, vec![Reply::bulk("sunsubscribe"), Reply::bulk("foo"), Reply::Int(0)]);
    script.asked(two, "SSUBSCRIBE foo", Reply::error("MOVED 12182 10.0.0.1:1"));
    let one = script.link_at(Role::PubSub, &node(1));
    script.greet(one);
    assert_eq!(script.told(), []);
    script.confirm(one, "SSUBSCRIBE foo");
    assert_eq!(script.told(), to_all(BackendEvent::Interrupted));

    // And back, told by the map alone.
    remap(&mut script, 2, &HALVES);
    assert_eq!(script.questions(one).last().map(String::as_str), Some("SUNSUBSCRIBE foo"));
    script.confirm(two, "SSUBSCRIBE foo");
    assert_eq!(script.told(), to_all(BackendEvent::Interrupted));
}

#[test]
fn the_seeds_are_tried_one_after_another() {
    let mut script = Script::begun(seeds());
    let mut tried = Vec::new();
    for _ in 0..3 {
        let (link, address, _) = script.links.last().cloned().unwrap();
        tried.push(address);
        script.cut(link);
        script.pass(Duration::from_millis(600));
    }
    assert_eq!(tried, [tcp("seed", 1), tcp("seed", 2), tcp("seed", 1)]);
}

#[test]
fn a_seed_that_is_no_cluster_is_said() {
    let mut script = Script::begun(seeds());
    let seed = script.link(Role::Map);
    script.greet(seed);
    script.asked(seed, "CLUSTER INFO", Reply::error("ERR This instance has cluster support disabled"));
    script.asked(seed, "CLUSTER SLOTS", Reply::error("ERR This instance has cluster support disabled"));
    assert!(script.noticed().iter().any(|notice| matches!(notice, Notice::Refused { what: "CLUSTER SLOTS", .. })));
}
