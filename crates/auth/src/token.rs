//! One token: its parts, its signature, its times. What comes out is who says what, and that it may be believed.

use crate::config::Config;
use crate::denial::Denial;
use crate::keys::{KeySet, algorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Nothing that is a token is longer, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What a token says, whoever says so.
pub(crate) struct Parts<'a> {
    pub header: Map<String, Value>,
    pub claims: Map<String, Value>,
    /// What is signed.
    signed: &'a str,
    signature: &'a str,
}

fn bad(why: impl Into<String>) -> Denial {
    Denial::Bad(why.into())
}

/// Takes a token apart; nothing of it is believed yet.
pub(crate) fn parse(token: &str) -> Result<Parts<'_>, Denial> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(bad("the token is too long"));
    }
    let no_token = || bad("this is no token: three parts in base64url with dots between them are wanted");
    let (signed, signature) = token.rsplit_once('.').ok_or_else(no_token)?;
    let (header, claims) = signed.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or_else(no_token)?;
    let json = |part: &str, what: &str| -> Result<Map<String, Value>, Denial> {
        let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| no_token())?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(members)) => Ok(members),
            _ => Err(bad(format!("the token's {what} are no JSON object"))),
        }
    };
    Ok(Parts { header: json(header, "header members")?, claims: json(claims, "claims")?, signed, signature })
}

impl Parts<'_> {
    /// The name of the key that it says it is signed with.
    pub fn key_id(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// Whether one of the keys signed it. The algorithm is the key's; the token's word for it must be the same.
    pub fn check_signature(&self, keys: &KeySet) -> Result<(), Denial> {
        // RFC 7515, 4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the
        // recipient, then the JWS is invalid."
        if self.header.contains_key("crit") {
            return Err(bad("the token needs extensions that are not known here (crit)"));
        }
        let name = self.header.get("alg").and_then(Value::as_str).unwrap_or("");
        let shown = || name.chars().take(20).collect::<String>();
        let named =
            algorithm(name).ok_or_else(|| bad(format!("the token's algorithm {:?} is not accepted", shown())))?;
        let mut fitting = keys.candidates(self.key_id()).filter(|key| key.algorithm == named).peekable();
        if fitting.peek().is_none() {
            return Err(bad(format!("no key here is for the token's algorithm {name} and its key id")));
        }
        let message = self.signed.as_bytes();
        let signed_by = |key: &crate::keys::Key| {
            jsonwebtoken::crypto::verify(self.signature, message, &key.key, key.algorithm).unwrap_or(false)
        };
        if fitting.any(signed_by) { Ok(()) } else { Err(bad("the token's signature is wrong")) }
    }

    /// Whether it is for us, from whom it should be, and for now. `now`: seconds since 1970.
    pub fn check_claims(&self, config: &Config, now: u64) -> Result<(), Denial> {
        let leeway = config.leeway.as_secs();
        match (self.seconds("exp")?, config.expiry_required) {
            (None, true) => {
                return Err(bad("the token never expires (no claim exp), which auth.expiry does not allow"));
            }
            // "the current date/time MUST be before the expiration date/time"
            (Some(exp), _) if now >= exp.saturating_add(leeway) => return Err(Denial::Expired),
            _ => {}
        }
        if self.seconds("nbf")?.is_some_and(|nbf| now.saturating_add(leeway) < nbf) {
            return Err(bad("the token is not valid yet (nbf)"));
        }
        if self.seconds("iat")?.is_some_and(|iat| now.saturating_add(leeway) < iat) {
            return Err(bad("the token is from the future (iat)"));
        }
        self.check_audience(&config.audience)?;
        match self.claims.get("iss").map(|iss| iss.as_str().unwrap_or("")) {
            _ if config.issuer.is_empty() => Ok(()),
            Some(iss) if config.issuer.iter().any(|known| known == iss) => Ok(()),
            _ => Err(bad("the token is not from an issuer that is known here (iss)")),
        }
    }

    /// RFC 7519, 4.1.3: "If the principal processing the claim does not identify itself with a value in the "aud" claim when
    /// this claim is present, then the JWT MUST be rejected." And where an audience is configured it must be there.
    fn check_audience(&self, ours: &[String]) -> Result<(), Denial> {
        let is_ours = |value: &Value| value.as_str().is_some_and(|aud| ours.iter().any(|known| known == aud));
        let fits = match self.claims.get("aud") {
            None => ours.is_empty(),
            Some(Value::Array(values)) => values.iter().any(is_ours),
            Some(value) => is_ours(value),
        };
        match fits {
            true => Ok(()),
            false if ours.is_empty() => Err(bad("the token is for others (aud): auth.audience is not set here")),
            false => Err(bad("the token is for others (aud)")),
        }
    }

    /// A claim that is a time; fractions are cut off.
    pub fn seconds(&self, name: &str) -> Result<Option<u64>, Denial> {
        let wrong = || bad(format!("the claim {name} is no time"));
        match self.claims.get(name) {
            None => Ok(None),
            Some(Value::Number(n)) => {
                let cut = n.as_u64().or_else(|| n.as_f64().filter(|s| (0.0..1e15).contains(s)).map(|s| s as u64));
                cut.map(Some).ok_or_else(wrong)
            }
            Some(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
