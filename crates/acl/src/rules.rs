//! A client's rules, and the check of one command against them.

use crate::commands::CommandSet;
use crate::parse::Reason;
use crate::patterns::{ChannelPatterns, KeyPatterns};
use crate::template::Variables;
use crate::verbs::{Usage, Verbs};
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
    pub(super) keys: KeyPatterns,
    pub(super) channels: ChannelPatterns,
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

/// Why a command line is not allowed, and which of its words decides, if it is one. Of several selectors' refusals the
/// greatest is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refusal {
    /// Why.
    pub denied: Denied,
    /// The place of a key or a channel in the command line.
    pub word: Option<usize>,
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
        self.examine(access).map_err(|refusal| refusal.denied)
    }

    /// The same, with the word of the command line that is refused.
    pub fn examine(&self, access: &Access<'_>) -> Result<(), Refusal> {
        let mut reason = Refusal { denied: Denied::Command, word: None };
        for selector in self.all_selectors() {
            match selector.check(access) {
                Ok(()) => return Ok(()),
                Err(refusal) => reason = reason.max(refusal),
            }
        }
        Err(reason)
    }

    /// Whether one selector allows everything that Redis knows rules for.
    pub fn allow_everything(&self) -> bool {
        self.all_selectors().any(Selector::allows_everything)
    }

    /// Whether a channel may be listened to; of a pattern, whether it is literally allowed.
    pub fn allow_channel(&self, name: &Bytes, is_pattern: bool) -> bool {
        self.all_selectors().any(|selector| selector.channels.refused(std::slice::from_ref(name), is_pattern).is_none())
    }

    /// Whether no channel is allowed to be listened to.
    pub fn allow_no_channel(&self) -> bool {
        self.all_selectors().all(|selector| selector.channels.is_empty())
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
        applied.unwrap_or(Err(crate::parse::SYNTAX))
    }

    fn check(&self, access: &Access<'_>) -> Result<(), Refusal> {
        let free = access.spec.flags.contains(Flags::NO_AUTH);
        let refuse = |denied| Err(Refusal { denied, word: None });
        if !free && !self.commands.contains(access.spec, access.command) {
            return refuse(Denied::Command);
        }
        if !free && !self.verbs.allow(access.usage) {
            return refuse(Denied::Run);
        }
        self.check_keys(access)?;
        self.check_channels(access)?;
        if access.everything && !self.allows_everything() { refuse(Denied::Everything) } else { Ok(()) }
    }

    fn allows_everything(&self) -> bool {
        self.commands.is_all() && self.keys.allow_all() && self.channels.allow_all()
    }

    fn check_keys(&self, access: &Access<'_>) -> Result<(), Refusal> {
        match &access.keys {
            KeyDemand::All if self.keys.allow_all() => Ok(()),
            KeyDemand::All => Err(Refusal { denied: Denied::AllKeys, word: None }),
            KeyDemand::Named(keys) => {
                match keys.iter().find(|key| !self.keys.allow(&access.command[key.position], key.flags)) {
                    Some(key) => Err(Refusal { denied: Denied::Key, word: Some(key.position) }),
                    None => Ok(()),
                }
            }
        }
    }

    fn check_channels(&self, access: &Access<'_>) -> Result<(), Refusal> {
        match access.channels {
            ChannelDemand::None => Ok(()),
            ChannelDemand::All if self.channels.allow_all() => Ok(()),
            ChannelDemand::All => Err(Refusal { denied: Denied::AllChannels, word: None }),
            ChannelDemand::Named(Channels { kind, names }) => {
                match self.channels.refused(names, kind == ChannelUse::SubscribePattern) {
                    // Channels stand right behind the command's name.
                    Some(at) => Err(Refusal { denied: Denied::Channel, word: Some(1 + at) }),
                    None => Ok(()),
                }
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
