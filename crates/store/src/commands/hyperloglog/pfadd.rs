//! `PFADD key [element …]` (<https://redis.io/docs/latest/commands/pfadd/>).

use super::shared::{check, corrupt};
use crate::commands::args::flag;
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Edit, Txn};
use crate::types::hll::Hll;
use crate::types::{Text, Value};
use bytes::Bytes;

/// Counts elements; whether the estimate may have changed.
pub const COMMAND: Command = Command::write("pfadd", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (key, elements) = (&args[0], &args[1..]);
    let Some(text) = txn.read::<Text>(key)? else {
        let mut hll = Hll::new();
        elements.iter().try_for_each(|element| hll.add(element).map(drop)).ok_or_else(corrupt)?;
        hll.forget_count();
        txn.set(key, Value::Str(Text::from_buffer(hll.into_bytes())), Deadline::Never);
        return Ok(flag(true));
    };
    check(text)?;
    let changed = txn.try_update(key, |text: &mut Text| {
        let bytes = text.edit();
        let mut hll = Hll::from_bytes(std::mem::take(bytes));
        let mut changed = Some(false);
        for element in elements {
            changed = changed.and_then(|changed| Some(hll.add(element)? || changed));
        }
        if changed == Some(true) {
            hll.forget_count();
        }
        *bytes = hll.into_bytes();
        let changed = changed.ok_or_else(corrupt)?;
        Ok(Edit::when(changed, changed))
    })?;
    Ok(flag(changed == Some(true)))
}
