//! Strings (<https://redis.io/docs/latest/commands/?group=string>).

mod append;
mod decr;
mod decrby;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod incr;
mod incrby;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod msetnx;
mod psetex;
mod set;
mod setex;
mod setnx;
mod setrange;
mod shared;
mod strlen;
mod substr;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &append::COMMAND,
    &decr::COMMAND,
    &decrby::COMMAND,
    &get::COMMAND,
    &getdel::COMMAND,
    &getex::COMMAND,
    &getrange::COMMAND,
    &getset::COMMAND,
    &incr::COMMAND,
    &incrby::COMMAND,
    &incrbyfloat::COMMAND,
    &lcs::COMMAND,
    &mget::COMMAND,
    &mset::COMMAND,
    &msetnx::COMMAND,
    &psetex::COMMAND,
    &set::COMMAND,
    &setex::COMMAND,
    &setnx::COMMAND,
    &setrange::COMMAND,
    &strlen::COMMAND,
    &substr::COMMAND,
];
