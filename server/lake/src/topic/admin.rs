//! Creating, deleting and listing, seeking and snapshots, and what is done from time to time.

use std::collections::BTreeMap;

use super::acks::AckSet;
use super::codec::{Micros, SnapshotRecord, SubscriptionRecord, TopicRecord, damaged, micros, time, to_json};
use super::core::{Core, Snapshot, not_found};
use super::log::Log;
use super::subscription::Subscription;
use super::{keys, limits};
use crate::ports::*;
use crate::{Error, ErrorKind, Result};

fn exists(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::Exists, format!("The {what} `{name}` exists already. Choose another name."))
}

impl Core {
    pub(super) fn create_topic(&mut self, name: &str, config: TopicConfig) -> Result<()> {
        limits::name("topic", name)?;
        limits::topic(&config)?;
        if self.topic(name).is_ok() {
            return Err(exists("topic", name));
        }
        let id = self.new_id()?;
        let record = TopicRecord::new(name, config);
        let mut batch = self.store.batch();
        batch.put(keys::one(keys::TOPIC, id), to_json(&record)?);
        batch.commit()?;
        self.store.sync()?;
        self.logs.insert(id, Log::new(id, record, Vec::new(), Default::default()));
        Ok(())
    }

    pub(super) fn delete_topic(&mut self, name: &str) -> Result<()> {
        let id = self.topic(name)?;
        let store = self.store.clone();
        let log = self.log(id)?;
        log.record.deleted = true;
        log.record.retention = None;
        let mut batch = store.batch();
        batch.put(keys::one(keys::TOPIC, id), to_json(&log.record)?);
        batch.commit()?;
        self.wakes.topic(name).notify_waiters();
        self.drop_if_unused(id)
    }

    pub(super) fn topics(&self) -> Vec<TopicInfo> {
        let mut found: Vec<TopicInfo> = self
            .logs
            .values()
            .filter(|log| !log.record.deleted)
            .map(|log| TopicInfo { name: log.record.name.clone(), config: log.record.config() })
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    pub(super) fn create_subscription(&mut self, name: &str, topic: &str, config: SubscriptionConfig) -> Result<()> {
        limits::name("subscription", name)?;
        limits::subscription(&config)?;
        if self.subscriptions.contains_key(name) {
            return Err(exists("subscription", name));
        }
        let topic = self.topic(topic)?;
        if let Some(policy) = &config.dead_letter {
            self.topic(&policy.topic)?;
        }
        let id = self.new_id()?;
        let log = self.log(topic)?;
        let record = SubscriptionRecord::new(name, topic, log.visible.seq, config);
        let mut subscription = Subscription::new(id, record, log);
        let mut batch = self.store.batch();
        subscription.create(&mut batch)?;
        batch.commit()?;
        self.store.sync()?;
        self.subscriptions.insert(name.to_owned(), subscription);
        Ok(())
    }

    pub(super) fn delete_subscription(&mut self, name: &str) -> Result<()> {
        let subscription = self.subscriptions.remove(name).ok_or_else(|| not_found("subscription", name))?;
        let mut batch = self.store.batch();
        subscription.remove(&mut batch);
        batch.commit()?;
        self.wakes.subscription(name).notify_waiters();
        if let Some(log) = self.logs.get(&subscription.record.topic) {
            self.wakes.topic(&log.record.name).notify_waiters();
        }
        self.drop_if_unused(subscription.record.topic)
    }

    pub(super) fn subscriptions(&self) -> Vec<SubscriptionInfo> {
        let info = |s: &Subscription| SubscriptionInfo {
            name: s.record.name.clone(),
            topic: self.topic_name(s.record.topic),
            config: s.record.config(),
        };
        self.subscriptions.values().map(info).collect()
    }

    /// Seeks, within [`Core::with`].
    pub(super) fn seek(&mut self, name: &str, now: Micros, target: &SeekTarget) -> Result<()> {
        let snapshot = match target {
            SeekTarget::Now | SeekTarget::Time(_) => None,
            SeekTarget::Snapshot(snapshot) => {
                self.expire_snapshots(now)?;
                let found = self.snapshots.get(snapshot).ok_or_else(|| not_found("snapshot", snapshot))?;
                Some((found.record.topic, found.acks.clone()))
            }
        };
        self.with(name, now, |subscription, log, _| {
            match (target, snapshot) {
                (SeekTarget::Now, _) => subscription.sought(log, None, |acks| {
                    acks.raise(log.visible.seq);
                    Ok(())
                })?,
                (SeekTarget::Time(to), _) => seek_to_time(subscription, log, now, to.timestamp_micros())?,
                (SeekTarget::Snapshot(_), Some((topic, acks))) if topic == log.id => {
                    subscription.sought(log, None, |own| {
                        own.replace(&acks);
                        own.raise(log.first());
                        Ok(())
                    })?;
                }
                (SeekTarget::Snapshot(snapshot), _) => {
                    return Err(Error::new(
                        ErrorKind::Invalid,
                        format!("The snapshot `{snapshot}` is of another topic than the subscription `{name}`."),
                    ));
                }
            }
            Ok(((), true))
        })?;
        self.wakes.subscription(name).notify_waiters();
        Ok(())
    }

    pub(super) fn create_snapshot(
        &mut self,
        name: &str,
        of: &str,
        now: Micros,
        labels: BTreeMap<String, String>,
    ) -> Result<SnapshotInfo> {
        limits::name("snapshot", name)?;
        limits::labels(&labels)?;
        self.expire_snapshots(now)?;
        if self.snapshots.contains_key(name) {
            return Err(exists("snapshot", name));
        }
        let (topic, acks, oldest) = self.with(of, now, |subscription, log, _| {
            let oldest = subscription.backlog(log)?.oldest;
            Ok(((log.id, subscription.acks.clone(), oldest), false))
        })?;
        let oldest = oldest.map_or(now, |time| time.timestamp_micros());
        let expires = oldest.saturating_add(micros(SNAPSHOT_LIFETIME));
        if expires < now.saturating_add(micros(MIN_SNAPSHOT_LIFETIME)) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "A snapshot of `{of}` would expire within the hour: its oldest message is almost a week old. Acknowledge it or seek first."
                ),
            ));
        }
        let id = self.new_id()?;
        let record = SnapshotRecord { name: name.to_owned(), topic, floor: acks.floor(), expires, labels };
        let mut fresh = AckSet::up_to(acks.floor());
        fresh.replace(&acks);
        let mut batch = self.store.batch();
        batch.put(keys::one(keys::SNAPSHOT, id), to_json(&record)?);
        for (chunk, bits) in fresh.changes() {
            if let Some(bits) = bits {
                batch.put(keys::part(keys::SNAPSHOT_ACKED, id, chunk), bits);
            }
        }
        batch.commit()?;
        self.store.sync()?;
        self.snapshots.insert(name.to_owned(), Snapshot { id, record, acks: fresh });
        self.snapshots().into_iter().find(|s| s.name == name).ok_or_else(|| not_found("snapshot", name))
    }

    pub(super) fn delete_snapshot(&mut self, name: &str) -> Result<()> {
        let snapshot = self.snapshots.remove(name).ok_or_else(|| not_found("snapshot", name))?;
        let mut batch = self.store.batch();
        batch.remove(keys::one(keys::SNAPSHOT, snapshot.id));
        snapshot.acks.stored().for_each(|chunk| batch.remove(keys::part(keys::SNAPSHOT_ACKED, snapshot.id, chunk)));
        batch.commit()?;
        self.drop_if_unused(snapshot.record.topic)
    }

    pub(super) fn snapshots(&self) -> Vec<SnapshotInfo> {
        let info = |s: &Snapshot| SnapshotInfo {
            name: s.record.name.clone(),
            topic: self.topic_name(s.record.topic),
            expires: time(s.record.expires),
            labels: s.record.labels.clone(),
        };
        self.snapshots.values().map(info).collect()
    }

    pub(super) fn expire_snapshots(&mut self, now: Micros) -> Result<()> {
        let over: Vec<String> =
            self.snapshots.values().filter(|s| s.record.expires <= now).map(|s| s.record.name.clone()).collect();
        over.iter().try_for_each(|name| self.delete_snapshot(name))
    }

    /// Does what time brings: deadlines, retention, expiry; and frees the disk of what nobody needs.
    pub(super) fn upkeep(&mut self, now: Micros) -> Result<()> {
        self.expire_snapshots(now)?;
        let names: Vec<String> = self.subscriptions.keys().cloned().collect();
        for name in names {
            self.with(&name, now, |_, _, _| Ok(((), false)))?;
        }
        let topics: Vec<u64> = self.logs.values().filter(|log| log.may_trim()).map(|log| log.id).collect();
        let store = self.store.clone();
        for topic in topics {
            let low = self.needed(topic, now)?;
            self.log(topic)?.trim(&store, low)?;
        }
        Ok(())
    }

    /// The first message of the topic that somebody needs.
    fn needed(&self, topic: u64, now: Micros) -> Result<u64> {
        let log = self.logs.get(&topic).ok_or_else(|| damaged("a topic"))?;
        let mut low = log.visible.seq;
        if let Some(retention) = log.record.retention {
            low = low.min(log.first_at(now.saturating_sub(micros(retention)))?);
        }
        for subscription in self.subscriptions.values().filter(|s| s.record.topic == topic) {
            low = low.min(subscription.acks.floor());
            if let Some(retained) = retained_acked(subscription, log, now)? {
                low = low.min(retained);
            }
        }
        let snapshots = self.snapshots.values().filter(|s| s.record.topic == topic);
        Ok(snapshots.map(|s| s.acks.floor()).min().map_or(low, |floor| low.min(floor)))
    }

    fn topic_name(&self, id: u64) -> String {
        let found = self.logs.get(&id).filter(|log| !log.record.deleted);
        found.map_or(DELETED_TOPIC.to_owned(), |log| log.record.name.clone())
    }

    /// A deleted topic's messages go with the last subscription or snapshot that holds them.
    fn drop_if_unused(&mut self, topic: u64) -> Result<()> {
        let used = self.subscriptions.values().any(|s| s.record.topic == topic)
            || self.snapshots.values().any(|s| s.record.topic == topic);
        let deleted = self.logs.get(&topic).is_some_and(|log| log.record.deleted);
        if deleted && !used { self.drop_log(topic) } else { Ok(()) }
    }
}

/// The first message that the subscription keeps though it may be acknowledged.
fn retained_acked(subscription: &Subscription, log: &Log, now: Micros) -> Result<Option<u64>> {
    if !subscription.record.retain_acked {
        return Ok(None);
    }
    let first = log.first_at(now.saturating_sub(micros(subscription.record.retention)))?;
    Ok(Some(first.max(subscription.record.created)))
}

/// What was published before the time is acknowledged; what is retained of the rest is not.
fn seek_to_time(subscription: &mut Subscription, log: &Log, now: Micros, to: Micros) -> Result<()> {
    let target = log.first_at(to)?;
    let mut replayed = retained_acked(subscription, log, now)?;
    if let Some(retention) = log.record.retention {
        // A topic keeps them for those, too, that subscribed later.
        let first = log.first_at(now.saturating_sub(micros(retention)))?;
        replayed = Some(replayed.map_or(first, |other| other.min(first)));
    }
    let skip_until = (to > now).then_some(to);
    subscription.sought(log, skip_until, |acks| {
        if let Some(replayed) = replayed {
            let from = target.max(replayed);
            acks.clear_from(from, |seq| log.read(seq).map(|record| record.size()))?;
        }
        acks.raise(target);
        Ok(())
    })
}
