//! The embedded Redis: keyspaces, commands, clients' sessions, clockless expiry. Pure: words in, replies out.
//!
//! The contract in one loop. The owner holds one [`Store`], gives it commands in order with the time, and after each
//! turn takes what happened:
//!
//! ```text
//! 1. a connection comes:   id = store.connect(peer, now_ms)          goes:  store.disconnect(id)
//! 2. it sends a command:   store.handle_command(id, &words, now_ms)  unless store.is_waiting(id): then it is held back
//! 3. after each turn:      store.drain_outputs(…)   replies, pushes and closes, in order, for many clients
//!                          store.drain_changes(…)   which keys changed, for caches of the owner
//!                          store.drain_published(…) messages for subscriptions of the owner
//!                          store.take_log(…)        what to write to the append-only log   (if kept, see `aof`)
//!                          store.drain_garbage(…)   what to free on another thread         (if collected)
//! 4. sleep until store.next_timeout_ms(), then store.handle_timeout(now_ms, keys_max), then 3.
//! ```
//!
//! An owner that has no clients but only commands to carry out uses [`Store::execute`] and [`Store::transaction`]
//! in place of 1 and 2; both ways may be mixed.
//!
//! Layers, each using only those below it: `store` runs commands and settles what follows; `commands/<family>/<command>.rs`
//! says what a command does; [`Txn`] is all it may touch and records every change; `state` tells those who want
//! to know (`client`, `events`, `pubsub`, `aof`); [`Db`](db::Db) holds keys, values and deadlines; `types` are the
//! values. What is not here: connections, RESP bytes, threads, files, the clock.
//!
//! ```
//! use store::{Config, Output, Peer, Store};
//! let mut store = Store::new(Config::default());
//! assert_eq!(store.execute(&["INCR".into(), "visits".into()], 0), model::Reply::Int(1));
//!
//! let client = store.connect(Peer::default(), 0);
//! store.handle_command(client, &["BLPOP".into(), "queue".into(), "0".into()], 0);
//! assert!(store.is_waiting(client));
//! store.execute(&["RPUSH".into(), "queue".into(), "job".into()], 1);
//! let mut outputs = Vec::new();
//! store.drain_outputs(|output| outputs.push(output));
//! let reply = model::Reply::Array(vec![model::Reply::bulk("queue"), model::Reply::bulk("job")]);
//! assert_eq!(outputs, [Output::Reply { client, reply }]);
//! ```

#![forbid(unsafe_code)]

mod access;
pub mod aof;
mod changes;
mod client;
pub mod commands;
pub mod db;
pub mod errors;
mod events;
mod eviction;
mod garbage;
mod geo;
pub mod number;
mod pubsub;
pub mod random;
mod resp2;
mod room;
mod settings;
mod slowlog;
mod state;
mod statistics;
mod store;
pub mod types;

pub use changes::Change;
pub use client::waiting::Wait;
pub use client::{ClientId, Output, OwnerRequest, Peer};
pub use commands::implemented;
pub use db::txn::{Deadline, Edit, Txn};
pub use events::Classes;
pub use garbage::Discarded;
pub use pubsub::Published;
pub use room::Room;
pub use settings::{Fsync, Policy, Settings};
pub use state::Persistence;
pub use store::{Config, Store};
