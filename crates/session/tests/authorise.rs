//! Who may do what: beyond Redis' own rules.

#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::line;
use model::command::CommandTable;
use proptest::prelude::*;
use session::acl::{DenyCommands, Rules};
use session::authorise;

fn outcome(rules: &str, deny: &[&str], command: &str) -> Result<(), String> {
    let table = CommandTable::redis();
    let rules = Rules::parse_line(rules, &table).unwrap();
    let deny = DenyCommands::parse(deny.iter().copied(), &table).unwrap();
    authorise(&table, &rules, &deny, &line(command)).map(drop).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(rules: &str, command: &str, with: &str) {
    let error = outcome(rules, &[], command).expect_err(command);
    assert!(error.contains(with), "{command}: {error}");
}

#[test]
fn commands_that_show_every_name_need_all_keys() {
    for command in ["KEYS *", "SCAN 0", "RANDOMKEY", "DBSIZE", "CLUSTER GETKEYSINSLOT 0 10"] {
        refused("~a* %R~* +@all &*", command, "NOPERM");
        assert_eq!(outcome("~* +@all", &[], command), Ok(()), "{command}");
        // All in one selector, not here the keys and there the command.
        let name = command.split(' ').next().unwrap().to_lowercase();
        refused(&format!("~* (+{name} ~a)"), command, "NOPERM");
    }
    refused("~* &a +@all", "PUBSUB CHANNELS", "all channels");
    assert_eq!(outcome("&* +@all", &[], "PUBSUB CHANNELS"), Ok(()));
}

#[test]
fn scripts_need_everything() {
    for command in [
        "EVAL x 0",
        "EVALSHA x 1 k",
        "FCALL f 0",
        "EVAL_RO x 1 k",
        "EVALSHA_RO x 0",
        "FCALL_RO f 0",
        "FUNCTION LOAD x",
        "SCRIPT LOAD x",
    ] {
        for rules in ["~* +@all", "&* +@all ~a", "~* &* +@all -debug", "~* &* +@scripting", "~* +@all (&* +@all)"] {
            refused(rules, command, "NOPERM");
        }
        assert_eq!(outcome("~* &* +@all", &[], command), Ok(()), "{command}");
        assert_eq!(outcome("(~* &* +@all)", &[], command), Ok(()), "{command}");
    }
}

#[test]
fn what_the_server_denies_no_rule_allows() {
    let error = outcome("~* &* +@all", &DenyCommands::DEFAULT, "FLUSHALL").unwrap_err();
    assert_eq!(error, "NOPERM the 'flushall' command is denied on this server");
    assert_eq!(outcome("~* &* +@all", &DenyCommands::DEFAULT, "INFO"), Ok(()));
}

#[test]
fn unknown_commands_are_told_only_to_those_who_may_do_something() {
    refused("+get", "NOSUCH a", "ERR unknown command 'NOSUCH', with args beginning with: 'a' ");
    refused("+get", "GET", "ERR wrong number of arguments for 'get' command");
    refused("+get", "CONFIG NOSUCH", "ERR unknown subcommand 'NOSUCH'. Try CONFIG HELP.");
    refused("~* &*", "NOSUCH a", "NOPERM");
    refused("", "GET", "NOPERM");
}

/// Words that options, counts and keys are made of.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        "a",
        "0",
        "1",
        "2",
        "3",
        "-1",
        "9223372036854775807",
        "18446744073709551615",
        "get",
        "STORE",
        "storedist",
        "STREAMS",
        "keys",
        "KEYS",
        "AUTH",
        "auth2",
        "BY",
        "w_*",
        "LIMIT",
        "BLOCK",
        "COUNT",
        "GROUP",
        "OVERFLOW",
        "#",
        "\u{ff}",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the words: no key is outside the line, and who may touch no key gets through only with lines without keys.
    #[test]
    fn no_line_gets_past_the_keys(at in any::<prop::sample::Index>(), words in prop::collection::vec(word(), 0..12)) {
        let table = CommandTable::redis();
        let spec = at.get(&table.iter().collect::<Vec<_>>()).to_owned();
        let name = spec.name.split('|').map(str::to_owned);
        let command: Vec<Bytes> = name.chain(words.into_iter().map(str::to_owned)).map(Bytes::from).collect();
        let Some(found) = table.find(&command) else { return Ok(()) };
        for key in found.keys(&command).unwrap_or_default() {
            prop_assert!(key.position > 0 && key.position < command.len());
        }
        let (rules, deny) = (Rules::parse(["+@all"], &table).unwrap(), DenyCommands::parse([], &table).unwrap());
        if authorise(&table, &rules, &deny, &command).is_ok() {
            prop_assert!(!found.has_keys(), "{command:?}");
        }
    }
}
