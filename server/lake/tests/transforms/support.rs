//! Rows in the shape of bronze, and what the transforms make of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use serde_json::Value;
use showrunner_ingest::{GaSessionsVersion, ga_sessions_schema};
use showrunner_lake::model::RuleEffect;
use showrunner_lake::transform::{self, SilverTables, Transformed};

pub const CUSTOMER: &str = "customer01";

/// Files of the test folder.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// The hand-made sessions, each with its `_source_file`.
pub fn small() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("data/ga_sessions_small.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Bronze's schema: the export's columns, and those that bronze adds.
fn bronze_schema(version: GaSessionsVersion) -> SchemaRef {
    let export = ga_sessions_schema(version).to_arrow();
    let mut fields: Vec<Field> = export.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend(["customer", "_source_file", "_run_id"].map(|name| Field::new(name, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// Rows as a bronze table; `batch` rows come together, as they would from files of this size.
pub fn bronze(rows: &[Value], batch: usize) -> Arc<dyn TableProvider> {
    bronze_in(rows, batch, GaSessionsVersion::Current)
}

pub fn bronze_in(rows: &[Value], batch: usize, version: GaSessionsVersion) -> Arc<dyn TableProvider> {
    let schema = bronze_schema(version);
    let batches = rows.chunks(batch.max(1)).map(|rows| {
        let rows: Vec<Value> = rows.iter().cloned().map(with_customer).collect();
        let reader = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(rows.len());
        let mut decoder = reader.build_decoder().unwrap();
        decoder.serialize(&rows).unwrap();
        decoder.flush().unwrap().unwrap()
    });
    let batches = batches.collect();
    Arc::new(MemTable::try_new(schema, vec![batches]).unwrap())
}

fn with_customer(mut row: Value) -> Value {
    let object = row.as_object_mut().unwrap();
    object.entry("customer").or_insert(CUSTOMER.into());
    object.entry("_source_file").or_insert("a.json".into());
    row
}

pub fn date_of(row: &Value) -> NaiveDate {
    NaiveDate::parse_from_str(row["date"].as_str().unwrap(), "%Y%m%d").unwrap()
}

pub fn dates(rows: &[Value]) -> Vec<NaiveDate> {
    rows.iter().map(date_of).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A table's batches, and what the rules counted, over all days.
#[derive(Default)]
pub struct Computed {
    pub tables: Vec<(&'static str, Vec<RecordBatch>)>,
    pub rules: Vec<RuleEffect>,
}

impl Computed {
    fn add(&mut self, day: Transformed) {
        for (name, batches) in day.tables {
            match self.tables.iter_mut().find(|(table, _)| *table == name) {
                Some((_, all)) => all.extend(batches),
                None => self.tables.push((name, batches)),
            }
        }
        for effect in day.rules {
            match self.rules.iter_mut().find(|e| e.table == effect.table && e.rule == effect.rule) {
                Some(sum) => sum.rows += effect.rows,
                None => self.rules.push(effect),
            }
        }
    }

    pub fn batches(&self, name: &str) -> &[RecordBatch] {
        &self.tables.iter().find(|(table, _)| *table == name).unwrap().1
    }

    /// The rows as lines of text; `sorted` where their order carries no meaning.
    pub fn text(&self, name: &str) -> String {
        let schema = transform::schema(transform::table(name).unwrap()).unwrap();
        let batches = self.batches(name);
        let empty = [RecordBatch::new_empty(schema)];
        let batches = if batches.is_empty() { &empty } else { batches };
        datafusion::arrow::util::pretty::pretty_format_batches(batches).unwrap().to_string() + "\n"
    }

    pub fn sorted_lines(&self, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.text(name).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// The number that a rule counted; its title begins with `rule`.
    pub fn counted(&self, table: &str, rule: &str) -> u64 {
        let mut found = self.rules.iter().filter(|e| e.table == table && e.rule.starts_with(rule));
        let effect = found.next().unwrap_or_else(|| panic!("{table} has no rule '{rule}…'"));
        assert!(found.next().is_none(), "{table} has several rules '{rule}…'");
        effect.rows
    }

    pub fn provider(&self, name: &str) -> Arc<dyn TableProvider> {
        let schema = transform::schema(transform::table(name).unwrap()).unwrap();
        Arc::new(MemTable::try_new(schema, vec![self.batches(name).to_vec()]).unwrap())
    }
}

/// Silver of all days of the rows, each from its own call.
pub async fn silver_of(bronze: Arc<dyn TableProvider>, dates: &[NaiveDate]) -> Computed {
    let mut silver = Computed::default();
    for date in dates {
        silver.add(transform::silver_day(Arc::clone(&bronze), CUSTOMER, *date).await.unwrap());
    }
    silver
}

pub async fn silver(rows: &[Value]) -> Computed {
    silver_of(bronze(rows, rows.len()), &dates(rows)).await
}

/// Gold of all days, `visitor_features` included.
pub async fn gold(silver: &Computed, dates: &[NaiveDate]) -> Computed {
    let tables = SilverTables {
        sessions: silver.provider("sessions"),
        hits: silver.provider("hits"),
        products: silver.provider("products"),
    };
    let mut gold = Computed::default();
    gold.add(transform::gold_days(&tables, CUSTOMER, dates).await.unwrap());
    gold.add(transform::gold_spanning(&tables, CUSTOMER).await.unwrap());
    gold
}
