//! Sorted sets (<https://redis.io/docs/latest/commands/?group=sorted-set>).

pub(crate) mod shared;
pub(crate) mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zdiffstore;
mod zincrby;
mod zinter;
mod zintercard;
mod zinterstore;
mod zlexcount;
mod zmpop;
mod zmscore;
mod zpopmax;
mod zpopmin;
mod zrandmember;
mod zrange;
mod zrangebylex;
mod zrangebyscore;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrangebylex;
mod zremrangebyrank;
mod zremrangebyscore;
mod zrevrange;
mod zrevrangebylex;
mod zrevrangebyscore;
mod zrevrank;
mod zscan;
mod zscore;
mod zunion;
mod zunionstore;

use super::Command;

/// The family's commands.
pub const COMMANDS: &[&Command] = &[
    &zadd::COMMAND,
    &zcard::COMMAND,
    &zcount::COMMAND,
    &zdiff::COMMAND,
    &zdiffstore::COMMAND,
    &zincrby::COMMAND,
    &zinter::COMMAND,
    &zintercard::COMMAND,
    &zinterstore::COMMAND,
    &zlexcount::COMMAND,
    &zmpop::COMMAND,
    &zmscore::COMMAND,
    &zpopmax::COMMAND,
    &zpopmin::COMMAND,
    &zrandmember::COMMAND,
    &zrange::COMMAND,
    &zrangebylex::COMMAND,
    &zrangebyscore::COMMAND,
    &zrangestore::COMMAND,
    &zrank::COMMAND,
    &zrem::COMMAND,
    &zremrangebylex::COMMAND,
    &zremrangebyrank::COMMAND,
    &zremrangebyscore::COMMAND,
    &zrevrange::COMMAND,
    &zrevrangebylex::COMMAND,
    &zrevrangebyscore::COMMAND,
    &zrevrank::COMMAND,
    &zscan::COMMAND,
    &zscore::COMMAND,
    &zunion::COMMAND,
    &zunionstore::COMMAND,
];
