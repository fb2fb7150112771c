//! Interleavings of everything, with crashes in between, against the model.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use showrunner_lake::ports::*;
use showrunner_lake::topic::{DiskTopics, TopicOptions};

use crate::model::{Sent, Snapshot, Subscription, Time};
use crate::support::{ManualClock, SMALL, crash_copy};

#[derive(Debug, Clone)]
enum Op {
    /// Keys, by number; 0: none.
    Publish(Vec<u8>),
    Pull(usize, usize),
    /// Which of those that are out.
    Ack(usize, Vec<prop::sample::Index>),
    Nack(usize, Vec<prop::sample::Index>),
    Extend(usize, prop::sample::Index, u64),
    /// An ack id of long ago.
    StaleAck(usize, prop::sample::Index),
    Pass(u64),
    /// Of a folder that was copied while it is open.
    Crash,
    /// Closed in order.
    Reopen,
    /// Seconds from now.
    Seek(usize, i64),
    SeekNow(usize),
    Snapshot(usize),
    SeekSnapshot(usize),
    Letters,
}

/// Plain; ordered with dead letters; retaining and ordered.
const NAMES: [&str; 3] = ["plain", "ordered", "retaining"];

fn op() -> impl Strategy<Value = Op> {
    let s = 0..NAMES.len();
    let some = || prop::collection::vec(any::<prop::sample::Index>(), 1..4);
    prop_oneof![
        6 => prop::collection::vec(0..3u8, 1..6).prop_map(Op::Publish),
        8 => (s.clone(), 1..8usize).prop_map(|(s, max)| Op::Pull(s, max)),
        5 => (s.clone(), some()).prop_map(|(s, which)| Op::Ack(s, which)),
        5 => (s.clone(), some()).prop_map(|(s, which)| Op::Nack(s, which)),
        1 => (s.clone(), any::<prop::sample::Index>(), 1..600u64).prop_map(|(s, which, to)| Op::Extend(s, which, to)),
        1 => (s.clone(), any::<prop::sample::Index>()).prop_map(|(s, which)| Op::StaleAck(s, which)),
        3 => prop_oneof![4 => 1..15u64, 1 => 100..700u64].prop_map(Op::Pass),
        1 => Just(Op::Crash),
        1 => Just(Op::Reopen),
        1 => (s.clone(), -700..40i64).prop_map(|(s, to)| Op::Seek(s, to)),
        1 => s.clone().prop_map(Op::SeekNow),
        1 => s.clone().prop_map(Op::Snapshot),
        1 => s.prop_map(Op::SeekSnapshot),
        1 => Just(Op::Letters),
    ]
}

struct World {
    folders: Vec<tempfile::TempDir>,
    topics: Option<DiskTopics>,
    clock: ManualClock,
    options: TopicOptions,
    log: Vec<Sent>,
    subscriptions: Vec<Subscription>,
    snapshots: Vec<Snapshot>,
    /// Data of messages that must be among the dead letters, and have not been pulled from there.
    letters: Vec<String>,
    stale: Vec<String>,
    topic_retention: Option<Duration>,
}

impl World {
    async fn new(options: TopicOptions, topic_retention: Option<Duration>) -> World {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new();
        let topics = DiskTopics::open(folder.path(), clock.clock(), options).unwrap();
        topics.create_topic("letters", TopicConfig::default()).await.unwrap();
        let config = SubscriptionConfig { retention: MAX_RETENTION, ..SubscriptionConfig::default() };
        topics.create_subscription("letters", "letters", config).await.unwrap();
        let config = TopicConfig { retention: topic_retention, ..TopicConfig::default() };
        topics.create_topic("topic", config).await.unwrap();
        let dead_letter = Some(DeadLetterPolicy { topic: "letters".to_owned(), max_attempts: 5 });
        let default = SubscriptionConfig { retention: MIN_RETENTION, ..SubscriptionConfig::default() };
        let configs = [
            SubscriptionConfig::default(),
            SubscriptionConfig { ordered: true, dead_letter, ..default.clone() },
            SubscriptionConfig { ordered: true, retain_acked: true, ..default },
        ];
        let mut subscriptions = Vec::new();
        for (name, config) in NAMES.iter().zip(configs) {
            topics.create_subscription(name, "topic", config.clone()).await.unwrap();
            subscriptions.push(Subscription::new(config));
        }
        World {
            folders: vec![folder],
            topics: Some(topics),
            clock,
            options,
            log: Vec::new(),
            subscriptions,
            snapshots: Vec::new(),
            letters: Vec::new(),
            stale: Vec::new(),
            topic_retention,
        }
    }

    fn topics(&self) -> &DiskTopics {
        self.topics.as_ref().unwrap()
    }

    fn now(&self) -> Time {
        self.clock.now().timestamp_micros()
    }

    /// Brings the model of a subscription up to date, as each call does.
    fn tick(&mut self, s: usize) {
        let now = self.now();
        let dead = self.subscriptions[s].tick(&self.log, now);
        self.bury(dead);
    }

    fn bury(&mut self, dead: Vec<usize>) {
        self.letters.extend(dead.into_iter().map(|at| self.log[at].id.clone()));
    }

    fn chosen(&self, s: usize, which: &[prop::sample::Index]) -> Vec<(usize, String)> {
        let out = self.subscriptions[s].out();
        let mut chosen: Vec<_> = match out.is_empty() {
            true => Vec::new(),
            false => which.iter().map(|index| index.get(&out).clone()).collect(),
        };
        chosen.sort();
        chosen.dedup();
        chosen
    }

    async fn reopen(&mut self, crash: bool) {
        if crash {
            let copy = tempfile::tempdir().unwrap();
            crash_copy(self.topics(), self.folders.last().unwrap().path(), copy.path());
            self.folders.push(copy);
        }
        self.topics = None;
        let folder = self.folders.last().unwrap().path();
        self.topics = Some(DiskTopics::open(folder, self.clock.clock(), self.options).unwrap());
        self.subscriptions.iter_mut().for_each(Subscription::crashed);
    }

    async fn apply(&mut self, op: &Op) {
        match op {
            Op::Publish(keys) => {
                let messages: Vec<NewMessage> = keys
                    .iter()
                    .enumerate()
                    .map(|(n, key)| NewMessage {
                        data: Bytes::from("x".repeat(20 + (self.log.len() + n) % 9)),
                        ordering_key: if *key == 0 { String::new() } else { format!("key-{key}") },
                        ..NewMessage::default()
                    })
                    .collect();
                let ids = self.topics().publish("topic", messages.clone()).await.unwrap();
                let time = self.now();
                for (id, message) in ids.into_iter().zip(messages) {
                    let bytes = (message.data.len() + message.ordering_key.len()) as u64;
                    let sent = Sent { id, key: message.ordering_key, time, bytes };
                    self.subscriptions.iter_mut().for_each(|s| s.published(&sent));
                    self.log.push(sent);
                }
            }
            Op::Pull(s, max) => {
                self.tick(*s);
                let got = self.topics().pull(NAMES[*s], PullRequest::now(*max)).await.unwrap();
                self.stale.extend(got.iter().map(|m| m.ack_id.clone()));
                let now = self.now();
                self.subscriptions[*s].pulled(&self.log, now, *max, &got);
            }
            Op::Ack(s, which) => {
                self.tick(*s);
                let chosen = self.chosen(*s, which);
                let ids: Vec<String> = chosen.iter().map(|(_, id)| id.clone()).collect();
                self.topics().acknowledge(NAMES[*s], &ids).await.unwrap();
                chosen.into_iter().for_each(|(at, _)| self.subscriptions[*s].acknowledge(&self.log, at));
            }
            Op::Nack(s, which) => {
                self.tick(*s);
                let chosen = self.chosen(*s, which);
                let ids: Vec<String> = chosen.iter().map(|(_, id)| id.clone()).collect();
                self.topics().modify_ack_deadline(NAMES[*s], &ids, Duration::ZERO).await.unwrap();
                let dead =
                    chosen.into_iter().filter_map(|(at, _)| self.subscriptions[*s].fail(&self.log, at)).collect();
                self.bury(dead);
            }
            Op::Extend(s, which, seconds) => {
                self.tick(*s);
                for (at, id) in self.chosen(*s, std::slice::from_ref(which)) {
                    let to = Duration::from_secs(*seconds);
                    self.topics().modify_ack_deadline(NAMES[*s], &[id], to).await.unwrap();
                    let deadline = self.now() + to.as_micros() as Time;
                    self.subscriptions[*s].set_deadline(at, deadline);
                }
            }
            Op::StaleAck(s, which) => {
                self.tick(*s);
                let out = self.subscriptions[*s].out();
                if !self.stale.is_empty() {
                    let id = which.get(&self.stale).clone();
                    if out.iter().all(|(_, current)| *current != id) {
                        self.topics().acknowledge(NAMES[*s], &[id]).await.unwrap();
                    }
                }
            }
            Op::Pass(seconds) => {
                self.clock.advance(Duration::from_secs(*seconds));
                self.topics().upkeep().unwrap();
                (0..NAMES.len()).for_each(|s| self.tick(s));
            }
            Op::Crash => self.reopen(true).await,
            Op::Reopen => self.reopen(false).await,
            Op::Seek(s, seconds) => {
                self.tick(*s);
                let now = self.now();
                // Between messages, never at the very moment of one.
                let to = now + seconds * 1_000_000 + 500_000;
                let target = SeekTarget::Time(chrono::DateTime::from_timestamp_micros(to).unwrap());
                self.topics().seek(NAMES[*s], target).await.unwrap();
                let keeps = self.topic_retention.map(|retention| now - retention.as_micros() as Time);
                self.subscriptions[*s].seek_to_time(&self.log, now, to, keeps, 0);
            }
            Op::SeekNow(s) => {
                self.topics().seek(NAMES[*s], SeekTarget::Now).await.unwrap();
                self.tick(*s);
                let now = self.now();
                self.subscriptions[*s].seek_to_time(&self.log, now, now + 1, None, 0);
                self.subscriptions[*s].no_skip();
            }
            Op::Snapshot(s) => {
                self.tick(*s);
                let name = format!("snapshot-{}", self.snapshots.len());
                self.topics().create_snapshot(&name, NAMES[*s], BTreeMap::new()).await.unwrap();
                self.snapshots.push(self.subscriptions[*s].snapshot());
            }
            Op::SeekSnapshot(s) => {
                if let Some(snapshot) = self.snapshots.last() {
                    self.tick_then_seek(*s, &snapshot.clone()).await;
                }
            }
            Op::Letters => {
                let got = self.topics().pull("letters", PullRequest::now(100)).await.unwrap();
                let ids: Vec<String> = got.iter().map(|m| m.ack_id.clone()).collect();
                self.topics().acknowledge("letters", &ids).await.unwrap();
                let mut sources: Vec<String> = Vec::new();
                for received in &got {
                    assert_eq!(received.message.attributes[DEAD_LETTER_SUBSCRIPTION], "ordered");
                    assert_eq!(received.message.attributes[DEAD_LETTER_DELIVERY_COUNT], "5");
                    sources.push(received.message.ordering_key.clone());
                }
                let mut expected: Vec<String> = self
                    .letters
                    .drain(..)
                    .map(|id| self.log.iter().find(|m| m.id == id).unwrap().key.clone())
                    .collect();
                sources.sort();
                expected.sort();
                assert_eq!(sources, expected, "each dead letter once");
            }
        }
        for (s, name) in NAMES.iter().enumerate() {
            self.tick(s);
            let backlog = self.topics().backlog(name).await.unwrap();
            assert_eq!(backlog, self.subscriptions[s].backlog(&self.log), "{name} after {op:?}");
        }
    }

    async fn tick_then_seek(&mut self, s: usize, snapshot: &Snapshot) {
        self.tick(s);
        let name = format!("snapshot-{}", self.snapshots.len() - 1);
        self.topics().seek(NAMES[s], SeekTarget::Snapshot(name)).await.unwrap();
        self.subscriptions[s].seek_to_snapshot(snapshot);
    }

    /// Every message that is not acknowledged comes, with patience.
    async fn drain(&mut self) {
        for (s, name) in NAMES.iter().enumerate() {
            self.apply(&Op::Pass(601)).await;
            while self.subscriptions[s].backlog(&self.log).messages > 0 {
                self.apply(&Op::Pull(s, 1_000)).await;
                let out = self.subscriptions[s].out();
                let ids: Vec<String> = out.iter().map(|(_, id)| id.clone()).collect();
                self.topics().acknowledge(name, &ids).await.unwrap();
                out.into_iter().for_each(|(at, _)| self.subscriptions[s].acknowledge(&self.log, at));
            }
        }
        self.apply(&Op::Letters).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn any_interleaving_follows_the_model(
        ops in prop::collection::vec(op(), 1..70),
        segment_bytes in prop_oneof![Just(1u64), Just(300), Just(1 << 20)],
        topic_retention in prop_oneof![3 => Just(None), 1 => Just(Some(Duration::from_secs(900)))],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(TopicOptions { segment_bytes, ..SMALL }, topic_retention).await;
            for op in &ops {
                world.apply(op).await;
            }
            world.drain().await;
        });
    }
}
