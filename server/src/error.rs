//! The server's one error: a kind that callers match, a sentence for people, and the source.

/// What went wrong, for callers to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No such run, day, object.
    NotFound,
    /// Whoever asks may not.
    Refused,
    /// The input is not acceptable.
    Invalid,
    /// It is running already, or something else has to end first.
    Conflict,
    /// Disk full, database locked, file unreadable: trying again later may work.
    Unavailable,
    /// Somebody asked to stop.
    Cancelled,
    /// A bug or an unexpected state.
    Internal,
}

/// An error with its kind, a sentence for people, and its source.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// For callers.
    pub kind: ErrorKind,
    /// What happened and what to do, as a sentence.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a deeper cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into(), source: None }
    }

    /// An error with its cause.
    pub fn with(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Error { kind, message: message.into(), source: Some(source.into()) }
    }

    /// The error and all its causes on one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

impl From<showrunner_lake::Error> for Error {
    fn from(error: showrunner_lake::Error) -> Self {
        use showrunner_lake::ErrorKind as Lake;
        let kind = match error.kind {
            Lake::NotFound => ErrorKind::NotFound,
            Lake::Exists | Lake::Conflict => ErrorKind::Conflict,
            Lake::Invalid | Lake::TooLarge => ErrorKind::Invalid,
            Lake::Storage | Lake::Timeout | Lake::Busy | Lake::Denied | Lake::Unavailable => ErrorKind::Unavailable,
            Lake::Cancelled => ErrorKind::Cancelled,
            Lake::Internal => ErrorKind::Internal,
        };
        let place = error.position.map(|p| format!(" (line {}, column {})", p.line, p.column)).unwrap_or_default();
        Error::with(kind, format!("{}{place}", error.message), error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Error::with(
            ErrorKind::Internal,
            "A stored record could not be read. This is a bug: please report the log.",
            error,
        )
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::StorageFull => "The disk is full. Free some space, then try again.".to_owned(),
            _ => format!("A file could not be read or written ({error})."),
        };
        Error::with(ErrorKind::Unavailable, message, error)
    }
}

/// The server's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_names_each_cause_once() {
        let lake = showrunner_lake::Error::with(
            showrunner_lake::ErrorKind::Storage,
            "The file could not be written.",
            std::io::Error::other("no space"),
        );
        let error = Error::from(lake);
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert_eq!(error.chain(), "The file could not be written.: no space");
    }
}
