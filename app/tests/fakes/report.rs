//! A report.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood};

fn source(part: &str) -> SourceView {
    SourceView {
        sql: "SELECT count(*) AS sessions\nFROM silver.sessions\nWHERE customer = 'customer01'".into(),
        csv: format!("/report.csv?part={part}"),
        lineage: format!("/lineage?column=report.{part}.revenue"),
    }
}

fn filter(query: &str) -> FilterView {
    let option =
        |value: &str, words: &str| (value.to_owned(), words.to_owned(), query.contains(value) && !value.is_empty());
    FilterView {
        bounds: ("2017-06-01".into(), "2017-07-29".into()),
        fields: vec![FieldView {
            name: "country".into(),
            label: "Country".into(),
            options: vec![option("", "All countries"), option("Germany", "Germany (3,120)")],
        }],
        active: !query.is_empty(),
        problems: query
            .contains("bad")
            .then(|| "'bad' is no date like 2017-07-29, so it was left out.".into())
            .into_iter()
            .collect(),
        ..FilterView::default()
    }
}

fn map() -> MapView {
    MapView {
        title: "Map".into(),
        label: "Sessions by country. Most: United States".into(),
        view_box: "0 0 1000 462".into(),
        measures: vec![
            ("Sessions".into(), "/report".into(), true),
            ("Revenue".into(), "/report?map=revenue".into(), false),
        ],
        back: None,
        shapes: vec![MapShape {
            id: "USA".into(),
            level: 5,
            words: "United States: 64,768 sessions".into(),
            href: Some("/report?country=United+States".into()),
        }],
        spots: vec![MapSpot {
            x: "755".into(),
            y: "240".into(),
            r: "3".into(),
            level: 1,
            words: "Singapore: 40 sessions".into(),
            href: Some("/report?country=Singapore".into()),
        }],
    }
}

fn chart(key: &str, title: &str, names: &[&str], finding: bool) -> ChartView {
    let points = |shift: u32| {
        (0..59)
            .map(|day| format!("{}.{},{}", day * 17 / 10, day * 17 % 10, 20 + (day * 13 + shift) % 40))
            .collect::<Vec<_>>()
            .join(" ")
    };
    ChartView {
        key: key.into(),
        title: title.into(),
        label: format!("{title}: the weekly rhythm holds."),
        series: names
            .iter()
            .zip(0..)
            .map(|(name, index)| SeriesView { name: (*name).into(), points: points(index * 17) })
            .collect(),
        grid: [("100.0", "0"), ("68.8", "1,000"), ("37.5", "2,000"), ("6.2", "3,000")]
            .map(|(y, words)| (y.into(), words.into()))
            .to_vec(),
        ticks: [("0.85", "1 Jun"), ("24.58", "15 Jun"), ("51.69", "1 Jul"), ("73.73", "14 Jul"), ("99.15", "29 Jul")]
            .map(|(x, words)| (x.into(), words.into()))
            .to_vec(),
        finding: finding.then(|| ("73.73".into(), "UK 38 % → 11 %".into())),
        last: Some(("98.6".into(), "34".into(), "29 Jul: 1,987".into())),
        numbers: GridView::numbers(
            "Numbers of the chart",
            GridKind::Id,
            &["Day", title],
            (1..30).rev().map(|day| vec![format!("2017-07-{day:02}"), "2,487".into()]).collect(),
        ),
        source: source(key),
    }
}

#[async_trait]
impl Reports for Fake {
    async fn report(&self, query: String) -> Result<ReportView, WireError> {
        self.usable()?;
        let empty = self.mood == Mood::Fresh;
        let bars = |title: &str, names: &[&str]| BarsView {
            title: title.into(),
            rows: names
                .iter()
                .zip(1_u16..)
                .map(|(name, index)| ((*name).into(), 1000 / index, "64,768".into(), "42.7 %".into()))
                .collect(),
            heads: ("sessions".into(), "share".into()),
            hrefs: names.iter().map(|name| format!("/report?country={}", name.replace(' ', "+"))).collect(),
            source: source("channels"),
        };
        Ok(ReportView {
            range: if empty { String::new() } else { "1 Jun to 29 Jul 2017 · 59 days".into() },
            filter: filter(&query),
            tiles_source: source("totals"),
            map: (!empty).then(map),
            products: ListingView {
                title: "Products".into(),
                grid: GridView::numbers(
                    "Products",
                    GridKind::Text,
                    &["Product", "Views", "Added", "Sold", "Revenue"],
                    vec![["Google Tee", "1,204", "310", "96", "$1,632"].map(str::to_owned).to_vec()],
                ),
                source: source("products"),
            },
            tiles: [
                ("Sessions", "151,681", "+1,987 on 29 Jul"),
                ("Revenue", "$237,501", "+$3,375 on 29 Jul"),
                ("Orders", "1,957", "1.29 % of sessions"),
                ("Hits per session", "4.52", "half of sessions: 1 hit"),
                ("Mobile checkout, UK", "10.8 %", "38.1 % before 14 Jul"),
            ]
            .map(|(label, value, compare)| TileView {
                label: label.into(),
                value: value.into(),
                compare: compare.into(),
                lineage: "/lineage?column=report.totals.revenue".into(),
            })
            .to_vec(),
            charts: vec![
                chart("sessions", "Sessions per day", &["Sessions"], false),
                chart("revenue", "Revenue per day", &["Revenue"], false),
                chart("finding", "Mobile checkouts completed", &["United Kingdom", "All other countries"], true),
            ],
            bars: vec![
                bars("Channels", &["Organic Search", "Direct", "Referral", "Social", "Paid Search"]),
                bars("Devices", &["desktop", "mobile", "tablet"]),
                bars("Countries", &["United States", "India", "United Kingdom", "Canada"]),
            ],
            stale: None,
        })
    }
}
