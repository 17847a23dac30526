//! Commands being carried out, and what follows from each.

use super::Store;
use crate::aof;
use crate::client::ClientId;
use crate::client::waiting::Wait;
use crate::commands::{Found, Run};
use crate::db::txn::Txn;
use crate::errors;
use crate::resp2;
use crate::room::Room;
use crate::state::State;
use bytes::Bytes;
use model::{Args, Error, Reply};

/// On whose behalf a command runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// `None`: the owner.
    pub(crate) client: Option<ClientId>,
    pub(crate) db: usize,
    pub(crate) now_ms: u64,
    /// In a transaction nothing waits.
    pub(crate) may_wait: bool,
    /// It waited, and is tried once more.
    pub(crate) is_again: bool,
}

/// How a command went.
pub(super) enum Ran {
    Replied(Reply),
    /// Pushes were the answer.
    Silent,
    /// It waits.
    Waits(Box<Wait>),
}

impl Ran {
    /// Where nothing can wait.
    pub(super) fn reply(self) -> Reply {
        match self {
            Ran::Replied(reply) => reply,
            Ran::Silent => Reply::Null,
            Ran::Waits(wait) => wait.at_once,
        }
    }
}

impl Store {
    /// Runs one command as a unit of its own, unless a transaction is around it.
    pub(super) fn call(&mut self, caller: Caller, found: Found<'_>) -> Ran {
        self.begin_reply(caller);
        if matches!(found.command.run, Run::Exec) {
            let reply = self.exec(caller);
            self.state.show_to_monitors(&found, caller);
            return Ran::Replied(reply);
        }
        let ran = self.run(caller, found);
        if caller.may_wait {
            self.state.log.commit();
        }
        ran
    }

    /// A reply, or those of a transaction, may hold so much from here on.
    pub(super) fn begin_reply(&mut self, caller: Caller) {
        // A log that is loaded answers nobody.
        let is_loading = caller.now_ms == aof::TIMELESS_MS;
        let bytes_max = self.state.reply_bytes_max[usize::from(caller.client.is_some())];
        self.state.room = Room::new(if is_loading { usize::MAX } else { bytes_max });
    }

    /// Runs one command and notes what it did.
    pub(super) fn run(&mut self, caller: Caller, found: Found<'_>) -> Ran {
        let Caller { client, db, now_ms, .. } = caller;
        let Found { command, args, .. } = found;
        let state = &mut self.state;
        state.statistics.started_ms.get_or_insert(now_ms);
        state.statistics.commands += 1;
        state.begin(command, args, client);
        state.changes.begin();
        state.end_due(&found, db, now_ms);
        let mut txn = Txn::new(state, db, now_ms);
        let result = match command.run {
            Run::Read(run) => run(&txn, args).map(Ran::Replied),
            Run::Write(run) => run(&mut txn, args).map(Ran::Replied),
            Run::Client(run) => match client {
                Some(client) => run(&mut txn, client, args).map(|reply| reply.map_or(Ran::Silent, Ran::Replied)),
                None => Err(needs_connection(command.name)),
            },
            Run::BlockingRead(attempt, wait) => attempt(&txn, args).and_then(|reply| match reply {
                Some(reply) => Ok(Ran::Replied(reply)),
                None => wait(&txn, args).map(|wait| Ran::Waits(Box::new(wait))),
            }),
            Run::BlockingWrite(attempt, wait) => attempt(&mut txn, args).and_then(|reply| match reply {
                Some(reply) => Ok(Ran::Replied(reply)),
                None => wait(&txn, args).map(|wait| Ran::Waits(Box::new(wait))),
            }),
            Run::Exec => unreachable!("EXEC runs other commands and is never run as one"),
        };
        state.changes.end();
        let failed = result.is_err();
        let ran = result.unwrap_or_else(|error| Ran::Replied(Reply::error(error.to_string())));
        let calls = state.statistics.of(usize::from(found.spec.id.0));
        calls.calls += 1;
        calls.failed += u64::from(failed);
        aof::note(state, db, &found, ran_reply(&ran));
        state.note_reads(&found, client, db, now_ms);
        state.show_to_monitors(&found, caller);
        match ran {
            Ran::Replied(reply) => Ran::Replied(state.room.fit(reply, state.running.touches > 0)),
            ran => ran,
        }
    }

    /// `EXEC`: all that was queued, as one unit.
    pub(super) fn exec(&mut self, caller: Caller) -> Reply {
        let Some(id) = caller.client else { return Reply::error(needs_connection("exec").to_string()) };
        let Some(transaction) = self.state.clients.end_transaction(id) else {
            return Reply::error(errors::custom("EXEC without MULTI").to_string());
        };
        let state = &self.state;
        let client = state.clients.get(id).expect("the client was just there");
        let ended = |((db, key), was_due): (&(usize, Bytes), &bool)| {
            !was_due && state.databases[*db].is_due(key, caller.now_ms)
        };
        let broken = client.watched_changed || client.watched.iter().any(ended);
        self.state.unwatch(id);
        if transaction.failed {
            return Reply::error(errors::EXEC_ABORT.to_string());
        }
        if broken {
            return Reply::NullArray;
        }
        self.run_all(Caller { may_wait: false, ..caller }, &transaction.commands)
    }

    /// Runs commands as one unit, in which a client's `SELECT` counts for those after it.
    pub(super) fn run_all(&mut self, caller: Caller, lines: &[Args]) -> Reply {
        let registry = self.registry;
        let mut replies = Vec::with_capacity(lines.len());
        self.state.running.in_transaction = true;
        for line in lines {
            let db = caller.client.map_or(caller.db, |id| self.client(id).db);
            let permitted = registry.find(line).and_then(|found| {
                // The rules may be others than when it was queued.
                let id = caller.client;
                id.map_or(Ok(()), |id| self.state.permit_queued(id, &found, caller.now_ms)).map(|()| found)
            });
            let reply = match permitted {
                Ok(found) => self.run(Caller { db, ..caller }, found).reply(),
                Err(error) => Reply::error(error.to_string()),
            };
            let resp2 = caller.client.is_some_and(|id| self.client(id).resp == 2);
            replies.push(if resp2 { resp2::reshaped(line, reply) } else { reply });
        }
        self.state.running.in_transaction = false;
        self.state.log.commit_together(lines.len() > 1);
        Reply::Array(replies)
    }

    /// What follows from a unit: broadcasts, and clients that waited for what it wrote; what those write, too.
    pub(super) fn settle(&mut self, now_ms: u64) {
        loop {
            let State { tracking, clients, outbox, settings, .. } = &mut self.state;
            tracking.settle(settings.tracking_keys_max, clients, outbox);
            self.let_paused_go_on(now_ms);
            if !self.state.waiting.has_ready() {
                break;
            }
            for ((db, key), clients) in self.state.waiting.take_ready() {
                for id in clients {
                    self.try_again(id, db, &key, now_ms);
                }
            }
        }
        for id in std::mem::take(&mut self.state.pending.to_close) {
            self.close(id);
        }
        for (id, error) in std::mem::take(&mut self.state.pending.to_unblock) {
            self.end_wait(id, error.then(|| Reply::error("UNBLOCKED client unblocked via CLIENT UNBLOCK")));
        }
        let memory = self.state.memory();
        self.state.statistics.memory_peak = self.state.statistics.memory_peak.max(memory);
    }
}

/// The reply that a command's effect may depend on.
fn ran_reply(ran: &Ran) -> Option<&Reply> {
    match ran {
        Ran::Replied(reply) => Some(reply),
        Ran::Silent | Ran::Waits(_) => None,
    }
}

fn needs_connection(name: &str) -> Error {
    errors::custom(format!("'{}' is about a connection and is not available here", name.replace('|', " ")))
}
