//! Facts made up here, and the findings they lead to.

use super::super::acl::NEEDS;
use super::*;

fn address(host: &str) -> Address {
    Address::Tcp { host: host.into(), port: 6379 }
}

fn needs(topology: Topology) -> Needs {
    Needs { topology, tls: false, user: "app".into(), value_bytes_max: 480 << 10, sharded: false }
}

fn good() -> Answers {
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    Answers {
        info: pairs(&[
            ("redis_version", "7.0.15"),
            ("redis_mode", "standalone"),
            ("role", "master"),
            ("connected_clients", "3"),
            ("tracking_total_keys", "10"),
        ]),
        config: pairs(&[
            ("tracking-table-max-keys", "1000000"),
            ("maxclients", "10000"),
            ("client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
        ]),
        keys: Some(100),
        ping_us: Some((50, 200)),
        push_us: Some((90, 400)),
        ..Answers::default()
    }
}

/// The findings that are not good, of one server with these answers changed.
fn found(change: impl FnOnce(&mut Answers)) -> Vec<(Level, &'static str, String)> {
    let mut answers = good();
    change(&mut answers);
    let servers = vec![Server { address: address("127.0.0.1"), answer: Ok(answers) }];
    let facts = Facts { servers, ..Facts::default() };
    let all = judge(&facts, &needs(Topology::Standalone(address("127.0.0.1"))));
    let all = all.into_iter().filter(|f| f.level != Level::Good);
    all.map(|f| (f.level, f.topic, format!("{} {}", f.text, f.remedy.unwrap_or_default()))).collect()
}

fn one(change: impl FnOnce(&mut Answers)) -> (Level, &'static str, String) {
    let mut all = found(change);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn a_server_as_it_should_be_gives_nothing_to_do() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn versions_at_their_edges() {
    for (name, version, is_old) in [
        ("redis_version", "6.0.20", true),
        ("redis_version", "6.2.0", false),
        ("redis_version", "10.1.0", false),
        ("valkey_version", "7.2.0", false),
        ("valkey_version", "7.1.9", true),
    ] {
        let all = found(|a| {
            a.info.insert(name.into(), version.into());
        });
        assert_eq!(all.iter().any(|(level, ..)| *level == Level::Problem), is_old, "{name} {version}");
    }
    assert_eq!(one(|a| a.info.clear()).1, "version");
}

#[test]
fn servers_of_another_kind_than_the_url_says() {
    for (name, value, remedy) in [
        ("redis_mode", "cluster", "redis-cluster://"),
        ("redis_mode", "sentinel", "redis-sentinel://"),
        ("role", "slave", "the primary"),
    ] {
        let (level, topic, text) = one(|a| {
            a.info.insert(name.into(), value.into());
        });
        assert_eq!((level, topic), (Level::Problem, "topology"));
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn a_login_that_is_refused_ends_the_questions() {
    for (refusal, remedy) in [("NOAUTH x", "wants a password"), ("WRONGPASS x", "check user"), ("ERR odd", "its words")]
    {
        let (level, topic, text) = one(|a| a.refused = Some(refusal.into()));
        assert_eq!((level, topic), (Level::Problem, "login"));
        assert!(text.contains(remedy), "{text}");
    }
}

#[test]
fn each_refused_command_is_told_once_with_the_line_that_allows_it() {
    let denied = |command: &str, text: &str| {
        let needs = NEEDS.iter().filter(|need| need.command.join(" ").starts_with(command));
        needs.map(|need| (need, text.to_owned())).collect::<Vec<_>>()
    };
    let (level, _, text) = one(|a| a.denied = denied("CLIENT TRACKING O", "NOPERM no permissions to run"));
    assert_eq!(level, Level::Warning);
    assert!(text.contains("polled") && text.contains("ACL SETUSER app on >PASSWORD ~* &* -@all"), "{text}");
    let (level, ..) = one(|a| a.denied = denied("GET", "NOPERM User app has no permissions to run the 'get' command"));
    assert_eq!(level, Level::Problem);
    let (level, ..) = one(|a| a.denied = denied("GET", "NOPERM No permissions to access a key"));
    assert_eq!(level, Level::Note);
}

#[test]
fn the_tracking_table_at_its_edges() {
    let table = |max: &'static str, used: &'static str, keys: u64| {
        move |a: &mut Answers| {
            a.config.insert("tracking-table-max-keys".into(), max.into());
            a.info.insert("tracking_total_keys".into(), used.into());
            a.keys = Some(keys);
        }
    };
    assert_eq!(found(table("0", "5000000", 9_000_000)), []);
    assert_eq!(found(table("1000", "899", 1000)), []);
    assert_eq!(one(table("1000", "900", 1000)).0, Level::Warning);
    assert_eq!(one(table("1000", "10", 1001)).0, Level::Note);
    assert_eq!(one(|a| drop(a.config.remove("tracking-table-max-keys"))).0, Level::Note);
}

#[test]
fn buffers_connections_eviction_and_slowness() {
    let config = |name: &'static str, value: &'static str| {
        move |a: &mut Answers| drop(a.config.insert(name.into(), value.into()))
    };
    let (_, topic, text) = one(config("client-output-buffer-limit", "normal 1048576 0 0 pubsub 0 0 0"));
    assert!(topic == "output buffers" && text.contains("class normal"), "{text}");
    assert_eq!(one(config("maxclients", "10")).1, "connections");
    assert_eq!(one(config("timeout", "5")).1, "connections");
    assert_eq!(found(config("timeout", "300")), []);
    let evicts = |a: &mut Answers| {
        a.info.insert("maxmemory".into(), "1000".into());
        a.info.insert("maxmemory_policy".into(), "allkeys-lru".into());
    };
    assert_eq!(one(evicts).1, "eviction");
    assert_eq!(one(|a| a.ping_us = Some((100, 20_001))).0, Level::Warning);
    assert_eq!(one(|a| (a.push_us, a.push_refused) = (None, Some("NOPERM".into()))).0, Level::Note);
}

#[test]
fn sentinels_that_disagree_are_out_of_reach_or_know_nothing() {
    let topology = Topology::Sentinel { sentinels: vec![], master: "m".into() };
    let levels = |answers: Vec<Result<Option<Address>, String>>| {
        let sentinels = answers.into_iter().map(|answer| (address("s"), answer)).collect();
        let all = judge(&Facts { sentinels, ..Facts::default() }, &needs(topology.clone()));
        all.into_iter().map(|f| f.level).collect::<Vec<_>>()
    };
    let (a, b) = (Ok(Some(address("a"))), Ok(Some(address("b"))));
    assert_eq!(levels(vec![a.clone(), a.clone()]), [Level::Good, Level::Good]);
    assert_eq!(levels(vec![a.clone(), b]), [Level::Warning, Level::Warning]);
    assert_eq!(levels(vec![a, Err("x".into())]), [Level::Good, Level::Warning]);
    assert_eq!(levels(vec![Err("x".into()), Ok(None)]), [Level::Problem, Level::Problem]);
}

#[test]
fn slots_without_a_primary_are_a_problem() {
    let facts = |unserved| Facts { unserved_slots: Some(unserved), ..Facts::default() };
    let level = |unserved| judge(&facts(unserved), &needs(Topology::Cluster { seeds: vec![] }))[0].level;
    assert_eq!((level(0), level(1)), (Level::Good, Level::Problem));
}
