//! Scripts of the way from a connection to one that is ready.

use super::script::*;
use crate::interface::{Credentials, Notice, Role};
use model::Reply;
use model::backend::BackendEvent;
use model::request::Via;
use std::time::Duration;

fn error(text: &str) -> Reply {
    Reply::error(text)
}

#[test]
fn a_connection_says_who_it_is_and_tracks_before_it_is_used() {
    let mut script = Script::begun(crate::Config { database: 3, ..Script::standalone() });
    let (user, password) = (Some("gateway".to_owned()), "s3cret".to_owned());
    script.credentials = Some(Credentials { user, password });
    let link = script.link(Role::Tracking);
    script.connected(link);
    let hello = Reply::Map(vec![
        (Reply::bulk("server"), Reply::bulk("valkey")),
        (Reply::bulk("version"), Reply::bulk("9.1.2")),
    ]);
    script.asked(link, "HELLO 3 AUTH gateway s3cret SETNAME keywire-tracking", hello);
    assert_eq!(script.questions(link), ["SELECT 3", "CLIENT TRACKING ON", "ROLE", "PING"]);
    script.greet(link);
    let [Notice::Connected { server, role: Role::Tracking, .. }] = &script.noticed()[..] else { panic!() };
    assert_eq!(server, "valkey 9.1.2");
    assert!(!format!("{:?}", script.upstream).contains("s3cret"), "kept no longer than needed");
    let commands = script.link(Role::Commands);
    script.connected(commands);
    script.greet(commands);
    assert!(!script.has(Role::PubSub), "nobody wants to hear a channel");
}

#[test]
fn a_refused_login_is_said_and_tried_again_ever_later() {
    for refusal in ["WRONGPASS invalid username-password pair or user is disabled.", "NOAUTH HELLO must be called"] {
        let mut script = Script::begun(Script::standalone());
        let mut waits = Vec::new();
        for attempt in 0..12 {
            let link = script.link(Role::Tracking);
            script.connected(link);
            script.answer(link, error(refusal));
            let is_said = script.noticed().iter().any(|notice| matches!(notice, Notice::LoginRefused { .. }));
            assert_eq!(is_said, attempt == 0, "once");
            let from = script.now;
            while !script.has(Role::Tracking) {
                script.pass(Duration::from_millis(1));
            }
            waits.push((script.now - from).as_millis());
        }
        assert!(waits[0] <= 21 && waits[11] >= 250 && waits.iter().all(|wait| *wait <= 501), "{waits:?}");
    }
}

#[test]
fn a_server_that_loads_is_waited_for() {
    let mut script = Script::begun(Script::standalone());
    script.read(A, 1, "GET k", "k");
    let link = script.link(Role::Tracking);
    script.connected(link);
    for _ in 0..3 {
        let question = script.questions(link)[0].clone();
        script.answer(link, if question.starts_with("HELLO") { Reply::Map(vec![]) } else { Reply::OK });
    }
    script.asked(link, "PING", error("LOADING Redis is loading the dataset in memory"));
    assert!(matches!(&script.noticed()[..], [Notice::NotReady { .. }]));
    assert_eq!(script.questions(link), [""; 0], "no read yet");
    script.pass(Duration::from_millis(50));
    script.asked(link, "PING", error("LOADING Redis is loading the dataset in memory"));
    assert_eq!(script.noticed(), [], "said once");
    script.pass(Duration::from_millis(50));
    script.asked(link, "PING", Reply::Simple("PONG".into()));
    assert_eq!(script.questions(link), ["GET k", "PTTL k"]);
}

#[test]
fn a_server_of_old_is_spoken_to_in_resp2_and_polled() {
    let mut script = Script::begun(Script::standalone());
    script.credentials = Some(Credentials { user: None, password: "pw".to_owned() });
    let link = script.link(Role::Tracking);
    script.connected(link);
    script.asked(link, "HELLO 3 AUTH default pw SETNAME keywire-tracking", error("ERR unknown command 'HELLO'"));
    script.asked(link, "AUTH pw", Reply::OK);
    script.asked(link, "ROLE", Reply::Array(vec![Reply::bulk("master")]));
    script.asked(link, "PING", Reply::Simple("PONG".into()));
    let notices = script.noticed();
    assert!(matches!(&notices[0], Notice::OldProtocol { .. }));
    assert!(matches!(&notices[1], Notice::Fallback { via: Via::Polling, .. }));
    assert_eq!(script.told(), to_all(BackendEvent::Via(Via::Polling)));

    // Where one subscribes, arrays are pushes, and PING is answered by one.
    script.credentials = None;
    script.subscribe(A, "c");
    let link = script.link(Role::PubSub);
    script.connected(link);
    script.answer(link, error("ERR unknown command 'HELLO'"));
    script.greet(link);
    script.answer(link, Reply::Array(vec![Reply::bulk("subscribe"), Reply::bulk("c"), Reply::Int(1)]));
    script.handle(crate::Input::Received { link, frame: model::reply::Frame::Reply(bulks(&["message", "c", "m"])) });
    let events = script.told();
    assert!(
        matches!(&events[..], [(A, BackendEvent::Subscribed { .. }), (A, BackendEvent::Message { .. })]),
        "{events:?}"
    );
    script.pass(Duration::from_millis(500));
    script.asked(link, "PING", bulks(&["pong", ""]));
    assert_eq!(script.questions(link), [""; 0]);
}

fn untracked(setting: Reply) -> Script {
    let mut script = Script::begun(Script::standalone());
    let link = script.link(Role::Tracking);
    script.connected(link);
    script.answer(link, Reply::Map(vec![]));
    script.asked(
        link,
        "CLIENT TRACKING ON",
        error("NOPERM this user has no permissions to run the 'client|tracking' command"),
    );
    script.asked(link, "ROLE", Reply::Array(vec![Reply::bulk("master")]));
    script.asked(link, "PING", Reply::Simple("PONG".into()));
    script.asked(link, "CONFIG GET notify-keyspace-events", setting);
    script
}

#[test]
fn without_tracking_events_of_the_keyspace_tell_of_changes_on_the_same_connection() {
    for setting in ["AK", "AKE", "g$lshzxetK"] {
        let mut script = untracked(Reply::Map(vec![(Reply::bulk("notify-keyspace-events"), Reply::bulk(setting))]));
        let link = script.link(Role::Tracking);
        script.confirm(link, "PSUBSCRIBE __keyspace@0__:*");
        script.asked(link, "PING", Reply::Simple("PONG".into()));
        assert_eq!(script.told(), to_all(BackendEvent::Via(Via::Events)));
        script.watch(A, 1, "a:__:k", "1");
        let event = ["pmessage", "__keyspace@0__:*", "__keyspace@0__:a:__:k", "set"];
        script.push(link, event.map(Reply::bulk).to_vec());
        assert_eq!(script.told(), [(A, invalidated(&["a:__:k"]))]);
        assert_eq!(script.upstream.statistics().via, Via::Events as u8);
    }
}

#[test]
fn without_tracking_and_events_everything_is_polled() {
    for setting in [
        error("NOPERM this user has no permissions to run the 'config|get' command"),
        Reply::Map(vec![(Reply::bulk("notify-keyspace-events"), Reply::bulk("KEg"))]),
        Reply::Array(vec![]),
    ] {
        let mut script = untracked(setting);
        let link = script.link(Role::Tracking);
        script.asked(link, "PING", Reply::Simple("PONG".into()));
        assert_eq!(script.told(), to_all(BackendEvent::Via(Via::Polling)));
        script.watch(A, 1, "k", "1");
        let commands = script.link(Role::Commands);
        script.connected(commands);
        script.greet(commands);
        for _ in 0..3 {
            script.pass_alive(Duration::from_millis(1010));
            assert_eq!(script.told(), [(A, invalidated(&["k"]))]);
            script.watch(A, 1, "k", "1");
        }
    }
}

#[test]
fn what_is_refused_is_said_with_its_remedy() {
    let mut script = Script::begun(crate::Config { database: 99, ..Script::standalone() });
    let link = script.link(Role::Commands);
    script.connected(link);
    script.answer(link, Reply::Map(vec![]));
    script.asked(link, "SELECT 99", error("ERR DB index is out of range"));
    let notices = script.noticed();
    assert!(matches!(&notices[0], Notice::Refused { what: "SELECT", .. }));
    assert!(notices[0].to_string().contains("doctor"));
    assert!(!script.links.iter().any(|(known, ..)| *known == link));
}

#[test]
fn a_replica_is_used_but_said() {
    let mut script = Script::begun(Script::standalone());
    let link = script.link(Role::Tracking);
    script.connected(link);
    script.answer(link, Reply::Map(vec![]));
    script.asked(link, "CLIENT TRACKING ON", Reply::OK);
    script.asked(link, "ROLE", Reply::Array(vec![Reply::bulk("slave"), Reply::bulk("h"), Reply::Int(1)]));
    script.asked(link, "PING", Reply::Simple("PONG".into()));
    assert!(matches!(&script.noticed()[..], [Notice::Replica { .. }, Notice::Connected { .. }]));
}

#[test]
fn a_connection_that_takes_too_long_is_given_up() {
    let mut script = Script::begun(Script::standalone());
    let (tracking, commands) = (script.link(Role::Tracking), script.link(Role::Commands));
    script.connected(commands);
    script.pass(Duration::from_millis(2999));
    assert_eq!((script.link(Role::Tracking), script.link(Role::Commands)), (tracking, commands));
    script.pass(Duration::from_millis(50));
    assert!(script.link(Role::Tracking) != tracking && script.link(Role::Commands) != commands);
}
