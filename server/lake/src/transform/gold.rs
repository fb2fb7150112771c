//! Gold: aggregates over silver.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use datafusion::logical_expr::TableScan;
use datafusion::prelude::SessionContext;
use tokio::task::JoinSet;

use super::session::{PlannedTable, Relations, context, narrowed, parts_of, register};
use super::sql_file::SqlFile;
use super::{Rows, Transformed, silver};
use crate::calls;
use crate::lineage::{self, Lineage, Origin};
use crate::model::Zone;
use crate::{Error, ErrorKind, Result};

const TABLES: [(&str, &str); 7] = [
    ("daily_kpis", include_str!("../../sql/gold/daily_kpis.sql")),
    ("channel_day", include_str!("../../sql/gold/channel_day.sql")),
    ("country_day", include_str!("../../sql/gold/country_day.sql")),
    ("device_day", include_str!("../../sql/gold/device_day.sql")),
    ("product_performance", include_str!("../../sql/gold/product_performance.sql")),
    ("checkout_funnel", include_str!("../../sql/gold/checkout_funnel.sql")),
    ("visitor_features", include_str!("../../sql/gold/visitor_features.sql")),
];

/// Tables that look at more than one day for a row, so that a changed day changes all of a customer.
pub(super) const SPANNING: [&str; 1] = ["visitor_features"];

/// The tables of gold.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static SqlFile)> {
    static FILES: OnceLock<Vec<(&str, SqlFile)>> = OnceLock::new();
    let parse = |sql| SqlFile::parse(sql).expect("a test reads the header of every checked-in file");
    let files = FILES.get_or_init(|| TABLES.map(|(name, sql)| (name, parse(sql))).into());
    files.iter().map(|(name, file)| (*name, file))
}

/// Gold's queries over the same rows, planned once for the process: planning takes longer than running a day does.
pub(super) struct Planned {
    context: SessionContext,
    /// What they read of silver.
    pub reads: Vec<(&'static str, SchemaRef)>,
    tables: Vec<PlannedTable>,
}

/// The tables that are partitioned by date. Each runs on one core, beside the others.
pub(super) fn by_day() -> Result<&'static Arc<Planned>> {
    static PLANNED: OnceLock<Result<Arc<Planned>, String>> = OnceLock::new();
    planned(&PLANNED, 1, |name| !SPANNING.contains(&name))
}

/// The tables that span days. Their rows are many, so each runs on all cores.
pub(super) fn spanning() -> Result<&'static Arc<Planned>> {
    static PLANNED: OnceLock<Result<Arc<Planned>, String>> = OnceLock::new();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    planned(&PLANNED, cores, |name| SPANNING.contains(&name))
}

fn planned(
    kept: &'static OnceLock<Result<Arc<Planned>, String>>,
    partitions: usize,
    which: impl Fn(&str) -> bool,
) -> Result<&'static Arc<Planned>> {
    let planned = kept.get_or_init(|| Planned::new(partitions, which).map(Arc::new).map_err(|error| error.to_string()));
    planned.as_ref().map_err(|message| Error::new(ErrorKind::Internal, message.clone()))
}

impl Planned {
    /// Plans twice: over whole tables to learn which columns are read, then over these alone.
    fn new(partitions: usize, which: impl Fn(&str) -> bool) -> Result<Planned> {
        let whole = silver::plan_schemas()?;
        let schemas: Vec<_> = whole.iter().map(|(name, schema)| (*name, Arc::clone(schema))).collect();
        let reads = narrowed(&plan_tables(&context(partitions), &schemas, &which)?, &whole)?;
        let context = context(partitions);
        let tables = plan_tables(&context, &reads, &which)?;
        Ok(Planned { context, reads, tables })
    }

    /// Computes all tables over these rows, which have the schemas of [`Planned::reads`].
    pub async fn compute(self: &Arc<Self>, rows: Rows) -> Result<Transformed> {
        let mut relations = Relations::new();
        for ((name, schema), rows) in self.reads.iter().zip(rows) {
            relations.insert(name, parts_of(name, Arc::clone(schema), rows)?);
        }
        let mut running = JoinSet::new();
        for at in 0..self.tables.len() {
            let (planned, mut relations) = (Arc::clone(self), relations.clone());
            let work = async move { (at, planned.tables[at].compute(&planned.context, &mut relations).await) };
            running.spawn(calls::carried(work));
        }
        let mut computed = Vec::new();
        while let Some(done) = running.join_next().await {
            computed.push(done.map_err(|error| {
                Error::with(ErrorKind::Internal, format!("A transform stopped unexpectedly: {error}"), error)
            })?);
        }
        computed.sort_by_key(|(at, _)| *at);
        let mut transformed = Transformed::default();
        for (at, computed) in computed {
            let (rows, rules) = computed?;
            transformed.rules.extend(rules);
            transformed.tables.push((self.tables[at].name, rows));
        }
        Ok(transformed)
    }
}

fn plan_tables(
    context: &SessionContext,
    reads: &[(&'static str, SchemaRef)],
    which: &impl Fn(&str) -> bool,
) -> Result<Vec<PlannedTable>> {
    for (name, schema) in reads {
        register(context, name, Arc::clone(schema), Vec::new())?;
    }
    let wanted = tables().filter(|(name, _)| which(name));
    wanted.map(|(name, file)| PlannedTable::new(context, Zone::Gold, name, file, file.rules.clone())).collect()
}

/// The lineage of each table of gold: name, SQL, and what it is made of.
pub(super) fn lineages() -> Result<Vec<(&'static str, String, Lineage)>> {
    let of = |table: &PlannedTable| {
        let origin = |scan: &TableScan| Origin::Table(format!("{}.{}", Zone::Silver.name(), scan.table_name.table()));
        Ok((table.name, table.query.sql().to_owned(), lineage::trace(table.query.logical(), &origin)?))
    };
    [by_day()?, spanning()?].iter().flat_map(|planned| &planned.tables).map(of).collect()
}

/// The schemas of the tables of gold.
pub(super) fn plan_schemas() -> Result<HashMap<&'static str, SchemaRef>> {
    let planned = [by_day()?, spanning()?];
    let tables = planned.iter().flat_map(|planned| &planned.tables);
    Ok(tables.map(|table| (table.name, Arc::clone(table.query.schema()))).collect())
}
