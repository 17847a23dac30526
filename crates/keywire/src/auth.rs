//! From settings to the gate, what is wrong with them, and the watch over who is revoked.

use crate::redis::redacted;
use crate::settings::Settings;
use ::auth::{Config, Forward, Gate, Jwks, KeySource, Unusable};
use bytes::Bytes;
use lane::{NamedQueries, Revoked};
use model::Args;
use model::command::CommandTable;
use runtime::Lanes;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A mistake: the setting's name, and what is wrong.
type Mistake = (&'static str, String);

/// Whether a text is a key as the settings have it.
pub fn check_key(text: &str) -> Result<(), String> {
    text.parse::<KeySource>().map(drop)
}

/// A key as it may be shown.
pub fn shown_key(text: &str) -> String {
    text.parse::<KeySource>().map_or_else(|_| "(hidden)".to_owned(), |source| format!("{source:?}"))
}

/// Whether a text is the URL of a key set: what decides whom to believe does not come over an open network.
pub fn check_jwks_url(text: &str) -> Result<(), String> {
    let uri = check_url(text)?;
    match uri {
        Some(uri) if uri.scheme_str() == Some("http") && !is_here(uri.host().unwrap_or("")) => {
            Err("keys that come by http can be anybody's: write https, or give files in auth.keys".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether a text is a URL, or empty.
pub fn check_forward_url(text: &str) -> Result<(), String> {
    check_url(text).map(drop)
}

fn check_url(text: &str) -> Result<Option<http::Uri>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("{:?} is no URL such as https://auth.example.com/keys.json", redacted(&shown_url(text)));
    let uri: http::Uri = text.parse().map_err(|_| wrong())?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    match uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        true => Err("a user and a password in it would go nowhere: it is asked without".to_owned()),
        false if fits => Ok(Some(uri)),
        false => Err(wrong()),
    }
}

/// A URL as it may be shown: what may be secret is in its query.
pub fn shown_url(text: &str) -> String {
    text.split_once('?').map_or_else(|| text.to_owned(), |(before, _)| format!("{before}?…"))
}

fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What a gate is made with.
///
/// # Errors
/// What `check` would have found.
pub fn config(settings: &Settings, queries: &NamedQueries) -> anyhow::Result<Config> {
    let a = &settings.auth;
    let ms = Duration::from_millis;
    let uri = |text: &str| (!text.is_empty()).then(|| text.parse::<http::Uri>()).transpose();
    let keys: Result<BTreeMap<_, _>, String> =
        a.keys.iter().map(|(name, text)| Ok((name.clone(), text.parse::<KeySource>()?))).collect();
    let jwks = uri(&a.jwks_url)?;
    let jwks = jwks.map(|url| Jwks { url, interval: ms(a.jwks_interval_ms), pause: ms(a.jwks_pause_ms) });
    let forward = uri(&a.forward_url)?.map(|url| Forward {
        url,
        timeout: ms(a.forward_timeout_ms),
        headers: a.forward_headers.clone(),
        lifetime: ms(a.forward_lifetime_ms),
    });
    Ok(Config {
        keys: keys.map_err(anyhow::Error::msg)?,
        jwks,
        forward,
        audience: a.audience.clone(),
        issuer: a.issuer.clone(),
        leeway: ms(a.leeway_ms),
        expiry_required: a.expiry == "required",
        user_claim: a.user_claim.clone(),
        acl_claim: a.acl_claim.clone(),
        roles_claim: a.roles_claim.clone(),
        roles: a.roles.clone(),
        claims: queries.claims().into_iter().map(str::to_owned).collect(),
        cookie: Some(a.cookie.clone()).filter(|name| !name.is_empty()),
        ca: a.ca.clone(),
        ..Config::new(CommandTable::redis())
    })
}

/// The settings' named queries.
///
/// # Errors
/// What is wrong with them.
pub fn queries(settings: &Settings) -> Result<NamedQueries, Vec<Mistake>> {
    let table = CommandTable::redis();
    let Ok(deny) = lane::parse_deny(&settings.deny_commands, &table) else { return Ok(NamedQueries::new(&table)) };
    let parsed = lane::parse_queries(&settings.queries, &table, &deny);
    parsed.map_err(|wrong| wrong.into_iter().map(|(name, what)| ("queries", format!("{name}: {what}"))).collect())
}

/// What is wrong with the settings of tokens and queries, beyond each for itself.
pub fn check(settings: &Settings) -> Vec<Mistake> {
    let a = &settings.auth;
    let mut wrong = queries(settings).err().unwrap_or_default();
    let sources = a.keys.iter().filter_map(|(name, text)| Some((name.clone(), text.parse().ok()?))).collect();
    let keys = ::auth::check_keys(&sources).into_iter().map(|(name, what)| ("auth.keys", format!("{name}: {what}")));
    let roles = ::auth::check_roles(&a.roles, &CommandTable::redis());
    let roles = roles.into_iter().map(|(name, what)| ("auth.roles", format!("{name}: {what}")));
    wrong.extend(keys.chain(roles));
    let mut unused = |name, is_set: bool, needs: &str| {
        if is_set {
            wrong.push((name, format!("nothing comes of it without {needs}")));
        }
    };
    unused("auth.roles", !a.roles.is_empty() && !a.is_configured(), "auth.keys, auth.jwks_url or auth.forward_url");
    unused(
        "auth.revoked_key",
        !a.revoked_key.is_empty() && !a.is_configured(),
        "auth.keys, auth.jwks_url or auth.forward_url",
    );
    unused("auth.cookie", !a.cookie.is_empty() && !a.takes_tokens(), "auth.keys or auth.jwks_url");
    unused("auth.audience", !a.audience.is_empty() && !a.takes_tokens(), "auth.keys or auth.jwks_url");
    unused("auth.issuer", !a.issuer.is_empty() && !a.takes_tokens(), "auth.keys or auth.jwks_url");
    wrong
}

/// Opens the gate on the runtime that this is called on.
///
/// # Errors
/// What is wrong with keys and certificates.
pub fn open(settings: &Settings) -> anyhow::Result<Arc<Gate>> {
    Ok(Arc::new(Gate::open(whole_config(settings)?).map_err(told)?))
}

/// The gate believes whom the settings say from now on; the generation of what it gives.
///
/// # Errors
/// What is wrong with keys and certificates; then it believes whom it believed.
pub fn renew(gate: &Gate, settings: &Settings) -> anyhow::Result<u32> {
    gate.renew(whole_config(settings)?).map_err(told)
}

fn whole_config(settings: &Settings) -> anyhow::Result<Config> {
    let queries = queries(settings).map_err(|wrong| anyhow::anyhow!("{}", wrong[0].1))?;
    config(settings, &queries)
}

fn told(wrong: Unusable) -> anyhow::Error {
    let lines: Vec<String> = wrong.into_iter().map(|(name, what)| format!("{name}: {what}")).collect();
    anyhow::anyhow!(lines.join("; "))
}

/// Watches the hash of who is revoked, and tells every lane of each change.
pub fn watch_revoked(lanes: &Lanes, key: &str) {
    let command: Args = ["HGETALL", key].map(|word| Bytes::copy_from_slice(word.as_bytes())).into();
    let all = lanes.clone();
    lanes.run(lanes.least_loaded(), move |lane| {
        let lane = lane.clone();
        tokio::task::spawn_local(async move {
            let mut last_error = String::new();
            while !all.is_draining() {
                doors::watch(lane.clone(), command.clone(), |answer| match entries(answer) {
                    Ok(entries) => {
                        last_error.clear();
                        tell(&all, entries);
                    }
                    // The same trouble is asked about twice a second, and told once.
                    Err(error) if error == last_error => {}
                    Err(error) => {
                        tracing::error!(error, "auth.revoked_key cannot be read: who is revoked stays as it was known");
                        last_error = error;
                    }
                })
                .await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    });
}

/// The hash's fields and values. One odd entry must not keep the others from being in force: a value that is no text is like
/// any that is no time, a field that is none names nobody.
fn entries(answer: &str) -> Result<Vec<(String, String)>, String> {
    let shown = || answer.chars().take(80).collect::<String>();
    if answer.starts_with(doors::ERROR) {
        return Err(shown());
    }
    let members: Map<String, Value> =
        serde_json::from_str(answer).map_err(|_| format!("this is no hash: {}", shown()))?;
    // As the wire writes a map whose names are not all plain texts.
    let entries: Vec<(Value, Value)> = match members.get("$map") {
        Some(pairs) => serde_json::from_value(pairs.clone()).map_err(|_| format!("this is no hash: {}", shown()))?,
        None => members.into_iter().map(|(field, value)| (Value::String(field), value)).collect(),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (named, odd): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(field, _)| field.is_string());
    for (field, _) in &odd {
        tracing::warn!(field = %field, "an entry of auth.revoked_key whose name is no text is passed over");
    }
    let named = named.iter().filter_map(|(field, value)| Some((text(field)?, text(value).unwrap_or_default())));
    Ok(named.collect())
}

/// Tells every lane. Before the first time, nobody is let in by a token.
fn tell(lanes: &Lanes, entries: Vec<(String, String)>) {
    let revoked = Arc::new(Revoked::new(entries.iter().map(|(field, value)| (field.as_str(), value.as_str()))));
    tracing::info!(entries = revoked.len(), "who is revoked");
    for lane in lanes.ids() {
        let revoked = revoked.clone();
        lanes.run(lane, move |lane| lane.handle(lane::Event::Revoked(revoked)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Auth;

    fn wrong(change: impl FnOnce(&mut Settings)) -> Vec<String> {
        let mut settings = Settings::default();
        change(&mut settings);
        check(&settings).into_iter().map(|(name, what)| format!("{name}: {what}")).collect()
    }

    #[test]
    fn what_is_wrong_is_named() {
        let secret = format!("HS256 text:{}", "s".repeat(32));
        let with = |change: fn(&mut Auth)| {
            let secret = secret.clone();
            wrong(move |s| {
                s.auth.keys.insert("main".into(), secret);
                change(&mut s.auth);
            })
        };
        assert_eq!(with(|_| {}), [""; 0]);
        assert!(
            with(|a| drop(a.keys.insert("short".into(), "HS256 text:x".into())))[0]
                .contains("auth.keys: short: the secret has 1 bytes")
        );
        assert!(
            with(|a| drop(a.roles.insert("r".into(), vec!["~u:{sub}*".into()])))[0]
                .contains("auth.roles: r: Error in ACL rule '~u:{sub}*'")
        );
        assert!(wrong(|s| s.auth.cookie = "kw".into())[0].contains("auth.cookie: nothing comes of it"));
        assert!(
            wrong(|s| drop(s.queries.insert("q".into(), "NOSUCH".into())))[0].contains("queries: q: unknown command")
        );
        assert!(
            wrong(|s| drop(s.queries.insert("q".into(), "GET \"a".into())))[0]
                .contains("queries: q: unbalanced quotes")
        );
    }

    #[test]
    fn an_odd_entry_does_not_hide_the_others() {
        let read = |answer: &str| {
            entries(answer).map(|all| all.iter().map(|(f, v)| format!("{f}={v}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(read("{}").as_deref(), Ok(""));
        assert_eq!(read(r#"{"token:a":"1","user:b":{"$base64":"/w=="}}"#).as_deref(), Ok("token:a=1 user:b="));
        let odd = r#"{"$map":[[{"$base64":"/w=="},"1"],["$x","1"],["token:a","1"],["user:b",{"$base64":"/w=="}]]}"#;
        assert_eq!(read(odd).as_deref(), Ok("$x=1 token:a=1 user:b="));
        for none in ["(error) WRONGTYPE no", "null", "[]", "5", r#"{"$map":5}"#] {
            assert!(read(none).is_err(), "{none}");
        }
        let shown = read(&format!("(error) {}", "é".repeat(500))).unwrap_err();
        assert_eq!(shown.chars().count(), 80);
    }

    /// The examples of the documentation are settings that hold, but for files that are somewhere else.
    #[test]
    fn the_documentation_is_right() {
        let pages = [include_str!("../../../docs/auth.md"), include_str!("../../../README.md")];
        let examples = pages.iter().flat_map(|page| page.split("```toml\n").skip(1));
        let dir = tempfile::tempdir().unwrap();
        let mut count = 0;
        for (at, example) in examples.enumerate() {
            let path = dir.path().join(format!("{at}.toml"));
            std::fs::write(&path, example.split("```").next().unwrap()).unwrap();
            let sources = crate::settings::Sources { file: Some(path), ..Default::default() };
            let settings =
                crate::settings::load(&sources, &[]).unwrap_or_else(|wrong| panic!("{example}: {wrong}")).settings;
            let wrong: Vec<_> =
                check(&settings).into_iter().filter(|(_, what)| !what.contains("No such file")).collect();
            assert_eq!(wrong, [], "{example}");
            count += 1;
        }
        assert!(count >= 6, "{count} examples");
    }

    #[test]
    fn keys_are_fetched_safely_or_not_at_all() {
        for good in ["", "https://a.example/keys", "http://127.0.0.1:80/keys", "http://localhost/k", "http://[::1]:1/k"]
        {
            assert_eq!(check_jwks_url(good), Ok(()), "{good}");
        }
        for secret in ["https://u:hunter2@a.example/k", "http://hunter2@127.0.0.1/k", "ftp://u:hunter2@h/?hunter2"] {
            let (jwks, forward) = (check_jwks_url(secret).unwrap_err(), check_forward_url(secret).unwrap_err());
            assert!(!jwks.contains("hunter2") && !forward.contains("hunter2"), "{jwks} {forward}");
        }
        assert_eq!(shown_url("https://a.example/k?key=hunter2"), "https://a.example/k?…");
        for bad in ["http://a.example/keys", "ftp://a", "a.example", "https://", "file:///etc/keys"] {
            assert!(check_jwks_url(bad).is_err(), "{bad}");
        }
        assert!(check_forward_url("http://app:3000/who").is_ok());
    }
}
