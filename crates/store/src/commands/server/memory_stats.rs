//! `MEMORY STATS` (<https://redis.io/docs/latest/commands/memory-stats/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Bytes by what they are for, as far as they are counted.
pub const COMMAND: Command = Command::read("memory|stats", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    let state = &txn.state;
    let (used, keys) = (state.memory(), state.databases.iter().map(|db| db.len()).sum::<usize>());
    let int = |n: usize| Reply::Int(n as i64);
    let mut facts = vec![
        ("peak.allocated".to_owned(), int(state.statistics.memory_peak)),
        ("total.allocated".to_owned(), int(used)),
        ("startup.allocated".to_owned(), int(0)),
        ("replication.backlog".to_owned(), int(0)),
        ("clients.slaves".to_owned(), int(0)),
        ("clients.normal".to_owned(), int(state.clients.len() * size_of::<crate::client::Client>())),
        ("aof.buffer".to_owned(), int(0)),
    ];
    for (number, db) in state.databases.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        let main = (Reply::bulk("overhead.hashtable.main"), int(db.len() * 64));
        let expires = (Reply::bulk("overhead.hashtable.expires"), int(db.volatile_len() * 64));
        facts.push((format!("db.{number}"), Reply::Map(vec![main, expires])));
    }
    facts.extend([
        ("keys.count".to_owned(), int(keys)),
        ("keys.bytes-per-key".to_owned(), int(used / keys.max(1))),
        ("dataset.bytes".to_owned(), int(used)),
        ("dataset.percentage".to_owned(), Reply::Double(100.0)),
        ("peak.percentage".to_owned(), Reply::Double(used as f64 * 100.0 / state.statistics.memory_peak.max(1) as f64)),
    ]);
    Ok(Reply::Map(facts.into_iter().map(|(name, fact)| (Reply::bulk(name), fact)).collect()))
}
