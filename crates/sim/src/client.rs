//! A client of the native protocol, or of `/raw` or `/sse`: what it asks, what it has asked, and its copies of feeds.
//!
//! It checks every answer against what it asked, and hands every feed frame to the [`FeedCopy`] that it is for. It knows
//! nothing of the server but its bytes.

mod acts;
mod answers;
mod plain;

use crate::checks::{Broken, Check, Checks};
use crate::copy::{FeedCopy, News, Phase, entry_of};
use crate::faults::{Fault, Faults};
use crate::history::History;
use crate::plan::Plan;
use crate::reader::{Reader, Received, pong_frame};
use crate::words::{Author, SECRET};
use fastrand::Rng;
use model::{EntryId, Format, LaneId, Time};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What was asked with a number.
#[derive(Debug)]
enum Asked {
    /// Answered by this text.
    Echo(String),
    /// Writes with these marks.
    Write(Vec<String>),
    /// Several writes at once.
    Transaction(usize, Vec<String>),
    /// A feed for this copy, which must show the operation `floor` or a later one. `again`: it was open already.
    Open { copy: usize, floor: u64, again: bool, from: Option<EntryId> },
    /// The end of this copy's feed.
    Close { copy: usize, feed: u64 },
    /// What the client's rules forbid.
    Forbidden,
}

impl Asked {
    /// Whether it opens this copy's feed.
    fn opens(&self, at: usize) -> bool {
        matches!(self, Asked::Open { copy, .. } if *copy == at)
    }
}

/// What the client wants done.
#[derive(Debug, PartialEq)]
pub enum Act {
    /// Send these bytes.
    Send(Vec<u8>),
    /// Read this query: a reason to read it.
    Want(Vec<String>),
    /// End the connection without a word.
    HangUp,
    /// Read nothing for so many microseconds.
    Stall(u64),
}

/// What a client may use besides itself.
pub struct Desk<'a> {
    /// The time.
    pub now: Time,
    /// What truly happened.
    pub history: &'a History,
    /// The planted fault.
    pub faults: &'a mut Faults,
    /// The run's randomness.
    pub rng: &'a mut Rng,
    /// What is broken.
    pub checks: &'a mut Checks,
    /// What the client wants done.
    pub acts: &'a mut Vec<Act>,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub number: usize,
    /// The door it comes through.
    pub format: Format,
    /// The restricted lane, if its rules allow only what is public.
    pub lane: Option<LaneId>,
    /// Its rules allow only what is public.
    pub is_restricted: bool,
    /// Its connection.
    pub socket: Option<u64>,
    /// It reads nothing now.
    pub is_stalled: bool,
    /// Since when nothing disturbed it.
    pub calm_since: Time,
    /// Its copies of feeds.
    pub copies: Vec<FeedCopy>,
    reader: Reader,
    author: Author,
    connections: u32,
    is_greeted: bool,
    /// It has said that it goes.
    is_leaving: bool,
    /// A close frame has come.
    is_closed: bool,
    asked: BTreeMap<u64, Asked>,
    next_id: u64,
    /// The last operation of its own that it knows of.
    floor: u64,
    /// Texts it sent that are no requests, or no requests of which it would hear if they were allowed.
    nonsense: u32,
    has_large_values: bool,
    /// There is a limit to its rate, over which anything may be refused.
    is_rated: bool,
}

impl Client {
    /// A client that was never connected; `lane`: the restricted one, if it always goes there.
    pub fn new(number: usize, format: Format, lane: Option<LaneId>, plan: &Plan) -> Client {
        Client {
            number,
            format,
            lane,
            is_restricted: lane.is_some(),
            socket: None,
            is_stalled: false,
            calm_since: Time::ZERO,
            copies: Vec::new(),
            reader: Reader::web_socket(false),
            author: Author::new("", false),
            connections: 0,
            is_greeted: false,
            is_leaving: false,
            is_closed: false,
            asked: BTreeMap::new(),
            next_id: 0,
            floor: 0,
            nonsense: 0,
            has_large_values: plan.has_large_values,
            is_rated: plan.limits.requests_per_second_max > 0,
        }
    }

    /// Requests that wait for their answers.
    pub fn unanswered(&self) -> Option<String> {
        let is_answered = self.asked.is_empty() && self.nonsense == 0;
        (!is_answered).then(|| format!("{:?}, and {} texts that are no requests", self.asked, self.nonsense))
    }

    /// A new connection is there; `format`: what was agreed on.
    pub fn connected(&mut self, socket: u64, format: Format, now: Time) {
        self.socket = Some(socket);
        self.connections += 1;
        self.calm_since = now;
        (self.is_greeted, self.is_leaving, self.is_closed) = (false, false, false);
        self.reader = match format {
            Format::Sse => Reader::event_stream(),
            _ => Reader::web_socket(format.is_deflated()),
        };
        self.author = Author::new(format!("c{}.{}", self.number, self.connections), self.has_large_values);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, now: Time) {
        self.socket = None;
        self.asked.clear();
        (self.floor, self.nonsense) = (0, 0);
        self.calm_since = now;
        self.copies.iter_mut().for_each(FeedCopy::lost);
    }

    /// Bytes have come.
    pub fn read(&mut self, bytes: &[u8], desk: &mut Desk<'_>) {
        self.reader.push(bytes);
        while !desk.acts.contains(&Act::HangUp) {
            match self.reader.take() {
                Ok(Some(received)) => {
                    let result = self.received(received, desk);
                    desk.checks.take(&format!("client {}", self.number), result);
                }
                Ok(None) => return,
                Err(what) => return desk.checks.broken(Check::Format, what),
            }
        }
    }

    fn received(&mut self, received: Received, desk: &mut Desk<'_>) -> Result<(), Broken> {
        if std::mem::replace(&mut self.is_closed, matches!(received, Received::Close(_))) {
            return Err((Check::Format, format!("{received:?} behind a close frame")));
        }
        if self.is_restricted && format!("{received:?}").contains(SECRET) {
            return Err((Check::Permissions, format!("restricted, and received {received:?}")));
        }
        match (received, self.format) {
            (Received::Ping(payload), _) => {
                let mut frame = Vec::new();
                pong_frame(&payload, &mut frame);
                desk.acts.push(Act::Send(frame));
                Ok(())
            }
            (Received::Close(code), Format::Raw) => {
                // Something would have been lost, or the stream was made again: begin anew.
                self.copies.iter_mut().filter(|_| code == 4101).for_each(|copy| copy.place = None);
                Ok(())
            }
            (Received::Close(_), _) => Ok(()),
            (Received::Text(text), Format::Native) => {
                let message: Json =
                    serde_json::from_str(&text).map_err(|error| (Check::Format, format!("{error}: {text}")))?;
                self.message(message, desk).map_err(|(check, what)| (check, format!("{what} by {text}")))
            }
            (Received::Text(text), Format::Raw) => self.plain(News::Bare(text), desk),
            (Received::Event { name, id, data }, Format::Sse) => self.event(&name, id, data, desk),
            (other, format) => Err((Check::Format, format!("{other:?} is not for {format:?}"))),
        }
    }

    /// A message of the native protocol.
    fn message(&mut self, message: Json, desk: &mut Desk<'_>) -> Result<(), Broken> {
        if !self.is_greeted {
            self.is_greeted = true;
            let is_hello = message.get("hello").is_some();
            self.open_wanted(desk);
            return if is_hello { Ok(()) } else { Err((Check::Format, "the first frame is no hello".into())) };
        }
        match (message.get("id").and_then(Json::as_u64), message.get("feed").and_then(Json::as_u64)) {
            (Some(id), _) => {
                let asked = self.asked.remove(&id);
                let asked = asked.ok_or_else(|| (Check::Answers, format!("{id} was not asked, or answered before")))?;
                self.answered(asked, &message, desk)
            }
            // Who goes gets its replies; what it still hears of feeds is not all of it.
            (None, Some(_)) if self.is_leaving => Ok(()),
            (None, Some(feed)) => {
                let at = self.copies.iter().position(|copy| copy.phase == Phase::Open(feed));
                let at = at.ok_or_else(|| (Check::Order, format!("feed {feed} is not open")))?;
                let news = news_of(&message).ok_or_else(|| (Check::Format, "a frame that says nothing".into()))?;
                self.news(at, news, desk)
            }
            // Over the rate nonsense is not even read, nor a command that wants no answer.
            (None, None) if self.is_rated && matches!(code_of(&message), Some("BADREQUEST" | "TOOMANY")) => Ok(()),
            (None, None) if self.nonsense > 0 && matches!(code_of(&message), Some("BADREQUEST" | "NOPERM")) => {
                self.nonsense -= 1;
                Ok(())
            }
            (None, None) => Err((Check::Format, "a frame for nothing".into())),
        }
    }

    fn news(&mut self, at: usize, news: News, desk: &mut Desk<'_>) -> Result<(), Broken> {
        let Some(news) = tampered(news, desk) else { return Ok(()) };
        desk.checks.count(kind_of(&news), 1);
        if matches!(&news, News::Closed(code) if code == "RESET") {
            self.copies[at].place = None;
        }
        let result = self.copies[at].told(news, desk.history);
        result.map_err(|(check, what)| (check, format!("{:?}: {what}", self.copies[at].source)))
    }
}

fn code_of(message: &Json) -> Option<&str> {
    message.get("error")?.get("code")?.as_str()
}

/// What a feed's frame says.
fn news_of(message: &Json) -> Option<News> {
    let rev = message.get("rev").and_then(Json::as_u64);
    let tag = || message.get("tag").and_then(Json::as_str).map(str::to_owned);
    if let Some(value) = message.get("value") {
        return Some(News::Value { rev, tag: tag()?, value: value.clone() });
    }
    if let Some(patch) = message.get("patch") {
        return Some(News::Patch { rev, tag: tag()?, patch: patch.clone() });
    }
    if let Some(code) = code_of(message) {
        return Some(News::Failed { rev, code: code.to_owned() });
    }
    if let Some(text) = message.get("message") {
        return Some(News::Message(text.as_str()?.to_owned()));
    }
    if let Some(entries) = message.get("entries") {
        return Some(News::Entries(entries.as_array()?.iter().map(entry_of).collect::<Option<_>>()?));
    }
    if let Some(gap) = message.get("gap") {
        return Some(News::Gap(gap.get("after")?.as_str()?.parse::<EntryId>().ok()?));
    }
    if let Some(missed) = message.get("missed") {
        return Some(News::Missed(missed.as_u64()));
    }
    if let Some(stale) = message.get("stale") {
        return Some(News::Stale(stale.as_bool()?));
    }
    Some(News::Closed(message.get("closed")?.get("code")?.as_str()?.to_owned()))
}

/// What is counted of news.
fn kind_of(news: &News) -> &'static str {
    match news {
        News::Value { .. } => "values",
        News::Patch { .. } => "patches",
        News::Failed { .. } => "errors shown",
        News::Message(_) => "messages",
        News::Entries(_) => "entries",
        News::Gap(_) => "gaps",
        News::Missed(Some(_)) => "missed told",
        News::Missed(None) => "interruptions told",
        News::Stale(_) => "stale told",
        News::Closed(code) if code == "RESET" => "resets",
        News::Closed(_) => "feeds closed",
        News::Bare(_) => "bare frames",
    }
}

/// News with the planted fault.
fn tampered(mut news: News, desk: &mut Desk<'_>) -> Option<News> {
    match &mut news {
        News::Missed(Some(count)) if desk.faults.strikes(Fault::MissedOffByOne, 1, desk.rng) => *count += 1,
        News::Patch { rev: Some(rev), .. } if desk.faults.strikes(Fault::RepeatRevision, 10, desk.rng) => *rev -= 1,
        News::Gap(_) if desk.faults.strikes(Fault::DropGap, 1, desk.rng) => return None,
        _ => {}
    }
    Some(news)
}
