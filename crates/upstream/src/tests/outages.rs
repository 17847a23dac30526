//! Scripts of servers that freeze, go and come back: what is stale, what becomes of commands, channels after a loss.

use super::script::*;
use crate::interface::{Config, Notice, Role};
use model::backend::{BackendEvent, BackendRequest};
use model::reply::Frame;
use model::{Reply, Ticket, WatchId};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn unavailable(events: &[(model::LaneId, BackendEvent)]) -> Vec<(u64, String)> {
    let of = |(_, event): &(_, BackendEvent)| match event {
        BackendEvent::Reply { ticket: Ticket(ticket), reply: Reply::Error(text) } => {
            let text = String::from_utf8_lossy(text).into_owned();
            assert!(text.starts_with("UNAVAILABLE "), "{text}");
            Some((*ticket, text))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}

#[test]
fn a_server_that_freezes_is_stale_in_time_and_loses_its_connections() {
    let mut script = Script::ready();
    script.watch(A, 1, "k", "1");
    script.pass_alive(SECOND * 5);
    assert_eq!(script.told(), []);
    let (link, commands) = (script.link(Role::Tracking), script.link(Role::Commands));
    script.command(7, "SET k 2");
    script.pass(Duration::from_millis(1600));
    assert_eq!(script.told(), to_all(BackendEvent::Stale(true)));
    assert!(script.noticed().contains(&Notice::Stale));
    script.command(8, "SET k 3");
    let at_once = script.told();
    assert!(unavailable(&at_once)[0].1.contains("not sent"), "a silent connection is given nothing more");
    script.pass(SECOND * 4);
    let events = script.told();
    assert!(unavailable(&events)[0].1.contains("unknown whether"), "{events:?}");
    assert!(script.link(Role::Tracking) != link && script.link(Role::Commands) != commands);

    script.greet_all();
    let mut due = to_all(BackendEvent::InvalidatedAll);
    due.extend(to_all(BackendEvent::Stale(false)));
    assert_eq!(script.told(), due);
}

#[test]
fn a_read_that_was_given_up_is_not_asked_again() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    let (stream, after) = ("s".into(), Some(model::EntryId::MIN));
    script.request(A, BackendRequest::Range { watch: WatchId(1), stream, after, bytes_max: 1 << 20 });
    script.pass(SECOND * 2);
    let given_up = (A, BackendEvent::Range { watch: WatchId(1), range: None });
    assert_eq!(script.told(), [to_all(BackendEvent::Stale(true)), vec![given_up]].concat());

    // A part of a stream that is too large is asked for in smaller parts as a rule.
    (0..3).for_each(|_| script.answer(link, Reply::Simple("QUEUED".into())));
    script.oversize(link, 1 << 30);
    assert_eq!(script.questions(link), Vec::<String>::new());
    assert_eq!(script.told(), to_all(BackendEvent::Stale(false)));
}

#[test]
fn a_server_that_thaws_in_time_has_lost_nothing() {
    let mut script = Script::ready();
    script.watch(A, 1, "k", "1");
    let link = script.link(Role::Tracking);
    script.read(A, 2, "GET j", "j");
    script.pass(SECOND * 2);
    assert_eq!(
        script.told(),
        [to_all(BackendEvent::Stale(true)), vec![(A, value_event(2, None, None))]].concat(),
        "reads under way are given up"
    );
    script.read(A, 3, "GET l", "l");
    assert_eq!(script.told(), [(A, value_event(3, None, None))], "and none is begun");
    script.asked(link, "GET j", Reply::bulk("1"));
    assert_eq!(script.told(), [], "it owes more");
    script.asked(link, "PTTL j", Reply::Int(-1));
    assert_eq!(script.told(), to_all(BackendEvent::Stale(false)));
    script.invalidate(link, "j");
    assert_eq!(script.told(), [], "what was given up is not armed");
    script.invalidate(link, "k");
    assert_eq!(script.told(), [(A, invalidated(&["k"]))]);
}

#[test]
fn a_large_answer_on_its_way_is_no_silence() {
    let mut script = Script::ready();
    let link = script.link(Role::Tracking);
    script.read(A, 2, "GET j", "j");
    for _ in 0..100 {
        script.pass_alive(Duration::from_millis(100));
        script.handle(crate::Input::Heard { link });
    }
    assert_eq!(script.told(), []);
}

#[test]
fn a_connection_that_comes_back_soon_is_not_told_as_stale() {
    let mut script = Script::ready();
    script.watch(A, 1, "k", "1");
    let link = script.link(Role::Tracking);
    script.cut(link);
    script.pass(Duration::from_millis(500));
    script.greet_all();
    assert_eq!(script.told(), to_all(BackendEvent::InvalidatedAll));
}

#[test]
fn a_server_that_is_gone_is_told_within_the_time_and_that_it_is_back_after_what_it_missed() {
    let mut script = Script::ready();
    script.watch(A, 1, "k", "1");
    script.subscribe(A, "c");
    let pubsub = script.link(Role::PubSub);
    script.greet(pubsub);
    script.confirm(pubsub, "SUBSCRIBE c");
    script.told();
    for (link, ..) in script.links.clone() {
        script.cut(link);
    }
    for _ in 0..190 {
        script.pass(Duration::from_millis(10));
        for (link, ..) in script.links.clone() {
            script.cut(link);
        }
    }
    assert_eq!(script.told(), to_all(BackendEvent::Stale(true)));
    script.pass(SECOND);
    script.greet_all();
    assert_eq!(script.told(), to_all(BackendEvent::InvalidatedAll), "channels are not in force yet");
    let pubsub = script.link(Role::PubSub);
    script.confirm(pubsub, "SUBSCRIBE c");
    assert_eq!(script.told(), [to_all(BackendEvent::Interrupted), to_all(BackendEvent::Stale(false))].concat());
    let lost = |notice: &&Notice| matches!(notice, Notice::Lost { .. });
    assert!(script.noticed().iter().filter(lost).count() <= 6, "not at every attempt");
}

#[test]
fn at_the_start_nothing_is_current_until_the_server_answers() {
    let mut script = Script::begun(Script::standalone());
    script.read(A, 1, "GET k", "k");
    script.pass(SECOND * 2);
    assert_eq!(script.told(), [to_all(BackendEvent::Stale(true)), vec![(A, value_event(1, None, None))]].concat());
    script.greet_all();
    assert_eq!(script.told(), to_all(BackendEvent::Stale(false)));
}

#[test]
fn commands_wait_for_a_connection_as_long_as_they_may() {
    let wait = Config { command_wait: Duration::from_millis(300), commands_waiting_max: 2, ..Script::standalone() };
    let mut script = Script::begun(wait);
    for ticket in 1..=3 {
        script.command(ticket, "PING");
    }
    assert_eq!(unavailable(&script.told()).len(), 1, "more than may wait");
    script.pass(Duration::from_millis(299));
    assert_eq!(script.told(), []);
    script.pass(Duration::from_millis(1));
    assert_eq!(unavailable(&script.told()).len(), 2);
    script.command(4, "SET k 1");
    script.command(5, "SET k 2");
    script.greet_all();
    let link = script.link(Role::Commands);
    assert_eq!(script.questions(link), ["SET k 1", "SET k 2"], "in their order");

    let mut script = Script::begun(Script::standalone());
    script.command(1, "PING");
    assert_eq!(unavailable(&script.told()).len(), 1, "they do not wait as a rule");
}

#[test]
fn a_transaction_is_of_one_piece() {
    let mut script = Script::ready();
    let link = script.link(Role::Commands);
    let commands = vec![line("SET a 1"), line("INCR b")];
    script.request(A, BackendRequest::Transaction { ticket: Ticket(1), commands });
    script.command(2, "GET a");
    script.asked(link, "MULTI", Reply::OK);
    script.asked(link, "SET a 1", Reply::Simple("QUEUED".into()));
    script.asked(link, "INCR b", Reply::error("ERR wrong number of arguments"));
    let abort = Reply::error("EXECABORT Transaction discarded because of previous errors.");
    script.asked(link, "EXEC", abort.clone());
    script.asked(link, "GET a", Reply::Null);
    assert_eq!(script.told(), [replied(1, abort), replied(2, Reply::Null)]);
}

#[test]
fn what_a_server_cannot_do_now_is_unavailable_and_not_carried_out() {
    let mut script = Script::ready();
    let link = script.link(Role::Commands);
    script.command(1, "SET a 1");
    script.command(2, "SET a 1");
    script.answer(link, Reply::error("BUSY Redis is busy running a script."));
    script.answer(link, Reply::error("READONLY You can't write against a read only replica."));
    let events = script.told();
    let [(A, BackendEvent::Reply { reply: Reply::Error(busy), .. }), second] = &events[..] else { panic!() };
    assert!(busy.starts_with(b"UNAVAILABLE it was not carried out: BUSY"));
    assert_eq!(
        second,
        &replied(2, Reply::error("READONLY You can't write against a read only replica.")),
        "as it is said"
    );
    script.command(3, "GET a");
    assert_eq!(unavailable(&script.told()).len(), 1, "it is waited for");
    script.pass(Duration::from_millis(50));
    script.asked(link, "PING", Reply::Simple("PONG".into()));
    script.command(4, "GET a");
    assert_eq!(script.questions(link), ["GET a"]);
}

#[test]
fn a_reply_over_the_limit_is_said_to_be() {
    let mut script = Script::ready();
    let link = script.link(Role::Commands);
    script.command(1, "GET a");
    script.oversize(link, 1 << 30);
    let events = script.told();
    let [(A, BackendEvent::Reply { reply: Reply::Error(text), .. })] = &events[..] else { panic!() };
    assert!(text.starts_with(b"TOOBIG "));
}

#[test]
fn one_subscription_serves_all_lanes() {
    let mut script = Script::ready();
    script.subscribe(A, "c");
    script.subscribe(B, "c");
    let link = script.link(Role::PubSub);
    script.greet(link);
    assert_eq!(script.questions(link), ["SUBSCRIBE c"]);
    script.confirm(link, "SUBSCRIBE c");
    assert_eq!(script.told(), to_all(BackendEvent::Subscribed { name: channel("c") }));
    script.push(link, ["message", "c", "m"].map(Reply::bulk).to_vec());
    assert_eq!(script.told().len(), 2);
    script.request(A, BackendRequest::Unsubscribe { name: channel("c") });
    assert_eq!(script.questions(link), [""; 0]);
    script.request(B, BackendRequest::Unsubscribe { name: channel("c") });
    assert_eq!(script.questions(link), ["UNSUBSCRIBE c"]);
    script.push(link, ["message", "c", "m"].map(Reply::bulk).to_vec());
    assert_eq!(script.told(), []);
    assert_eq!(script.upstream.statistics().channels, 0);
}

#[test]
fn a_message_over_the_limit_is_told_as_a_loss() {
    let mut script = Script::ready();
    script.subscribe(A, "c");
    let link = script.link(Role::PubSub);
    script.greet(link);
    script.confirm(link, "SUBSCRIBE c");
    script.told();
    let head = ["message", "c"].map(Reply::bulk).to_vec();
    script.handle(crate::Input::Received { link, frame: Frame::Oversize { push: true, bytes: 1 << 30, head } });
    assert_eq!(script.told(), [(A, BackendEvent::Interrupted)]);
    assert!(matches!(&script.noticed()[..], [.., Notice::MessageTooBig { .. }]));
}

#[test]
fn a_subscription_that_is_refused_is_said() {
    let mut script = Script::ready();
    script.subscribe(A, "c");
    let link = script.link(Role::PubSub);
    script.greet(link);
    script.answer(link, Reply::error("NOPERM No permissions to access a channel"));
    assert!(script.noticed().iter().any(|notice| matches!(notice, Notice::Refused { what: "SUBSCRIBE", .. })));
    let events = script.told();
    let [(A, BackendEvent::SubscriptionRefused { error, .. })] = &events[..] else { panic!("{events:?}") };
    assert_eq!(error.code, "NOPERM");
    assert_eq!(script.upstream.statistics().channels, 0);
}

#[test]
fn an_answer_that_nobody_asked_for_ends_the_connection() {
    let mut script = Script::ready();
    let link = script.link(Role::Commands);
    script.handle(crate::Input::Received { link, frame: Frame::Reply(Reply::OK) });
    assert!(!script.links.iter().any(|(known, ..)| *known == link));
}
