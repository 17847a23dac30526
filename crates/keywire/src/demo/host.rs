//! This machine's own processor, memory and network load, into a hash (now) and a stream (the last minutes).

use super::command;
use model::Args;
use std::time::Instant;
use sysinfo::{Networks, System};

/// Entries kept in the history: ten minutes.
const HISTORY: &str = "600";

/// Looks at the machine.
pub struct Host {
    system: System,
    networks: Networks,
    sampled: Instant,
}

impl Host {
    /// The first look; rates are known from the second on.
    pub fn new() -> Host {
        let mut system = System::new();
        system.refresh_cpu_usage();
        Host { system, networks: Networks::new_with_refreshed_list(), sampled: Instant::now() }
    }

    /// Looks again, and gives the commands that write what is seen.
    pub fn sample(&mut self) -> Vec<Args> {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let seconds = self.sampled.elapsed().as_secs_f64().max(0.001);
        self.sampled = Instant::now();
        let sum = |bytes: fn(&sysinfo::NetworkData) -> u64| -> String {
            let bytes: u64 = self.networks.values().map(bytes).sum();
            format!("{:.0}", bytes as f64 / seconds)
        };
        let fields = [
            ("cpu_percent", format!("{:.1}", self.system.global_cpu_usage())),
            ("memory_used_bytes", self.system.used_memory().to_string()),
            ("memory_total_bytes", self.system.total_memory().to_string()),
            ("net_rx_bytes_per_s", sum(|network| network.received())),
            ("net_tx_bytes_per_s", sum(|network| network.transmitted())),
            ("load1", format!("{:.2}", System::load_average().one)),
            ("uptime_s", System::uptime().to_string()),
        ];
        let flat = || fields.iter().flat_map(|(name, value)| [(*name).to_owned(), value.clone()]);
        let words = |head: &[&str]| head.iter().map(|w| (*w).to_owned()).chain(flat()).collect::<Vec<_>>();
        vec![
            command(&words(&["HSET", "demo:host"])),
            command(&words(&["XADD", "demo:host:history", "MAXLEN", "~", HISTORY, "*"])),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_hash_and_an_entry_with_the_same_fields() {
        let commands = Host::new().sample();
        assert_eq!(commands[0][..2], *command(&["HSET", "demo:host"]));
        assert_eq!(commands[0][2..], commands[1][6..]);
        let memory: u64 = std::str::from_utf8(&commands[0][7]).unwrap().parse().unwrap();
        assert!(memory > 0, "this machine has memory");
    }
}
