//! The settings of the RESP port, on which the embedded store is a Redis.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where it listens, who may come, and what clients may take. Several have the names of Redis in `CONFIG`, where clients
/// may change them as long as the server runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Resp {
    /// Where the embedded store speaks Redis' own protocol, for `redis-cli`, Redis' client libraries and tools. Beyond
    /// loopback the server starts only with a password. Not with `redis`: clients go to that server itself.
    pub resp_listen: Vec<SocketAddr>,
    /// The password that clients of the RESP port present by `AUTH` (Redis' `requirepass`); empty: none is wanted. Better
    /// in `resp_password_file`, or here by the variable, than in a flag.
    pub resp_password: String,
    /// A file with that password and nothing else, read at the start; a newline at its end is no part of it.
    pub resp_password_file: Option<PathBuf>,
    /// Connections at once (Redis' `maxclients`): over it, a new one is answered an error and closed.
    pub resp_clients_max: usize,
    /// A client that sends nothing for so many milliseconds is closed, unless it is subscribed or waits (Redis'
    /// `timeout`, in whole seconds); 0: never.
    pub resp_idle_timeout_ms: u64,
    /// One argument (Redis' `proto-max-bulk-len`): over it, the connection is closed with an error.
    pub resp_bulk_bytes_max: usize,
    /// All arguments of one command (Redis' `client-query-buffer-limit`): over it, the connection is closed with an error.
    pub resp_query_bytes_max: usize,
    /// One reply, or all replies of a transaction together, about: over it, the command is answered `TOOBIG`, which Redis does
    /// not know. Commands that change something are carried out all the same. For a moment a reply takes up to three
    /// times its bytes, more if it has many small ones.
    pub resp_reply_bytes_max: usize,
    /// What may wait to be written to a client that is not subscribed (Redis' `client-output-buffer-limit`): over it, the
    /// connection is closed. 0: no limit but `resp_output_total_bytes_max`, as in Redis.
    pub resp_output_bytes_max: usize,
    /// The same for a client that is subscribed.
    pub resp_pubsub_bytes_max: usize,
    /// A subscribed client for which more than this waits for `resp_pubsub_soft_ms` on end is closed; 0: never.
    pub resp_pubsub_soft_bytes_max: usize,
    /// See `resp_pubsub_soft_bytes_max`; in whole seconds.
    pub resp_pubsub_soft_ms: u64,
    /// What may wait to be written to all clients of the RESP port together: over it, clients that do not take
    /// what there is for them are not read from until they do. Nothing is lost, and nobody else waits for them.
    pub resp_output_total_bytes_max: usize,
}

impl Default for Resp {
    fn default() -> Resp {
        Resp {
            resp_listen: Vec::new(),
            resp_password: String::new(),
            resp_password_file: None,
            resp_clients_max: 10_000,
            resp_idle_timeout_ms: 0,
            resp_bulk_bytes_max: 512 << 20,
            resp_query_bytes_max: 1 << 30,
            resp_reply_bytes_max: 1 << 30,
            resp_output_bytes_max: 0,
            resp_pubsub_bytes_max: 32 << 20,
            resp_pubsub_soft_bytes_max: 8 << 20,
            resp_pubsub_soft_ms: 60_000,
            resp_output_total_bytes_max: 1 << 30,
        }
    }
}
