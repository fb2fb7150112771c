//! One run, step by step.

use std::sync::Arc;

use showrunner_lake::calls;

use super::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::runs::control::Control;
use crate::runs::{Job, Step, StepEnd, ingest, seed, upload, words};
use crate::store::{RunRow, RunState, StepDone, StepRow, StepState};

impl Engine {
    /// Executes a run and puts its end on record, whatever happens.
    pub(super) async fn execute(self: Arc<Self>, run: RunRow) {
        let control = Control::new(&run.id, self.clock.now(), self.progress.clone(), self.call_log());
        self.set_current(Some(control.clone()));
        if self.halt.is_cancelled() {
            control.halt();
        }
        // Asked to stop between being taken and being known here.
        if let Ok(now) = self.store.run(&run.id).await
            && now.stop_requested
        {
            control.stop();
        }
        let task = tokio::spawn({
            let (engine, run, control) = (self.clone(), run.clone(), control.clone());
            async move { engine.steps(&run, &control).await }
        });
        let result = task.await;
        let step = self
            .store
            .steps(&run.id)
            .await
            .ok()
            .and_then(|steps| steps.into_iter().find(|s| s.state == StepState::Running));
        let calls = control.unrecorded();
        let (state, error) = match result {
            Ok(Ok(())) => (RunState::Done, None),
            Ok(Err(_)) | Err(_) if control.halted() => {
                if let Err(error) = self.store.halt_run(&run.id, &calls).await {
                    tracing::warn!(run = run.id, "{}", error.chain());
                }
                self.set_current(None);
                return;
            }
            Ok(Err(error)) if error.kind == ErrorKind::Cancelled => {
                (RunState::Stopped, Some(words::stopped(&run, step.as_ref())))
            }
            Ok(Err(error)) => {
                tracing::error!(run = run.id, "{}", error.chain());
                (RunState::Failed, Some(words::failed(&run, step.as_ref(), &error)))
            }
            Err(panic) => {
                tracing::error!(run = run.id, "a run ended by a bug: {panic}");
                (RunState::Failed, Some(words::panicked(&run, step.as_ref())))
            }
        };
        // A full disk or a locked database must not lose the end: it is tried until it is on record or the server stops.
        while let Err(error) = self.end(&run, state, error.clone(), calls.clone()).await {
            self.in_trouble(&error).await;
            if self.halt.is_cancelled() {
                break;
            }
        }
        self.clear_trouble();
        self.set_current(None);
    }

    async fn steps(&self, run: &RunRow, control: &Arc<Control>) -> Result<()> {
        let job: Job = serde_json::from_str(&run.job)?;
        for row in self.store.steps(&run.id).await? {
            if row.state.over() {
                continue;
            }
            let step = Step { engine: self, run, row: &row, control };
            control.check()?;
            step.point("before");
            self.store.begin_step(&run.id, row.position).await?;
            control.begin_step(row.position as usize, self.clock.now(), row.progress());
            let end = calls::noted(control.calls().clone(), self.step(&job, &step)).await?;
            step.point("worked");
            let noted = control.calls().finish();
            let done = StepDone {
                state: end.state,
                progress: end.progress,
                outcome: &end.outcome,
                log: &end.log,
                calls: &noted,
            };
            let ended = self.store.end_step(&run.id, &row, &done).await;
            if ended.is_err() {
                control.calls().give_back(noted);
            }
            ended?;
            step.point("after");
            if row.name == "verify" {
                crate::reset::accept(&end)?;
            }
        }
        Ok(())
    }

    async fn step(&self, job: &Job, step: &Step<'_>) -> Result<StepEnd> {
        let StepRow { name, .. } = step.row;
        match (job, name.as_str()) {
            (Job::Reset { scope, before }, name) => crate::reset::step(step, name, scope, before).await,
            (Job::Seed { customer, dataset, history, stage }, "source") => {
                seed::source(step, customer, dataset, &[history.as_slice(), stage].concat()).await
            }
            (Job::Seed { .. }, "deliver") => seed::deliver(step, &job.days()).await,
            (Job::Upload { day }, "copy") => upload::copy(step, day).await,
            (Job::Ingest { days, .. }, "list") => ingest::list(step, days).await,
            (_, "bronze") => ingest::bronze(step, job).await,
            (_, "silver") => ingest::silver(step).await,
            (_, "gold") => ingest::gold(step).await,
            (_, "warehouse") => ingest::warehouse(step).await,
            (_, other) => Err(Error::new(
                ErrorKind::Internal,
                format!("This Showrunner does not know the step '{other}'. Use the version that started the run."),
            )),
        }
    }
}
