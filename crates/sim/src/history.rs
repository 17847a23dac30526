//! What the backend truly did, in order: the checks compare with it what clients were told.
//!
//! A client's copy may be any value that its command answered, as long as it never goes back to an earlier one; so the
//! answers to every command are kept in order. Messages and entries are kept as logs: a client must get a part of a log
//! without a hole, or be told of the hole.

use crate::words;
use model::command::CommandTable;
use model::stream::StreamRange;
use model::{EntryId, Reply, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a command answers, as a client shows it.
#[derive(Clone, PartialEq, Debug)]
pub enum Shown {
    /// A value.
    Value(Json),
    /// An error, by its code.
    Error(String),
}

/// One distinct answer of a command.
#[derive(Debug)]
pub struct Answer {
    shown: Shown,
    /// With the JSON in its strings parsed, if that makes a difference.
    parsed: Option<Shown>,
    /// The last moment (number of the backend's operation) when it was answered.
    last_seq: u64,
}

impl Answer {
    /// What is shown for it.
    pub fn shown(&self, json: bool) -> &Shown {
        self.parsed.as_ref().filter(|_| json).unwrap_or(&self.shown)
    }
}

/// The messages of a channel or pattern, in order.
#[derive(Debug, Default)]
pub struct Log {
    messages: u64,
    places: HashMap<String, u64>,
}

impl Log {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.messages
    }

    /// Where in the order a message is. Messages carry marks, so none comes twice.
    pub fn place(&self, message: &str) -> Option<u64> {
        self.places.get(message).copied()
    }
}

/// One entry ever added.
#[derive(Clone, Debug)]
pub struct Added {
    /// Its id.
    pub id: EntryId,
    /// The value of its only field.
    pub mark: String,
    /// How often the stream was deleted before.
    pub incarnation: u64,
    /// The number of the write, for going back.
    at: usize,
}

/// The entries of a stream, removed ones too.
#[derive(Debug, Default)]
pub struct StreamLog {
    added: Vec<Added>,
    /// Entries that a restart undid: they were true once.
    undone: HashMap<EntryId, String>,
    incarnation: u64,
    /// The stream's last id and number of entries ever added, as last seen.
    end: (EntryId, u64),
}

impl StreamLog {
    /// The entries above `after` and below `before`.
    pub fn between(&self, after: EntryId, before: EntryId) -> &[Added] {
        let from = self.added.partition_point(|entry| entry.id <= after);
        let to = self.added.partition_point(|entry| entry.id < before);
        &self.added[from..to.max(from)]
    }

    /// What was added with this id.
    pub fn mark(&self, id: EntryId) -> Option<&str> {
        match self.added.binary_search_by_key(&id, |entry| entry.id) {
            Ok(at) => Some(&self.added[at].mark),
            Err(_) => self.undone.get(&id).map(String::as_str),
        }
    }

    /// How often the stream was deleted before this entry was added; none if a restart undid it.
    pub fn incarnation_of(&self, id: EntryId) -> Option<u64> {
        let at = self.added.binary_search_by_key(&id, |entry| entry.id).ok()?;
        Some(self.added[at].incarnation)
    }

    /// How often the stream was deleted up to now.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }
}

/// Everything that the backend did.
#[derive(Debug)]
pub struct History {
    /// Rises with every operation.
    pub seq: u64,
    /// The operation after which the backend was last in reach again.
    pub back_at: u64,
    /// An answer that takes more bytes in RESP3 is shown as `TOOBIG`.
    pub reply_bytes_max: usize,
    table: Arc<CommandTable>,
    answers: HashMap<Vec<String>, Vec<Answer>>,
    /// By the name that is subscribed.
    channels: BTreeMap<String, Log>,
    streams: BTreeMap<String, StreamLog>,
    /// When the write with a mark was carried out.
    marks: HashMap<String, u64>,
    /// The last mark of each author, by the connection it came over.
    authors: HashMap<(String, u64), u64>,
}

impl Default for History {
    /// Nothing has happened.
    fn default() -> History {
        let channels = words::CHANNELS.iter().chain(&words::PATTERNS).map(|name| ((*name).to_owned(), Log::default()));
        let streams = words::STREAMS.iter().map(|name| ((*name).to_owned(), StreamLog::default()));
        History {
            seq: 0,
            back_at: 0,
            reply_bytes_max: usize::MAX,
            table: CommandTable::redis(),
            answers: HashMap::new(),
            channels: channels.collect(),
            streams: streams.collect(),
            marks: HashMap::new(),
            authors: HashMap::new(),
        }
    }
}

impl History {
    /// A channel's or pattern's messages.
    pub fn channel(&self, name: &str) -> &Log {
        &self.channels[name]
    }

    /// A stream's entries.
    pub fn stream(&self, name: &str) -> &StreamLog {
        &self.streams[name]
    }

    /// When the write with this mark was carried out; none if it was not.
    pub fn seq_of(&self, mark: &str) -> Option<u64> {
        self.marks.get(mark).copied()
    }

    /// The first answer of the command that shows this: not before the answer with the number `from`, and last answered
    /// not before the operation `floor`.
    pub fn find(&self, command: &[String], from: usize, floor: u64, is: impl Fn(&Answer) -> bool) -> Option<usize> {
        let answers = self.answers.get(command)?;
        let found = answers.iter().enumerate().skip(from).find(|(_, answer)| answer.last_seq >= floor && is(answer));
        found.map(|(at, _)| at)
    }

    /// The answer with this number.
    pub fn answer(&self, command: &[String], at: usize) -> Option<&Answer> {
        self.answers.get(command)?.get(at)
    }

    /// What the command's reply shows.
    pub fn shown(&self, command: &[String], reply: &Reply) -> Shown {
        if let Some(error) = reply.as_error() {
            return Shown::Error(error.code.into_owned());
        }
        if self.reply_bytes_max < usize::MAX && resp_bytes(reply) > self.reply_bytes_max {
            return Shown::Error(model::error::TOOBIG.to_owned());
        }
        let mut value = Value::from_reply(reply.clone());
        let line: Vec<bytes::Bytes> = command.iter().map(|word| word.clone().into()).collect();
        if let (Value::Array(items), Ok(spec)) = (&mut value, self.table.resolve(&line))
            && spec.is_unordered()
        {
            model::value::sort_bytewise(items);
        }
        let mut text = Vec::new();
        wire::json::write(&value, &mut text);
        Shown::Value(serde_json::from_slice(&text).expect("what is written is JSON"))
    }

    /// A command was read for clients to see.
    pub fn answered(&mut self, command: &[String], reply: &Reply) {
        let shown = self.shown(command, reply);
        let answers = self.answers.entry(command.to_vec()).or_default();
        match answers.last_mut().filter(|last| last.shown == shown) {
            Some(last) => last.last_seq = self.seq,
            None => {
                let parsed = parsed(&shown);
                answers.push(Answer { shown, parsed, last_seq: self.seq });
            }
        }
    }

    /// A command was carried out that came from this sender. An error if it came before one that its author sent there
    /// earlier, or twice.
    pub fn executed(&mut self, command: &[String], reply: &Reply, at: usize, sender: u64) -> Result<(), String> {
        self.seq += 1;
        match (command[0].as_str(), reply) {
            ("PUBLISH", Reply::Int(_)) => self.published(&command[1], &command[2]),
            ("XADD", Reply::Bulk(id)) => {
                let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).expect("XADD answers an id");
                let log = self.streams.get_mut(&command[1]).expect("only known streams are written");
                let (mark, incarnation) = (command[4].clone(), log.incarnation);
                log.added.push(Added { id, mark, incarnation, at });
            }
            _ => {}
        }
        match command.iter().find(|word| word.starts_with("m:")) {
            Some(mark) => self.marked(mark, sender),
            None => Ok(()),
        }
    }

    fn published(&mut self, channel: &str, message: &str) {
        for (name, log) in &mut self.channels {
            if name == channel || (name.contains('*') && model::glob::matches(name.as_bytes(), channel.as_bytes())) {
                log.places.insert(message.to_owned(), log.messages);
                log.messages += 1;
            }
        }
    }

    fn marked(&mut self, value: &str, sender: u64) -> Result<(), String> {
        let mark = mark_of(value);
        if self.marks.insert(mark.to_owned(), self.seq).is_some() {
            return Err(format!("the command with {mark} was carried out twice"));
        }
        let (author, number) = mark.rsplit_once(':').expect("a mark has a number");
        let number: u64 = number.parse().expect("a mark ends with a number");
        let last = self.authors.insert((author.to_owned(), sender), number).unwrap_or(0);
        if last > number {
            Err(format!("{author}'s command {number} was carried out after its command {last}"))
        } else {
            Ok(())
        }
    }

    /// A stream was written, or may have been. Returns whether it is another one now.
    pub fn look_at_stream(&mut self, name: &str, range: Option<&StreamRange>) -> bool {
        let Some(log) = self.streams.get_mut(name) else { return false };
        let end = range.map_or((EntryId::MIN, 0), |range| (range.last_id, range.entries_added));
        // One write may delete it and make it again, as one that comes after its deadline does.
        let added = log.added.iter().rev().take_while(|entry| entry.incarnation == log.incarnation).count() as u64;
        let is_another = end.0 < log.end.0 || end.1 < log.end.1 || end.1 < added;
        if is_another {
            log.begin_anew(end.1);
        }
        log.end = end;
        is_another
    }

    /// The backend came back as it was before its write number `at`: [`History::look_at_stream`] must follow for each.
    pub fn went_back(&mut self, at: usize) {
        self.seq += 1;
        for log in self.streams.values_mut() {
            let kept = log.added.partition_point(|entry| entry.at < at);
            log.undone.extend(log.added.drain(kept..).map(|entry| (entry.id, entry.mark)));
            log.end = (EntryId::MAX, u64::MAX);
        }
    }
}

impl StreamLog {
    /// The stream is another one, to which the last so many entries belong.
    fn begin_anew(&mut self, entries: u64) {
        self.incarnation += 1;
        let entries = usize::try_from(entries).unwrap_or(usize::MAX).min(self.added.len());
        let first = self.added.len() - entries;
        self.added[first..].iter_mut().for_each(|entry| entry.incarnation = self.incarnation);
    }
}

/// How many bytes the reply takes in RESP3.
pub fn resp_bytes(reply: &Reply) -> usize {
    let mut bytes = bytes::BytesMut::new();
    wire::resp::encode_reply(reply, wire::resp::Protocol::Resp3, &mut bytes);
    bytes.len()
}

/// The mark at the beginning of a value.
pub fn mark_of(value: &str) -> &str {
    value.split('-').next().unwrap_or(value)
}

/// With strings parsed that hold JSON; none if there are none.
fn parsed(shown: &Shown) -> Option<Shown> {
    let Shown::Value(value) = shown else { return None };
    let mut value = value.clone();
    parse_strings(&mut value).then_some(Shown::Value(value))
}

fn parse_strings(value: &mut Json) -> bool {
    match value {
        Json::String(text) if text.starts_with(['{', '[']) => match serde_json::from_str(text) {
            Ok(document) => {
                *value = document;
                true
            }
            Err(_) => false,
        },
        Json::Array(items) => items.iter_mut().fold(false, |any, item| parse_strings(item) | any),
        Json::Object(members) => members.values_mut().fold(false, |any, item| parse_strings(item) | any),
        _ => false,
    }
}
