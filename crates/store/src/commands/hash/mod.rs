//! Hashes (<https://redis.io/docs/latest/commands/?group=hash>).

mod hdel;
mod hexists;
mod hget;
mod hgetall;
mod hincrby;
mod hincrbyfloat;
mod hkeys;
mod hlen;
mod hmget;
mod hmset;
mod hrandfield;
mod hscan;
mod hset;
mod hsetnx;
mod hstrlen;
mod hvals;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &hdel::COMMAND,
    &hexists::COMMAND,
    &hget::COMMAND,
    &hgetall::COMMAND,
    &hincrby::COMMAND,
    &hincrbyfloat::COMMAND,
    &hkeys::COMMAND,
    &hlen::COMMAND,
    &hmget::COMMAND,
    &hmset::COMMAND,
    &hrandfield::COMMAND,
    &hscan::COMMAND,
    &hset::COMMAND,
    &hsetnx::COMMAND,
    &hstrlen::COMMAND,
    &hvals::COMMAND,
];
