//! Several Parquet files as one, in the order of the clustering columns, with no more in memory than a batch of each.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::BufWriter;

use arrow::array::ArrayRef;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows, SortField};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use showrunner_ingest::ParquetSink;

use crate::bronze::ingest_error;
use crate::delta::{NewFile, PartitionKey, Table, io_error};
use crate::warehouse::cluster_of;
use crate::zone::{damaged, select};
use crate::{Error, ErrorKind, Result};

/// Rows read of each file at a time. Many files may be open at once.
const READ_ROWS: usize = 1_024;
/// Rows written at a time.
const WRITE_ROWS: usize = 4_096;

/// Writes the rows of these files of one partition as one file, which no version names yet.
pub(super) fn merge(table: &Table, run_id: &str, key: &PartitionKey, files: &[String]) -> Result<NewFile> {
    let schema = table.shape.data_schema();
    let (relative, path) = table.new_part(key, run_id)?;
    let file = File::create_new(&path).map_err(|e| io_error("writing", &path, e))?;
    let merged = ParquetSink::new(BufWriter::new(file), schema.clone(), &[])
        .map_err(|e| ingest_error(&table.full_name(), e))
        .and_then(|mut parquet| {
            let mut write = |rows: &RecordBatch| parquet.write(rows).map_err(|e| ingest_error(&table.full_name(), e));
            let by = cluster_of(&table.shape);
            match by.is_empty() {
                true => in_turn(table, files, &schema, &mut write)?,
                false => in_order(table, files, &schema, &by, &mut write)?,
            }
            parquet.close().map_err(|e| ingest_error(&table.full_name(), e))
        });
    let written = merged.inspect_err(|_| {
        let _left_to_a_sweep = std::fs::remove_file(&path);
    })?;
    Ok(NewFile {
        path: relative,
        partition: key.clone(),
        rows: written.rows,
        bytes: written.bytes,
        stats: written.stats_json,
    })
}

/// A file that is being read.
struct Source<'a> {
    table: &'a Table,
    file: &'a str,
    reader: ParquetRecordBatchReader,
    schema: &'a SchemaRef,
}

impl<'a> Source<'a> {
    fn open(table: &'a Table, file: &'a str, schema: &'a SchemaRef) -> Result<Self> {
        let path = table.dir().join(file);
        let opened = File::open(&path).map_err(|e| io_error("reading", &path, e))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|e| damaged(&path, &e))?;
        let reader = builder.with_batch_size(READ_ROWS).build().map_err(|e| damaged(&path, &e))?;
        Ok(Source { table, file, reader, schema })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(rows) = self.reader.next() else {
            return Ok(None);
        };
        let rows = rows.map_err(|e| damaged(&self.table.dir().join(self.file), &e))?;
        select(&rows, self.schema, self.table).map(Some)
    }
}

/// One file after another, as they came.
fn in_turn(
    table: &Table,
    files: &[String],
    schema: &SchemaRef,
    write: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    for file in files {
        let mut source = Source::open(table, file, schema)?;
        while let Some(rows) = source.next()? {
            write(&rows)?;
        }
    }
    Ok(())
}

/// The batch of a source whose rows are being taken.
struct Head {
    keys: Rows,
    row: usize,
    /// Where the batch stands among those that the next output takes rows from.
    slot: usize,
}

/// By the clustering columns: each file is in their order already.
fn in_order(
    table: &Table,
    files: &[String],
    schema: &SchemaRef,
    by: &[String],
    write: &mut dyn FnMut(&RecordBatch) -> Result<()>,
) -> Result<()> {
    let columns: Vec<usize> = by.iter().filter_map(|name| schema.index_of(name).ok()).collect();
    let fields = columns.iter().map(|at| SortField::new(schema.field(*at).data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(failed)?;
    let mut sources = Vec::new();
    for file in files {
        sources.push(Source::open(table, file, schema)?);
    }
    let mut batches: Vec<RecordBatch> = Vec::new();
    let mut heads: Vec<Option<Head>> = Vec::new();
    let mut queue = BinaryHeap::new();
    for source in &mut sources {
        let head = head(source, &converter, &columns, &mut batches)?;
        if let Some(head) = &head {
            queue.push(Reverse((head.keys.row(0).owned(), heads.len())));
        }
        heads.push(head);
    }
    let mut picked: Vec<(usize, usize)> = Vec::with_capacity(WRITE_ROWS);
    while let Some(Reverse((_, at))) = queue.pop() {
        let Some(current) = &mut heads[at] else { continue };
        picked.push((current.slot, current.row));
        current.row += 1;
        if current.row == current.keys.num_rows() {
            heads[at] = head(&mut sources[at], &converter, &columns, &mut batches)?;
        }
        if let Some(current) = &heads[at] {
            queue.push(Reverse((current.keys.row(current.row).owned(), at)));
        }
        if picked.len() == WRITE_ROWS {
            write(&taken(&batches, &picked)?)?;
            picked.clear();
            // Only those go on that rows are still to be taken from.
            let mut kept = Vec::new();
            for head in heads.iter_mut().flatten() {
                kept.push(batches[head.slot].clone());
                head.slot = kept.len() - 1;
            }
            batches = kept;
        }
    }
    if !picked.is_empty() {
        write(&taken(&batches, &picked)?)?;
    }
    Ok(())
}

/// The next batch of a source that has rows.
fn head(
    source: &mut Source<'_>,
    converter: &RowConverter,
    columns: &[usize],
    batches: &mut Vec<RecordBatch>,
) -> Result<Option<Head>> {
    while let Some(rows) = source.next()? {
        if rows.num_rows() == 0 {
            continue;
        }
        let keys: Vec<ArrayRef> = columns.iter().map(|at| rows.column(*at).clone()).collect();
        let keys = converter.convert_columns(&keys).map_err(failed)?;
        batches.push(rows);
        return Ok(Some(Head { keys, row: 0, slot: batches.len() - 1 }));
    }
    Ok(None)
}

fn taken(batches: &[RecordBatch], picked: &[(usize, usize)]) -> Result<RecordBatch> {
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    interleave_record_batch(&batches, picked).map_err(failed)
}

fn failed(error: ArrowError) -> Error {
    Error::with(ErrorKind::Internal, format!("Files could not be merged: {error}"), error)
}
