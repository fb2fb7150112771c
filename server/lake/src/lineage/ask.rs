//! The lineage of a query that somebody writes. It is read from schemas: no table needs to be on disk.

use datafusion::logical_expr::TableScan;

use super::trace::{Origin, full_name, trace};
use super::{Job, JobKind, Lineage};
use crate::Result;
use crate::lake::all_shapes;
use crate::query::Planner;

/// The lineage of a query over the lake's tables, down to tables: views and tables that were made in the same text are followed.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`] with the place in the text, if it cannot be planned.
pub async fn of_sql(sql: &str) -> Result<Lineage> {
    let planned = Planner::over(&all_shapes()?).await?.plan(sql).await?;
    let origin = |scan: &TableScan| {
        let name = full_name(&scan.table_name);
        match planned.made.iter().find(|(made, _)| *made == name) {
            Some((_, plan)) => Origin::Plan(plan),
            // `generate_series(…)` and others like it are no tables.
            None if name.contains('(') => Origin::Nothing,
            None => Origin::Table(name),
        }
    };
    trace(&planned.plan, &origin)
}

/// What a query of the report is made of.
///
/// # Errors
/// As [`of_sql`].
pub async fn report_job(name: &str, title: &str, sql: &str) -> Result<Job> {
    Ok(Job {
        kind: JobKind::Report,
        output: format!("report.{name}"),
        title: title.to_owned(),
        sql: Some(sql.to_owned()),
        lineage: of_sql(sql).await?,
    })
}
