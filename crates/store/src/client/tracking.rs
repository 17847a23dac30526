//! `CLIENT TRACKING`: who is to be told that a key it read may have changed.
//!
//! In the default mode each key that a tracking client reads is remembered with the client, by name only, whatever the
//! database; the first write to the name tells the client and forgets it: one shot, and the next read arms it again.
//! The table has a limit; what goes over it is told as if it had changed. In broadcasting mode nothing is
//! remembered: every written key with a prefix is told at the end of the command or transaction.
//!
//! Entries of clients that went away stay until the key is written, as in Redis; ids are never used again.

use super::{ClientId, Clients, Output};
use bytes::Bytes;
use indexmap::{IndexMap, IndexSet};
use model::Reply;
use smallvec::SmallVec;

/// The options of a client that tracks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tracked {
    /// `REDIRECT`: who is told in its place.
    pub(crate) redirect: Option<ClientId>,
    /// `BCAST`, with the prefixes; every key has the empty one.
    pub(crate) broadcast: Option<Vec<Bytes>>,
    /// `OPTIN`: only what is read after `CLIENT CACHING YES`.
    pub(crate) opt_in: bool,
    /// `OPTOUT`: not what is read after `CLIENT CACHING NO`.
    pub(crate) opt_out: bool,
    /// `NOLOOP`: not of its own writes.
    pub(crate) no_loop: bool,
    /// What `CLIENT CACHING` said for the next command or transaction.
    pub(crate) caching: Option<bool>,
    /// Who is told in its place has gone.
    pub(crate) is_broken: bool,
}

impl Tracked {
    /// Whether the keys of a command are to be remembered.
    fn remembers(&self) -> bool {
        self.broadcast.is_none()
            && match self.caching {
                Some(caching) => caching,
                None => !self.opt_in,
            }
    }
}

/// Who read what.
#[derive(Debug, Default)]
pub(crate) struct Tracking {
    /// By the key's name. The order is for choosing what goes when the table is full.
    readers: IndexMap<Bytes, SmallVec<[ClientId; 2]>, ahash::RandomState>,
    /// Clients in broadcasting mode.
    pub(crate) broadcasters: Vec<ClientId>,
    /// Names written since the last command ended, with the writer, for the broadcasters.
    written: IndexMap<Bytes, Option<ClientId>, ahash::RandomState>,
    /// How many clients track.
    pub(crate) clients: usize,
    /// Entries in the table: pairs of a name and a client.
    items: usize,
}

impl Tracking {
    /// Names in the table.
    pub(crate) fn keys(&self) -> usize {
        self.readers.len()
    }

    /// Pairs of a name and a client.
    pub(crate) fn items(&self) -> usize {
        self.items
    }

    /// A client read these keys.
    pub(crate) fn read(&mut self, client: ClientId, options: &Tracked, keys: impl Iterator<Item = Bytes>) {
        if !options.remembers() {
            return;
        }
        for key in keys {
            // The key may be a part of a buffer that is not to be kept.
            let readers = self.readers.entry(Bytes::copy_from_slice(&key)).or_default();
            if !readers.contains(&client) {
                readers.push(client);
                self.items += 1;
            }
        }
    }

    /// A key was written by `writer`; whoever is to be told is.
    pub(crate) fn touched(&mut self, key: &Bytes, writer: Option<ClientId>, clients: &Clients, out: &mut Vec<Output>) {
        if !self.broadcasters.is_empty() {
            self.written.insert(key.clone(), writer);
        }
        if self.readers.is_empty() {
            return;
        }
        let Some(readers) = self.readers.swap_remove(key) else { return };
        self.items -= readers.len();
        let message = Reply::Array(vec![Reply::Bulk(key.clone())]);
        for reader in readers {
            let Some(options) = clients.get(reader).and_then(|client| client.tracking.as_ref()) else { continue };
            let own = options.no_loop && writer == Some(reader);
            if options.broadcast.is_none() && !own {
                tell(reader, options, message.clone(), clients, out);
            }
        }
    }

    /// Every key may have changed.
    pub(crate) fn touched_all(&mut self, clients: &Clients, out: &mut Vec<Output>) {
        self.readers.clear();
        self.items = 0;
        if self.clients == 0 {
            return;
        }
        for client in clients.in_order() {
            if let Some(options) = &client.tracking {
                tell(client.id, options, Reply::Null, clients, out);
            }
        }
    }

    /// The command or transaction is done: broadcasters are told, and what is over the limit is told away.
    pub(crate) fn settle(&mut self, keys_max: usize, clients: &Clients, out: &mut Vec<Output>) {
        if !self.written.is_empty() {
            self.broadcast(clients, out);
        }
        while keys_max > 0 && self.readers.len() > keys_max {
            let Some((key, _)) = self.readers.get_index(0) else { break };
            let key = key.clone();
            let broadcasters = std::mem::take(&mut self.broadcasters);
            self.touched(&key, None, clients, out);
            self.broadcasters = broadcasters;
        }
    }

    fn broadcast(&mut self, clients: &Clients, out: &mut Vec<Output>) {
        let mut written = std::mem::take(&mut self.written);
        written.sort_unstable_keys();
        for &id in &self.broadcasters {
            let Some(options) = clients.get(id).and_then(|client| client.tracking.as_ref()) else { continue };
            let mut prefixes: Vec<&Bytes> = options.broadcast.iter().flatten().collect();
            prefixes.sort_unstable();
            // One message for each prefix, as in Redis.
            for prefix in prefixes {
                let wanted = |(key, writer): &(&Bytes, &Option<ClientId>)| {
                    key.starts_with(prefix) && !(options.no_loop && **writer == Some(id))
                };
                let keys: Vec<Reply> = written.iter().filter(wanted).map(|(key, _)| Reply::Bulk(key.clone())).collect();
                if !keys.is_empty() {
                    tell(id, options, Reply::Array(keys), clients, out);
                }
            }
        }
    }
}

/// Tells a client, or whom it named, of keys; `Reply::Null` for all.
fn tell(id: ClientId, options: &Tracked, keys: Reply, clients: &Clients, out: &mut Vec<Output>) {
    let to = options.redirect.unwrap_or(id);
    let Some(receiver) = clients.get(to) else {
        let resp3 = clients.get(id).is_some_and(|client| client.resp == 3);
        if resp3 {
            let broken = Reply::bulk("tracking-redir-broken");
            out.push(Output::Push { client: id, message: vec![broken, Reply::Int(to.0 as i64)] });
        }
        return;
    };
    let channel = Bytes::from_static(b"__redis__:invalidate");
    let message = match receiver.resp {
        3 => vec![Reply::bulk("invalidate"), keys],
        // In RESP2 only a redirection can be told of, and only one that listens.
        _ if options.redirect.is_some() && receiver.channels.contains(&channel) => {
            vec![Reply::bulk("message"), Reply::Bulk(channel), keys]
        }
        _ => return,
    };
    out.push(Output::Push { client: to, message });
}

/// The first of these prefixes that overlaps with one that is there already or comes before it, and which that is. Equal
/// ones overlap.
pub(crate) fn overlapping<'a>(prefixes: &'a [Bytes], old: &'a [Bytes]) -> Option<(&'a Bytes, &'a Bytes)> {
    let clash = |a: &Bytes, b: &Bytes| a.starts_with(b) || b.starts_with(a);
    for (at, prefix) in prefixes.iter().enumerate() {
        if let Some(other) = old.iter().chain(&prefixes[..at]).find(|other| clash(prefix, other)) {
            return Some((prefix, other));
        }
    }
    None
}

impl Clients {
    /// A client went: those that redirected to it are marked.
    pub(crate) fn redirection_gone(&mut self, gone: ClientId) {
        for client in self.by_id.values_mut() {
            if let Some(tracked) = client.tracking.as_mut().filter(|tracked| tracked.redirect == Some(gone)) {
                tracked.is_broken = true;
            }
        }
    }
}

/// Names once, in order, for a client's list of prefixes.
pub(crate) fn without_repeats(prefixes: Vec<Bytes>) -> Vec<Bytes> {
    prefixes.into_iter().collect::<IndexSet<_>>().into_iter().collect()
}
