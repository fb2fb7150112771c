//! The show page.

use serde::{Deserialize, Serialize};

use super::*;

/// The show page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowView {
    /// Story title.
    pub title: String,
    /// Story clock.
    pub clock: ClockView,
    /// Chapters with their steps.
    pub chapters: Vec<ChapterView>,
    /// The step that is shown.
    pub step: StepView,
    /// Where the data is now.
    pub zones: Vec<ZoneView>,
}

/// Planned and used time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// Planned seconds of each chapter with the fraction (per mille) that is done.
    pub segments: Vec<(u32, u16)>,
    /// `7:42`, or `–` before the first step was pressed.
    pub used: String,
    /// `20:00`
    pub planned: String,
    /// `0:42 behind`, `1:10 ahead`, `on time`, or empty before the start.
    pub standing: String,
    /// True when behind.
    pub behind: bool,
}

/// A chapter of the story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChapterView {
    /// 1-based.
    pub number: u32,
    /// Title.
    pub title: String,
    /// Steps done.
    pub done: u32,
    /// Steps in all.
    pub total: u32,
    /// Whether the `<details>` is open at first.
    pub open: bool,
    /// Its steps.
    pub steps: Vec<StepRow>,
}

/// A step in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    /// `2.1`: stable within the story, used in addresses (`/?step=2.1`).
    pub id: String,
    /// Title.
    pub title: String,
    /// State.
    pub state: State,
    /// Planned or, when done, used time: `1:30`.
    pub minutes: String,
    /// Why it is blocked, held or failed.
    pub reason: Option<String>,
    /// True for the step that the page shows.
    pub selected: bool,
}

/// The step that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// `2.1`
    pub id: String,
    /// `Step 2 of 4 · planned 1:30`
    pub position: String,
    /// Title.
    pub title: String,
    /// State.
    pub state: State,
    /// `Running for 0.9 s`, `Done in 1.30 s`, `Next`, …
    pub state_text: String,
    /// Talking point, paragraphs.
    pub say: Vec<String>,
    /// The number to say.
    pub number: Option<NumberView>,
    /// The one clear button.
    pub action: ActionView,
    /// Secondary buttons (re-ingest, upload a file of one's own, …).
    pub more: Vec<ActionView>,
    /// `Pressed 14:06:12`
    pub pressed: Option<String>,
    /// Live progress; stays when it is over.
    pub progress: Option<ProgressView>,
    /// What came out.
    pub came_out: Vec<OutcomeRow>,
    /// Messages: waiting for the marker, late file, duplicate ignored, refused, …
    pub notes: Vec<NoteView>,
    /// Step before.
    pub previous: Option<String>,
    /// Step after.
    pub next: Option<String>,
}

/// A number to say aloud, computed from the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberView {
    /// `The number to say`, or the story's own label.
    pub label: String,
    /// `1,987 sessions`; `–` while unknown.
    pub value: String,
    /// `a usual Saturday: 1,940 to 2,110`
    pub compare: Option<String>,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// POST `press` with the step's id: starts what the story names.
    Press,
    /// POST `reingest` with `day` = `customer/dataset/date`.
    Reingest(String),
    /// POST `retry_run` with the run's id.
    Retry(String),
    /// POST `stop_run` with the run's id.
    Stop(String),
    /// A link; pressing it marks the step as done (POST `press`, then redirect).
    Look(String),
    /// A plain link.
    Link(String),
    /// Multipart form to `/upload` (fields `day` = `customer/dataset/date`, then `file`, several allowed).
    UploadOwn(String),
}

/// A button with its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionView {
    /// What it does.
    pub kind: ActionKind,
    /// `Write end_file.txt`
    pub label: String,
    /// `Writing end_file.txt`, while it runs.
    pub busy: bool,
    /// Why it cannot be pressed (then it is aria-disabled and described by this).
    pub disabled: Option<String>,
}

/// A line of 'What came out'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRow {
    /// `Bronze`, `Quarantine`, `Silver · sessions`
    pub what: String,
    /// Rows.
    pub rows: String,
    /// Files.
    pub files: String,
    /// Bytes with unit.
    pub bytes: String,
    /// Seconds.
    pub seconds: String,
    /// Link text and address.
    pub link: Option<(String, String)>,
    /// State; `Running` shows 'Writing'.
    pub state: State,
}

/// A zone in 'Where the data is now'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneView {
    /// `source ingestion bronze silver gold warehouse report`
    pub key: String,
    /// `Bronze`
    pub title: String,
    /// `151,681`
    pub amount: String,
    /// `59 days · 59 files`
    pub detail: String,
    /// `+1,987`, `waiting`, or empty.
    pub change: String,
    /// Done = lit, Running = live, Later = wait.
    pub state: State,
    /// Where one can see it.
    pub href: String,
}
