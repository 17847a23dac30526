//! `PUBSUB NUMPAT` (<https://redis.io/docs/latest/commands/pubsub-numpat/>).

use crate::commands::args::size;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;

/// How many different patterns somebody is subscribed to.
pub const COMMAND: Command = Command::read("pubsub|numpat", run);

fn run(txn: &Txn<'_>, _: &[Bytes]) -> Outcome {
    Ok(size(txn.state.pubsub.count(Space::Pattern)))
}
