//! The contract of [`Topics`]: what Pub/Sub documents, so that Google's emulator can pass it as well. It asks for no order where none
//! is promised, takes what a pull brings for part of what is there, and never relies on an ack id after its deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::kind;
use crate::ErrorKind;
use crate::ports::*;

mod delivery;
mod limits;
mod ordering;
mod seeking;

const TOPIC: &str = "contract-topic";
const ONE: &str = "contract-subscription-one";
const TWO: &str = "contract-subscription-two";
/// The shortest deadline that the suite waits for.
const SHORT: Duration = Duration::from_secs(2);
/// How long the suite waits for a message that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A back end under test.
#[async_trait]
pub trait TopicHarness: Send + Sync {
    /// Without topics, subscriptions or snapshots at first.
    fn topics(&self) -> &dyn Topics;
    /// The back end's time.
    fn now(&self) -> DateTime<Utc>;
    /// Lets time pass: sets a clock, or sleeps.
    async fn pass(&self, time: Duration);
    /// Whether [`Topics::backlog`] is exact and at once. Cloud Monitoring's figures are minutes late.
    fn counts(&self) -> bool {
        true
    }
    /// Whether snapshots keep their labels: in Google's emulator they do not.
    fn labels_snapshots(&self) -> bool {
        true
    }
    /// Whether a topic's own retention is as documented: in Google's emulator a new subscription begins with what the topic retains.
    fn retains_topics(&self) -> bool {
        true
    }
    /// Whether another subscription of the topic may seek to a snapshot: in Google's emulator it gets nothing by it.
    fn shares_snapshots(&self) -> bool {
        true
    }
    /// Whether what follows a message of its key waits for it after a nack: Google's emulator goes on with it in unary pulls.
    fn orders_after_nacks(&self) -> bool {
        true
    }
    /// The longest retention that the back end takes: Google's emulator knows less than Google.
    fn longest_retention(&self) -> Duration {
        MAX_RETENTION
    }
}

/// Runs every rule against fresh topics from `make`.
///
/// # Panics
/// When a rule is broken.
pub async fn topic_contract<F: AsyncFn() -> Box<dyn TopicHarness>>(make: F) {
    // At once: each has topics of its own, and most of them wait for deadlines.
    futures::join!(
        async { limits::unknown_names(&*make().await).await },
        async { limits::names_and_settings(&*make().await).await },
        async { limits::messages(&*make().await).await },
        async { limits::lists(&*make().await).await },
        async { delivery::messages_arrive_as_published(&*make().await).await },
        async { delivery::subscriptions_are_independent(&*make().await).await },
        async { delivery::unacknowledged_messages_come_again(&*make().await).await },
        async { delivery::deadlines_are_moved(&*make().await).await },
        async { delivery::several_subscribers(&*make().await).await },
        async { delivery::waiting(&*make().await).await },
        async { delivery::bytes_bound_a_pull(&*make().await).await },
        async { delivery::dead_letters(&*make().await).await },
        async { delivery::a_deleted_topic_leaves_its_messages(&*make().await).await },
        async { ordering::a_key_keeps_its_order(&*make().await).await },
        async { ordering::a_nack_brings_the_followers_again(&*make().await).await },
        async { seeking::to_the_past(&*make().await).await },
        async {
            let harness = make().await;
            if harness.retains_topics() {
                seeking::a_topic_retains_for_all(&*harness).await;
            }
        },
        async { seeking::to_now_and_to_the_future(&*make().await).await },
        async { seeking::to_a_snapshot(&*make().await).await },
    );
}

async fn topic(h: &dyn TopicHarness, subscription: SubscriptionConfig) {
    h.topics().create_topic(TOPIC, TopicConfig::default()).await.expect("a topic can be created");
    h.topics().create_subscription(ONE, TOPIC, subscription).await.expect("a subscription can be created");
}

fn message(data: &str) -> NewMessage {
    NewMessage { data: Bytes::from(data.to_owned()), ..NewMessage::default() }
}

async fn publish(h: &dyn TopicHarness, data: &[&str]) -> Vec<String> {
    let messages = data.iter().map(|data| message(data)).collect();
    h.topics().publish(TOPIC, messages).await.expect("publish")
}

/// Pulls until there are so many messages.
///
/// # Panics
/// When they do not come.
async fn pull(h: &dyn TopicHarness, subscription: &str, count: usize) -> Vec<ReceivedMessage> {
    let mut got = Vec::new();
    let end = tokio::time::Instant::now() + PATIENCE;
    while got.len() < count {
        assert!(
            tokio::time::Instant::now() < end,
            "{} of {count} messages came from {subscription}: {got:?}",
            got.len()
        );
        let request = PullRequest::now(count - got.len()).waiting(Duration::from_millis(500));
        got.extend(h.topics().pull(subscription, request).await.expect("pull"));
    }
    got
}

async fn nothing(h: &dyn TopicHarness, subscription: &str, why: &str) {
    let got = h.topics().pull(subscription, PullRequest::now(10)).await.expect("pull");
    assert!(got.is_empty(), "{why}: {got:?}");
}

async fn ack(h: &dyn TopicHarness, subscription: &str, messages: &[ReceivedMessage]) {
    h.topics().acknowledge(subscription, &ack_ids(messages)).await.expect("acknowledge");
}

async fn nack(h: &dyn TopicHarness, subscription: &str, messages: &[ReceivedMessage]) {
    h.topics().modify_ack_deadline(subscription, &ack_ids(messages), Duration::ZERO).await.expect("nack");
}

fn ack_ids(messages: &[ReceivedMessage]) -> Vec<String> {
    messages.iter().map(|m| m.ack_id.clone()).collect()
}

fn texts(messages: &[ReceivedMessage]) -> Vec<String> {
    messages.iter().map(|m| String::from_utf8_lossy(&m.message.data).into_owned()).collect()
}

fn sorted(messages: &[ReceivedMessage]) -> Vec<String> {
    let mut texts = texts(messages);
    texts.sort();
    texts
}

async fn backlog(h: &dyn TopicHarness, subscription: &str, messages: u64, why: &str) {
    if h.counts() {
        assert_eq!(h.topics().backlog(subscription).await.expect("backlog").messages, messages, "{why}");
    }
}
