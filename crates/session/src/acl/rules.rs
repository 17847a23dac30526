//! A client's rules, and the check of one command against them.

use super::commands::CommandSet;
use super::parse::Reason;
use super::patterns::{ChannelPatterns, KeyPatterns};
use super::template::Variables;
use super::verbs::{Usage, Verbs};
use bytes::Bytes;
use model::Error;
use model::command::{ChannelUse, Channels, CommandSpec, CommandTable, Flags, Keys};
use model::error::NOPERM;

/// A compiled list of rules, for commands of one table. Allows nothing until a rule says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The rules outside of parentheses.
    pub(super) root: Selector,
    /// Those inside, one for each pair.
    pub(super) selectors: Vec<Selector>,
}

/// Rules that hold together: what one of them allows, it allows by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Selector {
    commands: CommandSet,
    keys: KeyPatterns,
    channels: ChannelPatterns,
    verbs: Verbs,
}

/// What a command line demands of the rules.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// The command.
    pub spec: &'a CommandSpec,
    /// The command line.
    pub command: &'a [Bytes],
    /// Its keys.
    pub keys: KeyDemand,
    /// Its channels.
    pub channels: ChannelDemand<'a>,
    /// It may do anything at all: needs every key, channel and command in one selector.
    pub everything: bool,
    /// What it is wanted for.
    pub usage: Usage,
}

/// The keys that a command line demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyDemand {
    /// These, which may be none.
    Named(Keys),
    /// Any: they cannot be known from the command line.
    All,
}

/// The channels that a command line demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChannelDemand<'a> {
    /// None.
    None,
    /// These.
    Named(Channels<'a>),
    /// Any.
    All,
}

/// Why a command is not allowed; of several selectors' reasons the greatest is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Denied {
    /// No selector allows the command.
    Command,
    /// The command may be heard as a live query, but not run.
    Run,
    /// A key is not allowed.
    Key,
    /// The command needs all keys.
    AllKeys,
    /// A channel is not allowed.
    Channel,
    /// The command needs all channels.
    AllChannels,
    /// A script needs everything.
    Everything,
}

impl<'a> Access<'a> {
    /// What Redis demands for a command line of `spec`, to be run. Keys that cannot be known are all keys.
    pub fn of(spec: &'a CommandSpec, command: &'a [Bytes]) -> Access<'a> {
        let keys = spec.keys(command).map_or(KeyDemand::All, KeyDemand::Named);
        let channels = match spec.channels(command) {
            Some(channels) if channels.kind != ChannelUse::Unsubscribe => ChannelDemand::Named(channels),
            _ => ChannelDemand::None,
        };
        Access { spec, command, keys, channels, everything: false, usage: Usage::Command }
    }
}

impl Rules {
    /// Rules that allow nothing.
    pub fn nothing(table: &CommandTable) -> Rules {
        Rules { root: Selector::nothing(table), selectors: Vec::new() }
    }

    /// Rules that allow everything.
    pub fn everything(table: &CommandTable) -> Rules {
        Rules::parse(["~*", "&*", "+@all", "+@named"], table).expect("these are rules")
    }

    /// Whether no command and no named query is allowed, whatever its arguments.
    pub fn allow_nothing(&self) -> bool {
        self.all_selectors().all(|selector| selector.commands.is_empty() && !selector.verbs.allow_any_named())
    }

    /// Allows also what other rules allow; what is allowed by neither alone stays forbidden.
    pub fn add(&mut self, other: Rules) {
        self.selectors.push(other.root);
        self.selectors.extend(other.selectors);
    }

    /// Whether a named query may be used so, by its name.
    pub fn allow_named(&self, name: &str, usage: Usage) -> bool {
        self.all_selectors().any(|selector| selector.verbs.allow_named(name, usage))
    }

    /// Whether the root rules or one selector allow the command with all its keys and channels.
    pub fn check(&self, access: &Access<'_>) -> Result<(), Denied> {
        let mut reason = Denied::Command;
        for selector in self.all_selectors() {
            match selector.check(access) {
                Ok(()) => return Ok(()),
                Err(denied) => reason = reason.max(denied),
            }
        }
        Err(reason)
    }

    fn all_selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.selectors)
    }
}

impl Selector {
    pub fn nothing(table: &CommandTable) -> Selector {
        Selector {
            commands: CommandSet::none(table),
            keys: KeyPatterns::default(),
            channels: ChannelPatterns::default(),
            verbs: Verbs::default(),
        }
    }

    /// Applies one rule that a selector understands.
    pub fn apply(&mut self, rule: &str, variables: Variables<'_>, table: &CommandTable) -> Result<(), Reason> {
        let applied = self.keys.apply(rule, variables).or_else(|| self.channels.apply(rule, variables));
        let applied = applied.or_else(|| self.verbs.apply(rule)).or_else(|| self.commands.apply(rule, table));
        applied.unwrap_or(Err(super::parse::SYNTAX))
    }

    fn check(&self, access: &Access<'_>) -> Result<(), Denied> {
        let free = access.spec.flags.contains(Flags::NO_AUTH);
        if !free && !self.commands.contains(access.spec, access.command) {
            return Err(Denied::Command);
        }
        if !free && !self.verbs.allow(access.usage) {
            return Err(Denied::Run);
        }
        self.check_keys(access)?;
        self.check_channels(access)?;
        let everything = || self.commands.is_all() && self.keys.allow_all() && self.channels.allow_all();
        if access.everything && !everything() { Err(Denied::Everything) } else { Ok(()) }
    }

    fn check_keys(&self, access: &Access<'_>) -> Result<(), Denied> {
        match &access.keys {
            KeyDemand::All if self.keys.allow_all() => Ok(()),
            KeyDemand::All => Err(Denied::AllKeys),
            KeyDemand::Named(keys) => {
                let allowed = keys.iter().all(|key| self.keys.allow(&access.command[key.position], key.flags));
                if allowed { Ok(()) } else { Err(Denied::Key) }
            }
        }
    }

    fn check_channels(&self, access: &Access<'_>) -> Result<(), Denied> {
        match access.channels {
            ChannelDemand::None => Ok(()),
            ChannelDemand::All if self.channels.allow_all() => Ok(()),
            ChannelDemand::All => Err(Denied::AllChannels),
            ChannelDemand::Named(Channels { kind, names }) => {
                let allowed = self.channels.allow(names, kind == ChannelUse::SubscribePattern);
                if allowed { Ok(()) } else { Err(Denied::Channel) }
            }
        }
    }
}

impl Denied {
    /// The error that answers a command that was denied so, in the words of Redis 7 where it has any.
    pub fn error(self, command_name: &str) -> Error {
        let text = match self {
            Denied::Command => format!("run the '{command_name}' command"),
            Denied::Run => {
                "run commands: they may only be used by `live`, `subscribe`, `psubscribe` and `follow`".into()
            }
            Denied::Key => "access one of the keys used as arguments".into(),
            Denied::AllKeys => format!("access all keys, which this '{command_name}' command may do"),
            Denied::Channel => "access one of the channels used as arguments".into(),
            Denied::AllChannels => format!("access all channels, which the '{command_name}' command does"),
            Denied::Everything => format!("run scripts: '{command_name}' needs ~* &* +@all"),
        };
        Error::new(NOPERM, format!("this user has no permissions to {text}"))
    }
}
