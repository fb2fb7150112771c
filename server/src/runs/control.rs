//! How a running run is watched and stopped.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use showrunner_lake::calls::{Call, CallLog};
use showrunner_lake::model::{Progress, ProgressSink};
use tokio::sync::broadcast;

use crate::error::{Error, ErrorKind, Result};

/// Live progress is sent at most this often.
const INTERVAL: Duration = Duration::from_millis(100);

/// How far the running run is, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveProgress {
    /// The run.
    pub run_id: String,
    /// The step's position, 0-based.
    pub step: usize,
    /// Progress of the step.
    pub progress: Progress,
    /// When the step began (or went on after an interruption).
    pub started: DateTime<Utc>,
}

/// The run that has the lane.
pub(crate) struct Control {
    stop: AtomicBool,
    halt: AtomicBool,
    live: Mutex<Live>,
    /// What the data plane executes for the step under way.
    calls: Arc<CallLog>,
    sender: broadcast::Sender<LiveProgress>,
}

struct Live {
    newest: LiveProgress,
    /// What earlier chunks of the step did, added to what the data plane reports of this one.
    base: Progress,
    totals: (u64, u64),
    sent: Option<Instant>,
}

impl Control {
    pub(crate) fn new(
        run_id: &str,
        now: DateTime<Utc>,
        sender: broadcast::Sender<LiveProgress>,
        calls: Arc<CallLog>,
    ) -> Arc<Self> {
        Arc::new(Control {
            stop: AtomicBool::new(false),
            halt: AtomicBool::new(false),
            live: Mutex::new(Live {
                newest: LiveProgress {
                    run_id: run_id.to_owned(),
                    step: 0,
                    progress: Progress::default(),
                    started: now,
                },
                base: Progress::default(),
                totals: (0, 0),
                sent: None,
            }),
            calls,
            sender,
        })
    }

    /// Somebody asked this run to stop.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// The server stops; the run goes on when it starts again.
    pub(crate) fn halt(&self) {
        self.halt.store(true, Ordering::SeqCst);
    }

    pub(crate) fn halted(&self) -> bool {
        self.halt.load(Ordering::SeqCst)
    }

    /// An error once the run is to end at this safe point.
    pub(crate) fn check(&self) -> Result<()> {
        if self.cancelled() { Err(Error::new(ErrorKind::Cancelled, "Stopped as asked.")) } else { Ok(()) }
    }

    pub(crate) fn calls(&self) -> &Arc<CallLog> {
        &self.calls
    }

    /// What was executed and is on record nowhere, with the position of its step.
    pub(crate) fn unrecorded(&self) -> (i64, Vec<Call>) {
        (self.live().step as i64, self.calls.finish())
    }

    pub(crate) fn live(&self) -> LiveProgress {
        self.lock().newest.clone()
    }

    pub(crate) fn begin_step(&self, step: usize, now: DateTime<Utc>, progress: Progress) {
        let mut live = self.lock();
        live.newest.step = step;
        live.newest.started = now;
        live.sent = None;
        drop(live);
        self.base(progress);
    }

    /// What of the step is done when the next chunk begins, with the step's totals.
    pub(crate) fn base(&self, progress: Progress) {
        let mut live = self.lock();
        live.base = progress;
        live.totals = (progress.bytes_total, progress.days_total);
        live.newest.progress = progress;
        self.send(&mut live);
    }

    fn send(&self, live: &mut Live) {
        if live.sent.is_none_or(|sent| sent.elapsed() >= INTERVAL) {
            live.sent = Some(Instant::now());
            // Nobody may be listening.
            let _ = self.sender.send(live.newest.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ProgressSink for Control {
    fn update(&self, of_chunk: Progress) {
        let mut live = self.lock();
        let (bytes_total, days_total) = live.totals;
        live.newest.progress = Progress {
            rows: live.base.rows + of_chunk.rows,
            bytes: live.base.bytes + of_chunk.bytes,
            bytes_total: bytes_total.max(live.base.bytes + of_chunk.bytes_total),
            days: live.base.days + of_chunk.days,
            days_total: days_total.max(live.base.days + of_chunk.days_total),
        };
        self.send(&mut live);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst) || self.halt.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_add_up_and_stop_is_seen() {
        let (sender, mut receiver) = broadcast::channel(8);
        let calls = CallLog::new(Arc::new(DateTime::default));
        let control = Control::new("run-0001-abcd", DateTime::default(), sender, calls);
        let done = Progress { rows: 10, bytes: 100, bytes_total: 300, days: 1, days_total: 3 };
        control.begin_step(2, DateTime::default(), done);
        control.update(Progress { rows: 5, bytes: 50, bytes_total: 100, days: 0, days_total: 1 });
        let live = control.live();
        assert_eq!(live.step, 2);
        assert_eq!(live.progress, Progress { rows: 15, bytes: 150, bytes_total: 300, days: 1, days_total: 3 });
        assert_eq!(receiver.try_recv().unwrap().progress, done);
        assert!(control.check().is_ok());
        control.stop();
        assert_eq!(control.check().unwrap_err().kind, ErrorKind::Cancelled);
        assert!(!control.halted());
    }
}
