//! `SUBSTR key start end` (<https://redis.io/docs/latest/commands/substr/>).

use super::shared::substring;
use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;
use model::Reply;

/// The old name of `GETRANGE`.
pub const COMMAND: Command = Command::read("substr", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let (start, end) = (int(&args[1])?, int(&args[2])?);
    let string = txn.read::<Text>(&args[0])?;
    Ok(Reply::bulk(string.map_or(&b""[..], |string| substring(string, start, end))))
}
