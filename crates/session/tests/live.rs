//! Which commands can be live, and how.

#![allow(clippy::unwrap_used)]

mod common;

use common::line;
use model::command::CommandTable;
use model::request::{Request, Verb};
use model::topic::Query;
use model::{Error, Limits, Response, Time, Topic};
use session::acl::{DenyCommands, Rules};
use session::{Config, NamedQueries, Output, Session};
use std::rc::Rc;

/// The query that a `live` opens and its pace in milliseconds, or the error that answers it.
fn live(command: &str, every_ms: Option<u64>) -> Result<(Query, u16), Error> {
    let table = CommandTable::redis();
    let config = Rc::new(Config {
        limits: Limits::default(),
        anonymous: Rc::new(Rules::parse_line("~* &* +@all", &table).unwrap()),
        anonymous_user: "anonymous".into(),
        deny: DenyCommands::parse([], &table).unwrap(),
        tokens: false,
        queries: Rc::new(NamedQueries::new(&table)),
        table,
    });
    let mut out = Vec::new();
    let verb = Verb::Live { command: line(command), every_ms, json: false, have: None };
    Session::new(&config, Time::ZERO).handle_request(Request { id: Some(1), verb }, Time::ZERO, &mut out);
    match out.pop().unwrap() {
        Output::Open { key, .. } => match key.topic {
            Topic::Query(query) => Ok((query, key.pace.ms())),
            other => panic!("{other:?}"),
        },
        Output::Answer(Response::Error { id: Some(1), error }) => Err(error),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(command: &str, every_ms: Option<u64>, code: &str, with: &str) {
    let error = live(command, every_ms).expect_err(command);
    assert!(error.code == code && error.message.contains(with), "{command}: {error}");
}

#[test]
fn reads_with_known_keys_are_tracked() {
    for (command, keys) in [
        ("GET k", "k"),
        ("MGET a b c", "a b c"),
        ("HGETALL h", "h"),
        ("ZRANGE z 0 9 REV WITHSCORES", "z"),
        ("SINTER a b", "a b"),
        ("ZUNION 2 a b WITHSCORES", "a b"),
        ("XRANGE s - +", "s"),
        ("XREAD STREAMS a b 0 0", "a b"),
        ("OBJECT HELP", ""),
        ("MEMORY USAGE k", "k"),
        ("SORT_RO l", "l"),
        ("EXISTS a b", "a b"),
    ] {
        if keys.is_empty() {
            refused(command, None, "NOTLIVE", "not a read");
            continue;
        }
        let (query, pace) = live(command, None).unwrap_or_else(|error| panic!("{command}: {error}"));
        let found: Vec<_> = query.keys.iter().map(|key| std::str::from_utf8(key).unwrap()).collect();
        assert_eq!((found.join(" ").as_str(), query.polled, pace), (keys, false, 16), "{command}");
    }
}

#[test]
fn equal_commands_are_equal_queries() {
    assert_eq!(live("get k", None), live("GET k", None));
    assert_eq!(live("memory usage k", None), live("MEMORY Usage k", None));
    assert_ne!(live("get k", None), live("get K", None));
    assert_eq!(live("get k", None).unwrap().0.command, line("GET k"));
    assert_eq!(live("memory usage k", None).unwrap().0.command, line("MEMORY USAGE k"));
}

#[test]
fn the_pace_is_rounded_up() {
    for (every, pace) in [(None, 16), (Some(0), 0), (Some(1), 16), (Some(60), 100), (Some(1_000_000), 10_000)] {
        assert_eq!(live("GET k", every).unwrap().1, pace);
    }
}

#[test]
fn unordered_output_is_sorted() {
    for (command, unordered) in
        [("SMEMBERS s", true), ("HKEYS h", true), ("SUNION a b", true), ("LRANGE l 0 -1", false)]
    {
        assert_eq!(live(command, None).unwrap().0.unordered, unordered, "{command}");
    }
}

#[test]
fn what_changes_without_a_write_is_polled_as_often_as_asked() {
    for (command, why) in [
        ("TTL k", "without a write"),
        ("PTTL k", "without a write"),
        ("SRANDMEMBER s", "without a write"),
        ("HRANDFIELD h", "without a write"),
        ("OBJECT IDLETIME k", "without a write"),
        ("XPENDING s g", "without a write"),
        ("XINFO GROUPS s", "without a write"),
        ("INFO", "names no key"),
        ("DBSIZE", "names no key"),
        ("TIME", "names no key"),
        ("KEYS *", "names no key"),
        ("RANDOMKEY", "names no key"),
        ("CONFIG GET maxmemory", "names no key"),
        ("EVAL_RO x 0", "script"),
    ] {
        refused(command, None, "NOTLIVE", why);
        refused(command, Some(99), "NOTLIVE", "`every`");
        let (query, pace) = live(command, Some(100)).unwrap_or_else(|error| panic!("{command}: {error}"));
        assert_eq!((query.polled, query.keys.len(), pace), (true, 0, 100), "{command}");
    }
}

#[test]
fn read_only_scripts_are_tracked_as_well() {
    let (query, _) = live("EVAL_RO x 2 a b c", Some(500)).unwrap();
    assert!(query.polled);
    assert_eq!(query.keys[..], line("a b")[..]);
}

#[test]
fn what_is_no_read_is_not_live() {
    for command in
        ["SET k v", "GETDEL k", "GETEX k", "SORT l", "BITFIELD k GET u8 0", "PUBLISH c m", "FLUSHALL", "PING"]
    {
        refused(command, Some(1000), "NOTLIVE", "not a read");
    }
    refused("EVAL x 0", Some(1000), "NOTLIVE", "_RO");
    refused("SORT_RO l BY w_*", None, "NOTLIVE", "keys that cannot be known");
    refused("ZUNION 9 a", None, "NOTLIVE", "keys that cannot be known");
    refused("XREAD BLOCK 0 STREAMS s $", None, "NOTLIVE", "`follow`");
    refused("BLPOP l 0", None, "NOTLIVE", "block");
    refused("SUBSCRIBE c", None, "NOTLIVE", "`subscribe`");
    refused("GET", None, "ERR", "wrong number of arguments for 'get' command");
    refused("NOSUCH k", None, "ERR", "unknown command 'NOSUCH'");
}
