//! Every interleaving of a small world.
//!
//! A world is a `Live`, a backend that keeps the rules of `model::backend` and no others, and clients that believe
//! what they are told. At every moment all that may happen next is tried: a request takes effect, an answer or an
//! invalidation is delivered (in every order that the rules allow), somebody writes, opens, closes, the backend is
//! lost or found, time passes. After every step the clients' copies are checked, and where nothing more can happen
//! everybody must have what the backend has.
//!
//! The checker itself is checked: each planted fault must be found.

#![allow(clippy::unwrap_used, reason = "a test that panics fails")]

mod queries;
mod streams;
