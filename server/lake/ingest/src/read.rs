//! Streams one delivered file into record batches, and says what was wrong with the rest.

use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use crate::archive;
use crate::compress::{Guard, LimitReader, RawReader, StoredReader, gunzip, read_full};
use crate::csv::CsvRows;
use crate::decode::{ArrowJsonDecoder, Decoder, OnePassDecoder};
use crate::deliver::Delivery;
use crate::error::{Error, ErrorKind, Stop};
use crate::json_array::JsonArrayRows;
use crate::lines::{Cut, NdJsonRows, RowSource, RowsError};
use crate::parquet_in;
use crate::schema::TableSchema;
use crate::sniff::{Format, GZIP_MAGIC, is_zip, sniff_content, strip_gz};
use crate::source::Source;

/// One rejected row or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Name of the file as delivered.
    pub file: String,
    /// Entry within a zip archive.
    pub entry: Option<String>,
    /// 1-based line (for Parquet: row) on which the row starts; `None` is the file as a whole.
    pub line: Option<u64>,
    /// A sentence: which field, which value, what was expected.
    pub reason: String,
    /// The beginning of the row, at most 300 bytes, cut at a character boundary.
    pub sample: String,
}

/// Bounds that keep one file from taking the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Unpacked size of one file.
    pub max_uncompressed_bytes: u64,
    /// Unpacked to packed size; judged only past 64 MiB.
    pub max_ratio: u64,
    /// Length of one row of text.
    pub max_line_bytes: usize,
    /// Entries of a zip archive.
    pub max_zip_entries: usize,
    /// Nesting of a row; the row itself is level 1.
    pub max_depth: usize,
    /// Rejected rows that are reported for each file. All are counted.
    pub max_rejected_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_uncompressed_bytes: 64 << 30,
            max_ratio: 250,
            max_line_bytes: 64 << 20,
            max_zip_entries: 1_000,
            max_depth: 32,
            max_rejected_rows: 1_000,
        }
    }
}

/// Which decoder reads JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecoderKind {
    /// The one-pass decoder of this crate.
    #[default]
    OnePass,
    /// arrow-json behind a strict reader: several times slower, the oracle and the fallback.
    ArrowJson,
}

/// How to read a file.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The data set's schema.
    pub schema: Arc<TableSchema>,
    /// `20170729`: a row of another day, by [`ReadOptions::day_column`], is rejected; a missing day is fine.
    pub expected_date: Option<String>,
    /// The top-level column that says of which day a row is: `date`, unless the data set says otherwise.
    pub day_column: String,
    /// Leave the top-level `date` out of the batches, since it is the partition column.
    pub drop_date: bool,
    /// Text decoded into one batch. 4 MiB measured best.
    pub chunk_bytes: usize,
    /// Bounds.
    pub limits: Limits,
    /// Where temporary files go (Parquet in gz or zip, zip without a local file).
    pub scratch: PathBuf,
    /// Which decoder reads JSON.
    pub decoder: DecoderKind,
}

impl ReadOptions {
    /// The measured settings.
    pub fn new(schema: Arc<TableSchema>, scratch: impl Into<PathBuf>) -> Self {
        Self {
            schema,
            expected_date: None,
            day_column: crate::deliver::DATE.to_owned(),
            drop_date: false,
            chunk_bytes: 4 << 20,
            limits: Limits::default(),
            scratch: scratch.into(),
            decoder: DecoderKind::default(),
        }
    }

    /// Schema of the batches: the table's, without `date` if that is left out.
    pub fn output_schema(&self) -> SchemaRef {
        crate::deliver::output_schema(&self.schema.to_arrow(), self.drop_date)
    }

    fn cut(&self) -> Cut {
        let chunk_bytes = self.chunk_bytes.max(4);
        Cut {
            chunk_bytes,
            // Arrow's list and string offsets have 31 bits.
            max_row_bytes: self.limits.max_line_bytes.min(1 << 30),
            // Each record may stand in a list, which is a bracket more.
            max_depth: self.limits.max_depth.saturating_mul(2),
        }
    }

    pub(crate) fn new_decoder(&self) -> Box<dyn Decoder> {
        match self.decoder {
            DecoderKind::OnePass => Box::new(OnePassDecoder::new(&self.schema, self.limits.max_depth)),
            DecoderKind::ArrowJson => Box::new(ArrowJsonDecoder::new(&self.schema, self.limits.max_depth)),
        }
    }
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileOutcome {
    /// Rows delivered to the sink.
    pub rows: u64,
    /// Rows rejected.
    pub rejected_rows: u64,
    /// Bytes after decompression; for Parquet the size of the Parquet file.
    pub raw_bytes: u64,
    /// Why the whole file is rejected. The caller discards what was delivered of it.
    pub file_rejected: Option<String>,
}

/// Takes batches of whole rows.
pub type BatchSink<'a> = dyn FnMut(RecordBatch) -> Result<(), Error> + 'a;
/// Takes rejected rows and files.
pub type RejectSink<'a> = dyn FnMut(Rejected) + 'a;

/// Streams one file. Batches of whole rows go to `sink`, rejected rows to `reject`.
///
/// A damaged or refused file gives `Ok` with [`FileOutcome::file_rejected`], possibly after
/// batches were delivered: the caller discards the file's output. That rejection goes to `reject`
/// as well, with no line.
///
/// # Errors
/// Only what is not the file's fault: the source cannot be read, the scratch directory is full,
/// the sink failed.
pub fn read_file(
    name: &str,
    source: &dyn Source,
    options: &ReadOptions,
    sink: &mut BatchSink<'_>,
    reject: &mut RejectSink<'_>,
) -> Result<FileOutcome, Error> {
    let guard = Guard::new(options.limits.clone());
    let mut delivery = Delivery::new(name, options, sink, reject);
    let context = Context { name, options, guard: guard.clone() };
    let result = context.read_source(source, &mut delivery);
    delivery.finish(result, guard.raw_bytes())
}

/// What all steps of reading one file need.
pub(crate) struct Context<'a> {
    pub name: &'a str,
    pub options: &'a ReadOptions,
    pub guard: Rc<Guard>,
}

impl Context<'_> {
    fn read_source(&self, source: &dyn Source, delivery: &mut Delivery<'_>) -> Result<(), Stop> {
        let open = || source.open().map_err(|source| Error::Read { file: self.name.to_owned(), source });
        let mut head = [0; 4];
        let mut reader = open()?;
        let filled =
            read_full(&mut reader, &mut head).map_err(|source| Error::Read { file: self.name.to_owned(), source })?;
        let seekable = is_zip(&head) || &head == b"PAR1";
        if let Some(path) = source.path().filter(|_| seekable) {
            let file =
                std::fs::File::open(path).map_err(|source| Error::Read { file: self.name.to_owned(), source })?;
            if is_zip(&head) {
                return archive::read_zip(self, file, delivery);
            }
            self.guard.add_raw(source.len());
            return parquet_in::read_parquet(self, file, delivery);
        }
        let bytes = Cursor::new(head[..filled].to_vec()).chain(reader);
        let stored = StoredReader::new(bytes, self.guard.clone());
        if is_zip(&head) {
            let file = self.spool(&mut { stored })?;
            return archive::read_zip(self, file, delivery);
        }
        if head.starts_with(GZIP_MAGIC) {
            return self.read_document(self.name, stored, delivery);
        }
        let limited = LimitReader::new(stored, self.guard.clone());
        self.read_document(self.name, limited, delivery)
    }

    /// Reads a document that may be packed with gzip once more.
    pub(crate) fn read_document(
        &self,
        name: &str,
        mut reader: impl Read,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Stop> {
        let mut head = vec![0; 4096];
        let filled = read_full(&mut reader, &mut head).map_err(|error| self.fault(&error))?;
        head.truncate(filled);
        if head.is_empty() {
            return Err(ErrorKind::Empty.into());
        }
        let is_gzip = head.starts_with(GZIP_MAGIC);
        let reader: Box<dyn Read + '_> = Box::new(Cursor::new(head).chain(reader));
        if is_gzip {
            let unpacked = Box::new(gunzip(reader, &self.guard));
            return self.read_unpacked(strip_gz(name), unpacked, delivery);
        }
        self.read_unpacked(name, reader, delivery)
    }

    fn read_unpacked(
        &self,
        name: &str,
        mut reader: Box<dyn Read + '_>,
        delivery: &mut Delivery<'_>,
    ) -> Result<(), Stop> {
        let mut head = vec![0; 4096];
        let filled = read_full(&mut reader, &mut head).map_err(|error| self.fault(&error))?;
        head.truncate(filled);
        if head.is_empty() {
            return Err(ErrorKind::Empty.into());
        }
        if is_zip(&head) || head.starts_with(GZIP_MAGIC) {
            return Err(ErrorKind::Nested(name.to_owned()).into());
        }
        let format = sniff_content(name, &head).map_err(|kind| {
            // White space alone is as good as nothing.
            if head.iter().all(u8::is_ascii_whitespace) { ErrorKind::Empty } else { kind }
        })?;
        let mut reader = RawReader::new(Cursor::new(head).chain(reader), self.guard.clone());
        let cut = self.options.cut();
        match format {
            Format::NdJson => self.pump(&mut NdJsonRows::new(reader, cut), delivery),
            Format::JsonArray => self.pump(&mut JsonArrayRows::new(reader, cut), delivery),
            Format::Csv => {
                let mut rows =
                    CsvRows::new(reader, cut, &self.options.schema).map_err(|error| self.rows_fault(error))?;
                self.pump(&mut rows, delivery)
            }
            Format::Parquet => {
                let file = self.spool(&mut reader)?;
                parquet_in::read_parquet(self, file, delivery)
            }
        }
    }

    fn pump(&self, rows: &mut dyn RowSource, delivery: &mut Delivery<'_>) -> Result<(), Stop> {
        while let Some(chunk) = rows.next_chunk().map_err(|error| self.rows_fault(error))? {
            delivery.rows(&chunk)?;
        }
        if rows.saw_content() { Ok(()) } else { Err(ErrorKind::Empty.into()) }
    }

    fn rows_fault(&self, error: RowsError) -> Stop {
        match error {
            RowsError::Io(error) => self.fault(&error),
            RowsError::File(kind) => Stop::File(kind),
        }
    }

    /// Whose fault a failed read is.
    pub(crate) fn fault(&self, error: &io::Error) -> Stop {
        self.guard.classify(self.name, error)
    }

    /// Copies a stream to a temporary file, which vanishes with its handle, even on `kill -9`.
    fn spool(&self, reader: &mut dyn Read) -> Result<std::fs::File, Stop> {
        use std::io::{Seek, Write};
        let scratch = |source| Stop::Fatal(Error::Scratch { path: self.options.scratch.clone(), source });
        let mut file = tempfile::tempfile_in(&self.options.scratch).map_err(scratch)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            let filled = read_full(reader, &mut buffer).map_err(|error| self.fault(&error))?;
            if filled == 0 {
                break;
            }
            file.write_all(&buffer[..filled]).map_err(scratch)?;
        }
        file.rewind().map_err(scratch)?;
        Ok(file)
    }
}
