//! `ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member …]` (<https://redis.io/docs/latest/commands/zadd/>).

use super::shared::incremented;
use crate::commands::args::{float, is, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::{Edit, Txn};
use crate::errors;
use crate::types::Zset;
use bytes::Bytes;
use model::{Error, Reply};

/// Adds members or changes their scores; how many were added, or with `CH` also changed.
pub const COMMAND: Command = Command::write("zadd", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (options, pairs) = Options::parse(&args[1..])?;
    let pairs: Vec<(f64, &Bytes)> =
        pairs.chunks(2).map(|pair| Ok((float(&pair[0])?, &pair[1]))).collect::<Result<_, Error>>()?;
    txn.try_write(&args[0], |zset: &mut Zset| match pairs[..] {
        [(by, member)] if options.increment => {
            let outcome = options.apply(zset, member, incremented(zset, member, by)?);
            Ok(Edit::when(outcome.is_change(), outcome.score().map_or(Reply::Null, Reply::Double)))
        }
        _ => {
            let (mut added, mut updated) = (0, 0);
            for &(score, member) in &pairs {
                match options.apply(zset, member, score) {
                    Applied::Added(_) => added += 1,
                    Applied::Updated(_) => updated += 1,
                    Applied::Same(_) | Applied::Refused => {}
                }
            }
            let counted = if options.count_changed { added + updated } else { added };
            Ok(Edit::when(added + updated > 0, size(counted)))
        }
    })
}

/// The options before the first score.
#[derive(Default)]
struct Options {
    only_new: bool,
    only_existing: bool,
    only_greater: bool,
    only_less: bool,
    count_changed: bool,
    increment: bool,
}

/// What became of one member.
enum Applied {
    Added(f64),
    Updated(f64),
    Same(f64),
    Refused,
}

impl Options {
    /// The options, and the pairs of score and member after them.
    fn parse(args: &[Bytes]) -> Result<(Options, &[Bytes]), Error> {
        let mut options = Options::default();
        let mut rest = args;
        while let Some((option, after)) = rest.split_first() {
            let Some(known) = options.named(option) else { break };
            *known = true;
            rest = after;
        }
        if rest.is_empty() || !rest.len().is_multiple_of(2) {
            return Err(errors::SYNTAX);
        }
        options.check(rest.len() / 2)?;
        Ok((options, rest))
    }

    fn named(&mut self, option: &[u8]) -> Option<&mut bool> {
        match () {
            () if is(option, "NX") => Some(&mut self.only_new),
            () if is(option, "XX") => Some(&mut self.only_existing),
            () if is(option, "GT") => Some(&mut self.only_greater),
            () if is(option, "LT") => Some(&mut self.only_less),
            () if is(option, "CH") => Some(&mut self.count_changed),
            () if is(option, "INCR") => Some(&mut self.increment),
            () => None,
        }
    }

    fn check(&self, pairs: usize) -> Result<(), Error> {
        let exclusive = [self.only_greater, self.only_less, self.only_new];
        match () {
            () if self.only_new && self.only_existing => {
                Err(errors::custom("XX and NX options at the same time are not compatible"))
            }
            () if exclusive.iter().filter(|&&given| given).count() > 1 => {
                Err(errors::custom("GT, LT, and/or NX options at the same time are not compatible"))
            }
            () if self.increment && pairs > 1 => {
                Err(errors::custom("INCR option supports a single increment-element pair"))
            }
            () => Ok(()),
        }
    }

    fn apply(&self, zset: &mut Zset, member: &[u8], score: f64) -> Applied {
        let old = zset.score(member);
        let refused = match old {
            None => self.only_existing,
            Some(old) => self.only_new || self.only_greater && score <= old || self.only_less && score >= old,
        };
        if refused {
            return Applied::Refused;
        }
        match old {
            Some(old) if old == score => return Applied::Same(score),
            _ => _ = zset.insert(member, score),
        }
        if old.is_none() { Applied::Added(score) } else { Applied::Updated(score) }
    }
}

impl Applied {
    fn is_change(&self) -> bool {
        matches!(self, Applied::Added(_) | Applied::Updated(_))
    }

    /// The score that the member has now, unless the options refused it.
    fn score(&self) -> Option<f64> {
        match *self {
            Applied::Added(score) | Applied::Updated(score) | Applied::Same(score) => Some(score),
            Applied::Refused => None,
        }
    }
}
