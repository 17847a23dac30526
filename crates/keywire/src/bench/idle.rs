//! `bench idle`: connections that do nothing, and what they cost.

use super::client::Client;
use super::progress::Progress;
use super::report::{Meter, Report};
use super::{Common, clock, crowd, process};
use clap::{Args, ValueEnum};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[derive(Args, Debug)]
pub struct IdleArgs {
    #[command(flatten)]
    pub common: Common,
    /// What each connection watches
    #[arg(long, value_enum, default_value_t = Feed::None)]
    feed: Feed,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq)]
enum Feed {
    /// Nothing
    None,
    /// All the same key
    Same,
    /// Each a key of its own
    Each,
}

impl Feed {
    fn request(self, index: usize) -> Option<String> {
        let live = |key: String| format!("{{\"id\":1,\"live\":[\"GET\",\"{key}\"]}}");
        match self {
            Feed::None => None,
            Feed::Same => Some(live("bench:idle".into())),
            Feed::Each => Some(live(format!("bench:idle:{index}"))),
        }
    }
}

/// What memory is compared.
#[derive(Clone, Copy)]
struct Memory {
    server: Option<u64>,
    kernel: u64,
}

impl Memory {
    fn now(common: &Common) -> anyhow::Result<Memory> {
        Ok(Memory { server: common.server_pid.map(process::pss_bytes).transpose()?, kernel: process::kernel_bytes() })
    }
}

pub async fn run(args: IdleArgs) -> anyhow::Result<Report> {
    let (common, feed, count) = (&args.common, args.feed, args.common.connections());
    let progress = Progress::new();
    let before = Memory::now(common)?;
    let greet = move |index, mut client: Client| async move {
        if let Some(request) = feed.request(index) {
            crowd::ask(&mut client, 1, &request).await?;
        }
        Ok(client)
    };
    let clients = crowd::open(&common.url, count, &progress, greet).await?;
    let lost: Rc<RefCell<Vec<String>>> = Rc::default();
    for mut client in clients {
        let lost = lost.clone();
        tokio::task::spawn_local(async move {
            let ended = loop {
                if let Err(error) = client.receive(|_, _| {}).await {
                    break error;
                }
            };
            lost.borrow_mut().push(format!("{ended:#}"));
        });
    }
    hold(&progress, "settling", common.warmup()).await;
    let opened = Memory::now(common)?;
    let meter = Meter::begin(common.server_pid)?;
    hold(&progress, "holding", common.seconds()).await;
    let held = Memory::now(common)?;

    let mut report = Report::new("idle", common);
    meter.end(&mut report, None)?;
    let each = |from: u64, to: u64| (to as f64 - from as f64) / count as f64;
    if let (Some(before), Some(opened), Some(held)) = (before.server, opened.server, held.server) {
        report.detail("pss_bytes_before", before as f64);
        report.detail("pss_bytes_per_connection", each(before, opened).round());
        report.detail("pss_bytes_per_connection_at_the_end", each(before, held).round());
    } else {
        report.notes.push("without --server-pid the server's memory is not known".to_owned());
    }
    report.detail("kernel_bytes_per_connection_both_ends", each(before.kernel, held.kernel).round());
    let lost = lost.borrow();
    report.detail("connections_closed", lost.len() as f64);
    if let Some(reason) = lost.first() {
        report.notes.push(format!("the first connection that ended: {reason}"));
    }
    Ok(report)
}

async fn hold(progress: &Progress, phase: &'static str, time: Duration) {
    let (start, end) = (clock::now(), clock::now() + clock::nanos(time));
    progress.begin(phase, time.as_secs());
    while clock::now() < end {
        progress.set((clock::now() - start) / 1_000_000_000);
        tokio::time::sleep(clock::until(end).min(Duration::from_millis(200))).await;
    }
}
