//! The report: KPI tiles, sessions and revenue per day, the finding, shares. All numbers come from gold by the queries in
//! server/lake/sql/report.

use app::wire::{BarsView, ChartView, ReportView, SeriesView, TileView};
use chrono::NaiveDate;

use super::Views;
use super::chart::{self, Daily, Scale};
use super::numbers::{Rows, number, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::format;

impl Views {
    /// The report over all days that the story's customer has in gold.
    pub async fn report(&self) -> Result<ReportView> {
        let Some(last) = self.last_gold_day().await? else {
            return Ok(ReportView { range: String::new(), tiles: vec![], charts: vec![], bars: vec![], stale: None });
        };
        let totals = self.report_rows("totals", last).await?;
        let days = self.report_rows("sessions_revenue_per_day", last).await?;
        let finding = self.report_rows("finding", last).await?;
        let summary = self.report_rows("finding_summary", last).await?;
        let (channels, devices, countries) = (
            self.report_rows("channels", last).await?,
            self.report_rows("devices", last).await?,
            self.report_rows("countries", last).await?,
        );
        let first = date(totals.first().and_then(|r| r.first())).unwrap_or(last);
        Ok(ReportView {
            range: format!(
                "{} to {} {} · {}",
                format::said(first),
                format::said(last),
                last.format("%Y"),
                format::plural(days.len() as u64, "day")
            ),
            tiles: tiles(&totals, &days, last),
            charts: vec![
                per_day("sessions", "Sessions per day", &days, 1, &|v| format::count(v as u64)),
                per_day("revenue", "Revenue per day", &days, 2, &format::dollars),
                finding_chart(self.story(), &finding, &summary),
            ],
            bars: vec![
                bars("Channels", ("Sessions", "Conversion"), &channels, 1, &|r| share(r, 4)),
                bars("Devices", ("Sessions", "Conversion"), &devices, 1, &|r| share(r, 4)),
                bars("Countries", ("Sessions", "Revenue"), &countries, 2, &|r| {
                    number(r.get(5)).map_or("–".into(), format::dollars)
                }),
            ],
            stale: self.stale(last).await?,
        })
    }

    /// Newest day in gold of the story's customer.
    pub async fn last_gold_day(&self) -> Result<Option<NaiveDate>> {
        let tables = self.state.lake.tables().await?;
        let days = tables
            .iter()
            .filter(|t| t.zone == showrunner_lake::model::Zone::Gold && t.table == "daily_kpis")
            .flat_map(|t| &t.partitions);
        Ok(days
            .filter(|p| p.rows > 0 && p.customer.as_deref() == Some(&self.story().customer))
            .filter_map(|p| p.date)
            .max())
    }

    async fn report_rows(&self, name: &str, last: NaiveDate) -> Result<Rows> {
        let query = showrunner_lake::transform::report_queries().iter().find(|q| q.name == name);
        let query = query.ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("The report query '{name}' is missing. This is a bug."))
        })?;
        self.numbers.rows(&crate::story::fill(query.sql, self.story(), Some(last))).await
    }

    async fn stale(&self, last: NaiveDate) -> Result<Option<String>> {
        let tables = self.state.lake.tables().await?;
        let bronze =
            tables.iter().filter(|t| t.zone == showrunner_lake::model::Zone::Bronze).flat_map(|t| &t.partitions);
        let newest = bronze
            .filter(|p| p.rows > 0 && p.customer.as_deref() == Some(&self.story().customer))
            .filter_map(|p| p.date)
            .max();
        Ok(newest.filter(|n| *n > last).map(|n| {
            format!(
                "Bronze already holds {}; the report shows days until {}. A run is on its way, or failed: see Runs.",
                format::said(n),
                format::said(last)
            )
        }))
    }
}

fn date(value: Option<&Option<String>>) -> Option<NaiveDate> {
    value?.as_deref()?.parse().ok()
}

fn tiles(totals: &Rows, days: &Rows, last: NaiveDate) -> Vec<TileView> {
    let Some(t) = totals.first() else {
        return vec![];
    };
    let newest = days.last();
    let with = |text: String| format!("{text} on {}", format::said(last));
    let tile = |label: &str, value: String, compare: String| TileView { label: label.into(), value, compare };
    let (sessions, orders) = (whole(t.get(3)), whole(t.get(5)));
    vec![
        tile("Sessions", format::count(sessions), with(format::change(whole(newest.and_then(|n| n.get(1))) as i64))),
        tile(
            "Revenue",
            format::dollars(number(t.get(6)).unwrap_or(0.0)),
            with(format!("+{}", format::dollars(number(newest.and_then(|n| n.get(2))).unwrap_or(0.0)))),
        ),
        tile("Orders", format::count(orders), with(format::change(whole(newest.and_then(|n| n.get(3))) as i64))),
        tile(
            "Conversion",
            number(t.get(7)).map_or("–".into(), |v| format::percent(v, 2)),
            "sessions with an order".into(),
        ),
        tile(
            "Bounce rate",
            number(t.get(8)).map_or("–".into(), |v| format::percent(v, 1)),
            "sessions with one page".into(),
        ),
    ]
}

fn per_day(key: &str, title: &str, days: &Rows, column: usize, words: &dyn Fn(f64) -> String) -> ChartView {
    let data: Vec<Daily> = days.iter().filter_map(|r| Some((date(r.first())?, number(r.get(column))))).collect();
    let max = data.iter().filter_map(|(_, v)| *v).fold(0.0, f64::max);
    let scale = Scale::for_max(max);
    let (from, to) = (data.first().map(|d| d.0).unwrap_or_default(), data.last().map(|d| d.0).unwrap_or_default());
    let newest = data.last().and_then(|(d, v)| Some((*d, (*v)?)));
    let peak = data.iter().filter_map(|(d, v)| Some((*d, (*v)?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let mut label = title.to_owned();
    if let (Some((d, v)), Some((pd, pv))) = (newest, peak) {
        label = format!("{title}: {} on {}, at most {} on {}", words(v), format::said(d), words(pv), format::said(pd));
    }
    ChartView {
        key: key.into(),
        title: title.into(),
        label,
        series: vec![SeriesView { name: title.into(), points: chart::points(&data, &scale) }],
        grid: scale.lines.iter().map(|v| (chart::position(scale.y(*v)), words(*v))).collect(),
        ticks: chart::ticks(from, to),
        finding: None,
        last: newest
            .map(|(d, v)| ("100".into(), chart::position(scale.y(v)), format!("{} · {}", words(v), format::said(d)))),
        columns: vec!["Date".into(), title.split(' ').next().unwrap_or(title).into()],
        rows: data.iter().rev().map(|(d, v)| vec![d.to_string(), v.map_or("–".into(), words)]).collect(),
    }
}

/// The story's finding: the subject's share against everybody's, as means over 7 days, with the day it breaks.
fn finding_chart(story: &crate::story::Story, finding: &Rows, summary: &Rows) -> ChartView {
    let pairs = |part: usize, of: usize| -> Vec<(NaiveDate, u64, u64)> {
        finding.iter().filter_map(|r| Some((date(r.first())?, whole(r.get(part)), whole(r.get(of))))).collect()
    };
    let (uk, all) = (chart::smooth(&pairs(2, 1)), chart::smooth(&pairs(5, 4)));
    let max = uk.iter().chain(&all).filter_map(|(_, v)| *v).fold(0.0, f64::max);
    let scale = Scale::for_max(max);
    let percent = |v: f64| format::percent(v, 0);
    let (from, to) = (uk.first().map(|d| d.0).unwrap_or_default(), uk.last().map(|d| d.0).unwrap_or_default());
    let rate = |since: &str, column: usize| {
        summary.iter().find(|r| r.first().and_then(|v| v.as_deref()) == Some(since)).and_then(|r| number(r.get(column)))
    };
    let change = story.finding.as_ref().map(|f| f.date).filter(|c| (from..=to).contains(c));
    let (title, subject, rest) = story
        .finding
        .as_ref()
        .map_or(("Shares", "Subject", "All"), |f| (f.title.as_str(), f.subject.as_str(), f.rest.as_str()));
    let sentence = match (change, rate("false", 4), rate("true", 4)) {
        (Some(day), Some(before), Some(after)) => {
            Some(format!("From {}: {} instead of {}", format::said(day), percent(after), percent(before)))
        }
        _ => None,
    };
    let hides = match (rate("false", 7), rate("true", 7)) {
        (Some(before), Some(after)) => format!(" {rest}: {} before, {} since.", percent(before), percent(after)),
        _ => String::new(),
    };
    ChartView {
        key: "finding".into(),
        title: title.into(),
        label: format!(
            "{title}: {subject} and {rest}, mean of 7 days. {}.{hides}",
            sentence.as_deref().unwrap_or("No change yet")
        ),
        series: vec![
            SeriesView { name: subject.into(), points: chart::points(&uk, &scale) },
            SeriesView { name: rest.into(), points: chart::points(&all, &scale) },
        ],
        grid: scale.lines.iter().map(|v| (chart::position(scale.y(*v)), percent(*v))).collect(),
        ticks: chart::ticks(from, to),
        finding: change.zip(sentence).map(|(c, s)| (chart::position(chart::x(c, from, to)), s)),
        last: uk.last().and_then(|(_, v)| *v).map(|v| ("100".into(), chart::position(scale.y(v)), percent(v))),
        columns: vec![
            "Date".into(),
            format!("{subject}: started"),
            "completed".into(),
            format!("{rest}: started"),
            "completed".into(),
        ],
        rows: finding
            .iter()
            .rev()
            .map(|r| {
                vec![
                    r.first().cloned().flatten().unwrap_or_default(),
                    format::count(whole(r.get(1))),
                    format::count(whole(r.get(2))),
                    format::count(whole(r.get(4))),
                    format::count(whole(r.get(5))),
                ]
            })
            .collect(),
    }
}

fn share(row: &[Option<String>], column: usize) -> String {
    number(row.get(column)).map_or("–".into(), |v| format::percent(v, 2))
}

fn bars(
    title: &str,
    heads: (&str, &str),
    rows: &Rows,
    value: usize,
    second: &dyn Fn(&[Option<String>]) -> String,
) -> BarsView {
    let longest = rows.iter().map(|r| whole(r.get(value))).max().unwrap_or(0);
    let bar = |r: &Vec<Option<String>>| {
        let n = whole(r.get(value));
        (
            r.first().cloned().flatten().unwrap_or_else(|| "(not set)".into()),
            format::permille(n, longest),
            format::count(n),
            second(r),
        )
    };
    BarsView { title: title.into(), rows: rows.iter().map(bar).collect(), heads: (heads.0.into(), heads.1.into()) }
}
