//! A set of commands: one bit for each command and subcommand of a table, changed by rules such as `+get` and `-@write`.

use crate::parse::{Reason, SYNTAX};
use bytes::Bytes;
use model::command::{Categories, CommandId, CommandSpec, CommandTable};
use std::borrow::Cow;

pub(crate) const UNKNOWN: Reason = Cow::Borrowed("Unknown command or category name in ACL");
const FIRST_ARG_OF_SUBCOMMAND: Reason = Cow::Borrowed("Allowing first-arg of a subcommand is not supported");

/// Commands of one table. Means nothing for another table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CommandSet {
    /// Bit `id % 64` of word `id / 64`.
    words: Box<[u64]>,
    /// `+@all`, and nothing taken away since.
    all: bool,
    /// Commands that are allowed only with one of these first arguments (`+select|0`). Few, if any.
    first_args: Vec<(CommandId, Box<str>)>,
}

impl CommandSet {
    /// No command.
    pub fn none(table: &CommandTable) -> CommandSet {
        CommandSet { words: vec![0; table.len().div_ceil(64)].into(), all: false, first_args: Vec::new() }
    }

    /// Every command, those of a later table too.
    pub fn all(table: &CommandTable) -> CommandSet {
        CommandSet { words: vec![u64::MAX; table.len().div_ceil(64)].into(), all: true, first_args: Vec::new() }
    }

    /// Whether every command is in it.
    pub fn is_all(&self) -> bool {
        self.all
    }

    /// Whether no command is in it, with whatever arguments.
    pub fn is_empty(&self) -> bool {
        self.first_args.is_empty() && self.words.iter().all(|&word| word == 0)
    }

    /// Whether this command line of this command is in it.
    pub fn contains(&self, spec: &CommandSpec, command: &[Bytes]) -> bool {
        self.all || self.has(spec.id) || self.has_first_arg(spec.id, command)
    }

    /// Applies a rule about commands; `None` if the rule is about something else.
    pub fn apply(&mut self, rule: &str, table: &CommandTable) -> Option<Result<(), Reason>> {
        if rule.eq_ignore_ascii_case("allcommands") || rule.eq_ignore_ascii_case("+@all") {
            *self = CommandSet::all(table);
            return Some(Ok(()));
        }
        if rule.eq_ignore_ascii_case("nocommands") || rule.eq_ignore_ascii_case("-@all") {
            *self = CommandSet::none(table);
            return Some(Ok(()));
        }
        let (allow, name) = match rule.split_at_checked(1)? {
            ("+", name) => (true, name),
            ("-", name) => (false, name),
            _ => return None,
        };
        Some(match name.strip_prefix('@') {
            Some(category) => self.set_category(category, allow, table),
            None if allow && name.contains('|') => self.allow_part(name, table),
            None => table.get(name).ok_or(UNKNOWN).map(|spec| self.set(spec, allow)),
        })
    }

    /// `+container|subcommand`, or `+command|first-argument` for a command without subcommands.
    fn allow_part(&mut self, name: &str, table: &CommandTable) -> Result<(), Reason> {
        let (whole, part) = name.rsplit_once('|').ok_or(SYNTAX)?;
        let spec = table.get(whole).ok_or(UNKNOWN)?;
        if spec.parent.is_some() {
            return Err(FIRST_ARG_OF_SUBCOMMAND);
        }
        if part.is_empty() {
            return Err(SYNTAX);
        }
        if spec.subcommands.is_empty() {
            self.first_args.push((spec.id, part.into()));
        } else {
            self.set(table.get(name).ok_or(UNKNOWN)?, true);
        }
        Ok(())
    }

    fn set_category(&mut self, name: &str, allow: bool, table: &CommandTable) -> Result<(), Reason> {
        let category = Categories::named(name).ok_or(UNKNOWN)?;
        table.iter().filter(|spec| spec.categories.contains(category)).for_each(|spec| self.set(spec, allow));
        Ok(())
    }

    /// A container stands for its subcommands, too.
    fn set(&mut self, spec: &CommandSpec, allow: bool) {
        self.all &= allow;
        self.first_args.retain(|(id, _)| *id != spec.id);
        for id in spec.subcommands.iter().chain([&spec.id]) {
            let bit = 1 << (id.0 % 64);
            let word = &mut self.words[usize::from(id.0 / 64)];
            *word = if allow { *word | bit } else { *word & !bit };
        }
    }

    fn has(&self, id: CommandId) -> bool {
        self.words.get(usize::from(id.0 / 64)).is_some_and(|word| word >> (id.0 % 64) & 1 == 1)
    }

    fn has_first_arg(&self, id: CommandId, command: &[Bytes]) -> bool {
        let Some(given) = command.get(1) else { return false };
        self.first_args.iter().any(|(of, arg)| *of == id && given.eq_ignore_ascii_case(arg.as_bytes()))
    }
}
