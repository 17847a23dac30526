//! `LPOS key element [RANK rank] [COUNT matches] [MAXLEN len]` (<https://redis.io/docs/latest/commands/lpos/>).

use crate::commands::args::{int, is, size, value};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::List;
use bytes::Bytes;
use model::{Error, Reply};

/// The positions of elements that equal the given one.
pub const COMMAND: Command = Command::read("lpos", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let options = Options::parse(&args[2..])?;
    let found = txn.read::<List>(&args[0])?.map(|list| options.find(list, &args[1])).unwrap_or_default();
    Ok(match options.count {
        None => found.first().map_or(Reply::Null, |&position| size(position)),
        Some(_) => Reply::Array(found.into_iter().map(size).collect()),
    })
}

struct Options {
    /// Which match is the first to be answered; negative ones are counted from the tail, which turns the search round.
    rank: i64,
    /// How many matches to answer, as an array; 0: all. None: one, not as an array.
    count: Option<usize>,
    /// How many elements to compare at most; 0: all.
    compared_max: usize,
}

impl Options {
    fn parse(args: &[Bytes]) -> Result<Options, Error> {
        let mut options = Options { rank: 1, count: None, compared_max: 0 };
        let mut rest = args.iter();
        while let Some(option) = rest.next() {
            let number = value(&mut rest)?;
            match option {
                o if is(o, "RANK") => options.rank = rank(number)?,
                o if is(o, "COUNT") => options.count = Some(not_negative(number, "COUNT")?),
                o if is(o, "MAXLEN") => options.compared_max = not_negative(number, "MAXLEN")?,
                _ => return Err(errors::SYNTAX),
            }
        }
        Ok(options)
    }

    fn find(&self, list: &List, element: &Bytes) -> Vec<usize> {
        let compared = if self.compared_max == 0 { list.len() } else { list.len().min(self.compared_max) };
        let skipped = usize::try_from(self.rank.unsigned_abs() - 1).unwrap_or(usize::MAX);
        let wanted = match self.count {
            None => 1,
            Some(0) => usize::MAX,
            Some(count) => count,
        };
        let is_match = |(_, other): &(usize, &[u8])| *other == element;
        let skipped = |matches: &mut dyn Iterator<Item = (usize, &[u8])>| -> Vec<usize> {
            matches.take(compared).filter(is_match).map(|(step, _)| step).skip(skipped).take(wanted).collect()
        };
        if self.rank > 0 {
            return skipped(&mut list.iter().enumerate());
        }
        let from_tail = skipped(&mut list.iter().rev().enumerate());
        from_tail.into_iter().map(|step| list.len() - 1 - step).collect()
    }
}

fn rank(number: &[u8]) -> Result<i64, Error> {
    match int(number)? {
        0 => Err(errors::custom(
            "RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
             or use negative to start from the end of the list",
        )),
        i64::MIN => Err(errors::RANGE_OF_INT),
        rank => Ok(rank),
    }
}

fn not_negative(number: &[u8], option: &str) -> Result<usize, Error> {
    let number = int(number).ok().and_then(|n| usize::try_from(n).ok());
    number.ok_or_else(|| errors::custom(format!("{option} can't be negative")))
}
