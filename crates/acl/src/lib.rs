//! Redis' ACL language, as a value: rules are parsed once and checked for every command.
//!
//! The semantics are those of Redis 7 (<https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/>),
//! held to a real server by differential tests (of rules in `session`, of users in `store`): rules apply from left to right;
//! a command is allowed if the root rules or one selector allow it together with all its keys and channels.
//!
//! * `rules`: a whole list of rules, and the check
//! * `authorise`: what a command demands, and the one function that every door asks
//! * `parse`: the list's syntax and its errors
//! * `commands`: a set of commands, changed by `+get`, `-@write` and the like
//! * `patterns`: keys and channels
//! * `claims`, `template`: variables in patterns, for what a token says of its holder
//! * `verbs`: rules about named queries and about running commands
//! * `explain`: which rules decide
//! * `deny`: the configuration's `deny_commands`, in the same language
//! * `user`, `users`: named rules with passwords, as `ACL SETUSER` makes them for the embedded store
//! * `log`: who was refused what, for `ACL LOG`
//! * `secret`: passwords that nobody can guess, for `ACL GENPASS`
//!
//! Rules of a token or a configuration are about names, so what concerns users and passwords (`on`, `>password`, `reset`, …)
//! is refused there: who says it would believe in a protection that is not there.

#![forbid(unsafe_code)]

mod authorise;
mod claims;
mod commands;
mod deny;
mod explain;
mod log;
mod parse;
mod patterns;
mod rules;
mod secret;
mod template;
mod user;
mod users;
mod verbs;

pub use authorise::{Authorised, authorise, authorise_for, permit};
pub use claims::Claims;
pub use deny::DenyCommands;
pub use explain::{ExplainedRules, explain_rules};
pub use log::{Context, Entry, Log, Reason};
pub use parse::RuleError;
pub use rules::{Access, ChannelDemand, Denied, KeyDemand, Refusal, Rules};
pub use secret::Secret;
pub use template::escape;
pub use user::{SelectorText, User};
pub use users::{DEFAULT, Pubsub, UserError, UserId, Users};
pub use verbs::Usage;
