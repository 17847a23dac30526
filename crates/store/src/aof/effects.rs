//! What the log has of a command: its effect, not its wording.
//!
//! A command whose effect depends on nothing but the keys is logged as it came. One that depends on the clock, on
//! chance or on how numbers are added is logged as what came of it, as Redis does; those commands say so themselves, or
//! are in the table here.

use crate::commands::Found;
use crate::commands::args::is;
use crate::state::State;
use crate::types::Value;
use bytes::Bytes;
use model::Reply;

/// A command was carried out: if it changed something, the log is to have it.
pub(crate) fn note(state: &mut State, db: usize, found: &Found<'_>, reply: &Option<&Reply>) {
    let instead = state.log.take_instead();
    if !state.log.is_kept || state.running.touches == 0 {
        return;
    }
    let commands = match instead {
        Some(commands) => commands,
        None => reply.and_then(|reply| rewritten(state, db, found, reply)).unwrap_or_else(|| vec![found.line.to_vec()]),
    };
    commands.into_iter().for_each(|words| state.log.command(db, words));
}

/// The effect of a command that is not logged as it came.
fn rewritten(state: &State, db: usize, found: &Found<'_>, reply: &Reply) -> Option<Vec<Vec<Bytes>>> {
    let (args, key) = (found.args, found.args.first()?);
    let held = state.databases[db].get(key, 0);
    let deadline = held.and_then(|entry| entry.deadline_ms()).map(|ms| Bytes::from(ms.to_string()));
    let delete = || vec![words(&[b"DEL", key])];
    let value = match found.command.name {
        "set" if args.len() > 2 => &args[1],
        "setex" | "psetex" => &args[2],
        "getex" | "expire" | "pexpire" | "expireat" | "pexpireat" => {
            return Some(match (held, deadline) {
                (None, _) => delete(),
                (_, Some(deadline)) => vec![words(&[b"PEXPIREAT", key, &deadline])],
                (_, None) => vec![words(&[b"PERSIST", key])],
            });
        }
        "getdel" => return Some(delete()),
        "incrbyfloat" => return Some(vec![words(&[b"SET", key, text(reply)?, b"KEEPTTL"])]),
        "hincrbyfloat" => return Some(vec![words(&[b"HSET", key, &args[1], text(reply)?])]),
        "spop" => return Some(popped(key, reply)),
        "xadd" => {
            let (at, trims) = id_of_xadd(args);
            let mut added = words(&[b"XADD", key, text(reply)?]);
            added.extend_from_slice(args.get(at + 1..)?);
            return Some(std::iter::once(added).chain(trims.then(|| trimmed(key, held.map(|e| &e.value)))).collect());
        }
        "xtrim" => return Some(vec![trimmed(key, held.map(|entry| &entry.value))]),
        _ => return None,
    };
    Some(match (held, deadline) {
        (None, _) => delete(),
        (_, Some(deadline)) => vec![words(&[b"SET", key, value, b"PXAT", &deadline])],
        (_, None) => vec![words(&[b"SET", key, value])],
    })
}

fn words(words: &[&[u8]]) -> Vec<Bytes> {
    words.iter().map(|word| Bytes::copy_from_slice(word)).collect()
}

fn text(reply: &Reply) -> Option<&[u8]> {
    if let Reply::Bulk(text) = reply { Some(text) } else { None }
}

/// The members that `SPOP` took.
fn popped(key: &Bytes, reply: &Reply) -> Vec<Vec<Bytes>> {
    let members: Vec<&[u8]> = match reply {
        Reply::Array(members) | Reply::Set(members) => members.iter().filter_map(text).collect(),
        single => text(single).into_iter().collect(),
    };
    let mut line = words(&[b"SREM", key]);
    line.extend(members.into_iter().map(Bytes::copy_from_slice));
    vec![line]
}

/// Whatever was trimmed, exactly so many entries are left.
fn trimmed(key: &Bytes, value: Option<&Value>) -> Vec<Bytes> {
    let len = if let Some(Value::Stream(stream)) = value { stream.len() } else { 0 };
    words(&[b"XTRIM", key, b"MAXLEN", b"=", len.to_string().as_bytes()])
}

/// Where the id is among the arguments of `XADD`, and whether it trims.
fn id_of_xadd(args: &[Bytes]) -> (usize, bool) {
    let (mut at, mut trims) = (1, false);
    while let Some(word) = args.get(at) {
        match word {
            word if is(word, "NOMKSTREAM") => at += 1,
            word if is(word, "LIMIT") => at += 2,
            word if is(word, "MAXLEN") || is(word, "MINID") => {
                trims = true;
                let signed = args.get(at + 1).is_some_and(|sign| matches!(&sign[..], b"=" | b"~"));
                at += if signed { 3 } else { 2 };
            }
            _ => break,
        }
    }
    (at, trims)
}
