//! `WAIT numreplicas timeout` (<https://redis.io/docs/latest/commands/wait/>).

use crate::client::waiting::Wait;
use crate::commands::args::int;
use crate::commands::timeout;
use crate::commands::{Attempt, Command};
use crate::db::txn::Txn;
use bytes::Bytes;
use model::{Error, Reply};

/// Waits until replicas have what was written before; there are none: 0, at once or when the time is over.
pub const COMMAND: Command = Command::blocking("wait", attempt, wait);

fn attempt(txn: &mut Txn<'_>, args: &[Bytes]) -> Attempt {
    let replicas = int(&args[0])?;
    timeout::milliseconds(&args[1], txn.now_ms())?;
    Ok((replicas <= 0).then_some(Reply::Int(0)))
}

fn wait(txn: &Txn<'_>, args: &[Bytes]) -> Result<Wait, Error> {
    Ok(Wait::for_moment(timeout::milliseconds(&args[1], txn.now_ms())?, Reply::Int(0)))
}
