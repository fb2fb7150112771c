//! Rows in the shape of bronze, and what the transforms make of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use serde_json::Value;
use showrunner_ingest::{GaSessionsVersion, ga_sessions_schema};
use showrunner_lake::model::RuleEffect;
use showrunner_lake::transform::{self, Reads, Rows, Transformed};

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

/// Google's own sample rows, where they lie beside the checkout.
pub fn real() -> Option<Vec<Value>> {
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real/ga_sessions");
    let Ok(folder) = std::fs::read_dir(shared) else {
        // Not by println!, which the test runner swallows when the test passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared is missing\n");
        return None;
    };
    let mut rows: Vec<Value> = Vec::new();
    for file in folder {
        let file = std::fs::File::open(file.unwrap().path()).unwrap();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        rows.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    Some(rows)
}

/// Bronze's schema: the export's columns, and those that bronze adds.
fn bronze_schema(version: GaSessionsVersion) -> SchemaRef {
    let export = ga_sessions_schema(version).to_arrow();
    let mut fields: Vec<Field> = export.fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.extend(["customer", "_source_file", "_run_id"].map(|name| Field::new(name, DataType::Utf8, true)));
    Arc::new(Schema::new(fields))
}

/// Bronze as read from its files: the rows of each day that silver reads.
pub type Bronze = BTreeMap<NaiveDate, Vec<RecordBatch>>;

/// Rows as bronze; `batch` rows come together, as they would from files of this size.
pub fn bronze(rows: &[Value], batch: usize) -> Bronze {
    bronze_in(rows, batch, GaSessionsVersion::Current)
}

pub fn bronze_in(rows: &[Value], batch: usize, version: GaSessionsVersion) -> Bronze {
    let schema = bronze_schema(version);
    let mut days: BTreeMap<NaiveDate, Vec<Value>> = BTreeMap::new();
    for row in rows {
        days.entry(date_of(row)).or_default().push(with_customer(row.clone()));
    }
    let batches = |rows: &[Value]| {
        let reader = arrow::json::ReaderBuilder::new(Arc::clone(&schema)).with_batch_size(rows.len());
        let mut decoder = reader.build_decoder().unwrap();
        decoder.serialize(rows).unwrap();
        let rows = decoder.flush().unwrap().unwrap();
        transform::narrow_bronze(&rows, &[("customer", CUSTOMER)]).unwrap()
    };
    days.into_iter().map(|(date, rows)| (date, rows.chunks(batch.max(1)).map(batches).collect())).collect()
}

fn with_customer(mut row: Value) -> Value {
    let object = row.as_object_mut().unwrap();
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

    /// A table as queries see it.
    pub fn provider(&self, name: &str) -> Arc<dyn TableProvider> {
        let schema = transform::schema(transform::table(name).unwrap()).unwrap();
        Arc::new(MemTable::try_new(schema, vec![self.batches(name).to_vec()]).unwrap())
    }

    /// What a query reads of these tables, in two parts; only some days of it, if `dates` names them.
    fn rows(&self, reads: &Reads, dates: Option<&[NaiveDate]>) -> Rows {
        let rows = reads.iter().map(|(name, schema)| {
            let batches = self.batches(name).iter().map(|batch| {
                let names: Vec<usize> =
                    schema.fields().iter().map(|f| batch.schema().index_of(f.name()).unwrap()).collect();
                let day = batch.column_by_name("date").unwrap().as_primitive::<Date32Type>();
                let keep: BooleanArray = (0..batch.num_rows())
                    .map(|row| Some(dates.is_none_or(|dates| dates.contains(&day.value_as_date(row).unwrap()))))
                    .collect();
                filter_record_batch(&batch.project(&names).unwrap(), &keep).unwrap()
            });
            let batches: Vec<RecordBatch> = batches.collect();
            let (one, other) = batches.split_at(batches.len() / 2);
            vec![one.to_vec(), other.to_vec()]
        });
        rows.collect()
    }
}

/// Silver of these days, each from its own call.
pub async fn silver_of(bronze: Bronze, dates: &[NaiveDate]) -> Computed {
    let mut silver = Computed::default();
    for date in dates {
        let rows = bronze.get(date).map_or(&[][..], Vec::as_slice);
        let rows = concat_batches(&transform::bronze_read_schema(), rows).unwrap();
        silver.add(transform::silver_rows(&rows).await.unwrap());
    }
    silver
}

pub async fn silver(rows: &[Value]) -> Computed {
    silver_of(bronze(rows, rows.len()), &dates(rows)).await
}

/// Gold of these days, and `visitor_features` of all days.
pub async fn gold(silver: &Computed, dates: &[NaiveDate]) -> Computed {
    let mut gold = Computed::default();
    gold.add(transform::gold_days(silver.rows(transform::gold_day_reads().unwrap(), Some(dates))).await.unwrap());
    gold.add(transform::gold_spanning(silver.rows(transform::gold_spanning_reads().unwrap(), None)).await.unwrap());
    gold
}
