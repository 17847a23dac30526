//! What we know of a Redis (or Valkey): replies and pushes in order, who is to be told of what, what is stale.
//!
//! [`Upstream`] is a machine without sockets. The shell moves bytes for it and follows four rules:
//!
//! 1. It calls [`Upstream::handle`] with [`Input::Timeout`] once at the start, and then whenever
//!    [`Upstream::next_timeout`] has come.
//! 2. It carries out [`Output`]s in order. What is sent on one connection is never reordered.
//! 3. [`Output::Connect`] is answered by [`Input::Connected`] with the credentials of this moment, or by
//!    [`Input::Closed`]. Every frame is told in order. After [`Output::Disconnect`] nothing of that connection is
//!    listened to.
//! 4. Towards lanes everything is as [`model::backend`] says.

mod interface;

pub use interface::{Address, Config, Credentials, Input, LinkId, Notice, Output, Role, Statistics, Topology};

use model::Time;

/// What we know of a Redis.
#[derive(Debug)]
pub struct Upstream {
    config: Config,
}

impl Upstream {
    /// Nothing is connected yet: the first [`Input::Timeout`] begins.
    pub fn new(config: Config, _now: Time) -> Upstream {
        Upstream { config }
    }

    /// Something happened.
    pub fn handle(&mut self, _input: Input, _now: Time, _out: &mut Vec<Output>) {}

    /// When [`Input::Timeout`] is due.
    pub fn next_timeout(&self) -> Option<Time> {
        None
    }

    /// Plain numbers for metrics.
    pub fn statistics(&self) -> Statistics {
        Statistics { primaries: u64::from(self.config.lanes.min(0)), ..Statistics::default() }
    }
}
