//! One connection's life: events in, outputs out.

#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::line;
use model::command::CommandTable;
use model::feed::Tag;
use model::request::{From, Request, Response, Verb};
use model::{Args, CloseCode, EntryId, FeedId, FeedKey, Limits, Pace, Time, Topic};
use session::acl::{DenyCommands, Rules};
use session::{Config, Joined, NamedQueries, Output, Session};
use std::rc::Rc;

const NOW: Time = Time::from_millis(1000);

struct Script {
    session: Session,
    now: Time,
}

impl Script {
    fn new(rules: &str, limits: Limits) -> Script {
        let table = CommandTable::redis();
        let config = Rc::new(Config {
            limits,
            anonymous: Rc::new(Rules::parse_line(rules, &table).unwrap()),
            anonymous_user: "anonymous".into(),
            deny: DenyCommands::parse(DenyCommands::DEFAULT, &table).unwrap(),
            tokens: false,
            queries: Rc::new(NamedQueries::new(&table)),
            table,
        });
        Script { session: Session::new(&config, NOW), now: NOW }
    }

    fn free() -> Script {
        Script::new("~* &* +@all", Limits::default())
    }

    fn send(&mut self, id: impl Into<Option<u64>>, verb: Verb) -> Output {
        let mut out = Vec::new();
        self.session.handle_request(Request { id: id.into(), verb }, self.now, &mut out);
        assert_eq!(out.len(), 1, "{out:?}");
        out.remove(0)
    }

    /// The code and text of the error that answers a request, whose id it must bear.
    #[track_caller]
    fn refused(&mut self, id: impl Into<Option<u64>>, verb: Verb) -> (String, String) {
        let id = id.into();
        match self.send(id, verb) {
            Output::Answer(Response::Error { id: answered, error }) if answered == id => {
                (error.code.into_owned(), error.message.into_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    fn code(&mut self, id: impl Into<Option<u64>>, verb: Verb) -> String {
        self.refused(id, verb).0
    }

    /// Opens a channel as this feed.
    fn open(&mut self, id: u64, feed: u64) -> Joined {
        assert!(matches!(self.send(id, subscribe("c")), Output::Open { .. }));
        self.session.handle_opened(id, FeedId(feed))
    }
}

fn command(text: &str) -> Verb {
    Verb::Command(line(text))
}

fn commands(texts: &[&str]) -> Verb {
    Verb::Commands(texts.iter().map(|text| line(text)).collect::<Vec<Args>>())
}

fn live(text: &str) -> Verb {
    Verb::Live { command: line(text), every_ms: None, json: false, have: None }
}

fn subscribe(channel: &'static str) -> Verb {
    Verb::Subscribe(channel.into())
}

fn follow(stream: &'static str) -> Verb {
    Verb::Follow { stream: stream.into(), from: From::End }
}

#[test]
fn a_session_is_small() {
    assert!(size_of::<Session>() <= 96, "{}", size_of::<Session>());
}

#[test]
fn a_command_goes_to_the_backend_and_its_id_comes_back() {
    let mut script = Script::free();
    assert_eq!(script.send(1, command("GET k")), Output::Command { id: Some(1), command: line("GET k"), large: true });
    assert_eq!(script.code(1, command("GET k")), "BADREQUEST");
    script.session.handle_answered(Some(1));
    assert!(matches!(script.send(1, command("GET k")), Output::Command { id: Some(1), .. }));
}

#[test]
fn a_command_without_id_is_carried_out() {
    let mut script = Script::free();
    assert_eq!(
        script.send(None, command("SET k v")),
        Output::Command { id: None, command: line("SET k v"), large: false }
    );
    // What is not carried out is said, with no id to say it by.
    assert_eq!(script.code(None, command("FLUSHALL")), "NOPERM");
    for verb in
        [live("GET k"), subscribe("c"), follow("s"), Verb::Close(FeedId(1)), commands(&[]), Verb::Ping("1".into())]
    {
        assert_eq!(script.code(None, verb), "BADREQUEST");
    }
}

#[test]
fn errors_of_commands_are_those_of_the_table() {
    let mut script = Script::free();
    let texts = [
        ("NOSUCH a", "ERR", "unknown command 'NOSUCH', with args beginning with: 'a' "),
        ("GET", "ERR", "wrong number of arguments for 'get' command"),
        ("SUBSCRIBE c", "BADREQUEST", "`subscribe`"),
        ("MONITOR", "BADREQUEST", "`live`"),
        ("BLPOP k 0", "BADREQUEST", "`live`"),
        ("MULTI", "BADREQUEST", "`commands`"),
        ("SELECT 1", "BADREQUEST", "one database"),
        ("CLIENT ID", "BADREQUEST", "gateway's"),
        ("QUIT", "BADREQUEST", "close"),
        ("FLUSHALL", "NOPERM", "denied on this server"),
        ("KEYS *", "NOPERM", "denied on this server"),
    ];
    for (text, code, with) in texts {
        let (found, message) = script.refused(1, command(text));
        assert!(found == code && message.contains(with), "{text}: {found} {message}");
        // What Redis would not queue aborts a transaction; what is refused here is refused there too.
        let in_transaction = if code == "ERR" { "EXECABORT" } else { code };
        assert_eq!(script.code(1, commands(&["GET k", text])), in_transaction, "{text} in a transaction");
    }
    assert_eq!(script.code(1, Verb::Command([].into())), "ERR");
}

#[test]
fn rules_hold_for_every_verb() {
    let mut script = Script::new("%R~r:* ~w:* &c:* +@all -del", Limits::default());
    for verb in [
        command("GET k"),
        command("SET r:1 v"),
        command("DEL w:1"),
        command("DBSIZE"),
        command("SCAN 0"),
        commands(&["GET r:1", "SET r:1 v"]),
        live("GET k"),
        live("MGET r:1 k"),
        subscribe("d"),
        Verb::Psubscribe("c:1*".into()),
        follow("s"),
    ] {
        assert_eq!(script.code(1, verb.clone()), "NOPERM", "{verb:?}");
    }
    for (id, verb) in (1..).zip([
        command("GET r:1"),
        command("SET w:1 v"),
        commands(&["GET r:1", "SET w:1 v"]),
        live("MGET r:1 w:1"),
        subscribe("c:1"),
        Verb::Psubscribe("c:*".into()),
        follow("r:s"),
    ]) {
        assert!(!matches!(script.send(id, verb.clone()), Output::Answer(_)), "{verb:?}");
    }
    // The right verb is named even to those who may not run the command.
    assert_eq!(Script::new("+get", Limits::default()).code(1, command("SUBSCRIBE c")), "BADREQUEST");
    let (_, message) = script.refused(50, command("GET k"));
    assert_eq!(message, "this user has no permissions to access one of the keys used as arguments");
}

#[test]
fn following_needs_what_xread_needs() {
    assert_eq!(Script::new("~s +@all -xread", Limits::default()).code(1, follow("s")), "NOPERM");
    assert_eq!(Script::new("%W~s +@all", Limits::default()).code(1, follow("s")), "NOPERM");
    assert!(matches!(Script::new("%R~s +xread", Limits::default()).send(1, follow("s")), Output::Open { .. }));
    assert_eq!(Script::new("&c +@all -subscribe", Limits::default()).code(1, subscribe("c")), "NOPERM");
}

#[test]
fn a_transaction_is_refused_as_a_whole() {
    let mut script = Script::new("~a &* +@all", Limits { batch_max: 2, ..Limits::default() });
    assert_eq!(script.code(1, commands(&["GET a", "GET b"])), "NOPERM");
    assert_eq!(script.code(1, commands(&["GET a"; 3])), "TOOMANY");
    let expected = Output::Transaction { id: 1, commands: vec![line("GET a"), line("SET a 1")] };
    assert_eq!(script.send(1, commands(&["GET a", "SET a 1"])), expected);
    assert_eq!(script.code(1, commands(&["GET a"])), "BADREQUEST");
    script.session.handle_answered(Some(1));
    assert!(matches!(script.send(1, commands(&[])), Output::Transaction { .. }));
}

#[test]
fn feeds_are_opened_with_what_the_client_still_has() {
    let mut script = Script::free();
    let tag = Tag::parse("0123456789abcdef");
    let verb = Verb::Live { command: line("get k"), every_ms: Some(40), json: true, have: tag };
    let Output::Open { id: 1, key, have, from: None, fresh: false } = script.send(1, verb) else { panic!() };
    assert_eq!((key.json, key.pace, have), (true, Pace::at_least(50), tag));
    assert!(matches!(key.topic, Topic::Query(query) if query.command == line("GET k")));

    let plain = |topic| FeedKey { topic, json: false, pace: Pace::at_least(0) };
    let opened = |id, key, from| Output::Open { id, key, have: None, from, fresh: false };
    assert_eq!(script.send(2, subscribe("c")), opened(2, plain(Topic::Channel("c".into())), None));
    assert_eq!(script.send(3, Verb::Psubscribe("c*".into())), opened(3, plain(Topic::Pattern("c*".into())), None));
    let from = From::After(EntryId::new(5, 1));
    let verb = Verb::Follow { stream: "s".into(), from };
    assert_eq!(script.send(4, verb), opened(4, plain(Topic::Stream("s".into())), Some(from)));
}

#[test]
fn a_client_that_wrote_sees_its_write() {
    let fresh = |before: Verb| {
        let mut script = Script::free();
        script.send(1, before);
        matches!(script.send(2, live("GET k")), Output::Open { fresh: true, .. })
    };
    assert!(fresh(command("SET k v")) && fresh(commands(&["GET a", "INCR k"])) && fresh(command("EVAL x 0")));
    assert!(!fresh(command("GET k")) && !fresh(command("PUBLISH c m")) && !fresh(command("FLUSHALL")));
    assert!(!fresh(commands(&["INCR k", "FLUSHALL"])));
}

#[test]
fn the_same_feed_is_open_once() {
    let mut script = Script::free();
    assert_eq!(script.open(1, 17), Joined::New);
    assert_eq!(script.open(2, 17), Joined::Already);
    assert_eq!(script.open(1, 3), Joined::New);
    assert_eq!(script.session.feeds().collect::<Vec<_>>(), [FeedId(3), FeedId(17)]);
    assert_eq!(script.send(9, Verb::Close(FeedId(17))), Output::CloseFeed { id: 9, feed: FeedId(17) });
    assert_eq!(script.code(9, Verb::Close(FeedId(17))), "NOFEED");
    assert_eq!(script.code(9, Verb::Close(FeedId(99))), "NOFEED");
    script.session.handle_feed_closed(FeedId(3));
    assert_eq!(script.code(9, Verb::Close(FeedId(3))), "NOFEED");
    assert_eq!(script.session.feeds().count(), 0);
}

#[test]
fn open_and_opening_feeds_count() {
    let mut script = Script::new("~* &* +@all", Limits { feeds_max: 2, ..Limits::default() });
    script.open(1, 1);
    script.open(2, 2);
    // One more may be opening, since it may turn out to be one that is open already; a second one may not.
    script.send(3, live("GET k"));
    assert_eq!(script.code(4, subscribe("c")), "TOOMANY");
    assert_eq!(script.session.handle_opened(3, FeedId(2)), Joined::Already);
    script.send(3, live("GET other"));
    let Joined::Over(error) = script.session.handle_opened(3, FeedId(3)) else { panic!("over feeds_max") };
    assert_eq!(error.code, "TOOMANY");
    assert_eq!(script.session.feeds().collect::<Vec<_>>(), [FeedId(1), FeedId(2)]);
    script.send(4, Verb::Close(FeedId(1)));
    assert_eq!(script.open(5, 3), Joined::New);
}

#[test]
fn the_rate_is_limited() {
    let limits = Limits { requests_per_second_max: 2, requests_burst_max: 3, ..Limits::default() };
    let mut script = Script::new("~* &* +@all", limits);
    let ping = || Verb::Ping("1".into());
    for id in 0..3 {
        assert!(matches!(script.send(id, ping()), Output::Answer(Response::Pong { .. })));
    }
    assert_eq!(script.code(3, ping()), "TOOMANY");
    script.now = Time::from_millis(1499);
    assert_eq!(script.code(3, ping()), "TOOMANY");
    script.now = Time::from_millis(1500);
    assert!(matches!(script.send(3, ping()), Output::Answer(Response::Pong { id: 3, .. })));
    assert_eq!(script.code(4, command("GET k")), "TOOMANY");
    script.now = Time::from_millis(2000);
    assert_eq!(script.session.handle_rejected(script.now), Ok(()), "what is no request counts as one");
    assert_eq!(script.session.handle_rejected(script.now).map_err(|e| e.code), Err("TOOMANY".into()));
}

#[test]
fn reading_pauses_while_too_much_is_under_way() {
    let mut script = Script::new("~* &* +@all", Limits { requests_in_flight_max: 4, ..Limits::default() });
    script.send(1, command("GET k"));
    script.send(None, command("SET k v"));
    script.send(2, commands(&["GET k"]));
    assert!(script.session.wants_input());
    script.send(3, subscribe("c"));
    assert!(!script.session.wants_input());
    // What was read already is still taken.
    script.send(4, command("GET k"));
    script.session.handle_answered(None);
    assert!(!script.session.wants_input());
    script.session.handle_opened(3, FeedId(1));
    assert!(script.session.wants_input());
}

#[test]
fn ping_is_answered_verbatim_and_auth_by_noauth() {
    let mut script = Script::free();
    let json: Box<str> = r#"{"a": [1, 2]}"#.into();
    assert_eq!(script.send(8, Verb::Ping(json.clone())), Output::Answer(Response::Pong { id: 8, json }));
    assert_eq!(script.code(7, Verb::Auth("x".into())), "NOAUTH");
    assert_eq!(script.session.user().map(|user| &**user), Some("anonymous"));
    assert_eq!(script.session.next_timeout(), None);
}

#[test]
fn who_may_do_nothing_may_say_who_they_are_for_a_while() {
    let mut script = Script::new("~* &*", Limits { auth_timeout_ms: 500, ..Limits::default() });
    assert_eq!(script.session.user(), None);
    for verb in [
        command("GET k"),
        command("NOSUCH"),
        commands(&[]),
        live("GET k"),
        subscribe("c"),
        follow("s"),
        Verb::Close(FeedId(1)),
    ] {
        assert_eq!(script.code(1, verb), "NOAUTH");
    }
    assert!(matches!(script.send(1, Verb::Ping("1".into())), Output::Answer(Response::Pong { .. })));
    assert_eq!(script.code(1, Verb::Auth("x".into())), "NOAUTH");

    let mut out = Vec::new();
    assert_eq!(script.session.next_timeout(), Some(Time::from_millis(1500)));
    script.session.handle_timeout(Time::from_millis(1499), &mut out);
    assert_eq!(out, []);
    script.session.handle_timeout(Time::from_millis(1500), &mut out);
    assert_eq!(out, [Output::End(CloseCode::AuthTimeout)]);
    assert_eq!(script.session.next_timeout(), None);
}

#[test]
fn answers_nobody_waits_for_do_no_harm() {
    let mut script = Script::free();
    script.session.handle_answered(Some(5));
    script.session.handle_answered(None);
    script.session.handle_refused(5);
    script.session.handle_feed_closed(FeedId(5));
    assert!(script.session.wants_input());
    assert_eq!(
        script.send(1, Verb::Command([Bytes::from_static(b"PING")].into())),
        Output::Command { id: Some(1), command: line("PING"), large: true }
    );
}
