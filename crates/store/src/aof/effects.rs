//! What the log has of a command: its effect, not its wording.
//!
//! A command whose effect depends on nothing but the keys is logged as it came. One that depends on the clock, on
//! chance or on how numbers are added is logged as what came of it, as Redis does; those commands say so themselves, or
//! are in the table here.

use super::log::Log;
use crate::commands::Found;
use crate::commands::args::is;
use crate::db::{Db, Entry};
use crate::state::State;
use crate::types::Value;
use bytes::Bytes;
use model::Reply;

/// A command was carried out: if it changed something, the log is to have it.
pub(crate) fn note(state: &mut State, db: usize, found: &Found<'_>, reply: Option<&Reply>) {
    let State { log, databases, running, .. } = state;
    if !log.is_kept {
        return;
    }
    let instead = log.take_instead();
    if running.touches == 0 {
        return;
    }
    if let Some(commands) = instead {
        return commands.iter().for_each(|words| log.command(db, words));
    }
    let is_logged = reply.and_then(|reply| rewritten(log, &databases[db], db, found, reply)).is_some();
    if !is_logged {
        log.command(db, found.line);
    }
}

/// Logs the effect of a command that is not logged as it came.
fn rewritten(log: &mut Log, keys: &Db, db: usize, found: &Found<'_>, reply: &Reply) -> Option<()> {
    let args = found.args;
    match found.command.name {
        "set" if args.len() > 2 => set(log, keys, db, &args[0], &args[1]),
        "setex" | "psetex" => set(log, keys, db, &args[0], &args[2]),
        "getex" | "expire" | "pexpire" | "expireat" | "pexpireat" => deadline(log, keys, db, &args[0]),
        "getdel" => log.command(db, &[b"DEL", &args[0][..]]),
        "incrbyfloat" => log.command(db, &[b"SET", &args[0][..], text(reply)?, b"KEEPTTL"]),
        "hincrbyfloat" => log.command(db, &[b"HSET", &args[0][..], &args[1], text(reply)?]),
        "spop" => popped(log, db, &args[0], reply),
        "xadd" => {
            let (at, trims) = id_of_xadd(args);
            let mut added = vec![b"XADD", &args[0][..], text(reply)?];
            added.extend(args.get(at + 1..)?.iter().map(|word| &word[..]));
            log.command(db, &added);
            if trims {
                trimmed(log, keys, db, &args[0]);
            }
        }
        "xtrim" => trimmed(log, keys, db, &args[0]),
        _ => return None,
    }
    Some(())
}

/// The key holds this string now, until its deadline.
fn set(log: &mut Log, keys: &Db, db: usize, key: &Bytes, value: &Bytes) {
    match entry(keys, key).map(Entry::deadline_ms) {
        None => log.command(db, &[b"DEL", &key[..]]),
        Some(None) => log.command(db, &[b"SET", &key[..], value]),
        Some(Some(deadline)) => {
            log.command(db, &[b"SET", &key[..], value, b"PXAT", itoa::Buffer::new().format(deadline).as_bytes()]);
        }
    }
}

/// The key has this deadline now.
fn deadline(log: &mut Log, keys: &Db, db: usize, key: &Bytes) {
    match entry(keys, key).map(Entry::deadline_ms) {
        None => log.command(db, &[b"DEL", &key[..]]),
        Some(None) => log.command(db, &[b"PERSIST", &key[..]]),
        Some(Some(deadline)) => {
            log.command(db, &[b"PEXPIREAT", &key[..], itoa::Buffer::new().format(deadline).as_bytes()]);
        }
    }
}

/// The key as it is now, due or not.
fn entry<'a>(keys: &'a Db, key: &[u8]) -> Option<&'a Entry> {
    keys.get(key, super::TIMELESS_MS)
}

fn text(reply: &Reply) -> Option<&[u8]> {
    if let Reply::Bulk(text) = reply { Some(text) } else { None }
}

/// The members that `SPOP` took.
fn popped(log: &mut Log, db: usize, key: &Bytes, reply: &Reply) {
    let mut line: Vec<&[u8]> = vec![b"SREM", key];
    match reply {
        Reply::Array(members) | Reply::Set(members) => line.extend(members.iter().filter_map(text)),
        single => line.extend(text(single)),
    }
    log.command(db, &line);
}

/// Whatever was trimmed, exactly so many entries are left.
fn trimmed(log: &mut Log, keys: &Db, db: usize, key: &Bytes) {
    let len = match entry(keys, key).map(|entry| &entry.value) {
        Some(Value::Stream(stream)) => stream.len(),
        _ => 0,
    };
    log.command(db, &[b"XTRIM", &key[..], b"MAXLEN", b"=", itoa::Buffer::new().format(len).as_bytes()]);
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
