//! The few commands whose keys depend on their options in a way that key specs cannot tell.

use super::keys::{Key, Keys, KeysUnknown};
use super::{CommandSpec, KeyFlags};
use bytes::Bytes;

const READ: KeyFlags = KeyFlags::RO.union(KeyFlags::ACCESS);
const OVERWRITE: KeyFlags = KeyFlags::OW.union(KeyFlags::UPDATE);
const READ_AND_UPDATE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::UPDATE);
const READ_AND_DELETE: KeyFlags = KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE);

/// A command that needs code of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Special {
    Set,
    Bitfield,
    Sort,
    Migrate,
    /// GEORADIUS and GEORADIUSBYMEMBER, whose options begin at this word.
    Geo(usize),
}

impl Special {
    pub(super) fn of(name: &str) -> Option<Special> {
        match name {
            "set" => Some(Special::Set),
            "bitfield" => Some(Special::Bitfield),
            "sort" | "sort_ro" => Some(Special::Sort),
            "migrate" => Some(Special::Migrate),
            "georadius" => Some(Special::Geo(6)),
            "georadiusbymember" => Some(Special::Geo(5)),
            _ => None,
        }
    }

    pub(super) fn keys(self, spec: &CommandSpec, command: &[Bytes], keys: &mut Keys) -> Result<(), KeysUnknown> {
        if !spec.arity_fits(command.len()) {
            return Err(KeysUnknown);
        }
        match self {
            Special::Set => keys.push(Key { position: 1, flags: set_flags(command) }),
            Special::Bitfield => keys.push(Key { position: 1, flags: bitfield_flags(command) }),
            Special::Sort => sort(command, keys)?,
            Special::Migrate => migrate(command, keys)?,
            Special::Geo(options) => geo(command, options, keys),
        }
        Ok(())
    }
}

fn is(word: &Bytes, name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// SET reads the old value if it returns it (`GET`) or compares with it (Valkey's `IFEQ`, Redis' `IF…`).
fn set_flags(command: &[Bytes]) -> KeyFlags {
    let reads = |word: &Bytes| ["GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"].iter().any(|name| is(word, name));
    if command[3..].iter().any(reads) { READ_AND_UPDATE } else { OVERWRITE }
}

/// BITFIELD only reads if it has no other operation than GET. What is not understood may write.
fn bitfield_flags(command: &[Bytes]) -> KeyFlags {
    let mut rest = &command[2..];
    while let Some(word) = rest.first() {
        let taken = match () {
            () if is(word, "GET") => 3,
            () if is(word, "OVERFLOW") => 2,
            () => return READ_AND_UPDATE,
        };
        match rest.get(taken..) {
            Some(next) => rest = next,
            None => return READ_AND_UPDATE,
        }
    }
    READ
}

/// The list, and the last `STORE`. A pattern with a star, and any `GET` but that of the element itself (`#`), reads keys
/// whose names come from the list.
fn sort(command: &[Bytes], keys: &mut Keys) -> Result<(), KeysUnknown> {
    keys.push(Key { position: 1, flags: READ });
    let mut store = None;
    let mut at = 2;
    while at < command.len() {
        let argument = command.get(at + 1);
        at += match &command[at] {
            word if is(word, "LIMIT") => 3,
            word if is(word, "BY") && argument.is_some_and(|pattern| pattern.contains(&b'*')) => {
                return Err(KeysUnknown);
            }
            word if is(word, "GET") && argument.is_some_and(|pattern| &pattern[..] != b"#") => return Err(KeysUnknown),
            word if is(word, "BY") || is(word, "GET") => 2,
            word if is(word, "STORE") && argument.is_some() => {
                store = Some(at + 1);
                2
            }
            _ => 1,
        };
    }
    keys.extend(store.map(|position| Key { position, flags: OVERWRITE }));
    Ok(())
}

/// `MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password] [AUTH2 name password] [KEYS key…]`
fn migrate(command: &[Bytes], keys: &mut Keys) -> Result<(), KeysUnknown> {
    let mut at = 6;
    while at < command.len() {
        at += match &command[at] {
            word if is(word, "AUTH") => 2,
            word if is(word, "AUTH2") => 3,
            word if is(word, "KEYS") => break,
            _ => 1,
        };
    }
    let positions = match (command[3].is_empty(), at < command.len()) {
        (true, true) => at + 1..command.len(),
        (_, false) => 3..4,
        (false, true) => return Err(KeysUnknown),
    };
    keys.extend(positions.map(|position| Key { position, flags: READ_AND_DELETE }));
    Ok(())
}

/// The set, and what follows every `STORE` and `STOREDIST`: the last one is written, all are asked for.
fn geo(command: &[Bytes], options: usize, keys: &mut Keys) {
    keys.push(Key { position: 1, flags: READ });
    for position in options + 1..command.len() {
        if is(&command[position - 1], "STORE") || is(&command[position - 1], "STOREDIST") {
            keys.push(Key { position, flags: OVERWRITE });
        }
    }
}
