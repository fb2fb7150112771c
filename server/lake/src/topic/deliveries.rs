//! What a subscription has out, what waits to be delivered again, and the order of keys.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::acks::AckSet;
use super::codec::{Micros, Record};
use super::log::Log;
use crate::Result;

/// Messages that are out of a subscription at a time; a pull beyond it brings none.
pub const MAX_OUTSTANDING: usize = 250_000;
/// Messages that wait for an earlier one of their key; beyond it the subscription does not look further ahead.
const MAX_DEFERRED: usize = 100_000;

/// The part of a subscription's state that a restart may forget: what was out is delivered again.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// The first message that was never looked at.
    next: u64,
    leases: HashMap<u64, Lease>,
    deadlines: BTreeSet<(Micros, u64)>,
    /// Given back, without a key.
    ready: BTreeSet<u64>,
    /// Keys with something out or waiting.
    keys: HashMap<Arc<str>, KeyQueue>,
    /// Keys with nothing out and something waiting, by the first message that waits.
    ready_keys: BTreeMap<u64, Arc<str>>,
    /// How many wait in all keys.
    waiting: usize,
    pulls: u64,
}

#[derive(Debug)]
struct Lease {
    serial: u64,
    deadline: Micros,
    size: u64,
    key: Option<Arc<str>>,
}

/// One batch of a key's messages is out at a time: those of one pull. The next come when all of it is acknowledged or given back.
#[derive(Debug, Default)]
struct KeyQueue {
    /// Of the pull `pull`: bytes, and whether it was acknowledged before an earlier one of the key.
    out: BTreeMap<u64, (u64, bool)>,
    waiting: BTreeSet<u64>,
    pull: u64,
}

/// What is asked of a pull.
pub(super) struct Want {
    pub(super) messages: usize,
    pub(super) bytes: u64,
    pub(super) deadline: Micros,
    pub(super) ordered: bool,
}

impl Deliveries {
    /// Begins anew from this message on.
    pub(super) fn from(next: u64) -> Self {
        Deliveries { next, ..Deliveries::default() }
    }

    pub(super) fn outstanding(&self) -> usize {
        self.leases.len()
    }

    /// The earliest deadline.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A message whose deadline has passed.
    pub(super) fn overdue(&self, now: Micros) -> Option<u64> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, seq)| *seq)
    }

    /// Whether this delivery is out.
    pub(super) fn is_out(&self, seq: u64, serial: u64) -> bool {
        self.leases.get(&seq).is_some_and(|lease| lease.serial == serial)
    }

    /// Whether a pull may bring something.
    pub(super) fn may_take(&self, acks: &AckSet, head: u64) -> bool {
        self.leases.len() < MAX_OUTSTANDING
            && (!self.ready.is_empty()
                || !self.ready_keys.is_empty()
                || (self.waiting < MAX_DEFERRED && acks.next_unacked(self.next, head).is_some()))
    }

    /// Leases messages; each gets the next `serial`.
    pub(super) fn take(
        &mut self,
        want: &Want,
        log: &Log,
        acks: &AckSet,
        serial: &mut u64,
    ) -> Result<Vec<(u64, u64, Record)>> {
        self.pulls += 1;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        let mut keys_out = Vec::new();
        let mut cursor = log.cursor();
        while taken.len() < want.messages && self.leases.len() < MAX_OUTSTANDING {
            let again = [self.ready.first(), self.ready_keys.keys().next()].into_iter().flatten().min().copied();
            let (seq, record) = match again {
                Some(seq) => (seq, log.read(seq)?),
                None if self.waiting >= MAX_DEFERRED => break,
                None => match acks.next_unacked(self.next, log.visible.seq) {
                    Some(seq) => (seq, cursor.read(seq)?),
                    None => break,
                },
            };
            let key = Some(record.ordering_key()).filter(|key| want.ordered && !key.is_empty()).map(Arc::<str>::from);
            if again.is_none()
                && let Some(key) = &key
                && let Some(queue) = self.keys.get_mut(key)
                && !(queue.pull == self.pulls && queue.waiting.is_empty())
            {
                queue.waiting.insert(seq);
                self.waiting += 1;
                self.next = seq + 1;
                continue;
            }
            let size = record.size();
            if !taken.is_empty() && bytes + size > want.bytes {
                break;
            }
            bytes += size;
            match again {
                None => self.next = seq + 1,
                Some(_) => self.no_longer_waits(seq, key.as_ref()),
            }
            *serial += 1;
            self.leases.insert(seq, Lease { serial: *serial, deadline: want.deadline, size, key: key.clone() });
            self.deadlines.insert((want.deadline, seq));
            if let Some(key) = key {
                let queue = self.keys.entry(key.clone()).or_default();
                queue.out.insert(seq, (size, false));
                queue.pull = self.pulls;
                // More of this key may go with the same pull.
                if let Some(first) = queue.waiting.first() {
                    self.ready_keys.insert(*first, key.clone());
                }
                keys_out.push(key);
            }
            taken.push((seq, *serial, record));
        }
        for key in keys_out {
            if let Some(first) = self.keys.get(&key).and_then(|queue| queue.waiting.first()) {
                self.ready_keys.remove(first);
            }
        }
        Ok(taken)
    }

    /// Acknowledges a delivery that is out. Returns what is acknowledged by that, with bytes: nothing as long as an earlier message
    /// of its key is not.
    pub(super) fn acknowledge(&mut self, seq: u64) -> Vec<(u64, u64)> {
        let Some(lease) = self.end_lease(seq) else {
            return Vec::new();
        };
        let Some(key) = lease.key else {
            return vec![(seq, lease.size)];
        };
        let mut done = Vec::new();
        if let Some(queue) = self.keys.get_mut(&key) {
            if let Some(out) = queue.out.get_mut(&seq) {
                out.1 = true;
            }
            while let Some(first) = queue.out.first_entry()
                && first.get().1
            {
                let (seq, (size, _)) = first.remove_entry();
                done.push((seq, size));
            }
        }
        self.settle(&key);
        done
    }

    /// Gives back a message that is out, and with it what is out of its key after it, acknowledged or not. False if it is not out.
    pub(super) fn give_back(&mut self, seq: u64) -> bool {
        let Some(lease) = self.end_lease(seq) else {
            return false;
        };
        let Some(key) = lease.key else {
            return self.ready.insert(seq);
        };
        if let Some(queue) = self.keys.get_mut(&key) {
            let back = queue.out.split_off(&seq);
            self.waiting += back.len();
            queue.waiting.extend(back.keys());
            for seq in back.into_keys() {
                self.end_lease(seq);
            }
        }
        self.settle(&key);
        true
    }

    /// Sets a deadline of a delivery that is out.
    pub(super) fn set_deadline(&mut self, seq: u64, deadline: Micros) {
        if let Some(lease) = self.leases.get_mut(&seq) {
            self.deadlines.remove(&(lease.deadline, seq));
            lease.deadline = deadline;
            self.deadlines.insert((deadline, seq));
        }
    }

    /// Forgets a message that waits to be delivered again: it went elsewhere.
    pub(super) fn forget(&mut self, seq: u64, key: &str) {
        let key = self.keys.get_key_value(key).map(|(key, _)| key.clone());
        self.no_longer_waits(seq, key.as_ref());
        if let Some(key) = key {
            self.settle(&key);
        }
    }

    /// Forgets all before this message.
    pub(super) fn forget_below(&mut self, floor: u64) {
        self.next = self.next.max(floor);
        self.leases.retain(|seq, _| *seq >= floor);
        self.deadlines.retain(|(_, seq)| *seq >= floor);
        self.ready = self.ready.split_off(&floor);
        self.ready_keys.clear();
        self.waiting = 0;
        let keys: Vec<Arc<str>> = self.keys.keys().cloned().collect();
        for key in keys {
            if let Some(queue) = self.keys.get_mut(&key) {
                queue.out = queue.out.split_off(&floor);
                queue.waiting = queue.waiting.split_off(&floor);
                self.waiting += queue.waiting.len();
            }
            self.settle(&key);
        }
    }

    fn end_lease(&mut self, seq: u64) -> Option<Lease> {
        let lease = self.leases.remove(&seq)?;
        self.deadlines.remove(&(lease.deadline, seq));
        Some(lease)
    }

    fn no_longer_waits(&mut self, seq: u64, key: Option<&Arc<str>>) {
        if self.ready.remove(&seq) {
            return;
        }
        self.ready_keys.remove(&seq);
        if let Some(queue) = key.and_then(|key| self.keys.get_mut(key))
            && queue.waiting.remove(&seq)
        {
            self.waiting -= 1;
        }
    }

    /// A key with nothing out is ready, or of no interest.
    fn settle(&mut self, key: &Arc<str>) {
        let Some(queue) = self.keys.get(key) else {
            return;
        };
        if !queue.out.is_empty() {
            return;
        }
        match queue.waiting.first() {
            Some(first) => {
                self.ready_keys.insert(*first, key.clone());
            }
            None => {
                self.keys.remove(key);
            }
        }
    }
}
