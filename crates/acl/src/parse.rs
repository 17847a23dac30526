//! The syntax of a list of rules, and what is wrong with one.

use crate::claims::Claims;
use crate::rules::{Rules, Selector};
use crate::template::Variables;
use model::command::CommandTable;
use std::borrow::Cow;
use std::fmt;

/// Why a rule is refused: a sentence, Redis' own where it has one.
pub(crate) type Reason = Cow<'static, str>;

pub(crate) const SYNTAX: Reason = Cow::Borrowed("Syntax error");
const UNMATCHED: Reason = Cow::Borrowed("Unmatched parenthesis in acl selector");
const NOT_A_USER: &str = "Rules are about commands, keys and channels here, not about users and passwords";

/// A rule that is not understood, or has no meaning here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleError {
    /// The rule, a whole selector if it is in one.
    pub rule: String,
    /// Why.
    pub reason: Cow<'static, str>,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error in ACL rule '{}': {}", self.rule, self.reason)
    }
}

impl std::error::Error for RuleError {}

impl Rules {
    /// Rules from a list, applied from left to right to rules that allow nothing. A selector is one item or several:
    /// `(~a +get)` or `(~a`, `+get)`. They hold for commands of this table only.
    ///
    /// The first rule that is wrong is the error; there are no half-applied rules.
    pub fn parse<'a>(rules: impl IntoIterator<Item = &'a str>, table: &CommandTable) -> Result<Rules, RuleError> {
        Rules::parse_with(rules, Variables::None, table)
    }

    /// As [`Rules::parse`], with variables in patterns: `~user:{sub}:*` is for the one whom the claim `sub` names.
    ///
    /// # Errors
    /// The first rule that is wrong, or whose claim is missing or cannot stand there.
    pub fn parse_for<'a>(
        rules: impl IntoIterator<Item = &'a str>,
        claims: &Claims,
        table: &CommandTable,
    ) -> Result<Rules, RuleError> {
        Rules::parse_with(rules, Variables::Of(claims), table)
    }

    /// Whether a list is one that [`Rules::parse_for`] would take from somebody whose claims are in order.
    ///
    /// # Errors
    /// The first rule that is wrong.
    pub fn check_syntax<'a>(rules: impl IntoIterator<Item = &'a str>, table: &CommandTable) -> Result<(), RuleError> {
        Rules::parse_with(rules, Variables::Any, table).map(drop)
    }

    fn parse_with<'a>(
        rules: impl IntoIterator<Item = &'a str>,
        variables: Variables<'_>,
        table: &CommandTable,
    ) -> Result<Rules, RuleError> {
        let mut parsed = Rules::nothing(table);
        let mut open: Option<String> = None;
        for rule in rules {
            let whole = match open.take() {
                Some(part) => format!("{part} {rule}"),
                None => rule.to_owned(),
            };
            if whole.starts_with('(') && !rule.ends_with(')') {
                open = Some(whole);
            } else {
                parsed.apply(&whole, variables, table).map_err(|reason| RuleError { rule: whole, reason })?;
            }
        }
        match open {
            Some(rule) => Err(RuleError { rule, reason: UNMATCHED }),
            None => Ok(parsed),
        }
    }

    /// Rules from one line, separated by blanks, as in `ACL SETUSER`: `~user:* +@read (~log:* +xadd)`.
    pub fn parse_line(line: &str, table: &CommandTable) -> Result<Rules, RuleError> {
        Rules::parse(line.split_ascii_whitespace(), table)
    }

    /// Applies one rule, or a whole selector, after those that were applied before.
    pub(crate) fn apply(&mut self, rule: &str, variables: Variables<'_>, table: &CommandTable) -> Result<(), Reason> {
        if rule.is_empty() {
            return Ok(());
        }
        if let Some(inner) = rule.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            let mut selector = Selector::nothing(table);
            inner.split_ascii_whitespace().try_for_each(|rule| selector.apply(rule, variables, table))?;
            self.selectors.push(selector);
            return Ok(());
        }
        if rule.eq_ignore_ascii_case("clearselectors") {
            self.selectors.clear();
            return Ok(());
        }
        if is_about_users(rule) { Err(NOT_A_USER.into()) } else { self.root.apply(rule, variables, table) }
    }
}

/// `on`, `>password` and the like.
fn is_about_users(rule: &str) -> bool {
    const WORDS: [&str; 7] = ["on", "off", "nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload"];
    rule.starts_with(['>', '<', '#', '!']) || WORDS.iter().any(|word| rule.eq_ignore_ascii_case(word))
}
