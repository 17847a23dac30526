//! What the log has of a command: its effect, not its wording.

use crate::commands::Found;
use crate::state::State;
use model::Reply;

/// A command was carried out: if it changed something, the log is to have it.
pub(crate) fn note(state: &mut State, db: usize, found: &Found<'_>, _reply: &Option<&Reply>, _now_ms: u64) {
    let instead = state.log.take_instead();
    if !state.log.is_kept || state.running.touches == 0 {
        return;
    }
    let commands = instead.unwrap_or_else(|| vec![found.line.to_vec()]);
    commands.into_iter().for_each(|words| state.log.command(db, words));
}
