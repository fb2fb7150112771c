//! What the sinks execute for the messages of a stream is noted in the stream's own logs.
//!
//! A sink does not know whose messages it will get when it asks for some, and a turn may wait for a minute. So a turn is noted by itself,
//! and goes to the logs of those streams whose messages it had: waiting for nobody's messages is in nobody's log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::run::Sink;
use super::{ATTRIBUTE_RUN, Sinks, locked};
use crate::calls::{self, CallLog};
use crate::clock::Clock;
use crate::ports::ReceivedMessage;

/// Where it is noted what the sinks execute for a stream.
#[derive(Clone)]
pub struct StreamLogs {
    /// The run ids of its messages.
    pub runs: Vec<String>,
    /// For the warehouse sink.
    pub warehouse: Arc<CallLog>,
    /// For the bronze sink.
    pub bronze: Arc<CallLog>,
}

/// The turns of the sinks, and whose they are.
pub(super) struct Noting {
    of: Mutex<Vec<StreamLogs>>,
    turns: [Turn; 2],
}

/// The turn that a sink is at.
struct Turn {
    log: Arc<CallLog>,
    /// The runs whose messages it has.
    runs: Mutex<BTreeSet<String>>,
}

impl Noting {
    pub fn new(clock: &Clock) -> Noting {
        let turn = || Turn { log: CallLog::new(clock.clone()), runs: Mutex::default() };
        Noting { of: Mutex::default(), turns: [turn(), turn()] }
    }
}

impl Sinks {
    /// From now on the calls that are made for messages of these streams are noted, and those for others are not.
    pub fn note(&self, streams: Vec<StreamLogs>) {
        *locked(&self.noting.of) = streams;
    }

    /// Does a turn of a sink, and notes it where it belongs.
    pub(super) async fn noted<T>(&self, sink: Sink, turn: impl Future<Output = T>) -> T {
        let Turn { log, runs } = &self.noting.turns[sink as usize];
        let done = calls::noted(log.clone(), turn).await;
        let (calls, had) = (log.finish(), std::mem::take(&mut *locked(runs)));
        for of in locked(&self.noting.of).iter().filter(|of| of.runs.iter().any(|run| had.contains(run))) {
            let log = match sink {
                Sink::Warehouse => &of.warehouse,
                Sink::Bronze => &of.bronze,
            };
            log.absorb(calls.iter().cloned());
        }
        done
    }

    /// The turn that a sink is at has these messages.
    pub(super) fn had(&self, sink: Sink, messages: &[ReceivedMessage]) {
        let mut runs = locked(&self.noting.turns[sink as usize].runs);
        for run in messages.iter().filter_map(|received| received.message.attributes.get(ATTRIBUTE_RUN)) {
            if !runs.contains(run) {
                runs.insert(run.clone());
            }
        }
    }
}
