//! What travels between server and page. Everything a person reads is formatted on the server (numbers, dates, durations), so that
//! server-rendered, hydrated and no-JavaScript pages agree.

use serde::{Deserialize, Serialize};

/// The one error that pages see. Never holds internal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// Machine-readable.
    pub code: ErrorCode,
    /// A sentence: what happened and what to do.
    pub message: String,
    /// The form field concerned.
    pub field: Option<String>,
    /// For finding the log line.
    pub request_id: String,
}

/// Kinds of [`WireError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not signed in, or the wrong origin.
    Unauthenticated,
    /// Signed in, but the role may not do this.
    Forbidden,
    /// No such step, run, day.
    NotFound,
    /// The input is not acceptable.
    Invalid,
    /// Somebody else was faster, or it is running already.
    Conflict,
    /// Disk full, database locked: the server stays up.
    Unavailable,
    /// A bug; logged with the request id.
    Internal,
}

/// State of a step, a run, a zone. Each has an icon and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Finished.
    Done,
    /// Under way.
    Running,
    /// To be pressed now.
    Next,
    /// Not yet.
    Later,
    /// Cannot be pressed; the reason stands beside it.
    Blocked,
    /// Finished, but something was held back.
    Warn,
    /// Stopped by an error.
    Failed,
}

/// What every page shows in its bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellView {
    /// For instance `customer01`.
    pub customer: String,
    /// For instance `ga_sessions`.
    pub dataset: String,
    /// Role of the person.
    pub role: String,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Newest event id when this was rendered; the event stream continues behind it.
    pub last_event: i64,
    /// Time of this view, `14:06:12`: what the bar says while the event stream is lost.
    pub at: String,
    /// A message about the server itself (disk full, database locked), if any.
    pub trouble: Option<String>,
}

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

/// Progress of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressView {
    /// `run-0059-7f3a`
    pub run_id: String,
    /// State of the whole run.
    pub state: State,
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

/// A label with a value, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactView {
    /// `Rows`
    pub label: String,
    /// `1,240`
    pub value: String,
    /// `/ 1,987` or a unit.
    pub rest: String,
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

/// Kind of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Neutral.
    Info,
    /// Verified.
    Ok,
    /// Needs a look, nothing is lost.
    Warn,
    /// Failed, refused.
    Bad,
}

/// A message with a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteView {
    /// Kind.
    pub kind: NoteKind,
    /// A sentence or two.
    pub text: String,
    /// Link text and address that resolves it.
    pub link: Option<(String, String)>,
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
    /// Started by, started, took, rows in, rows out, held, read, engine.
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
    /// Live progress while it runs.
    pub progress: Option<ProgressView>,
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

/// The report page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    /// `1 Jun to 29 Jul 2017 · 59 days`; empty when there is no data.
    pub range: String,
    /// KPI tiles.
    pub tiles: Vec<TileView>,
    /// Charts in reading order: sessions per day, revenue per day, the finding.
    pub charts: Vec<ChartView>,
    /// Bars: channels, devices, countries.
    pub bars: Vec<BarsView>,
    /// Says when the report's data is older than the lake.
    pub stale: Option<String>,
}

/// A KPI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileView {
    /// `Sessions`
    pub label: String,
    /// `149,694`
    pub value: String,
    /// `+1,987 with 29 Jul`
    pub compare: String,
}

/// A line chart in a 0–100 box that stretches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    /// `sessions`, `revenue`, `finding`: an id for addresses and live updates.
    pub key: String,
    /// Title.
    pub title: String,
    /// The message, for people who do not see it.
    pub label: String,
    /// At most two; the first is the subject.
    pub series: Vec<SeriesView>,
    /// Grid lines: y (0 = top, 100 = bottom, one decimal as text) and its words.
    pub grid: Vec<(String, String)>,
    /// Ticks under the chart: x (0–100 as text) and its words.
    pub ticks: Vec<(String, String)>,
    /// A dotted vertical line with a sentence: x (0–100 as text).
    pub finding: Option<(String, String)>,
    /// The last point: x, y, words.
    pub last: Option<(String, String, String)>,
    /// Column heads of the numbers behind it.
    pub columns: Vec<String>,
    /// Rows of the numbers behind it.
    pub rows: Vec<Vec<String>>,
}

/// A series of a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesView {
    /// Name.
    pub name: String,
    /// SVG `points` of a polyline in the 0–100 box.
    pub points: String,
}

/// A list of bars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarsView {
    /// `Channels`
    pub title: String,
    /// Name, per mille of the longest, value, second value.
    pub rows: Vec<(String, u16, String, String)>,
    /// Head of value and second value.
    pub heads: (String, String),
}

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

/// An event of the stream `/events`. The SSE `id:` is the event's id; `data:` is this as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Event {
    /// A run's progress; patches what is on the page. Not stored, sent live only.
    Progress {
        /// Newest progress.
        progress: ProgressView,
    },
    /// Something changed for good: refetch what the page shows. Stored, replayed.
    Changed {
        /// `run`, `step`, `folder`, `reset`, `lake`
        what: String,
        /// Run, step or folder id.
        id: String,
    },
}
