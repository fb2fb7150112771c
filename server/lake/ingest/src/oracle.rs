//! arrow-json as a second decoder: the oracle of the tests, and the fallback.
//!
//! arrow-json is lenient (unknown fields vanish, doubled keys win or lose), so a strict reader on
//! serde goes first. It shares no code with the one-pass decoder but the words of DATE,
//! TIMESTAMP and FLOAT, and writes each row again in the form that arrow-json reads.

mod strict;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray};
use arrow::datatypes::{DataType, SchemaRef};
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
    max_depth: usize,
}

impl ArrowJsonDecoder {
    /// For a schema; rows may nest `max_depth` records, the row itself included.
    pub fn new(schema: &TableSchema, max_depth: usize) -> Self {
        Self {
            table: schema.clone(),
            schema: schema.to_arrow(),
            max_depth,
        }
    }

    fn decode_strict(&self, text: &[u8], rows: usize) -> Result<RecordBatch, ArrowError> {
        let mut decoder = ReaderBuilder::new(self.schema.clone())
            .with_batch_size(rows)
            .with_strict_mode(true)
            .build_decoder()?;
        let mut at = 0;
        while at < text.len() {
            let taken = decoder.decode(&text[at..])?;
            if taken == 0 {
                break;
            }
            at += taken;
        }
        let batch = decoder
            .flush()?
            .unwrap_or_else(|| RecordBatch::new_empty(self.schema.clone()));
        let columns = batch.columns().iter().map(null_lists_to_empty);
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
        self.decode_strict(&normal, rows.len())
            .map_err(|error| RowFault {
                row: 0,
                reason: error.to_string(),
            })
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        let mut normal = Vec::new();
        strict::normalise(row, &self.table.fields, self.max_depth, &mut normal)?;
        self.decode_strict(&normal, 1)
            .map(|_| ())
            .map_err(|error| error.to_string())
    }
}

/// Null and missing lists are empty ones.
fn null_lists_to_empty(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    Ok(match array.data_type() {
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = null_lists_to_empty(list.values())?;
            // arrow-json gives null lists no elements, so the offsets hold.
            Arc::new(ListArray::try_new(
                item.clone(),
                list.offsets().clone(),
                values,
                None,
            )?)
        }
        DataType::Struct(fields) => {
            let record = array.as_struct();
            let columns = record.columns().iter().map(null_lists_to_empty);
            Arc::new(StructArray::try_new(
                fields.clone(),
                columns.collect::<Result<_, _>>()?,
                record.nulls().cloned(),
            )?)
        }
        _ => array.clone(),
    })
}
