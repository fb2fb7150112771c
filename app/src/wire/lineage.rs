//! The lineage page: tables as boxes by zone, columns as their rows, and the path of one column.

use serde::{Deserialize, Serialize};

use super::*;

/// The page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageView {
    /// `Lineage`, or of what.
    pub title: String,
    /// `13 tables, 148 columns`
    pub what: String,
    /// Ways to look at it: words, address, chosen.
    pub ways: Vec<(String, String, bool)>,
    /// Messages.
    pub notes: Vec<NoteView>,
    /// The drawing.
    pub graph: LineageGraph,
    /// The column that is followed, or nothing.
    pub column: Option<LineageColumn>,
    /// What was searched for.
    pub find: String,
    /// Columns that were found: words, address.
    pub found: Vec<(String, String)>,
    /// Parameters that the search keeps.
    pub keep: Vec<(String, String)>,
    /// What a run read and made.
    pub made: Vec<LineageMade>,
    /// Where the same is told as OpenLineage.
    pub events: String,
}

/// Boxes and lines, in pixels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageGraph {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
    /// Name and left edge of each zone.
    pub zones: Vec<(String, u32)>,
    /// Tables.
    pub boxes: Vec<LineageBox>,
    /// Lines: SVG path, whether it is on the path.
    pub edges: Vec<(String, bool)>,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageBox {
    /// Name without the zone.
    pub name: String,
    /// With the zone.
    pub full: String,
    /// Left.
    pub x: u32,
    /// Top.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// On the path.
    pub on: bool,
    /// The table alone.
    pub href: String,
    /// Columns.
    pub rows: Vec<LineageRow>,
    /// `9 more`, and the address that shows them.
    pub rest: Option<(String, String)>,
}

/// A column in its table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageRow {
    /// `revenue`
    pub name: String,
    /// With the records that it lies in.
    pub path: String,
    /// The path of it.
    pub href: String,
    /// On the path.
    pub on: bool,
    /// The one that was asked for.
    pub current: bool,
    /// Lies in a record.
    pub nested: bool,
    /// The info type, of personal data.
    pub tag: Option<String>,
}

/// A column that is followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageColumn {
    /// `revenue, 4 steps back`
    pub title: String,
    /// From where it comes, or where it goes, step by step.
    pub hops: Vec<LineageHop>,
    /// What decides about its rows: words, address, how.
    pub rows: Vec<(String, String, String)>,
    /// Table, and the SQL that makes it.
    pub sql: Option<(String, String)>,
    /// Facts about the table.
    pub facts: Vec<FactView>,
    /// What is personal about it, and by which path: words.
    pub personal: Vec<String>,
}

/// A step of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageHop {
    /// `gold · aggregation`
    pub what: String,
    /// `daily_kpis.revenue`
    pub column: String,
    /// Its own path.
    pub href: String,
    /// How it is computed.
    pub expression: String,
}

/// A table that a run made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageMade {
    /// `silver.sessions`
    pub table: String,
    /// Its place in the lake; empty where it has none.
    pub href: String,
    /// `version 12`
    pub version: String,
    /// Files or days that were read.
    pub reads: Vec<String>,
    /// `and 12 more`
    pub more: String,
}
