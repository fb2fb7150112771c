//! The one-pass decoder: recursive descent over the bytes, straight into Arrow buffers.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cursor::{Cursor, Parsed};
use super::record::Record;
use super::{Decoder, RowFault};
use crate::lines::Row;
use crate::schema::TableSchema;

/// Decodes JSON in one pass. Fields are found by a guess at the next key, which is nearly always
/// right in exported data.
#[derive(Debug)]
pub struct OnePassDecoder {
    schema: SchemaRef,
    root: Record,
    scratch: Vec<u8>,
}

impl OnePassDecoder {
    /// For a schema; rows may nest `max_depth` records, the row itself included.
    pub fn new(schema: &TableSchema, max_depth: usize) -> Self {
        let arrow = schema.to_arrow();
        Self { root: Record::new(&schema.fields, arrow.fields(), max_depth), schema: arrow, scratch: Vec::new() }
    }

    fn read_row(&mut self, row: &[u8]) -> Parsed<()> {
        let mut cursor = Cursor::new(row);
        cursor.skip_space();
        self.root.read(&mut cursor, &mut self.scratch)?;
        cursor.end()
    }
}

impl Decoder for OnePassDecoder {
    fn decode(&mut self, text: &[u8], rows: &[Row]) -> Result<RecordBatch, RowFault> {
        for (index, row) in rows.iter().enumerate() {
            if let Err(fault) = self.read_row(&text[row.start..row.end]) {
                self.root.clear();
                return Err(RowFault { row: index, reason: fault.into_reason() });
            }
        }
        let batch = self
            .root
            .finish()
            .and_then(|columns| RecordBatch::try_new(self.schema.clone(), columns.columns().to_vec()));
        batch.map_err(|error| RowFault { row: 0, reason: error.to_string() })
    }

    fn check(&mut self, row: &[u8]) -> Result<(), String> {
        let read = self.read_row(row);
        self.root.clear();
        read.map_err(|fault| fault.into_reason())
    }
}
