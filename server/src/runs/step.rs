//! One step of a run under way.

use std::sync::Arc;

use serde::Serialize;
use showrunner_lake::model::{Progress, ProgressSink};

use super::control::Control;
use super::engine::Engine;
use crate::error::Result;
use crate::store::{ChunkDone, RunRow, StepRow, StepState};

/// What a step works with.
pub(crate) struct Step<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) run: &'a RunRow,
    pub(crate) row: &'a StepRow,
    pub(crate) control: &'a Arc<Control>,
}

/// How a step ended.
pub(crate) struct StepEnd {
    pub(crate) state: StepState,
    pub(crate) progress: Progress,
    /// JSON.
    pub(crate) outcome: String,
    /// A log line.
    pub(crate) log: String,
}

impl StepEnd {
    pub(crate) fn done(outcome: &impl Serialize, progress: Progress, log: impl Into<String>) -> Result<StepEnd> {
        Ok(StepEnd { state: StepState::Done, progress, outcome: serde_json::to_string(outcome)?, log: log.into() })
    }

    pub(crate) fn warn_if(mut self, warn: bool) -> StepEnd {
        if warn {
            self.state = StepState::Warn;
        }
        self
    }

    /// There was nothing to do.
    pub(crate) fn skipped(log: impl Into<String>) -> StepEnd {
        StepEnd { state: StepState::Skipped, progress: Progress::default(), outcome: "{}".to_owned(), log: log.into() }
    }
}

impl Step<'_> {
    pub(crate) fn sink(&self) -> Arc<dyn ProgressSink> {
        self.control.clone()
    }

    /// The name of a point of this step, for tests that kill the process.
    pub(crate) fn point(&self, what: &str) {
        crate::failpoint::reach(&format!("{}.{}:{what}", self.run.kind.word(), self.row.name));
    }

    /// Records a chunk; from here on a resumed run goes on behind it.
    pub(crate) async fn chunk_done(&self, chunk: ChunkDone<'_>) -> Result<()> {
        self.control.base(chunk.progress);
        let calls = self.control.calls().take();
        let chunk = ChunkDone { calls: &calls, ..chunk };
        let done = self.engine.store.chunk_done(&self.run.id, self.row.position, &self.row.name, chunk).await;
        if done.is_err() {
            self.control.calls().give_back(calls);
        }
        done
    }

    pub(crate) async fn warn(&self, text: &str) -> Result<()> {
        self.engine.store.add_log(&self.run.id, &self.row.name, true, text).await
    }
}
