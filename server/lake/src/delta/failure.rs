//! Errors of the storage below the tables, in words that say what to do.

use std::error::Error as StdError;

use deltalake::DeltaTableError;

use crate::{Error, ErrorKind};

/// What a file operation's failure means for the presenter.
pub(crate) fn io_error(doing: &str, path: &std::path::Path, error: std::io::Error) -> Error {
    let advice = advice(&error);
    Error::with(ErrorKind::Storage, format!("{advice} ({doing} {}: {error})", path.display()), error)
}

/// What a failure of the Delta log means for the presenter.
pub(crate) fn delta_error(doing: &str, table: &str, error: DeltaTableError) -> Error {
    match find_io(&error) {
        Some(io) if io.kind() == std::io::ErrorKind::NotFound => {
            Error::with(ErrorKind::Internal, format!("A file of {table} is missing ({doing} {table}: {error})."), error)
        }
        Some(io) => {
            let advice = advice(io);
            Error::with(ErrorKind::Storage, format!("{advice} ({doing} {table}: {error})"), error)
        }
        None => Error::with(ErrorKind::Internal, format!("Something went wrong while {doing} {table}: {error}"), error),
    }
}

fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "The disk is full: free some space, then start the step again."
        }
        std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
            "The data folder cannot be written: check its permissions, then start the step again."
        }
        std::io::ErrorKind::NotFound => "A file is missing in the data folder.",
        _ => "The data folder cannot be read or written.",
    }
}

fn find_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a std::io::Error> {
    let mut next: Option<&'a (dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_as_such() {
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let plain = io_error("writing", std::path::Path::new("x"), full());
        assert_eq!(plain.kind, ErrorKind::Storage);
        assert!(plain.message.starts_with("The disk is full"), "{plain}");
        let deep = DeltaTableError::ObjectStore {
            source: deltalake::ObjectStoreError::Generic { store: "LocalFileSystem", source: Box::new(full()) },
        };
        let deep = delta_error("committing to", "bronze.x", deep);
        assert_eq!(deep.kind, ErrorKind::Storage);
        assert!(deep.message.starts_with("The disk is full"), "{deep}");
    }
}
