//! The state of each step of the story, derived from what is really there: buckets, ledger, runs. Only 'looked at' is remembered.

use std::collections::{HashMap, HashSet};

use app::wire::State;
use chrono::NaiveDate;

use super::{Views, day_text};
use crate::error::Result;
use crate::ingestion::FolderState;
use crate::store::{Decision, Presentation, RunKind, RunRow, RunState, ShowStepRow};
use crate::story::{Kind, Step, Story};

/// Everything that decides about steps, read once for a page.
pub(super) struct Situation {
    /// How the story is presented.
    pub presentation: Presentation,
    /// Steps that were shown, pressed or skipped.
    pub pressed: HashMap<String, ShowStepRow>,
    /// Runs that are listed, newest first.
    pub runs: Vec<RunRow>,
    /// Day folders of the story's customer and dataset.
    pub folders: Vec<FolderState>,
    /// Days in the source bucket, with files and bytes.
    pub source: HashMap<NaiveDate, u64>,
    /// Days that went through the whole lake.
    pub ingested: HashSet<NaiveDate>,
    /// Runs that held something back.
    pub warned: HashSet<String>,
}

/// A step's state and, where it needs one, the reason in words with the link that resolves it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StepStatus {
    pub state: State,
    pub reason: Option<String>,
    pub resolve: Option<(String, String)>,
    /// The run that belongs to it.
    pub run_id: Option<String>,
}

impl StepStatus {
    fn plain(state: State) -> Self {
        StepStatus { state, reason: None, resolve: None, run_id: None }
    }
    fn because(state: State, reason: impl Into<String>) -> Self {
        StepStatus { reason: Some(reason.into()), ..Self::plain(state) }
    }
    fn run(mut self, run: Option<&RunRow>) -> Self {
        self.run_id = run.map(|r| r.id.clone());
        self
    }
    fn resolved_by(mut self, step: Option<&Step>) -> Self {
        self.resolve = step.map(|s| (format!("Go to {} {}", s.id, s.title), format!("/?step={}", s.id)));
        self
    }
    /// Nothing is left to press.
    pub fn over(&self) -> bool {
        matches!(self.state, State::Done | State::Warn)
    }
    /// The story passes it by: over, or skipped.
    pub fn passed(&self) -> bool {
        self.over() || self.state == State::Skipped
    }
}

impl Views {
    pub(super) async fn situation(&self) -> Result<Situation> {
        let story = self.story();
        let store = &self.state.store;
        let pressed = store.show_steps(&story.id).await?.into_iter().map(|s| (s.step.clone(), s)).collect();
        let runs = store.runs(200).await?;
        let mut folders = self.state.reconciler.folder_states().await?;
        folders.retain(|f| f.day.customer == story.customer && f.day.dataset == story.dataset);
        let names = self.state.lake.names();
        let source = showrunner_lake::ingestion::source_days(self.state.lake.objects(), &names.source).await?;
        let ingested = folders.iter().filter(|f| f.decision == Some(Decision::Ingested)).map(|f| f.day.date).collect();
        let mut warned = HashSet::new();
        for run in runs.iter().filter(|r| r.kind == RunKind::Ingest && r.state == RunState::Done).take(20) {
            if store.steps(&run.id).await?.iter().any(|s| s.state == crate::store::StepState::Warn) {
                warned.insert(run.id.clone());
            }
        }
        Ok(Situation {
            presentation: store.presentation(&story.id).await?,
            pressed,
            runs,
            folders,
            source: source.into_iter().map(|(d, o)| (d, o.size)).collect(),
            ingested,
            warned,
        })
    }
}

impl Situation {
    pub fn folder(&self, date: NaiveDate) -> Option<&FolderState> {
        self.folders.iter().find(|f| f.day.date == date)
    }

    fn run(&self, id: Option<&String>) -> Option<&RunRow> {
        id.and_then(|id| self.runs.iter().find(|r| r.id == *id))
    }

    /// All steps with their states, in order. The first that is not over is next (or blocked), those behind it come later.
    pub fn statuses<'a>(&self, story: &'a Story) -> Vec<(&'a Step, StepStatus)> {
        let mut next_found = false;
        let mut statuses: Vec<_> = story.steps().map(|step| (step, self.status(story, step))).collect();
        self.leave_out(story, &mut statuses);
        statuses
            .into_iter()
            .map(|(step, mut status)| {
                match status.state {
                    State::Next | State::Blocked if next_found => {
                        // What is far ahead is not yet a problem to be shown in the list; the step's own page still says why.
                        status.state = State::Later;
                    }
                    State::Next | State::Blocked | State::Failed => next_found = true,
                    _ => {}
                }
                (step, status)
            })
            .collect()
    }

    /// The steps that are skipped though something is left to do.
    pub fn skipped<'a>(&self, statuses: &[(&'a Step, StepStatus)]) -> HashSet<&'a str> {
        let skipped = |id: &str| self.pressed.get(id).is_some_and(|s| s.skipped_at.is_some());
        statuses
            .iter()
            .filter(|(step, status)| skipped(&step.id) && !status.over() && status.state != State::Running)
            .map(|(step, _)| step.id.as_str())
            .collect()
    }

    /// Marks what is skipped, and what is left out with it.
    fn leave_out<'a>(&self, story: &'a Story, statuses: &mut [(&'a Step, StepStatus)]) {
        let skipped = self.skipped(statuses);
        let causes = story.left_out(&skipped, &blocked(statuses));
        for (step, status) in statuses {
            let id = step.id.as_str();
            if skipped.contains(id) {
                let run_id = status.run_id.take();
                *status = StepStatus { run_id, ..StepStatus::because(State::Skipped, "Skipped.") };
            } else if let Some(cause) = causes.get(id).and_then(|cause| story.step(cause)) {
                let title = crate::story::fill(&cause.title, story, cause.action.date);
                let reason = format!("Left out, since {} {title} was skipped.", cause.id);
                *status = StepStatus::because(State::Skipped, reason).resolved_by(Some(cause));
            }
        }
    }

    fn status(&self, story: &Story, step: &Step) -> StepStatus {
        match (step.action.kind, step.action.date) {
            (Kind::Seed, _) => self.seed(story),
            (Kind::Upload, Some(date)) => self.upload(story, date),
            (Kind::Marker, Some(date)) => self.marker(story, date),
            _ => self.look(story, step),
        }
    }

    fn seed(&self, story: &Story) -> StepStatus {
        let run = self.runs.iter().find(|r| r.kind == RunKind::Seed);
        let days = story.data.history.days();
        let missing = days.iter().filter(|d| !self.ingested.contains(d)).count();
        let status = match run.map(|r| r.state) {
            Some(state) if state.active() => StepStatus::plain(State::Running),
            _ if missing == 0 => StepStatus::plain(State::Done),
            Some(RunState::Failed) => StepStatus::because(
                State::Failed,
                run.and_then(|r| r.error.clone()).unwrap_or_else(|| "The seed failed.".into()),
            ),
            Some(RunState::Stopped) => StepStatus::because(
                State::Next,
                format!("Stopped: {missing} of {} days are missing. Pressing again continues.", days.len()),
            ),
            _ => StepStatus::plain(State::Next),
        };
        status.run(run)
    }

    fn upload(&self, story: &Story, date: NaiveDate) -> StepStatus {
        let key = format!("upload:{}/{}/{date}", story.customer, story.dataset);
        let run = self.runs.iter().find(|r| r.kind == RunKind::Upload && r.dedupe_key == key);
        let there = self.folder(date).is_some_and(|f| f.files > 0);
        let status = match run.map(|r| r.state) {
            Some(state) if state.active() => StepStatus::plain(State::Running),
            _ if there => StepStatus::plain(State::Done),
            Some(RunState::Failed) => StepStatus::because(
                State::Failed,
                run.and_then(|r| r.error.clone()).unwrap_or_else(|| "The upload failed.".into()),
            ),
            _ if !self.source.contains_key(&date) => {
                StepStatus::because(State::Blocked, format!("{date} is not in the source bucket yet."))
                    .resolved_by(story.steps().find(|s| s.action.kind == Kind::Seed))
            }
            _ => StepStatus::plain(State::Next),
        };
        status.run(run)
    }

    fn marker(&self, story: &Story, date: NaiveDate) -> StepStatus {
        let folder = self.folder(date);
        let run = self.run(folder.and_then(|f| f.run_id.as_ref()));
        let late = folder.map(|f| f.late.as_slice()).unwrap_or_default();
        let status = match (run.map(|r| r.state), folder.and_then(|f| f.decision)) {
            (Some(state), _) if state.active() => StepStatus::plain(State::Running),
            (Some(RunState::Failed), _) => StepStatus::because(
                State::Failed,
                run.and_then(|r| r.error.clone()).unwrap_or_else(|| "The run failed.".into()),
            ),
            (Some(RunState::Stopped), _) => {
                StepStatus::because(State::Failed, "The run was stopped; run it again from its page.")
            }
            (_, Some(Decision::Ingested)) if !late.is_empty() => StepStatus::because(State::Warn, late_words(late)),
            (Some(_), Some(Decision::Ingested)) if run.is_some_and(|r| self.warned.contains(&r.id)) => {
                StepStatus::because(State::Warn, "Something was held back; the rest is loaded.")
            }
            (_, Some(Decision::Ingested)) => StepStatus::plain(State::Done),
            _ if folder.is_none_or(|f| f.files == 0) => {
                let uploads = story.steps().find(|s| s.action.kind == Kind::Upload && s.action.date == Some(date));
                StepStatus::because(State::Blocked, format!("Nothing is uploaded for {date} yet.")).resolved_by(uploads)
            }
            _ => StepStatus::plain(State::Next),
        };
        status.run(run)
    }

    fn look(&self, story: &Story, step: &Step) -> StepStatus {
        if self.pressed.get(&step.id).is_some_and(|s| s.done_at.is_some()) {
            return StepStatus::plain(State::Done);
        }
        if let Some(date) = step.action.date
            && !self.ingested.contains(&date)
        {
            let marker = story.steps().find(|s| s.action.kind == Kind::Marker && s.action.date == Some(date));
            return StepStatus::because(
                State::Blocked,
                format!("{} is not in the lake yet.", crate::format::said(date)),
            )
            .resolved_by(marker);
        }
        if self.ingested.is_empty() && step.action.kind == Kind::Look {
            return StepStatus::because(State::Blocked, "The lake is empty.")
                .resolved_by(story.steps().find(|s| s.action.kind == Kind::Seed));
        }
        StepStatus::plain(State::Next)
    }
}

/// The steps that have nothing to work on yet.
pub(super) fn blocked<'a>(statuses: &[(&'a Step, StepStatus)]) -> HashSet<&'a str> {
    // Of those far ahead, which are merely 'later' in the list, the reason tells.
    let waits = |status: &StepStatus| {
        matches!(status.state, State::Blocked | State::Later | State::Skipped) && status.resolve.is_some()
    };
    statuses.iter().filter(|(_, status)| waits(status)).map(|(step, _)| step.id.as_str()).collect()
}

/// `Late file: b.json.gz came after the marker and is not in the lake.`
pub(super) fn late_words(late: &[String]) -> String {
    let names = late.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let more = if late.len() > 3 { format!(" and {} more", late.len() - 3) } else { String::new() };
    let (noun, verb) = if late.len() == 1 { ("file", "is") } else { ("files", "are") };
    format!(
        "Late {noun}: {names}{more} came after the marker and {verb} not in the lake. Ingest the day again to take {noun} in."
    )
}

/// `waiting for end_file.txt (3 files, 12 MB)` and the other states of a folder, in words.
pub(super) fn folder_words(folder: &FolderState) -> (State, String) {
    let waiting = || {
        format!(
            "Waiting for end_file.txt ({}, {})",
            crate::format::plural(folder.files, "file"),
            crate::format::bytes(folder.bytes)
        )
    };
    let reason = |fallback: &str| folder.reason.clone().unwrap_or_else(|| fallback.into());
    match folder.decision {
        Some(Decision::Ingested) if !folder.late.is_empty() => (State::Warn, late_words(&folder.late)),
        Some(Decision::Ingested) => (State::Done, "Ingested".into()),
        Some(Decision::Claimed) => (State::Running, "Being ingested".into()),
        Some(Decision::Failed) => (State::Failed, reason("The run failed; run it again from its page")),
        Some(Decision::Refused) => (State::Blocked, reason("The marker was refused")),
        Some(Decision::Duplicate) => (State::Done, reason("Duplicate, ignored")),
        None if folder.marker.is_some() => (State::Next, "The marker is there; the run starts in a moment".into()),
        None => (State::Next, waiting()),
    }
}

/// Days are named in forms as `customer/dataset/date`.
pub(super) fn form_day(folder: &FolderState) -> String {
    day_text(&folder.day)
}
