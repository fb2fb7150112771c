//! Gold: aggregates over silver.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::arrow::array::types::Date32Type;
use datafusion::catalog::TableProvider;
use datafusion::prelude::{Expr, SessionContext, ident, lit};
use datafusion::scalar::ScalarValue;
use tokio::task::JoinSet;

use super::session::{context, count_rules, failed, plan, register, run, stored_schema};
use super::sql_file::SqlFile;
use super::{SilverTables, Transformed, schema, table};
use crate::model::RuleEffect;
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

/// See [`super::gold_days`].
pub(super) async fn days(silver: &SilverTables, customer: &str, dates: &[NaiveDate]) -> Result<Transformed> {
    let (Some(first), Some(last)) = (dates.iter().min(), dates.iter().max()) else {
        return Ok(Transformed::default());
    };
    // The range lets a storage prune by statistics even where it cannot use the list.
    let date = || ident("date");
    let of_days = date()
        .gt_eq(day(*first))
        .and(date().lt_eq(day(*last)))
        .and(date().in_list(dates.iter().map(|date| day(*date)).collect(), false));
    let context = context_over(silver, ident("customer").eq(lit(customer)).and(of_days))?;
    compute(&context, tables().filter(|(name, _)| !SPANNING.contains(name))).await
}

/// See [`super::gold_spanning`].
pub(super) async fn spanning(silver: &SilverTables, customer: &str) -> Result<Transformed> {
    let context = context_over(silver, ident("customer").eq(lit(customer)))?;
    compute(&context, tables().filter(|(name, _)| SPANNING.contains(name))).await
}

fn day(date: NaiveDate) -> Expr {
    lit(ScalarValue::Date32(Some(Date32Type::from_naive_date(date))))
}

fn context_over(silver: &SilverTables, filter: Expr) -> Result<SessionContext> {
    let context = context(std::thread::available_parallelism().map_or(1, usize::from));
    for (name, provider) in [("sessions", &silver.sessions), ("hits", &silver.hits), ("products", &silver.products)] {
        let provider: Arc<dyn TableProvider> = Arc::clone(provider);
        context
            .read_table(provider)
            .and_then(|rows| rows.filter(filter.clone()))
            .and_then(|rows| context.register_table(name, rows.into_view()))
            .map_err(|error| failed(&format!("Silver's '{name}' could not be read"), error))?;
    }
    Ok(context)
}

/// Each table in a task of its own: planning takes longer than running a day does, and it is work for one core.
async fn compute(
    context: &SessionContext,
    tables: impl Iterator<Item = (&'static str, &'static SqlFile)>,
) -> Result<Transformed> {
    let mut running = JoinSet::new();
    for (at, (name, file)) in tables.enumerate() {
        let context = context.clone();
        running.spawn(async move { (at, name, compute_table(&context, name, file).await) });
    }
    let mut computed = running.join_all().await;
    computed.sort_by_key(|(at, ..)| *at);
    let mut transformed = Transformed::default();
    for (_, name, computed) in computed {
        let (rows, rules) = computed?;
        transformed.rules.extend(rules);
        transformed.tables.push((name, rows));
    }
    Ok(transformed)
}

async fn compute_table(
    context: &SessionContext,
    name: &'static str,
    file: &'static SqlFile,
) -> Result<(Vec<RecordBatch>, Vec<RuleEffect>)> {
    let definition = table(name).ok_or_else(|| Error::new(ErrorKind::Internal, format!("'{name}' is not defined.")))?;
    let schema = schema(definition)?;
    let rows = run(context, name, file.sql, &schema).await?;
    register(context, name, schema, rows.clone())?;
    let rules = count_rules(context, name, &definition.rules).await?;
    Ok((rows, rules))
}

/// The schemas of the tables of gold, from those of silver.
pub(super) fn plan_schemas(silver: &HashMap<&'static str, SchemaRef>) -> Result<HashMap<&'static str, SchemaRef>> {
    let context = context(1);
    for (name, schema) in silver {
        register(&context, name, Arc::clone(schema), Vec::new())?;
    }
    tables().map(|(name, file)| Ok((name, stored_schema(&plan(&context, file.sql)?)))).collect()
}
