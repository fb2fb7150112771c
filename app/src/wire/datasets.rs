//! The page of the datasets.

use serde::{Deserialize, Serialize};

use super::*;

/// Datasets: all of them, and one opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetsView {
    /// A line for each.
    pub all: GridView,
    /// The one that is looked at.
    pub opened: Option<DatasetView>,
    /// Datasets that were deleted, with their proof.
    pub deleted: Option<GridView>,
    /// Whether London's bicycles can be added.
    pub bicycles: bool,
    /// `16 MB`: the largest sample.
    pub limit: String,
}

/// One dataset that an admin defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetView {
    /// `london_cycle_hire`
    pub name: String,
    /// For people.
    pub title: String,
    /// The version that is shown, and that a change comes after.
    pub version: u32,
    /// Format, days, rows.
    pub facts: Vec<FactView>,
    /// What is to be said of it.
    pub notes: Vec<NoteView>,
    /// Whether this is the version that counts: only that can be changed.
    pub current: bool,
    /// Its columns.
    pub columns: Vec<DatasetColumnView>,
    /// The column with the day of a row; empty: the folder's day.
    pub day: String,
    /// Columns that can be that.
    pub days: Vec<String>,
    /// Types that a column can have.
    pub types: Vec<String>,
    /// Info types that can be expected.
    pub info_types: Vec<String>,
    /// Its tables, with their addresses.
    pub tables: GridView,
    /// Its versions, newest first.
    pub versions: GridView,
    /// Whether a day can be generated, for whom and which.
    pub generate: Option<GenerateView>,
    /// What deleting it takes.
    pub goes: Vec<String>,
    /// How many things that are.
    pub items: String,
    /// Digest of that list; empty before it was asked for.
    pub plan: String,
    /// Why it cannot be deleted.
    pub stays: Option<NoteView>,
}

/// A generated day that can be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateView {
    /// Ids.
    pub customers: Vec<String>,
    /// The one that is proposed.
    pub customer: String,
    /// `2017-07-29`
    pub date: String,
}

/// A column of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetColumnView {
    /// In tables.
    pub name: String,
    /// As delivered, if that is another name.
    pub source: String,
    /// `INTEGER`
    pub kind: String,
    /// Whether the type can be changed: not where fields are nested.
    pub plain: bool,
    /// `REPEATED` or nothing.
    pub mode: String,
    /// Part of the key.
    pub key: bool,
    /// Its place in the clustering, from 1; 0: none.
    pub cluster: u32,
    /// Summed up in gold.
    pub measure: bool,
    /// The info type that is expected; empty: none.
    pub expected: String,
    /// What the newest scan found in silver; empty: nothing, or not scanned.
    pub found: String,
    /// Whether that is not what was expected.
    pub differs: bool,
    /// What the sample said.
    pub note: String,
}

/// A change of a dataset; what the change does not need is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetForm {
    /// `delete`, `bicycles` or `deliver`.
    pub change: String,
    /// Which.
    pub dataset: String,
    /// Digest of what a deletion takes.
    pub plan: String,
    /// Who delivers a generated day.
    pub customer: String,
    /// Which day.
    pub date: String,
}

/// A new version of a dataset's definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DefinitionForm {
    /// Which.
    pub dataset: String,
    /// For people.
    pub title: String,
    /// The version that was looked at.
    pub after: String,
    /// The column with the day of a row; empty: the folder's day.
    pub day: String,
    /// All columns, in order.
    pub columns: Vec<DatasetColumnForm>,
}

/// A column as the form sends it. What is not ticked is not sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetColumnForm {
    /// In tables.
    pub name: String,
    /// `INTEGER`
    pub kind: String,
    /// `1` when it is part of the key.
    pub key: String,
    /// `1` to `4`, or empty.
    pub cluster: String,
    /// `1` when it is summed up.
    pub measure: String,
    /// An info type, or empty.
    pub expected: String,
}
