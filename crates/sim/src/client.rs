//! A client of the native protocol, or of `/raw` or `/sse`: what it asks, what it has asked, and its copies of feeds.
//!
//! It checks every answer against what it asked, and hands every feed frame to the [`Copy`] that it is for. It knows
//! nothing of the server but its bytes.

use crate::checks::{Broken, Check, Checks};
use crate::copy::{Copy, News, Phase, Source, entry_of};
use crate::faults::{Fault, Faults};
use crate::history::{History, Shown, mark_of};
use crate::reader::{Reader, Received, close_frame, pong_frame, text_frame};
use crate::words::{self, Author, SECRET};
use fastrand::Rng;
use model::{EntryId, Format, LaneId, Time};
use serde_json::{Value as Json, json};
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
    /// Its lane, if it always comes to the same.
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
    pub copies: Vec<Copy>,
    reader: Reader,
    author: Author,
    connections: u32,
    is_greeted: bool,
    /// A close frame has come.
    is_closed: bool,
    asked: BTreeMap<u64, Asked>,
    next_id: u64,
    /// The last operation of its own that it knows of.
    floor: u64,
    /// Texts it sent that are no requests.
    nonsense: u32,
    has_large_values: bool,
}

impl Client {
    /// A client that was never connected.
    pub fn new(
        number: usize,
        format: Format,
        lane: Option<LaneId>,
        is_restricted: bool,
        has_large_values: bool,
    ) -> Client {
        Client {
            number,
            format,
            lane,
            is_restricted,
            socket: None,
            is_stalled: false,
            calm_since: Time::ZERO,
            copies: Vec::new(),
            reader: Reader::web_socket(),
            author: Author::new("", false),
            connections: 0,
            is_greeted: false,
            is_closed: false,
            asked: BTreeMap::new(),
            next_id: 0,
            floor: 0,
            nonsense: 0,
            has_large_values,
        }
    }

    /// Requests that wait for their answers.
    pub fn unanswered(&self) -> Option<String> {
        let is_answered = self.asked.is_empty() && self.nonsense == 0;
        (!is_answered).then(|| format!("{:?}, and {} texts that are no requests", self.asked, self.nonsense))
    }

    /// A new connection is there.
    pub fn connected(&mut self, socket: u64, now: Time) {
        self.socket = Some(socket);
        self.connections += 1;
        self.calm_since = now;
        (self.is_greeted, self.is_closed) = (false, false);
        self.reader = if self.format == Format::Sse { Reader::event_stream() } else { Reader::web_socket() };
        self.author = Author::new(format!("c{}.{}", self.number, self.connections), self.has_large_values);
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, now: Time) {
        self.socket = None;
        self.asked.clear();
        (self.floor, self.nonsense) = (0, 0);
        self.calm_since = now;
        self.copies.iter_mut().for_each(Copy::lost);
    }

    /// Bytes have come.
    pub fn read(&mut self, bytes: &[u8], desk: &mut Desk<'_>) {
        self.reader.push(bytes);
        while !desk.acts.contains(&Act::HangUp) {
            match self.reader.next() {
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
            (None, Some(feed)) => {
                let at = self.copies.iter().position(|copy| copy.phase == Phase::Open(feed));
                let at = at.ok_or_else(|| (Check::Order, format!("feed {feed} is not open")))?;
                let news = news_of(&message).ok_or_else(|| (Check::Format, "a frame that says nothing".into()))?;
                self.news(at, news, desk)
            }
            (None, None) if self.nonsense > 0 && code_of(&message) == Some("BADREQUEST") => {
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

    fn answered(&mut self, asked: Asked, message: &Json, desk: &mut Desk<'_>) -> Result<(), Broken> {
        let code = code_of(message).filter(|_| message.get("feed").is_none());
        if matches!(asked, Asked::Forbidden) {
            let is_refused = code == Some("NOPERM");
            desk.checks.count("forbidden", 1);
            return if is_refused {
                Ok(())
            } else {
                Err((Check::Permissions, "a forbidden request was answered".into()))
            };
        }
        let wrong = |asked: &Asked| Err((Check::Answers, format!("the answer to {asked:?}")));
        let result = message.get("result");
        match (asked, code) {
            (Asked::Open { copy, .. }, Some(code)) => self.refused(copy, code),
            (_, Some("UNAVAILABLE")) => Ok(()),
            (Asked::Write(_), Some("WRONGTYPE" | "ERR" | "TOOBIG")) | (Asked::Transaction(..), Some("TOOBIG")) => {
                Ok(())
            }
            (Asked::Write(marks), None) if result.is_some() => {
                self.wrote(&marks, desk.history);
                Ok(())
            }
            (Asked::Transaction(count, marks), None)
                if result.is_some_and(|r| r.as_array().is_some_and(|r| r.len() == count)) =>
            {
                self.wrote(&marks, desk.history);
                Ok(())
            }
            (Asked::Echo(text), None) if result == Some(&Json::String(text.clone())) => Ok(()),
            (Asked::Close { copy, feed }, None | Some("NOFEED")) => {
                if self.copies[copy].phase == Phase::Open(feed) {
                    self.copies[copy].lost();
                    self.copies[copy].phase = Phase::Idle;
                }
                Ok(())
            }
            (Asked::Open { copy, floor, again, from }, None) => self.opened(copy, floor, again, from, message, desk),
            (asked, _) => wrong(&asked),
        }
    }

    fn wrote(&mut self, marks: &[String], history: &History) {
        let seqs = marks.iter().filter_map(|mark| history.seq_of(mark));
        self.floor = seqs.fold(self.floor, u64::max);
    }

    fn refused(&mut self, at: usize, code: &str) -> Result<(), Broken> {
        let copy = &mut self.copies[at];
        if !matches!(copy.phase, Phase::Open(_)) {
            copy.phase = if code == "UNAVAILABLE" { Phase::Wanted } else { Phase::Idle };
        }
        match (code, &copy.source) {
            ("RESET", Source::Stream(_)) => {
                copy.place = None;
                Ok(())
            }
            ("UNAVAILABLE" | "TOOMANY" | "TOOBIG", _) | ("WRONGTYPE", Source::Stream(_)) => Ok(()),
            _ => Err((Check::Answers, format!("{:?} was refused", copy.source))),
        }
    }

    fn opened(
        &mut self,
        at: usize,
        floor: u64,
        again: bool,
        asked: Option<EntryId>,
        message: &Json,
        desk: &mut Desk<'_>,
    ) -> Result<(), Broken> {
        let number = |name: &str| message.get(name).and_then(Json::as_u64);
        let feed = number("feed").ok_or_else(|| (Check::Format, "no feed number".to_owned()))?;
        let copy = &mut self.copies[at];
        let was_open = copy.phase == Phase::Open(feed);
        if let (true, Phase::Open(before), false) = (again, copy.phase, was_open) {
            return Err((Check::Answers, format!("feed {before} was opened again as {feed}")));
        }
        copy.phase = Phase::Open(feed);
        if !was_open {
            copy.open_since = desk.now;
        }
        let is_stale = message.get("stale") == Some(&Json::Bool(true));
        let held = copy.rev;
        let result = match &copy.source {
            Source::Query { .. } => {
                let content = match (message.get("same"), message.get("value"), code_of(message)) {
                    (Some(_), ..) => {
                        desk.checks.count("resumed with the same value", 1);
                        None
                    }
                    (None, Some(value), _) => Some(Shown::Value(value.clone())),
                    (None, None, Some(code)) => Some(Shown::Error(code.to_owned())),
                    _ => return Err((Check::Format, "opened without a value".into())),
                };
                let rev = number("rev").ok_or_else(|| (Check::Format, "no rev".to_owned()))?;
                if was_open && rev < held {
                    return Err((Check::Order, format!("rev {rev} after {held}")));
                }
                let tag = message.get("tag").and_then(Json::as_str).map(str::to_owned);
                copy.opened_query(rev, tag, content, if is_stale { 0 } else { floor }, desk.history)
            }
            _ if was_open => Ok(()),
            Source::Channel(_) | Source::Pattern(_) => {
                copy.opened_channel(desk.history);
                Ok(())
            }
            Source::Stream(_) => {
                let from = message.get("from").and_then(Json::as_str).and_then(|id| id.parse().ok());
                let from = from.ok_or_else(|| (Check::Format, "no place".to_owned()))?;
                copy.opened_stream(asked, from, desk.history)
            }
        };
        if !was_open {
            copy.stale = is_stale;
        }
        result.map_err(|(check, what)| (check, format!("{:?}: {what}", self.copies[at].source)))
    }

    /// A server-sent event.
    fn event(
        &mut self,
        name: &str,
        id: Option<String>,
        data: Option<String>,
        desk: &mut Desk<'_>,
    ) -> Result<(), Broken> {
        let Some(data) = data else {
            if let Some(id) = id {
                self.told_place(&id, desk);
            }
            return Ok(());
        };
        let data: Json = serde_json::from_str(&data).map_err(|error| (Check::Format, error.to_string()))?;
        let tag = id.unwrap_or_default();
        let member = if name == "failed" { "error" } else { name };
        let message = match (name, &data) {
            ("value" | "patch", _) => json!({ "tag": tag, member: data }),
            ("message", Json::Object(pattern)) => json!({ "message": pattern["message"] }),
            _ => json!({ member: data }),
        };
        let news = news_of(&message).ok_or_else(|| (Check::Format, format!("{name} {data} says nothing")))?;
        if let News::Closed(code) = &news {
            if code == "RESET" {
                self.copies[0].place = None;
            }
            desk.acts.push(Act::HangUp);
            return Ok(());
        }
        self.plain(news, desk)
    }

    /// An `id:` alone: the value is still the one that the client has, or where it is in a stream.
    fn told_place(&mut self, id: &str, desk: &Desk<'_>) {
        let copy = &mut self.copies[0];
        copy.phase = Phase::Open(0);
        copy.open_since = desk.now;
        if let (Source::Stream(_), Ok(place)) = (&copy.source, id.parse()) {
            copy.place = Some(place);
        }
    }

    /// News on a connection that has one feed.
    fn plain(&mut self, news: News, desk: &mut Desk<'_>) -> Result<(), Broken> {
        let is_query = matches!(self.copies[0].source, Source::Query { .. });
        if let News::Bare(text) = &news
            && let Some(error) = text.strip_prefix("(error) ")
            && (!is_query || ["UNAVAILABLE", "TOOMANY", "TOOBIG"].iter().any(|code| error.starts_with(code)))
        {
            if error.starts_with("RESET") {
                self.copies[0].place = None;
            }
            desk.acts.push(Act::HangUp);
            return Ok(());
        }
        if self.copies[0].phase != Phase::Open(0) {
            self.copies[0].phase = Phase::Open(0);
            self.copies[0].open_since = desk.now;
        }
        self.news(0, news, desk)
    }

    /// The client does something.
    pub fn act(&mut self, desk: &mut Desk<'_>) {
        let is_plain = self.format != Format::Native;
        // Every third client has a good connection, and reads what it gets.
        let is_placid = self.number.is_multiple_of(3);
        match desk.rng.u8(0..100) {
            0..8 if is_placid => {}
            0..3 => desk.acts.push(Act::HangUp),
            3..7 => desk.acts.push(Act::Stall(desk.rng.u64(1000..900_000))),
            _ if is_plain || !self.is_greeted => {}
            7 => {
                let mut frame = Vec::new();
                close_frame(&mut frame);
                desk.acts.push(Act::Send(frame));
            }
            8..11 => self.open_wanted(desk),
            11..20 => self.want_more(desk),
            20..25 => self.close_some(desk),
            25..28 => self.open_again(desk),
            28..30 => self.talk_nonsense(desk),
            30..38 => {
                let text = self.author.mark();
                self.ask(Asked::Echo(text.clone()), json!({ "command": ["ECHO", text] }), desk);
            }
            38..42 => {
                let text = self.author.mark();
                self.ask(Asked::Echo(text.clone()), json!({ "ping": text }), desk);
            }
            42..46 => self.transact(desk),
            46..60 => {
                let command = self.author.publish(desk.rng);
                self.write(command, desk);
            }
            60..66 => {
                let command = self.author.add_entry(desk.rng);
                self.write(command, desk);
            }
            _ => {
                let command = self.author.write(desk.rng);
                self.write(command, desk);
            }
        }
    }

    fn write(&mut self, command: Vec<String>, desk: &mut Desk<'_>) {
        // A message changes no data: who opens a query after it need not see anything.
        let marks = if command[0] == "PUBLISH" { Vec::new() } else { marks(&command) };
        let asked = if self.forbids(&command) { Asked::Forbidden } else { Asked::Write(marks) };
        self.ask(asked, json!({ "command": command }), desk);
    }

    fn transact(&mut self, desk: &mut Desk<'_>) {
        let mut commands: Vec<Vec<String>> = (0..desk.rng.u8(1..4)).map(|_| self.author.write(desk.rng)).collect();
        // A stream deleted and made again within one millisecond may have the same ids: nobody could tell.
        commands.retain(|command| !words::STREAMS.contains(&command[1].as_str()) || command[0] == "XADD");
        let asked = match commands.iter().any(|command| self.forbids(command)) {
            true => Asked::Forbidden,
            false => Asked::Transaction(commands.len(), commands.iter().flat_map(|command| marks(command)).collect()),
        };
        if !commands.is_empty() {
            self.ask(asked, json!({ "commands": commands, "atomic": true }), desk);
        }
    }

    fn talk_nonsense(&mut self, desk: &mut Desk<'_>) {
        let texts =
            ["{", "[]", "7", r#"{"live":["GET"],"subscribe":"c"}"#, r#"{"id":-1,"ping":1}"#, r#"{"nonsense":1}"#];
        self.nonsense += 1;
        send(texts[desk.rng.usize(0..texts.len())], desk);
    }

    fn want_more(&mut self, desk: &mut Desk<'_>) {
        if self.copies.len() >= 8 {
            return self.reopen(desk);
        }
        let source = self.choose(desk.rng);
        if self.copies.iter().any(|copy| copy.source == source) {
            return;
        }
        self.copies.push(Copy::new(source));
        self.open_wanted(desk);
    }

    /// Something to hear.
    pub fn choose(&self, rng: &mut Rng) -> Source {
        let name = |rng: &mut Rng, names: &[&str]| names[rng.usize(0..names.len())].to_owned();
        match rng.u8(0..10) {
            0 | 1 => Source::Channel(name(rng, &words::CHANNELS)),
            2 if self.format != Format::Raw => Source::Pattern(name(rng, &words::PATTERNS)),
            3 | 4 => Source::Stream(name(rng, &words::STREAMS)),
            _ => {
                let (command, every, json) = words::query(rng);
                let every = every.or((self.format != Format::Native).then_some(16));
                // Without a pace it is 16: the same feed, which a client keeps one copy of.
                Source::Query {
                    command,
                    every: every.filter(|&every| every != 16),
                    json: json && self.format != Format::Raw,
                }
            }
        }
    }

    fn reopen(&mut self, desk: &mut Desk<'_>) {
        let idle = self.copies.iter_mut().find(|copy| copy.phase == Phase::Idle);
        if let Some(copy) = idle {
            copy.phase = Phase::Wanted;
            self.open_wanted(desk);
        }
    }

    /// Opens every feed that is wanted.
    pub fn open_wanted(&mut self, desk: &mut Desk<'_>) {
        for at in 0..self.copies.len() {
            if self.copies[at].phase == Phase::Wanted && self.is_greeted && self.format == Format::Native {
                self.copies[at].phase = Phase::Opening;
                self.open(at, false, desk);
            }
        }
    }

    fn open_again(&mut self, desk: &mut Desk<'_>) {
        let open: Vec<usize> =
            (0..self.copies.len()).filter(|&at| matches!(self.copies[at].phase, Phase::Open(_))).collect();
        if !open.is_empty() {
            self.open(open[desk.rng.usize(0..open.len())], true, desk);
        }
    }

    fn open(&mut self, at: usize, again: bool, desk: &mut Desk<'_>) {
        let copy = &self.copies[at];
        let (request, names) = match &copy.source {
            Source::Query { command, every, json } => {
                desk.acts.push(Act::Want(command.clone()));
                let mut request = json!({ "live": command });
                if let Some(every) = every {
                    request["every"] = (*every).into();
                }
                if *json {
                    request["json"] = true.into();
                }
                // While frames come, nobody knows what will be held when the answer comes.
                if let (Some(tag), Some(Shown::Value(_)), false) = (&copy.tag, &copy.shown, again) {
                    request["have"] = tag.as_str().into();
                }
                (request, command.clone())
            }
            Source::Channel(name) => (json!({ "subscribe": name }), vec![name.clone()]),
            Source::Pattern(name) => (json!({ "psubscribe": name }), vec![name.clone()]),
            Source::Stream(name) => {
                let from = match copy.place {
                    Some(place) => json!(place.to_string()),
                    None if desk.rng.bool() => json!("0"),
                    None => json!("$"),
                };
                (json!({ "follow": name, "from": from }), vec![name.clone()])
            }
        };
        let asked = match self.forbids(&names) {
            true => Asked::Forbidden,
            false => Asked::Open { copy: at, floor: self.floor, again, from: copy.place },
        };
        self.ask(asked, request, desk);
    }

    fn close_some(&mut self, desk: &mut Desk<'_>) {
        let open = self.copies.iter().enumerate().filter_map(|(at, copy)| match copy.phase {
            Phase::Open(feed) => Some((at, feed)),
            _ => None,
        });
        let open: Vec<(usize, u64)> = open.collect();
        if !open.is_empty() {
            let (copy, feed) = open[desk.rng.usize(0..open.len())];
            self.ask(Asked::Close { copy, feed }, json!({ "close": feed }), desk);
        }
    }

    /// Whether its rules forbid a command or name.
    fn forbids(&self, names: &[String]) -> bool {
        let is_secret = |name: &String| !words::is_public(name);
        // A pattern must be allowed literally; what names no key needs all of them.
        let needs_all = names[0] == "DBSIZE" || (names.len() == 1 && names[0].starts_with('*'));
        self.is_restricted && (needs_all || words::names(names).any(is_secret))
    }

    fn ask(&mut self, asked: Asked, mut request: Json, desk: &mut Desk<'_>) {
        self.next_id += 1;
        request["id"] = self.next_id.into();
        self.asked.insert(self.next_id, asked);
        let is_batch = desk.rng.u8(0..10) == 0;
        send(&if is_batch { json!([request]) } else { request }.to_string(), desk);
    }
}

fn send(text: &str, desk: &mut Desk<'_>) {
    let mut frame = Vec::new();
    text_frame(text, &mut frame);
    desk.acts.push(Act::Send(frame));
}

fn marks(command: &[String]) -> Vec<String> {
    command.iter().filter(|word| word.starts_with("m:")).map(|word| mark_of(word).to_owned()).collect()
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
