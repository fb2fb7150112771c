//! Personal data: scans the tables and the delivered CRM file, and shows what was found.

use std::time::Duration;

use app::wire::{CrmView, FactView, PrivacyColumnView, PrivacyTableView, PrivacyView};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use showrunner_generate::crm;
use showrunner_lake::ingestion::CRM;
use showrunner_lake::keys::day_prefix;
use showrunner_lake::lineage::ColumnRef;
use showrunner_lake::model::Day;
use showrunner_lake::ports::Precondition;
use showrunner_lake::{CatalogTable, Identity, QueryLimits};
use showrunner_pii::{Assessment, Column, InfoType, Settings, Table, TableReport, read_csv_bytes, scan};

use super::Views;
use super::lineage::graph::Graph;
use super::lineage::tags::{Tag, follow};
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::store::{PrivacyTable, Verdict, VerdictRow};

/// Rows of a table that are looked at.
const SAMPLE: QueryLimits = QueryLimits { rows: 2_000, timeout: Duration::from_secs(30) };
const FILE: &str = "crm_contacts.csv";
/// The zone of files that were delivered and are in no table.
const DELIVERED: &str = "delivered";

impl Views {
    /// Scans all tables and the delivered CRM file, and stores what was found.
    pub async fn scan(&self) -> Result<()> {
        let mut sampled = Vec::new();
        for table in self.state.lake.catalog().into_iter().filter(|table| !table.view) {
            sampled.push((table.zone.name().to_owned(), self.sample(&table).await?));
        }
        let (bucket, key) = self.crm_key();
        match self.state.lake.objects().get(&bucket, &key).await {
            Ok(bytes) => {
                let table = read_csv_bytes(&key, &bytes)
                    .map_err(|error| Error::with(ErrorKind::Invalid, error.to_string(), error))?;
                sampled.push((DELIVERED.to_owned(), table));
            }
            Err(error) if error.kind == showrunner_lake::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        let settings = Settings { demographics: true };
        let work =
            move || sampled.iter().map(|(zone, table)| (zone.clone(), scan(table, settings))).collect::<Vec<_>>();
        let reports = tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::with(ErrorKind::Internal, "The scan ended by a bug.", error))?;
        self.state.store.store_scan(&reports).await?;
        crate::lineage::spread(&self.state.store, &self.state.lake, &self.state.lineage_jobs()?).await
    }

    /// Puts the CRM file into the ingestion bucket as the story's customer, and scans.
    pub async fn deliver_crm(&self, meaningless: bool) -> Result<()> {
        let text = crm::csv(self.state.config.generated.seed, meaningless);
        let (bucket, key) = self.crm_key();
        self.state.lake.objects().put(&bucket, &key, Bytes::from(text), Precondition::None).await?;
        self.scan().await
    }

    fn crm_key(&self) -> (String, String) {
        let story = self.story();
        let date = story.data.stage.days().first().copied().unwrap_or_default();
        let day = Day { customer: story.customer.clone(), dataset: CRM.to_owned(), date };
        (self.state.lake.names().ingestion.clone(), format!("{}{FILE}", day_prefix(&day)))
    }

    /// The first rows of a table, nested fields by path. Lists have tables of their own in silver.
    async fn sample(&self, table: &CatalogTable) -> Result<Table> {
        let name = format!("{}.{}", table.zone.name(), table.name);
        let plain: Vec<_> = table
            .columns
            .iter()
            .filter(|column| !column.kind.starts_with("array") && !column.kind.starts_with("record"))
            .collect();
        let list: Vec<String> =
            plain.iter().enumerate().map(|(at, column)| format!("{} AS c{at}", quoted(&column.name))).collect();
        if list.is_empty() {
            return Ok(Table { name, columns: Vec::new() });
        }
        let sql = format!("SELECT {} FROM {name} LIMIT {}", list.join(", "), SAMPLE.rows);
        let answer = self.state.lake.ask(&Identity::admin(), &sql, SAMPLE, None).await?;
        let mut columns: Vec<Column> = plain
            .iter()
            .map(|column| Column { name: column.name.clone(), declared: Some(column.kind.clone()), values: Vec::new() })
            .collect();
        let options = FormatOptions::default();
        for batch in &answer.batches {
            for (column, array) in columns.iter_mut().zip(batch.columns()) {
                let nulls = array.logical_nulls();
                let shown = ArrayFormatter::try_new(array, &options).map_err(|e| {
                    Error::with(ErrorKind::Internal, format!("{name} has values that cannot be shown."), e)
                })?;
                column.values.extend((0..batch.num_rows()).map(|row| {
                    nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| shown.value(row).to_string())
                }));
            }
        }
        Ok(Table { name, columns })
    }

    /// The page.
    pub async fn privacy(&self) -> Result<PrivacyView> {
        let exists: Vec<String> =
            self.state.lake.catalog().iter().map(|t| format!("{}.{}", t.zone.name(), t.name)).collect();
        let mut tables = self.state.store.privacy_tables().await?;
        // A reset takes tables away; their findings go with the next scan, and are not shown until then.
        tables.retain(|table| table.zone == DELIVERED || exists.contains(&table.name));
        let verdicts = self.state.store.verdicts().await?;
        let personal = |table: &PrivacyTable| table.report.columns.iter().filter(|c| c.finding.is_some()).count();
        let columns: usize = tables.iter().map(|table| table.report.columns.len()).sum();
        let found: usize = tables.iter().map(personal).sum();
        let scanned = tables.iter().map(|table| table.name.clone()).collect();
        let mut shown: Vec<PrivacyTableView> = tables.iter().map(|table| table_view(table, &verdicts)).collect();
        let clean = shown.iter().filter(|table| table.columns.is_empty()).map(|table| table.name.clone()).collect();
        shown.retain(|table| !table.columns.is_empty());
        let fact = |label: &str, value: String| FactView { label: label.into(), value, rest: String::new() };
        let facts = tables.first().map_or_else(Vec::new, |first| {
            vec![
                fact("Tables", format::count(tables.len() as u64)),
                fact("Columns", format::count(columns as u64)),
                fact("With personal data", format::count(found as u64)),
                fact("Scanned at", format::time(first.scanned_at)),
            ]
        });
        let changes = tables
            .iter()
            .flat_map(|table| table.changes.iter().map(move |change| format!("{} {change}", table.name)))
            .collect();
        Ok(PrivacyView {
            facts,
            crm: tables.iter().find(|table| table.zone == DELIVERED).map(|table| crm_view(&table.report)),
            changes,
            tables: shown,
            clean,
            kinds: InfoType::ALL.iter().map(|kind| kind.name().to_owned()).collect(),
            inherited: self.inherited().await?,
            scanned,
        })
    }
}

impl Views {
    /// Columns that are made of personal data.
    async fn inherited(&self) -> Result<Vec<(String, String)>> {
        let known = crate::lineage::found(&self.state.store).await?;
        let graph = Graph::of(self.state.lineage_jobs()?);
        let made = follow(&graph, &known).into_iter().filter(|(column, _)| known.iter().all(|(of, _)| of != column));
        let line = |(column, tag): (ColumnRef, Tag)| {
            let name = format!("{}.{}", column.table, column.column);
            let href = super::lineage::column_address(&name);
            (format!("{name}  {}", tag.words()), href)
        };
        Ok(made.map(line).collect())
    }
}

/// `totals.hits` as a query names it.
fn quoted(path: &str) -> String {
    path.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
}

fn table_view(table: &PrivacyTable, verdicts: &[VerdictRow]) -> PrivacyTableView {
    let report = &table.report;
    let columns: Vec<PrivacyColumnView> = report
        .columns
        .iter()
        .filter_map(|column| {
            let verdict = verdicts.iter().find(|v| v.table_name == table.name && v.column_name == column.column);
            (column.finding.is_some() || verdict.is_some()).then(|| column_view(column, verdict))
        })
        .collect();
    let found = report.columns.iter().filter(|c| c.finding.is_some()).count();
    PrivacyTableView {
        name: table.name.clone(),
        count: format!("{found} of {} columns", report.columns.len()),
        about: report.about.clone(),
        columns,
    }
}

fn column_view(column: &Assessment, verdict: Option<&VerdictRow>) -> PrivacyColumnView {
    let finding = column.finding.as_ref();
    let found = finding.map(|finding| finding.info_type.name());
    let fact = |label: &str, value: String, rest: String| FactView { label: label.into(), value, rest };
    let said = |likelihood: showrunner_pii::Likelihood| likelihood.name().to_lowercase().replace('_', " ");
    let mut facts = Vec::new();
    let (mut pro, mut con) = (Vec::new(), Vec::new());
    if let Some(finding) = finding {
        facts.push(fact("Likelihood", said(finding.likelihood), String::new()));
        let of = format!("of {} distinct values", format::count(column.distinct as u64));
        facts.push(fact("Match", format!("{:.1} %", finding.hit_rate * 100.0), of));
        facts.push(fact("Samples, masked", finding.samples.join("   "), String::new()));
        pro.clone_from(&finding.evidence_for);
        pro.extend(finding.inside.iter().map(|kind| format!("The text also holds {kind}.")));
        con.clone_from(&finding.evidence_against);
    }
    let empty = column.sampled - column.filled;
    if empty > 0 {
        con.push(format!(
            "{} of {} sampled values are empty.",
            format::count(empty as u64),
            format::count(column.sampled as u64)
        ));
    }
    let by_person = verdict.map(|verdict| verdict.info_type.clone().unwrap_or_else(|| "not personal".to_owned()));
    PrivacyColumnView {
        name: column.column.clone(),
        info_type: by_person.or_else(|| found.map(str::to_owned)).unwrap_or_else(|| "not personal".to_owned()),
        facts,
        pro,
        con,
        rejected: column
            .considered
            .iter()
            .map(|other| format!("{} considered, {}: {}", other.info_type, said(other.likelihood), other.reason))
            .collect(),
        verdict: verdict.map(|verdict| {
            let word = match verdict.verdict {
                Verdict::Accept => "Accepted",
                Verdict::Reject => "Rejected",
                Verdict::Correct => "Corrected",
            };
            format!("{word} by {} at {}", verdict.decided_by, format::time(verdict.decided_at))
        }),
        stale: verdict.is_some_and(|verdict| verdict.found_type.as_deref() != found),
    }
}

/// Precision and recall of the CRM file: by type, so that a wrong type is both wrong and missed.
fn crm_view(report: &TableReport) -> CrmView {
    let (mut right, mut wrong, mut missed) = (0u32, 0u32, 0u32);
    let mut mistakes = Vec::new();
    for column in &report.columns {
        let truth = crm::COLUMNS.iter().find(|(name, code, _)| column.column == *name || column.column == *code);
        let Some((name, _, truth)) = truth else { continue };
        let found = column.finding.as_ref().map(|finding| finding.info_type.name());
        if found == *truth {
            right += u32::from(found.is_some());
            continue;
        }
        wrong += u32::from(found.is_some());
        missed += u32::from(truth.is_some());
        let word = |kind: Option<&str>| kind.unwrap_or("nothing").to_owned();
        mistakes.push(format!("{} ({name}) holds {}, found was {}.", column.column, word(*truth), word(found)));
    }
    let share = |of: u32| format!("{:.1} %", f64::from(right) * 100.0 / f64::from((right + of).max(1)));
    let fact = |label: &str, value: String, rest: String| FactView { label: label.into(), value, rest };
    CrmView {
        facts: vec![
            fact("Precision", share(wrong), format!("{wrong} wrong")),
            fact("Recall", share(missed), format!("{missed} missed")),
            fact("Right", right.to_string(), format!("of {} columns with personal data", right + missed)),
        ],
        mistakes,
    }
}

#[cfg(test)]
mod tests {
    use showrunner_pii::Column;

    use super::*;

    #[test]
    fn a_verdict_needs_another_look_when_the_scan_says_something_else_by_now() {
        let found = |values: &[&str]| {
            let values = values.iter().map(|value| Some((*value).to_owned())).collect();
            let column = Column { name: "contact".into(), declared: None, values };
            let table = Table { name: "silver.customers".into(), columns: vec![column] };
            scan(&table, Settings::default()).columns.remove(0)
        };
        let mails = found(&["ada@example.com", "bob@example.org", "cy@example.net", "dee@example.com"]);
        let colours = found(&["red", "green", "blue", "grey"]);
        let verdict = VerdictRow {
            table_name: "silver.customers".into(),
            column_name: "contact".into(),
            verdict: Verdict::Accept,
            info_type: Some("EMAIL_ADDRESS".into()),
            found_type: Some("EMAIL_ADDRESS".into()),
            decided_at: 0,
            decided_by: "presenter".into(),
        };
        assert!(!column_view(&mails, Some(&verdict)).stale);
        assert!(column_view(&colours, Some(&verdict)).stale, "{colours:?}");
        assert_eq!(
            column_view(&colours, Some(&verdict)).info_type,
            "EMAIL_ADDRESS",
            "the person's word stands until then"
        );
    }
}
