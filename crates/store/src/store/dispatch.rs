//! A client's command on its way: whether it is known, complete and allowed now, whether it is queued, and where its answer
//! belongs.

use super::run::{Caller, Ran};
use super::{EVICTED_PER_COMMAND_MAX, Store};
use crate::client::waiting::{Resume, Wait};
use crate::client::{Client, ClientId, Output, ReplyMode};
use crate::commands::{Found, Run, may_write};
use crate::errors;
use crate::pubsub::Space;
use crate::resp2;
use acl::Context;
use bytes::Bytes;
use model::command::Flags;
use model::{Args, Error, Reply};

/// The commands that are carried out at once though a transaction is open.
const NEVER_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];
/// What ends a transaction is carried out however short memory is; everything else would be queued, and takes some.
const ENDS_TRANSACTION: [&str; 4] = ["exec", "discard", "quit", "reset"];
/// What a client that speaks RESP2 may send while it is subscribed.
const WHILE_SUBSCRIBED: [&str; 9] =
    ["subscribe", "ssubscribe", "psubscribe", "unsubscribe", "sunsubscribe", "punsubscribe", "ping", "quit", "reset"];

impl Store {
    /// From the command line to its answer; `None` while it waits or where pushes are the answer.
    pub(super) fn dispatch(&mut self, id: ClientId, line: &[Bytes], now_ms: u64) -> Option<Reply> {
        let registry = self.registry;
        let result = match registry.find(line) {
            Ok(found) => self.admit(id, found, now_ms),
            Err(error) if line[0].eq_ignore_ascii_case(b"EXEC") => Err(self.abort(id, &error)),
            Err(error) => {
                self.refuse(id, None);
                Err(error)
            }
        };
        result.unwrap_or_else(|error| Some(Reply::error(error.to_string())))
    }

    /// Whether the command is allowed now, and if so, its answer.
    pub(super) fn admit(&mut self, id: ClientId, found: Found<'_>, now_ms: u64) -> Result<Option<Reply>, Error> {
        let name = found.command.name;
        let client = self.client(id);
        client.last_command = name;
        let in_transaction = client.transaction.is_some();
        let muted = client.resp == 2 && client.is_subscribed() && !WHILE_SUBSCRIBED.contains(&name);
        let authenticated = self.state.must_be_authenticated(id);
        let context = if in_transaction { Context::Multi } else { Context::Toplevel };
        let refusal = if authenticated.is_err() && !found.spec.flags.contains(Flags::NO_AUTH) {
            authenticated
        } else if in_transaction && found.spec.flags.contains(Flags::NO_MULTI) {
            Err(errors::custom("Command not allowed inside a transaction"))
        } else if let Err(error) = self.state.permit(id, &found, context, now_ms) {
            Err(error)
        } else if muted {
            Err(errors::custom(format!(
                "Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
            )))
        } else if in_transaction && !ENDS_TRANSACTION.contains(&name) && self.is_out_of_memory(now_ms) {
            Err(errors::OUT_OF_MEMORY)
        } else {
            self.admit_write(&found, now_ms)
        };
        if let Err(error) = refusal {
            self.refuse(id, Some(&found));
            return Err(if matches!(found.command.run, Run::Exec) { self.abort(id, &error) } else { error });
        }
        if matches!(found.command.run, Run::Exec)
            && let Err(error) = self.admit_queued(id, now_ms)
        {
            return Err(self.abort(id, &error));
        }
        if self.is_held_back(id, &found) {
            let resume = Resume::Paused { line: found.line.into() };
            self.wait(id, Wait { resume, ..Wait::for_moment(None, Reply::Null) });
            self.state.waiting.paused.push_back(id);
            return Ok(None);
        }
        let grows = found.spec.flags.contains(Flags::DENYOOM);
        if !NEVER_QUEUED.contains(&name) && self.state.clients.queue(id, found.line, grows) {
            return Ok(Some(Reply::Simple(Bytes::from_static(b"QUEUED"))));
        }
        let caller = Caller { client: Some(id), db: self.client(id).db, now_ms, may_wait: true, is_again: false };
        Ok(match self.call(caller, found) {
            Ran::Replied(reply) => Some(reply),
            Ran::Silent => None,
            Ran::Waits(wait) => {
                self.begin_wait(id, caller.db, &found, *wait);
                None
            }
        })
    }

    /// A command was refused before it ran: an open transaction will not be carried out.
    pub(super) fn refuse(&mut self, id: ClientId, found: Option<&Found<'_>>) {
        if let Some(found) = found {
            self.state.statistics.of(usize::from(found.spec.id.0)).rejected += 1;
        }
        if let Some(transaction) = &mut self.client(id).transaction {
            transaction.failed = true;
        }
    }

    /// `EXEC` itself was refused: the transaction is over, and the error says why.
    pub(super) fn abort(&mut self, id: ClientId, why: &Error) -> Error {
        self.state.clients.end_transaction(id);
        self.state.unwatch(id);
        let why = if why.code == model::error::ERR { why.message.to_string() } else { why.to_string() };
        Error::new("EXECABORT", format!("Transaction discarded because of: {why}"))
    }

    /// Whether memory and the owner's files allow the command.
    pub(super) fn admit_write(&mut self, found: &Found<'_>, now_ms: u64) -> Result<(), Error> {
        self.admit_memory(found, now_ms)?;
        // Redis refuses PING too: whoever looks after a server notices then.
        if may_write(found.spec) || found.command.name == "ping" { self.admit_change() } else { Ok(()) }
    }

    /// Nothing changes that could not be kept.
    fn admit_change(&self) -> Result<(), Error> {
        match &self.state.persistence.write_error {
            None => Ok(()),
            Some(why) => Err(Error::new("MISCONF", format!("Errors writing to the AOF file: {why}"))),
        }
    }

    /// Whether memory and the owner's files allow what is queued.
    fn admit_queued(&mut self, id: ClientId, now_ms: u64) -> Result<(), Error> {
        let grows = self.client(id).transaction.as_ref().is_some_and(|transaction| transaction.grows);
        if grows && self.is_out_of_memory(now_ms) {
            return Err(errors::OUT_OF_MEMORY);
        }
        if self.queues_writes(id) { self.admit_change() } else { Ok(()) }
    }

    fn queues_writes(&self, id: ClientId) -> bool {
        let queued = self.state.clients.get(id).and_then(|client| client.transaction.as_ref());
        let writes = |line: &Args| self.registry.find(line).is_ok_and(|found| may_write(found.spec));
        self.state.persistence.write_error.is_some()
            && queued.is_some_and(|transaction| transaction.commands.iter().any(writes))
    }

    /// Makes room if memory is short; an error if there is none and the command may need some.
    fn admit_memory(&mut self, found: &Found<'_>, now_ms: u64) -> Result<(), Error> {
        let grows = found.spec.flags.contains(Flags::DENYOOM);
        if self.is_out_of_memory(now_ms) && grows { Err(errors::OUT_OF_MEMORY) } else { Ok(()) }
    }

    /// Makes room if memory is short; whether there is none.
    fn is_out_of_memory(&mut self, now_ms: u64) -> bool {
        self.state.settings.maxmemory != 0 && !self.state.make_room(now_ms, EVICTED_PER_COMMAND_MAX)
    }

    /// Whether a pause holds the command back.
    pub(super) fn is_held_back(&mut self, id: ClientId, found: &Found<'_>) -> bool {
        let Some(pause) = self.state.pause else { return false };
        let writes = |line: &[Bytes]| self.registry.find(line).is_ok_and(|found| changes_something(&found));
        if !pause.writes_only {
            return found.command.name != "client|unpause";
        }
        let queued = self.state.clients.get(id).and_then(|client| client.transaction.as_ref());
        match found.command.run {
            Run::Exec => queued.is_some_and(|transaction| transaction.commands.iter().any(|line| writes(line))),
            _ => queued.is_none() && changes_something(found),
        }
    }

    /// Puts the answer where it belongs: before what the command pushed to others and to the client itself, behind the
    /// protocol it is written in.
    pub(super) fn answer(&mut self, id: ClientId, line: &[Bytes], reply: Option<Reply>, begin: usize) {
        let Some(client) = self.state.clients.get_mut(id) else { return };
        let (closing, mode) = (client.closing, client.reply_mode);
        // What waits is not answered yet: it is then that it is skipped.
        if mode == ReplyMode::Skip && client.wait.is_none() {
            client.reply_mode = ReplyMode::On;
        }
        if let Some(Reply::Error(text)) = &reply {
            self.state.statistics.error(text);
        }
        if let Some(reply) = reply.filter(|_| mode == ReplyMode::On) {
            let reply = if client.resp == 2 { resp2::reshaped(line, reply) } else { reply };
            let behind = |output: &Output| matches!(output, Output::Protocol { .. });
            let at = begin + self.state.outbox[begin..].iter().take_while(|output| behind(output)).count();
            self.state.outbox.insert(at, Output::Reply { client: id, reply });
        }
        if closing {
            self.close(id);
        }
    }

    /// Ends a connection from this side.
    pub(super) fn close(&mut self, id: ClientId) {
        if let Some(client) = self.state.clients.remove(id) {
            self.forget(client);
            self.state.outbox.push(Output::Close { client: id });
        }
    }

    /// Takes a client that is gone out of everything that others ask for.
    pub(super) fn forget(&mut self, mut client: Client) {
        let id = client.id;
        if let Some(wait) = client.wait.take() {
            self.state.stop_waiting(id, &wait);
        }
        for (space, names) in [
            (Space::Channel, &client.channels),
            (Space::Pattern, &client.patterns),
            (Space::Shard, &client.shard_channels),
        ] {
            names.iter().for_each(|name| self.state.pubsub.remove(space, name, id));
        }
        for (db, key) in client.watched.keys() {
            self.state.watches.remove(*db, key, id);
        }
        if client.tracking.is_some() {
            self.state.tracking.clients -= 1;
            self.state.tracking.broadcasters.retain(|c| *c != id);
        }
        self.state.clients.redirection_gone(id);
    }

    pub(super) fn client(&mut self, id: ClientId) -> &mut Client {
        self.state.clients.get_mut(id).expect("a command comes from a client that is there")
    }
}

/// Whether a pause of writes concerns the command.
fn changes_something(found: &Found<'_>) -> bool {
    may_write(found.spec) || found.spec.flags.contains(Flags::PUBSUB) && found.command.name.ends_with("publish")
}
