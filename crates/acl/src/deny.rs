//! The configuration's `deny_commands`: what nobody may do, whatever their rules say.

use crate::commands::CommandSet;
use crate::parse::{RuleError, SYNTAX};
use bytes::Bytes;
use model::command::{CommandSpec, CommandTable};

/// Commands that are denied to everybody.
///
/// The list is read from left to right as ACL rules about commands are: a name, `name|subcommand` or `@category` denies
/// (with or without a `-`), and with a `+` it is not denied any more. The default is [`DenyCommands::DEFAULT`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DenyCommands {
    left: CommandSet,
}

impl DenyCommands {
    /// What is for administrators and what is dangerous, but INFO, which shows how the server does.
    pub const DEFAULT: [&'static str; 3] = ["@admin", "@dangerous", "+info"];

    /// A list of rules, for commands of this table only. The first rule that is wrong is the error.
    pub fn parse<'a>(
        rules: impl IntoIterator<Item = &'a str>,
        table: &CommandTable,
    ) -> Result<DenyCommands, RuleError> {
        let mut left = CommandSet::all(table);
        for rule in rules {
            let signed = if rule.starts_with(['+', '-']) { rule.to_owned() } else { format!("-{rule}") };
            let applied = left.apply(&signed, table).unwrap_or(Err(SYNTAX));
            applied.map_err(|reason| RuleError { rule: rule.to_owned(), reason })?;
        }
        Ok(DenyCommands { left })
    }

    /// Whether this command line of this command is denied.
    pub fn denies(&self, spec: &CommandSpec, command: &[Bytes]) -> bool {
        !self.left.contains(spec, command)
    }
}
