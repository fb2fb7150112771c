//! The show page: the story, the step, and where the data is now.

mod actions;
mod zones;

use actions::{action, more, notes};
use app::wire::{StepRow as StepLine, *};
use chrono::NaiveDate;

use super::presenting::{current, opening, skip};
use super::progress::in_words;
use super::steps::{Situation, StepStatus};
use super::{Views, day_text, numbers, outcome};
use crate::error::Result;
use crate::format;
use crate::store::{RunRow, RunState, StepRow};
use crate::story::{Depth, Kind, Number, Step, Story, fill};

impl Views {
    /// The show page with this step, or the one where the presenter is.
    pub async fn show(&self, step: Option<String>) -> Result<ShowView> {
        let story = self.story();
        let situation = self.situation().await?;
        let statuses = situation.statuses(story);
        let selected = match step {
            Some(id) => {
                let step = self.step_named(&id)?;
                statuses.iter().position(|(s, _)| s.id == step.id).unwrap_or(0)
            }
            None => opening(&situation, &statuses),
        };
        let (selected_step, status) = &statuses[selected];
        let run = situation.runs.iter().find(|r| Some(&r.id) == status.run_id.as_ref());
        let run_steps = match run {
            Some(run) => self.state.store.steps(&run.id).await?,
            None => vec![],
        };
        let active = self.active(&situation, run, &run_steps).await?;
        // Of whoever moves the audience only.
        let link = if self.viewer.is_admin() { Some(self.audience_link().await?) } else { None };
        Ok(ShowView {
            // The whole story is what it is called; a shorter show of it says so.
            title: match story.depth {
                Depth::Whole => story.title.clone(),
                shorter => format!("{} · {shorter}", story.title),
            },
            clock: self.clock(&situation, &statuses),
            chapters: chapters(story, &situation, &statuses, selected),
            audience: self.audience_control(&situation, &statuses, selected, link),
            zones: self.zones(&situation, selected_step.action.date, active.as_ref()).await?,
            step: self.step_view(&situation, &statuses, selected, run, &run_steps).await?,
        })
    }

    /// The run that is at work now, with its steps: the step's own, or any other.
    pub(super) async fn active(
        &self,
        situation: &Situation,
        run: Option<&RunRow>,
        steps: &[StepRow],
    ) -> Result<Option<(RunRow, Vec<StepRow>)>> {
        if let Some(run) = run.filter(|r| r.state == RunState::Running) {
            return Ok(Some((run.clone(), steps.to_vec())));
        }
        match situation.runs.iter().find(|r| r.state == RunState::Running) {
            Some(run) => Ok(Some((run.clone(), self.state.store.steps(&run.id).await?))),
            None => Ok(None),
        }
    }

    async fn step_view(
        &self,
        situation: &Situation,
        statuses: &[(&Step, StepStatus)],
        at: usize,
        run: Option<&RunRow>,
        run_steps: &[StepRow],
    ) -> Result<StepView> {
        let story = self.story();
        let (step, status) = &statuses[at];
        let chapter = story.chapters.iter().find(|c| c.steps.iter().any(|s| s.id == step.id));
        let siblings = chapter.map_or(&[][..], |c| &c.steps);
        let position = siblings.iter().position(|s| s.id == step.id).unwrap_or(0) + 1;
        let folder = step.action.date.and_then(|d| situation.folder(d));
        let pressed = situation.pressed.get(&step.id);
        let next = statuses[at + 1..].iter().find(|(_, s)| s.state != State::Skipped).map(|(s, _)| *s);
        let previous = statuses[..at].iter().rev().find(|(_, s)| s.state != State::Skipped).map(|(s, _)| *s);
        // A run that was pressed elsewhere (the seed's run for a stage day, say) is not this step's.
        let produced = run.filter(|r| !matches!(step.action.kind, Kind::Look | Kind::Reset) || r.state.active());
        Ok(StepView {
            id: step.id.clone(),
            position: format!("Step {position} of {} · planned {}", siblings.len(), format::clock(step.minutes.into())),
            title: fill(&step.title, story, step.action.date),
            state: status.state,
            state_text: self.state_text(status, run),
            say: paragraphs(story, step),
            number: match &step.number {
                Some(number) => Some(self.number(number, step.action.date).await?),
                None => None,
            },
            action: action(step, status, next, folder),
            more: more(step, status, folder, run, &self.day_of(step)),
            pressed: pressed
                .and_then(|p| p.pressed_at)
                .map(|at| format!("Pressed {}", format::when(at, self.state.clock.millis()))),
            calls: produced.filter(|run| !run.state.active()).map(|run| format!("/runs/{}/calls", run.id)),
            progress: produced.map(|run| self.progress(run, run_steps)),
            came_out: produced.map(|run| outcome::rows(run, run_steps)).unwrap_or_default(),
            notes: notes(step, status, folder, run),
            skip: skip(situation, story, statuses, at),
            previous: previous.map(|s| s.id.clone()),
            next: next.map(|s| s.id.clone()),
        })
    }

    fn day_of(&self, step: &Step) -> Option<String> {
        step.action.date.map(|d| day_text(&self.day(d)))
    }

    fn state_text(&self, status: &StepStatus, run: Option<&RunRow>) -> String {
        let took = run.and_then(|r| Some(format::duration(r.ended_at? - r.started_at?)));
        match status.state {
            State::Done => took.map_or("Done".into(), |t| format!("Done in {t}")),
            State::Warn => "Done, needs a look".into(),
            State::Running => {
                run.map_or_else(|| "Waiting for its turn".into(), |run| in_words(run, self.state.clock.millis()))
            }
            State::Next => "Next".into(),
            State::Later => "Later".into(),
            State::Blocked => "Blocked".into(),
            State::Failed => "Failed".into(),
            State::Skipped => "Skipped".into(),
        }
    }

    pub(super) async fn number(&self, number: &Number, date: Option<NaiveDate>) -> Result<NumberView> {
        self.number_of(self.story(), number, date).await
    }

    pub(super) async fn number_of(
        &self,
        story: &Story,
        number: &Number,
        date: Option<NaiveDate>,
    ) -> Result<NumberView> {
        let rows = self.numbers.rows(&self.who, &fill(&number.sql, story, date)).await?;
        let value = numbers::number(rows.first().and_then(|r| r.first()));
        let compare = match (&number.compare, &number.compare_sql, value) {
            (Some(text), Some(sql), Some(_)) => {
                let rows = self.numbers.rows(&self.who, &fill(sql, story, date)).await?;
                let values: Option<Vec<f64>> =
                    rows.first().and_then(|r| r.iter().map(|v| numbers::number(Some(v))).collect());
                values.map(|values| {
                    let text = fill(text, story, date);
                    values
                        .iter()
                        .enumerate()
                        .fold(text, |text, (i, v)| text.replace(&format!("{{{i}}}"), &said(*v, &number.unit, false)))
                })
            }
            _ => None,
        };
        Ok(NumberView {
            label: number.label.clone(),
            value: value.map_or("–".into(), |v| said(v, &number.unit, true)),
            compare,
        })
    }
}

fn chapters(
    story: &Story,
    situation: &Situation,
    statuses: &[(&Step, StepStatus)],
    selected: usize,
) -> Vec<ChapterView> {
    let now = current(statuses);
    // While a run is at work it is about to resolve what is blocked: its end takes no line away.
    let settled = !situation.runs.iter().any(|run| run.state.active());
    let mut from = 0;
    let mut views = Vec::new();
    for chapter in &story.chapters {
        let part = &statuses[from..from + chapter.steps.len()];
        let range = from..from + chapter.steps.len();
        let done = part.iter().filter(|(_, s)| s.over()).count();
        let row = |(k, (step, status)): (usize, &(&Step, StepStatus))| StepLine {
            id: step.id.clone(),
            title: fill(&step.title, story, step.action.date),
            state: status.state,
            minutes: match situation.pressed.get(&step.id) {
                // Settled: of the step on show, only what was counted before.
                Some(row) if status.over() && row.used >= 1000 => format::clock(row.used / 1000),
                _ => format::clock(step.minutes.into()),
            },
            reason: status
                .reason
                .clone()
                .filter(|_| status.state == State::Failed || (status.state == State::Blocked && settled)),
            selected: from + k == selected,
        };
        views.push(ChapterView {
            number: chapter.number,
            title: chapter.title.clone(),
            done: done as u32,
            total: part.len() as u32,
            // Closed when it is over or far ahead.
            open: range.contains(&selected) || range.contains(&now) || (from > now && from <= now + 4),
            steps: part.iter().enumerate().map(row).collect(),
        });
        from += chapter.steps.len();
    }
    views
}

/// The talking point.
pub(super) fn paragraphs(story: &Story, step: &Step) -> Vec<String> {
    let lines = step.say.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| fill(line, story, step.action.date)).collect()
}

/// A number as it is said: counts with their unit, dollars and percent as such.
pub(super) fn said(value: f64, unit: &str, with_unit: bool) -> String {
    match unit {
        "dollars" => format::dollars(value),
        "percent" => format::percent(value, 0),
        _ if with_unit => format!("{} {unit}", format::count(value.max(0.0) as u64)),
        _ => format::count(value.max(0.0) as u64),
    }
}
