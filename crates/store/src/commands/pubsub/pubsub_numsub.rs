//! `PUBSUB NUMSUB [channel …]` (<https://redis.io/docs/latest/commands/pubsub-numsub/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// Channels and how many are subscribed to each, in turn; patterns are not counted.
pub const COMMAND: Command = Command::read("pubsub|numsub", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let pair = |channel: &Bytes| [Reply::Bulk(channel.clone()), size(txn.state.pubsub.subscribers(channel))];
    Ok(Reply::Array(args.iter().flat_map(pair).collect()))
}
