//! The page about personal data.

use serde::{Deserialize, Serialize};

use super::*;

/// The page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyView {
    /// Tables, columns, columns with personal data, scanned when.
    pub facts: Vec<FactView>,
    /// How good the detectors are at the CRM file, whose truth is known.
    pub crm: Option<CrmView>,
    /// Changes since the scan before.
    pub changes: Vec<String>,
    /// Tables with personal data first.
    pub tables: Vec<PrivacyTableView>,
    /// Tables without any.
    pub clean: Vec<String>,
    /// All info types, for a correction.
    pub kinds: Vec<String>,
    /// Columns that are made of personal data, with the way that it took, and the address of their lineage.
    pub inherited: Vec<(String, String)>,
    /// All tables of the newest scan, in which a person may tag a column.
    pub scanned: Vec<String>,
}

/// The CRM file against its truth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmView {
    /// Precision, recall, right, wrong, missed.
    pub facts: Vec<FactView>,
    /// Columns that were judged wrong, as sentences.
    pub mistakes: Vec<String>,
}

/// A table with what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyTableView {
    /// `silver.sessions`
    pub name: String,
    /// `2 of 31 columns`
    pub count: String,
    /// What the table is about.
    pub about: String,
    /// Columns with personal data, or with a verdict.
    pub columns: Vec<PrivacyColumnView>,
}

/// A column with personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyColumnView {
    /// Name or path.
    pub name: String,
    /// `EMAIL_ADDRESS`; `not personal` after a rejection.
    pub info_type: String,
    /// Likelihood, match, samples.
    pub facts: Vec<FactView>,
    /// What speaks for it.
    pub pro: Vec<String>,
    /// What speaks against it.
    pub con: Vec<String>,
    /// Types that were considered and rejected.
    pub rejected: Vec<String>,
    /// `Accepted by presenter`
    pub verdict: Option<String>,
    /// The finding is another than when the verdict was given.
    pub stale: bool,
}
