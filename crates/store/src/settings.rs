//! `CONFIG`: Redis' settings by their names, those that the store obeys and those that it only remembers.
//!
//! Clients and graphical managers ask for settings and set some; a name that Redis knows is taken and kept, so that what
//! was set is answered. Those that mean something here are parsed once, when they are set. What kind of value a
//! setting takes follows from its default: a number stays a number, `yes` or `no` stays one of them.

use crate::errors;
use crate::events::Classes;
use crate::number::parse_int;
use bytes::Bytes;
use model::{Error, glob};
use std::collections::BTreeMap;

/// The settings' names and defaults.
const DEFAULTS: &str = include_str!("settings.txt");

/// Settings that cannot change while the server runs.
const IMMUTABLE: &[&str] = &[
    "aclfile",
    "always-show-logo",
    "aof_rewrite_cpulist",
    "appenddirname",
    "appendfilename",
    "bgsave_cpulist",
    "bio_cpulist",
    "cluster-config-file",
    "cluster-enabled",
    "cluster-port",
    "daemonize",
    "databases",
    "disable-thp",
    "enable-debug-command",
    "enable-module-command",
    "enable-protected-configs",
    "io-threads",
    "io-threads-do-reads",
    "logfile",
    "pidfile",
    "rdbchecksum",
    "server_cpulist",
    "set-proc-title",
    "socket-mark-id",
    "supervised",
    "syslog-enabled",
    "syslog-facility",
    "syslog-ident",
    "tcp-backlog",
    "unixsocket",
    "unixsocketperm",
];

/// Settings of the files, which are where they are while the server runs.
const FILES: &[&str] = &["appendonly", "dir"];

/// Settings whose numbers are bytes and may be written with a unit.
const IN_BYTES: &[&str] = &[
    "maxmemory",
    "maxmemory-clients",
    "proto-max-bulk-len",
    "client-query-buffer-limit",
    "repl-backlog-size",
    "auto-aof-rewrite-min-size",
    "active-defrag-ignore-bytes",
    "hash-max-listpack-value",
    "hash-max-ziplist-value",
    "zset-max-listpack-value",
    "zset-max-ziplist-value",
    "stream-node-max-bytes",
    "hll-sparse-max-bytes",
    "cluster-link-sendbuf-limit",
];

/// Settings with a few words to choose from.
const CHOICES: &[(&str, &[&str])] = &[
    ("appendfsync", &["everysec", "always", "no"]),
    ("loglevel", &["debug", "verbose", "notice", "warning"]),
    ("maxmemory-policy", Policy::NAMES),
    ("acl-pubsub-default", &["allchannels", "resetchannels"]),
    ("repl-diskless-load", &["disabled", "on-empty-db", "swapdb"]),
    ("sanitize-dump-payload", &["no", "yes", "clients"]),
    ("oom-score-adj", &["no", "yes", "relative", "absolute"]),
];

const INT_MAX: i64 = i32::MAX as i64;

/// The least and the greatest value of numbers whose range is not that of [`range`]'s default, as in Redis' `config.c`.
const RANGES: &[(&str, i64, i64)] = &[
    ("active-defrag-cycle-max", 1, 99),
    ("active-defrag-cycle-min", 1, 99),
    ("active-defrag-threshold-lower", 0, 1000),
    ("active-defrag-threshold-upper", 0, 1000),
    ("active-expire-effort", 1, 10),
    ("auto-aof-rewrite-percentage", 0, INT_MAX),
    ("client-query-buffer-limit", 1 << 20, i64::MAX),
    ("hz", 0, INT_MAX),
    ("lfu-decay-time", 0, INT_MAX),
    ("lfu-log-factor", 0, INT_MAX),
    ("list-compress-depth", 0, INT_MAX),
    ("list-max-listpack-size", i32::MIN as i64, INT_MAX),
    ("list-max-ziplist-size", i32::MIN as i64, INT_MAX),
    ("maxclients", 1, u32::MAX as i64),
    ("maxmemory-eviction-tenacity", 0, 100),
    ("maxmemory-samples", 1, INT_MAX),
    ("min-replicas-max-lag", 0, INT_MAX),
    ("min-replicas-to-write", 0, INT_MAX),
    ("min-slaves-max-lag", 0, INT_MAX),
    ("min-slaves-to-write", 0, INT_MAX),
    ("port", 0, u16::MAX as i64),
    ("proto-max-bulk-len", 1 << 20, i64::MAX),
    ("repl-backlog-size", 1, i64::MAX),
    ("repl-ping-replica-period", 1, INT_MAX),
    ("repl-ping-slave-period", 1, INT_MAX),
    ("repl-timeout", 1, INT_MAX),
    ("shutdown-timeout", 0, INT_MAX),
    ("slowlog-log-slower-than", -1, i64::MAX),
    ("tcp-keepalive", 0, INT_MAX),
    ("timeout", 0, INT_MAX),
    ("tls-port", 0, u16::MAX as i64),
];

/// The least and the greatest value that a number may have.
fn range(name: &str) -> (i64, i64) {
    RANGES.iter().find(|(of, ..)| *of == name).map_or((0, i64::MAX), |&(_, least, most)| (least, most))
}

/// Which keys make room when memory is short.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Policy {
    /// None: writes are refused.
    #[default]
    NoEviction,
    /// The one used least recently.
    AllKeysLru,
    /// Any.
    AllKeysRandom,
    /// Of those with a deadline, the one used least recently.
    VolatileLru,
    /// Any with a deadline.
    VolatileRandom,
    /// The one that ends soonest.
    VolatileTtl,
}

impl Policy {
    const NAMES: &[&str] = &[
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "noeviction",
    ];

    fn parse(name: &str) -> Result<Policy, &'static str> {
        Ok(match name {
            "noeviction" => Policy::NoEviction,
            "allkeys-lru" => Policy::AllKeysLru,
            "allkeys-random" => Policy::AllKeysRandom,
            "volatile-lru" => Policy::VolatileLru,
            "volatile-random" => Policy::VolatileRandom,
            "volatile-ttl" => Policy::VolatileTtl,
            _ => return Err("LFU policies are not available in keywire, use an LRU policy"),
        })
    }

    /// Whether only keys with a deadline make room.
    pub(crate) fn is_volatile(self) -> bool {
        matches!(self, Policy::VolatileLru | Policy::VolatileRandom | Policy::VolatileTtl)
    }
}

/// When what was written to the log is made durable: `appendfsync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fsync {
    /// Before it is answered.
    Always,
    /// Within a second.
    #[default]
    EverySecond,
    /// When the operating system finds the time.
    No,
}

/// All settings, with those that the store obeys at hand.
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<&'static str, Box<str>>,
    /// `maxmemory`, in bytes; 0: no limit.
    pub maxmemory: usize,
    /// `maxmemory-policy`
    pub policy: Policy,
    /// `maxmemory-samples`: how many keys are compared to find one to evict.
    pub samples: usize,
    /// `appendfsync`
    pub fsync: Fsync,
    /// `no-appendfsync-on-rewrite`: nothing is synced while the log is rewritten.
    pub no_fsync_on_rewrite: bool,
    /// `auto-aof-rewrite-percentage`: by how much the log grows before it is rewritten; 0: never.
    pub rewrite_growth_percent: u64,
    /// `auto-aof-rewrite-min-size`, in bytes: a smaller log is not rewritten.
    pub rewrite_bytes_min: u64,
    /// `notify-keyspace-events`
    pub events: Classes,
    /// `tracking-table-max-keys`; 0: no limit.
    pub tracking_keys_max: usize,
    /// `slowlog-log-slower-than`, in microseconds; negative: nothing is logged.
    pub slowlog_slower_us: i64,
    /// `slowlog-max-len`
    pub slowlog_max: usize,
    /// `latency-monitor-threshold`, in milliseconds; 0: nothing is recorded.
    pub latency_threshold_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        let lines = DEFAULTS.lines().filter(|line| !line.starts_with('#'));
        let pair = |line: &'static str| line.split_once(' ').unwrap_or((line, ""));
        let values = lines.map(pair).map(|(name, value)| (name, value.into())).collect();
        let mut settings = Settings {
            values,
            maxmemory: 0,
            policy: Policy::NoEviction,
            samples: 0,
            fsync: Fsync::default(),
            no_fsync_on_rewrite: false,
            rewrite_growth_percent: 0,
            rewrite_bytes_min: 0,
            events: Classes::default(),
            tracking_keys_max: 0,
            slowlog_slower_us: 0,
            slowlog_max: 0,
            latency_threshold_ms: 0,
        };
        settings.refresh().expect("the defaults are well formed");
        settings
    }
}

impl Settings {
    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| &**value)
    }

    /// The settings whose names match one of the globs, in the order of their names.
    pub fn matching<'a>(&'a self, globs: &'a [Bytes]) -> impl Iterator<Item = (&'static str, &'a str)> {
        let wanted =
            |name: &str| globs.iter().any(|pattern| glob::matches(&pattern.to_ascii_lowercase(), name.as_bytes()));
        self.values.iter().filter(move |(name, _)| wanted(name)).map(|(name, value)| (*name, &**value))
    }

    /// Sets what the owner knows better than the defaults (`port`, `dir`, …), without any check of its own; a name that
    /// Redis does not know, or a value that the store cannot obey, is left out.
    pub fn set_by_owner(&mut self, name: &str, value: &str) {
        if let Some((_, slot)) = self.values.iter_mut().find(|(known, _)| **known == name) {
            let old = std::mem::replace(slot, value.into());
            if self.refresh().is_err() {
                self.restore(name, old);
            }
        }
    }

    /// `CONFIG SET`: all of these or, if one is refused, none.
    pub(crate) fn set(&mut self, pairs: &[Bytes]) -> Result<(), Error> {
        let mut wanted: Vec<(&'static str, Box<str>)> = Vec::new();
        for pair in pairs.chunks_exact(2) {
            let given = String::from_utf8_lossy(&pair[0]).to_ascii_lowercase();
            let Some((&name, old)) = self.values.get_key_value(&*given) else {
                let shown = String::from_utf8_lossy(&pair[0]).into_owned();
                return Err(errors::custom(format!(
                    "Unknown option or number of arguments for CONFIG SET - '{shown}'"
                )));
            };
            if IMMUTABLE.contains(&name) {
                return Err(failed(name, "can't set immutable config"));
            }
            if wanted.iter().any(|(other, _)| *other == name) {
                return Err(failed(name, "duplicate parameter"));
            }
            let value = checked(name, old, &String::from_utf8_lossy(&pair[1])).map_err(|why| failed(name, &why))?;
            if FILES.contains(&name) && value != **old {
                let why = "keywire is told by --data at its start whether and where it keeps a log";
                return Err(failed(name, why));
            }
            wanted.push((name, value.into()));
        }
        for (name, value) in wanted {
            let old = self.values.insert(name, value).unwrap_or_default();
            for twin in twins(name) {
                let value = self.values[name].clone();
                self.values.insert(twin, value);
            }
            if let Err(why) = self.refresh() {
                self.restore(name, old);
                return Err(failed(name, why));
            }
        }
        Ok(())
    }

    fn restore(&mut self, name: &str, old: Box<str>) {
        if let Some((_, slot)) = self.values.iter_mut().find(|(known, _)| **known == name) {
            *slot = old;
        }
        self.refresh().expect("the old values were well formed");
    }

    /// Reads anew what the store obeys.
    fn refresh(&mut self) -> Result<(), &'static str> {
        let number = |name: &str| self.values[name].parse::<i64>().unwrap_or(0);
        let size = |name: &str| usize::try_from(number(name)).unwrap_or(0);
        let events = &self.values["notify-keyspace-events"];
        let events =
            Classes::parse(events.as_bytes()).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
        let policy = Policy::parse(&self.values["maxmemory-policy"])?;
        (self.maxmemory, self.samples) = (size("maxmemory"), size("maxmemory-samples").max(1));
        self.tracking_keys_max = size("tracking-table-max-keys");
        (self.slowlog_slower_us, self.slowlog_max) = (number("slowlog-log-slower-than"), size("slowlog-max-len"));
        self.latency_threshold_ms = size("latency-monitor-threshold") as u64;
        self.rewrite_growth_percent = size("auto-aof-rewrite-percentage") as u64;
        self.rewrite_bytes_min = size("auto-aof-rewrite-min-size") as u64;
        self.no_fsync_on_rewrite = &*self.values["no-appendfsync-on-rewrite"] == "yes";
        self.fsync = match &*self.values["appendfsync"] {
            "always" => Fsync::Always,
            "no" => Fsync::No,
            _ => Fsync::EverySecond,
        };
        (self.events, self.policy) = (events, policy);
        self.values.insert("notify-keyspace-events", events.letters().into());
        Ok(())
    }
}

fn failed(name: &str, why: &str) -> Error {
    errors::custom(format!("CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

/// The same setting under its older name.
fn twins(name: &str) -> impl Iterator<Item = &'static str> {
    const TWINS: &[(&str, &str)] = &[
        ("hash-max-listpack-entries", "hash-max-ziplist-entries"),
        ("hash-max-listpack-value", "hash-max-ziplist-value"),
        ("list-max-listpack-size", "list-max-ziplist-size"),
        ("zset-max-listpack-entries", "zset-max-ziplist-entries"),
        ("zset-max-listpack-value", "zset-max-ziplist-value"),
    ];
    TWINS.iter().filter_map(move |&(new, old)| match () {
        () if new == name => Some(old),
        () if old == name => Some(new),
        () => None,
    })
}

/// The value as it is kept, or why it cannot be taken.
fn checked(name: &str, old: &str, value: &str) -> Result<String, String> {
    if let Some((_, choices)) = CHOICES.iter().find(|(of, _)| *of == name) {
        let choice = choices.iter().find(|choice| choice.eq_ignore_ascii_case(value));
        let listed = || format!("argument(s) must be one of the following: {}", choices.join(", "));
        return choice.map(|choice| (*choice).to_owned()).ok_or_else(listed);
    }
    if IN_BYTES.contains(&name) {
        let bytes = memory(value).ok_or("argument must be a memory value")?;
        // A number that Redis keeps without a sign has no range; one with has.
        let (least, most) = range(name);
        return match i64::try_from(bytes) {
            Ok(number) if number < least => Err(beyond(least, most)),
            Ok(_) => Ok(bytes.to_string()),
            Err(_) if least > 0 => Err(beyond(least, most)),
            Err(_) => Ok(bytes.to_string()),
        };
    }
    match name {
        "client-output-buffer-limit" => return output_limits(old, value).map_err(str::to_owned),
        "save" => return save(value).ok_or_else(|| "Invalid save parameters".to_owned()),
        _ => {}
    }
    match old {
        "yes" | "no" if matches!(value.to_ascii_lowercase().as_str(), "yes" | "no") => Ok(value.to_ascii_lowercase()),
        "yes" | "no" => Err("argument must be 'yes' or 'no'".into()),
        _ if parse_int(old.as_bytes()).is_some() => {
            let number = parse_int(value.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
            let (least, most) = range(name);
            if (least..=most).contains(&number) { Ok(number.to_string()) } else { Err(beyond(least, most)) }
        }
        _ => Ok(value.to_owned()),
    }
}

fn beyond(least: i64, most: i64) -> String {
    format!("argument must be between {least} and {most} inclusive")
}

/// `class hard soft seconds`, any number of times: the classes that are named take these limits, the others keep theirs.
fn output_limits(old: &str, value: &str) -> Result<String, &'static str> {
    const CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];
    let words: Vec<&str> = value.split(' ').collect();
    let mut limits: Vec<[String; 3]> = vec![Default::default(); CLASSES.len()];
    let old = old.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for group in old.chunks_exact(4) {
        if let Some(class) = CLASSES.iter().position(|class| *class == group[0]) {
            limits[class] = [group[1].clone(), group[2].clone(), group[3].clone()];
        }
    }
    if !value.is_empty() && !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.");
    }
    for group in words.chunks_exact(4) {
        let name = group[0].to_ascii_lowercase();
        let name = if name == "replica" { "slave" } else { &name };
        let class = CLASSES.iter().position(|class| *class == name);
        let class = class.ok_or("Invalid client class specified in buffer limit configuration.")?;
        let seconds = group[3].parse::<i64>().ok().filter(|seconds| *seconds >= 0);
        let (Some(hard), Some(soft), Some(seconds)) = (memory(group[1]), memory(group[2]), seconds) else {
            return Err("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        };
        limits[class] = [hard.to_string(), soft.to_string(), seconds.to_string()];
    }
    let groups = CLASSES.iter().zip(&limits).map(|(class, limits)| format!("{class} {}", limits.join(" ")));
    Ok(groups.collect::<Vec<_>>().join(" "))
}

/// `seconds changes`, any number of times, or nothing.
fn save(value: &str) -> Option<String> {
    let numbers = value.split(' ').map(|word| word.parse::<i64>().ok()).collect::<Option<Vec<i64>>>();
    let good = |numbers: Vec<i64>| {
        numbers.len().is_multiple_of(2) && numbers.chunks_exact(2).all(|pair| pair[0] >= 1 && pair[1] >= 0)
    };
    (value.is_empty() || numbers.is_some_and(good)).then(|| value.to_owned())
}

/// A number of bytes, with a unit or without: `100mb` is 100·2^20, `100m` is 100·10^6.
fn memory(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(settings: &mut Settings, line: &str) -> Result<(), String> {
        let words: Vec<Bytes> = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
        settings.set(&words).map_err(|error| error.message.into_owned())
    }

    #[test]
    fn what_is_set_is_remembered_and_obeyed() {
        let mut settings = Settings::default();
        set(&mut settings, "maxmemory 100mb MAXMEMORY-policy allkeys-LRU").unwrap();
        assert_eq!((settings.maxmemory, settings.policy), (100 << 20, Policy::AllKeysLru));
        assert_eq!(settings.get("maxmemory"), Some("104857600"));
        set(&mut settings, "notify-keyspace-events KEA").unwrap();
        assert_eq!((settings.get("notify-keyspace-events"), settings.events.has(Classes::NEW)), (Some("AKE"), false));
        set(&mut settings, "hash-max-ziplist-entries 7").unwrap();
        assert_eq!(settings.get("hash-max-listpack-entries"), Some("7"));
        let globs = [Bytes::from_static(b"MAXmemory*")];
        assert_eq!(settings.matching(&globs).count(), 5);
    }

    #[test]
    fn values_beyond_their_range_are_refused_as_redis_refuses_them() {
        let mut settings = Settings::default();
        for (name, bad, range) in [
            ("maxclients", &["0", "4294967296"][..], "1 and 4294967295"),
            ("timeout", &["-1", "2147483648"], "0 and 2147483647"),
            ("proto-max-bulk-len", &["0", "1048575", "1k"], "1048576 and 9223372036854775807"),
            ("client-query-buffer-limit", &["0", "1023kb"], "1048576 and 9223372036854775807"),
            ("maxmemory-samples", &["0", "2147483648"], "1 and 2147483647"),
            ("slowlog-log-slower-than", &["-2"], "-1 and 9223372036854775807"),
            ("slowlog-max-len", &["-1"], "0 and 9223372036854775807"),
            ("active-expire-effort", &["0", "11"], "1 and 10"),
        ] {
            for value in bad {
                let error = set(&mut settings, &format!("{name} {value}")).unwrap_err();
                assert!(error.ends_with(&format!("- argument must be between {range} inclusive")), "{name} {error}");
            }
            for edge in range.split(" and ") {
                set(&mut settings, &format!("{name} {edge}")).unwrap();
            }
        }
    }

    #[test]
    fn limits_of_output_are_set_class_by_class() {
        let mut settings = Settings::default();
        let mut limit = |value: &'static str| {
            let pair = [Bytes::from_static(b"client-output-buffer-limit"), Bytes::from_static(value.as_bytes())];
            let result = settings.set(&pair).map_err(|error| error.message.into_owned());
            (result, settings.get("client-output-buffer-limit").unwrap().to_owned())
        };
        let (set, value) = limit("pubsub 1mb 2k 5 REPLICA 5 4 3");
        assert_eq!((set, &*value), (Ok(()), "normal 0 0 0 slave 5 4 3 pubsub 1048576 2000 5"));
        for (value, why) in [
            ("normal 0 0", "Wrong number of arguments in buffer limit configuration."),
            ("normal 1 2 3 pubsub 7 8", "Wrong number of arguments in buffer limit configuration."),
            ("foo 0 0 0", "Invalid client class specified in buffer limit configuration."),
            ("normal x 0 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 0 0 -1", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
        ] {
            let (refused, after) = limit(value);
            assert!(refused.unwrap_err().ends_with(why), "{value}");
            assert_eq!(after, "normal 0 0 0 slave 5 4 3 pubsub 1048576 2000 5", "{value}");
        }
        let mut save = |value: &'static str| settings.set(&[Bytes::from_static(b"save"), value.into()]).is_ok();
        assert!(["", "900 1", "900 1 300 10"].into_iter().all(&mut save));
        assert!(!["1", "0 1", "1 -1", "a b", "900  1"].into_iter().any(&mut save));
    }

    #[test]
    fn one_bad_value_sets_nothing() {
        let mut settings = Settings::default();
        for (line, why) in [
            ("timeout 5 nosuch 1", "Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
            ("timeout 5 databases 3", "(possibly related to argument 'databases') - can't set immutable config"),
            ("timeout 5 timeout 6", "(possibly related to argument 'timeout') - duplicate parameter"),
            ("timeout x", "(possibly related to argument 'timeout') - argument couldn't be parsed into an integer"),
            (
                "appendonly yes",
                "(possibly related to argument 'appendonly') - keywire is told by --data at its start whether and where it keeps \
                 a log",
            ),
            ("appendonly maybe", "(possibly related to argument 'appendonly') - argument must be 'yes' or 'no'"),
            ("maxmemory -1", "(possibly related to argument 'maxmemory') - argument must be a memory value"),
        ] {
            let error = set(&mut settings, line).unwrap_err();
            assert!(error.ends_with(why), "{line}: {error}");
        }
        let error = set(&mut settings, "maxmemory-policy allkeys-lfu").unwrap_err();
        assert!(error.contains("LFU policies are not available"), "{error}");
        assert_eq!((settings.get("timeout"), settings.get("maxmemory-policy")), (Some("0"), Some("noeviction")));
    }
}
