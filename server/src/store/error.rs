//! What the control database's errors mean for a person.

use crate::error::{Error, ErrorKind};

/// Primary SQLite result codes (the low byte), from <https://www.sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// Turns a database error into a sentence.
pub(super) fn explain(error: sqlx::Error) -> Error {
    let code = match &error {
        sqlx::Error::Database(db) => db.code().and_then(|code| code.parse::<i32>().ok()),
        _ => None,
    };
    let (kind, message) = match (&error, code.map(|code| code & 0xFF)) {
        (sqlx::Error::RowNotFound, _) => (ErrorKind::NotFound, "There is no such record any more. Reload the page."),
        (sqlx::Error::PoolTimedOut, _) | (_, Some(BUSY | LOCKED)) => (
            ErrorKind::Unavailable,
            "The control database is locked by another program. Close what has control.db open, then try again; nothing was changed.",
        ),
        (_, Some(FULL)) => (
            ErrorKind::Unavailable,
            "The disk is full, so the control database could not be written. Free some space, then try again; nothing is lost.",
        ),
        (_, Some(READONLY)) => (
            ErrorKind::Unavailable,
            "The control database may only be read. Make the data folder and control.db writable, then try again.",
        ),
        (_, Some(IOERR)) => (
            ErrorKind::Unavailable,
            "The control database's file could not be read or written. Check the disk, then try again.",
        ),
        (_, Some(CANTOPEN)) => (
            ErrorKind::Unavailable,
            "The control database could not be opened. Check that the data folder exists and is writable.",
        ),
        (_, Some(CORRUPT | NOTADB)) => (
            ErrorKind::Unavailable,
            "The control database is damaged. Stop the server, put back a copy of the data folder, or delete the folder for a factory reset.",
        ),
        _ => {
            (ErrorKind::Internal, "The control database did not accept a change. This is a bug: please report the log.")
        }
    };
    Error::with(kind, message, error)
}

/// As [`explain`], for errors while migrating.
pub(super) fn explain_migration(error: sqlx::migrate::MigrateError) -> Error {
    use sqlx::migrate::MigrateError;
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => explain(error),
        MigrateError::VersionMissing(version) => Error::new(
            ErrorKind::Invalid,
            format!(
                "The data folder was made by a newer Showrunner (it knows migration {version}). Use that version, or another --data-dir."
            ),
        ),
        other => Error::with(
            ErrorKind::Internal,
            "The control database could not be migrated. Use the Showrunner that made the data folder, or another --data-dir.",
            other,
        ),
    }
}
