//! `MULTI` and `WATCH`: what a client has queued, and who watches which key.
//!
//! A watch is broken by any change of its key, by the key's end, and by what may have changed it (a flush of a database
//! where the key was). At `EXEC` a key that is due but still there breaks it too, unless it was due when it was watched.

use super::{ClientId, Clients, Place};
use ahash::AHashMap;
use bytes::Bytes;
use model::Args;
use smallvec::SmallVec;

/// What a client has queued since `MULTI`.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// The commands, in order.
    pub(crate) commands: Vec<Args>,
    /// About how many bytes they are.
    pub(crate) bytes: usize,
    /// One of them may need memory.
    pub(crate) grows: bool,
    /// One of them was refused: `EXEC` will refuse all.
    pub(crate) failed: bool,
}

impl Transaction {
    fn queue(&mut self, line: &[Bytes], grows: bool) {
        self.grows |= grows;
        self.bytes += line.iter().map(|word| word.len() + size_of::<Bytes>()).sum::<usize>();
        // The words may be parts of a buffer that is not to be kept.
        self.commands.push(line.iter().map(|word| Bytes::copy_from_slice(word)).collect());
    }
}

impl Clients {
    /// Queues a command of a client with an open transaction; whether it has one. `grows`: it may need memory.
    pub(crate) fn queue(&mut self, id: ClientId, line: &[Bytes], grows: bool) -> bool {
        let Some(transaction) = self.get_mut(id).and_then(|client| client.transaction.as_mut()) else { return false };
        let before = transaction.bytes;
        transaction.queue(line, grows);
        let added = transaction.bytes - before;
        self.queued_bytes += added;
        true
    }

    /// Ends a client's transaction, if it has one open: what it queued.
    pub(crate) fn end_transaction(&mut self, id: ClientId) -> Option<Transaction> {
        let transaction = self.get_mut(id)?.transaction.take()?;
        self.queued_bytes -= transaction.bytes;
        Some(transaction)
    }
}

/// Who watches which key.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_key: AHashMap<Place, SmallVec<[ClientId; 2]>>,
}

impl Watches {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(crate) fn add(&mut self, db: usize, key: &Bytes, client: ClientId) {
        let clients = self.by_key.entry((db, key.clone())).or_default();
        if !clients.contains(&client) {
            clients.push(client);
        }
    }

    pub(crate) fn remove(&mut self, db: usize, key: &Bytes, client: ClientId) {
        let place = (db, key.clone());
        if let Some(clients) = self.by_key.get_mut(&place) {
            clients.retain(|c| *c != client);
            if clients.is_empty() {
                self.by_key.remove(&place);
            }
        }
    }

    pub(crate) fn of(&self, db: usize, key: &Bytes) -> &[ClientId] {
        self.by_key.get(&(db, key.clone())).map_or(&[], |clients| clients)
    }

    /// The watched keys of a database.
    pub(crate) fn keys(&self, db: usize) -> impl Iterator<Item = (&Bytes, &[ClientId])> {
        self.by_key.iter().filter(move |((of, _), _)| *of == db).map(|((_, key), clients)| (key, &clients[..]))
    }

    /// How many keys are watched.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}
