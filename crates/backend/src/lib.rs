//! Where the data is: the embedded store here, real servers in their own modules later.
//!
//! A backend is a pair of message types ([`model::backend`]); which one a node has is decided where it is assembled.
//! Nothing here knows sessions, topics or doors.

mod embedded;

pub use embedded::Embedded;

use model::command::CommandTable;
use std::sync::Arc;

/// The commands that the embedded store has, and those that verbs stand for.
pub fn embedded_commands() -> Arc<CommandTable> {
    /// What the verbs `subscribe` and `psubscribe` are held to (`follow` is held to XREAD, which the store has).
    const VERBS: [&str; 2] = ["subscribe", "psubscribe"];
    CommandTable::redis().restricted_to(store::implemented().chain(VERBS))
}
