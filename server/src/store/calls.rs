//! The call log of runs.

use showrunner_lake::calls::{Call, Operation, Outcome};

use super::{Store, Tx, explain};
use crate::error::Result;

/// The position of what pressing the button did, before the run's first step.
pub const PRESS: i64 = -1;

/// Calls of which one stands for a run: those that changed something.
const TELLING: &str = "('objects.put', 'objects.put_stream', 'objects.copy', 'topics.seek_to_now', 'delta.commit', 'delta.purge', 'warehouse.load')";

/// A call, or several of the same shape. Times are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CallRow {
    /// Rises.
    pub id: i64,
    /// The run's attempt.
    pub attempt: i64,
    /// The step's position, or [`PRESS`].
    pub position: i64,
    /// `objects.put`
    pub method: String,
    /// On what.
    pub resource: String,
    /// When it began.
    pub started_at: i64,
    /// How long it took, in microseconds.
    pub micros: i64,
    /// `ok`, `absent`, `failed`
    pub outcome: String,
    /// What was wrong.
    pub error: Option<String>,
    /// Rows, objects or messages.
    pub rows: Option<i64>,
    /// Bytes.
    pub bytes: Option<i64>,
    /// For how many it stands.
    pub calls: i64,
    /// JSON of [`Operation`].
    pub operation: String,
}

impl CallRow {
    /// What was executed; `None` if another version of this program wrote it.
    pub fn operation(&self) -> Option<Operation> {
        serde_json::from_str(&self.operation).ok()
    }
}

/// Calls of a step and kind, together.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CallSum {
    /// The step's position, or [`PRESS`].
    pub position: i64,
    /// `objects`, `messages`, `tables`, `sql`
    pub kind: String,
    /// Rows of the log.
    pub listed: i64,
    /// Calls that they stand for.
    pub calls: i64,
    /// How long they took together, in microseconds.
    pub micros: i64,
}

/// Which calls of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Of this step only.
    pub position: Option<i64>,
    /// Of this kind only.
    pub kind: Option<String>,
}

const COLUMNS: &str =
    "id, attempt, position, method, resource, started_at, micros, outcome, error, rows, bytes, calls, operation";

impl Store {
    /// A run's calls, step by step in the order in which they were made.
    pub async fn calls(&self, run_id: &str, filter: &CallFilter, from: u32, limit: u32) -> Result<Vec<CallRow>> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM calls
             WHERE run_id = $1 AND (position = $2 OR $2 IS NULL) AND (kind = $3 OR $3 IS NULL)
             ORDER BY position, id LIMIT $4 OFFSET $5"
        ))
        .bind(run_id)
        .bind(filter.position)
        .bind(&filter.kind)
        .bind(i64::from(limit))
        .bind(i64::from(from))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// The first call of each way in which a run changed something, in the order of its steps.
    pub async fn telling_calls(&self, run_id: &str, limit: u32) -> Result<Vec<CallRow>> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM calls
             WHERE id IN (SELECT min(id) FROM calls WHERE run_id = $1 AND outcome = 'ok' AND method IN {TELLING} GROUP BY method)
             ORDER BY position, id LIMIT $2"
        ))
        .bind(run_id)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// How many calls a run made, by step and kind.
    pub async fn call_sums(&self, run_id: &str) -> Result<Vec<CallSum>> {
        sqlx::query_as(
            "SELECT position, kind, count(*) AS listed, CAST(sum(calls) AS BIGINT) AS calls, CAST(sum(micros) AS BIGINT) AS micros
             FROM calls WHERE run_id = $1 GROUP BY position, kind ORDER BY position, kind",
        )
        .bind(run_id)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// Adds what pressing a button did to the run that it concerns.
    pub async fn add_calls(&self, run_id: &str, calls: &[Call]) -> Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        tx.calls(run_id, PRESS, calls).await?;
        tx.event("run", run_id).await?;
        tx.commit().await
    }
}

impl Tx<'_> {
    /// Puts calls on record, with what they belong to.
    pub(super) async fn calls(&mut self, run_id: &str, position: i64, calls: &[Call]) -> Result<()> {
        for call in calls {
            let outcome = match call.outcome {
                Outcome::Ok => "ok",
                Outcome::Absent => "absent",
                Outcome::Failed => "failed",
            };
            sqlx::query(
                "INSERT INTO calls (run_id, attempt, position, kind, method, resource, started_at, micros, outcome, error, rows, bytes, calls, operation)
                 VALUES ($1, (SELECT attempt FROM runs WHERE id = $1), $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(run_id)
            .bind(position)
            .bind(call.operation.kind().name())
            .bind(call.operation.method())
            .bind(call.operation.resource())
            .bind(call.started.timestamp_millis())
            .bind(call.duration.as_micros() as i64)
            .bind(outcome)
            .bind(&call.error)
            .bind(call.rows.map(|rows| rows as i64))
            .bind(call.bytes.map(|bytes| bytes as i64))
            .bind(call.count as i64)
            .bind(serde_json::to_string(&call.operation)?)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        }
        self.lineage(run_id, position, calls).await
    }
}
