//! A subscription: what it has acknowledged, what is out, and what it counts.

use std::collections::{BTreeMap, BTreeSet};

use super::acks::AckSet;
use super::codec::{Micros, Position, SubscriptionRecord, damaged, from_json, micros, time, to_json};
use super::deliveries::{Deliveries, Want};
use super::keys;
use super::log::Log;
use super::store::{Batch, Store};
use crate::Result;
use crate::ports::{Backlog, PullRequest, ReceivedMessage};

/// A subscription.
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) record: SubscriptionRecord,
    pub(super) acks: AckSet,
    /// `floor` is kept in `acks`.
    position: Position,
    deliveries: Deliveries,
    /// How often a message was nacked or its deadline missed.
    failures: BTreeMap<u64, u32>,
    /// Messages whose failures differ from what is stored.
    failed: BTreeSet<u64>,
    /// The first message that is not acknowledged, and when it was published.
    oldest: Option<(u64, Micros)>,
}

impl Subscription {
    /// A new one, which gets what is published from now on.
    pub(super) fn new(id: u64, record: SubscriptionRecord, log: &Log) -> Self {
        let end = log.visible;
        Subscription {
            id,
            record,
            acks: AckSet::up_to(end.seq),
            position: Position { base: end.seq, base_bytes: end.bytes, ..Position::default() },
            deliveries: Deliveries::from(end.seq),
            failures: BTreeMap::new(),
            failed: BTreeSet::new(),
            oldest: None,
        }
    }

    /// As the store has it.
    pub(super) fn load(store: &Store, id: u64, record: &[u8]) -> Result<Self> {
        let record: SubscriptionRecord = from_json("a subscription", record)?;
        let position = store.record(&keys::one(keys::POSITION, id))?.ok_or_else(|| damaged("a subscription"))?;
        let position: Position = from_json("a subscription", &position)?;
        let mut acks = AckSet::up_to(position.floor);
        for (chunk, bits) in store.records(&keys::one(keys::ACKED, id))? {
            let chunk = keys::number(&chunk).ok_or_else(|| damaged("a subscription"))?;
            if !acks.load(chunk, &bits) {
                return Err(damaged("a subscription"));
            }
        }
        let mut failures = BTreeMap::new();
        for (seq, count) in store.records(&keys::one(keys::FAILURES, id))? {
            let count = count[..].try_into().map(u32::from_be_bytes);
            let (Some(seq), Ok(count)) = (keys::number(&seq), count) else {
                return Err(damaged("a subscription"));
            };
            failures.insert(seq, count);
        }
        let deliveries = Deliveries::from(position.floor);
        Ok(Subscription { id, record, acks, position, deliveries, failures, failed: BTreeSet::new(), oldest: None })
    }

    /// Writes what changed.
    pub(super) fn save(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        self.position.floor = self.acks.floor();
        batch.put(keys::one(keys::POSITION, self.id), to_json(&self.position)?);
        for (chunk, record) in self.acks.changes() {
            let key = keys::part(keys::ACKED, self.id, chunk);
            match record {
                Some(record) => batch.put(key, record),
                None => batch.remove(key),
            }
        }
        for seq in std::mem::take(&mut self.failed) {
            let key = keys::part(keys::FAILURES, self.id, seq);
            match self.failures.get(&seq) {
                Some(count) => batch.put(key, count.to_be_bytes().to_vec()),
                None => batch.remove(key),
            }
        }
        Ok(())
    }

    /// Writes a new one.
    pub(super) fn create(&mut self, batch: &mut Batch<'_>) -> Result<()> {
        batch.put(keys::one(keys::SUBSCRIPTION, self.id), to_json(&self.record)?);
        self.save(batch)
    }

    /// Removes all its records.
    pub(super) fn remove(&self, batch: &mut Batch<'_>) {
        batch.remove(keys::one(keys::SUBSCRIPTION, self.id));
        batch.remove(keys::one(keys::POSITION, self.id));
        self.acks.stored().for_each(|chunk| batch.remove(keys::part(keys::ACKED, self.id, chunk)));
        self.failures.keys().for_each(|seq| batch.remove(keys::part(keys::FAILURES, self.id, *seq)));
    }

    /// Drops what is too old, or was sought past. True if anything changed, which must be saved.
    pub(super) fn refresh(&mut self, log: &Log, now: Micros) -> Result<bool> {
        let head = log.visible.seq;
        let before = self.acks.floor();
        let limit = now.saturating_sub(micros(self.record.retention));
        let mut target = log.first();
        if self.oldest_time(log)?.is_some_and(|oldest| oldest < limit) {
            target = target.max(log.first_at(limit)?);
        }
        let mut changed = false;
        if let Some(until) = self.position.skip_until {
            let first = log.first_at(until)?;
            target = target.max(first);
            if first < head || until <= now {
                self.position.skip_until = None;
                changed = true;
            }
        }
        if target > before {
            self.acks.raise(target);
            self.acks.advance(head);
            self.deliveries.forget_below(self.acks.floor());
            self.failed.extend(self.failures.keys().take_while(|seq| **seq < self.acks.floor()));
            self.failures = self.failures.split_off(&self.acks.floor());
            self.recount(log)?;
            changed = true;
        }
        Ok(changed)
    }

    /// Leases messages.
    pub(super) fn pull(
        &mut self,
        log: &Log,
        now: Micros,
        request: &PullRequest,
        serial: &mut u64,
    ) -> Result<Vec<ReceivedMessage>> {
        let want = Want {
            messages: request.max_messages,
            bytes: request.max_bytes as u64,
            deadline: now.saturating_add(micros(self.record.ack_deadline)),
            ordered: self.record.ordered,
        };
        let taken = self.deliveries.take(&want, log, &self.acks, serial)?;
        let counted = self.record.dead_letter.is_some();
        let received = taken.into_iter().map(|(seq, serial, record)| {
            Ok(ReceivedMessage {
                ack_id: format!("{}.{seq}.{serial}", self.id),
                message: record.message(seq)?,
                delivery_attempt: counted.then(|| 1 + self.failures.get(&seq).copied().unwrap_or_default()),
            })
        });
        received.collect()
    }

    /// The message that this ack id stands for, if it is out.
    pub(super) fn delivery(&self, ack_id: &str) -> Option<u64> {
        let mut parts = ack_id.splitn(3, '.').map(|part| part.parse::<u64>().ok());
        let (id, seq, serial) = (parts.next()??, parts.next()??, parts.next()??);
        (id == self.id && self.deliveries.is_out(seq, serial)).then_some(seq)
    }

    /// Acknowledges what is out. True if anything changed, which must be saved.
    pub(super) fn acknowledge(&mut self, seq: u64) -> bool {
        let done = self.deliveries.acknowledge(seq);
        done.iter().for_each(|(seq, size)| self.settle(*seq, *size));
        !done.is_empty()
    }

    /// Makes the floor what it is, after acknowledging.
    pub(super) fn advance(&mut self, log: &Log) {
        self.acks.advance(log.visible.seq);
    }

    pub(super) fn set_deadline(&mut self, seq: u64, deadline: Micros) {
        self.deliveries.set_deadline(seq, deadline);
    }

    /// Gives back what is out.
    pub(super) fn give_back(&mut self, seq: u64) {
        self.deliveries.give_back(seq);
    }

    /// Gives back what was nacked or not acknowledged in time. Returns how often it was delivered, if that was too often. What goes
    /// back with an earlier message of its key has not failed itself.
    pub(super) fn fail(&mut self, seq: u64) -> Option<u32> {
        if !self.deliveries.give_back(seq) {
            return None;
        }
        let (_, max) = self.record.dead_letter.as_ref()?;
        let failures = self.failures.entry(seq).or_default();
        *failures = failures.saturating_add(1);
        self.failed.insert(seq);
        (*failures >= *max).then_some(*failures)
    }

    /// Acknowledges a message that waits to be delivered again: it went to the dead letters.
    pub(super) fn bury(&mut self, seq: u64, size: u64, key: &str) {
        self.deliveries.forget(seq, key);
        self.settle(seq, size);
    }

    pub(super) fn overdue(&self, now: Micros) -> Option<u64> {
        self.deliveries.overdue(now)
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.deliveries.deadline()
    }

    pub(super) fn may_pull(&self, log: &Log) -> bool {
        self.deliveries.may_take(&self.acks, log.visible.seq)
    }

    pub(super) fn backlog(&mut self, log: &Log) -> Result<Backlog> {
        let (messages, bytes) = self.counts(log);
        Ok(Backlog {
            messages,
            bytes,
            oldest: self.oldest_time(log)?.map(time),
            outstanding: self.deliveries.outstanding() as u64,
        })
    }

    /// Messages and bytes that are not acknowledged.
    pub(super) fn counts(&self, log: &Log) -> (u64, u64) {
        let Position { base, base_bytes, acked, acked_bytes, .. } = self.position;
        let messages = log.visible.seq.saturating_sub(base).saturating_sub(acked);
        (messages, log.visible.bytes.saturating_sub(base_bytes).saturating_sub(acked_bytes))
    }

    /// Begins anew with what `change` makes of the acknowledged messages.
    pub(super) fn sought(
        &mut self,
        log: &Log,
        skip_until: Option<Micros>,
        change: impl FnOnce(&mut AckSet) -> Result<()>,
    ) -> Result<()> {
        change(&mut self.acks)?;
        self.acks.advance(log.visible.seq);
        self.position.skip_until = skip_until;
        self.deliveries = Deliveries::from(self.acks.floor());
        self.failed.extend(self.failures.keys());
        self.failures.clear();
        self.recount(log)
    }

    /// When the oldest message was published that is not acknowledged.
    fn oldest_time(&mut self, log: &Log) -> Result<Option<Micros>> {
        let floor = self.acks.floor();
        if floor >= log.visible.seq || floor < log.first() {
            return Ok(None);
        }
        match self.oldest {
            Some((seq, time)) if seq == floor => Ok(Some(time)),
            _ => {
                let time = log.read(floor)?.published();
                self.oldest = Some((floor, time));
                Ok(Some(time))
            }
        }
    }

    fn settle(&mut self, seq: u64, size: u64) {
        if self.acks.insert(seq, size) {
            self.position.acked += 1;
            self.position.acked_bytes += size;
        }
        if self.failures.remove(&seq).is_some() {
            self.failed.insert(seq);
        }
    }

    fn recount(&mut self, log: &Log) -> Result<()> {
        let floor = self.acks.floor();
        let (acked, acked_bytes) = self.acks.above_floor(|seq| log.read(seq).map(|record| record.size()))?;
        self.position.base = floor;
        self.position.base_bytes = log.bytes_before(floor)?;
        self.position.acked = acked;
        self.position.acked_bytes = acked_bytes;
        self.oldest = None;
        Ok(())
    }
}
