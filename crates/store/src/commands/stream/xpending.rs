//! `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
//! (<https://redis.io/docs/latest/commands/xpending/>).

use super::shared::groups::no_key_or_group;
use super::shared::{id_reply, range_end, range_start};
use crate::commands::args::{int, is, size};
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::errors;
use crate::types::Stream;
use crate::types::stream::Group;
use bytes::Bytes;
use model::{EntryId, Error, Reply};

/// What is pending in a group: how much and whose, or the entries one by one.
pub const COMMAND: Command = Command::read("xpending", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let detail = Detail::parse(&args[2..])?;
    let group = txn.read::<Stream>(&args[0])?.and_then(|stream| stream.group(&args[1]));
    let group = group.ok_or_else(|| no_key_or_group(&args[0], &args[1], ""))?;
    Ok(match detail {
        None => summary(group),
        Some(detail) => detail.entries(group, txn.now_ms()),
    })
}

/// How much is pending, from where to where, and how much of it for whom.
fn summary(group: &Group) -> Reply {
    let pending = group.pending();
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value()) else {
        return Reply::Array(vec![Reply::Int(0), Reply::Null, Reply::Null, Reply::NullArray]);
    };
    let busy = group.consumers().iter().filter(|(_, consumer)| !consumer.pending().is_empty());
    let each = busy.map(|(name, consumer)| {
        Reply::Array(vec![Reply::Bulk(name.clone()), Reply::bulk(consumer.pending().len().to_string())])
    });
    Reply::Array(vec![size(pending.len()), id_reply(*first), id_reply(*last), Reply::Array(each.collect())])
}

/// Which entries are asked for.
struct Detail<'a> {
    idle_min_ms: i64,
    from: EntryId,
    to: EntryId,
    count: usize,
    consumer: Option<&'a Bytes>,
}

impl<'a> Detail<'a> {
    fn parse(args: &'a [Bytes]) -> Result<Option<Detail<'a>>, Error> {
        let (mut idle_min_ms, mut rest) = (0, args);
        if rest.is_empty() {
            return Ok(None);
        }
        if rest.len() < 3 || rest.len() > 6 {
            return Err(errors::SYNTAX);
        }
        if is(&rest[0], "IDLE") {
            idle_min_ms = int(&rest[1])?;
            rest = &rest[2..];
        }
        // What follows the consumer is not looked at, as in Redis.
        let [start, end, count, ..] = rest else { return Err(errors::SYNTAX) };
        let consumer = rest.get(3);
        let count = usize::try_from(int(count)?).unwrap_or(0);
        Ok(Some(Detail { idle_min_ms, from: range_start(start)?, to: range_end(end)?, count, consumer }))
    }

    fn entries(&self, group: &Group, now_ms: u64) -> Reply {
        if self.from > self.to {
            return Reply::Array(Vec::new());
        }
        let idle = |delivered_ms: u64| i64::try_from(now_ms.saturating_sub(delivered_ms)).unwrap_or(i64::MAX);
        let wanted = group.pending().range(self.from..=self.to).filter(|(_, pending)| {
            self.consumer.is_none_or(|name| *name == pending.consumer) && idle(pending.delivered_ms) >= self.idle_min_ms
        });
        let entry = |(id, pending): (&EntryId, &crate::types::stream::Pending)| {
            let (idle, deliveries) = (Reply::Int(idle(pending.delivered_ms)), Reply::Int(pending.deliveries as i64));
            Reply::Array(vec![id_reply(*id), Reply::Bulk(pending.consumer.clone()), idle, deliveries])
        };
        Reply::Array(wanted.take(self.count).map(entry).collect())
    }
}
