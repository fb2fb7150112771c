//! Silver and gold: pure computation over tables that others store.
//!
//! Each table is one checked-in `.sql` file whose header says what the page shows: a title, what the
//! columns mean, and the rules with a query that counts how many rows each of them touched. Nothing
//! here reads or writes storage: callers hand in providers and get batches back.

mod bronze;
mod gold;
mod report;
mod session;
mod silver;
mod sql_file;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;

pub use bronze::{narrow as narrow_bronze, read_schema as bronze_read_schema, reads as bronze_reads};
pub use report::{ReportQuery, explore_queries, report_queries};
pub use session::runtime;
pub use sql_file::{ColumnDoc, RuleDef};

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

/// Silver, as gold reads it. May hold more days and customers than asked for.
#[derive(Debug, Clone)]
pub struct SilverTables {
    /// `silver.sessions`
    pub sessions: Arc<dyn TableProvider>,
    /// `silver.hits`
    pub hits: Arc<dyn TableProvider>,
    /// `silver.products`
    pub products: Arc<dyn TableProvider>,
}

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
    let gold = gold::plan_schemas(&schemas)?;
    schemas.extend(gold);
    Ok(schemas)
}

/// The definition of a table by name.
pub fn table(name: &str) -> Option<&'static TableDef> {
    tables().iter().find(|table| table.name == name)
}

/// Silver of one day of one customer, from that day's bronze rows. Memory is bounded by the day.
///
/// `bronze` may hold other days and customers, and more or fewer columns than [`bronze_read_schema`]:
/// others are left out, missing ones read as NULL.
pub async fn silver_day(bronze: Arc<dyn TableProvider>, customer: &str, date: NaiveDate) -> Result<Transformed> {
    silver::day(bronze, customer, date).await
}

/// As [`silver_day`], from the rows themselves: all of one day of one customer, in [`bronze_read_schema`].
pub async fn silver_rows(bronze: &RecordBatch) -> Result<Transformed> {
    silver::rows(bronze).await
}

/// Gold tables that are partitioned by date, for some days of one customer: one query for each table.
pub async fn gold_days(silver: &SilverTables, customer: &str, dates: &[NaiveDate]) -> Result<Transformed> {
    gold::days(silver, customer, dates).await
}

/// Gold tables that span days (`visitor_features`), from all days of one customer.
pub async fn gold_spanning(silver: &SilverTables, customer: &str) -> Result<Transformed> {
    gold::spanning(silver, customer).await
}

#[cfg(test)]
mod tests;
