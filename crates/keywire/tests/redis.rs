//! `serve --redis` against a real redis-server that is killed, frozen, locked and moved.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../backend/tests/common/mod.rs"]
mod common;
mod gateway;

use common::{Server, free_port, make_certificates};
use gateway::Gateway;
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(3);

#[test]
fn commands_live_queries_channels_and_streams() {
    let redis = Server::start(&[]);
    let gateway = Gateway::start(&["--redis", &redis.url()], &[]);
    assert_eq!(
        gateway.command(r#"[["SET","k","1"],["INCR","k"],["HSET","k","f","v"]]"#)[..29],
        *r#"[{"result":"OK"},{"result":2}"#
    );
    let live = gateway.events("live=GET%20k");
    live.expect("value", "\"2\"", SOON);
    redis.run(&["SET", "k", "other"]);
    live.expect("value", "\"other\"", SOON);
    redis.run(&["DEL", "k"]);
    live.expect("value", "null", SOON);
    redis.run(&["SET", "k", "short", "PX", "80"]);
    live.expect("value", "\"short\"", SOON);
    live.expect("value", "null", SOON);
    redis.run(&["LPUSH", "k", "x"]);
    live.expect("failed", "WRONGTYPE", SOON);
    redis.run(&["FLUSHALL"]);
    live.expect("value", "null", SOON);

    let (channel, pattern) = (gateway.events("subscribe=news"), gateway.events("psubscribe=n*"));
    channel.opened();
    pattern.opened();
    redis.run(&["PUBLISH", "news", "hello"]);
    channel.expect("message", "hello", SOON);
    pattern.expect("message", "hello", SOON);

    redis.run(&["XADD", "s", "1-1", "f", "a"]);
    let stream = gateway.events("follow=s&from=0");
    stream.expect("entries", r#"[["1-1",{"f":"a"}]]"#, SOON);
    redis.run(&["XADD", "s", "1-2", "f", "b"]);
    stream.expect("entries", r#"[["1-2",{"f":"b"}]]"#, SOON);
    assert!(gateway.metric("keywire_backend_connections") >= 3);
    assert_eq!(gateway.metric("keywire_backend_stale"), 0);
}

#[test]
fn a_server_that_is_killed_is_told_as_stale_and_everything_heals_after_its_restart() {
    let mut redis = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let gateway = Gateway::start(&["--redis", &redis.url(), "--set", "stale_after_ms=500"], &[]);
    redis.run(&["SET", "k", "before"]);
    redis.run(&["XADD", "s", "1-1", "f", "a"]);
    let (live, channel) = (gateway.events("live=GET%20k"), gateway.events("subscribe=c"));
    let stream = gateway.events("follow=s&from=0");
    live.expect("value", "\"before\"", SOON);
    channel.opened();
    stream.expect("entries", "1-1", SOON);
    redis.kill();
    for feed in [&live, &channel, &stream] {
        feed.expect("stale", "true", Duration::from_millis(2000));
    }
    assert_eq!(gateway.status("/readyz"), 503);
    assert_eq!(gateway.status("/healthz"), 200);
    assert!(gateway.command(r#"["GET","k"]"#).contains("UNAVAILABLE"));
    redis.restart();
    redis.run(&["SET", "k", "after"]);
    redis.run(&["XADD", "s", "1-2", "f", "b"]);
    live.expect("value", "\"after\"", SOON);
    live.expect("stale", "false", SOON);
    channel.expect("missed", "null", SOON);
    channel.expect("stale", "false", SOON);
    stream.expect("entries", "1-2", SOON);
    gateway.until_ready();
    redis.run(&["PUBLISH", "c", "again"]);
    channel.expect("message", "again", SOON);
    redis.run(&["SET", "k", "later"]);
    live.expect("value", "\"later\"", SOON);
}

#[test]
fn a_server_that_is_frozen_is_told_as_stale_within_two_seconds_and_heals_within_one() {
    let redis = Server::start(&[]);
    let gateway = Gateway::start(&["--redis", &redis.url()], &[]);
    redis.run(&["SET", "k", "1"]);
    let live = gateway.events("live=GET%20k");
    live.expect("value", "\"1\"", SOON);
    redis.signal("STOP");
    let frozen = Instant::now();
    live.expect("stale", "true", Duration::from_millis(2500));
    assert!(frozen.elapsed() > Duration::from_millis(500), "told too early: {:?}", frozen.elapsed());
    redis.signal("CONT");
    live.expect("stale", "false", Duration::from_millis(1000));
    redis.run(&["SET", "k", "2"]);
    live.expect("value", "\"2\"", SOON);
}

#[test]
fn a_command_waits_for_the_backend_if_it_is_told_to() {
    let mut redis = Server::start(&[]);
    let gateway = Gateway::start(&["--redis", &redis.url(), "--set", "command_wait_ms=10s"], &[]);
    assert_eq!(gateway.command(r#"["PING"]"#), r#"{"result":"PONG"}"#);
    redis.kill();
    let answer = std::thread::scope(|scope| {
        let answer = scope.spawn(|| gateway.command(r#"["SET","k","v"]"#));
        std::thread::sleep(Duration::from_millis(300));
        redis.restart();
        answer.join().unwrap()
    });
    assert_eq!(answer, r#"{"result":"OK"}"#);
}

#[test]
fn a_wrong_password_is_told_without_it_and_mended_without_a_restart() {
    let redis = Server::start(&["--requirepass", "right-password"]);
    let url = format!("redis://:hunter2@127.0.0.1:{}", redis.port);
    let gateway = Gateway::start_unready(&["--redis", &url], &[]);
    gateway.until(|| gateway.log().contains("WRONGPASS"));
    assert_eq!(gateway.status("/readyz"), 503);
    assert!(gateway.command(r#"["GET","k"]"#).contains("UNAVAILABLE"));
    let title = std::fs::read_to_string(format!("/proc/{}/cmdline", gateway.pid())).unwrap();
    let shown = [gateway.log(), gateway.text("/metrics"), title, gateway.banner()].concat();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(gateway.banner().contains("redis://:***@"), "{}", gateway.banner());
    let mut client = redis_cli(&redis, "right-password");
    client.extend(["CONFIG", "SET", "requirepass", "hunter2"].map(String::from));
    assert!(std::process::Command::new("redis-cli").args(&client).output().unwrap().status.success());
    gateway.until_ready();
}

#[test]
fn who_is_revoked_is_found_out_though_redis_comes_later_and_entries_are_odd() {
    let mut redis = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    redis.run(&["HSET", "revoked", "token:bad", "1"]);
    redis.kill();
    let key = "auth.keys.main=HS256 text:0123456789abcdef0123456789abcdef";
    let mint = |id: &str| {
        let claim = format!("jti={id}");
        let arguments = ["token", "--set", key, "mint", "--user", id, "--acl", "+ping", "--claim", &claim];
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_keywire")).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let set = ["auth.revoked_key=revoked", "stale_after_ms=200", key].map(|set| ["--set", set]).concat();
    let gateway = Gateway::start_unready(&[&["--redis", &redis.url()], &set[..]].concat(), &[]);
    let (good, bad, eve) = (mint("good"), mint("bad"), mint("eve"));
    let answer = |token: &str| gateway.command_as(token, r#"["PING"]"#);
    gateway.until(|| gateway.log().contains("auth.revoked_key cannot be read"));
    assert!(answer(&good).contains("UNAVAILABLE"), "{}", answer(&good));
    redis.restart();
    gateway.until(|| answer(&good).contains("PONG"));
    assert!(answer(&bad).contains("revoked") && answer(&eve).contains("PONG"));
    // Names and values that are no texts, and those that JSON would have to escape.
    let odd = "return redis.call('HSET','revoked',string.char(255),'1','$x','1','user:eve',string.char(255))";
    redis.run(&["EVAL", odd, "0"]);
    gateway.until(|| answer(&eve).contains("revoked"));
    assert!(answer(&bad).contains("revoked") && answer(&good).contains("PONG"));
    // What is no hash any more changes nothing, and is told once.
    redis.run(&["SET", "revoked", "x"]);
    gateway.until(|| gateway.log().contains("WRONGTYPE"));
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(gateway.log().matches("WRONGTYPE").count(), 1);
    assert!(answer(&bad).contains("revoked"));
    redis.run(&["DEL", "revoked"]);
    gateway.until(|| answer(&bad).contains("PONG"));
}

fn redis_cli(redis: &Server, password: &str) -> Vec<String> {
    ["-s", redis.socket().to_str().unwrap(), "-a", password, "--no-auth-warning"].map(String::from).into()
}

#[test]
fn a_password_file_is_read_again_at_each_connect() {
    let redis = Server::start(&["--requirepass", "one"]);
    let path = redis.folder.path().join("password");
    std::fs::write(&path, "one\n").unwrap();
    let file = format!("redis_password_file={}", path.display());
    let gateway = Gateway::start(&["--redis", &redis.url(), "--set", &file], &[]);
    assert_eq!(gateway.command(r#"["PING"]"#), r#"{"result":"PONG"}"#);
    std::fs::write(&path, "two\n").unwrap();
    let run = |password: &str, command: &[&str]| {
        let line = redis_cli(&redis, password);
        let output = std::process::Command::new("redis-cli").args(line).args(command).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    run("one", &["CONFIG", "SET", "requirepass", "two"]);
    run("two", &["CLIENT", "KILL", "TYPE", "normal"]);
    gateway.until(|| gateway.command(r#"["PING"]"#) == r#"{"result":"PONG"}"#);
    gateway.until_ready();
}

#[test]
fn a_unix_socket_and_another_database() {
    let redis = Server::start(&[]);
    let url = format!("redis+unix://{}?db=3", redis.socket().display());
    let gateway = Gateway::start(&[], &[("KEYWIRE_REDIS", &url)]);
    gateway.command(r#"["SET","k","v"]"#);
    let live = gateway.events("live=GET%20k");
    live.expect("value", "\"v\"", SOON);
    let output = std::process::Command::new("redis-cli")
        .args(["-s", redis.socket().to_str().unwrap(), "-n", "3", "SET", "k", "w"])
        .output()
        .unwrap();
    assert!(output.status.success());
    live.expect("value", "\"w\"", SOON);
    assert_eq!(redis.run(&["GET", "k"]), "$-1", "database 0 has no such key");
}

#[test]
fn tls_with_a_client_certificate() {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path(), &[("server", &["localhost"]), ("client", &["app"])]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(path);
    let set = [("ca", "ca.pem"), ("cert", "client.pem"), ("key", "client.key")];
    let set = set.map(|(name, file)| format!("redis_{name}={}", path(file)));
    let port = free_port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    let redis = Server::start_in(folder, &tls);
    let url = format!("rediss://localhost:{port}");
    let gateway = Gateway::start(&["--redis", &url, "--set", &set[0], "--set", &set[1], "--set", &set[2]], &[]);
    redis.run(&["SET", "k", &"x".repeat(200_000)]);
    let live = gateway.events("live=STRLEN%20k");
    live.expect("value", "200000", SOON);
    assert!(gateway.command(r#"["GET","k"]"#).contains(&"x".repeat(200_000)));
    redis.run(&["APPEND", "k", "y"]);
    live.expect("value", "200001", SOON);
}

#[test]
fn a_value_that_is_too_big_is_told_and_delays_nothing() {
    let redis = Server::start(&[]);
    let limit = ["--set", "limits.value_bytes_max=64KiB", "--set", "limits.message_bytes_max=64KiB"];
    let gateway = Gateway::start(&[&["--redis", &redis.url()], &limit[..]].concat(), &[]);
    redis.run(&["SET", "big", &"x".repeat(100_000)]);
    redis.run(&["SET", "small", "1"]);
    assert!(gateway.command(r#"["GET","big"]"#).contains("TOOBIG"));
    assert!(gateway.text("/sse?live=GET%20big").contains("TOOBIG"));
    let small = gateway.events("live=GET%20small");
    small.expect("value", "\"1\"", SOON);
    redis.run(&["SET", "small", "2"]);
    small.expect("value", "\"2\"", SOON);
}
