//! What the sinks tell.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::ports::Backlog;

/// One session that became visible in the warehouse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The replay that published it; empty for a message of somebody else.
    pub run_id: String,
    /// Its number within the replay.
    pub seq: u64,
    /// Its day.
    pub date: NaiveDate,
    /// Country as Google names it.
    pub country: Option<String>,
    /// `desktop`, `mobile` or `tablet`.
    pub device_category: Option<String>,
    /// Order value with tax and shipping in micros (millionths of the shop's currency); `None` without an order.
    pub revenue: Option<i64>,
    /// Names of the products whose pages were seen, each once.
    pub viewed: Vec<String>,
    /// When its message was published.
    pub published: DateTime<Utc>,
    /// When a query could see it.
    pub visible: DateTime<Utc>,
}

/// What happened in the sinks.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    /// Sessions became visible in the warehouse, in the order of their messages.
    Landed(Vec<Landed>),
    /// Messages could not be read. Their payloads are cut to 4 KB here; [`super::Sinks::dead_letters`] has the whole.
    DeadLettered(Vec<DeadLetter>),
    /// A window of bronze was written.
    Window {
        /// Rows in it.
        rows: u64,
        /// Parquet files, one for each day and customer.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Small files became large ones, asked for or by itself.
    Compacted(Vec<Compaction>),
    /// A sink cannot write, and why. It tries again.
    Trouble(String),
}

/// A message that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The replay that published it; empty for a message of somebody else.
    pub run_id: String,
    /// Its number within the replay.
    pub seq: u64,
    /// How often it was repaired before.
    pub attempt: u32,
    /// The message's id.
    pub message_id: String,
    /// When the sink got it.
    pub received: DateTime<Utc>,
    /// When it was published.
    pub published: DateTime<Utc>,
    /// Whose it is, as its attribute says; empty if it does not say it.
    pub customer: String,
    /// Its data as text.
    pub payload: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// A sentence: which field, which value, what was expected.
    pub reason: String,
}

/// What a compaction of a table did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compaction {
    /// `bronze.ga_sessions_stream`
    pub table: String,
    /// Partitions that had several files and have one now. 0: there was nothing to do.
    pub partitions: u64,
    /// Rows in them, the same before and after.
    pub rows: u64,
    /// Their files before.
    pub files_before: u64,
    /// Their files after.
    pub files_after: u64,
    /// The bytes of their files before.
    pub bytes_before: u64,
    /// The bytes of their files after.
    pub bytes_after: u64,
}

/// How much has come, and how much is waiting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Sessions in the warehouse.
    pub warehouse_rows: u64,
    /// Files that they stand in.
    pub warehouse_files: u64,
    /// Rows in bronze.
    pub bronze_rows: u64,
    /// Files that they stand in.
    pub bronze_files: u64,
    /// Bytes of these files.
    pub bronze_bytes: u64,
    /// Messages that bronze left out since the sinks were opened, since they cannot be read; the warehouse has their error records.
    pub bronze_skipped: u64,
    /// Messages in bronze's open window.
    pub window_rows: u64,
    /// Messages with an error record that nobody has repaired.
    pub dead_open: u64,
    /// Messages with an error record that landed later.
    pub dead_repaired: u64,
    /// What the warehouse sink has not acknowledged.
    pub warehouse_backlog: Backlog,
    /// What the bronze sink has not acknowledged.
    pub bronze_backlog: Backlog,
}

/// How much of a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunCounts {
    /// Sessions in the warehouse.
    pub warehouse: u64,
    /// Rows in bronze.
    pub bronze: u64,
    /// Messages with an error record that nobody has repaired.
    pub dead_open: u64,
    /// Messages with an error record that landed later.
    pub dead_repaired: u64,
    /// Error records, those of repairs that failed among them.
    pub dead_letters: u64,
}
