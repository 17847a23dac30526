//! Waiting forms of commands: each does what its other form does, and waits where that finds nothing.

use crate::commands::args::{is, multi_pop};
use crate::commands::{Attempt, call, timeout};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::{Error, Reply};

/// `key [key …] timeout`: pops one element of the first key that has one, by this command.
pub fn pop_any(txn: &mut Txn<'_>, args: &[Bytes], command: &'static str) -> Attempt {
    let (timeout, keys) = args.split_last().expect("the arity asks for a key and a timeout");
    timeout::seconds(timeout, txn.now_ms())?;
    for key in keys {
        let line = [Bytes::from_static(command.as_bytes()), key.clone()];
        let popped = match call(txn, &line)? {
            null if null.is_null() => continue,
            Reply::Array(pair) if pair.is_empty() => continue,
            Reply::Array(pair) => pair,
            element => vec![element],
        };
        txn.log_as(vec![line.to_vec()]);
        return Ok(Some(Reply::Array(std::iter::once(Reply::Bulk(key.clone())).chain(popped).collect())));
    }
    Ok(None)
}

/// Does what another command does with these arguments; a null means that there is nothing yet.
pub fn instead(txn: &mut Txn<'_>, command: &'static str, args: &[Bytes]) -> Attempt {
    let line: Vec<Bytes> =
        std::iter::once(Bytes::from_static(command.as_bytes())).chain(args.iter().cloned()).collect();
    match call(txn, &line)? {
        null if null.is_null() => Ok(None),
        reply => {
            txn.log_as(vec![line]);
            Ok(Some(reply))
        }
    }
}

/// Whether `numkeys key [key …] end [COUNT count]` is well formed: that is asked before the timeout is.
pub fn check_multi_pop(args: &[Bytes], ends: [&str; 2]) -> Result<(), Error> {
    let known = |end: &[u8]| if ends.iter().any(|known| is(end, known)) { Ok(()) } else { Err(errors::SYNTAX) };
    multi_pop(args, known).map(|_| ())
}
