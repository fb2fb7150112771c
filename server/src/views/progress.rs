//! A run's progress: one segment for each step; rows, bytes, rate, elapsed, left.

use app::wire::{FactView, ProgressView, SegmentView, State};
use showrunner_lake::model::Progress;

use super::Views;
use crate::error::{ErrorKind, Result};
use crate::format;
use crate::store::{RunKind, RunRow, RunState, StepRow, StepState};

impl Views {
    /// Progress of a run by id; `None` if there is no such run.
    pub async fn progress_of(&self, run_id: &str) -> Result<Option<ProgressView>> {
        match self.state.store.run(run_id).await {
            Ok(run) => {
                let steps = self.state.store.steps(run_id).await?;
                Ok(Some(self.progress(&run, &steps)))
            }
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Progress of a run that was read already.
    pub(super) fn progress(&self, run: &RunRow, steps: &[StepRow]) -> ProgressView {
        let live = self.state.engine.live(&run.id);
        let now = self.state.clock.millis();
        let of = |step: &StepRow| match &live {
            Some(live) if live.step as i64 == step.position && step.state == StepState::Running => live.progress,
            _ => step.progress(),
        };
        progress(run, steps, &of, now)
    }
}

/// The state of a run, with `Warn` when one of its steps held something back.
pub fn run_state(run: &RunRow, steps: &[StepRow]) -> State {
    match run.state {
        RunState::Queued => State::Next,
        RunState::Running => State::Running,
        RunState::Done if steps.iter().any(|s| s.state == StepState::Warn) => State::Warn,
        RunState::Done => State::Done,
        RunState::Failed => State::Failed,
        RunState::Stopped => State::Blocked,
    }
}

/// The state of a run in words, with how long.
pub(super) fn in_words(run: &RunRow, now: i64) -> String {
    let took = run.started_at.map(|started| format::duration(run.ended_at.unwrap_or(now) - started));
    match (run.state, took) {
        (RunState::Queued, _) | (RunState::Running, None) => "Waiting for its turn".into(),
        (RunState::Running, Some(took)) => format!("Running for {took}"),
        (RunState::Done, Some(took)) => format!("Done in {took}"),
        (RunState::Done, None) => "Done".into(),
        (RunState::Failed, _) => "Failed".into(),
        (RunState::Stopped, _) => "Stopped".into(),
    }
}

/// The state of a run's step.
pub fn step_state(state: StepState) -> State {
    match state {
        StepState::Later | StepState::Skipped => State::Later,
        StepState::Running => State::Running,
        StepState::Done => State::Done,
        StepState::Warn => State::Warn,
        StepState::Failed => State::Failed,
    }
}

fn progress(run: &RunRow, steps: &[StepRow], of: &dyn Fn(&StepRow) -> Progress, now: i64) -> ProgressView {
    let segments: Vec<_> = steps
        .iter()
        .map(|step| {
            let state = match (step.state, run.state.active()) {
                // A step that was under way when the run ended did not get further.
                (StepState::Running, false) => State::Failed,
                (state, _) => step_state(state),
            };
            let permille = match step.state {
                StepState::Done | StepState::Warn => 1000,
                StepState::Running | StepState::Failed => fraction(&of(step)),
                StepState::Later | StepState::Skipped => 0,
            };
            SegmentView { title: short(&step.name), state, permille }
        })
        .collect();
    let at = steps
        .iter()
        .find(|s| s.state == StepState::Running)
        .or_else(|| steps.iter().rev().find(|s| s.started_at.is_some()));
    let text = match (at, run.state) {
        (Some(step), RunState::Running) => format!("{}, step {} of {}", step.title, step.position + 1, steps.len()),
        (_, RunState::Queued) => "Waiting for its turn".into(),
        (_, RunState::Done) => "Done".into(),
        (Some(step), RunState::Failed) => format!("Failed in {}", step.title),
        (_, RunState::Failed) => "Failed".into(),
        (_, RunState::Stopped) => "Stopped".into(),
        (None, RunState::Running) => "Starting".into(),
    };
    let whole: u64 = segments.iter().map(|s| u64::from(s.permille)).sum();
    ProgressView {
        run_id: run.id.clone(),
        state: run_state(run, steps),
        state_text: in_words(run, now),
        permille: if run.state == RunState::Done {
            1000
        } else {
            format::permille(whole, 1000 * segments.len() as u64)
        },
        facts: facts(run, at, steps, &at.map_or_else(Progress::default, of), now),
        segments,
        text,
    }
}

/// A step's name as it fits under its segment: `bronze` → `Bronze`.
fn short(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// How far a step is: by bytes, else by days.
fn fraction(p: &Progress) -> u16 {
    if p.bytes_total > 0 { format::permille(p.bytes, p.bytes_total) } else { format::permille(p.days, p.days_total) }
}

/// The same facts from the beginning to after the end, so that each keeps its place.
fn facts(run: &RunRow, step: Option<&StepRow>, steps: &[StepRow], p: &Progress, now: i64) -> Vec<FactView> {
    let mut facts = Vec::new();
    let mut fact = |label: &str, value: Option<String>, rest: String| {
        facts.push(FactView { label: label.into(), value: value.unwrap_or_else(|| "–".into()), rest })
    };
    let of = |whole: u64, text: &dyn Fn(u64) -> String| {
        if whole > 0 { format!("/ {}", text(whole)) } else { String::new() }
    };
    let active = run.state.active();
    // After the end the step stays whose rows are the delivered ones.
    let (step, p) = match steps.iter().find(|s| s.name == "bronze").map(|s| (s, s.progress())) {
        Some((bronze, progress)) if !active && progress.rows > 0 => (Some(bronze), progress),
        _ => (step, *p),
    };
    let step_ms = step.and_then(|s| Some(s.ended_at.unwrap_or(now) - s.started_at?)).unwrap_or(0).max(0);
    let seconds = step_ms as f64 / 1000.0;
    fact("Rows", (p.rows > 0).then(|| format::count(p.rows)), String::new());
    // A reset only counts.
    if run.kind != RunKind::Reset {
        fact("Bytes", (p.bytes_total > 0).then(|| format::bytes(p.bytes)), of(p.bytes_total, &format::bytes));
        let rate = (p.bytes > 0 && seconds > 0.05).then(|| (p.bytes as f64 / seconds) as u64);
        fact("Rate", rate.map(|rate| format!("{}/s", format::bytes(rate))), String::new());
    }
    let elapsed = run.started_at.map(|s| run.ended_at.unwrap_or(now) - s);
    fact("Elapsed", elapsed.map(format::duration), String::new());
    let done = fraction(&p);
    let left = (active && done >= 30 && seconds > 0.3)
        .then(|| format::duration((step_ms as f64 * (1000.0 / f64::from(done) - 1.0)) as i64));
    fact("Left in this step", left, String::new());
    // A seed has many, but not in each of its steps.
    if run.kind == RunKind::Seed || p.days_total > 1 {
        fact("Days", (p.days_total > 1).then(|| format::count(p.days)), of(p.days_total, &format::count));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: RunState) -> RunRow {
        RunRow {
            id: "run-0001-abcd".into(),
            number: 1,
            kind: RunKind::Ingest,
            title: "Ingest".into(),
            state,
            job: "{}".into(),
            customer: None,
            started_by: "presenter".into(),
            story_step: None,
            dedupe_key: "k".into(),
            created_at: 0,
            started_at: Some(0),
            ended_at: (!state.active()).then_some(4_000),
            attempt: 1,
            stop_requested: false,
            resumes: 0,
            error: None,
            summary: "{}".into(),
            archived: false,
        }
    }

    fn step(position: i64, state: StepState, progress: Progress) -> StepRow {
        StepRow {
            run_id: "run-0001-abcd".into(),
            position,
            name: format!("s{position}"),
            title: format!("S{position}"),
            state,
            started_at: Some(0),
            ended_at: None,
            progress: serde_json::to_string(&progress).unwrap(),
            outcome: "{}".into(),
        }
    }

    #[test]
    fn progress_is_determinate_and_ends_full() {
        let half = Progress { rows: 10, bytes: 50, bytes_total: 100, ..Progress::default() };
        let steps = [step(0, StepState::Done, half), step(1, StepState::Running, half)];
        let view = progress(&run(RunState::Running), &steps, &|s| s.progress(), 2_000);
        assert_eq!((view.permille, view.segments[1].permille, view.text.as_str()), (750, 500, "S1, step 2 of 2"));
        let left = view.facts.iter().find(|f| f.label == "Left in this step").unwrap();
        assert_eq!(left.value, "2.00 s");

        let steps = [step(0, StepState::Done, half), step(1, StepState::Warn, half)];
        let view = progress(&run(RunState::Done), &steps, &|s| s.progress(), 9_000);
        assert_eq!((view.permille, view.state), (1000, State::Warn));
        assert_eq!(view.facts.iter().find(|f| f.label == "Elapsed").unwrap().value, "4.00 s");
    }

    #[test]
    fn a_step_cut_short_counts_as_failed() {
        let steps = [step(0, StepState::Running, Progress::default())];
        let view = progress(&run(RunState::Failed), &steps, &|s| s.progress(), 1);
        assert_eq!((view.segments[0].state, view.text.as_str()), (State::Failed, "Failed in S0"));
    }
}
