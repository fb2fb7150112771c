//! What the lake's own tables are made of.

use std::collections::BTreeSet;

use showrunner_lake::lineage::{Job, Kind, jobs};

fn job<'a>(jobs: &'a [Job], output: &str) -> &'a Job {
    jobs.iter().find(|job| job.key() == output).unwrap_or_else(|| panic!("no job makes {output}"))
}

fn inputs(job: &Job, column: &str) -> BTreeSet<(String, Kind)> {
    let column = job.lineage.column(column).unwrap_or_else(|| panic!("{} has no column {column}", job.output));
    let each = column
        .inputs
        .iter()
        .flat_map(|input| input.kinds.iter().map(|kind| (format!("{}.{}", input.of.table, input.of.column), *kind)));
    each.collect()
}

#[tokio::test]
async fn revenue_is_walked_back_to_the_file() {
    let jobs = jobs().await.unwrap();
    let of = |output: &str, column: &str| inputs(job(&jobs, output), column);
    let one = |name: &str, kind| BTreeSet::from([(name.to_owned(), kind)]);
    assert_eq!(of("gold.country_day", "revenue"), one("silver.sessions.revenue", Kind::Aggregation));
    assert_eq!(of("warehouse.ga_sessions", "revenue"), one("silver.sessions.revenue", Kind::Identity));
    assert_eq!(
        of("silver.sessions", "revenue"),
        // Of old exports the one is missing, and the other stands for it.
        BTreeSet::from(
            ["totalTransactionRevenue", "transactionRevenue"]
                .map(|name| { (format!("bronze.ga_sessions.totals.{name}"), Kind::Transformation) })
        )
    );
    assert_eq!(
        of("bronze.ga_sessions", "totals.totalTransactionRevenue"),
        one("source.ga_sessions_*.json.totals.totalTransactionRevenue", Kind::Identity)
    );
    let sessions = job(&jobs, "silver.sessions");
    let revenue = &sessions.lineage.column("revenue").unwrap().expression;
    assert!(revenue.contains("totals.totalTransactionRevenue"), "{revenue}");
    assert_eq!(of("silver.hits", "page_path"), one("bronze.ga_sessions.hits.page.pagePath", Kind::Transformation));
    assert_eq!(
        of("silver.sessions", "country_code"),
        BTreeSet::from([("source.country_codes.csv.country_code".to_owned(), Kind::Identity)])
    );
    assert_eq!(
        of("warehouse.ga_sessions_stream", "country"),
        one("stream.ga-sessions-stream.geoNetwork.country", Kind::Transformation)
    );
}

#[tokio::test]
async fn every_column_of_every_table_has_its_line_and_every_input_exists() {
    let jobs = jobs().await.unwrap();
    let known: BTreeSet<String> = jobs
        .iter()
        .flat_map(|job| job.lineage.columns.iter().map(|column| format!("{}.{}", job.output, column.column)))
        .collect();
    let made: BTreeSet<&str> = jobs.iter().map(|job| job.output.as_str()).collect();
    for job in &jobs {
        for input in job.lineage.columns.iter().flat_map(|column| &column.inputs).chain(&job.lineage.rows) {
            let name = format!("{}.{}", input.of.table, input.of.column);
            assert!(!made.contains(input.of.table.as_str()) || known.contains(&name), "{} reads {name}", job.output);
            assert!(job.lineage.tables.contains(&input.of.table), "{} does not say that it reads {name}", job.output);
        }
        println!("{:32} {:3} columns of {}", job.output, job.lineage.columns.len(), job.lineage.tables.join(", "));
    }
    // Made by nothing: counts, ids and times that the product gives.
    let nothing: Vec<String> = jobs
        .iter()
        .flat_map(|job| {
            let columns = job.lineage.columns.iter().filter(|column| column.inputs.is_empty());
            columns.map(|column| format!("{}.{}", job.output, column.column))
        })
        .filter(|name| name.starts_with("silver."))
        .collect();
    assert!(nothing.is_empty(), "{nothing:?}");
}
