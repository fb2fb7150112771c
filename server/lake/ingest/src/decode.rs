//! From JSON text to record batches.

mod column;
mod cursor;
mod one_pass;
mod record;

use arrow::record_batch::RecordBatch;

use crate::lines::Row;
pub use crate::oracle::ArrowJsonDecoder;
pub(crate) use cursor::parse_float;
pub use one_pass::OnePassDecoder;

/// The first row that a decoder refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// Index into the rows given.
    pub row: usize,
    /// A sentence: which field, which value, what was expected.
    pub reason: String,
}

/// Turns rows of JSON text into batches of one schema. Strict: it refuses what does not fit.
pub trait Decoder {
    /// Decodes all rows, each a JSON object within `text` and valid UTF-8.
    ///
    /// # Errors
    /// The first row that is refused; then nothing is kept of the others either.
    fn decode(&mut self, text: &[u8], rows: &[Row]) -> Result<RecordBatch, RowFault>;

    /// Tries one row and forgets it.
    ///
    /// # Errors
    /// Why it is refused.
    fn check(&mut self, row: &[u8]) -> Result<(), String>;
}
