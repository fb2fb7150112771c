//! 'Where the data is now': a zone each, with what the step's day added.

use app::wire::{State, ZoneView};
use chrono::NaiveDate;
use showrunner_lake::model::{TableStat, Zone};

use crate::error::Result;
use crate::format;
use crate::store::{RunRow, StepRow};
use crate::views::Views;
use crate::views::steps::Situation;

impl Views {
    pub(in crate::views) async fn zones(
        &self,
        situation: &Situation,
        date: Option<NaiveDate>,
        active: Option<&(RunRow, Vec<StepRow>)>,
    ) -> Result<Vec<ZoneView>> {
        let tables = self.state.lake.tables().await?;
        let customer = &self.story().customer;
        let folders = situation.folders.iter().filter(|f| f.files > 0);
        let (folder_count, files, bytes) = folders.fold((0, 0, 0), |(n, f, b), x| (n + 1, f + x.files, b + x.bytes));
        let source_bytes: u64 = situation.source.values().sum();
        let working = |name: &str| {
            active.is_some_and(|(_, steps)| {
                steps.iter().any(|s| s.state == crate::store::StepState::Running && s.name == name)
            })
        };
        let waiting = |name: &str| {
            active.is_some_and(|(_, steps)| {
                steps.iter().any(|s| s.state == crate::store::StepState::Later && s.name == name)
            })
        };
        let zone = |key: &str,
                    title: &str,
                    step: &str,
                    amount: u64,
                    unit: Option<&str>,
                    detail: String,
                    change: u64,
                    empty: bool,
                    href: &str| ZoneView {
            key: key.into(),
            title: title.into(),
            amount: if empty {
                "–".into()
            } else {
                unit.map_or_else(|| format::count(amount), |u| format::plural(amount, u))
            },
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
        let table = |z: Zone, name: &str| {
            tables
                .iter()
                .find(move |t| t.zone == z && t.table == name)
                .map(|t| Part::of(t, customer, date))
                .unwrap_or_default()
        };
        let (bronze, silver, gold, mut warehouse) = (
            table(Zone::Bronze, &self.story().dataset),
            table(Zone::Silver, "sessions"),
            table(Zone::Gold, "daily_kpis"),
            table(Zone::Warehouse, &self.story().dataset),
        );
        if self.state.store.customers().await?.len() > 1 {
            // The warehouse's partitions hold the rows of all customers.
            self.only_own(&mut warehouse, date).await?;
        }
        let gold_tables = tables.iter().filter(|t| t.zone == Zone::Gold && t.rows() > 0).count() as u64;
        let last = self.last_gold_day().await?;
        let arrived = date.and_then(|d| situation.folder(d)).map_or(0, |f| f.files);
        let lake_of = |z: &str, t: &str| format!("/lake/{z}.{t}");
        let days_files = |p: &Part| format!("{} · {}", format::plural(p.days, "day"), format::plural(p.files, "file"));
        let mut zones = vec![
            zone(
                "source",
                "Source",
                "source",
                situation.source.len() as u64,
                Some("day"),
                format!("{} · {}", format::plural(situation.source.len() as u64, "file"), format::bytes(source_bytes)),
                0,
                situation.source.is_empty(),
                "/lake",
            ),
            zone(
                "ingestion",
                "Ingestion",
                "deliver",
                files,
                Some("file"),
                format!("{} · {}", format::plural(folder_count, "day"), format::bytes(bytes)),
                arrived,
                files == 0,
                "/lake",
            ),
            zone(
                "bronze",
                "Bronze",
                "bronze",
                bronze.rows,
                None,
                days_files(&bronze),
                bronze.added,
                bronze.rows == 0,
                &lake_of("bronze", &self.story().dataset),
            ),
            zone(
                "silver",
                "Silver",
                "silver",
                silver.rows,
                None,
                days_files(&silver),
                silver.added,
                silver.rows == 0,
                &lake_of("silver", "sessions"),
            ),
            zone(
                "gold",
                "Gold",
                "gold",
                gold.days,
                Some("day"),
                format::plural(gold_tables, "table"),
                gold.added.min(1),
                gold.rows == 0,
                &lake_of("gold", "daily_kpis"),
            ),
            zone(
                "warehouse",
                "Warehouse",
                "warehouse",
                warehouse.rows,
                None,
                format::plural(warehouse.days, "partition"),
                warehouse.added,
                warehouse.rows == 0,
                &lake_of("warehouse", &self.story().dataset),
            ),
        ];
        let mut report =
            zone("report", "Report", "report", 0, None, "latest day shown".into(), 0, last.is_none(), "/report");
        report.amount = last.map_or("–".into(), format::said);
        if let Some(date) = date.filter(|d| active.is_some() && last.is_none_or(|l| l < *d)) {
            report.state = State::Later;
            report.change = format!("waiting for {}", format::said(date));
        }
        zones.push(report);
        Ok(zones)
    }
}

impl Views {
    /// Counts the rows of the story's customer in the warehouse, by a query.
    async fn only_own(&self, part: &mut Part, date: Option<NaiveDate>) -> Result<()> {
        let sql = format!(
            "SELECT CAST(date AS VARCHAR) AS day, count(*) AS n FROM warehouse.{} WHERE customer = '{}' GROUP BY date",
            self.story().dataset,
            self.story().customer
        );
        let days = self.numbers.rows(&self.who, &sql).await?;
        let count = |row: &[Option<String>]| row.get(1).and_then(|n| n.as_deref()?.parse::<u64>().ok()).unwrap_or(0);
        let day = date.map(|date| date.to_string());
        part.rows = days.iter().map(|row| count(row)).sum();
        part.days = days.len() as u64;
        part.added = days.iter().filter(|row| day.is_some() && row.first() == Some(&day)).map(|row| count(row)).sum();
        Ok(())
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
