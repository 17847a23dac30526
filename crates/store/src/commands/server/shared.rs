//! What the flushing commands share, what is asked of the owner, and the command table as replies.

pub mod table;

use crate::client::{Output, OwnerRequest};
use crate::commands::args::is;
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Error;

/// `[ASYNC | SYNC]`, which make no difference here.
pub fn flush_option(args: &[Bytes]) -> Result<(), Error> {
    match args {
        [] => Ok(()),
        [option] if is(option, "ASYNC") || is(option, "SYNC") => Ok(()),
        _ => Err(errors::SYNTAX),
    }
}

/// Asks the owner for something about its files; an error if it has none.
pub fn request(txn: &mut Txn<'_>, request: OwnerRequest) -> Result<(), Error> {
    if !txn.state.persistence.is_on {
        return Err(errors::custom("keywire keeps nothing: start it with a data directory to have its data kept"));
    }
    txn.state.outbox.push(Output::Request(request));
    Ok(())
}
