//! A run's steps, log and quarantine.

use serde::{Deserialize, Serialize};
use showrunner_lake::calls::Call;
use showrunner_lake::model::{Day, Progress, Quarantined};

use super::words;
use crate::error::Result;
use crate::store::{Store, Tx, explain, unreadable};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not yet.
    Later,
    /// Under way.
    Running,
    /// Over.
    Done,
    /// Over, but something was held back.
    Warn,
    /// Ended the run.
    Failed,
    /// There was nothing to do.
    Skipped,
}

words!(
    StepState,
    "a step's state",
    Later = "later",
    Running = "running",
    Done = "done",
    Warn = "warn",
    Failed = "failed",
    Skipped = "skipped"
);

impl StepState {
    /// True when a resumed run leaves the step as it is.
    pub fn over(self) -> bool {
        matches!(self, StepState::Done | StepState::Warn | StepState::Skipped)
    }
}

/// A step of a run. Times are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StepRow {
    /// The run.
    pub run_id: String,
    /// 0-based.
    pub position: i64,
    /// `bronze`
    pub name: String,
    /// `Write bronze`
    pub title: String,
    /// Where it is.
    #[sqlx(try_from = "String")]
    pub state: StepState,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// JSON of [`Progress`].
    pub progress: String,
    /// JSON, depends on the step.
    pub outcome: String,
}

impl StepRow {
    /// The progress as last written.
    pub fn progress(&self) -> Progress {
        serde_json::from_str(&self.progress).unwrap_or_default()
    }

    /// The outcome as this type; `None` while there is none of this shape.
    pub fn outcome<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        (self.outcome != "{}").then(|| serde_json::from_str(&self.outcome).ok()).flatten()
    }
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LogRow {
    /// Rises.
    pub id: i64,
    /// UTC milliseconds.
    pub at: i64,
    /// A step's name, or `run`.
    pub topic: String,
    /// Needs a look.
    pub warn: bool,
    /// Text.
    pub text: String,
}

/// A row or file that a run held back.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct QuarantineRow {
    /// Rises.
    pub id: i64,
    /// The customer that delivered it.
    pub customer: String,
    /// Its dataset.
    pub dataset: String,
    /// Its day, `YYYY-MM-DD`.
    pub date: String,
    /// File, with the zip entry behind `!`.
    pub file: String,
    /// 1-based; `None` = whole file.
    pub line: Option<i64>,
    /// A sentence.
    pub reason: String,
    /// The beginning of the row.
    pub sample: String,
}

/// A chunk of a step is over: what is recorded in one transaction.
#[derive(Debug, Clone, Default)]
pub struct ChunkDone<'a> {
    /// Days that need not be done again.
    pub days: &'a [Day],
    /// Progress of the whole step.
    pub progress: Progress,
    /// JSON: outcome of the whole step so far.
    pub outcome: String,
    /// Held back in this chunk.
    pub quarantined: &'a [Quarantined],
    /// A log line, if worth one.
    pub log: Option<String>,
    /// What was executed for it.
    pub calls: &'a [Call],
}

/// A step is over: what is recorded in one transaction.
#[derive(Debug, Clone)]
pub struct StepDone<'a> {
    /// Done, warn or skipped.
    pub state: StepState,
    /// Progress of the whole step.
    pub progress: Progress,
    /// JSON: outcome of the whole step.
    pub outcome: &'a str,
    /// A log line.
    pub log: &'a str,
    /// What was executed and is not on record yet.
    pub calls: &'a [Call],
}

impl Store {
    /// A run's steps in order.
    pub async fn steps(&self, run_id: &str) -> Result<Vec<StepRow>> {
        sqlx::query_as(
            "SELECT run_id, position, name, title, state, started_at, ended_at, progress, outcome FROM run_steps
             WHERE run_id = $1 ORDER BY position",
        )
        .bind(run_id)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// A run's log, oldest first; at most the newest `limit` lines.
    pub async fn log(&self, run_id: &str, limit: u32) -> Result<Vec<LogRow>> {
        let mut rows: Vec<LogRow> =
            sqlx::query_as("SELECT id, at, topic, warn, text FROM run_log WHERE run_id = $1 ORDER BY id DESC LIMIT $2")
                .bind(run_id)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?;
        rows.reverse();
        Ok(rows)
    }

    /// What a run held back, in the order of the input.
    pub async fn quarantine(&self, run_id: &str, limit: u32) -> Result<Vec<QuarantineRow>> {
        sqlx::query_as(
            "SELECT id, customer, dataset, date, file, line, reason, sample FROM quarantine WHERE run_id = $1 ORDER BY id LIMIT $2",
        )
        .bind(run_id)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// Days that a step of a run has finished.
    pub async fn run_days(&self, run_id: &str, step: &str) -> Result<Vec<Day>> {
        let rows: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT customer, dataset, date FROM run_days WHERE run_id = $1 AND step = $2 ORDER BY customer, dataset, date",
        )
        .bind(run_id)
        .bind(step)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.into_iter()
            .map(|(customer, dataset, date)| {
                Ok(Day { customer, dataset, date: date.parse().map_err(|_| unreadable("a date", &date))? })
            })
            .collect()
    }

    /// A step begins, or goes on after an interruption.
    pub async fn begin_step(&self, run_id: &str, position: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE run_steps SET state = 'running', started_at = $3, ended_at = NULL WHERE run_id = $1 AND position = $2",
        )
        .bind(run_id)
        .bind(position)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("run", run_id).await?;
        tx.commit().await
    }

    /// A chunk of a step is over.
    pub async fn chunk_done(&self, run_id: &str, position: i64, step: &str, chunk: ChunkDone<'_>) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE run_steps SET progress = $3, outcome = $4 WHERE run_id = $1 AND position = $2")
            .bind(run_id)
            .bind(position)
            .bind(serde_json::to_string(&chunk.progress)?)
            .bind(&chunk.outcome)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        for day in chunk.days {
            sqlx::query(
                "INSERT INTO run_days (run_id, step, customer, dataset, date) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            )
            .bind(run_id)
            .bind(step)
            .bind(&day.customer)
            .bind(&day.dataset)
            .bind(day.date.to_string())
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        for held in chunk.quarantined {
            sqlx::query(
                "INSERT INTO quarantine (run_id, customer, dataset, date, file, line, reason, sample) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(run_id)
            .bind(&held.day.customer)
            .bind(&held.day.dataset)
            .bind(held.day.date.to_string())
            .bind(&held.file)
            .bind(held.line.map(|line| line as i64))
            .bind(&held.reason)
            .bind(&held.sample)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        sqlx::query("UPDATE runs SET resumes = 0 WHERE id = $1")
            .bind(run_id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.calls(run_id, position, chunk.calls).await?;
        if let Some(text) = &chunk.log {
            tx.log(run_id, step, !chunk.quarantined.is_empty(), text).await?;
        }
        tx.event("run", run_id).await?;
        tx.commit().await
    }

    /// A step is over: done, warn or skipped.
    pub async fn end_step(&self, run_id: &str, step: &StepRow, done: &StepDone<'_>) -> Result<()> {
        let StepDone { state, progress, outcome, log, calls } = done;
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE run_steps SET state = $3, ended_at = $4, progress = $5, outcome = $6 WHERE run_id = $1 AND position = $2",
        )
        .bind(run_id)
        .bind(step.position)
        .bind(state.word())
        .bind(self.clock.millis())
        .bind(serde_json::to_string(progress)?)
        .bind(outcome)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        sqlx::query("UPDATE runs SET resumes = 0 WHERE id = $1")
            .bind(run_id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.calls(run_id, step.position, calls).await?;
        tx.log(run_id, &step.name, *state == StepState::Warn, log).await?;
        tx.event("run", run_id).await?;
        tx.event("lake", run_id).await?;
        tx.commit().await
    }

    /// Adds a line to a run's log.
    pub async fn add_log(&self, run_id: &str, topic: &str, warn: bool, text: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.log(run_id, topic, warn, text).await?;
        tx.event("run", run_id).await?;
        tx.commit().await
    }
}

impl Tx<'_> {
    pub(in crate::store) async fn log(&mut self, run_id: &str, topic: &str, warn: bool, text: &str) -> Result<()> {
        sqlx::query("INSERT INTO run_log (run_id, at, topic, warn, text) VALUES ($1, $2, $3, $4, $5)")
            .bind(run_id)
            .bind(self.store.clock.millis())
            .bind(topic)
            .bind(warn)
            .bind(text)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        Ok(())
    }

    /// Steps that are not over wait again; with `all`, each of them, as if the run had never begun.
    pub(super) async fn reopen_steps(&mut self, run_id: &str, all: bool) -> Result<()> {
        let sql = if all {
            "UPDATE run_steps SET state = 'later', started_at = NULL, ended_at = NULL, progress = '{}', outcome = '{}' WHERE run_id = $1"
        } else {
            "UPDATE run_steps SET state = 'later', ended_at = NULL WHERE run_id = $1 AND state IN ('running', 'failed')"
        };
        sqlx::query(sql).bind(run_id).execute(&mut *self.inner).await.map_err(explain)?;
        Ok(())
    }
}
