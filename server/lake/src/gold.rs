//! Gold: the days' aggregates in one go for each customer, and the tables that span days from all of a customer's days.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;

use crate::delta::{Current, LiveFile, PartitionKey, Table};
use crate::model::{Day, ProgressSink, ZoneOutcome};
use crate::silver::{find, partition};
use crate::transform::SilverTables;
use crate::zone::{DayCounter, Parts, by_date, sum_rules, write_part};
use crate::{Error, ErrorKind, Result, query, transform};

/// What a call of gold works with.
pub(crate) struct Gold {
    pub silver: Vec<Arc<Table>>,
    pub tables: Vec<Arc<Table>>,
    pub context: SessionContext,
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
        for table in &self.tables {
            table.sweep_orphans(run_id, if spans(table) { spanning } else { by_day }).await?;
        }
        Ok(())
    }

    async fn compute(
        &self,
        run_id: &str,
        customers: &BTreeMap<&str, Vec<NaiveDate>>,
        by_day: &[PartitionKey],
        spanning: &[PartitionKey],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<ZoneOutcome> {
        let counter = DayCounter::new(progress, by_day.len());
        let snapshot = Snapshot::take(&self.silver).await?;
        let parts = Parts::default();
        let mut outcome = ZoneOutcome::default();
        for (customer, dates) in customers {
            counter.check()?;
            let key = spanning_partition(customer);
            let of_days = |f: &LiveFile| f.is_in(&key) && f.date().is_some_and(|d| dates.contains(&d));
            // Beside the tables that span days: neither needs the other.
            let silver = snapshot.tables(&self.context, &of_days).await?;
            let (owner, of) = ((*customer).to_owned(), dates.clone());
            let by_day = spawned(async move { transform::gold_days(&silver, &owner, &of).await });
            let of_customer = |f: &LiveFile| f.is_in(&key);
            let all_days = self.spanning(run_id, &snapshot, customer, &of_customer, &parts);
            let (result, spanning_rules) = tokio::try_join!(by_day, all_days)?;
            let mut written = 0;
            for (name, batches) in &result.tables {
                let table = find(&self.tables, name)?;
                for (date, batches) in by_date(batches)? {
                    let day =
                        vec![("date".to_owned(), date.to_string()), ("customer".to_owned(), (*customer).to_owned())];
                    let part = write_part(table, &day, run_id, &batches)?;
                    written += part.as_ref().map_or(0, |p| p.rows);
                    parts.add(name, part);
                }
            }
            sum_rules(&mut outcome.rules, result.rules);
            sum_rules(&mut outcome.rules, spanning_rules);
            counter.check()?;
            counter.done(dates.len() as u64, written);
        }
        // A commit waits for the disk most of the time.
        let commits =
            self.tables.iter().map(|table| parts.commit(table, if spans(table) { spanning } else { by_day }, run_id));
        outcome.tables = futures::future::try_join_all(commits).await?;
        Ok(outcome)
    }

    async fn spanning(
        &self,
        run_id: &str,
        snapshot: &Snapshot,
        customer: &str,
        keep: &(dyn Fn(&LiveFile) -> bool + Send + Sync),
        parts: &Parts,
    ) -> Result<Vec<crate::model::RuleEffect>> {
        let silver = snapshot.tables(&self.context, keep).await?;
        let owner = customer.to_owned();
        let result = spawned(async move { transform::gold_spanning(&silver, &owner).await }).await?;
        for (name, batches) in &result.tables {
            parts.add(name, write_part(find(&self.tables, name)?, &spanning_partition(customer), run_id, batches)?);
        }
        Ok(result.rules)
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
        let parts = Parts::default();
        let keep = |f: &LiveFile| f.is_in(&partitions[0]) && !f.date().is_some_and(|d| gone.contains(&d));
        self.spanning(run_id, &snapshot, customer, &keep, &parts).await?;
        for table in tables {
            parts.commit(table, &partitions, run_id).await?;
        }
        Ok(())
    }
}

/// Computes in a task of its own, on another core if there is one; given up with the caller.
async fn spawned<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let mut task = tokio::task::JoinSet::new();
    task.spawn(work);
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(e)) => Err(Error::with(ErrorKind::Internal, format!("The transform stopped unexpectedly: {e}"), e)),
        None => Err(Error::new(ErrorKind::Internal, "The transform never began.")),
    }
}

/// The versions of silver's tables that one call reads.
struct Snapshot {
    sessions: Arc<Current>,
    hits: Arc<Current>,
    products: Arc<Current>,
}

impl Snapshot {
    async fn take(silver: &[Arc<Table>]) -> Result<Self> {
        Ok(Snapshot {
            sessions: find(silver, "sessions")?.current().await?,
            hits: find(silver, "hits")?.current().await?,
            products: find(silver, "products")?.current().await?,
        })
    }

    async fn tables(
        &self,
        context: &SessionContext,
        keep: &(dyn Fn(&LiveFile) -> bool + Send + Sync),
    ) -> Result<SilverTables> {
        Ok(SilverTables {
            sessions: query::provider(context, &self.sessions, Some(keep)).await?,
            hits: query::provider(context, &self.hits, Some(keep)).await?,
            products: query::provider(context, &self.products, Some(keep)).await?,
        })
    }
}
