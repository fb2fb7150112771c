//! Adding files to a table in one commit, and knowing afterwards whether it happened.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sweep::Sweeper;
use crate::delta::parts::{DiskFile, run_of};
use crate::delta::{Kind, Label, NewFile, Table, io_error};
use crate::{Error, ErrorKind, Result};

/// The log's application transaction of what is streamed; its version rises with every commit.
const TRANSACTION: &str = "stream";

/// Commits to one table. Its methods are called by who holds [`Table::writer`].
pub(super) struct Appender {
    table: Arc<Table>,
    sweeper: Arc<Sweeper>,
    /// Version of the application transaction that was committed last; `None` where the log has to say it.
    last: Option<i64>,
}

impl Appender {
    pub fn new(table: Arc<Table>, sweeper: Arc<Sweeper>) -> Self {
        Appender { table, sweeper, last: None }
    }

    /// Commits the files and returns the table's version. After an error they are not in the table, now or later.
    pub async fn append(&mut self, run_id: &str, files: &[NewFile]) -> Result<i64> {
        if let Err(error) = sync_files(&self.table, files).await {
            self.discard(files).await;
            return Err(error);
        }
        let last = match self.last {
            Some(last) => last,
            None => match self.table.transaction(TRANSACTION).await {
                Ok(last) => last.unwrap_or(0),
                Err(error) => {
                    self.discard(files).await;
                    return Err(error);
                }
            },
        };
        let transaction = Some((TRANSACTION.to_owned(), last + 1));
        let label = Label { transaction, kind: Kind::Append, ..Label::run(run_id) };
        let version = match self.table.replace(|_| false, files, &label).await {
            Ok(version) => version,
            Err(error) => self.after(error, last + 1, files).await?,
        };
        self.last = Some(last + 1);
        Ok(version)
    }

    /// The commit is said to have failed, which may be wrong: the log knows.
    async fn after(&mut self, error: Error, transaction: i64, files: &[NewFile]) -> Result<i64> {
        self.last = None;
        match self.table.transaction(TRANSACTION).await {
            Ok(Some(last)) if last >= transaction => Ok(self.table.current().await?.version),
            Ok(_) => {
                self.discard(files).await;
                Err(error)
            }
            Err(_unreadable) => {
                // It may be there after all, so nothing is deleted that a version could name by then.
                self.sweeper.doom(&self.table, files.iter().map(|file| file.path.clone()));
                Err(error)
            }
        }
    }

    /// Deletes files that were not committed.
    pub async fn discard(&self, files: &[NewFile]) {
        let disk = |file: &NewFile| DiskFile {
            path: file.path.clone(),
            bytes: file.bytes,
            run: file.path.rsplit('/').next().and_then(run_of).map(str::to_owned),
        };
        let files: Vec<DiskFile> = files.iter().map(disk).collect();
        let deleted = match self.table.current().await {
            Ok(current) => self.table.delete_unreferenced(&files, &current.files).await,
            Err(error) => Err(error),
        };
        if let Err(error) = deleted {
            tracing::warn!(table = %self.table.full_name(), %error, "files of a batch that failed stay until the next start");
        }
    }
}

/// Waits until the commit is on the disk: an acknowledged message is nowhere else.
pub(super) async fn sync_commit(table: &Table, version: i64) -> Result<()> {
    sync(vec![table.commit_path(version)]).await
}

/// Waits until files that are about to be committed are on the disk.
pub(super) async fn sync_files(table: &Table, files: &[NewFile]) -> Result<()> {
    sync(files.iter().map(|file| table.dir().join(&file.path)).collect()).await
}

/// Waits until these files are on the disk, and their names with them.
async fn sync(paths: Vec<PathBuf>) -> Result<()> {
    let wait = move || {
        let mut folders: Vec<&Path> = paths.iter().filter_map(|path| path.parent()).collect();
        folders.sort_unstable();
        folders.dedup();
        for path in paths.iter().map(PathBuf::as_path).chain(folders) {
            File::open(path).and_then(|file| file.sync_all()).map_err(|e| io_error("writing", path, e))?;
        }
        Ok(())
    };
    let done = tokio::task::spawn_blocking(wait).await;
    done.unwrap_or_else(|e| Err(Error::with(ErrorKind::Internal, "Waiting for the disk was cut short.", e)))
}
