//! Keys of any type (<https://redis.io/docs/latest/commands/?group=generic>).

mod copy;
mod del;
mod exists;
mod expire;
mod expireat;
mod expiretime;
mod keys;
mod r#move;
mod object_encoding;
mod object_freq;
mod object_help;
mod object_idletime;
mod object_refcount;
mod persist;
mod pexpire;
mod pexpireat;
mod pexpiretime;
mod pttl;
mod randomkey;
mod rename;
mod renamenx;
mod scan;
mod shared;
mod sort;
mod sort_ro;
mod touch;
mod ttl;
mod r#type;
mod unlink;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &copy::COMMAND,
    &del::COMMAND,
    &exists::COMMAND,
    &expire::COMMAND,
    &expireat::COMMAND,
    &expiretime::COMMAND,
    &keys::COMMAND,
    &r#move::COMMAND,
    &object_encoding::COMMAND,
    &object_freq::COMMAND,
    &object_help::COMMAND,
    &object_idletime::COMMAND,
    &object_refcount::COMMAND,
    &persist::COMMAND,
    &pexpire::COMMAND,
    &pexpireat::COMMAND,
    &pexpiretime::COMMAND,
    &pttl::COMMAND,
    &randomkey::COMMAND,
    &rename::COMMAND,
    &renamenx::COMMAND,
    &scan::COMMAND,
    &sort::COMMAND,
    &sort_ro::COMMAND,
    &touch::COMMAND,
    &ttl::COMMAND,
    &r#type::COMMAND,
    &unlink::COMMAND,
];
