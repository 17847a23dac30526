//! The append-only log, as Redis has it: what a store did, as commands that do it again.
mod effects;
mod log;

pub(crate) use effects::note;
pub use log::Effect;
pub(crate) use log::Log;
