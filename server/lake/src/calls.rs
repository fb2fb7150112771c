//! The call log: what the data plane really executed, noted as it happened.
//!
//! Whoever wants to know wraps work in [`noted`]; every object operation, message, table commit and SQL statement within it is noted in
//! the [`CallLog`], on whatever thread it runs. An adapter executes from a typed [`Operation`] and notes that same value, and
//! [`crate::google`] derives the Google call from it: the three cannot drift apart. Outside of [`noted`] nothing is kept.
//!
//! A note holds names, SQL and counts, never a payload.

mod operation;
mod recording;
mod recording_topics;
mod run;
mod words;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

pub use operation::*;
pub use recording::RecordingObjects;
pub use recording_topics::RecordingTopics;

use crate::clock::Clock;
use crate::{Error, ErrorKind};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Ok,
    /// With the answer that there is no such thing, which is an answer.
    Absent,
    /// With an error.
    Failed,
}

/// A call that was executed, or several of the same shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What was executed; of several the last.
    pub operation: Operation,
    /// When it (or the first) began.
    pub started: DateTime<Utc>,
    /// How long it took; of several the sum.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// What was wrong, as a sentence.
    pub error: Option<String>,
    /// Rows that came or went, where the call is about rows.
    pub rows: Option<u64>,
    /// Bytes that came or went, where it is known.
    pub bytes: Option<u64>,
    /// For how many calls it stands.
    pub count: u64,
}

/// What a call moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// See [`Call::rows`].
    pub rows: Option<u64>,
    /// See [`Call::bytes`].
    pub bytes: Option<u64>,
}

impl Size {
    /// Bytes only.
    pub(crate) fn bytes(bytes: u64) -> Size {
        Size { rows: None, bytes: Some(bytes) }
    }
    /// Rows only.
    pub(crate) fn rows(rows: u64) -> Size {
        Size { rows: Some(rows), bytes: None }
    }
}

/// Calls as they happen. Bounded: of calls of the same shape the first few are kept one by one, the others are counted.
pub struct CallLog {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Vec<Call>,
    shapes: HashMap<(String, Outcome), Shape>,
}

#[derive(Default)]
struct Shape {
    kept: usize,
    /// Those beyond what is kept.
    rest: Option<Call>,
}

impl std::hash::Hash for Outcome {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (*self as u8).hash(state);
    }
}

impl CallLog {
    /// An empty log whose calls are stamped by this clock.
    pub fn new(clock: Clock) -> Arc<CallLog> {
        Arc::new(CallLog { clock, state: Mutex::default() })
    }

    fn add(&self, call: Call) {
        let mut state = self.state();
        let State { kept, shapes } = &mut *state;
        let shape = shapes.entry((call.operation.shape(), call.outcome)).or_default();
        // What another log has only counted is no call by itself.
        if shape.kept < call.operation.kept() && call.count == 1 {
            shape.kept += 1;
            kept.push(call);
            return;
        }
        match &mut shape.rest {
            None => shape.rest = Some(call),
            Some(rest) => {
                rest.operation = call.operation;
                rest.started = rest.started.min(call.started);
                rest.duration += call.duration;
                rest.error = call.error;
                rest.rows = sum(rest.rows, call.rows);
                rest.bytes = sum(rest.bytes, call.bytes);
                rest.count += call.count;
            }
        }
    }

    /// Takes what was kept one by one since the last time, oldest first. What is only counted stays, until [`CallLog::finish`].
    pub fn take(&self) -> Vec<Call> {
        let mut calls = std::mem::take(&mut self.state().kept);
        calls.sort_by_key(|call| call.started);
        calls
    }

    /// Takes everything, the counted calls behind the others, and begins anew.
    pub fn finish(&self) -> Vec<Call> {
        let mut calls = self.take();
        let mut rest: Vec<Call> = self.state().shapes.drain().filter_map(|(_, shape)| shape.rest).collect();
        rest.sort_by_key(|call| call.started);
        calls.extend(rest);
        calls
    }

    /// What is only counted, as it is by now, each with a name that it has as long as this log lives: for work that has no end in sight.
    /// It stays.
    pub fn counted(&self) -> Vec<(String, Call)> {
        let state = self.state();
        let counted = state.shapes.iter().filter_map(|((shape, outcome), of)| {
            let rest = of.rest.clone()?;
            Some((format!("{shape} {outcome:?}"), rest))
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort_by_key(|(_, call)| call.started);
        counted
    }

    /// Notes what another log noted, as if it had happened here.
    pub fn absorb(&self, calls: impl IntoIterator<Item = Call>) {
        calls.into_iter().for_each(|call| self.add(call));
    }

    /// Gives back what was taken and could not be stored.
    pub fn give_back(&self, calls: Vec<Call>) {
        self.state().kept.splice(0..0, calls);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
    }
}

/// Where calls are noted, and what the work at hand is about.
#[derive(Clone)]
pub(crate) struct Scope {
    log: Arc<CallLog>,
    about: Arc<str>,
}

tokio::task_local! {
    static SCOPE: Scope;
}

/// Does the work, and notes in `log` what the data plane executes for it.
pub async fn noted<T>(log: Arc<CallLog>, work: impl Future<Output = T>) -> T {
    SCOPE.scope(Scope { log, about: Arc::from("") }, work).await
}

/// The scope of this task, to be carried to another task or thread.
pub(crate) fn scope() -> Option<Scope> {
    SCOPE.try_with(Scope::clone).ok()
}

/// The work with the scope of the task that calls this, wherever it is going to run. For each `spawn`.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(scope(), work)
}

/// The work, whose SQL is about this (`2017-07-29, customer01`).
pub(crate) fn about<F: Future>(what: String, work: F) -> impl Future<Output = F::Output> {
    within(scope().map(|scope| Scope { about: Arc::from(what), ..scope }), work)
}

async fn within<F: Future>(scope: Option<Scope>, work: F) -> F::Output {
    match scope {
        Some(scope) => SCOPE.scope(scope, work).await,
        None => work.await,
    }
}

/// What the work at hand is about; empty if nobody said.
pub(crate) fn subject() -> String {
    SCOPE.try_with(|scope| scope.about.to_string()).unwrap_or_default()
}

/// A call under way. Dropped without an end, nothing is noted: the work was given up.
pub(crate) struct Begun {
    noting: Option<(Arc<CallLog>, DateTime<Utc>)>,
    at: Instant,
}

impl Begun {
    /// A call of this task begins.
    pub fn now() -> Begun {
        Begun::within(scope().as_ref())
    }

    /// A call begins on a thread that has no task of its own.
    pub fn within(scope: Option<&Scope>) -> Begun {
        Begun { noting: scope.map(|scope| (scope.log.clone(), (scope.log.clock)())), at: Instant::now() }
    }

    /// Whether anybody wants to know.
    pub fn wanted(&self) -> bool {
        self.noting.is_some()
    }

    /// Notes how the call ended, and what it moved.
    pub fn end<T>(self, operation: impl Into<Operation>, result: &Result<T, Error>, size: impl FnOnce(&T) -> Size) {
        let (outcome, error, size) = match result {
            Ok(value) => (Outcome::Ok, None, size(value)),
            Err(error) if error.kind == ErrorKind::NotFound => {
                (Outcome::Absent, Some(error.message.clone()), Size::default())
            }
            Err(error) => (Outcome::Failed, Some(error.message.clone()), Size::default()),
        };
        self.note(operation.into(), outcome, error, size);
    }

    /// As [`Begun::end`], where the error is another type's.
    pub fn note(self, operation: Operation, outcome: Outcome, error: Option<String>, size: Size) {
        let Some((log, started)) = self.noting else {
            return;
        };
        log.add(Call {
            operation,
            started,
            duration: self.at.elapsed(),
            outcome,
            error,
            rows: size.rows,
            bytes: size.bytes,
            count: 1,
        });
    }
}

#[cfg(test)]
mod tests;
