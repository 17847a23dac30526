//! What the backend tells of itself: figures for metrics, sentences for the log.

use runtime::{Measure, Report};
use upstream::{Notice, Statistics};

/// The report that these statistics make.
pub fn of(s: &Statistics) -> Report {
    let measure = |name, help, value| Measure { name, help, label: None, value };
    let via = |value, which: u8| Measure {
        name: "keywire_backend_via",
        help: "How changes are noticed: 1 at the way in use.",
        label: Some(("via", value)),
        value: u64::from(s.via == which),
    };
    let measures = vec![
        measure("keywire_backend_stale", "1 while clients are told that the backend is out of reach.", s.stale.into()),
        measure("keywire_backend_connections", "Connections to servers that are ready.", s.links),
        measure("keywire_backend_primaries", "Primaries known.", s.primaries),
        measure("keywire_backend_connects_total", "Connections begun.", s.connects),
        measure("keywire_backend_disconnects_total", "Connections lost after they were ready.", s.disconnects),
        measure("keywire_backend_topology_changes_total", "Failovers and moved slots.", s.topology_changes),
        measure("keywire_backend_redirects_total", "MOVED and ASK followed.", s.redirects),
        via("tracking", 0),
        via("events", 1),
        via("polling", 2),
        measure("keywire_backend_commands_total", "Commands of clients sent to servers.", s.commands),
        measure("keywire_backend_commands_in_flight", "Commands without their answer.", s.commands_in_flight),
        measure("keywire_backend_commands_waiting", "Commands that wait for a server.", s.commands_waiting),
        measure("keywire_backend_unavailable_total", "Commands answered UNAVAILABLE.", s.unavailable),
        measure("keywire_backend_reads_total", "Reads of queries and streams sent to servers.", s.reads),
        measure("keywire_backend_reads_in_flight", "Reads without their answer.", s.reads_in_flight),
        measure("keywire_backend_reads_waiting", "Reads that wait their turn.", s.reads_waiting),
        measure("keywire_backend_reads_unchanged_total", "Reads whose answer was the last one's.", s.reads_unchanged),
        measure("keywire_backend_reads_not_ready_total", "Reads a server could not serve yet.", s.reads_not_ready),
        measure(
            "keywire_backend_reads_per_second_max",
            "What reads are spaced to for lack of room in the tracking table; 0: not.",
            s.reads_per_second_max.into(),
        ),
        measure("keywire_backend_armed_keys", "Keys of which the next change is wanted.", s.armed),
        measure("keywire_backend_invalidations_total", "Keys that servers told to have changed.", s.invalidations),
        measure(
            "keywire_backend_invalidations_all_total",
            "Times that any key might have changed: flushes, new connections, failovers.",
            s.invalidations_all,
        ),
        measure("keywire_backend_channels", "Channels and patterns subscribed.", s.channels),
        measure("keywire_backend_messages_total", "Messages received.", s.messages),
        measure("keywire_backend_interruptions_total", "Times that messages may have been lost.", s.interruptions),
        measure("keywire_backend_oversize_total", "Values, replies and messages over their limit.", s.oversize),
    ];
    Report { is_reachable: s.has_begun && !s.stale, measures, round_trips: Some(s.round_trips) }
}

/// Tells the operator.
pub fn log(notice: &Notice) {
    match notice {
        Notice::Connected { .. } | Notice::Current | Notice::TrackingTableEnough { .. } => tracing::info!("{notice}"),
        Notice::LoginRefused { .. } | Notice::Refused { .. } => tracing::error!("{notice}"),
        _ => tracing::warn!("{notice}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_reach_until_connected_and_while_stale() {
        let reachable = |has_begun, stale| of(&Statistics { has_begun, stale, ..Statistics::default() }).is_reachable;
        assert_eq!([reachable(false, false), reachable(true, true), reachable(true, false)], [false, false, true]);
    }

    #[test]
    fn names_that_are_equal_stand_together_and_differ_in_their_label() {
        let measures = of(&Statistics::default()).measures;
        for (at, measure) in measures.iter().enumerate() {
            let same = |m: &&Measure| m.name == measure.name;
            let before: Vec<_> = measures[..at].iter().filter(same).collect();
            assert!(before.iter().all(|m| m.label != measure.label), "{}", measure.name);
            assert!(before.is_empty() || measures[at - 1].name == measure.name, "{}", measure.name);
        }
    }
}
