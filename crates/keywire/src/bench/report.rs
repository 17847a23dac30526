//! What a scenario found: a table for people, one JSON object for programs.

use super::pump::Sent;
use super::tally::Tally;
use super::{Common, clock, process};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write;

/// The result of one run. Fields that a scenario does not measure are left out of the JSON.
#[derive(Serialize, Default, Debug)]
#[serde(rename_all = "snake_case")]
pub struct Report {
    /// Its name.
    pub scenario: &'static str,
    /// The server.
    pub url: String,
    /// How many were open.
    pub connections: usize,
    /// How long was measured.
    pub seconds: f64,
    /// What else the run was given, and what only this scenario finds.
    pub details: Vec<Detail>,
    /// Messages, writes or commands sent during the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// Rates of what was delivered in the measured time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<Throughput>,
    /// Open loop: from the intended time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<Latency>,
    /// Of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub losses: Option<Losses>,
    /// Of the process given by `--server-pid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// The generator's own processor time while measuring, of one core.
    pub generator_cpu_percent: f64,
    /// How late the generator itself was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_late_ms: Option<Latency>,
    /// What to know before believing the figures.
    pub notes: Vec<String>,
}

/// A figure with a name.
#[derive(Serialize, Debug)]
pub struct Detail {
    /// Its name, with the unit last.
    pub name: &'static str,
    /// The figure.
    pub value: f64,
}

/// What came through.
#[derive(Serialize, Debug)]
pub struct Throughput {
    /// Measured deliveries.
    pub delivered: u64,
    /// Per second.
    pub messages_per_second: f64,
    /// WebSocket frames, without TCP's headers.
    pub mbit_per_second: f64,
}

/// Quantiles in milliseconds.
#[derive(Serialize, Debug)]
pub struct Latency {
    /// Half are faster.
    pub p50: f64,
    /// One of ten is slower.
    pub p90: f64,
    /// One of a hundred is slower.
    pub p99: f64,
    /// One of a thousand is slower.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

/// What did not come, or not as it should.
#[derive(Serialize, Debug, PartialEq)]
pub struct Losses {
    /// Deliveries that should have been.
    pub expected: u64,
    /// Of them, those that were not.
    pub lost: u64,
    /// Of those, how many the server told of by `missed`.
    pub missed_told: u64,
    /// Messages that came a second time or after a later one; they do not count as delivered.
    pub disordered: u64,
    /// Connections that the server ended.
    pub connections_closed: u64,
}

/// What the server's process used.
#[derive(Serialize, Debug)]
pub struct Server {
    /// Processor time while measuring, of one core.
    pub cpu_percent: f64,
    /// Processor time by measured delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_per_message: Option<f64>,
    /// Proportional set size at the end.
    pub pss_bytes: u64,
}

impl Report {
    /// A report of this scenario with nothing in it yet.
    pub fn new(scenario: &'static str, common: &Common) -> Report {
        let (connections, seconds) = (common.connections(), common.seconds);
        Report { scenario, url: common.url.to_string(), connections, seconds, ..Report::default() }
    }

    /// Adds a figure.
    pub fn detail(&mut self, name: &'static str, value: f64) {
        self.details.push(Detail { name, value });
    }

    /// Adds what the crowd counted.
    pub fn tally(&mut self, tally: &Tally) {
        let span = tally.span_s();
        self.throughput = Some(Throughput {
            delivered: tally.measured,
            messages_per_second: tally.measured as f64 / span,
            mbit_per_second: tally.bytes as f64 * 8.0 / 1e6 / span,
        });
        self.latency_ms = Latency::of(&tally.latency);
        if tally.measured == 0 {
            self.notes.push("nothing was delivered in the measured time".to_owned());
        }
        if let Some(reason) = &tally.first_reason {
            self.notes.push(format!("{} connections ended early, the first because {reason}", tally.closed));
        }
    }

    /// Adds how late messages were sent.
    pub fn late(&mut self, late: &Histogram<u64>) {
        /// Later than this, the latencies say more of the generator than of the server.
        const LATE_MS: f64 = 5.0;
        self.generator_late_ms = Latency::of(late);
        if let Some(late) = self.generator_late_ms.as_ref().filter(|late| late.p99 > LATE_MS) {
            self.notes.push(format!("the generator itself was late by {:.1} ms at p99", late.p99));
        }
    }

    /// Adds what the sender did.
    pub fn sender(&mut self, sent: &Sent) {
        self.sent = Some(sent.messages);
        self.late(&sent.late);
        if sent.due > sent.messages {
            self.notes.push(format!(
                "{} messages were due and never sent: the server did not read",
                sent.due - sent.messages
            ));
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut t =
            format!("{} · {} · {} connections · {} s\n", self.scenario, self.url, self.connections, self.seconds);
        for detail in &self.details {
            row(&mut t, &detail.name.replace('_', " "), &short(detail.value));
        }
        if let Some(sent) = self.sent {
            row(&mut t, "sent", &sent.to_string());
        }
        if let Some(through) = &self.throughput {
            let (messages, mbit) = (short(through.messages_per_second), short(through.mbit_per_second));
            row(&mut t, "delivered", &format!("{} · {messages} messages/s · {mbit} Mbit/s", through.delivered));
        }
        if let Some(latency) = &self.latency_ms {
            row(&mut t, "latency", &latency.to_string());
        }
        if let Some(l) = &self.losses {
            let (lost, told) = (l.lost, l.missed_told);
            row(
                &mut t,
                "lost",
                &format!("{lost} of {} · told by missed: {told} · out of order: {}", l.expected, l.disordered),
            );
        }
        if let Some(server) = &self.server {
            let by_message = server.cpu_us_per_message.map_or(String::new(), |us| format!("{us:.2} µs a message · "));
            let (percent, pss) = (server.cpu_percent, server.pss_bytes as f64 / 1e6);
            row(&mut t, "server", &format!("{by_message}{percent:.1} % of a core · {pss:.1} MB"));
        }
        let late = self.generator_late_ms.as_ref().map_or(String::new(), |late| format!(" · late by {late}"));
        row(&mut t, "generator", &format!("{:.1} % of a core{late}", self.generator_cpu_percent));
        for note in &self.notes {
            row(&mut t, "note", note);
        }
        t
    }
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Option<Latency> {
        let ms = |q| histogram.value_at_quantile(q).min(histogram.max()) as f64 / 1e6;
        let max = histogram.max() as f64 / 1e6;
        let latency = Latency { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), p999: ms(0.999), max };
        (!histogram.is_empty()).then_some(latency)
    }
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Latency { p50, p90, p99, p999, max } = self;
        write!(f, "p50 {p50:.3} · p90 {p90:.3} · p99 {p99:.3} · p99.9 {p999:.3} · max {max:.3} ms")
    }
}

/// Measures processor time over a span: the server's, and this process's own.
pub struct Meter {
    began: u64,
    own: u64,
    server: Option<(u32, u64)>,
}

impl Meter {
    /// Begins; a server is measured if its process is known.
    pub fn begin(server: Option<u32>) -> anyhow::Result<Meter> {
        let server = server.map(|pid| Ok::<_, anyhow::Error>((pid, process::cpu_ns(pid)?))).transpose()?;
        Ok(Meter { began: clock::now(), own: process::cpu_ns(std::process::id())?, server })
    }

    /// Ends, into the report; `deliveries` is what the server's time was spent on.
    pub fn end(self, report: &mut Report, deliveries: Option<u64>) -> anyhow::Result<()> {
        /// A generator that is busier than this measures itself.
        const BUSY_PERCENT: f64 = 90.0;
        let span = (clock::now() - self.began) as f64;
        let used = |pid, before| Ok::<_, anyhow::Error>(process::cpu_ns(pid)?.saturating_sub(before) as f64);
        if let Some((pid, before)) = self.server {
            let cpu = used(pid, before)?;
            let cpu_us_per_message = deliveries.filter(|n| *n > 0).map(|n| cpu / 1e3 / n as f64);
            let pss_bytes = process::pss_bytes(pid)?;
            report.server = Some(Server { cpu_percent: 100.0 * cpu / span, cpu_us_per_message, pss_bytes });
        }
        report.generator_cpu_percent = 100.0 * used(std::process::id(), self.own)? / span;
        if report.generator_cpu_percent > BUSY_PERCENT {
            report.notes.push("the generator was busy all the time: part of the latency is its own".to_owned());
        }
        Ok(())
    }
}

fn row(table: &mut String, name: &str, value: &str) {
    let _ = writeln!(table, "  {name:<24} {value}");
}

/// Whole numbers whole, others to three digits.
fn short(n: f64) -> String {
    if n.fract() == 0.0 || n.abs() >= 1000.0 { format!("{n:.0}") } else { format!("{n:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_not_in_the_json() {
        let json = serde_json::to_value(Report { scenario: "idle", ..Report::default() }).unwrap();
        assert_eq!(json["scenario"], "idle");
        assert!(json.get("latency_ms").is_none() && json.get("server").is_none());
    }

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut histogram = super::super::tally::histogram();
        (1..=1000).for_each(|ms| histogram.record(ms * 1_000_000).unwrap());
        let latency = Latency::of(&histogram).unwrap();
        assert!((latency.p50 - 500.0).abs() < 1.0 && (latency.p999 - 999.0).abs() < 1.0, "{latency}");
        assert!((latency.max - 1000.0).abs() < 1.0);
    }
}
