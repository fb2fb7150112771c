//! Runs: progress, list, page.

use serde::{Deserialize, Serialize};

use super::*;

/// Progress of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// `run-0059-7f3a`
    pub run_id: String,
    /// State of the whole run.
    pub state: State,
    /// The same in words, with how long: `Running for 0.9 s`
    pub state_text: String,
    /// One for each step of the run.
    pub segments: Vec<SegmentView>,
    /// Rows, bytes, rate, elapsed, left.
    pub facts: Vec<FactView>,
    /// For `aria-valuetext`: `Silver, step 3 of 5`
    pub text: String,
    /// Per mille of the whole.
    pub permille: u16,
}

/// A step of a run, in a progress bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentView {
    /// `Bronze`
    pub title: String,
    /// State.
    pub state: State,
    /// Per mille.
    pub permille: u16,
}

/// A run in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRow {
    /// `run-0059-7f3a`
    pub id: String,
    /// `Ingest 2017-07-29`
    pub title: String,
    /// State.
    pub state: State,
    /// `Done, 1 row held`
    pub state_text: String,
    /// `presenter, step 2.2`
    pub started_by: String,
    /// `14:06:12` (date in front when not today).
    pub started: String,
    /// `1.30 s`
    pub took: String,
    /// Rows out.
    pub rows: String,
    /// Rows held.
    pub held: String,
}

/// A run's page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// `run-0059-7f3a`
    pub id: String,
    /// `Ingest 2017-07-29`
    pub title: String,
    /// State.
    pub state: State,
    /// `Done, 1 row held`
    pub state_text: String,
    /// Started by, started, took, engine, rows in, rows out, read, held.
    pub facts: Vec<FactView>,
    /// Why it failed or was stopped, what is safe, what the button will do.
    pub error: Option<String>,
    /// Run again, retry, re-ingest, stop.
    pub actions: Vec<ActionView>,
    /// `seconds of 1.30`
    pub scale: String,
    /// Time bars.
    pub steps: Vec<RunStepView>,
    /// Log, oldest first.
    pub log: Vec<LogLine>,
    /// Rows and files held back.
    pub quarantine: Vec<QuarantineRow>,
    /// How many were held back in all, when more than listed.
    pub quarantine_more: Option<String>,
    /// Effects of the silver rules.
    pub rules: Vec<RuleRow>,
    /// Live progress while it runs, and as it was in the end.
    pub progress: Option<ProgressView>,
    /// The first call of each way in which it changed something.
    pub calls: Vec<CallView>,
    /// `3 of 43 calls`; empty when there are none.
    pub calls_of: String,
    /// Where it is told what the run made, and of what; empty when it made no table.
    pub lineage: String,
}

/// A step of a run with its time bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStepView {
    /// `Write bronze`
    pub title: String,
    /// State.
    pub state: State,
    /// `Done`, `1 row held`
    pub state_text: String,
    /// Start of the bar, per mille of the run.
    pub start: u16,
    /// Width of the bar, per mille.
    pub width: u16,
    /// True for the longest.
    pub longest: bool,
    /// `1,987`, `1 file`
    pub rows: String,
    /// `0.44`
    pub seconds: String,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `14:06:12.031`
    pub at: String,
    /// `bronze`
    pub topic: String,
    /// Text.
    pub text: String,
    /// True when it needs a look.
    pub warn: bool,
}

/// A row or file held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRow {
    /// File.
    pub file: String,
    /// Line, or `whole file`.
    pub line: String,
    /// A sentence.
    pub reason: String,
    /// Beginning of the row.
    pub sample: String,
}

/// A silver rule with how many rows it touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRow {
    /// `sessions`
    pub table: String,
    /// `Drop repeated sessions`
    pub rule: String,
    /// `12`
    pub rows: String,
}
