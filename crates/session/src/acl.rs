//! Redis' ACL language, as a value: rules are parsed once and checked for every command.
//!
//! The semantics are those of Redis 7 (<https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>),
//! held to a real server by `tests/acl_differential.rs`: rules apply from left to right; a command is allowed if the root
//! rules or one selector allow it together with all its keys and channels.
//!
//! * `rules`: a whole list of rules, and the check
//! * `parse`: the list's syntax and its errors
//! * `commands`: a set of commands, changed by `+get`, `-@write` and the like
//! * `patterns`: keys and channels
//! * `template`: variables in patterns, for what a token says of its holder
//! * `verbs`: rules about named queries and about running commands
//! * `explain`: which rules decide
//! * `deny`: the configuration's `deny_commands`, in the same language
//!
//! Rules are about names, so what concerns users and passwords (`on`, `>password`, `reset`, …) is refused: a token or a
//! configuration that says it would believe in a protection that is not there.

mod commands;
mod deny;
mod explain;
mod parse;
mod patterns;
mod rules;
mod template;
mod verbs;

pub use deny::DenyCommands;
pub use explain::{ExplainedRules, explain_rules};
pub use parse::RuleError;
pub use rules::{Access, ChannelDemand, Denied, KeyDemand, Rules};
pub(crate) use template::escape;
pub use verbs::Usage;
