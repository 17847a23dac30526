//! `SWAPDB index1 index2` (<https://redis.io/docs/latest/commands/swapdb/>).

use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use bytes::Bytes;
use model::{Error, Reply};

/// Exchanges two databases.
pub const COMMAND: Command = Command::write("swapdb", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (first, second) = (number(&args[0], "first")?, number(&args[1], "second")?);
    let db =
        |number: i32| usize::try_from(number).ok().filter(|&db| db < txn.databases()).ok_or(errors::DB_OUT_OF_RANGE);
    let (first, second) = (db(first)?, db(second)?);
    txn.swap_databases(first, second);
    Ok(Reply::OK)
}

fn number(arg: &[u8], which: &str) -> Result<i32, Error> {
    let number = parse_int(arg).and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| errors::custom(format!("invalid {which} DB index")))
}
