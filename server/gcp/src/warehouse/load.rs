//! Loads: files into the bucket, one load job into a table of their own, one statement into the table. See [`BigQueryWarehouse`].

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array};
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta};
use futures::{StreamExt, TryStreamExt, stream};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use showrunner_lake::model::TableOutcome;
use showrunner_lake::ports::{Precondition, WarehouseTable};
use showrunner_lake::{Error, ErrorKind, Result};

use super::jobs::{Settled, job_id, nonce, number};
use super::tables::{described, fields, is_buffered};
use super::types::Kind;
use super::{BigQueryWarehouse, dates, identifier, literal};

/// Files of a load that are written or deleted at once.
const AT_ONCE: usize = 16;
/// Partitions that one job may change (cloud.google.com/bigquery/quotas).
const PARTITIONS: usize = 4000;
/// What a crash leaves in the dataset is gone after this.
const STAGED_FOR: TimeDelta = TimeDelta::days(1);

/// How long rows stay in the streaming buffer at most (cloud.google.com/bigquery/docs/streaming-data-into-bigquery).
const BUFFERED_FOR: TimeDelta = TimeDelta::minutes(90);

/// Rows of one date, of exactly the table's columns.
type Day = (NaiveDate, Vec<RecordBatch>);

/// Where rows are on their way; cleared however the load ends, also when nobody waits for it any more.
struct Stage {
    warehouse: BigQueryWarehouse,
    prefix: String,
    table: String,
    cleared: bool,
}

impl Stage {
    async fn clear(mut self) {
        self.cleared = true;
        clear(&self.warehouse, &self.prefix, &self.table).await;
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.cleared {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let (warehouse, prefix, table) = (self.warehouse.clone(), self.prefix.clone(), self.table.clone());
            runtime.spawn(async move { clear(&warehouse, &prefix, &table).await });
        }
    }
}

/// Never fails a load: what is left is deleted by the bucket's lifecycle rule and the table's expiration.
async fn clear(warehouse: &BigQueryWarehouse, prefix: &str, table: &str) {
    let (objects, bucket) = (&warehouse.objects, &warehouse.options.bucket);
    let files = async {
        let there = objects.list(bucket, prefix).await?;
        let deletions: Vec<_> = there.iter().map(|object| objects.delete(bucket, &object.key)).collect();
        stream::iter(deletions).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await.map(drop)
    };
    if let Err(error) = files.await {
        tracing::warn!(%error, "files of a load stay below gs://{bucket}/{prefix} until the bucket's lifecycle deletes them");
    }
    if let Err(error) = warehouse.delete_table(&warehouse.options.staging_dataset, table).await {
        tracing::warn!(%error, "table {table} of a load stays until it expires");
    }
}

impl BigQueryWarehouse {
    /// Deletes files of loads that ended without clearing up, which is what a killed process leaves: they are older than a load can last.
    /// Tables of such loads expire by themselves.
    pub(super) async fn sweep_staged(&self) -> Result<u64> {
        let bucket = &self.options.bucket;
        let prefix = format!("{}/", self.options.prefix.trim_end_matches('/'));
        let abandoned = (self.clock)() - 2 * self.options.job_deadline;
        let mut gone = 0;
        for object in self.objects.list(bucket, &prefix).await? {
            if object.updated < abandoned {
                gone += u64::from(self.objects.delete(bucket, &object.key).await?);
            }
        }
        Ok(gone)
    }

    pub(super) async fn load_rows(&self, name: &str, job: &str, partitions: Vec<Day>) -> Result<TableOutcome> {
        let stored = self.stored(name).await?;
        let table = described(name, &stored)?;
        if partitions.len() > PARTITIONS {
            let message =
                format!("{} dates are too many for one load; BigQuery allows {PARTITIONS}.", partitions.len());
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let created = stored.get("creationTime").and_then(Value::as_str).unwrap_or_default();
        let of = [self.shown(name), job.to_owned()];
        let id_of = |n: u32| job_id("load", &[&of[0], &of[1], created, &n.to_string()]);
        let action = format!("load rows into {}", of[0]);
        let days: Vec<NaiveDate> = partitions.iter().map(|(date, _)| *date).collect();
        if days.is_empty() {
            return Ok(outcome(name, 0, 0, 0, &stored));
        }
        let commit = match self.jobs.settled(&action, id_of).await? {
            Settled::Free(id) => id,
            Settled::Done(job) => {
                let rows = self.counted(name, Some(&days)).await?.iter().map(|(_, rows)| rows).sum();
                return Ok(outcome(name, rows, 0, 0, &job));
            }
        };
        self.sees_all_rows(&action, &table, &days).await?;
        let schema = arrow_schema(&table)?;
        let shown = &of[0];
        let mut conformed = Vec::with_capacity(partitions.len());
        for (date, batches) in partitions {
            let batches = batches.iter().map(|batch| conform(batch, &schema, &table.partition, date, shown));
            conformed.push((date, batches.collect::<Result<Vec<_>>>()?));
        }
        let rows = conformed.iter().flat_map(|(_, batches)| batches).map(|batch| batch.num_rows() as u64).sum::<u64>();
        if rows == 0 {
            let (target, column) = (self.target(name), identifier(&table.partition));
            let sql = format!("DELETE FROM {target} WHERE {column} IN ({})", dates(days.into_iter()));
            let done = match self.jobs.statement(&action, &commit, &sql).await {
                Err(error) if is_buffered(&error) => return Err(self.buffered(&action, name, error).await),
                other => other?,
            };
            return Ok(outcome(name, 0, 0, 0, &done));
        }
        let nonce = nonce();
        let stage = Stage {
            warehouse: self.clone(),
            prefix: format!(
                "{}/{}/{nonce}/",
                self.options.prefix.trim_end_matches('/'),
                job_id("job", &of.each_ref().map(String::as_str))
            ),
            table: format!("showrunner_load_{nonce}"),
            cleared: false,
        };
        let loaded = self.replace(&action, &stage, &commit, &table, conformed, rows).await;
        stage.clear().await;
        let (files, bytes, done) = match loaded {
            Err(error) if is_buffered(&error) => return Err(self.buffered(&action, name, error).await),
            other => other?,
        };
        Ok(outcome(name, rows, files, bytes, &done))
    }

    /// Rows that came by a stream cannot be replaced before they have left the streaming buffer: says when that is.
    async fn buffered(&self, action: &str, name: &str, error: Error) -> Error {
        let oldest = match self.stored(name).await {
            Ok(table) => number(&table, "/streamingBuffer/oldestEntryTime"),
            Err(_) => None,
        };
        let oldest = oldest.and_then(|millis| DateTime::from_timestamp_millis(i64::try_from(millis).ok()?));
        let when = match oldest {
            Some(oldest) => {
                let (from, to) = (oldest.format("%F %T"), (oldest + BUFFERED_FOR).format("%F %T"));
                format!("The oldest came at {from} UTC, so that it may last until {to} UTC")
            }
            None => format!("That lasts up to {} minutes", BUFFERED_FOR.num_minutes()),
        };
        let message = format!(
            "Could not {action}: rows that were streamed into it a short time ago lie in BigQuery's streaming buffer, where they cannot be \
             replaced. {when}. Nothing was changed; try again then."
        );
        Error::with(ErrorKind::Busy, message, error)
    }

    /// Row access policies hide rows from a statement too: it would leave the hidden ones and add the new beside them. So whoever loads has to
    /// see as many rows of the dates as there are; the number that there are is told by metadata, which no policy filters.
    async fn sees_all_rows(&self, action: &str, table: &WarehouseTable, days: &[NaiveDate]) -> Result<()> {
        if self.row_policies(&table.name).await?.is_empty() {
            return Ok(());
        }
        let partitions = days.iter().map(|day| format!("'{}'", day.format("%Y%m%d"))).collect::<Vec<_>>().join(", ");
        let (project, dataset) = (&self.jobs.project, &self.options.dataset);
        let sql = format!(
            "SELECT SUM(total_rows) AS number FROM `{project}.{dataset}`.INFORMATION_SCHEMA.PARTITIONS \
             WHERE table_name = {} AND partition_id IN ({partitions})",
            literal(&table.name)
        );
        let stored = self.rows(action, &sql).await?;
        let stored: u64 = stored.first().and_then(|row| row.first()?.as_str()?.parse().ok()).unwrap_or_default();
        let seen: u64 = self.counted(&table.name, Some(days)).await?.iter().map(|(_, rows)| rows).sum();
        if seen >= stored {
            return Ok(());
        }
        let message = format!(
            "Could not {action}: row access policies hide {} of {stored} rows from whoever loads, so they would not be replaced. \
             Give the loading account a row access policy with FILTER USING (TRUE).",
            stored - seen
        );
        Err(Error::new(ErrorKind::Denied, message))
    }

    /// Files, load job, statement. Gives files, bytes, and the statement's job.
    async fn replace(
        &self,
        action: &str,
        stage: &Stage,
        commit: &str,
        table: &WarehouseTable,
        days: Vec<Day>,
        rows: u64,
    ) -> Result<(u64, u64, Value)> {
        let dates_of_call: Vec<NaiveDate> = days.iter().map(|(date, _)| *date).collect();
        let days = days.into_iter().enumerate();
        let days = days.filter(|(_, (_, batches))| batches.iter().any(|batch| batch.num_rows() > 0));
        let uploads: Vec<_> = days.map(|(n, day)| self.upload(action, stage, n, day)).collect();
        let written: Vec<(String, u64)> = stream::iter(uploads).buffered(AT_ONCE).try_collect().await?;
        let (uris, sizes): (Vec<String>, Vec<u64>) = written.into_iter().unzip();
        let (files, bytes) = (uris.len() as u64, sizes.into_iter().sum());
        self.insert_table(&self.options.staging_dataset, &stage.table, self.staging_table(stage, table)?).await?;
        let load = json!({"load": {
            "sourceUris": uris,
            "sourceFormat": "PARQUET",
            // Else a list arrives as a record with a list of records with an element.
            "parquetOptions": {"enableListInference": true},
            "destinationTable": self.reference(&self.options.staging_dataset, &stage.table),
            "createDisposition": "CREATE_NEVER",
            // The table is this load's alone and was made a moment ago with the types wanted. WRITE_TRUNCATE would take the types from the
            // files; WRITE_APPEND would double the rows if anything went wrong before. This one can do neither.
            "writeDisposition": "WRITE_EMPTY",
        }});
        let id = job_id("stage", &[&stage.table, commit]);
        let staged = self.jobs.run(action, &id, load).await?;
        if let Some(wrote) = number(&staged, "/statistics/load/outputRows")
            && wrote != rows
        {
            let message =
                format!("Could not {action}: Google's job {id} took {wrote} of {rows} rows. Nothing was replaced.");
            return Err(Error::new(ErrorKind::Internal, message));
        }
        let sql = self.merge(stage, table, &dates_of_call);
        Ok((files, bytes, self.jobs.statement(action, commit, &sql).await?))
    }

    /// The rows of a date as a file: its address and size.
    async fn upload(&self, action: &str, stage: &Stage, n: usize, (date, batches): Day) -> Result<(String, u64)> {
        let file = tokio::task::spawn_blocking(move || parquet(&batches)).await.map_err(|error| {
            let message = format!("Could not {action}: writing Parquet stopped unexpectedly.");
            Error::with(ErrorKind::Internal, message, error)
        })??;
        let (bytes, bucket) = (file.len() as u64, &self.options.bucket);
        let key = format!("{}{date}-{n}.parquet", stage.prefix);
        self.objects.put(bucket, &key, file, Precondition::None).await?;
        Ok((format!("gs://{bucket}/{key}"), bytes))
    }

    fn staging_table(&self, stage: &Stage, table: &WarehouseTable) -> Result<Value> {
        Ok(json!({
            "tableReference": self.reference(&self.options.staging_dataset, &stage.table),
            "schema": {"fields": fields(table)?},
            "expirationTime": ((self.clock)() + STAGED_FOR).timestamp_millis().to_string(),
            "labels": self.labels(),
            "description": format!("Rows on their way into {}. Deleted when they are there.", self.shown(&table.name)),
        }))
    }

    fn merge(&self, stage: &Stage, table: &WarehouseTable, days: &[NaiveDate]) -> String {
        let columns: Vec<String> = table.columns.iter().map(|(name, _)| identifier(name)).collect();
        let values: Vec<String> = columns.iter().map(|column| format!("staged.{column}")).collect();
        format!(
            "MERGE INTO {} AS target USING {} AS staged ON FALSE \
             WHEN NOT MATCHED BY SOURCE AND target.{} IN ({}) THEN DELETE \
             WHEN NOT MATCHED BY TARGET THEN INSERT ({}) VALUES ({})",
            self.target(&table.name),
            self.quoted(&self.options.staging_dataset, &stage.table),
            identifier(&table.partition),
            dates(days.iter().copied()),
            columns.join(", "),
            values.join(", "),
        )
    }
}

/// BigQuery has no versions of tables; the milliseconds at which the statement ended rise like them.
fn outcome(name: &str, rows: u64, files: u64, bytes: u64, job: &Value) -> TableOutcome {
    let ended = number(job, "/statistics/endTime").or_else(|| number(job, "/lastModifiedTime")).unwrap_or_default();
    TableOutcome { table: name.to_owned(), rows, files, bytes, version: i64::try_from(ended).unwrap_or(i64::MAX) }
}

/// The table's columns as Arrow's.
pub(super) fn arrow_schema(table: &WarehouseTable) -> Result<SchemaRef> {
    let fields = table.columns.iter().map(|(name, kind)| Ok(Field::new(name, Kind::parse(kind)?.arrow(), true)));
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

/// Brings a batch into the table's columns, in their order. Missing and unknown columns are an error.
pub(super) fn fitted(batch: &RecordBatch, schema: &SchemaRef, shown: &str) -> Result<RecordBatch> {
    let invalid = |message: String| Error::new(ErrorKind::Invalid, message);
    let given = batch.schema();
    if let Some(unknown) = given.fields().iter().find(|field| schema.field_with_name(field.name()).is_err()) {
        return Err(invalid(format!("{shown} has no column {}.", unknown.name())));
    }
    let column_of = |field: &Field| -> Result<ArrayRef> {
        let column = batch
            .column_by_name(field.name())
            .ok_or_else(|| invalid(format!("The rows for {shown} have no column {}.", field.name())))?;
        if column.data_type() == field.data_type() {
            return Ok(column.clone());
        }
        cast(column, field.data_type()).map_err(|error| {
            Error::with(ErrorKind::Invalid, format!("Column {} does not fit {shown}: {error}", field.name()), error)
        })
    };
    let columns = schema.fields().iter().map(|field| column_of(field)).collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|error| Error::with(ErrorKind::Invalid, format!("The rows do not fit {shown}: {error}"), error))
}

/// [`fitted`], and a row of another date is an error too: BigQuery would put it where it belongs, beside what another job has put there.
fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
    partition: &str,
    date: NaiveDate,
    shown: &str,
) -> Result<RecordBatch> {
    let fitted = fitted(batch, schema, shown)?;
    let expected = i32::try_from((date - NaiveDate::default()).num_days()).ok();
    let found = fitted.column_by_name(partition).and_then(|column| column.as_any().downcast_ref::<Date32Array>());
    let strangers = found.map_or(fitted.num_rows(), |found| found.iter().filter(|day| *day != expected).count());
    if strangers > 0 {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{strangers} rows for {date} of {shown} belong to another date."),
        ));
    }
    Ok(fitted)
}

fn parquet(batches: &[RecordBatch]) -> Result<Bytes> {
    let failed = |error| Error::with(ErrorKind::Internal, "The rows could not be written as Parquet.", error);
    let Some(first) = batches.first() else { return Ok(Bytes::new()) };
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties)).map_err(failed)?;
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    Ok(writer.into_inner().map_err(failed)?.into())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn table() -> WarehouseTable {
        let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        WarehouseTable {
            name: "t".to_owned(),
            columns: vec![column("date", "DATE"), column("n", "INT64")],
            partition: "date".to_owned(),
            cluster: Vec::new(),
        }
    }

    fn rows(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    }

    #[test]
    fn only_rows_of_the_tables_columns_and_of_the_date_are_taken() {
        let schema = arrow_schema(&table()).expect("a schema");
        let date = NaiveDate::from_ymd_opt(1970, 1, 11).expect("a date");
        let days = |values: Vec<Option<i32>>| Arc::new(Date32Array::from(values)) as ArrayRef;
        let numbers = |count: i64| Arc::new(Int64Array::from_iter_values(0..count)) as ArrayRef;
        let of = |batch: &RecordBatch| conform(batch, &schema, "date", date, "d.t");
        let fine =
            of(&rows(vec![("n", numbers(2)), ("date", days(vec![Some(10), Some(10)]))])).expect("fits in any order");
        assert_eq!(fine.schema(), schema);
        for (bad, why) in [
            (rows(vec![("n", numbers(2)), ("date", days(vec![Some(10), Some(11)]))]), "1 rows"),
            (rows(vec![("n", numbers(1)), ("date", days(vec![None]))]), "another date"),
            (rows(vec![("date", days(vec![Some(10)]))]), "no column n"),
            (rows(vec![("n", numbers(1)), ("x", numbers(1)), ("date", days(vec![Some(10)]))]), "no column x"),
            (
                rows(vec![("n", numbers(1)), ("date", Arc::new(StringArray::from(vec!["someday"])) as ArrayRef)]),
                "another date",
            ),
        ] {
            let error = of(&bad).expect_err(why);
            assert_eq!(error.kind, ErrorKind::Invalid);
            assert!(error.message.contains(why), "{error}");
        }
    }
}
