//! What silver, gold and the warehouse share: reading parts, writing parts, and one commit for each table.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, StringArray};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chrono::{Days, NaiveDate};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use showrunner_ingest::ParquetSink;

use crate::bronze::ingest_error;
use crate::delta::{Label, LiveFile, NewFile, PartitionKey, Table, io_error};
use crate::model::{Progress, ProgressSink, RuleEffect, TableOutcome};
use crate::{Error, ErrorKind, Result};

/// Writes one partition's rows as one file. Partition columns in the batches are left out. `None` if there are no rows.
pub(crate) fn write_part(
    table: &Table,
    partition: &PartitionKey,
    run_id: &str,
    batches: &[RecordBatch],
) -> Result<Option<NewFile>> {
    if batches.iter().all(|b| b.num_rows() == 0) {
        return Ok(None);
    }
    let schema = table.shape.data_schema();
    let (relative, path) = table.new_part(partition, run_id)?;
    let file = File::create_new(&path).map_err(|e| io_error("writing", &path, e))?;
    let fail = |e| ingest_error(&table.full_name(), e);
    let mut parquet = ParquetSink::new(BufWriter::new(file), schema.clone(), &[]).map_err(fail)?;
    for batch in batches.iter().filter(|b| b.num_rows() > 0) {
        parquet.write(&select(batch, &schema, table)?).map_err(fail)?;
    }
    let written = parquet.close().map_err(fail)?;
    Ok(Some(NewFile {
        path: relative,
        partition: partition.clone(),
        rows: written.rows,
        bytes: written.bytes,
        stats: written.stats_json,
    }))
}

/// The batch in the columns of the table's files.
pub(crate) fn select(batch: &RecordBatch, schema: &SchemaRef, table: &Table) -> Result<RecordBatch> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => cast(column, field.data_type()).map_err(|e| {
                Error::with(
                    ErrorKind::Internal,
                    format!("Column {} of {} came in another type: {e}", field.name(), table.full_name()),
                    e,
                )
            }),
            None => Err(Error::new(
                ErrorKind::Internal,
                format!("The transform gave no column {} for {}.", field.name(), table.full_name()),
            )),
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(|e| {
        Error::with(ErrorKind::Internal, format!("Rows for {} could not be put together: {e}", table.full_name()), e)
    })
}

/// Splits rows by the value of their `date` column.
pub(crate) fn by_date(batches: &[RecordBatch]) -> Result<BTreeMap<NaiveDate, Vec<RecordBatch>>> {
    let mut split: BTreeMap<NaiveDate, Vec<RecordBatch>> = BTreeMap::new();
    for batch in batches {
        let dates = batch
            .column_by_name("date")
            .map(|c| cast(c, &DataType::Date32))
            .transpose()
            .map_err(|e| bad_dates(Some(e)))?;
        let dates =
            dates.as_ref().and_then(|d| d.as_any().downcast_ref::<Date32Array>()).ok_or_else(|| bad_dates(None))?;
        let mut distinct: Vec<i32> = dates.iter().flatten().collect();
        distinct.sort_unstable();
        distinct.dedup();
        if dates.null_count() > 0 {
            return Err(bad_dates(None));
        }
        for value in distinct {
            let mask: BooleanArray = dates.iter().map(|d| Some(d == Some(value))).collect();
            let rows = filter_record_batch(batch, &mask).map_err(|e| bad_dates(Some(e)))?;
            let date = u64::try_from(value)
                .ok()
                .and_then(|days| NaiveDate::default().checked_add_days(Days::new(days)))
                .ok_or_else(|| bad_dates(None))?;
            split.entry(date).or_default().push(rows);
        }
    }
    Ok(split)
}

fn bad_dates(source: Option<arrow::error::ArrowError>) -> Error {
    let message = "A transform gave rows without a usable date.";
    match source {
        Some(e) => Error::with(ErrorKind::Internal, message, e),
        None => Error::new(ErrorKind::Internal, message),
    }
}

/// The rows of one Parquet file, without partition columns.
pub(crate) fn read_part(table: &Table, path: &str) -> Result<Vec<RecordBatch>> {
    let path = table.dir().join(path);
    let file = File::open(&path).map_err(|e| io_error("reading", &path, e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|b| b.with_batch_size(8192).build())
        .map_err(|e| damaged(&path, &e))?;
    reader.map(|batch| batch.map_err(|e| damaged(&path, &e))).collect()
}

/// The rows of one Parquet file with the columns of `schema`: those of the partition stand in the folder's name, those that the file
/// does not have are NULL. One batch: queries over many small ones spend their time between them.
pub(crate) fn read_columns(table: &Table, file: &LiveFile, schema: &SchemaRef) -> Result<RecordBatch> {
    let path = table.dir().join(&file.path);
    let opened = File::open(&path).map_err(|e| io_error("reading", &path, e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| damaged(&path, &e))?;
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let rows = usize::try_from(file.rows).unwrap_or(usize::MAX).max(1);
    let reader = builder.with_projection(mask).with_batch_size(rows).build().map_err(|e| damaged(&path, &e))?;
    let batches: std::result::Result<Vec<_>, ArrowError> =
        reader.map(|batch| complete(&batch?, file, schema)).collect();
    let all = batches.and_then(|mut batches| match batches.len() {
        1 => Ok(batches.remove(0)),
        _ => concat_batches(schema, &batches),
    });
    all.map_err(|e| damaged(&path, &e))
}

fn complete(batch: &RecordBatch, file: &LiveFile, schema: &SchemaRef) -> std::result::Result<RecordBatch, ArrowError> {
    let column = |field: &Arc<Field>| -> std::result::Result<ArrayRef, ArrowError> {
        if let Some(column) = batch.column_by_name(field.name()) {
            return if column.data_type() == field.data_type() {
                Ok(column.clone())
            } else {
                cast(column, field.data_type())
            };
        }
        let value = file.partition.get(field.name()).map(String::as_str);
        let text: ArrayRef = Arc::new(std::iter::repeat_n(value, batch.num_rows()).collect::<StringArray>());
        if field.data_type() == &DataType::Utf8 { Ok(text) } else { cast(&text, field.data_type()) }
    };
    let columns = schema.fields().iter().map(column).collect::<std::result::Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
}

/// A Parquet file that cannot be read.
pub(crate) fn damaged(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Storage,
        format!("{} is damaged: {error}. Reset this day and deliver it again.", path.display()),
    )
}

/// Adds a column with the same text in each row.
pub(crate) fn with_constant(batch: &RecordBatch, name: &str, value: &str) -> Result<RecordBatch> {
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut columns = batch.columns().to_vec();
    fields.push(Arc::new(arrow::datatypes::Field::new(name, DataType::Utf8, true)));
    columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, batch.num_rows()))));
    RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns)
        .map_err(|e| Error::with(ErrorKind::Internal, format!("The column {name} could not be added: {e}"), e))
}

/// Parts of several tables on their way to one commit for each table.
#[derive(Default)]
pub(crate) struct Parts(Mutex<BTreeMap<String, Vec<NewFile>>>);

impl Parts {
    pub fn add(&self, table: &str, part: Option<NewFile>) {
        if let Some(part) = part {
            self.0.lock().unwrap_or_else(|e| e.into_inner()).entry(table.to_owned()).or_default().push(part);
        }
    }

    fn take(&self, table: &str) -> Vec<NewFile> {
        let mut parts = self.0.lock().unwrap_or_else(|e| e.into_inner()).remove(table).unwrap_or_default();
        // Whatever worker was first: the log lists files in the order of their folders.
        parts.sort_by(|a, b| a.path.cmp(&b.path));
        parts
    }

    /// Replaces these partitions of the table by its parts.
    pub async fn commit(&self, table: &Table, partitions: &[PartitionKey], run_id: &str) -> Result<TableOutcome> {
        let adds = self.take(&table.shape.name);
        let version = table.replace(|f| partitions.iter().any(|p| f.is_in(p)), &adds, &Label::run(run_id)).await?;
        Ok(outcome(table, &adds, version))
    }
}

/// What a commit wrote.
pub(crate) fn outcome(table: &Table, adds: &[NewFile], version: i64) -> TableOutcome {
    TableOutcome {
        table: table.shape.name.clone(),
        rows: adds.iter().map(|f| f.rows).sum(),
        files: adds.len() as u64,
        bytes: adds.iter().map(|f| f.bytes).sum(),
        version,
    }
}

/// Sums effects of the same rule, in the order in which the rules were first seen.
pub(crate) fn sum_rules(sums: &mut Vec<RuleEffect>, more: Vec<RuleEffect>) {
    for effect in more {
        match sums.iter_mut().find(|s| s.table == effect.table && s.rule == effect.rule) {
            Some(sum) => sum.rows += effect.rows,
            None => sums.push(effect),
        }
    }
}

/// Counts finished days for whoever watches.
pub(crate) struct DayCounter {
    progress: Arc<dyn ProgressSink>,
    rows: AtomicU64,
    days: AtomicU64,
    total: u64,
}

impl DayCounter {
    pub fn new(progress: Arc<dyn ProgressSink>, total: usize) -> Self {
        let counter = DayCounter { progress, rows: AtomicU64::new(0), days: AtomicU64::new(0), total: total as u64 };
        counter.report();
        counter
    }

    /// More days are done, with so many rows written.
    pub fn done(&self, days: u64, rows: u64) {
        self.days.fetch_add(days, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.report();
    }

    fn report(&self) {
        self.progress.update(Progress {
            rows: self.rows.load(Ordering::Relaxed),
            days: self.days.load(Ordering::Relaxed),
            days_total: self.total,
            ..Progress::default()
        });
    }

    /// An error once the presenter asked to stop.
    pub fn check(&self) -> Result<()> {
        if self.progress.cancelled() { Err(crate::bronze::cancelled()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;

    #[test]
    fn rows_are_split_by_date_and_none_is_lost() {
        let schema = Arc::new(Schema::new(vec![Field::new("date", DataType::Date32, true)]));
        let batch =
            |days: Vec<i32>| RecordBatch::try_new(schema.clone(), vec![Arc::new(Date32Array::from(days))]).unwrap();
        let split = by_date(&[batch(vec![17_376, 17_377, 17_376]), batch(vec![17_377]), batch(vec![])]).unwrap();
        let rows: Vec<_> = split
            .iter()
            .map(|(date, batches)| (date.to_string(), batches.iter().map(RecordBatch::num_rows).sum::<usize>()))
            .collect();
        assert_eq!(rows, [("2017-07-29".to_owned(), 2), ("2017-07-30".to_owned(), 2)]);
        let without = RecordBatch::try_new(schema.clone(), vec![Arc::new(Date32Array::from(vec![None]))]).unwrap();
        assert_eq!(by_date(&[without]).unwrap_err().kind, ErrorKind::Internal);
    }

    #[test]
    fn rules_are_summed_by_table_and_title() {
        let effect =
            |table: &str, rule: &str, rows| RuleEffect { table: table.to_owned(), rule: rule.to_owned(), rows };
        let mut sums = Vec::new();
        sum_rules(&mut sums, vec![effect("a", "x", 1), effect("b", "x", 2)]);
        sum_rules(&mut sums, vec![effect("b", "x", 3), effect("a", "y", 4)]);
        assert_eq!(sums, [effect("a", "x", 1), effect("b", "x", 5), effect("a", "y", 4)]);
    }
}
