//! Every command by example: `scripts/*.txt` are command lines, each with the reply and the changed keys that Redis 7
//! has for it.
//!
//! A line is `COMMAND ARG "quoted \x00 arg" => REPLY ~ CHANGED KEYS`; without `~`, nothing changed (`~ *`: everything).
//! A line that begins with `!` differs from Redis 7.0 on purpose, and the comment above says why. `sorted` in
//! front of a command means that the reply's elements come in any order. `---` begins with an empty store. Replies are
//! written `+simple`, `-error`, `1`, `"bulk"`, `nil` (`nil-array` where RESP2 has that of an array), `,1.5`, `[array]`,
//! `{key: value}`, `<set>`, `txt"verbatim"`.

use bytes::Bytes;
use model::Reply;
use std::collections::{BTreeMap, BTreeSet};
use store::{Change, Config, Store};

/// Some moment after all past and before all future deadlines of the scripts, in milliseconds since 1970.
const NOW_MS: u64 = 1_800_000_000_000;

#[test]
fn replies_and_changes_are_those_of_redis() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts");
    let (mut failures, mut lines) = (Vec::new(), 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let script = std::fs::read_to_string(&path).unwrap();
        let mut store = Store::new(Config::default());
        for (number, line) in script.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        {
            if line == "---" {
                store = Store::new(Config::default());
                continue;
            }
            lines += 1;
            let command = line.split(" => ").next().unwrap();
            let got = format!("{command} => {}", outcome(&mut store, command));
            if got != line {
                let name = path.file_name().unwrap().to_string_lossy();
                failures.push(format!("{name}:{}\n  want {line}\n  got  {got}", number + 1));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {lines} lines\n{}", failures.len(), failures.join("\n"));
    assert!(lines > 300, "the scripts were found");
}

/// Every command that needs no connection has at least one line in the scripts.
#[test]
fn every_command_is_shown() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts");
    let files = std::fs::read_dir(folder).unwrap();
    let text: String = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let commands = text.lines().map(|line| line.trim_start_matches("! ").trim_start_matches("sorted ").to_lowercase());
    let commands: Vec<String> = commands.collect();
    let shown = |name: &str| commands.iter().any(|line| line.starts_with(&(name.replace('|', " ") + " ")));
    let mut store = Store::new(Config::default());
    let needs_connection = |store: &mut Store, name: &str| {
        let line = name.replace('|', " ") + &" x".repeat(4);
        (0..5).any(|words| {
            let line = &line[..line.len() - 2 * words];
            show(&store.execute(&self::words(line), NOW_MS)).contains("is about a connection")
        })
    };
    let missing: Vec<&str> =
        store::implemented().filter(|name| !shown(name) && !needs_connection(&mut store, name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What a command changes and does not tell would stay wrong on every screen that shows it.
#[test]
fn no_change_goes_untold() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts");
    for file in std::fs::read_dir(folder).unwrap() {
        let script = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut store = Store::new(Config::default());
        let mut before = snapshot(&mut store);
        for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#') && *line != "---") {
            let told = outcome(&mut store, line.split(" => ").next().unwrap());
            let told: Vec<&str> = told.rsplit_once(" ~ ").map_or("", |(_, keys)| keys).split(' ').collect();
            let after = snapshot(&mut store);
            let keys = before.keys().chain(after.keys()).filter(|key| before.get(*key) != after.get(*key));
            for key in keys.map(|key| name(key)) {
                assert!(told == ["*"] || told.contains(&key.as_str()), "{line}: {key} changed");
            }
            before = after;
        }
    }
}

/// All keys with what they hold and when they end, as replies.
fn snapshot(store: &mut Store) -> BTreeMap<Bytes, [String; 2]> {
    let Reply::Array(keys) = store.execute(&words("KEYS *"), NOW_MS).expanded() else {
        panic!("KEYS answers an array")
    };
    let mut ask = |line: &[&str], key: &Bytes| {
        let mut line: Vec<Bytes> = line.iter().map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        line.insert(1, key.clone());
        show(&store.execute(&line, NOW_MS))
    };
    let keys = keys.into_iter().map(|key| if let Reply::Bulk(key) = key { key } else { panic!("a key is a bulk") });
    let held = keys.map(|key| {
        let content = match ask(&["TYPE"], &key).as_str() {
            "+string" => ask(&["GET"], &key),
            "+list" => ask(&["LRANGE", "0", "-1"], &key),
            "+set" => ask(&["SMEMBERS"], &key),
            "+hash" => ask(&["HGETALL"], &key),
            "+zset" => ask(&["ZRANGE", "0", "-1", "WITHSCORES"], &key),
            _ => ask(&["XRANGE", "-", "+"], &key),
        };
        let deadline = ask(&["PEXPIRETIME"], &key);
        (key, [content, deadline])
    });
    held.collect()
}

fn outcome(store: &mut Store, line: &str) -> String {
    let line = line.strip_prefix("! ").unwrap_or(line);
    let (sorted, line) = line.strip_prefix("sorted ").map_or((false, line), |line| (true, line));
    let mut reply = store.execute(&words(line), NOW_MS).expanded();
    if let Reply::Array(items) = &mut reply
        && sorted
    {
        items.sort_by_key(show);
    }
    let mut changed = BTreeSet::new();
    store.drain_changes(|change| {
        changed.insert(match change {
            Change::Key { key, .. } => name(&key),
            Change::All { .. } => "*".to_owned(),
        });
    });
    let changed: String = changed.into_iter().map(|key| " ".to_owned() + &key).collect();
    show(&reply) + if changed.is_empty() { "" } else { " ~" } + &changed
}

fn show(reply: &Reply) -> String {
    let list = |items: &[Reply]| items.iter().map(show).collect::<Vec<_>>();
    match reply {
        Reply::Null => "nil".into(),
        Reply::NullArray => "nil-array".into(),
        Reply::Simple(text) => format!("+{}", lossy(text)),
        Reply::Error(text) => format!("-{}", lossy(text)),
        Reply::Int(n) => n.to_string(),
        Reply::Double(d) => format!(",{d}"),
        Reply::Bool(b) => format!("#{b}"),
        Reply::Bulk(bytes) => quoted(bytes),
        Reply::Verbatim { format, text } => format!("{}{}", lossy(format), quoted(text)),
        Reply::BigNumber(digits) => format!("({}", lossy(digits)),
        Reply::Strings(strings) => show(&strings.clone().into_reply()),
        Reply::Array(items) => format!("[{}]", list(items).join(" ")),
        Reply::Set(items) => {
            let mut items = list(items);
            items.sort();
            format!("<{}>", items.join(" "))
        }
        Reply::Map(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}: {}", show(k), show(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
    }
}

/// A key as it stands behind `~`.
fn name(key: &[u8]) -> String {
    if key.iter().all(u8::is_ascii_graphic) { lossy(key).into_owned() } else { quoted(key) }
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn quoted(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|&b| match b {
        b'"' | b'\\' => format!("\\{}", char::from(b)),
        b' '..=b'~' => char::from(b).to_string(),
        _ => format!("\\x{b:02x}"),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Splits a line at spaces; a word in double quotes may hold spaces and `\"`, `\\`, `\xNN`.
fn words(line: &str) -> Vec<Bytes> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b' ' {
            rest = tail;
        } else if *first == b'"' {
            let (word, after) = unquote(tail);
            words.push(word);
            rest = after;
        } else {
            let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
            words.push(Bytes::copy_from_slice(&rest[..end]));
            rest = &rest[end..];
        }
    }
    words
}

fn unquote(mut text: &[u8]) -> (Bytes, &[u8]) {
    let mut word = Vec::new();
    loop {
        match text {
            [b'"', rest @ ..] => return (word.into(), rest),
            [b'\\', b'x', high, low, rest @ ..] => {
                let digit = |c: u8| char::from(c).to_digit(16).expect("a hexadecimal digit") as u8;
                word.push(16 * digit(*high) + digit(*low));
                text = rest;
            }
            [b'\\', byte, rest @ ..] | [byte, rest @ ..] => {
                word.push(*byte);
                text = rest;
            }
            [] => panic!("a quote is not closed"),
        }
    }
}
