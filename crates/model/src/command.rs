//! The command table: what Redis says of each command, and what a command line touches.
//!
//! One text table (`command/redis.txt`), made from real servers' `COMMAND` replies by `scripts/command-table`, feeds
//! everything that must know commands without running them: arity errors, ACL categories, key extraction, which reads can
//! be live. A backend that has only some of them restricts the table to those ([`CommandTable::restricted_to`]).
//!
//! * `bits`: the sets of flags and categories
//! * `parse`: the text of a table
//! * `keys`: which arguments are keys, by the table's key specs
//! * `options`: the few commands whose keys depend on their options
//! * `channels`: which arguments are channels
//!
//! Commands and subcommands are entries of one flat, sorted list; a [`CommandId`] is the place in it, so that a set of
//! commands is a set of bits.

mod bits;
mod channels;
mod keys;
mod options;
mod parse;

pub use bits::{Categories, Flags, KeyFlags};
pub use channels::{ChannelUse, Channels};
pub use keys::{BeginSearch, FindKeys, Key, KeySpec, Keys, KeysUnknown};

use crate::Error;
use crate::error::ERR;
use ahash::AHasher;
use bytes::Bytes;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, OnceLock};

/// No name of a command or of a command with its subcommand is longer, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The place of a command in its table: 0…[`CommandTable::len`]-1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CommandId(pub u16);

/// What is known of one command, or of one subcommand.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// Its place in the table.
    pub id: CommandId,
    /// The name in lower case; a subcommand's is `config|set`.
    pub name: Box<str>,
    /// How many words a command line has, the name included; negative: at least so many.
    pub arity: i16,
    /// What kind of command it is.
    pub flags: Flags,
    /// The ACL categories it belongs to.
    pub categories: Categories,
    /// Hints for clients, such as `nondeterministic_output`.
    pub tips: Box<[Box<str>]>,
    /// Where its keys are.
    pub key_specs: Box<[KeySpec]>,
    /// The container, for a subcommand.
    pub parent: Option<CommandId>,
    /// The subcommands, for a container.
    pub subcommands: Box<[CommandId]>,
    /// Commands whose options decide about their keys.
    special: Option<options::Special>,
    /// Which arguments are channels.
    channel_use: Option<ChannelUse>,
}

impl CommandSpec {
    /// Whether a command line of so many words (name and subcommand included) is neither too short nor too long.
    pub fn arity_fits(&self, argc: usize) -> bool {
        let least = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { argc >= least } else { argc == least }
    }

    /// Whether the command has this tip.
    pub fn has_tip(&self, tip: &str) -> bool {
        self.tips.iter().any(|t| &**t == tip)
    }

    /// The reply may change without any write (`TTL`, `SRANDMEMBER`).
    pub fn is_nondeterministic(&self) -> bool {
        self.has_tip("nondeterministic_output")
    }

    /// The reply comes in no fixed order (`SMEMBERS`, `HKEYS`).
    pub fn is_unordered(&self) -> bool {
        self.has_tip("nondeterministic_output_order")
    }

    /// The command runs code that the client or an administrator wrote.
    pub fn is_script(&self) -> bool {
        matches!(&*self.name, "eval" | "eval_ro" | "evalsha" | "evalsha_ro" | "fcall" | "fcall_ro")
    }

    /// Whether running it may change data. What is not known to leave data alone may.
    pub fn may_write(&self) -> bool {
        const HARMLESS: Categories = Categories::CONNECTION.union(Categories::PUBSUB);
        !self.flags.contains(Flags::READONLY) && !self.categories.intersects(HARMLESS)
    }

    /// Whether its reply may be as large as what it reads. Those of commands that write or publish are small as a rule.
    pub fn may_answer_much(&self) -> bool {
        !self.flags.contains(Flags::WRITE) && !self.categories.contains(Categories::PUBSUB)
    }
}

/// Looked into for every command, and only a server's own names are put in: a fast hasher without a secret will do.
type Names = HashMap<Box<[u8]>, CommandId, BuildHasherDefault<AHasher>>;

/// All commands of a server. Names are compared without regard to case.
#[derive(Clone, Debug, Default)]
pub struct CommandTable {
    specs: Vec<CommandSpec>,
    by_name: Names,
}

impl CommandTable {
    /// The commands of Redis 7 and Valkey 9, read from the text once per process.
    pub fn redis() -> Arc<CommandTable> {
        static TABLE: OnceLock<Arc<CommandTable>> = OnceLock::new();
        let parsed =
            || CommandTable::parse(include_str!("command/redis.txt")).expect("the generated table is well formed");
        TABLE.get_or_init(|| Arc::new(parsed())).clone()
    }

    /// A table with only these commands, for a backend that has no others. A container's name keeps its subcommands;
    /// the name of a subcommand keeps that one and its container. Names that this table lacks are left out.
    pub fn restricted_to<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Arc<CommandTable> {
        let mut kept = vec![false; self.specs.len()];
        for spec in names.into_iter().filter_map(|name| self.get(name)) {
            kept[usize::from(spec.id.0)] = true;
            for id in spec.subcommands.iter().chain(&spec.parent) {
                kept[usize::from(id.0)] = true;
            }
        }
        let specs = self.specs.iter().filter(|spec| kept[usize::from(spec.id.0)]).cloned();
        Arc::new(CommandTable::from_specs(specs.collect()))
    }

    /// The command that a command line names; where it has subcommands, the subcommand if there is a second word.
    /// `None`: there is no such command or subcommand.
    pub fn find(&self, command: &[Bytes]) -> Option<&CommandSpec> {
        let spec = self.lookup(&[command.first().filter(|name| !name.contains(&b'|'))?])?;
        match command.get(1) {
            Some(second) if !spec.subcommands.is_empty() => self.lookup(&[&command[0], second]),
            _ => Some(spec),
        }
    }

    /// The command of this name (`get`, `config|set`); a container's name gives the container.
    pub fn get(&self, name: &str) -> Option<&CommandSpec> {
        self.lookup(&[name.as_bytes()])
    }

    /// As [`CommandTable::find`], with Redis' own errors for an unknown command and for a wrong number of arguments.
    pub fn resolve(&self, command: &[Bytes]) -> Result<&CommandSpec, Error> {
        let spec = self.find(command).ok_or_else(|| self.unknown(command))?;
        if !spec.arity_fits(command.len()) {
            return Err(Error::new(ERR, format!("wrong number of arguments for '{}' command", spec.name)));
        }
        Ok(spec)
    }

    /// The command at a place of this table.
    pub fn spec(&self, id: CommandId) -> &CommandSpec {
        &self.specs[usize::from(id.0)]
    }

    /// All commands and subcommands, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &CommandSpec> {
        self.specs.iter()
    }

    /// How many commands and subcommands there are.
    pub fn len(&self) -> usize {
        self.specs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.specs.is_empty()
    }

    /// A table of these commands, whose places and families are worked out anew.
    fn from_specs(mut specs: Vec<CommandSpec>) -> CommandTable {
        specs.sort_by(|a, b| a.name.cmp(&b.name));
        let id = |at: usize| CommandId(u16::try_from(at).expect("a table has fewer than 65536 commands"));
        let by_name: Names = specs.iter().enumerate().map(|(at, spec)| (spec.name.as_bytes().into(), id(at))).collect();
        let mut families: HashMap<CommandId, Vec<CommandId>> = HashMap::new();
        for (at, spec) in specs.iter_mut().enumerate() {
            spec.id = id(at);
            spec.parent =
                spec.name.split_once('|').and_then(|(container, _)| by_name.get(container.as_bytes()).copied());
            if let Some(parent) = spec.parent {
                families.entry(parent).or_default().push(spec.id);
            }
        }
        for spec in &mut specs {
            spec.subcommands = families.remove(&spec.id).unwrap_or_default().into();
        }
        CommandTable { specs, by_name }
    }

    /// The command whose lower-case name is these words joined by `|`.
    fn lookup(&self, words: &[&[u8]]) -> Option<&CommandSpec> {
        let mut name = [0; NAME_BYTES_MAX];
        let mut len = 0;
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                *name.get_mut(len)? = b'|';
                len += 1;
            }
            let place = name.get_mut(len..len + word.len())?;
            place.copy_from_slice(word);
            len += word.len();
        }
        name[..len].make_ascii_lowercase();
        self.by_name.get(&name[..len]).map(|&id| self.spec(id))
    }

    fn unknown(&self, command: &[Bytes]) -> Error {
        /// Redis shows no more of a word, nor of all arguments together, in bytes.
        const SHOWN_MAX: usize = 128;
        let shown =
            |word: &[u8], max: usize| String::from_utf8_lossy(&word[..word.len().min(max)]).replace(['\r', '\n'], " ");
        let name = command.first().map_or(&b""[..], |name| name);
        let container = self.lookup(&[name]).filter(|spec| !spec.subcommands.is_empty());
        if let (Some(container), Some(word)) = (container, command.get(1)) {
            let (word, upper) = (shown(word, SHOWN_MAX), container.name.to_ascii_uppercase());
            return Error::new(ERR, format!("unknown subcommand '{word}'. Try {upper} HELP."));
        }
        let mut text = format!("unknown command '{}', with args beginning with: ", shown(name, SHOWN_MAX));
        let end = text.len() + SHOWN_MAX;
        for word in command.iter().skip(1) {
            let Some(room) = end.checked_sub(text.len()).filter(|&room| room > 0) else { break };
            text.push_str(&format!("'{}' ", shown(word, room)));
        }
        Error::new(ERR, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Bytes> {
        text.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect()
    }

    #[test]
    fn commands_are_found_in_any_case_and_containers_by_their_subcommand() {
        let table = CommandTable::redis();
        let found = |text: &str| table.find(&line(text)).map(|spec| spec.name.to_string());
        assert_eq!(found("GeT k").as_deref(), Some("get"));
        assert_eq!(found("CONFIG Set a b").as_deref(), Some("config|set"));
        assert_eq!(found("config").as_deref(), Some("config"));
        assert_eq!(found("config nosuch"), None);
        assert_eq!(found("config|set a b"), None);
        assert_eq!(found("nosuch"), None);
        assert_eq!(found(""), None);
        assert_eq!(found(&"x".repeat(1000)), None);
        assert_eq!(table.find(&[]).map(|s| s.id), None);
    }

    #[test]
    fn the_table_says_what_redis_says() {
        let table = CommandTable::redis();
        let get = table.get("get").unwrap();
        assert_eq!((get.arity, get.flags), (2, Flags::READONLY | Flags::FAST));
        assert_eq!(get.categories, Categories::READ | Categories::STRING | Categories::FAST);
        assert!(table.get("smembers").unwrap().is_unordered() && table.get("ttl").unwrap().is_nondeterministic());
        let set = table.get("config|set").unwrap();
        assert_eq!(&*table.spec(set.parent.unwrap()).name, "config");
        assert!(table.get("config").unwrap().subcommands.contains(&set.id));
        assert!(table.iter().zip(0..).all(|(spec, at)| spec.id.0 == at));
    }

    #[test]
    fn only_commands_that_leave_data_alone_are_said_to() {
        let table = CommandTable::redis();
        for (name, writes) in [("set", true), ("eval", true), ("get", false), ("ping", false), ("publish", false)] {
            assert_eq!(table.get(name).unwrap().may_write(), writes, "{name}");
        }
    }

    #[test]
    fn arity_is_exact_or_a_minimum() {
        let table = CommandTable::redis();
        let fits = |name: &str, argc| table.get(name).unwrap().arity_fits(argc);
        assert!(!fits("get", 1) && fits("get", 2) && !fits("get", 3));
        assert!(!fits("mget", 1) && fits("mget", 2) && fits("mget", 200));
    }

    #[test]
    fn a_backend_with_few_commands_has_a_small_table() {
        let table = CommandTable::redis().restricted_to(["get", "OBJECT", "config|get", "nosuch"]);
        let found = |text: &str| table.find(&line(text)).is_some();
        assert!(found("get k") && found("object freq k") && found("config get x"));
        assert!(!found("set k v") && !found("config set a b"));
        assert_eq!(table.get("config").unwrap().subcommands.len(), 1);
        assert_eq!(table.get("config|get").unwrap().parent, Some(table.get("config").unwrap().id));
    }

    #[test]
    fn refusals_are_worded_as_in_redis() {
        let table = CommandTable::redis();
        let error = |text: &str| table.resolve(&line(text)).unwrap_err().to_string();
        assert_eq!(error("foo a b"), "ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
        assert_eq!(error("config foo"), "ERR unknown subcommand 'foo'. Try CONFIG HELP.");
        assert_eq!(error("get"), "ERR wrong number of arguments for 'get' command");
        assert_eq!(error("config"), "ERR wrong number of arguments for 'config' command");
        assert_eq!(error("config get"), "ERR wrong number of arguments for 'config|get' command");
        let long = error(&format!("foo {} b c", "a".repeat(300)));
        assert_eq!(long, format!("ERR unknown command 'foo', with args beginning with: '{}' ", "a".repeat(128)));
    }
}
