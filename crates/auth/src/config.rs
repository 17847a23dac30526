//! What a gate is made with.

use crate::keys::KeySource;
use model::command::CommandTable;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Whom to believe, and what that gives.
#[derive(Clone, Debug)]
pub struct Config {
    /// Keys by name, which is the `kid` that tokens may name them by.
    pub keys: BTreeMap<String, KeySource>,
    /// A set of keys that is fetched.
    pub jwks: Option<Jwks>,
    /// A token must be for one of these (`aud`). None: it must not say whom it is for.
    pub audience: Vec<String>,
    /// A token must be from one of these (`iss`). None: from anybody who has the key.
    pub issuer: Vec<String>,
    /// By how much clocks may differ.
    pub leeway: Duration,
    /// Tokens that never expire are refused.
    pub expiry_required: bool,
    /// The claim that names the user.
    pub user_claim: String,
    /// The claim with rules.
    pub acl_claim: String,
    /// The claim with names of roles.
    pub roles_claim: String,
    /// Rules by role.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The claims that named queries ask for.
    pub claims: BTreeSet<String>,
    /// The cookie that may hold a token.
    pub cookie: Option<String>,
    /// The application that is asked who a client without a token is.
    pub forward: Option<Forward>,
    /// Certificates to trust when something is fetched, in PEM; none: those of the operating system.
    pub ca: Option<PathBuf>,
    /// What rules are about.
    pub table: Arc<CommandTable>,
}

/// A set of keys that is fetched.
#[derive(Clone, Debug)]
pub struct Jwks {
    /// Where.
    pub url: http::Uri,
    /// How often.
    pub interval: Duration,
    /// How soon again if a token names a key that is not in it.
    pub pause: Duration,
}

/// The application that is asked.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Where.
    pub url: http::Uri,
    /// How long it may take.
    pub timeout: Duration,
    /// Headers of the client's request that are passed on, in lower case.
    pub headers: Vec<String>,
    /// How long an answer holds that does not say.
    pub lifetime: Duration,
}

impl Config {
    /// Believes nobody.
    pub fn new(table: Arc<CommandTable>) -> Config {
        Config {
            keys: BTreeMap::new(),
            jwks: None,
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway: Duration::from_secs(10),
            expiry_required: true,
            user_claim: "sub".into(),
            acl_claim: "acl".into(),
            roles_claim: "roles".into(),
            roles: BTreeMap::new(),
            claims: BTreeSet::new(),
            cookie: None,
            forward: None,
            ca: None,
            table,
        }
    }

    /// Whether tokens can be checked.
    pub fn takes_tokens(&self) -> bool {
        !self.keys.is_empty() || self.jwks.is_some()
    }
}
