//! `bench rtt`: commands and their replies, one outstanding per connection.
//!
//! Without a rate each connection sends when its reply is there (closed loop). With one, each command has its time;
//! where the reply before it is late, it goes out late, and its latency counts from its time all the same.

use super::client::Client;
use super::progress::Progress;
use super::report::{Meter, Report};
use super::tally::Tally;
use super::{Common, clock, crowd, pump};
use clap::Args;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

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
    for (index, client) in clients.into_iter().enumerate() {
        let schedule = Schedule { start, end, index: index as u64, count: count as u64, rate: args.rate };
        tokio::task::spawn_local(converse(client, request.clone(), schedule, tally.clone()));
    }
    tokio::time::sleep(clock::until(from)).await;
    let meter = Meter::begin(args.common.server_pid)?;
    progress.begin("measuring", args.common.seconds as u64);
    while clock::now() < end {
        tokio::time::sleep(clock::until(end).min(Duration::from_millis(100))).await;
        progress.set(clock::now().saturating_sub(from) / 1_000_000_000);
        progress.say(tally.borrow().line());
    }
    let server = meter.map(|meter| meter.end(Some(tally.borrow().measured))).transpose()?;
    // Commands that are still out have waited since their time: they belong to the latencies.
    tokio::time::sleep(Duration::from_millis(500)).await;

    let tally = tally.borrow();
    let mut report = Report::new("rtt", &args.common);
    if let Some(rate) = args.rate {
        report.detail("rate_per_second", rate);
    }
    report.tally(&tally);
    report.server = server;
    Ok(report)
}

/// When one connection sends.
struct Schedule {
    start: u64,
    end: u64,
    index: u64,
    count: u64,
    rate: Option<f64>,
}

impl Schedule {
    /// When the connection's command number `n` is to go; none without a rate.
    fn intended(&self, n: u64) -> Option<u64> {
        self.rate.map(|rate| pump::intended(self.start, n * self.count + self.index, rate))
    }
}

async fn converse(mut client: Client, request: Rc<str>, schedule: Schedule, tally: Rc<RefCell<Tally>>) {
    for n in 0.. {
        let intended = match schedule.intended(n) {
            Some(at) => {
                tokio::time::sleep(clock::until(at)).await;
                at
            }
            None => clock::now(),
        };
        if intended >= schedule.end {
            return;
        }
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
    fn connections_take_turns() {
        let schedule = |index, rate| Schedule { start: 1000, end: u64::MAX, index, count: 4, rate };
        assert_eq!(schedule(0, None).intended(3), None);
        let first: Vec<_> = (0..4).map(|index| schedule(index, Some(1e9)).intended(0).unwrap()).collect();
        assert_eq!(first, [1000, 1001, 1002, 1003]);
        assert_eq!(schedule(1, Some(1e9)).intended(2), Some(1009));
    }
}
