//! Topics and subscriptions on Pub/Sub, by Google's client: administration and publishing by its admin clients and publisher, receiving
//! by its streaming pull (by unary pull where the peer is on a loopback address, see [`unary`]).
//!
//! A name `N` of the lake is `sa-SHOW-N` at Google, so that two shows in one project stay apart, and carries our label: what has none is
//! not listed. What differs from the embedded topics:
//! - [`Topics::backlog`] counts what has come to this process and is not acknowledged; Google's own figure is minutes late.
//! - [`TopicConfig::max_backlog_bytes`] does not exist there: publishing is never refused for it, and [`Topics::room`] returns at once.
//! - Acknowledging is best effort: one whose answer is lost comes again.

mod convert;
mod publish;
mod received;
mod unary;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_gax::retry_policy::{AlwaysRetry, RetryPolicyExt};
use google_cloud_pubsub::client::{BasePublisher, Publisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::model;
use showrunner_lake::ports::*;
use showrunner_lake::topic::limits;
use showrunner_lake::{Error, ErrorKind, Result};

pub(crate) use self::convert::Names;
use self::received::Received;
use self::unary::Unary;
use crate::error::from_gax;
use crate::{ATTEMPTS, Access, DEADLINE, GcpConfig, retry};

/// A seek to now goes so far into the future, and lasts so long: Google's clock and ours differ a little, and nothing that was published
/// before may be left.
const SKEW: Duration = Duration::from_secs(1);

/// Topics of one show on Pub/Sub.
pub struct PubSubTopics {
    names: Names,
    topic_admin: TopicAdmin,
    subscription_admin: SubscriptionAdmin,
    base: BasePublisher,
    receiving: Receiving,
    config: GcpConfig,
    publishers: Mutex<HashMap<String, Publisher>>,
    /// What streams of this process have received, by subscription.
    received: Mutex<HashMap<String, Arc<Received>>>,
}

impl Drop for PubSubTopics {
    /// What was not closed would go on receiving, and holding leases, for as long as the process lives.
    fn drop(&mut self) {
        let left: Vec<_> = self.received().drain().map(|(_, received)| received).collect();
        if let (false, Ok(runtime)) = (left.is_empty(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move {
                for received in left {
                    received.close().await;
                }
            });
        }
    }
}

/// How messages come.
enum Receiving {
    Streaming(Subscriber),
    Unary(Unary),
}

impl PubSubTopics {
    /// As [`PubSubTopics::connect`], receiving by streams whatever the address is.
    ///
    /// # Errors
    /// Those of [`PubSubTopics::connect`].
    pub async fn connect_streaming(config: &GcpConfig, access: &Access) -> Result<PubSubTopics> {
        let endpoint = &config.endpoints.pubsub;
        let builder = Subscriber::builder().with_endpoint(endpoint.url()).with_credentials(access.to(endpoint));
        let receiving = Receiving::Streaming(builder.build().await.map_err(not_made)?);
        Self::with(config, access, receiving).await
    }

    /// Makes the clients. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if a client cannot be made.
    pub async fn connect(config: &GcpConfig, access: &Access) -> Result<PubSubTopics> {
        let endpoint = &config.endpoints.pubsub;
        if !endpoint.is_anonymous() {
            return Self::connect_streaming(config, access).await;
        }
        let unary = Unary::new(endpoint, Access::anonymous(), &config.project)?;
        Self::with(config, access, Receiving::Unary(unary)).await
    }

    async fn with(config: &GcpConfig, access: &Access, receiving: Receiving) -> Result<PubSubTopics> {
        let endpoint = &config.endpoints.pubsub;
        let (topic_admin, subscription_admin) = admins(config, access).await?;
        Ok(PubSubTopics {
            names: Names::of(config),
            topic_admin,
            subscription_admin,
            // A message that is published twice is known by its run and number, so that a lost answer is asked for again.
            base: BasePublisher::builder()
                .with_endpoint(endpoint.url())
                .with_credentials(access.to(endpoint))
                .with_retry_policy(AlwaysRetry.with_time_limit(DEADLINE).with_attempt_limit(ATTEMPTS))
                .with_backoff_policy(retry::backoff())
                .build()
                .await
                .map_err(not_made)?,
            receiving,
            config: config.clone(),
            publishers: Mutex::default(),
            received: Mutex::default(),
        })
    }

    /// What it was connected with.
    pub fn config(&self) -> &GcpConfig {
        &self.config
    }

    /// Ends the streams of this process: what was acknowledged is told, everything else goes back.
    pub async fn close(&self) {
        let all: Vec<_> = self.received().drain().map(|(_, received)| received).collect();
        for received in all {
            received.close().await;
        }
    }

    fn received(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Received>>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a subscription's stream has received; the stream is begun if there is none.
    async fn stream_of(&self, subscriber: &Subscriber, subscription: &str) -> Result<Arc<Received>> {
        if let Some(received) = self.received().get(subscription).filter(|received| !received.is_over()) {
            return Ok(received.clone());
        }
        let config = self.subscription(subscription).await?.config;
        let mut all = self.received();
        // Somebody else may have begun one in between: a second one would take its messages.
        if let Some(received) = all.get(subscription).filter(|received| !received.is_over()) {
            return Ok(received.clone());
        }
        let received = Received::begin(subscriber, self.names.subscription(subscription), &config);
        all.insert(subscription.to_owned(), received.clone());
        Ok(received)
    }

    /// What a subscription's stream has received, without beginning one.
    async fn known_stream(&self, subscription: &str) -> Result<Option<Arc<Received>>> {
        let known = self.received().get(subscription).cloned();
        match known {
            Some(received) if !received.is_over() => Ok(Some(received)),
            _ => {
                self.subscription(subscription).await?;
                Ok(None)
            }
        }
    }

    async fn end_stream(&self, subscription: &str) {
        let received = self.received().remove(subscription);
        if let Some(received) = received {
            received.close().await;
        }
    }

    fn is_unary(&self) -> bool {
        matches!(self.receiving, Receiving::Unary(_))
    }

    /// Deletes the subscription and makes it as it was: nothing waits in it then, as after a seek to now.
    async fn make_anew(&self, subscription: &str) -> Result<()> {
        let SubscriptionInfo { topic, config, .. } = self.subscription(subscription).await?;
        self.delete_subscription(subscription).await?;
        self.create_subscription(subscription, &topic, config).await
    }

    async fn subscription(&self, subscription: &str) -> Result<SubscriptionInfo> {
        let request = self.subscription_admin.get_subscription();
        let found = request.set_subscription(self.names.subscription(subscription)).send().await;
        let found = found.map_err(|e| from_gax(&format!("find the subscription {subscription}"), e))?;
        Ok(self.names.subscription_info(&found).unwrap_or_else(|| SubscriptionInfo {
            name: subscription.to_owned(),
            topic: found.topic.clone(),
            config: SubscriptionConfig::default(),
        }))
    }
}

/// The clients that make, list and delete.
pub(crate) async fn admins(config: &GcpConfig, access: &Access) -> Result<(TopicAdmin, SubscriptionAdmin)> {
    let endpoint = &config.endpoints.pubsub;
    macro_rules! client {
        ($builder:expr) => {
            $builder
                .with_endpoint(endpoint.url())
                .with_credentials(access.to(endpoint))
                .with_retry_policy(retry::policy())
                .with_backoff_policy(retry::backoff())
                .build()
                .await
                .map_err(not_made)?
        };
    }
    Ok((client!(TopicAdmin::builder()), client!(SubscriptionAdmin::builder())))
}

fn not_made(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with(ErrorKind::Unavailable, "The client of Pub/Sub could not be made.", error)
}

#[async_trait]
impl Topics for PubSubTopics {
    async fn create_topic(&self, topic: &str, config: TopicConfig) -> Result<()> {
        self.names.check("topic", topic)?;
        limits::topic(&config)?;
        let request = self.topic_admin.create_topic().with_request(self.names.topic_of(topic, &config));
        request.send().await.map(drop).map_err(|e| from_gax(&format!("create the topic {topic}"), e))
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        self.publishers.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
        let request = self.topic_admin.delete_topic().set_topic(self.names.topic(topic));
        request.send().await.map_err(|e| from_gax(&format!("delete the topic {topic}"), e))
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        let mut items = self.topic_admin.list_topics().set_project(self.names.project()).by_item();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.extend(self.names.topic_info(&item.map_err(|e| from_gax("list the topics", e))?));
        }
        found.sort_by(|a: &TopicInfo, b| a.name.cmp(&b.name));
        Ok(found)
    }

    async fn publish(&self, topic: &str, messages: Vec<NewMessage>) -> Result<Vec<String>> {
        limits::messages(&messages)?;
        let publisher = self.publisher(topic).await?;
        let result = publish::all(&publisher, topic, messages).await;
        if result.is_err() {
            // The next one looks again whether the topic is there, and is not paused.
            self.publishers.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
        }
        result
    }

    async fn room(&self, _topic: &str) -> Result<()> {
        Ok(())
    }

    async fn create_subscription(&self, subscription: &str, topic: &str, config: SubscriptionConfig) -> Result<()> {
        self.names.check("subscription", subscription)?;
        limits::subscription(&config)?;
        if let Some(policy) = &config.dead_letter {
            // Google makes the subscription without looking, and the letters would be delivered for ever.
            self.topic_exists(&policy.topic).await?;
        }
        let wanted = self.names.subscription_of(subscription, topic, &config);
        let request = self.subscription_admin.create_subscription().with_request(wanted);
        request.send().await.map(drop).map_err(|e| from_gax(&format!("create the subscription {subscription}"), e))
    }

    async fn delete_subscription(&self, subscription: &str) -> Result<()> {
        self.end_stream(subscription).await;
        let request = self.subscription_admin.delete_subscription();
        let deleted = request.set_subscription(self.names.subscription(subscription)).send().await;
        deleted.map_err(|e| from_gax(&format!("delete the subscription {subscription}"), e))
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        let mut items = self.subscription_admin.list_subscriptions().set_project(self.names.project()).by_item();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.extend(self.names.subscription_info(&item.map_err(|e| from_gax("list the subscriptions", e))?));
        }
        found.sort_by(|a: &SubscriptionInfo, b| a.name.cmp(&b.name));
        Ok(found)
    }

    async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        if request.max_messages == 0 {
            return Err(Error::new(ErrorKind::Invalid, "A pull is for one message at least."));
        }
        match &self.receiving {
            Receiving::Streaming(subscriber) => self.stream_of(subscriber, subscription).await?.take(request).await,
            Receiving::Unary(unary) => unary.pull(&self.names.short_subscription(subscription), request).await,
        }
    }

    async fn wait(&self, subscription: &str) -> Result<()> {
        match &self.receiving {
            Receiving::Streaming(subscriber) => self.stream_of(subscriber, subscription).await?.wait().await,
            Receiving::Unary(unary) => {
                self.subscription(subscription).await?;
                unary.wait().await;
                Ok(())
            }
        }
    }

    async fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> Result<()> {
        if let Some(received) = self.known_stream(subscription).await? {
            received.acknowledge(ack_ids);
        } else if let Receiving::Unary(unary) = &self.receiving {
            unary.acknowledge(&self.names.short_subscription(subscription), ack_ids).await?;
        }
        Ok(())
    }

    async fn modify_ack_deadline(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> Result<()> {
        limits::deadline(deadline)?;
        if let Some(received) = self.known_stream(subscription).await? {
            received.modify(ack_ids, deadline);
        } else if let Receiving::Unary(unary) = &self.receiving {
            unary.modify(&self.names.short_subscription(subscription), ack_ids, deadline).await?;
        }
        Ok(())
    }

    async fn seek(&self, subscription: &str, target: SeekTarget) -> Result<()> {
        let received = self.known_stream(subscription).await?;
        if let Some(received) = &received {
            // An acknowledgement that is on its way would count after the seek.
            received.flush().await;
        }
        let now = matches!(target, SeekTarget::Now);
        let (since, target) = match target {
            SeekTarget::Now => (Some(convert::now() + SKEW), None),
            SeekTarget::Time(time) => (Some(time), None),
            SeekTarget::Snapshot(name) => (None, Some(name)),
        };
        let forget = || received.as_ref().into_iter().for_each(|received| received.forget(since));
        forget();
        let request = self.subscription_admin.seek().set_subscription(self.names.subscription(subscription));
        let request = match (since, target) {
            (_, Some(name)) => request.set_snapshot(self.names.snapshot(&name)),
            (since, None) => request.set_time(convert::timestamp(since.unwrap_or_else(convert::now))),
        };
        let sought = match request.send().await {
            Ok(_) => Ok(()),
            // Google's emulator, of a subscription with ordering.
            Err(e) if now && self.is_unary() && e.status().is_some_and(|status| status.code == Code::Unimplemented) => {
                self.make_anew(subscription).await
            }
            Err(e) => Err(from_gax(&format!("seek the subscription {subscription}"), e)),
        };
        sought.map_err(|error| match error.kind {
            // A snapshot of another topic.
            ErrorKind::Conflict => Error { kind: ErrorKind::Invalid, ..error },
            _ => error,
        })?;
        if let Some(wait) = since.and_then(|since| (since - convert::now()).to_std().ok()) {
            // What is published up to that moment is dropped: nobody who waited for the seek loses anything by a clock that differs.
            tokio::time::sleep(wait.min(SKEW)).await;
        }
        forget();
        Ok(())
    }

    async fn backlog(&self, subscription: &str) -> Result<Backlog> {
        Ok(self.known_stream(subscription).await?.map(|received| received.backlog()).unwrap_or_default())
    }

    async fn create_snapshot(
        &self,
        snapshot: &str,
        subscription: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<SnapshotInfo> {
        self.names.check("snapshot", snapshot)?;
        limits::labels(&labels)?;
        if let Some(received) = self.known_stream(subscription).await? {
            // What was acknowledged a moment ago is on its way: the snapshot would still have it.
            received.flush().await;
        }
        let request = self.subscription_admin.create_snapshot().set_name(self.names.snapshot(snapshot));
        let request =
            request.set_subscription(self.names.subscription(subscription)).set_labels(self.names.labels(&labels));
        let made = request.send().await.map_err(|e| from_gax(&format!("make the snapshot {snapshot}"), e))?;
        self.names.snapshot_info(&made).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("Pub/Sub made the snapshot {snapshot} under another name."))
        })
    }

    async fn delete_snapshot(&self, snapshot: &str) -> Result<()> {
        let request = self.subscription_admin.delete_snapshot().set_snapshot(self.names.snapshot(snapshot));
        request.send().await.map_err(|e| from_gax(&format!("delete the snapshot {snapshot}"), e))
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        let mut items = self.subscription_admin.list_snapshots().set_project(self.names.project()).by_item();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.extend(self.names.snapshot_info(&item.map_err(|e| from_gax("list the snapshots", e))?));
        }
        found.sort_by(|a: &SnapshotInfo, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

impl PubSubTopics {
    async fn topic_exists(&self, topic: &str) -> Result<model::Topic> {
        let found = self.topic_admin.get_topic().set_topic(self.names.topic(topic)).send().await;
        found.map_err(|e| from_gax(&format!("find the topic {topic}"), e))
    }

    /// The publisher of a topic that was there when it was made.
    async fn publisher(&self, topic: &str) -> Result<Publisher> {
        let known = self.publishers.lock().unwrap_or_else(PoisonError::into_inner).get(topic).cloned();
        if let Some(publisher) = known {
            return Ok(publisher);
        }
        self.topic_exists(topic).await?;
        let publisher = publish::publisher(&self.base, self.names.topic(topic));
        self.publishers.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.to_owned(), publisher.clone());
        Ok(publisher)
    }
}
