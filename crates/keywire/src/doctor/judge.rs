//! From facts to findings: what is good, what is worth knowing, what should change and how. Asks nobody.

use super::acl::{CHANNEL, KEY, Need, Purpose, setuser};
use super::visit::{Answers, Facts, Server};
use crate::settings::Settings;
use backend::RedisConfig;
use backend::redis::CredentialSource;
use upstream::{Address, Topology};

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Works, but worse than it could.
    Warning,
    /// Keeps keywire, or a part of it, from working.
    Problem,
}

impl Level {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Good => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// One thing found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// How grave it is.
    pub level: Level,
    /// At which server.
    pub server: String,
    /// What it is about, in a word or two.
    pub topic: &'static str,
    /// What is so.
    pub text: String,
    /// What to do about it; lines.
    pub remedy: Option<String>,
}

/// What of the settings findings depend on.
pub struct Needs {
    /// The servers' arrangement, as the URL says.
    pub topology: Topology,
    /// Whether connections are encrypted.
    pub tls: bool,
    /// The user to write into rules.
    pub user: String,
    /// The largest value that is shown, in bytes.
    pub value_bytes_max: usize,
    /// Whether channels are sharded.
    pub sharded: bool,
}

impl Needs {
    /// What these settings need.
    pub fn new(settings: &Settings, config: &RedisConfig) -> Needs {
        let user = match &config.credentials {
            CredentialSource::Fixed(credentials) => credentials.user.clone(),
            CredentialSource::File { user, .. } => user.clone(),
            CredentialSource::Nobody => None,
        };
        Needs {
            topology: config.upstream.topology.clone(),
            tls: config.tls.is_some(),
            user: user.filter(|user| user != "default").unwrap_or_else(|| "keywire".to_owned()),
            value_bytes_max: settings.limits.value_bytes_max,
            sharded: config.upstream.sharded_pubsub,
        }
    }

    fn is_cluster(&self) -> bool {
        matches!(self.topology, Topology::Cluster { .. })
    }
}

/// Connections of one keywire to each primary: tracking, commands, channels, and one to spare at a reconnect.
const CONNECTIONS: u64 = 4;
/// The topic of what the user may do.
const PERMISSIONS: &str = "permissions";
/// Round trips that a person notices.
const SLOW_US: u64 = 20_000;

/// All findings, server by server.
pub fn judge(facts: &Facts, needs: &Needs) -> Vec<Finding> {
    let mut findings = sentinels(facts, needs);
    if let Some(unserved) = facts.unserved_slots {
        let mut at = At { server: "cluster".to_owned(), findings: &mut findings };
        match unserved {
            0 => at.good("slots", "every slot has a primary"),
            n => at.say(
                Level::Problem,
                "slots",
                format!("{n} slots have no primary: their keys are stale"),
                "see CLUSTER INFO and redis-cli --cluster fix",
            ),
        }
    }
    for server in &facts.servers {
        let mut at = At { server: server.address.to_string(), findings: &mut findings };
        at.judge(server, needs);
    }
    say_once(&mut findings);
    findings
}

/// Takes away what is said already of another server: the rule that grants what keywire needs is long.
fn say_once(findings: &mut [Finding]) {
    let mut said: Vec<String> = Vec::new();
    for finding in findings.iter_mut().filter(|finding| finding.topic == PERMISSIONS) {
        match &finding.remedy {
            Some(remedy) if said.contains(remedy) => finding.remedy = None,
            remedy => said.extend(remedy.clone()),
        }
    }
}

fn sentinels(facts: &Facts, needs: &Needs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let named: Vec<&Address> = facts.sentinels.iter().filter_map(|(_, a)| a.as_ref().ok()?.as_ref()).collect();
    for (address, answer) in &facts.sentinels {
        let mut at = At { server: format!("sentinel {address}"), findings: &mut findings };
        match answer {
            Ok(Some(master)) if named.iter().all(|other| *other == master) => {
                at.good("master", format!("it says the master is {master}"));
            }
            Ok(Some(master)) => at.say(
                Level::Warning,
                "master",
                format!("it says the master is {master}, and not all Sentinels agree"),
                "wait until a failover under way has ended; else see SENTINEL CKQUORUM",
            ),
            Ok(None) => at.say(
                Level::Problem,
                "master",
                "it knows no master of that name".to_owned(),
                "check master=… of the URL against SENTINEL MASTERS",
            ),
            Err(error) => at.say(
                if named.is_empty() { Level::Problem } else { Level::Warning },
                "reach",
                error.clone(),
                "check its address, and redis_sentinel_user and redis_sentinel_password_file if it asks for a login",
            ),
        }
    }
    if matches!(needs.topology, Topology::Sentinel { .. }) && facts.sentinels.len() == 1 {
        let mut at = At { server: format!("sentinel {}", facts.sentinels[0].0), findings: &mut findings };
        at.say(
            Level::Warning,
            "number",
            "the URL names one Sentinel: without it, keywire cannot start".to_owned(),
            "name them all: redis-sentinel://host1,host2,host3/…",
        );
    }
    findings
}

/// Writes findings about one server.
struct At<'a> {
    server: String,
    findings: &'a mut Vec<Finding>,
}

impl At<'_> {
    fn say(&mut self, level: Level, topic: &'static str, text: String, remedy: &str) {
        let remedy = Some(remedy.to_owned()).filter(|remedy| !remedy.is_empty());
        self.findings.push(Finding { level, server: self.server.clone(), topic, text, remedy });
    }

    fn good(&mut self, topic: &'static str, text: impl Into<String>) {
        self.say(Level::Good, topic, text.into(), "");
    }

    fn judge(&mut self, server: &Server, needs: &Needs) {
        let answers = match &server.answer {
            Ok(answers) => answers,
            Err(error) => {
                let remedy =
                    "check host, port, firewall, and whether the server speaks TLS (rediss://) or not (redis://)";
                return self.say(Level::Problem, "reach", error.clone(), remedy);
            }
        };
        if let Some(refusal) = &answers.refused {
            return self.refused(refusal);
        }
        self.good("login", "accepted, in RESP3");
        self.encryption(&server.address, needs);
        self.version(answers);
        self.arrangement(answers, needs);
        self.permissions(answers, needs);
        self.tracking_table(answers);
        self.output_buffers(answers, needs);
        self.connections(answers);
        self.eviction(answers);
        self.latency(answers);
    }

    fn refused(&mut self, refusal: &str) {
        let remedy = match refusal.split(' ').next().unwrap_or("") {
            "NOAUTH" => "it wants a password: redis://user:password@… or redis_password_file",
            "WRONGPASS" => {
                "check user and password; percent-encode what is special in a URL, or use redis_password_file"
            }
            "NOPROTO" => "it speaks RESP2 only: live queries are polled. Redis 6.2, Valkey 7.2 or later speak RESP3",
            _ if refusal.contains("unknown command") => {
                "it knows no HELLO, so no RESP3: use Redis 6.2, Valkey 7.2 or later"
            }
            "LOADING" | "MASTERDOWN" | "BUSY" => "it cannot serve yet: look again when it does",
            _ => "its words say why",
        };
        self.say(Level::Problem, "login", refusal.to_owned(), remedy);
    }

    fn encryption(&mut self, address: &Address, needs: &Needs) {
        match address {
            Address::Unix(_) => self.good("encryption", "none, on a Unix socket"),
            Address::Tcp { .. } if needs.tls => self.good("encryption", "TLS"),
            Address::Tcp { host, .. } if is_loopback(host) => self.good("encryption", "none, on this machine"),
            Address::Tcp { .. } => self.say(
                Level::Note,
                "encryption",
                "none: password and data can be read on the network".to_owned(),
                "where that matters, use rediss:// (the server's tls-port)",
            ),
        }
    }

    fn version(&mut self, answers: &Answers) {
        let get = |name: &str| answers.info.get(name).cloned();
        let (name, version, least) = match (get("valkey_version"), get("redis_version")) {
            (Some(version), _) => ("Valkey", version, (7, 2)),
            (None, Some(version)) => (other_name(answers), version, (6, 2)),
            (None, None) => {
                let remedy = "allow +info, so that its version, role and tracking table can be seen";
                return self.say(Level::Warning, "version", "INFO is refused".to_owned(), remedy);
            }
        };
        let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if found < least {
            let text = format!("{name} {version} is older than what is supported");
            return self.say(Level::Problem, "version", text, "Redis 6.2, Valkey 7.2 or later; see docs/redis.md");
        }
        self.good("version", format!("{name} {version}"));
    }

    fn arrangement(&mut self, answers: &Answers, needs: &Needs) {
        let get = |name: &str| answers.info.get(name).map(String::as_str);
        match (get("redis_mode"), &needs.topology) {
            (Some("cluster"), Topology::Standalone(_) | Topology::Sentinel { .. }) => {
                let text = "it is a node of a cluster: most keys are elsewhere".to_owned();
                return self.say(Level::Problem, "topology", text, "use redis-cluster://host1,host2,…");
            }
            (Some("sentinel"), _) => {
                let text = "it is a Sentinel and holds no data".to_owned();
                return self.say(Level::Problem, "topology", text, "use redis-sentinel://…?master=NAME");
            }
            (Some("standalone"), Topology::Cluster { .. }) => {
                let text = "it is no node of a cluster".to_owned();
                return self.say(Level::Problem, "topology", text, "use redis://host:port/0");
            }
            _ => {}
        }
        match (get("role"), &needs.topology) {
            (Some("slave"), Topology::Standalone(_)) => self.say(
                Level::Problem,
                "topology",
                "it is a replica: writes are refused, and values lag behind the primary".to_owned(),
                "point the URL at the primary, or use redis-sentinel:// or redis-cluster://",
            ),
            (Some("slave"), _) => self.say(
                Level::Warning,
                "topology",
                "it is a replica now, though it was said to be the primary".to_owned(),
                "wait until a failover under way has ended, and look again",
            ),
            (Some(_), Topology::Standalone(_)) => self.good("topology", "one primary"),
            (Some(_), Topology::Sentinel { .. }) => self.good("topology", "the primary that Sentinel names"),
            (Some(_), Topology::Cluster { .. }) => self.good("topology", "a primary of the cluster"),
            (None, _) => {}
        }
    }

    fn permissions(&mut self, answers: &Answers, needs: &Needs) {
        let line = setuser(&needs.user, needs.is_cluster(), needs.sharded);
        let line =
            format!("{line}\nand for what clients may send as commands, such as writes: +@write, or each command");
        if answers.denied.is_empty() {
            let text = "its user may do all that keywire needs".to_owned();
            return self.say(Level::Good, PERMISSIONS, text, &format!("the least that does: {line}"));
        }
        let mut told: Vec<(Purpose, &str)> = Vec::new();
        for (need, refusal) in &answers.denied {
            if told.contains(&(need.purpose, need.rule)) {
                continue;
            }
            told.push((need.purpose, need.rule));
            // A user who may read some keys is a choice, not a mistake.
            let by_key = refusal.starts_with("NOPERM") && refusal.contains(" key");
            let (level, text) = match by_key {
                true => (Level::Note, "its user may not read every key: live queries of others are refused".to_owned()),
                false if need.purpose.is_vital() => (Level::Problem, refused_text(need)),
                false => (Level::Warning, refused_text(need)),
            };
            let rule = if by_key { "~*" } else { need.rule };
            let whole = if told.len() == 1 { format!("; all that keywire needs: {line}") } else { String::new() };
            self.say(level, PERMISSIONS, text, &format!("allow {rule}{whole}"));
        }
    }

    fn tracking_table(&mut self, answers: &Answers) {
        let used = answers.info.get("tracking_total_keys").and_then(|n| n.parse::<u64>().ok());
        let max = answers.config.get("tracking-table-max-keys").and_then(|n| n.parse::<u64>().ok());
        let used_text = used.map_or(String::new(), |n| format!("{n} keys are in it; "));
        let remedy = "CONFIG SET tracking-table-max-keys to more than the keys that all clients together watch \
                      (about 100 bytes each; 0: no limit), and in redis.conf";
        match (max, used, answers.keys) {
            (None, ..) => self.say(
                Level::Note,
                "tracking table",
                format!("{used_text}its size cannot be seen (CONFIG is refused); 1,000,000 is the default"),
                "if more keys than that are watched, reads are spaced and values lag: ask who runs it",
            ),
            (Some(0), ..) => self.good("tracking table", format!("{used_text}it has no limit")),
            (Some(max), Some(used), _) if used * 10 >= max * 9 => {
                self.say(Level::Warning, "tracking table", format!("{used} of {max} places are taken"), remedy);
            }
            (Some(max), _, Some(keys)) if keys > max => self.say(
                Level::Note,
                "tracking table",
                format!("{used_text}{max} places for {keys} keys: enough while fewer than {max} are watched"),
                remedy,
            ),
            (Some(max), ..) => self.good("tracking table", format!("{used_text}{max} places, enough for all keys")),
        }
    }

    fn output_buffers(&mut self, answers: &Answers, needs: &Needs) {
        let Some(limits) = answers.config.get("client-output-buffer-limit") else {
            let text = "client-output-buffer-limit cannot be seen (CONFIG is refused)".to_owned();
            return self.say(Level::Note, "output buffers", text, "");
        };
        let words: Vec<&str> = limits.split(' ').collect();
        let mut small = false;
        for class in words.chunks(4) {
            let [name, hard, soft, _] = class else { continue };
            let bytes = |text: &str| text.parse::<u64>().ok().filter(|n| *n > 0);
            let least = [bytes(hard), bytes(soft)].into_iter().flatten().min();
            let wanted = 4 * needs.value_bytes_max as u64;
            if ["normal", "pubsub"].contains(name) && least.is_some_and(|least| least < wanted) {
                small = true;
                let limit = least.unwrap_or(0);
                self.say(
                    Level::Warning,
                    "output buffers",
                    format!("class {name} is cut off at {limit} bytes, and a value may have {}", needs.value_bytes_max),
                    &format!("CONFIG SET client-output-buffer-limit \"{name} {} {} 60\"", 16 * wanted, 4 * wanted),
                );
            }
        }
        if !small {
            self.good("output buffers", limits.clone());
        }
    }

    fn connections(&mut self, answers: &Answers) {
        let number = |map: &std::collections::BTreeMap<String, String>, name| map.get(name)?.parse::<u64>().ok();
        let max = number(&answers.config, "maxclients").or_else(|| number(&answers.info, "maxclients"));
        if let (Some(max), Some(now)) = (max, number(&answers.info, "connected_clients")) {
            match max.saturating_sub(now) {
                free if free < 4 * CONNECTIONS => self.say(
                    Level::Warning,
                    "connections",
                    format!("{now} of {max} are taken; a keywire needs {CONNECTIONS}"),
                    "raise maxclients",
                ),
                _ => self.good("connections", format!("{now} of {max} are taken; a keywire needs {CONNECTIONS}")),
            }
        }
        if let Some(seconds) = number(&answers.config, "timeout").filter(|seconds| (1..10).contains(seconds)) {
            self.say(
                Level::Warning,
                "connections",
                format!("it closes connections that are idle for {seconds} s"),
                "CONFIG SET timeout 0, or 60 and more",
            );
        }
    }

    fn eviction(&mut self, answers: &Answers) {
        let get = |name: &str| answers.info.get(name).map(String::as_str);
        let limited = get("maxmemory").is_some_and(|bytes| bytes != "0");
        match get("maxmemory_policy") {
            Some(policy) if limited && policy != "noeviction" => self.say(
                Level::Note,
                "eviction",
                format!("maxmemory-policy is {policy}: keys may vanish, and clients then see them vanish"),
                "noeviction, if what is shown is not a cache",
            ),
            _ => {}
        }
    }

    fn latency(&mut self, answers: &Answers) {
        let shown = |(p50, p99): (u64, u64)| format!("p50 {} ms, p99 {} ms", millis(p50), millis(p99));
        let remedy = "run keywire near the server; on the server see LATENCY DOCTOR and SLOWLOG GET";
        if let Some(times) = answers.ping_us {
            let level = if times.1 > SLOW_US { Level::Warning } else { Level::Good };
            let remedy = if level == Level::Good { "" } else { remedy };
            self.say(level, "round trip", shown(times), remedy);
        }
        match (answers.push_us, &answers.push_refused) {
            (Some(times), _) => {
                let level = if times.1 > 2 * SLOW_US { Level::Warning } else { Level::Good };
                let remedy = if level == Level::Good { "" } else { remedy };
                self.say(level, "write to push", shown(times), remedy);
            }
            (None, Some(reason)) => {
                let remedy = "it writes a key keywire:doctor:… for a moment; a user who may not write is no mistake";
                self.say(Level::Note, "write to push", format!("not measured: {reason}"), remedy);
            }
            (None, None) => {}
        }
    }
}

/// The command without what it was tried with, and what does not work.
fn refused_text(need: &Need) -> String {
    let words = need.command.iter().take(2).filter(|word| ![KEY, CHANNEL].contains(word));
    let name: Vec<&str> = words.copied().collect();
    format!("{} is refused: {}", name.join(" "), need.purpose.without())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Forks say who they are in their own fields.
fn other_name(answers: &Answers) -> &'static str {
    let has = |name: &str| answers.info.keys().any(|key| key.starts_with(name));
    match () {
        () if has("dragonfly_version") => "Dragonfly, as Redis",
        () if has("garnet_version") => "Garnet, as Redis",
        () if has("kvrocks_version") => "Kvrocks, as Redis",
        () => "Redis",
    }
}

fn millis(micros: u64) -> String {
    format!("{:.2}", micros as f64 / 1000.0)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
