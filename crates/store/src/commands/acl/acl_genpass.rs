//! `ACL GENPASS [bits]` (<https://redis.io/docs/latest/commands/acl-genpass/>).

use super::shared::wrong_usage;
use crate::commands::args::int;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::Reply;

/// A password that nobody can guess, in hexadecimal.
pub const COMMAND: Command = Command::write("acl|genpass", run);

/// As many bits as are asked for if it is not said, and at most.
const BITS_DEFAULT: i64 = 256;
const BITS_MAX: i64 = 4096;

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let bits = match args {
        [] => BITS_DEFAULT,
        [bits] => int(bits)?,
        _ => return Err(wrong_usage("GENPASS")),
    };
    if !(1..=BITS_MAX).contains(&bits) {
        return Err(errors::custom(
            "ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096",
        ));
    }
    let digits = usize::try_from(bits).unwrap_or_default().div_ceil(4);
    Ok(Reply::bulk(txn.state.secret.digits(digits)))
}
