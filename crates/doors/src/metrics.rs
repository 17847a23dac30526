//! `GET /metrics`: the lanes' plain counters, and the backend's, in Prometheus' text format (version 0.0.4).

use crate::entrance::Entrance;
use crate::listener::Doors;
use lane::{Counters, RateLimit};
use model::CloseCode;
use model::Histogram;
use model::error::OWN;
use model::histogram::BOUNDS_US;
use runtime::{LaneReport, Measure};
use std::fmt::Write;

/// One metric: its name, what it is, and how to find it.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    get: fn(&Counters) -> u64,
}

const fn counter(name: &'static str, help: &'static str, get: fn(&Counters) -> u64) -> Metric {
    Metric { name, kind: "counter", help, get }
}

const fn gauge(name: &'static str, help: &'static str, get: fn(&Counters) -> u64) -> Metric {
    Metric { name, kind: "gauge", help, get }
}

const METRICS: &[Metric] = &[
    gauge("keywire_connections", "Clients connected.", |c| c.clients),
    gauge("keywire_feeds", "Feeds that somebody hears.", |c| c.live.feeds),
    gauge("keywire_stale_feeds", "Feeds whose clients are told that what they show may be old.", |c| c.stale_feeds),
    gauge("keywire_topics", "Distinct queries, channels, patterns and streams.", |c| c.live.topics),
    gauge("keywire_outbox_bytes", "Bytes queued for clients.", |c| c.outbox_bytes),
    gauge("keywire_link_bytes", "Bytes queued between lanes.", |c| c.link_bytes),
    gauge("keywire_reads_in_flight", "Reads of live queries at the backend.", |c| c.live.reads_in_flight),
    gauge("keywire_opens_waiting", "Openings that wait for a read.", |c| c.live.waiting),
    counter("keywire_requests_total", "Requests taken.", |c| c.requests),
    counter("keywire_requests_rejected_total", "Texts that were no request.", |c| c.rejected),
    counter("keywire_commands_total", "Commands of clients sent to the backend.", |c| c.commands),
    counter("keywire_reads_total", "Reads of live queries sent to the backend.", |c| c.live.reads),
    counter("keywire_reads_unchanged_total", "Reads that found what was known.", |c| c.live.unchanged),
    counter("keywire_stream_reads_total", "Reads of streams sent to the backend.", |c| c.live.ranges),
    counter("keywire_invalidations_total", "Keys told to have changed.", |c| c.live.invalidations),
    counter("keywire_patches_total", "Changes published as patches.", |c| c.live.patches),
    counter("keywire_values_total", "Changes published as whole values.", |c| c.live.values),
    counter("keywire_errors_total", "Changes published as errors.", |c| c.live.errors),
    counter("keywire_messages_total", "Messages of channels published.", |c| c.live.messages),
    counter("keywire_messages_over_rate_total", "Messages dropped over messages_per_second_max.", |c| {
        c.live.messages_over_rate
    }),
    counter("keywire_entries_total", "Stream entries published.", |c| c.live.entries),
    counter("keywire_frames_encoded_total", "Frames encoded, once per event and format.", |c| c.frames_encoded),
    counter("keywire_frames_sent_total", "Frames queued for clients.", |c| c.hub.frames),
    counter("keywire_bytes_sent_total", "Bytes written to clients.", |c| c.hub.bytes_written),
    counter("keywire_deflate_compressions_total", "Messages compressed, each once for all who get it.", |c| {
        c.deflate.compressions
    }),
    counter("keywire_deflate_bytes_total", "Bytes of the messages that were compressed.", |c| c.deflate.bytes),
    counter("keywire_deflate_compressed_bytes_total", "Bytes of the same messages as they were sent.", |c| {
        c.deflate.compressed_bytes
    }),
    counter("keywire_inflated_messages_total", "Messages of clients that came compressed.", |c| c.inflated),
    counter("keywire_messages_missed_total", "Messages not sent to slow clients, told by missed.", |c| {
        c.hub.messages_dropped
    }),
    counter("keywire_conflations_total", "Times a slow client skipped to a whole value.", |c| c.hub.conflations),
    counter("keywire_stream_waits_total", "Times a slow follower waited at its place.", |c| c.hub.stream_waits),
    counter("keywire_too_slow_total", "Clients closed because nothing could be dropped.", |c| c.hub.too_slow),
    counter(
        "keywire_slow_commands_total",
        "Clients' commands that the backend took longer for than log.slow_ms.",
        |c| c.slow_commands,
    ),
    counter("keywire_slow_reads_total", "Reads of feeds that the backend took longer for than log.slow_ms.", |c| {
        c.slow_reads
    }),
    counter("keywire_closed_total", "Connections ended by the server.", |c| c.closed),
];

/// The text for all lanes, for the entrance and for the backend, now.
pub async fn gather(doors: &Doors) -> String {
    let lanes = doors.lanes.ask_all(|lane| lane.report()).await;
    let (backend, round_trips) =
        doors.lanes.backend_report().await.map_or((Vec::new(), None), |report| (report.measures, report.round_trips));
    let mut text = text(&lanes, &doors.entrance, &backend);
    if let Some(times) = round_trips {
        histogram("keywire_backend_round_trip_seconds", "How long servers took to answer.", &times, &mut text);
    }
    text
}

/// The text for these lanes: each metric summed, and clients by lane; then what the entrance and the backend tell of
/// themselves.
fn text(lanes: &[LaneReport], entrance: &Entrance, backend: &[Measure]) -> String {
    let mut out = String::new();
    for Metric { name, kind, help, get } in METRICS {
        let sum: u64 = lanes.iter().map(|lane| get(&lane.counters)).sum();
        // Writing to a String cannot fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {sum}\n");
    }
    by_lane(lanes, &mut out);
    by_reason(lanes, &mut out);
    by_rate(lanes, &mut out);
    latency(lanes, &mut out);
    let entrance = entrance_measures(entrance);
    let measures: Vec<&Measure> = entrance.iter().chain(backend).collect();
    for (at, measure) in measures.iter().enumerate() {
        if at == 0 || measures[at - 1].name != measure.name {
            head(measure, &mut out);
        }
        let label = measure.label.map_or(String::new(), |(name, value)| format!("{{{name}=\"{value}\"}}"));
        let _ = writeln!(out, "{}{label} {}", measure.name, measure.value);
    }
    out
}

fn by_lane(lanes: &[LaneReport], out: &mut String) {
    *out += "# HELP keywire_lane_connections Clients connected, by lane.\n# TYPE keywire_lane_connections gauge\n";
    for (lane, report) in lanes.iter().enumerate() {
        let _ = writeln!(out, "keywire_lane_connections{{lane=\"{lane}\"}} {}", report.counters.clients);
    }
    *out += "# HELP keywire_lane_busy_seconds_total How long each lane's thread has worked: its rate is the lane's load.\n\
             # TYPE keywire_lane_busy_seconds_total counter\n";
    for (lane, report) in lanes.iter().enumerate() {
        let _ = writeln!(out, "keywire_lane_busy_seconds_total{{lane=\"{lane}\"}} {}", report.busy.as_secs_f64());
    }
}

fn by_reason(lanes: &[LaneReport], out: &mut String) {
    *out += "# HELP keywire_closes_total Connections ended by the server, by reason.\n# TYPE keywire_closes_total counter\n";
    for code in CloseCode::ALL {
        let sum: u64 = lanes.iter().map(|lane| lane.counters.closed_by[code.index()]).sum();
        let _ = writeln!(out, "keywire_closes_total{{reason=\"{}\",code=\"{}\"}} {sum}", code.name(), code.code());
    }
    *out += "# HELP keywire_request_errors_total Requests answered by an error, by its code; redis: by the backend's.\n\
             # TYPE keywire_request_errors_total counter\n";
    for (at, code) in OWN.iter().chain(&["redis"]).enumerate() {
        let sum: u64 = lanes.iter().map(|lane| lane.counters.errors_by[at]).sum();
        let _ = writeln!(out, "keywire_request_errors_total{{code=\"{code}\"}} {sum}");
    }
}

fn by_rate(lanes: &[LaneReport], out: &mut String) {
    *out += "# HELP keywire_requests_over_rate_total Requests refused since too many came in a second, by the limit.\n\
             # TYPE keywire_requests_over_rate_total counter\n";
    for limit in RateLimit::ALL {
        let sum: u64 = lanes.iter().map(|lane| lane.counters.over_rate[limit as usize]).sum();
        let _ = writeln!(out, "keywire_requests_over_rate_total{{limit=\"{}\"}} {sum}", limit.name());
    }
}

fn latency(lanes: &[LaneReport], out: &mut String) {
    let mut all = Histogram::default();
    lanes.iter().for_each(|lane| all.merge(&lane.write_latency));
    let help = "From the begin of a turn to a client's bytes being handed to the kernel.";
    histogram("keywire_write_latency_seconds", help, &all, out);
}

fn histogram(name: &str, help: &str, all: &Histogram, out: &mut String) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} histogram\n");
    let mut below = 0;
    for (bound, count) in BOUNDS_US.iter().zip(all.buckets) {
        below += count;
        let _ = writeln!(out, "{name}_bucket{{le=\"{}\"}} {below}", *bound as f64 / 1e6);
    }
    let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {}", all.count());
    let _ = write!(out, "{name}_sum {}\n{name}_count {}\n", all.sum_us as f64 / 1e6, all.count());
}

fn entrance_measures(entrance: &Entrance) -> Vec<Measure> {
    let (http, help) = ("keywire_http_connections", "Sockets that are no clients: handshakes, HTTP between requests.");
    let measure = |name, help, label, value| Measure { name, help, label, value };
    let addresses = entrance.addresses.len() as u64;
    let refused = entrance.refusals().map(|(reason, count)| {
        measure("keywire_refused_total", "Who was not let in, by reason.", Some(("reason", reason)), count)
    });
    let here = [
        measure(http, help, None, entrance.http_connections() as u64),
        measure("keywire_addresses", "Addresses beyond this machine that have a connection.", None, addresses),
    ];
    here.into_iter().chain(refused).collect()
}

fn head(Measure { name, help, .. }: &Measure, out: &mut String) {
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::Clock;
    use std::time::Duration;

    #[test]
    fn lanes_are_summed() {
        let lane = |clients| {
            let mut write_latency = Histogram::default();
            write_latency.add(Duration::from_micros(70), clients);
            LaneReport {
                counters: Counters { clients, ..Counters::default() },
                write_latency,
                busy: Duration::from_millis(1500),
            }
        };
        let text = text(&[lane(2), lane(3)], &Entrance::new(Clock::start()), &[]);
        assert!(text.contains("\nkeywire_connections 5\n"), "{text}");
        assert!(text.contains("keywire_lane_connections{lane=\"1\"} 3\n"), "{text}");
        for line in [
            "keywire_refused_total{reason=\"origin\"} 0",
            "keywire_lane_busy_seconds_total{lane=\"1\"} 1.5",
            "keywire_closes_total{reason=\"too_slow\",code=\"4101\"} 0",
            "keywire_request_errors_total{code=\"NOPERM\"} 0",
            "keywire_write_latency_seconds_bucket{le=\"0.00005\"} 0",
            "keywire_write_latency_seconds_bucket{le=\"0.0001\"} 5",
            "keywire_write_latency_seconds_bucket{le=\"+Inf\"} 5",
            "keywire_write_latency_seconds_count 5",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
    }

    #[test]
    fn the_backends_measures_follow_each_name_with_one_head() {
        let measure = |name, label, value| Measure { name, help: "What.", label, value };
        let measures =
            [measure("a", Some(("via", "x")), 1), measure("a", Some(("via", "y")), 0), measure("b_total", None, 7)];
        let expected = "# HELP a What.\n# TYPE a gauge\na{via=\"x\"} 1\na{via=\"y\"} 0\n\
                        # HELP b_total What.\n# TYPE b_total counter\nb_total 7\n";
        let text = text(&[], &Entrance::new(Clock::start()), &measures);
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn names_are_distinct_and_counters_end_in_total() {
        for (at, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..at].iter().all(|m| m.name != metric.name), "{}", metric.name);
            assert_eq!(metric.kind == "counter", metric.name.ends_with("_total"), "{}", metric.name);
        }
    }
}
