//! The settings of tokens, of the application that knows sessions, and of named queries.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Whom to believe, and what that gives; see [auth.md](auth.md).
#[derive(Clone, Debug, PartialEq)]
pub struct Auth {
    /// The keys that tokens are checked with: a table of names (`kid`) and texts that are an algorithm and a key:
    /// `main = "HS256 file:/run/secrets/jwt"`, `site = "ES256 file:/etc/keywire/site.pem"`; beside `file:` there are `base64:`,
    /// `text:` and `pem:`. Algorithms: HS, RS, PS 256, 384 and 512, ES256, ES384, EdDSA. Files are read again when they change.
    pub keys: BTreeMap<String, String>,
    /// The URL of a JSON Web Key Set with the keys of whoever gives the tokens: `https://…`, or `http://` on this machine.
    pub jwks_url: String,
    /// How often the key set is fetched. Keys that cannot be fetched stay as they were.
    pub jwks_interval_ms: u64,
    /// How soon the key set is fetched again because a token names a key that is not in it; also, after a failure.
    pub jwks_pause_ms: u64,
    /// Whom a token may be for (`aud`): one of these. Empty: tokens that say whom they are for are refused.
    pub audience: Vec<String>,
    /// Who may have given a token (`iss`): one of these. Empty: whoever has the key.
    pub issuer: Vec<String>,
    /// By how much this machine's clock and that of whoever gives tokens may differ. A connection ends so long after its token.
    pub leeway_ms: u64,
    /// Whether a token must say when it ends (`exp`): `required` or `optional`.
    pub expiry: String,
    /// The claim that names the user. A claim within another is named by both: `who.name`; so are the next two.
    pub user_claim: String,
    /// The claim that holds rules in Redis' ACL language, a list or one text.
    pub acl_claim: String,
    /// The claim that holds names of `auth.roles`, a list or one text. Names that are not there give nothing.
    pub roles_claim: String,
    /// Rules by role: a table of names and rules, `player = "~game:{sub}:* +@read"`. `{sub}` stands for the token's claim.
    pub roles: BTreeMap<String, Vec<String>>,
    /// The name of a cookie that may hold a token. Empty: none.
    pub cookie: String,
    /// The key of a hash in Redis that says which tokens and users are let in no more; every node watches it. Empty: none.
    pub revoked_key: String,
    /// The URL of an application that is asked who a client without a token is. Empty: none.
    pub forward_url: String,
    /// How long the application may take to answer; then the client is not let in.
    pub forward_timeout_ms: u64,
    /// The client's headers that the application is sent. `x-forwarded-for` and `x-real-ip` are the client's address, as far as it
    /// is known; not what the client says.
    pub forward_headers: Vec<String>,
    /// How long an answer of the application holds that does not say so.
    pub forward_lifetime_ms: u64,
    /// Certificates (PEM) of those who may have signed that of `auth.jwks_url` or `auth.forward_url`. Not set: those that the
    /// operating system trusts.
    pub ca: Option<PathBuf>,
}

impl Default for Auth {
    fn default() -> Auth {
        Auth {
            keys: BTreeMap::new(),
            jwks_url: String::new(),
            jwks_interval_ms: 600_000,
            jwks_pause_ms: 10_000,
            audience: Vec::new(),
            issuer: Vec::new(),
            leeway_ms: 10_000,
            expiry: "required".to_owned(),
            user_claim: "sub".to_owned(),
            acl_claim: "acl".to_owned(),
            roles_claim: "roles".to_owned(),
            roles: BTreeMap::new(),
            cookie: String::new(),
            revoked_key: String::new(),
            forward_url: String::new(),
            forward_timeout_ms: 3000,
            forward_headers: ["cookie", "authorization", "origin", "user-agent", "x-forwarded-for"]
                .map(String::from)
                .into(),
            forward_lifetime_ms: 900_000,
            ca: None,
        }
    }
}

impl Auth {
    /// Whether somebody can be told from everybody.
    pub fn is_configured(&self) -> bool {
        self.takes_tokens() || !self.forward_url.is_empty()
    }

    /// Whether tokens can be checked.
    pub fn takes_tokens(&self) -> bool {
        !self.keys.is_empty() || !self.jwks_url.is_empty()
    }
}
