//! Scripts of Sentinels: who is asked, who is believed, what is dropped at once.

use super::script::*;
use crate::interface::{Address, Config, Notice, Role, Topology};
use model::Reply;
use model::backend::BackendEvent;
use std::time::Duration;

const QUESTION: &str = "SENTINEL GET-MASTER-ADDR-BY-NAME mm";

fn sentinels() -> Config {
    let sentinels = (1..=3).map(|n| tcp("s", n)).collect();
    config(Topology::Sentinel { sentinels, master: "mm".to_owned() })
}

fn asked_at(script: &Script) -> Address {
    script.links.iter().find(|(.., role)| *role == Role::Sentinel).unwrap().1.clone()
}

/// The Sentinel is connected and names the master; its connections are made.
fn found(port: &str) -> Script {
    let mut script = Script::begun(sentinels());
    let sentinel = script.link(Role::Sentinel);
    script.greet(sentinel);
    script.confirm(sentinel, "SUBSCRIBE +switch-master");
    script.asked(sentinel, QUESTION, bulks(&["10.0.0.1", port]));
    for role in [Role::Tracking, Role::Commands] {
        let link = script.link_at(role, &tcp("10.0.0.1", port.parse().unwrap()));
        script.greet(link);
    }
    script.told();
    script.noticed();
    script
}

fn switch(script: &mut Script, name: &str, from: u16, to: u16) {
    let text = format!("{name} 10.0.0.1 {from} 10.0.0.1 {to}");
    let link = script.link(Role::Sentinel);
    script.push(link, vec![Reply::bulk("message"), Reply::bulk("+switch-master"), Reply::bulk(text)]);
}

#[test]
fn the_master_is_asked_for_and_used() {
    let mut script = found("7780");
    script.watch(A, 1, "k", "1");
    script.command(1, "SET k 2");
    assert_eq!(script.questions(script.link(Role::Commands)), ["SET k 2"]);
}

#[test]
fn a_switch_drops_the_old_masters_connections_at_once() {
    let mut script = found("7780");
    script.watch(A, 1, "k", "1");
    let old = script.link(Role::Tracking);
    script.command(1, "SET k 2");
    script.read(A, 2, "GET j", "j");
    switch(&mut script, "other", 7780, 7799);
    assert_eq!(script.link(Role::Tracking), old, "of another master");
    switch(&mut script, "mm", 7780, 7781);
    assert!(!script.links.iter().any(|(link, ..)| *link == old));
    let events = script.told();
    assert!(matches!(&events[..], [(A, BackendEvent::Reply { .. })]), "unknown whether: {events:?}");
    assert!(script.noticed().iter().any(|notice| matches!(notice, Notice::FailedOver { .. })));
    let new = script.link_at(Role::Tracking, &tcp("10.0.0.1", 7781));
    script.greet(new);
    assert_eq!(script.told(), to_all(BackendEvent::InvalidatedAll));
    assert_eq!(script.questions(new), ["GET j", "PTTL j"], "what was under way is asked of the new master");
}

#[test]
fn a_sentinel_that_has_not_heard_of_the_switch_cannot_switch_back() {
    let mut script = found("7780");
    switch(&mut script, "mm", 7780, 7781);
    let new = script.link_at(Role::Tracking, &tcp("10.0.0.1", 7781));
    let ask = |script: &mut Script| {
        let link = script.link(Role::Sentinel);
        while script.questions(link).first().map(String::as_str) != Some(QUESTION) {
            script.pass(Duration::from_millis(10));
            script.greet_all();
            while script.questions(link).first().is_some_and(|question| question == "PING") {
                script.answer(link, Reply::Simple("PONG".into()));
            }
        }
        script.asked(link, QUESTION, bulks(&["10.0.0.1", "7780"]));
    };
    ask(&mut script);
    assert_eq!(script.link(Role::Tracking), new);
}

#[test]
fn the_next_sentinel_is_asked_when_one_is_gone_or_knows_nothing() {
    let mut script = Script::begun(sentinels());
    assert_eq!(asked_at(&script), tcp("s", 1));
    let link = script.link(Role::Sentinel);
    script.cut(link);
    script.handle(crate::Input::Timeout);
    assert_eq!(asked_at(&script), tcp("s", 2));
    let link = script.link(Role::Sentinel);
    script.greet(link);
    script.confirm(link, "SUBSCRIBE +switch-master");
    script.asked(link, QUESTION, Reply::Null);
    assert!(script.noticed().iter().any(|notice| matches!(notice, Notice::MasterUnknown { .. })));
    script.handle(crate::Input::Timeout);
    assert_eq!(asked_at(&script), tcp("s", 3));
    for _ in 0..2 {
        let link = script.link(Role::Sentinel);
        script.cut(link);
        script.handle(crate::Input::Timeout);
    }
    assert!(!script.has(Role::Sentinel), "all were tried: a pause");
    script.pass(Duration::from_millis(100));
    assert_eq!(asked_at(&script), tcp("s", 2));
}

#[test]
fn a_sentinel_that_freezes_is_left_for_another() {
    let mut script = found("7780");
    for _ in 0..300 {
        script.pass(Duration::from_millis(10));
        for role in [Role::Tracking, Role::Commands] {
            let link = script.link(role);
            while !script.questions(link).is_empty() {
                script.answer(link, Reply::Simple("PONG".into()));
            }
        }
    }
    assert_eq!(asked_at(&script), tcp("s", 2));
    assert_eq!(script.told(), [], "the master is in reach");
}

#[test]
fn who_is_no_master_is_not_used() {
    let mut script = Script::begun(sentinels());
    let sentinel = script.link(Role::Sentinel);
    script.greet(sentinel);
    script.confirm(sentinel, "SUBSCRIBE +switch-master");
    script.asked(sentinel, QUESTION, bulks(&["10.0.0.1", "7780"]));
    let link = script.link(Role::Tracking);
    script.connected(link);
    script.answer(link, Reply::Map(vec![]));
    script.asked(link, "CLIENT TRACKING ON", Reply::OK);
    script.noticed();
    script.asked(link, "ROLE", Reply::Array(vec![Reply::bulk("slave")]));
    assert!(matches!(&script.noticed()[..], [Notice::NotMaster { .. }, Notice::Lost { .. }]));
    assert!(!script.links.iter().any(|(known, ..)| *known == link));
    script.pass(Duration::from_millis(60));
    assert_eq!(script.questions(sentinel).first().map(String::as_str), Some(QUESTION), "asked again soon");
}

#[test]
fn a_master_that_is_demoted_silently_is_noticed() {
    let mut script = found("7780");
    script.watch(A, 1, "k", "1");
    let link = script.link(Role::Tracking);
    for _ in 0..200 {
        script.pass(Duration::from_millis(10));
        if script.questions(link).contains(&"ROLE".to_owned()) {
            break;
        }
    }
    while script.questions(link)[0] != "ROLE" {
        script.answer(link, Reply::Simple("PONG".into()));
    }
    script.asked(link, "ROLE", Reply::Array(vec![Reply::bulk("slave")]));
    assert!(!script.links.iter().any(|(known, ..)| *known == link), "its connections are dropped");

    let mut script = found("7780");
    let (sentinel, link) = (script.link(Role::Sentinel), script.link(Role::Commands));
    script.pass(Duration::from_millis(100));
    assert_eq!(script.questions(sentinel), [""; 0]);
    script.command(1, "SET k 1");
    script.asked(link, "SET k 1", Reply::error("READONLY You can't write against a read only replica."));
    let events = script.told();
    assert!(
        matches!(&events[..], [(A, BackendEvent::Reply { reply: Reply::Error(text), .. })] if text.starts_with(b"UNAVAILABLE"))
    );
    script.pass(Duration::from_millis(1));
    assert_eq!(script.questions(sentinel), [QUESTION], "a write that is refused is a sign");
}
