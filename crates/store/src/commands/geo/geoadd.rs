//! `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member …]`
//! (<https://redis.io/docs/latest/commands/geoadd/>).

use super::shared::point;
use crate::commands::args::is;
use crate::commands::{Command, Outcome, zset};
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;

/// Adds places: `ZADD` with the scores of their coordinates.
pub const COMMAND: Command = Command::write("geoadd", run);

fn run(txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
    let is_option = |arg: &&Bytes| ["NX", "XX", "CH"].iter().any(|option| is(arg, option));
    let options = args[1..].iter().take_while(is_option).count();
    let (head, places) = args.split_at(1 + options);
    let has = |option: &str| head[1..].iter().any(|arg| is(arg, option));
    if !places.len().is_multiple_of(3) || has("NX") && has("XX") {
        return Err(errors::SYNTAX);
    }
    let mut line = head.to_vec();
    for place in places.chunks_exact(3) {
        let score = point(&place[..2])?.score();
        line.push(Bytes::copy_from_slice(itoa::Buffer::new().format(score).as_bytes()));
        line.push(place[2].clone());
    }
    zset::zadd::COMMAND.run(txn, &line)
}
