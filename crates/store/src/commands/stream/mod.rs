//! Streams (<https://redis.io/docs/latest/commands/?group=stream>).

mod shared;
mod xack;
mod xadd;
mod xautoclaim;
mod xclaim;
mod xdel;
mod xgroup_create;
mod xgroup_createconsumer;
mod xgroup_delconsumer;
mod xgroup_destroy;
mod xgroup_help;
mod xgroup_setid;
mod xinfo_consumers;
mod xinfo_groups;
mod xinfo_help;
mod xinfo_stream;
mod xlen;
mod xpending;
mod xrange;
mod xread;
mod xreadgroup;
mod xrevrange;
mod xsetid;
mod xtrim;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &xack::COMMAND,
    &xadd::COMMAND,
    &xautoclaim::COMMAND,
    &xclaim::COMMAND,
    &xdel::COMMAND,
    &xgroup_create::COMMAND,
    &xgroup_createconsumer::COMMAND,
    &xgroup_delconsumer::COMMAND,
    &xgroup_destroy::COMMAND,
    &xgroup_help::COMMAND,
    &xgroup_setid::COMMAND,
    &xinfo_consumers::COMMAND,
    &xinfo_groups::COMMAND,
    &xinfo_help::COMMAND,
    &xinfo_stream::COMMAND,
    &xlen::COMMAND,
    &xpending::COMMAND,
    &xrange::COMMAND,
    &xread::COMMAND,
    &xreadgroup::COMMAND,
    &xrevrange::COMMAND,
    &xsetid::COMMAND,
    &xtrim::COMMAND,
];
