//! `LINSERT key BEFORE | AFTER pivot element` (<https://redis.io/docs/latest/commands/linsert/>).

use crate::commands::args::{is, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::List;
use bytes::Bytes;
use model::Reply;

/// Puts an element beside the first one that equals the pivot; the list's length then, -1 without such an element.
pub const COMMAND: Command = Command::write("linsert", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let behind = match &args[1] {
        place if is(place, "AFTER") => 1,
        place if is(place, "BEFORE") => 0,
        _ => return Err(errors::SYNTAX),
    };
    let len = txn.update(&args[0], |list: &mut List| {
        let Some(pivot) = list.iter().position(|element| *element == args[2]) else {
            return Edit::unchanged(Reply::Int(-1));
        };
        list.insert(pivot + behind, &args[3]);
        Edit::changed(size(list.len()))
    })?;
    Ok(len.unwrap_or(Reply::Int(0)))
}
