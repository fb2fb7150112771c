//! Silver: each day is computed from its bronze rows, two days at a time, and one commit for each table shows them all.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::calls;
use crate::delta::{LiveFile, PartitionKey, Table, io_error};
use crate::model::{Day, ProgressSink, RuleEffect, ZoneOutcome};
use crate::transform::DefinedPlan;
use crate::zone::{DayCounter, Parts, damaged, read_columns, sum_rules, write_part};
use crate::{Error, ErrorKind, Result, bronze, transform};

/// Rows read at a time; a usual day is one batch.
const READ_BATCH: usize = 4096;

/// Partition of a day in silver and gold.
pub(crate) fn partition(day: &Day) -> PartitionKey {
    vec![("date".to_owned(), day.date.to_string()), ("customer".to_owned(), day.customer.clone())]
}

/// How a day is computed.
#[derive(Clone)]
pub(crate) enum Rows {
    /// Silver of the sessions.
    Sessions,
    /// Silver of a dataset that an admin defined.
    Silver(Arc<DefinedPlan>),
    /// Its gold.
    Gold(Arc<DefinedPlan>),
}

/// What a call of silver works with, and of gold where it is computed day by day.
pub(crate) struct Silver {
    /// What is read.
    pub from: Arc<Table>,
    pub tables: Vec<Arc<Table>>,
    pub rows: Rows,
    pub workers: usize,
}

impl Rows {
    /// The partition that a day is read from.
    fn partition(&self, day: &Day) -> PartitionKey {
        match self {
            Rows::Sessions | Rows::Silver(_) => bronze::partition(day),
            Rows::Gold(_) => partition(day),
        }
    }

    /// The rows of each table, and what the rules touched.
    async fn of_day(&self, from: &Table, files: &[LiveFile], key: &PartitionKey, to: &[Arc<Table>]) -> Result<OfDay> {
        let read = |schema| files.iter().map(|f| read_columns(from, f, schema)).collect::<Result<Vec<_>>>();
        let name = to.first().map(|table| table.shape.name.clone()).unwrap_or_default();
        match self {
            Rows::Sessions => {
                let result = transform::silver_rows(&read_day(from, files, key)?).await?;
                let tables = result.tables.into_iter().map(|(name, rows)| (name.to_owned(), rows));
                Ok((tables.collect(), result.rules))
            }
            Rows::Silver(plan) => {
                let (rows, rules) = plan.silver(&name, &read(plan.bronze_schema())?).await?;
                Ok((vec![(name, rows)], rules))
            }
            Rows::Gold(plan) => Ok((vec![(name, plan.gold(read(plan.silver_schema())?).await?)], Vec::new())),
        }
    }
}

/// Rows by table, and what the rules touched.
type OfDay = (Vec<(String, Vec<RecordBatch>)>, Vec<RuleEffect>);

impl Silver {
    /// See [`crate::Lake::silver`].
    pub async fn run(self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome> {
        let started = Instant::now();
        let mut writers = Vec::new();
        for table in &self.tables {
            writers.push(table.writer().await);
        }
        let partitions: Vec<PartitionKey> = days.iter().map(partition).collect();
        self.sweep(run_id, &partitions).await?;
        let done = self.compute(run_id, days, &partitions, progress).await;
        if done.is_err() {
            self.sweep(run_id, &partitions).await?;
        }
        let mut outcome = done?;
        outcome.seconds = started.elapsed().as_secs_f64();
        Ok(outcome)
    }

    async fn sweep(&self, run_id: &str, partitions: &[PartitionKey]) -> Result<()> {
        let sweeps = self.tables.iter().map(|table| table.sweep_orphans(run_id, partitions));
        futures::future::try_join_all(sweeps).await.map(drop)
    }

    async fn compute(
        &self,
        run_id: &str,
        days: &[Day],
        partitions: &[PartitionKey],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<ZoneOutcome> {
        let current = self.from.current().await?;
        let counter = Arc::new(DayCounter::new(progress, days.len()));
        let parts = Arc::new(Parts::default());
        let mut outcome = ZoneOutcome::default();
        let mut tasks = Vec::new();
        for day in days {
            let of_day = self.rows.partition(day);
            let files: Vec<LiveFile> = current.files.iter().filter(|f| f.is_in(&of_day)).cloned().collect();
            let (from, rows, day, run_id, tables, counter, parts) = (
                self.from.clone(),
                self.rows.clone(),
                day.clone(),
                run_id.to_owned(),
                self.tables.clone(),
                counter.clone(),
                parts.clone(),
            );
            tasks.push(async move {
                counter.check()?;
                // A task of its own: days run on different threads.
                let what = format!("{}, {}", day.date, day.customer);
                tokio::spawn(calls::about(what, async move {
                    let (result, rules) = rows.of_day(&from, &files, &of_day, &tables).await?;
                    let mut written = 0;
                    for (name, batches) in &result {
                        let table = find(&tables, name)?;
                        let part = write_part(table, &partition(&day), &run_id, batches)?;
                        written += part.as_ref().map_or(0, |p| p.rows);
                        parts.add(name, part);
                    }
                    counter.done(1, written);
                    Ok::<_, Error>(rules)
                }))
                .await
                .map_err(|e| Error::with(ErrorKind::Internal, format!("The transform stopped unexpectedly: {e}"), e))?
            });
        }
        // In the order of the days, so that the rules come out the same each time.
        let mut finished = futures::stream::iter(tasks).buffered(self.workers.max(1));
        while let Some(rules) = finished.try_next().await? {
            sum_rules(&mut outcome.rules, rules);
        }
        counter.check()?;
        // A commit waits for the disk most of the time.
        let commits = self.tables.iter().map(|table| parts.commit(table, partitions, run_id));
        outcome.tables = futures::future::try_join_all(commits).await?;
        Ok(outcome)
    }
}

/// A day's rows of bronze, only the columns that silver reads: a fifth of them, nested ones included. Straight from its files: a
/// Delta provider for each day would cost as much as the table has files.
fn read_day(table: &Table, files: &[LiveFile], partition: &PartitionKey) -> Result<RecordBatch> {
    let constants: Vec<(&str, &str)> = partition.iter().map(|(c, v)| (c.as_str(), v.as_str())).collect();
    let mut batches = Vec::new();
    for file in files {
        let path = table.dir().join(&file.path);
        let opened = File::open(&path).map_err(|e| io_error("reading", &path, e))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| damaged(&path, &e))?;
        let leaves = builder.parquet_schema().columns().iter().enumerate();
        let wanted = leaves.filter(|(_, leaf)| transform::bronze_reads(leaf.path().parts())).map(|(at, _)| at);
        let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted);
        let reader = builder.with_projection(mask).with_batch_size(READ_BATCH).build();
        for batch in reader.map_err(|e| damaged(&path, &e))? {
            batches.push(transform::narrow_bronze(&batch.map_err(|e| damaged(&path, &e))?, &constants)?);
        }
    }
    match batches.len() {
        1 => Ok(batches.remove(0)),
        _ => concat_batches(&transform::bronze_read_schema(), &batches)
            .map_err(|e| Error::with(ErrorKind::Internal, "The rows of a day could not be put together.", e)),
    }
}

/// The table of this name.
pub(crate) fn find<'a>(tables: &'a [Arc<Table>], name: &str) -> Result<&'a Arc<Table>> {
    tables
        .iter()
        .find(|t| t.shape.name == name)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("The lake has no table {name}.")))
}
