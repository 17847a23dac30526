//! The load generator: what a server does under many clients, measured from outside.
//!
//! One thread holds all connections ([`client`], [`crowd`]); a second one sends at the intended times whatever the
//! first is busy with ([`pump`]). Latency counts from the *intended* time of a message, so a server (or a generator)
//! that falls behind cannot hide it: the histogram is that of an open loop. The generator tells of its own lateness,
//! so that its limits are not taken for the server's.
//!
//! ```text
//!  pump ──PUBLISH, ZADD──► server ──frames──► crowd ──► Tally ──► Report
//!    └─────── intended time of every message ───────────┘
//! ```

mod client;
mod clock;
mod crowd;
mod fanout;
mod handshake;
mod idle;
mod live;
mod process;
mod progress;
mod pump;
mod report;
mod rtt;
mod tally;

use anyhow::Context;
use clap::{Args, Subcommand};
use client::Url;
use std::future::Future;
use std::time::Duration;

/// `keywire bench …`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand, Debug)]
enum Scenario {
    /// Many subscribers of a channel, one publisher
    Fanout(fanout::FanoutArgs),
    /// Many clients of one live query (a sorted set's top), one writer
    Live(live::LiveArgs),
    /// Many connections that do nothing: memory
    Idle(idle::IdleArgs),
    /// Commands and their replies, one outstanding per connection
    Rtt(rtt::RttArgs),
}

/// What every scenario takes.
#[derive(Args, Debug, Clone)]
pub struct Common {
    /// The server's WebSocket
    #[arg(long, default_value = "ws://127.0.0.1:7700/ws", value_name = "URL")]
    url: Url,
    /// How many connections
    #[arg(long, short = 'c', default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// How long to measure
    #[arg(long, default_value_t = 10.0, value_name = "S", value_parser = seconds)]
    seconds: f64,
    /// How long to run before measuring
    #[arg(long, default_value_t = 1.0, value_name = "S", value_parser = seconds)]
    warmup: f64,
    /// The server's process on this machine: its processor time and memory are told
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// One JSON object on standard output; the table goes to standard error
    #[arg(long)]
    json: bool,
}

impl Common {
    fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    fn connections(&self) -> usize {
        self.connections as usize
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if (0.0..=86_400.0).contains(&n) => Ok(n),
        _ => Err("a number of seconds is wanted".into()),
    }
}

/// Runs a scenario and prints its report.
pub fn run(args: BenchArgs) -> anyhow::Result<()> {
    match args.scenario {
        Scenario::Fanout(args) => measure(args.common.clone(), fanout::run(args)),
        Scenario::Live(args) => measure(args.common.clone(), live::run(args)),
        Scenario::Idle(args) => measure(args.common.clone(), idle::run(args)),
        Scenario::Rtt(args) => measure(args.common.clone(), rtt::run(args)),
    }
}

fn measure(common: Common, scenario: impl Future<Output = anyhow::Result<report::Report>>) -> anyhow::Result<()> {
    make_room(common.connections())?;
    if let Some(pid) = common.server_pid {
        process::check(pid)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(tokio::task::LocalSet::new().run_until(scenario))?;
    match common.json {
        true => {
            eprint!("{}", report.table());
            println!("{}", serde_json::to_string(&report)?);
        }
        false => print!("{}", report.table()),
    }
    Ok(())
}

/// Each connection is an open file; the hard limit is as far as a process may go by itself.
fn make_room(connections: usize) -> anyhow::Result<()> {
    /// Standard streams, epoll, the pump's connection, `/proc`, and some air.
    const OTHERS: u64 = 64;
    let limit = rlimit::increase_nofile_limit(u64::MAX).context("the limit of open files")?;
    let most = limit.saturating_sub(OTHERS);
    anyhow::ensure!(
        connections as u64 <= most,
        "{connections} connections need as many open files, and this process may hold {limit}: \
         use --connections {most} at most, or raise the hard limit (ulimit -Hn)"
    );
    Ok(())
}
