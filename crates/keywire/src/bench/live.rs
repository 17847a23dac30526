//! `bench live`: clients that watch the top of a sorted set while one writer changes it.
//!
//! A member's score is the intended time of the write. So the greatest score in a frame says which writes it shows,
//! and the latency of a frame is counted from the oldest write that the frame before did not show. In the end every
//! client must hold the tag that a fresh read of the same query has.

use super::client::Client;
use super::fanout::{after, digits, watch};
use super::progress::Progress;
use super::pump::{self, Pace, Plan, Pump};
use super::report::{Meter, Report};
use super::tally::Tally;
use super::{Common, clock, crowd};
use anyhow::Context;
use clap::Args;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[derive(Args, Debug)]
pub struct LiveArgs {
    #[command(flatten)]
    pub common: Common,
    /// Writes a second, at their times whatever happens
    #[arg(long, default_value_t = 1000.0, value_name = "R", value_parser = rate)]
    rate: f64,
    /// Members of the sorted set
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    members: u32,
    /// How many of the top are watched
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    top: u32,
    /// The pace that the clients ask for, in milliseconds
    #[arg(long, default_value_t = 50, value_name = "MS")]
    every: u32,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(n) if n > 0.0 && n <= 100_000.0 => Ok(n),
        _ => Err("a number of writes a second from above 0 to 100000 is wanted".into()),
    }
}

/// The sorted set.
const KEY: &str = "bench:top";
/// Added to the microseconds of a score, so that scores are told from other numbers by their size.
const BASE: f64 = 1e15;
/// How long clients may take to reach the last value.
const CONVERGE: Duration = Duration::from_secs(5);

/// What one client has been shown.
#[derive(Default)]
struct Screen {
    rev: u64,
    tag: Vec<u8>,
    /// The newest write that was shown, by number.
    newest: Option<u64>,
}

/// Counts that only this scenario has.
#[derive(Default)]
struct Frames {
    patches: u64,
    values: u64,
    /// A patch whose rev did not follow the held one, or a rev that fell.
    broken: u64,
}

struct World {
    start: u64,
    rate: f64,
    tally: RefCell<Tally>,
    frames: RefCell<Frames>,
    screens: RefCell<Vec<Screen>>,
}

pub async fn run(args: LiveArgs) -> anyhow::Result<Report> {
    let count = args.common.connections();
    let progress = Progress::new();
    fill(&args).await.context("filling the sorted set")?;
    let request = format!(
        "{{\"id\":1,\"live\":[\"ZRANGE\",\"{KEY}\",\"0\",\"{}\",\"REV\",\"WITHSCORES\"],\"every\":{}}}",
        args.top - 1,
        args.every
    );
    let opening = request.clone();
    let watching = move |_, mut client: Client| {
        let request = opening.clone();
        async move {
            crowd::ask(&mut client, 1, &request).await?;
            Ok(client)
        }
    };
    let clients = crowd::open(&args.common.url, count, &progress, watching).await?;

    let start = clock::now() + 100_000_000;
    let from = start + clock::nanos(args.common.warmup());
    let end = from + clock::nanos(args.common.seconds());
    let world = Rc::new(World {
        start,
        rate: args.rate,
        tally: RefCell::new(Tally::new(from..end)),
        frames: RefCell::default(),
        screens: RefCell::new((0..count).map(|_| Screen::default()).collect()),
    });
    let members = u64::from(args.members);
    let plan = Plan { url: args.common.url.clone(), start, end, pace: Pace::PerSecond(args.rate) };
    let pump = Pump::start(plan, move |k, intended, text| write(k % members, intended, text))?;
    for (index, client) in clients.into_iter().enumerate() {
        tokio::task::spawn_local(look(client, index, world.clone()));
    }

    tokio::time::sleep(clock::until(from)).await;
    let meter = Meter::begin(args.common.server_pid)?;
    watch(&progress, &world.tally, &pump, from, end).await;
    let sent = pump.join()?;
    let (tag, converged) = converge(&args, &request, &world).await?;
    anyhow::ensure!(!tag.is_empty(), "the server's replies carry no tag");

    let (tally, frames) = (world.tally.borrow(), world.frames.borrow());
    let mut report = Report::new("live", &args.common);
    report.detail("members", f64::from(args.members));
    report.detail("every_ms", f64::from(args.every));
    report.detail("rate_per_second", args.rate);
    report.detail("patches", frames.patches as f64);
    report.detail("values", frames.values as f64);
    report.detail("revisions_broken", frames.broken as f64);
    report.detail("converged", converged as f64);
    report.tally(&tally);
    report.sender(&sent);
    meter.end(&mut report, Some(tally.measured))?;
    if converged < count {
        report.notes.push(format!("{} clients do not show the last value", count - converged));
    }
    Ok(report)
}

/// Puts all members in, so that the first write of the run is like the last.
async fn fill(args: &LiveArgs) -> anyhow::Result<()> {
    const AT_ONCE: u32 = 500;
    let mut client = Client::connect(&args.common.url, super::client::scratch()).await?;
    crowd::ask(&mut client, 1, &format!("{{\"id\":1,\"command\":[\"DEL\",\"{KEY}\"]}}")).await?;
    for first in (0..args.members).step_by(AT_ONCE as usize) {
        let mut request = format!("{{\"id\":2,\"command\":[\"ZADD\",\"{KEY}\"");
        for member in first..(first + AT_ONCE).min(args.members) {
            request += &format!(",\"0\",\"m{member}\"");
        }
        crowd::ask(&mut client, 2, &(request + "]}")).await?;
    }
    Ok(())
}

fn write(member: u64, intended: u64, text: &mut Vec<u8>) {
    let score = BASE as u64 + intended / 1000;
    let command = format!("{{\"command\":[\"ZADD\",\"{KEY}\",\"{score}\",\"m{member}\"]}}");
    text.extend_from_slice(command.as_bytes());
}

async fn look(mut client: Client, index: usize, world: Rc<World>) {
    let ended = loop {
        if let Err(error) = client.receive(|frame, bytes| world.shown(index, frame, bytes)).await {
            break error;
        }
    };
    world.tally.borrow_mut().ended(&ended);
}

impl World {
    /// A client was sent this frame.
    fn shown(&self, index: usize, frame: &[u8], bytes: usize) {
        let Some(rev) = after(frame, b"\"rev\":").map(digits) else { return };
        let (mut screens, mut frames) = (self.screens.borrow_mut(), self.frames.borrow_mut());
        let screen = &mut screens[index];
        let patch = memchr::memmem::find(frame, b"\"patch\":").is_some();
        *if patch { &mut frames.patches } else { &mut frames.values } += 1;
        let follows = if patch { rev == screen.rev + 1 } else { rev > screen.rev };
        frames.broken += u64::from(screen.rev > 0 && !follows);
        screen.rev = rev;
        screen.tag = tag(frame).to_vec();
        let Some(newest) = greatest_score(frame).map(|score| self.number(score)) else { return };
        let oldest = screen.newest.map_or(0, |shown| shown + 1);
        if newest >= oldest {
            let intended = pump::intended(self.start, oldest, self.rate);
            self.tally.borrow_mut().arrived(intended, clock::now(), bytes);
            screen.newest = Some(newest);
        }
    }

    /// Which write has this score.
    fn number(&self, score: f64) -> u64 {
        let ns = (score - BASE) * 1000.0 - self.start as f64;
        (ns * self.rate / 1e9).round().max(0.0) as u64
    }
}

/// Waits until all clients hold the tag of a fresh read; says how many do.
async fn converge(args: &LiveArgs, request: &str, world: &World) -> anyhow::Result<(Vec<u8>, usize)> {
    let deadline = clock::now() + clock::nanos(CONVERGE);
    let mut client = Client::connect(&args.common.url, super::client::scratch()).await?;
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let reply = crowd::ask(&mut client, 1, request).await?;
        let fresh = tag(&reply).to_vec();
        let feed = after(&reply, b"\"feed\":").map_or(0, digits);
        crowd::ask(&mut client, 2, &format!("{{\"id\":2,\"close\":{feed}}}")).await?;
        let same = world.screens.borrow().iter().filter(|screen| screen.tag == fresh).count();
        if same == args.common.connections() || clock::now() > deadline {
            return Ok((fresh, same));
        }
    }
}

fn tag(frame: &[u8]) -> &[u8] {
    after(frame, b"\"tag\":\"").and_then(|rest| rest.split(|b| *b == b'"').next()).unwrap_or(b"")
}

/// The greatest number in the frame that is a score.
fn greatest_score(frame: &[u8]) -> Option<f64> {
    let numeric = |b: &u8| b.is_ascii_digit() || b"+.eE".contains(b);
    let numbers = frame.split(|b| !numeric(b)).filter(|text| text.len() >= 5);
    let scores = numbers.filter_map(|text| std::str::from_utf8(text).ok()?.parse::<f64>().ok());
    scores.filter(|score| *score > BASE && score.is_finite()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World {
            start: 5_000_000,
            rate: 5000.0,
            tally: RefCell::new(Tally::new(0..u64::MAX)),
            frames: RefCell::default(),
            screens: RefCell::new(vec![Screen::default()]),
        }
    }

    fn score(world: &World, k: u64) -> u64 {
        BASE as u64 + pump::intended(world.start, k, world.rate) / 1000
    }

    #[test]
    fn a_score_names_its_write() {
        let world = world();
        for k in [0, 1, 2, 4999, 123_456] {
            assert_eq!(world.number(score(&world, k) as f64), k);
        }
    }

    #[test]
    fn scores_are_found_however_a_double_is_written() {
        assert_eq!(greatest_score(b"[[\"m1\",1000000000000007],[\"m2\",1000000000000003]]"), Some(1e15 + 7.0));
        assert_eq!(greatest_score(b"{\"value\":1.000000000000007e15}"), Some(1e15 + 7.0));
        assert_eq!(greatest_score(b"{\"feed\":1234567,\"rev\":12,\"tag\":\"1e99e99e99e99e9\"}"), None);
    }

    #[test]
    fn latency_counts_from_the_oldest_write_not_shown_before() {
        let world = world();
        let frame = |rev: u64, kind: &str, k: u64| {
            format!("{{\"feed\":1,\"rev\":{rev},\"tag\":\"t{rev}\",\"{kind}\":[[\"m\",{}]]}}", score(&world, k))
        };
        let show = |frame: String| world.shown(0, frame.as_bytes(), frame.len());
        show(frame(4, "value", 9));
        show(frame(5, "patch", 9));
        show(frame(6, "patch", 29));
        let tally = world.tally.borrow();
        assert_eq!(tally.delivered, 2, "a frame that shows nothing new has no latency");
        assert_eq!(world.screens.borrow()[0].newest, Some(29));
        assert_eq!(world.screens.borrow()[0].tag, b"t6");
        assert_eq!(world.frames.borrow().broken, 0);
    }

    #[test]
    fn revisions_that_do_not_follow_are_told() {
        let world = world();
        let show = |frame: &str| world.shown(0, frame.as_bytes(), frame.len());
        show("{\"feed\":1,\"rev\":4,\"tag\":\"a\",\"value\":[]}");
        show("{\"feed\":1,\"rev\":6,\"tag\":\"b\",\"patch\":[]}");
        show("{\"feed\":1,\"rev\":9,\"tag\":\"c\",\"value\":[]}");
        show("{\"feed\":1,\"rev\":9,\"tag\":\"c\",\"value\":[]}");
        assert_eq!(world.frames.borrow().broken, 2);
    }
}
