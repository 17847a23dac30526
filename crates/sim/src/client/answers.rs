//! Answers of the native protocol, each held against what was asked.

use super::{Asked, Client, Desk, code_of};
use crate::checks::{Broken, Check};
use crate::copy::{Phase, Source};
use crate::history::{History, Shown};
use model::EntryId;
use serde_json::Value as Json;

impl Client {
    pub(super) fn answered(&mut self, asked: Asked, message: &Json, desk: &mut Desk<'_>) -> Result<(), Broken> {
        let code = code_of(message).filter(|_| message.get("feed").is_none());
        if self.is_rated && code == Some("TOOMANY") {
            desk.checks.count("over the rate", 1);
            return match asked {
                Asked::Open { copy, .. } => self.refused(copy, "TOOMANY"),
                _ => Ok(()),
            };
        }
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
            // Of the feed it does not hear all any more.
            (Asked::Open { .. }, _) if self.is_leaving => Ok(()),
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
        copy.stale = is_stale;
        result.map_err(|(check, what)| (check, format!("{:?}: {what}", self.copies[at].source)))
    }
}
