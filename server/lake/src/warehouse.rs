//! The embedded warehouse: BigQuery's datasets, date partitions and load jobs on Delta tables.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

use arrow::array::{Array, ArrayRef, Date32Array};
use arrow::compute::{SortColumn, cast, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::NaiveDate;
use deltalake::DeltaTableBuilder;
use showrunner_ingest::ParquetSink;
use url::Url;

use crate::bronze::ingest_error;
use crate::calls::{Begun, CreateTable, Load, LoadedDate, Size, Truncate};
use crate::delta::{Home, Label, NewFile, PartitionKey, Shape, Table, delta_error, io_error, parts};
use crate::model::{TableOutcome, Zone};
use crate::ports::{Warehouse, WarehouseTable};
use crate::{Error, ErrorKind, Result, stream};

pub(crate) mod serve;
mod served;
pub(crate) mod types;

pub(crate) use served::Follower;
pub use served::ServedTable;
pub use types::split_types;

const COLUMNS: &str = "showrunner.columns";
const PARTITION: &str = "showrunner.partition";
const CLUSTER: &str = "showrunner.cluster";

/// Days since 1970-01-01, as Date32 has them.
pub(crate) fn date32(date: NaiveDate) -> i32 {
    (date - NaiveDate::default()).num_days() as i32
}

/// Where the tables lie.
enum Place {
    /// One dataset below `{data_dir}/warehouse/{dataset}/`, a folder for each table.
    Folder { dir: PathBuf, epoch: Arc<AtomicU64>, follow: bool },
    /// The data lake's bucket, as a zone of its own.
    Bucket(Home),
}

/// One dataset.
pub struct DeltaWarehouse {
    place: Place,
    tables: RwLock<BTreeMap<String, Arc<Table>>>,
}

impl DeltaWarehouse {
    /// Opens the dataset's folder with the tables that are in it.
    ///
    /// # Errors
    /// If the folder or a table's log cannot be read.
    pub async fn open(dir: PathBuf) -> Result<Self> {
        Self::open_with(dir, Arc::default(), false).await
    }

    pub(crate) async fn open_with(dir: PathBuf, epoch: Arc<AtomicU64>, follow: bool) -> Result<Self> {
        let place = Place::Folder { dir: dir.clone(), epoch, follow };
        let warehouse = DeltaWarehouse { place, tables: RwLock::default() };
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(warehouse),
            Err(e) => return Err(io_error("listing", &dir, e)),
        };
        for entry in entries {
            let path = entry.map_err(|e| io_error("listing", &dir, e))?.path();
            if path.join("_delta_log").is_dir()
                && let Some(described) = describe(&path).await?
            {
                warehouse.add(&described)?;
            }
        }
        Ok(warehouse)
    }

    /// In the data lake's bucket. Which tables there are is for the caller to say.
    pub(crate) fn in_bucket(home: Home) -> Self {
        DeltaWarehouse { place: Place::Bucket(home), tables: RwLock::default() }
    }

    /// Makes a table known if it is in the bucket, for who creates nothing.
    pub(crate) async fn find(&self, table: &WarehouseTable) -> Result<()> {
        let handle = self.add(table)?;
        handle.fetch().await?;
        if !handle.exists() {
            self.give_up(&table.name);
        }
        Ok(())
    }

    fn add(&self, table: &WarehouseTable) -> Result<Arc<Table>> {
        let shape = shape(table)?;
        let handle = match &self.place {
            Place::Folder { dir, epoch, follow } => {
                Arc::new(Table::new(shape, dir.join(&table.name), epoch.clone(), *follow)?)
            }
            Place::Bucket(home) => home.table(shape)?,
        };
        self.tables.write().unwrap_or_else(|e| e.into_inner()).insert(table.name.clone(), handle.clone());
        Ok(handle)
    }

    /// Gives a table up: its folder is the caller's to remove.
    pub(crate) fn give_up(&self, name: &str) -> Option<Arc<Table>> {
        self.tables.write().unwrap_or_else(|e| e.into_inner()).remove(name)
    }

    /// All tables.
    pub(crate) fn handles(&self) -> Vec<Arc<Table>> {
        self.tables.read().unwrap_or_else(|e| e.into_inner()).values().cloned().collect()
    }

    /// The table of this name.
    pub(crate) fn handle(&self, name: &str) -> Result<Arc<Table>> {
        let found = self.tables.read().unwrap_or_else(|e| e.into_inner()).get(name).cloned();
        found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("The warehouse has no table {name}. Create it first."))
        })
    }
}

/// A table's shape from its log; `None` if another program made it.
async fn describe(dir: &std::path::Path) -> Result<Option<WarehouseTable>> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let absolute = std::path::absolute(dir).map_err(|e| io_error("reading", dir, e))?;
    let url = Url::from_directory_path(&absolute)
        .map_err(|()| Error::new(ErrorKind::Invalid, format!("{} is not an absolute path.", dir.display())))?;
    let fail = |e| delta_error("opening", &format!("warehouse.{name}"), e);
    let table = DeltaTableBuilder::from_url(url).map_err(fail)?.load().await.map_err(fail)?;
    let properties = table.snapshot().map_err(fail)?.metadata().configuration().clone();
    let columns = properties.get(COLUMNS).and_then(|json| serde_json::from_str(json).ok());
    let cluster = properties.get(CLUSTER).and_then(|json| serde_json::from_str(json).ok());
    Ok(match (columns, properties.get(PARTITION), cluster) {
        (Some(columns), Some(partition), Some(cluster)) => {
            Some(WarehouseTable { name, columns, partition: partition.clone(), cluster })
        }
        _ => None,
    })
}

pub(crate) fn shape(table: &WarehouseTable) -> Result<Shape> {
    parts::check_value("table", &table.name)?;
    let fields = table
        .columns
        .iter()
        .map(|(name, kind)| Ok(Field::new(name, types::to_arrow(kind)?, true)))
        .collect::<Result<Vec<_>>>()?;
    let schema = Arc::new(Schema::new(fields));
    let is_date = schema.field_with_name(&table.partition).is_ok_and(|f| *f.data_type() == DataType::Date32);
    if !is_date {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("The partitioning column {:?} of {} must be one of its DATE columns.", table.partition, table.name),
        ));
    }
    if let Some(missing) = table.cluster.iter().find(|c| schema.field_with_name(c).is_err()) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{} cannot be clustered by {missing}: it has no such column.", table.name),
        ));
    }
    let json = |value: serde_json::Result<String>| {
        value.map_err(|e| Error::with(ErrorKind::Internal, "The table's shape cannot be written down.", e))
    };
    Ok(Shape {
        zone: Zone::Warehouse,
        name: table.name.clone(),
        title: format!("{}{}", title(&table.name), how_it_lies(table)),
        schema,
        partition: vec![table.partition.clone()],
        properties: BTreeMap::from([
            (COLUMNS.to_owned(), json(serde_json::to_string(&table.columns))?),
            (PARTITION.to_owned(), table.partition.clone()),
            (CLUSTER.to_owned(), json(serde_json::to_string(&table.cluster))?),
        ]),
    })
}

/// What a table of this name holds.
fn title(table: &str) -> &'static str {
    stream::title(table).unwrap_or("The serving copy")
}

fn how_it_lies(table: &WarehouseTable) -> String {
    let mut text = format!(", partitioned by {}", table.partition);
    if !table.cluster.is_empty() {
        text.push_str(&format!(", clustered by {}", table.cluster.join(" and ")));
    }
    text
}

fn described(shape: &Shape) -> Result<WarehouseTable> {
    let columns = shape
        .schema
        .fields()
        .iter()
        .map(|f| Ok((f.name().clone(), types::from_arrow(f.data_type())?)))
        .collect::<Result<_>>()?;
    Ok(WarehouseTable {
        name: shape.name.clone(),
        columns,
        partition: shape.partition.first().cloned().unwrap_or_default(),
        cluster: cluster_of(shape),
    })
}

pub(crate) fn cluster_of(shape: &Shape) -> Vec<String> {
    shape.properties.get(CLUSTER).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The partition of a date.
pub(crate) fn partition(table: &Table, date: NaiveDate) -> PartitionKey {
    vec![(table.shape.partition.first().cloned().unwrap_or_default(), date.to_string())]
}

/// Writes one date's rows as one clustered file. `None` if there are no rows.
pub(crate) fn write_partition(
    table: &Table,
    run_id: &str,
    date: NaiveDate,
    batches: &[RecordBatch],
) -> Result<Option<NewFile>> {
    let schema = table.shape.data_schema();
    let column = table.shape.partition.first().map_or("", String::as_str);
    let conformed =
        batches.iter().map(|b| conform(b, &schema, column, date, &table.full_name())).collect::<Result<Vec<_>>>()?;
    let all = concat_batches(&schema, &conformed).map_err(|e| arrow_error(table, e))?;
    if all.num_rows() == 0 {
        return Ok(None);
    }
    let sorted = cluster(&all, &cluster_of(&table.shape)).map_err(|e| arrow_error(table, e))?;
    let key = partition(table, date);
    let (relative, path) = table.new_part(&key, run_id)?;
    let file = File::create_new(&path).map_err(|e| io_error("writing", &path, e))?;
    let written = ParquetSink::new(BufWriter::new(file), schema, &[]).and_then(|mut parquet| {
        parquet.write(&sorted)?;
        parquet.close()
    });
    let written = written.map_err(|e| {
        // Half a file is of use to nobody, and a full disk needs the room.
        let _left_to_a_sweep = std::fs::remove_file(&path);
        ingest_error(&table.full_name(), e)
    })?;
    Ok(Some(NewFile {
        path: relative,
        partition: key,
        rows: written.rows,
        bytes: written.bytes,
        stats: written.stats_json,
    }))
}

fn arrow_error(table: &Table, error: arrow::error::ArrowError) -> Error {
    Error::with(ErrorKind::Internal, format!("Rows for {} could not be prepared: {error}", table.full_name()), error)
}

/// Brings a batch into the table's columns, in their order. Missing and unknown columns are an error, and so is a row of another date.
fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
    partition: &str,
    date: NaiveDate,
    table: &str,
) -> Result<RecordBatch> {
    let given = batch.schema();
    if let Some(unknown) =
        given.fields().iter().find(|f| f.name() != partition && schema.field_with_name(f.name()).is_err())
    {
        return Err(Error::new(ErrorKind::Invalid, format!("{table} has no column {}.", unknown.name())));
    }
    if let Some(column) = batch.column_by_name(partition) {
        let dates = cast(column, &DataType::Date32)
            .map_err(|e| Error::with(ErrorKind::Invalid, format!("{partition} must be a date: {e}"), e))?;
        let dates = dates.as_any().downcast_ref::<Date32Array>();
        let expected = date32(date);
        let strangers = dates.map_or(batch.num_rows(), |d| d.iter().filter(|v| *v != Some(expected)).count());
        if strangers > 0 {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{strangers} rows for {table}${} belong to another date.", date.format("%Y%m%d")),
            ));
        }
    }
    let columns = schema
        .fields()
        .iter()
        .map(|field| match batch.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(column) => cast(column, field.data_type()).map_err(|e| {
                Error::with(ErrorKind::Invalid, format!("Column {} does not fit {table}: {e}", field.name()), e)
            }),
            None => {
                Err(Error::new(ErrorKind::Invalid, format!("The rows for {table} have no column {}.", field.name())))
            }
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    RecordBatch::try_new(schema.clone(), columns)
        .map_err(|e| Error::with(ErrorKind::Invalid, format!("The rows do not fit {table}: {e}"), e))
}

fn cluster(batch: &RecordBatch, by: &[String]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns: Vec<SortColumn> = by
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .map(|c| SortColumn { values: c.clone(), options: None })
        .collect();
    if columns.is_empty() {
        return Ok(batch.clone());
    }
    take_record_batch(batch, &lexsort_to_indices(&columns, None)?)
}

#[async_trait]
impl Warehouse for DeltaWarehouse {
    async fn create_table(&self, table: &WarehouseTable) -> Result<()> {
        if self.handle(&table.name).is_ok() {
            return Ok(());
        }
        let (operation, begun) = (CreateTable { table: table.clone() }, Begun::now());
        let handle = self.add(&operation.table)?;
        let created = match handle.fetch().await {
            Ok(()) => handle.create().await,
            Err(error) => Err(error),
        };
        if created.is_err() {
            self.tables.write().unwrap_or_else(|e| e.into_inner()).remove(&table.name);
        }
        begun.end(operation, &created, |()| Size::default());
        created
    }

    async fn table(&self, name: &str) -> Result<WarehouseTable> {
        // From the log, not from what we remember: the comparison after a reset is worth nothing otherwise.
        let handle = self.handle(name)?;
        match describe(handle.dir()).await? {
            Some(table) => Ok(table),
            None => described(&handle.shape),
        }
    }

    async fn load(
        &self,
        name: &str,
        job: &str,
        partitions: Vec<(NaiveDate, Vec<RecordBatch>)>,
    ) -> Result<TableOutcome> {
        let table = self.handle(name)?;
        let _writer = table.writer().await;
        let dates = partitions.iter().map(|(date, _)| LoadedDate { date: *date, files: None }).collect();
        let operation = Load { table: name.to_owned(), job: job.to_owned(), partitions: dates };
        let begun = Begun::now();
        let loaded = load_locked(&table, &operation.job, &operation.job, partitions).await;
        begun.end(operation, &loaded, load_size);
        loaded
    }

    async fn partitions(&self, name: &str) -> Result<Vec<(NaiveDate, u64)>> {
        let current = self.handle(name)?.current().await?;
        Ok(current.stat.partitions.iter().filter_map(|p| p.date.map(|d| (d, p.rows))).collect())
    }

    async fn truncate(&self, name: &str) -> Result<()> {
        let table = self.handle(name)?;
        let _writer = table.writer().await;
        let (operation, begun) = (Truncate { table: name.to_owned() }, Begun::now());
        let done = table.replace(|_| true, &[], &Label::run("truncate")).await.map(|_version| ());
        begun.end(operation, &done, |()| Size::default());
        done
    }
}

/// What a load moved.
fn load_size(outcome: &TableOutcome) -> Size {
    Size { rows: Some(outcome.rows), bytes: Some(outcome.bytes) }
}

/// A load job; the caller holds the table's writer.
pub(crate) async fn load_locked(
    table: &Table,
    run_id: &str,
    job: &str,
    partitions: Vec<(NaiveDate, Vec<RecordBatch>)>,
) -> Result<TableOutcome> {
    let keys: Vec<PartitionKey> = partitions.iter().map(|(date, _)| partition(table, *date)).collect();
    let transaction = format!("load:{job}");
    if table.has_transaction(&transaction).await? {
        let current = table.current().await?;
        let rows = current.files.iter().filter(|f| keys.iter().any(|k| f.is_in(k))).map(|f| f.rows).sum();
        return Ok(TableOutcome {
            table: table.shape.name.clone(),
            rows,
            files: 0,
            bytes: 0,
            version: current.version,
        });
    }
    table.sweep_orphans(run_id, &keys).await?;
    let mut adds = Vec::new();
    for (date, batches) in &partitions {
        match write_partition(table, run_id, *date, batches) {
            Ok(part) => adds.extend(part),
            Err(e) => {
                table.sweep_orphans(run_id, &keys).await?;
                return Err(e);
            }
        }
    }
    let label = Label { transaction: Some((transaction, 1)), ..Label::run(run_id) };
    let version = table.replace(|f| keys.iter().any(|k| f.is_in(k)), &adds, &label).await?;
    Ok(TableOutcome {
        table: table.shape.name.clone(),
        rows: adds.iter().map(|f| f.rows).sum(),
        files: adds.len() as u64,
        bytes: adds.iter().map(|f| f.bytes).sum(),
        version,
    })
}
