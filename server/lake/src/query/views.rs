//! Views: queries with a name, planned where a query names them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::datasource::ViewTable;
use datafusion::prelude::SessionContext;

use super::{named, query_error};
use crate::Result;
use crate::delta::Table;
use crate::model::Zone;

/// A query with a name.
pub(crate) struct View {
    pub zone: Zone,
    pub name: &'static str,
    /// One sentence on what it holds.
    pub title: &'static str,
    /// Its text, with `{columns}` for those of the first table that it reads.
    sql: &'static str,
    /// Full names of the tables that it reads.
    pub reads: &'static [&'static str],
    /// Columns that it has besides those of the first table, all of them text.
    adds: &'static [&'static str],
}

/// All views.
const VIEWS: &[View] = &[View {
    zone: Zone::Warehouse,
    name: "ga_sessions_all",
    title: "Sessions that were loaded and sessions that were streamed, each counted once",
    sql: include_str!("../../sql/warehouse/ga_sessions_all.sql"),
    reads: &["warehouse.ga_sessions", "warehouse.ga_sessions_stream"],
    adds: &["origin"],
}];

/// The views that have to be there for a query: those that it names, or all where [`super::read_by`] gives all tables.
pub(super) fn read_by(sql: &str, tables: &[Arc<Table>]) -> Vec<&'static View> {
    match named(sql, tables) {
        Some((_, views)) => views,
        None => View::there(tables).collect(),
    }
}

impl View {
    /// All views over tables of the lake.
    pub fn all() -> &'static [View] {
        VIEWS
    }

    /// Its text, with a placeholder for columns.
    pub fn sql(&self) -> &'static str {
        self.sql
    }

    /// Its text for BigQuery, tables in backticks without their zone. `columns` gives those of a table by its full name.
    pub fn for_bigquery(&self, columns: impl Fn(&str) -> Vec<String>) -> String {
        let first = self.reads.first().copied().unwrap_or_default();
        let columns: Vec<String> = columns(first).iter().map(|column| format!("s.`{column}`")).collect();
        let sql = self.sql.replace("{columns}", &columns.join(", "));
        // The longest first: one name may begin as another does.
        let mut reads = self.reads.to_vec();
        reads.sort_by_key(|read| std::cmp::Reverse(read.len()));
        reads.iter().fold(sql, |sql, read| {
            let name = read.rsplit('.').next().unwrap_or(read);
            sql.replace(read, &format!("`{name}`"))
        })
    }

    /// Views whose tables are all among these.
    pub fn there(tables: &[Arc<Table>]) -> impl Iterator<Item = &'static View> {
        let names: Vec<String> = tables.iter().map(|table| table.full_name()).collect();
        VIEWS.iter().filter(move |view| view.reads.iter().all(|read| names.iter().any(|name| name == read)))
    }

    /// `warehouse.ga_sessions_all`
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.zone.name(), self.name)
    }

    /// Its columns.
    pub fn schema(&self, tables: &[Arc<Table>]) -> Vec<Arc<Field>> {
        let first = tables.iter().find(|table| Some(&table.full_name().as_str()) == self.reads.first());
        let columns = first.map(|table| table.shape.schema.fields().to_vec()).unwrap_or_default();
        let added = self.adds.iter().map(|name| Arc::new(Field::new(*name, DataType::Utf8, true)));
        columns.into_iter().chain(added).collect()
    }

    /// The view over the tables that are registered.
    pub async fn provider(&self, context: &SessionContext) -> Result<Arc<dyn TableProvider>> {
        let first = self.reads.first().copied().unwrap_or_default();
        let table = context.table(first).await.map_err(query_error)?;
        let columns: Vec<String> =
            table.schema().fields().iter().map(|field| format!("s.\"{}\"", field.name())).collect();
        let sql = self.sql.replace("{columns}", &columns.join(", "));
        let plan = context.state().create_logical_plan(&sql).await.map_err(query_error)?;
        Ok(Arc::new(ViewTable::new(plan, Some(sql))))
    }
}
