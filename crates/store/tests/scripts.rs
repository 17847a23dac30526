//! Runs the scripts of `tests/scripts`: a command line, what it answers, which keys it changes.
//!
//! ```text
//! # a comment
//! ZADD z 1 a 2 b  => :2 ~ z
//! ```
//!
//! A reply is written as in RESP3, in one line: `+OK`, `-ERR …`, `:1` (integer), `,1.5` (double), `_` (null), strings bare
//! (quoted if that would be ambiguous), arrays and sets in `[…]`, maps in `{key: value …}`. Behind `~` stand the keys of
//! the change log, sorted; without it nothing may have changed. An empty line begins again with an empty store. The clock
//! stands at [`NOW_MS`].
//!
//! Scripts whose name does not end in `_own` were run on Redis 7.0.15, and their right sides are what it answered and
//! which keys its tracking invalidated.

use bytes::Bytes;
use model::Reply;
use store::{Change, Config, Store};

const NOW_MS: u64 = 1000;

#[test]
fn zset() {
    run(include_str!("scripts/zset.txt"));
}

#[test]
fn zset_own() {
    run(include_str!("scripts/zset_own.txt"));
}

#[test]
fn stream() {
    run(include_str!("scripts/stream.txt"));
}

#[test]
fn stream_own() {
    run(include_str!("scripts/stream_own.txt"));
}

/// Runs a script and shows every line that came out otherwise.
#[track_caller]
fn run(script: &str) {
    let mut store = Store::new(Config::default());
    let mut wrong = String::new();
    for (number, line) in script.lines().enumerate() {
        if line.is_empty() {
            store = Store::new(Config::default());
        }
        let Some((command, want)) = line.split_once("  => ").filter(|_| !line.starts_with('#')) else { continue };
        let got = answer(&mut store, command);
        if got != want {
            wrong += &format!("line {}: {command}\n  want {want}\n  got  {got}\n", number + 1);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

fn answer(store: &mut Store, command: &str) -> String {
    let mut text = String::new();
    write_reply(&mut text, &store.execute(&words(command), NOW_MS));
    let mut changed = Vec::new();
    store.drain_changes(|change| match change {
        Change::Key { key, .. } => changed.push(key.escape_ascii().to_string()),
        Change::All { .. } => changed.push("(all)".to_owned()),
    });
    changed.sort();
    changed.dedup();
    if !changed.is_empty() {
        text += &format!(" ~ {}", changed.join(" "));
    }
    text
}

/// Words apart by spaces; a word in double quotes may be empty or hold spaces.
fn words(line: &str) -> Vec<Bytes> {
    let (mut words, mut rest) = (Vec::new(), line.trim_start());
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a quote is closed"),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(Bytes::copy_from_slice(word.as_bytes()));
        rest = after.trim_start();
    }
    words
}

fn write_reply(text: &mut String, reply: &Reply) {
    match reply {
        Reply::Null => text.push('_'),
        Reply::Simple(line) => *text += &format!("+{}", line.escape_ascii()),
        Reply::Error(line) => *text += &format!("-{}", String::from_utf8_lossy(line)),
        Reply::Int(n) => *text += &format!(":{n}"),
        Reply::Double(d) => *text += &format!(",{d}"),
        Reply::Bulk(bytes) => write_string(text, &bytes.escape_ascii().to_string()),
        Reply::Array(items) | Reply::Set(items) => write_items(text, '[', items, ']', write_reply),
        Reply::Map(pairs) => write_items(text, '{', pairs, '}', |text, (key, value)| {
            write_reply(text, key);
            text.push_str(": ");
            write_reply(text, value);
        }),
        other => panic!("no command of these scripts answers {other:?}"),
    }
}

fn write_string(text: &mut String, string: &str) {
    let ambiguous =
        string.is_empty() || string.starts_with([':', ',', '-', '_', '+', '(']) || string.contains(AMBIGUOUS);
    *text += &if ambiguous { format!("\"{string}\"") } else { string.to_owned() };
}

const AMBIGUOUS: &[char] = &[' ', '[', ']', '{', '}', '"', '~', '='];

fn write_items<T>(text: &mut String, open: char, items: &[T], close: char, write: impl Fn(&mut String, &T)) {
    text.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        write(text, item);
    }
    text.push(close);
}
