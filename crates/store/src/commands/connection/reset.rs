//! `RESET` (<https://redis.io/docs/latest/commands/reset/>).

use crate::client::ClientId;
use crate::commands::pubsub::leave_all;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Makes the connection as it was when it was new, but for its name and id; and RESP2 again.
pub const COMMAND: Command = Command::client("reset", run);

fn run(txn: &mut Txn<'_>, id: ClientId, _: &[Bytes]) -> Attempt {
    leave_all(txn, id);
    txn.state.stop_tracking(id);
    txn.state.unwatch(id);
    txn.state.reset_client(id);
    Ok(Some(Reply::Simple(Bytes::from_static(b"RESET"))))
}
