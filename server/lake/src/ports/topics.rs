//! The port of topics and subscriptions, after Pub/Sub (<https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1>).

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{ErrorKind, Result};

/// Messages in one publish request at most.
pub const MAX_MESSAGES_IN_REQUEST: usize = 1_000;
/// Bytes of one publish request at most: data, attributes and ordering keys of its messages. One message may fill it.
pub const MAX_REQUEST_BYTES: usize = 10_000_000;
/// Attributes of a message at most.
pub const MAX_ATTRIBUTES: usize = 100;
/// Bytes of an attribute's key at most.
pub const MAX_ATTRIBUTE_KEY_BYTES: usize = 256;
/// Bytes of an attribute's value at most.
pub const MAX_ATTRIBUTE_VALUE_BYTES: usize = 1_024;
/// Bytes of an ordering key at most.
pub const MAX_ORDERING_KEY_BYTES: usize = 1_024;
/// The longest that a single lease can be.
pub const MAX_ACK_DEADLINE: Duration = Duration::from_secs(600);
/// The shortest ack deadline of a subscription. A single lease may be shorter, by [`Topics::modify_ack_deadline`].
pub const MIN_ACK_DEADLINE: Duration = Duration::from_secs(10);
/// The shortest retention of a topic or subscription.
pub const MIN_RETENTION: Duration = Duration::from_secs(10 * 60);
/// The longest retention of a topic or subscription.
pub const MAX_RETENTION: Duration = Duration::from_secs(31 * 24 * 3_600);
/// How long a snapshot lives, less the age of its oldest message.
pub const SNAPSHOT_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);
/// A snapshot that would live shorter than this is not made.
pub const MIN_SNAPSHOT_LIFETIME: Duration = Duration::from_secs(3_600);

/// The subscription from which a dead letter came.
pub const DEAD_LETTER_SUBSCRIPTION: &str = "CloudPubSubDeadLetterSourceSubscription";
/// The project of that subscription.
pub const DEAD_LETTER_PROJECT: &str = "CloudPubSubDeadLetterSourceSubscriptionProject";
/// How often the message had been delivered.
pub const DEAD_LETTER_DELIVERY_COUNT: &str = "CloudPubSubDeadLetterSourceDeliveryCount";
/// When the message was first published, RFC 3339.
pub const DEAD_LETTER_PUBLISH_TIME: &str = "CloudPubSubDeadLetterSourceTopicPublishTime";
/// What a subscription says its topic is, once the topic was deleted.
pub const DELETED_TOPIC: &str = "_deleted-topic_";

/// A message to be published. It has data or at least one attribute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewMessage {
    /// Payload.
    pub data: Bytes,
    /// At most [`MAX_ATTRIBUTES`], none whose key begins with `goog`.
    pub attributes: BTreeMap<String, String>,
    /// Messages with the same key come in the order in which they were published, where the subscription is ordered. Empty: none.
    pub ordering_key: String,
}

/// A message as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Assigned by the server, unique within the topic, the same in each subscription and each delivery.
    pub id: String,
    /// Payload.
    pub data: Bytes,
    /// Attributes, for instance `eventType=OBJECT_FINALIZE`.
    pub attributes: BTreeMap<String, String>,
    /// See [`NewMessage::ordering_key`].
    pub ordering_key: String,
    /// When the server got it.
    pub published: DateTime<Utc>,
}

/// A message that is out to a subscriber until it is acknowledged or its deadline passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Stands for this delivery, not for the message: the next delivery has another one.
    pub ack_id: String,
    /// The message.
    pub message: Message,
    /// 1 and the number of nacks and missed deadlines before. Only where the subscription has a dead-letter policy.
    pub delivery_attempt: Option<u32>,
}

/// What a topic is made with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicConfig {
    /// For people and for filters.
    pub labels: BTreeMap<String, String>,
    /// Keeps messages for this long whatever the subscriptions do, so that any of them may seek back. 10 minutes to 31 days.
    pub retention: Option<Duration>,
    /// Publishing is refused ([`ErrorKind::Busy`]) while a subscription holds more bytes than these; see [`Topics::room`].
    pub max_backlog_bytes: Option<u64>,
}

/// Where messages go that were delivered too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPolicy {
    /// The topic; while it does not exist, messages are delivered on.
    pub topic: String,
    /// 5 to 100.
    pub max_attempts: u32,
}

/// What a subscription is made with. It never expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionConfig {
    /// A message that is not acknowledged within this time comes again. 10 to 600 seconds.
    pub ack_deadline: Duration,
    /// Whether messages of one ordering key come in order.
    pub ordered: bool,
    /// Where messages go that cannot be processed.
    pub dead_letter: Option<DeadLetterPolicy>,
    /// Whether acknowledged messages are kept for [`SubscriptionConfig::retention`], to be replayed by a seek.
    pub retain_acked: bool,
    /// A message that is older is dropped, acknowledged or not. 10 minutes to 31 days.
    pub retention: Duration,
    /// For people and for filters.
    pub labels: BTreeMap<String, String>,
}

impl Default for SubscriptionConfig {
    fn default() -> Self {
        SubscriptionConfig {
            ack_deadline: MIN_ACK_DEADLINE,
            ordered: false,
            dead_letter: None,
            retain_acked: false,
            retention: Duration::from_secs(7 * 24 * 3_600),
            labels: BTreeMap::new(),
        }
    }
}

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// Name.
    pub name: String,
    /// What it was made with.
    pub config: TopicConfig,
}

/// A subscription that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionInfo {
    /// Name.
    pub name: String,
    /// Its topic, or [`DELETED_TOPIC`].
    pub topic: String,
    /// What it was made with.
    pub config: SubscriptionConfig,
}

/// A snapshot that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Name.
    pub name: String,
    /// The topic of the subscription that it was taken of, or [`DELETED_TOPIC`].
    pub topic: String,
    /// When it goes by itself.
    pub expires: DateTime<Utc>,
    /// For people and for filters.
    pub labels: BTreeMap<String, String>,
}

/// What a subscription has not acknowledged yet: the figures of Cloud Monitoring's `num_undelivered_messages`,
/// `unacked_bytes_by_region` and `oldest_unacked_message_age`, but exact and at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages, those that are out included.
    pub messages: u64,
    /// Their data, attributes and ordering keys in bytes.
    pub bytes: u64,
    /// When the oldest of them was published.
    pub oldest: Option<DateTime<Utc>>,
    /// How many of them are out to subscribers.
    pub outstanding: u64,
}

/// How much to pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PullRequest {
    /// Messages at most. At least 1.
    pub max_messages: usize,
    /// Bytes at most; a single message may have more.
    pub max_bytes: usize,
    /// How long to wait for the first message; zero: answer at once.
    pub wait: Duration,
}

impl PullRequest {
    /// Up to this many messages (and 10 MB), at once.
    pub fn now(max_messages: usize) -> Self {
        PullRequest { max_messages, max_bytes: MAX_REQUEST_BYTES, wait: Duration::ZERO }
    }

    /// The same, but waits for the first message.
    pub fn waiting(self, wait: Duration) -> Self {
        PullRequest { wait, ..self }
    }
}

/// Where to seek.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeekTarget {
    /// All that was published before is acknowledged, by the back end's own clock.
    Now,
    /// What was published before is acknowledged; what was published at or after it and is still retained is not.
    Time(DateTime<Utc>),
    /// As it was when the snapshot of this name was taken, and all that was published since. It must be of the same topic.
    Snapshot(String),
}

/// Topics and subscriptions, after Pub/Sub: at least once. Names are of the project's own, without `projects/…`.
#[async_trait]
pub trait Topics: Send + Sync {
    /// Creates a topic. [`ErrorKind::Exists`] if it is there, [`ErrorKind::Invalid`] for a name or setting that is not allowed.
    async fn create_topic(&self, topic: &str, config: TopicConfig) -> Result<()>;
    /// Deletes a topic. Its subscriptions stay, keep what they hold, and call their topic [`DELETED_TOPIC`].
    async fn delete_topic(&self, topic: &str) -> Result<()>;
    /// All topics, by name.
    async fn topics(&self) -> Result<Vec<TopicInfo>>;
    /// Publishes all or none of the messages, in this order; returns their ids. When it returns they are kept, whatever happens to
    /// the process. After an error they may be there or not, as with any lost answer.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Invalid`] or [`ErrorKind::TooLarge`] for what is beyond the limits,
    /// [`ErrorKind::Busy`] beyond [`TopicConfig::max_backlog_bytes`].
    async fn publish(&self, topic: &str, messages: Vec<NewMessage>) -> Result<Vec<String>>;
    /// Waits until the topic's subscriptions hold no more than [`TopicConfig::max_backlog_bytes`].
    async fn room(&self, topic: &str) -> Result<()>;
    /// Creates a subscription, which gets what is published from now on. Errors as of [`Topics::create_topic`].
    async fn create_subscription(&self, subscription: &str, topic: &str, config: SubscriptionConfig) -> Result<()>;
    /// Deletes a subscription with all that it holds.
    async fn delete_subscription(&self, subscription: &str) -> Result<()>;
    /// All subscriptions, by name.
    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>>;
    /// Takes messages; each is out until it is acknowledged or its deadline passes. Several may pull at once: a message that is out
    /// to one does not go to another. An answer may have fewer messages than there are. Dropping the future gives its messages back.
    async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<ReceivedMessage>>;
    /// Waits until a pull may bring a message; may end early. Takes nothing.
    async fn wait(&self, subscription: &str) -> Result<()>;
    /// Acknowledges: these messages do not come again, but by a seek. Ack ids whose deadline has passed are ignored.
    /// Where a subscription is ordered, an ack counts once the key's earlier messages are acknowledged.
    async fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> Result<()>;
    /// Sets the deadlines of these deliveries to this time from now: up to [`MAX_ACK_DEADLINE`]; zero gives them back (a nack).
    async fn modify_ack_deadline(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> Result<()>;
    /// Seeks. What is out is forgotten, its ack ids with it.
    async fn seek(&self, subscription: &str, target: SeekTarget) -> Result<()>;
    /// What is not acknowledged.
    async fn backlog(&self, subscription: &str) -> Result<Backlog>;
    /// Keeps what the subscription has not acknowledged now. [`ErrorKind::Conflict`] if it would live less than
    /// [`MIN_SNAPSHOT_LIFETIME`].
    async fn create_snapshot(
        &self,
        snapshot: &str,
        subscription: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<SnapshotInfo>;
    /// Deletes a snapshot.
    async fn delete_snapshot(&self, snapshot: &str) -> Result<()>;
    /// All snapshots, by name.
    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>>;

    /// Creates the topic unless it is there.
    async fn ensure_topic(&self, topic: &str, config: TopicConfig) -> Result<()> {
        existing(self.create_topic(topic, config).await)
    }

    /// Creates the subscription unless it is there.
    async fn ensure_subscription(&self, subscription: &str, topic: &str, config: SubscriptionConfig) -> Result<()> {
        existing(self.create_subscription(subscription, topic, config).await)
    }
}

fn existing(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind == ErrorKind::Exists => Ok(()),
        other => other,
    }
}
