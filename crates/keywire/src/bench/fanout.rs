//! `bench fanout`: subscribers of one channel, or divided among several, and one publisher.
//!
//! A message's payload begins with its number and its intended time, so each subscriber knows what it should get.

use super::client::Client;
use super::progress::Progress;
use super::pump::{Pace, Plan, Pump};
use super::report::{Losses, Meter, Report};
use super::tally::Tally;
use super::{Common, clock, crowd};
use anyhow::ensure;
use clap::Args;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Args, Debug)]
pub struct FanoutArgs {
    #[command(flatten)]
    pub common: Common,
    /// Messages a second, at their times whatever happens; or max: as fast as deliveries come back
    #[arg(long, default_value = "20", value_name = "R", value_parser = rate)]
    rate: Rate,
    /// With --rate max: messages under way at most
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    lag: u64,
    /// Bytes of a message
    #[arg(long, default_value_t = 128, value_name = "BYTES", value_parser = size)]
    size: usize,
    /// Connection i subscribes to channel i modulo this
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    channels: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rate {
    PerSecond(f64),
    Max,
}

fn rate(text: &str) -> Result<Rate, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Rate::Max),
        Ok(n) if n > 0.0 && n <= 1e6 => Ok(Rate::PerSecond(n)),
        _ => Err("a number of messages a second above 0, or max, is wanted".into()),
    }
}

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (STAMP..=1 << 20).contains(&n) => Ok(n),
        _ => Err(format!("a number of bytes from {STAMP} to 1048576 is wanted")),
    }
}

/// How long deliveries may come in after the last message.
const DRAIN: Duration = Duration::from_secs(3);

pub async fn run(args: FanoutArgs) -> anyhow::Result<Report> {
    let (count, channels) = (args.common.connections(), args.channels as usize);
    ensure!(channels <= count, "{channels} channels need at least as many --connections");
    let progress = Progress::new();
    let subscribe = move |index, mut client: Client| async move {
        let request = format!("{{\"id\":1,\"subscribe\":\"bench:{}\"}}", index % channels);
        crowd::ask(&mut client, 1, &request).await?;
        Ok(client)
    };
    let clients = crowd::open(&args.common.url, count, &progress, subscribe).await?;

    let start = clock::now() + 100_000_000;
    let from = start + clock::nanos(args.common.warmup());
    let end = from + clock::nanos(args.common.seconds());
    let pace = match args.rate {
        Rate::PerSecond(rate) => Pace::PerSecond(rate),
        Rate::Max => Pace::Max { lag: args.lag, fan: count as f64 / channels as f64 },
    };
    let tally = Rc::new(RefCell::new(Tally::new(from..end)));
    let size = args.size;
    let plan = Plan { url: args.common.url.clone(), start, end, pace };
    let pump = Pump::start(plan, move |k, intended, text| publish(k, intended, channels, size, text))?;
    for client in clients {
        tokio::task::spawn_local(listen(client, tally.clone(), pump.delivered.clone()));
    }

    tokio::time::sleep(clock::until(from)).await;
    let meter = Meter::begin(args.common.server_pid)?;
    watch(&progress, &tally, &pump, from, end).await;
    let sent = pump.join()?;
    let expected = expected(sent.due, count, channels);
    let drained = clock::now() + clock::nanos(DRAIN);
    let arrived = |tally: &Tally| tally.delivered + tally.missed_told;
    while arrived(&tally.borrow()) < expected && clock::now() < drained {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let tally = tally.borrow();
    let mut report = Report::new("fanout", &args.common);
    report.detail("channels", channels as f64);
    report.detail("message_bytes", size as f64);
    if let Rate::PerSecond(rate) = args.rate {
        report.detail("rate_per_second", rate);
    }
    report.tally(&tally);
    report.sender(&sent);
    report.losses = Some(Losses {
        expected,
        lost: expected.saturating_sub(tally.delivered),
        missed_told: tally.missed_told,
        disordered: tally.disordered,
        connections_closed: tally.closed,
    });
    meter.end(&mut report, Some(tally.measured))?;
    Ok(report)
}

/// Shows how it goes until everything is sent.
pub async fn watch(progress: &Progress, tally: &RefCell<Tally>, pump: &Pump, from: u64, end: u64) {
    progress.begin("measuring", (end - from) / 1_000_000_000);
    while !pump.is_done() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        progress.set(clock::now().saturating_sub(from) / 1_000_000_000);
        progress.say(tally.borrow().line());
    }
}

/// Deliveries of so many messages, sent to the channels in turn.
fn expected(messages: u64, connections: usize, channels: usize) -> u64 {
    let turns = |total: u64, of: usize, index: usize| total / of as u64 + u64::from((index as u64) < total % of as u64);
    (0..channels).map(|c| turns(messages, channels, c) * turns(connections as u64, channels, c)).sum()
}

/// The number of a message and its intended time, each as sixteen hexadecimal digits.
const STAMP: usize = 32;

fn publish(k: u64, intended: u64, channels: usize, size: usize, text: &mut Vec<u8>) {
    let head = format!("{{\"command\":[\"PUBLISH\",\"bench:{}\",\"{k:016x}{intended:016x}", k % channels as u64);
    text.extend_from_slice(head.as_bytes());
    text.resize(text.len() + size - STAMP, b'x');
    text.extend_from_slice(b"\"]}");
}

async fn listen(mut client: Client, tally: Rc<RefCell<Tally>>, delivered: Arc<AtomicU64>) {
    let mut last = None;
    let ended = loop {
        let mut fresh = 0;
        let received =
            client.receive(|message, bytes| fresh += heard(message, bytes, &mut last, &mut tally.borrow_mut())).await;
        delivered.fetch_add(fresh, Ordering::Release);
        if let Err(error) = received {
            break error;
        }
    };
    tally.borrow_mut().ended(&ended);
}

/// Counts one frame; says how many deliveries are settled by it.
fn heard(frame: &[u8], bytes: usize, last: &mut Option<u64>, tally: &mut Tally) -> u64 {
    if let Some((k, intended)) = stamp(frame) {
        if last.is_some_and(|last| k <= last) {
            tally.disordered += 1;
            return 0;
        }
        *last = Some(k);
        tally.arrived(intended, clock::now(), bytes);
        return 1;
    }
    let missed = after(frame, b"\"missed\":").map_or(0, digits);
    tally.missed_told += missed;
    missed
}

fn stamp(frame: &[u8]) -> Option<(u64, u64)> {
    let payload = after(frame, b"\"message\":\"")?.get(..STAMP)?;
    let number = |hex| u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok();
    Some((number(&payload[..16])?, number(&payload[16..])?))
}

/// What follows `mark`.
pub fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    memchr::memmem::find(text, mark).map(|at| &text[at + mark.len()..])
}

/// The number that `text` begins with; 0 if with none.
pub fn digits(text: &[u8]) -> u64 {
    text.iter().take_while(|b| b.is_ascii_digit()).fold(0, |n, b| n * 10 + u64::from(b - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_its_number_and_time() {
        let mut text = Vec::new();
        publish(7, 12345, 3, 64, &mut text);
        let text = String::from_utf8(text).unwrap();
        let payload =
            text.strip_prefix("{\"command\":[\"PUBLISH\",\"bench:1\",\"").unwrap().strip_suffix("\"]}").unwrap();
        assert_eq!(payload.len(), 64);
        let frame = format!("{{\"feed\":18,\"message\":\"{payload}\"}}");
        assert_eq!(stamp(frame.as_bytes()), Some((7, 12345)));
        assert_eq!(stamp(b"{\"feed\":18,\"message\":\"hello\"}"), None);
    }

    #[test]
    fn deliveries_missed_and_disorder_are_counted() {
        let mut tally = Tally::new(0..u64::MAX);
        let mut last = None;
        let mut hear = |k: u64| {
            let frame = format!("{{\"feed\":1,\"message\":\"{k:016x}{:016x}\"}}", 0);
            heard(frame.as_bytes(), frame.len(), &mut last, &mut tally)
        };
        assert_eq!([hear(1), hear(2), hear(2), hear(5)], [1, 1, 0, 1]);
        assert_eq!(heard(b"{\"feed\":1,\"missed\":12}", 22, &mut last, &mut tally), 12);
        assert_eq!(heard(b"{\"feed\":1,\"missed\":null}", 24, &mut last, &mut tally), 0);
        assert_eq!((tally.delivered, tally.disordered, tally.missed_told), (3, 1, 12));
    }

    #[test]
    fn what_is_expected_where_channels_do_not_divide_evenly() {
        assert_eq!(expected(120, 1000, 1), 120_000);
        // Channels 0 and 1 have two subscribers, channel 2 has one; channel 0 gets four messages, the others three.
        assert_eq!(expected(10, 5, 3), 4 * 2 + 3 * 2 + 3);
        assert_eq!(expected(0, 5, 3), 0);
    }

    #[test]
    fn rates_and_sizes() {
        assert_eq!(rate("max"), Ok(Rate::Max));
        assert_eq!(rate("0.5"), Ok(Rate::PerSecond(0.5)));
        assert!(rate("0").is_err() && rate("fast").is_err() && rate("-1").is_err() && rate("nan").is_err());
        assert!(size("32").is_ok() && size("31").is_err() && size("2000000").is_err());
    }
}
