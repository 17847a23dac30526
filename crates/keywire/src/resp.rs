//! From settings to the RESP port of the embedded store.

use crate::settings::{Resp, Settings};
use anyhow::Context;
use doors::{Endpoint, Listener, RespConfig};
use std::net::SocketAddr;

/// Where the demo's store speaks Redis' protocol if nothing is said: beside the usual port, so that a Redis that is there
/// keeps its own.
const DEMO_PORT: u16 = 6380;

/// The listeners of the RESP port.
///
/// # Errors
/// An address that cannot be listened on.
pub fn bind(settings: &Settings, demo: bool) -> anyhow::Result<Vec<Listener>> {
    let listen = &settings.resp.resp_listen;
    if demo && listen.is_empty() && settings.servers.redis.is_empty() {
        // Somebody has the port, perhaps another demo: any other one is as good, the banner tells which.
        let on = |port: u16| doors::bind(SocketAddr::from(([127, 0, 0, 1], port)), false);
        return Ok(vec![on(DEMO_PORT).or_else(|_| on(0)).context("cannot listen for RESP")?]);
    }
    let bound = listen
        .iter()
        .map(|address| doors::bind(*address, false).with_context(|| format!("cannot listen on {address}")));
    bound.collect()
}

/// Where they listen.
///
/// # Errors
/// One that is no TCP listener.
pub fn addresses(listeners: &[Listener]) -> anyhow::Result<Vec<SocketAddr>> {
    let address = |listener: &Listener| match listener.endpoint() {
        Endpoint::Tcp { address, .. } => Ok(address),
        Endpoint::Unix(path) => anyhow::bail!("{} is no TCP listener", path.display()),
    };
    listeners.iter().map(address).collect()
}

/// What the door needs to know.
pub fn config(settings: &Settings) -> RespConfig {
    RespConfig { output_total_bytes_max: settings.resp.resp_output_total_bytes_max }
}

/// The settings by the names that Redis has for them.
///
/// # Errors
/// A password file that cannot be read, or is empty.
pub fn redis_settings(settings: &Settings, listening: &[SocketAddr]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let resp = &settings.resp;
    let seconds = |ms: u64| ms.div_ceil(1000);
    let soft_s = seconds(resp.resp_pubsub_soft_ms);
    let output = format!(
        "normal {} 0 0 slave 268435456 67108864 60 pubsub {} {} {soft_s}",
        resp.resp_output_bytes_max, resp.resp_pubsub_bytes_max, resp.resp_pubsub_soft_bytes_max
    );
    let hosts: Vec<String> = listening.iter().map(|address| address.ip().to_string()).collect();
    let mut all = settings.store.redis_settings();
    all.extend([
        ("port", listening.first().map_or(0, SocketAddr::port).to_string()),
        ("bind", hosts.join(" ")),
        ("requirepass", password(resp)?),
        ("maxclients", resp.resp_clients_max.to_string()),
        ("timeout", seconds(resp.resp_idle_timeout_ms).to_string()),
        ("proto-max-bulk-len", resp.resp_bulk_bytes_max.to_string()),
        ("client-query-buffer-limit", resp.resp_query_bytes_max.to_string()),
        ("client-output-buffer-limit", output),
    ]);
    Ok(all)
}

fn password(resp: &Resp) -> anyhow::Result<String> {
    let Some(path) = &resp.resp_password_file else { return Ok(resp.resp_password.clone()) };
    let password = auth::read_secret_text(path).map_err(|what| anyhow::anyhow!("resp_password_file {what}"))?;
    anyhow::ensure!(!password.is_empty(), "resp_password_file {} is empty", path.display());
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_password_have_the_names_of_redis() {
        let mut settings = Settings::default();
        settings.resp.resp_password = "secret".into();
        settings.resp.resp_idle_timeout_ms = 1500;
        let pairs = redis_settings(&settings, &["127.0.0.1:6380".parse().unwrap()]).unwrap();
        let of = |name: &str| pairs.iter().find(|(known, _)| *known == name).unwrap().1.as_str();
        assert_eq!((of("port"), of("bind"), of("timeout"), of("requirepass")), ("6380", "127.0.0.1", "2", "secret"));
        let limits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert_eq!(of("client-output-buffer-limit"), limits);
    }

    #[test]
    fn a_password_file_is_read_without_its_newline_and_must_hold_one() {
        let dir = tempfile::tempdir().unwrap();
        let with = |name: &str, text: &str| {
            std::fs::write(dir.path().join(name), text).unwrap();
            Resp { resp_password_file: Some(dir.path().join(name)), ..Resp::default() }
        };
        assert_eq!(password(&with("a", "hunter2\n")).unwrap(), "hunter2");
        assert_eq!(password(&with("a", "hunter2\r\n")).unwrap(), "hunter2");
        assert!(password(&with("b", "\n")).is_err());
        assert!(password(&Resp { resp_password_file: Some("/nowhere/x".into()), ..Resp::default() }).is_err());
    }
}
