//! `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-time-ms] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]`
//! (<https://redis.io/docs/latest/commands/xclaim/>).

use super::shared::claim::{Claim, claim};
use super::shared::groups::no_key_or_group;
use super::shared::id;
use crate::commands::args::is;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::number::parse_int;
use crate::types::Stream;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// Makes a consumer the owner of pending entries that were idle long enough; the entries.
pub const COMMAND: Command = Command::write("xclaim", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let stream = txn.read::<Stream>(&args[0])?;
    if stream.and_then(|stream| stream.group(&args[1])).is_none() {
        return Err(no_key_or_group(&args[0], &args[1], ""));
    }
    let (ids, wanted) = parse(args, txn.now_ms())?;
    let claimed = claim(txn, args, &wanted, &ids)?;
    Ok(Reply::Array(claimed.replies))
}

fn parse(args: &[Bytes], now_ms: u64) -> Result<(Vec<EntryId>, Claim), Error> {
    let number = |arg: &[u8], what: &str| {
        parse_int(arg).ok_or_else(|| errors::custom(format!("Invalid {what} argument for XCLAIM")))
    };
    let idle_min_ms = u64::try_from(number(&args[3], "min-idle-time")?).unwrap_or(0);
    let ids: Vec<EntryId> = args[4..].iter().map_while(|arg| id(arg, 0).ok()).collect();
    let mut wanted = Claim { idle_min_ms, delivered_ms: now_ms, ..Claim::default() };
    let mut rest = &args[4 + ids.len()..];
    while let Some(option) = rest.first() {
        rest = match rest {
            [option, after @ ..] if is(option, "FORCE") => {
                wanted.force = true;
                after
            }
            [option, after @ ..] if is(option, "JUSTID") => {
                wanted.just_id = true;
                after
            }
            [option, ms, after @ ..] if is(option, "IDLE") => {
                let idle = number(ms, "IDLE option")?;
                wanted.delivered_ms =
                    i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_sub(idle).try_into().unwrap_or(0);
                after
            }
            [option, ms, after @ ..] if is(option, "TIME") => {
                wanted.delivered_ms = u64::try_from(number(ms, "TIME option")?).unwrap_or(u64::MAX);
                after
            }
            [option, count, after @ ..] if is(option, "RETRYCOUNT") => {
                wanted.deliveries = u64::try_from(number(count, "RETRYCOUNT option")?).ok();
                after
            }
            [option, last, after @ ..] if is(option, "LASTID") => {
                wanted.last_id = Some(id(last, 0)?);
                after
            }
            _ => {
                let shown = String::from_utf8_lossy(option);
                return Err(errors::custom(format!("Unrecognized XCLAIM option '{shown}'")));
            }
        };
    }
    // A moment that is still to come is now, but for a load, which knows no time.
    if now_ms != crate::aof::TIMELESS_MS {
        wanted.delivered_ms = wanted.delivered_ms.min(now_ms);
    }
    Ok((ids, wanted))
}
