//! Who hears a feed, and what waits to be written to each of them.
//!
//! `hub` does not know what a frame means: frames are opaque bytes with a [`Class`] that says what may happen to them
//! when a client reads too slowly. It never waits for a subscriber, and a slow one costs at most its own limit.
//!
//! ```text
//!  home lane                            a lane with subscribers
//!  Audience: which lanes hear a feed ──frames──► Hub: topics ──► Outbox of each client ──► socket
//! ```
//!
//! One turn of a [`Hub`]:
//! 1. [`Hub::publish`] gathers frames per topic; replies go straight into an outbox by [`Hub::send`].
//! 2. [`Hub::end_turn`] joins the frames of each topic once and puts the same bytes into every subscriber's outbox.
//! 3. [`Hub::next_dirty`] names each client that has something to write, once; [`Hub::chunks`] and [`Hub::wrote`] serve the write.
//! 4. What overflowed or drained comes out of [`Hub::next_output`]: newest values and catch-ups to ask for, clients to close.

#![forbid(unsafe_code)]

mod audience;
mod interface;
mod join;
mod outbox;
mod queue;
mod topics;

pub use audience::{Audience, Route};
pub use interface::{CaughtUp, Config, Counters, Output, Place, Slow, TellMissed};
pub use outbox::{Class, Item, Loss, Outbox, Pushed};
pub use topics::Hub;
