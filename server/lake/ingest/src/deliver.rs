//! From rows of text to batches: decodes chunk by chunk, sorts out bad rows, checks the day.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Date32Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::decode::Decoder;
use crate::error::{Error, ErrorKind, Stop};
use crate::lines::{Chunk, Row, SAMPLE_BYTES};
use crate::read::{BatchSink, FileOutcome, ReadOptions, RejectSink, Rejected};
use crate::time::format_date;

/// Name of the column that is the partition.
pub(crate) const DATE: &str = "date";
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// The schema of delivered batches.
pub(crate) fn output_schema(schema: &SchemaRef, drop_date: bool) -> SchemaRef {
    if !drop_date {
        return schema.clone();
    }
    let fields: Vec<_> = schema.fields().iter().filter(|field| field.name() != DATE).cloned().collect();
    Arc::new(Schema::new(fields))
}

/// The beginning of a row, at most 300 bytes of valid text.
pub(crate) fn sample(row: &[u8]) -> String {
    let head = &row[..row.len().min(SAMPLE_BYTES)];
    let mut text = match std::str::from_utf8(head) {
        Ok(text) => text.to_owned(),
        // Cut within a character: leave that out.
        Err(error) if error.error_len().is_none() => String::from_utf8_lossy(&head[..error.valid_up_to()]).into_owned(),
        Err(_) => String::from_utf8_lossy(head).into_owned(),
    };
    if text.len() > SAMPLE_BYTES {
        text.truncate(text.floor_char_boundary(SAMPLE_BYTES));
    }
    text.truncate(text.trim_end().len());
    text
}

/// One file on its way to the caller.
pub(crate) struct Delivery<'a> {
    file: &'a str,
    options: &'a ReadOptions,
    sink: &'a mut BatchSink<'a>,
    reject: &'a mut RejectSink<'a>,
    decoder: Box<dyn Decoder>,
    output: SchemaRef,
    entry: Option<String>,
    outcome: FileOutcome,
}

impl<'a> Delivery<'a> {
    pub(crate) fn new<'s: 'a>(
        file: &'a str,
        options: &'a ReadOptions,
        sink: &'a mut BatchSink<'s>,
        reject: &'a mut RejectSink<'s>,
    ) -> Self {
        Self {
            file,
            options,
            sink,
            reject,
            decoder: options.new_decoder(),
            output: options.output_schema(),
            entry: None,
            outcome: FileOutcome::default(),
        }
    }

    /// What follows comes from this zip entry.
    pub(crate) fn set_entry(&mut self, entry: Option<String>) {
        self.entry = entry;
    }

    fn reject_row(&mut self, line: u64, reason: String, row: &[u8]) {
        self.outcome.rejected_rows += 1;
        if self.outcome.rejected_rows <= self.options.limits.max_rejected_rows {
            (self.reject)(Rejected {
                file: self.file.to_owned(),
                entry: self.entry.clone(),
                line: Some(line),
                reason,
                sample: sample(row),
            });
        }
    }

    /// Decodes a chunk and delivers its good rows.
    pub(crate) fn rows(&mut self, chunk: &Chunk<'_>) -> Result<(), Stop> {
        for bad in chunk.bad {
            self.reject_row(bad.line, bad.reason.clone(), &bad.sample);
        }
        if chunk.rows.is_empty() {
            return Ok(());
        }
        let text = chunk.text;
        let first_bad = match std::str::from_utf8(text) {
            Ok(_) => match self.decoder.decode(text, chunk.rows) {
                Ok(batch) => return self.batch(&batch, |index| row_of(text, &chunk.rows[index])),
                Err(fault) => fault.row,
            },
            Err(_) => 0,
        };
        // Some row is bad. Rows before it are known to be good; each further one is tried alone,
        // then the good ones are decoded together.
        let mut good = chunk.rows[..first_bad].to_vec();
        for row in &chunk.rows[first_bad..] {
            let bytes = &text[row.start..row.end];
            let checked = match std::str::from_utf8(bytes) {
                Ok(_) => self.decoder.check(bytes),
                Err(error) => Err(format!("the row is no valid UTF-8 (at byte {})", error.valid_up_to() + 1)),
            };
            match checked {
                Ok(()) => good.push(*row),
                Err(reason) => self.reject_row(row.line, reason, bytes),
            }
        }
        if good.is_empty() {
            return Ok(());
        }
        let batch = self.decoder.decode(text, &good).map_err(|fault| {
            Stop::Fatal(Error::Decoder { line: good.get(fault.row).map_or(0, |row| row.line), reason: fault.reason })
        })?;
        self.batch(&batch, |index| row_of(text, &good[index]))
    }

    /// Checks the day of each row and delivers a batch of the table's full schema. `origin` gives
    /// the line and the text of a row.
    pub(crate) fn batch<'t>(
        &mut self,
        batch: &RecordBatch,
        origin: impl Fn(usize) -> (u64, &'t [u8]),
    ) -> Result<(), Stop> {
        let mut kept = None;
        if let (Some(expected), Some(dates)) =
            (&self.options.expected_date, batch.column_by_name(&self.options.day_column))
        {
            let wrong = wrong_dates(dates, expected);
            if !wrong.is_empty() {
                let mut keep = vec![true; batch.num_rows()];
                for (index, found) in wrong {
                    keep[index] = false;
                    let (line, row) = origin(index);
                    let reason = format!("{}: expected {expected}, found {found}", self.options.day_column);
                    self.reject_row(line, reason, row);
                }
                let filtered = filter_record_batch(batch, &BooleanArray::from(keep));
                kept = Some(filtered.map_err(Error::from)?);
            }
        }
        let batch = kept.as_ref().unwrap_or(batch);
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = batch
            .schema()
            .fields()
            .iter()
            .zip(batch.columns())
            .filter(|(field, _)| !self.options.drop_date || field.name() != DATE)
            .map(|(_, column)| column.clone())
            .collect();
        let batch = RecordBatch::try_new(self.output.clone(), columns).map_err(Error::from)?;
        self.outcome.rows += batch.num_rows() as u64;
        (self.sink)(batch)?;
        Ok(())
    }

    /// Closes the file.
    pub(crate) fn finish(mut self, result: Result<(), Stop>, raw_bytes: u64) -> Result<FileOutcome, Error> {
        self.outcome.raw_bytes = raw_bytes;
        match result {
            Ok(()) => {}
            Err(Stop::Fatal(error)) => return Err(error),
            Err(Stop::File(kind)) => {
                let entry = match (self.entry.take(), &kind) {
                    (None, ErrorKind::Entry { entry, .. }) => Some(entry.clone()),
                    (entry, _) => entry,
                };
                let reason = kind.to_string();
                (self.reject)(Rejected {
                    file: self.file.to_owned(),
                    entry,
                    line: None,
                    reason: reason.clone(),
                    sample: String::new(),
                });
                self.outcome.file_rejected = Some(reason);
            }
        }
        Ok(self.outcome)
    }
}

fn row_of<'t>(text: &'t [u8], row: &Row) -> (u64, &'t [u8]) {
    (row.line, &text[row.start..row.end])
}

/// Rows whose day is another one, with the day found. Null is no other day.
fn wrong_dates(dates: &dyn Array, expected: &str) -> Vec<(usize, String)> {
    let found: Box<dyn Fn(usize) -> String + '_> = match dates.data_type() {
        DataType::Utf8 => {
            let dates = dates.as_string::<i32>();
            Box::new(|index| dates.value(index).to_owned())
        }
        DataType::Int64 => {
            let dates = dates.as_primitive::<Int64Type>();
            Box::new(|index| dates.value(index).to_string())
        }
        DataType::Date32 => {
            let dates = dates.as_primitive::<Date32Type>();
            Box::new(|index| format_date(i64::from(dates.value(index))).replace('-', ""))
        }
        // An instant is of the day that it has in UTC.
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let instants = dates.as_primitive::<TimestampMicrosecondType>();
            Box::new(|index| format_date(instants.value(index).div_euclid(MICROS_OF_DAY)).replace('-', ""))
        }
        _ => return Vec::new(),
    };
    (0..dates.len())
        .filter(|&index| dates.is_valid(index))
        .map(|index| (index, found(index)))
        .filter(|(_, found)| found != expected)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_short_valid_text() {
        assert_eq!(sample(b"{\"a\":1}\r"), "{\"a\":1}");
        assert_eq!(sample(b"a\xffb"), "a\u{fffd}b");
        let long = "ü".repeat(200);
        assert_eq!(sample(long.as_bytes()), "ü".repeat(150));
        let odd = format!("x{long}");
        assert_eq!(sample(odd.as_bytes()).len(), 299);
        assert!(sample(&[0xff; 1000]).len() <= SAMPLE_BYTES);
    }
}
