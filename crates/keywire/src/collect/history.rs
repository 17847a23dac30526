//! What the charts are drawn of: one entry a second for the last quarter of an hour, and the averages of ten seconds for the
//! last six hours.

use super::with_figures;
use model::Args;

/// The figures that are kept, as they are called in the stream: short, since there are thousands of them.
const KEPT: [(&str, &str); 8] = [
    ("cpu_percent", "cpu"),
    ("memory_used_bytes", "mem"),
    ("net_rx_bytes_per_s", "rx"),
    ("net_tx_bytes_per_s", "tx"),
    ("gateway_commands_per_s", "cmd"),
    ("gateway_frames_per_s", "out"),
    ("gateway_connections", "conn"),
    ("gateway_cpu_percent", "gcpu"),
];
/// Entries of the stream with one a second.
const SECONDS: &str = "900";
/// Entries of the stream with averages.
const AVERAGES: &str = "2160";
/// Looks of which an average is made.
const AVERAGED: usize = 10;

/// Gathers for the next average.
#[derive(Default)]
pub struct History {
    sums: [f64; KEPT.len()],
    count: usize,
}

impl History {
    /// The commands that write this look, and now and then an average. `key` is the host's.
    pub fn entries(&mut self, key: &str, figures: &[(&'static str, String)]) -> Vec<Args> {
        let value = |name: &str| figures.iter().find(|(figure, _)| *figure == name).map_or("0", |(_, value)| value);
        let now: Vec<(&str, String)> = KEPT.iter().map(|(name, short)| (*short, value(name).to_owned())).collect();
        for (sum, (_, value)) in self.sums.iter_mut().zip(&now) {
            *sum += value.parse().unwrap_or(0.0);
        }
        self.count += 1;
        let mut commands = vec![entry(&format!("{key}:1s"), SECONDS, &now)];
        if self.count == AVERAGED {
            let average =
                |(sum, (_, short)): (&f64, &(_, &'static str))| (*short, format!("{:.1}", sum / AVERAGED as f64));
            let averages: Vec<(&str, String)> = self.sums.iter().zip(&KEPT).map(average).collect();
            commands.push(entry(&format!("{key}:10s"), AVERAGES, &averages));
            *self = History::default();
        }
        commands
    }
}

fn entry(key: &str, most: &str, figures: &[(&str, String)]) -> Args {
    with_figures(&["XADD", key, "MAXLEN", "~", most, "*"], figures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_look_writes_the_average_too() {
        let mut history = History::default();
        let mut written = Vec::new();
        for n in 1..=20 {
            written.push(history.entries("k", &[("cpu_percent", n.to_string())]));
        }
        assert_eq!(written.iter().map(Vec::len).sum::<usize>(), 22);
        let average = &written[19][1];
        assert_eq!((&average[1][..], &average[6][..], &average[7][..]), (&b"k:10s"[..], &b"cpu"[..], &b"15.5"[..]));
    }
}
