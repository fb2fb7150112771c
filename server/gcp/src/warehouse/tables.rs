//! Tables: made, described, compared, counted, emptied.

use std::collections::HashSet;

use chrono::NaiveDate;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use showrunner_lake::ports::WarehouseTable;
use showrunner_lake::{Error, ErrorKind, Result};

use super::jobs::{job_id, nonce, query};
use super::types::Kind;
use super::{BigQueryWarehouse, RowPolicy, check_name, dates, identifier};
use crate::rest::Call;

/// Columns that a table can be clustered by (cloud.google.com/bigquery/docs/clustered-tables).
const CLUSTERS: usize = 4;

/// A table's shape from its resource. Tables of others may be partitioned otherwise, or not at all: then `partition` is empty.
pub(super) fn described(name: &str, table: &Value) -> Result<WarehouseTable> {
    let list = |pointer: &str| table.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let columns =
        list("/schema/fields").iter().map(|field| Kind::of_rest(field).map(|(name, kind)| (name, kind.sql())));
    Ok(WarehouseTable {
        name: name.to_owned(),
        columns: columns.collect::<Result<_>>()?,
        partition: table.pointer("/timePartitioning/field").and_then(Value::as_str).unwrap_or_default().to_owned(),
        cluster: list("/clustering/fields").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

/// The fields of a REST schema.
pub(super) fn fields(table: &WarehouseTable) -> Result<Vec<Value>> {
    table.columns.iter().map(|(name, kind)| Ok(Kind::parse(kind)?.to_rest(name))).collect()
}

fn check(table: &WarehouseTable) -> Result<()> {
    check_name("table", &table.name)?;
    let refused = |why: String| Err(Error::new(ErrorKind::Invalid, format!("Table {} {why}", table.name)));
    let kind_of =
        |column: &str| table.columns.iter().find(|(name, _)| name == column).map(|(_, kind)| Kind::parse(kind));
    match kind_of(&table.partition).transpose()?.map(|kind| kind.sql()).as_deref() {
        Some("DATE") => {}
        _ => return refused(format!("must be partitioned by one of its DATE columns, not by {:?}.", table.partition)),
    }
    if table.cluster.len() > CLUSTERS {
        return refused(format!("is clustered by {} columns; BigQuery allows {CLUSTERS}.", table.cluster.len()));
    }
    for column in &table.cluster {
        match kind_of(column).transpose()? {
            Some(Kind::Scalar { .. } | Kind::Numeric { .. }) => {}
            Some(_) => return refused(format!("cannot be clustered by {column}: it is nested or repeated.")),
            None => return refused(format!("cannot be clustered by {column}: it has no such column.")),
        }
    }
    Ok(())
}

/// What a reset must not change, spelled in one way only.
fn shape(table: &Value, policies: &[RowPolicy]) -> Value {
    let of = |key: &str| table.get(key).cloned().unwrap_or(Value::Null);
    let policies: Vec<Value> = policies.iter().map(RowPolicy::to_json).collect();
    json!({
        "schema": of("schema"), "timePartitioning": of("timePartitioning"), "clustering": of("clustering"),
        "labels": of("labels"), "description": of("description"), "requirePartitionFilter": of("requirePartitionFilter"),
        "rowAccessPolicies": policies,
    })
}

/// JSON with its keys sorted, whatever the map behind it does.
pub(super) fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            for (key, value) in entries {
                out.push_str(&format!("{key:?}:"));
                canonical(value, out);
                out.push(';');
            }
        }
        Value::Array(items) => {
            for item in items {
                canonical(item, out);
                out.push(',');
            }
        }
        other => out.push_str(&other.to_string()),
    }
    out.push('|');
}

fn digest(shape: &Value) -> String {
    let mut text = String::new();
    canonical(shape, &mut text);
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl BigQueryWarehouse {
    pub(super) async fn create(&self, table: &WarehouseTable) -> Result<()> {
        check(table)?;
        let mut body = json!({
            "tableReference": self.reference(&self.options.dataset, &table.name),
            "schema": {"fields": fields(table)?},
            "timePartitioning": {"type": "DAY", "field": table.partition},
            "labels": self.labels(),
            "description": format!("The serving copy, made by Showrunner, partitioned by {}.", table.partition),
        });
        if !table.cluster.is_empty() {
            body["clustering"] = json!({"fields": table.cluster});
        }
        self.insert_table(&self.options.dataset, &table.name, body).await
    }

    /// Creates a table; nothing happens if it is there.
    pub(super) async fn insert_table(&self, dataset: &str, name: &str, body: Value) -> Result<()> {
        let action = format!("create table {name} in dataset {dataset}");
        let path = ["projects", &self.jobs.project, "datasets", dataset, "tables"];
        match self.jobs.rest.send(Call::post(action, &path, Some(body)).repeatable()).await {
            Err(error) if error.kind == ErrorKind::Exists => Ok(()),
            other => other.map(|_table| ()),
        }
    }

    /// Deletes a table; fine if it is not there.
    pub(super) async fn delete_table(&self, dataset: &str, name: &str) -> Result<()> {
        let action = format!("delete table {dataset}.{name}");
        let path = ["projects", &self.jobs.project, "datasets", dataset, "tables", name];
        match self.jobs.rest.send(Call::delete(action, &path)).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// A table's resource.
    pub(super) async fn stored(&self, name: &str) -> Result<Value> {
        check_name("table", name)?;
        let action = format!("read table {}", self.shown(name));
        let path = ["projects", &self.jobs.project, "datasets", &self.options.dataset, "tables", name];
        self.jobs.rest.send(Call::get(action, &path)).await
    }

    /// The names of the dataset's tables and views.
    pub(super) async fn table_names(&self) -> Result<HashSet<String>> {
        let action = format!("list the tables of {}", self.options.dataset);
        let path = ["projects", &self.jobs.project, "datasets", &self.options.dataset, "tables"];
        let tables = self.jobs.rest.pages(Call::get(action, &path), "tables").await?;
        let names = tables.iter().filter_map(|table| table.pointer("/tableReference/tableId")?.as_str());
        Ok(names.map(str::to_owned).collect())
    }

    /// A digest of everything that a reset must not change: schema with descriptions, policy tags and data policies, partitioning,
    /// clustering, labels, and row access policies with whom they let in.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] without such a table; [`ErrorKind::Denied`] for whoever may not read its policies.
    pub async fn shape_hash(&self, name: &str) -> Result<String> {
        let table = self.stored(name).await?;
        Ok(digest(&shape(&table, &self.row_policies(name).await?)))
    }

    /// Rows per date, by counting them: what lies in the streaming buffer is then counted too, which table metadata leaves out.
    pub(super) async fn counted(&self, name: &str, only: Option<&[NaiveDate]>) -> Result<Vec<(NaiveDate, u64)>> {
        let table = described(name, &self.stored(name).await?)?;
        if table.partition.is_empty() {
            let message = format!("Table {} is not partitioned by a column, so it has no dates.", self.shown(name));
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let column = identifier(&table.partition);
        let wanted = match only {
            Some(list) => format!("{column} IN ({})", dates(list.iter().copied())),
            None => format!("{column} IS NOT NULL"),
        };
        let target = self.target(name);
        let sql = format!(
            "SELECT {column} AS day, COUNT(*) AS number FROM {target} WHERE {wanted} GROUP BY day ORDER BY day"
        );
        let action = format!("count the rows of {}", self.shown(name));
        let found = self.rows(&action, &sql).await?;
        found.iter().map(|row| day_and_number(row).ok_or_else(|| strange(&action, row))).collect()
    }

    /// Empties a table, and compares its shape before and after. What was appended to it is settled first, so that none of it comes later;
    /// and an open stream may lose its first rows after the table was emptied.
    pub(super) async fn empty(&self, name: &str) -> Result<()> {
        self.settle_rows(name).await?;
        let before = self.stored(name).await?;
        let policies = self.row_policies(name).await?;
        let action = format!("empty table {}", self.shown(name));
        let mut streaming = before.get("streamingBuffer").is_some();
        if !streaming {
            match self.statement(&action, "truncate", &format!("TRUNCATE TABLE {}", self.target(name))).await {
                // The table's resource tells of the buffer some time after there is one.
                Err(error) if is_buffered(&error) => streaming = true,
                other => other.map(|_job| ())?,
            }
        }
        if streaming {
            self.overwrite(&action, name, &before).await?;
            self.restore(&action, name, &before, &policies).await?;
        }
        let (was, is) = (shape(&before, &policies), shape(&self.stored(name).await?, &self.row_policies(name).await?));
        if digest(&was) == digest(&is) {
            return Ok(());
        }
        let changed: Vec<&str> = was
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(key, value)| is.get(key.as_str()) != Some(value))
            .map(|(key, _)| key.as_str())
            .collect();
        let message = format!(
            "Table {} was emptied, but that changed its {}. Compare it with what it should be and set it again before anything reads it.",
            self.shown(name),
            changed.join(" and ")
        );
        Err(Error::new(ErrorKind::Internal, message))
    }

    /// Overwrites a table with nothing. BigQuery refuses `TRUNCATE TABLE` and DML while rows lie in the streaming buffer, up to 90 minutes,
    /// and no presenter waits for that. `WRITE_TRUNCATE_DATA` is documented to keep schema, row and column policies and descriptions
    /// (BigQueryAuditMetadata.WriteDisposition), where `WRITE_TRUNCATE` may lose them.
    async fn overwrite(&self, action: &str, name: &str, before: &Value) -> Result<()> {
        let mut query = query(&format!("SELECT * FROM {} WHERE FALSE", self.target(name)));
        query["destinationTable"] = self.reference(&self.options.dataset, name);
        query["createDisposition"] = Value::from("CREATE_NEVER");
        query["writeDisposition"] = Value::from("WRITE_TRUNCATE_DATA");
        for kept in ["timePartitioning", "clustering"] {
            if let Some(value) = before.get(kept) {
                query[kept] = value.clone();
            }
        }
        self.jobs.run(action, &job_id("overwrite", &[&nonce()]), json!({"query": query})).await.map(|_job| ())
    }

    /// Sets again what an overwrite lost, in case it did.
    async fn restore(&self, action: &str, name: &str, before: &Value, policies: &[RowPolicy]) -> Result<()> {
        let after = self.stored(name).await?;
        let mut patch = json!({});
        for kept in ["labels", "description", "schema"] {
            if let Some(value) = before.get(kept).filter(|value| after.get(kept) != Some(value)) {
                patch[kept] = value.clone();
            }
        }
        if patch.as_object().is_some_and(|patch| !patch.is_empty()) {
            let path = ["projects", &self.jobs.project, "datasets", &self.options.dataset, "tables", name];
            // The same values whenever it is sent.
            self.jobs.rest.send(Call::patch(action, &path, patch).repeatable()).await?;
        }
        let there = self.row_policies(name).await?;
        for policy in policies.iter().filter(|policy| !there.contains(policy)) {
            self.replace_row_policy(name, policy).await?;
        }
        Ok(())
    }
}

/// Whether a statement was refused since rows that it would change lie in the streaming buffer.
pub(super) fn is_buffered(error: &Error) -> bool {
    error.message.contains("streaming buffer")
}

fn day_and_number(row: &[Value]) -> Option<(NaiveDate, u64)> {
    let [day, number] = row else { return None };
    Some((day.as_str()?.parse().ok()?, number.as_str()?.parse().ok()?))
}

fn strange(action: &str, row: &[Value]) -> Error {
    Error::new(ErrorKind::Internal, format!("Could not {action}: the answer has a row {row:?} that was not asked for."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_what_counts_and_not_how_it_is_spelled() {
        let one: Value =
            serde_json::from_str(r#"{"labels":{"a":"1","b":"2"},"numRows":"5","schema":{"fields":[]}}"#).expect("JSON");
        let same: Value =
            serde_json::from_str(r#"{"schema":{"fields":[]},"labels":{"b":"2","a":"1"},"numRows":"9"}"#).expect("JSON");
        let policy = RowPolicy { id: "p".to_owned(), filter: "TRUE".to_owned(), grantees: vec!["user:a@x".to_owned()] };
        let of = |table: &Value, policies: &[RowPolicy]| digest(&shape(table, policies));
        assert_eq!(of(&one, &[]), of(&same, &[]), "rows and the order of keys do not count");
        assert_ne!(of(&one, &[]), of(&one, std::slice::from_ref(&policy)), "policies do");
        let tagged = json!({"labels": {"a": "1", "b": "2"}, "schema": {"fields": [{"name": "c", "policyTags": {"names": ["t"]}}]}});
        let bare = json!({"labels": {"a": "1", "b": "2"}, "schema": {"fields": [{"name": "c"}]}});
        assert_ne!(of(&tagged, &[]), of(&bare, &[]), "policy tags do");
    }

    #[test]
    fn what_bigquery_would_refuse_is_refused_before() {
        let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
        let fine = WarehouseTable {
            name: "t".to_owned(),
            columns: vec![column("date", "DATE"), column("n", "INT64"), column("s", "ARRAY<STRING>")],
            partition: "date".to_owned(),
            cluster: vec!["n".to_owned()],
        };
        assert!(check(&fine).is_ok());
        for bad in [
            WarehouseTable { partition: "n".to_owned(), ..fine.clone() },
            WarehouseTable { partition: String::new(), ..fine.clone() },
            WarehouseTable { cluster: vec!["s".to_owned()], ..fine.clone() },
            WarehouseTable { cluster: vec!["x".to_owned()], ..fine.clone() },
            WarehouseTable { cluster: vec!["n".to_owned(); 5], ..fine.clone() },
            WarehouseTable { name: "a$b".to_owned(), ..fine },
        ] {
            assert_eq!(check(&bad).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad:?}");
        }
    }
}
