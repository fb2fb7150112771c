//! What can go wrong: errors of the machine ([`Error`]) and faults of a delivered file ([`ErrorKind`]).

use std::io;
use std::path::PathBuf;

/// A failure that is not the delivered file's fault: the caller stops or tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A schema that cannot be used.
    #[error("the schema is not usable: {0}. Correct the schema file and try again")]
    Schema(String),
    /// The source could not be opened or read.
    #[error("{file} could not be read: {source}. Check that the file exists and is readable")]
    Read {
        /// Name of the file as the caller gave it.
        file: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// The scratch directory could not take a temporary file.
    #[error(
        "the scratch directory {path} could not take a temporary file: {source}. Free some space or name another directory"
    )]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The Parquet writer failed.
    #[error("the Parquet file could not be written: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Arrow arrays could not be put together.
    #[error("the record batch could not be built: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Statistics could not be written as JSON.
    #[error("the statistics could not be written: {0}")]
    Json(#[from] serde_json::Error),
    /// A decoder broke its own promise; always a bug of this crate.
    #[error("the decoder accepted line {line} and then refused it: {reason}. Please report this")]
    Decoder {
        /// 1-based line.
        line: u64,
        /// What the decoder said the second time.
        reason: String,
    },
    /// The caller's sink failed.
    #[error("the rows could not be passed on: {0}")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Why a whole file is refused. Displays as a sentence for the quarantine page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// No bytes, or white space only.
    #[error("the file is empty")]
    Empty,
    /// Neither content nor name say what it is.
    #[error("the format is not known: expected NDJSON, a JSON array, CSV or Parquet, plain or in gz or zip")]
    UnknownFormat,
    /// A known container that is not read.
    #[error("{0} files are not read: deliver it plain, as gz or as zip")]
    Unsupported(&'static str),
    /// Broken contents.
    #[error("the file is damaged: {0}")]
    Corrupt(String),
    /// It unpacks to more than the limits allow.
    #[error("the file unpacks to too much data and was stopped: {0}")]
    TooLarge(String),
    /// A zip entry that is not acceptable.
    #[error("the zip entry '{entry}' is refused: {reason}")]
    Entry {
        /// Name as stored in the archive.
        entry: String,
        /// Why it is refused.
        reason: String,
    },
    /// Something packed within something packed.
    #[error("archives within archives are not read: pack '{0}' only once")]
    Nested(String),
    /// The columns do not fit the data set's schema.
    #[error("the columns do not fit the schema: {0}")]
    Columns(String),
}

/// Why reading a file stops early: the file's fault, or ours.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The file is quarantined; the run goes on.
    File(ErrorKind),
    /// The caller gets an error.
    Fatal(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

impl From<ErrorKind> for Stop {
    fn from(kind: ErrorKind) -> Self {
        Self::File(kind)
    }
}
