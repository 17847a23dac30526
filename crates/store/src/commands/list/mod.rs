//! Lists (<https://redis.io/docs/latest/commands/?group=list>). The blocking forms are not here: nothing waits below
//! the wall.

mod lindex;
mod linsert;
mod llen;
mod lmove;
mod lmpop;
mod lpop;
mod lpos;
mod lpush;
mod lpushx;
mod lrange;
mod lrem;
mod lset;
mod ltrim;
mod rpop;
mod rpoplpush;
mod rpush;
mod rpushx;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &lindex::COMMAND,
    &linsert::COMMAND,
    &llen::COMMAND,
    &lmove::COMMAND,
    &lmpop::COMMAND,
    &lpop::COMMAND,
    &lpos::COMMAND,
    &lpush::COMMAND,
    &lpushx::COMMAND,
    &lrange::COMMAND,
    &lrem::COMMAND,
    &lset::COMMAND,
    &ltrim::COMMAND,
    &rpop::COMMAND,
    &rpoplpush::COMMAND,
    &rpush::COMMAND,
    &rpushx::COMMAND,
];
