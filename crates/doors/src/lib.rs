//! Listeners and HTTP; one file per door. A door is only a translator: bytes of a client to requests, frames to bytes.
//!
//! ```text
//!  listener ─► lane's thread ─► http ─┬► /ws /raw   websocket.rs   native.rs raw.rs
//!                        identity ────┼► /sse       sse.rs
//!                                     ├► /command   command.rs
//!                                     └► pages.rs health, metrics.rs, admin.rs
//!  listener ─► backend's thread ─► resp      Redis' own protocol, straight to a backend that serves it
//! ```
//!
//! Doors know neither live queries nor the store nor each other. Whether somebody may use them at all is decided before
//! any door is reached: by `listener.rs` (how many there are), `host.rs` (what they call this server), `origin.rs`
//! (whose page it is) and `identity.rs` (who the client is). `entrance.rs` counts who was refused.

mod address;
mod admin;
mod command;
pub mod echo;
mod entrance;
mod host;
mod http;
mod identity;
mod listener;
mod metrics;
mod origin;
mod pages;
mod patience;
mod pull;
mod query;
mod resp;
mod sse;
mod stream;
mod tls;
mod watch;
mod websocket;

pub use address::Network;
pub use admin::Admin;
pub use command::{run_commands, run_transaction};
pub use http::Config;
pub use identity::{Identity, node};
pub use listener::{Doors, Endpoint, Listener, bind, bind_unix};
pub use metrics::gather as metrics_text;
pub use resp::{RespConfig, serve_resp};
pub use tls::TlsFiles;
pub use watch::{ERROR, watch};
