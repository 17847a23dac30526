//! Waiting: the forms of commands that wait for data, and `WAIT`. What they do when there is some is what their other
//! forms do.

mod blmove;
mod blmpop;
mod blpop;
mod brpop;
mod brpoplpush;
mod bzmpop;
mod bzpopmax;
mod bzpopmin;
mod shared;
mod wait;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &blmove::COMMAND,
    &blmpop::COMMAND,
    &blpop::COMMAND,
    &brpop::COMMAND,
    &brpoplpush::COMMAND,
    &bzmpop::COMMAND,
    &bzpopmax::COMMAND,
    &bzpopmin::COMMAND,
    &wait::COMMAND,
];
