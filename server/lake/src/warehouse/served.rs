//! The warehouse elsewhere follows the lake's own tables: what a run or the stream commits here is loaded or appended there, before the
//! run's step or the message counts as done.
//!
//! The lake commits first, so that at any moment the warehouse elsewhere has all rows of a table, or lacks some of those that were
//! committed last. Which ones is found by comparing, never remembered: a process that died leaves nothing that the next one must know.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use arrow::row::{OwnedRow, RowConverter, SortField};
use chrono::NaiveDate;

use crate::calls::{AppendRows, Begun, Load, LoadedDate, SettleRows, Size, Truncate};
use crate::delta::{LiveFile, Table};
use crate::ports::ServingWarehouse;
use crate::zone::read_columns;
use crate::{Error, ErrorKind, Result};

/// Rows of one load job; more dates than that make several.
const ROWS_A_JOB: u64 = 250_000;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Follower(Arc<dyn ServingWarehouse>);

/// How a table of the warehouse stands, here and elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedTable {
    /// Its name for people: `project.dataset.table`.
    pub name: String,
    /// Rows that the lake keeps.
    pub kept: u64,
    /// Rows that are served.
    pub served: u64,
}

impl Follower {
    pub fn new(warehouse: Arc<dyn ServingWarehouse>) -> Self {
        Follower(warehouse)
    }

    pub fn warehouse(&self) -> &Arc<dyn ServingWarehouse> {
        &self.0
    }

    /// Loads these dates as the lake has them, whatever is there. The same files of the lake make the same job, which loads once.
    pub async fn load(&self, table: &Arc<Table>, dates: &BTreeSet<NaiveDate>, run_id: &str) -> Result<()> {
        let current = table.current().await?;
        let of = |date: NaiveDate| current.files.iter().filter(move |file| file.date() == Some(date));
        let mut jobs: Vec<Vec<(NaiveDate, Vec<LiveFile>)>> = vec![Vec::new()];
        let mut rows = 0;
        for date in dates {
            let files: Vec<LiveFile> = of(*date).cloned().collect();
            rows += files.iter().map(|file| file.rows).sum::<u64>();
            if rows > ROWS_A_JOB && jobs.last().is_some_and(|job| !job.is_empty()) {
                jobs.push(Vec::new());
                rows = files.iter().map(|file| file.rows).sum();
            }
            if let Some(job) = jobs.last_mut() {
                job.push((*date, files));
            }
        }
        for job in jobs.into_iter().filter(|job| !job.is_empty()) {
            let id = format!("{run_id}:{:08x}", fingerprint(&job));
            let from = table.clone();
            let read = move || {
                let read = |files: Vec<LiveFile>| -> Result<Vec<RecordBatch>> {
                    files.iter().map(|file| read_columns(&from, file, &from.shape.schema)).collect()
                };
                job.into_iter().map(|(date, files)| Ok((date, read(files)?))).collect::<Result<Vec<_>>>()
            };
            let partitions = tokio::task::spawn_blocking(read).await.map_err(cut_short)??;
            self.0.load(&table.shape.name, &id, partitions).await?;
        }
        Ok(())
    }

    /// Makes a table of which rows were removed in the lake what it is there. Empty, it is emptied with its history.
    pub async fn level(&self, table: &Arc<Table>, run_id: &str) -> Result<()> {
        let name = &table.shape.name;
        self.settle(name).await?;
        let current = table.current().await?;
        if current.stat.rows() == 0 {
            if self.0.partitions(name).await?.is_empty() {
                return Ok(());
            }
            let begun = Begun::now();
            let done = self.0.truncate(name).await;
            begun.end(Truncate { table: name.clone() }, &done, |()| Size::default());
            return done;
        }
        let differing = self.differing(table).await?;
        if differing.is_empty() {
            return Ok(());
        }
        let partitions = differing.iter().map(|date| LoadedDate { date: *date, files: None }).collect();
        let operation = Load { table: name.clone(), job: run_id.to_owned(), partitions };
        let begun = Begun::now();
        let done = self.load(table, &differing, run_id).await;
        begun.end(operation, &done, |()| Size::default());
        done
    }

    /// Appends rows that the lake has committed.
    pub async fn append(&self, table: &str, rows: &RecordBatch) -> Result<()> {
        let begun = Begun::now();
        let done = self.0.append(table, rows).await;
        let size = Size { rows: Some(rows.num_rows() as u64), bytes: Some(rows.get_array_memory_size() as u64) };
        begun.end(AppendRows { table: table.to_owned() }, &done, |()| size);
        done
    }

    async fn settle(&self, table: &str) -> Result<()> {
        let begun = Begun::now();
        let done = self.0.settle(table).await;
        begun.end(SettleRows { table: table.to_owned() }, &done, |()| Size::default());
        done
    }

    /// Appends what the lake has of this table and the warehouse lacks. A row is known by these columns.
    pub async fn catch_up(&self, table: &Arc<Table>, known_by: &SchemaRef) -> Result<()> {
        let name = &table.shape.name;
        // What a request that broke off may still bring in would be counted as missing.
        self.settle(name).await?;
        let differing = self.differing(table).await?;
        if differing.is_empty() {
            return Ok(());
        }
        let columns: Vec<&str> = known_by.fields().iter().map(|field| field.name().as_str()).collect();
        let there = self.0.columns(name, &columns).await?;
        let current = table.current().await?;
        let files: Vec<LiveFile> =
            current.files.iter().filter(|f| f.date().is_some_and(|date| differing.contains(&date))).cloned().collect();
        let (from, known_by) = (table.clone(), known_by.clone());
        let read = move || missing(&from, &files, &known_by, &there);
        for rows in tokio::task::spawn_blocking(read).await.map_err(cut_short)?? {
            self.append(name, &rows).await?;
        }
        Ok(())
    }

    /// Dates of which it does not have as many rows as the lake.
    async fn differing(&self, table: &Arc<Table>) -> Result<BTreeSet<NaiveDate>> {
        let mut rows: BTreeMap<NaiveDate, i128> = BTreeMap::new();
        for file in &table.current().await?.files {
            if let Some(date) = file.date() {
                *rows.entry(date).or_default() += i128::from(file.rows);
            }
        }
        for (date, served) in self.0.partitions(&table.shape.name).await? {
            *rows.entry(date).or_default() -= i128::from(served);
        }
        Ok(rows.into_iter().filter(|(_, more)| *more != 0).map(|(date, _)| date).collect())
    }

    /// How a table stands.
    pub async fn standing(&self, table: &Arc<Table>) -> Result<ServedTable> {
        let name = &table.shape.name;
        let kept = table.current().await?.stat.rows();
        let served = self.0.partitions(name).await?.iter().map(|(_, rows)| rows).sum();
        Ok(ServedTable { name: format!("{}.{name}", self.0.dataset()), kept, served })
    }
}

/// Of the files' names, which are never used twice.
fn fingerprint(job: &[(NaiveDate, Vec<LiveFile>)]) -> u32 {
    let names = job
        .iter()
        .flat_map(|(date, files)| std::iter::once(date.to_string()).chain(files.iter().map(|file| file.path.clone())));
    names.fold(0, |sum, name| crc32c::crc32c_append(crc32c::crc32c_append(sum, name.as_bytes()), b"\n"))
}

fn cut_short(error: tokio::task::JoinError) -> Error {
    Error::with(ErrorKind::Internal, format!("Reading rows for the warehouse stopped unexpectedly: {error}"), error)
}

/// Rows of the files that are not among those that are there.
fn missing(table: &Table, files: &[LiveFile], known_by: &SchemaRef, there: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let fail = |e: arrow::error::ArrowError| {
        Error::with(ErrorKind::Internal, format!("Rows of {} could not be compared: {e}", table.full_name()), e)
    };
    let fields = known_by.fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(fail)?;
    let mut known: HashSet<OwnedRow> = HashSet::new();
    for batch in there {
        let rows = converter.convert_columns(&columns_of(batch, known_by).map_err(fail)?).map_err(fail)?;
        known.extend(rows.iter().map(|row| row.owned()));
    }
    let mut missing = Vec::new();
    for file in files {
        let batch = read_columns(table, file, &table.shape.schema)?;
        let rows = converter.convert_columns(&columns_of(&batch, known_by).map_err(fail)?).map_err(fail)?;
        let lacks = BooleanArray::from(rows.iter().map(|row| !known.contains(&row.owned())).collect::<Vec<_>>());
        if lacks.true_count() > 0 {
            missing.push(filter_record_batch(&batch, &lacks).map_err(fail)?);
        }
    }
    Ok(missing)
}

fn columns_of(batch: &RecordBatch, schema: &Schema) -> std::result::Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let column = |field: &Arc<arrow::datatypes::Field>| {
        let column = batch
            .column_by_name(field.name())
            .ok_or_else(|| arrow::error::ArrowError::SchemaError(format!("there is no column {}", field.name())))?;
        arrow::compute::cast(column, field.data_type())
    };
    schema.fields().iter().map(column).collect()
}
