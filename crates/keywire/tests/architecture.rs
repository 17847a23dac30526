//! The house is held by machines: the arrows between the crates are those of one table, and what the crates below the
//! wall must not know is not in their source. A new arrow is a change of this file, and so a reviewed one.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crate may use which; every crate may use `model`, and there are no other arrows. ARCHITECTURE.md draws it.
const ARROWS: &[(&str, &[&str])] = &[
    // `lane` and `upstream`, for what assembling gives to them; `wire`, because `bench` is a client and speaks WebSocket.
    ("keywire", &["doors", "runtime", "backend", "auth", "lane", "upstream", "wire"]),
    ("doors", &["auth", "lane", "wire", "runtime"]),
    ("auth", &["session"]),
    ("backend", &["wire", "upstream", "store", "runtime"]),
    ("runtime", &["lane"]),
    ("lane", &["wire", "session", "hub", "live"]),
    ("sim", &["lane", "wire", "store", "upstream"]),
    ("wire", &[]),
    ("store", &["acl"]),
    ("upstream", &[]),
    ("live", &[]),
    ("hub", &[]),
    ("session", &["acl"]),
    ("acl", &[]),
    ("model", &[]),
    // For tests alone.
    ("explore", &[]),
];

/// Crates that decide and never wait: no clock, no runtime, no locks, no IO.
const BELOW_THE_WALL: &[&str] = &["model", "acl", "wire", "store", "upstream", "live", "hub", "session", "lane"];

const LINES_MAX: usize = 800;

#[test]
fn the_arrows_are_those_of_the_table() {
    let table: BTreeMap<String, BTreeSet<String>> =
        ARROWS.iter().map(|(from, to)| (from.to_string(), names(to))).collect();
    let crates = workspace();
    assert_eq!(names_of(&crates), names_of(&table), "crates");
    for (name, found) in &crates {
        let expected = &table[name];
        let found: BTreeSet<_> = found.iter().filter(|to| *to != "model").cloned().collect();
        let (more, fewer): (Vec<_>, Vec<_>) =
            (found.difference(expected).collect(), expected.difference(&found).collect());
        assert!(more.is_empty(), "{name} uses {more:?}, which the table does not allow");
        assert!(fewer.is_empty(), "{name} does not use {fewer:?}: take the arrow out of the table");
    }
}

#[test]
fn the_table_has_no_cycle() {
    let mut built: BTreeSet<&str> = BTreeSet::new();
    while built.len() < ARROWS.len() {
        let ready: Vec<&str> =
            ARROWS.iter().filter(|(_, to)| to.iter().all(|to| built.contains(to))).map(|(from, _)| *from).collect();
        let before = built.len();
        built.extend(ready);
        assert!(built.len() > before, "a cycle among those that are not {built:?}");
    }
}

#[test]
fn crates_below_the_wall_ban_clock_locks_and_io() {
    let bans = fs::read_to_string(root().join("crates/model/clippy.toml")).unwrap();
    for banned in ["Instant::now", "SystemTime::now", "thread::sleep", "sync::Mutex", "fs::File", "net::TcpStream"] {
        assert!(bans.contains(&format!("::{banned}\"")), "model's clippy.toml does not ban {banned}");
    }
    for name in BELOW_THE_WALL {
        let file = root().join("crates").join(name).join("clippy.toml");
        assert!(fs::read_to_string(&file).unwrap_or_default() == bans, "{} is not model's", file.display());
    }
}

#[test]
fn crates_below_the_wall_know_no_runtime_and_no_clock() {
    const FOREIGN: [&str; 4] = ["tokio", "Instant::now", "SystemTime::now", "unsafe"];
    for name in BELOW_THE_WALL {
        let package = root().join("crates").join(name);
        let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
        assert!(!has_word(&manifest, "tokio"), "{name} depends on tokio");
        each_line(&sources(&package.join("src")), |place, line| {
            let code = line.split("//").next().unwrap_or("");
            let found = FOREIGN.iter().find(|word| has_word(code, word));
            assert!(found.is_none(), "{place}: {found:?} below the wall");
        });
    }
}

#[test]
fn files_are_of_a_size_that_can_be_read() {
    for file in all_sources() {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines < LINES_MAX, "{} has {lines} lines", file.display());
    }
}

#[test]
fn nothing_is_left_for_later() {
    const LEFT: [&str; 4] = ["TODO", "FIXME", "dbg!", "todo!"];
    let sources: Vec<PathBuf> =
        ARROWS.iter().flat_map(|(name, _)| sources(&root().join("crates").join(name).join("src"))).collect();
    each_line(&sources, |place, line| {
        let found = LEFT.iter().find(|word| has_word(line, word));
        assert!(found.is_none(), "{place}: {found:?}");
    });
}

#[test]
fn every_crate_teaches_its_contract_first() {
    for (name, _) in ARROWS {
        let src = root().join("crates").join(name).join("src");
        let entry = ["lib.rs", "main.rs"].map(|file| src.join(file)).into_iter().find(|file| file.exists()).unwrap();
        assert!(fs::read_to_string(&entry).unwrap().starts_with("//! "), "{} has no design paragraph", entry.display());
    }
}

/// The workspace's crates with the workspace's crates they use, but for tests.
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let uses = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        let ours = dependencies.filter(|d| d["path"].is_string() && d["kind"] != "dev");
        ours.map(|d| d["name"].as_str().unwrap().to_owned()).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap().to_owned(), uses(package))).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn names_of<T>(map: &BTreeMap<String, T>) -> Vec<&String> {
    map.keys().collect()
}

fn all_sources() -> Vec<PathBuf> {
    ARROWS.iter().flat_map(|(name, _)| sources(&root().join("crates").join(name))).collect()
}

/// Every Rust file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => Vec::from_iter(Some(path).filter(|path| path.extension().is_some_and(|e| e == "rs"))),
        })
        .collect()
}

fn each_line(files: &[PathBuf], check: impl Fn(&str, &str)) {
    for file in files {
        for (number, line) in fs::read_to_string(file).unwrap().lines().enumerate() {
            check(&format!("{}:{}", file.display(), number + 1), line);
        }
    }
}

/// Whether `text` has `word` with nothing that goes on with it on either side.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        !before.ends_with(part) && (!after.starts_with(part) || !word.ends_with(part))
    })
}

#[test]
fn words_are_found_and_parts_of_words_are_not() {
    assert!(has_word("use tokio::net;", "tokio") && has_word("{ dbg!(x) }", "dbg!"));
    assert!(!has_word("unsafe_code", "unsafe") && !has_word("nottokio", "tokio"));
}
