//! The list of runs and a run's page; streams are runs as well.

mod streams;

use app::wire::*;
use showrunner_lake::model::{BronzeOutcome, ZoneOutcome};

use super::progress::{run_state, step_state};
use super::{Views, outcome};
use crate::error::Result;
use crate::format;
use crate::store::{RunKind, RunRow, RunState, StepRow, StepState, StreamRow};

/// Runs, log lines and held rows that a page lists at most.
const LISTED: u32 = 200;

impl Views {
    /// Runs and streams, newest first.
    pub async fn runs(&self) -> Result<Vec<app::wire::RunRow>> {
        let now = self.state.clock.millis();
        let mut rows = Vec::new();
        for run in self.state.store.runs(LISTED).await? {
            let steps = self.state.store.steps(&run.id).await?;
            let totals = Totals::of(&steps);
            let pressed = run.created_at;
            let row = app::wire::RunRow {
                state: run_state(&run, &steps),
                state_text: state_text(&run, &steps, &totals),
                started_by: started_by(&run),
                started: format::when(run.started_at.unwrap_or(run.created_at), now),
                took: run.started_at.map_or("–".into(), |s| format::duration(run.ended_at.unwrap_or(now) - s)),
                rows: totals.rows_out.map_or("–".into(), format::count),
                held: if totals.known { format::count(totals.rows_held + totals.files_held) } else { "–".into() },
                title: run.title,
                id: run.id,
            };
            rows.push((pressed, row));
        }
        // Runs stay in the order in which they were pressed, whatever the clock said.
        for (started, row) in self.stream_rows(LISTED, now).await? {
            let place = rows.iter().position(|(pressed, _)| *pressed <= started).unwrap_or(rows.len());
            rows.insert(place, (started, row));
        }
        rows.truncate(LISTED as usize);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// One run, or a stream.
    pub async fn run(&self, id: &str) -> Result<RunView> {
        if StreamRow::is_id(id) {
            return self.stream_run(id).await;
        }
        let run = self.state.store.run(id).await?;
        let steps = self.state.store.steps(id).await?;
        let log = self.state.store.log(id, 1_000).await?;
        let held = self.state.store.quarantine(id, LISTED).await?;
        let now = self.state.clock.millis();
        let totals = Totals::of(&steps);
        let begin = run.started_at.unwrap_or(run.created_at);
        let whole = (run.ended_at.unwrap_or(now) - begin).max(1);
        let all_held = totals.rows_held + totals.files_held;
        let (calls, calls_of) = self.telling_calls(id, &steps).await?;
        Ok(RunView {
            calls,
            lineage: self.lineage_link(id).await?,
            calls_of,
            state: run_state(&run, &steps),
            state_text: state_text(&run, &steps, &totals),
            facts: facts(&run, &steps, &totals, now),
            error: run.error.clone(),
            actions: self.actions(&run),
            scale: format!("seconds of {}", format::seconds(whole as f64 / 1000.0)),
            steps: time_bars(&steps, begin, whole, now),
            log: log
                .iter()
                .map(|l| LogLine {
                    at: format::time_ms(l.at),
                    topic: l.topic.clone(),
                    text: l.text.clone(),
                    warn: l.warn,
                })
                .collect(),
            quarantine: held
                .iter()
                .map(|q| QuarantineRow {
                    file: format!("{}/{}", q.date, q.file),
                    line: q.line.map_or("whole file".into(), |l| format::count(l.unsigned_abs())),
                    reason: q.reason.clone(),
                    sample: q.sample.clone(),
                })
                .collect(),
            quarantine_more: (all_held > held.len() as u64).then(|| {
                format!("{} are held back in all; the first of each file are listed.", format::count(all_held))
            }),
            rules: rules(&steps),
            progress: Some(self.progress(&run, &steps)),
            title: run.title,
            id: run.id,
        })
    }

    /// Where it is told what a run made, and of what; empty when nothing is on record.
    async fn lineage_link(&self, id: &str) -> Result<String> {
        Ok(match self.state.store.lineage_of_run(id).await?.is_empty() {
            true => String::new(),
            false => format!("/lineage?run={id}"),
        })
    }

    fn actions(&self, run: &RunRow) -> Vec<ActionView> {
        let action = |kind, label: &str| ActionView { kind, label: label.into(), busy: false, disabled: None };
        match (run.state, run.kind) {
            (RunState::Queued | RunState::Running, RunKind::Reset) => vec![],
            (RunState::Queued | RunState::Running, _) => {
                let mut stop = action(ActionKind::Stop(run.id.clone()), "Stop the run");
                stop.disabled = run.stop_requested.then(|| "It stops at the next safe point.".into());
                vec![stop]
            }
            (RunState::Failed | RunState::Stopped, _) => {
                vec![action(ActionKind::Retry(run.id.clone()), "Run again from where it stopped")]
            }
            (RunState::Done, RunKind::Ingest) => {
                vec![action(ActionKind::Retry(run.id.clone()), "Run again")]
            }
            (RunState::Done, RunKind::Reset) => {
                vec![action(ActionKind::Link(format!("/reset?run={}", run.id)), "Certificate")]
            }
            (RunState::Done, _) => vec![],
        }
    }
}

/// Sums over a run's steps.
pub(super) struct Totals {
    known: bool,
    pub(super) rows_out: Option<u64>,
    rows_held: u64,
    files_held: u64,
    bytes_in: u64,
    files: u64,
}

impl Totals {
    pub(super) fn of(steps: &[StepRow]) -> Totals {
        let bronze = steps
            .iter()
            .find(|s| s.name == "bronze")
            .and_then(|s| s.outcome::<BronzeOutcome>())
            .filter(|b| b.files > 0);
        Totals {
            known: bronze.is_some(),
            rows_out: bronze.as_ref().map(|b| b.rows),
            rows_held: bronze.as_ref().map_or(0, |b| b.rows_quarantined),
            files_held: bronze.as_ref().map_or(0, |b| b.files_quarantined),
            bytes_in: bronze.as_ref().map_or(0, |b| b.bytes_in),
            files: bronze.as_ref().map_or(0, |b| b.files),
        }
    }

    pub(super) fn held(&self) -> Option<String> {
        outcome::held_words(self.rows_held, self.files_held)
    }
}

fn state_text(run: &RunRow, steps: &[StepRow], totals: &Totals) -> String {
    match run.state {
        RunState::Queued => "Waiting for its turn".into(),
        RunState::Running if run.stop_requested => "Stopping".into(),
        RunState::Running => match steps.iter().find(|s| s.state == StepState::Running) {
            Some(step) => format!("Running: {}", step.title),
            None => "Running".into(),
        },
        RunState::Done => totals.held().map_or("Done".into(), |held| format!("Done, {held}")),
        RunState::Failed => "Failed".into(),
        RunState::Stopped => "Stopped".into(),
    }
}

fn started_by(run: &RunRow) -> String {
    match &run.story_step {
        Some(step) => format!("{}, step {step}", run.started_by),
        None => run.started_by.clone(),
    }
}

/// All from the beginning, those that are not known as such: none comes later and moves another.
fn facts(run: &RunRow, steps: &[StepRow], totals: &Totals, now: i64) -> Vec<FactView> {
    let fact = |label: &str, value: String, rest: &str| FactView { label: label.into(), value, rest: rest.into() };
    let mut facts = vec![
        fact("Started by", started_by(run), ""),
        fact("Started", run.started_at.map_or("–".into(), |s| format::when(s, now)), ""),
        fact("Took", run.started_at.map_or("–".into(), |s| format::duration(run.ended_at.unwrap_or(now) - s)), ""),
        fact("Engine", "embedded".into(), ""),
    ];
    if run.attempt > 1 {
        facts.push(fact("Attempt", run.attempt.to_string(), ""));
    }
    if run.kind != RunKind::Reset && steps.iter().any(|step| step.name == "bronze") {
        let known = |text: &dyn Fn() -> String| if totals.known { text() } else { "–".into() };
        let rows = totals.rows_out.unwrap_or(0);
        facts.push(fact("Rows in", known(&|| format::count(rows + totals.rows_held)), ""));
        facts.push(fact("Rows out", known(&|| format::count(rows)), ""));
        let files = if totals.known { format!("in {}", format::plural(totals.files, "file")) } else { String::new() };
        facts.push(fact("Read", known(&|| format::bytes(totals.bytes_in)), &files));
        facts.push(fact("Held", known(&|| totals.held().unwrap_or_else(|| "0".into())), ""));
    }
    facts
}

fn time_bars(steps: &[StepRow], begin: i64, whole: i64, now: i64) -> Vec<RunStepView> {
    let lasted = |s: &StepRow| s.started_at.map(|a| (s.ended_at.unwrap_or(now) - a).max(0));
    let longest = steps.iter().filter_map(lasted).max().unwrap_or(0);
    steps
        .iter()
        .map(|step| {
            let ms = lasted(step);
            let bronze = (step.name == "bronze").then(|| step.outcome::<BronzeOutcome>()).flatten();
            let tables = bronze
                .as_ref()
                .map(|b| b.tables.clone())
                .or_else(|| step.outcome::<ZoneOutcome>().map(|z| z.tables))
                .unwrap_or_default();
            let rows: u64 = tables.iter().map(|t| t.rows).sum();
            let progress = step.progress();
            RunStepView {
                title: step.title.clone(),
                state: step_state(step.state),
                state_text: match step.state {
                    StepState::Later => "Waiting".into(),
                    StepState::Running => "Running".into(),
                    StepState::Done => "Done".into(),
                    StepState::Warn => bronze
                        .as_ref()
                        .and_then(|b| outcome::held_words(b.rows_quarantined, b.files_quarantined))
                        .unwrap_or_else(|| "Done, with a note".into()),
                    StepState::Failed => "Failed".into(),
                    StepState::Skipped => "Nothing to do".into(),
                },
                start: step
                    .started_at
                    .map_or(0, |s| format::permille((s - begin).max(0).unsigned_abs(), whole.unsigned_abs())),
                width: ms.map_or(0, |ms| format::permille(ms.unsigned_abs(), whole.unsigned_abs()).max(4)),
                longest: longest > 0 && ms == Some(longest),
                rows: match (rows, progress.days) {
                    (0, 0) => "–".into(),
                    (0, days) => format::plural(days, "day"),
                    (rows, _) => format::count(rows),
                },
                seconds: ms.map_or("–".into(), |ms| format::seconds(ms as f64 / 1000.0)),
            }
        })
        .collect()
}

fn rules(steps: &[StepRow]) -> Vec<RuleRow> {
    let zones = steps.iter().filter(|s| matches!(s.name.as_str(), "silver" | "gold" | "warehouse"));
    zones
        .filter_map(|s| s.outcome::<ZoneOutcome>())
        .flat_map(|z| z.rules)
        .map(|r| RuleRow { table: r.table, rule: r.rule, rows: format::count(r.rows) })
        .collect()
}
