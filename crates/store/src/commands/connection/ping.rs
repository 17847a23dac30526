//! `PING [message]` (<https://redis.io/docs/latest/commands/ping/>).

use crate::commands::{Command, Outcome, wrong_number_of_arguments};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// `PONG`, or the message.
pub const COMMAND: Command = Command::read("ping", run);

fn run(_: &Txn<'_>, args: &[Bytes]) -> Outcome {
    match args {
        [] => Ok(Reply::Simple(Bytes::from_static(b"PONG"))),
        [message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(wrong_number_of_arguments("ping")),
    }
}
