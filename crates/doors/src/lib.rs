//! Listeners and HTTP; one file per door. A door is only a translator: bytes of a client to requests, frames to bytes.
//!
//! ```text
//!  listener ─► lane's thread ─► http ─┬► /ws /raw   websocket.rs   native.rs raw.rs
//!                        identity ────┼► /sse       sse.rs
//!                                     ├► /command   command.rs
//!                                     └► pages.rs health and metrics.rs
//!  listener ─► backend's thread ─► resp      Redis' own protocol, straight to a backend that serves it
//! ```
//!
//! Doors know neither live queries nor the store nor each other. Whether a browser's page may use them at all is decided
//! once, in `origin.rs`, before any door is reached; who a client is then, in `identity.rs`, for all of them.

mod command;
pub mod echo;
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
mod watch;
mod websocket;

pub use command::{run_commands, run_transaction};
pub use http::Config;
pub use identity::{Identity, node};
pub use listener::{Listener, bind};
pub use metrics::gather as metrics_text;
pub use resp::{RespConfig, serve_resp};
pub use watch::watch;
