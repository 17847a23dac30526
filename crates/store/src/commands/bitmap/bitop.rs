//! `BITOP AND | OR | XOR | NOT destination key [key …]` (<https://redis.io/docs/latest/commands/bitop/>).

use crate::commands::args::{is, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Deadline, Txn};
use crate::errors;
use crate::types::{Text, Value};
use bytes::{Bytes, BytesMut};
use model::Error;

/// Stores what strings give bit by bit; its length. Shorter strings are padded with zeros; nothing at all deletes the
/// destination.
pub const COMMAND: Command = Command::write("bitop", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (operation, destination, keys) = (Operation::parse(&args[0])?, &args[1], &args[2..]);
    if operation == Operation::Not && keys.len() > 1 {
        return Err(errors::custom("BITOP NOT must be called with a single source key."));
    }
    let sources: Vec<&[u8]> = keys
        .iter()
        .map(|key| Ok(txn.read::<Text>(key)?.map_or(&b""[..], |text| text)))
        .collect::<Result<_, Error>>()?;
    let result = operation.of(&sources);
    let len = result.len();
    if len == 0 {
        txn.remove(destination);
    } else {
        txn.set(destination, Value::Str(Text::from_buffer(result)), Deadline::Never);
    }
    Ok(size(len))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn parse(word: &[u8]) -> Result<Operation, Error> {
        match () {
            () if is(word, "AND") => Ok(Operation::And),
            () if is(word, "OR") => Ok(Operation::Or),
            () if is(word, "XOR") => Ok(Operation::Xor),
            () if is(word, "NOT") => Ok(Operation::Not),
            () => Err(errors::SYNTAX),
        }
    }

    fn of(self, sources: &[&[u8]]) -> BytesMut {
        let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
        let (first, others) = sources.split_first().expect("there is a source");
        let mut result = BytesMut::zeroed(len);
        result[..first.len()].copy_from_slice(first);
        for other in others {
            let (head, tail) = result.split_at_mut(other.len());
            let pairs = head.iter_mut().zip(*other);
            match self {
                Operation::And => {
                    pairs.for_each(|(byte, other)| *byte &= other);
                    tail.fill(0);
                }
                Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
                Operation::Xor | Operation::Not => pairs.for_each(|(byte, other)| *byte ^= other),
            }
        }
        if self == Operation::Not {
            result.iter_mut().for_each(|byte| *byte = !*byte);
        }
        result
    }
}
