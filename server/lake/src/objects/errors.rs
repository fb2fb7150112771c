//! From what the disk says to a sentence that says what to do.

use std::error::Error as StdError;
use std::io;

use crate::{Error, ErrorKind};

/// Turns a failure of `object_store` into ours. `action` completes "Could not …".
pub(super) fn from_store(action: &str, error: object_store::Error) -> Error {
    match &error {
        object_store::Error::NotFound { .. } => {
            Error::with(ErrorKind::NotFound, format!("Could not {action}: it does not exist."), error)
        }
        object_store::Error::AlreadyExists { .. } => Error::with(
            ErrorKind::Exists,
            format!("Could not {action}: it exists already. It was left as it is."),
            error,
        ),
        _ => {
            let (kind, message) = match find_io(&error) {
                Some(io) => explain(action, io),
                None => (
                    ErrorKind::Storage,
                    format!("Could not {action}: {error}. Check the disk that holds the data folder."),
                ),
            };
            Error::with(kind, message, error)
        }
    }
}

/// Turns a failure of the file system into ours. `action` completes "Could not …".
pub(super) fn from_io(action: &str, error: io::Error) -> Error {
    let (kind, message) = explain(action, &error);
    Error::with(kind, message, error)
}

fn explain(action: &str, error: &io::Error) -> (ErrorKind, String) {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::NotFound => (ErrorKind::NotFound, format!("Could not {action}: it does not exist.")),
        Io::AlreadyExists => {
            (ErrorKind::Exists, format!("Could not {action}: it exists already. It was left as it is."))
        }
        Io::StorageFull | Io::QuotaExceeded => (
            ErrorKind::Storage,
            format!(
                "Could not {action}: the disk is full. Free space on the disk that holds the data folder, then try again."
            ),
        ),
        Io::PermissionDenied | Io::ReadOnlyFilesystem => (
            ErrorKind::Storage,
            format!(
                "Could not {action}: permission was denied. Give the user that runs showrunner the right to read and write the data folder, then try again."
            ),
        ),
        Io::NotADirectory | Io::IsADirectory | Io::DirectoryNotEmpty => (
            ErrorKind::Invalid,
            format!(
                "Could not {action}: on this store one name cannot be an object and a folder at once. Choose another key."
            ),
        ),
        Io::InvalidFilename => (
            ErrorKind::Invalid,
            format!("Could not {action}: the disk does not accept this name. Choose a shorter one."),
        ),
        Io::CrossesDevices => (
            ErrorKind::Storage,
            format!(
                "Could not {action}: the bucket's folder lies on another disk than the data folder. Move the whole data folder instead."
            ),
        ),
        _ => (ErrorKind::Storage, format!("Could not {action}: {error}. Check the disk that holds the data folder.")),
    }
}

fn find_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
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
    fn says_what_to_do() {
        let cases = [
            (io::ErrorKind::StorageFull, ErrorKind::Storage, "Free space"),
            (io::ErrorKind::QuotaExceeded, ErrorKind::Storage, "Free space"),
            (io::ErrorKind::PermissionDenied, ErrorKind::Storage, "the right to read and write"),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::Storage, "the right to read and write"),
            (io::ErrorKind::NotADirectory, ErrorKind::Invalid, "Choose another key"),
            (io::ErrorKind::InvalidFilename, ErrorKind::Invalid, "shorter"),
            (io::ErrorKind::NotFound, ErrorKind::NotFound, "does not exist"),
            (io::ErrorKind::AlreadyExists, ErrorKind::Exists, "left as it is"),
            (io::ErrorKind::CrossesDevices, ErrorKind::Storage, "whole data folder"),
            (io::ErrorKind::TimedOut, ErrorKind::Storage, "Check the disk"),
        ];
        for (io, kind, words) in cases {
            let direct = from_io("write `a`", io::Error::from(io));
            assert_eq!(direct.kind, kind, "{io:?}");
            assert!(direct.message.starts_with("Could not write `a`: "), "{}", direct.message);
            assert!(direct.message.contains(words), "{}", direct.message);
            // object_store hides the cause two levels deep.
            let wrapped = object_store::Error::Generic {
                store: "LocalFileSystem",
                source: Box::new(Wrapper(io::Error::from(io))),
            };
            assert_eq!(from_store("write `a`", wrapped).message, direct.message);
        }
    }

    #[test]
    fn the_number_of_a_full_disk_is_understood() {
        // ENOSPC is 28 on every Unix that we run on.
        #[cfg(unix)]
        assert!(from_io("write `a`", io::Error::from_raw_os_error(28)).message.contains("disk is full"));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("wrapper")]
    struct Wrapper(#[source] io::Error);
}
