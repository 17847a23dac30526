//! From settings to the Redis backend, and what is wrong with them.

use crate::settings::{Servers, Settings};
use anyhow::{Context, anyhow};
use backend::RedisConfig;
use backend::redis::{CredentialSource, TlsConfig, Url, Verify};
use std::path::Path;
use std::time::Duration;
use upstream::{Credentials, Topology};

pub use backend::redis::redacted;

/// Whether a text is no URL (then there is no Redis) or one that can be used.
pub fn check_url(text: &str) -> Result<(), String> {
    match text.is_empty() {
        true => Ok(()),
        false => text.parse::<Url>().map(drop).map_err(|error| error.to_string()),
    }
}

/// The Redis of the settings, if there is one.
///
/// # Errors
/// What `check` would have found.
pub fn config(settings: &Settings) -> anyhow::Result<Option<RedisConfig>> {
    let s = &settings.servers;
    if s.redis.is_empty() {
        return Ok(None);
    }
    let url: Url = s.redis.parse().map_err(|error| anyhow!("redis: {error}"))?;
    let lanes = u16::try_from(settings.lanes).context("lanes")?;
    let ms = Duration::from_millis;
    let upstream = upstream::Config {
        database: url.database,
        stale_after: ms(settings.stale_after_ms),
        silence_max: ms(s.redis_silence_ms.max(settings.stale_after_ms)),
        connect_max: ms(s.redis_connect_ms),
        reconnect_max: ms(s.redis_reconnect_max_ms),
        command_wait: ms(s.command_wait_ms),
        commands_waiting_max: s.commands_waiting_max,
        reads_in_flight_max: s.reads_in_flight_max,
        value_bytes_max: settings.limits.value_bytes_max,
        hash_fields_max: s.hash_fields_max,
        reread_interval: ms(s.reread_interval_ms),
        poll_interval: ms(s.poll_interval_ms),
        topology_interval: ms(s.topology_interval_ms),
        sharded_pubsub: s.cluster_pubsub == "sharded",
        redirects_max: u8::try_from(s.redirects_max).context("redirects_max")?,
        seed: fastrand::u64(..),
        ..upstream::Config::new(url.topology.clone(), lanes)
    };
    Ok(Some(RedisConfig {
        upstream,
        credentials: credentials(&url, s.redis_password_file.as_deref()),
        sentinel_credentials: sentinel_credentials(s),
        tls: url.tls.then(|| tls(s)),
        write_bytes_max: s.redis_write_bytes_max,
    }))
}

fn credentials(url: &Url, file: Option<&Path>) -> CredentialSource {
    match (url.credentials(), file) {
        (Some(credentials), _) => CredentialSource::Fixed(credentials),
        (None, Some(path)) => CredentialSource::File { user: url.user.clone(), path: path.to_owned() },
        (None, None) => CredentialSource::Nobody,
    }
}

fn sentinel_credentials(s: &Servers) -> CredentialSource {
    let user = Some(s.redis_sentinel_user.clone()).filter(|user| !user.is_empty());
    match (&s.redis_sentinel_password_file, user) {
        (Some(path), user) => CredentialSource::File { user, path: path.clone() },
        (None, Some(user)) => CredentialSource::Fixed(Credentials { user: Some(user), password: String::new() }),
        (None, None) => CredentialSource::Nobody,
    }
}

fn tls(s: &Servers) -> TlsConfig {
    TlsConfig {
        ca: s.redis_ca.clone(),
        cert: s.redis_cert.clone(),
        key: s.redis_key.clone(),
        // The settings' own table knows the words.
        verify: s.redis_tls_verify.parse().unwrap_or(Verify::Full),
    }
}

/// Where the data is, for people; shows no password.
pub fn backend_name(settings: &Settings) -> String {
    match settings.servers.redis.parse::<Url>() {
        Ok(url) => url.to_string(),
        Err(_) => "embedded store".to_owned(),
    }
}

/// What is wrong with the settings of a Redis, beyond each for itself.
pub fn check(settings: &Settings) -> Vec<(&'static str, String)> {
    let s = &settings.servers;
    let Ok(url) = s.redis.parse::<Url>() else { return without_redis(s) };
    let mut wrong = Vec::new();
    let mut say = |name, what: &str| wrong.push((name, what.to_owned()));
    match (&url.user, &url.password, &s.redis_password_file) {
        (_, Some(_), Some(_)) => say("redis_password_file", "the URL has a password as well: give one of them"),
        (Some(_), None, None) => say(
            "redis",
            "the URL has a user but no password: write user:password@, user:@ where it needs none, :password@ for the \
             default user, or set redis_password_file",
        ),
        _ => {}
    }
    let files = [("redis_ca", &s.redis_ca), ("redis_cert", &s.redis_cert), ("redis_key", &s.redis_key)];
    match url.tls {
        false => files.iter().filter(|(_, file)| file.is_some()).for_each(|(name, _)| {
            say(name, "the URL asks for no TLS: write rediss:// (rediss-sentinel://, rediss-cluster://)");
        }),
        true if s.redis_cert.is_some() != s.redis_key.is_some() => {
            let missing = if s.redis_cert.is_some() { "redis_key" } else { "redis_cert" };
            say(missing, "redis_cert and redis_key belong together");
        }
        true => {
            if let Err(what) = tls(s).read() {
                say(if s.redis_ca.is_some() { "redis_ca" } else { "redis" }, &what);
            }
        }
    }
    let passwords = [
        ("redis_password_file", &s.redis_password_file),
        ("redis_sentinel_password_file", &s.redis_sentinel_password_file),
    ];
    for (name, path) in passwords.iter().filter_map(|(name, file)| Some((*name, file.as_ref()?))) {
        if let Err(error) = std::fs::read_to_string(path) {
            say(name, &format!("{}: {error}", path.display()));
        }
    }
    if !matches!(url.topology, Topology::Sentinel { .. }) && sentinel_is_set(s) {
        say("redis_sentinel_password_file", "the URL names no Sentinel: redis-sentinel://");
    }
    if !matches!(url.topology, Topology::Cluster { .. }) && s.cluster_pubsub == "sharded" {
        say("cluster_pubsub", "sharded channels need a cluster: redis-cluster://");
    }
    wrong
}

fn sentinel_is_set(s: &Servers) -> bool {
    s.redis_sentinel_password_file.is_some() || !s.redis_sentinel_user.is_empty()
}

/// Settings that would silently do nothing.
fn without_redis(s: &Servers) -> Vec<(&'static str, String)> {
    let files = [
        ("redis_password_file", s.redis_password_file.is_some()),
        ("redis_sentinel_password_file", sentinel_is_set(s)),
        ("redis_ca", s.redis_ca.is_some()),
        ("redis_cert", s.redis_cert.is_some()),
        ("redis_key", s.redis_key.is_some()),
    ];
    let given = files.into_iter().filter(|(_, is_set)| *is_set);
    given.map(|(name, _)| (name, "there is no Redis: set redis to its URL".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut Servers)) -> Settings {
        let mut settings = Settings::default();
        change(&mut settings.servers);
        settings
    }

    fn wrong(change: impl FnOnce(&mut Servers)) -> Vec<&'static str> {
        check(&settings(change)).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn without_a_url_there_is_no_redis() {
        assert!(config(&Settings::default()).unwrap().is_none());
        assert_eq!(wrong(|_| {}), [""; 0]);
        assert_eq!(wrong(|s| s.redis_ca = Some("/x".into())), ["redis_ca"]);
    }

    #[test]
    fn the_machine_gets_what_the_settings_say() {
        let config = config(&settings(|s| {
            s.redis = "redis://u:p@h/3".into();
            s.command_wait_ms = 70;
            s.redirects_max = 9;
        }));
        let config = config.unwrap().unwrap();
        assert_eq!((config.upstream.database, config.upstream.redirects_max), (3, 9));
        assert_eq!(config.upstream.command_wait, Duration::from_millis(70));
        assert!(config.tls.is_none() && matches!(config.credentials, CredentialSource::Fixed(_)));
    }

    #[test]
    fn what_contradicts_itself_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, absent) = (dir.path().join("s"), dir.path().join("absent"));
        std::fs::write(&secret, "pw").unwrap();
        let redis = |s: &mut Servers, url: &str| s.redis = url.to_owned();
        assert_eq!(wrong(|s| redis(s, "redis://u@h")), ["redis"]);
        assert_eq!(wrong(|s| redis(s, "redis://u:@h")), [""; 0]);
        let with = |url: &'static str, path: &Path| {
            let path = path.to_owned();
            wrong(move |s| (s.redis, s.redis_password_file) = (url.into(), Some(path)))
        };
        assert_eq!(with("redis://u@h", &secret), [""; 0]);
        assert_eq!(with("redis://u@h", &absent), ["redis_password_file"]);
        assert_eq!(with("redis://:p@h", &secret), ["redis_password_file"]);
        assert_eq!(wrong(|s| (s.redis, s.redis_ca) = ("redis://h".into(), Some(secret.clone()))), ["redis_ca"]);
        assert_eq!(wrong(|s| (s.redis, s.redis_ca) = ("rediss://h".into(), Some(secret.clone()))), ["redis_ca"]);
        assert_eq!(wrong(|s| (s.redis, s.redis_cert) = ("rediss://h".into(), Some(secret.clone()))), ["redis_key"]);
        assert_eq!(wrong(|s| (s.redis, s.cluster_pubsub) = ("redis://h".into(), "sharded".into())), ["cluster_pubsub"]);
        assert_eq!(
            wrong(|s| (s.redis, s.redis_sentinel_user) = ("redis://h".into(), "x".into())),
            ["redis_sentinel_password_file"]
        );
    }
}
