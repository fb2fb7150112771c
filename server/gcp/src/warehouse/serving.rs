//! The warehouse as the port that serves what the lake keeps.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use showrunner_lake::ports::{Question, Served, ServingWarehouse, TablePolicies};
use showrunner_lake::{Error, ErrorKind, Result};

use super::jobs::query;
use super::query::QueryLimits;
use super::tables::canonical;
use super::{BigQueryWarehouse, check_name, identifier, literal};
use crate::Access;

/// What of a column is its shape: no descriptions, and nothing that Google may add one day.
const OF_COLUMN: [&str; 8] =
    ["name", "type", "precision", "scale", "policyTags", "dataPolicies", "dataPolicyList", "maxLength"];

#[async_trait]
impl ServingWarehouse for BigQueryWarehouse {
    fn dataset(&self) -> String {
        format!("{}.{}", self.jobs.project, self.options.dataset)
    }

    async fn append(&self, table: &str, rows: &RecordBatch) -> Result<()> {
        self.append_rows(table, rows).await
    }

    async fn settle(&self, table: &str) -> Result<()> {
        self.settle_rows(table).await
    }

    async fn columns(&self, table: &str, columns: &[&str]) -> Result<Vec<RecordBatch>> {
        check_name("table", table)?;
        if columns.is_empty() {
            let message = format!("No columns of {} were asked for. Name one.", self.shown(table));
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let names: Vec<String> = columns.iter().map(|column| identifier(column)).collect();
        let mut configuration = query(&format!("SELECT {} FROM {}", names.join(", "), self.target(table)));
        // The cache knows of no rows that came by a stream a moment ago.
        configuration["useQueryCache"] = Value::Bool(false);
        let limits = QueryLimits { rows: usize::MAX, timeout: self.options.job_deadline, maximum_bytes_billed: None };
        Ok(self.answer(self.jobs.clone(), configuration, &limits).await?.batches)
    }

    async fn create_view(&self, name: &str, sql: &str) -> Result<()> {
        check_name("view", name)?;
        let known = self.table_names().await?;
        let target = |table: &str| known.contains(table).then(|| self.target(table));
        let sql = qualified(sql.trim().trim_end_matches(';'), target);
        let labels = self
            .labels()
            .iter()
            .map(|(label, value)| format!("({}, {})", literal(label), literal(value.as_str().unwrap_or_default())));
        let labels = labels.collect::<Vec<_>>().join(", ");
        let sql = format!("CREATE OR REPLACE VIEW {} OPTIONS (labels = [{labels}]) AS\n{sql}", self.target(name));
        self.statement(&format!("make view {}", self.shown(name)), "view", &sql).await.map(|_job| ())
    }

    async fn ask(&self, question: Question) -> Result<Served> {
        let reads_only = question.token.is_none();
        let jobs = match question.token {
            Some(token) => self.asked_by(&Access::person(token)),
            None => self.jobs.clone(),
        };
        let mut configuration = query(&question.sql);
        configuration["defaultDataset"] = json!({"projectId": self.jobs.project, "datasetId": self.options.dataset});
        let (rows, timeout) = (question.rows, question.timeout);
        let limits = QueryLimits { rows, timeout, maximum_bytes_billed: question.maximum_bytes_billed };
        if reads_only {
            self.reads(&configuration).await?;
        }
        let answer = self.answer(jobs, configuration, &limits).await?;
        let fetched: usize = answer.batches.iter().map(RecordBatch::num_rows).sum();
        let batches = match answer.batches {
            none if none.is_empty() => vec![RecordBatch::new_empty(answer.schema)],
            batches => batches,
        };
        Ok(Served {
            batches,
            cut: answer.total_rows > fetched as u64,
            job: answer.cost.job,
            bytes_processed: answer.cost.bytes_processed,
            bytes_billed: answer.cost.bytes_billed,
            cache_hit: answer.cost.cache_hit,
        })
    }

    async fn set_policies(&self, table: &str, wanted: &TablePolicies) -> Result<()> {
        self.enforce(table, wanted).await
    }

    async fn shape_checksum(&self, table: &str) -> Result<String> {
        let stored = self.stored(table).await?;
        let policies = self.readable_policies(table).await?;
        let of = |key: &str| stored.get(key).cloned().unwrap_or(Value::Null);
        let policies: Vec<Value> = policies.iter().map(super::RowPolicy::to_json).collect();
        let shape = json!({
            "columns": columns_of(stored.get("schema")), "timePartitioning": of("timePartitioning"),
            "clustering": of("clustering"), "labels": of("labels"), "rowAccessPolicies": policies,
        });
        let mut text = String::new();
        canonical(&shape, &mut text);
        Ok(format!("{:08x}", crc32c::crc32c(text.as_bytes())))
    }

    async fn sweep(&self) -> Result<u64> {
        self.sweep_staged().await
    }

    async fn drop_table(&self, table: &str) -> Result<()> {
        check_name("table", table)?;
        // Else a table of the same name that is made at once might lose its first rows to the old one's stream.
        self.end_stream(table).await?;
        let stored = match self.stored(table).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        if stored.get("type").and_then(Value::as_str) != Some("VIEW") {
            self.delete_table(&self.options.dataset, table).await?;
            self.forget_data_policies(self.data_policies_on(&stored)).await;
            return Ok(());
        }
        let sql = format!("DROP VIEW IF EXISTS {}", self.target(table));
        self.statement(&format!("delete view {}", self.shown(table)), "view", &sql).await.map(|_job| ())
    }
}

impl BigQueryWarehouse {
    /// A person may do by their own token what they may; with the product's, which may change everything, questions are asked and nothing
    /// else. BigQuery itself says which a statement is, free of charge.
    async fn reads(&self, configuration: &Value) -> Result<()> {
        let job = self.jobs.dry_run("run the query", configuration.clone()).await?;
        match job.pointer("/statistics/query/statementType").and_then(Value::as_str) {
            None | Some("SELECT") => Ok(()),
            Some(other) => {
                let message = format!(
                    "This is {other}, not SELECT: with the product's own account queries read only. Sign in with Google to run it as yourself."
                );
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }
}

/// Columns with what of them is shape; a mode that is not said is NULLABLE.
fn columns_of(record: Option<&Value>) -> Value {
    let Some(fields) = record.and_then(|record| record.get("fields")).and_then(Value::as_array) else {
        return Value::Null;
    };
    let column = |field: &Value| {
        let mut column: Map<String, Value> = Map::new();
        for key in OF_COLUMN {
            if let Some(value) = field.get(key).filter(|value| !is_empty(value)) {
                column.insert(key.to_owned(), value.clone());
            }
        }
        let mode = field.get("mode").and_then(Value::as_str).unwrap_or("NULLABLE");
        column.insert("mode".to_owned(), Value::from(mode));
        column.insert("fields".to_owned(), columns_of(Some(field)));
        Value::Object(column)
    };
    fields.iter().map(column).collect()
}

/// `{"names": []}` says as little as nothing at all.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// SQL with the names in backticks after FROM and JOIN replaced by what `of` says: a view keeps no default dataset, so that its tables have to
/// name theirs. Not every word after FROM is a table, as in EXTRACT(YEAR FROM `x`).
pub(super) fn qualified(sql: &str, of: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest, mut word) = (String::with_capacity(sql.len()), sql, String::new());
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\'' | '"' => quoted(rest, c),
            '`' => {
                let length = quoted(rest, c);
                let name = rest[1..length].trim_end_matches('`');
                if matches!(word.as_str(), "FROM" | "JOIN")
                    && let Some(target) = of(name)
                {
                    out.push_str(&target);
                    rest = &rest[length..];
                    word.clear();
                    continue;
                }
                length
            }
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            c if c.is_alphanumeric() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                word = rest[..length].to_ascii_uppercase();
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            c => c.len_utf8(),
        };
        // Blanks and comments stand between a word and its table.
        if !(c.is_whitespace() || c == '#' || rest.starts_with("--") || rest.starts_with("/*")) {
            word.clear();
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// The bytes of what begins with this quote, to its other end.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_a_view_are_put_into_the_dataset() {
        let of = |sql: &str| qualified(sql, |name| matches!(name, "t" | "u-1").then(|| format!("<{name}>")));
        for (sql, expected) in [
            ("SELECT * FROM `t`", "SELECT * FROM <t>"),
            (
                "select `t`, 'FROM `t`' from\n  -- it's\n `t` AS `t` join /* x' */ `u-1` using (`a`)",
                "select `t`, 'FROM `t`' from\n  -- it's\n <t> AS `t` join /* x' */ <u-1> using (`a`)",
            ),
            ("WITH t AS (SELECT 1) SELECT * FROM t, `p.d.x`", "WITH t AS (SELECT 1) SELECT * FROM t, `p.d.x`"),
            ("SELECT \"\\\"FROM `t`\" FROM `p.d.t` JOIN `t`", "SELECT \"\\\"FROM `t`\" FROM `p.d.t` JOIN <t>"),
            ("SELECT EXTRACT(YEAR FROM `date`) FROM UNNEST([1])", "SELECT EXTRACT(YEAR FROM `date`) FROM UNNEST([1])"),
            ("SELECT 'ü' FROM `t", "SELECT 'ü' FROM <t>"),
        ] {
            assert_eq!(of(sql), expected);
        }
    }

    #[test]
    fn a_columns_shape_is_what_the_port_says() {
        let of = |field: Value| columns_of(Some(&json!({"fields": [field]})));
        let plain = of(json!({"name": "c", "type": "STRING"}));
        assert_eq!(
            plain,
            of(
                json!({"name": "c", "type": "STRING", "mode": "NULLABLE", "description": "x", "policyTags": {"names": []}})
            )
        );
        for other in [
            json!({"name": "c", "type": "STRING", "mode": "REQUIRED"}),
            json!({"name": "c", "type": "STRING", "policyTags": {"names": ["t"]}}),
            json!({"name": "c", "type": "STRING", "dataPolicies": [{"name": "p"}]}),
            json!({"name": "c", "type": "RECORD", "fields": [{"name": "d", "type": "STRING"}]}),
        ] {
            assert_ne!(plain, of(other.clone()), "{other}");
        }
    }
}
