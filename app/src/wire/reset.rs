//! The reset page.

use serde::{Deserialize, Serialize};

use super::*;

/// The reset page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetView {
    /// Scopes with the number of items each would delete.
    pub scopes: Vec<ScopeRow>,
    /// What would go with the selected scope.
    pub goes: Vec<GoesRow>,
    /// `15 items, 8.1 MB`
    pub total: String,
    /// Items in all; 0 = nothing to do.
    pub items: u64,
    /// What stays and how we know.
    pub stays: Vec<StaysRow>,
    /// `Takes about 0.4 s.`
    pub estimate: String,
    /// Digest of the plan, sent back with the confirmation: another plan by then is shown again.
    pub plan: String,
    /// The reset that is running.
    pub progress: Option<ProgressView>,
    /// The newest reset's certificate, when the page was asked for it (`?run=`).
    pub certificate: Option<CertificateView>,
    /// Notes (interrupted and resumed, plan changed, …).
    pub notes: Vec<NoteView>,
}

/// A scope of the reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeRow {
    /// `all`, `customer:customer01`, `step:2.1`
    pub value: String,
    /// `Back to step 2.1`
    pub title: String,
    /// `Before 2017-07-29 was uploaded`
    pub detail: String,
    /// Items.
    pub items: String,
    /// Selected.
    pub selected: bool,
}

/// A line of 'Goes'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoesRow {
    /// `Bronze`
    pub place: String,
    /// `1`
    pub count: String,
    /// `partition`
    pub what: String,
    /// `2.3 MB`
    pub bytes: String,
    /// `2017-07-29`
    pub which: String,
}

/// A line of 'Stays'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaysRow {
    /// `Source data`
    pub what: String,
    /// `61 days`
    pub count: String,
    /// `checksum 9c41…e07a`
    pub how: String,
}

/// Proof of a reset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateView {
    /// Title: `Reset verified`, or what is not right.
    pub title: String,
    /// True when every line is equal.
    pub verified: bool,
    /// When, by whom, scope, seconds, run.
    pub facts: Vec<FactView>,
    /// What, expected, found, equal.
    pub lines: Vec<(String, String, String, bool)>,
    /// Foreign objects, named and left alone.
    pub foreign: Vec<(String, String)>,
    /// The run.
    pub run_id: String,
}
