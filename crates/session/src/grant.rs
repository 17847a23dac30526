//! What a client may do once it is known who it is: the outcome of a token, or of asking the application.

use crate::rate::Allowance;
use acl::{Claims, RuleError, Rules};
use model::Time;
use model::command::CommandTable;
use std::rc::Rc;

/// Somebody's rights, and how long they last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Who.
    pub user: Rc<str>,
    /// What is allowed.
    pub rules: Rules,
    /// What named queries may ask for.
    pub claims: Claims,
    /// The token's own name, by which it can be revoked.
    pub token_id: Option<Box<str>>,
    /// When it was given, in seconds since 1970.
    pub issued: Option<u64>,
    /// When it ends, in seconds since 1970, as clients are told.
    pub expires: Option<u64>,
    /// When the connection is closed for it.
    pub ends: Option<Time>,
    /// What all connections of this user may ask together; none: there is no limit.
    pub allowance: Option<Allowance>,
    /// Under which settings it was given: a number that rises when they change.
    pub generation: u32,
}

impl Grant {
    /// The generation of what holds whatever the settings say.
    pub const ALWAYS: u32 = u32::MAX;

    /// Nobody, who may do nothing, for ever.
    pub fn nobody(table: &CommandTable) -> Grant {
        Grant {
            user: "".into(),
            rules: Rules::nothing(table),
            claims: Claims::default(),
            token_id: None,
            issued: None,
            expires: None,
            ends: None,
            allowance: None,
            generation: 0,
        }
    }

    /// The node itself, which may do what is not denied to everybody.
    pub fn node(table: &CommandTable) -> Grant {
        Grant {
            user: "node".into(),
            rules: Rules::everything(table),
            generation: Grant::ALWAYS,
            ..Grant::nobody(table)
        }
    }
}

/// Rules by source: what a token says itself and what its roles say.
#[derive(Clone, Debug, Default)]
pub struct RuleLists<'a> {
    /// Each with its rules. What one of them allows is allowed: a role takes nothing away from another.
    pub lists: Vec<&'a [String]>,
}

impl RuleLists<'_> {
    /// The rules of all lists together, with the claims in place of the variables.
    ///
    /// # Errors
    /// The first rule that is wrong, or whose claim is missing or cannot stand there.
    pub fn rules(&self, claims: &Claims, table: &CommandTable) -> Result<Rules, RuleError> {
        let mut all: Option<Rules> = None;
        for list in &self.lists {
            let rules = Rules::parse_for(list.iter().map(String::as_str), claims, table)?;
            match &mut all {
                None => all = Some(rules),
                Some(all) => all.add(rules),
            }
        }
        Ok(all.unwrap_or_else(|| Rules::nothing(table)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use acl::{Access, Usage};
    use bytes::Bytes;

    fn rules(lists: &[&str], claims: &[(&str, &str)]) -> Result<Rules, String> {
        let lists: Vec<Vec<String>> = lists.iter().map(|list| list.split(' ').map(str::to_owned).collect()).collect();
        let lists = RuleLists { lists: lists.iter().map(Vec::as_slice).collect() };
        let claims = Claims::new(claims.iter().copied());
        lists.rules(&claims, &CommandTable::redis()).map_err(|error| error.to_string())
    }

    fn allows(rules: &Rules, command: &str) -> bool {
        let table = CommandTable::redis();
        let command: Vec<Bytes> = command.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        rules.check(&Access::of(table.resolve(&command).unwrap(), &command)).is_ok()
    }

    #[test]
    fn roles_add_up_and_take_nothing_away() {
        let all = rules(&["~a +get", "~* +@read -get", "~b +set -@command"], &[]).unwrap();
        assert!(
            allows(&all, "GET a") && allows(&all, "HGET x f") && !allows(&all, "GET x") && !allows(&all, "SET a 1")
        );
        assert!(!allows(&all, "SET b 1"), "only to be heard");
        assert!(rules(&[], &[]).unwrap().allow_nothing());
        assert!(rules(&["+@named", "-@named"], &[]).unwrap().allow_named("q", Usage::Command));
    }

    #[test]
    fn claims_give_their_own_keys_and_no_others() {
        let mine = |sub| rules(&["~user:{sub}:* &user:{sub} +@all"], &[("sub", sub)]);
        let ann = mine("ann").unwrap();
        assert!(allows(&ann, "GET user:ann:x") && allows(&ann, "PUBLISH user:ann m"));
        assert!(!allows(&ann, "GET user:bob:x") && !allows(&ann, "GET user:{sub}:x"));
        for star in ["*", "?", "[a-z]*", "\\", "a*", "\\*", "* +@all", "x ~*", "x) (~*", "*\n~*"] {
            let rules = mine(star).unwrap();
            assert!(
                !allows(&rules, "GET user:ann:x") && !allows(&rules, "GET k") && !allows(&rules, "PUBLISH user:ann m"),
                "{star}"
            );
        }
    }

    #[test]
    fn a_claim_that_is_missing_or_reaches_out_refuses_all() {
        for (claims, with) in [
            (&[][..], "'sub' is missing"),
            (&[("sub", "")], "'sub' is empty"),
            (&[("sub", "ann:x")], "'sub' contains ':'"),
        ] {
            let error = rules(&["+get ~a", "~user:{sub}:* +get"], claims).unwrap_err();
            assert!(error.contains(with) && error.contains("~user:{sub}:*"), "{error}");
        }
    }
}
