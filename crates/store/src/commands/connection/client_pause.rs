//! `CLIENT PAUSE timeout [WRITE | ALL]` (<https://redis.io/docs/latest/commands/client-pause/>).

use crate::commands::args::is;
use crate::commands::timeout;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::state::Pause;
use bytes::Bytes;
use model::Reply;

/// Holds back the commands of all clients, or those that write, for so many milliseconds.
pub const COMMAND: Command = Command::write("client|pause", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let writes_only = match &args[1..] {
        [] => false,
        [what] if is(what, "ALL") => false,
        [what] if is(what, "WRITE") => true,
        _ => return Err(errors::custom("CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let until_ms = timeout::milliseconds(&args[0], txn.now_ms())?.unwrap_or(txn.now_ms());
    let old = txn.state.pause;
    let until_ms = until_ms.max(old.map_or(0, |pause| pause.until_ms));
    let writes_only = writes_only && old.is_none_or(|pause| pause.writes_only);
    txn.state.pause = Some(Pause { until_ms, writes_only });
    Ok(Reply::OK)
}
