//! A client's copy of one feed, kept by what it is told, and the promises about each thing it is told.

use crate::checks::{Broken, Check};
use crate::history::{Added, Answer, History, Shown, StreamLog};
use model::{EntryId, Time};
use serde_json::Value as Json;

/// What a feed shows.
#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    /// A live query.
    Query {
        /// The command.
        command: Vec<String>,
        /// The pace asked for, in milliseconds.
        every: Option<u64>,
        /// JSON in strings is parsed.
        json: bool,
    },
    /// A channel.
    Channel(String),
    /// A pattern.
    Pattern(String),
    /// A followed stream.
    Stream(String),
}

/// Whether the copy is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It was ended or refused.
    Idle,
    /// It is to be opened as soon as there is a connection.
    Wanted,
    /// It was asked for.
    Opening,
    /// It has this number.
    Open(u64),
}

/// What a client is told of a feed.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// The whole value. Formats without revisions give none.
    Value {
        /// Its revision.
        rev: Option<u64>,
        /// Its name.
        tag: String,
        /// The value.
        value: Json,
    },
    /// A JSON Patch.
    Patch {
        /// The revision it leads to.
        rev: Option<u64>,
        /// The name of the value it leads to.
        tag: String,
        /// The operations.
        patch: Json,
    },
    /// The command answers with an error.
    Failed {
        /// The revision.
        rev: Option<u64>,
        /// The error's code.
        code: String,
    },
    /// A message.
    Message(String),
    /// Entries: ids and the values of their only field.
    Entries(Vec<(EntryId, String)>),
    /// Entries after this one may be gone.
    Gap(EntryId),
    /// Messages were lost.
    Missed(Option<u64>),
    /// What is shown may be old, or is not any more.
    Stale(bool),
    /// The feed is over.
    Closed(String),
    /// A frame of a connection without a protocol: what it means is known by the feed.
    Bare(String),
}

/// Where in a channel's log the copy is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Anchor {
    /// Nowhere known: the next message may be any later one.
    Adrift,
    /// The next message is not after this place.
    Before(u64),
    /// The next message is this one.
    At(u64),
}

/// The copy.
#[derive(Debug)]
pub struct FeedCopy {
    /// Of what.
    pub source: Source,
    /// Whether it is kept.
    pub phase: Phase,
    /// Since when, if it is open.
    pub open_since: Time,
    /// The revision it is at.
    pub rev: u64,
    /// The value's name.
    pub tag: Option<String>,
    /// What is shown.
    pub shown: Option<Shown>,
    /// What is shown may be old.
    pub stale: bool,
    /// The number of the answer that is shown.
    seen: usize,
    anchor: Anchor,
    missed: u64,
    /// The place of the last message.
    last: Option<u64>,
    /// Streams: the last entry's id.
    pub place: Option<EntryId>,
    has_gap: bool,
    /// What was left out of a stream that was made again, and not told of yet.
    owes_gap: Option<String>,
    incarnation: u64,
}

type Kept = Result<(), Broken>;

fn require(holds: bool, check: Check, what: impl FnOnce() -> String) -> Kept {
    if holds { Ok(()) } else { Err((check, what())) }
}

impl FeedCopy {
    /// A copy that is to be opened.
    pub fn new(source: Source) -> FeedCopy {
        FeedCopy {
            source,
            phase: Phase::Wanted,
            open_since: Time::ZERO,
            rev: 0,
            tag: None,
            shown: None,
            stale: false,
            seen: 0,
            anchor: Anchor::Adrift,
            missed: 0,
            last: None,
            place: None,
            has_gap: false,
            owes_gap: None,
            incarnation: 0,
        }
    }

    /// The name of the channel or pattern.
    pub fn channel(&self) -> Option<&str> {
        match &self.source {
            Source::Channel(name) | Source::Pattern(name) => Some(name),
            _ => None,
        }
    }

    /// The last it was told of its stream is a gap.
    pub fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// The connection is lost, or the feed is over.
    pub fn lost(&mut self) {
        self.phase = if self.phase == Phase::Idle { Phase::Idle } else { Phase::Wanted };
        self.stale = false;
        (self.anchor, self.missed) = (Anchor::Adrift, 0);
        self.owes_gap = None;
    }

    /// A query is open at a revision. `content` is none where the value that the client has is the current one.
    pub fn opened_query(
        &mut self,
        rev: u64,
        tag: Option<String>,
        content: Option<Shown>,
        floor: u64,
        history: &History,
    ) -> Kept {
        self.rev = rev;
        match content {
            None => require(tag == self.tag && self.tag.is_some(), Check::Answers, || {
                format!("same value {tag:?} as {:?}?", self.tag)
            })?,
            Some(content) => (self.tag, self.shown) = (tag, Some(content)),
        }
        self.find(floor, history)
    }

    /// A channel or pattern is open.
    pub fn opened_channel(&mut self, history: &History) {
        let log = self.channel().map(|name| history.channel(name).count());
        (self.anchor, self.missed) = (Anchor::Before(log.unwrap_or(0)), 0);
    }

    /// A stream is open after this id; `asked`: the one that was asked for.
    pub fn opened_stream(&mut self, asked: Option<EntryId>, from: EntryId, history: &History) -> Kept {
        let is_right = asked.is_none_or(|asked| asked == from);
        require(is_right, Check::NoSilentLoss, || format!("asked from {asked:?}, opened from {from}"))?;
        self.place = Some(from);
        self.has_gap = false;
        self.incarnation = self.stream(history).map_or(0, StreamLog::incarnation);
        Ok(())
    }

    /// Takes what the client is told.
    pub fn told(&mut self, news: News, history: &History) -> Kept {
        match news {
            News::Value { rev, tag, value } => self.whole(rev, Some(tag), Shown::Value(value), history),
            News::Patch { rev, tag, patch } => {
                if let Some(rev) = rev {
                    let held = std::mem::replace(&mut self.rev, rev);
                    require(rev == held + 1, Check::Order, || format!("a patch to rev {rev} after {held}"))?;
                }
                self.patch(patch)?;
                self.tag = Some(tag);
                self.find(0, history)
            }
            News::Failed { rev, code } => self.whole(rev, None, Shown::Error(code), history),
            News::Message(message) => self.message(&message, history),
            News::Entries(entries) => self.entries(&entries, history),
            News::Gap(after) => {
                self.has_gap = true;
                self.owes_gap = None;
                // After a gap to the stream's end the server knows of a place without an entry.
                let is_here = self.place.is_none_or(|place| place <= after);
                require(is_here, Check::Order, || format!("a gap after {after} at {:?}", self.place))
            }
            News::Missed(Some(count)) => {
                self.missed += count;
                require(count > 0, Check::NoSilentLoss, || "0 messages were missed".into())
            }
            News::Missed(None) => {
                self.opened_channel(history);
                Ok(())
            }
            News::Stale(stale) => {
                self.stale = stale;
                if stale { Ok(()) } else { self.check_current(history) }
            }
            News::Closed(_) => {
                self.lost();
                self.phase = Phase::Idle;
                Ok(())
            }
            News::Bare(text) => self.bare(text, history),
        }
    }

    /// The backend is back: what is shown was answered after that.
    fn check_current(&self, history: &History) -> Kept {
        let (Some(shown), Source::Query { json, .. }) = (&self.shown, &self.source) else { return Ok(()) };
        let found = self.search(history.back_at, history, |answer| answer.shown(*json) == shown);
        found.map(drop).map_err(|(_, what)| (Check::NoSilentLoss, format!("told to be current: {what}")))
    }

    /// A whole value or error. The same one may come twice: to a client that joined while others were behind.
    fn whole(&mut self, rev: Option<u64>, tag: Option<String>, shown: Shown, history: &History) -> Kept {
        if let Some(rev) = rev {
            let held = std::mem::replace(&mut self.rev, rev);
            let is_repeated = rev == held && self.shown.as_ref() == Some(&shown);
            require(rev > held || is_repeated, Check::Order, || format!("rev {rev} after {held}"))?;
        }
        (self.tag, self.shown) = (tag, Some(shown));
        self.find(0, history)
    }

    fn patch(&mut self, patch: Json) -> Kept {
        let Some(Shown::Value(value)) = &mut self.shown else {
            return Err((Check::Order, "a patch of what is no value".into()));
        };
        let text = patch.to_string();
        let operations: json_patch::Patch =
            serde_json::from_value(patch).map_err(|error| (Check::Format, format!("no patch: {error}: {text}")))?;
        require(!operations.0.is_empty(), Check::Format, || "an empty patch".into())?;
        json_patch::patch(value, &operations)
            .map_err(|error| (Check::Order, format!("the patch does not apply: {error}: {text} on {value}")))
    }

    /// What is shown must be what the command answered, once, and never what it answered before that.
    fn find(&mut self, floor: u64, history: &History) -> Kept {
        let (Some(shown), Source::Query { json, .. }) = (&self.shown, &self.source) else { return Ok(()) };
        self.seen = self.search(floor, history, |answer| answer.shown(*json) == shown)?;
        Ok(())
    }

    fn search(&self, floor: u64, history: &History, is: impl Fn(&Answer) -> bool) -> Result<usize, Broken> {
        let Source::Query { command, .. } = &self.source else { return Ok(0) };
        history.find(command, self.seen, floor, &is).ok_or_else(|| {
            let check = if history.find(command, self.seen, 0, &is).is_some() { Check::Answers } else { Check::Order };
            let ever = history.find(command, 0, 0, &is).is_some();
            (check, format!("shows {:?}, which was answered ever: {ever}, late enough: never", self.shown))
        })
    }

    fn bare(&mut self, text: String, history: &History) -> Kept {
        match &self.source {
            Source::Query { command, json, .. } => {
                let at = self.search(0, history, |answer| is_bare(answer.shown(*json), &text));
                let at = at.map_err(|(check, what)| (check, format!("{what}: {text}")))?;
                self.seen = at;
                self.shown = history.answer(command, at).map(|answer| answer.shown(*json).clone());
                Ok(())
            }
            Source::Channel(_) | Source::Pattern(_) => self.message(&text, history),
            Source::Stream(_) => {
                let entry = serde_json::from_str(&text).ok().and_then(|entry: Json| entry_of(&entry));
                let entry = entry.ok_or_else(|| (Check::Format, format!("no entry: {text}")))?;
                self.entries(&[entry], history)
            }
        }
    }

    fn message(&mut self, message: &str, history: &History) -> Kept {
        let Some(name) = self.channel() else { return Err((Check::Order, "a message of what is no channel".into())) };
        let Some(place) = history.channel(name).place(message) else {
            return Err((Check::Order, format!("{message} was never published")));
        };
        let rises = self.last.is_none_or(|last| last < place);
        require(rises, Check::Order, || format!("message {place} of {name} after {:?}", self.last))?;
        let missed = self.missed;
        let fits = match self.anchor {
            Anchor::Adrift => true,
            Anchor::Before(base) => place <= base + missed,
            Anchor::At(next) => place == next + missed,
        };
        require(fits, Check::NoSilentLoss, || {
            format!("message {place} of {name}, {missed} told as missed, expected {:?}", self.anchor)
        })?;
        (self.last, self.anchor, self.missed) = (Some(place), Anchor::At(place + 1), 0);
        Ok(())
    }

    fn stream<'h>(&self, history: &'h History) -> Option<&'h StreamLog> {
        match &self.source {
            Source::Stream(name) => Some(history.stream(name)),
            _ => None,
        }
    }

    fn entries(&mut self, entries: &[(EntryId, String)], history: &History) -> Kept {
        let Some(log) = self.stream(history) else { return Err((Check::Order, "entries of what is no stream".into())) };
        for (id, mark) in entries {
            let Some(place) = self.place else {
                // It began at the end, wherever that was.
                self.place = Some(*id);
                continue;
            };
            require(*id > place, Check::Order, || format!("entry {id} after {place}"))?;
            require(log.mark(*id) == Some(mark), Check::Order, || format!("entry {id} {mark} was never added"))?;
            // Of a stream that had no entry yet nobody can tell whether it was deleted and made again. An entry that a
            // restart has undone was sent before it, when what came back with it was not there.
            let incarnation = log.incarnation_of(*id);
            let first = if place == EntryId::MIN { incarnation } else { incarnation.map(|_| self.incarnation) };
            let is_due = |added: &&Added| first.is_some_and(|first| added.incarnation >= first);
            let left_out = log.between(place, *id).iter().find(is_due).filter(|_| !self.has_gap);
            if let Some(left_out) = left_out {
                let what = format!("{left_out:?} was left out between {place} and {id}");
                // That a stream was made again may show only when it was read to its end: then it is told.
                require(Some(left_out.incarnation) != incarnation, Check::NoSilentLoss, || what.clone())?;
                self.owes_gap.get_or_insert(what);
            }
            self.place = Some(*id);
        }
        self.has_gap = false;
        Ok(())
    }

    /// Everything is over: nothing may be missing that was not told.
    pub fn check_end(&self, history: &History) -> Kept {
        require(!self.stale, Check::NoSilentLoss, || format!("{:?} is still stale", self.source))?;
        if let Some(what) = &self.owes_gap {
            return Err((Check::NoSilentLoss, what.clone()));
        }
        let Some(name) = self.channel() else { return Ok(()) };
        let (len, missed) = (history.channel(name).count(), self.missed);
        let fits = match self.anchor {
            Anchor::Adrift => true,
            Anchor::Before(base) => len <= base + missed,
            Anchor::At(next) => len == next + missed,
        };
        require(fits, Check::NoSilentLoss, || {
            format!("{len} messages of {name}, {missed} told as missed, heard {:?}", self.anchor)
        })
    }
}

/// An entry as JSON: its id and the value of its only field.
pub fn entry_of(entry: &Json) -> Option<(EntryId, String)> {
    Some((entry.get(0)?.as_str()?.parse().ok()?, entry.get(1)?.get("m")?.as_str()?.to_owned()))
}

/// Whether a bare frame says this.
fn is_bare(shown: &Shown, text: &str) -> bool {
    match shown {
        Shown::Value(Json::String(string)) => string == text,
        Shown::Value(value) => serde_json::from_str::<Json>(text).is_ok_and(|said| said == *value),
        Shown::Error(code) => text.strip_prefix("(error) ").is_some_and(|said| said.starts_with(code.as_str())),
    }
}
