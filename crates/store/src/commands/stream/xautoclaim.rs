//! `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
//! (<https://redis.io/docs/latest/commands/xautoclaim/>).

use super::shared::claim::{Claim, claim};
use super::shared::groups::no_key_or_group;
use super::shared::{id_reply, range_start};
use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Claims what was idle long enough, from an id on: where to go on, the entries, and ids of entries that are gone.
pub const COMMAND: Command = Command::write("xautoclaim", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let (from, count, wanted) = parse(args, txn.now_ms())?;
    let stream = txn.read::<Stream>(&args[0])?;
    let Some((stream, group)) = stream.and_then(|stream| Some((stream, stream.group(&args[1])?))) else {
        return Err(no_key_or_group(&args[0], &args[1], ""));
    };
    // As Redis does: so many are looked at, at most, to find some.
    let (mut looks, mut left, mut ids) = (count.saturating_mul(10), count, Vec::new());
    let mut pending = group.pending().range(from..);
    let mut next = EntryId::MIN;
    for (id, entry) in &mut pending {
        if looks == 0 || left == 0 {
            next = *id;
            break;
        }
        looks -= 1;
        let is_idle = txn.now_ms().saturating_sub(entry.delivered_ms) >= wanted.idle_min_ms;
        if !stream.contains(*id) || is_idle {
            ids.push(*id);
            left -= 1;
        }
    }
    let claimed = claim(txn, args, &wanted, &ids)?;
    let gone = claimed.gone.into_iter().map(id_reply).collect();
    Ok(Reply::Array(vec![id_reply(next), Reply::Array(claimed.replies), Reply::Array(gone)]))
}

fn parse(args: &[Bytes], now_ms: u64) -> Result<(EntryId, usize, Claim), Error> {
    /// How many entries Redis claims if it is not said.
    const COUNT_DEFAULT: usize = 100;
    let idle = parse_int(&args[3]).ok_or_else(|| errors::custom("Invalid min-idle-time argument for XAUTOCLAIM"))?;
    let mut wanted = Claim { idle_min_ms: u64::try_from(idle).unwrap_or(0), delivered_ms: now_ms, ..Claim::default() };
    let from = range_start(&args[4])?;
    let (mut count, mut rest) = (COUNT_DEFAULT, &args[5..]);
    while !rest.is_empty() {
        rest = match rest {
            [option, number, after @ ..] if is(option, "COUNT") => {
                let number = parse_int(number).filter(|&number| number > 0 && number <= i64::MAX / 16);
                let number = number.ok_or_else(|| errors::custom("COUNT must be > 0"))?;
                count = usize::try_from(number).unwrap_or(usize::MAX);
                after
            }
            [option, after @ ..] if is(option, "JUSTID") => {
                wanted.just_id = true;
                after
            }
            _ => return Err(errors::SYNTAX),
        };
    }
    Ok((from, count, wanted))
}
