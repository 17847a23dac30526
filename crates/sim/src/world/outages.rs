//! When the backend is out of reach: when that begins, when it must be noticed, and when it ends.
//!
//! The embedded store is lost, then known to be lost, then back. What goes wrong with a Redis the gateway must notice by
//! itself, at the latest when `stale_after` is over.

use super::{Job, World};
use crate::backend::{Backend, Comeback, Env, Events, Kind};
use crate::data::Data;
use crate::faults::Fault;
use crate::redis::{Redis, Trouble};
use model::Time;
use std::time::Duration;

impl World {
    /// The backend is out of reach.
    pub(super) fn lose(&mut self) {
        if self.is_out || self.is_settling {
            return;
        }
        self.is_out = true;
        if let Some(redis) = &self.plan.redis {
            let noticed_after = Duration::from_millis(redis.stale_after_ms);
            return self.begin_trouble(noticed_after);
        }
        self.trace.line(self.now, || "the backend is out of reach".into());
        if let Kind::Embedded(embedded) = &mut self.backend.kind {
            embedded.lose();
        }
        let unnoticed = self.rng.u64(0..60_000);
        self.post(Time(self.now.0 + unnoticed), Job::Notice);
    }

    fn begin_trouble(&mut self, noticed_after: Duration) {
        let trouble = Trouble::choose(&self.plan, &mut self.rng);
        self.trace.line(self.now, || format!("trouble: {trouble:?}"));
        self.noticed_at = self.now + noticed_after;
        self.with_redis(|redis, data, env| {
            let exact = redis.begin_outage(trouble, data, env);
            redis.shows_all_anew = exact;
        });
        self.trouble = Some(trouble);
        self.post_comeback(noticed_after);
    }

    /// It is known.
    pub(super) fn notice(&mut self) {
        self.trace.line(self.now, || "the outage is noticed".into());
        self.noticed_at = self.now;
        let events = self.with_backend(|backend, env, out| {
            let Backend { data, usages, kind, .. } = backend;
            if let Kind::Embedded(embedded) = kind {
                embedded.notice(data, usages, env, out);
            }
        });
        self.dispatch(events);
        self.post_comeback(Duration::ZERO);
    }

    fn post_comeback(&mut self, noticed_after: Duration) {
        let most = if self.rng.u8(0..3) == 0 { 2000 } else { 300 };
        let longest = if self.faults.is(Fault::DropStale) { 2000 } else { most };
        let outage = Duration::from_millis(self.rng.u64(longest / 8..longest));
        // What is over before it must be noticed is an outage too.
        let share = if longest == 2000 { noticed_after } else { Duration::ZERO };
        self.post(self.now + outage + share, Job::ComeBack);
    }

    /// It is in reach again.
    pub(super) fn come_back(&mut self) {
        self.check_stale_told();
        self.is_out = false;
        self.checks.count("outages", 1);
        match self.trouble.take() {
            Some(trouble) => self.end_trouble(trouble),
            None => {
                let comeback = Comeback::choose(self.plan.has_restarts, &mut self.rng);
                self.trace.line(self.now, || format!("the backend is back: {comeback:?}"));
                self.checks.count("restarts with losses", u64::from(comeback != Comeback::Whole));
                let events = self.with_backend(|backend, env, out| {
                    if let Backend { data, kind: Kind::Embedded(embedded), .. } = &mut *backend {
                        embedded.come_back(comeback, data, env, out);
                    }
                    backend.is_back();
                });
                self.dispatch(events);
            }
        }
        let until_next = self.rng.u64(50..1500) * 1000;
        self.post(Time(self.now.0 + until_next), Job::Lose);
    }

    fn end_trouble(&mut self, trouble: Trouble) {
        self.trace.line(self.now, || format!("the trouble is over: {trouble:?}"));
        self.checks.count(trouble.name(), 1);
        self.checks.count("restarts with losses", u64::from(trouble.loses()));
        self.with_redis(|redis, data, env| redis.end_outage(trouble, data, env));
        if let Kind::Redis(redis) = &mut self.backend.kind {
            match std::mem::take(&mut redis.shows_all_anew) {
                true => self.backend.is_back(),
                // What was told to be current before may be read only now: nothing can be told from it.
                false => self.backend.data.history.back_at = self.backend.data.history.back_at.min(1),
            }
        }
    }

    fn with_redis(&mut self, work: impl FnOnce(&mut Redis, &mut Data, &mut Env<'_>)) {
        let events: Events = self.with_backend(|backend, env, _| {
            if let Backend { data, kind: Kind::Redis(redis), .. } = backend {
                work(redis, data, env);
            }
        });
        self.dispatch(events);
    }

    /// Everything that is wrong ends.
    pub(super) fn end_outages(&mut self) {
        if !self.is_out {
            return;
        }
        if self.noticed_at < self.now && self.jobs.values().any(|job| matches!(job, Job::Notice)) {
            self.jobs.retain(|_, job| !matches!(job, Job::Notice));
            self.notice();
        }
        self.jobs.retain(|_, job| !matches!(job, Job::ComeBack));
        self.come_back();
    }
}
