//! Sets (<https://redis.io/docs/latest/commands/?group=set>).

mod sadd;
mod scard;
mod sdiff;
mod sdiffstore;
mod shared;
mod sinter;
mod sintercard;
mod sinterstore;
mod sismember;
mod smembers;
mod smismember;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sunion;
mod sunionstore;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &sadd::COMMAND,
    &scard::COMMAND,
    &sdiff::COMMAND,
    &sdiffstore::COMMAND,
    &sinter::COMMAND,
    &sintercard::COMMAND,
    &sinterstore::COMMAND,
    &sismember::COMMAND,
    &smembers::COMMAND,
    &smismember::COMMAND,
    &smove::COMMAND,
    &spop::COMMAND,
    &srandmember::COMMAND,
    &srem::COMMAND,
    &sscan::COMMAND,
    &sunion::COMMAND,
    &sunionstore::COMMAND,
];
