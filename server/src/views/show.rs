//! The show page: the story, the step, and where the data is now.

use app::wire::*;
use chrono::NaiveDate;
use showrunner_lake::model::{TableStat, Zone};

use super::steps::{Situation, StepStatus, folder_words, form_day, late_words};
use super::{Views, day_text, numbers, outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::ingestion::FolderState;
use crate::store::{Decision, RunRow, RunState, StepRow};
use crate::story::{Kind, Number, Step, Story, fill};

impl Views {
    /// The show page with this step, or the one that is running or next.
    pub async fn show(&self, step: Option<String>) -> Result<ShowView> {
        let story = self.story();
        let situation = self.situation().await?;
        let statuses = situation.statuses(story);
        let selected = match step {
            Some(id) => statuses.iter().position(|(s, _)| s.id == id).ok_or_else(|| Error::new(ErrorKind::NotFound, format!("The story has no step '{}'.", id.chars().take(20).collect::<String>())))?,
            None => current(&statuses),
        };
        let (selected_step, status) = &statuses[selected];
        let run = situation.runs.iter().find(|r| Some(&r.id) == status.run_id.as_ref());
        let run_steps = match run {
            Some(run) => self.state.store.steps(&run.id).await?,
            None => vec![],
        };
        let active = self.active(&situation, run, &run_steps).await?;
        Ok(ShowView {
            title: story.title.clone(),
            clock: self.clock(story, &situation, &statuses),
            chapters: chapters(story, &statuses, selected),
            zones: self.zones(&situation, selected_step.action.date, active.as_ref()).await?,
            step: self.step_view(&situation, &statuses, selected, run, &run_steps).await?,
        })
    }

    /// The run that is at work now, with its steps: the step's own, or any other.
    async fn active(&self, situation: &Situation, run: Option<&RunRow>, steps: &[StepRow]) -> Result<Option<(RunRow, Vec<StepRow>)>> {
        if let Some(run) = run.filter(|r| r.state == RunState::Running) {
            return Ok(Some((run.clone(), steps.to_vec())));
        }
        match situation.runs.iter().find(|r| r.state == RunState::Running) {
            Some(run) => Ok(Some((run.clone(), self.state.store.steps(&run.id).await?))),
            None => Ok(None),
        }
    }

    fn clock(&self, story: &Story, situation: &Situation, statuses: &[(&Step, StepStatus)]) -> ClockView {
        let planned: u32 = story.steps().map(|s| s.minutes).sum();
        let over = |id: &str| statuses.iter().any(|(s, status)| s.id == id && status.over());
        let begun = situation.pressed.values().map(|p| p.pressed_at).min();
        let ended = statuses.iter().all(|(_, s)| s.over()).then(|| situation.pressed.values().filter_map(|p| p.done_at).max()).flatten();
        let used = begun.map(|b| (ended.unwrap_or_else(|| self.state.clock.millis()) - b) / 1000);
        let done: i64 = story.steps().filter(|s| over(&s.id)).map(|s| i64::from(s.minutes)).sum();
        // Within the time of the next step nobody is behind.
        let next = statuses.iter().find(|(_, s)| !s.over()).map_or(0, |(s, _)| i64::from(s.minutes));
        let standing = used.map(|used| match used {
            used if used > done + next => (format!("{} behind", format::clock(used - done - next)), true),
            used if used < done => (format!("{} ahead", format::clock(done - used)), false),
            _ => ("on time".into(), false),
        });
        let segment = |c: &crate::story::Chapter| {
            let whole: u32 = c.steps.iter().map(|s| s.minutes).sum();
            let part: u32 = c.steps.iter().filter(|s| over(&s.id)).map(|s| s.minutes).sum();
            (whole, format::permille(part.into(), whole.into()))
        };
        let (standing, behind) = standing.unwrap_or_default();
        ClockView {
            segments: story.chapters.iter().map(segment).collect(),
            used: used.map_or("–".into(), format::clock),
            planned: format::clock(planned.into()),
            standing,
            behind,
        }
    }

    async fn step_view(&self, situation: &Situation, statuses: &[(&Step, StepStatus)], at: usize, run: Option<&RunRow>, run_steps: &[StepRow]) -> Result<StepView> {
        let story = self.story();
        let (step, status) = &statuses[at];
        let chapter = story.chapters.iter().find(|c| c.steps.iter().any(|s| s.id == step.id));
        let siblings = chapter.map_or(&[][..], |c| &c.steps);
        let position = siblings.iter().position(|s| s.id == step.id).unwrap_or(0) + 1;
        let folder = step.action.date.and_then(|d| situation.folder(d));
        let pressed = situation.pressed.get(&step.id);
        let next = statuses.get(at + 1).map(|(s, _)| *s);
        // A run that was pressed elsewhere (the seed's run for a stage day, say) is not this step's.
        let produced = run.filter(|r| !matches!(step.action.kind, Kind::Look | Kind::Reset) || r.state.active());
        Ok(StepView {
            id: step.id.clone(),
            position: format!("Step {position} of {} · planned {}", siblings.len(), format::clock(step.minutes.into())),
            title: fill(&step.title, story, step.action.date),
            state: status.state,
            state_text: self.state_text(status, run),
            say: step.say.lines().map(str::trim).filter(|l| !l.is_empty()).map(|l| fill(l, story, step.action.date)).collect(),
            number: match &step.number {
                Some(number) => Some(self.number(number, step.action.date).await?),
                None => None,
            },
            action: action(step, status, next, folder),
            more: more(step, status, folder, run, &self.day_of(step)),
            pressed: pressed.map(|p| format!("Pressed {}", format::when(p.pressed_at, self.state.clock.millis()))),
            progress: produced.map(|run| self.progress(run, run_steps)),
            came_out: produced.map(|run| outcome::rows(&run.id, run_steps)).unwrap_or_default(),
            notes: notes(step, status, folder, run),
            previous: at.checked_sub(1).map(|i| statuses[i].0.id.clone()),
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
            State::Running => match run.and_then(|r| r.started_at) {
                Some(started) => format!("Running for {}", format::duration(self.state.clock.millis() - started)),
                None => "Waiting for its turn".into(),
            },
            State::Next => "Next".into(),
            State::Later => "Later".into(),
            State::Blocked => "Blocked".into(),
            State::Failed => "Failed".into(),
        }
    }

    async fn number(&self, number: &Number, date: Option<NaiveDate>) -> Result<NumberView> {
        let story = self.story();
        let rows = self.numbers.rows(&fill(&number.sql, story, date)).await?;
        let value = numbers::number(rows.first().and_then(|r| r.first()));
        let compare = match (&number.compare, &number.compare_sql, value) {
            (Some(text), Some(sql), Some(_)) => {
                let rows = self.numbers.rows(&fill(sql, story, date)).await?;
                let values: Option<Vec<f64>> = rows.first().and_then(|r| r.iter().map(|v| numbers::number(Some(v))).collect());
                values.map(|values| {
                    let text = fill(text, story, date);
                    values.iter().enumerate().fold(text, |text, (i, v)| text.replace(&format!("{{{i}}}"), &said(*v, &number.unit, false)))
                })
            }
            _ => None,
        };
        Ok(NumberView { label: number.label.clone(), value: value.map_or("–".into(), |v| said(v, &number.unit, true)), compare })
    }

    async fn zones(&self, situation: &Situation, date: Option<NaiveDate>, active: Option<&(RunRow, Vec<StepRow>)>) -> Result<Vec<ZoneView>> {
        let tables = self.state.lake.tables().await?;
        let customer = &self.story().customer;
        let folders = situation.folders.iter().filter(|f| f.files > 0);
        let (folder_count, files, bytes) = folders.fold((0, 0, 0), |(n, f, b), x| (n + 1, f + x.files, b + x.bytes));
        let source_bytes: u64 = situation.source.values().sum();
        let working = |name: &str| {
            active.is_some_and(|(_, steps)| steps.iter().any(|s| s.state == crate::store::StepState::Running && s.name == name))
        };
        let waiting = |name: &str| active.is_some_and(|(_, steps)| steps.iter().any(|s| s.state == crate::store::StepState::Later && s.name == name));
        let zone = |key: &str, title: &str, step: &str, amount: u64, unit: Option<&str>, detail: String, change: u64, empty: bool, href: &str| ZoneView {
            key: key.into(),
            title: title.into(),
            amount: if empty { "–".into() } else { unit.map_or_else(|| format::count(amount), |u| format::plural(amount, u)) },
            detail: if empty { "nothing yet".into() } else { detail },
            change: match change {
                0 if waiting(step) => "waiting".into(),
                0 => String::new(),
                n => format::change(n as i64),
            },
            state: match () {
                () if working(step) => State::Running,
                () if empty || waiting(step) => State::Later,
                () => State::Done,
            },
            href: href.into(),
        };
        let table = |z: Zone, name: &str| tables.iter().find(move |t| t.zone == z && t.table == name).map(|t| Part::of(t, customer, date)).unwrap_or_default();
        let (bronze, silver, gold, warehouse) = (table(Zone::Bronze, &self.story().dataset), table(Zone::Silver, "sessions"), table(Zone::Gold, "daily_kpis"), table(Zone::Warehouse, &self.story().dataset));
        let gold_tables = tables.iter().filter(|t| t.zone == Zone::Gold && t.rows() > 0).count() as u64;
        let last = self.last_gold_day().await?;
        let arrived = date.and_then(|d| situation.folder(d)).map_or(0, |f| f.files);
        let lake_of = |z: &str, t: &str| format!("/lake?table={z}.{t}");
        let days_files = |p: &Part| format!("{} · {}", format::plural(p.days, "day"), format::plural(p.files, "file"));
        let mut zones = vec![
            zone("source", "Source", "source", situation.source.len() as u64, Some("day"), format!("{} · {}", format::plural(situation.source.len() as u64, "file"), format::bytes(source_bytes)), 0, situation.source.is_empty(), "/lake"),
            zone("ingestion", "Ingestion", "deliver", files, Some("file"), format!("{} · {}", format::plural(folder_count, "day"), format::bytes(bytes)), arrived, files == 0, "/lake"),
            zone("bronze", "Bronze", "bronze", bronze.rows, None, days_files(&bronze), bronze.added, bronze.rows == 0, &lake_of("bronze", &self.story().dataset)),
            zone("silver", "Silver", "silver", silver.rows, None, days_files(&silver), silver.added, silver.rows == 0, &lake_of("silver", "sessions")),
            zone("gold", "Gold", "gold", gold.days, Some("day"), format::plural(gold_tables, "table"), gold.added.min(1), gold.rows == 0, &lake_of("gold", "daily_kpis")),
            zone("warehouse", "Warehouse", "warehouse", warehouse.rows, None, format::plural(warehouse.days, "partition"), warehouse.added, warehouse.rows == 0, &lake_of("warehouse", &self.story().dataset)),
        ];
        let mut report = zone("report", "Report", "report", 0, None, "latest day shown".into(), 0, last.is_none(), "/report");
        report.amount = last.map_or("–".into(), format::said);
        if let Some(date) = date.filter(|d| active.is_some() && last.is_none_or(|l| l < *d)) {
            report.state = State::Later;
            report.change = format!("waiting for {}", format::said(date));
        }
        zones.push(report);
        Ok(zones)
    }
}

/// One customer's part of a table.
#[derive(Default)]
struct Part {
    rows: u64,
    days: u64,
    files: u64,
    added: u64,
}

impl Part {
    fn of(table: &TableStat, customer: &str, date: Option<NaiveDate>) -> Part {
        let own = table.partitions.iter().filter(|p| p.rows > 0 && p.customer.as_deref().is_none_or(|c| c == customer));
        own.fold(Part::default(), |sum, p| Part {
            rows: sum.rows + p.rows,
            days: sum.days + 1,
            files: sum.files + p.files,
            added: sum.added + if date.is_some() && p.date == date { p.rows } else { 0 },
        })
    }
}

fn current(statuses: &[(&Step, StepStatus)]) -> usize {
    let find = |f: &dyn Fn(&StepStatus) -> bool| statuses.iter().position(|(_, s)| f(s));
    find(&|s| s.state == State::Running).or_else(|| find(&|s| !s.over())).unwrap_or(statuses.len().saturating_sub(1))
}

fn chapters(story: &Story, statuses: &[(&Step, StepStatus)], selected: usize) -> Vec<ChapterView> {
    let now = current(statuses);
    let mut from = 0;
    let mut views = Vec::new();
    for (i, chapter) in story.chapters.iter().enumerate() {
        let part = &statuses[from..from + chapter.steps.len()];
        let range = from..from + chapter.steps.len();
        let done = part.iter().filter(|(_, s)| s.over()).count();
        let row = |(k, (step, status)): (usize, &(&Step, StepStatus))| StepRow_ {
            id: step.id.clone(),
            title: fill(&step.title, story, step.action.date),
            state: status.state,
            minutes: format::clock(step.minutes.into()),
            reason: status.reason.clone().filter(|_| matches!(status.state, State::Blocked | State::Failed | State::Warn)),
            selected: from + k == selected,
        };
        views.push(ChapterView {
            number: i as u32 + 1,
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

use app::wire::StepRow as StepRow_;

/// The one button. In every state it stands in the same place; only its words change.
fn action(step: &Step, status: &StepStatus, next: Option<&Step>, folder: Option<&FolderState>) -> ActionView {
    let button = |kind, label: String| ActionView { kind, label, busy: false, disabled: None };
    match status.state {
        State::Running => ActionView { busy: true, disabled: Some("It is running.".into()), ..button(ActionKind::Press, busy_label(step).into()) },
        State::Done | State::Warn => match next {
            Some(next) => button(ActionKind::Link(format!("/?step={}", next.id)), format!("Next: {}", next.title)),
            None => button(ActionKind::Link("/".into()), "From the beginning".into()),
        },
        State::Failed => match &status.run_id {
            Some(run) => button(ActionKind::Retry(run.clone()), "Run again from where it stopped".into()),
            None => button(ActionKind::Press, step.action.label.clone()),
        },
        State::Next | State::Later | State::Blocked => {
            let kind = match step.action.kind {
                Kind::Look => ActionKind::Look(step.action.href.clone().unwrap_or_else(|| "/".into())),
                Kind::Reset => ActionKind::Look(reset_href(step)),
                _ => ActionKind::Press,
            };
            let claimed = folder.is_some_and(|f| f.decision == Some(Decision::Claimed)) && step.action.kind == Kind::Marker;
            let disabled = if claimed { Some("The marker is written; the run starts in a moment.".into()) } else { status.reason.clone().filter(|_| status.resolve.is_some()) };
            ActionView { disabled, ..button(kind, step.action.label.clone()) }
        }
    }
}

/// Where a reset step leads.
pub(super) fn reset_href(step: &Step) -> String {
    format!("/reset?scope={}", step.action.scope.as_deref().unwrap_or("all"))
}

fn busy_label(step: &Step) -> &'static str {
    match step.action.kind {
        Kind::Seed => "Seeding the history",
        Kind::Upload => "Uploading",
        Kind::Marker => "Ingesting",
        Kind::Look | Kind::Reset => "Working",
    }
}

fn more(step: &Step, status: &StepStatus, folder: Option<&FolderState>, run: Option<&RunRow>, day: &Option<String>) -> Vec<ActionView> {
    let button = |kind, label: &str| ActionView { kind, label: label.into(), busy: false, disabled: None };
    let mut more = Vec::new();
    if let Some(run) = run.filter(|r| r.state.active()) {
        let mut stop = button(ActionKind::Stop(run.id.clone()), "Stop the run");
        stop.disabled = run.stop_requested.then(|| "It stops at the next safe point.".into());
        more.push(stop);
        return more;
    }
    match step.action.kind {
        Kind::Upload => more.extend(day.clone().map(|d| button(ActionKind::UploadOwn(d), "Upload a file of your own"))),
        Kind::Marker if status.over() => {
            more.push(button(ActionKind::Press, "Write end_file.txt again"));
            more.extend(folder.map(|f| button(ActionKind::Reingest(form_day(f)), "Ingest the day again")));
        }
        Kind::Marker if status.state == State::Failed => more.extend(folder.map(|f| button(ActionKind::Reingest(form_day(f)), "Ingest the day anew"))),
        _ => {}
    }
    more
}

fn notes(step: &Step, status: &StepStatus, folder: Option<&FolderState>, run: Option<&RunRow>) -> Vec<NoteView> {
    let note = |kind, text: String| NoteView { kind, text, link: None };
    let mut notes = Vec::new();
    if status.state == State::Failed {
        notes.push(NoteView {
            kind: NoteKind::Bad,
            text: status.reason.clone().unwrap_or_else(|| "The run failed.".into()),
            link: status.run_id.as_ref().map(|id| ("What happened".into(), format!("/runs/{id}"))),
        });
    } else if let (Some(reason), Some(link)) = (&status.reason, &status.resolve) {
        notes.push(NoteView { kind: NoteKind::Warn, text: reason.clone(), link: Some(link.clone()) });
    } else if let (Some(reason), State::Next) = (&status.reason, status.state) {
        notes.push(note(NoteKind::Info, reason.clone()));
    }
    let Some(folder) = folder.filter(|_| matches!(step.action.kind, Kind::Upload | Kind::Marker)) else { return notes };
    let duplicate = (folder.duplicates > 0).then(|| {
        let times = if folder.duplicates == 1 { "The marker was written again".into() } else { format!("The marker was written {} more times", format::count(folder.duplicates)) };
        format!("{times}: duplicate, ignored. One day, one run. Use “Ingest the day again” to replace it.")
    });
    match folder.decision {
        Some(Decision::Ingested) if !folder.late.is_empty() => notes.push(note(NoteKind::Warn, late_words(&folder.late))),
        Some(Decision::Refused) => notes.push(note(NoteKind::Bad, folder_words(folder).1)),
        None if folder.files > 0 => notes.push(note(NoteKind::Info, format!("{}. Nothing has started.", folder_words(folder).1))),
        _ => {}
    }
    if step.action.kind == Kind::Marker {
        notes.extend(duplicate.map(|text| note(NoteKind::Info, text)));
        if status.state == State::Warn
            && folder.late.is_empty()
            && let Some(run) = run
        {
            notes.push(NoteView {
                kind: NoteKind::Warn,
                text: status.reason.clone().unwrap_or_default(),
                link: Some(("Rows, reasons".into(), format!("/runs/{}#quarantine", run.id))),
            });
        }
    }
    notes
}

/// A number as it is said: counts with their unit, dollars and percent as such.
fn said(value: f64, unit: &str, with_unit: bool) -> String {
    match unit {
        "dollars" => format::dollars(value),
        "percent" => format::percent(value, 0),
        _ if with_unit => format!("{} {unit}", format::count(value.max(0.0) as u64)),
        _ => format::count(value.max(0.0) as u64),
    }
}
