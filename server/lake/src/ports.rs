//! The ports: what an embedded or a cloud back end must offer. Each has one contract suite (feature `testing`).

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::Result;

mod jobs;
mod serving;
mod topics;
mod uploads;

pub use jobs::*;
pub use serving::*;
pub use topics::*;
pub use uploads::*;

/// An object's metadata, in Cloud Storage's terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectMeta {
    /// Bucket name.
    pub bucket: String,
    /// Key, without a leading slash.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Changes with every write of the key; microseconds since the epoch, as Cloud Storage's are.
    pub generation: i64,
    /// When it was written.
    pub updated: DateTime<Utc>,
}

/// When a write may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Overwrite.
    None,
    /// Only if the key does not exist (`ifGenerationMatch=0`); else [`crate::ErrorKind::Exists`].
    Absent,
}

/// What a bucket still keeps of objects that nobody lists any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// Older versions, of objects that were deleted or written over while versioning was on.
    pub versions: u64,
    /// Objects that are soft-deleted: they cannot be removed before their time.
    pub soft_deleted: u64,
}

/// Buckets and objects, after Cloud Storage.
#[async_trait]
pub trait Objects: Uploads {
    /// Creates the bucket; nothing happens if it is there.
    async fn create_bucket(&self, bucket: &str) -> Result<()>;
    /// Writes a small object in one piece. It appears whole or not at all.
    async fn put(&self, bucket: &str, key: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta>;
    /// Writes a stream of at most `limit` bytes ([`crate::ErrorKind::TooLarge`] beyond); appears whole or not at all.
    async fn put_stream(
        &self,
        bucket: &str,
        key: &str,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta>;
    /// Reads the whole object.
    async fn get(&self, bucket: &str, key: &str) -> Result<Bytes>;
    /// Opens the object for the blocking hot path.
    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn std::io::Read + Send>>;
    /// The object's path on the local disk, if it has one.
    fn local_path(&self, bucket: &str, key: &str) -> Option<std::path::PathBuf>;
    /// Metadata; [`crate::ErrorKind::NotFound`] if it is not there.
    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta>;
    /// All objects whose key begins with `prefix` (any string, not only whole folders), sorted by key.
    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>>;
    /// Copies on the store's side; the source stays untouched, the copy gets its own generation.
    async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta>;
    /// Deletes; fine if it is not there. Returns whether it was.
    async fn delete(&self, bucket: &str, key: &str) -> Result<bool>;
    /// CRC32C of the content, as Cloud Storage computes it.
    async fn crc32c(&self, bucket: &str, key: &str) -> Result<u32>;
    /// Removes leftovers of interrupted writes (temporary files, empty folders). Returns how many.
    async fn sweep(&self, bucket: &str) -> Result<u64>;
    /// Counts older versions of objects whose key begins with `prefix`, and those of them that were soft-deleted at `since` or later. A store
    /// without either has none.
    async fn past(&self, _bucket: &str, _prefix: &str, _since: DateTime<Utc>) -> Result<Past> {
        Ok(Past::default())
    }
    /// Deletes older versions of objects whose key begins with `prefix`; the newest stays. Returns how many.
    async fn forget_past(&self, _bucket: &str, _prefix: &str) -> Result<u64> {
        Ok(0)
    }
}

/// A warehouse table's shape: what a truncating load must not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehouseTable {
    /// Table name.
    pub name: String,
    /// Column names with BigQuery types, in order.
    pub columns: Vec<(String, String)>,
    /// The partitioning column (a DATE).
    pub partition: String,
    /// Clustering columns, in order.
    pub cluster: Vec<String>,
}

/// Datasets and tables, after BigQuery.
#[async_trait]
pub trait Warehouse: Send + Sync {
    /// Creates the table as given; nothing happens if it is there.
    async fn create_table(&self, table: &WarehouseTable) -> Result<()>;
    /// The table's shape as stored, for comparison before and after a reset.
    async fn table(&self, name: &str) -> Result<WarehouseTable>;
    /// Replaces whole date partitions by the rows given, atomically for all dates of the call: what one load job into a staging table and
    /// one MERGE do in BigQuery, where truncating load jobs into `table$YYYYMMDD` would be one for each date. Rows are record batches of
    /// the table's columns; a date with no batches becomes empty. `job` is the caller's own job id: the same id twice loads once.
    async fn load(
        &self,
        name: &str,
        job: &str,
        partitions: Vec<(NaiveDate, Vec<arrow::record_batch::RecordBatch>)>,
    ) -> Result<crate::model::TableOutcome>;
    /// Rows per date partition.
    async fn partitions(&self, name: &str) -> Result<Vec<(NaiveDate, u64)>>;
    /// Empties the table; shape, partitioning and clustering stay.
    async fn truncate(&self, name: &str) -> Result<()>;
}
