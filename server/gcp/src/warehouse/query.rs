//! Queries, as ourselves or as a person.

use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use serde_json::{Value, json};
use showrunner_lake::{Error, ErrorKind, Result};

use super::BigQueryWarehouse;
use super::jobs::{Jobs, failure, id_of, is_done, job_id, nonce, number, query};
use super::rows::Columns;
use crate::Access;
use crate::rest::Call;

/// Rows of one page at most; BigQuery also ends a page at 10 MB.
const PAGE: usize = 10_000;
/// How long one request waits for the query's end.
const WAIT: Duration = Duration::from_secs(10);

/// The pause between two looks all the same.
const LOOK: Duration = Duration::from_millis(50);

/// What a query may take.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// Rows fetched at most.
    pub rows: usize,
    /// From sending it to the last row; then it is cancelled.
    pub timeout: Duration,
    /// BigQuery refuses the query, free of charge, when it would bill more bytes than this.
    pub maximum_bytes_billed: Option<u64>,
}

/// What a query cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryCost {
    /// Google's job id.
    pub job: String,
    /// Bytes read.
    pub bytes_processed: u64,
    /// Bytes paid for: rounded up, and nothing for what comes from the cache.
    pub bytes_billed: u64,
    /// Whether the answer came from BigQuery's cache.
    pub cache_hit: bool,
}

/// A query's rows.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its columns; none for a statement without rows.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
    /// Rows of the whole answer, fetched or not.
    pub total_rows: u64,
    /// What it cost.
    pub cost: QueryCost,
}

/// A job that is cancelled unless it was seen to end: whoever stops waiting stops paying.
struct Running {
    jobs: Jobs,
    id: String,
    ended: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (jobs, id) = (self.jobs.clone(), self.id.clone());
            runtime.spawn(async move {
                if let Err(error) = jobs.cancel(&id).await {
                    tracing::warn!(%error, "a query that nobody waits for may run on until its own deadline");
                }
            });
        }
    }
}

impl BigQueryWarehouse {
    /// Runs a query as `who`: [`Access::person`] for somebody's own token, so that BigQuery itself decides what they see.
    /// Dropped or late, it is cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] and [`ErrorKind::NotFound`] for what is wrong with it, [`ErrorKind::Denied`], [`ErrorKind::Timeout`],
    /// [`ErrorKind::TooLarge`] beyond `maximum_bytes_billed`.
    pub async fn query(&self, who: &Access, sql: &str, limits: &QueryLimits) -> Result<Answer> {
        self.answer(self.asked_by(who), query(sql), limits).await
    }

    /// Runs a query that is described as BigQuery's jobs are.
    pub(super) async fn answer(&self, jobs: Jobs, configuration: Value, limits: &QueryLimits) -> Result<Answer> {
        let mut running = Running { jobs: jobs.clone(), id: job_id("query", &[&nonce()]), ended: false };
        let work = fetch(&jobs, &mut running, configuration, limits);
        match tokio::time::timeout(limits.timeout, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let (id, seconds) = (&running.id, limits.timeout.as_secs_f64());
                let message =
                    format!("The query took longer than {seconds} s and is being cancelled. (Google's job {id})");
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }

    /// The bytes that a query would read, free of charge and without running it.
    ///
    /// # Errors
    /// Those of [`BigQueryWarehouse::query`].
    pub async fn dry_run(&self, who: &Access, sql: &str) -> Result<u64> {
        let job = self.asked_by(who).dry_run("estimate the query", query(sql)).await?;
        let bytes = number(&job, "/statistics/totalBytesProcessed");
        bytes.or_else(|| number(&job, "/statistics/query/totalBytesProcessed")).ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                "Could not estimate the query: Google's answer does not say how many bytes it reads.",
            )
        })
    }

    pub(super) fn asked_by(&self, who: &Access) -> Jobs {
        Jobs { rest: self.jobs.rest.asked_by(who.clone()), ..self.jobs.clone() }
    }

    /// Cells of a small query of ours, as REST spells them.
    pub(super) async fn rows(&self, action: &str, sql: &str) -> Result<Vec<Vec<Value>>> {
        let job = self.jobs.run(action, &job_id("query", &[&nonce()]), json!({"query": query(sql)})).await?;
        let (mut rows, mut token) = (Vec::new(), None);
        loop {
            let page = page(&self.jobs, action, id_of(&job), PAGE, token.as_deref()).await?;
            let found = page.get("rows").and_then(Value::as_array);
            rows.extend(found.into_iter().flatten().map(|row| {
                let cells = row.get("f").and_then(Value::as_array);
                cells.into_iter().flatten().map(|cell| cell.get("v").cloned().unwrap_or_default()).collect()
            }));
            token = page.get("pageToken").and_then(Value::as_str).map(str::to_owned);
            if token.is_none() {
                return Ok(rows);
            }
        }
    }
}

async fn page(jobs: &Jobs, action: &str, id: &str, rows: usize, token: Option<&str>) -> Result<Value> {
    let mut call = Call::get(action, &["projects", &jobs.project, "queries", id])
        .with("location", &jobs.location)
        .with("maxResults", rows.to_string())
        .with("timeoutMs", WAIT.as_millis().to_string())
        // Microseconds; the default is a float, which cannot hold them.
        .with("formatOptions.useInt64Timestamp", "true");
    if let Some(token) = token {
        call = call.with("pageToken", token);
    }
    jobs.rest.send(call).await
}

async fn fetch(jobs: &Jobs, running: &mut Running, mut configuration: Value, limits: &QueryLimits) -> Result<Answer> {
    let action = "run the query";
    if let Some(bytes) = limits.maximum_bytes_billed {
        configuration["maximumBytesBilled"] = Value::from(bytes.to_string());
    }
    let job = jobs.submit(action, &running.id, json!({"query": configuration}), limits.timeout).await?;
    if is_done(&job) {
        running.ended = true;
        if let Some(error) = failure(action, &job) {
            return Err(error);
        }
    }
    let (mut columns, mut batches, mut fetched, mut token) = (Columns::default(), Vec::new(), 0, None);
    let total_rows = loop {
        let wanted = (limits.rows - fetched).clamp(1, PAGE);
        let page = match page(jobs, action, &running.id, wanted, token.as_deref()).await {
            Ok(page) => page,
            Err(error) => return Err(explained(jobs, running, action, error).await),
        };
        if page.get("jobComplete").and_then(Value::as_bool) == Some(false) {
            tokio::time::sleep(LOOK).await; // Google has waited already; nobody else has to
            continue;
        }
        running.ended = true;
        if columns.is_empty() {
            columns = Columns::of(page.get("schema"))?;
            // An answer with errors instead of columns is none, whatever its HTTP status says.
            if let Some(error) = page.pointer("/errors/0").filter(|_| columns.is_empty()) {
                let job = json!({"jobReference": {"jobId": running.id}, "status": {"errorResult": error}});
                if let Some(error) = failure(action, &job) {
                    return Err(error);
                }
            }
        }
        let rows = page.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let rows = &rows[..rows.len().min(limits.rows - fetched)];
        batches.extend(columns.batches(rows)?);
        fetched += rows.len();
        token = page.get("pageToken").and_then(Value::as_str).map(str::to_owned);
        if token.is_none() || fetched >= limits.rows {
            break number(&page, "/totalRows").unwrap_or(fetched as u64);
        }
    };
    let ended = jobs.get(action, &running.id).await?.unwrap_or(job);
    let bytes = |name: &str| number(&ended, &format!("/statistics/query/{name}")).unwrap_or_default();
    let cost = QueryCost {
        job: running.id.clone(),
        bytes_processed: bytes("totalBytesProcessed"),
        bytes_billed: bytes("totalBytesBilled"),
        cache_hit: ended.pointer("/statistics/query/cacheHit").and_then(Value::as_bool).unwrap_or_default(),
    };
    Ok(Answer { schema: columns.schema(), batches, total_rows, cost })
}

/// The job knows better why there are no rows than the request for them does.
async fn explained(jobs: &Jobs, running: &mut Running, action: &str, error: Error) -> Error {
    match jobs.get(action, &running.id).await {
        Ok(Some(job)) if is_done(&job) => {
            running.ended = true;
            failure(action, &job).unwrap_or(error)
        }
        _ => error,
    }
}
