//! Streams (<https://redis.io/docs/latest/commands/?group=stream>).

mod shared;
mod xadd;
mod xdel;
mod xinfo_stream;
mod xlen;
mod xrange;
mod xread;
mod xrevrange;
mod xsetid;
mod xtrim;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &xadd::COMMAND,
    &xdel::COMMAND,
    &xinfo_stream::COMMAND,
    &xlen::COMMAND,
    &xrange::COMMAND,
    &xread::COMMAND,
    &xrevrange::COMMAND,
    &xsetid::COMMAND,
    &xtrim::COMMAND,
];
