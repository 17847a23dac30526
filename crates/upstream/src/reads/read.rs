//! One read: the commands it takes, what their answers say, and the event that comes of them.
//!
//! ```text
//!   value            command, PTTL of each key, HPTTL of fields          one round trip
//!   value, hash      … OBJECT ENCODING │ HKEYS │ HPTTL                   more, only where fields may expire
//!   value, too large STRLEN, HSTRLEN or MEMORY USAGE │ …             its size first, from then on
//!   stream           MULTI, XRANGE, XINFO STREAM, EXEC                   one round trip
//! ```

use super::expiry::{self, Fields};
use super::{ASKING_REREAD, On, digest_of};
use crate::Answer;
use crate::link::Expected;
use crate::node::NodeId;
use crate::range::{self, Asked};
use crate::reply::{self, Trouble};
use crate::turn::{Turn, line, line_with};
use crate::watched::{Told, Watched};
use bytes::Bytes;
use model::backend::BackendEvent;
use model::error::TOOBIG;
use model::stream::StreamRange;
use model::{Args, EntryId, Error, LaneId, Reply, WatchId};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// One read of one lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct ReadId(pub u64);

/// What a lane asks.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub from: LaneId,
    pub watch: WatchId,
    pub question: Question,
    /// Told of when they change.
    pub keys: Arc<[Bytes]>,
    /// In a cluster.
    pub slot: Option<u16>,
    /// Names the question, for comparing answers.
    pub digest: u64,
}

impl Request {
    /// It can never be answered otherwise.
    pub fn refuse(&self, error: &Error, turn: &mut Turn<'_>) {
        let (watch, error) = (self.watch, error.clone());
        let event = match self.question {
            Question::Value(_) => {
                BackendEvent::Value { watch, reply: Some(Reply::error(error.to_string())), expires_in: None }
            }
            Question::Range { .. } => BackendEvent::Range { watch, range: Some(Err(error)) },
        };
        turn.tell(self.from, event);
    }
}

/// What is to be read.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// A command's reply.
    Value(Args),
    /// A part of a stream.
    Range { stream: Bytes, after: Option<EntryId>, bytes_max: usize },
}

/// What a command of a read is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// How large a value is.
    Size,
    /// The value, or the end of a stream.
    Main,
    /// A command of a transaction was queued.
    Queued,
    /// When a key or fields expire.
    Expiry,
    /// Whether fields may expire.
    Encoding,
    /// A hash's fields.
    Names,
}

/// A read until its answer.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    pub request: Request,
    pub node: NodeId,
    /// The node only imports the slot.
    pub asking: bool,
    pub hops: u8,
    /// It was answered already; what the server answers is for nobody.
    pub is_abandoned: bool,
    /// Which owners of slots it was sent by.
    pub map_version: u64,
    /// Keys that the lane forgot meanwhile.
    pub forgotten: SmallVec<[Bytes; 1]>,
    /// Keys that changed after the main reply.
    pub changed: Vec<Bytes>,
    is_armed: bool,
    /// Lanes that had read a key at another node, and are to be told.
    pub armed_elsewhere: Vec<(Bytes, Told)>,
    /// Where it is under way.
    on: Option<On>,
    outstanding: u16,
    /// The main reply.
    reply: Option<Answer>,
    expires_ms: Option<u64>,
    fields: Fields,
    fields_may_expire: bool,
    /// What the size questions add up to.
    size: u64,
    /// Ask for so many entries at most, once an answer was too large.
    count_max: usize,
}

/// What a read came to.
pub(crate) enum Finished {
    /// To be told, and what changed since.
    Event { event: BackendEvent, digest: u64, changed: Vec<Bytes> },
    /// The server cannot serve it now.
    Trouble(Trouble, String),
    /// It is served elsewhere.
    Redirect(Trouble),
    /// To be sent again, otherwise.
    Again,
}

impl Read {
    pub fn new(request: Request) -> Read {
        Read {
            request,
            node: NodeId(u32::MAX),
            asking: false,
            hops: 0,
            is_abandoned: false,
            map_version: 0,
            forgotten: SmallVec::new(),
            changed: Vec::new(),
            is_armed: false,
            armed_elsewhere: Vec::new(),
            on: None,
            outstanding: 0,
            reply: None,
            expires_ms: None,
            fields: Fields::None,
            fields_may_expire: false,
            size: 0,
            count_max: usize::MAX,
        }
    }

    /// From the beginning.
    pub fn restart(&mut self) {
        let request = self.request.clone();
        let forgotten = std::mem::take(&mut self.forgotten);
        let (node, asking, hops, count_max) = (self.node, self.asking, self.hops, self.count_max);
        *self = Read { node, asking, hops, count_max, forgotten, ..Read::new(request) };
    }

    /// Its value is here and its keys are armed, though the lane does not have it yet.
    pub fn is_armed(&self) -> bool {
        self.is_armed
    }

    pub fn is_begun(&self) -> bool {
        self.on.is_some()
    }

    pub fn is_complete(&self) -> bool {
        self.outstanding == 0
    }

    /// Sends what there is to ask.
    pub fn begin(&mut self, id: ReadId, link: On, has_field_expiry: bool, watched: &Watched, turn: &mut Turn<'_>) {
        self.on = Some(link);
        turn.shared.statistics.reads += 1;
        match self.request.question.clone() {
            Question::Value(command) => {
                self.fields = if has_field_expiry { expiry::fields(&command) } else { Fields::None };
                let is_big = self.request.keys.iter().any(|key| watched.is_big(key, self.request.digest));
                match size_questions(&command, &self.request.keys).filter(|_| is_big) {
                    Some(questions) => self.ask_size(id, questions, turn),
                    None => self.ask_value(id, command, turn),
                }
            }
            Question::Range { stream, after, bytes_max } => {
                let count = range::count(bytes_max, watched.traits(&stream).entry_bytes).min(self.count_max);
                self.count_max = count;
                self.ask_range(id, range::questions(&stream, after, count), turn);
            }
        }
    }

    fn ask(&mut self, id: ReadId, command: Args, part: Part, turn: &mut Turn<'_>) {
        let Some(link) = self.on else { return };
        if self.asking {
            turn.send(link, line(["ASKING"]), Expected::Ignored);
        }
        turn.send(link, command, Expected::Read(id, part));
        self.outstanding += 1;
    }

    fn ask_value(&mut self, id: ReadId, command: Args, turn: &mut Turn<'_>) {
        self.ask(id, command, Part::Main, turn);
        self.ask_expiry(id, turn);
        let keys = self.request.keys.clone();
        let Some(key) = keys.first() else { return };
        match &self.fields {
            Fields::None => {}
            Fields::Named(names) if names.len() > turn.shared.config.hash_fields_max => {}
            Fields::Named(names) => {
                let command = expiry::ask_fields(key, names);
                self.ask(id, command, Part::Expiry, turn);
            }
            Fields::All(_) => self.ask(id, line_with(["OBJECT", "ENCODING"], key.clone()), Part::Encoding, turn),
        }
    }

    fn ask_expiry(&mut self, id: ReadId, turn: &mut Turn<'_>) {
        for key in self.request.keys.clone().iter() {
            self.ask(id, line_with(["PTTL"], key.clone()), Part::Expiry, turn);
        }
    }

    fn ask_size(&mut self, id: ReadId, questions: Vec<Args>, turn: &mut Turn<'_>) {
        questions.into_iter().for_each(|question| self.ask(id, question, Part::Size, turn));
    }

    fn ask_range(&mut self, id: ReadId, questions: (Option<Args>, Args), turn: &mut Turn<'_>) {
        let Some(link) = self.on else { return };
        let (entries, info) = questions;
        let Some(entries) = entries else { return self.ask(id, info, Part::Main, turn) };
        if self.asking {
            turn.send(link, line(["ASKING"]), Expected::Ignored);
        }
        for (command, part) in [
            (line(["MULTI"]), Part::Queued),
            (entries, Part::Queued),
            (info, Part::Queued),
            (line(["EXEC"]), Part::Main),
        ] {
            turn.send(link, command, Expected::Read(id, part));
            self.outstanding += 1;
        }
    }

    /// A part of the answer.
    pub fn answered(&mut self, id: ReadId, part: Part, answer: Answer, watched: &mut Watched, turn: &mut Turn<'_>) {
        self.outstanding -= 1;
        match (part, answer) {
            (Part::Queued, Answer::Reply(reply @ Reply::Error(_))) => {
                // Why EXEC will be refused.
                self.reply.get_or_insert(Answer::Reply(reply));
            }
            (Part::Main, answer) => self.main(answer, watched),
            (Part::Size, answer) => self.sized(id, answer, watched, turn),
            (Part::Expiry, Answer::Reply(reply)) => {
                self.expires_ms = [self.expires_ms, expiry::soonest(&reply)].into_iter().flatten().min();
            }
            (Part::Encoding, Answer::Reply(reply)) => self.fields_may_expire = expiry::may_expire(&reply),
            (Part::Names, Answer::Reply(reply)) => {
                let names = expiry::names(&[], &reply);
                self.ask_names(id, names, turn);
            }
            (Part::Queued | Part::Expiry | Part::Encoding | Part::Names, _) => {}
        }
        if self.outstanding == 0 && self.fields_may_expire {
            self.fields_may_expire = false;
            self.ask_fields(id, turn);
        }
    }

    /// The value is here: from now on a change is a later one.
    fn main(&mut self, answer: Answer, watched: &mut Watched) {
        if let Answer::Oversize(_) = answer
            && let Question::Value(_) = self.request.question
        {
            self.arm(watched);
            self.set_big(true, watched);
        }
        let trouble = match &answer {
            Answer::Reply(reply) => reply::trouble(reply),
            Answer::Oversize(_) => None,
        };
        let is_queued_error = self.reply.is_some();
        self.reply.get_or_insert(answer);
        if trouble.is_none() && !is_queued_error {
            self.arm(watched);
        }
    }

    fn set_big(&self, is_big: bool, watched: &mut Watched) {
        self.request.keys.iter().for_each(|key| watched.set_big(key, self.request.digest, is_big));
    }

    /// Keys are told of from now on, unless the lane does not want to hear of them any more.
    fn arm(&mut self, watched: &mut Watched) {
        self.is_armed = true;
        if self.is_abandoned {
            return;
        }
        for key in self.request.keys.iter().filter(|key| !self.forgotten.contains(key)) {
            let elsewhere = watched.arm(key, self.request.from, self.node);
            if !elsewhere.is_empty() {
                self.armed_elsewhere.push((key.clone(), elsewhere));
            }
        }
    }

    fn sized(&mut self, id: ReadId, answer: Answer, watched: &mut Watched, turn: &mut Turn<'_>) {
        if let Answer::Reply(reply) = &answer {
            if reply::trouble(reply).is_some() {
                self.reply.get_or_insert(answer);
                return;
            }
            self.size += reply::int(reply).and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        }
        if self.outstanding > 0 || self.reply.is_some() {
            return;
        }
        let Question::Value(command) = self.request.question.clone() else { return };
        let max = turn.shared.config.value_bytes_max as u64;
        if self.size < max / 2 {
            self.set_big(false, watched);
        }
        if self.size > max {
            self.reply = Some(Answer::Oversize(self.size));
            self.arm(watched);
            // What is too large ends too.
            self.ask_expiry(id, turn);
        } else {
            self.ask_value(id, command, turn);
        }
    }

    /// Fields of the hash that was read may expire: asks for those whose names the reply has, else for the names.
    fn ask_fields(&mut self, id: ReadId, turn: &mut Turn<'_>) {
        let (Question::Value(command), Some(key)) = (&self.request.question, self.request.keys.first().cloned()) else {
            return;
        };
        match (&self.fields, &self.reply) {
            (Fields::All(true), Some(Answer::Reply(reply))) => {
                let names = expiry::names(command, reply);
                self.ask_names(id, names, turn);
            }
            (Fields::All(false), _) => self.ask(id, line_with(["HKEYS"], key), Part::Names, turn),
            _ => {}
        }
    }

    fn ask_names(&mut self, id: ReadId, names: Vec<Bytes>, turn: &mut Turn<'_>) {
        let Some(key) = self.request.keys.first().filter(|_| !names.is_empty()) else { return };
        if names.len() <= turn.shared.config.hash_fields_max {
            let command = expiry::ask_fields(key, &names);
            self.ask(id, command, Part::Expiry, turn);
        }
    }

    /// All is here.
    pub fn finish(&mut self, turn: &mut Turn<'_>) -> Finished {
        let Some(answer) = self.reply.take() else {
            return Finished::Trouble(Trouble::TryAgain, "no answer".to_owned());
        };
        if let Answer::Reply(reply) = &answer
            && let Some(trouble) = reply::trouble(reply)
        {
            match trouble {
                Trouble::Moved(..) | Trouble::Ask(_) if turn.shared.is_cluster() => return Finished::Redirect(trouble),
                Trouble::Moved(..) | Trouble::Ask(_) => {}
                _ => return Finished::Trouble(trouble, reply::error_text(reply).unwrap_or_default()),
            }
        }
        turn.shared.statistics.oversize += u64::from(matches!(answer, Answer::Oversize(_)));
        match self.request.question.clone() {
            Question::Value(_) => self.finish_value(answer, turn),
            Question::Range { after, bytes_max, .. } => self.finish_range(answer, Asked { after, bytes_max }),
        }
    }

    fn finish_value(&mut self, answer: Answer, turn: &Turn<'_>) -> Finished {
        let reply = match answer {
            Answer::Reply(reply) => reply,
            Answer::Oversize(bytes) => {
                let max = turn.shared.config.value_bytes_max;
                Reply::error(format!("{TOOBIG} the value has {bytes} bytes, over value_bytes_max ({max})"))
            }
        };
        let digest = digest_of(&reply);
        let at_last = self.asking.then_some(ASKING_REREAD);
        let expires_in = self.expires_ms.map(Duration::from_millis).into_iter().chain(at_last).min();
        let watch = self.request.watch;
        let event = BackendEvent::Value { watch, reply: Some(reply), expires_in };
        Finished::Event { event, digest, changed: std::mem::take(&mut self.changed) }
    }

    fn finish_range(&mut self, answer: Answer, asked: Asked) -> Finished {
        let range = match answer {
            Answer::Oversize(_) if self.count_max > 1 => {
                self.count_max /= 8;
                self.count_max = self.count_max.max(1);
                let count_max = self.count_max;
                self.restart();
                self.count_max = count_max;
                return Finished::Again;
            }
            Answer::Oversize(bytes) => Err(range::too_big(bytes)),
            Answer::Reply(reply) => {
                let refused = || reply.as_error().unwrap_or_else(|| unexpected(&reply));
                match reply {
                    Reply::Error(_) if asked.after.is_some() => Err(refused()),
                    _ => range::read(asked, &reply).unwrap_or_else(|| Err(refused())),
                }
            }
        };
        let digest = range.as_ref().map_or(0, |range| range.last_id.ms ^ range.last_id.seq ^ range.entries_added);
        let event = BackendEvent::Range { watch: self.request.watch, range: Some(range) };
        Finished::Event { event, digest, changed: std::mem::take(&mut self.changed) }
    }

    /// How large the entries were, about, if there were any.
    pub fn entry_bytes(range: &StreamRange) -> Option<u32> {
        let sum: usize = range.entries.iter().map(model::Entry::size).sum();
        u32::try_from(sum.checked_div(range.entries.len())?).ok()
    }

    /// Read again later.
    pub fn answer_not_ready(&self, turn: &mut Turn<'_>) {
        turn.shared.statistics.reads_not_ready += 1;
        let watch = self.request.watch;
        let event = match self.request.question {
            Question::Value(_) => BackendEvent::Value { watch, reply: None, expires_in: None },
            Question::Range { .. } => BackendEvent::Range { watch, range: None },
        };
        turn.tell(self.request.from, event);
    }
}

/// What tells in constant time how large the answer will be: of strings and fields their length, of what is read whole what
/// it takes in memory, which is more than it takes on the wire. None for what reads a part: the whole may be large, and
/// the part small.
fn size_questions(command: &[Bytes], keys: &[Bytes]) -> Option<Vec<Args>> {
    let is = |word: &str| command.first().is_some_and(|name| name.eq_ignore_ascii_case(word.as_bytes()));
    let is_whole = is("HGETALL")
        || is("SMEMBERS")
        || (is("LRANGE") && command.get(2..).is_some_and(|ends| ends == [&b"0"[..], b"-1"]));
    let of_keys = |words: &[&'static str]| {
        let words = words.iter().map(|word| Bytes::from_static(word.as_bytes()));
        keys.iter().map(|key| words.clone().chain([key.clone()]).collect()).collect()
    };
    match command {
        _ if is("GET") || is("MGET") => Some(of_keys(&["STRLEN"])),
        _ if is_whole => Some(of_keys(&["MEMORY", "USAGE"])),
        [_, key, field] if is("HGET") => {
            Some(vec![[Bytes::from_static(b"HSTRLEN"), key.clone(), field.clone()].into()])
        }
        _ => None,
    }
}

fn unexpected(reply: &Reply) -> Error {
    let kind = match reply {
        Reply::Null => "null",
        Reply::Array(_) => "an array of another form",
        _ => "a reply of another type",
    };
    Error::new(model::error::ERR, format!("the server answered XRANGE and XINFO STREAM with {kind}"))
}
