//! The settings of a Redis or Valkey as the backend.

use std::path::PathBuf;

/// Where Redis is, how to reach it, and how much is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Servers {
    /// The Redis or Valkey that is made live, as a URL: `redis://user:password@host:6379/0`, `rediss://…` (TLS),
    /// `redis+unix:///run/redis.sock`, `redis-sentinel://host1,host2/0?master=mymaster`, `redis-cluster://host1,host2`;
    /// see [redis.md](redis.md). Not set: the embedded store, in memory. A password is better in `redis_password_file`,
    /// or here by the variable `KEYWIRE_REDIS`, than in a flag.
    pub redis: String,
    /// A file with the password for Redis and nothing else. Read again at each connect, so that the password can be
    /// rotated; a newline at its end is no part of it. The user stands in the URL: `redis://app@host`.
    pub redis_password_file: Option<PathBuf>,
    /// The user for Sentinels that ask for one; they have users of their own.
    pub redis_sentinel_user: String,
    /// A file with the password for Sentinels that ask for one, read as `redis_password_file` is.
    pub redis_sentinel_password_file: Option<PathBuf>,
    /// Certificates (PEM) of those who may have signed the server's. Not set: those that the operating system trusts.
    pub redis_ca: Option<PathBuf>,
    /// This client's certificate and its chain (PEM), for servers that ask for one; with `redis_key`. Like all files of
    /// TLS it is read again at each connect.
    pub redis_cert: Option<PathBuf>,
    /// The key of `redis_cert` (PEM).
    pub redis_key: Option<PathBuf>,
    /// What of the server's certificate is checked: `full`, `chain` (who signed it, but not that it names the host: for
    /// nodes that announce themselves by an address), or `none` (whoever answers is believed).
    pub redis_tls_verify: String,
    /// Clusters: how channels are subscribed. `classic` by `SUBSCRIBE`, which hears `PUBLISH` from any node; `sharded` by
    /// `SSUBSCRIBE`, which hears `SPUBLISH`. Patterns are always classic.
    pub cluster_pubsub: String,
    /// How long a client's command waits for a backend that is out of reach before it is answered `UNAVAILABLE`; 0: it is
    /// answered at once.
    pub command_wait_ms: u64,
    /// Commands of clients that wait so at most; more are answered `UNAVAILABLE` at once.
    pub commands_waiting_max: usize,
    /// Reads of live queries and streams under way at each primary at most; more wait their turn, so that a reconnect is no
    /// stampede.
    pub reads_in_flight_max: usize,
    /// Fields of a hash that are asked for their expiry at most, where the server has expiring fields.
    pub hash_fields_max: usize,
    /// Redirections that one command follows at most in a cluster; then it is answered with the last one's error.
    pub redirects_max: usize,
    /// What waits to be written to one server at most: over it, the server takes nothing and the connection is given up.
    pub redis_write_bytes_max: usize,
    /// A connection that is not ready for use after so long (TCP, TLS, login) is given up.
    pub redis_connect_ms: u64,
    /// A server that owes an answer and sends nothing for so long loses its connection; never before `stale_after_ms`.
    pub redis_silence_ms: u64,
    /// The longest wait between two attempts to connect; they begin at 20 ms and double.
    pub redis_reconnect_max_ms: u64,
    /// Everything that is watched is read again once in so long, evenly spread: it heals what no server tells of, such as
    /// `SWAPDB`. 0: never.
    pub reread_interval_ms: u64,
    /// Where a server tells of no changes, everything that is watched is read once in so long.
    pub poll_interval_ms: u64,
    /// How often a primary's role (Sentinel) or the slot map (Cluster) is asked for though nothing seems wrong.
    pub topology_interval_ms: u64,
}

impl Default for Servers {
    fn default() -> Servers {
        Servers {
            redis: String::new(),
            redis_password_file: None,
            redis_sentinel_user: String::new(),
            redis_sentinel_password_file: None,
            redis_ca: None,
            redis_cert: None,
            redis_key: None,
            redis_tls_verify: "full".to_owned(),
            cluster_pubsub: "classic".to_owned(),
            command_wait_ms: 0,
            commands_waiting_max: 10_000,
            reads_in_flight_max: 256,
            hash_fields_max: 512,
            redirects_max: 5,
            redis_write_bytes_max: 64 << 20,
            redis_connect_ms: 3000,
            redis_silence_ms: 5000,
            redis_reconnect_max_ms: 500,
            reread_interval_ms: 60_000,
            poll_interval_ms: 1000,
            topology_interval_ms: 1000,
        }
    }
}
