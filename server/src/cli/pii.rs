//! `showrunner pii`: which columns of files hold personal data.

use std::path::PathBuf;

use clap::ValueEnum;
use showrunner_pii::{Settings, TableReport, read_csv, scan};

use crate::error::Result;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is printed: a list for scripts, or a table
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Ethnic group and marital status too
    #[arg(long)]
    demographics: bool,
    /// CSV files with a header line; comma, semicolon, tab or bar; UTF-8 or Windows-1252
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

pub(super) fn run(args: &Args) -> Result<i32> {
    let mut status = 0;
    let mut found = Vec::new();
    for path in &args.files {
        match read_csv(path) {
            Ok(table) => {
                let report = scan(&table, Settings { demographics: args.demographics });
                found.push((path.display().to_string(), report));
            }
            Err(error) => {
                eprintln!("showrunner: {error}");
                status = 1;
            }
        }
    }
    match args.format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&json(&found))?),
        Format::Text => {
            for (file, report) in &found {
                print!("{}", text(file, report));
            }
        }
    }
    Ok(status)
}

fn json(found: &[(String, TableReport)]) -> Vec<serde_json::Value> {
    let columns = found.iter().flat_map(|(file, report)| report.columns.iter().map(move |column| (file, column)));
    columns
        .filter_map(|(file, column)| {
            let finding = column.finding.as_ref()?;
            let against = finding.evidence_against.iter().map(|sentence| format!("Against: {sentence}"));
            let inside = finding.inside.iter().map(|kind| format!("The text also contains: {kind}."));
            let evidence: Vec<String> = finding.evidence_for.iter().cloned().chain(inside).chain(against).collect();
            Some(serde_json::json!({
                "file": file,
                "column": column.column,
                "info_type": finding.info_type,
                "likelihood": finding.likelihood,
                "hit_rate": finding.hit_rate,
                "evidence": evidence,
            }))
        })
        .collect()
}

fn text(file: &str, report: &TableReport) -> String {
    let rows: Vec<[String; 5]> = report
        .columns
        .iter()
        .filter_map(|column| {
            let finding = column.finding.as_ref()?;
            Some([
                column.column.clone(),
                finding.info_type.name().to_owned(),
                finding.likelihood.name().to_owned(),
                format!("{:.0} %", finding.hit_rate * 100.0),
                finding.samples.join("  "),
            ])
        })
        .collect();
    let mut out =
        format!("{file}: {} of {} columns hold personal data. {}\n", rows.len(), report.columns.len(), report.about);
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        out.push_str(&format!("  {}\n", cells.join("  ").trim_end()));
    }
    out
}

#[cfg(test)]
mod tests {
    use showrunner_pii::{Column, Table};

    use super::*;

    #[test]
    fn only_personal_columns_are_listed() {
        let column = |name: &str, values: &[&str]| Column {
            name: name.to_owned(),
            declared: None,
            values: values.iter().map(|value| Some((*value).to_owned())).collect(),
        };
        let table = Table {
            name: "customers.csv".to_owned(),
            columns: vec![
                column("email", &["ann@example.com", "bob@example.org", "eve@example.net"]),
                column("sku", &["GGOEGAAX0104", "SCN-125", "SCN-126"]),
            ],
        };
        let found = vec![("customers.csv".to_owned(), scan(&table, Settings::default()))];
        let list = json(&found);
        assert_eq!(list.len(), 1, "{list:?}");
        let first = list.first().cloned().unwrap_or_default();
        assert_eq!(first.get("info_type").and_then(|kind| kind.as_str()), Some("EMAIL_ADDRESS"));
        assert_eq!(first.get("likelihood").and_then(|kind| kind.as_str()), Some("VERY_LIKELY"));
        let text = text("customers.csv", &found.first().map(|(_, report)| report.clone()).expect("one report"));
        assert!(text.starts_with("customers.csv: 1 of 2 columns") && !text.contains("ann@"), "{text}");
    }
}
