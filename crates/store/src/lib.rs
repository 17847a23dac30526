//! The embedded Redis: a keyspace, its commands, its clockless expiry. Pure: bytes in, replies out.
//!
//! The contract in one loop. The owner holds one [`Store`], gives it commands in order with the time, and after each
//! turn takes what happened:
//!
//! ```text
//! 1. reply = store.execute(command, now_ms)         (or transaction)
//! 2. store.drain_changes(…)     which keys changed: what tracking would have told of
//! 3. store.drain_published(…)   which messages go to which subscriptions
//! 4. sleep until store.next_expiry_ms(), then store.expire(now_ms, keys_max), then 2.
//! ```
//!
//! Layers, each using only those below it: `commands/<family>/<command>.rs` says what a command does; [`Txn`] is all it
//! may touch and records every change; [`Db`](db::Db) holds keys, values and deadlines; `types` are the values.
//! What is not here: connections, RESP, threads, files, the clock.
//!
//! ```
//! use store::{Config, Store};
//! let mut store = Store::new(Config::default());
//! let reply = store.execute(&["INCR".into(), "visits".into()], 0);
//! assert_eq!(reply, model::Reply::Int(1));
//! ```

#![forbid(unsafe_code)]

mod changes;
pub mod commands;
pub mod db;
pub mod errors;
pub mod number;
mod pubsub;
pub mod random;
mod store;
pub mod types;

pub use changes::Change;
pub use commands::implemented;
pub use db::txn::{Deadline, Edit, Txn};
pub use pubsub::Published;
pub use store::{Config, Store};
