//! The lake page.

use serde::{Deserialize, Serialize};

use super::*;

/// The lake page: zones, tables, partitions, folders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeView {
    /// Day folders in the ingestion bucket, newest first.
    pub folders: Vec<FolderRow>,
    /// Tables.
    pub tables: Vec<TableRow>,
    /// Partitions of the selected table, newest first.
    pub partitions: Vec<PartitionRow>,
    /// `silver.sessions`
    pub selected: Option<String>,
}

/// A day folder of the ingestion bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderRow {
    /// `customer01/ga_sessions/2017-07-29`
    pub path: String,
    /// Files.
    pub files: String,
    /// Bytes.
    pub bytes: String,
    /// State.
    pub state: State,
    /// `Waiting for end_file.txt (1 file, 2.4 MB)`, `Ingested`, `Late file: x.gz came after the marker`
    pub state_text: String,
}

/// A table of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRow {
    /// `silver.sessions`
    pub name: String,
    /// What it holds.
    pub title: String,
    /// Rows.
    pub rows: String,
    /// Partitions.
    pub partitions: String,
    /// Files.
    pub files: String,
    /// Bytes.
    pub bytes: String,
    /// Delta version.
    pub version: String,
}

/// A partition of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRow {
    /// `2017-07-29`
    pub date: String,
    /// `customer01`
    pub customer: String,
    /// Rows.
    pub rows: String,
    /// Files.
    pub files: String,
    /// Bytes.
    pub bytes: String,
}
