//! Upkeep of the log: checkpoints, and cutting it back after a reset.

use std::collections::HashSet;

use deltalake::checkpoints::create_checkpoint;

use super::{LOG, Table, delta_error, io_error};
use crate::Result;

/// What a file name in `_delta_log` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFile {
    /// A commit, with its version.
    Commit(i64),
    /// A checkpoint (or a part of one) of a version.
    Checkpoint(i64),
    /// The pointer to the last checkpoint.
    LastCheckpoint,
    /// A checksum of a version, or a leftover of an interrupted write.
    Other,
}

/// Recognises the names that the Delta protocol gives to files of the log; `None` = foreign.
pub(crate) fn log_file(name: &str) -> Option<LogFile> {
    if name == "_last_checkpoint" {
        return Some(LogFile::LastCheckpoint);
    }
    // object_store's staging files: `name#1`.
    if let Some((head, tail)) = name.rsplit_once('#')
        && tail.bytes().all(|b| b.is_ascii_digit())
        && log_file(head).is_some()
    {
        return Some(LogFile::Other);
    }
    let (version, rest) = name.split_at_checked(20)?;
    let version: i64 = version.bytes().all(|b| b.is_ascii_digit()).then(|| version.parse().ok())??;
    match rest {
        ".json" => Some(LogFile::Commit(version)),
        ".crc" => Some(LogFile::Other),
        _ if rest.starts_with(".checkpoint.") && rest.ends_with(".parquet") => Some(LogFile::Checkpoint(version)),
        _ => None,
    }
}

impl Table {
    /// Writes a checkpoint of the newest version.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        let current = self.current().await?;
        create_checkpoint(&current.table, None)
            .await
            .map_err(|e| delta_error("writing a checkpoint of", &self.full_name(), e))
    }

    /// Drops all history before the newest version: checkpoint first, then the entries that it replaces, so that the table is
    /// readable at every moment. The caller holds [`Table::writer`]. Returns how many files went.
    pub(crate) async fn forget_history(&self) -> Result<u64> {
        let current = self.current().await?;
        let log = self.dir.join(LOG);
        let names: Vec<String> = match &self.mirror {
            Some(mirror) => mirror.log_names().await?,
            None => std::fs::read_dir(&log)
                .and_then(|entries| entries.map(|e| e.map(|e| e.file_name().to_string_lossy().into_owned())).collect())
                .map_err(|e| io_error("listing", &log, e))?,
        };
        let old = |name: &String| match log_file(name) {
            Some(LogFile::Commit(v) | LogFile::Checkpoint(v)) => v < current.version,
            Some(LogFile::Other) => true,
            Some(LogFile::LastCheckpoint) | None => false,
        };
        let old: HashSet<&String> = names.iter().filter(|n| old(n)).collect();
        if old.is_empty() {
            return Ok(0);
        }
        if !names.iter().any(|n| log_file(n) == Some(LogFile::Checkpoint(current.version))) {
            self.checkpoint().await?;
        }
        if let Some(mirror) = &self.mirror {
            mirror.delete(old.iter().map(|name| format!("{LOG}/{name}")).collect()).await?;
        }
        for name in &old {
            let path = log.join(name);
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(io_error("deleting", &path, e));
                }
                _ => {}
            }
        }
        // The cached snapshot still lists the entries that went: load the table anew from its checkpoint.
        *self.current.write().unwrap_or_else(|e| e.into_inner()) = None;
        self.current().await?;
        Ok(old.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_log() {
        let cases = [
            ("00000000000000000007.json", Some(LogFile::Commit(7))),
            ("00000000000000000007.checkpoint.parquet", Some(LogFile::Checkpoint(7))),
            (
                "00000000000000000007.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet",
                Some(LogFile::Checkpoint(7)),
            ),
            ("00000000000000000007.crc", Some(LogFile::Other)),
            ("00000000000000000007.json#12", Some(LogFile::Other)),
            ("_last_checkpoint", Some(LogFile::LastCheckpoint)),
            ("7.json", None),
            ("notes.txt", None),
            ("0000000000000000000x.json", None),
        ];
        for (name, expected) in cases {
            assert_eq!(log_file(name), expected, "{name}");
        }
    }
}
