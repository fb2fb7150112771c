//! What is written: messages, and the records of topics, subscriptions and snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::ports::{DeadLetterPolicy, Message, NewMessage, SubscriptionConfig, TopicConfig};
use crate::{Error, ErrorKind, Result};

const VERSION: u8 = 1;
/// Version, time, bytes before.
const HEAD: usize = 17;

/// Microseconds since the epoch.
pub(super) type Micros = i64;

/// A time that every calendar knows.
pub(super) fn time(micros: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// A time span in microseconds.
pub(super) fn micros(span: Duration) -> Micros {
    Micros::try_from(span.as_micros()).unwrap_or(Micros::MAX)
}

/// A message as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Record(Bytes);

impl Record {
    /// `before`: bytes of all messages of the topic before this one.
    pub(super) fn encode(message: &NewMessage, published: Micros, before: u64) -> Record {
        let mut record = Vec::with_capacity(HEAD + 3 + size(message) as usize + 4 * message.attributes.len());
        record.push(VERSION);
        record.extend(published.to_le_bytes());
        record.extend(before.to_le_bytes());
        put(&mut record, &message.ordering_key);
        record.push(message.attributes.len() as u8);
        for (key, value) in &message.attributes {
            put(&mut record, key);
            put(&mut record, value);
        }
        record.extend_from_slice(&message.data);
        Record(record.into())
    }

    /// What the store has; an error if it is not a message.
    pub(super) fn read(stored: Bytes) -> Result<Record> {
        let record = Record(stored);
        if record.0.first() != Some(&VERSION) || record.attributes().is_none() {
            return Err(damaged("a message"));
        }
        Ok(record)
    }

    pub(super) fn bytes(&self) -> Bytes {
        self.0.clone()
    }

    pub(super) fn published(&self) -> Micros {
        i64::from_le_bytes(self.fixed(1))
    }

    pub(super) fn bytes_before(&self) -> u64 {
        u64::from_le_bytes(self.fixed(9))
    }

    /// Bytes of data, attributes and ordering key.
    pub(super) fn size(&self) -> u64 {
        let lengths = 3 + 4 * usize::from(self.attributes().unwrap_or_default());
        self.0.len().saturating_sub(HEAD + lengths) as u64
    }

    pub(super) fn ordering_key(&self) -> &str {
        let length = usize::from(u16::from_le_bytes(self.fixed(HEAD)));
        self.0.get(HEAD + 2..HEAD + 2 + length).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default()
    }

    pub(super) fn message(&self, seq: u64) -> Result<Message> {
        let new = self.parse().ok_or_else(|| damaged("a message"))?;
        Ok(Message {
            id: seq.to_string(),
            data: new.data,
            attributes: new.attributes,
            ordering_key: new.ordering_key,
            published: time(self.published()),
        })
    }

    /// How many attributes it has.
    fn attributes(&self) -> Option<u8> {
        let key = usize::from(u16::from_le_bytes(self.0.get(HEAD..HEAD + 2)?.try_into().ok()?));
        self.0.get(HEAD + 2 + key).copied()
    }

    fn fixed<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }

    fn parse(&self) -> Option<NewMessage> {
        let mut at = HEAD;
        let ordering_key = self.text(&mut at)?;
        let count = *self.0.get(at)?;
        at += 1;
        let mut attributes = BTreeMap::new();
        for _ in 0..count {
            let key = self.text(&mut at)?;
            attributes.insert(key, self.text(&mut at)?);
        }
        Some(NewMessage { data: self.0.slice(at..), attributes, ordering_key })
    }

    fn text(&self, at: &mut usize) -> Option<String> {
        let length = u16::from_le_bytes(self.0.get(*at..*at + 2)?.try_into().ok()?);
        let start = *at + 2;
        *at = start + usize::from(length);
        std::str::from_utf8(self.0.get(start..*at)?).ok().map(str::to_owned)
    }
}

fn put(record: &mut Vec<u8>, text: &str) {
    // Both are checked before: no text is longer than a kilobyte, no message has more than 255 attributes.
    record.extend((text.len() as u16).to_le_bytes());
    record.extend_from_slice(text.as_bytes());
}

/// Bytes of data, attributes and ordering key.
pub(super) fn size(message: &NewMessage) -> u64 {
    let attributes: usize = message.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    (message.data.len() + attributes + message.ordering_key.len()) as u64
}

/// A topic on record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TopicRecord {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) retention: Option<Duration>,
    pub(super) max_backlog_bytes: Option<u64>,
    /// Deleted, but subscriptions or snapshots hold messages of it.
    pub(super) deleted: bool,
}

impl TopicRecord {
    pub(super) fn new(name: &str, config: TopicConfig) -> Self {
        let TopicConfig { labels, retention, max_backlog_bytes } = config;
        TopicRecord { name: name.to_owned(), labels, retention, max_backlog_bytes, deleted: false }
    }

    pub(super) fn config(&self) -> TopicConfig {
        TopicConfig {
            labels: self.labels.clone(),
            retention: self.retention,
            max_backlog_bytes: self.max_backlog_bytes,
        }
    }
}

/// Where a topic's log ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    /// The next message's number.
    pub(super) seq: u64,
    /// Bytes of all messages ever published.
    pub(super) bytes: u64,
    /// When the newest was published.
    pub(super) time: Micros,
}

/// A subscription on record.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SubscriptionRecord {
    pub(super) name: String,
    pub(super) topic: u64,
    /// The first message that it gets.
    pub(super) created: u64,
    pub(super) ack_deadline: Duration,
    pub(super) ordered: bool,
    pub(super) dead_letter: Option<(String, u32)>,
    pub(super) retain_acked: bool,
    pub(super) retention: Duration,
    pub(super) labels: BTreeMap<String, String>,
}

impl SubscriptionRecord {
    pub(super) fn new(name: &str, topic: u64, created: u64, config: SubscriptionConfig) -> Self {
        SubscriptionRecord {
            name: name.to_owned(),
            topic,
            created,
            ack_deadline: config.ack_deadline,
            ordered: config.ordered,
            dead_letter: config.dead_letter.map(|policy| (policy.topic, policy.max_attempts)),
            retain_acked: config.retain_acked,
            retention: config.retention,
            labels: config.labels,
        }
    }

    pub(super) fn config(&self) -> SubscriptionConfig {
        SubscriptionConfig {
            ack_deadline: self.ack_deadline,
            ordered: self.ordered,
            dead_letter: self.dead_letter.clone().map(|(topic, max_attempts)| DeadLetterPolicy { topic, max_attempts }),
            retain_acked: self.retain_acked,
            retention: self.retention,
            labels: self.labels.clone(),
        }
    }
}

/// How far a subscription is; its chunks are stored apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// All messages below are acknowledged.
    pub(super) floor: u64,
    /// Where counting began: the backlog is what was published since, less what was acknowledged of it.
    pub(super) base: u64,
    /// Bytes of the topic before `base`.
    pub(super) base_bytes: u64,
    /// Acknowledged from `base` on.
    pub(super) acked: u64,
    /// Their bytes.
    pub(super) acked_bytes: u64,
    /// What is published before this time counts as acknowledged: a seek into the future.
    pub(super) skip_until: Option<Micros>,
}

/// A snapshot on record; its chunks are stored apart.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SnapshotRecord {
    pub(super) name: String,
    pub(super) topic: u64,
    pub(super) floor: u64,
    pub(super) expires: Micros,
    pub(super) labels: BTreeMap<String, String>,
}

/// A record as JSON: small, seldom written, and legible when something is wrong.
pub(super) fn to_json(record: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(record).map_err(|e| Error::with(ErrorKind::Internal, "A record cannot be written.", e))
}

/// The other way round.
pub(super) fn from_json<T: for<'a> Deserialize<'a>>(what: &str, record: &[u8]) -> Result<T> {
    serde_json::from_slice(record).map_err(|e| Error { source: Some(Box::new(e)), ..damaged(what) })
}

/// What to say when the store has something that we never wrote.
pub(super) fn damaged(what: &str) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!(
            "The record of {what} in the folder `topics` is damaged. Delete that folder to begin with empty topics."
        ),
    )
}
