//! How runs are stopped, continued and ended.

use showrunner_lake::calls::Call;

use super::{COLUMNS, RunEnd, RunKind, RunRow, RunState};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Store, explain};

impl Store {
    /// Asks a run to stop: a queued one is stopped at once, a running one at its next safe point.
    pub async fn request_stop(&self, id: &str, by: &str) -> Result<RunState> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let queued: Option<String> = sqlx::query_scalar(
            "UPDATE runs SET stop_requested = TRUE,
                 ended_at = CASE WHEN state = 'queued' THEN $2 ELSE ended_at END,
                 error = CASE WHEN state = 'queued' THEN $3 ELSE error END,
                 state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END
             WHERE id = $1 AND state IN ('queued', 'running') RETURNING state",
        )
        .bind(id)
        .bind(now)
        .bind(format!("Stopped by {by} before it began: nothing was changed. Run it again to go on."))
        .fetch_optional(&mut *tx.inner)
        .await
        .map_err(explain)?;
        let Some(state) = queued else {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("Run {id} is over already: there is nothing to stop."),
            ));
        };
        let state = RunState::try_from(state)?;
        if state == RunState::Stopped {
            tx.fail_claims(id, "The run was stopped before it began.").await?;
        }
        tx.log(id, "run", true, &format!("{by} asked to stop")).await?;
        tx.event("run", id).await?;
        tx.commit().await?;
        Ok(state)
    }

    /// Queues an ended run once more (`attempt` rises). It continues at the first step that is not done, or from the first step
    /// when `from_start`.
    pub async fn retry_run(&self, id: &str, by: &str, from_start: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        let row: RunRow = sqlx::query_as(&format!("SELECT {COLUMNS} FROM runs WHERE id = $1"))
            .bind(id)
            .fetch_one(&mut *tx.inner)
            .await
            .map_err(explain)?;
        if row.archived || !matches!(row.state, RunState::Failed | RunState::Stopped) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("Run {id} cannot be retried: it has neither failed nor been stopped."),
            ));
        }
        if row.kind == RunKind::Reset {
            tx.clear_lane(self.clock.millis()).await?;
        } else {
            tx.refuse_during_reset().await?;
        }
        let changed = sqlx::query(
            "UPDATE runs SET state = 'queued', attempt = attempt + 1, stop_requested = FALSE, resumes = 0, error = NULL, ended_at = NULL
             WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM runs o WHERE o.dedupe_key = $2 AND o.state IN ('queued', 'running'))",
        )
        .bind(id)
        .bind(&row.dedupe_key)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected();
        if changed == 0 {
            return Err(Error::new(ErrorKind::Conflict, "A newer run does the same already. Wait for that one."));
        }
        tx.reopen_steps(id, from_start).await?;
        sqlx::query(
            "UPDATE deliveries SET decision = 'claimed', reason = NULL WHERE run_id = $1 AND decision = 'failed'",
        )
        .bind(id)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.log(id, "run", false, &format!("{by} pressed Retry: attempt {}", row.attempt + 1)).await?;
        tx.event("run", id).await?;
        tx.commit().await
    }

    /// Queues a run that was running when the server stopped.
    pub async fn resume_run(&self, id: &str, text: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE runs SET state = 'queued', attempt = attempt + 1, resumes = resumes + 1 WHERE id = $1 AND state = 'running'")
            .bind(id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.reopen_steps(id, false).await?;
        tx.log(id, "run", true, text).await?;
        tx.event("run", id).await?;
        tx.commit().await
    }

    /// The server stops in good order: what follows is no crash of this run.
    pub async fn halt_run(&self, id: &str, calls: &(i64, Vec<Call>)) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.calls(id, calls.0, &calls.1).await?;
        sqlx::query("UPDATE runs SET resumes = 0 WHERE id = $1")
            .bind(id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.log(id, "run", true, "The server stops; this run continues when it starts again").await?;
        tx.commit().await
    }

    /// Ends a run: its state, its open steps, its claimed markers, its story step, in one transaction.
    pub async fn end_run(&self, id: &str, end: &RunEnd) -> Result<()> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let row: RunRow = sqlx::query_as(&format!(
            "UPDATE runs SET state = $2, ended_at = $3, error = $4, summary = $5, resumes = 0 WHERE id = $1 RETURNING {COLUMNS}"
        ))
        .bind(id)
        .bind(end.state.word())
        .bind(now)
        .bind(&end.error)
        .bind(&end.summary)
        .fetch_one(&mut *tx.inner)
        .await
        .map_err(explain)?;
        let open = if end.state == RunState::Done { "skipped" } else { "failed" };
        sqlx::query("UPDATE run_steps SET state = $2, ended_at = $3 WHERE run_id = $1 AND state = 'running'")
            .bind(id)
            .bind(open)
            .bind(now)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.calls(id, end.calls.0, &end.calls.1).await?;
        for day in &end.ingested {
            sqlx::query(
                "UPDATE deliveries SET decision = 'ingested', reason = $5
                 WHERE run_id = $1 AND customer = $2 AND dataset = $3 AND date = $4 AND decision IN ('claimed', 'failed')",
            )
            .bind(id)
            .bind(&day.customer)
            .bind(&day.dataset)
            .bind(day.date.to_string())
            .bind(&end.ingested_note)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        tx.fail_claims(id, end.error.as_deref().unwrap_or("Nothing of this day could be loaded.")).await?;
        if let Some(error) = &end.error {
            tx.log(id, "run", true, error).await?;
        }
        if let (Some(step), RunState::Done) = (&row.story_step, end.state) {
            sqlx::query("UPDATE show_steps SET done_at = $2 WHERE run_id = $1 AND done_at IS NULL")
                .bind(id)
                .bind(now)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
            tx.event("step", step).await?;
        }
        tx.event("run", id).await?;
        if row.kind == RunKind::Reset {
            tx.event("reset", id).await?;
        }
        tx.event("lake", id).await?;
        tx.commit().await
    }
}
