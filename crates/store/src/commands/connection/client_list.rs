//! `CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id …]`
//! (<https://redis.io/docs/latest/commands/client-list/>).

use super::shared::is_of_type;
use crate::client::ClientId;
use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::Reply;

/// Facts about connections, one line each.
pub const COMMAND: Command = Command::read("client|list", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let chosen: Vec<_> = match args {
        [] => txn.state.clients.in_order(),
        [option, kind] if is(option, "TYPE") => {
            let mut chosen = Vec::new();
            for client in txn.state.clients.in_order() {
                if is_of_type(client, kind)? {
                    chosen.push(client);
                }
            }
            chosen
        }
        [option, ids @ ..] if is(option, "ID") && !ids.is_empty() => {
            let wanted: Option<Vec<i64>> = ids.iter().map(|id| parse_int(id).filter(|&id| id > 0)).collect();
            let wanted = wanted.ok_or_else(|| errors::custom("Invalid client ID"))?;
            // In the order in which they are asked for, as in Redis.
            wanted.into_iter().filter_map(|id| txn.state.clients.get(ClientId(id.unsigned_abs()))).collect()
        }
        _ => return Err(errors::SYNTAX),
    };
    let (mut room, mut text) = (txn.room(), String::new());
    for client in chosen {
        let line = txn.state.describe_client(client, txn.now_ms()) + "\n";
        room.take(line.len())?;
        text.push_str(&line);
    }
    Ok(Reply::Verbatim { format: *b"txt", text: text.into() })
}
