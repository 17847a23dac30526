//! Places on the earth in sorted sets (<https://redis.io/docs/latest/commands/?group=geo>).

mod geoadd;
mod geodist;
mod geohash;
mod geopos;
mod georadius;
mod georadius_ro;
mod georadiusbymember;
mod georadiusbymember_ro;
mod geosearch;
mod geosearchstore;
mod shared;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &geoadd::COMMAND,
    &geodist::COMMAND,
    &geohash::COMMAND,
    &geopos::COMMAND,
    &georadius::COMMAND,
    &georadius_ro::COMMAND,
    &georadiusbymember::COMMAND,
    &georadiusbymember_ro::COMMAND,
    &geosearch::COMMAND,
    &geosearchstore::COMMAND,
];
