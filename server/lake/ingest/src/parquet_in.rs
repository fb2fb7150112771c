//! Parquet input: columns are matched by name, nested ones too, and cast where nothing is lost.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::deliver::Delivery;
use crate::error::{Error, ErrorKind, Stop};
use crate::read::Context;
use crate::schema::{FieldSchema, Mode};

/// Reads a Parquet file.
pub(crate) fn read_parquet(context: &Context<'_>, file: File, delivery: &mut Delivery<'_>) -> Result<(), Stop> {
    // The parquet crate panics on some damaged files; that must not end the run.
    let stop = catch_unwind(AssertUnwindSafe(|| read_batches(context, file, delivery)));
    stop.unwrap_or_else(|_| Err(corrupt("its Parquet pages cannot be read")))
}

fn corrupt(reason: impl ToString) -> Stop {
    Stop::File(ErrorKind::Corrupt(reason.to_string()))
}

fn read_batches(context: &Context<'_>, file: File, delivery: &mut Delivery<'_>) -> Result<(), Stop> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(corrupt)?;
    let target = context.options.schema.to_arrow();
    for field in builder.schema().fields() {
        let Ok(wanted) = target.field_with_name(field.name()) else {
            return Err(columns(format!("'{}' is no column of the schema", field.name())));
        };
        check(field.name(), field.data_type(), wanted.data_type())?;
    }
    let metadata = builder.metadata();
    let rows = metadata.file_metadata().num_rows().max(1) as usize;
    let declared: i64 = metadata.row_groups().iter().map(|g| g.total_byte_size()).sum();
    let row_bytes = (declared.max(1) as usize / rows).max(1);
    // Nested rows take several times their encoded size in memory.
    let batch_rows = (context.options.chunk_bytes / (4 * row_bytes)).clamp(16, 8192);
    let mut reader = builder.with_batch_size(batch_rows).build().map_err(corrupt)?;
    let mut row = 1;
    let mut memory = 0_u64;
    loop {
        let Some(batch) = reader.next() else {
            return Ok(());
        };
        let batch = batch.map_err(corrupt)?;
        // No ratio is judged: runs of equal values shrink to nothing in honest files as well.
        memory = memory.saturating_add(batch.get_array_memory_size() as u64);
        let limit = context.options.limits.max_uncompressed_bytes;
        if memory > limit {
            return Err(ErrorKind::TooLarge(format!("more than {limit} bytes")).into());
        }
        let adapted = adapt_batch(&batch, &target, &context.options.schema.fields)?;
        delivery.batch(&adapted, |index| (row + index as u64, &[]))?;
        row += batch.num_rows() as u64;
    }
}

fn columns(reason: String) -> Stop {
    Stop::File(ErrorKind::Columns(reason))
}

/// Whether a column of type `from` can become `to` without loss.
fn check(path: &str, from: &DataType, to: &DataType) -> Result<(), Stop> {
    use DataType as T;
    let fits = match (from, to) {
        (T::Dictionary(_, value), _) => return check(path, value, to),
        (T::Null, _) => true,
        (T::Struct(from), T::Struct(to)) => {
            for field in from {
                let path = format!("{path}.{}", field.name());
                let Some((_, wanted)) = to.find(field.name()) else {
                    return Err(columns(format!("'{path}' is no field of the schema")));
                };
                check(&path, field.data_type(), wanted.data_type())?;
            }
            true
        }
        (
            T::List(from) | T::LargeList(from) | T::ListView(from) | T::LargeListView(from) | T::FixedSizeList(from, _),
            T::List(to),
        ) => return check(path, from.data_type(), to.data_type()),
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8) => true,
        (T::Int8 | T::Int16 | T::Int32 | T::Int64, T::Int64) => true,
        (T::UInt8 | T::UInt16 | T::UInt32, T::Int64) => true,
        (T::Float16 | T::Float32 | T::Float64, T::Float64) => true,
        (T::Boolean, T::Boolean) | (T::Date32, T::Date32) => true,
        (T::Timestamp(unit, _), T::Timestamp(_, _)) => *unit != TimeUnit::Nanosecond,
        _ => false,
    };
    if fits {
        return Ok(());
    }
    Err(columns(format!("'{path}' is {from}, expected {to}")))
}

fn adapt_batch(
    batch: &RecordBatch,
    target: &arrow::datatypes::SchemaRef,
    schema: &[FieldSchema],
) -> Result<RecordBatch, Stop> {
    let mut arrays = Vec::with_capacity(target.fields().len());
    for (field, rule) in target.fields().iter().zip(schema) {
        let array = match batch.column_by_name(field.name()) {
            Some(array) => adapt(field.name(), array, field.data_type(), rule)?,
            None => missing(field.data_type(), batch.num_rows()),
        };
        if rule.mode == Mode::Required && array.null_count() > 0 {
            return Err(columns(format!("'{}' is required and has nulls", rule.name)));
        }
        arrays.push(array);
    }
    Ok(RecordBatch::try_new(target.clone(), arrays).map_err(Error::from)?)
}

/// A column that is not there: null, or empty lists.
fn missing(data_type: &DataType, rows: usize) -> ArrayRef {
    match data_type {
        DataType::List(item) => Arc::new(ListArray::new(
            item.clone(),
            OffsetBuffer::new_zeroed(rows),
            arrow::array::new_empty_array(item.data_type()),
            None,
        )),
        DataType::Struct(fields) => null_struct(fields, rows),
        other => new_null_array(other, rows),
    }
}

fn null_struct(fields: &Fields, rows: usize) -> ArrayRef {
    let children = fields.iter().map(|field| missing(field.data_type(), rows)).collect();
    let nulls = arrow::buffer::NullBuffer::new_null(rows);
    Arc::new(StructArray::new(fields.clone(), children, Some(nulls)))
}

fn adapt(path: &str, array: &ArrayRef, to: &DataType, rule: &FieldSchema) -> Result<ArrayRef, Stop> {
    match to {
        DataType::List(item) => adapt_list(path, array, item, rule),
        DataType::Struct(fields) => adapt_struct(path, array, fields, &rule.fields),
        _ if array.data_type() == to => Ok(array.clone()),
        _ => Ok(cast(array, to).map_err(corrupt)?),
    }
}

fn adapt_struct(path: &str, array: &ArrayRef, fields: &Fields, rules: &[FieldSchema]) -> Result<ArrayRef, Stop> {
    if array.data_type() == &DataType::Null {
        return Ok(null_struct(fields, array.len()));
    }
    let from = array.as_struct();
    let mut children = Vec::with_capacity(fields.len());
    for (field, rule) in fields.iter().zip(rules) {
        let path = format!("{path}.{}", field.name());
        let child = match from.column_by_name(field.name()) {
            Some(child) => adapt(&path, child, field.data_type(), rule)?,
            None => missing(field.data_type(), from.len()),
        };
        let absent = |row: usize| from.is_valid(row) && child.is_null(row);
        if rule.mode == Mode::Required && (0..from.len()).any(absent) {
            return Err(columns(format!("'{path}' is required and has nulls")));
        }
        children.push(child);
    }
    let adapted = StructArray::try_new(fields.clone(), children, from.nulls().cloned());
    Ok(Arc::new(adapted.map_err(Error::from)?))
}

/// Lists become `List` without null: null is the empty list, and null elements are refused, as
/// in JSON.
fn adapt_list(path: &str, array: &ArrayRef, item: &FieldRef, rule: &FieldSchema) -> Result<ArrayRef, Stop> {
    if array.data_type() == &DataType::Null {
        return Ok(missing(&DataType::List(item.clone()), array.len()));
    }
    let any_list = cast_to_list(array)?;
    let list = any_list.as_list::<i32>();
    // Null lists may cover values; they go with a `take` of what is left.
    let mut lengths = Vec::with_capacity(list.len());
    let mut kept = Vec::new();
    for row in 0..list.len() {
        let (start, end) = (list.value_offsets()[row], list.value_offsets()[row + 1]);
        let length = if list.is_null(row) { 0 } else { end - start };
        lengths.push(length as usize);
        kept.extend(start..start + length);
    }
    let whole = kept.len() == list.values().len();
    let values = if whole {
        list.values().clone()
    } else {
        let indices = arrow::array::Int32Array::from(kept);
        arrow::compute::take(list.values(), &indices, None).map_err(Error::from)?
    };
    if values.null_count() > 0 {
        return Err(columns(format!("'{path}' has null elements")));
    }
    let values = match item.data_type() {
        DataType::Struct(fields) => adapt_struct(path, &values, fields, &rule.fields)?,
        other if values.data_type() == other => values,
        other => cast(&values, other).map_err(corrupt)?,
    };
    let offsets = OffsetBuffer::from_lengths(lengths);
    let list = ListArray::try_new(item.clone(), offsets, values, None).map_err(Error::from)?;
    Ok(Arc::new(list))
}

fn cast_to_list(array: &ArrayRef) -> Result<ArrayRef, Stop> {
    let item = match array.data_type() {
        DataType::List(_) => return Ok(array.clone()),
        DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => item,
        other => return Err(corrupt(format!("{other} is no list"))),
    };
    let list = DataType::List(Arc::new(Field::new_list_field(item.data_type().clone(), true)));
    cast(array, &list).map_err(corrupt)
}
