//! What the seed decides before a run begins: how large the world is, how slow, and what will go wrong in it.

use crate::faults::Fault;
use fastrand::Rng;
use model::{LaneId, Limits};

/// The shape of one run. Times in microseconds unless a name says otherwise.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many lanes.
    pub lanes: u16,
    /// How many clients with the native protocol.
    pub natives: usize,
    /// How many clients of `/raw`, and as many of `/sse`.
    pub plains: usize,
    /// The node's limits.
    pub limits: Limits,
    /// What a lane's mailbox holds before its senders keep their letters, in bytes.
    pub mailbox_bytes_max: usize,
    /// A woken lane waits at most so long for its turn, as a rule.
    pub turn_delay: u64,
    /// A letter between a lane and the backend takes at most so long, as a rule.
    pub backend_delay: u64,
    /// Bytes between a client and its lane take at most so long, as a rule.
    pub client_delay: u64,
    /// What a client's connection holds, in bytes.
    pub socket_bytes: usize,
    /// The lane whose thread the backend lives on; none: it has one of its own.
    pub backend_lane: Option<LaneId>,
    /// The lane whose clients may only see `pub:*`.
    pub restricted_lane: Option<LaneId>,
    /// The backend goes out of reach now and then.
    pub has_outages: bool,
    /// When it does, it may come back with less than it had.
    pub has_restarts: bool,
    /// The backend is not ready for some reads.
    pub has_failures: bool,
    /// Some values are large.
    pub has_large_values: bool,
    /// How long things are written and clients act.
    pub active_ms: u64,
    /// The second writer waits at most so long between commands.
    pub write_gap: u64,
    /// A client waits at most so long between its acts.
    pub act_gap: u64,
    /// The backend is a Redis; none: the embedded store.
    pub redis: Option<RedisPlan>,
}

/// When a Redis removes keys that have ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// Soon, and tells of it then.
    Soon,
    /// Never, unless somebody asks for them.
    Never,
}

/// The shape of a Redis and of the way to it.
#[derive(Clone, Debug)]
pub struct RedisPlan {
    /// `upstream::Config::stale_after`, in milliseconds; the same for those that follow.
    pub stale_after_ms: u64,
    /// `silence_max`.
    pub silence_max_ms: u64,
    /// `connect_max`.
    pub connect_max_ms: u64,
    /// `reconnect_max`.
    pub reconnect_max_ms: u64,
    /// `command_wait`.
    pub command_wait_ms: u64,
    /// `reread_interval`.
    pub reread_ms: u64,
    /// `commands_waiting_max`.
    pub commands_waiting_max: usize,
    /// `reads_in_flight_max`.
    pub reads_in_flight_max: usize,
    /// `value_bytes_max`.
    pub value_bytes_max: usize,
    /// Bytes between the gateway and the server take at most so long, as a rule.
    pub link_delay: u64,
    /// When it removes keys that have ended.
    pub expiry: Expiry,
    /// So many keys are tracked at most; 0: any number.
    pub table_max: usize,
    /// Between two mishaps at most so long; 0: there are none.
    pub mishap_gap: u64,
}

impl RedisPlan {
    /// When nothing is wrong any more, the lanes are told so after so many milliseconds at the latest: what no longer
    /// answers was given up, and connected anew after the longest wait.
    pub fn current_after_ms(&self) -> u64 {
        self.silence_max_ms + self.reconnect_max_ms + 500
    }

    fn new(rng: &mut Rng, fault: Option<Fault>) -> RedisPlan {
        // A key that nobody asks for must be seen to have ended by nothing but what its deadline was told to be.
        let never = fault == Some(Fault::NoDeadlines) || rng.u8(0..3) == 0;
        let mishaps = matches!(fault, Some(Fault::ForgetSubscription | Fault::SilentRestart)) || rng.bool();
        let stale_after_ms = [200, 400, 1000][rng.usize(0..3)];
        let is_small = fault.is_none() && rng.u8(0..10) == 0;
        RedisPlan {
            stale_after_ms,
            silence_max_ms: [400, 800, 1500][rng.usize(0..3)].max(stale_after_ms),
            connect_max_ms: [300, 1000][rng.usize(0..2)],
            reconnect_max_ms: [50, 200, 500][rng.usize(0..3)],
            command_wait_ms: [0, 0, 100, 1000][rng.usize(0..4)],
            // What heals what was not told would hide that it was not.
            reread_ms: if fault.is_none() && rng.u8(0..6) == 0 { 1000 } else { 0 },
            commands_waiting_max: [1, 8, 10_000][rng.usize(0..3)],
            reads_in_flight_max: [1, 3, 256][rng.usize(0..3)],
            value_bytes_max: if fault.is_none() && rng.u8(0..5) == 0 { 1200 } else { 1 << 20 },
            link_delay: [100, 1000, 10_000][rng.usize(0..3)],
            expiry: if never { Expiry::Never } else { Expiry::Soon },
            table_max: if is_small { rng.usize(2..10) } else { 0 },
            mishap_gap: if mishaps { [60_000, 300_000][rng.usize(0..2)] } else { 0 },
        }
    }
}

impl Plan {
    /// What this seed decides: every other one has a Redis. A planted fault gets the world it can be seen in.
    pub fn new(seed: u64, rng: &mut Rng, fault: Option<Fault>) -> Plan {
        let lanes = if fault.is_some() { rng.u16(2..=4) } else { [1, 2, 2, 2, 3, 4][rng.usize(0..6)] };
        let outbox = match fault {
            Some(Fault::OutboxIgnored | Fault::MissedOffByOne | Fault::WrongCatchUp) => 4 << 10,
            _ => [4 << 10, 8 << 10, 64 << 10, 1 << 20][rng.usize(0..4)],
        };
        let clients = rng.usize(2..=6);
        let natives = clients.max(2);
        let plains = rng.usize(0..=1);
        let all = natives + 2 * plains;
        let limits = Limits {
            outbox_bytes_max: outbox,
            value_bytes_max: outbox * 2 / 5,
            outbox_total_bytes_max: if rng.u8(0..4) == 0 { outbox * all / 2 } else { 64 << 20 },
            link_bytes_max: [1 << 10, 4 << 10, 1 << 20][rng.usize(0..3)],
            feeds_max: [3, 12, 1000][rng.usize(0..3)],
            requests_in_flight_max: [2, 8, 64][rng.usize(0..3)],
            requests_per_second_max: [0, 0, 0, 40][rng.usize(0..4)],
            requests_burst_max: 30,
            topics_max: [1 << 20, 1 << 20, 8 * usize::from(lanes)][rng.usize(0..3)],
            ping_interval_ms: [500, 25_000][rng.usize(0..2)],
            frame_timeout_ms: 400,
            ..Limits::default()
        };
        let restricts = lanes > 1 && (fault == Some(Fault::RulesIgnored) || rng.u8(0..3) == 0);
        let wants_outage = matches!(fault, Some(Fault::DropStale | Fault::DropUnstale | Fault::DropInterrupted));
        let has_outages = wants_outage || rng.u8(0..2) == 0;
        Plan {
            lanes,
            natives,
            plains,
            limits,
            mailbox_bytes_max: [400, 2 << 10, 1 << 20][rng.usize(0..3)],
            turn_delay: [50, 1000, 8000][rng.usize(0..3)],
            backend_delay: [100, 2000, 15_000][rng.usize(0..3)],
            client_delay: [500, 5000, 20_000][rng.usize(0..3)],
            socket_bytes: [512, 2 << 10, 16 << 10][rng.usize(0..3)],
            backend_lane: (rng.u8(0..2) == 0).then_some(LaneId(0)),
            restricted_lane: restricts.then_some(LaneId(lanes.wrapping_sub(1))),
            has_outages,
            has_restarts: has_outages && rng.bool(),
            has_failures: rng.u8(0..4) == 0,
            has_large_values: rng.u8(0..2) == 0,
            active_ms: rng.u64(700..=4000),
            write_gap: [1500, 6000, 25_000][rng.usize(0..3)],
            act_gap: [8000, 30_000, 80_000][rng.usize(0..3)],
            redis: (!seed.is_multiple_of(2)).then(|| RedisPlan::new(rng, fault)),
        }
    }
}
