//! `INFO [section …]` (<https://redis.io/docs/latest/commands/info/>).

use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;
use std::fmt::Write;

/// Facts about the store, as sections of `name:value` lines. Of Redis' sections, those that it can know something of.
pub const COMMAND: Command = Command::read("info", run);

type Section = (&'static str, fn(&Txn<'_>) -> String);

const SECTIONS: &[Section] =
    &[("Server", server), ("Stats", stats), ("Replication", replication), ("Cluster", cluster), ("Keyspace", keyspace)];

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let everything = |arg: &Bytes| ["all", "everything", "default"].iter().any(|word| is(arg, word));
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| everything(arg) || is(arg, name));
    let sections = SECTIONS.iter().filter(|(name, _)| wanted(name));
    let sections: Vec<String> = sections.map(|(name, text)| format!("# {name}\r\n{}", text(txn))).collect();
    Ok(Reply::Verbatim { format: *b"txt", text: sections.join("\r\n").into() })
}

fn lines(facts: &[(&str, String)]) -> String {
    facts.iter().fold(String::new(), |mut text, (name, value)| {
        _ = write!(text, "{name}:{value}\r\n");
        text
    })
}

fn server(txn: &Txn<'_>) -> String {
    let started_ms = txn.state.statistics.started_ms.unwrap_or(txn.now_ms());
    let uptime_s = txn.now_ms().saturating_sub(started_ms) / 1000;
    lines(&[
        ("redis_version", super::REDIS_VERSION.into()),
        ("redis_mode", "standalone".into()),
        ("keywire_version", env!("CARGO_PKG_VERSION").into()),
        ("arch_bits", usize::BITS.to_string()),
        ("uptime_in_seconds", uptime_s.to_string()),
        ("uptime_in_days", (uptime_s / 86400).to_string()),
    ])
}

fn stats(txn: &Txn<'_>) -> String {
    let state = &txn.state;
    lines(&[
        ("total_commands_processed", state.statistics.commands.to_string()),
        ("expired_keys", state.statistics.expired.to_string()),
        ("pubsub_channels", state.pubsub.count(crate::pubsub::Space::Channel).to_string()),
        ("pubsub_patterns", state.pubsub.count(crate::pubsub::Space::Pattern).to_string()),
    ])
}

fn replication(_: &Txn<'_>) -> String {
    lines(&[("role", "master".into()), ("connected_slaves", "0".into())])
}

fn cluster(_: &Txn<'_>) -> String {
    lines(&[("cluster_enabled", "0".into())])
}

fn keyspace(txn: &Txn<'_>) -> String {
    let databases = txn.state.databases.iter().enumerate().filter(|(_, db)| !db.is_empty());
    databases.fold(String::new(), |mut text, (number, db)| {
        _ = write!(text, "db{number}:keys={},expires={},avg_ttl=0\r\n", db.len(), db.volatile_len());
        text
    })
}
