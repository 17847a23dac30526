//! What a watch knows, and what each of its feeds shows of it.

use crate::interface::Counters;
use crate::patch;
use crate::value::{json, same, shape, size, tag};
use model::feed::Tag;
use model::{Error, FeedEvent, FeedId, Pace, Reply, Time, Value};
use std::cell::OnceCell;
use std::rc::Rc;

/// What the command answers, as it was last read.
#[derive(Clone, Debug)]
pub(crate) struct Known(Result<Document, Error>);

#[derive(Clone, Debug)]
struct Document {
    tag: Tag,
    plain: Rc<Value>,
    /// With the JSON in its strings parsed; made when a feed asks for it.
    parsed: OnceCell<Rc<Value>>,
}

impl Known {
    /// Of a reply; none if the reply says the same as is known `before`.
    pub fn news(reply: Reply, unordered: bool, before: Option<&Known>) -> Option<Known> {
        let before = before.map(|known| &known.0);
        if let Some(error) = reply.as_error() {
            let is_same = matches!(before, Some(Err(known)) if *known == error);
            return (!is_same).then_some(Known(Err(error)));
        }
        let plain = shape(reply, unordered);
        if matches!(before, Some(Ok(known)) if same(&known.plain, &plain)) {
            return None;
        }
        let tag = tag::of_value(&plain);
        Some(Known(Ok(Document { tag, plain: Rc::new(plain), parsed: OnceCell::new() })))
    }

    /// The error that refuses an opener: any but `WRONGTYPE`, which is a state that a client can show.
    pub fn refusal(&self) -> Option<&Error> {
        self.0.as_ref().err().filter(|error| error.code != model::error::WRONGTYPE)
    }

    /// In a feed's shape.
    pub fn shown(&self, json: bool) -> Shown {
        match &self.0 {
            Err(error) => Shown::Error(error.clone()),
            Ok(document) if json => {
                let parsed = document.parsed.get_or_init(|| json::parsed(&document.plain));
                Shown::Value(document.tag, parsed.clone())
            }
            Ok(document) => Shown::Value(document.tag, document.plain.clone()),
        }
    }
}

/// What a feed shows.
#[derive(Clone, Debug)]
pub(crate) enum Shown {
    Value(Tag, Rc<Value>),
    Error(Error),
}

impl Shown {
    /// Its bytes as JSON.
    pub fn size(&self) -> usize {
        match self {
            Shown::Value(_, value) => size::of_value(value),
            Shown::Error(_) => 0,
        }
    }

    fn is_same(&self, other: &Shown) -> bool {
        match (self, other) {
            (Shown::Value(_, a), Shown::Value(_, b)) => Rc::ptr_eq(a, b) || same(a, b),
            (Shown::Error(a), Shown::Error(b)) => a == b,
            _ => false,
        }
    }
}

/// A watch in one shape and pace.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub id: FeedId,
    pub json: bool,
    pub pace: Pace,
    pub rev: u64,
    pub shown: Shown,
    /// What the watch knows is not shown yet.
    pub behind: bool,
    /// Not before this moment does the next change go.
    pub next: Time,
}

impl Feed {
    pub fn new(id: FeedId, json: bool, pace: Pace, shown: Shown) -> Feed {
        Feed { id, json, pace, rev: 1, shown, behind: false, next: Time::ZERO }
    }

    /// Shows what is known now. The event to publish, if anything changed; `Err` if it is over `size_max` bytes, and
    /// the feed cannot go on.
    pub fn show(
        &mut self,
        known: &Known,
        size_max: usize,
        now: Time,
        counters: &mut Counters,
    ) -> Result<Option<FeedEvent>, Error> {
        self.behind = false;
        let new = known.shown(self.json);
        if self.shown.is_same(&new) {
            // A text that means the same JSON has another tag all the same.
            self.shown = new;
            return Ok(None);
        }
        let size = new.size();
        if size > size_max {
            return Err(too_big());
        }
        self.rev += 1;
        self.next = now + self.pace.interval();
        let old = std::mem::replace(&mut self.shown, new);
        Ok(Some(self.event(&old, size, counters)))
    }

    /// From what was shown to what is shown now.
    fn event(&self, old: &Shown, size: usize, counters: &mut Counters) -> FeedEvent {
        let ops = match (old, &self.shown) {
            (Shown::Value(_, old), Shown::Value(_, new)) => patch::diff(old, new, size),
            _ => None,
        };
        let (rev, shown) = (self.rev, &self.shown);
        match (shown, ops) {
            (Shown::Value(tag, value), Some(ops)) => {
                counters.patches += 1;
                FeedEvent::Patch { rev, tag: *tag, ops: Rc::new(ops), value: value.clone() }
            }
            (Shown::Value(..), None) => {
                counters.values += 1;
                self.whole()
            }
            (Shown::Error(_), _) => {
                counters.errors += 1;
                self.whole()
            }
        }
    }

    /// What is shown, as a whole.
    pub fn whole(&self) -> FeedEvent {
        match &self.shown {
            Shown::Value(tag, value) => FeedEvent::Value { rev: self.rev, tag: *tag, value: value.clone() },
            Shown::Error(error) => FeedEvent::Error { rev: self.rev, error: error.clone() },
        }
    }
}

/// The error of a value over its limit.
pub(crate) fn too_big() -> Error {
    Error::new(model::error::TOOBIG, "the value is over value_bytes_max")
}
