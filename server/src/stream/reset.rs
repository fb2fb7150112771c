//! What a reset needs of the stream: no message waiting, the tables emptied, and the topic alive.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use showrunner_lake::ports::{NewMessage, PullRequest, SeekTarget};
use showrunner_lake::stream::{BRONZE_SUBSCRIPTION, STREAM_TOPIC, WAREHOUSE_SUBSCRIPTION};

use super::Streams;
use crate::error::Result;

/// Both subscribers.
const SUBSCRIPTIONS: [&str; 2] = [WAREHOUSE_SUBSCRIPTION, BRONZE_SUBSCRIPTION];
/// How long a probe message may take to arrive.
const PROBE_WAIT: Duration = Duration::from_secs(10);
/// The messages that a probe may have to get past.
const PROBE_PULLS: usize = 1_000;

impl Streams {
    /// Messages that a subscriber has not taken yet.
    pub async fn waiting(&self) -> Result<u64> {
        let mut waiting = 0;
        for subscription in SUBSCRIPTIONS {
            waiting += self.lake.topics().backlog(subscription).await?.messages;
        }
        Ok(waiting)
    }

    /// Seeks both subscriptions to now. Returns how many messages were dropped.
    pub(crate) async fn drop_messages(&self) -> Result<u64> {
        let _held = self.sinks.hold().await?;
        let dropped = self.waiting().await?;
        for subscription in SUBSCRIPTIONS {
            self.lake.topics().seek(subscription, SeekTarget::Now).await?;
        }
        Ok(dropped)
    }

    /// Lets `purge` empty tables while no subscriber writes, and forgets what was in them.
    pub(crate) async fn emptied<T>(&self, purge: impl Future<Output = Result<T>>) -> Result<T> {
        let held = self.sinks.hold().await?;
        let purged = purge.await;
        // Also after a purge that failed half-way.
        self.sinks.reread().await?;
        drop(held);
        self.board.read_again(&self.lake, self.clock.now()).await?;
        self.compacted.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        self.changed();
        purged
    }

    /// Publishes a message and pulls from each subscription until it comes: empty, and alive.
    pub(crate) async fn probe(&self) -> Result<bool> {
        let _held = self.sinks.hold().await?;
        let topics = self.lake.topics();
        let attributes = BTreeMap::from([("eventType".to_owned(), "SHOWRUNNER_PROBE".to_owned())]);
        let message = NewMessage { data: Bytes::from_static(b"probe"), attributes, ..NewMessage::default() };
        let ids = topics.publish(STREAM_TOPIC, vec![message]).await?;
        let mut arrived = 0;
        for subscription in SUBSCRIPTIONS {
            for _ in 0..PROBE_PULLS {
                let messages = topics.pull(subscription, PullRequest::now(1_000).waiting(PROBE_WAIT)).await?;
                if messages.is_empty() {
                    break;
                }
                let here = messages.iter().any(|received| ids.contains(&received.message.id));
                let ack_ids: Vec<String> = messages.into_iter().map(|received| received.ack_id).collect();
                topics.acknowledge(subscription, &ack_ids).await?;
                if here {
                    arrived += 1;
                    break;
                }
            }
        }
        Ok(arrived == SUBSCRIPTIONS.len())
    }
}
