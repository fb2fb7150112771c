//! What a stream executes is noted as what a run does: by the button, the player and each subscriber. Of calls of the same shape the first
//! few are put on record one by one, the others as one line that counts on; so a stream of hours has a log of a few dozen lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use showrunner_lake::calls::{Call, CallLog, noted};
use showrunner_lake::stream::StreamLogs;
use tokio_util::sync::CancellationToken;

use super::Streams;
use crate::clock::Clock;
use crate::error::{ErrorKind, Result};
use crate::store::{PRESS, Store, StreamCalls, StreamRow};

/// The steps of a stream: name and title, as those of a run have them.
pub const STEPS: [(&str, &str); 3] =
    [("publish", "Publish the records"), ("warehouse", "Into the warehouse"), ("bronze", "Into bronze")];
/// So often notes are put on record.
const STORED_EVERY: Duration = Duration::from_secs(3);
/// Streams that are noted at a time: the newest, and the one before, of which messages may still be waiting.
const NOTED: usize = 2;

/// Who executes something for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The button itself, and what other buttons of its page do: records that are sent by hand, compaction.
    Button,
    Player,
    Warehouse,
    Bronze,
}

const PARTS: [Part; 4] = [Part::Button, Part::Player, Part::Warehouse, Part::Bronze];

impl Part {
    /// The position of the step.
    fn position(self) -> i64 {
        PRESS + self as i64
    }
}

/// The logs of the newest streams.
#[derive(Default)]
pub(super) struct Notes {
    of: Mutex<Vec<Arc<StreamNotes>>>,
    /// Held while they are put on record.
    storing: tokio::sync::Mutex<()>,
}

/// The logs of a stream.
struct StreamNotes {
    id: String,
    by_hand: String,
    logs: [Arc<CallLog>; PARTS.len()],
    /// Of each log, what stands on record of that which is only counted: the id, and how many it stands for.
    counted: Mutex<[HashMap<String, (i64, u64)>; PARTS.len()]>,
}

/// An empty log by this clock.
pub(super) fn call_log(clock: &Arc<dyn Clock>) -> Arc<CallLog> {
    let clock = clock.clone();
    CallLog::new(Arc::new(move || clock.now()))
}

impl Notes {
    fn all(&self) -> Vec<Arc<StreamNotes>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log(&self, run_id: &str, part: Part) -> Option<Arc<CallLog>> {
        let all = self.all();
        let of = all.iter().find(|of| of.id == run_id || of.by_hand == run_id)?;
        Some(of.logs[part as usize].clone())
    }

    /// Puts on record what was noted since the last time. What cannot be stored now is kept for the next time.
    pub(super) async fn store(&self, store: &Store) -> Result<()> {
        let _one_at_a_time = self.storing.lock().await;
        for of in self.all() {
            of.store(store).await?;
        }
        Ok(())
    }
}

impl StreamNotes {
    fn new(row: &StreamRow, clock: &Arc<dyn Clock>) -> StreamNotes {
        StreamNotes {
            id: row.id.clone(),
            by_hand: row.by_hand(),
            logs: std::array::from_fn(|_| call_log(clock)),
            counted: Mutex::default(),
        }
    }

    async fn store(&self, store: &Store) -> Result<()> {
        let mut steps = Vec::new();
        let mut names = Vec::new();
        let before = self.counted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for part in PARTS {
            let (log, known) = (&self.logs[part as usize], &before[part as usize]);
            let fresh = log.take();
            let counted: Vec<(String, Call)> = log
                .counted()
                .into_iter()
                .filter(|(name, call)| known.get(name).is_none_or(|(_, count)| *count != call.count))
                .collect();
            if fresh.is_empty() && counted.is_empty() {
                continue;
            }
            names.push((part, counted.iter().map(|(name, call)| (name.clone(), call.count)).collect::<Vec<_>>()));
            let counted = counted.into_iter().map(|(name, call)| (known.get(&name).map(|(id, _)| *id), call)).collect();
            steps.push(StreamCalls { position: part.position(), fresh, counted });
        }
        if steps.is_empty() {
            return Ok(());
        }
        match store.add_stream_calls(&self.id, &steps).await {
            Ok(ids) => {
                let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
                for ((part, names), ids) in names.into_iter().zip(ids) {
                    let stored = names.into_iter().zip(ids).map(|((name, count), id)| (name, (id, count)));
                    counted[part as usize].extend(stored);
                }
                Ok(())
            }
            Err(error) => {
                for ((part, _), step) in names.iter().zip(steps) {
                    self.logs[*part as usize].give_back(step.fresh);
                }
                Err(error)
            }
        }
    }
}

impl Streams {
    /// The server starts: a stream that is not over goes on as its next attempt, and is noted from now on; so is the newest one that is
    /// over, of which messages may be waiting.
    pub async fn resume(&self) -> Result<()> {
        self.store.resume_stream().await?;
        if let Some(newest) = self.store.streams(1).await?.first() {
            self.note(newest).await;
        }
        Ok(())
    }

    /// From now on it is noted what is executed for this stream.
    pub(super) async fn note(&self, row: &StreamRow) {
        if self.notes.all().iter().any(|of| of.id == row.id) {
            return;
        }
        // Whose log is given up is put on record first.
        self.store_notes().await;
        let mut all = self.notes.of.lock().unwrap_or_else(PoisonError::into_inner);
        if all.iter().any(|of| of.id == row.id) {
            return;
        }
        all.push(Arc::new(StreamNotes::new(row, &self.clock)));
        let too_many = all.len().saturating_sub(NOTED);
        all.drain(..too_many);
        let logs = all.iter().map(|of| StreamLogs {
            runs: vec![of.id.clone(), of.by_hand.clone()],
            warehouse: of.logs[Part::Warehouse as usize].clone(),
            bronze: of.logs[Part::Bronze as usize].clone(),
        });
        self.sinks.note(logs.collect());
    }

    /// Does this, and notes what it executes for a stream.
    pub(super) async fn noted<T>(&self, run_id: &str, part: Part, work: impl Future<Output = T>) -> T {
        match self.notes.log(run_id, part) {
            Some(log) => noted(log, work).await,
            None => work.await,
        }
    }

    /// Does what a button of the stream's page asks for, and notes it for the newest stream.
    pub(super) async fn noted_by_newest<T>(&self, work: impl Future<Output = T>) -> T {
        let newest = self.notes.all().last().map(|of| of.id.clone()).unwrap_or_default();
        self.noted(&newest, Part::Button, work).await
    }

    /// What was executed on the way to a stream.
    pub(super) fn pressed(&self, id: &str, calls: Vec<Call>) {
        if let Some(log) = self.notes.log(id, Part::Button) {
            log.absorb(calls);
        }
    }

    /// Puts on record what was noted. A control database that is locked or full gets it later.
    pub(super) async fn store_notes(&self) {
        if let Err(error) = self.notes.store(&self.store).await
            && error.kind != ErrorKind::Unavailable
        {
            tracing::warn!("{}", error.chain());
        }
    }

    pub(super) async fn store_notes_by_and_by(&self, halt: &CancellationToken) {
        loop {
            tokio::select! {
                () = halt.cancelled() => return,
                () = tokio::time::sleep(STORED_EVERY) => {}
            }
            self.store_notes().await;
        }
    }
}

#[cfg(test)]
mod tests;
