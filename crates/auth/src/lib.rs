//! Who a client is: tokens and the keys that prove them, or the application that knows its own sessions.
//!
//! ```text
//!  request ─► carried ─┬─► token ── keys ◄── files, JWKS       who: signature, times, audience
//!                      └─► forward ────────► the application   who: its own sessions
//!                               │
//!                            rights ── roles, claims ─► session::Grant
//! ```
//!
//! 1. [`Gate::open`] on a runtime that lives as long as the server: it fetches keys there and looks after files.
//! 2. [`Gate::arrive`] for every request of a door, with what it carries; [`Gate::token`] for the verb `auth`.
//! 3. What is refused is refused for a reason ([`Denial`]) that says everything but the token.
//!
//! Which algorithm a key is for stands with the key; what a token says of it can only agree or be refused. This crate
//! knows no door and no lane.

mod carried;
mod claims;
mod config;
mod denial;
mod explain;
mod fetch;
mod files;
mod forward;
mod gate;
mod keys;
mod mint;
mod refresh;
mod rights;
mod token;

pub use carried::{Carried, has_bearer};
pub use config::{Config, Forward, Jwks};
pub use denial::Denial;
pub use explain::{Explained, Served, explain};
pub use files::{Stamp, read_secret_text};
pub use gate::{Gate, Now, Unusable};
pub use keys::{KeySource, check_keys};
pub use mint::{Minting, mint};
pub use rights::check_roles;
pub use session::Grant;
