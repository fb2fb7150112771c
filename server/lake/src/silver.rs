//! Silver: each day is computed from its bronze rows, two days at a time, and one commit for each table shows them all.

use std::sync::Arc;
use std::time::Instant;

use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt};

use crate::delta::{PartitionKey, Table};
use crate::model::{Day, ProgressSink, ZoneOutcome};
use crate::zone::{DayCounter, Parts, sum_rules, write_part};
use crate::{Error, ErrorKind, Result, bronze, query, transform};

/// Partition of a day in silver and gold.
pub(crate) fn partition(day: &Day) -> PartitionKey {
    vec![("date".to_owned(), day.date.to_string()), ("customer".to_owned(), day.customer.clone())]
}

/// What a call of silver works with.
pub(crate) struct Silver {
    pub bronze: Arc<Table>,
    pub tables: Vec<Arc<Table>>,
    pub context: SessionContext,
    pub workers: usize,
}

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
        for table in &self.tables {
            table.sweep_orphans(run_id, partitions).await?;
        }
        Ok(())
    }

    async fn compute(
        &self,
        run_id: &str,
        days: &[Day],
        partitions: &[PartitionKey],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<ZoneOutcome> {
        let current = self.bronze.current().await?;
        let counter = Arc::new(DayCounter::new(progress, days.len()));
        let parts = Arc::new(Parts::default());
        let mut outcome = ZoneOutcome::default();
        let mut tasks = Vec::new();
        for day in days {
            let of_day = bronze::partition(day);
            let rows = query::provider(&self.context, &current, Some(&move |f| f.is_in(&of_day))).await?;
            let (day, run_id, tables, counter, parts) =
                (day.clone(), run_id.to_owned(), self.tables.clone(), counter.clone(), parts.clone());
            tasks.push(async move {
                counter.check()?;
                // A task of its own: days run on different threads.
                tokio::spawn(async move {
                    let result = transform::silver_day(rows, &day.customer, day.date).await?;
                    let mut written = 0;
                    for (name, batches) in &result.tables {
                        let table = find(&tables, name)?;
                        let part = write_part(table, &partition(&day), &run_id, batches)?;
                        written += part.as_ref().map_or(0, |p| p.rows);
                        parts.add(name, part);
                    }
                    counter.done(1, written);
                    Ok::<_, Error>(result.rules)
                })
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
        for table in &self.tables {
            outcome.tables.push(parts.commit(table, partitions, run_id).await?);
        }
        Ok(outcome)
    }
}

/// The table of this name.
pub(crate) fn find<'a>(tables: &'a [Arc<Table>], name: &str) -> Result<&'a Arc<Table>> {
    tables
        .iter()
        .find(|t| t.shape.name == name)
        .ok_or_else(|| Error::new(ErrorKind::Internal, format!("The lake has no table {name}.")))
}
