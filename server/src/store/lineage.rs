//! Lineage on record: what runs made, and of what.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

use showrunner_lake::calls::{Call, Operation, Outcome};
use showrunner_lake::lineage::Job;

use super::{Store, Tx, explain};
use crate::error::Result;

/// Files or days that are listed of what a table was made of.
const LISTED: usize = 100;

/// The jobs that this program knows: digest by the table that they make.
pub(super) type KnownJobs = RwLock<HashMap<String, String>>;

/// A table that a step of a run made a version of.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct LineageRow {
    /// Rises.
    pub id: i64,
    /// The run, or the stream.
    pub run_id: String,
    /// The step's position.
    pub position: i64,
    /// `silver.sessions`
    pub output: String,
    /// Of the job, see [`Store::lineage_job`].
    pub digest: String,
    /// UTC milliseconds.
    pub started_at: i64,
    /// UTC milliseconds.
    pub ended_at: i64,
    /// The newest version that was committed.
    pub version: Option<i64>,
    /// JSON: a list of files or days.
    pub reads: String,
    /// How many there were.
    pub read_count: i64,
}

impl LineageRow {
    /// What was read, the first of them.
    pub fn listed(&self) -> Vec<String> {
        serde_json::from_str(&self.reads).unwrap_or_default()
    }
}

/// An OpenLineage event of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignEvent {
    /// Its run id.
    pub run_id: String,
    /// `START`, `COMPLETE` …
    pub event_type: String,
    /// As it was written.
    pub event_time: String,
    /// Namespace and name of the job.
    pub job: String,
    /// The event.
    pub event: String,
}

const COLUMNS: &str = "id, run_id, position, output, digest, started_at, ended_at, version, reads, read_count";

/// What calls made of one table.
#[derive(Default)]
struct Made {
    started_at: Option<i64>,
    ended_at: i64,
    version: Option<i64>,
    reads: Vec<String>,
    read_count: i64,
}

impl Made {
    fn by(&mut self, call: &Call) {
        let started = call.started.timestamp_millis();
        self.started_at = Some(self.started_at.map_or(started, |before| before.min(started)));
        self.ended_at = self.ended_at.max(started + call.duration.as_millis() as i64);
    }

    fn read(&mut self, what: impl IntoIterator<Item = String>, times: u64) {
        for what in what {
            if !self.reads.contains(&what) {
                self.reads.push(what);
                self.read_count += times.max(1) as i64;
            }
        }
    }
}

/// What these calls made, by table.
fn made(calls: &[Call]) -> BTreeMap<String, Made> {
    let mut all: BTreeMap<String, Made> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.outcome == Outcome::Ok) {
        let mut of = |zone: &str, table: &str, reads: Vec<String>, version: Option<i64>| {
            let made = all.entry(format!("{zone}.{table}")).or_default();
            made.by(call);
            made.read(reads, call.count);
            made.version = made.version.max(version);
        };
        match &call.operation {
            Operation::ReadFile(read) => {
                let file = match read.file.bucket.as_str() {
                    "" => read.file.key.clone(),
                    bucket => format!("gs://{bucket}/{}", read.file.key),
                };
                of("bronze", &read.table, vec![file], None);
            }
            Operation::Transform(transform) if !transform.of.is_empty() => {
                of(transform.zone.name(), &transform.name, vec![transform.of.clone()], None);
            }
            Operation::Load(load) => {
                let dates = load.partitions.iter().map(|partition| partition.date.to_string()).collect();
                of("warehouse", &load.table, dates, None);
            }
            // Rows that go are no rows that were made.
            Operation::Commit(commit) if commit.added > 0 => {
                of(commit.zone.name(), &commit.table, Vec::new(), Some(commit.version));
            }
            _ => {}
        }
    }
    all
}

impl Store {
    /// Puts the jobs that make tables on record: before anything runs, and whenever a dataset is defined or goes.
    pub async fn know_jobs(&self, jobs: &[Job]) -> Result<()> {
        let mut known = HashMap::new();
        let mut tx = self.begin().await?;
        for job in jobs {
            let text = serde_json::to_string(job)?;
            let digest = job.digest();
            sqlx::query(
                "INSERT INTO lineage_jobs (digest, output, job) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING",
            )
            .bind(&digest)
            .bind(&job.output)
            .bind(&text)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
            known.insert(job.key(), digest);
        }
        tx.commit().await?;
        *self.jobs.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// The job of a digest.
    pub async fn lineage_job(&self, digest: &str) -> Result<Option<Job>> {
        let text: Option<String> = sqlx::query_scalar("SELECT job FROM lineage_jobs WHERE digest = $1")
            .bind(digest)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// What a run made, step by step.
    pub async fn lineage_of_run(&self, run_id: &str) -> Result<Vec<LineageRow>> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM lineage WHERE run_id = $1 AND version IS NOT NULL ORDER BY position, id"
        ))
        .bind(run_id)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// The newest record of each table.
    pub async fn newest_lineage(&self) -> Result<Vec<LineageRow>> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM lineage WHERE id IN (SELECT max(id) FROM lineage WHERE version IS NOT NULL GROUP BY output) ORDER BY id"
        ))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// Records that were not told to the endpoint yet, oldest first.
    pub async fn lineage_to_emit(&self, limit: u32) -> Result<Vec<LineageRow>> {
        sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM lineage WHERE version IS NOT NULL AND NOT emitted ORDER BY id LIMIT $1"
        ))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// These were told.
    pub async fn lineage_emitted(&self, ids: &[i64]) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            sqlx::query("UPDATE lineage SET emitted = TRUE WHERE id = $1")
                .bind(id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        tx.commit().await
    }

    /// What a stream or a compaction made outside of any run.
    pub async fn add_lineage(&self, run_id: &str, output: &str, reads: &[String], version: i64) -> Result<()> {
        let now = self.clock.millis();
        let made = Made {
            started_at: Some(now),
            ended_at: now,
            version: Some(version),
            reads: reads.to_vec(),
            read_count: reads.len() as i64,
        };
        let mut tx = self.begin().await?;
        tx.made(run_id, 0, output, made).await?;
        tx.commit().await
    }

    /// Keeps events of others; returns how many were new.
    pub async fn import_lineage(&self, events: &[ForeignEvent]) -> Result<u64> {
        let now = self.clock.millis();
        let mut new = 0;
        let mut tx = self.begin().await?;
        for event in events {
            let done = sqlx::query(
                "INSERT INTO lineage_events (received_at, run_id, event_type, event_time, job, event) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (run_id, event_type, event_time, job) DO NOTHING",
            )
            .bind(now)
            .bind(&event.run_id)
            .bind(&event.event_type)
            .bind(&event.event_time)
            .bind(&event.job)
            .bind(&event.event)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
            new += done.rows_affected();
        }
        if new > 0 {
            tx.event("lake", "lineage").await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    /// What others told is forgotten, as everything that came from outside is by a reset of all.
    pub async fn forget_imported_lineage(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM lineage_events").execute(&mut *tx.inner).await.map_err(explain)?;
        tx.event("lake", "lineage").await?;
        tx.commit().await
    }

    /// The newest event of each job of others.
    pub async fn imported_lineage(&self, limit: u32) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT event FROM lineage_events
             WHERE id IN (SELECT max(id) FROM lineage_events WHERE event_type IN ('COMPLETE', 'OTHER', 'RUNNING') GROUP BY job)
             ORDER BY id DESC LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }
}

impl Tx<'_> {
    /// Records what calls made; each table that no job of this program makes is left out.
    pub(super) async fn lineage(&mut self, run_id: &str, position: i64, calls: &[Call]) -> Result<()> {
        for (output, made) in made(calls) {
            self.made(run_id, position, &output, made).await?;
        }
        Ok(())
    }

    async fn made(&mut self, run_id: &str, position: i64, output: &str, mut made: Made) -> Result<()> {
        let known = self.store.jobs.read().unwrap_or_else(PoisonError::into_inner).get(output).cloned();
        let Some(digest) = known else { return Ok(()) };
        let before: Option<(String, i64)> =
            sqlx::query_as("SELECT reads, read_count FROM lineage WHERE run_id = $1 AND position = $2 AND output = $3")
                .bind(run_id)
                .bind(position)
                .bind(output)
                .fetch_optional(&mut *self.inner)
                .await
                .map_err(explain)?;
        let (mut reads, mut count): (Vec<String>, i64) = match before {
            Some((reads, count)) => (serde_json::from_str(&reads).unwrap_or_default(), count),
            None => (Vec::new(), 0),
        };
        let known = made.reads.iter().filter(|read| reads.contains(read)).count() as i64;
        count += made.read_count - known;
        made.reads.retain(|read| !reads.contains(read));
        reads.extend(made.reads);
        reads.truncate(LISTED);
        let started = made.started_at.unwrap_or(made.ended_at);
        sqlx::query(
            "INSERT INTO lineage (run_id, position, output, digest, started_at, ended_at, version, reads, read_count)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (run_id, position, output) DO UPDATE SET
               digest = excluded.digest,
               ended_at = excluded.ended_at,
               version = coalesce(excluded.version, lineage.version),
               reads = excluded.reads,
               read_count = excluded.read_count,
               emitted = FALSE",
        )
        .bind(run_id)
        .bind(position)
        .bind(output)
        .bind(digest)
        .bind(started)
        .bind(made.ended_at)
        .bind(made.version)
        .bind(serde_json::to_string(&reads)?)
        .bind(count)
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(())
    }
}
