//! The server as a whole (<https://redis.io/docs/latest/commands/?group=server>).

mod bgrewriteaof;
mod bgsave;
mod command;
mod command_count;
mod command_docs;
mod command_getkeys;
mod command_getkeysandflags;
mod command_help;
mod command_info;
mod command_list;
mod config_get;
mod config_help;
mod config_resetstat;
mod config_rewrite;
mod config_set;
mod dbsize;
mod debug;
mod flushall;
mod flushdb;
mod info;
mod lastsave;
mod latency_doctor;
mod latency_graph;
mod latency_help;
mod latency_histogram;
mod latency_history;
mod latency_latest;
mod latency_reset;
mod lolwut;
mod memory_doctor;
mod memory_help;
mod memory_malloc_stats;
mod memory_purge;
mod memory_stats;
mod memory_usage;
mod monitor;
mod role;
mod save;
mod shared;
mod shutdown;
mod slowlog_get;
mod slowlog_help;
mod slowlog_len;
mod slowlog_reset;
mod swapdb;
mod time;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &bgrewriteaof::COMMAND,
    &bgsave::COMMAND,
    &command::COMMAND,
    &command_count::COMMAND,
    &command_docs::COMMAND,
    &command_getkeys::COMMAND,
    &command_getkeysandflags::COMMAND,
    &command_help::COMMAND,
    &command_info::COMMAND,
    &command_list::COMMAND,
    &config_get::COMMAND,
    &config_help::COMMAND,
    &config_resetstat::COMMAND,
    &config_rewrite::COMMAND,
    &config_set::COMMAND,
    &dbsize::COMMAND,
    &debug::COMMAND,
    &flushall::COMMAND,
    &flushdb::COMMAND,
    &info::COMMAND,
    &lastsave::COMMAND,
    &latency_doctor::COMMAND,
    &latency_graph::COMMAND,
    &latency_help::COMMAND,
    &latency_histogram::COMMAND,
    &latency_history::COMMAND,
    &latency_latest::COMMAND,
    &latency_reset::COMMAND,
    &lolwut::COMMAND,
    &memory_doctor::COMMAND,
    &memory_help::COMMAND,
    &memory_malloc_stats::COMMAND,
    &memory_purge::COMMAND,
    &memory_stats::COMMAND,
    &memory_usage::COMMAND,
    &monitor::COMMAND,
    &role::COMMAND,
    &save::COMMAND,
    &shutdown::COMMAND,
    &slowlog_get::COMMAND,
    &slowlog_help::COMMAND,
    &slowlog_len::COMMAND,
    &slowlog_reset::COMMAND,
    &swapdb::COMMAND,
    &time::COMMAND,
];

/// The version of Redis that the store says it is compatible with: clients look at it to know what they may send.
pub(crate) const REDIS_VERSION: &str = "7.4.0";
