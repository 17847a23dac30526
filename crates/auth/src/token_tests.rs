//! Tokens good and bad: what each kind of attack gets.

use super::*;
use crate::keys::{Key, KeySource};
use crate::mint::{Minting, mint};
use model::command::CommandTable;
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const SECRET: &str = "a secret of thirty-two bytes, or more";
const NOW: u64 = 1_000_000;
const RSA: (&str, &str) = (include_str!("../tests/keys/rsa.pem"), include_str!("../tests/keys/rsa.pub.pem"));
const EC256: (&str, &str) = (include_str!("../tests/keys/ec256.pem"), include_str!("../tests/keys/ec256.pub.pem"));
const EC384: (&str, &str) = (include_str!("../tests/keys/ec384.pem"), include_str!("../tests/keys/ec384.pub.pem"));
const ED: (&str, &str) = (include_str!("../tests/keys/ed.pem"), include_str!("../tests/keys/ed.pub.pem"));

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn key(source: &str) -> Key {
    source.parse::<KeySource>().unwrap().key("k").unwrap()
}

fn secret() -> KeySet {
    KeySet(vec![key(&format!("HS256 text:{SECRET}"))])
}

fn token(algorithm: &str, key: &str, key_id: Option<&str>, claims: Value) -> String {
    let claims = object(claims);
    let minting = Minting { algorithm, key: key.as_bytes(), key_id: key_id.map(str::to_owned), claims: &claims };
    mint(&minting).unwrap()
}

fn encoded(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

/// Why the token is refused; none: it is not.
fn refused(token: &str, keys: &KeySet, config: &Config) -> Option<String> {
    let checked = parse(token).and_then(|parts| {
        parts.check_signature(keys)?;
        parts.check_claims(config, NOW)
    });
    checked.err().map(|denial| {
        let text = denial.to_string();
        // Nor a part of it: who has the signature has what is secret.
        let told = token.split('.').find(|part| part.len() >= 20 && text.contains(part));
        assert!(told.is_none() && text.len() < 200, "{text}");
        text
    })
}

fn config() -> Config {
    Config::new(CommandTable::redis())
}

#[test]
fn every_algorithm_is_checked_by_its_own_key() {
    let algorithms = [
        ("HS256", SECRET, SECRET),
        ("RS256", RSA.0, RSA.1),
        ("RS384", RSA.0, RSA.1),
        ("RS512", RSA.0, RSA.1),
        ("PS256", RSA.0, RSA.1),
        ("PS384", RSA.0, RSA.1),
        ("PS512", RSA.0, RSA.1),
        ("ES256", EC256.0, EC256.1),
        ("ES384", EC384.0, EC384.1),
        ("EdDSA", ED.0, ED.1),
    ];
    let keys = algorithms.map(|(name, _, public)| key(&format!("{name} text:{public}")));
    for (at, (name, private, _)) in algorithms.iter().enumerate() {
        let token = token(name, private, None, json!({"sub": "ann", "exp": NOW + 60}));
        for (other, key) in keys.iter().enumerate() {
            let refusal = refused(&token, &KeySet(vec![key.clone()]), &config());
            assert_eq!(refusal.is_none(), at == other, "{name} by {:?}: {refusal:?}", key.algorithm);
        }
    }
}

#[test]
fn a_token_cannot_choose_how_it_is_checked() {
    let good = token("HS256", SECRET, None, json!({"sub": "ann", "exp": NOW + 60}));
    let [_, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let with_header = |header: Value| format!("{}.{claims}.{signature}", encoded(&header));
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "hs256"}),
        json!({"alg": ""}),
        json!({"alg": 1}),
        json!({"alg": "x".repeat(10_000)}),
        json!({}),
    ] {
        for token in [with_header(header.clone()), format!("{}.{claims}.", encoded(&header))] {
            assert!(refused(&token, &secret(), &config()).unwrap().contains("is not accepted"), "{header}");
        }
    }
    // The public key of RS256, which everybody may know, as the secret of HS256.
    let rsa = KeySet(vec![key(&format!("RS256 text:{}", RSA.1))]);
    let forged_header = encoded(&json!({"alg": "HS256", "typ": "JWT"}));
    let forged_claims = encoded(&json!({"sub": "admin", "exp": NOW + 60}));
    let message = format!("{forged_header}.{forged_claims}");
    let as_secret = jsonwebtoken::EncodingKey::from_secret(RSA.1.as_bytes());
    let forged = jsonwebtoken::crypto::sign(message.as_bytes(), &as_secret, jsonwebtoken::Algorithm::HS256).unwrap();
    let refusal = refused(&format!("{message}.{forged}"), &rsa, &config()).unwrap();
    assert!(refusal.contains("no key here is for the token's algorithm HS256"), "{refusal}");
    // One's own key brought along.
    let jwk =
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "https://evil.example/keys", "x5u": "x"});
    assert!(refused(&with_header(jwk), &secret(), &config()).unwrap().contains("signature"));
    let critical = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    assert!(refused(&with_header(critical), &secret(), &config()).unwrap().contains("crit"));
}

#[test]
fn what_is_changed_is_not_signed() {
    let good = token("HS256", SECRET, None, json!({"sub": "ann", "exp": NOW + 60}));
    assert_eq!(refused(&good, &secret(), &config()), None);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let other = encoded(&json!({"sub": "admin", "exp": NOW + 60}));
    for token in [
        format!("{header}.{other}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", &signature[1..]),
        format!("{header}.{claims}.{signature}A"),
    ] {
        assert!(refused(&token, &secret(), &config()).unwrap().contains("signature is wrong"), "{token}");
    }
    for token in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "é.é.é",
        &format!("{good}.x"),
        &format!("{good}="),
        &good.replace('.', ""),
    ] {
        let refusal = refused(token, &secret(), &config()).unwrap();
        let expected = ["this is no token", "no JSON object", "signature"];
        assert!(expected.iter().any(|text| refusal.contains(text)), "{token}: {refusal}");
    }
    let long = format!("{header}.{claims}.{}", "A".repeat(TOKEN_BYTES_MAX));
    assert!(refused(&long, &secret(), &config()).unwrap().contains("too long"));
    let list = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode("[]"));
    assert!(refused(&list, &secret(), &config()).unwrap().contains("no JSON object"));
}

#[test]
fn times_are_held_to_with_leeway() {
    let config = Config { leeway: Duration::from_secs(10), ..config() };
    let mut lenient = config.clone();
    lenient.expiry_required = false;
    for (claims, config, expected) in [
        (json!({"exp": NOW + 1}), &config, ""),
        (json!({"exp": NOW - 9}), &config, ""),
        (json!({"exp": NOW - 10}), &config, "expired"),
        (json!({"exp": 0}), &config, "expired"),
        (json!({"exp": NOW as f64 + 0.5}), &config, ""),
        (json!({}), &config, "never expires"),
        (json!({}), &lenient, ""),
        (json!({"exp": NOW - 10}), &lenient, "expired"),
        (json!({"exp": "9999999999"}), &lenient, "exp is no time"),
        (json!({"exp": -5}), &lenient, "exp is no time"),
        (json!({"exp": null}), &lenient, "exp is no time"),
        (json!({"exp": 1e300}), &lenient, "exp is no time"),
        (json!({"nbf": NOW + 10}), &lenient, ""),
        (json!({"nbf": NOW + 11}), &lenient, "not valid yet"),
        (json!({"nbf": true}), &lenient, "nbf is no time"),
        (json!({"iat": NOW + 11}), &lenient, "future"),
        (json!({"exp": u64::MAX, "nbf": 0, "iat": 0}), &config, ""),
    ] {
        let shown = claims.to_string();
        let refusal = refused(&token("HS256", SECRET, None, claims), &secret(), config);
        let fits = refusal.as_ref().map_or(expected.is_empty(), |text| !expected.is_empty() && text.contains(expected));
        assert!(fits, "{shown}: {refusal:?}");
    }
}

#[test]
fn a_token_is_for_us_and_from_whom_it_should_be() {
    let ours =
        Config { audience: vec!["live".into(), "board".into()], issuer: vec!["https://a.example".into()], ..config() };
    let exp = NOW + 60;
    let iss = "https://a.example";
    for (claims, config, accepted) in [
        (json!({"exp": exp, "aud": "live", "iss": iss}), &ours, true),
        (json!({"exp": exp, "aud": ["x", "board"], "iss": iss}), &ours, true),
        (json!({"exp": exp, "aud": "x", "iss": iss}), &ours, false),
        (json!({"exp": exp, "aud": [], "iss": iss}), &ours, false),
        (json!({"exp": exp, "aud": {"live": 1}, "iss": iss}), &ours, false),
        (json!({"exp": exp, "iss": iss}), &ours, false),
        (json!({"exp": exp, "aud": "live", "iss": "https://a.example/"}), &ours, false),
        (json!({"exp": exp, "aud": "live", "iss": [iss]}), &ours, false),
        (json!({"exp": exp, "aud": "live"}), &ours, false),
        (json!({"exp": exp, "aud": "live"}), &config(), false),
        (json!({"exp": exp, "iss": "anybody"}), &config(), true),
    ] {
        let shown = claims.to_string();
        let refusal = refused(&token("HS256", SECRET, None, claims), &secret(), config);
        assert_eq!(refusal.is_none(), accepted, "{shown}: {refusal:?}");
    }
}

#[test]
fn a_key_id_leads_to_its_key_and_to_no_other() {
    let named = |id: &str, secret: &str| Key { id: Some(id.into()), ..key(&format!("HS256 text:{secret}")) };
    let other = SECRET.to_uppercase();
    let keys = KeySet(vec![named("a", SECRET), named("b", &other)]);
    let claims = || json!({"exp": NOW + 60});
    for (secret, id, accepted) in [
        (SECRET, Some("a"), true),
        (SECRET, Some("b"), false),
        (&other, Some("b"), true),
        (SECRET, None, true),
        (&other, None, true),
        (&other, Some("../../dev/null"), true),
        ("another secret of thirty-two bytes", None, false),
    ] {
        assert_eq!(refused(&token("HS256", secret, id, claims()), &keys, &config()).is_none(), accepted, "{id:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_and_none_panics(text in r"[a-zA-Z0-9_.=é-]{0,80}", json in r#"[\[\]{}":,a-z0-9]{0,30}"#) {
        prop_assert!(refused(&text, &secret(), &config()).is_some());
        let odd = format!("{0}.{0}.{0}", URL_SAFE_NO_PAD.encode(json));
        prop_assert!(refused(&odd, &secret(), &config()).is_some());
    }

    #[test]
    fn one_bit_turned_is_one_too_many(at in 0..2000usize) {
        let good = token("HS256", SECRET, None, json!({"sub": "ann", "exp": NOW + 60}));
        let mut bytes = good.into_bytes();
        let at = at % (bytes.len() - 1);
        bytes[at] ^= 1;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(refused(&text, &secret(), &config()).is_some());
        }
    }
}
