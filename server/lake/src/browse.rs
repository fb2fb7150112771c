//! Looking into a table: partitions, files, history, schema, rows. Nothing here changes anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::delta::{Current, LiveFile, Table, parts};
use crate::model::TableStat;
use crate::policy::Injected;
use crate::{Error, ErrorKind, Result};

mod fields;
mod footers;
mod history;
mod seen;
mod values;

pub use fields::{Difference, FieldNode, differences};
pub(crate) use footers::Footers;
pub use footers::{DayValues, FirstValues};
pub use history::{History, VersionLook};
pub(crate) use seen::Asking;
pub use values::{Content, LIST_WINDOW, Node, Preview, PreviewColumn};

/// One version of a table, held still for as long as somebody looks.
pub struct Look {
    table: Arc<Table>,
    current: Arc<Current>,
    footers: Arc<Footers>,
    /// Set where policies stand between the table and who looks.
    seen: Option<Arc<seen::Seen>>,
}

/// A partition: the files of one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLook {
    /// The folder below the table's root, `date=20170729/customer=customer01`; empty without partition columns.
    pub folder: String,
    /// The date, if there is one.
    pub date: Option<NaiveDate>,
    /// The customer, if there is one.
    pub customer: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// When its newest file was written, in milliseconds since the epoch.
    pub written: i64,
}

/// A Parquet file of the version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLook {
    /// Relative to the table's root.
    pub path: String,
    /// The run that wrote it.
    pub run: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// When it was written, in milliseconds since the epoch.
    pub written: i64,
}

impl FileLook {
    /// The folder that it lies in: its partition.
    pub fn folder(&self) -> &str {
        folder_of(&self.path).0
    }

    /// Its name alone.
    pub fn name(&self) -> &str {
        folder_of(&self.path).1
    }
}

/// `a/b/c` → (`a/b`, `c`).
fn folder_of(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

impl Look {
    pub(crate) async fn open(table: Arc<Table>, footers: Arc<Footers>, asking: Asking) -> Result<Self> {
        let current = table.current().await?;
        let seen = seen::Seen::of(&table, &current, asking).await?.map(Arc::new);
        Ok(Look { table, current, footers, seen })
    }

    /// What policies put between the table and who looks: then rows are those that are seen, and nothing is told of files, of the
    /// history and of how many values there are.
    pub fn injected(&self) -> Option<&Injected> {
        self.seen.as_ref().map(|seen| &seen.injected)
    }

    /// The table as the log knows it, or as much of it as is seen.
    pub fn stat(&self) -> &TableStat {
        self.seen.as_ref().map_or(&self.current.stat, |seen| &seen.stat)
    }

    /// When this version was committed, in milliseconds since the epoch; `None` if its commit is no longer in the log.
    pub fn changed(&self) -> Option<i64> {
        self.table.committed(self.current.version)
    }

    /// All partitions, newest date first.
    pub fn partitions(&self) -> Vec<PartitionLook> {
        let mut found: BTreeMap<&str, PartitionLook> = BTreeMap::new();
        for file in &self.current.files {
            let folder = folder_of(&file.path).0;
            let partition = found.entry(folder).or_insert_with(|| PartitionLook {
                folder: folder.to_owned(),
                date: file.date(),
                customer: file.partition.get("customer").cloned(),
                rows: 0,
                files: 0,
                bytes: 0,
                written: 0,
            });
            partition.rows += file.rows;
            partition.files += 1;
            partition.bytes += file.bytes;
            partition.written = partition.written.max(file.written());
        }
        let mut partitions: Vec<_> = match &self.seen {
            None => found.into_values().collect(),
            Some(seen) => found.into_values().filter_map(|partition| seen.partition(partition)).collect(),
        };
        partitions.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.folder.cmp(&b.folder)));
        partitions
    }

    /// The files of a partition, by name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if this version has no such partition.
    pub fn files(&self, folder: &str) -> Result<Vec<FileLook>> {
        if let Some(seen) = &self.seen {
            return seen.file(folder).map(|file| vec![file]).ok_or_else(|| self.missing("partition", folder));
        }
        let mut files: Vec<_> =
            self.current.files.iter().filter(|f| folder_of(&f.path).0 == folder).map(file_look).collect();
        if files.is_empty() {
            return Err(self.missing("partition", folder));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The file of this path.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if this version has no such file: only what the log names is ever opened.
    pub fn file(&self, path: &str) -> Result<FileLook> {
        if let Some(seen) = &self.seen {
            let file = seen.file(folder_of(path).0).filter(|file| file.path == path);
            return file.ok_or_else(|| self.missing("file", path));
        }
        self.live(path).map(file_look)
    }

    fn live(&self, path: &str) -> Result<&LiveFile> {
        self.current.files.iter().find(|f| f.path == path).ok_or_else(|| self.missing("file", path))
    }

    fn missing(&self, what: &str, name: &str) -> Error {
        let name: String = name.chars().take(160).collect();
        Error::new(
            ErrorKind::NotFound,
            format!(
                "Version {} of {} has no {what} '{name}'. It may have been replaced since: open the list of partitions.",
                self.current.version,
                self.table.full_name()
            ),
        )
    }
}

fn file_look(file: &LiveFile) -> FileLook {
    FileLook {
        path: file.path.clone(),
        run: parts::run_of(folder_of(&file.path).1).map(str::to_owned),
        rows: file.rows,
        bytes: file.bytes,
        written: file.written(),
    }
}

/// Reading files blocks: apart from the threads that answer pages.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
        Err(Error::with(ErrorKind::Internal, format!("Looking into the lake stopped unexpectedly: {e}"), e))
    })
}
