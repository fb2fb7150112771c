//! arrow-json as a second decoder: the oracle of the tests, and the fallback.
//!
//! arrow-json is lenient (unknown fields vanish, doubled keys win or lose), so a strict reader on
//! serde goes first. It shares no code with the one-pass decoder but the words of DATE,
//! TIMESTAMP and FLOAT, and writes each row again in the form that arrow-json reads.

mod strict;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;

use crate::decode::{Decoder, RowFault};
use crate::lines::Row;
use crate::schema::TableSchema;

/// Decodes JSON with arrow-json, made strict.
#[derive(Debug)]
pub struct ArrowJsonDecoder {
    table: TableSchema,
    schema: SchemaRef,
    /// arrow-json knows the zone UTC only with a time zone database: instants are read without.
    zoneless: SchemaRef,
    max_depth: usize,
}

impl ArrowJsonDecoder {
    /// For a schema; rows may nest `max_depth` records, the row itself included.
    pub fn new(schema: &TableSchema, max_depth: usize) -> Self {
        let arrow = schema.to_arrow();
        let zoneless = arrow.fields().iter().map(without_zone);
        Self {
            table: schema.clone(),
            zoneless: Arc::new(Schema::new(zoneless.collect::<Vec<_>>())),
            schema: arrow,
            max_depth,
        }
    }

    fn decode_strict(&self, text: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
        let mut decoder =
            ReaderBuilder::new(self.zoneless.clone()).with_batch_size(rows).with_strict_mode(true).build_decoder()?;
        let mut at = 0;
        while at < text.len() {
            let taken = decoder.decode(&text[at..])?;
            if taken == 0 {
                break;
            }
            at += taken;
        }
        let batch = decoder.flush()?.unwrap_or_else(|| RecordBatch::new_empty(self.zoneless.clone()));
        let fields = self.schema.fields().iter();
        let columns = fields.zip(batch.columns()).map(|(field, column)| restore(column, field));
        RecordBatch::try_new(self.schema.clone(), columns.collect::<Result<_, _>>()?)
    }
}

impl Decoder for ArrowJsonDecoder {
    fn decode(&mut self, text: &[u8], rows: &[Row]) -> Result<RecordBatch, RowFault> {
        let mut normal = Vec::with_capacity(text.len());
        for (index, row) in rows.iter().enumerate() {
            let bytes = &text[row.start..row.end];
            strict::normalise(bytes, &self.table.fields, self.max_depth, &mut normal)
                .map_err(|reason| RowFault { row: index, reason })?;
            normal.push(b'\n');
        }
        self.decode_strict(&normal, rows.len()).map_err(|error| RowFault { row: 0, reason: error.to_string() })
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        let mut normal = Vec::new();
        strict::normalise(row, &self.table.fields, self.max_depth, &mut normal)?;
        self.decode_strict(&normal, 1).map(|_| ()).map_err(|error| error.to_string())
    }
}

/// The same field with instants that have no zone.
fn without_zone(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Timestamp(unit, _) => DataType::Timestamp(*unit, None),
        DataType::List(item) => DataType::List(without_zone(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(without_zone).collect()),
        other => other.clone(),
    };
    Arc::new(Field::new(field.name(), data_type, field.is_nullable()))
}

/// Gives instants their zone back, and makes null and missing lists empty ones.
fn restore(array: &ArrayRef, field: &FieldRef) -> Result<ArrayRef, ArrowError> {
    Ok(match field.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            Arc::new(instants.clone().with_timezone_opt(zone.clone()))
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = restore(list.values(), item)?;
            // arrow-json gives null lists no elements, so the offsets hold.
            Arc::new(ListArray::try_new(item.clone(), list.offsets().clone(), values, None)?)
        }
        DataType::Struct(fields) => {
            let record = array.as_struct();
            let columns = fields.iter().zip(record.columns()).map(|(field, column)| restore(column, field));
            Arc::new(StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, record.nulls().cloned())?)
        }
        _ => array.clone(),
    })
}
