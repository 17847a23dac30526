//! Which slot a command belongs to, by the keys that the command table finds in it.

use crate::commands::What;
use crate::reads::{Question, Request};
use bytes::Bytes;
use model::command::CommandTable;
use model::error::ERR;
use model::slot::slot;
use model::{Args, Error};

/// The slot of a command or transaction; none if any node will do.
pub(crate) fn of(what: &What) -> Result<Option<u16>, Error> {
    match what {
        What::One(command) => of_command(command),
        What::Many(commands) => {
            let mut all = commands.iter().map(of_command);
            all.try_fold(None, |one, next| same(one, next?))
        }
    }
}

/// The slot of what is read.
pub(crate) fn of_read(request: &Request) -> Result<Option<u16>, Error> {
    match &request.question {
        Question::Range { stream, .. } => Ok(Some(slot(stream))),
        Question::Value(_) if !request.keys.is_empty() => of_keys(request.keys.iter()),
        // What is polled names no keys to be told of, but has them.
        Question::Value(command) => of_command(command),
    }
}

fn same(a: Option<u16>, b: Option<u16>) -> Result<Option<u16>, Error> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Err(Error::new("CROSSSLOT", "Keys in request don't hash to the same slot")),
        _ => Ok(a.or(b)),
    }
}

fn of_keys<'k>(mut keys: impl Iterator<Item = &'k Bytes>) -> Result<Option<u16>, Error> {
    keys.try_fold(None, |one, key| same(one, Some(slot(key))))
}

fn of_command(command: &Args) -> Result<Option<u16>, Error> {
    let table = CommandTable::redis();
    let Some(spec) = table.find(command) else {
        // A module's command, most of which have their key first.
        return match command.get(1) {
            Some(key) => Ok(Some(slot(key))),
            None => Err(keyless(command)),
        };
    };
    match &*spec.name {
        // Any node passes it on to all.
        "publish" | "ping" | "echo" | "time" | "lolwut" => return Ok(None),
        name if name == "command" || name.starts_with("command|") => return Ok(None),
        "spublish" => return Ok(command.get(1).map(|channel| slot(channel))),
        _ => {}
    }
    let keys = spec.keys(command).map_err(|_| Error::new(ERR, "the keys of this command cannot be known"))?;
    match of_keys(keys.iter().filter_map(|key| command.get(key.position)))? {
        None => Err(keyless(command)),
        slot => Ok(slot),
    }
}

fn keyless(command: &Args) -> Error {
    let name = command.first().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).unwrap_or_default();
    Error::new(ERR, format!("'{name}' names no key: in a cluster no one node can answer it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Args {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    fn one(text: &str) -> Result<Option<u16>, String> {
        of(&What::One(command(text))).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_go_where_their_keys_are() {
        assert_eq!(one("GET foo"), Ok(Some(12182)));
        assert_eq!(one("MSET {foo}1 a {foo}2 b"), Ok(Some(12182)));
        assert_eq!(one("MGET foo bar").unwrap_err(), "CROSSSLOT Keys in request don't hash to the same slot");
        assert_eq!(one("PUBLISH c m"), Ok(None));
        assert_eq!(one("SPUBLISH foo m"), Ok(Some(12182)));
        assert_eq!(one("json.get foo $"), Ok(Some(12182)));
        assert_eq!(one("DBSIZE").unwrap_err(), "ERR 'dbsize' names no key: in a cluster no one node can answer it");
        assert_eq!(
            one("EVAL return_1 0").unwrap_err(),
            "ERR 'eval' names no key: in a cluster no one node can answer it"
        );
        assert!(one("FLUSHALL").is_err() && one("nosuch").is_err());
    }

    #[test]
    fn a_transaction_has_one_slot() {
        let many = |lines: &[&str]| of(&What::Many(lines.iter().map(|line| command(line)).collect()));
        assert_eq!(many(&["SET foo 1", "PUBLISH c m", "GET {foo}x"]), Ok(Some(12182)));
        assert_eq!(many(&["SET foo 1", "SET bar 1"]).unwrap_err().code, "CROSSSLOT");
        assert_eq!(many(&["PUBLISH c m"]), Ok(None));
        assert_eq!(many(&[]), Ok(None));
    }
}
