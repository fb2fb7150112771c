//! Topics that note what they are asked, around those that do the work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::*;
use crate::Result;
use crate::ports::{
    Backlog as BacklogFigures, NewMessage, PullRequest, ReceivedMessage, SeekTarget, SnapshotInfo, SubscriptionConfig,
    SubscriptionInfo, TopicConfig, TopicInfo, Topics,
};

/// Attributes that say what a message is about; others may hold anything and are not noted.
const NOTED: [&str; 4] = ["eventType", "bucketId", "objectId", "objectGeneration"];

/// Of the deliveries of a call so many are noted by their ids: a stream acknowledges thousands at a time.
const NOTED_IDS: usize = 10;

/// Leaves the first ids; returns how many went.
fn first(ids: &mut Vec<String>) -> u64 {
    let more = ids.len().saturating_sub(NOTED_IDS);
    ids.truncate(NOTED_IDS);
    more as u64
}

/// Topics whose messages are noted as they come and go. Waiting is no call, and setting up is not a part of any run.
pub struct RecordingTopics {
    topics: Arc<dyn Topics>,
    clock: Clock,
}

impl RecordingTopics {
    /// Around these topics; `clock` says what 'now' is.
    pub fn new(topics: Arc<dyn Topics>, clock: Clock) -> Self {
        RecordingTopics { topics, clock }
    }
}

#[async_trait]
impl Topics for RecordingTopics {
    async fn create_topic(&self, topic: &str, config: TopicConfig) -> Result<()> {
        self.topics.create_topic(topic, config).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        self.topics.delete_topic(topic).await
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.topics.topics().await
    }

    async fn publish(&self, topic: &str, messages: Vec<NewMessage>) -> Result<Vec<String>> {
        let about = messages.first().into_iter().flat_map(|message| &message.attributes);
        let about = about.filter(|(name, _)| NOTED.contains(&name.as_str()));
        let about = about.map(|(name, value)| (name.clone(), value.clone())).collect();
        let size = Size {
            rows: (messages.len() > 1).then_some(messages.len() as u64),
            bytes: Some(messages.iter().map(|message| message.data.len() as u64).sum()),
        };
        let (operation, begun) = (Publish { topic: topic.to_owned(), attributes: about }, Begun::now());
        let result = operation.run(self.topics.as_ref(), messages).await;
        begun.end(operation, &result, |_| size);
        result
    }

    async fn room(&self, topic: &str) -> Result<()> {
        self.topics.room(topic).await
    }

    async fn create_subscription(&self, subscription: &str, topic: &str, config: SubscriptionConfig) -> Result<()> {
        let operation = CreateSubscription { topic: topic.to_owned(), subscription: subscription.to_owned() };
        let begun = Begun::now();
        let result = self.topics.create_subscription(subscription, topic, config).await;
        begun.end(operation, &result, |()| Size::default());
        result
    }

    async fn delete_subscription(&self, subscription: &str) -> Result<()> {
        self.topics.delete_subscription(subscription).await
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        self.topics.subscriptions().await
    }

    async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        let operation = Pull { subscription: subscription.to_owned(), max: request.max_messages as u64 };
        let begun = Begun::now();
        let result = operation.run(self.topics.as_ref(), request).await;
        begun.end(operation, &result, |messages| Size::rows(messages.len() as u64));
        result
    }

    async fn wait(&self, subscription: &str) -> Result<()> {
        self.topics.wait(subscription).await
    }

    async fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> Result<()> {
        let mut operation = Acknowledge { subscription: subscription.to_owned(), ids: ack_ids.to_vec(), more: 0 };
        let begun = Begun::now();
        let result = operation.run(self.topics.as_ref()).await;
        operation.more = first(&mut operation.ids);
        begun.end(operation, &result, |()| Size::rows(ack_ids.len() as u64));
        result
    }

    async fn modify_ack_deadline(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> Result<()> {
        let (subscription, ids) = (subscription.to_owned(), ack_ids.to_vec());
        let seconds = deadline.as_secs();
        let (mut operation, begun) = (ModifyAckDeadline { subscription, ids, more: 0, seconds }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        operation.more = first(&mut operation.ids);
        begun.end(operation, &result, |()| Size::rows(ack_ids.len() as u64));
        result
    }

    async fn seek(&self, subscription: &str, target: SeekTarget) -> Result<()> {
        let to = match target {
            SeekTarget::Now => SeekTo::Now((self.clock)()),
            SeekTarget::Time(time) => SeekTo::Time(time),
            SeekTarget::Snapshot(name) => SeekTo::Snapshot(name),
        };
        let (operation, begun) = (Seek { subscription: subscription.to_owned(), to }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |()| Size::default());
        result
    }

    async fn backlog(&self, subscription: &str) -> Result<BacklogFigures> {
        let (operation, begun) = (Backlog { subscription: subscription.to_owned() }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |waiting| Size::rows(waiting.messages));
        result
    }

    async fn create_snapshot(
        &self,
        snapshot: &str,
        subscription: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<SnapshotInfo> {
        self.topics.create_snapshot(snapshot, subscription, labels).await
    }

    async fn delete_snapshot(&self, snapshot: &str) -> Result<()> {
        self.topics.delete_snapshot(snapshot).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        self.topics.snapshots().await
    }
}
