//! Consumer groups: how far a group has read, and which entries were given to whom and not acknowledged.
//!
//! What is pending lies once per group, by id, with its owner's name; each consumer has the ids of its own.

use super::Stream;
use bytes::Bytes;
use model::EntryId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

/// A consumer group of a stream.
#[derive(Clone, Debug)]
pub struct Group {
    /// The last entry that was given to any consumer.
    pub last_id: EntryId,
    /// How many entries were ever given to it, in the count of all that were ever added; `None` where deletions made
    /// that unknown.
    pub entries_read: Option<u64>,
    pending: BTreeMap<EntryId, Pending>,
    consumers: BTreeMap<Bytes, Consumer>,
    /// Bytes of the consumers' names.
    names: usize,
}

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Whom it was given to.
    pub consumer: Bytes,
    /// When it was given last, in milliseconds since 1970.
    pub delivered_ms: u64,
    /// How often it was given.
    pub deliveries: u64,
}

/// A consumer of a group.
#[derive(Clone, Debug, Default)]
pub struct Consumer {
    /// When it last asked for something, in milliseconds since 1970.
    pub seen_ms: u64,
    /// When it last was given something; `None`: never.
    pub active_ms: Option<u64>,
    pending: BTreeSet<EntryId>,
}

impl Consumer {
    /// The ids of the entries that it has not acknowledged, in order.
    pub fn pending(&self) -> &BTreeSet<EntryId> {
        &self.pending
    }
}

impl Group {
    /// A group that goes on after this id.
    pub fn new(last_id: EntryId, entries_read: Option<u64>) -> Group {
        Group { last_id, entries_read, pending: BTreeMap::new(), consumers: BTreeMap::new(), names: 0 }
    }

    /// All that is pending, by id.
    pub fn pending(&self) -> &BTreeMap<EntryId, Pending> {
        &self.pending
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> &BTreeMap<Bytes, Consumer> {
        &self.consumers
    }

    /// Adds a consumer; whether it is new.
    pub fn add_consumer(&mut self, name: &Bytes, now_ms: u64) -> bool {
        let is_new = !self.consumers.contains_key(name);
        if is_new {
            self.names += name.len();
            self.consumers.insert(name.clone(), Consumer { seen_ms: now_ms, ..Consumer::default() });
        }
        is_new
    }

    /// A consumer, which is added if it is not there, asks for something now.
    pub fn seen(&mut self, name: &Bytes, now_ms: u64) -> bool {
        let is_new = self.add_consumer(name, now_ms);
        self.consumer(name).seen_ms = now_ms;
        is_new
    }

    /// It is given something now.
    pub fn active(&mut self, name: &Bytes, now_ms: u64) {
        self.consumer(name).active_ms = Some(now_ms);
    }

    /// Removes a consumer with all that is pending for it; how much that was. `None`: there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let consumer = self.consumers.remove(name)?;
        self.names -= name.len();
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Gives an entry to a consumer that is there, whoever had it before. How often it was given then is up to the caller.
    pub fn assign(&mut self, id: EntryId, to: &Bytes, delivered_ms: u64, deliveries: u64) {
        let pending = Pending { consumer: to.clone(), delivered_ms, deliveries };
        if let Some(old) = self.pending.insert(id, pending)
            && let Some(owner) = self.consumers.get_mut(&old.consumer)
        {
            owner.pending.remove(&id);
        }
        self.consumer(to).pending.insert(id);
    }

    /// The entry is done with; whether it was pending.
    pub fn acknowledge(&mut self, id: EntryId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.consumer(&pending.consumer).pending.remove(&id);
        true
    }

    /// Bytes that it takes, about.
    pub fn memory(&self) -> usize {
        const PENDING: usize = size_of::<(EntryId, Pending)>() + size_of::<EntryId>();
        size_of::<Group>() + self.pending.len() * PENDING + self.consumers.len() * 128 + self.names
    }

    fn consumer(&mut self, name: &Bytes) -> &mut Consumer {
        self.consumers.get_mut(name).expect("a consumer is added before it is given anything")
    }
}

/// A group that is being changed: the stream's count of bytes takes the change in when this goes.
#[derive(Debug)]
pub struct GroupMut<'a> {
    group: &'a mut Group,
    /// Of all groups but this one.
    bytes: &'a mut usize,
}

impl Deref for GroupMut<'_> {
    type Target = Group;

    fn deref(&self) -> &Group {
        self.group
    }
}

impl DerefMut for GroupMut<'_> {
    fn deref_mut(&mut self) -> &mut Group {
        self.group
    }
}

impl Drop for GroupMut<'_> {
    fn drop(&mut self) {
        *self.bytes += self.group.memory();
    }
}

impl Stream {
    /// The groups, by name.
    pub fn groups(&self) -> &BTreeMap<Bytes, Group> {
        &self.groups
    }

    /// A group.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// A group, to change it.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<GroupMut<'_>> {
        let group = self.groups.get_mut(name)?;
        self.group_bytes -= group.memory();
        Some(GroupMut { group, bytes: &mut self.group_bytes })
    }

    /// Adds a group; `false` if there is one of this name.
    pub fn add_group(&mut self, name: Bytes, group: Group) -> bool {
        let is_new = !self.groups.contains_key(&name);
        if is_new {
            self.group_bytes += name.len() + group.memory();
            self.groups.insert(name, group);
        }
        is_new
    }

    /// Removes a group; whether it was there.
    pub fn remove_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else { return false };
        self.group_bytes -= name.len() + group.memory();
        true
    }

    /// How many entries the group has still to read; `None` if deletions made that unknown, negative if it was said to have
    /// read more than there were.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        let known = group.entries_read.filter(|_| !self.has_holes_after(group.last_id));
        let read = known.or_else(|| self.count_up_to(group.last_id))?;
        Some(self.entries_added.wrapping_sub(read) as i64)
    }

    /// The group is given this entry: its place, and the count of what it read.
    pub fn advance(&mut self, group: &[u8], id: EntryId) {
        let known = !self.has_holes_after(id);
        let counted = self.count_up_to(id);
        let any = self.entries_added > 0;
        let Some(group) = self.groups.get_mut(group) else { return };
        if id <= group.last_id {
            return;
        }
        match group.entries_read {
            Some(read) if known => group.entries_read = Some(read + 1),
            _ if any => group.entries_read = counted,
            _ => {}
        }
        group.last_id = id;
    }

    /// Whether an entry with at least this id may have been deleted from the middle.
    fn has_holes_after(&self, id: EntryId) -> bool {
        self.len > 0 && self.max_deleted_id != EntryId::MIN && id <= self.max_deleted_id
    }

    /// How many entries were added up to this id, if that can be known without counting.
    fn count_up_to(&self, id: EntryId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.len == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(self.entries_added);
        }
        let first = self.first().map_or(EntryId::MIN, |entry| entry.id);
        let whole = self.max_deleted_id == EntryId::MIN || self.max_deleted_id < first;
        let before = self.entries_added.saturating_sub(self.len as u64);
        match () {
            () if whole && id < first => Some(before),
            () if whole && id == first => Some(before + 1),
            () => None,
        }
    }
}
