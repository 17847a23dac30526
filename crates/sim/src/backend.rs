//! The backend of the simulated node: the embedded store, or a simulated Redis behind the machine that knows Redis.
//!
//! Both keep the rules of [`model::backend`], have the same [`Data`], go out of reach now and then, and may come back
//! with less than they had. What the world asks of either is here.

mod embedded;
mod outage;

pub use outage::Comeback;

use crate::checks::Checks;
use crate::data::Data;
use crate::faults::Faults;
use crate::plan::Plan;
use crate::redis::{Redis, Step};
use crate::trace::Trace;
use crate::usage::Usages;
use crate::world::Job;
use embedded::Embedded;
use fastrand::Rng;
use model::backend::{BackendEvent, BackendRequest};
use model::{Args, LaneId, Time};

/// What follows from something, each event with the lane it is for, in order.
pub type Events = Vec<(LaneId, BackendEvent)>;

/// What the backend may use besides itself.
pub struct Env<'a> {
    /// The time.
    pub now: Time,
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// What the seed decided.
    pub plan: &'a Plan,
    /// Nobody acts any more.
    pub is_settling: bool,
    /// The run's randomness.
    pub rng: &'a mut Rng,
    /// The planted fault.
    pub faults: &'a mut Faults,
    /// What is broken.
    pub checks: &'a mut Checks,
    /// What happened.
    pub trace: &'a mut Trace,
    /// What is to happen later.
    pub later: &'a mut Vec<(Time, Job)>,
}

impl Env<'_> {
    /// A moment that is at most so many microseconds away, as a rule.
    pub fn soon(&mut self, longest: u64) -> Time {
        Time(self.now.0 + delay(self.rng, self.is_settling, longest))
    }
}

/// How long something takes that takes at most `longest` as a rule. When writes have stopped everything is fast, so
/// that what is still under way comes to its end.
pub fn delay(rng: &mut Rng, is_settling: bool, longest: u64) -> u64 {
    if is_settling {
        return rng.u64(0..=longest.min(100));
    }
    let factor = if rng.u8(0..40) == 0 { 6 } else { 1 };
    rng.u64(0..=longest) * factor
}

/// The data, and the way to them.
pub struct Backend {
    /// What is there, and what was.
    pub data: Data,
    /// How often what was read.
    pub usages: Usages,
    /// Which backend it is.
    pub kind: Kind,
    /// No frame is ever skipped for lack of room, and no read fails for itself: then what is told to be current must be.
    pub is_exact: bool,
}

/// Which backend the world has.
pub enum Kind {
    /// The embedded store.
    Embedded(Embedded),
    /// A Redis.
    Redis(Box<Redis>),
}

impl Backend {
    /// An empty one.
    pub fn new(seed: u64, plan: &Plan) -> Backend {
        let is_roomy = plan.limits.link_bytes_max >= 1 << 20 && plan.limits.outbox_bytes_max >= 1 << 20;
        let kind = match &plan.redis {
            None => Kind::Embedded(Embedded::new(plan)),
            Some(redis) => Kind::Redis(Box::new(Redis::new(seed, plan, redis))),
        };
        let is_exact = is_roomy && !plan.has_failures;
        let mut data = Data::new(seed);
        if let Some(redis) = &plan.redis {
            data.history.reply_bytes_max = redis.value_bytes_max;
        }
        Backend { data, usages: Usages::default(), kind, is_exact }
    }

    /// A request of a lane.
    pub fn handle(&mut self, from: LaneId, request: BackendRequest, env: &mut Env<'_>, out: &mut Events) {
        let Backend { data, usages, kind, .. } = self;
        match kind {
            Kind::Embedded(embedded) => embedded.handle(from, request, data, usages, env, out),
            Kind::Redis(redis) => redis.handle(from, request, usages, env, out),
        }
    }

    /// Something happens between the gateway and its Redis.
    pub fn step(&mut self, step: Step, env: &mut Env<'_>, out: &mut Events) {
        let Backend { data, usages, kind, .. } = self;
        if let Kind::Redis(redis) = kind {
            redis.step(step, data, usages, env, out);
        }
    }

    /// The second writer writes, if it reaches the data.
    pub fn write(&mut self, command: &Args, env: &mut Env<'_>, out: &mut Events) {
        let Backend { data, kind, .. } = self;
        match kind {
            Kind::Embedded(embedded) => drop(embedded.execute(command, data, env, out)),
            Kind::Redis(redis) => redis.write(command, data, env),
        }
    }

    /// When the next key ends that is removed then, in milliseconds since 1970 by the simulator's clock.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        match &self.kind {
            Kind::Embedded(_) => self.data.next_expiry_ms(),
            Kind::Redis(redis) => self.data.next_expiry_ms().filter(|_| redis.expires()),
        }
    }

    /// Removes keys that are due.
    pub fn expire(&mut self, env: &mut Env<'_>, out: &mut Events) {
        let Backend { data, kind, .. } = self;
        data.expire(env.unix_ms);
        match kind {
            Kind::Embedded(embedded) => embedded.tell(data, env, out),
            Kind::Redis(redis) => redis.tell(data, env),
        }
    }

    /// What is armed or subscribed, or waits for an answer.
    pub fn remembers(&self) -> Option<String> {
        match &self.kind {
            Kind::Embedded(embedded) => embedded.remembers(),
            Kind::Redis(redis) => redis.remembers(),
        }
    }

    /// It is in reach again after an outage, from which on what is told to be current was read again.
    pub fn is_back(&mut self) {
        let history = &mut self.data.history;
        history.seq += 1;
        // Whoever reads late cannot tell which outage is meant: what is told of the first one is looked at.
        history.back_at = if history.back_at == 0 && self.is_exact { history.seq } else { 1 };
    }
}
