//! Silver: one day at a time, unpacked once in memory.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;

use super::bronze;
use super::session::{context, count_rules, plan, register, run, stored_schema};
use super::sql_file::SqlFile;
use super::{Transformed, schema, table};
use crate::{Error, ErrorKind, Result};

/// The day's rows with duplicates, without them, and what is unpacked from them.
const BRONZE_DAY: &str = "bronze_day";
const DAY_SESSIONS: &str = "day_sessions";
const RANKED: &str = "ranked";
const COUNTRY_CODES: &str = "country_codes";

/// What is computed before the tables, in this order; the rules count for the table named last.
const DEDUPE: (&str, &str) = (RANKED, include_str!("../../sql/silver/dedupe.sql"));
const UNPACKED: [(&str, &str); 2] = [
    ("day_hits", include_str!("../../sql/silver/day_hits.sql")),
    ("day_products", include_str!("../../sql/silver/day_products.sql")),
];
const TABLES: [(&str, &str); 3] = [
    ("sessions", include_str!("../../sql/silver/sessions.sql")),
    ("hits", include_str!("../../sql/silver/hits.sql")),
    ("products", include_str!("../../sql/silver/products.sql")),
];

/// The tables of silver.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static SqlFile)> {
    static FILES: OnceLock<Vec<(&str, SqlFile)>> = OnceLock::new();
    let files = FILES.get_or_init(|| TABLES.map(|(name, sql)| (name, parse(sql))).into());
    files.iter().map(|(name, file)| (*name, file))
}

/// Files whose rules belong to a table, and run before it.
pub(super) fn steps_before(table: &str) -> impl Iterator<Item = &'static SqlFile> {
    static FILE: OnceLock<SqlFile> = OnceLock::new();
    (table == "sessions").then(|| FILE.get_or_init(|| parse(DEDUPE.1))).into_iter()
}

fn parse(sql: &'static str) -> SqlFile {
    SqlFile::parse(sql).expect("a test reads the header of every checked-in file")
}

/// See [`super::silver_day`].
pub(super) async fn day(bronze: Arc<dyn TableProvider>, customer: &str, date: NaiveDate) -> Result<Transformed> {
    let context = context(1);
    let delivered = bronze::load(&context, bronze, customer, date).await?;
    compute(&context, &delivered).await
}

async fn compute(context: &SessionContext, delivered: &RecordBatch) -> Result<Transformed> {
    let planned = planned()?;
    let delivered = bronze::number_rows(delivered)?;
    register(context, BRONZE_DAY, bronze::loaded_schema(), vec![delivered.clone()])?;
    let ranked = run(context, "dedupe", DEDUPE.1, &planned.ranked).await?;
    let day_sessions = first_deliveries(&delivered, &ranked)?;
    register(context, RANKED, Arc::clone(&planned.ranked), ranked)?;
    drop(delivered);
    register(context, DAY_SESSIONS, bronze::loaded_schema(), vec![day_sessions])?;
    register_country_codes(context)?;
    for ((name, sql), schema) in UNPACKED.iter().zip(&planned.unpacked) {
        let rows = run(context, name, sql, schema).await?;
        register(context, name, Arc::clone(schema), rows)?;
    }

    let mut transformed = Transformed::default();
    for (name, file) in tables() {
        let definition =
            table(name).ok_or_else(|| Error::new(ErrorKind::Internal, format!("'{name}' is not defined.")))?;
        let schema = schema(definition)?;
        let rows = run(context, name, file.sql, &schema).await?;
        register(context, name, schema, rows.clone())?;
        transformed.rules.extend(count_rules(context, name, &definition.rules).await?);
        transformed.tables.push((name, rows));
    }
    Ok(transformed)
}

/// The rows that `dedupe.sql` put first, in the order of delivery.
fn first_deliveries(delivered: &RecordBatch, ranked: &[RecordBatch]) -> Result<RecordBatch> {
    let mut first = vec![false; delivered.num_rows()];
    for batch in ranked {
        let rows = batch.column(0).as_primitive::<Int64Type>();
        let deliveries = batch.column(1).as_primitive::<Int64Type>();
        for (row, delivery) in rows.values().iter().zip(deliveries.values()) {
            first[*row as usize] = *delivery == 1;
        }
    }
    if first.iter().all(|first| *first) {
        return Ok(delivered.clone());
    }
    filter_record_batch(delivered, &first.into())
        .map_err(|error| Error::with(ErrorKind::Internal, "Duplicates could not be dropped.", error))
}

/// Schemas of what lies between bronze and the tables.
struct Planned {
    ranked: SchemaRef,
    unpacked: Vec<SchemaRef>,
    tables: HashMap<&'static str, SchemaRef>,
}

fn planned() -> Result<&'static Planned> {
    static PLANNED: OnceLock<Result<Planned, String>> = OnceLock::new();
    let planned = PLANNED.get_or_init(|| plan_all().map_err(|error| error.to_string())).as_ref();
    planned.map_err(|message| Error::new(ErrorKind::Internal, message.clone()))
}

fn plan_all() -> Result<Planned> {
    let context = context(1);
    register(&context, BRONZE_DAY, bronze::loaded_schema(), Vec::new())?;
    register(&context, DAY_SESSIONS, bronze::loaded_schema(), Vec::new())?;
    register_country_codes(&context)?;
    // Kept as planned: the numbers are compared in Rust.
    let dedupe = plan(&context, DEDUPE.1)?;
    let ranked = Schema::new(vec![
        Field::new(bronze::ROW, DataType::Int64, true),
        Field::new("delivery", DataType::Int64, true),
        Field::new("not_comparable", DataType::Boolean, true),
    ]);
    if dedupe.schema().fields().len() != ranked.fields().len() {
        return Err(Error::new(ErrorKind::Internal, "dedupe.sql does not give _row, delivery and not_comparable."));
    }
    let mut unpacked = Vec::new();
    for (name, sql) in UNPACKED {
        let schema = stored_schema(&plan(&context, sql)?);
        register(&context, name, Arc::clone(&schema), Vec::new())?;
        unpacked.push(schema);
    }
    let mut planned = HashMap::new();
    for (name, file) in tables() {
        planned.insert(name, stored_schema(&plan(&context, file.sql)?));
    }
    Ok(Planned { ranked: Arc::new(ranked), unpacked, tables: planned })
}

/// The schemas of the tables of silver.
pub(super) fn plan_schemas() -> Result<HashMap<&'static str, SchemaRef>> {
    Ok(planned()?.tables.clone())
}

fn register_country_codes(context: &SessionContext) -> Result<()> {
    let codes = country_codes()?;
    register(context, COUNTRY_CODES, codes.schema(), vec![codes.clone()])
}

/// Google's names of countries and their ISO 3166-1 alpha-2 codes (Kosovo: the user-assigned XK).
fn country_codes() -> Result<&'static RecordBatch> {
    static CODES: OnceLock<Result<RecordBatch, String>> = OnceLock::new();
    let codes = CODES.get_or_init(|| {
        let schema = Arc::new(Schema::new(vec![
            Field::new("country", DataType::Utf8, false),
            Field::new("country_code", DataType::Utf8, false),
        ]));
        let file = include_str!("../../sql/silver/country_codes.csv");
        arrow::csv::ReaderBuilder::new(schema)
            .with_header(true)
            .build(file.as_bytes())
            .and_then(|mut reader| reader.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(reader.schema()))))
            .map_err(|error| format!("country_codes.csv cannot be read: {error}"))
    });
    codes.as_ref().map_err(|message| Error::new(ErrorKind::Internal, message.clone()))
}
