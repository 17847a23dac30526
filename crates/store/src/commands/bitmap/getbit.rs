//! `GETBIT key offset` (<https://redis.io/docs/latest/commands/getbit/>).

use super::shared::{get_bit, offset};
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Text;
use bytes::Bytes;

/// A bit of a string; 0 beyond its end.
pub const COMMAND: Command = Command::read("getbit", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let offset = offset(&args[1], None)?;
    Ok(flag(txn.read::<Text>(&args[0])?.is_some_and(|text| get_bit(text, offset))))
}
