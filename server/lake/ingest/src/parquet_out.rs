//! The Parquet writer with the measured settings, and the statistics Delta wants.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::time::{format_date, format_millis};

/// A row group ends when its buffers pass this size, so that memory stays bounded.
const ROW_GROUP_MEMORY: usize = 48 << 20;

/// A finished Parquet file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// Rows in it.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Row groups in it.
    pub row_groups: usize,
    /// Delta's `stats` for top-level scalar columns: `numRecords`, `minValues`, `maxValues`,
    /// `nullCount`.
    pub stats_json: String,
}

/// Writes batches as Parquet: zstd 1, dictionaries, statistics for each chunk of a top-level column.
pub struct ParquetSink<W: Write + Send> {
    writer: Writer<W>,
    schema: SchemaRef,
    constants: Vec<(String, ArrayRef)>,
    rows: u64,
}

/// What is to be compressed is seen from the first batch.
enum Writer<W: Write + Send> {
    Waiting(Option<W>),
    Open(Box<ArrowWriter<W>>),
}

impl<W: Write + Send> Writer<W> {
    fn open(&mut self, schema: &SchemaRef, first: Option<&RecordBatch>) -> Result<&mut ArrowWriter<W>, Error> {
        if let Writer::Waiting(inner) = self {
            let inner =
                inner.take().ok_or_else(|| ParquetError::General("The file could not be opened.".to_owned()))?;
            let properties = properties(schema, first)?;
            *self = Writer::Open(Box::new(ArrowWriter::try_new(inner, schema.clone(), Some(properties))?));
        }
        match self {
            Writer::Open(writer) => Ok(writer),
            Writer::Waiting(_) => unreachable!("it was opened above"),
        }
    }
}

fn properties(schema: &SchemaRef, first: Option<&RecordBatch>) -> Result<WriterProperties, Error> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_dictionary_enabled(true)
        // Nobody prunes by the nested fields, and comparing every value of 300 of them costs a twentieth of the whole ingest.
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("showrunner ", env!("CARGO_PKG_VERSION")).to_owned());
    for field in schema.fields().iter().filter(|field| !field.data_type().is_nested()) {
        let column = ColumnPath::from(field.name().as_str());
        properties = properties.set_column_statistics_enabled(column, EnabledStatistics::Chunk);
    }
    if let Some(first) = first {
        // Most of the 340 columns of an export say the same in each row, if anything: their few bytes are not worth a compressor each.
        let parquet = ArrowSchemaConverter::new().convert(schema)?;
        let mut leaves = Vec::with_capacity(parquet.num_columns());
        first.columns().iter().for_each(|column| push_leaves(column, &mut leaves));
        for (leaf, column) in leaves.iter().zip(parquet.columns()) {
            if says_one_thing(leaf) {
                properties = properties.set_column_compression(column.path().clone(), Compression::UNCOMPRESSED);
            }
        }
    }
    Ok(properties.build())
}

/// The columns of the file, in its order.
fn push_leaves<'a>(array: &'a ArrayRef, leaves: &mut Vec<&'a ArrayRef>) {
    match array.data_type() {
        DataType::Struct(_) => array.as_struct().columns().iter().for_each(|child| push_leaves(child, leaves)),
        DataType::List(_) => push_leaves(array.as_list::<i32>().values(), leaves),
        _ => leaves.push(array),
    }
}

/// At most one value, and NULL.
fn says_one_thing(array: &ArrayRef) -> bool {
    if array.null_count() == array.len() {
        return true;
    }
    match array.data_type() {
        DataType::Utf8 => all_equal(array.as_string::<i32>().iter()),
        DataType::Int64 => all_equal(array.as_primitive::<Int64Type>().iter()),
        DataType::Boolean => all_equal(array.as_boolean().iter()),
        _ => false,
    }
}

fn all_equal<T: PartialEq>(values: impl Iterator<Item = Option<T>>) -> bool {
    let mut values = values.flatten();
    values.next().is_none_or(|first| values.all(|value| value == first))
}

impl<W: Write + Send> ParquetSink<W> {
    /// Starts a file of `schema` plus one Utf8 column for each constant (`_source_file`, …).
    ///
    /// # Errors
    /// When the schema cannot be written as Parquet.
    pub fn new(writer: W, schema: SchemaRef, constants: &[(&str, &str)]) -> Result<Self, Error> {
        let added = constants.iter().map(|(name, _)| Arc::new(Field::new(*name, DataType::Utf8, true)));
        let fields: Vec<_> = schema.fields().iter().cloned().chain(added).collect();
        let schema = Arc::new(Schema::new(fields));
        ArrowSchemaConverter::new().convert(&schema)?;
        Ok(Self {
            writer: Writer::Waiting(Some(writer)),
            schema,
            constants: constants.iter().map(|(_, value)| ((*value).to_owned(), repeated(value, 0))).collect(),
            rows: 0,
        })
    }

    /// The schema of the file, constants included.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds a batch of the schema given to [`ParquetSink::new`].
    ///
    /// # Errors
    /// When the batch has another schema or the writer fails.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let rows = batch.num_rows();
        let mut columns = batch.columns().to_vec();
        for (value, array) in &mut self.constants {
            if array.len() < rows {
                *array = repeated(value, rows);
            }
            columns.push(array.slice(0, rows));
        }
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        let writer = self.writer.open(&self.schema, Some(&batch))?;
        writer.write(&batch)?;
        self.rows += rows as u64;
        if writer.memory_size() > ROW_GROUP_MEMORY {
            writer.flush()?;
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the footer, flushes and drops the inner writer, and says what was written. To sync
    /// or rename the file afterwards, give [`ParquetSink::new`] a `&mut File`.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn close(mut self) -> Result<WrittenFile, Error> {
        let writer = self.writer.open(&self.schema, None)?;
        let metadata = writer.finish()?;
        writer.inner_mut().flush().map_err(ParquetError::from)?;
        Ok(WrittenFile {
            rows: self.rows,
            bytes: writer.bytes_written() as u64,
            row_groups: metadata.num_row_groups(),
            stats_json: stats_json(&metadata, &self.schema, self.rows)?,
        })
    }
}

fn repeated(value: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows)))
}

/// What is known of one column over all row groups.
#[derive(Debug, Default)]
struct Range {
    nulls: u64,
    min: Option<Value>,
    max: Option<Value>,
    /// Some row group did not say, or a float is NaN: no bounds at all.
    unknown: bool,
}

fn stats_json(metadata: &ParquetMetaData, schema: &Schema, rows: u64) -> Result<String, Error> {
    let mut ranges: HashMap<&str, Range> = HashMap::new();
    for group in metadata.row_groups() {
        for column in group.columns() {
            let path = column.column_path().parts();
            let [name] = path else { continue };
            let Ok(field) = schema.field_with_name(name) else {
                continue;
            };
            let range = ranges.entry(field.name()).or_default();
            let Some(statistics) = column.statistics() else {
                range.unknown = true;
                continue;
            };
            let nulls = statistics.null_count_opt().unwrap_or(0);
            range.nulls += nulls;
            if nulls == group.num_rows() as u64 {
                continue;
            }
            match bounds(statistics, field.data_type()) {
                Some((min, max)) => {
                    range.min = Some(match range.min.take() {
                        Some(other) if less(&other, &min) => other,
                        _ => min,
                    });
                    range.max = Some(match range.max.take() {
                        Some(other) if less(&max, &other) => other,
                        _ => max,
                    });
                }
                None => range.unknown = true,
            }
        }
    }
    let (mut min_values, mut max_values, mut null_count) = (Map::new(), Map::new(), Map::new());
    for field in schema.fields() {
        let Some(range) = ranges.remove(field.name().as_str()) else {
            continue;
        };
        null_count.insert(field.name().clone(), json!(range.nulls));
        if range.unknown {
            continue;
        }
        if let (Some(min), Some(max)) = (range.min, range.max) {
            min_values.insert(field.name().clone(), min);
            max_values.insert(field.name().clone(), max);
        }
    }
    Ok(serde_json::to_string(&json!({
        "numRecords": rows,
        "minValues": min_values,
        "maxValues": max_values,
        "nullCount": null_count,
    }))?)
}

/// Numbers by value; texts, days and instants by their text, which sorts the same.
fn less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a < b,
        _ => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a < b,
            _ => a.as_f64() < b.as_f64(),
        },
    }
}

fn bounds(statistics: &Statistics, data_type: &DataType) -> Option<(Value, Value)> {
    match (statistics, data_type) {
        (Statistics::Int64(s), DataType::Int64) => Some((json!(s.min_opt()?), json!(s.max_opt()?))),
        (Statistics::Int32(s), DataType::Date32) => {
            Some((json!(format_date(i64::from(*s.min_opt()?))), json!(format_date(i64::from(*s.max_opt()?)))))
        }
        (Statistics::Int64(s), DataType::Timestamp(TimeUnit::Microsecond, _)) => Some((
            json!(format_millis(s.min_opt()?.div_euclid(1000))),
            // Delta keeps milliseconds: round up, so that the bound holds.
            json!(format_millis(s.max_opt()?.saturating_add(999).div_euclid(1000))),
        )),
        (Statistics::Double(s), DataType::Float64) => {
            let (min, max) = (*s.min_opt()?, *s.max_opt()?);
            (min.is_finite() && max.is_finite()).then(|| (json!(min), json!(max)))
        }
        (Statistics::ByteArray(s), DataType::Utf8) => {
            Some((json!(s.min_opt()?.as_utf8().ok()?), json!(s.max_opt()?.as_utf8().ok()?)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, StructArray, TimestampMicrosecondArray,
    };
    use arrow::buffer::OffsetBuffer;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn constants_and_statistics_are_in_the_file() {
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("i", Arc::new(Int64Array::from(vec![Some(3), None, Some(-1)])) as ArrayRef, true),
            ("s", Arc::new(StringArray::from(vec![Some("b"), Some(""), None])), true),
            ("b", Arc::new(BooleanArray::from(vec![true, false, true])), true),
            ("d", Arc::new(Date32Array::from(vec![0, 17_376, 1])), true),
            ("f", Arc::new(Float64Array::from(vec![0.5, -2.0, 7.25])), true),
            ("t", Arc::new(TimestampMicrosecondArray::from(vec![1_001, 2_001, 3_001]).with_timezone("UTC")), true),
            ("n", Arc::new(Int64Array::from(vec![None, None, None])), true),
        ])
        .unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut sink = ParquetSink::new(&mut file, batch.schema(), &[("_run_id", "r1")]).unwrap();
        sink.write(&batch).unwrap();
        sink.write(&batch.slice(0, 1)).unwrap();
        let written = sink.close().unwrap();
        assert_eq!(written.rows, 4);
        assert_eq!(written.bytes, file.metadata().unwrap().len());
        let stats: Value = serde_json::from_str(&written.stats_json).unwrap();
        assert_eq!(
            stats,
            json!({
                "numRecords": 4,
                "minValues": {"i": -1, "s": "", "d": "1970-01-01", "f": -2.0,
                    "t": "1970-01-01T00:00:00.001Z", "_run_id": "r1"},
                "maxValues": {"i": 3, "s": "b", "d": "2017-07-29", "f": 7.25,
                    "t": "1970-01-01T00:00:00.004Z", "_run_id": "r1"},
                "nullCount": {"i": 1, "s": 1, "b": 0, "d": 0, "f": 0, "t": 0, "n": 4, "_run_id": 0},
            })
        );
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let read: Vec<_> = reader.map(Result::unwrap).collect();
        assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 4);
        assert_eq!(read[0].column_by_name("_run_id").unwrap().null_count(), 0);
    }

    #[test]
    fn only_columns_that_say_something_are_compressed() {
        let list = |values: ArrayRef| {
            let field = Arc::new(Field::new("item", values.data_type().clone(), true));
            Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([2, 0, 1]), values, None)) as ArrayRef
        };
        let inner = |same: Vec<Option<&str>>, other: Vec<Option<&str>>| {
            let columns = [("same", same), ("other", other)].map(|(name, values)| {
                (Arc::new(Field::new(name, DataType::Utf8, true)), Arc::new(StringArray::from(values)) as ArrayRef)
            });
            Arc::new(StructArray::from(columns.to_vec())) as ArrayRef
        };
        let first = RecordBatch::try_from_iter_with_nullable([
            ("i", Arc::new(Int64Array::from(vec![Some(3), None, Some(-1)])) as ArrayRef, true),
            ("one", Arc::new(Int64Array::from(vec![Some(1), None, Some(1)])), true),
            ("l", list(inner(vec![Some("x"), None, Some("x")], vec![Some("x"), Some("y"), None])), true),
        ])
        .unwrap();
        let mut file = tempfile::tempfile().unwrap();
        let mut sink = ParquetSink::new(&mut file, first.schema(), &[("_run_id", "r1")]).unwrap();
        sink.write(&first).unwrap();
        sink.close().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let columns = reader.metadata().row_group(0).columns();
        let compressed: Vec<_> =
            columns.iter().map(|c| (c.column_path().string(), c.compression() != Compression::UNCOMPRESSED)).collect();
        let expected =
            [("i", true), ("one", false), ("l.list.item.same", false), ("l.list.item.other", true), ("_run_id", false)];
        assert_eq!(compressed, expected.map(|(path, compressed)| (path.to_owned(), compressed)));
    }
}
