//! Clients that wait: for a key, for a moment, for the end of a pause.

use super::Store;
use super::run::{Caller, Ran};
use crate::client::ClientId;
use crate::client::waiting::{Resume, Wait};
use crate::commands::Found;
use crate::types::Value;
use acl::Context;
use bytes::Bytes;
use model::{Args, Reply};

impl Store {
    pub(super) fn begin_wait(&mut self, id: ClientId, db: usize, found: &Found<'_>, mut wait: Wait) {
        let head = &found.line[..found.line.len() - found.args.len()];
        let line = match wait.args.take() {
            Some(args) => head.iter().cloned().chain(args).collect(),
            None => found.line.into(),
        };
        wait.resume = Resume::Command { db, command: found.command, line };
        self.wait(id, wait);
    }

    pub(super) fn wait(&mut self, id: ClientId, wait: Wait) {
        if let Resume::Command { db, .. } = wait.resume {
            self.state.waiting.add(id, db, &wait.keys, wait.deadline_ms);
        }
        self.client(id).wait = Some(wait);
    }

    /// A key that the client waits for was written: its command is tried again, unless the key now holds what the
    /// command is not about.
    pub(super) fn try_again(&mut self, id: ClientId, db: usize, key: &Bytes, now_ms: u64) {
        let Some(wait) = self.state.clients.get(id).and_then(|client| client.wait.as_ref()) else { return };
        let Resume::Command { command, line, .. } = &wait.resume else { return };
        if !wait.keys.contains(key) || !suits(command.name, self.state.databases[db].get(key, now_ms).map(|e| &e.value))
        {
            return;
        }
        let line = line.clone();
        let registry = self.registry;
        let Ok(found) = registry.find(&line) else { return };
        let caller = Caller { client: Some(id), db, now_ms, may_wait: true, is_again: true };
        let begin = self.state.outbox.len();
        // The rules may be others than when it began to wait.
        if let Err(error) = self.state.permit(id, &found, Context::Toplevel, now_ms) {
            self.stop_waiting(id);
            return self.answer(id, &line, Some(Reply::error(error.to_string())), begin);
        }
        match self.call(caller, found) {
            Ran::Waits(_) => {}
            ran => {
                self.stop_waiting(id);
                self.answer(id, &line, Some(ran.reply()), begin);
            }
        }
    }

    /// The wait is over without what was waited for.
    pub(super) fn end_wait(&mut self, id: ClientId, answer: Option<Reply>) {
        let Some(wait) = self.stop_waiting(id) else { return };
        let line: Args = match wait.resume {
            Resume::Command { line, .. } | Resume::Paused { line } => line,
            Resume::Never => Args::from([]),
        };
        let begin = self.state.outbox.len();
        self.answer(id, &line, Some(answer.unwrap_or(wait.otherwise)), begin);
    }

    pub(super) fn stop_waiting(&mut self, id: ClientId) -> Option<Wait> {
        let wait = self.state.clients.get_mut(id)?.wait.take()?;
        self.state.stop_waiting(id, &wait);
        Some(wait)
    }

    /// The pause is over: what was held back is carried out, in order, until the next pause.
    pub(super) fn let_paused_go_on(&mut self, now_ms: u64) {
        while self.state.pause.is_none()
            && let Some(id) = self.state.waiting.paused.pop_front()
        {
            let Some(Wait { resume: Resume::Paused { line }, .. }) = self.stop_waiting(id) else { continue };
            let begin = self.state.outbox.len();
            let reply = self.dispatch(id, &line, now_ms);
            self.answer(id, &line, reply, begin);
        }
    }
}

/// Whether a key that was written may let a waiting command go on: it holds the type that the command is about.
/// A stream that is gone lets a reader of a group know.
fn suits(command: &str, value: Option<&Value>) -> bool {
    match (command, value) {
        ("xreadgroup", Some(Value::Stream(_)) | None) => true,
        ("xread", Some(Value::Stream(_))) => true,
        ("xread" | "xreadgroup", _) => false,
        ("bzpopmin" | "bzpopmax" | "bzmpop", value) => matches!(value, Some(Value::Zset(_))),
        (_, value) => matches!(value, Some(Value::List(_))),
    }
}
