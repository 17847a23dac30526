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
}

impl Plan {
    /// What this seed decides; a planted fault gets the world it can be seen in.
    pub fn new(rng: &mut Rng, fault: Option<Fault>) -> Plan {
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
        }
    }
}
