//! What a store holds apart from the commands, and what follows from every touch of a key.
//!
//! Whoever changes a key goes through [`Txn`](crate::Txn), whoever removes one because its time has come through the
//! store; both end in [`State::touched`], the one place from which all who want to know are told: the owner's change
//! log, transactions that watch the key, clients that wait for it or track it, and keyspace events.

use crate::aof::Log;
use crate::changes::Changes;
use crate::client::tracking::Tracking;
use crate::client::transaction::Watches;
use crate::client::waiting::{Resume, Wait, Waiting};
use crate::client::{ClientId, Clients, Output, ReplyMode, Touch, monitor};
use crate::commands::{Command, Found, may_write};
use crate::db::Db;
use crate::events::{self, Classes};
use crate::eviction::Candidates;
use crate::garbage::Garbage;
use crate::pubsub::PubSub;
use crate::random::Random;
use crate::room::Room;
use crate::settings::Settings;
use crate::slowlog::Slowlog;
use crate::statistics::Statistics;
use crate::store::Caller;
use acl::Users;
use bytes::Bytes;
use indexmap::map::Entry;
use model::command::Flags;
use std::collections::BTreeMap;

/// Everything but the commands.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) databases: Vec<Db>,
    /// What a reply may hold: to the owner, to a client.
    pub(crate) reply_bytes_max: [usize; 2],
    /// What the reply, or the replies of the transaction, under way may still hold.
    pub(crate) room: Room,
    /// What the owner's caches are told of.
    pub(crate) changes: Changes,
    pub(crate) pubsub: PubSub,
    pub(crate) random: Random,
    pub(crate) statistics: Statistics,
    /// For the hashing of values.
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) clients: Clients,
    pub(crate) watches: Watches,
    pub(crate) waiting: Waiting,
    pub(crate) tracking: Tracking,
    /// What the owner is to do, in order.
    pub(crate) outbox: Vec<Output>,
    /// The command at hand.
    pub(crate) running: Running,
    /// The log of effects, for the owner's files.
    pub(crate) log: Log,
    /// Large values on their way out.
    pub(crate) garbage: Garbage,
    /// Until when, in milliseconds since 1970, clients' commands are held back, and whether only writes are.
    pub(crate) pause: Option<Pause>,
    /// What the owner tells of its files.
    pub(crate) persistence: Persistence,
    /// Facts of the owner for `INFO`, by the name of their field.
    pub(crate) facts: BTreeMap<Box<str>, Box<str>>,
    pub(crate) slowlog: Slowlog,
    /// What may make room next.
    pub(crate) candidates: Candidates,
    /// What commands asked of other clients, done when they are.
    pub(crate) pending: Pending,
    /// Who clients may say they are, and what they may do then.
    pub(crate) users: Users,
    /// Who was refused what.
    pub(crate) acl_log: acl::Log,
    /// For passwords that are made up.
    pub(crate) secret: acl::Secret,
}

/// What the owner tells of its files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Persistence {
    /// There are files; without them commands that ask for them are refused.
    pub is_on: bool,
    /// A rewrite of the log is under way.
    pub is_rewriting: bool,
    /// Since when it is, in milliseconds since 1970.
    pub rewriting_since_ms: u64,
    /// A rewrite is asked for and has not begun.
    pub is_rewrite_due: bool,
    /// How long the last rewrite took, in seconds.
    pub last_rewrite_s: Option<u64>,
    /// Rewrites that succeeded.
    pub rewrites: u64,
    /// Rewrites that failed since the last one that succeeded.
    pub rewrite_failures: u64,
    /// Why the log cannot be written now: until it can, writes are refused with `MISCONF`.
    pub write_error: Option<Box<str>>,
    /// The size of all files of the log, in bytes.
    pub log_bytes: u64,
    /// The size of the log after the last rewrite, or at the start, in bytes.
    pub base_bytes: u64,
    /// Bytes of the log that are not written to the file yet.
    pub buffer_bytes: u64,
    /// Syncs that are under way.
    pub pending_syncs: u64,
    /// Writes that did not wait any longer for a sync under way.
    pub delayed_syncs: u64,
    /// When all was last known to be durable, in seconds since 1970.
    pub last_save_s: u64,
    /// Changes since then, of those that the owner's files do not tell.
    pub changes: u64,
}

/// What commands asked to be done with clients.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) to_close: Vec<ClientId>,
    /// Clients that are to wait no more, each with whether it is told an error.
    pub(crate) to_unblock: Vec<(ClientId, bool)>,
}

/// `CLIENT PAUSE`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pause {
    pub(crate) until_ms: u64,
    pub(crate) writes_only: bool,
}

/// What is known of the command at hand, for those who tell of its writes.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// Its name; empty where no command runs.
    pub(crate) name: &'static str,
    /// Its arguments, where somebody will want to know them.
    pub(crate) args: Vec<Bytes>,
    /// Who sent it.
    pub(crate) client: Option<ClientId>,
    /// It is one of those that `EXEC` runs.
    pub(crate) in_transaction: bool,
    /// What it reads does not count as used: `CLIENT NO-TOUCH`.
    pub(crate) no_touch: bool,
    /// How many times it touched a key, or something of a key that nobody is told of.
    pub(crate) touches: u64,
}

impl State {
    /// A command begins.
    pub(crate) fn begin(&mut self, command: &Command, args: &[Bytes], client: Option<ClientId>) {
        self.running.name = command.name;
        self.running.client = client;
        self.running.touches = 0;
        let no_touch = client.and_then(|id| self.clients.get(id)).is_some_and(|client| client.no_touch);
        self.running.no_touch = no_touch && command.name != "touch";
        if !self.settings.events.is_off() {
            self.running.args = args.to_vec();
        }
    }

    /// A key is about to be written or removed: a rewrite of the log that is under way takes it as it is.
    pub(crate) fn before_write(&mut self, db: usize, key: &[u8]) {
        if self.log.is_rewriting() {
            self.log.before_write(db, key, &self.databases[db]);
        }
    }

    /// Before a command that writes: what it names and is due ends, and the log has that first. A command that is logged as
    /// it came means the keys of its own moment, and a load knows no time.
    pub(crate) fn end_due(&mut self, found: &Found<'_>, db: usize, now_ms: u64) {
        let is_due = |deadline: u64| deadline <= now_ms;
        if !self.log.is_kept || !may_write(found.spec) || !self.databases[db].next_deadline_ms().is_some_and(is_due) {
            return;
        }
        // Those that cannot be known from the line say what to log themselves.
        for key in found.spec.keys(found.line).unwrap_or_default() {
            let key = &found.line[key.position];
            if self.databases[db].is_due(key, now_ms) {
                self.end(db, key, Touch::Expired);
            }
        }
    }

    /// Removes a key whose time has come or that makes room; whether it was there.
    pub(crate) fn end(&mut self, db: usize, key: &[u8], touch: Touch) -> bool {
        self.before_write(db, key);
        let Some(entry) = self.databases[db].remove(key) else { return false };
        let key = Bytes::copy_from_slice(key);
        match touch {
            Touch::Expired => self.statistics.expired += 1,
            _ => self.statistics.evicted += 1,
        }
        self.log.command(db, &[b"DEL", &key[..]]);
        self.touched(db, &key, touch);
        self.garbage.value(entry.value);
        true
    }

    /// A key was written or has ended.
    pub(crate) fn touched(&mut self, db: usize, key: &Bytes, touch: Touch) {
        self.running.touches += u64::from(touch != Touch::Expired);
        self.persistence.changes += 1;
        self.changes.key(db, key.clone());
        self.break_watches(db, key);
        self.waiting.touched(db, key);
        let State { tracking, clients, outbox, running, .. } = self;
        let writer = if touch == Touch::Expired { None } else { running.client };
        tracking.touched(key, writer, clients, outbox);
        if !self.settings.events.is_off() {
            let events = events::events(self.running.name, &self.running.args, key, touch);
            events.into_iter().for_each(|(class, event)| self.notify(class, event, db, key));
        }
    }

    /// Every key of the database may be another, or gone. `was` says whether a key was there before.
    pub(crate) fn touched_all(&mut self, db: usize, was: impl Fn(&Bytes) -> bool) {
        self.running.touches += 1;
        self.changes.all(db);
        let broken: Vec<ClientId> = self
            .watches
            .keys(db)
            .filter(|(key, _)| was(key))
            .flat_map(|(_, clients)| clients.iter().copied())
            .collect();
        for client in broken {
            if let Some(client) = self.clients.get_mut(client) {
                client.watched_changed = true;
            }
        }
        self.waiting.touched_all(db);
    }

    /// A database was emptied by command: whoever tracks any key is told, even if there was none.
    pub(crate) fn flushed(&mut self) {
        self.running.touches += 1;
        let State { tracking, clients, outbox, .. } = self;
        tracking.touched_all(clients, outbox);
    }

    /// Publishes a keyspace event, if events of this class are wanted.
    pub(crate) fn notify(&mut self, class: Classes, event: &'static str, db: usize, key: &Bytes) {
        let wanted = self.settings.events;
        if !wanted.has(class) || self.pubsub.is_silent() {
            return;
        }
        let State { pubsub, outbox, .. } = self;
        if wanted.has(Classes::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            pubsub.publish(&channel.into(), &Bytes::from_static(event.as_bytes()), outbox);
        }
        if wanted.has(Classes::KEYEVENT) {
            pubsub.publish(&format!("__keyevent@{db}__:{event}").into(), key, outbox);
        }
    }

    /// Bytes that keys and values take, and what clients have queued in transactions, about.
    pub(crate) fn memory(&self) -> usize {
        self.databases.iter().map(Db::memory).sum::<usize>() + self.clients.queued_bytes
    }

    fn break_watches(&mut self, db: usize, key: &Bytes) {
        if self.watches.is_empty() {
            return;
        }
        for &client in self.watches.of(db, key) {
            if let Some(client) = self.clients.get_mut(client) {
                client.watched_changed = true;
            }
        }
    }
}

/// What concerns clients.
impl State {
    /// Publishes a message; how many receive it.
    pub(crate) fn publish(&mut self, channel: &Bytes, message: &Bytes) -> usize {
        self.pubsub.publish(channel, message, &mut self.outbox)
    }

    /// A client watches a key from now on.
    pub(crate) fn watch(&mut self, id: ClientId, db: usize, key: &Bytes, now_ms: u64) {
        let Some(client) = self.clients.get_mut(id) else { return };
        let Entry::Vacant(place) = client.watched.entry((db, key.clone())) else { return };
        place.insert(self.databases[db].is_due(key, now_ms));
        self.watches.add(db, key, id);
    }

    /// A client watches nothing any more.
    pub(crate) fn unwatch(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        client.watched_changed = false;
        for ((db, key), _) in std::mem::take(&mut client.watched) {
            self.watches.remove(db, &key, id);
        }
    }

    /// A client no longer waits for what it waited for.
    pub(crate) fn stop_waiting(&mut self, id: ClientId, wait: &Wait) {
        match wait.resume {
            Resume::Command { db, .. } => self.waiting.remove(id, db, &wait.keys, wait.deadline_ms),
            Resume::Paused { .. } => self.waiting.paused.retain(|paused| *paused != id),
            Resume::Never => {}
        }
    }

    /// A client is told of no keys any more.
    pub(crate) fn stop_tracking(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.tracking.take().is_some() {
            self.tracking.clients -= 1;
            self.tracking.broadcasters.retain(|c| *c != id);
        }
    }

    /// `RESET`, for what is the client's alone.
    pub(crate) fn reset_client(&mut self, id: ClientId) {
        let open = self.is_open();
        self.clients.end_transaction(id);
        let Some(client) = self.clients.get_mut(id) else { return };
        client.db = 0;
        client.reply_mode = ReplyMode::On;
        client.no_evict = false;
        client.no_touch = false;
        client.name = Bytes::new();
        (client.user, client.authenticated) = (acl::DEFAULT, open);
        client.monitor = false;
        if std::mem::replace(&mut client.resp, 2) != 2 {
            self.outbox.push(Output::Protocol { client: id, resp: 2 });
        }
        self.clients.monitors.remove(&id);
    }

    /// `CLIENT CACHING` holds for one command, or for the transaction that begins with it.
    pub(crate) fn caching_is_over(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id) else { return };
        if client.transaction.is_none()
            && client.last_command != "client|caching"
            && let Some(tracked) = &mut client.tracking
        {
            tracked.caching = None;
        }
    }

    /// A command was carried out: the keys that it read are remembered for a client that tracks, and those that it
    /// missed are told as events.
    pub(crate) fn note_reads(&mut self, found: &Found<'_>, client: Option<ClientId>, db: usize, now_ms: u64) {
        let tracks = client.and_then(|id| self.clients.get(id)).and_then(|client| client.tracking.as_ref());
        let misses = self.settings.events.has(Classes::MISS);
        if !(misses || tracks.is_some()) || !found.spec.flags.contains(Flags::READONLY) {
            return;
        }
        let keys: Vec<Bytes> = match found.spec.keys(found.line) {
            Ok(keys) => keys.iter().map(|key| found.line[key.position].clone()).collect(),
            // The keys that it looks up by patterns are not tracked; the one that it sorts is.
            Err(_) if found.command.name == "sort_ro" => found.args[..1].to_vec(),
            Err(_) => return,
        };
        if let (Some(id), Some(options)) = (client, tracks) {
            self.tracking.read(id, options, keys.iter().cloned());
        }
        if misses {
            for key in keys.iter().filter(|key| self.databases[db].get(key, now_ms).is_none()).collect::<Vec<_>>() {
                self.notify(Classes::MISS, "keymiss", db, key);
            }
        }
    }

    /// Shows a command that was carried out to the clients that monitor.
    pub(crate) fn show_to_monitors(&mut self, found: &Found<'_>, caller: Caller) {
        let name = found.command.name;
        let is_skipped =
            found.spec.flags.contains(Flags::ADMIN) || found.spec.flags.contains(Flags::SKIP_MONITOR) && name != "exec";
        if self.clients.monitors.is_empty() || is_skipped || caller.is_again {
            return;
        }
        let client = caller.client.and_then(|id| self.clients.get(id));
        let (db, address) = client.map_or((caller.db, "keywire"), |client| (client.db, &*client.peer.address));
        let text = monitor::line(name, found.line, caller.now_ms, db, address);
        let lines = self.clients.monitors.iter().map(|&client| Output::Line { client, text: text.clone() });
        self.outbox.extend(lines);
    }
}

/// Whether the command's line may hold a password: it is shown to nobody.
pub(crate) fn may_hold_password(command: &str) -> bool {
    matches!(command, "auth" | "hello" | "config|set" | "acl|setuser")
}
