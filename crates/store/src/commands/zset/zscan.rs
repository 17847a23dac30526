//! `ZSCAN key cursor [MATCH pattern] [COUNT count]` (<https://redis.io/docs/latest/commands/zscan/>).

use crate::commands::scan::Scan;
use crate::commands::{Command, Outcome};
use crate::db::txn::Txn;
use crate::types::Zset;
use bytes::Bytes;
use model::Reply;

/// A walk over the members, a part of them per call: the next cursor, and members and scores (as text) in turn.
pub const COMMAND: Command = Command::read("zscan", run);

fn run(txn: &Txn<'_>, args: &[Bytes]) -> Outcome {
    let cursor = Scan::cursor(&args[1])?;
    let Some(zset) = txn.read::<Zset>(&args[0])? else { return Ok(Scan::reply(0, Vec::new())) };
    let scan = Scan::parse(cursor, &args[2..])?;
    let small = zset.encoding() == "listpack";
    let mut found = Vec::new();
    let next = zset.scan(scan.cursor, scan.count, |member, score| {
        if scan.matches(member) {
            found.extend([Reply::bulk(member), Reply::bulk(score_text(score, small))]);
        }
    });
    Ok(Scan::reply(next, found))
}

/// A score as Redis writes it in a bulk string: integers without a point, and a sign in every exponent. In the small form
/// integers are kept as such, and have no exponent.
fn score_text(score: f64, small: bool) -> String {
    const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
    if small && score.fract() == 0.0 && score.abs() <= INTEGER_MAX {
        return (score as i64).to_string();
    }
    if score.is_infinite() {
        return if score > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(score);
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with(['-', '+']) => format!("{}e+{exponent}", whole(digits)),
        Some((digits, exponent)) => format!("{}e{exponent}", whole(digits)),
        None => whole(text).to_owned(),
    }
}

fn whole(digits: &str) -> &str {
    digits.strip_suffix(".0").unwrap_or(digits)
}
