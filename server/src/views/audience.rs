//! What the audience screen shows: the presenter's step in a headline, three numbers, a chart and the zones. Strangers see it, so
//! no run, file or address is named.

use std::hash::{DefaultHasher, Hash, Hasher};

use app::wire::{
    AudienceView, ProgressView, ScreenChartView, ScreenNumberView, ScreenView, ScreenZoneView, State, ZoneView,
};
use chrono::NaiveDate;
use showrunner_lake::model::Zone;

use super::chart::{self, Scale};
use super::presenting::on_show;
use super::show::said;
use super::steps::{Situation, StepStatus};
use super::{Views, numbers};
use crate::error::Result;
use crate::format;
use crate::store::{RunKind, RunState};
use crate::story::{RunNumber, ScreenNumber, Step, StepChart, fill};

/// So many large numbers fit.
const NUMBERS: usize = 3;
/// Room above the columns for the note, as a part of the scale.
const HEADROOM: f64 = 1.22;

impl Views {
    /// The audience screen: blank, frozen or following. `theme` is the browser's.
    pub async fn audience(&self, theme: &str) -> Result<AudienceView> {
        // Read first: what happens meanwhile is told by an event behind it.
        let last_event = self.state.store.last_event_id().await?;
        let shown = self.state.store.presentation(&self.story().id).await?;
        let screen = match (shown.blank, shown.frozen) {
            (true, _) => None,
            (false, Some(frozen)) => match serde_json::from_str(&frozen) {
                Ok(screen) => Some(screen),
                // Frozen by another version. Following would show what was not to be seen.
                Err(error) => {
                    tracing::warn!(%error, "what was frozen cannot be shown: the audience screen stays blank");
                    None
                }
            },
            (false, None) => Some(self.screen().await?),
        };
        Ok(AudienceView { screen, theme: theme.to_owned(), last_event })
    }

    /// What the audience would see now, as it is kept while it is frozen.
    pub async fn frozen_screen(&self) -> Result<String> {
        let mut screen = self.screen().await?;
        // Without a name no progress of the event stream finds it.
        if let Some(progress) = &mut screen.progress {
            progress.run_id.clear();
        }
        Ok(serde_json::to_string(&screen)?)
    }

    async fn screen(&self) -> Result<ScreenView> {
        let story = self.story();
        let situation = self.situation().await?;
        let statuses = situation.statuses(story);
        let (step, status) = &statuses[on_show(&situation, &statuses)];
        let run = situation.runs.iter().find(|r| Some(&r.id) == status.run_id.as_ref());
        let run_steps = match run {
            Some(run) => self.state.store.steps(&run.id).await?,
            None => vec![],
        };
        let active = self.active(&situation, run, &run_steps).await?;
        let progress = active.as_ref().map(|(run, steps)| for_screen(self.progress(run, steps)));
        let zones = self.zones(&situation, step.action.date, active.as_ref()).await?;
        let numbers = self.large_numbers(&situation, step, &zones, progress.as_ref()).await?;
        Ok(ScreenView {
            title: self.headline(step, status),
            state: state(&situation, step, progress.as_ref()),
            longest: numbers.iter().map(|n| n.value.chars().count()).max().unwrap_or(1) as u16,
            numbers,
            chart: self.screen_chart(step).await?,
            zones: zones.into_iter().map(zone).collect(),
            progress,
            at: format::time(self.state.clock.millis()),
        })
    }

    fn headline(&self, step: &Step, status: &StepStatus) -> String {
        let screen = step.audience.as_ref();
        let before = screen.and_then(|s| s.before.as_ref());
        let after = screen.and_then(|s| s.after.as_ref()).filter(|_| status.over());
        fill(after.or(before).unwrap_or(&step.title), self.story(), step.action.date)
    }

    /// The step's own number, then those of the story, three in all.
    async fn large_numbers(
        &self,
        situation: &Situation,
        step: &Step,
        zones: &[ZoneView],
        progress: Option<&ProgressView>,
    ) -> Result<Vec<ScreenNumberView>> {
        let plain =
            |label: &str, value: String| ScreenNumberView { label: label.into(), value, hot: false, fact: None };
        let mut numbers: Vec<ScreenNumberView> = Vec::new();
        if let Some(number) = &step.number {
            let value = self.value(&number.sql, &number.unit, step.action.date).await?;
            let label = number.audience.as_ref().unwrap_or(&number.label);
            numbers.push(ScreenNumberView { hot: true, ..plain(label, value) });
        }
        let of_zone = |key: &str| zones.iter().find(|z| z.key == key).map_or("–".into(), |z| z.amount.clone());
        let any =
            [ScreenNumber { label: "Seconds".into(), unit: String::new(), sql: None, run: Some(RunNumber::Seconds) }];
        let given = &self.story().audience.numbers;
        if given.is_empty() {
            numbers.push(plain("Rows delivered", of_zone("bronze")));
            numbers.push(plain("Rows in the warehouse", of_zone("warehouse")));
        }
        for number in given.iter().chain(any.iter().filter(|_| given.is_empty())) {
            if numbers.len() >= NUMBERS {
                break;
            }
            if numbers.iter().any(|n| n.label == number.label) {
                continue;
            }
            numbers.push(match (&number.sql, number.run) {
                (Some(sql), _) => plain(&number.label, self.value(sql, &number.unit, step.action.date).await?),
                (None, _) => match progress.and_then(|p| p.facts.iter().find(|f| f.label == "Rows")) {
                    Some(rows) => ScreenNumberView {
                        fact: Some(rows.label.clone()),
                        ..plain("Rows in this step", rows.value.clone())
                    },
                    // Where no day is told of, another number is worth more than one that is not known.
                    None => match seconds(situation, step) {
                        None if step.action.date.is_none() => continue,
                        seconds => plain(&number.label, seconds.unwrap_or_else(|| "–".into())),
                    },
                },
            });
        }
        numbers.truncate(NUMBERS);
        Ok(numbers)
    }

    /// The one value of a query, as it is said but for its unit.
    async fn value(&self, sql: &str, unit: &str, date: Option<NaiveDate>) -> Result<String> {
        let rows = self.numbers.rows(&self.who, &fill(sql, self.story(), date)).await?;
        let value = numbers::number(rows.first().and_then(|r| r.first()));
        Ok(value.map_or("–".into(), |v| said(v, unit, false)))
    }

    async fn screen_chart(&self, step: &Step) -> Result<Option<ScreenChartView>> {
        if step.audience.as_ref().and_then(|s| s.chart) == Some(StepChart::Finding) {
            let finding = self.finding().await?;
            return Ok(finding.map(|chart| ScreenChartView {
                title: chart.title,
                label: chart.label,
                grid: chart.grid,
                ticks: chart.ticks,
                columns: String::new(),
                subject: String::new(),
                lines: chart.series,
                note: chart.finding.map(|(x, words)| (x, words, "100".into())),
            }));
        }
        let (title, unit, days) = match &self.story().audience.chart {
            Some(chart) => {
                let rows = self.numbers.rows(&self.who, &fill(&chart.sql, self.story(), step.action.date)).await?;
                let day = |row: &Vec<Option<String>>| {
                    Some((row.first()?.as_deref()?.get(..10)?.parse().ok()?, numbers::number(row.get(1))?))
                };
                (chart.title.as_str(), chart.unit.as_str(), rows.iter().filter_map(day).collect())
            }
            None => ("Rows per day", "rows", self.rows_per_day().await?),
        };
        let data = &self.story().data;
        Ok(columns(title, unit, &days, step.action.date, (data.history.from, data.stage.to)))
    }

    /// What any story has: the rows of each delivered day.
    async fn rows_per_day(&self) -> Result<Vec<(NaiveDate, f64)>> {
        let tables = self.state.lake.tables().await?;
        let customer = &self.story().customer;
        let mut days: Vec<_> = tables
            .iter()
            .filter(|t| t.zone == Zone::Bronze && t.table == self.story().dataset)
            .flat_map(|t| &t.partitions)
            .filter(|p| p.rows > 0 && p.customer.as_deref().is_none_or(|c| c == customer))
            .filter_map(|p| Some((p.date?, p.rows as f64)))
            .collect();
        days.sort_by_key(|(date, _)| *date);
        Ok(days)
    }
}

/// Progress under a name that tells nothing about the run, the same in the page and in its event stream.
pub fn for_screen(mut progress: ProgressView) -> ProgressView {
    let mut hasher = DefaultHasher::new();
    progress.run_id.hash(&mut hasher);
    progress.run_id = format!("{:08x}", hasher.finish() as u32);
    progress
}

/// What is going on. What failed or is blocked is the presenter's business.
fn state(situation: &Situation, step: &Step, progress: Option<&ProgressView>) -> Option<(State, String)> {
    if let Some(progress) = progress {
        return Some((State::Running, progress.text.clone()));
    }
    let date = step.action.date?;
    if situation.ingested.contains(&date) {
        return Some((State::Done, "In every zone".into()));
    }
    let folder = situation.folder(date)?;
    (folder.files > 0 && folder.decision.is_none()).then(|| (State::Next, "Waiting for end_file.txt".into()))
}

/// How long the run took that brought the step's day; the newest one where the step has none.
fn seconds(situation: &Situation, step: &Step) -> Option<String> {
    let of_day = step.action.date.and_then(|d| situation.folder(d)).and_then(|f| f.run_id.as_ref());
    let mut done = situation.runs.iter().filter(|r| r.state == RunState::Done);
    let run = match of_day {
        Some(id) => done.find(|r| r.id == *id),
        None if step.action.date.is_some() => None,
        None => done.find(|r| r.kind == RunKind::Ingest),
    };
    let took = run.and_then(|r| Some(r.ended_at? - r.started_at?))?;
    Some(format::seconds(took.max(0) as f64 / 1000.0))
}

fn zone(zone: ZoneView) -> ScreenZoneView {
    ScreenZoneView { title: zone.title, amount: zone.amount, change: zone.change, state: zone.state }
}

/// A column for each day. The axis spans all days of the story from the beginning, so that a day that arrives moves nothing but itself.
fn columns(
    title: &str,
    unit: &str,
    days: &[(NaiveDate, f64)],
    date: Option<NaiveDate>,
    span: (NaiveDate, NaiveDate),
) -> Option<ScreenChartView> {
    let (first, last) = (days.first()?, days.last()?);
    let (from, to) = (span.0.min(first.0), span.1.max(last.0));
    let mut scale = Scale::for_max(days.iter().map(|(_, v)| *v).fold(0.0, f64::max));
    scale.top *= HEADROOM;
    let slot = 100.0 / ((to - from).num_days() + 1) as f64;
    let left = |day: NaiveDate| (day - from).num_days() as f64 * slot;
    let middle = |day: NaiveDate| chart::position(left(day) + slot / 2.0);
    let subject = match date {
        Some(date) => days.iter().find(|(d, _)| *d == date),
        None => Some(last),
    };
    let column = |(day, value): &(NaiveDate, f64)| {
        format!("M{:.2},100V{:.2}h{:.2}V100z", left(*day) + slot * 0.1, scale.y(*value), slot * 0.8)
    };
    let words = |value: f64| said(value, unit, false);
    let span = format!("{title} from {} to {}", format::said(first.0), format::said(last.0));
    Some(ScreenChartView {
        title: title.into(),
        label: match subject {
            Some((day, value)) => format!("{span}; {} is {}", format::said(*day), words(*value)),
            None => span,
        },
        grid: scale.lines.iter().map(|v| (chart::position(scale.y(*v)), words(*v))).collect(),
        ticks: chart::tick_days(from, to).into_iter().map(|d| (middle(d), format::said(d))).collect(),
        columns: days.iter().filter(|d| Some(*d) != subject).map(column).collect(),
        subject: subject.map(column).unwrap_or_default(),
        lines: vec![],
        note: subject
            .map(|(d, v)| (middle(*d), format!("{} · {}", format::said(*d), words(*v)), chart::position(scale.y(*v)))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(d: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2017, 7, d).unwrap()
    }

    #[test]
    fn a_day_that_arrives_moves_nothing_but_itself() {
        let span = (day(1), day(10));
        let before = [(day(1), 50.0), (day(2), 100.0)];
        let after = [(day(1), 50.0), (day(2), 100.0), (day(3), 80.0)];
        let waiting = columns("Sessions per day", "sessions", &before, Some(day(3)), span).unwrap();
        let arrived = columns("Sessions per day", "sessions", &after, Some(day(3)), span).unwrap();
        assert_eq!(waiting.columns, arrived.columns);
        assert_eq!((waiting.subject.as_str(), &waiting.note), ("", &None));
        assert_eq!(arrived.note, Some(("25".into(), "3 Jul · 80".into(), "34.4".into())));
        assert!(arrived.subject.starts_with("M21.00,100V34.4"), "{}", arrived.subject);
        assert_eq!(arrived.label, "Sessions per day from 1 Jul to 3 Jul; 3 Jul is 80");
        // Without a day of its own the step is about the newest one.
        let newest = columns("Sessions per day", "sessions", &before, None, span).unwrap();
        assert_eq!(newest.note.unwrap().1, "2 Jul · 100");
        assert_eq!(columns("Sessions per day", "sessions", &[], None, span), None);
    }

    #[test]
    fn the_screen_learns_no_run() {
        let progress = |run: &str| ProgressView {
            run_id: run.into(),
            state: State::Running,
            state_text: "Running for 0.9 s".into(),
            segments: vec![],
            facts: vec![],
            text: "Silver, step 3 of 5".into(),
            permille: 1,
        };
        let name = |run: &str| for_screen(progress(run)).run_id;
        assert_eq!(name("run-0059-7f3a"), name("run-0059-7f3a"));
        assert_ne!(name("run-0059-7f3a"), name("run-0060-7f3a"));
        assert!(!name("run-0059-7f3a").contains("0059"));
    }
}
