//! What came from a subscription's stream and is not acknowledged.
//!
//! Google's client extends the leases of what it delivered for as long as the process lives. The port's leases are shorter than that:
//! each has its own end here, after which the message is given back.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use google_cloud_pubsub::client::Subscriber;
use google_cloud_pubsub::subscriber::handler::Handler;
use google_cloud_pubsub::subscriber::{MessageStream, ShutdownBehavior, ShutdownToken};
use showrunner_lake::ports::{Backlog, Message, PullRequest, ReceivedMessage, SubscriptionConfig};
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::convert;
use crate::error::explain;

/// Google sends no more than so many that are not acknowledged: a window of the bronze sink has room in it.
const OUTSTANDING_MESSAGES: i64 = 100_000;
/// And no more bytes than these.
const OUTSTANDING_BYTES: i64 = 256 << 20;
/// A stream that has just begun has nothing yet: 'at once' is so long then, about what a unary pull takes.
const FIRST: Duration = Duration::from_millis(700);
/// What was given back comes again within its deadline and this.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often leases are looked through for those that have ended.
const LOOK: Duration = Duration::from_millis(200);
/// The client tells Google what was acknowledged ten times a second.
const FLUSH: Duration = Duration::from_millis(300);

/// A subscription's stream, and what is out of it.
pub(super) struct Received {
    state: Mutex<State>,
    came: Notify,
    shutdown: ShutdownToken,
    ack_deadline: Duration,
    ordered: bool,
    begun: Instant,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    leases: HashMap<String, Lease>,
    /// By ordering key: what has to wait until messages that were given back have come again.
    parked: HashMap<String, Parked>,
    next: u64,
    /// What was published before is from before a seek, and may still come for a while.
    since: Option<DateTime<Utc>>,
    over: Option<Over>,
}

struct Waiting {
    message: Message,
    attempt: Option<u32>,
    handler: Handler,
}

struct Lease {
    handler: Handler,
    ends: Instant,
    bytes: u64,
    message_id: String,
    ordering_key: String,
    /// Place in the order in which they were taken.
    taken: u64,
    published: DateTime<Utc>,
}

/// Messages of one ordering key. Google sends several of a key together, so that some have come, or are on the way, when one is given back.
struct Parked {
    /// Ids of those that were given back.
    awaited: Vec<String>,
    /// Those of them that came again, then those behind them.
    again: VecDeque<Waiting>,
    behind: VecDeque<Waiting>,
    /// One that went to the dead letters does not come again: then nobody waits for it.
    until: Instant,
}

/// Why a stream has ended.
#[derive(Clone)]
struct Over {
    kind: ErrorKind,
    message: String,
}

impl Received {
    /// Begins the stream.
    pub fn begin(subscriber: &Subscriber, subscription: String, config: &SubscriptionConfig) -> Arc<Received> {
        let stream = subscriber
            .subscribe(subscription)
            .set_max_outstanding_messages(OUTSTANDING_MESSAGES)
            .set_max_outstanding_bytes(OUTSTANDING_BYTES)
            .set_shutdown_behavior(ShutdownBehavior::NackImmediately)
            .build();
        let received = Arc::new(Received {
            state: Mutex::default(),
            came: Notify::new(),
            shutdown: stream.shutdown_token(),
            ack_deadline: config.ack_deadline,
            ordered: config.ordered,
            begun: Instant::now(),
        });
        tokio::spawn(read(received.clone(), stream, config.dead_letter.is_some()));
        tokio::spawn(look_through(received.clone()));
        received
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing will come any more.
    pub fn is_over(&self) -> bool {
        self.state().over.is_some()
    }

    fn end(&self, kind: ErrorKind, message: String) {
        let mut state = self.state();
        if state.over.is_none() {
            state.over = Some(Over { kind, message });
        }
        drop(state);
        self.came.notify_waiters();
    }

    /// Ends the stream; what is not acknowledged goes back.
    pub async fn close(&self) {
        self.end(ErrorKind::Conflict, "The subscription was sought or deleted in the meantime. Pull again.".to_owned());
        let rest = {
            let mut state = self.state();
            (std::mem::take(&mut state.waiting), std::mem::take(&mut state.leases), std::mem::take(&mut state.parked))
        };
        self.shutdown.shutdown().await;
        // After the shutdown: giving each back by itself would be as many calls.
        drop(rest);
    }

    /// Forgets what is out and waiting, since the subscription is sought: before the call, and once more after it for what came meanwhile.
    /// With a time nothing that was published before it is delivered any more.
    pub fn forget(&self, since: Option<DateTime<Utc>>) {
        let mut state = self.state();
        state.since = since;
        let waiting = std::mem::take(&mut state.waiting).into_iter().map(|waiting| waiting.handler);
        let leases = std::mem::take(&mut state.leases).into_values().map(|lease| lease.handler);
        let parked = std::mem::take(&mut state.parked).into_values();
        let parked =
            parked.flat_map(|parked| parked.again.into_iter().chain(parked.behind)).map(|waiting| waiting.handler);
        let all: Vec<Handler> = waiting.chain(leases).chain(parked).collect();
        drop(state);
        all.into_iter().for_each(Handler::nack);
    }

    /// Takes what is there, or waits for the first.
    pub async fn take(&self, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        let mut wait = request.wait;
        if self.begun.elapsed() < FIRST {
            wait = wait.max(FIRST);
        }
        let end = Instant::now() + wait.min(Duration::from_secs(3_600));
        loop {
            let came = self.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            let got = self.take_now(request)?;
            if !got.is_empty() {
                return Ok(got);
            }
            if tokio::time::timeout_at(end, came).await.is_err() {
                return self.take_now(request);
            }
        }
    }

    fn take_now(&self, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        let mut state = self.state();
        if let Some(over) = &state.over {
            return Err(Error::new(over.kind, over.message.clone()));
        }
        let (mut got, mut bytes) = (Vec::new(), 0);
        while let Some(first) = state.waiting.front() {
            let size = size(&first.message);
            if got.len() == request.max_messages || (!got.is_empty() && bytes + size > request.max_bytes as u64) {
                break;
            }
            bytes += size;
            let Some(Waiting { message, attempt, handler }) = state.waiting.pop_front() else { break };
            let taken = state.next;
            let ack_id = taken.to_string();
            state.next += 1;
            let ends = Instant::now() + self.ack_deadline;
            let lease = Lease {
                handler,
                ends,
                bytes: size,
                message_id: message.id.clone(),
                ordering_key: message.ordering_key.clone(),
                taken,
                published: message.published,
            };
            state.leases.insert(ack_id.clone(), lease);
            got.push(ReceivedMessage { ack_id, message, delivery_attempt: attempt });
        }
        Ok(got)
    }

    /// Waits until there is something to take.
    pub async fn wait(&self) -> Result<()> {
        loop {
            let came = self.came.notified();
            tokio::pin!(came);
            came.as_mut().enable();
            {
                let state = self.state();
                if let Some(over) = &state.over {
                    return Err(Error::new(over.kind, over.message.clone()));
                }
                if !state.waiting.is_empty() {
                    return Ok(());
                }
            }
            came.await;
        }
    }

    /// These do not come again. Ids that are not out are ignored.
    pub fn acknowledge(&self, ack_ids: &[String]) {
        let leases: Vec<_> = {
            let mut state = self.state();
            ack_ids.iter().filter_map(|id| state.leases.remove(id)).collect()
        };
        leases.into_iter().for_each(|lease| lease.handler.ack());
    }

    /// These end so long from now; zero gives them back.
    pub fn modify(&self, ack_ids: &[String], deadline: Duration) {
        if deadline.is_zero() {
            return self.give_back(|state| ack_ids.iter().filter_map(|id| state.leases.remove(id)).collect());
        }
        let ends = Instant::now() + deadline;
        let mut state = self.state();
        for id in ack_ids {
            if let Some(lease) = state.leases.get_mut(id) {
                lease.ends = ends;
            }
        }
    }

    /// Gives back what `choose` takes out. Where the subscription is ordered, what came later of the same key comes behind it again.
    fn give_back(&self, choose: impl FnOnce(&mut State) -> Vec<Lease>) {
        let mut state = self.state();
        let mut back: Vec<Handler> = Vec::new();
        for lease in choose(&mut state) {
            let key = lease.ordering_key.clone();
            let ordered = self.ordered && !key.is_empty();
            let mut ids = vec![lease.message_id];
            // In the order in which they are to come again: Google's emulator goes by it.
            back.push(lease.handler);
            if ordered {
                let follows = |other: &Lease| other.ordering_key == key && other.taken > lease.taken;
                let mut later: Vec<(u64, String)> =
                    state.leases.iter().filter(|(_, l)| follows(l)).map(|(id, l)| (l.taken, id.clone())).collect();
                later.sort_unstable();
                for lease in later.iter().filter_map(|(_, id)| state.leases.remove(id)).collect::<Vec<_>>() {
                    ids.push(lease.message_id);
                    back.push(lease.handler);
                }
                state.park(key, ids, Instant::now() + self.ack_deadline + PATIENCE);
            }
        }
        drop(state);
        back.into_iter().for_each(Handler::nack);
    }

    fn came(&self, waiting: Waiting) {
        let mut state = self.state();
        let old = state.since.is_some_and(|since| waiting.message.published < since);
        let over = state.over.is_some();
        if !old && !over {
            state.came(waiting);
            drop(state);
            return self.came.notify_waiters();
        }
        drop(state);
        if old {
            waiting.handler.ack();
        }
    }

    /// Gives what was acknowledged the time to get to Google.
    pub async fn flush(&self) {
        tokio::time::sleep(FLUSH).await;
    }

    /// What has come and is not acknowledged.
    pub fn backlog(&self) -> Backlog {
        let state = self.state();
        let parked = state.parked.values().flat_map(|parked| parked.again.iter().chain(&parked.behind));
        let waiting = state.waiting.iter().chain(parked).map(|w| (size(&w.message), w.message.published));
        let leased = state.leases.values().map(|lease| (lease.bytes, lease.published));
        let mut backlog = Backlog { outstanding: state.leases.len() as u64, ..Backlog::default() };
        for (bytes, published) in waiting.chain(leased) {
            backlog.messages += 1;
            backlog.bytes += bytes;
            backlog.oldest = Some(backlog.oldest.map_or(published, |oldest| oldest.min(published)));
        }
        backlog
    }
}

impl State {
    /// What has come of this key, and what will come, waits for these.
    fn park(&mut self, key: String, ids: Vec<String>, until: Instant) {
        let (behind, stay): (VecDeque<_>, _) =
            std::mem::take(&mut self.waiting).into_iter().partition(|waiting| waiting.message.ordering_key == key);
        self.waiting = stay;
        let none = || Parked { awaited: Vec::new(), again: VecDeque::new(), behind: VecDeque::new(), until };
        let parked = self.parked.entry(key).or_insert_with(none);
        parked.awaited.extend(ids);
        parked.behind.extend(behind);
        parked.until = until;
    }

    fn came(&mut self, waiting: Waiting) {
        let key = &waiting.message.ordering_key;
        let Some(parked) = self.parked.get_mut(key) else {
            return self.waiting.push_back(waiting);
        };
        match parked.awaited.iter().position(|id| *id == waiting.message.id) {
            Some(at) => {
                parked.awaited.remove(at);
                let over = parked.awaited.is_empty();
                let key = key.clone();
                parked.again.push_back(waiting);
                if over {
                    self.release(&key);
                }
            }
            None => parked.behind.push_back(waiting),
        }
    }

    fn release(&mut self, key: &str) {
        if let Some(parked) = self.parked.remove(key) {
            self.waiting.extend(parked.again);
            self.waiting.extend(parked.behind);
        }
    }

    /// Keys whose messages have waited long enough.
    fn release_late(&mut self, now: Instant) -> bool {
        let late: Vec<_> = self.parked.iter().filter(|(_, p)| p.until <= now).map(|(key, _)| key.clone()).collect();
        late.iter().for_each(|key| self.release(key));
        !late.is_empty()
    }
}

async fn read(received: Arc<Received>, mut stream: MessageStream, attempts: bool) {
    let over = loop {
        match stream.next().await {
            Some(Ok((message, handler))) => {
                let attempt = handler.delivery_attempt().and_then(|n| u32::try_from(n).ok()).filter(|_| attempts);
                let message = Message {
                    id: message.message_id,
                    data: message.data,
                    attributes: message.attributes.into_iter().collect(),
                    ordering_key: message.ordering_key,
                    published: message.publish_time.as_ref().map_or_else(convert::now, convert::time),
                };
                received.came(Waiting { message, attempt, handler });
            }
            Some(Err(error)) => break explain("receive messages", &error),
            None => break (ErrorKind::Unavailable, "The stream of messages has ended. Pull again.".to_owned()),
        }
    };
    received.end(over.0, over.1);
}

/// Gives back what was not acknowledged in time.
async fn look_through(received: Arc<Received>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if received.is_over() {
            return;
        }
        received.give_back(|state| {
            let now = Instant::now();
            let late: Vec<_> = state.leases.iter().filter(|(_, l)| l.ends <= now).map(|(id, _)| id.clone()).collect();
            late.iter().filter_map(|id| state.leases.remove(id)).collect()
        });
        if received.state().release_late(Instant::now()) {
            received.came.notify_waiters();
        }
    }
}

/// Data, attributes and ordering key in bytes.
pub(super) fn size(message: &Message) -> u64 {
    let attributes: usize = message.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    (message.data.len() + attributes + message.ordering_key.len()) as u64
}
