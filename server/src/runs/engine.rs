//! The lane: runs are executed one after another, each step recorded with its event.

mod execute;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use showrunner_lake::Lake;
use showrunner_lake::calls::{Call, CallLog};
use showrunner_lake::model::Day;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::control::{Control, LiveProgress};
use super::{Job, Summary, words};
use crate::clock::{Clock, Ids};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Claim, NewRunRow, RunEnd, RunKind, RunRow, RunState, StepState, Store};
use crate::stream::Streams;

/// So often is a run resumed without finishing a step or chunk before it is marked as failed.
const MOST_RESUMES: i64 = 5;

/// How runs work.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// For files under way.
    pub scratch: PathBuf,
    /// Days generated at a time.
    pub workers: usize,
    /// Generated data follows from it.
    pub seed: u64,
    /// Size of generated days.
    pub sessions_per_day: u32,
}

/// A run to be started.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// What it does.
    pub job: Job,
    /// Who pressed, for instance `presenter`.
    pub started_by: String,
    /// The story's step, if it was pressed there.
    pub story_step: Option<String>,
}

/// What became of a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The run.
    pub run_id: String,
    /// False when the same was under way already.
    pub fresh: bool,
}

/// Executes runs. One for each data folder.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) lake: Arc<Lake>,
    /// A reset ends and empties it.
    pub(crate) streams: Arc<Streams>,
    pub(crate) config: EngineConfig,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    wake: Notify,
    current: Mutex<Option<Arc<Control>>>,
    progress: broadcast::Sender<LiveProgress>,
    trouble: Mutex<Option<String>>,
    halt: CancellationToken,
    uploads: Mutex<BTreeMap<Day, Arc<CallLog>>>,
    /// Who pulls from the notification subscription: the reconciler, or a reset that verifies the topic.
    pub(crate) pulling: tokio::sync::Mutex<()>,
    /// Rung when a run is over: the reconciler looks again.
    pub(crate) run_over: Notify,
}

impl Engine {
    /// An engine that executes nothing until [`Engine::work`] is called.
    pub fn new(
        store: Store,
        lake: Arc<Lake>,
        streams: Arc<Streams>,
        config: EngineConfig,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Arc<Engine> {
        Arc::new(Engine {
            store,
            lake,
            streams,
            config,
            clock,
            ids,
            wake: Notify::new(),
            current: Mutex::new(None),
            progress: broadcast::channel(64).0,
            trouble: Mutex::new(None),
            halt: CancellationToken::new(),
            uploads: Mutex::default(),
            pulling: tokio::sync::Mutex::new(()),
            run_over: Notify::new(),
        })
    }

    /// Starts a run, or says which one does the same already. Refused while a reset is queued or running.
    pub async fn start(&self, new: NewRun) -> Result<Started> {
        self.queue(new, Vec::new(), Vec::new()).await
    }

    /// Starts a run that takes these markers; `calls` are what was executed on the way to it.
    pub(crate) async fn queue(&self, new: NewRun, claims: Vec<Claim>, calls: Vec<Call>) -> Result<Started> {
        let inserted = self
            .store
            .insert_run(&NewRunRow {
                kind: new.job.kind(),
                title: new.job.title(),
                job: serde_json::to_string(&new.job)?,
                customer: new.job.customer(),
                started_by: new.started_by,
                story_step: new.story_step,
                dedupe_key: new.job.dedupe_key(),
                suffix: self.ids.suffix(),
                steps: new.job.steps(),
                claims,
                calls,
            })
            .await?;
        if inserted.fresh && new.job.kind() == RunKind::Reset {
            self.stop_current_unless(&inserted.id);
        }
        self.wake.notify_one();
        Ok(Started { run_id: inserted.id, fresh: inserted.fresh })
    }

    /// Asks a run to stop: a queued one is stopped at once, a running one at its next safe point.
    pub async fn stop(&self, run_id: &str, by: &str) -> Result<RunState> {
        let state = self.store.request_stop(run_id, by).await?;
        if let Some(control) = self.current()
            && control.live().run_id == run_id
        {
            control.stop();
        }
        Ok(state)
    }

    /// Continues a failed or stopped run at its first step that is not done (a reset: from its first step).
    pub async fn retry(&self, run_id: &str, by: &str) -> Result<Started> {
        let run = self.store.run(run_id).await?;
        self.store.retry_run(run_id, by, run.kind == RunKind::Reset).await?;
        if run.kind == RunKind::Reset {
            self.stop_current_unless(run_id);
        }
        self.wake.notify_one();
        Ok(Started { run_id: run_id.to_owned(), fresh: true })
    }

    /// The running run's progress, if it is this one.
    pub fn live(&self, run_id: &str) -> Option<LiveProgress> {
        self.current().map(|control| control.live()).filter(|live| live.run_id == run_id)
    }

    /// An empty call log by this engine's clock.
    pub(crate) fn call_log(&self) -> Arc<CallLog> {
        let clock = self.clock.clone();
        CallLog::new(Arc::new(move || clock.now()))
    }

    /// The log for what delivers files of a day from outside of any run: the run that takes the day takes it along. Lost with the process.
    pub(crate) fn upload_log(&self, day: &Day) -> Arc<CallLog> {
        let mut uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        uploads.entry(day.clone()).or_insert_with(|| self.call_log()).clone()
    }

    pub(crate) fn uploads_of(&self, day: &Day) -> Vec<Call> {
        let log = self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(day);
        log.map(|log| log.finish()).unwrap_or_default()
    }

    /// What was delivered is gone.
    pub(crate) fn forget_uploads(&self) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Live progress of whatever runs, at most ten a second. Not stored.
    pub fn subscribe_progress(&self) -> broadcast::Receiver<LiveProgress> {
        self.progress.subscribe()
    }

    /// Changes when events were stored: the value is the newest event's id.
    pub fn subscribe_events(&self) -> watch::Receiver<i64> {
        self.store.subscribe_events()
    }

    /// What keeps the server from recording runs (disk full, database locked), as a sentence.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// An error while a reset is queued or running: nothing else may change the data now.
    pub async fn refuse_during_reset(&self) -> Result<()> {
        match self.store.active_reset().await? {
            None => Ok(()),
            Some(id) => Err(Error::new(
                ErrorKind::Conflict,
                format!("A reset is running ({id}). Wait until it is verified, then press again."),
            )),
        }
    }

    /// Waits until a run is over, and returns it as stored.
    pub async fn wait(&self, run_id: &str) -> Result<RunRow> {
        let mut events = self.subscribe_events();
        loop {
            events.mark_unchanged();
            let run = self.store.run(run_id).await?;
            if !run.state.active() {
                return Ok(run);
            }
            tokio::select! {
                changed = events.changed() => if changed.is_err() { return Ok(run); },
                () = self.halt.cancelled() => return Ok(run),
            }
        }
    }

    /// Queues again what was under way when the server stopped. Called once, before [`Engine::work`].
    pub async fn resume(&self) -> Result<Vec<String>> {
        let mut resumed = Vec::new();
        for run in self.store.active_runs().await? {
            let steps = self.store.steps(&run.id).await?;
            let step = steps.iter().find(|step| step.state == StepState::Running);
            if run.stop_requested {
                self.end(&run, RunState::Stopped, Some(words::stopped(&run, step)), Default::default()).await?;
            } else if run.state == RunState::Queued {
                resumed.push(run.id);
            } else if run.resumes >= MOST_RESUMES {
                let why = words::given_up(&run, step, run.resumes + 1);
                tracing::error!(run = run.id, "{why}");
                self.end(&run, RunState::Failed, Some(why), Default::default()).await?;
            } else {
                self.store.resume_run(&run.id, &words::resumed(step)).await?;
                tracing::info!(run = run.id, "resumed");
                resumed.push(run.id);
            }
        }
        self.wake.notify_one();
        Ok(resumed)
    }

    /// Executes runs until [`Engine::shutdown`]. The server spawns it once.
    pub async fn work(self: Arc<Self>) {
        while !self.halt.is_cancelled() {
            match self.store.take_next_run().await {
                Ok(Some(run)) => {
                    self.clear_trouble();
                    self.clone().execute(run).await;
                    self.run_over.notify_one();
                }
                Ok(None) => {
                    self.clear_trouble();
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = self.halt.cancelled() => {}
                    }
                }
                Err(error) => self.in_trouble(&error).await,
            }
        }
    }

    /// Asks the running run to halt at its next safe point; it stays 'running' in the database and is resumed at the next start.
    pub fn shutdown(&self) {
        self.halt.cancel();
        if let Some(control) = self.current() {
            control.halt();
        }
    }

    /// Ends a run on record, with what its steps did.
    async fn end(&self, run: &RunRow, state: RunState, error: Option<String>, calls: (i64, Vec<Call>)) -> Result<()> {
        let job: Job = serde_json::from_str(&run.job)?;
        let steps = self.store.steps(&run.id).await?;
        let mut summary = Summary::of(&steps);
        let ingested = super::ingest::ingested(&job, &steps, state);
        let mut ingested_note = None;
        if let Job::Ingest { until, .. } = &job
            && *until != showrunner_lake::model::Zone::Warehouse
        {
            ingested_note = Some(format!("Loaded as far as {}, as asked.", until.name()));
        }
        if let (Job::Seed { .. }, RunState::Done, true) = (&job, state, ingested.is_empty()) {
            summary.note = Some("All these days were ingested before: nothing was changed.".to_owned());
        }
        let end = RunEnd { state, error, summary: serde_json::to_string(&summary)?, ingested, ingested_note, calls };
        self.store.end_run(&run.id, &end).await
    }

    /// Keeps the message for the pages, waits, and lets the caller try again: the server stays up.
    async fn in_trouble(&self, error: &Error) {
        let new = {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            let new = trouble.as_deref() != Some(error.message.as_str());
            *trouble = Some(error.message.clone());
            new
        };
        if new {
            tracing::error!("{}", error.chain());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = self.halt.cancelled() => {}
        }
    }

    fn clear_trouble(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn current(&self) -> Option<Arc<Control>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_current(&self, control: Option<Arc<Control>>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = control;
    }

    fn stop_current_unless(&self, run_id: &str) {
        if let Some(control) = self.current()
            && control.live().run_id != run_id
        {
            control.stop();
        }
    }
}
