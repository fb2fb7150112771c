//! Delta tables: one log and many Parquet files below one root. We write the Parquet files ourselves and commit
//! remove and add in one version, so that a reader sees a partition before or after its replacement and never between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use arrow::datatypes::{Schema, SchemaRef};
use chrono::NaiveDate;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, FinalizedCommit, TransactionError};
use deltalake::kernel::{Action, Add, LogicalFileView, Transaction};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};

use crate::calls::{self, Begun, Outcome, Size};
use crate::datasets::GA_SESSIONS;
use crate::model::{PartitionStat, TableStat, Zone};
use crate::purge::Owners;
use crate::{Error, ErrorKind, Result};

mod create;
mod failure;
mod home;
mod log;
pub(crate) mod mirror;
pub(crate) mod parts;
mod versions;

pub(crate) use failure::{delta_error, io_error};
pub(crate) use home::Home;
pub(crate) use log::log_file;
pub(crate) use mirror::Mirror;

/// The folder of a table's log.
const LOG: &str = "_delta_log";
/// In the log of a table of a dataset that an admin defined: its name.
pub(crate) const DATASET: &str = "showrunner.dataset";
/// After so many versions a checkpoint is written, so that opening a table reads few log entries.
const CHECKPOINT_EVERY: i64 = 20;
/// How often a commit is tried again from a fresh snapshot when another process got in between.
const COMMIT_ATTEMPTS: usize = 6;

/// A table's fixed properties.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub zone: Zone,
    pub name: String,
    /// One sentence on what it holds.
    pub title: String,
    /// All columns, the partition columns included.
    pub schema: SchemaRef,
    /// Partition columns in the order of the folders.
    pub partition: Vec<String>,
    /// Kept in the log's metadata, for instance the clustering columns.
    pub properties: BTreeMap<String, String>,
}

impl Shape {
    /// `bronze.ga_sessions`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.zone.name(), self.name)
    }

    /// The dataset whose rows the table has: the one that it says, else the one that is built in.
    pub fn dataset(&self) -> &str {
        self.properties.get(DATASET).map_or(GA_SESSIONS, String::as_str)
    }

    /// The columns that stand in the Parquet files: all but the partition columns.
    pub fn data_schema(&self) -> SchemaRef {
        let fields: Vec<_> =
            self.schema.fields().iter().filter(|f| !self.partition.contains(f.name())).cloned().collect();
        Arc::new(Schema::new(fields))
    }
}

/// A partition, or several: every file with these values belongs to it. In folder order.
pub(crate) type PartitionKey = Vec<(String, String)>;

/// A Parquet file that is on disk and not yet in the log.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    /// Relative to the table's root.
    pub path: String,
    pub partition: PartitionKey,
    pub rows: u64,
    pub bytes: u64,
    /// Delta's per-file statistics as JSON.
    pub stats: String,
}

/// A file of the current version.
#[derive(Clone)]
pub(crate) struct LiveFile {
    /// Relative to the table's root.
    pub path: String,
    pub partition: BTreeMap<String, String>,
    pub rows: u64,
    pub bytes: u64,
    view: LogicalFileView,
}

impl LiveFile {
    /// Whether the file carries all these partition values.
    pub fn is_in(&self, key: &PartitionKey) -> bool {
        key.iter().all(|(column, value)| self.partition.get(column) == Some(value))
    }

    /// When it was written, in milliseconds since the epoch.
    pub fn written(&self) -> i64 {
        self.view.modification_time()
    }

    /// The date of its partition: the partition column that is not the customer.
    pub fn date(&self) -> Option<NaiveDate> {
        self.partition.iter().find(|(column, _)| *column != "customer").and_then(|(_, value)| parts::parse_date(value))
    }
}

/// A version of a table, immutable.
pub(crate) struct Current {
    /// delta-rs's handle on this version.
    pub table: DeltaTable,
    pub version: i64,
    pub files: Vec<LiveFile>,
    pub stat: TableStat,
}

/// Who commits, for the history, and how a repeated commit is recognised.
#[derive(Debug, Clone)]
pub(crate) struct Label<'a> {
    pub run_id: &'a str,
    /// Set where a repetition must change nothing: recorded as the log's application transaction, an id with a version, which may be
    /// [`THIS_VERSION`].
    pub transaction: Option<(String, i64)>,
    /// What the version does to the rows.
    pub kind: Kind,
}

/// Stands for the table's version that a commit makes.
pub(crate) const THIS_VERSION: i64 = -1;

/// What a version does to a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Partitions are replaced or emptied.
    Replace,
    /// Rows are added to what is there.
    Append,
    /// The same rows stand in other files: who reads changes has nothing to read.
    Compact,
}

impl<'a> Label<'a> {
    pub fn run(run_id: &'a str) -> Self {
        Label { run_id, transaction: None, kind: Kind::Replace }
    }
}

/// One Delta table. Reads take the newest known version; writers of this process take turns.
pub(crate) struct Table {
    pub shape: Shape,
    dir: PathBuf,
    /// Where the table lies, if the folder has a copy only.
    mirror: Option<Mirror>,
    log_store: LogStoreRef,
    current: RwLock<Option<Arc<Current>>>,
    writer: tokio::sync::Mutex<()>,
    epoch: Arc<AtomicU64>,
    /// Another process may be writing: look for new versions before each read.
    follow: bool,
    pub owners: Owners,
}

impl Table {
    /// A handle; reads nothing yet.
    pub fn new(shape: Shape, dir: PathBuf, epoch: Arc<AtomicU64>, follow: bool) -> Result<Self> {
        let url = home::directory_url(&dir)?;
        let log_store = DeltaTableBuilder::from_url(url)
            .and_then(|b| b.build_storage())
            .map_err(|e| delta_error("opening", &shape.name, e))?;
        Ok(Table {
            shape,
            dir,
            mirror: None,
            log_store,
            current: RwLock::new(None),
            writer: tokio::sync::Mutex::new(()),
            epoch,
            follow,
            owners: Owners::default(),
        })
    }

    /// `bronze.ga_sessions`
    pub fn full_name(&self) -> String {
        self.shape.full_name()
    }

    /// The root on the local disk.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether a log is there.
    pub fn exists(&self) -> bool {
        self.dir.join(LOG).is_dir()
    }

    /// Writers hold this from their first Parquet file to their commit.
    pub async fn writer(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writer.lock().await
    }

    /// The newest version.
    pub async fn current(&self) -> Result<Arc<Current>> {
        let known = self.current.read().unwrap_or_else(|e| e.into_inner()).clone();
        match known {
            Some(current) if !self.follow => Ok(current),
            known => self.refresh(known).await,
        }
    }

    /// Reads what came into the log since `known`.
    async fn refresh(&self, known: Option<Arc<Current>>) -> Result<Arc<Current>> {
        let mut table = match &known {
            Some(current) => current.table.clone(),
            None => DeltaTable::new(self.log_store.clone()),
        };
        table.update_incremental(None).await.map_err(|e| delta_error("reading the log of", &self.full_name(), e))?;
        if let (Some(known), Some(version)) = (&known, table.version())
            && known.version == version as i64
        {
            return Ok(known.clone());
        }
        self.install(table).await
    }

    async fn install(&self, table: DeltaTable) -> Result<Arc<Current>> {
        let current = Arc::new(self.describe(table)?);
        if let Some(mirror) = &self.mirror {
            mirror.fetch_log(&self.dir).await?;
            mirror.fetch(&self.dir, current.files.iter().map(|file| (file.path.clone(), file.bytes))).await?;
        }
        *self.current.write().unwrap_or_else(|e| e.into_inner()) = Some(current.clone());
        Ok(current)
    }

    fn describe(&self, table: DeltaTable) -> Result<Current> {
        let state = table.snapshot().map_err(|e| delta_error("reading the log of", &self.full_name(), e))?;
        let version = state.version() as i64;
        let log =
            state.snapshot().try_log_data().map_err(|e| delta_error("reading the log of", &self.full_name(), e))?;
        let files: Vec<LiveFile> = log
            .iter()
            .map(|view| LiveFile {
                path: view.path().into_owned(),
                partition: view.partition_values_map().into_iter().filter_map(|(k, v)| v.map(|v| (k, v))).collect(),
                rows: view.num_records().unwrap_or(0) as u64,
                bytes: view.size().max(0) as u64,
                view,
            })
            .collect();
        let stat = self.statistics(version, &files);
        Ok(Current { table, version, files, stat })
    }

    fn statistics(&self, version: i64, files: &[LiveFile]) -> TableStat {
        let mut partitions: BTreeMap<(Option<NaiveDate>, Option<String>), PartitionStat> = BTreeMap::new();
        for file in files {
            let date = file.date();
            let customer = file.partition.get("customer").cloned();
            let entry = partitions.entry((date, customer.clone())).or_insert(PartitionStat {
                date,
                customer,
                rows: 0,
                files: 0,
                bytes: 0,
            });
            entry.rows += file.rows;
            entry.files += 1;
            entry.bytes += file.bytes;
        }
        TableStat {
            zone: self.shape.zone,
            table: self.shape.name.clone(),
            title: self.shape.title.clone(),
            version,
            columns: self.shape.schema.fields().len(),
            partitions: partitions.into_values().collect(),
        }
    }

    /// Replaces the files that `drop` names by `adds`, in one version. Nothing to do: no version. The caller holds [`Table::writer`].
    pub async fn replace(&self, drop: impl Fn(&LiveFile) -> bool, adds: &[NewFile], label: &Label<'_>) -> Result<i64> {
        if let Some(mirror) = &self.mirror {
            mirror.send(&self.dir, adds.iter().map(|file| file.path.clone()).collect()).await?;
        }
        for attempt in 1.. {
            let current = self.current().await?;
            let change = label.kind != Kind::Compact;
            let dropped = current.files.iter().filter(|f| drop(f));
            let mut actions: Vec<Action> = dropped.map(|f| Action::Remove(f.view.remove_action(change))).collect();
            actions.extend(adds.iter().map(|f| Action::Add(add_action(f, change))));
            if actions.is_empty() && label.transaction.is_none() {
                return Ok(current.version);
            }
            let size =
                Size { rows: Some(adds.iter().map(|f| f.rows).sum()), bytes: Some(adds.iter().map(|f| f.bytes).sum()) };
            match self.commit(&current, actions, label, size).await {
                Ok(version) => return Ok(version),
                Err(e) if is_conflict(&e) && attempt < COMMIT_ATTEMPTS => {
                    tracing::warn!(table = %self.full_name(), attempt, "another process committed first; trying again from its version");
                    let newest = self.refresh(Some(current)).await?;
                    // Our own commit, whose answer was lost.
                    let there: BTreeSet<&str> = newest.files.iter().map(|file| file.path.as_str()).collect();
                    if !adds.is_empty() && adds.iter().all(|file| there.contains(file.path.as_str())) {
                        return Ok(newest.version);
                    }
                }
                Err(e) if is_conflict(&e) => {
                    return Err(Error::with(
                        ErrorKind::Conflict,
                        format!(
                            "Another process keeps writing to {}. Stop it, then start the step again.",
                            self.full_name()
                        ),
                        e,
                    ));
                }
                Err(e) => return Err(delta_error("committing to", &self.full_name(), e)),
            }
        }
        unreachable!("the loop returns")
    }

    async fn commit(
        &self,
        current: &Current,
        actions: Vec<Action>,
        label: &Label<'_>,
        size: Size,
    ) -> Result<i64, DeltaTableError> {
        // Checkpoints are a separate, best-effort step: were they part of the commit, their failure would look like the commit's.
        let mut properties = CommitProperties::default()
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .with_metadata([("runId".to_owned(), serde_json::Value::from(label.run_id))]);
        if let Some((id, version)) = &label.transaction {
            let version = if *version == THIS_VERSION { current.version + 1 } else { *version };
            properties = properties.with_application_transaction(Transaction::new(id, version));
        }
        let operation = self.operation(label.kind);
        let commit = self.describe_commit(current, &operation, &actions);
        let begun = Begun::now();
        let done = self.write_version(current, actions, properties, operation).await;
        let error = done.as_ref().err().map(|e| match is_conflict(e) {
            true => "Another process committed this version first.".to_owned(),
            false => format!("The commit failed: {e}"),
        });
        let outcome = if error.is_none() { Outcome::Ok } else { Outcome::Failed };
        begun.note(commit.into(), outcome, error, size);
        let done = done?;
        let version = done.version() as i64;
        let mut table = current.table.clone();
        table.state = Some(done.snapshot());
        self.epoch.fetch_add(1, Ordering::SeqCst);
        if let Err(e) = self.install(table).await {
            // The commit stands; the next reader loads it from the log.
            tracing::warn!(table = %self.full_name(), error = %e, "could not describe the new version");
            *self.current.write().unwrap_or_else(|e| e.into_inner()) = None;
        }
        if (version + 1) % CHECKPOINT_EVERY == 0
            && let Err(e) = self.checkpoint().await
        {
            tracing::warn!(table = %self.full_name(), error = %e, "could not write a checkpoint");
        }
        Ok(version)
    }

    fn operation(&self, kind: Kind) -> DeltaOperation {
        let mode = match kind {
            Kind::Replace => SaveMode::Overwrite,
            Kind::Append => SaveMode::Append,
            Kind::Compact => return DeltaOperation::Optimize { predicate: None, target_size: i64::MAX },
        };
        let partition_by = (!self.shape.partition.is_empty()).then(|| self.shape.partition.clone());
        DeltaOperation::Write { mode, partition_by, predicate: None }
    }

    async fn write_version(
        &self,
        current: &Current,
        actions: Vec<Action>,
        properties: CommitProperties,
        operation: DeltaOperation,
    ) -> Result<FinalizedCommit, DeltaTableError> {
        let state = current.table.snapshot()?;
        CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state), self.log_store.clone(), operation)
            .await
    }

    /// What a commit of these actions does, for the call log.
    fn describe_commit(&self, current: &Current, operation: &DeltaOperation, actions: &[Action]) -> calls::Commit {
        let mut commit = calls::Commit {
            zone: self.shape.zone,
            table: self.shape.name.clone(),
            delta: operation.name().to_owned(),
            version: current.version + 1,
            added: 0,
            removed: 0,
            partitions: Vec::new(),
        };
        let mut folders = BTreeSet::new();
        for action in actions {
            let path = match action {
                Action::Add(add) => {
                    commit.added += 1;
                    &add.path
                }
                Action::Remove(remove) => {
                    commit.removed += 1;
                    &remove.path
                }
                _ => continue,
            };
            folders.extend(path.rsplit_once('/').map(|(folder, _)| folder));
        }
        commit.partitions = folders.into_iter().map(str::to_owned).collect();
        commit
    }

    /// Whether a commit with this transaction id is in the log.
    pub async fn has_transaction(&self, id: &str) -> Result<bool> {
        let current = self.current().await?;
        Ok(self.transaction_in(&current, id).await?.is_some())
    }

    /// The version of the last commit with this transaction id, from the log as it is on the disk now: after a commit whose outcome is
    /// not known, this says what became of it.
    pub async fn transaction(&self, id: &str) -> Result<Option<i64>> {
        let known = self.current.read().unwrap_or_else(|e| e.into_inner()).clone();
        let newest = self.refresh(known).await?;
        self.transaction_in(&newest, id).await
    }

    async fn transaction_in(&self, current: &Current, id: &str) -> Result<Option<i64>> {
        let state = current.table.snapshot().map_err(|e| delta_error("reading the log of", &self.full_name(), e))?;
        let found = state.transaction_version(self.log_store.as_ref(), id).await;
        found.map_err(|e| delta_error("reading the log of", &self.full_name(), e))
    }

    /// Schema, partitioning and properties as the log has them, for comparison before and after a reset.
    pub async fn shape_in_log(&self) -> Result<String> {
        let current = self.current().await?;
        let state = current.table.snapshot().map_err(|e| delta_error("reading the log of", &self.full_name(), e))?;
        let schema = serde_json::to_string(state.schema().as_ref()).map_err(|e| {
            Error::with(ErrorKind::Internal, format!("The schema of {} cannot be written down.", self.full_name()), e)
        })?;
        let metadata = state.metadata();
        let properties: BTreeMap<_, _> = metadata.configuration().iter().collect();
        Ok(format!("{}\n{schema}\n{:?}\n{properties:?}", self.full_name(), metadata.partition_columns()))
    }
}

#[expect(clippy::disallowed_methods, reason = "the log wants the moment of the commit; no result depends on it")]
fn add_action(file: &NewFile, change: bool) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: file.partition.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect(),
        size: file.bytes as i64,
        modification_time: chrono::Utc::now().timestamp_millis(),
        data_change: change,
        stats: Some(file.stats.clone()),
        ..Add::default()
    }
}

fn is_conflict(error: &DeltaTableError) -> bool {
    matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::VersionAlreadyExists(_)
                    | TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_)
            }
    )
}
