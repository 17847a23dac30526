//! Keys: one algorithm each, from the settings, from files, or from a JSON Web Key Set (RFC 7517).
//!
//! A key is for one algorithm, which is said where the key is. So a public key is never taken for a secret, and a token
//! cannot choose how it is checked.

use crate::files::read_secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a key of the settings is: `HS256 file:/run/secrets/jwt`, `ES256 file:/etc/keywire/site.pem`,
/// `HS256 base64:…`, `HS256 text:…`, `RS256 pem:-----BEGIN PUBLIC KEY-----…`.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySource {
    /// What the key is for.
    pub algorithm: Algorithm,
    place: Place,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Here(Vec<u8>),
}

/// A key and what it is for.
#[derive(Clone)]
pub(crate) struct Key {
    /// Its name.
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

/// What tokens are checked with.
#[derive(Clone, Default)]
pub(crate) struct KeySet(pub Vec<Key>);

/// The algorithms there are.
const ALGORITHMS: [(&str, Algorithm); 12] = [
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

/// The algorithm of this name; exactly so written, as RFC 7518 has it.
pub(crate) fn algorithm(name: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
}

impl FromStr for KeySource {
    type Err = String;

    fn from_str(text: &str) -> Result<KeySource, String> {
        let names = || ALGORITHMS.map(|(name, _)| name).join(", ");
        let (name, place) = text.split_once(' ').ok_or_else(|| {
            "an algorithm and a key are wanted, such as 'HS256 file:/run/secrets/jwt' or 'ES256 file:/etc/keywire/site.pem'"
                .to_owned()
        })?;
        let algorithm = algorithm(name).ok_or_else(|| format!("{name:?} is no algorithm; these are: {}", names()))?;
        let (kind, rest) = place.trim().split_once(':').unwrap_or((place, ""));
        let place = match kind {
            "file" if !rest.is_empty() => Place::File(PathBuf::from(rest)),
            "text" => Place::Here(rest.into()),
            "pem" => Place::Here(rest.trim().into()),
            "base64" => Place::Here(STANDARD.decode(rest.trim()).map_err(|_| "the key is not base64".to_owned())?),
            _ => return Err("the key is given as file:PATH, base64:…, text:… or pem:…".to_owned()),
        };
        Ok(KeySource { algorithm, place })
    }
}

impl fmt::Debug for KeySource {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.algorithm_name();
        match &self.place {
            Place::File(path) => write!(f, "{name} file:{}", path.display()),
            Place::Here(_) => write!(f, "{name} (hidden)"),
        }
    }
}

impl KeySource {
    /// What the key is for, as it is written.
    pub fn algorithm_name(&self) -> &'static str {
        ALGORITHMS.iter().find(|(_, known)| *known == self.algorithm).map_or("none", |(name, _)| name)
    }

    /// The file it is in.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Here(_) => None,
        }
    }

    /// The key's bytes, as they stand there.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        match &self.place {
            Place::Here(bytes) => Ok(bytes.clone()),
            Place::File(path) => read_secret(path),
        }
    }

    pub(crate) fn key(&self, id: &str) -> Result<Key, String> {
        let bytes = self.bytes()?;
        let wrong = |error: jsonwebtoken::errors::Error| format!("this is no public key for it in PEM: {error}");
        let key = match self.algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                check_secret(self.algorithm, &bytes)?;
                DecodingKey::from_secret(&bytes)
            }
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(&bytes).map_err(wrong)?,
            Algorithm::EdDSA => DecodingKey::from_ed_pem(&bytes).map_err(wrong)?,
            _ => DecodingKey::from_rsa_pem(&bytes).map_err(wrong)?,
        };
        Ok(Key { id: Some(id.to_owned()), algorithm: self.algorithm, key })
    }
}

/// "A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST be used" (RFC 7518, 3.2).
/// What everybody may know is no secret at all.
pub(crate) fn check_secret(algorithm: Algorithm, secret: &[u8]) -> Result<(), String> {
    let least = match algorithm {
        Algorithm::HS384 => 48,
        Algorithm::HS512 => 64,
        _ => 32,
    };
    if secret.starts_with(b"-----BEGIN") {
        return Err("this is a key in PEM, not a secret: tokens signed with it need RS…, PS…, ES… or EdDSA".to_owned());
    }
    if secret.len() < least {
        return Err(format!("the secret has {} bytes, and the algorithm needs at least {least}", secret.len()));
    }
    Ok(())
}

/// Reads all keys of the settings.
///
/// # Errors
/// The names of keys that cannot be used, and why.
pub(crate) fn read_keys(sources: &BTreeMap<String, KeySource>) -> Result<KeySet, Vec<(String, String)>> {
    let (mut keys, mut wrong) = (Vec::new(), Vec::new());
    for (id, source) in sources {
        match source.key(id) {
            Ok(key) => keys.push(key),
            Err(what) => wrong.push((id.clone(), what)),
        }
    }
    if wrong.is_empty() { Ok(KeySet(keys)) } else { Err(wrong) }
}

/// What is wrong with the keys of the settings, by their names.
pub fn check_keys(sources: &BTreeMap<String, KeySource>) -> Vec<(String, String)> {
    read_keys(sources).err().unwrap_or_default()
}

impl KeySet {
    /// From a JSON Web Key Set. Keys that are for something else, or that nobody should publish, are left out.
    pub fn from_jwks(json: &[u8]) -> Result<KeySet, String> {
        let set: Value = serde_json::from_slice(json).map_err(|_| "not JSON".to_owned())?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or("no member 'keys'")?;
        let keys: Vec<Key> = keys.iter().filter_map(jwk).collect();
        if keys.is_empty() {
            Err("it holds no key that a token can be checked with".to_owned())
        } else {
            Ok(KeySet(keys))
        }
    }

    /// The keys that may have signed a token with this header. A name decides where a key has it.
    pub fn candidates<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
        let is_named = id.is_some() && self.has(id);
        self.0.iter().filter(move |key| !is_named || key.id.as_deref() == id)
    }

    /// Whether a key has this name.
    pub fn has(&self, id: Option<&str>) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == id)
    }
}

/// One key of a set. Where it does not say what it is for, its type decides; RSA is for RS256, as RFC 7518 recommends.
fn jwk(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    let (algorithm_of_type, key) = match (text("kty")?, text("crv")) {
        ("RSA", _) => (Algorithm::RS256, DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?),
        ("EC", Some("P-256")) => (Algorithm::ES256, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?),
        ("EC", Some("P-384")) => (Algorithm::ES384, DecodingKey::from_ec_components(text("x")?, text("y")?).ok()?),
        ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, DecodingKey::from_ed_components(text("x")?).ok()?),
        _ => return None,
    };
    let algorithm = match text("alg") {
        Some("Ed25519") => Algorithm::EdDSA,
        Some(name) => algorithm(name)?,
        None => algorithm_of_type,
    };
    // An RSA key may be for any of the RSA algorithms; the others' types leave no choice.
    let fits = match algorithm_of_type {
        Algorithm::RS256 => key.family().algorithms().contains(&algorithm),
        only => only == algorithm,
    };
    fits.then(|| Key { id: text("kid").map(str::to_owned), algorithm, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_an_algorithm_and_a_place() {
        let parse = |text: &str| text.parse::<KeySource>();
        let shown = |text: &str| format!("{:?}", parse(text).unwrap());
        assert_eq!(shown("ES256 file:/a b.pem"), "ES256 file:/a b.pem");
        assert_eq!(shown("HS256 text:secret secret secret secret secr"), "HS256 (hidden)");
        assert_eq!(parse("HS256 base64:QUJD").unwrap().bytes().unwrap(), b"ABC");
        for (text, with) in [
            ("HS256", "an algorithm and a key"),
            ("none text:x", "no algorithm"),
            ("hs256 text:x", "no algorithm"),
            ("HS256 secret", "file:PATH"),
            ("HS256 file:", "file:PATH"),
            ("HS256 base64:?", "not base64"),
        ] {
            assert!(parse(text).unwrap_err().contains(with), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_for_the_algorithm_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let wrong = |text: String| {
            let sources = BTreeMap::from([("k".to_owned(), text.parse().unwrap())]);
            check_keys(&sources).pop().map(|(_, what)| what)
        };
        let secret = "x".repeat(32);
        assert_eq!(wrong(format!("HS256 text:{secret}")), None);
        assert!(wrong(format!("HS512 text:{secret}")).unwrap().contains("at least 64"));
        assert!(wrong("HS256 text:short".into()).unwrap().contains("at least 32"));
        assert!(wrong("HS256 text:-----BEGIN PUBLIC KEY-----".into()).unwrap().contains("not a secret"));
        assert!(wrong("RS256 text:x".into()).unwrap().contains("no public key"));
        assert!(wrong(format!("HS256 file:{}", path.display())).unwrap().contains("key: "));
        std::fs::write(&path, format!("{secret}\r\n")).unwrap();
        assert_eq!(wrong(format!("HS256 file:{}", path.display())), None);
    }

    #[test]
    fn of_a_set_only_keys_that_sign_are_taken_each_for_one_algorithm() {
        let rsa = r#""kty":"RSA","n":"AQAB","e":"AQAB""#;
        let set = |keys: &[String]| {
            let json =
                format!("{{\"keys\":[{}]}}", keys.iter().map(|k| format!("{{{k}}}")).collect::<Vec<_>>().join(","));
            KeySet::from_jwks(json.as_bytes())
        };
        let found = set(&[
            rsa.into(),
            format!(r#"{rsa},"alg":"PS512","kid":"a","use":"sig""#),
            format!(r#"{rsa},"use":"enc""#),
            format!(r#"{rsa},"alg":"HS256""#),
            format!(r#"{rsa},"alg":"none""#),
            r#""kty":"oct","k":"AQAB""#.into(),
            r#""kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB","alg":"ES384""#.into(),
            r#""kty":"OKP","crv":"Ed25519","x":"AQAB","kid":"b""#.into(),
            r#""kty":"OKP","crv":"X25519","x":"AQAB""#.into(),
        ])
        .unwrap();
        let found: Vec<_> = found.0.iter().map(|key| (key.id.as_deref(), key.algorithm)).collect();
        assert_eq!(found, [(None, Algorithm::RS256), (Some("a"), Algorithm::PS512), (Some("b"), Algorithm::EdDSA)]);
        for bad in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AQAB"}]}"#] {
            assert!(KeySet::from_jwks(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_decides_where_a_key_has_it() {
        let key = |id: &str| format!("HS256 text:{}", id.repeat(32)).parse::<KeySource>().unwrap().key(id).unwrap();
        let keys = KeySet(vec![key("a"), key("b")]);
        let found = |id| keys.candidates(id).map(|key| key.id.clone().unwrap()).collect::<Vec<_>>();
        assert_eq!(found(Some("b")), ["b"]);
        assert_eq!(
            (found(None), found(Some("c"))),
            (vec!["a".to_owned(), "b".to_owned()], vec!["a".into(), "b".into()])
        );
    }
}
