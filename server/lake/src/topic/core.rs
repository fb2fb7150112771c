//! All topics, subscriptions and snapshots of a folder, in one thread's hands at a time.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::TopicOptions;
use super::acks::AckSet;
use super::codec::{End, Micros, SnapshotRecord, TopicRecord, damaged, from_json, to_json};
use super::keys;
use super::log::Log;
use super::store::Store;
use super::subscription::Subscription;
use crate::{Error, ErrorKind, Result};

/// Everything of an open folder.
pub(super) struct Core {
    pub(super) store: Store,
    pub(super) options: TopicOptions,
    pub(super) logs: BTreeMap<u64, Log>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    pub(super) wakes: Arc<Wakes>,
    /// How often the folder was opened, this time included.
    pub(super) opened: u64,
    next_id: u64,
    /// Of the newest delivery; never used twice, not even by another process.
    pub(super) serial: u64,
}

/// A snapshot.
pub(super) struct Snapshot {
    pub(super) id: u64,
    pub(super) record: SnapshotRecord,
    pub(super) acks: AckSet,
}

/// Who waits for a subscription's messages, or for room in a topic. Outlives a reopened folder.
#[derive(Default)]
pub(super) struct Wakes {
    subscriptions: Mutex<HashMap<String, Arc<Notify>>>,
    topics: Mutex<HashMap<String, Arc<Notify>>>,
}

impl Wakes {
    pub(super) fn subscription(&self, name: &str) -> Arc<Notify> {
        Self::of(&self.subscriptions, name)
    }

    pub(super) fn topic(&self, name: &str) -> Arc<Notify> {
        Self::of(&self.topics, name)
    }

    pub(super) fn all(&self) {
        for map in [&self.subscriptions, &self.topics] {
            let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
            map.values().for_each(|wake| wake.notify_waiters());
            map.retain(|_, wake| Arc::strong_count(wake) > 1);
        }
    }

    fn of(map: &Mutex<HashMap<String, Arc<Notify>>>, name: &str) -> Arc<Notify> {
        let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
        map.entry(name.to_owned()).or_default().clone()
    }
}

impl Core {
    pub(super) fn open(folder: &Path, options: TopicOptions, wakes: Arc<Wakes>) -> Result<Core> {
        let store = Store::open(folder)?;
        let counter = |key: &[u8]| -> Result<u64> {
            let found = store.record(key)?;
            found.map_or(Ok(0), |value| keys::number(&value).ok_or_else(|| damaged("a counter")))
        };
        let (next_id, opened) = (counter(keys::NEXT_ID)?.max(1), counter(keys::OPENED)? + 1);
        let mut batch = store.batch();
        batch.put(keys::OPENED.to_vec(), opened.to_be_bytes().to_vec());
        batch.commit()?;

        let mut segments: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for (topic, segment) in store.segments()? {
            segments.entry(topic).or_default().push(segment);
        }
        let mut logs = BTreeMap::new();
        for (id, record) in store.records(&[keys::TOPIC])? {
            let id = keys::number(&id).ok_or_else(|| damaged("a topic"))?;
            let record: TopicRecord = from_json("a topic", &record)?;
            let end = store.record(&keys::one(keys::END, id))?;
            let end: End = end.map_or(Ok(End::default()), |end| from_json("a topic", &end))?;
            let log = Log::new(id, record, segments.remove(&id).unwrap_or_default(), end);
            logs.insert(id, log.recover(&store)?);
        }
        // Of topics whose deletion was cut short.
        segments.into_values().flatten().try_for_each(|segment| store.delete(segment))?;

        let mut subscriptions = BTreeMap::new();
        for (id, record) in store.records(&[keys::SUBSCRIPTION])? {
            let id = keys::number(&id).ok_or_else(|| damaged("a subscription"))?;
            let subscription = Subscription::load(&store, id, &record)?;
            subscriptions.insert(subscription.record.name.clone(), subscription);
        }
        let mut snapshots = BTreeMap::new();
        for (id, record) in store.records(&[keys::SNAPSHOT])? {
            let id = keys::number(&id).ok_or_else(|| damaged("a snapshot"))?;
            let record: SnapshotRecord = from_json("a snapshot", &record)?;
            let mut acks = AckSet::up_to(record.floor);
            for (chunk, bits) in store.records(&keys::one(keys::SNAPSHOT_ACKED, id))? {
                let chunk = keys::number(&chunk).ok_or_else(|| damaged("a snapshot"))?;
                if !acks.load(chunk, &bits) {
                    return Err(damaged("a snapshot"));
                }
            }
            snapshots.insert(record.name.clone(), Snapshot { id, record, acks });
        }
        let known = |topic: u64| logs.contains_key(&topic);
        if !subscriptions.values().all(|s| known(s.record.topic)) || !snapshots.values().all(|s| known(s.record.topic))
        {
            return Err(damaged("a topic"));
        }
        Ok(Core { store, options, logs, subscriptions, snapshots, wakes, opened, next_id, serial: opened << 40 })
    }

    /// The topic of this name.
    pub(super) fn topic(&self, name: &str) -> Result<u64> {
        let found = self.logs.values().find(|log| !log.record.deleted && log.record.name == name);
        found.map(|log| log.id).ok_or_else(|| not_found("topic", name))
    }

    pub(super) fn log(&mut self, id: u64) -> Result<&mut Log> {
        self.logs.get_mut(&id).ok_or_else(|| damaged("a topic"))
    }

    /// A new id, which is stored with the batch.
    pub(super) fn new_id(&mut self) -> Result<u64> {
        let id = self.next_id;
        self.next_id += 1;
        let mut batch = self.store.batch();
        batch.put(keys::NEXT_ID.to_vec(), self.next_id.to_be_bytes().to_vec());
        batch.commit()?;
        Ok(id)
    }

    /// Does something with a subscription, brought up to date before; saves it when `act` says that it changed, together with what
    /// went to the dead letters.
    pub(super) fn with<T>(
        &mut self,
        name: &str,
        now: Micros,
        act: impl FnOnce(&mut Subscription, &Log, &mut u64) -> Result<(T, bool)>,
    ) -> Result<T> {
        self.expire(name, now)?;
        let subscription = self.subscriptions.get_mut(name).ok_or_else(|| not_found("subscription", name))?;
        let log = self.logs.get(&subscription.record.topic).ok_or_else(|| damaged("a topic"))?;
        let refreshed = subscription.refresh(log, now)?;
        let (result, changed) = act(subscription, log, &mut self.serial)?;
        if refreshed || changed {
            subscription.advance(log);
            let mut batch = self.store.batch();
            subscription.save(&mut batch)?;
            batch.commit()?;
            if log.record.max_backlog_bytes.is_some() {
                self.wakes.topic(&log.record.name).notify_waiters();
            }
        }
        Ok(result)
    }

    /// Gives back what was not acknowledged in time.
    fn expire(&mut self, name: &str, now: Micros) -> Result<()> {
        let Some(subscription) = self.subscriptions.get_mut(name) else {
            return Ok(());
        };
        let overdue: Vec<u64> = std::iter::from_fn(|| {
            let seq = subscription.overdue(now)?;
            // Out of the way of the next look; [`Core::fail`] does the rest.
            subscription.set_deadline(seq, Micros::MAX);
            Some(seq)
        })
        .collect();
        self.fail(name, now, &overdue)
    }

    /// Gives back what was nacked or not acknowledged in time; what failed too often goes to the dead letters, in the same commit as
    /// the acknowledgement.
    pub(super) fn fail(&mut self, name: &str, now: Micros, seqs: &[u64]) -> Result<()> {
        let Some(subscription) = self.subscriptions.get_mut(name).filter(|_| !seqs.is_empty()) else {
            return Ok(());
        };
        let mut dead = Vec::new();
        for seq in seqs {
            if let Some(deliveries) = subscription.fail(*seq) {
                dead.push((*seq, deliveries));
            }
        }
        let counted = subscription.record.dead_letter.is_some();
        if !dead.is_empty() {
            self.bury(name, now, &dead)?;
        } else if counted {
            let mut batch = self.store.batch();
            subscription.save(&mut batch)?;
            batch.commit()?;
        }
        self.wakes.subscription(name).notify_waiters();
        Ok(())
    }

    /// Wakes who waits for messages of this topic.
    pub(super) fn wake_topic(&self, topic: u64) {
        for (name, _) in self.subscriptions.iter().filter(|(_, s)| s.record.topic == topic) {
            self.wakes.subscription(name).notify_waiters();
        }
    }

    /// Whether a subscription of the topic holds more than the topic allows.
    pub(super) fn is_full(&self, topic: u64) -> bool {
        let Some(log) = self.logs.get(&topic) else {
            return false;
        };
        let Some(limit) = log.record.max_backlog_bytes else {
            return false;
        };
        self.subscriptions.values().filter(|s| s.record.topic == topic).any(|s| s.counts(log).1 > limit)
    }

    /// Writes where a log ends.
    pub(super) fn end_record(log: &Log) -> Result<(Vec<u8>, Vec<u8>)> {
        Ok((keys::one(keys::END, log.id), to_json(&log.written)?))
    }
}

/// What to say of something that is not there.
pub(super) fn not_found(what: &str, name: &str) -> Error {
    let name: String = name.chars().take(255).collect();
    Error::new(ErrorKind::NotFound, format!("The {what} `{name}` does not exist. Create it first."))
}
