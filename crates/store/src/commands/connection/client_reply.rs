//! `CLIENT REPLY ON | OFF | SKIP` (<https://redis.io/docs/latest/commands/client-reply/>).

use crate::client::ClientId;
use crate::client::ReplyMode;
use crate::commands::args::is;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// Whether commands are answered: all, none, or all but the next one.
pub const COMMAND: Command = Command::client("client|reply", run);

fn run(txn: &mut Txn<'_>, id: ClientId, args: &[Bytes]) -> Attempt {
    let (mode, reply) = match &args[0] {
        word if is(word, "ON") => (ReplyMode::On, Some(Reply::OK)),
        word if is(word, "OFF") => (ReplyMode::Off, None),
        word if is(word, "SKIP") => (ReplyMode::SkipNext, None),
        _ => return Err(errors::SYNTAX),
    };
    let client = txn.client_mut(id);
    if !(client.reply_mode == ReplyMode::Off && mode == ReplyMode::SkipNext) {
        client.reply_mode = mode;
    }
    Ok(reply)
}
