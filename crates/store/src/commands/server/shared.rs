//! What the flushing commands share.

use crate::commands::args::is;
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
