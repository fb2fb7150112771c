//! Silver and gold of a dataset that an admin defined: SQL that is written from its definition and planned once.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::logical_expr::TableScan;
use datafusion::prelude::SessionContext;
use showrunner_ingest::{FieldType, Mode};

use super::session::{Prepared, Relations, Statement, context, effects, register, rule_queries, table_of};
use super::sql_file::RuleDef;
use crate::datasets::{CUSTOMER, DATE, SOURCE_FILE};
use crate::defined::{Definition, ROW_COUNT};
use crate::delta::Shape;
use crate::lineage::{self, Lineage, Origin};
use crate::model::{RuleEffect, Zone};
use crate::{Error, ErrorKind, Result};

const BRONZE_DAY: &str = "bronze_day";
const RANKED: &str = "ranked";
const SILVER_DAY: &str = "silver_day";
/// The place of a row in its delivery.
const ROW: &str = "_row";

/// The queries of a dataset.
pub(crate) struct DefinedPlan {
    context: SessionContext,
    /// Bronze as it is read, with the number of each row.
    numbered: SchemaRef,
    bronze: SchemaRef,
    ranked: Prepared,
    silver: Prepared,
    rules: Vec<RuleDef>,
    counts: Vec<(Vec<usize>, Prepared)>,
    gold: Prepared,
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

/// Which delivery of a row stays: the last row of the file whose name sorts last.
fn ranked_sql(definition: &Definition) -> String {
    let keys: Vec<String> = definition.key.iter().map(|name| quoted(name)).collect();
    if keys.is_empty() {
        return format!("SELECT *, 1 AS \"_delivery\", false AS \"_keyless\" FROM {BRONZE_DAY}");
    }
    let keyless = keys.iter().map(|key| format!("{key} IS NULL")).collect::<Vec<_>>().join(" OR ");
    format!(
        "SELECT *,\n  CASE WHEN {keyless} THEN 1 ELSE row_number() OVER (\n    PARTITION BY {}\n    ORDER BY \"{SOURCE_FILE}\" DESC, \"{ROW}\" DESC\n  ) END AS \"_delivery\",\n  {keyless} AS \"_keyless\"\nFROM {BRONZE_DAY}",
        keys.join(", ")
    )
}

/// Text columns at the top level, which are trimmed.
fn texts(definition: &Definition) -> impl Iterator<Item = String> {
    let columns = definition.columns.iter();
    let text = columns.filter(|c| c.field.field_type == FieldType::String && c.field.mode != Mode::Repeated);
    text.map(|column| quoted(&column.name)).collect::<Vec<_>>().into_iter()
}

fn silver_sql(definition: &Definition) -> String {
    let texts: Vec<String> = texts(definition).collect();
    let mut columns = Vec::new();
    for column in &definition.columns {
        let name = quoted(&column.name);
        columns.push(match texts.contains(&name) {
            true => format!("nullif(trim({name}), '') AS {name}"),
            false => name,
        });
    }
    columns.push(quoted(SOURCE_FILE));
    columns.push(format!("to_date(\"{DATE}\", '%Y%m%d') AS \"{DATE}\""));
    columns.push(quoted(CUSTOMER));
    format!(
        "SELECT\n  {}\nFROM {RANKED}\nWHERE \"_delivery\" = 1\nORDER BY \"{SOURCE_FILE}\", \"{ROW}\"",
        columns.join(",\n  ")
    )
}

fn rules(definition: &Definition) -> Vec<RuleDef> {
    let rule = |title, count: &str| RuleDef { title, count: count.to_owned(), of: RANKED };
    let mut rules = vec![rule("Rows read from bronze", "count(*)")];
    if !definition.key.is_empty() {
        rules.push(rule(
            "Rows left out whose key was delivered again: the last one stays",
            "count(*) FILTER (WHERE \"_delivery\" > 1)",
        ));
        rules.push(rule(
            "Rows without a key, kept as they are since nothing can be compared",
            "count(*) FILTER (WHERE \"_keyless\")",
        ));
    }
    let blank: Vec<String> = texts(definition)
        .map(|name| format!("count(*) FILTER (WHERE {name} IS NOT NULL AND trim({name}) = '')"))
        .collect();
    let padded: Vec<String> =
        texts(definition).map(|name| format!("count(*) FILTER (WHERE {name} <> trim({name}))")).collect();
    if !blank.is_empty() {
        rules.push(rule("Values trimmed: blanks around text", &padded.join(" + ")));
        rules.push(rule("Values set to NULL: text without a character", &blank.join(" + ")));
    }
    rules
}

fn gold_sql(definition: &Definition) -> String {
    let by = definition.cluster.iter().filter(|name| definition.column(name).is_some_and(|column| !column.days()));
    let groups: Vec<String> = [DATE, CUSTOMER].into_iter().chain(by.map(String::as_str)).map(quoted).collect();
    let mut columns = groups.clone();
    columns.push(format!("count(*) AS {ROW_COUNT}"));
    for column in definition.columns.iter().filter(|column| column.measure) {
        let (name, label) = (quoted(&column.name), &column.name);
        columns.push(format!("sum({name}) AS \"{label}_sum\""));
        columns.push(format!("avg({name}) AS \"{label}_avg\""));
    }
    let groups = groups.join(", ");
    format!("SELECT\n  {}\nFROM {SILVER_DAY}\nGROUP BY {groups}\nORDER BY {groups}", columns.join(",\n  "))
}

impl DefinedPlan {
    pub fn new(definition: &Definition, bronze: &Shape) -> Result<DefinedPlan> {
        let context = context(1);
        let mut fields: Vec<_> = bronze.schema.fields().iter().cloned().collect();
        fields.push(Arc::new(Field::new(ROW, DataType::Int64, true)));
        let numbered = Arc::new(Schema::new(fields));
        let statement = |zone, name: &str, title: String, sql| Statement::new(zone, name, title, sql);
        register(&context, BRONZE_DAY, numbered.clone(), Vec::new())?;
        let title = format!("Which delivery of each row of {} stays", definition.name);
        let ranked = statement(Zone::Silver, &format!("{}_{RANKED}", definition.name), title, ranked_sql(definition));
        let ranked = Prepared::new(&context, ranked)?;
        register(&context, RANKED, ranked.schema().clone(), Vec::new())?;
        let (silver_table, gold_table) = (definition.table(Zone::Silver), definition.table(Zone::Gold));
        let silver = statement(Zone::Silver, &silver_table, definition.title.clone(), silver_sql(definition));
        let silver = Prepared::new(&context, silver)?;
        register(&context, SILVER_DAY, silver.schema().clone(), Vec::new())?;
        let rules = rules(definition);
        let counts = rule_queries(&rules).into_iter().map(|count| {
            let title = format!("Counts what the rules of {silver_table} touched");
            Ok((count.rules, Prepared::new(&context, statement(Zone::Silver, &silver_table, title, count.sql))?))
        });
        let counts = counts.collect::<Result<_>>()?;
        let title = format!("{}, by day", definition.title);
        let gold = Prepared::new(&context, statement(Zone::Gold, &gold_table, title, gold_sql(definition)))?;
        Ok(DefinedPlan { context, numbered, bronze: bronze.schema.clone(), ranked, silver, rules, counts, gold })
    }

    /// What is read of bronze.
    pub fn bronze_schema(&self) -> &SchemaRef {
        &self.bronze
    }

    pub fn silver_schema(&self) -> &SchemaRef {
        self.silver.schema()
    }

    pub fn gold_schema(&self) -> &SchemaRef {
        self.gold.schema()
    }

    /// Silver of a day from its files, each a batch. Its rows are those of `table`.
    pub async fn silver(&self, table: &str, files: &[RecordBatch]) -> Result<(Vec<RecordBatch>, Vec<RuleEffect>)> {
        let mut rows = Vec::new();
        for file in files {
            let numbers: ArrayRef = Arc::new((0..file.num_rows() as i64).collect::<Int64Array>());
            let columns = file.columns().iter().cloned().chain([numbers]).collect();
            let numbered = RecordBatch::try_new(self.numbered.clone(), columns);
            rows.push(numbered.map_err(|e| Error::with(ErrorKind::Internal, "Rows could not be numbered.", e))?);
        }
        let mut relations = Relations::new();
        relations.insert(BRONZE_DAY, table_of(BRONZE_DAY, self.numbered.clone(), rows)?);
        let ranked = self.ranked.run(&self.context, &relations).await?;
        relations.insert(RANKED, table_of(RANKED, self.ranked.schema().clone(), ranked)?);
        let silver = self.silver.run(&self.context, &relations).await?;
        let mut counted = Vec::new();
        for (rules, query) in &self.counts {
            counted.push((rules.clone(), query.run(&self.context, &relations).await?));
        }
        Ok((silver, effects(table, &self.rules, &counted)?))
    }

    /// Gold of a day from silver's.
    pub async fn gold(&self, silver: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        let mut relations = Relations::new();
        relations.insert(SILVER_DAY, table_of(SILVER_DAY, self.silver.schema().clone(), silver)?);
        self.gold.run(&self.context, &relations).await
    }

    /// The SQL of silver, and what it is made of.
    pub fn silver_lineage(&self, bronze: &str) -> Result<(&str, Lineage)> {
        let origin = |scan: &TableScan| match scan.table_name.table() {
            RANKED => Origin::Plan(self.ranked.logical()),
            _ => Origin::Rows { of: bronze.to_owned(), chosen_by: None, besides: &[ROW] },
        };
        Ok((self.silver.sql(), lineage::trace(self.silver.logical(), &origin)?))
    }

    /// The SQL of gold, and what it is made of.
    pub fn gold_lineage(&self, silver: &str) -> Result<(&str, Lineage)> {
        let origin = |_: &TableScan| Origin::Table(silver.to_owned());
        Ok((self.gold.sql(), lineage::trace(self.gold.logical(), &origin)?))
    }
}
