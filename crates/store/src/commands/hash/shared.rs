//! What several hash commands do.

use crate::commands::wrong_number_of_arguments;
use crate::db::txn::{Edit, Txn};
use crate::types::Hash;
use bytes::Bytes;
use model::Error;

/// Sets the fields of `key field value [field value …]` and gives how many are new. For the arity error of `command`.
pub fn set_fields(txn: &mut Txn<'_>, args: &[Bytes], command: &str) -> Result<usize, Error> {
    let (key, pairs) = (&args[0], &args[1..]);
    if !pairs.len().is_multiple_of(2) {
        return Err(wrong_number_of_arguments(command));
    }
    let seed = txn.seed();
    txn.write(key, |hash: &mut Hash| {
        let added = pairs.chunks_exact(2).filter(|pair| hash.insert(&pair[0], &pair[1], seed));
        Edit::changed(added.count())
    })
}
