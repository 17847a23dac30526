//! The commands: one file each, `<family>/<command>.rs`, with its `COMMAND` and its `run`.
//!
//! A command that reads gets `&Txn` and cannot change anything; one that writes gets `&mut Txn`, whose methods record
//! every change. Arguments come without the command's name (and without the subcommand's), and there are as many as the
//! command's arity says, so the mandatory ones can be indexed.
//!
//! To add one: its file, and its two words in the family's `mod.rs`. A file that is not listed fails a test.

pub mod args;
pub mod bitmap;
pub mod choose;
pub mod connection;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
pub mod key;
pub mod list;
pub mod pubsub;
pub mod scan;
pub mod server;
pub mod set;
pub mod stream;
pub mod string;
pub mod units;
pub mod zset;

use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::command::CommandTable;
use model::{Error, Reply};
use std::sync::Arc;

/// What a command answers.
pub type Outcome = Result<Reply, Error>;

/// One command of the store.
#[derive(Debug)]
pub struct Command {
    /// In lower case; a subcommand as `container|sub`.
    pub name: &'static str,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Read(fn(&Txn<'_>, &[Bytes]) -> Outcome),
    Write(fn(&mut Txn<'_>, &[Bytes]) -> Outcome),
}

impl Command {
    /// A command that changes nothing.
    pub const fn read(name: &'static str, run: fn(&Txn<'_>, &[Bytes]) -> Outcome) -> Command {
        Command { name, run: Run::Read(run) }
    }

    /// A command that may change something.
    pub const fn write(name: &'static str, run: fn(&mut Txn<'_>, &[Bytes]) -> Outcome) -> Command {
        Command { name, run: Run::Write(run) }
    }

    /// Whether it can change nothing.
    pub fn is_read(&self) -> bool {
        matches!(self.run, Run::Read(_))
    }

    pub(crate) fn run(&self, txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
        match self.run {
            Run::Read(run) => run(txn, args),
            Run::Write(run) => run(txn, args),
        }
    }
}

/// The families, in the order of the documentation.
const FAMILIES: &[(&str, &[&Command])] = &[
    ("string", string::COMMANDS),
    ("bitmap", bitmap::COMMANDS),
    ("hyperloglog", hyperloglog::COMMANDS),
    ("hash", hash::COMMANDS),
    ("list", list::COMMANDS),
    ("set", set::COMMANDS),
    ("zset", zset::COMMANDS),
    ("geo", geo::COMMANDS),
    ("stream", stream::COMMANDS),
    ("key", key::COMMANDS),
    ("pubsub", pubsub::COMMANDS),
    ("connection", connection::COMMANDS),
    ("server", server::COMMANDS),
];

/// The names of all commands that the store has, in lower case; subcommands as `container|sub`.
pub fn implemented() -> impl Iterator<Item = &'static str> {
    all().map(|command| command.name)
}

fn all() -> impl Iterator<Item = &'static Command> {
    FAMILIES.iter().flat_map(|(_, commands)| commands.iter().copied())
}

/// The commands, by what the command table says of them.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Redis' table, with only the commands of the store.
    table: Arc<CommandTable>,
    /// By [`model::command::CommandId`]; `None` for containers.
    commands: Vec<Option<&'static Command>>,
}

/// A command of the store, and its arguments.
pub(crate) type Found<'a> = (&'static Command, &'a [Bytes]);

impl Registry {
    pub(crate) fn new() -> Registry {
        let table = CommandTable::redis().restricted_to(implemented());
        let of_name = |name: &str| all().find(|command| command.name == name);
        let commands = table.iter().map(|spec| of_name(&spec.name)).collect();
        Registry { table, commands }
    }

    /// The command that a command line names, with as many arguments as it takes; else Redis' error.
    pub(crate) fn find<'a>(&self, line: &'a [Bytes]) -> Result<Found<'a>, Error> {
        let spec = self.table.resolve(line)?;
        let words = if spec.parent.is_some() { 2 } else { 1 };
        match self.commands[usize::from(spec.id.0)] {
            Some(command) => Ok((command, &line[words..])),
            None => Err(wrong_number_of_arguments(&spec.name)),
        }
    }
}

/// The error for a command line with too few or too many words.
pub fn wrong_number_of_arguments(name: &str) -> Error {
    errors::custom(format!("wrong number of arguments for '{name}' command"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_file_is_listed_under_its_own_name() {
        for (family, commands) in FAMILIES {
            let folder = format!("{}/src/commands/{family}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .filter(|name| !matches!(name.as_str(), "mod.rs" | "shared.rs"))
                .collect();
            let mut listed: Vec<String> =
                commands.iter().map(|command| command.name.replace(['|', '-'], "_") + ".rs").collect();
            files.sort();
            listed.sort();
            assert_eq!(files, listed, "{family}: left the files, right the commands of its mod.rs");
        }
    }

    #[test]
    fn the_table_has_every_command_and_agrees_on_which_ones_write() {
        let table = CommandTable::redis();
        for command in all() {
            let spec = table.get(command.name).unwrap_or_else(|| panic!("{} is not in the table", command.name));
            let writes = spec.flags.contains(model::command::Flags::WRITE);
            assert!(command.is_read() || !spec.flags.contains(model::command::Flags::READONLY), "{}", command.name);
            assert!(!(command.is_read() && writes), "{}", command.name);
        }
    }

    #[test]
    fn what_the_table_calls_a_read_changes_nothing() {
        let mut store = crate::Store::new(crate::Config::default());
        let words =
            |line: &str| line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect::<Vec<_>>();
        let types =
            ["SET string 1", "RPUSH list 1 2", "SADD set 1 2", "HSET hash 1 2", "ZADD zset 1 2", "XADD stream 1-1 a b"];
        for line in types.iter().copied().chain(["SET due x PX 5", "SET later x PX 1000"]) {
            store.execute(&words(line), 1000);
        }
        store.drain_changes(drop);
        let before = format!("{:?}", store.keyspace());
        let table = CommandTable::redis().restricted_to(implemented());
        let reads = table.iter().filter(|spec| spec.flags.contains(model::command::Flags::READONLY));
        for (spec, key) in reads.flat_map(|spec| {
            ["string", "list", "set", "hash", "zset", "stream", "due", "nosuch"].map(|key| (spec, key))
        }) {
            for fill in [key, "1", "0"] {
                let mut line = words(&spec.name.replace('|', " "));
                line.push(Bytes::copy_from_slice(key.as_bytes()));
                line.resize(
                    usize::from(spec.arity.unsigned_abs()).max(line.len()),
                    Bytes::copy_from_slice(fill.as_bytes()),
                );
                store.execute(&line, 1010);
                store.drain_changes(|change| panic!("{line:?} recorded {change:?}"));
            }
        }
        assert_eq!(format!("{:?}", store.keyspace()), before);
    }

    #[test]
    fn names_are_given_once_and_in_lower_case() {
        let mut names: Vec<&str> = implemented().collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'|' | b'-' | b'_')))
        );
    }
}
