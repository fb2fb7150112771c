//! Looking back: the commits that the log still holds, and the schema that a version declared.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use arrow::datatypes::SchemaRef;
use deltalake::DeltaTable;

use super::log::{LogFile, log_file};
use super::{Current, Table, delta_error, io_error};
use crate::{Error, ErrorKind, Result};

impl Table {
    /// Versions whose commits are in the log, newest first. A reset cuts off what came before it.
    pub fn commits(&self) -> Result<Vec<i64>> {
        let log = self.dir.join("_delta_log");
        let mut versions = Vec::new();
        for entry in std::fs::read_dir(&log).map_err(|e| io_error("listing", &log, e))? {
            let name = entry.map_err(|e| io_error("listing", &log, e))?.file_name();
            if let Some(LogFile::Commit(version)) = log_file(&name.to_string_lossy()) {
                versions.push(version);
            }
        }
        versions.sort_unstable_by(|a, b| b.cmp(a));
        Ok(versions)
    }

    /// The commit's file.
    pub fn commit_path(&self, version: i64) -> PathBuf {
        self.dir.join("_delta_log").join(format!("{version:020}.json"))
    }

    /// When the version was committed, in milliseconds since the epoch; `None` if its commit is no longer there.
    pub fn committed(&self, version: i64) -> Option<i64> {
        let modified = self.commit_path(version).metadata().and_then(|m| m.modified()).ok()?;
        i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }

    /// The schema that this version declares.
    pub async fn schema_at(&self, current: &Current, version: i64) -> Result<SchemaRef> {
        let fail = |e| delta_error("reading the log of", &self.full_name(), e);
        if version == current.version {
            return Ok(current.table.snapshot().map_err(fail)?.snapshot().arrow_schema());
        }
        let gone = |source: Option<deltalake::DeltaTableError>| {
            let message = format!(
                "Version {version} of {} cannot be read: the newest is {}, and a reset drops the history before it.",
                self.full_name(),
                current.version
            );
            match source {
                Some(e) => Error::with(ErrorKind::Invalid, message, e),
                None => Error::new(ErrorKind::Invalid, message),
            }
        };
        let wanted = u64::try_from(version).ok().filter(|_| version < current.version).ok_or_else(|| gone(None))?;
        let mut table = DeltaTable::new(self.log_store.clone());
        table.load_version(wanted).await.map_err(|e| gone(Some(e)))?;
        Ok(table.snapshot().map_err(fail)?.snapshot().arrow_schema())
    }
}
