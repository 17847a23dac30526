//! Subscribing and unsubscribing, the same in three spaces of names.

use crate::client::{Client, ClientId, Output};
use crate::commands::Attempt;
use crate::db::txn::Txn;
use crate::pubsub::Space;
use bytes::Bytes;
use indexmap::IndexSet;
use model::Reply;

/// Subscribes to these names; each is confirmed by a push of its own.
pub fn subscribe(txn: &mut Txn<'_>, id: ClientId, names: &[Bytes], space: Space) -> Attempt {
    for name in names {
        if names_mut(txn.client_mut(id), space).insert(name.clone()) {
            txn.state.pubsub.add(space, name, id);
        }
        confirm(txn, id, space, true, Some(name));
    }
    Ok(None)
}

/// Unsubscribes from these names, or from all; each is confirmed, and where there is none to leave, that.
pub fn unsubscribe(txn: &mut Txn<'_>, id: ClientId, names: &[Bytes], space: Space) -> Attempt {
    let all: Vec<Bytes> = match names {
        [] => names_mut(txn.client_mut(id), space).iter().cloned().collect(),
        _ => names.to_vec(),
    };
    for name in &all {
        if names_mut(txn.client_mut(id), space).shift_remove(name) {
            txn.state.pubsub.remove(space, name, id);
        }
        confirm(txn, id, space, false, Some(name));
    }
    if all.is_empty() {
        confirm(txn, id, space, false, None);
    }
    Ok(None)
}

fn confirm(txn: &mut Txn<'_>, id: ClientId, space: Space, subscribed: bool, name: Option<&Bytes>) {
    let kind = match (space, subscribed) {
        (Space::Channel, true) => "subscribe",
        (Space::Channel, false) => "unsubscribe",
        (Space::Pattern, true) => "psubscribe",
        (Space::Pattern, false) => "punsubscribe",
        (Space::Shard, true) => "ssubscribe",
        (Space::Shard, false) => "sunsubscribe",
    };
    let client = txn.client(id);
    let count = match space {
        Space::Shard => client.shard_channels.len(),
        Space::Channel | Space::Pattern => client.channels.len() + client.patterns.len(),
    };
    let name = name.map_or(Reply::Null, |name| Reply::Bulk(name.clone()));
    let message = vec![Reply::bulk(kind), name, Reply::Int(count as i64)];
    txn.state.outbox.push(Output::Push { client: id, message });
}

fn names_mut(client: &mut Client, space: Space) -> &mut IndexSet<Bytes> {
    match space {
        Space::Channel => &mut client.channels,
        Space::Pattern => &mut client.patterns,
        Space::Shard => &mut client.shard_channels,
    }
}

/// The names of a space that match the glob, or all.
pub fn names(txn: &Txn<'_>, space: Space, glob: Option<&Bytes>) -> Reply {
    let shown = |name: &&Bytes| glob.is_none_or(|glob| model::glob::matches(glob, name));
    Reply::Array(txn.state.pubsub.names(space).filter(shown).map(|name| Reply::Bulk(name.clone())).collect())
}

/// Names and how many are subscribed to each, in turn.
pub fn counts(txn: &Txn<'_>, space: Space, names: &[Bytes]) -> Reply {
    let count = |name: &Bytes| Reply::Int(txn.state.pubsub.subscribers(space, name) as i64);
    Reply::Array(names.iter().flat_map(|name| [Reply::Bulk(name.clone()), count(name)]).collect())
}

/// Ends all subscriptions of a client, without a word.
pub fn leave_all(txn: &mut Txn<'_>, id: ClientId) {
    for space in [Space::Channel, Space::Pattern, Space::Shard] {
        for name in std::mem::take(names_mut(txn.client_mut(id), space)) {
            txn.state.pubsub.remove(space, &name, id);
        }
    }
}
