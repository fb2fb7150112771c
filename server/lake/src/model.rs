//! What the data plane speaks of: days, progress, outcomes, statistics.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A layer of the lake, in the order in which data flows. Each name is also its SQL schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Zone {
    /// Raw values as delivered, nested, with where they came from.
    Bronze,
    /// Typed and deduplicated.
    Silver,
    /// Aggregates that reports read.
    Gold,
    /// The serving copy, in BigQuery's shape.
    Warehouse,
}

impl Zone {
    /// All zones in the order of the flow.
    pub const ALL: [Zone; 4] = [Zone::Bronze, Zone::Silver, Zone::Gold, Zone::Warehouse];

    /// The name in paths and SQL.
    pub fn name(self) -> &'static str {
        match self {
            Zone::Bronze => "bronze",
            Zone::Silver => "silver",
            Zone::Gold => "gold",
            Zone::Warehouse => "warehouse",
        }
    }
}

/// One day of one customer's dataset: the unit of delivery, replacement and reset.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Day {
    /// For instance `customer01`.
    pub customer: String,
    /// For instance `ga_sessions`.
    pub dataset: String,
    /// The folder's date; every row must belong to it.
    pub date: NaiveDate,
}

/// An object to be read: its bucket and key, with the size for progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Bucket name.
    pub bucket: String,
    /// Key within the bucket.
    pub key: String,
    /// Size in bytes, for progress.
    pub size: u64,
}

/// Where an input file lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileRef {
    /// In a bucket.
    Object(ObjectRef),
    /// On the local disk (`showrunner ingest FILE`).
    Local(std::path::PathBuf),
}

/// A day and the files that were delivered for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayInput {
    /// Which day is replaced.
    pub day: Day,
    /// Its files, all of them.
    pub files: Vec<FileRef>,
}

/// How far a step is. Totals are known before work starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Rows written so far.
    pub rows: u64,
    /// Input bytes read so far (compressed, as listed).
    pub bytes: u64,
    /// Input bytes in all.
    pub bytes_total: u64,
    /// Days finished.
    pub days: u64,
    /// Days in all.
    pub days_total: u64,
}

/// Receives progress and says whether to stop. Called from worker threads, often: must be cheap.
pub trait ProgressSink: Send + Sync {
    /// The newest state of the step.
    fn update(&self, progress: Progress);
    /// A file was read to its end, or held back.
    fn file_read(&self) {}
    /// True once the presenter asked to stop: work ends at the next safe point with
    /// [`crate::ErrorKind::Cancelled`], nothing half done is visible.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Progress that nobody watches.
pub struct Unwatched;
impl ProgressSink for Unwatched {
    fn update(&self, _: Progress) {}
}

/// A row or file that was held back, with the reason in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The day it was delivered for.
    pub day: Day,
    /// File name within the day's folder, with the zip entry behind `!`.
    pub file: String,
    /// 1-based line; `None` = the whole file.
    pub line: Option<u64>,
    /// A sentence.
    pub reason: String,
    /// The beginning of the row, at most 300 bytes.
    pub sample: String,
}

/// What bronze did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BronzeOutcome {
    /// Files read (good and bad).
    pub files: u64,
    /// Rows written.
    pub rows: u64,
    /// Rows held back (all are counted, the first of each file are kept in `quarantined`).
    pub rows_quarantined: u64,
    /// Files held back as a whole.
    pub files_quarantined: u64,
    /// Input bytes as delivered.
    pub bytes_in: u64,
    /// Input bytes unpacked.
    pub bytes_raw: u64,
    /// Rows written per day, in the order of the input.
    pub per_day: Vec<(Day, u64)>,
    /// Held-back rows and files.
    pub quarantined: Vec<Quarantined>,
    /// The table that was written.
    pub tables: Vec<TableOutcome>,
    /// Wall seconds.
    pub seconds: f64,
}

/// What was written into one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableOutcome {
    /// Table name without its zone.
    pub table: String,
    /// Rows in the partitions that were replaced.
    pub rows: u64,
    /// Parquet files written.
    pub files: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Delta version that the commit made.
    pub version: i64,
}

/// How many rows a rule of a transform touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleEffect {
    /// Table name without its zone.
    pub table: String,
    /// The rule's title, from the `.sql` file.
    pub rule: String,
    /// Rows (or values, where the title says so) that it changed or dropped.
    pub rows: u64,
}

/// What a transform step did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ZoneOutcome {
    /// Tables written.
    pub tables: Vec<TableOutcome>,
    /// Effects of the rules, summed over the days.
    pub rules: Vec<RuleEffect>,
    /// Wall seconds.
    pub seconds: f64,
}

/// A partition of a table as the Delta log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStat {
    /// The date; `None` for tables that are not partitioned by date.
    pub date: Option<NaiveDate>,
    /// The customer; `None` where the table is not partitioned by customer (warehouse).
    pub customer: Option<String>,
    /// Rows, from the log's statistics.
    pub rows: u64,
    /// Parquet files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A table as the Delta log knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableStat {
    /// Where it belongs.
    pub zone: Zone,
    /// Its name without the zone.
    pub table: String,
    /// One sentence on what it holds (from the `.sql` title).
    pub title: String,
    /// Current Delta version.
    pub version: i64,
    /// Number of columns at the top level.
    pub columns: usize,
    /// Partitions, sorted by date, then customer.
    pub partitions: Vec<PartitionStat>,
}

impl TableStat {
    /// `silver.sessions`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.zone.name(), self.table)
    }

    /// Rows of all partitions.
    pub fn rows(&self) -> u64 {
        self.partitions.iter().map(|p| p.rows).sum()
    }
    /// Files of all partitions.
    pub fn files(&self) -> u64 {
        self.partitions.iter().map(|p| p.files).sum()
    }
    /// Bytes of all partitions.
    pub fn bytes(&self) -> u64 {
        self.partitions.iter().map(|p| p.bytes).sum()
    }
}

/// What a reset or a deletion covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every customer's data in every zone. Schemas stay.
    All,
    /// One customer's data.
    Customer(String),
    /// Some days of one customer. What was streamed is not concerned: a stream is reset as a whole.
    Days(Vec<Day>),
    /// What was streamed: all rows of the stream's tables, and nothing else.
    Stream,
    /// All days of a dataset, whoever delivered them.
    Dataset(String),
}

/// One line of a dry run: what would go from one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurgeItem {
    /// `ingestion` or a zone's name.
    pub place: String,
    /// Table, or empty for the bucket.
    pub table: String,
    /// Objects (ingestion bucket), or partitions (tables).
    pub count: u64,
    /// Rows that go with them.
    pub rows: u64,
    /// Files on disk, those that only an interrupted run left behind included.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// An object that is not ours: named and left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignObject {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Why we think so, in words.
    pub reason: String,
}
