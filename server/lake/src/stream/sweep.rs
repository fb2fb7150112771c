//! Files that no version of a table needs any more, and when they go.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::locked;
use crate::Result;
use crate::delta::Table;
use crate::delta::parts::DiskFile;

/// Deletes files some time after they were replaced, since a query that began before may still read them.
pub(super) struct Sweeper {
    grace: Duration,
    doomed: Mutex<Vec<Doomed>>,
}

struct Doomed {
    due: Instant,
    table: Arc<Table>,
    file: DiskFile,
}

impl Sweeper {
    pub fn new(grace: Duration) -> Self {
        Sweeper { grace, doomed: Mutex::default() }
    }

    /// How long until it is worth while to look again.
    pub fn pause(&self) -> Duration {
        (self.grace / 4).clamp(Duration::from_millis(100), Duration::from_secs(30))
    }

    /// These files go when the grace time is over, unless a version names them then.
    pub fn doom(&self, table: &Arc<Table>, paths: impl IntoIterator<Item = String>) {
        let due = Instant::now() + self.grace;
        let doomed = paths.into_iter().map(|path| {
            let run = path.rsplit('/').next().and_then(crate::delta::parts::run_of).map(str::to_owned);
            Doomed { due, table: table.clone(), file: DiskFile { path, bytes: 0, run } }
        });
        locked(&self.doomed).extend(doomed);
    }

    /// What lies on the disk and is named by no version: its grace time begins now, since nobody knows when it was replaced.
    pub async fn doom_unreferenced(&self, table: &Arc<Table>) -> Result<()> {
        let current = table.current().await?;
        let live: HashSet<&str> = current.files.iter().map(|file| file.path.as_str()).collect();
        let unused = table
            .disk_files()
            .await?
            .into_iter()
            .filter(|file| file.run.is_some() && !live.contains(file.path.as_str()));
        self.doom(table, unused.map(|file| file.path));
        Ok(())
    }

    /// Deletes what is due.
    pub async fn sweep(&self) -> Result<u64> {
        let now = Instant::now();
        let due: Vec<Doomed> = locked(&self.doomed).extract_if(.., |doomed| doomed.due <= now).collect();
        let mut gone = 0;
        let mut rest = due.as_slice();
        while let Some(first) = rest.first() {
            let of_table = rest.iter().take_while(|doomed| Arc::ptr_eq(&doomed.table, &first.table)).count();
            let (files, others) = rest.split_at(of_table);
            let files: Vec<DiskFile> = files.iter().map(|doomed| doomed.file.clone()).collect();
            let _writer = first.table.writer().await;
            gone += first.table.delete_unreferenced(&files, &first.table.current().await?.files).await?;
            rest = others;
        }
        Ok(gone)
    }
}
