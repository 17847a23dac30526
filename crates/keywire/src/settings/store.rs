//! The settings of the embedded store: what is kept, and how much it may hold.

use std::path::PathBuf;

/// Several have a name of Redis in `CONFIG`, where clients of the RESP port may change them as long as the server runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Store {
    /// The directory in which the embedded store keeps its data: a log in Redis' own format, which a `redis-server --dir DIR
    /// --appendonly yes` loads, and the other way round; see [store.md](store.md). Not set: everything goes with the process.
    pub data: Option<PathBuf>,
    /// When a write is durable (Redis' `appendfsync`): `always`, before it is answered; `everysec`, within a second or two;
    /// `no`, when the operating system finds the time.
    pub fsync: String,
    /// By how many percent the log grows before it is rewritten in the background (Redis' `auto-aof-rewrite-percentage`);
    /// 0: only at `BGREWRITEAOF`.
    pub rewrite_growth_percent: usize,
    /// A log of fewer bytes is not rewritten by itself (Redis' `auto-aof-rewrite-min-size`).
    pub rewrite_bytes_min: usize,
    /// What keys and values may take in memory, about (Redis' `maxmemory`); 0: no limit. Over it, `eviction` says what
    /// happens.
    pub memory_bytes_max: usize,
    /// Which keys make room (Redis' `maxmemory-policy`): none, and writes are refused with `OOM`; of all keys, or of those
    /// with an expiry, the ones used least recently, any, or the ones that end soonest.
    pub eviction: String,
}

/// The words of `eviction`.
pub const EVICTION: &[&str] =
    &["noeviction", "allkeys-lru", "allkeys-random", "volatile-lru", "volatile-random", "volatile-ttl"];

impl Default for Store {
    fn default() -> Store {
        Store {
            data: None,
            fsync: "everysec".to_owned(),
            rewrite_growth_percent: 100,
            rewrite_bytes_min: 64 << 20,
            memory_bytes_max: 0,
            eviction: "noeviction".to_owned(),
        }
    }
}

impl Store {
    /// These settings by the names that Redis has for them.
    pub fn redis_settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("appendfsync", self.fsync.clone()),
            ("auto-aof-rewrite-percentage", self.rewrite_growth_percent.to_string()),
            ("auto-aof-rewrite-min-size", self.rewrite_bytes_min.to_string()),
            ("maxmemory", self.memory_bytes_max.to_string()),
            ("maxmemory-policy", self.eviction.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_that_the_store_knows() {
        let mut embedded = backend::Embedded::new(1, 1);
        for eviction in EVICTION {
            for fsync in ["always", "everysec", "no"] {
                let store = Store { fsync: fsync.into(), eviction: (*eviction).into(), ..Store::default() };
                let pairs = store.redis_settings();
                embedded.set(pairs.iter().map(|(name, value)| (*name, value.as_str())));
                for (name, value) in &pairs {
                    assert_eq!(embedded.setting(name), Some(value.as_str()));
                }
            }
        }
    }
}
