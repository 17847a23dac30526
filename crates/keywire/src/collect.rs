//! The collector: what this machine and the gateway do, written to a keywire as any client would write it. `keywire collect`
//! runs it by itself, over HTTP or HTTPS; `keywire demo` runs it inside. Readers need no more than these keys:
//!
//! | key | what |
//! | --- | --- |
//! | `demo:monitoring:hosts` | a sorted set: hosts by when they were last seen, in milliseconds since 1970 |
//! | `demo:monitoring:HOST:about` | what does not change, as JSON |
//! | `demo:monitoring:HOST` | a hash: the newest figures |
//! | `demo:monitoring:HOST:alive` | expires when nobody collects any more, so whoever watches it knows at once |
//! | `demo:monitoring:HOST:1s` · `:10s` | streams: the last quarter of an hour, and averages of the last six hours |
//! | `demo:monitoring:HOST:processes` | the busiest processes, as JSON |
//!
//! A host that nobody has collected for a day is forgotten, with all that was written of it.

mod gateway;
mod history;
mod host;
mod http;

use crate::words::{command, command_with};
use anyhow::Context;
use clap::Args as Flags;
use gateway::Gateway;
use history::History;
use host::Host;
use http::Server;
use model::Args;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the machine is looked at.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// How long the last look counts, in milliseconds: three may fail.
const ALIVE_MS: &str = "4000";
/// Every how many looks the processes are listed: that is most of a look's work.
const PROCESSES_EVERY: u64 = 3;
/// Every how many looks it is written what does not change, and that this host is to be remembered.
const HOSTS_EVERY: u64 = 10;
/// How long a host is remembered.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// `keywire collect …`.
#[derive(Flags, Debug)]
pub struct CollectArgs {
    /// The keywire to write to: http://, or https:// where a proxy ends TLS before it
    #[arg(long, default_value = "http://127.0.0.1:7700", value_name = "URL")]
    url: Server,
    /// Certificates to trust for https, in PEM [default: those that this machine trusts]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The name to write under [default: this machine's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Collects until a signal ends the process. A server that is away is told once and tried again with every look.
///
/// # Errors
/// An event loop that cannot be made.
pub fn run(mut args: CollectArgs) -> anyhow::Result<()> {
    if let Some(ca) = args.ca {
        args.url.trust(ca)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("the event loop")?;
    let mut collector = Collector::new(args.name, None);
    println!("collecting {} for {}", collector.name(), args.url);
    runtime.block_on(async {
        let mut ticks = ticks(INTERVAL);
        let mut was_away = false;
        loop {
            ticks.tick().await;
            let looked = look(&mut collector, &args.url).await;
            if let Err(error) = &looked
                && !was_away
            {
                eprintln!("keywire: {}: {error:#}; trying on", args.url);
            }
            was_away = looked.is_err();
            if was_away {
                collector.begin_anew();
            }
        }
    })
}

async fn look(collector: &mut Collector, server: &Server) -> anyhow::Result<()> {
    let metrics = server.get("/metrics").await?;
    let commands = collector.collect(&metrics);
    server.commands(&commands).await
}

/// Ticks that are not made up for after a delay.
pub fn ticks(interval: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Figures by name, in the order they are written.
pub type Figures = Vec<(&'static str, String)>;

/// Looks at the machine and the gateway.
pub struct Collector {
    name: String,
    host: Host,
    gateway: Gateway,
    history: History,
    looked: Instant,
    looks: u64,
}

impl Collector {
    /// `pid`: the gateway's process, where it is known.
    pub fn new(name: Option<String>, pid: Option<u32>) -> Collector {
        let name = name.or_else(host::name).unwrap_or_else(|| "localhost".to_owned());
        let (host, gateway) = (Host::new(pid), Gateway::default());
        Collector { name, host, gateway, history: History::default(), looked: Instant::now(), looks: 0 }
    }

    /// The name that figures are written under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks once, and gives the commands that write what is seen. `metrics` is the text of the gateway's `/metrics`.
    pub fn collect(&mut self, metrics: &str) -> Vec<Args> {
        let seconds = self.looked.elapsed().as_secs_f64().max(0.001);
        self.looked = Instant::now();
        let mut figures = self.host.sample(seconds);
        figures.extend(self.gateway.sample(metrics, seconds));
        let mut commands = vec![
            command(&["SET", &self.key(":alive"), "1", "PX", ALIVE_MS]),
            with_figures(&["HSET", &self.key("")], &figures),
        ];
        if self.looks > 0 {
            // Rates are known from the second look on.
            commands.extend(self.history.entries(&self.key(""), &figures));
        }
        if self.looks.is_multiple_of(PROCESSES_EVERY) {
            commands.push(command(&["SET", &self.key(":processes"), &self.host.processes()]));
        }
        // Now and then again: a server that was started anew knows nothing of this host.
        if self.looks.is_multiple_of(HOSTS_EVERY) {
            commands.extend(self.remember());
        }
        self.looks += 1;
        commands
    }

    /// What was given last was not written: the next look writes everything again.
    pub fn begin_anew(&mut self) {
        self.looks = 0;
    }

    fn remember(&self) -> Vec<Args> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let before = now.saturating_sub(REMEMBERED).as_millis().to_string();
        let mut commands = vec![
            command(&["SET", &self.key(":about"), &host::about()]),
            command(&["ZADD", "demo:monitoring:hosts", &now.as_millis().to_string(), &self.name]),
            command(&["ZREMRANGEBYSCORE", "demo:monitoring:hosts", "-inf", &before]),
        ];
        let seconds = REMEMBERED.as_secs().to_string();
        let kept = ["", ":about", ":processes", ":1s", ":10s"];
        commands.extend(kept.map(|end| command(&["EXPIRE", &self.key(end), &seconds])));
        commands
    }

    fn key(&self, end: &str) -> String {
        format!("demo:monitoring:{}{end}", self.name)
    }
}

fn with_figures(head: &[&str], figures: &[(&str, String)]) -> Args {
    command_with(head, figures.iter().map(|(name, value)| (name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# TYPE keywire_connections gauge\nkeywire_connections 3\nkeywire_commands_total 100\n";

    #[test]
    fn a_look_writes_the_figures_the_history_and_that_it_is_alive() {
        let mut collector = Collector::new(Some("box".into()), Some(std::process::id()));
        let mut commands = collector.collect(METRICS);
        assert!(commands.iter().all(|command| command[0] != "XADD"), "rates are not known yet");
        commands.extend(collector.collect(METRICS));
        let words = |args: &Args| args.iter().map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>();
        let find = |name: &str, key: &str| {
            let found = commands.iter().map(words).find(|w| w[0] == name && w[1] == key);
            found.unwrap_or_else(|| panic!("{name} {key}"))
        };
        assert_eq!(find("SET", "demo:monitoring:box:alive")[3..], ["PX", ALIVE_MS]);
        let figures = find("HSET", "demo:monitoring:box");
        let figure = |name: &str| figures[figures.iter().position(|word| word == name).unwrap() + 1].clone();
        assert!(figure("memory_used_bytes").parse::<u64>().unwrap() > 0, "this machine has memory");
        assert_eq!(figure("gateway_connections"), "3");
        assert!(figure("gateway_memory_bytes").parse::<u64>().unwrap() > 1_000_000, "this process has memory");
        find("XADD", "demo:monitoring:box:1s");
        assert_eq!(find("ZADD", "demo:monitoring:hosts")[3], "box");
        find("EXPIRE", "demo:monitoring:box:1s");
        let about: serde_json::Value = serde_json::from_str(&find("SET", "demo:monitoring:box:about")[2]).unwrap();
        assert!(about["cores"].as_u64().unwrap() > 0);
        let processes: serde_json::Value =
            serde_json::from_str(&find("SET", "demo:monitoring:box:processes")[2]).unwrap();
        assert!(!processes.as_array().unwrap().is_empty());
    }
}
