//! Gold: the days' aggregates in one go for each customer, and the tables that span days from all of a customer's days.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use crate::calls;
use crate::delta::{Current, LiveFile, PartitionKey, Table};
use crate::model::{Day, ProgressSink, RuleEffect, ZoneOutcome};
use crate::silver::{find, partition};
use crate::transform::{Reads, Rows};
use crate::zone::{DayCounter, Parts, by_date, read_columns, sum_rules, write_part};
use crate::{Error, ErrorKind, Result, transform};

/// Rows of silver that are in memory at a time for the tables by day: about a week of the show's data, or 100 MB.
const ROWS_AT_A_TIME: u64 = 500_000;

/// What a call of gold works with.
pub(crate) struct Gold {
    pub silver: Vec<Arc<Table>>,
    pub tables: Vec<Arc<Table>>,
}

/// The partition of a table that spans days.
pub(crate) fn spanning_partition(customer: &str) -> PartitionKey {
    vec![("customer".to_owned(), customer.to_owned())]
}

/// Whether a table spans days.
pub(crate) fn spans(table: &Table) -> bool {
    table.shape.partition == ["customer"]
}

impl Gold {
    /// See [`crate::Lake::gold`].
    pub async fn run(self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome> {
        let started = Instant::now();
        let mut writers = Vec::new();
        for table in &self.tables {
            writers.push(table.writer().await);
        }
        let mut customers: BTreeMap<&str, Vec<NaiveDate>> = BTreeMap::new();
        for day in days {
            customers.entry(&day.customer).or_default().push(day.date);
        }
        let by_day: Vec<PartitionKey> = days.iter().map(partition).collect();
        let spanning: Vec<PartitionKey> = customers.keys().map(|c| spanning_partition(c)).collect();
        self.sweep(run_id, &by_day, &spanning).await?;
        let done = self.compute(run_id, &customers, &by_day, &spanning, progress).await;
        if done.is_err() {
            self.sweep(run_id, &by_day, &spanning).await?;
        }
        let mut outcome = done?;
        outcome.seconds = started.elapsed().as_secs_f64();
        Ok(outcome)
    }

    async fn sweep(&self, run_id: &str, by_day: &[PartitionKey], spanning: &[PartitionKey]) -> Result<()> {
        let of = |table: &Table| if spans(table) { spanning } else { by_day };
        let sweeps = self.tables.iter().map(|table| table.sweep_orphans(run_id, of(table)));
        futures::future::try_join_all(sweeps).await.map(drop)
    }

    async fn compute(
        &self,
        run_id: &str,
        customers: &BTreeMap<&str, Vec<NaiveDate>>,
        by_day: &[PartitionKey],
        spanning: &[PartitionKey],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<ZoneOutcome> {
        let counter = Arc::new(DayCounter::new(progress, by_day.len()));
        let snapshot = Arc::new(Snapshot::take(&self.silver).await?);
        let parts = Arc::new(Parts::default());
        let mut outcome = ZoneOutcome::default();
        for (customer, dates) in customers {
            counter.check()?;
            let dates: BTreeSet<NaiveDate> = dates.iter().copied().collect();
            // Beside the tables that span days: neither needs the other.
            let by_day = self.days(run_id, &snapshot, customer, &dates, &parts, &counter);
            let key = spanning_partition(customer);
            let of_customer = |f: &LiveFile| f.is_in(&key);
            let all_days = self.spanning(run_id, &snapshot, customer, &of_customer, &parts);
            let (rules, spanning_rules) = tokio::try_join!(by_day, all_days)?;
            sum_rules(&mut outcome.rules, rules);
            sum_rules(&mut outcome.rules, spanning_rules);
            counter.check()?;
        }
        // A commit waits for the disk most of the time.
        let commits =
            self.tables.iter().map(|table| parts.commit(table, if spans(table) { spanning } else { by_day }, run_id));
        outcome.tables = futures::future::try_join_all(commits).await?;
        Ok(outcome)
    }

    /// The tables by day, some days at a time, so that memory stays bounded.
    async fn days(
        &self,
        run_id: &str,
        snapshot: &Arc<Snapshot>,
        customer: &str,
        dates: &BTreeSet<NaiveDate>,
        parts: &Arc<Parts>,
        counter: &Arc<DayCounter>,
    ) -> Result<Vec<RuleEffect>> {
        let key = spanning_partition(customer);
        let mut rules = Vec::new();
        for chunk in snapshot.chunks(&key, dates) {
            counter.check()?;
            let what = days_of(customer, &chunk);
            let (snapshot, parts, counter) = (snapshot.clone(), parts.clone(), counter.clone());
            let (tables, key, run_id, customer) =
                (self.tables.clone(), key.clone(), run_id.to_owned(), customer.to_owned());
            let work = async move {
                let of_days = |f: &LiveFile| f.is_in(&key) && f.date().is_some_and(|d| chunk.contains(&d));
                let rows = snapshot.rows(transform::gold_day_reads()?, &of_days).await?;
                let result = transform::gold_days(rows).await?;
                let mut written = 0;
                for (name, batches) in &result.tables {
                    let table = find(&tables, name)?;
                    for (date, batches) in by_date(batches)? {
                        let day =
                            vec![("date".to_owned(), date.to_string()), ("customer".to_owned(), customer.clone())];
                        let part = write_part(table, &day, &run_id, &batches)?;
                        written += part.as_ref().map_or(0, |p| p.rows);
                        parts.add(name, part);
                    }
                }
                counter.done(chunk.len() as u64, written);
                Ok(result.rules)
            };
            sum_rules(&mut rules, calls::about(what, spawned(work)).await?);
        }
        Ok(rules)
    }

    async fn spanning(
        &self,
        run_id: &str,
        snapshot: &Snapshot,
        customer: &str,
        keep: &(dyn Fn(&LiveFile) -> bool + Send + Sync),
        parts: &Arc<Parts>,
    ) -> Result<Vec<RuleEffect>> {
        let rows = snapshot.rows(transform::gold_spanning_reads()?, keep).await?;
        let (tables, parts, run_id, key) =
            (self.tables.clone(), parts.clone(), run_id.to_owned(), spanning_partition(customer));
        let work = async move {
            let result = transform::gold_spanning(rows).await?;
            for (name, batches) in &result.tables {
                parts.add(name, write_part(find(&tables, name)?, &key, &run_id, batches)?);
            }
            Ok(result.rules)
        };
        calls::about(format!("all days, {customer}"), spawned(work)).await
    }

    /// Recomputes the tables that span days without these days, whatever silver still holds of them.
    pub async fn recompute_without(&self, run_id: &str, customer: &str, gone: &[NaiveDate]) -> Result<()> {
        let tables: Vec<&Arc<Table>> = self.tables.iter().filter(|t| spans(t)).collect();
        let partitions = [spanning_partition(customer)];
        let mut writers = Vec::new();
        for table in &tables {
            writers.push(table.writer().await);
            table.sweep_orphans(run_id, &partitions).await?;
        }
        let snapshot = Snapshot::take(&self.silver).await?;
        let parts = Arc::new(Parts::default());
        let keep = |f: &LiveFile| f.is_in(&partitions[0]) && !f.date().is_some_and(|d| gone.contains(&d));
        self.spanning(run_id, &snapshot, customer, &keep, &parts).await?;
        for table in tables {
            parts.commit(table, &partitions, run_id).await?;
        }
        Ok(())
    }
}

/// `2017-07-29, customer01` or `2017-06-01 to 2017-07-28, customer01`
fn days_of(customer: &str, dates: &BTreeSet<NaiveDate>) -> String {
    match (dates.first(), dates.last()) {
        (Some(first), Some(last)) if first != last => format!("{first} to {last}, {customer}"),
        (Some(day), _) => format!("{day}, {customer}"),
        _ => customer.to_owned(),
    }
}

/// Computes in a task of its own, on another core if there is one; given up with the caller.
async fn spawned<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let mut task = tokio::task::JoinSet::new();
    task.spawn(calls::carried(work));
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(e)) => Err(Error::with(ErrorKind::Internal, format!("The transform stopped unexpectedly: {e}"), e)),
        None => Err(Error::new(ErrorKind::Internal, "The transform never began.")),
    }
}

/// The versions of silver's tables that one call reads.
struct Snapshot(Vec<(Arc<Table>, Arc<Current>)>);

impl Snapshot {
    async fn take(silver: &[Arc<Table>]) -> Result<Self> {
        let mut tables = Vec::new();
        for table in silver {
            tables.push((table.clone(), table.current().await?));
        }
        Ok(Snapshot(tables))
    }

    /// The days in groups of at most [`ROWS_AT_A_TIME`] rows, or one day.
    fn chunks(&self, key: &PartitionKey, dates: &BTreeSet<NaiveDate>) -> Vec<BTreeSet<NaiveDate>> {
        let mut rows: BTreeMap<NaiveDate, u64> = dates.iter().map(|date| (*date, 0)).collect();
        for file in self.0.iter().flat_map(|(_, current)| &current.files).filter(|f| f.is_in(key)) {
            if let Some(sum) = file.date().and_then(|date| rows.get_mut(&date)) {
                *sum += file.rows;
            }
        }
        let mut chunks: Vec<BTreeSet<NaiveDate>> = Vec::new();
        let mut room = 0;
        for (date, rows) in rows {
            if rows > room || chunks.is_empty() {
                chunks.push(BTreeSet::new());
                room = ROWS_AT_A_TIME;
            }
            room = room.saturating_sub(rows);
            if let Some(chunk) = chunks.last_mut() {
                chunk.insert(date);
            }
        }
        chunks
    }

    /// The rows of the kept files with the columns that are read, straight from the files: a Delta provider would cost as much as
    /// the table has files. Read by as many tasks as there are cores, which are the parts of the result.
    async fn rows(&self, reads: &Reads, keep: &(dyn Fn(&LiveFile) -> bool + Send + Sync)) -> Result<Rows> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut rows = Rows::new();
        for (name, schema) in reads {
            let (table, current) = self
                .0
                .iter()
                .find(|(table, _)| table.shape.name == *name)
                .ok_or_else(|| Error::new(ErrorKind::Internal, format!("The lake has no table silver.{name}.")))?;
            let files: Vec<LiveFile> = current.files.iter().filter(|f| keep(f)).cloned().collect();
            let parts = files.chunks(files.len().div_ceil(cores).max(1)).map(|files| {
                let (table, schema, files) = (table.clone(), schema.clone(), files.to_vec());
                spawned(async move { files.iter().map(|file| read_columns(&table, file, &schema)).collect() })
            });
            let parts: Vec<Vec<RecordBatch>> = futures::future::try_join_all(parts).await?;
            rows.push(if parts.is_empty() { vec![Vec::new()] } else { parts });
        }
        Ok(rows)
    }
}
