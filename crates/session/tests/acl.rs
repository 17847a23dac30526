//! The ACL language: what rules say, and what is wrong with them.

#![allow(clippy::unwrap_used)]

mod common;

use common::line;
use model::command::CommandTable;
use session::acl::{Access, Denied, DenyCommands, Rules};

fn rules(text: &str) -> Rules {
    Rules::parse_line(text, &CommandTable::redis()).unwrap_or_else(|error| panic!("{error}"))
}

fn check(rules: &Rules, command: &str) -> Result<(), Denied> {
    let (table, command) = (CommandTable::redis(), line(command));
    rules.check(&Access::of(table.resolve(&command).unwrap(), &command))
}

#[track_caller]
fn allows(text: &str, yes: &[&str], no: &[&str]) {
    let rules = rules(text);
    for command in yes {
        assert_eq!(check(&rules, command), Ok(()), "{text}: {command}");
    }
    for command in no {
        assert!(check(&rules, command).is_err(), "{text} must not allow {command}");
    }
}

#[test]
fn nothing_is_allowed_until_a_rule_says_so() {
    allows("", &[], &["GET a", "PING", "PUBLISH c m", "INFO"]);
    assert!(rules("").allow_nothing() && rules("~* &*").allow_nothing() && rules("+get -get").allow_nothing());
    assert!(!rules("+get").allow_nothing() && !rules("(+get)").allow_nothing() && !rules("+select|0").allow_nothing());
}

#[test]
fn rules_apply_from_left_to_right() {
    allows("~* +@all -set", &["GET a", "DEL a"], &["SET a 1"]);
    allows("~* -set +@all", &["SET a 1"], &[]);
    allows("~* +@read -get +@string", &["GET a", "SET a 1"], &["DEL a"]);
    allows("~* +@all nocommands +get", &["GET a"], &["SET a 1"]);
    allows("+@all ~a resetkeys ~b", &["GET b"], &["GET a"]);
    allows("+@all &a resetchannels &b", &["PUBLISH b m"], &["PUBLISH a m"]);
    allows("~* +get (~* +set) clearselectors", &["GET a"], &["SET a 1"]);
}

#[test]
fn keys_are_held_to_patterns_by_what_happens_to_them() {
    allows("~user:* +@all", &["GET user:1", "MGET user:1 user:2"], &["GET a", "MGET user:1 a", "RENAME user:1 a"]);
    allows(
        "%R~a %W~b +@all",
        &["GET a", "SET b 1", "COPY a b", "EXISTS a", "EXISTS b", "STRLEN b"],
        &["GET b", "SET a 1", "COPY b a"],
    );
    allows("%R~a %W~a +@all", &["GETDEL a"], &[]);
    // One pattern must allow the whole of it, as in Redis.
    allows("%R~a* %W~*a +@all", &["GET a", "SET a 1"], &["GETDEL a"]);
    allows("%RW~a %wr~b +@all", &["GETDEL a", "GETDEL b"], &["GET c"]);
    allows("%R~k +@all", &["BITFIELD k GET u8 0"], &["BITFIELD k SET u8 0 1", "SET k 1 GET"]);
    allows("%W~k +@all", &["SET k 1"], &["SET k 1 GET", "SORT k"]);
    allows(
        "%R~l %W~d +@all",
        &["SORT l STORE d", "GEORADIUS l 1 2 3 km STORE d"],
        &["SORT l STORE l", "SORT d STORE l"],
    );
}

#[test]
fn keys_that_cannot_be_known_need_all_keys() {
    allows("~l ~w_* +@all", &["SORT l"], &["SORT l BY w_*", "SORT_RO l GET w_*", "ZUNION 9 l w_1"]);
    allows("~* +@all", &["SORT l BY w_*", "SORT_RO l GET w_*"], &[]);
    allows("%RW~* +@all", &["SORT l BY w_*"], &[]);
    allows("%R~* +@all", &[], &["SORT l BY w_*"]);
    assert_eq!(check(&rules("~l +@all"), "SORT l BY w_*"), Err(Denied::AllKeys));
}

#[test]
fn channels_are_matched_and_patterns_compared_literally() {
    allows(
        "&ch:* +@all",
        &["SUBSCRIBE ch:1 ch:2", "PUBLISH ch:1 m", "SPUBLISH ch:1 m", "PSUBSCRIBE ch:*"],
        &["SUBSCRIBE ch:1 x", "PUBLISH x m", "SSUBSCRIBE x", "PSUBSCRIBE ch:1*", "PSUBSCRIBE *"],
    );
    allows("&* +@all", &["PSUBSCRIBE *", "PSUBSCRIBE x*", "SUBSCRIBE x"], &[]);
    allows("resetchannels +@all", &["UNSUBSCRIBE x", "PUNSUBSCRIBE"], &["SUBSCRIBE x"]);
}

#[test]
fn subcommands_and_first_arguments_are_commands_of_their_own() {
    allows("+config|get", &["CONFIG GET x", "config get x"], &["CONFIG SET a b", "CONFIG RESETSTAT"]);
    allows("+config -config|set", &["CONFIG GET x"], &["CONFIG SET a b"]);
    allows("+@all -config", &[], &["CONFIG GET x"]);
    allows("+select|0 +select|1", &["SELECT 0", "SELECT 1"], &["SELECT 2"]);
    allows("+select|0 -select", &[], &["SELECT 0"]);
    allows("+select|0 +select", &["SELECT 5"], &[]);
    allows("+OBJECT|Encoding ~*", &["OBJECT ENCODING k"], &["OBJECT FREQ k"]);
}

#[test]
fn the_root_or_one_selector_must_allow_all_of_it() {
    let text = "~g:* +get (~s:* +set)";
    allows(text, &["GET g:1", "SET s:1 x"], &["GET s:1", "SET g:1 x", "DEL g:1"]);
    allows("~* +get (+set ~s:*)", &["GET x", "SET s:1 x"], &["SET g:1 x"]);
    allows("(~a %R~b +copy)", &["COPY b a"], &["COPY a b"]);
    let table = CommandTable::redis();
    let pieces = Rules::parse(["~g:*", "+get", "(~s:*", "+set)"], &table);
    assert_eq!(pieces, Rules::parse_line(text, &table));
    // The reason told is the one that came furthest.
    assert_eq!(check(&rules(text), "GET s:1"), Err(Denied::Key));
    assert_eq!(check(&rules(text), "DEL s:1"), Err(Denied::Command));
    assert_eq!(check(&rules("+get (+subscribe &a)"), "SUBSCRIBE b"), Err(Denied::Channel));
}

#[test]
fn refusals_are_in_redis_words() {
    let error = |text: &str, command: &str| {
        let name = CommandTable::redis().find(&line(command)).unwrap().name.clone();
        check(&rules(text), command).unwrap_err().error(&name).to_string()
    };
    assert_eq!(error("", "GET a"), "NOPERM this user has no permissions to run the 'get' command");
    assert_eq!(error("", "CONFIG SET a b"), "NOPERM this user has no permissions to run the 'config|set' command");
    assert_eq!(
        error("+get", "GET a"),
        "NOPERM this user has no permissions to access one of the keys used as arguments"
    );
    let channel = "NOPERM this user has no permissions to access one of the channels used as arguments";
    assert_eq!(error("+publish", "PUBLISH a m"), channel);
}

#[test]
fn a_wrong_rule_is_named_with_redis_reason() {
    let table = CommandTable::redis();
    for (text, rule, reason) in [
        ("+get +nosuch", "+nosuch", "Unknown command or category name in ACL"),
        ("+@nosuch", "+@nosuch", "Unknown command or category name in ACL"),
        ("-get|x", "-get|x", "Unknown command or category name in ACL"),
        ("+config|nosuch", "+config|nosuch", "Unknown command or category name in ACL"),
        ("+|x", "+|x", "Unknown command or category name in ACL"),
        ("+client|tracking|x", "+client|tracking|x", "Allowing first-arg of a subcommand is not supported"),
        ("+debug|", "+debug|", "Syntax error"),
        ("%X~a", "%X~a", "Syntax error"),
        ("%~a", "%~a", "Syntax error"),
        ("%RR~a", "%RR~a", "Syntax error"),
        ("%", "%", "Syntax error"),
        ("get", "get", "Syntax error"),
        ("(+get ~x (+set))", "(+get ~x (+set)", "Syntax error"),
        ("(clearselectors)", "(clearselectors)", "Syntax error"),
        ("(+nosuch)", "(+nosuch)", "Unknown command or category name in ACL"),
        ("(+get", "(+get", "Unmatched parenthesis in acl selector"),
    ] {
        let error = Rules::parse_line(text, &table).expect_err(text);
        assert!(error.rule.starts_with(rule) && error.reason == reason, "{text}: {error}");
    }
    for (text, begin) in [
        ("~* ~a", "Adding a pattern after the * pattern (or the 'allkeys' flag)"),
        ("&* &a", "Adding a pattern after the * pattern (or the 'allchannels' flag)"),
    ] {
        assert!(Rules::parse_line(text, &table).expect_err(text).reason.starts_with(begin));
    }
    assert_eq!(Rules::parse(["~a b"], &table).unwrap_err().to_string(), "Error in ACL rule '~a b': Syntax error");
    assert!(Rules::parse(["", "()", "+get"], &table).is_ok());
}

#[test]
fn what_is_about_users_is_refused() {
    for rule in ["on", "OFF", "nopass", "resetpass", "reset", ">pw", "<pw", "#00", "!00", "sanitize-payload"] {
        let error = Rules::parse([rule], &CommandTable::redis()).expect_err(rule);
        assert!(error.reason.contains("users and passwords"), "{error}");
    }
}

#[test]
fn denied_commands_are_read_as_rules() {
    let table = CommandTable::redis();
    let denies = |rules: &[&str], command: &str| {
        let (deny, command) = (DenyCommands::parse(rules.iter().copied(), &table).unwrap(), line(command));
        deny.denies(table.resolve(&command).unwrap(), &command)
    };
    for command in ["FLUSHALL", "CONFIG GET x", "KEYS *", "SORT l", "SHUTDOWN", "ACL LIST", "DEBUG OBJECT k"] {
        assert!(denies(&DenyCommands::DEFAULT, command), "{command}");
    }
    for command in ["INFO", "GET k", "SCAN 0", "PUBLISH c m", "EVAL x 0"] {
        assert!(!denies(&DenyCommands::DEFAULT, command), "{command}");
    }
    assert!(denies(&["get", "-set"], "GET k") && denies(&["get", "-set"], "SET k v") && !denies(&["get"], "SET k v"));
    assert!(denies(&["@all", "+get"], "SET k v") && !denies(&["@all", "+get"], "GET k"));
    assert!(
        denies(&["debug", "+debug|object"], "DEBUG SLEEP 1") && !denies(&["debug", "+debug|object"], "DEBUG OBJECT k")
    );
    assert!(denies(&["config|set"], "CONFIG SET a b") && !denies(&["config|set"], "CONFIG GET a"));
    assert!(!denies(&[], "FLUSHALL"));
    for wrong in ["nosuch", "@nosuch", "~a", "(get)"] {
        assert!(DenyCommands::parse([wrong], &table).is_err(), "{wrong}");
    }
}

/// A microsecond each is the aim; ten are allowed here, since tests share the machine.
#[test]
#[allow(clippy::disallowed_methods, reason = "the test measures")]
fn a_check_is_cheap() {
    const CHECKS: u32 = 100_000;
    let (table, command) = (CommandTable::redis(), line("GET user:12345"));
    let rules = rules("~user:* ~session:* &room:* +@read +@write -flushall (~log:* +xadd)");
    let begin = std::time::Instant::now();
    for _ in 0..CHECKS {
        assert_eq!(rules.check(&Access::of(table.resolve(&command).unwrap(), &command)), Ok(()));
    }
    let each = begin.elapsed() / CHECKS;
    println!("resolve, find keys and check: {each:?}");
    assert!(each < std::time::Duration::from_micros(10), "{each:?}");
}
