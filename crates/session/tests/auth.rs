//! Tokens and what they change: rules of one's own, renewal, expiry, named queries, revocation.

#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::line;
use model::command::CommandTable;
use model::request::{From, Request, Response, Verb};
use model::{CloseCode, Error, FeedId, Limits, Time, Topic, Value};
use session::acl::{DenyCommands, Rules};
use session::{Claims, Config, Grant, Joined, NamedQueries, Output, Revoked, RuleLists, Session};
use std::rc::Rc;

const NOW: Time = Time::from_millis(1000);

fn config(anonymous: &str) -> Rc<Config> {
    let table = CommandTable::redis();
    let deny = DenyCommands::parse(DenyCommands::DEFAULT, &table).unwrap();
    let mut queries = NamedQueries::new(&table);
    for (name, text) in
        [("mine", "GET user:{@sub}:x"), ("top", "ZRANGE board 0 {n:int:0..9}"), ("say", "SET said {x:text}")]
    {
        queries.add(name, &line(text), &table, &deny).unwrap();
    }
    Rc::new(Config {
        limits: Limits { auth_timeout_ms: 500, ..Limits::default() },
        anonymous: Rc::new(Rules::parse_line(anonymous, &table).unwrap()),
        anonymous_user: "anonymous".into(),
        deny,
        tokens: true,
        queries: Rc::new(queries),
        table,
    })
}

fn grant(user: &str, rules: &str) -> Grant {
    let claims = Claims::new([("sub", user)]);
    let list: Vec<String> = rules.split(' ').map(str::to_owned).collect();
    let rules = RuleLists { lists: vec![&list] }.rules(&claims, &CommandTable::redis()).unwrap();
    Grant {
        user: user.into(),
        rules,
        claims,
        token_id: Some("t1".into()),
        issued: Some(100),
        expires: None,
        ends: None,
        allowance: None,
        generation: 0,
    }
}

struct Script {
    session: Session,
    last_id: u64,
}

impl Script {
    fn new(grant: impl Into<Option<Grant>>) -> Script {
        Script { session: Session::of(&config("-@all"), grant.into(), NOW), last_id: 0 }
    }

    fn send(&mut self, verb: Verb) -> Output {
        self.last_id += 1;
        let mut out = Vec::new();
        self.session.handle_request(Request { id: Some(self.last_id), verb }, NOW, &mut out);
        assert_eq!(out.len(), 1, "{out:?}");
        out.remove(0)
    }

    fn code(&mut self, verb: Verb) -> String {
        match self.send(verb) {
            Output::Answer(Response::Error { error, .. }) => error.code.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    /// Opens a feed under this number and says what it is.
    fn open(&mut self, verb: Verb, feed: u64) -> Topic {
        let Output::Open { id, key, .. } = self.send(verb) else { panic!("not opened") };
        assert_eq!(self.session.handle_opened(id, FeedId(feed)), Joined::New);
        key.topic
    }

    /// Presents a token, which gives this. What comes of it but the answer.
    fn authenticate(&mut self, result: Result<Grant, Error>) -> (Response, Vec<Output>) {
        let Output::Authenticate { id, token } = self.send(Verb::Auth("t".into())) else { panic!("not asked") };
        assert_eq!(token, "t");
        assert!(!self.session.wants_input(), "what comes behind is for the new rules");
        let mut out = Vec::new();
        self.session.handle_authenticated(id, result, &mut out);
        assert!(self.session.wants_input());
        let Output::Answer(answer) = out.remove(0) else { panic!("{out:?}") };
        (answer, out)
    }

    fn recheck(&mut self, feeds: &[(u64, Topic)]) -> Vec<u64> {
        let mut out = Vec::new();
        for (feed, topic) in feeds {
            self.session.handle_topic(FeedId(*feed), topic, &mut out);
        }
        let forbidden = |output| match output {
            Output::Forbid { feed, error } if error.code == "NOPERM" => feed.0,
            other => panic!("{other:?}"),
        };
        out.into_iter().map(forbidden).collect()
    }

    fn timeout(&mut self, now: Time) -> Vec<Output> {
        let mut out = Vec::new();
        self.session.handle_timeout(now, &mut out);
        out
    }
}

fn command(text: &str) -> Verb {
    Verb::Command(line(text))
}

fn live(text: &str) -> Verb {
    Verb::Live { command: line(text), every_ms: None, json: false, have: None }
}

#[test]
fn a_token_gives_its_rules_and_no_others() {
    let mut script = Script::new(grant("ann", "~user:{sub}:* &user:{sub} +@all -@command (~log +xadd)"));
    assert_eq!(script.session.user().map(|user| &**user), Some("ann"));
    assert_eq!(script.session.next_timeout(), None, "who is known has no time limit to say so");
    assert!(matches!(script.send(live("GET user:ann:x")), Output::Open { .. }));
    assert!(matches!(script.send(Verb::Subscribe("user:ann".into())), Output::Open { .. }));
    assert!(matches!(script.send(Verb::Follow { stream: "user:ann:s".into(), from: From::End }), Output::Open { .. }));
    for verb in [
        live("GET user:bob:x"),
        Verb::Subscribe("user:bob".into()),
        command("GET user:ann:x"),
        command("XADD user:ann:s * a b"),
    ] {
        assert_eq!(script.code(verb.clone()), "NOPERM", "{verb:?}");
    }
    // What a selector allows may be run, since nothing in it says otherwise.
    assert!(matches!(script.send(command("XADD log * a b")), Output::Command { .. }));
}

#[test]
fn who_may_do_nothing_is_somebody_all_the_same() {
    let mut script = Script::new(grant("ann", "-@all"));
    assert_eq!(script.session.user().map(|user| &**user), Some("ann"));
    assert_eq!(script.code(command("GET k")), "NOPERM");
    assert_eq!(Script::new(None).code(command("GET k")), "NOAUTH");
}

#[test]
fn presenting_a_token_makes_somebody_of_nobody() {
    let mut script = Script::new(None);
    assert_eq!(script.session.next_timeout(), Some(Time::from_millis(1500)));
    let expires = Grant { expires: Some(1700), ends: Some(Time::from_millis(9000)), ..grant("ann", "~a +get") };
    let (answer, outputs) = script.authenticate(Ok(expires));
    let text = |text: &'static str| Value::Str(Bytes::from_static(text.as_bytes()));
    let value = Value::Object(vec![("user".into(), text("ann")), ("expires".into(), Value::Int(1700))]);
    assert_eq!((answer, outputs), (Response::Result { id: 1, value }, vec![Output::Recheck]));
    assert!(matches!(script.send(command("GET a")), Output::Command { .. }));
    assert_eq!((script.session.next_timeout(), script.session.expires()), (Some(Time::from_millis(9000)), Some(1700)));
}

#[test]
fn a_bad_token_changes_nothing() {
    let mut script = Script::new(grant("ann", "~a +get"));
    let error = Error::new("NOAUTH", "the token expired");
    let (answer, outputs) = script.authenticate(Err(error.clone()));
    assert_eq!((answer, outputs), (Response::Error { id: Some(1), error }, vec![]));
    assert!(matches!(script.send(command("GET a")), Output::Command { .. }));
}

#[test]
fn the_connection_ends_when_its_token_does_unless_it_is_renewed() {
    let until = |ms| Grant { ends: Some(Time::from_millis(ms)), ..grant("ann", "~a +get") };
    let mut script = Script::new(until(2000));
    assert_eq!(script.session.next_timeout(), Some(Time::from_millis(2000)));
    script.authenticate(Ok(until(3000)));
    assert_eq!(script.timeout(Time::from_millis(2000)), []);
    assert_eq!(script.timeout(Time::from_millis(2999)), []);
    assert_eq!(script.timeout(Time::from_millis(3000)), [Output::End(CloseCode::TokenExpired)]);
    assert_eq!(script.timeout(Time::from_millis(3001)), [], "once");
}

#[test]
fn renewal_keeps_the_feeds_that_are_allowed_still() {
    let mut script = Script::new(grant("ann", "~a ~b &c &d* +@all"));
    let feeds = [
        (1, script.open(live("get a"), 1)),
        (2, script.open(live("MGET a b"), 2)),
        (3, script.open(Verb::Subscribe("c".into()), 3)),
        (4, script.open(Verb::Psubscribe("d*".into()), 4)),
        (5, script.open(Verb::Follow { stream: "b".into(), from: From::End }, 5)),
    ];
    script.authenticate(Ok(grant("ann", "~a ~b &c &d* +@all")));
    assert_eq!(script.recheck(&feeds), [0; 0]);
    script.authenticate(Ok(grant("ann", "~a &c +@all -@command")));
    assert_eq!(script.recheck(&feeds), [2, 4, 5]);
    assert_eq!(script.session.feeds().collect::<Vec<_>>(), [FeedId(1), FeedId(3)]);
    assert_eq!(script.recheck(&feeds), [0; 0], "what is closed is closed");
    script.authenticate(Ok(grant("ann", "-@all")));
    assert_eq!(script.recheck(&feeds), [1, 3]);
}

#[test]
fn what_opens_by_old_rules_is_checked_once_it_is_open() {
    let mut script = Script::new(grant("ann", "~a ~b +@all"));
    let Output::Open { id, key, .. } = script.send(live("GET b")) else { panic!() };
    script.authenticate(Ok(grant("ann", "~a +@all")));
    assert_eq!(script.session.handle_opened(id, FeedId(7)), Joined::New);
    assert!(script.session.wants_recheck());
    assert_eq!(script.recheck(&[(7, key.topic)]), [7]);
    script.open(live("GET a"), 8);
    assert!(!script.session.wants_recheck());
}

#[test]
fn named_queries_go_through_every_verb() {
    let mut script = Script::new(grant("ann", "+@named"));
    assert_eq!(
        script.send(command("@say hello")),
        Output::Command { id: Some(1), command: line("SET said hello"), large: false }
    );
    let verb = Verb::Commands(vec![line("@say a"), line("@mine")]);
    let commands = vec![line("SET said a"), line("GET user:ann:x")];
    assert_eq!(script.send(verb), Output::Transaction { id: 2, commands });
    let Topic::Query(query) = script.open(live("@top 3"), 1) else { panic!() };
    assert_eq!(query.command, line("ZRANGE board 0 3"));
    assert_eq!(script.code(live("@say x")), "NOTLIVE");
    for verb in [command("GET user:ann:x"), live("ZRANGE board 0 3"), Verb::Subscribe("c".into())] {
        assert_eq!(script.code(verb), "NOPERM");
    }
    assert_eq!(script.code(live("@top 10")), "ERR");
    assert_eq!(script.code(live("@nosuch")), "ERR");
    // Without the verb `command`, names serve feeds only.
    let mut script = Script::new(grant("ann", "+@named -@command"));
    assert_eq!(script.code(command("@mine")), "NOPERM");
    assert!(matches!(script.send(live("@mine")), Output::Open { .. }));
}

#[test]
fn feeds_opened_by_name_stay_while_the_name_means_the_same() {
    let mut script = Script::new(grant("ann", "+@named"));
    let feeds = [(1, script.open(live("@mine"), 1)), (2, script.open(live("@top 3"), 2))];
    script.authenticate(Ok(grant("ann", "+@named -@command")));
    assert_eq!(script.recheck(&feeds), [0; 0]);
    script.authenticate(Ok(grant("ann", "+@named|mine ~board +zrange")));
    assert_eq!(script.recheck(&feeds), [0; 0], "by its own rights the second");
    // Another user's name for the same query is another query.
    script.authenticate(Ok(grant("bob", "+@named")));
    assert_eq!(script.recheck(&feeds), [1]);
    script.authenticate(Ok(grant("bob", "+@named -@named|top")));
    assert_eq!(script.recheck(&feeds), [2]);
}

#[test]
fn the_revoked_are_known_by_user_and_by_token() {
    let revoked = |field| Revoked::new([(field, "200")]);
    let script = Script::new(grant("ann", "~a +get"));
    for (field, yes) in [("user:ann", true), ("user:bob", false), ("token:t1", true), ("token:t2", false)] {
        assert_eq!(script.session.is_revoked(&revoked(field)), yes, "{field}");
    }
    assert!(!Script::new(None).session.is_revoked(&revoked("user:anonymous")));
}

#[test]
fn settings_that_change_hold_at_once_and_let_who_has_a_token_come_again() {
    let handle = |session: &mut Session, anonymous: &str, renew_at: Option<u64>| {
        let mut out = Vec::new();
        session.handle_config(&config(anonymous), renew_at.map(Time::from_millis), NOW, &mut out);
        out
    };
    let mut ann = Script::new(grant("ann", "~a +get")).session;
    assert_eq!(handle(&mut ann, "-@all", None), [Output::Recheck]);
    assert_eq!(ann.next_timeout(), None, "a token gives what it gave");
    handle(&mut ann, "-@all", Some(1500));
    handle(&mut ann, "-@all", Some(9000));
    assert_eq!(ann.next_timeout(), Some(Time::from_millis(1500)), "what is sooner counts");
    let mut out = Vec::new();
    ann.handle_timeout(Time::from_millis(1500), &mut out);
    assert_eq!(out, [Output::End(CloseCode::TokenExpired)]);

    let mut nobody = Session::new(&config("~a +get"), NOW);
    assert_eq!(nobody.next_timeout(), None);
    handle(&mut nobody, "-@all", Some(1500));
    assert_eq!((nobody.next_timeout(), nobody.user()), (Some(NOW + std::time::Duration::from_millis(500)), None));
    handle(&mut nobody, "~a +get", None);
    assert_eq!(nobody.next_timeout(), None, "it may do something again");

    let mut node = Session::of(&config("-@all"), Some(Grant::node(&CommandTable::redis())), NOW);
    assert_eq!((handle(&mut node, "-@all", Some(1500)), node.next_timeout()), (vec![], None));
}

#[test]
fn what_a_user_may_ask_is_shared_by_its_connections_and_told_by_its_limit() {
    let table = CommandTable::redis();
    let limits = Limits { user_requests_per_second_max: 1, user_requests_burst_max: 3, ..Limits::default() };
    let config = Rc::new(Config { limits, table, ..(*config("~a +get")).clone() });
    let allowance = session::Allowance::default();
    let given = || Grant { allowance: Some(allowance.clone()), ..grant("ann", "~a +get") };
    let mut scripts = [Session::of(&config, Some(given()), NOW), Session::of(&config, Some(given()), NOW)]
        .map(|session| Script { session, last_id: 0 });
    let ping = || Verb::Ping("1".into());
    let taken: Vec<bool> =
        (0..6).map(|n| matches!(scripts[n % 2].send(ping()), Output::Answer(Response::Pong { .. }))).collect();
    assert_eq!(taken, [true, true, true, false, false, false]);
    assert_eq!(scripts[1].session.take_over_rate(), Some(session::RateLimit::User));
    assert_eq!(scripts[1].session.take_over_rate(), None, "told once");
    let mut nobody = Session::new(&config, NOW);
    nobody.share(Some(allowance));
    assert!(
        nobody.handle_rejected(NOW).is_err() && nobody.handle_rejected(NOW + std::time::Duration::from_secs(1)).is_ok()
    );
}
