//! Channels and patterns.

use crate::harness::*;
use live::Output;
use model::backend::{BackendEvent, BackendRequest, ChannelName};
use model::request::Opening;
use model::{FeedEvent, FeedId, Topic};

fn subscribe(name: &ChannelName) -> Output {
    Output::Backend(BackendRequest::Subscribe { name: name.clone() })
}

fn unsubscribe(name: &ChannelName) -> Output {
    Output::Backend(BackendRequest::Unsubscribe { name: name.clone() })
}

fn in_force(lane: &mut Lane, name: &ChannelName) -> Vec<Output> {
    lane.tell(BackendEvent::Subscribed { name: name.clone() })
}

fn message(lane: &mut Lane, name: &ChannelName, text: &'static str) -> Vec<Output> {
    lane.tell(BackendEvent::Message { name: name.clone(), channel: "c".into(), message: text.into() })
}

#[track_caller]
fn feed(out: &[Output]) -> FeedId {
    match out {
        [Output::Opened { feed, state: Opening::Channel, .. }] => *feed,
        other => panic!("not one opening: {other:?}"),
    }
}

fn c() -> model::FeedKey {
    topic(Topic::Channel("c".into()))
}

/// A lane that hears the channel.
fn heard() -> (Lane, ChannelName, FeedId) {
    let (mut lane, name) = (lane(), channel("c"));
    lane.open(open(c()));
    let feed = feed(&in_force(&mut lane, &name));
    (lane, name, feed)
}

#[test]
fn openers_wait_until_the_subscription_is_in_force() {
    let (mut lane, name) = (lane(), channel("c"));
    assert_eq!(lane.open(open(c())), [subscribe(&name)]);
    assert_eq!(lane.open(open(c())), []);
    assert_eq!(message(&mut lane, &name, "early"), []);
    assert_eq!(in_force(&mut lane, &name).len(), 2);
    let heard = feed(&lane.open(open(c())));
    let out = message(&mut lane, &name, "m");
    assert_eq!(out, [Output::Event { feed: heard, event: FeedEvent::Message("m".into()) }]);
}

#[test]
fn a_pattern_tells_the_channel() {
    let (mut lane, name) = (lane(), ChannelName::Pattern("c*".into()));
    lane.open(open(topic(Topic::Pattern("c*".into()))));
    in_force(&mut lane, &name);
    let expected = FeedEvent::PatternMessage { channel: "c".into(), message: "m".into() };
    assert_eq!(event(&message(&mut lane, &name, "m")), expected);
    assert_eq!(message(&mut lane, &channel("c*"), "m"), [], "a channel of that name is another thing");
}

#[test]
fn it_is_given_up_when_nobody_hears_it() {
    let (mut lane, name, first) = heard();
    assert_eq!(lane.abandon(first), [unsubscribe(&name)]);
    assert_eq!(message(&mut lane, &name, "late"), []);
    assert_eq!(lane.open(open(c())), [subscribe(&name)]);
    assert_eq!(message(&mut lane, &name, "of the subscription before"), []);
    let second = feed(&in_force(&mut lane, &name));
    assert_ne!(first, second);
    assert_eq!(lane.abandon(first), [], "that one is gone already");
    assert_eq!(message(&mut lane, &name, "m").len(), 1);
}

#[test]
fn a_subscription_is_not_given_up_before_it_is_in_force() {
    let (mut lane, name) = (lane(), channel("c"));
    lane.open(open(c()));
    assert_eq!(refused(&lane.stale(true)), "UNAVAILABLE");
    assert_eq!(refused(&lane.open(open(c()))), "UNAVAILABLE");
    lane.stale(false);
    assert_eq!(in_force(&mut lane, &name), [unsubscribe(&name)], "nobody wants it any more");
    assert_eq!(lane.open(open(c())), [subscribe(&name)]);
    feed(&in_force(&mut lane, &name));
}

#[test]
fn a_subscription_that_is_refused_is_over() {
    let (mut lane, name) = (lane(), channel("c"));
    let error = model::Error::new("NOPERM", "No permissions to access a channel");
    let refuse = |name: &ChannelName| BackendEvent::SubscriptionRefused { name: name.clone(), error: error.clone() };
    lane.open(open(c()));
    assert_eq!(refused(&lane.tell(refuse(&name))), "NOPERM");
    assert_eq!(lane.open(open(c())), [subscribe(&name)], "it is asked for anew");
    let heard = feed(&in_force(&mut lane, &name));
    let over = [Output::Event { feed: heard, event: FeedEvent::Closed(error.clone()) }, Output::Ended { feed: heard }];
    assert_eq!(lane.tell(refuse(&name)), over);
    assert_eq!(lane.tell(refuse(&name)), []);
    assert_eq!(lane.live.counters().topics, 0);
}

#[test]
fn who_comes_before_it_is_in_force_joins_the_subscription_under_way() {
    let (mut lane, name) = (lane(), channel("c"));
    lane.open(open(c()));
    lane.stale(true);
    lane.stale(false);
    assert_eq!(lane.open(open(c())), []);
    feed(&in_force(&mut lane, &name));
}

#[test]
fn an_interruption_is_told_before_the_mark_goes() {
    let (mut lane, _, heard) = heard();
    let told = |event| [Output::Event { feed: heard, event }];
    assert_eq!(lane.stale(true), told(FeedEvent::Stale(true)));
    assert!(matches!(&lane.open(open(c()))[..], [Output::Opened { stale: true, .. }]));
    assert_eq!(lane.tell(BackendEvent::Interrupted), told(FeedEvent::Missed(None)));
    assert_eq!(lane.stale(false), told(FeedEvent::Stale(false)));
    assert_eq!(lane.stale(false), [], "once");
}

#[test]
fn one_message_is_one_event_whatever_else_there_is() {
    let (mut lane, name, _) = heard();
    for i in 0..1000 {
        lane.open(open(topic(Topic::Channel(format!("other {i}").into()))));
    }
    for _ in 0..1000 {
        assert_eq!(message(&mut lane, &name, "m").len(), 1);
    }
    assert_eq!(lane.live.counters().messages, 1000);
}

#[test]
fn what_comes_too_fast_is_counted_and_told_before_the_next_that_passes_or_a_second_later() {
    let limits = model::Limits { messages_per_second_max: 4, ..model::Limits::default() };
    let (mut lane, name) = (lane_with(live::Config { limits, ..live::Config::default() }), channel("c"));
    lane.open(open(c()));
    let feed = feed(&in_force(&mut lane, &name));
    let event = |event| Output::Event { feed, event };
    let text = || event(FeedEvent::Message("m".into()));
    let missed = |count| event(FeedEvent::Missed(Some(count)));
    // A second's worth goes at once, and not one more.
    let burst: Vec<Output> = (0..7).flat_map(|_| message(&mut lane, &name, "m")).collect();
    assert_eq!(burst, [text(), text(), text(), text()]);
    assert_eq!(lane.pass(249), []);
    assert_eq!(message(&mut lane, &name, "m"), []);
    assert_eq!(lane.pass(1), []);
    assert_eq!(message(&mut lane, &name, "m"), [missed(4), text()]);
    assert_eq!(message(&mut lane, &name, "m"), []);
    assert_eq!(lane.pass(2000), [missed(1)], "though nothing more comes");
    assert_eq!(lane.live.next_timeout(), None);
    assert_eq!(lane.live.counters().messages_over_rate, 5);
    // Who comes now has lost nothing of what was dropped before.
    (0..5).for_each(|_| drop(message(&mut lane, &name, "m")));
    let joined = lane.open(open(c()));
    assert!(matches!(&joined[..], [told, Output::Opened { .. }] if *told == missed(1)), "{joined:?}");
}
