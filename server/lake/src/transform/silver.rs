//! Silver: one day at a time, unpacked once in memory.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::AsArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::logical_expr::TableScan;
use datafusion::prelude::SessionContext;

use super::Transformed;
use super::bronze;
use super::session::{PlannedTable, Prepared, Relations, Statement, context, failed, register, table_of};
use super::sql_file::{RuleDef, SqlFile};
use super::stream;
use crate::lineage::{self, Lineage, Origin};
use crate::model::Zone;
use crate::{Error, ErrorKind, Result};

/// The day's rows with duplicates, without them, and what is unpacked from them.
const BRONZE_DAY: &str = "bronze_day";
const DAY_SESSIONS: &str = "day_sessions";
const RANKED: &str = "ranked";
const COUNTRY_CODES: &str = "country_codes";
const DAY_HITS: &str = "day_hits";
const SESSIONS: &str = "sessions";

/// What is computed before the tables, in this order.
const DEDUPE: (&str, &str) = (RANKED, include_str!("../../sql/silver/dedupe.sql"));
const UNPACKED: [(&str, &str); 2] = [
    (DAY_HITS, include_str!("../../sql/silver/day_hits.sql")),
    ("day_products", include_str!("../../sql/silver/day_products.sql")),
];
const TABLES: [(&str, &str); 3] = [
    (SESSIONS, include_str!("../../sql/silver/sessions.sql")),
    ("hits", include_str!("../../sql/silver/hits.sql")),
    ("products", include_str!("../../sql/silver/products.sql")),
];

/// The tables of silver.
pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static SqlFile)> {
    static FILES: OnceLock<Vec<(&str, SqlFile)>> = OnceLock::new();
    let files = FILES.get_or_init(|| TABLES.map(|(name, sql)| (name, parse(sql))).into());
    files.iter().map(|(name, file)| (*name, file))
}

/// The rules of a table; those of dropping duplicates come first among those of `sessions`.
pub(super) fn rules(name: &str, file: &SqlFile) -> Vec<RuleDef> {
    let mut rules = if name == SESSIONS { parse(DEDUPE.1).rules } else { Vec::new() };
    rules.extend(file.rules.iter().cloned());
    rules
}

fn parse(sql: &'static str) -> SqlFile {
    SqlFile::parse(sql).expect("a test reads the header of every checked-in file")
}

/// See [`super::silver_rows`].
pub(super) async fn rows(delivered: &RecordBatch) -> Result<Transformed> {
    planned()?.compute(delivered).await
}

impl Planned {
    async fn compute(&self, delivered: &RecordBatch) -> Result<Transformed> {
        let mut relations = Relations::new();
        relations.insert(COUNTRY_CODES, Arc::clone(&self.country_codes));
        let delivered = bronze::number_rows(delivered)?;
        relations.insert(BRONZE_DAY, table_of(BRONZE_DAY, bronze::loaded_schema(), vec![delivered.clone()])?);
        let ranked = self.dedupe.run(&self.context, &relations).await?;
        let day_sessions = first_deliveries(&delivered, &ranked)?;
        relations.insert(RANKED, table_of(RANKED, Arc::clone(self.dedupe.schema()), ranked)?);
        relations.insert(DAY_SESSIONS, table_of(DAY_SESSIONS, bronze::loaded_schema(), vec![day_sessions])?);
        for (name, query) in &self.unpacked {
            let rows = query.run(&self.context, &relations).await?;
            relations.insert(name, table_of(name, Arc::clone(query.schema()), rows)?);
        }
        let mut transformed = Transformed::default();
        for table in &self.tables {
            let (rows, effects) = table.compute(&self.context, &mut relations).await?;
            transformed.rules.extend(effects);
            transformed.tables.push((table.name, rows));
        }
        Ok(transformed)
    }
}

/// See [`super::stream_rows`].
pub(super) async fn stream_rows(delivered: &RecordBatch) -> Result<RecordBatch> {
    planned()?.compute_stream(delivered).await
}

impl Planned {
    async fn compute_stream(&self, delivered: &RecordBatch) -> Result<RecordBatch> {
        let mut relations = Relations::new();
        relations.insert(COUNTRY_CODES, Arc::clone(&self.country_codes));
        let numbered = bronze::number_only(delivered)?;
        relations.insert(DAY_SESSIONS, table_of(DAY_SESSIONS, bronze::loaded_schema(), vec![numbered])?);
        for (name, query) in self.unpacked.iter().filter(|(name, _)| *name == DAY_HITS) {
            // Most of what is streamed is flattened and has no hits.
            let rows = match bronze::has_hits(delivered) {
                true => query.run(&self.context, &relations).await?,
                false => Vec::new(),
            };
            relations.insert(name, table_of(name, Arc::clone(query.schema()), rows)?);
        }
        let rows = self.stream.run(&self.context, &relations).await?;
        stream::in_order(&rows, &self.stream, delivered.num_rows())
    }
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

/// All queries of silver, planned once for the process.
struct Planned {
    context: SessionContext,
    country_codes: Arc<dyn TableProvider>,
    dedupe: Prepared,
    unpacked: Vec<(&'static str, Prepared)>,
    tables: Vec<PlannedTable>,
    /// The sessions once more, with the number of the row that each was computed from.
    stream: Prepared,
}

fn planned() -> Result<&'static Planned> {
    static PLANNED: OnceLock<Result<Planned, String>> = OnceLock::new();
    let planned = PLANNED.get_or_init(|| Planned::new().map_err(|error| error.to_string())).as_ref();
    planned.map_err(|message| Error::new(ErrorKind::Internal, message.clone()))
}

impl Planned {
    fn new() -> Result<Planned> {
        // One partition: days run beside each other, not parts of a day.
        let context = context(1);
        let empty = |name, schema| register(&context, name, schema, Vec::new());
        empty(BRONZE_DAY, bronze::loaded_schema())?;
        empty(DAY_SESSIONS, bronze::loaded_schema())?;
        let codes = country_codes()?;
        let country_codes = table_of(COUNTRY_CODES, codes.schema(), vec![codes])?;
        context
            .register_table(COUNTRY_CODES, Arc::clone(&country_codes))
            .map_err(|error| failed("The country codes could not be registered", error))?;

        let dedupe = Prepared::new(&context, statement(RANKED, DEDUPE.1))?;
        let types: Vec<_> = dedupe.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        if types != [DataType::Int64, DataType::Int64, DataType::Boolean] {
            let message = "dedupe.sql must give _row and delivery as BIGINT and not_comparable as BOOLEAN.";
            return Err(Error::new(ErrorKind::Internal, message));
        }
        empty(RANKED, Arc::clone(dedupe.schema()))?;
        let mut unpacked = Vec::new();
        for (name, sql) in UNPACKED {
            let query = Prepared::new(&context, statement(name, sql))?;
            empty(name, Arc::clone(query.schema()))?;
            unpacked.push((name, query));
        }
        let numbered = stream::numbered(parse(TABLES[0].1).sql)?;
        let stream = Prepared::new(&context, Statement::new(Zone::Silver, SESSIONS, stream::TITLE, numbered))?;
        let mut planned = Vec::new();
        for (name, file) in tables() {
            planned.push(PlannedTable::new(&context, Zone::Silver, name, file, rules(name, file))?);
        }
        Ok(Planned { context, country_codes, dedupe, unpacked, tables: planned, stream })
    }
}

/// What silver's plans are made of: the rows that were delivered, or those of a stream.
struct Delivered(&'static str);

impl Planned {
    fn lineage(&self, query: &Prepared, delivered: &Delivered) -> Result<Lineage> {
        let origin = |scan: &TableScan| {
            let besides = &[bronze::ROW, bronze::CONTENT];
            let rows = |chosen_by| Origin::Rows { of: delivered.0.to_owned(), chosen_by, besides };
            match scan.table_name.table() {
                BRONZE_DAY => rows(None),
                // Of a stream nothing is left out before the rows are in their table.
                DAY_SESSIONS if delivered.0 == lineage::BRONZE => rows(Some(self.dedupe.logical())),
                DAY_SESSIONS => rows(None),
                RANKED => Origin::Plan(self.dedupe.logical()),
                COUNTRY_CODES => Origin::Table(lineage::COUNTRY_CODES.to_owned()),
                name => match self.unpacked.iter().find(|(unpacked, _)| *unpacked == name) {
                    Some((_, query)) => Origin::Plan(query.logical()),
                    None => Origin::Table(format!("{}.{name}", Zone::Silver.name())),
                },
            }
        };
        lineage::trace(query.logical(), &origin)
    }
}

/// The lineage of each table of silver: name, SQL, and what it is made of.
pub(super) fn lineages() -> Result<Vec<(&'static str, String, Lineage)>> {
    let planned = planned()?;
    let of = |table: &PlannedTable| {
        let lineage = planned.lineage(&table.query, &Delivered(lineage::BRONZE))?;
        Ok((table.name, table.query.sql().to_owned(), lineage))
    };
    planned.tables.iter().map(of).collect()
}

/// The SQL of the sessions of a stream, and what they are made of, read from messages on this table.
pub(super) fn stream_lineage(messages: &'static str) -> Result<(String, Lineage)> {
    let planned = planned()?;
    Ok((planned.stream.sql().to_owned(), planned.lineage(&planned.stream, &Delivered(messages))?))
}

/// What is computed on the way to the tables.
fn statement(name: &str, sql: &'static str) -> Statement {
    Statement::new(Zone::Silver, name, parse(sql).title, sql)
}

/// The schemas of the tables of silver.
pub(super) fn plan_schemas() -> Result<HashMap<&'static str, SchemaRef>> {
    Ok(planned()?.tables.iter().map(|table| (table.name, Arc::clone(table.query.schema()))).collect())
}

/// Google's names of countries and their ISO 3166-1 alpha-2 codes (Kosovo: the user-assigned XK).
fn country_codes() -> Result<RecordBatch> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("country", DataType::Utf8, false),
        Field::new("country_code", DataType::Utf8, false),
    ]));
    let file = include_str!("../../sql/silver/country_codes.csv");
    arrow::csv::ReaderBuilder::new(schema)
        .with_header(true)
        .build(file.as_bytes())
        .and_then(|mut reader| reader.next().unwrap_or_else(|| Ok(RecordBatch::new_empty(reader.schema()))))
        .map_err(|error| Error::with(ErrorKind::Internal, "country_codes.csv cannot be read.", error))
}
