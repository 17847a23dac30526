//! `MGET key [key …]` (<https://redis.io/docs/latest/commands/mget/>).

use crate::commands::args::text_or_null;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;

/// The strings of several keys; null for a key that is missing or holds another type.
pub const COMMAND: Command = Command::read("mget", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let string = |key: &Bytes| text_or_null(txn.read::<Text>(key).ok().flatten());
    Ok(Reply::Array(txn.room().gather(args.iter().map(string))?))
}
