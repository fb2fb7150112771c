//! Silver and gold: pure computation over tables that others store.
//!
//! Each table is one checked-in `.sql` file whose header says what the page shows: a title, what the
//! columns mean, and the rules with a query that counts how many rows each of them touched. Nothing
//! here reads or writes storage: callers hand in batches and get batches back.

mod bronze;
mod defined;
mod gold;
mod report;
mod session;
mod silver;
mod sql_file;
mod stream;

use std::collections::HashMap;
use std::sync::OnceLock;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

pub use bronze::{narrow as narrow_bronze, read_schema as bronze_read_schema, reads as bronze_reads};
pub(crate) use defined::DefinedPlan;
pub use report::{ReportQuery, report_queries};
pub use session::runtime;
pub use sql_file::{ColumnDoc, RuleDef};

use crate::lineage::Lineage;
use crate::model::{RuleEffect, Zone};
use crate::{Error, ErrorKind, Result};
use sql_file::SqlFile;

/// A table of silver or gold. Title, column docs and rules come from the header of its `.sql` file.
#[derive(Debug, Clone)]
pub struct TableDef {
    /// Silver or gold.
    pub zone: Zone,
    /// Name without the zone.
    pub name: &'static str,
    /// One sentence on what it holds.
    pub title: &'static str,
    /// The whole file, comments included, as the page shows it.
    pub sql: &'static str,
    /// Partition columns, in the order of the folders.
    pub partition: &'static [&'static str],
    /// What columns mean, where the name alone does not say.
    pub columns: Vec<ColumnDoc>,
    /// What the transform does to the data, in the order of [`Transformed::rules`].
    pub rules: Vec<RuleDef>,
}

/// What a transform computed.
#[derive(Debug, Clone, Default)]
pub struct Transformed {
    /// Batches of each table, in the schema of [`schema`]; a table without rows has none.
    pub tables: Vec<(&'static str, Vec<RecordBatch>)>,
    /// How many rows each rule touched.
    pub rules: Vec<RuleEffect>,
}

/// What is read of some tables: name, and the columns as a schema.
pub type Reads = [(&'static str, SchemaRef)];

/// Rows for each of [`Reads`], in its order and schemas. Of each table, several parts may be read at the same time.
pub type Rows = Vec<Vec<Vec<RecordBatch>>>;

const BY_DAY: &[&str] = &["date", "customer"];
const BY_CUSTOMER: &[&str] = &["customer"];

/// All tables of silver and gold, in the order in which they are computed.
pub fn tables() -> &'static [TableDef] {
    static TABLES: OnceLock<Vec<TableDef>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let mut tables = Vec::new();
        for (name, file) in silver::tables() {
            tables.push(define(Zone::Silver, name, file, BY_DAY));
        }
        for (name, file) in gold::tables() {
            let partition = if gold::SPANNING.contains(&name) { BY_CUSTOMER } else { BY_DAY };
            tables.push(define(Zone::Gold, name, file, partition));
        }
        tables
    })
}

fn define(zone: Zone, name: &'static str, file: &'static SqlFile, partition: &'static [&'static str]) -> TableDef {
    let rules = if zone == Zone::Silver { silver::rules(name, file) } else { file.rules.clone() };
    TableDef { zone, name, title: file.title, sql: file.sql, partition, columns: file.columns.clone(), rules }
}

/// The Arrow schema of a table, partition columns included: what planning its SQL on empty inputs gives,
/// with every column nullable.
///
/// # Errors
/// [`ErrorKind::NotFound`] for a table that is not one of [`tables`].
pub fn schema(table: &TableDef) -> Result<SchemaRef> {
    static SCHEMAS: OnceLock<Result<HashMap<&'static str, SchemaRef>, String>> = OnceLock::new();
    let schemas = SCHEMAS
        .get_or_init(|| plan_schemas().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|message| Error::new(ErrorKind::Internal, message.clone()))?;
    schemas.get(table.name).cloned().ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("There is no table '{}' in silver or gold.", table.name))
    })
}

fn plan_schemas() -> Result<HashMap<&'static str, SchemaRef>> {
    let mut schemas = silver::plan_schemas()?;
    schemas.extend(gold::plan_schemas()?);
    Ok(schemas)
}

/// The definition of a table by name.
pub fn table(name: &str) -> Option<&'static TableDef> {
    tables().iter().find(|table| table.name == name)
}

/// Silver of one day of one customer, from all its rows in [`bronze_read_schema`]. Memory is bounded by the day.
pub async fn silver_rows(bronze: &RecordBatch) -> Result<Transformed> {
    silver::rows(bronze).await
}

/// The rows of silver's sessions for messages of a stream, in [`bronze_read_schema`]: one for each row given, in the same order. By
/// the statement that computes [`silver_rows`]' sessions, without the step before it that leaves repeated sessions out.
///
/// # Errors
/// When the engine fails, or a row cannot be computed.
pub async fn stream_rows(bronze: &RecordBatch) -> Result<RecordBatch> {
    silver::stream_rows(bronze).await
}

/// A table that a transform computes, with its SQL and what it is made of.
pub(crate) struct Traced {
    pub table: &'static TableDef,
    pub sql: String,
    pub lineage: Lineage,
}

/// All tables of silver and gold, traced.
///
/// # Errors
/// When a checked-in query cannot be planned or followed, which a test rules out.
pub(crate) fn lineages() -> Result<Vec<Traced>> {
    let traced = silver::lineages()?.into_iter().chain(gold::lineages()?);
    let traced = traced.filter_map(|(name, sql, lineage)| Some(Traced { table: table(name)?, sql, lineage }));
    Ok(traced.collect())
}

/// The SQL of [`stream_rows`], and what they are made of, read from messages on this table. Errors as [`lineages`].
pub(crate) fn stream_lineage(messages: &'static str) -> Result<(String, Lineage)> {
    silver::stream_lineage(messages)
}

/// What [`gold_days`] reads of silver.
///
/// # Errors
/// When a checked-in query cannot be planned, which a test rules out.
pub fn gold_day_reads() -> Result<&'static Reads> {
    Ok(&gold::by_day()?.reads)
}

/// What [`gold_spanning`] reads of silver. Errors as [`gold_day_reads`].
pub fn gold_spanning_reads() -> Result<&'static Reads> {
    Ok(&gold::spanning()?.reads)
}

/// Gold tables that are partitioned by date, from all rows of some days of one customer.
pub async fn gold_days(silver: Rows) -> Result<Transformed> {
    gold::by_day()?.compute(silver).await
}

/// Gold tables that span days (`visitor_features`), from all rows of one customer.
pub async fn gold_spanning(silver: Rows) -> Result<Transformed> {
    gold::spanning()?.compute(silver).await
}

#[cfg(test)]
mod tests;
