//! What `Live` does in each situation, one test per behaviour.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod channels;
mod harness;
mod queries;
mod streams;
