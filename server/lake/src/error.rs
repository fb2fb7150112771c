//! Errors of the data plane: a kind that callers match, a sentence for people, and the source.

/// What went wrong, for callers to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An object, table or topic does not exist.
    NotFound,
    /// It exists already.
    Exists,
    /// A name, path, query or argument is not acceptable.
    Invalid,
    /// Larger than allowed.
    TooLarge,
    /// The disk is full, or a file cannot be read or written.
    Storage,
    /// Another writer changed the same partition; trying again from a fresh snapshot may work.
    Conflict,
    /// The presenter asked to stop.
    Cancelled,
    /// Took longer than allowed.
    Timeout,
    /// As much as is allowed at a time is under way already.
    Busy,
    /// Whoever asks may not, or nobody knows who asks.
    Denied,
    /// A service elsewhere does not answer, or is in trouble.
    Unavailable,
    /// A bug or an unexpected state.
    Internal,
}

/// A place in a query's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// An error with its kind, a sentence for people, and its source.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// For callers.
    pub kind: ErrorKind,
    /// What happened and what to do, as a sentence.
    pub message: String,
    /// Where in the query, if it is about a query and the place is known.
    pub position: Option<Position>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), position: None, source: None }
    }
    /// An error with its cause.
    pub fn with(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Error { kind, message: message.into(), position: None, source: Some(source.into()) }
    }
}

/// The data plane's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
