//! The gateway's own figures, from the text of its `/metrics`: gauges as they are, counters as rates.

use super::Figures;
use std::collections::HashMap;

/// The gauges that are told, with the names they are told by.
const GAUGES: [(&str, &str); 4] = [
    ("keywire_connections", "gateway_connections"),
    ("keywire_feeds", "gateway_feeds"),
    ("keywire_topics", "gateway_topics"),
    ("keywire_outbox_bytes", "gateway_outbox_bytes"),
];
/// The counters whose rates are told.
const RATES: [(&str, &str); 4] = [
    ("keywire_commands_total", "gateway_commands_per_s"),
    ("keywire_reads_total", "gateway_reads_per_s"),
    ("keywire_frames_sent_total", "gateway_frames_per_s"),
    ("keywire_bytes_sent_total", "gateway_bytes_per_s"),
];

/// Knows where the counters stood at the last look.
#[derive(Default)]
pub struct Gateway {
    counters: HashMap<&'static str, f64>,
}

impl Gateway {
    /// The figures, `seconds` after the last look. Rates are left out until they are known, also after a restart of the
    /// gateway.
    pub fn sample(&mut self, metrics: &str, seconds: f64) -> Figures {
        let values: HashMap<&str, f64> = metrics.lines().filter_map(sample).collect();
        let mut figures: Figures = Vec::with_capacity(GAUGES.len() + RATES.len());
        for (name, told) in GAUGES {
            figures.extend(values.get(name).map(|value| (told, value.to_string())));
        }
        for (name, told) in RATES {
            let Some(&value) = values.get(name) else { continue };
            if let Some(before) = self.counters.insert(name, value).filter(|before| *before <= value) {
                figures.push((told, format!("{:.0}", (value - before) / seconds)));
            }
        }
        figures
    }
}

/// A line of the text that has no labels: its name and value.
fn sample(line: &str) -> Option<(&str, f64)> {
    let (name, value) = line.split_once(' ')?;
    Some((name, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_become_rates_and_a_restart_is_no_rate() {
        let mut gateway = Gateway::default();
        let text = |n| {
            format!("# HELP keywire_feeds x\nkeywire_feeds 7\nkeywire_commands_total {n}\nkeywire_lane{{a=\"0\"}} 1\n")
        };
        let feeds = ("gateway_feeds", "7".to_owned());
        assert_eq!(gateway.sample(&text(100), 1.0), std::slice::from_ref(&feeds));
        assert_eq!(gateway.sample(&text(160), 2.0), [feeds.clone(), ("gateway_commands_per_s", "30".to_owned())]);
        assert_eq!(gateway.sample(&text(5), 1.0), [feeds]);
    }
}
