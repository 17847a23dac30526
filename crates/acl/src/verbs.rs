//! Rules about the gateway's own: named queries, and who may run commands at all.
//!
//! | rule | |
//! |---|---|
//! | `+@named` `-@named` | every named query of the settings, whatever commands and keys it stands for |
//! | `+@named\|top` `-@named\|top` | this one |
//! | `-@command` `+@command` | the verbs `command` and `commands`; without them commands are allowed as live queries only |
//!
//! They are not Redis' and so are no part of `+@all` and `-@all`. Commands are allowed to be run until `-@command`.

use crate::parse::{Reason, SYNTAX};

/// What a command line is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// To be run, by the verbs `command` and `commands`.
    Command,
    /// To be heard, by `live`, `subscribe`, `psubscribe` or `follow`.
    Feed,
}

/// What a selector says of named queries and of verbs.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Verbs {
    /// Named queries are allowed but for `named_except`; else only those.
    named: bool,
    named_except: Vec<Box<str>>,
    /// Nothing may be run, only heard.
    feeds_only: bool,
}

impl Verbs {
    /// Whether anything may be used so.
    pub fn allow(&self, usage: Usage) -> bool {
        usage == Usage::Feed || !self.feeds_only
    }

    /// Whether a named query may be used so.
    pub fn allow_named(&self, name: &str, usage: Usage) -> bool {
        self.allow(usage) && self.named != self.named_except.iter().any(|known| **known == *name)
    }

    /// Whether any named query may be used.
    pub fn allow_any_named(&self) -> bool {
        self.named || !self.named_except.is_empty()
    }

    /// Applies a rule about these; `None` if the rule is about something else.
    pub fn apply(&mut self, rule: &str) -> Option<Result<(), Reason>> {
        let (allow, rest) = match rule.split_at_checked(1)? {
            ("+", rest) => (true, rest),
            ("-", rest) => (false, rest),
            _ => return None,
        };
        let (category, name) = match rest.split_once('|') {
            Some((category, name)) => (category, Some(name)),
            None => (rest, None),
        };
        match (category.to_ascii_lowercase().as_str(), name) {
            ("@command", None) => self.feeds_only = !allow,
            ("@named", None) => (self.named, self.named_except) = (allow, Vec::new()),
            ("@named", Some("")) | ("@command", Some(_)) => return Some(Err(SYNTAX)),
            ("@named", Some(name)) => {
                self.named_except.retain(|known| **known != *name);
                if self.named != allow {
                    self.named_except.push(name.into());
                }
            }
            _ => return None,
        }
        Some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(rules: &str) -> Verbs {
        let mut verbs = Verbs::default();
        rules.split_whitespace().for_each(|rule| verbs.apply(rule).unwrap().unwrap());
        verbs
    }

    #[test]
    fn named_queries_are_allowed_all_or_one_by_one_from_left_to_right() {
        for (rules, top, other) in [
            ("", false, false),
            ("+@named", true, true),
            ("+@NAMED -@named|top", false, true),
            ("+@named -@named|top +@named|top", true, true),
            ("+@named|top", true, false),
            ("+@named|top -@named", false, false),
            ("-@named +@named|top +@named|top -@named|top", false, false),
        ] {
            let verbs = verbs(rules);
            let found = ["top", "other"].map(|name| verbs.allow_named(name, Usage::Command));
            assert_eq!((found, verbs.allow_any_named()), ([top, other], top || other), "{rules}");
        }
    }

    #[test]
    fn commands_may_be_run_until_a_rule_says_no() {
        for (rules, runs) in [("", true), ("-@command", false), ("-@command +@command", true)] {
            assert_eq!((verbs(rules).allow(Usage::Command), verbs(rules).allow(Usage::Feed)), (runs, true), "{rules}");
        }
        assert!(!verbs("+@named -@command").allow_named("top", Usage::Command));
        assert!(verbs("+@named -@command").allow_named("top", Usage::Feed));
    }

    #[test]
    fn other_rules_are_left_to_others() {
        for rule in ["+@all", "+get", "~a", "", "é", "+@names", "@named"] {
            assert!(Verbs::default().apply(rule).is_none(), "{rule}");
        }
        assert!(Verbs::default().apply("+@named|").unwrap().is_err());
        assert!(Verbs::default().apply("-@command|x").unwrap().is_err());
    }
}
