//! The commands: one file each, `<family>/<command>.rs`, with its `COMMAND` and its `run`.
//!
//! A command that reads gets `&Txn` and cannot change anything; one that writes gets `&mut Txn`, whose methods record
//! every change. Arguments come without the command's name (and without the subcommand's), and there are as many as the
//! command's arity says, so the mandatory ones can be indexed.
//!
//! To add one: its file, and its two words in the family's `mod.rs`. A file that is not listed fails a test.

pub mod args;
mod arity;
pub mod connection;
pub mod hash;
pub mod key;
pub mod list;
pub mod pubsub;
pub mod server;
pub mod set;
pub mod string;

use crate::db::txn::Txn;
use crate::errors;
use ahash::RandomState;
use bytes::Bytes;
use model::{Error, Reply};
use smallvec::SmallVec;
use std::collections::HashMap;

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
    ("hash", hash::COMMANDS),
    ("list", list::COMMANDS),
    ("set", set::COMMANDS),
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

/// The commands by name.
#[derive(Debug)]
pub(crate) struct Registry {
    by_name: HashMap<&'static str, &'static Command, RandomState>,
}

/// A command of the store, and its arguments.
pub(crate) type Found<'a> = (&'static Command, &'a [Bytes]);

impl Registry {
    pub(crate) fn new(hasher: RandomState) -> Registry {
        let mut by_name = HashMap::with_hasher(hasher);
        by_name.extend(all().map(|command| (command.name, command)));
        Registry { by_name }
    }

    /// The command that a command line names, with as many arguments as it takes; else Redis' error.
    pub(crate) fn find<'a>(&self, line: &'a [Bytes]) -> Result<Found<'a>, Error> {
        let Some(name) = line.first() else { return Err(unknown_command(&[])) };
        let mut path = lower_case(name);
        let mut words = 1;
        if !self.by_name.contains_key(text(&path)) && line.len() > 1 {
            path.push(b'|');
            path.extend(line[1].to_ascii_lowercase());
            words = 2;
        }
        let Some(command) = self.by_name.get(text(&path)) else { return Err(self.unknown(line)) };
        arity_error(command.name, line.len())?;
        Ok((command, &line[words..]))
    }

    fn unknown(&self, line: &[Bytes]) -> Error {
        let mut container = lower_case(&line[0]);
        container.push(b'|');
        if !self.by_name.keys().any(|name| name.as_bytes().starts_with(&container)) {
            return unknown_command(line);
        }
        match line.get(1) {
            Some(sub) => unknown_subcommand(&line[0], sub),
            None => wrong_number_of_arguments(&String::from_utf8_lossy(&lower_case(&line[0]))),
        }
    }
}

fn lower_case(name: &[u8]) -> SmallVec<[u8; 32]> {
    name.iter().map(u8::to_ascii_lowercase).collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

fn arity_error(name: &str, words: usize) -> Result<(), Error> {
    let at = arity::ARITY.binary_search_by_key(&name, |(name, _)| name).expect("Redis has every command of the store");
    let arity = arity::ARITY[at].1;
    let least = usize::from(arity.unsigned_abs());
    match if arity < 0 { words >= least } else { words == least } {
        true => Ok(()),
        false => Err(wrong_number_of_arguments(name)),
    }
}

/// The error for a command line with too few or too many words.
pub fn wrong_number_of_arguments(name: &str) -> Error {
    errors::custom(format!("wrong number of arguments for '{name}' command"))
}

fn unknown_command(line: &[Bytes]) -> Error {
    /// Redis shows so many bytes of the name and of the arguments.
    const SHOWN: usize = 128;
    let shown = |word: &[u8], max: usize| String::from_utf8_lossy(&word[..word.len().min(max)]).into_owned();
    let name = line.first().map(|name| shown(name, SHOWN)).unwrap_or_default();
    let mut args = String::new();
    for arg in line.iter().skip(1) {
        if args.len() >= SHOWN {
            break;
        }
        args += &format!("'{}' ", shown(arg, SHOWN - args.len()));
    }
    errors::custom(format!("unknown command '{name}', with args beginning with: {args}"))
}

fn unknown_subcommand(container: &[u8], sub: &[u8]) -> Error {
    let (container, sub) = (String::from_utf8_lossy(container).to_uppercase(), String::from_utf8_lossy(sub));
    errors::custom(format!("unknown subcommand '{sub}'. Try {container} HELP."))
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
    fn names_are_given_once_and_in_lower_case() {
        let mut names: Vec<&str> = implemented().collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(
            names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'|' | b'-' | b'_')))
        );
    }
}
