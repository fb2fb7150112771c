//! The report: KPI tiles, sessions and revenue per day, the finding, the map, shares, products. All numbers come from silver by the
//! queries in server/lake/sql/explore, so that one filter acts on every one of them.

mod csv;
mod filter;
mod map;

use app::wire::{
    BarsView, ChartView, FieldView, FilterView, GridKind, GridView, ListingView, ReportView, SeriesView, SourceView,
    TileView,
};
use chrono::NaiveDate;
use showrunner_lake::transform::{ReportQuery, report_queries};

use super::Views;
use super::chart::{self, Daily, Scale};
use super::numbers::{Rows, number, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use filter::{Filter, Measure};

/// The queries of a report, in the order in which they are asked.
const PARTS: [&str; 10] =
    ["totals", "days", "finding", "channels", "devices", "browsers", "countries", "cities", "funnel", "products"];
/// A list of bars is read, not scrolled.
const LONGEST: usize = 8;

impl Views {
    /// The report with the filter of a query string.
    pub async fn report(&self, query: &str) -> Result<ReportView> {
        let (filter, problems) = Filter::parse(query);
        let choices = self.choices().await?;
        let mut view = ReportView {
            range: String::new(),
            filter: filter_view(&filter, &choices, problems),
            tiles: vec![],
            tiles_source: self.source("totals", &filter),
            charts: vec![],
            map: None,
            bars: vec![],
            products: ListingView::default(),
            stale: None,
        };
        let Some(last) = day_of(choices.iter().filter(|r| cell(r, 0) == "date").map(|r| cell(r, 1)).max()) else {
            return Ok(view);
        };
        view.stale = self.stale(last).await?;
        let queries = PARTS.iter().map(|part| self.query(part, &filter)).collect::<Result<Vec<_>>>()?;
        let answers = self.numbers.report(&self.who, &queries).await?;
        let rows = |part: &str| {
            let at = PARTS.iter().position(|p| *p == part).unwrap_or(0);
            answers.get(at).cloned().unwrap_or_default()
        };
        let days = rows("days");
        view.range = match (date(days.first().and_then(|r| r.first())), date(days.last().and_then(|r| r.first()))) {
            (Some(first), Some(last)) => format!(
                "{} to {} {} · {}",
                format::said(first),
                format::said(last),
                last.format("%Y"),
                format::plural(days.len() as u64, "day")
            ),
            _ => "No session fits this filter".to_owned(),
        };
        view.tiles = tiles(&rows("totals"), &days);
        view.charts = vec![
            per_day(
                "sessions",
                "Sessions per day",
                &days,
                1,
                &|v| format::count(v as u64),
                self.source("days", &filter),
            ),
            per_day("revenue", "Revenue per day", &days, 2, &format::dollars, self.source("days", &filter)),
            finding_chart(self.story(), &rows("finding"), self.source("finding", &filter)),
        ];
        view.map = map::map(&filter, &rows("countries"), &rows("cities"));
        let set = |change: fn(&mut Filter, String)| {
            let filter = filter.clone();
            move |value: &str| filter.with(|f| change(f, value.to_owned())).address("/report")
        };
        let rate = |r: &[Option<String>]| share(whole(r.get(3)), whole(r.get(1)), 2);
        let revenue = |r: &[Option<String>]| number(r.get(2)).map_or("–".into(), format::dollars);
        let country = set(|f, v| f.country = Some(v));
        let channel = set(|f, v| f.channel = Some(v));
        let device = set(|f, v| f.device = Some(v));
        view.bars = vec![
            bars("Countries", ("Sessions", "Revenue"), &rows("countries"), &revenue, Some(&country)),
            bars("Channels", ("Sessions", "Conversion"), &rows("channels"), &rate, Some(&channel)),
            bars("Devices", ("Sessions", "Conversion"), &rows("devices"), &rate, Some(&device)),
            bars("Browsers", ("Sessions", "Conversion"), &rows("browsers"), &rate, None),
            funnel(&rows("funnel")),
        ];
        for (bars, part) in view.bars.iter_mut().zip(["countries", "channels", "devices", "browsers", "funnel"]) {
            bars.source = self.source(part, &filter);
        }
        if filter.country.is_some() {
            view.bars.insert(1, cities(&rows("cities"), self.source("cities", &filter)));
        }
        view.products = products(&rows("products"), self.source("products", &filter));
        Ok(view)
    }

    /// The story's finding over all days; `None` before there is a day.
    pub(super) async fn finding(&self) -> Result<Option<ChartView>> {
        let queries = [self.query("finding", &Filter::default())?];
        let rows = self.numbers.report(&self.who, &queries).await?.first().cloned().unwrap_or_default();
        Ok((!rows.is_empty()).then(|| finding_chart(self.story(), &rows, SourceView::default())))
    }

    /// What can be chosen: field, value, sessions.
    async fn choices(&self) -> Result<Rows> {
        let sql = named("choices")?.sql.replace("{customer}", &self.story().customer);
        Ok(self.numbers.report(&self.who, &[sql]).await?.first().cloned().unwrap_or_default())
    }

    /// A query of the report as it is run.
    fn query(&self, part: &str, filter: &Filter) -> Result<String> {
        let condition = filter.condition(&self.story().customer);
        let sql = named(part)?.sql.replace("{where}", &condition);
        // The header is for the page's title; the statement is what people want to see and run.
        Ok(sql.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n"))
    }

    /// A query of the report without a filter.
    pub(super) fn report_sql(&self, part: &str) -> Result<String> {
        self.query(part, &Filter::default())
    }

    fn source(&self, part: &str, filter: &Filter) -> SourceView {
        SourceView {
            lineage: super::lineage::column_address(&format!("report.{part}.{}", main_column(part))),
            sql: self.query(part, filter).unwrap_or_default(),
            csv: filter.address(&format!("/report.csv?part={part}")),
        }
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

/// The column that a part of the report is about.
fn main_column(part: &str) -> &'static str {
    match part {
        "finding" => "uk_mobile_completed",
        "funnel" => "checkout_completed",
        _ => "revenue",
    }
}

fn named(part: &str) -> Result<&'static ReportQuery> {
    report_queries().iter().find(|q| q.name == part).ok_or_else(|| {
        Error::new(
            ErrorKind::NotFound,
            format!("The report has no part '{}'.", part.chars().take(40).collect::<String>()),
        )
    })
}

fn date(value: Option<&Option<String>>) -> Option<NaiveDate> {
    day_of(value?.as_deref())
}

fn day_of(text: Option<&str>) -> Option<NaiveDate> {
    text?.parse().ok()
}

fn cell(row: &[Option<String>], at: usize) -> &str {
    row.get(at).and_then(|v| v.as_deref()).unwrap_or_default()
}

fn filter_view(filter: &Filter, choices: &Rows, problems: Vec<String>) -> FilterView {
    let text = |date: Option<NaiveDate>| date.map(|d| d.to_string()).unwrap_or_default();
    let dates: Vec<&str> = choices.iter().filter(|r| cell(r, 0) == "date").map(|r| cell(r, 1)).collect();
    let list = |name: &str, label: &str, all: &str, chosen: Option<&str>| {
        let mut values: Vec<(String, String)> = choices
            .iter()
            .filter(|r| cell(r, 0) == name)
            .map(|r| (cell(r, 1).to_owned(), format!("{} ({})", cell(r, 1), format::count(whole(r.get(2))))))
            .collect();
        // What the address asks for stands in the list even if there is no such data.
        if let Some(value) = chosen.filter(|v| !values.iter().any(|(other, _)| other == v)) {
            values.push((value.to_owned(), format!("{value} (0)")));
        }
        let mut options = vec![(String::new(), all.to_owned(), chosen.is_none())];
        options.extend(values.into_iter().map(|(value, words)| {
            let selected = chosen == Some(value.as_str());
            (value, words, selected)
        }));
        FieldView { name: name.to_owned(), label: label.to_owned(), options }
    };
    let visitors = [("", "All", None), ("new", "New", Some(true)), ("returning", "Returning", Some(false))];
    FilterView {
        dates: (text(filter.from), text(filter.to)),
        bounds: (
            dates.iter().min().map(|d| (*d).to_owned()).unwrap_or_default(),
            dates.iter().max().map(|d| (*d).to_owned()).unwrap_or_default(),
        ),
        fields: vec![
            list("country", "Country", "All countries", filter.country.as_deref()),
            list("channel", "Channel", "All channels", filter.channel.as_deref()),
            list("device", "Device", "All devices", filter.device.as_deref()),
            FieldView {
                name: "visitors".into(),
                label: "Visitors".into(),
                options: visitors.map(|(v, words, new)| (v.to_owned(), words.to_owned(), new == filter.new)).to_vec(),
            },
        ],
        map: Measure::ALL
            .iter()
            .find(|(m, ..)| *m == filter.measure && *m != Measure::default())
            .map_or(String::new(), |(_, word, _)| (*word).to_owned()),
        active: *filter != (Filter { measure: filter.measure, ..Filter::default() }),
        problems,
    }
}

fn tiles(totals: &Rows, days: &Rows) -> Vec<TileView> {
    let Some(t) = totals.first() else {
        return vec![];
    };
    let newest = days.last();
    let on = |text: String| match date(newest.and_then(|n| n.first())) {
        Some(day) => format!("{text} on {}", format::said(day)),
        None => String::new(),
    };
    let tile = |label: &str, value: String, compare: String| TileView {
        label: label.into(),
        value,
        compare,
        lineage: super::lineage::column_address(&format!("report.totals.{}", total(label))),
    };
    let (sessions, orders) = (whole(t.get(2)), whole(t.get(4)));
    vec![
        tile("Sessions", format::count(sessions), on(format::change(whole(newest.and_then(|n| n.get(1))) as i64))),
        tile(
            "Revenue",
            format::dollars(number(t.get(3)).unwrap_or(0.0)),
            on(format!("+{}", format::dollars(number(newest.and_then(|n| n.get(2))).unwrap_or(0.0)))),
        ),
        tile("Orders", format::count(orders), on(format::change(whole(newest.and_then(|n| n.get(3))) as i64))),
        tile("Conversion", share(whole(t.get(5)), sessions, 2), "sessions with an order".into()),
        tile("Bounce rate", share(whole(t.get(6)), sessions, 1), "sessions with one page".into()),
    ]
}

/// The column of a key figure.
fn total(label: &str) -> &'static str {
    match label {
        "Revenue" => "revenue",
        "Orders" => "orders",
        "Conversion" => "converting_sessions",
        "Bounce rate" => "bounces",
        _ => "sessions",
    }
}

fn per_day(
    key: &str,
    title: &str,
    days: &Rows,
    column: usize,
    words: &dyn Fn(f64) -> String,
    source: SourceView,
) -> ChartView {
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
        numbers: GridView::numbers(
            format!("Numbers of the chart: {title}"),
            GridKind::Id,
            &["Date", title.split(' ').next().unwrap_or(title)],
            data.iter().rev().map(|(d, v)| vec![d.to_string(), v.map_or("–".into(), words)]).collect(),
        ),
        source,
    }
}

/// The story's finding: the subject's share against everybody's, as means over 7 days, with the day it breaks.
fn finding_chart(story: &crate::story::Story, finding: &Rows, source: SourceView) -> ChartView {
    let pairs = |part: usize, of: usize| -> Vec<(NaiveDate, u64, u64)> {
        finding.iter().filter_map(|r| Some((date(r.first())?, whole(r.get(part)), whole(r.get(of))))).collect()
    };
    let (uk, all) = (chart::smooth(&pairs(2, 1)), chart::smooth(&pairs(4, 3)));
    let max = uk.iter().chain(&all).filter_map(|(_, v)| *v).fold(0.0, f64::max);
    let scale = Scale::for_max(max);
    let percent = |v: f64| format::percent(v, 0);
    let (from, to) = (uk.first().map(|d| d.0).unwrap_or_default(), uk.last().map(|d| d.0).unwrap_or_default());
    let change = story.finding.as_ref().map(|f| f.date).filter(|c| (from..=to).contains(c));
    // Completed of started, in the days before the change or from it on.
    let rate = |since: bool, part: usize, of: usize| {
        let day = change?;
        let side = finding.iter().filter(|r| date(r.first()).is_some_and(|d| (d >= day) == since));
        let (part, of) = side.fold((0, 0), |(p, o), r| (p + whole(r.get(part)), o + whole(r.get(of))));
        (of > 0).then(|| part as f64 / of as f64)
    };
    let (title, subject, rest) = story
        .finding
        .as_ref()
        .map_or(("Shares", "Subject", "All"), |f| (f.title.as_str(), f.subject.as_str(), f.rest.as_str()));
    let sentence = match (change, rate(false, 2, 1), rate(true, 2, 1)) {
        (Some(day), Some(before), Some(after)) => {
            Some(format!("From {}: {} instead of {}", format::said(day), percent(after), percent(before)))
        }
        _ => None,
    };
    let hides = match (rate(false, 4, 3), rate(true, 4, 3)) {
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
        numbers: GridView::numbers(
            format!("Numbers of the chart: {title}"),
            GridKind::Id,
            &["Date", &format!("{subject}: started"), "completed", &format!("{rest}: started"), "completed"],
            finding
                .iter()
                .rev()
                .map(|r| {
                    let counts = (1..5).map(|at| format::count(whole(r.get(at))));
                    [cell(r, 0).to_owned()].into_iter().chain(counts).collect()
                })
                .collect(),
        ),
        source,
    }
}

fn share(part: u64, of: u64, digits: usize) -> String {
    if of == 0 { "–".into() } else { format::percent(part as f64 / of as f64, digits) }
}

fn bars(
    title: &str,
    heads: (&str, &str),
    rows: &Rows,
    second: &dyn Fn(&[Option<String>]) -> String,
    href: Option<&dyn Fn(&str) -> String>,
) -> BarsView {
    let longest = rows.iter().map(|r| whole(r.get(1))).max().unwrap_or(0);
    let shown = rows.iter().take(LONGEST);
    let bar = |r: &Vec<Option<String>>| {
        let n = whole(r.get(1));
        (cell(r, 0).to_owned(), format::permille(n, longest), format::count(n), second(r))
    };
    // '(not set)' stands for NULL, which is no value to filter by.
    let address = |name: &str| href.filter(|_| name != "(not set)").map(|href| href(name)).unwrap_or_default();
    BarsView {
        title: title.into(),
        rows: shown.clone().map(bar).collect(),
        heads: (heads.0.into(), heads.1.into()),
        hrefs: shown.map(|r| address(cell(r, 0))).collect(),
        source: SourceView::default(),
    }
}

fn cities(rows: &Rows, source: SourceView) -> BarsView {
    let longest = rows.first().map_or(0, |r| whole(r.get(3)));
    let bar = |r: &Vec<Option<String>>| {
        let n = whole(r.get(3));
        let revenue = number(r.get(4)).map_or("–".into(), format::dollars);
        (cell(r, 2).to_owned(), format::permille(n, longest), format::count(n), revenue)
    };
    BarsView {
        title: "Cities".into(),
        rows: rows.iter().take(LONGEST).map(bar).collect(),
        heads: ("Sessions".into(), "Revenue".into()),
        hrefs: Vec::new(),
        source,
    }
}

fn funnel(rows: &Rows) -> BarsView {
    let steps = ["Sessions", "Product view", "Added to cart", "Checkout started", "Order"];
    let count = |at: usize| rows.first().map_or(0, |r| whole(r.get(at)));
    let bar = |(at, name): (usize, &&str)| {
        let before = if at == 0 { count(0) } else { count(at - 1) };
        let of_before = if at == 0 { String::new() } else { share(count(at), before, 1) };
        ((*name).to_owned(), format::permille(count(at), count(0)), format::count(count(at)), of_before)
    };
    BarsView {
        title: "Checkout funnel".into(),
        rows: steps.iter().enumerate().map(bar).collect(),
        heads: ("Sessions".into(), "of the step before".into()),
        hrefs: Vec::new(),
        source: SourceView::default(),
    }
}

fn products(rows: &Rows, source: SourceView) -> ListingView {
    let line = |r: &Vec<Option<String>>| {
        let count = |at: usize| format::count(whole(r.get(at)));
        let revenue = number(r.get(4)).map_or("–".into(), format::dollars);
        vec![cell(r, 0).to_owned(), count(1), count(2), count(3), revenue]
    };
    let titles = ["Product", "Views", "Added", "Sold", "Revenue"];
    let lines = rows.iter().take(12).map(line).collect();
    ListingView {
        title: "Products".into(),
        grid: GridView::numbers("Products", GridKind::Text, &titles, lines),
        source,
    }
}
