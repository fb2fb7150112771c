//! From delivered files to Parquet: the hot path of the lake.
//!
//! [`read_file`] streams one file (NDJSON, JSON array, CSV or Parquet; plain, gz or zip) into
//! Arrow record batches of a nested schema, and reports bad rows and bad files instead of
//! failing. [`ParquetSink`] writes them. Everything is blocking `std::io`, bounded in memory, and
//! compiles without DataFusion.
//!
//! The rules of a row, the same for every format:
//! - unknown fields, fields that are there twice, and values of another type reject the row;
//! - INTEGER is a JSON number without fraction or a string of digits; BOOLEAN is `true`, `false`
//!   or these as text; FLOAT is a number or a number as text; STRING is text only;
//! - null and missing are the same; for REPEATED fields both are the empty list, so that every
//!   format gives the same rows. Null elements reject the row;
//! - in CSV an empty cell is null and a quoted empty cell is the empty string; a record whose
//!   dotted cells are all empty is null.

mod archive;
mod compress;
mod csv;
mod decode;
mod deliver;
mod error;
mod infer;
mod json_array;
mod lines;
mod oracle;
mod parquet_in;
mod parquet_out;
mod read;
mod schema;
mod sniff;
mod source;
mod time;

pub use decode::{ArrowJsonDecoder, Decoder, OnePassDecoder, RowFault};
pub use error::{Error, ErrorKind};
pub use infer::{Inferred, InferredColumn, SAMPLE_LIMIT, infer};
pub use lines::Row;
pub use parquet_out::{ParquetSink, WrittenFile};
pub use read::{BatchSink, DecoderKind, FileOutcome, Limits, ReadOptions, RejectSink, Rejected, read_file};
pub use schema::{FieldSchema, FieldType, GaSessionsVersion, Mode, TableSchema, ga_sessions_schema};
pub use sniff::{Compression, Format, sniff};
pub use source::{FileSource, Source};
