//! `PFMERGE destination [source …]` (<https://redis.io/docs/latest/commands/pfmerge/>).

use super::shared::{check, corrupt};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::types::hll::{Hll, Registers};
use crate::types::{Text, Value};
use bytes::{Bytes, BytesMut};
use model::Reply;

/// Counts under the destination all that was counted under it and under the sources.
pub const COMMAND: Command = Command::write("pfmerge", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let mut registers = Registers::new();
    let mut dense = false;
    for key in args {
        if let Some(text) = txn.read::<Text>(key)? {
            check(text)?;
            dense |= Hll::is_dense(text);
            registers.merge(text).ok_or_else(corrupt)?;
        }
    }
    let old = txn.read::<Text>(&args[0])?.map(|text| BytesMut::from(&text[..]));
    let mut hll = old.map_or_else(Hll::new, Hll::from_bytes);
    if dense {
        hll.make_dense().ok_or_else(corrupt)?;
    }
    registers.iter().try_for_each(|(index, value)| hll.set(index, value).map(drop)).ok_or_else(corrupt)?;
    hll.forget_count();
    txn.set(&args[0], Value::Str(Text::from_buffer(hll.into_bytes())), Deadline::Keep);
    Ok(Reply::OK)
}
