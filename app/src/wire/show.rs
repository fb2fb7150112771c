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
    /// The audience screen's controls.
    pub audience: AudienceControl,
}

/// What the presenter does to the audience screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceControl {
    /// Whether any step was opened yet; before that the audience sees the current one.
    pub opened: bool,
    /// `2.1 Upload 2017-07-29`, when the audience sees another step than this page.
    pub elsewhere: Option<String>,
    /// `Frozen at 14:06:12`, while it is.
    pub frozen: Option<String>,
    /// Whether the screen is blank.
    pub blank: bool,
    /// Where another browser opens the screen, as a viewer; for whoever presents.
    pub link: Option<String>,
}

/// Planned and used time. The browser counts on from here and says nothing but minutes and seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockView {
    /// One for each chapter.
    pub segments: Vec<ClockSegment>,
    /// Milliseconds used until this was rendered.
    pub used: i64,
    /// Planned milliseconds of the whole story.
    pub planned: i64,
    /// Milliseconds behind the plan, negative when ahead.
    pub behind: i64,
    /// Milliseconds that the step on show has left: so long the clock may run without falling behind.
    pub slack: i64,
    /// Whether the clock was ever started.
    pub started: bool,
    /// Whether it counts now.
    pub running: bool,
    /// `Skipped: 4:30`, if anything is.
    pub skipped: Option<String>,
}

/// A chapter on the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSegment {
    /// `2 A day arrives`
    pub title: String,
    /// Planned seconds: how wide it is.
    pub seconds: u32,
    /// Planned, `6:00`.
    pub planned: String,
    /// Used, `4:05`; `–` before it began.
    pub used: String,
    /// How much of the plan is over, per mille.
    pub done: u16,
    /// True when more was used than planned.
    pub over: bool,
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
    /// Address of what the button did.
    pub calls: Option<String>,
    /// Live progress; stays when it is over.
    pub progress: Option<ProgressView>,
    /// What came out.
    pub came_out: Vec<OutcomeRow>,
    /// Messages: waiting for the marker, late file, duplicate ignored, refused, …
    pub notes: Vec<NoteView>,
    /// How it can be skipped, while it can.
    pub skip: Option<SkipView>,
    /// Step before.
    pub previous: Option<String>,
    /// Step after.
    pub next: Option<String>,
}

/// Skipping a step, and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipView {
    /// What follows from it.
    pub means: String,
    /// Words of the button that does the step's work without telling it, for steps that start a run.
    pub instead: Option<String>,
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
    /// POST `take_up_step` with the step's id: puts what was skipped back into the story.
    TakeUp,
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
    /// `Bronze`, `Quarantine`
    pub what: String,
    /// How many tables.
    pub tables: String,
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
