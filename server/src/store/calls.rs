//! The call log of runs and streams.

use showrunner_lake::calls::{Call, Operation, Outcome};

use super::{Store, StreamRow, Tx, explain};
use crate::error::Result;

/// The position of what pressing the button did, before the run's first step.
pub const PRESS: i64 = -1;

/// Calls of which one stands for a run: those that changed something.
const TELLING: &str = "('objects.put', 'objects.put_stream', 'objects.copy', 'topics.seek_to_now', 'delta.commit', 'delta.purge', 'warehouse.load')";

/// Those of a stream.
const TELLING_OF_STREAM: &str = "('topics.publish', 'delta.commit', 'topics.acknowledge')";

/// A call, or several of the same shape. Times are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct CallRow {
    /// Rises.
    pub id: i64,
    /// The attempt of the run or the stream.
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

/// Calls of a step of a stream that are to be put on record.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamCalls {
    /// The step's position, or [`PRESS`].
    pub position: i64,
    /// Made since the last time.
    pub fresh: Vec<Call>,
    /// Only counted, as they are by now: each with the id under which it stands already.
    pub counted: Vec<(Option<i64>, Call)>,
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
        let telling = if StreamRow::is_id(run_id) { TELLING_OF_STREAM } else { TELLING };
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM calls
             WHERE id IN (SELECT min(id) FROM calls WHERE run_id = $1 AND outcome = 'ok' AND method IN {telling} GROUP BY method)
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

    /// Puts on record what a stream executed; returns for each step the ids of what is only counted. Told to nobody while the stream is
    /// under way: it has no end of news.
    pub async fn add_stream_calls(&self, stream: &str, steps: &[StreamCalls]) -> Result<Vec<Vec<i64>>> {
        let mut tx = self.begin().await?;
        let mut ids = Vec::new();
        for step in steps {
            for call in &step.fresh {
                tx.call(stream, step.position, call).await?;
            }
            let mut counted = Vec::new();
            for (known, call) in &step.counted {
                counted.push(match known {
                    Some(id) => tx.recount(*id, call).await?,
                    None => tx.call(stream, step.position, call).await?,
                });
            }
            ids.push(counted);
        }
        let ended: Option<String> = sqlx::query_scalar("SELECT id FROM streams WHERE id = $1 AND state = 'ended'")
            .bind(stream)
            .fetch_optional(&mut *tx.inner)
            .await
            .map_err(explain)?;
        if ended.is_some() {
            tx.event("stream", stream).await?;
        }
        tx.commit().await?;
        Ok(ids)
    }
}

impl Tx<'_> {
    /// Puts calls on record, with what they belong to.
    pub(super) async fn calls(&mut self, run_id: &str, position: i64, calls: &[Call]) -> Result<()> {
        for call in calls {
            self.call(run_id, position, call).await?;
        }
        self.lineage(run_id, position, calls).await
    }

    /// One call of a run or a stream that there is; returns its id.
    async fn call(&mut self, run_id: &str, position: i64, call: &Call) -> Result<i64> {
        let outcome = match call.outcome {
            Outcome::Ok => "ok",
            Outcome::Absent => "absent",
            Outcome::Failed => "failed",
        };
        sqlx::query_scalar(
            "INSERT INTO calls (run_id, attempt, position, kind, method, resource, started_at, micros, outcome, error, rows, bytes, calls, operation)
             VALUES ($1, coalesce((SELECT attempt FROM runs WHERE id = $1), (SELECT attempt FROM streams WHERE id = $1)),
                     $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING id",
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
        .fetch_one(&mut *self.inner)
        .await
        .map_err(explain)
    }

    /// More calls stand behind a line by now, and its operation is the last of them.
    async fn recount(&mut self, id: i64, call: &Call) -> Result<i64> {
        sqlx::query(
            "UPDATE calls SET resource = $2, micros = $3, error = $4, rows = $5, bytes = $6, calls = $7, operation = $8 WHERE id = $1",
        )
        .bind(id)
        .bind(call.operation.resource())
        .bind(call.duration.as_micros() as i64)
        .bind(&call.error)
        .bind(call.rows.map(|rows| rows as i64))
        .bind(call.bytes.map(|bytes| bytes as i64))
        .bind(call.count as i64)
        .bind(serde_json::to_string(&call.operation)?)
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(id)
    }
}
