//! From what is believed of somebody to what they may do.

use crate::claims::{find, flatten, text, words};
use crate::config::Config;
use crate::denial::Denial;
use crate::gate::Now;
use crate::token::Parts;
use model::command::CommandTable;
use serde_json::{Map, Value};
use session::acl::Rules;
use session::{Claims, Grant, RuleLists};
use std::collections::BTreeMap;
use std::time::Duration;

/// What somebody is said to be and to have.
pub(crate) struct Said {
    pub user: String,
    /// Rules of their own.
    pub rules: Vec<String>,
    /// Names of roles; those that are not known here give nothing.
    pub roles: Vec<String>,
    pub claims: Claims,
    pub token_id: Option<String>,
    pub issued: Option<u64>,
    pub expires: Option<u64>,
}

impl Said {
    /// By a token that may be believed.
    pub fn by_token(parts: &Parts<'_>, config: &Config) -> Result<Said, Denial> {
        let claims = flatten(&parts.claims);
        let claim = |name: &str| find(&parts.claims, name);
        let user = claim(&config.user_claim).and_then(text).filter(|user| !user.is_empty());
        let no_user = || Denial::Bad(format!("the token does not say whose it is (claim {})", config.user_claim));
        Ok(Said {
            user: user.ok_or_else(no_user)?,
            rules: words(claim(&config.acl_claim), "the claim with rules").map_err(Denial::Bad)?,
            roles: words(claim(&config.roles_claim), "the claim with roles").map_err(Denial::Bad)?,
            token_id: claims.get("jti").map(str::to_owned),
            issued: parts.seconds("iat")?,
            expires: parts.seconds("exp")?,
            claims,
        })
    }

    /// By the application; none: a client that nobody knows.
    pub fn by_application(answer: &Map<String, Value>, lifetime: Duration, now: Now) -> Result<Option<Said>, String> {
        let user = match answer.get("user") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(user)) if !user.is_empty() => user.clone(),
            Some(Value::Number(id)) => id.to_string(),
            Some(_) => return Err("the member user is no text".to_owned()),
        };
        let issued = now.unix_ms / 1000;
        let expires = match answer.get("expires") {
            None | Some(Value::Null) => issued.saturating_add(lifetime.as_secs()),
            Some(at) => at.as_u64().ok_or("the member expires is no time in seconds")?,
        };
        if expires <= issued {
            return Err("the member expires is in the past".to_owned());
        }
        let mut claims = answer.get("claims").and_then(Value::as_object).cloned().unwrap_or_default();
        claims.insert("user".to_owned(), Value::String(user.clone()));
        claims.entry("sub").or_insert_with(|| Value::String(user.clone()));
        Ok(Some(Said {
            user,
            rules: words(answer.get("rules"), "the member rules")?,
            roles: words(answer.get("roles"), "the member roles")?,
            claims: flatten(&claims),
            token_id: answer.get("id").and_then(Value::as_str).map(str::to_owned),
            issued: Some(issued),
            expires: Some(expires),
        }))
    }

    /// Its rules, by source.
    pub fn lists<'a>(&'a self, config: &'a Config) -> Vec<(&'a str, &'a [String])> {
        let own = Some(("", self.rules.as_slice()));
        let roles = self.roles.iter().filter_map(|role| Some((role.as_str(), config.roles.get(role)?.as_slice())));
        own.into_iter().chain(roles).collect()
    }

    /// What that gives.
    pub fn grant(self, config: &Config, now: Now) -> Result<Grant, Denial> {
        let lists = RuleLists { lists: self.lists(config).into_iter().map(|(_, list)| list).collect() };
        let rules = lists.rules(&self.claims, &config.table).map_err(|error| Denial::Bad(error.to_string()))?;
        // Who came within the leeway has only what is left of it.
        let leeway_ms = u64::try_from(config.leeway.as_millis()).unwrap_or(u64::MAX);
        let left = |at: u64| at.saturating_mul(1000).saturating_add(leeway_ms).saturating_sub(now.unix_ms);
        let ends = self.expires.map(|at| now.time + Duration::from_millis(left(at)));
        Ok(Grant {
            user: self.user.as_str().into(),
            rules,
            claims: self.claims.only(config.claims.iter().map(String::as_str)),
            token_id: self.token_id.map(Into::into),
            issued: self.issued,
            expires: self.expires,
            ends,
            allowance: None,
            generation: 0,
        })
    }
}

/// What is wrong with the rules of roles, by the roles' names.
pub fn check_roles(roles: &BTreeMap<String, Vec<String>>, table: &CommandTable) -> Vec<(String, String)> {
    let wrong = |(role, rules): (&String, &Vec<String>)| {
        let error = Rules::check_syntax(rules.iter().map(String::as_str), table).err()?;
        Some((role.clone(), error.to_string()))
    };
    roles.iter().filter_map(wrong).collect()
}
