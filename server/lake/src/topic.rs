//! The embedded topic: notifications within this process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::clock::{Clock, system_clock};
use crate::ports::{Message, Topic};
use crate::{Error, ErrorKind, Result};

/// What a subscription holds at most; beyond it the oldest message goes.
pub const MAX_BACKLOG: usize = 10_000;

/// Topics in memory.
///
/// Nothing is kept across a restart, and a subscription that nobody reads forgets its oldest messages beyond [`MAX_BACKLOG`]. Both are
/// right for notifications, whose only task is to wake a reconciler that looks at the bucket itself. A stream of events needs a durable
/// topic; issue 'The stream' puts one behind the same port.
pub struct LocalTopic {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By name: the id of the newest message.
    topics: BTreeMap<String, u64>,
    subscriptions: BTreeMap<String, Subscription>,
}

struct Subscription {
    topic: String,
    /// Not delivered, or given back, by id: messages come in the order in which they were published.
    pending: BTreeMap<u64, Message>,
    /// Delivered, not yet acknowledged.
    leased: BTreeMap<u64, Message>,
    wake: Arc<Notify>,
}

impl LocalTopic {
    /// No topics yet; `clock` says when a message was published.
    pub fn new(clock: Clock) -> Self {
        LocalTopic { clock, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, subscription: &str, act: impl FnOnce(&mut Subscription) -> T) -> Result<T> {
        match self.state().subscriptions.get_mut(subscription) {
            Some(found) => Ok(act(found)),
            None => Err(Error::new(
                ErrorKind::NotFound,
                format!("The subscription `{subscription}` does not exist. Create it first."),
            )),
        }
    }
}

impl Default for LocalTopic {
    fn default() -> Self {
        Self::new(system_clock())
    }
}

impl Subscription {
    fn add(&mut self, name: &str, message: Message) {
        self.pending.insert(message.id, message);
        if self.pending.len() + self.leased.len() > MAX_BACKLOG {
            let dropped = self.pending.pop_first().or_else(|| self.leased.pop_first());
            tracing::warn!(
                subscription = name,
                id = dropped.map(|(id, _)| id),
                "the subscription holds too many messages: dropped the oldest"
            );
        }
        self.wake.notify_waiters();
    }
}

#[async_trait]
impl Topic for LocalTopic {
    async fn create(&self, topic: &str, subscription: &str) -> Result<()> {
        let mut state = self.state();
        if let Some(found) = state.subscriptions.get(subscription)
            && found.topic != topic
        {
            let message = format!(
                "The subscription `{subscription}` exists already, on topic `{}`. Choose another name.",
                found.topic
            );
            return Err(Error::new(ErrorKind::Exists, message));
        }
        state.topics.entry(topic.to_owned()).or_default();
        state.subscriptions.entry(subscription.to_owned()).or_insert_with(|| Subscription {
            topic: topic.to_owned(),
            pending: BTreeMap::new(),
            leased: BTreeMap::new(),
            wake: Arc::default(),
        });
        Ok(())
    }

    async fn publish(&self, topic: &str, data: Bytes, attributes: BTreeMap<String, String>) -> Result<u64> {
        let mut state = self.state();
        let State { topics, subscriptions } = &mut *state;
        let Some(last) = topics.get_mut(topic) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("The topic `{topic}` does not exist. Create it first."),
            ));
        };
        *last += 1;
        let message = Message { id: *last, data, attributes, published: (self.clock)() };
        for (name, subscription) in subscriptions.iter_mut().filter(|(_, s)| s.topic == topic) {
            subscription.add(name, message.clone());
        }
        Ok(message.id)
    }

    async fn pull(&self, subscription: &str, max: usize) -> Result<Vec<Message>> {
        self.with(subscription, |found| {
            let mut taken = Vec::new();
            while taken.len() < max
                && let Some((id, message)) = found.pending.pop_first()
            {
                found.leased.insert(id, message.clone());
                taken.push(message);
            }
            taken
        })
    }

    async fn wait(&self, subscription: &str) -> Result<()> {
        loop {
            let wake = self.with(subscription, |found| Arc::clone(&found.wake))?;
            let mut woken = std::pin::pin!(wake.notified());
            // Listen before looking: a message that comes in between is not missed.
            woken.as_mut().enable();
            if self.with(subscription, |found| !found.pending.is_empty())? {
                return Ok(());
            }
            woken.await;
        }
    }

    async fn ack(&self, subscription: &str, ids: &[u64]) -> Result<()> {
        self.with(subscription, |found| {
            for id in ids {
                found.leased.remove(id);
            }
        })
    }

    async fn nack(&self, subscription: &str, ids: &[u64]) -> Result<()> {
        self.with(subscription, |found| {
            for id in ids {
                if let Some(message) = found.leased.remove(id) {
                    found.pending.insert(*id, message);
                }
            }
            found.wake.notify_waiters();
        })
    }

    async fn seek_to_now(&self, subscription: &str) -> Result<u64> {
        self.with(subscription, |found| {
            let dropped = found.pending.len() + found.leased.len();
            found.pending.clear();
            found.leased.clear();
            dropped as u64
        })
    }

    async fn backlog(&self, subscription: &str) -> Result<u64> {
        self.with(subscription, |found| (found.pending.len() + found.leased.len()) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_messages_go_first_and_memory_stays_bounded() {
        let topics = LocalTopic::default();
        topics.create("t", "s").await.unwrap();
        let publish = || topics.publish("t", Bytes::new(), BTreeMap::new());
        for _ in 0..MAX_BACKLOG {
            publish().await.unwrap();
        }
        // Leased messages count; pending ones are dropped before them.
        assert_eq!(topics.pull("s", 2).await.unwrap().len(), 2);
        publish().await.unwrap();
        assert_eq!(topics.backlog("s").await.unwrap(), MAX_BACKLOG as u64);
        topics.nack("s", &[1, 2]).await.unwrap();
        let ids: Vec<u64> = topics.pull("s", usize::MAX).await.unwrap().iter().map(|m| m.id).collect();
        assert_eq!(ids[..3], [1, 2, 4], "3 was the oldest pending one");
        assert_eq!(ids.last(), Some(&(MAX_BACKLOG as u64 + 1)));
        // All leased: the oldest lease goes.
        publish().await.unwrap();
        publish().await.unwrap();
        assert_eq!(topics.backlog("s").await.unwrap(), MAX_BACKLOG as u64);
    }

    #[tokio::test]
    async fn the_clock_is_injected() {
        let at = chrono::DateTime::from_timestamp(1_500_000_000, 0).unwrap();
        let topics = LocalTopic::new(Arc::new(move || at));
        topics.create("t", "s").await.unwrap();
        topics.publish("t", Bytes::new(), BTreeMap::new()).await.unwrap();
        assert_eq!(topics.pull("s", 1).await.unwrap()[0].published, at);
    }

    #[tokio::test]
    async fn a_subscription_belongs_to_one_topic() {
        let topics = LocalTopic::default();
        topics.create("t", "s").await.unwrap();
        assert_eq!(topics.create("other", "s").await.unwrap_err().kind, ErrorKind::Exists);
        assert_eq!(topics.publish("other", Bytes::new(), BTreeMap::new()).await.unwrap_err().kind, ErrorKind::NotFound);
    }
}
