//! What a token is and gives, for people: whether it is accepted and why not, its rules, and which of them decides.

use crate::config::Config;
use crate::denial::Denial;
use crate::gate::{Gate, Now, Opened};
use crate::rights::Said;
use crate::token::{Parts, parse};
use bytes::Bytes;
use session::NamedQueries;
use session::acl::{DenyCommands, explain_rules};
use std::fmt::Write;

/// What there is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explained {
    /// Lines for people.
    pub text: String,
    /// The token is accepted, and the command, if one was asked about, is allowed.
    pub good: bool,
}

/// What a server makes of a command line, beside the rules of whoever sends it.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// What is denied to everybody.
    pub deny: &'a DenyCommands,
    /// The named queries.
    pub queries: &'a NamedQueries,
}

/// Explains a token; with a command, also what its rules say of that.
pub async fn explain(gate: &Gate, token: &str, command: Option<&[Bytes]>, served: Served<'_>, now: Now) -> Explained {
    let gate = &*gate.current();
    let mut text = String::new();
    let parts = match parse(token) {
        Ok(parts) => parts,
        Err(denial) => return Explained { text: format!("not accepted: {denial}\n"), good: false },
    };
    for (name, value) in parts.header.iter().chain(&parts.claims) {
        let _ = writeln!(text, "  {name:<10} {value}{}", when(name, value, now));
    }
    let accepted = check(gate, &parts, now).await;
    let _ = match &accepted {
        Ok(()) => writeln!(text, "accepted"),
        Err(denial) => writeln!(text, "not accepted: {denial}"),
    };
    let said = match Said::by_token(&parts, &gate.config) {
        Ok(said) => said,
        Err(_) => return Explained { text, good: false },
    };
    let _ = writeln!(text, "user {}", said.user);
    show_rules(&mut text, &said, &gate.config);
    let allowed = command.is_none_or(|command| decide(&mut text, &said, &gate.config, served, command));
    Explained { text, good: accepted.is_ok() && allowed }
}

async fn check(gate: &Opened, parts: &Parts<'_>, now: Now) -> Result<(), Denial> {
    gate.check_signature(parts).await?;
    parts.check_claims(&gate.config, now.unix_ms / 1000)?;
    Said::by_token(parts, &gate.config)?.grant(&gate.config, now).map(drop)
}

/// How long ago, or how soon.
fn when(name: &str, value: &serde_json::Value, now: Now) -> String {
    let Some(at) = value.as_u64().filter(|_| matches!(name, "exp" | "nbf" | "iat")) else { return String::new() };
    let now = now.unix_ms / 1000;
    match at.checked_sub(now) {
        Some(left) => format!("  (in {left} s)"),
        None => format!("  ({} s ago)", now - at),
    }
}

fn show_rules(text: &mut String, said: &Said, config: &Config) {
    for (role, rules) in said.lists(config) {
        let source = source(role);
        let shown = if rules.is_empty() { "nothing".to_owned() } else { rules.join(" ") };
        let _ = writeln!(text, "{source}: {shown}");
    }
    for role in said.roles.iter().filter(|role| !config.roles.contains_key(*role)) {
        let _ = writeln!(text, "role {role}: not known here, gives nothing");
    }
}

fn source(role: &str) -> String {
    if role.is_empty() { "rules of its own".to_owned() } else { format!("role {role}") }
}

/// Says of each list what it says of the command. Returns whether one allows it.
fn decide(text: &mut String, said: &Said, config: &Config, served: Served<'_>, command: &[Bytes]) -> bool {
    let line = String::from_utf8_lossy(&command.join(&b' ')).into_owned();
    let mut allowed = false;
    for (role, rules) in said.lists(config) {
        let explained = explain_rules(rules, &said.claims, &config.table, |rules| {
            served.queries.authorise(command, rules, &said.claims, &config.table, served.deny)
        });
        let by: Vec<&str> = explained.by.iter().map(|&at| rules[at].as_str()).collect();
        let source = source(role);
        let _ = match (&explained.verdict, by.is_empty()) {
            (Ok(()), false) => writeln!(text, "{line}: allowed by {source}: {}", by.join(" ")),
            (Ok(()), true) => writeln!(text, "{line}: allowed by {source}, by more than one rule"),
            (Err(why), true) => writeln!(text, "{line}: not by {source}: {why}"),
            (Err(why), false) => writeln!(text, "{line}: not by {source}: {why}; taken away by {}", by.join(" ")),
        };
        allowed |= explained.verdict.is_ok();
    }
    let _ = writeln!(text, "{line}: {}", if allowed { "allowed" } else { "refused" });
    allowed
}
