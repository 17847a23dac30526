//! Which commands can be live, and how their changes are noticed.
//!
//! A live query is a read whose keys are known: every change of them is told by the backend. A read whose reply changes
//! without such a change is polled, and since polling costs whether anything happens or not, the client must say how often.

use crate::{Authorised, shared};
use acl::KeyDemand;
use bytes::Bytes;
use model::command::{CommandSpec, Flags};
use model::error::NOTLIVE;
use model::topic::{Pace, Query};
use model::{Args, Error, Limits};

/// A polled query's pace is at least so many milliseconds.
const POLLED_EVERY_MIN_MS: u64 = 100;

/// Commands without keys that only report, though Redis does not flag them as `readonly`.
const REPORTS: [&str; 24] = [
    "info",
    "time",
    "lastsave",
    "role",
    "config|get",
    "command|count",
    "memory|stats",
    "memory|doctor",
    "pubsub|channels",
    "pubsub|numpat",
    "pubsub|numsub",
    "pubsub|shardchannels",
    "pubsub|shardnumsub",
    "cluster|info",
    "cluster|nodes",
    "cluster|shards",
    "cluster|slots",
    "cluster|links",
    "slowlog|get",
    "slowlog|len",
    "latency|latest",
    "latency|history",
    "function|list",
    "function|stats",
];

/// Reads that show consumer groups, whose changes a server tells nobody.
const UNTOLD: [&str; 2] = ["xinfo|stream", "xinfo|groups"];

/// The query of a command line that its client may run, and the pace asked for; else `NOTLIVE` and why.
pub(crate) fn query(
    authorised: &Authorised<'_>,
    command: &Args,
    every_ms: Option<u64>,
    limits: &Limits,
) -> Result<(Query, Pace), Error> {
    let spec = authorised.spec;
    shared::refuse(spec, command).map_err(|error| Error::new(NOTLIVE, error.message))?;
    check_read(spec)?;
    let positions: Vec<usize> = match &authorised.keys {
        _ if !spec.has_keys() => Vec::new(),
        KeyDemand::Named(keys) => keys.iter().map(|key| key.position).collect(),
        KeyDemand::All => return Err(not_live(spec, "has keys that cannot be known from its arguments")),
    };
    let polled = why_polled(spec);
    if let Some(why) = polled.filter(|_| every_ms.is_none_or(|ms| ms < POLLED_EVERY_MIN_MS)) {
        let ask =
            format!("{why}, so it is read at intervals: say `every`, at least {POLLED_EVERY_MIN_MS} (milliseconds)");
        return Err(not_live(spec, &ask));
    }
    let command = normalised(spec, command);
    let tracked = polled.is_none() || spec.is_script();
    let keys = positions.iter().filter(|_| tracked).map(|&at| command[at].clone()).collect();
    let query = Query { command, keys, polled: polled.is_some(), unordered: spec.is_unordered() };
    Ok((query, Pace::at_least(every_ms.unwrap_or(limits.live_every_default_ms))))
}

fn check_read(spec: &CommandSpec) -> Result<(), Error> {
    match &*spec.name {
        _ if spec.flags.contains(Flags::READONLY) => Ok(()),
        name if REPORTS.contains(&name) => Ok(()),
        "eval" | "evalsha" | "fcall" => Err(not_live(spec, "may write: use the form that ends in _RO")),
        _ => Err(not_live(spec, "is not a read")),
    }
}

fn why_polled(spec: &CommandSpec) -> Option<&'static str> {
    match () {
        () if spec.is_script() => Some("is a script"),
        () if !spec.has_keys() => Some("names no key"),
        () if spec.is_nondeterministic() || UNTOLD.contains(&&*spec.name) => Some("changes without a write"),
        () => None,
    }
}

fn not_live(spec: &CommandSpec, why: &str) -> Error {
    Error::new(NOTLIVE, format!("'{}' {why}", spec.name))
}

/// The command with its name in upper case, in one piece of memory of its own: it outlives the message it came in.
pub(crate) fn normalised(spec: &CommandSpec, command: &[Bytes]) -> Args {
    let name_words = if spec.parent.is_some() { 2 } else { 1 };
    let mut text = Vec::with_capacity(command.iter().map(Bytes::len).sum());
    for (at, word) in command.iter().enumerate() {
        let start = text.len();
        text.extend_from_slice(word);
        if at < name_words {
            text[start..].make_ascii_uppercase();
        }
    }
    let text = Bytes::from(text);
    let mut end = 0;
    let word = |word: &Bytes| {
        end += word.len();
        text.slice(end - word.len()..end)
    };
    command.iter().map(word).collect()
}
