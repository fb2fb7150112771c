//! A table as somebody sees it who does not see all of it: rows counted and read through the policies, and nothing of files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use tokio::runtime::Handle;

use super::{FileLook, PartitionLook};
use crate::delta::{Current, LiveFile, Table};
use crate::model::TableStat;
use crate::policy::{Access, Injected, Shield};
use crate::query;
use crate::{Error, ErrorKind, Result};

/// A partition's rows stand under this name in place of its files.
const ROWS: &str = "rows";

/// How the rows are asked for.
#[derive(Clone)]
pub(crate) struct Asking {
    pub access: Access,
    pub tables: Vec<Arc<Table>>,
    pub memory: usize,
    pub scratch: PathBuf,
    /// Where queries run.
    pub threads: Handle,
}

/// What is seen of one version.
pub(super) struct Seen {
    asking: Asking,
    shield: Shield,
    pub injected: Injected,
    /// Rows by folder; folders without any are not seen.
    pub rows: BTreeMap<String, u64>,
    pub stat: TableStat,
}

impl Seen {
    /// Counts what is seen. `None` where the table is seen as it is.
    pub async fn of(table: &Arc<Table>, current: &Arc<Current>, asking: Asking) -> Result<Option<Seen>> {
        let shape = &table.shape;
        let Some(shield) = asking.access.shield(shape.zone, &shape.name) else { return Ok(None) };
        let mut stat = current.stat.clone();
        let injected = Injected::of(&shield);
        let mut seen = Seen { asking, shield, injected, rows: BTreeMap::new(), stat: stat.clone() };
        let keys: Vec<String> = shape.partition.iter().map(|column| format!("CAST(\"{column}\" AS VARCHAR)")).collect();
        let keyed: String = keys.iter().map(|key| format!(", {key}")).collect();
        let group = if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) };
        let counted =
            seen.ask(table, current, format!("SELECT count(*){keyed} FROM {}{group}", table.full_name())).await?;
        let rows = cast(counted.column(0), &DataType::Int64).map_err(unreadable)?;
        let mut named = Vec::new();
        for column in counted.columns().iter().skip(1) {
            named.push(cast(column, &DataType::Utf8).map_err(unreadable)?);
        }
        for (at, count) in rows.as_primitive::<Int64Type>().iter().enumerate() {
            let values: Vec<&str> = named.iter().map(|column| column.as_string::<i32>().value(at)).collect();
            let has = |file: &&LiveFile| {
                shape
                    .partition
                    .iter()
                    .zip(&values)
                    .all(|(column, value)| file.partition.get(column).is_some_and(|of| of == value))
            };
            let count = u64::try_from(count.unwrap_or(0)).unwrap_or(0);
            if let Some(file) = current.files.iter().find(has)
                && count > 0
            {
                *seen.rows.entry(super::folder_of(&file.path).0.to_owned()).or_default() += count;
            }
        }
        for partition in &mut stat.partitions {
            let of = current.files.iter().find(|file| {
                file.date() == partition.date && file.partition.get("customer") == partition.customer.as_ref()
            });
            let folder = of.map(|file| super::folder_of(&file.path).0).unwrap_or_default();
            partition.rows = seen.rows.get(folder).copied().unwrap_or(0);
            (partition.files, partition.bytes) = (0, 0);
        }
        stat.partitions.retain(|partition| partition.rows > 0);
        seen.stat = stat;
        Ok(Some(seen))
    }

    /// What is told of a partition.
    pub fn partition(&self, mut partition: PartitionLook) -> Option<PartitionLook> {
        partition.rows = *self.rows.get(&partition.folder)?;
        (partition.files, partition.bytes) = (0, 0);
        Some(partition)
    }

    /// The one that stands for a partition's files.
    pub fn file(&self, folder: &str) -> Option<FileLook> {
        let rows = *self.rows.get(folder)?;
        let path = if folder.is_empty() { ROWS.to_owned() } else { format!("{folder}/{ROWS}") };
        Some(FileLook { path, run: None, rows, bytes: 0, written: 0 })
    }

    /// Rows of the partition that `path` stands for; only `column` when it is given.
    pub async fn read(
        &self,
        table: &Arc<Table>,
        current: &Arc<Current>,
        path: &str,
        (skip, take): (usize, usize),
        column: Option<&str>,
    ) -> Result<RecordBatch> {
        let (folder, _) = super::folder_of(path);
        let shape = &table.shape;
        let denied = |name: &str| {
            self.shield.denied().any(|covered| covered.path.len() == 1 && covered.path[0].eq_ignore_ascii_case(name))
        };
        let columns: Vec<String> = shape
            .schema
            .fields()
            .iter()
            .filter(|f| !shape.partition.contains(f.name()) && !denied(f.name()))
            .filter(|f| column.is_none_or(|wanted| f.name() == wanted))
            .map(|f| format!("\"{}\"", f.name()))
            .collect();
        let file = current.files.iter().find(|file| super::folder_of(&file.path).0 == folder);
        let (Some(file), false) = (file, columns.is_empty()) else {
            return Err(Error::new(ErrorKind::NotFound, "There is nothing to see here. Go back to the list of rows."));
        };
        let of = |column: &String| {
            let value = file.partition.get(column).map(String::as_str).unwrap_or_default();
            format!("\"{column}\" = '{}'", value.replace('\'', "''"))
        };
        let conditions: Vec<String> = shape.partition.iter().map(of).collect();
        let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let sql =
            format!("SELECT {} FROM {}{filter} LIMIT {take} OFFSET {skip}", columns.join(", "), table.full_name());
        self.ask(table, current, sql).await
    }

    async fn ask(&self, table: &Arc<Table>, current: &Arc<Current>, sql: String) -> Result<RecordBatch> {
        let (table, current, asking) = (table.clone(), current.clone(), self.asking.clone());
        let work = async move {
            let mut session = query::report_session(asking.memory, &asking.scratch, asking.access)?;
            session.add(&table, &current, &asking.tables).await?;
            let batches = session.own(&sql).await?;
            let schema = batches
                .first()
                .map(RecordBatch::schema)
                .ok_or_else(|| Error::new(ErrorKind::Internal, "The engine gave no answer."))?;
            concat_batches(&schema, &batches).map_err(unreadable)
        };
        self.asking.threads.spawn(work).await.unwrap_or_else(|e| {
            Err(Error::with(ErrorKind::Internal, format!("Looking into the lake stopped unexpectedly: {e}"), e))
        })
    }
}

fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::with(ErrorKind::Internal, "The rows that are seen could not be put together.", error)
}
