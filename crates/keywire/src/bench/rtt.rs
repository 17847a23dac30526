//! `bench rtt`: commands and their replies, one outstanding per connection.
//!
//! Without a rate each connection sends when its reply is there (closed loop). With one, a thread of its own calls the
//! connections in turn, each command at its time; where the reply before it is late, the command goes out late, and its
//! latency counts from its time all the same.

use super::client::Client;
use super::progress::Progress;
use super::report::{Meter, Report};
use super::tally::{Tally, histogram};
use super::{Common, clock, crowd, pump};
use clap::Args;
use hdrhistogram::Histogram;
use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[derive(Args, Debug)]
pub struct RttArgs {
    #[command(flatten)]
    pub common: Common,
    /// Commands a second of all connections together, at their times; without it as fast as replies come
    #[arg(long, value_name = "R", value_parser = rate)]
    rate: Option<f64>,
    /// The command, its words separated by spaces
    #[arg(long, default_value = "GET bench:rtt", value_name = "COMMAND")]
    command: String,
    /// Bytes of the value that the key bench:rtt is given first
    #[arg(long, default_value_t = 128, value_name = "BYTES")]
    size: usize,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if n > 0.0 && n <= 1e7 => Ok(n),
        _ => Err("a number of commands a second above 0 is wanted".into()),
    }
}

pub async fn run(args: RttArgs) -> anyhow::Result<Report> {
    let count = args.common.connections();
    let progress = Progress::new();
    let mut first = Client::connect(&args.common.url, super::client::scratch()).await?;
    let value = "x".repeat(args.size);
    crowd::ask(&mut first, 1, &format!("{{\"id\":1,\"command\":[\"SET\",\"bench:rtt\",\"{value}\"]}}")).await?;
    let words: Vec<&str> = args.command.split_whitespace().collect();
    let request: Rc<str> = format!("{{\"id\":2,\"command\":{}}}", serde_json::to_string(&words)?).into();
    let trial = request.clone();
    let greet = move |_, mut client: Client| {
        let trial = trial.clone();
        async move {
            crowd::ask(&mut client, 2, &trial).await?;
            Ok(client)
        }
    };
    let clients = crowd::open(&args.common.url, count, &progress, greet).await?;

    let start = clock::now() + 50_000_000;
    let from = start + clock::nanos(args.common.warmup());
    let end = from + clock::nanos(args.common.seconds());
    let tally = Rc::new(RefCell::new(Tally::new(from..end)));
    let (calls, turns): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
    let caller = args.rate.map(|rate| thread::spawn(move || call(start, end, rate, &calls)));
    for (client, called) in clients.into_iter().zip(turns) {
        let turns = if caller.is_some() { Turns::Called(called) } else { Turns::AtOnce { start, end } };
        tokio::task::spawn_local(converse(client, request.clone(), turns, tally.clone()));
    }
    tokio::time::sleep(clock::until(from)).await;
    let meter = Meter::begin(args.common.server_pid)?;
    progress.begin("measuring", args.common.seconds as u64);
    while clock::now() < end {
        tokio::time::sleep(clock::until(end).min(Duration::from_millis(100))).await;
        progress.set(clock::now().saturating_sub(from) / 1_000_000_000);
        progress.say(tally.borrow().line());
    }
    let mut report = Report::new("rtt", &args.common);
    meter.end(&mut report, Some(tally.borrow().measured))?;
    // Commands that are still out have waited since their time: they belong to the latencies.
    tokio::time::sleep(Duration::from_millis(500)).await;
    if let Some(caller) = caller {
        report.late(&caller.join().map_err(|_| anyhow::anyhow!("the calling thread panicked"))?);
    }
    if let Some(rate) = args.rate {
        report.detail("rate_per_second", rate);
    }
    report.tally(&tally.borrow());
    Ok(report)
}

/// Calls the connections in turn, each command at its time; says how late it was itself. A timer of the crowd's thread
/// would be exact to a millisecond only.
fn call(start: u64, end: u64, rate: f64, connections: &[UnboundedSender<u64>]) -> Histogram<u64> {
    let mut late = histogram();
    for (k, connection) in (0..).zip(connections.iter().cycle()) {
        let intended = pump::intended(start, k, rate);
        if intended >= end {
            break;
        }
        thread::sleep(clock::until(intended));
        late.saturating_record(clock::now().saturating_sub(intended));
        // A connection that has ended is told of by the tally.
        let _ = connection.send(intended);
    }
    late
}

/// When one connection sends.
enum Turns {
    /// When it has its reply, within these times.
    AtOnce { start: u64, end: u64 },
    /// When it is called, with the intended time.
    Called(UnboundedReceiver<u64>),
}

impl Turns {
    /// The intended time of the next command, once it is there; none when there is no further one.
    async fn next(&mut self) -> Option<u64> {
        match self {
            Turns::Called(calls) => calls.recv().await,
            Turns::AtOnce { start, end } => {
                tokio::time::sleep(clock::until(*start)).await;
                Some(clock::now()).filter(|now| now < end)
            }
        }
    }
}

async fn converse(mut client: Client, request: Rc<str>, mut turns: Turns, tally: Rc<RefCell<Tally>>) {
    while let Some(intended) = turns.next().await {
        match turn(&mut client, &request).await {
            Ok(bytes) => tally.borrow_mut().arrived(intended, clock::now(), bytes),
            Err(error) => return tally.borrow_mut().ended(&error),
        }
    }
}

/// One command and its reply; the size of the reply's frame.
async fn turn(client: &mut Client, request: &str) -> anyhow::Result<usize> {
    client.send(request).await?;
    let mut reply = None;
    while reply.is_none() {
        client.receive(|message, bytes| reply = reply.or(is_reply(message).then_some(bytes))).await?;
    }
    reply.ok_or_else(|| anyhow::anyhow!("the loop ends only with a reply"))
}

/// Every frame but `hello` is a reply: a connection that opens no feed hears nothing else.
fn is_reply(message: &[u8]) -> bool {
    !message.starts_with(b"{\"hello\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_called_in_turn_each_at_its_time() {
        let (calls, mut turns): (Vec<_>, Vec<_>) = (0..2).map(|_| unbounded_channel()).unzip();
        let start = clock::now();
        let late = call(start, start + 5_000_000, 1000.0, &calls);
        assert_eq!(late.len(), 5);
        let mut called = |index: usize| std::iter::from_fn(|| turns[index].try_recv().ok()).collect::<Vec<_>>();
        assert_eq!(called(0), [0, 2, 4].map(|ms| start + ms * 1_000_000));
        assert_eq!(called(1), [1, 3].map(|ms| start + ms * 1_000_000));
    }
}
