//! What all lanes of a node have in common, in a form that may go to their threads.

use crate::lane::Config;
use model::command::CommandTable;
use model::{LaneId, Limits};
use session::acl::{DenyCommands, RuleError, Rules};
use std::rc::Rc;
use std::sync::Arc;

/// A node's setup; makes each lane's [`Config`] on the lane's own thread.
#[derive(Clone, Debug)]
pub struct Setup {
    lanes: u16,
    node: Arc<str>,
    limits: Limits,
    table: Arc<CommandTable>,
    anonymous: Rules,
    deny: DenyCommands,
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
        Ok(Setup { lanes: lanes.max(1), node: node.into(), limits, table, anonymous, deny })
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
        };
        Config {
            id,
            lanes: self.lanes,
            node: self.node.clone(),
            limits: self.limits.clone(),
            session: Rc::new(session),
        }
    }
}
