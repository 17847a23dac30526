//! The commands: one file each, `<family>/<command>.rs`, with its `COMMAND` and its `run`.
//!
//! A command that reads gets `&Txn` and cannot change anything; one that writes gets `&mut Txn`, whose methods record
//! every change. Arguments come without the command's name (and without the subcommand's), and there are as many as the
//! command's arity says, so the mandatory ones can be indexed.
//!
//! To add one: its file, and its two words in the family's `mod.rs`. A file that is not listed fails a test.

pub mod acl;
pub mod args;
pub mod bitmap;
pub mod blocking;
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
pub mod timeout;
pub mod transaction;
pub mod units;
pub mod zset;

use crate::client::ClientId;
use crate::client::waiting::Wait;
use crate::db::txn::Txn;
use crate::errors;
use bytes::Bytes;
use model::command::{CommandSpec, CommandTable, Flags};
use model::{Error, Reply};
use std::sync::{Arc, OnceLock};

/// What a command answers.
pub type Outcome = Result<Reply, Error>;

/// One command of the store.
#[derive(Debug)]
pub struct Command {
    /// In lower case; a subcommand as `container|sub`.
    pub name: &'static str,
    pub(crate) run: Run,
}

/// What a command does that may have to wait: its answer, or nothing yet.
pub type Attempt = Result<Option<Reply>, Error>;

#[derive(Debug)]
pub(crate) enum Run {
    Read(fn(&Txn<'_>, &[Bytes]) -> Outcome),
    Write(fn(&mut Txn<'_>, &[Bytes]) -> Outcome),
    /// What is answered by pushes alone gives no reply.
    Client(fn(&mut Txn<'_>, ClientId, &[Bytes]) -> Attempt),
    BlockingRead(fn(&Txn<'_>, &[Bytes]) -> Attempt, fn(&Txn<'_>, &[Bytes]) -> Result<Wait, Error>),
    BlockingWrite(fn(&mut Txn<'_>, &[Bytes]) -> Attempt, fn(&Txn<'_>, &[Bytes]) -> Result<Wait, Error>),
    /// Carried out by the store itself, as it runs other commands.
    Exec,
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

    /// A command about the connection that it came from.
    pub const fn client(name: &'static str, run: fn(&mut Txn<'_>, ClientId, &[Bytes]) -> Attempt) -> Command {
        Command { name, run: Run::Client(run) }
    }

    /// A command that changes nothing and may have to wait: tried first, and if it gives nothing, `wait` says for what.
    pub const fn blocking_read(
        name: &'static str,
        attempt: fn(&Txn<'_>, &[Bytes]) -> Attempt,
        wait: fn(&Txn<'_>, &[Bytes]) -> Result<Wait, Error>,
    ) -> Command {
        Command { name, run: Run::BlockingRead(attempt, wait) }
    }

    /// A command that may change something and may have to wait.
    pub const fn blocking(
        name: &'static str,
        attempt: fn(&mut Txn<'_>, &[Bytes]) -> Attempt,
        wait: fn(&Txn<'_>, &[Bytes]) -> Result<Wait, Error>,
    ) -> Command {
        Command { name, run: Run::BlockingWrite(attempt, wait) }
    }

    /// Carries it out within another command. It is one that never waits and needs no client.
    pub(crate) fn run(&self, txn: &mut Txn<'_>, args: &[Bytes]) -> Outcome {
        match self.run {
            Run::Read(run) => run(txn, args),
            Run::Write(run) => run(txn, args),
            _ => unreachable!("only commands that never wait are called by others"),
        }
    }

    /// Whether it can change nothing.
    pub fn is_read(&self) -> bool {
        matches!(self.run, Run::Read(_) | Run::BlockingRead(..))
    }

    /// Whether it makes sense only for a connection.
    pub fn needs_client(&self) -> bool {
        matches!(self.run, Run::Client(_) | Run::Exec)
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
    ("blocking", blocking::COMMANDS),
    ("key", key::COMMANDS),
    ("pubsub", pubsub::COMMANDS),
    ("transaction", transaction::COMMANDS),
    ("connection", connection::COMMANDS),
    ("acl", acl::COMMANDS),
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
    pub(crate) table: Arc<CommandTable>,
    /// By [`model::command::CommandId`]; `None` for containers.
    commands: Vec<Option<&'static Command>>,
}

/// A command of the store as a command line names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) command: &'static Command,
    /// What the table says of it.
    pub(crate) spec: &'a CommandSpec,
    /// The whole line.
    pub(crate) line: &'a [Bytes],
    /// What follows the name, and the subcommand's if it is one.
    pub(crate) args: &'a [Bytes],
}

impl Registry {
    /// The store's commands; read once per process.
    pub(crate) fn shared() -> &'static Registry {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        REGISTRY.get_or_init(|| {
            let table = CommandTable::redis().restricted_to(implemented());
            let of_name = |name: &str| all().find(|command| command.name == name);
            let commands = table.iter().map(|spec| of_name(&spec.name)).collect();
            Registry { table, commands }
        })
    }

    /// The command that a command line names, with as many arguments as it takes; else Redis' error.
    pub(crate) fn find<'a>(&'a self, line: &'a [Bytes]) -> Result<Found<'a>, Error> {
        let spec = self.table.resolve(line).map_err(|error| not_available(line).unwrap_or(error))?;
        let words = if spec.parent.is_some() { 2 } else { 1 };
        match self.commands[usize::from(spec.id.0)] {
            Some(command) => Ok(Found { command, spec, line, args: &line[words..] }),
            None => Err(wrong_number_of_arguments(&spec.name)),
        }
    }
}

/// Carries out another command, one that never waits and needs no client, within the one at hand.
pub(crate) fn call(txn: &mut Txn<'_>, line: &[Bytes]) -> Outcome {
    let found = Registry::shared().find(line)?;
    found.command.run(txn, found.args)
}

/// The answer to `HELP` of a container: its subcommands.
pub(crate) fn help(container: &str) -> Reply {
    let upper = container.to_ascii_uppercase();
    let mut lines = vec![format!("{upper} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    let names = implemented().filter_map(|name| name.split_once('|').filter(|(of, _)| *of == container));
    let mut names: Vec<String> =
        names.map(|(_, name)| name.to_ascii_uppercase()).filter(|name| name != "HELP").collect();
    names.sort_unstable();
    lines.append(&mut names);
    lines.extend(["HELP".to_owned(), "    Print this help.".to_owned()]);
    Reply::Array(lines.into_iter().map(|line| Reply::Simple(line.into())).collect())
}

/// Redis has the command, the store has not and says why.
fn not_available(line: &[Bytes]) -> Option<Error> {
    use model::command::Categories;
    let table = CommandTable::redis();
    let spec =
        table.find(line).filter(|_| !implemented().any(|name| name.as_bytes().eq_ignore_ascii_case(&line[0])))?;
    let container = spec.name.split('|').next().unwrap_or_default();
    let has_subcommands = implemented().any(|name| name.split_once('|').is_some_and(|(of, _)| of == container));
    if has_subcommands {
        return None;
    }
    let why = match container {
        _ if spec.categories.intersects(Categories::SCRIPTING) => "Lua scripting and functions",
        "module" => "modules",
        "replicaof" | "slaveof" | "failover" | "psync" | "sync" | "replconf" => "replication",
        "cluster" | "asking" | "readonly" | "readwrite" => "cluster mode",
        "migrate" | "restore-asking" => "moving keys to other servers",
        _ => return None,
    };
    Some(errors::custom(format!(
        "{} is not available: keywire's embedded store has no support for {why}; use a Redis or Valkey server for it",
        spec.name.to_ascii_uppercase().replace('|', " ")
    )))
}

/// Whether the table says that a command may write.
pub(crate) fn may_write(spec: &CommandSpec) -> bool {
    spec.flags.contains(Flags::WRITE)
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
                .filter(|name| !matches!(name.as_str(), "mod.rs" | "shared.rs" | "shared"))
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
            let writes = may_write(spec);
            assert!(command.is_read() || !spec.flags.contains(Flags::READONLY), "{}", command.name);
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
        let reads = table.iter().filter(|spec| spec.flags.contains(Flags::READONLY));
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
