//! Runs: queued, running, ended. Their steps and logs are in `steps`.

mod ending;
mod steps;

use serde::{Deserialize, Serialize};
use showrunner_lake::calls::Call;

use super::deliveries::{Claim, claim};
use super::{PRESS, Store, Tx, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};

pub use steps::{ChunkDone, LogRow, QuarantineRow, StepDone, StepRow, StepState};

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Source data and history.
    Seed,
    /// A day into the ingestion bucket.
    Upload,
    /// Delivered days through the lake.
    Ingest,
    /// Everything back.
    Reset,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waits for its turn.
    Queued,
    /// Has its turn (or had it when the server stopped).
    Running,
    /// Ended well.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended because somebody asked for it.
    Stopped,
}

impl RunState {
    /// True for queued and running.
    pub fn active(self) -> bool {
        matches!(self, RunState::Queued | RunState::Running)
    }
}

macro_rules! words {
    ($kind:ty, $what:literal, $($variant:ident = $word:literal),+) => {
        impl $kind {
            /// The word in the database.
            pub fn word(self) -> &'static str {
                match self { $(<$kind>::$variant => $word),+ }
            }
        }
        impl TryFrom<String> for $kind {
            type Error = crate::error::Error;
            fn try_from(word: String) -> Result<Self> {
                match word.as_str() {
                    $($word => Ok(<$kind>::$variant),)+
                    other => Err(unreadable($what, other)),
                }
            }
        }
    };
}
pub(super) use words;

words!(RunKind, "a kind of run", Seed = "seed", Upload = "upload", Ingest = "ingest", Reset = "reset");
words!(
    RunState,
    "a run's state",
    Queued = "queued",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Stopped = "stopped"
);

/// A run. Times are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RunRow {
    /// `run-0059-7f3a`
    pub id: String,
    /// Rises with every run.
    pub number: i64,
    /// What it does.
    #[sqlx(try_from = "String")]
    pub kind: RunKind,
    /// For people.
    pub title: String,
    /// Where it is.
    #[sqlx(try_from = "String")]
    pub state: RunState,
    /// JSON of [`crate::runs::Job`].
    pub job: String,
    /// The customer whose data it concerns, if it is one's.
    pub customer: Option<String>,
    /// Who pressed.
    pub started_by: String,
    /// The story's step, if it was pressed there.
    pub story_step: Option<String>,
    /// At most one active run has it.
    pub dedupe_key: String,
    /// When it was pressed.
    pub created_at: i64,
    /// When its turn came (of this attempt).
    pub started_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// 1-based.
    pub attempt: i64,
    /// Somebody asked to stop.
    pub stop_requested: bool,
    /// Resumed so often since a step or chunk was last finished.
    pub resumes: i64,
    /// Why it failed or was stopped, what is safe, what to do.
    pub error: Option<String>,
    /// JSON of [`crate::runs::Summary`].
    pub summary: String,
    /// Set by a reset.
    pub archived: bool,
}

const COLUMNS: &str = "id, number, kind, title, state, job, customer, started_by, story_step, dedupe_key, created_at, started_at, ended_at, attempt, stop_requested, resumes, error, summary, archived";

/// A run to be queued.
#[derive(Debug, Clone)]
pub struct NewRunRow {
    /// What it does.
    pub kind: RunKind,
    /// For people.
    pub title: String,
    /// JSON.
    pub job: String,
    /// Whose data.
    pub customer: Option<String>,
    /// Who pressed.
    pub started_by: String,
    /// Story step.
    pub story_step: Option<String>,
    /// See [`RunRow::dedupe_key`].
    pub dedupe_key: String,
    /// The end of the id.
    pub suffix: u16,
    /// Name and title of each step.
    pub steps: Vec<(&'static str, &'static str)>,
    /// Markers that this run takes, in the same transaction.
    pub claims: Vec<Claim>,
    /// What pressing the button did before there was a run.
    pub calls: Vec<Call>,
}

/// What became of [`Store::insert_run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inserted {
    /// The new run, or the active one with the same key.
    pub id: String,
    /// True when it is new.
    pub fresh: bool,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Done, failed or stopped.
    pub state: RunState,
    /// See [`RunRow::error`].
    pub error: Option<String>,
    /// See [`RunRow::summary`].
    pub summary: String,
    /// Days of this run that are loaded now; its other claimed days become 'failed'.
    pub ingested: Vec<showrunner_lake::model::Day>,
    /// Said about the ingested days, if they are loaded only in part.
    pub ingested_note: Option<String>,
    /// What was executed and is not on record yet, with the position of its step.
    pub calls: (i64, Vec<Call>),
}

impl Store {
    /// Queues a run, unless one with the same key is active. While a reset is active nothing else is accepted; a reset itself
    /// ends what is queued and asks what is running to stop.
    pub async fn insert_run(&self, new: &NewRunRow) -> Result<Inserted> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let active: Option<String> =
            sqlx::query_scalar("SELECT id FROM runs WHERE dedupe_key = $1 AND state IN ('queued', 'running')")
                .bind(&new.dedupe_key)
                .fetch_optional(&mut *tx.inner)
                .await
                .map_err(explain)?;
        if let Some(id) = active {
            return Ok(Inserted { id, fresh: false });
        }
        if new.kind == RunKind::Reset {
            tx.clear_lane(now).await?;
        } else {
            tx.refuse_during_reset().await?;
        }
        let number: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM runs")
            .fetch_one(&mut *tx.inner)
            .await
            .map_err(explain)?;
        let id = format!("run-{number:04}-{:04x}", new.suffix);
        sqlx::query(
            "INSERT INTO runs (id, number, kind, title, state, job, customer, started_by, story_step, dedupe_key, created_at)
             VALUES ($1, $2, $3, $4, 'queued', $5, $6, $7, $8, $9, $10)",
        )
        .bind(&id)
        .bind(number)
        .bind(new.kind.word())
        .bind(&new.title)
        .bind(&new.job)
        .bind(&new.customer)
        .bind(&new.started_by)
        .bind(&new.story_step)
        .bind(&new.dedupe_key)
        .bind(now)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        for (position, (name, title)) in (0_i64..).zip(&new.steps) {
            sqlx::query(
                "INSERT INTO run_steps (run_id, position, name, title, state) VALUES ($1, $2, $3, $4, 'later')",
            )
            .bind(&id)
            .bind(position)
            .bind(name)
            .bind(title)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        for taken in &new.claims {
            claim(&mut tx, taken, &id).await?;
        }
        tx.calls(&id, PRESS, &new.calls).await?;
        tx.event("run", &id).await?;
        if let Some(step) = &new.story_step {
            tx.event("step", step).await?;
        }
        tx.commit().await?;
        Ok(Inserted { id, fresh: true })
    }

    /// One run, archived ones included.
    pub async fn run(&self, id: &str) -> Result<RunRow> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM runs WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)?
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("There is no run {id}. The list of runs shows those that there are."),
                )
            })
    }

    /// Runs that are not archived, newest first.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM runs WHERE archived = FALSE ORDER BY number DESC LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// Queued and running runs, oldest first.
    pub async fn active_runs(&self) -> Result<Vec<RunRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM runs WHERE state IN ('queued', 'running') ORDER BY number"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// The reset that is queued or running.
    pub async fn active_reset(&self) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT id FROM runs WHERE kind = 'reset' AND state IN ('queued', 'running')")
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// The newest run of a kind, archived or not.
    pub async fn newest_run(&self, kind: RunKind) -> Result<Option<RunRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM runs WHERE kind = $1 ORDER BY number DESC LIMIT 1"))
            .bind(kind.word())
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Takes the oldest queued run: it is running now.
    pub async fn take_next_run(&self) -> Result<Option<RunRow>> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let row: Option<RunRow> = sqlx::query_as(&format!(
            "UPDATE runs SET state = 'running', started_at = $1
             WHERE id = (SELECT id FROM runs WHERE state = 'queued' ORDER BY number LIMIT 1) RETURNING {COLUMNS}"
        ))
        .bind(now)
        .fetch_optional(&mut *tx.inner)
        .await
        .map_err(explain)?;
        if let Some(row) = &row {
            tx.event("run", &row.id).await?;
        }
        tx.commit().await?;
        Ok(row)
    }
}

impl Tx<'_> {
    pub(super) async fn refuse_during_reset(&mut self) -> Result<()> {
        let reset: Option<String> =
            sqlx::query_scalar("SELECT id FROM runs WHERE kind = 'reset' AND state IN ('queued', 'running')")
                .fetch_optional(&mut *self.inner)
                .await
                .map_err(explain)?;
        match reset {
            None => Ok(()),
            Some(id) => Err(Error::new(
                ErrorKind::Conflict,
                format!("A reset is running ({id}). Wait until it is verified, then press again."),
            )),
        }
    }

    /// A reset wants the lane alone.
    async fn clear_lane(&mut self, now: i64) -> Result<()> {
        const WHY: &str = "Stopped by a reset before it began: nothing was changed.";
        let queued: Vec<String> = sqlx::query_scalar(
            "UPDATE runs SET state = 'stopped', stop_requested = TRUE, ended_at = $1, error = $2
             WHERE state = 'queued' AND kind <> 'reset' RETURNING id",
        )
        .bind(now)
        .bind(WHY)
        .fetch_all(&mut *self.inner)
        .await
        .map_err(explain)?;
        for id in queued {
            self.fail_claims(&id, WHY).await?;
            self.event("run", &id).await?;
        }
        let running: Vec<String> = sqlx::query_scalar(
            "UPDATE runs SET stop_requested = TRUE WHERE state = 'running' AND kind <> 'reset' RETURNING id",
        )
        .fetch_all(&mut *self.inner)
        .await
        .map_err(explain)?;
        for id in running {
            self.log(&id, "run", true, "A reset asked this run to stop").await?;
            self.event("run", &id).await?;
        }
        Ok(())
    }

    /// Claimed markers of a run that will not load them. A claim whose marker was never written is forgotten: should the
    /// marker exist after all, the reconciler finds it.
    pub(super) async fn fail_claims(&mut self, run_id: &str, reason: &str) -> Result<()> {
        sqlx::query("DELETE FROM deliveries WHERE run_id = $1 AND decision = 'claimed' AND marker_generation = 0")
            .bind(run_id)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        sqlx::query(
            "UPDATE deliveries SET decision = 'failed', reason = $2 WHERE run_id = $1 AND decision = 'claimed'",
        )
        .bind(run_id)
        .bind(reason)
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(())
    }
}
