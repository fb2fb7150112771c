//! Removing data for good: first from the log, in one commit, then the files: live, replaced and left behind alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{BooleanArray, StringArray};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;

use crate::calls::{Begun, Purge, Size};
use crate::delta::parts::DiskFile;
use crate::delta::{Label, LiveFile, Table, parts};
use crate::model::{PurgeItem, Scope, Zone};
use crate::stream;
use crate::warehouse::{partition, write_partition};
use crate::zone::{read_columns, read_part};
use crate::{Error, ErrorKind, Result};

/// A scope as it concerns one table.
struct Reach<'a> {
    scope: &'a Scope,
    table: &'a Table,
}

impl Reach<'_> {
    /// Whether whole partitions with these values are in scope.
    fn covers(&self, values: &BTreeMap<String, String>) -> bool {
        let customer = values.get("customer");
        let date =
            values.iter().find(|(column, _)| *column != "customer").and_then(|(_, value)| parts::parse_date(value));
        match self.scope {
            Scope::All => true,
            Scope::Stream => self.is_stream(),
            Scope::Customer(wanted) => customer == Some(wanted),
            Scope::Dataset(dataset) => self.concerns(dataset),
            Scope::Days(days) => days
                .iter()
                .any(|day| Some(&day.customer) == customer && Some(day.date) == date && self.concerns(&day.dataset)),
        }
    }

    /// Tables of a dataset say so; those of the warehouse are called as it is. What was streamed belongs to no delivered day.
    fn concerns(&self, dataset: &str) -> bool {
        let shape = &self.table.shape;
        let own = if shape.zone == Zone::Warehouse { shape.name.as_str() } else { shape.dataset() };
        !self.is_stream() && own == dataset
    }

    fn is_stream(&self) -> bool {
        stream::is_stream(self.table)
    }

    /// Whether all rows go: then the table's history goes with them.
    fn empties(&self) -> bool {
        match self.scope {
            Scope::All => true,
            Scope::Stream => self.is_stream(),
            Scope::Dataset(dataset) => self.concerns(dataset),
            Scope::Customer(_) | Scope::Days(_) => false,
        }
    }

    /// Whether rows have to be looked at one by one, since partitions hold those of several customers.
    fn by_rows(&self) -> bool {
        let of_some = matches!(self.scope, Scope::Customer(_) | Scope::Days(_));
        of_some && !self.table.shape.partition.iter().any(|c| c == "customer")
    }

    /// Dates whose partitions hold rows of several customers, some of them in scope (warehouse).
    fn rows_in(&self, file: &LiveFile) -> Option<BTreeSet<String>> {
        let date = file.date()?;
        let customers: BTreeSet<String> = match self.scope {
            Scope::All | Scope::Stream | Scope::Dataset(_) => return None,
            Scope::Customer(customer) => BTreeSet::from([customer.clone()]),
            Scope::Days(days) => {
                let days = days.iter().filter(|d| d.date == date && self.concerns(&d.dataset));
                days.map(|d| d.customer.clone()).collect()
            }
        };
        (!customers.is_empty()).then_some(customers)
    }
}

/// `date=…/customer=…/part-….zstd.parquet` → its values.
fn values_of(path: &str) -> BTreeMap<String, String> {
    path.split('/').filter_map(|segment| segment.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn item(table: &Table) -> PurgeItem {
    PurgeItem {
        place: table.shape.zone.name().to_owned(),
        table: table.shape.name.clone(),
        count: 0,
        rows: 0,
        files: 0,
        bytes: 0,
    }
}

/// What [`purge_table`] would remove, for each of these scopes; the table's folder is walked once.
pub(crate) async fn plan_table(table: &Table, scopes: &[Scope]) -> Result<Vec<PurgeItem>> {
    let current = table.current().await?;
    let mut disk = None;
    let mut items = Vec::with_capacity(scopes.len());
    for scope in scopes {
        let reach = Reach { scope, table };
        if reach.by_rows() {
            items.push(plan_rows(&reach, &current.files)?);
            continue;
        }
        let disk = match &mut disk {
            Some(disk) => disk,
            none => none.insert(on_disk(table.disk_files().await?)),
        };
        items.push(plan_files(&reach, &current.files, disk));
    }
    Ok(items)
}

/// Parts of ours, with the values of their partitions.
fn on_disk(files: Vec<DiskFile>) -> Vec<(DiskFile, BTreeMap<String, String>)> {
    let ours = files.into_iter().filter(|file| file.run.is_some());
    ours.map(|file| {
        let values = values_of(&file.path);
        (file, values)
    })
    .collect()
}

/// Where partitions hold rows of several customers.
fn plan_rows(reach: &Reach<'_>, live: &[LiveFile]) -> Result<PurgeItem> {
    let table = reach.table;
    let mut item = item(table);
    let customers_only: SchemaRef = Arc::new(Schema::new(vec![Field::new("customer", DataType::Utf8, true)]));
    for file in live {
        let Some(customers) = reach.rows_in(file) else {
            continue;
        };
        let whose = table.owners.of(file, || {
            // Only whose the rows are: a page asks this of every file.
            count(&read_columns(table, file, &customers_only)?)
        })?;
        let rows: u64 = customers.iter().filter_map(|customer| whose.get(customer)).sum();
        if rows > 0 {
            item.count += 1;
            item.rows += rows;
            item.files += 1;
            item.bytes += file.bytes;
        }
    }
    Ok(item)
}

/// Where partitions go as a whole.
fn plan_files(reach: &Reach<'_>, live: &[LiveFile], disk: &[(DiskFile, BTreeMap<String, String>)]) -> PurgeItem {
    let mut item = item(reach.table);
    let in_scope: Vec<&LiveFile> = live.iter().filter(|f| reach.covers(&f.partition)).collect();
    item.count = in_scope.iter().map(|f| &f.partition).collect::<BTreeSet<_>>().len() as u64;
    item.rows = in_scope.iter().map(|f| f.rows).sum();
    for (file, _) in disk.iter().filter(|(_, values)| reach.covers(values)) {
        item.files += 1;
        item.bytes += file.bytes;
    }
    item
}

/// Removes the scope from one table. Idempotent; killed half-way, the next call goes on.
pub(crate) async fn purge_table(table: &Table, scope: &Scope, run_id: &str) -> Result<PurgeItem> {
    // Nothing of it can be there: no version is written to say so.
    let reach = Reach { scope, table };
    if (*scope == Scope::Stream || matches!(scope, Scope::Dataset(_))) && !reach.empties() {
        return Ok(item(table));
    }
    let operation = Purge { zone: table.shape.zone, table: table.shape.name.clone(), scope: scope.clone() };
    let begun = Begun::now();
    let result = purge(table, &operation.scope, run_id).await;
    begun.end(operation, &result, |gone| Size { rows: Some(gone.rows), bytes: Some(gone.bytes) });
    result
}

async fn purge(table: &Table, scope: &Scope, run_id: &str) -> Result<PurgeItem> {
    let _writer = table.writer().await;
    let plans = plan_table(table, std::slice::from_ref(scope)).await?;
    let item = plans.into_iter().next().unwrap_or_else(|| item(table));
    let reach = Reach { scope, table };
    if reach.by_rows() {
        purge_rows(table, &reach, run_id).await?;
        return Ok(item);
    }
    table.replace(|f| reach.covers(&f.partition), &[], &Label::run(run_id)).await?;
    if reach.empties() {
        // Before the files go, so that no version is left that refers to them.
        table.forget_history().await?;
    }
    let doomed: Vec<_> = table.disk_files().await?.into_iter().filter(|f| reach.covers(&values_of(&f.path))).collect();
    table.delete_unreferenced(&doomed, &table.current().await?.files).await?;
    table.remove_empty_folders()?;
    Ok(item)
}

/// In a table whose partitions hold several customers: rewrites the dates concerned with the others' rows.
async fn purge_rows(table: &Table, reach: &Reach<'_>, run_id: &str) -> Result<()> {
    let current = table.current().await?;
    let mut adds = Vec::new();
    let mut rewritten: BTreeSet<String> = BTreeSet::new();
    let mut dates: BTreeMap<NaiveDate, (BTreeSet<String>, Vec<&LiveFile>)> = BTreeMap::new();
    for file in &current.files {
        if let (Some(date), Some(customers)) = (file.date(), reach.rows_in(file)) {
            let entry = dates.entry(date).or_default();
            entry.0.extend(customers);
            entry.1.push(file);
        }
    }
    for (date, (customers, files)) in &dates {
        let mut kept = Vec::new();
        let mut gone = 0;
        for file in files {
            for batch in read_part(table, &file.path)? {
                let keep = others(&batch, customers)?;
                gone += batch.num_rows() - keep.true_count();
                kept.push(
                    filter_record_batch(&batch, &keep)
                        .map_err(|e| Error::with(ErrorKind::Internal, "Rows could not be filtered.", e))?,
                );
            }
        }
        if gone > 0 {
            adds.extend(write_partition(table, run_id, *date, &kept)?);
            rewritten.extend(files.iter().map(|f| f.path.clone()));
        }
    }
    table.replace(|f| rewritten.contains(&f.path), &adds, &Label::run(run_id)).await?;
    // Replaced versions of these dates hold the rows, too.
    let keys: Vec<_> = match reach.scope {
        Scope::Days(days) => days.iter().map(|d| partition(table, d.date)).collect(),
        Scope::All | Scope::Customer(_) | Scope::Stream | Scope::Dataset(_) => vec![Vec::new()],
    };
    let files = table.disk_files_in(&keys).await?;
    table.delete_unreferenced(&files, &table.current().await?.files).await?;
    Ok(())
}

/// True where the row belongs to none of these customers.
fn others(batch: &RecordBatch, customers: &BTreeSet<String>) -> Result<BooleanArray> {
    Ok(names(batch)?.iter().map(|name| Some(!name.is_some_and(|n| customers.contains(n)))).collect())
}

/// Rows of each customer.
fn count(batch: &RecordBatch) -> Result<BTreeMap<String, u64>> {
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    for name in names(batch)?.iter().flatten() {
        match rows.get_mut(name) {
            Some(rows) => *rows += 1,
            None => drop(rows.insert(name.to_owned(), 1)),
        }
    }
    Ok(rows)
}

/// Whose each row is.
fn names(batch: &RecordBatch) -> Result<StringArray> {
    let column = batch.column_by_name("customer").map(|column| cast(column, &DataType::Utf8)).transpose();
    let column = column.map_err(|e| Error::with(ErrorKind::Internal, "The column customer cannot be read.", e))?;
    let names = column.as_ref().and_then(|column| column.as_any().downcast_ref::<StringArray>()).cloned();
    names.ok_or_else(|| Error::new(ErrorKind::Internal, "The table has no column customer."))
}

/// Whose the rows of files are, as far as somebody asked: a file never changes, so that each is read once.
#[derive(Default)]
pub(crate) struct Owners(Mutex<HashMap<String, Arc<BTreeMap<String, u64>>>>);

/// Files that are remembered of a table; beyond, all are forgotten.
const REMEMBERED: usize = 50_000;

impl Owners {
    fn of(
        &self,
        file: &LiveFile,
        read: impl FnOnce() -> Result<BTreeMap<String, u64>>,
    ) -> Result<Arc<BTreeMap<String, u64>>> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = known().get(&file.path) {
            return Ok(rows.clone());
        }
        let rows = Arc::new(read()?);
        let mut known = known();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(file.path.clone(), rows.clone());
        Ok(rows)
    }
}

/// Purges several tables at once: they do not depend on each other.
pub(crate) async fn purge_tables(tables: &[Arc<Table>], scope: &Scope, run_id: &str) -> Result<Vec<PurgeItem>> {
    futures::future::try_join_all(tables.iter().map(|t| purge_table(t, scope, run_id))).await
}
