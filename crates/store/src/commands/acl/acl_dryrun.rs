//! `ACL DRYRUN username command [arg …]` (<https://redis.io/docs/latest/commands/acl-dryrun/>).

use crate::commands::{Command, Outcome, Registry, wrong_number_of_arguments};
use crate::db::txn::Txn;
use crate::errors;
use acl::{Denied, Refusal};
use bytes::Bytes;
use model::Reply;

/// Whether a user may run a command line, without running it.
pub const COMMAND: Command = Command::read("acl|dryrun", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let shown = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let (name, line) = (&args[0], &args[1..]);
    let (_, user) =
        txn.state.users.named(name).ok_or_else(|| errors::custom(format!("User '{}' not found", shown(name))))?;
    let spec = Registry::shared().table.find(line);
    let spec = spec.ok_or_else(|| errors::custom(format!("Command '{}' not found", shown(&line[0]))))?;
    if !spec.arity_fits(line.len()) {
        return Err(wrong_number_of_arguments(&spec.name));
    }
    let Err(Refusal { denied, word }) = acl::permit(user.rules(), spec, line) else { return Ok(Reply::OK) };
    let why = match word.map(|at| shown(&line[at])) {
        Some(key) if denied == Denied::Key => format!("This user has no permissions to access the '{key}' key"),
        Some(channel) => format!("This user has no permissions to access the '{channel}' channel"),
        None => denied.error(&spec.name).message.replacen("this", "This", 1),
    };
    Ok(Reply::bulk(why))
}
