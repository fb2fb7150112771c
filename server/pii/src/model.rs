//! What goes in and what comes out.

use serde::{Deserialize, Serialize};

use crate::kinds::{InfoType, Likelihood};

/// A column with sampled values.
#[derive(Debug, Clone, Default)]
pub struct Column {
    /// Its name, or the path of a nested field (`device.browser`).
    pub name: String,
    /// The type that the table's schema says, if any.
    pub declared: Option<String>,
    /// Sampled values, one for each sampled row.
    pub values: Vec<Option<String>>,
}

/// A table with its sample.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Name or file name: `customers.csv`.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Ethnic group and marital status too: sensitive, but neither identifiers nor among the usual quasi-identifiers.
    pub demographics: bool,
}

/// What was found in a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TableReport {
    /// The table's name.
    pub table: String,
    /// What the table is about, as a sentence.
    pub about: String,
    /// All columns, in order.
    pub columns: Vec<Assessment>,
}

/// What was found in a column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Assessment {
    /// The column.
    pub column: String,
    /// Rows that were sampled.
    pub sampled: usize,
    /// Sampled values that are not empty.
    pub filled: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Personal data, if it seems to be any.
    pub finding: Option<Finding>,
    /// What else was considered.
    pub considered: Vec<Considered>,
}

/// Personal data in a column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub info_type: InfoType,
    /// More types within free text.
    pub inside: Vec<InfoType>,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// Share of distinct values that match, 0 to 1.
    pub hit_rate: f64,
    /// Up to three values, masked.
    pub samples: Vec<String>,
    /// What speaks for it.
    pub evidence_for: Vec<String>,
    /// What speaks against it.
    pub evidence_against: Vec<String>,
}

/// A type that was considered and rejected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Considered {
    /// The type.
    pub info_type: InfoType,
    /// How likely it is.
    pub likelihood: Likelihood,
    /// Why it was rejected.
    pub reason: String,
}
