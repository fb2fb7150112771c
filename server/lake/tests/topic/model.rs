//! A simple model of topics: what each message of a subscription is, one by one.

use std::collections::{BTreeMap, BTreeSet};

use showrunner_lake::ports::{Backlog, ReceivedMessage, SubscriptionConfig};

/// Microseconds.
pub type Time = i64;

#[derive(Debug, Clone, PartialEq)]
pub enum State {
    Waiting,
    Out {
        ack_id: String,
        deadline: Time,
    },
    /// Acknowledged before an earlier one of its key, while that one is out.
    Held,
    Acked,
}

#[derive(Debug, Clone)]
pub struct Sent {
    pub id: String,
    pub key: String,
    pub time: Time,
    pub bytes: u64,
}

#[derive(Debug, Clone)]
pub struct Subscription {
    pub config: SubscriptionConfig,
    /// Of each message of the topic.
    pub states: Vec<State>,
    failures: BTreeMap<usize, u32>,
    skip_until: Time,
}

/// What a snapshot keeps: whether each message was acknowledged.
pub type Snapshot = Vec<bool>;

fn micros(time: std::time::Duration) -> Time {
    time.as_micros() as Time
}

impl Subscription {
    pub fn new(config: SubscriptionConfig) -> Self {
        Subscription { config, states: Vec::new(), failures: BTreeMap::new(), skip_until: Time::MIN }
    }

    pub fn published(&mut self, message: &Sent) {
        self.states.push(if message.time < self.skip_until { State::Acked } else { State::Waiting });
    }

    /// Deadlines and retention. Returns what goes to the dead letters.
    pub fn tick(&mut self, log: &[Sent], now: Time) -> Vec<usize> {
        let mut overdue: Vec<(Time, usize)> = Vec::new();
        for (at, state) in self.states.iter().enumerate() {
            if let State::Out { deadline, .. } = state
                && *deadline <= now
            {
                overdue.push((*deadline, at));
            }
        }
        overdue.sort_unstable();
        let dead = overdue.into_iter().filter_map(|(_, at)| self.fail(log, at)).collect();
        for (at, message) in log.iter().enumerate() {
            if message.time < now - micros(self.config.retention) {
                self.states[at] = State::Acked;
                self.failures.remove(&at);
            }
        }
        dead
    }

    fn keyed(&self, log: &[Sent], at: usize) -> bool {
        self.config.ordered && !log[at].key.is_empty()
    }

    /// Returns the message if it goes to the dead letters.
    pub fn fail(&mut self, log: &[Sent], at: usize) -> Option<usize> {
        if !matches!(self.states[at], State::Out { .. }) {
            return None;
        }
        self.states[at] = State::Waiting;
        if self.keyed(log, at) {
            for later in at + 1..log.len() {
                if log[later].key == log[at].key && matches!(self.states[later], State::Out { .. } | State::Held) {
                    self.states[later] = State::Waiting;
                }
            }
        }
        let max = self.config.dead_letter.as_ref()?.max_attempts;
        let failures = self.failures.entry(at).or_default();
        *failures += 1;
        if *failures < max {
            return None;
        }
        self.states[at] = State::Acked;
        self.failures.remove(&at);
        Some(at)
    }

    pub fn acknowledge(&mut self, log: &[Sent], at: usize) {
        if !matches!(self.states[at], State::Out { .. }) {
            return;
        }
        if !self.keyed(log, at) {
            self.states[at] = State::Acked;
            self.failures.remove(&at);
            return;
        }
        self.states[at] = State::Held;
        for other in 0..log.len() {
            if log[other].key != log[at].key {
                continue;
            }
            match self.states[other] {
                State::Out { .. } => break,
                State::Held => {
                    self.states[other] = State::Acked;
                    self.failures.remove(&other);
                }
                State::Waiting | State::Acked => {}
            }
        }
    }

    /// Checks what a pull brought, and takes it.
    pub fn pulled(&mut self, log: &[Sent], now: Time, max: usize, got: &[ReceivedMessage]) {
        let mut deliverable = 0;
        // What may go next of each key: its waiting messages, if nothing of it is out.
        let mut next: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut blocked: BTreeSet<&str> = BTreeSet::new();
        for (at, state) in self.states.iter().enumerate() {
            let keyed = self.keyed(log, at);
            match state {
                State::Waiting if keyed => next.entry(&log[at].key).or_default().push(at),
                State::Waiting => deliverable += 1,
                State::Out { .. } | State::Held if keyed => {
                    blocked.insert(&log[at].key);
                }
                _ => {}
            }
        }
        next.retain(|key, _| !blocked.contains(key));
        deliverable += next.values().map(Vec::len).sum::<usize>();
        assert_eq!(got.len(), max.min(deliverable), "as many as there are, and as were asked for");
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for received in got {
            let at = log.iter().position(|m| m.id == received.message.id).expect("a message that was published");
            let sent = &log[at];
            assert_eq!(self.states[at], State::Waiting, "message {at} is not to be delivered");
            assert_eq!(
                (&received.message.ordering_key, received.message.published.timestamp_micros()),
                (&sent.key, sent.time)
            );
            assert_eq!(received.message.data.len() as u64 + sent.key.len() as u64, sent.bytes);
            if self.keyed(log, at) {
                let turn = taken.entry(sent.key.clone()).or_default();
                assert_eq!(
                    Some(&at),
                    next.get(sent.key.as_str()).and_then(|next| next.get(*turn)),
                    "in the key's order"
                );
                *turn += 1;
            }
            let attempt = self.failures.get(&at).copied().unwrap_or_default() + 1;
            assert_eq!(received.delivery_attempt, self.config.dead_letter.is_some().then_some(attempt));
        }
        for received in got {
            let at = log.iter().position(|m| m.id == received.message.id).expect("checked above");
            let deadline = now + micros(self.config.ack_deadline);
            self.states[at] = State::Out { ack_id: received.ack_id.clone(), deadline };
        }
    }

    /// What is out is out no more; what was acknowledged stays so.
    pub fn crashed(&mut self) {
        for state in &mut self.states {
            if *state != State::Acked {
                *state = State::Waiting;
            }
        }
    }

    /// `topic_keeps`: the time from which the topic keeps all messages for all. `created`: the first message of the subscription.
    pub fn seek_to_time(&mut self, log: &[Sent], now: Time, to: Time, topic_keeps: Option<Time>, created: usize) {
        let retained = now - micros(self.config.retention);
        for (at, message) in log.iter().enumerate() {
            let own = self.config.retain_acked && message.time >= retained && at >= created;
            let kept = own || topic_keeps.is_some_and(|keeps| message.time >= keeps);
            if message.time < to {
                self.states[at] = State::Acked;
            } else if kept || self.states[at] != State::Acked {
                self.states[at] = State::Waiting;
            }
        }
        self.failures.clear();
        self.skip_until = if to > now { to } else { Time::MIN };
    }

    /// A seek to now drops nothing that is published later, not even within the same moment.
    pub fn no_skip(&mut self) {
        self.skip_until = Time::MIN;
    }

    pub fn snapshot(&self) -> Snapshot {
        self.states.iter().map(|state| *state == State::Acked).collect()
    }

    pub fn seek_to_snapshot(&mut self, snapshot: &Snapshot) {
        for (at, state) in self.states.iter_mut().enumerate() {
            *state = if snapshot.get(at).copied().unwrap_or(false) { State::Acked } else { State::Waiting };
        }
        self.failures.clear();
        self.skip_until = Time::MIN;
    }

    /// What is out: message, ack id.
    pub fn out(&self) -> Vec<(usize, String)> {
        let out = self.states.iter().enumerate().filter_map(|(at, state)| match state {
            State::Out { ack_id, .. } => Some((at, ack_id.clone())),
            _ => None,
        });
        out.collect()
    }

    pub fn set_deadline(&mut self, at: usize, deadline: Time) {
        if let State::Out { deadline: old, .. } = &mut self.states[at] {
            *old = deadline;
        }
    }

    pub fn backlog(&self, log: &[Sent]) -> Backlog {
        let unacked = || self.states.iter().zip(log).filter(|(state, _)| **state != State::Acked).map(|(_, m)| m);
        Backlog {
            messages: unacked().count() as u64,
            bytes: unacked().map(|m| m.bytes).sum(),
            oldest: unacked().next().and_then(|m| chrono::DateTime::from_timestamp_micros(m.time)),
            outstanding: self.out().len() as u64,
        }
    }
}
