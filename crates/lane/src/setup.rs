//! What all lanes of a node have in common, in a form that may go to their threads.

use crate::lane::Config;
use model::command::CommandTable;
use model::{LaneId, Limits};
use session::NamedQueries;
use session::acl::{DenyCommands, RuleError, Rules};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use wire::ws::Deflate;

/// A node's setup; makes each lane's [`Config`] on the lane's own thread.
#[derive(Clone, Debug)]
pub struct Setup {
    lanes: u16,
    node: Arc<str>,
    limits: Limits,
    table: Arc<CommandTable>,
    anonymous: Rules,
    deny: DenyCommands,
    queries: NamedQueries,
    tokens: bool,
    awaits_revoked: bool,
    deflate: Deflate,
    generation: u32,
}

/// Parses the rules of clients without a token.
///
/// # Errors
/// The first token that is wrong, and why.
pub fn parse_anonymous(rules: &[String], table: &CommandTable) -> Result<Rules, RuleError> {
    Rules::parse(rules.iter().flat_map(|rule| rule.split_ascii_whitespace()), table)
}

/// Parses the commands that are denied to everybody.
///
/// # Errors
/// The first token that is wrong, and why.
pub fn parse_deny(rules: &[String], table: &CommandTable) -> Result<DenyCommands, RuleError> {
    DenyCommands::parse(rules.iter().flat_map(|rule| rule.split_ascii_whitespace()), table)
}

/// Parses named queries: names and command lines.
///
/// # Errors
/// The names that are wrong, and why.
pub fn parse_queries(
    queries: &BTreeMap<String, String>,
    table: &CommandTable,
    deny: &DenyCommands,
) -> Result<NamedQueries, Vec<(String, String)>> {
    let mut parsed = NamedQueries::new(table);
    let mut wrong = Vec::new();
    for (name, line) in queries {
        let words = wire::line::split(line.as_bytes()).ok_or_else(|| "unbalanced quotes".to_owned());
        if let Err(what) = words.and_then(|words| parsed.add(name, &words, table, deny)) {
            wrong.push((name.clone(), what));
        }
    }
    if wrong.is_empty() { Ok(parsed) } else { Err(wrong) }
}

impl Setup {
    /// A setup for `lanes` lanes; `anonymous` and `deny` are ACL rules over the commands of `table`.
    ///
    /// # Errors
    /// The first token of the rules that is wrong, and why.
    pub fn new(
        lanes: u16,
        node: &str,
        limits: Limits,
        table: Arc<CommandTable>,
        anonymous: &[String],
        deny: &[String],
    ) -> Result<Setup, RuleError> {
        let (anonymous, deny) = (parse_anonymous(anonymous, &table)?, parse_deny(deny, &table)?);
        let queries = NamedQueries::new(&table);
        let (tokens, awaits_revoked, deflate, generation) = (false, false, Deflate::default(), 0);
        let (lanes, node) = (lanes.max(1), node.into());
        Ok(Setup { lanes, node, limits, table, anonymous, deny, queries, tokens, awaits_revoked, deflate, generation })
    }

    /// With named queries, made by [`parse_queries`] for the same table.
    pub fn with_queries(self, queries: NamedQueries) -> Setup {
        Setup { queries, ..self }
    }

    /// Whether somebody can check tokens; and whether who is let in no more will be told, so that nobody is let in before.
    pub fn with_tokens(self, tokens: bool, awaits_revoked: bool) -> Setup {
        Setup { tokens, awaits_revoked, ..self }
    }

    /// What is compressed for clients that agreed to it.
    pub fn with_deflate(self, deflate: Deflate) -> Setup {
        Setup { deflate, ..self }
    }

    /// Of this generation of the settings: what tokens gave under others holds no more.
    pub fn of_generation(self, generation: u32) -> Setup {
        Setup { generation, ..self }
    }

    /// How many lanes there are, at least 1.
    pub fn lanes(&self) -> u16 {
        self.lanes
    }

    /// The configuration of one lane.
    pub fn lane(&self, id: LaneId) -> Config {
        let session = session::Config {
            limits: self.limits.clone(),
            table: self.table.clone(),
            anonymous: Rc::new(self.anonymous.clone()),
            anonymous_user: "anonymous".into(),
            deny: self.deny.clone(),
            tokens: self.tokens,
            queries: Rc::new(self.queries.clone()),
        };
        Config {
            id,
            lanes: self.lanes,
            node: self.node.clone(),
            limits: self.limits.clone(),
            session: Rc::new(session),
            awaits_revoked: self.awaits_revoked,
            deflate: self.deflate,
            generation: self.generation,
        }
    }
}
