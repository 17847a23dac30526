//! `keywire doctor` against a real server: the line it prints grants what keywire needs, and what is refused is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../backend/tests/common/mod.rs"]
mod common;
mod gateway;

use common::Server;
use gateway::Gateway;
use std::process::Command;
use std::time::Duration;

/// Exit code and findings as level, topic, text, remedy.
fn doctor(url: &str) -> (i32, Vec<[String; 4]>) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_keywire")).args(["doctor", "--json", "--redis", url]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let findings = report["findings"].as_array().unwrap().iter();
    let word = |finding: &serde_json::Value, name| finding[name].as_str().unwrap_or("").to_owned();
    let findings = findings.map(|f| ["level", "topic", "text", "remedy"].map(|name| word(f, name))).collect();
    (output.status.code().unwrap(), findings)
}

fn levels<'a>(findings: &'a [[String; 4]], topic: &str) -> Vec<&'a str> {
    findings.iter().filter(|f| f[1] == topic).map(|f| f[0].as_str()).collect()
}

#[test]
fn the_line_it_prints_grants_what_keywire_needs_and_no_more() {
    let redis = Server::start(&[]);
    let (code, findings) = doctor(&redis.url());
    assert_eq!(code, 0, "{findings:?}");
    assert!(findings.iter().all(|f| f[0] == "ok"), "{findings:?}");
    assert!(["round trip", "write to push"].iter().all(|topic| levels(&findings, topic) == ["ok"]), "{findings:?}");
    assert_eq!(redis.run(&["DBSIZE"]), ":0", "it leaves nothing behind");

    let remedy = &findings.iter().find(|f| f[1] == "permissions").unwrap()[3];
    let line = remedy.lines().next().unwrap().split_once(": ").unwrap().1.replace("PASSWORD", "s3cret");
    assert_eq!(redis.run(&line.split(' ').collect::<Vec<_>>()), "+OK");
    let url = format!("redis://keywire:s3cret@127.0.0.1:{}", redis.port);
    let (code, findings) = doctor(&url);
    assert_eq!((code, levels(&findings, "permissions")), (0, vec!["ok"]), "{findings:?}");

    let soon = Duration::from_secs(3);
    let gateway = Gateway::start(&["--redis", &url], &[]);
    let (live, channel) = (gateway.events("live=GET%20k"), gateway.events("subscribe=c"));
    let stream = gateway.events("follow=s&from=0");
    live.expect("value", "null", soon);
    channel.opened();
    redis.run(&["SET", "k", "v", "PX", "200"]);
    redis.run(&["PUBLISH", "c", "m"]);
    redis.run(&["XADD", "s", "*", "f", "v"]);
    live.expect("value", "\"v\"", soon);
    live.expect("value", "null", soon);
    channel.expect("message", "m", soon);
    stream.expect("entries", "f", soon);
    assert_eq!(gateway.metric("keywire_backend_via{via=\"tracking\"}"), 1);
    assert!(gateway.command(r#"["SET","k","v"]"#).contains("NOPERM"), "nothing to write was granted");
    assert!(!gateway.log().contains("ERROR"), "{}", gateway.log());
}

#[test]
fn what_is_wrong_is_found_and_decides_the_exit_code() {
    let redis = Server::start(&["--maxclients", "20", "--timeout", "3"]);
    redis.run(&["ACL", "SETUSER", "weak", "on", ">s3cret", "~a:*", "&*", "-@all", "+get", "+hello", "+ping"]);
    let url = |user: &str, password: &str| format!("redis://{user}:{password}@127.0.0.1:{}", redis.port);
    let (code, findings) = doctor(&redis.url());
    assert_eq!((code, levels(&findings, "connections")), (0, vec!["ok", "warning"]), "{findings:?}");
    let (code, findings) = doctor(&url("weak", "s3cret"));
    assert_eq!(code, 0);
    let permissions = levels(&findings, "permissions");
    assert!(permissions.contains(&"note") && permissions.contains(&"warning"), "{findings:?}");
    let (code, findings) = doctor(&url("weak", "other"));
    assert_eq!((code, levels(&findings, "login")), (1, vec!["problem"]));
    let (code, findings) = doctor(&format!("redis-cluster://127.0.0.1:{}", redis.port));
    assert_eq!((code, levels(&findings, "topology")), (1, vec!["problem"]), "{findings:?}");
    let (code, findings) = doctor(&format!("redis://127.0.0.1:{}", common::free_port()));
    assert_eq!((code, levels(&findings, "reach")), (1, vec!["problem"]));
    let none = Command::new(env!("CARGO_BIN_EXE_keywire")).arg("doctor").output().unwrap();
    assert_eq!(none.status.code(), Some(1));
}
