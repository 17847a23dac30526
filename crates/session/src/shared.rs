//! Commands that would harm a connection that many clients share, and what to use instead.

use bytes::Bytes;
use model::Error;
use model::command::{CommandSpec, Flags};
use model::error::BADREQUEST;

/// Refuses what changes the state of a connection or blocks it: `BADREQUEST`, naming the verb to use instead.
pub(crate) fn refuse(spec: &CommandSpec, command: &[Bytes]) -> Result<(), Error> {
    match advice(spec, command) {
        Some(advice) => {
            Err(Error::new(BADREQUEST, format!("'{}' is not for a shared connection: {advice}", spec.name)))
        }
        None => Ok(()),
    }
}

fn advice(spec: &CommandSpec, command: &[Bytes]) -> Option<&'static str> {
    let container = spec.name.split('|').next().unwrap_or_default();
    Some(match container {
        "subscribe" | "ssubscribe" => "use the verb `subscribe`",
        "psubscribe" => "use the verb `psubscribe`",
        "unsubscribe" | "punsubscribe" | "sunsubscribe" => "use the verb `close`",
        "multi" | "exec" | "discard" | "watch" | "unwatch" => "use the verb `commands`",
        "monitor" => "use the verb `live` or `subscribe` for what you want to see",
        "auth" | "hello" => "use the verb `auth`",
        "quit" | "reset" => "close your own connection",
        "select" | "move" => ONE_DATABASE,
        "copy" if has_database_option(command) => ONE_DATABASE,
        "client" | "readonly" | "readwrite" | "asking" => "its state is the gateway's",
        "sync" | "psync" | "replconf" => "a replica connects to the server itself",
        "wait" | "waitaof" => "it would block all others",
        "xread" | "xreadgroup" if has_block_option(command) => "it would block all others; use the verb `follow`",
        "xread" | "xreadgroup" => return None,
        _ if spec.flags.contains(Flags::BLOCKING) => {
            "it would block all others; use the form that does not block, and the verb `live` to learn of changes"
        }
        _ => return None,
    })
}

const ONE_DATABASE: &str = "a gateway shows one database";

/// Whether COPY has `DB` among its options, which come behind both keys.
fn has_database_option(command: &[Bytes]) -> bool {
    command.iter().skip(3).any(|word| word.eq_ignore_ascii_case(b"DB"))
}

/// Whether XREAD or XREADGROUP has `BLOCK` among its options, all of which come before `STREAMS`.
fn has_block_option(command: &[Bytes]) -> bool {
    let is = |word: &Bytes, name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    let mut at = 1;
    while let Some(word) = command.get(at).filter(|word| !is(word, "STREAMS")) {
        at += match () {
            () if is(word, "BLOCK") => return true,
            () if is(word, "GROUP") => 3,
            () if is(word, "COUNT") => 2,
            () => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::command::CommandTable;

    fn refused(line: &str) -> Option<String> {
        let command: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        let table = CommandTable::redis();
        refuse(table.resolve(&command).unwrap(), &command).err().map(|error| error.to_string())
    }

    #[test]
    fn what_would_harm_others_is_refused_by_the_name_of_the_verb() {
        for (line, verb) in [
            ("SUBSCRIBE c", "`subscribe`"),
            ("ssubscribe c", "`subscribe`"),
            ("PSUBSCRIBE c*", "`psubscribe`"),
            ("UNSUBSCRIBE", "`close`"),
            ("MONITOR", "`live`"),
            ("MULTI", "`commands`"),
            ("EXEC", "`commands`"),
            ("DISCARD", "`commands`"),
            ("WATCH k", "`commands`"),
            ("SELECT 1", "one database"),
            ("MOVE k 3", "one database"),
            ("COPY a b DB 3", "one database"),
            ("COPY a b replace db 0", "one database"),
            ("CLIENT ID", "gateway's"),
            ("client setname x", "gateway's"),
            ("QUIT", "close"),
            ("RESET", "close"),
            ("HELLO 3", "`auth`"),
            ("AUTH pw", "`auth`"),
            ("PSYNC ? -1", "replica"),
            ("REPLCONF x", "replica"),
            ("WAIT 1 0", "block"),
            ("BLPOP k 0", "`live`"),
            ("BLMOVE a b LEFT LEFT 0", "`live`"),
            ("BZMPOP 0 1 a MIN", "`live`"),
            ("XREAD BLOCK 0 STREAMS s $", "`follow`"),
            ("XREAD COUNT 2 block 0 STREAMS s $", "`follow`"),
            ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "`follow`"),
        ] {
            let error = refused(line).unwrap_or_else(|| panic!("{line} is let through"));
            assert!(error.starts_with("BADREQUEST ") && error.contains(verb), "{line}: {error}");
        }
    }

    #[test]
    fn what_does_not_block_is_let_through() {
        for line in [
            "GET k",
            "LPOP k",
            "COPY a db",
            "COPY db DB REPLACE",
            "XREAD STREAMS block 0",
            "XREAD COUNT 1 STREAMS s 0",
            "XREADGROUP GROUP block c STREAMS s >",
            "XREADGROUP GROUP g block NOACK STREAMS s >",
            "PUBLISH c m",
            "PING",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }
}
