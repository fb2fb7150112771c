//! Loading the serving table from silver, date by date, in one commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use chrono::NaiveDate;

use super::{Follower, load_size, partition, types, write_partition};
use crate::calls::{Begun, Load, LoadedDate};
use crate::delta::{Current, Label, NewFile, PartitionKey, Table};
use crate::model::{Day, ProgressSink, TableOutcome, ZoneOutcome};
use crate::ports::WarehouseTable;
use crate::transform;
use crate::zone::{DayCounter, outcome, read_part, with_constant};
use crate::{Error, ErrorKind, Result};

/// The serving table, after Google's export.
pub(crate) const SERVING: &str = "ga_sessions";

/// Its shape: silver's sessions, partitioned by date, clustered by country and device category.
pub(crate) fn serving_table() -> Result<WarehouseTable> {
    let sessions =
        transform::table("sessions").ok_or_else(|| Error::new(ErrorKind::Internal, "Silver has no table sessions."))?;
    let schema = transform::schema(sessions)?;
    let columns = schema
        .fields()
        .iter()
        .map(|f| Ok((f.name().clone(), types::from_arrow(f.data_type())?)))
        .collect::<Result<_>>()?;
    Ok(WarehouseTable {
        name: SERVING.to_owned(),
        columns,
        partition: "date".to_owned(),
        cluster: vec!["country".to_owned(), "device_category".to_owned()],
    })
}

/// What a load works with.
pub(crate) struct Serve {
    /// Of silver.
    pub from: Arc<Table>,
    pub table: Arc<Table>,
    /// Follows the table.
    pub served: Option<Follower>,
}

impl Serve {
    /// See [`crate::Lake::load_warehouse`].
    pub async fn run(self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome> {
        let started = Instant::now();
        let _writer = self.table.writer().await;
        let dates: BTreeSet<NaiveDate> = days.iter().map(|d| d.date).collect();
        let silver = self.from.current().await?;
        let files =
            |date: NaiveDate| silver.files.iter().filter(move |f| f.date() == Some(date)).map(|f| f.path.clone());
        // The same run from the same version of silver is the same load job: it loads once.
        let names: Vec<String> = dates.iter().map(ToString::to_string).collect();
        let dates_id = format!("{:08x}", crc32c::crc32c(names.join(",").as_bytes()));
        let operation = Load {
            table: self.table.shape.name.clone(),
            job: format!("{run_id}:{dates_id}:silver@{}", silver.version),
            partitions: dates.iter().map(|d| LoadedDate { date: *d, files: Some(files(*d).collect()) }).collect(),
        };
        let begun = Begun::now();
        let mut loaded = self.load(run_id, &operation, &silver, progress).await;
        if let (Ok(_), Some(served)) = (&loaded, &self.served)
            && let Err(error) = served.load(&self.table, &dates, run_id).await
        {
            loaded = Err(error);
        }
        begun.end(operation, &loaded, load_size);
        Ok(ZoneOutcome { tables: vec![loaded?], rules: Vec::new(), seconds: started.elapsed().as_secs_f64() })
    }

    async fn load(
        &self,
        run_id: &str,
        operation: &Load,
        silver: &Arc<Current>,
        progress: Arc<dyn ProgressSink>,
    ) -> Result<TableOutcome> {
        let keys: Vec<PartitionKey> = operation.partitions.iter().map(|p| partition(&self.table, p.date)).collect();
        let transaction = format!("load:{}", operation.job);
        let counter = Arc::new(DayCounter::new(progress, keys.len()));
        if self.table.has_transaction(&transaction).await? {
            let current = self.table.current().await?;
            let rows = current.files.iter().filter(|f| keys.iter().any(|k| f.is_in(k))).map(|f| f.rows).sum();
            counter.done(keys.len() as u64, rows);
            return Ok(TableOutcome { rows, ..outcome(&self.table, &[], current.version) });
        }
        self.table.sweep_orphans(run_id, &keys).await?;
        let done = {
            let (table, from, silver) = (self.table.clone(), self.from.clone(), silver.clone());
            let (run_id, partitions) = (run_id.to_owned(), operation.partitions.clone());
            tokio::task::spawn_blocking(move || write_all(&table, &run_id, &silver, &from, &partitions, &counter))
                .await
                .map_err(|e| Error::with(ErrorKind::Internal, format!("The load stopped unexpectedly: {e}"), e))?
        };
        if done.is_err() {
            self.table.sweep_orphans(run_id, &keys).await?;
        }
        let adds = done?;
        let label = Label { transaction: Some((transaction, 1)), ..Label::run(run_id) };
        let version = self.table.replace(|f| keys.iter().any(|k| f.is_in(k)), &adds, &label).await?;
        Ok(outcome(&self.table, &adds, version))
    }
}

/// Each date from silver of all customers.
fn write_all(
    table: &Table,
    run_id: &str,
    silver: &Current,
    from: &Table,
    partitions: &[LoadedDate],
    counter: &DayCounter,
) -> Result<Vec<NewFile>> {
    let mut adds = Vec::new();
    for LoadedDate { date, files } in partitions {
        counter.check()?;
        let mut batches = Vec::new();
        let of_date = silver.files.iter().filter(|f| files.as_ref().is_some_and(|paths| paths.contains(&f.path)));
        for file in of_date {
            let customer = file.partition.get("customer").map_or("", String::as_str);
            for batch in read_part(from, &file.path)? {
                batches.push(with_constant(&batch, "customer", customer)?);
            }
        }
        let part = write_partition(table, run_id, *date, &batches)?;
        counter.done(1, part.as_ref().map_or(0, |p| p.rows));
        adds.extend(part);
    }
    Ok(adds)
}
