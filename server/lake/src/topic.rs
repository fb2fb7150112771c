//! The embedded topics: durable, at least once, in a folder of the data folder. See docs/decisions/0008-topics.md.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::ports::*;
use crate::{Error, ErrorKind, Result};

mod acks;
mod admin;
mod codec;
mod core;
mod deliveries;
mod keys;
pub mod limits;
mod log;
mod publish;
mod store;
mod subscription;
#[cfg(test)]
mod tests;

use self::codec::{Micros, micros};
use self::core::{Core, Wakes, not_found};
pub use deliveries::MAX_OUTSTANDING;
pub use publish::PROJECT;

/// How often deadlines, retention and expiry are looked after when nobody pulls.
const UPKEEP: Duration = Duration::from_secs(1);
/// How often and how far apart a folder is tried that is still open.
const OPEN_TRIES: u32 = 20;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// What a message survives once it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: publishing waits for the disk, together with whoever publishes at the same time.
    Disk,
    /// The death of the process, however it dies; a power cut may take the newest messages.
    Process,
}

/// How topics are kept.
#[derive(Debug, Clone, Copy)]
pub struct TopicOptions {
    /// What a published message survives. Acknowledgements survive the process in any case; what a power cut takes of them is
    /// delivered again.
    pub durability: Durability,
    /// A topic's log is deleted in pieces of about these bytes, as soon as nobody needs a piece any more.
    pub segment_bytes: u64,
}

impl Default for TopicOptions {
    fn default() -> Self {
        TopicOptions { durability: Durability::Disk, segment_bytes: 48 << 20 }
    }
}

/// Topics in a folder. Cheap to clone.
#[derive(Clone)]
pub struct DiskTopics {
    shared: Arc<Shared>,
}

struct Shared {
    folder: PathBuf,
    options: TopicOptions,
    clock: Clock,
    state: Mutex<State>,
    /// Who waits for the disk, one at a time: the next finds its messages durable, most often.
    syncing: Mutex<()>,
    wakes: Arc<Wakes>,
    /// Ends the upkeep with the last handle.
    _upkeep: Sender<()>,
}

enum State {
    Open(Box<Core>),
    /// An earlier write failed, so that memory and disk may differ: the next call opens the folder anew.
    Failed,
    /// The data folder was opened for queries only.
    Closed,
}

impl DiskTopics {
    /// Opens the folder, creating it if it is missing. One process at a time. Blocks while it reads what was not yet written in order.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if another process has it, [`ErrorKind::Storage`] if it cannot be read or written or is damaged.
    pub fn open(folder: &Path, clock: Clock, options: TopicOptions) -> Result<DiskTopics> {
        let wakes = Arc::<Wakes>::default();
        let opened = (1..=OPEN_TRIES).find_map(|attempt| match Core::open(folder, options, wakes.clone()) {
            // Who had it in this process may be about to close it.
            Err(error) if error.kind == ErrorKind::Conflict && attempt < OPEN_TRIES => {
                std::thread::sleep(OPEN_PAUSE);
                None
            }
            result => Some(result),
        });
        let core = opened.unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "The topics were not opened.")))?;
        Ok(Self::start(folder, clock, options, State::Open(Box::new(core)), wakes))
    }

    /// Topics that refuse everything, for who reads a data folder while another process writes to it.
    pub fn closed(clock: Clock) -> DiskTopics {
        Self::start(Path::new(""), clock, TopicOptions::default(), State::Closed, Arc::default())
    }

    /// Looks after deadlines, retention and expiry, and frees the disk. Happens each second by itself; tests with a clock of their own
    /// call it.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the disk fails.
    pub fn upkeep(&self) -> Result<()> {
        self.shared.with(|core, now| core.upkeep(now))
    }

    /// Whether nothing is written behind the scenes: then a copy of the folder is what a crash would leave.
    #[cfg(any(test, feature = "testing"))]
    pub fn at_rest(&self) -> Result<bool> {
        self.shared.with(|core, _| Ok(core.store.at_rest()))
    }

    fn start(folder: &Path, clock: Clock, options: TopicOptions, state: State, wakes: Arc<Wakes>) -> DiskTopics {
        let (stop, stopped) = channel();
        let closed = matches!(state, State::Closed);
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            options,
            clock,
            state: Mutex::new(state),
            syncing: Mutex::new(()),
            wakes,
            _upkeep: stop,
        });
        let weak: Weak<Shared> = Arc::downgrade(&shared);
        let keep_up = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(UPKEEP) {
                let Some(shared) = weak.upgrade() else { return };
                if let Err(error) = shared.with(|core, now| core.upkeep(now)) {
                    tracing::warn!(%error, "topics: the upkeep failed and is tried again");
                }
            }
        };
        if !closed && let Err(error) = std::thread::Builder::new().name("topic-upkeep".to_owned()).spawn(keep_up) {
            tracing::warn!(%error, "topics: there is no thread for the upkeep; it happens when messages are pulled");
        }
        DiskTopics { shared }
    }

    /// Does something that may wait for the disk, off the asynchronous threads.
    async fn run<T: Send + 'static>(&self, act: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let shared = self.shared.clone();
        let done = tokio::task::spawn_blocking(move || act(&shared)).await;
        done.unwrap_or_else(|e| Err(Error::with(ErrorKind::Internal, "Work on a topic was cut short.", e)))
    }

    /// The same, with the topics in hand.
    async fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Core, Micros) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run(|shared| shared.with(act)).await
    }

    /// Takes what is there. Else says how long until something may be given back.
    async fn take(&self, subscription: &str, request: PullRequest) -> Result<(Taken, Option<Duration>)> {
        let name = subscription.to_owned();
        let shared = self.shared.clone();
        self.with(move |core, now| {
            core.with(&name.clone(), now, |found, log, serial| {
                let messages = found.pull(log, now, &request, serial)?;
                let next = found.deadline().map(|at| Duration::from_micros(at.saturating_sub(now).max(1_000) as u64));
                Ok(((Taken { shared, subscription: name, messages }, next), false))
            })
        })
        .await
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut Core, Micros) -> Result<T>) -> Result<T> {
        let now = (self.clock)().timestamp_micros();
        let mut state = self.lock();
        if let State::Failed = *state {
            let core = Core::open(&self.folder, self.options, self.wakes.clone()).map_err(reopening)?;
            *state = State::Open(Box::new(core));
            self.wakes.all();
        }
        let State::Open(core) = &mut *state else {
            return Err(Error::new(ErrorKind::Invalid, "The data folder was opened for queries only."));
        };
        let result = act(core, now);
        if let Err(error) = &result
            && matches!(error.kind, ErrorKind::Storage | ErrorKind::Internal)
        {
            tracing::warn!(%error, "topics: the folder is opened anew; what was out is delivered again");
            *state = State::Failed;
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // After a panic the state is what the last complete call left, or is opened anew upon the next error.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, topic: &str, messages: &[NewMessage]) -> Result<Vec<String>> {
        let at_once = self.options.durability == Durability::Process;
        let (ids, opened) = self.with(|core, now| {
            let ids = core.publish(topic, now, messages)?;
            if at_once {
                let ends = core.written();
                core.show(&ends);
            }
            Ok((ids, core.opened))
        })?;
        if at_once {
            return Ok(ids);
        }
        let _turn = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (store, ends) =
            self.with(|core, _| same_folder(core, opened).map(|()| (core.store.clone(), core.written())))?;
        if ends.is_empty() {
            // Who had the turn before wrote ours as well.
            return Ok(ids);
        }
        // Not in hand: others pull and acknowledge meanwhile.
        let synced = store.sync();
        drop(store);
        self.with(|core, _| {
            synced?;
            same_folder(core, opened)?;
            core.show(&ends);
            Ok(())
        })?;
        Ok(ids)
    }
}

/// Another thread may still wait for the disk that failed.
fn reopening(error: Error) -> Error {
    if error.kind != ErrorKind::Conflict {
        return error;
    }
    let message = "The topics are being opened anew, since an earlier write failed. Check the disk that holds the data folder, then try again.";
    Error::with(ErrorKind::Storage, message, error)
}

/// Whether the folder is still the one that messages were written to: after a failure it is opened anew, perhaps without them.
fn same_folder(core: &Core, opened: u64) -> Result<()> {
    if core.opened == opened {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Conflict,
        "The disk failed while the messages were published. They may be lost: publish them again.",
    ))
}

/// Messages on their way to a subscriber, given back if they do not arrive.
struct Taken {
    shared: Arc<Shared>,
    subscription: String,
    messages: Vec<ReceivedMessage>,
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let given_back = self.shared.with(|core, now| {
            core.with(&self.subscription, now, |subscription, _, _| {
                for message in &self.messages {
                    if let Some(seq) = subscription.delivery(&message.ack_id) {
                        subscription.give_back(seq);
                    }
                }
                Ok(((), false))
            })?;
            core.wakes.subscription(&self.subscription).notify_waiters();
            Ok(())
        });
        if let Err(error) = given_back {
            tracing::debug!(%error, "topics: messages that nobody waited for come again after their deadline");
        }
    }
}

#[async_trait]
impl Topics for DiskTopics {
    async fn create_topic(&self, topic: &str, config: TopicConfig) -> Result<()> {
        let topic = topic.to_owned();
        self.with(move |core, _| core.create_topic(&topic, config)).await
    }

    async fn delete_topic(&self, topic: &str) -> Result<()> {
        let topic = topic.to_owned();
        self.with(move |core, _| core.delete_topic(&topic)).await
    }

    async fn topics(&self) -> Result<Vec<TopicInfo>> {
        self.with(|core, _| Ok(core.topics())).await
    }

    async fn publish(&self, topic: &str, messages: Vec<NewMessage>) -> Result<Vec<String>> {
        limits::messages(&messages)?;
        let topic = topic.to_owned();
        self.run(move |shared| shared.publish(&topic, &messages)).await
    }

    async fn room(&self, topic: &str) -> Result<()> {
        loop {
            let wake = self.shared.wakes.topic(topic);
            let mut woken = pin!(wake.notified());
            // Listen before looking: what comes in between is not missed.
            woken.as_mut().enable();
            let name = topic.to_owned();
            let full = self.with(move |core, _| core.topic(&name).map(|topic| core.is_full(topic))).await?;
            if !full {
                return Ok(());
            }
            woken.await;
        }
    }

    async fn create_subscription(&self, subscription: &str, topic: &str, config: SubscriptionConfig) -> Result<()> {
        let (subscription, topic) = (subscription.to_owned(), topic.to_owned());
        self.with(move |core, _| core.create_subscription(&subscription, &topic, config)).await
    }

    async fn delete_subscription(&self, subscription: &str) -> Result<()> {
        let subscription = subscription.to_owned();
        self.with(move |core, _| core.delete_subscription(&subscription)).await
    }

    async fn subscriptions(&self) -> Result<Vec<SubscriptionInfo>> {
        self.with(|core, _| Ok(core.subscriptions())).await
    }

    async fn pull(&self, subscription: &str, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        if request.max_messages == 0 {
            return Err(Error::new(ErrorKind::Invalid, "A pull must ask for at least one message."));
        }
        let until = tokio::time::Instant::now() + request.wait;
        loop {
            let wake = self.shared.wakes.subscription(subscription);
            let mut woken = pin!(wake.notified());
            woken.as_mut().enable();
            let (mut taken, next) = self.take(subscription, request).await?;
            if !taken.messages.is_empty() || request.wait.is_zero() {
                return Ok(std::mem::take(&mut taken.messages));
            }
            let now = tokio::time::Instant::now();
            if now >= until {
                return Ok(Vec::new());
            }
            let look = next.map_or(until, |next| until.min(now + next));
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(look) => {}
            }
        }
    }

    async fn wait(&self, subscription: &str) -> Result<()> {
        loop {
            let wake = self.shared.wakes.subscription(subscription);
            let mut woken = pin!(wake.notified());
            woken.as_mut().enable();
            let name = subscription.to_owned();
            let look = move |core: &mut Core, now: Micros| {
                core.with(&name, now, |found, log, _| {
                    let next =
                        found.deadline().map(|at| Duration::from_micros(at.saturating_sub(now).max(1_000) as u64));
                    Ok(((found.may_pull(log), next), false))
                })
            };
            let (ready, next) = self.with(look).await?;
            if ready {
                return Ok(());
            }
            match next {
                None => woken.await,
                Some(next) => {
                    tokio::select! {
                        () = woken => {}
                        () = tokio::time::sleep(next) => {}
                    }
                }
            }
        }
    }

    async fn acknowledge(&self, subscription: &str, ack_ids: &[String]) -> Result<()> {
        let (name, ack_ids) = (subscription.to_owned(), ack_ids.to_vec());
        self.with(move |core, now| {
            core.with(&name, now, |subscription, _, _| {
                let mut seqs: Vec<u64> = ack_ids.iter().filter_map(|id| subscription.delivery(id)).collect();
                seqs.sort_unstable();
                let changed = seqs.into_iter().fold(false, |changed, seq| subscription.acknowledge(seq) | changed);
                Ok(((), changed))
            })?;
            // The next of a key may be there.
            core.wakes.subscription(&name).notify_waiters();
            Ok(())
        })
        .await
    }

    async fn modify_ack_deadline(&self, subscription: &str, ack_ids: &[String], deadline: Duration) -> Result<()> {
        limits::deadline(deadline)?;
        let (name, ack_ids) = (subscription.to_owned(), ack_ids.to_vec());
        self.with(move |core, now| {
            let seqs = core.with(&name, now, |subscription, _, _| {
                let mut seqs: Vec<u64> = ack_ids.iter().filter_map(|id| subscription.delivery(id)).collect();
                seqs.sort_unstable();
                if !deadline.is_zero() {
                    for seq in &seqs {
                        subscription.set_deadline(*seq, now.saturating_add(micros(deadline)));
                    }
                    seqs.clear();
                }
                Ok((seqs, false))
            })?;
            // Who waits must know of a deadline that is earlier now.
            core.wakes.subscription(&name).notify_waiters();
            core.fail(&name, now, &seqs)
        })
        .await
    }

    async fn seek(&self, subscription: &str, target: SeekTarget) -> Result<()> {
        let name = subscription.to_owned();
        self.with(move |core, now| core.seek(&name, now, &target)).await
    }

    async fn backlog(&self, subscription: &str) -> Result<Backlog> {
        let name = subscription.to_owned();
        self.with(move |core, now| core.with(&name, now, |found, log, _| Ok((found.backlog(log)?, false)))).await
    }

    async fn create_snapshot(
        &self,
        snapshot: &str,
        subscription: &str,
        labels: BTreeMap<String, String>,
    ) -> Result<SnapshotInfo> {
        let (snapshot, subscription) = (snapshot.to_owned(), subscription.to_owned());
        self.with(move |core, now| core.create_snapshot(&snapshot, &subscription, now, labels)).await
    }

    async fn delete_snapshot(&self, snapshot: &str) -> Result<()> {
        let snapshot = snapshot.to_owned();
        self.with(move |core, now| {
            core.expire_snapshots(now)?;
            if !core.snapshots.contains_key(&snapshot) {
                return Err(not_found("snapshot", &snapshot));
            }
            core.delete_snapshot(&snapshot)
        })
        .await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>> {
        self.with(|core, now| {
            core.expire_snapshots(now)?;
            Ok(core.snapshots())
        })
        .await
    }
}
