//! The facade: everything the server asks of the data plane.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;

use crate::model::*;
use crate::ports::{Objects, Topic, Warehouse};
use crate::Result;

/// Where the lake lies and how much it may use.
#[derive(Debug, Clone)]
pub struct LakeConfig {
    /// The data folder. Buckets lie in `buckets/`, the warehouse in `warehouse/`, scratch files in `scratch/`.
    pub data_dir: PathBuf,
    /// The `{id}` in bucket names, `[a-z0-9-]`.
    pub id: String,
    /// The `{stage}` in bucket names, for instance `dev`.
    pub stage: String,
    /// Worker threads for ingestion.
    pub workers: usize,
    /// Memory for one query in bytes; beyond it the engine spills to `scratch/`.
    pub query_memory: usize,
}

/// Names that follow from id and stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `sa-source-data-{id}-{stage}`
    pub source: String,
    /// `sa-ingestion-{id}-{stage}`
    pub ingestion: String,
    /// `sa-datalake-{id}-{stage}`
    pub datalake: String,
    /// `sa_bq_dataset_{id}_{stage}`
    pub dataset: String,
}

/// The topic on which the ingestion bucket announces objects, and the server's subscription to it.
pub const NOTIFICATION_TOPIC: &str = "ingestion-notifications";
/// See [`NOTIFICATION_TOPIC`].
pub const NOTIFICATION_SUBSCRIPTION: &str = "ingestion-notifications-server";

/// How long and how much a query may take.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// Rows returned at most; the result says when it was cut.
    pub rows: usize,
    /// Wall time.
    pub timeout: Duration,
}

/// A query's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// All rows, in batches (at least one, possibly empty, for the schema).
    pub batches: Vec<RecordBatch>,
    /// True when `limits.rows` cut it.
    pub cut: bool,
    /// Wall seconds.
    pub seconds: f64,
}

/// The data plane of one data folder. Cheap to clone behind an `Arc`; all methods may run at once.
pub struct Lake {}

impl Lake {
    /// Opens the folder, creating buckets, topics and empty tables that are missing. Idempotent.
    pub async fn open(config: LakeConfig) -> Result<Arc<Lake>>;
    /// Bucket and dataset names.
    pub fn names(&self) -> &Names;
    /// Buckets. Writes into the ingestion bucket publish an OBJECT_FINALIZE notification on [`NOTIFICATION_TOPIC`].
    pub fn objects(&self) -> &dyn Objects;
    /// Topics.
    pub fn topics(&self) -> &dyn Topic;
    /// Warehouse.
    pub fn warehouse(&self) -> &dyn Warehouse;
    /// Known datasets (`ga_sessions`).
    pub fn datasets(&self) -> Vec<String>;

    /// Reads the days' files and replaces those days in bronze, one commit for the call. A day all of whose files are held back is
    /// left as it was. Idempotent: the same `run_id` and input give the same table.
    pub async fn bronze(&self, run_id: &str, days: &[DayInput], progress: Arc<dyn ProgressSink>) -> Result<BronzeOutcome>;
    /// Recomputes silver for these days from bronze.
    pub async fn silver(&self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome>;
    /// Recomputes gold for these days from silver; tables that span days are recomputed for the customers concerned.
    pub async fn gold(&self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome>;
    /// Loads these days' date partitions of the warehouse from silver.
    pub async fn load_warehouse(&self, run_id: &str, days: &[Day], progress: Arc<dyn ProgressSink>) -> Result<ZoneOutcome>;

    /// A read-only query over `bronze.* silver.* gold.* warehouse.*`. Anything but a query is refused.
    pub async fn query(&self, sql: &str, limits: QueryLimits) -> Result<Answer>;
    /// All tables with their partitions, from the Delta logs (cached by version: cheap).
    pub async fn tables(&self) -> Result<Vec<TableStat>>;
    /// Rises with every commit to any table: the key for caches of query results.
    pub fn epoch(&self) -> u64;

    /// Dry run of [`Lake::purge`]: what would go from the ingestion bucket and each table. `customers` are the known ones.
    pub async fn purge_plan(&self, scope: &Scope) -> Result<Vec<PurgeItem>>;
    /// Removes the scope from one place (`ingestion`, `bronze`, `silver`, `gold`, `warehouse`): log and files. Idempotent, resumable.
    /// In gold and silver nothing of the scope stays; tables that span days are recomputed from what is left.
    pub async fn purge(&self, place: &str, scope: &Scope, run_id: &str) -> Result<Vec<PurgeItem>>;
    /// Objects in the ingestion and datalake buckets that are neither ours nor a known customer's.
    pub async fn foreign(&self, customers: &[String]) -> Result<Vec<ForeignObject>>;
    /// One checksum over names and contents of the whole source bucket, and its objects.
    pub async fn source_checksum(&self) -> Result<(String, u64)>;
    /// One checksum over every table's schema, partitioning and clustering.
    pub async fn schema_checksum(&self) -> Result<String>;
}
