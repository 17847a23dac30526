//! `INFO [section …]` (<https://redis.io/docs/latest/commands/info/>).

use super::REDIS_VERSION;
use crate::commands::args::is;
use crate::commands::{Command, Outcome, Registry};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;
use model::Reply;
use std::fmt::Write;

/// Facts about the store, as sections of `name:value` lines with Redis' names. What only the owner can know it tells by
/// the field's name; what nobody knows here is said as Redis says it of itself when there is none of it.
pub const COMMAND: Command = Command::read("info", run);

/// A section: its title, whether it is shown if none is asked for, its lines.
type Section = (&'static str, bool, fn(&Txn<'_>) -> Facts);
type Facts = Vec<(String, String)>;

const SECTIONS: &[Section] = &[
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, memory),
    ("Persistence", true, persistence),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("CPU", true, cpu),
    ("Modules", true, nothing),
    ("Commandstats", false, command_stats),
    ("Errorstats", true, error_stats),
    ("Latencystats", false, nothing),
    ("Cluster", true, cluster),
    ("Keyspace", true, keyspace),
];

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let asked = |words: &[&str]| args.iter().any(|arg| words.iter().any(|word| is(arg, word)));
    let wanted = |name: &str, by_default: bool| match () {
        () if args.is_empty() || asked(&["default"]) => by_default || asked(&[name]),
        () => asked(&["all", "everything", name]),
    };
    let mut text = String::new();
    for (name, _, facts) in SECTIONS.iter().filter(|(name, by_default, _)| wanted(name, *by_default)) {
        let separator = if text.is_empty() { "" } else { "\r\n" };
        _ = write!(text, "{separator}# {name}\r\n");
        for (field, value) in facts(txn) {
            let value = txn.state.facts.get(&*field).map_or(&*value, |told| told);
            _ = write!(text, "{field}:{value}\r\n");
        }
    }
    Ok(Reply::Verbatim { format: *b"txt", text: text.into() })
}

fn facts<const N: usize>(facts: [(&str, String); N]) -> Facts {
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn server(txn: &Txn<'_>) -> Facts {
    let state = &txn.state;
    let uptime_s = txn.now_ms().saturating_sub(state.statistics.started_ms.unwrap_or(txn.now_ms())) / 1000;
    facts([
        ("redis_version", REDIS_VERSION.into()),
        ("redis_git_sha1", "00000000".into()),
        ("redis_git_dirty", "0".into()),
        ("redis_build_id", "0".into()),
        ("redis_mode", "standalone".into()),
        ("keywire_version", env!("CARGO_PKG_VERSION").into()),
        ("os", std::env::consts::OS.into()),
        ("arch_bits", usize::BITS.to_string()),
        ("multiplexing_api", "epoll".into()),
        ("atomicvar_api", "c11-builtin".into()),
        ("process_id", "0".into()),
        ("run_id", "0".repeat(40)),
        ("tcp_port", state.settings.get("port").unwrap_or_default().into()),
        ("server_time_usec", (txn.now_ms() * 1000).to_string()),
        ("uptime_in_seconds", uptime_s.to_string()),
        ("uptime_in_days", (uptime_s / 86400).to_string()),
        ("hz", "10".into()),
        ("configured_hz", "10".into()),
        ("lru_clock", (txn.now_ms() / 1000 % (1 << 24)).to_string()),
        ("executable", String::new()),
        ("config_file", String::new()),
    ])
}

fn clients(txn: &Txn<'_>) -> Facts {
    let state = &txn.state;
    let all = state.clients.in_order();
    let count = |is: fn(&crate::client::Client) -> bool| all.iter().filter(|client| is(client)).count().to_string();
    facts([
        ("connected_clients", state.clients.len().to_string()),
        ("cluster_connections", "0".into()),
        ("maxclients", state.settings.get("maxclients").unwrap_or_default().into()),
        ("client_recent_max_input_buffer", "0".into()),
        ("client_recent_max_output_buffer", "0".into()),
        ("blocked_clients", state.waiting.count().to_string()),
        ("tracking_clients", state.tracking.clients.to_string()),
        ("pubsub_clients", count(|client| client.is_subscribed())),
        ("watching_clients", count(|client| !client.watched.is_empty())),
        ("clients_in_timeout_table", "0".into()),
        ("total_watched_keys", state.watches.len().to_string()),
        ("total_blocking_keys", state.waiting.keys().to_string()),
    ])
}

fn memory(txn: &Txn<'_>) -> Facts {
    let state = &txn.state;
    let (used, peak) = (state.memory(), state.statistics.memory_peak.max(state.memory()));
    let max = state.settings.maxmemory;
    let percent = used as f64 * 100.0 / peak.max(1) as f64;
    facts([
        ("used_memory", used.to_string()),
        ("used_memory_human", human(used)),
        ("used_memory_rss", used.to_string()),
        ("used_memory_rss_human", human(used)),
        ("used_memory_peak", peak.to_string()),
        ("used_memory_peak_human", human(peak)),
        ("used_memory_peak_perc", format!("{percent:.2}%")),
        ("used_memory_overhead", "0".into()),
        ("used_memory_startup", "0".into()),
        ("used_memory_dataset", used.to_string()),
        ("used_memory_dataset_perc", "100.00%".into()),
        ("total_system_memory", "0".into()),
        ("total_system_memory_human", human(0)),
        ("used_memory_lua", "0".into()),
        ("used_memory_lua_human", human(0)),
        ("used_memory_scripts", "0".into()),
        ("used_memory_scripts_human", human(0)),
        ("maxmemory", max.to_string()),
        ("maxmemory_human", human(max)),
        ("maxmemory_policy", state.settings.get("maxmemory-policy").unwrap_or_default().into()),
        ("mem_fragmentation_ratio", "1.00".into()),
        ("mem_fragmentation_bytes", "0".into()),
        ("mem_not_counted_for_evict", "0".into()),
        ("mem_clients_normal", (state.clients.len() * size_of::<crate::client::Client>()).to_string()),
        ("mem_clients_slaves", "0".into()),
        ("mem_aof_buffer", "0".into()),
        ("mem_allocator", "system".into()),
        ("active_defrag_running", "0".into()),
        ("lazyfree_pending_objects", "0".into()),
        ("lazyfreed_objects", "0".into()),
    ])
}

fn human(bytes: usize) -> String {
    let units = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];
    let unit = units.into_iter().find(|(_, size)| bytes >= *size);
    unit.map_or(format!("{bytes}B"), |(name, size)| format!("{:.2}{name}", bytes as f64 / size as f64))
}

fn persistence(txn: &Txn<'_>) -> Facts {
    let files = &txn.state.persistence;
    let flag = |yes: bool| u8::from(yes).to_string();
    let status = |ok: bool| if ok { "ok" } else { "err" }.to_owned();
    let seconds = |seconds: Option<u64>| seconds.map_or("-1".to_owned(), |seconds| seconds.to_string());
    let rewriting_s = files.is_rewriting.then(|| txn.now_ms().saturating_sub(files.rewriting_since_ms) / 1000);
    let mut all = facts([
        ("loading", "0".into()),
        ("async_loading", "0".into()),
        ("rdb_changes_since_last_save", files.changes.to_string()),
        ("rdb_bgsave_in_progress", "0".into()),
        ("rdb_last_save_time", files.last_save_s.to_string()),
        ("rdb_last_bgsave_status", "ok".into()),
        ("rdb_last_bgsave_time_sec", "-1".into()),
        ("rdb_current_bgsave_time_sec", "-1".into()),
        ("aof_enabled", flag(files.is_on)),
        ("aof_rewrite_in_progress", flag(files.is_rewriting)),
        ("aof_rewrite_scheduled", flag(files.is_rewrite_due)),
        ("aof_last_rewrite_time_sec", seconds(files.last_rewrite_s)),
        ("aof_current_rewrite_time_sec", seconds(rewriting_s)),
        ("aof_last_bgrewrite_status", status(files.rewrite_failures == 0)),
        ("aof_rewrites", files.rewrites.to_string()),
        ("aof_rewrites_consecutive_failures", files.rewrite_failures.to_string()),
        ("aof_last_write_status", status(files.write_error.is_none())),
        ("aof_last_cow_size", "0".into()),
    ]);
    if files.is_on {
        all.extend(facts([
            ("aof_current_size", files.log_bytes.to_string()),
            ("aof_base_size", files.base_bytes.to_string()),
            ("aof_pending_rewrite", "0".into()),
            ("aof_buffer_length", files.buffer_bytes.to_string()),
            ("aof_pending_bio_fsync", files.pending_syncs.to_string()),
            ("aof_delayed_fsync", files.delayed_syncs.to_string()),
        ]));
    }
    all
}

fn stats(txn: &Txn<'_>) -> Facts {
    let (state, counts) = (&txn.state, &txn.state.statistics);
    let tracking = &state.tracking;
    facts([
        ("total_connections_received", counts.connections.to_string()),
        ("total_commands_processed", counts.commands.to_string()),
        ("instantaneous_ops_per_sec", "0".into()),
        ("total_net_input_bytes", "0".into()),
        ("total_net_output_bytes", "0".into()),
        ("instantaneous_input_kbps", "0.00".into()),
        ("instantaneous_output_kbps", "0.00".into()),
        ("rejected_connections", "0".into()),
        ("sync_full", "0".into()),
        ("sync_partial_ok", "0".into()),
        ("sync_partial_err", "0".into()),
        ("expired_keys", counts.expired.to_string()),
        ("expired_stale_perc", "0.00".into()),
        ("expired_time_cap_reached_count", "0".into()),
        ("evicted_keys", counts.evicted.to_string()),
        ("evicted_clients", "0".into()),
        ("keyspace_hits", counts.hits.get().to_string()),
        ("keyspace_misses", counts.misses.get().to_string()),
        ("pubsub_channels", state.pubsub.count(Space::Channel).to_string()),
        ("pubsub_patterns", state.pubsub.count(Space::Pattern).to_string()),
        ("pubsubshard_channels", state.pubsub.count(Space::Shard).to_string()),
        ("latest_fork_usec", "0".into()),
        ("total_forks", "0".into()),
        ("migrate_cached_sockets", "0".into()),
        ("tracking_total_keys", tracking.keys().to_string()),
        ("tracking_total_items", tracking.items().to_string()),
        ("tracking_total_prefixes", tracking.broadcasters.len().to_string()),
        ("unexpected_error_replies", "0".into()),
        ("total_error_replies", counts.errors.values().sum::<u64>().to_string()),
        ("total_reads_processed", "0".into()),
        ("total_writes_processed", "0".into()),
    ])
}

fn replication(txn: &Txn<'_>) -> Facts {
    let run_id = txn.state.facts.get("run_id").map_or_else(|| "0".repeat(40), |told| told.to_string());
    facts([
        ("role", "master".into()),
        ("connected_slaves", "0".into()),
        ("master_failover_state", "no-failover".into()),
        ("master_replid", run_id),
        ("master_replid2", "0".repeat(40)),
        ("master_repl_offset", "0".into()),
        ("second_repl_offset", "-1".into()),
        ("repl_backlog_active", "0".into()),
        ("repl_backlog_size", "1048576".into()),
        ("repl_backlog_first_byte_offset", "0".into()),
        ("repl_backlog_histlen", "0".into()),
    ])
}

fn cpu(_: &Txn<'_>) -> Facts {
    let none = || "0.000000".to_owned();
    facts([
        ("used_cpu_sys", none()),
        ("used_cpu_user", none()),
        ("used_cpu_sys_children", none()),
        ("used_cpu_user_children", none()),
    ])
}

fn nothing(_: &Txn<'_>) -> Facts {
    Vec::new()
}

fn command_stats(txn: &Txn<'_>) -> Facts {
    let calls = txn.state.statistics.calls.iter().zip(Registry::shared().table.iter());
    let called = calls.filter(|(calls, _)| calls.calls + calls.rejected > 0);
    let line = called.map(|(calls, spec)| {
        let each = calls.micros as f64 / calls.calls.max(1) as f64;
        let text = format!(
            "calls={},usec={},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            calls.calls, calls.micros, calls.rejected, calls.failed
        );
        (format!("cmdstat_{}", spec.name), text)
    });
    line.collect()
}

fn error_stats(txn: &Txn<'_>) -> Facts {
    let errors = txn.state.statistics.errors.iter();
    errors.map(|(code, count)| (format!("errorstat_{code}"), format!("count={count}"))).collect()
}

fn cluster(_: &Txn<'_>) -> Facts {
    facts([("cluster_enabled", "0".into())])
}

fn keyspace(txn: &Txn<'_>) -> Facts {
    let databases = txn.state.databases.iter().enumerate().filter(|(_, db)| !db.is_empty());
    let line = |(number, db): (usize, &crate::db::Db)| {
        (format!("db{number}"), format!("keys={},expires={},avg_ttl=0", db.len(), db.volatile_len()))
    };
    databases.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Store};

    #[test]
    fn nothing_tells_how_the_store_hashes() {
        let mut store = Store::new(Config { seed: 0x1234_5678_9abc_def1, databases: 1, ..Config::default() });
        store.execute(&["SET".into(), "a".into(), "b".into()], 1);
        let inner = store.with_txn(0, 1, |txn| txn.seed());
        let Reply::Verbatim { text, .. } = store.execute(&["INFO".into(), "everything".into()], 1) else {
            panic!("a text")
        };
        let text = String::from_utf8_lossy(&text).to_lowercase();
        assert!(text.contains("master_replid:0000"));
        for secret in [0x1234_5678_9abc_def1, inner] {
            assert!(!text.contains(&format!("{secret:x}")) && !text.contains(&secret.to_string()), "{text}");
        }
        store.set_fact("run_id", "abc");
        let Reply::Verbatim { text, .. } = store.execute(&["INFO".into()], 1) else { panic!("a text") };
        assert!(String::from_utf8_lossy(&text).contains("master_replid:abc"));
    }
}
