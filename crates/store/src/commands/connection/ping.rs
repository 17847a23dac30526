//! `PING [message]` (<https://redis.io/docs/latest/commands/ping/>).

use crate::commands::{Command, Outcome, wrong_number_of_arguments};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::Reply;

/// `PONG`, or the message; a subscribed client that speaks RESP2 is answered in the shape of a message.
pub const COMMAND: Command = Command::read("ping", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let client = txn.state.running.client.map(|id| txn.client(id));
    let as_message = client.is_some_and(|client| client.resp == 2 && client.is_subscribed());
    match args {
        [] if as_message => Ok(Reply::Array(vec![Reply::bulk("pong"), Reply::bulk("")])),
        [message] if as_message => Ok(Reply::Array(vec![Reply::bulk("pong"), Reply::Bulk(message.clone())])),
        [] => Ok(Reply::Simple(Bytes::from_static(b"PONG"))),
        [message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(wrong_number_of_arguments("ping")),
    }
}
