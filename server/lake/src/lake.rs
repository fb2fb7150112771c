//! The facade: everything the server asks of the data plane.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt};

use crate::browse::{self, Look};
use crate::datasets::{Dataset, GA_SESSIONS};
use crate::delta::{Home, Table, io_error};
use crate::gold::{Gold, spans};
use crate::ingestion::{self, Known};
use crate::model::*;
use crate::policy::Identity;
use crate::ports::{IngestJobs, Objects, ServingWarehouse, Topics, Warehouse};
use crate::query::Cost;
use crate::resident::Resident;
use crate::warehouse::{DeltaWarehouse, Follower};
use crate::{Error, ErrorKind, Result, purge, query};

mod background;
mod catalog;
mod console;
mod defined;
mod dropbox;
mod enforced;
mod foreign;
mod ingest;
mod jobs;
mod lock;
mod names;
mod open;
mod past;
mod policies;
mod served;
mod steps;
mod stream;

use background::Background;
pub(crate) use catalog::all_shapes;
pub use catalog::{CatalogColumn, CatalogTable};
pub use console::{QUERIES_AT_A_TIME, RowStream};
pub use dropbox::Dropbox;
pub(crate) use jobs::JobRecord;
pub use lock::DataDirLock;
pub use names::{NOTIFICATION_SUBSCRIPTION, NOTIFICATION_TOPIC, Names, notification_subscription};
pub(crate) use stream::StreamParts;

/// Where the lake lies and how much it may use.
#[derive(Debug, Clone)]
pub struct LakeConfig {
    /// The data folder. Buckets lie in `buckets/`, topics in `topics/`, the warehouse in `warehouse/`, what came of jobs
    /// in `jobs/`, scratch files in `scratch/`.
    pub data_dir: PathBuf,
    /// The `{id}` in bucket names, `[a-z0-9-]`.
    pub id: String,
    /// The `{stage}` in bucket names, for instance `dev`.
    pub stage: String,
    /// Worker threads for ingestion.
    pub workers: usize,
    /// Memory for one query in bytes; beyond it the engine spills to `scratch/`.
    pub query_memory: usize,
    /// Buckets and topics that do not lie in the data folder.
    pub elsewhere: Option<Elsewhere>,
}

/// Buckets and topics of another back end behind the same ports. The tables of the data lake lie in its bucket then, and `copies/` has a
/// copy of what is read: it may be deleted at any time.
#[derive(Clone)]
pub struct Elsewhere {
    /// Buckets and objects. Who made them sees to notifications.
    pub objects: Arc<dyn Objects>,
    /// Topics and subscriptions.
    pub topics: Arc<dyn Topics>,
    /// The data lake's bucket for the engine: a put must be able to fail if the object is there.
    pub datalake: Arc<dyn object_store::ObjectStore>,
    /// The warehouse that serves what the lake keeps; `None`: the lake's own tables do.
    pub warehouse: Option<Arc<dyn ServingWarehouse>>,
    /// What takes delivered files into bronze, for instance Spark; `None`: this process does.
    pub jobs: Option<Arc<dyn IngestJobs>>,
}

impl std::fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Elsewhere({})", self.datalake)
    }
}

/// Calls that a step makes at a time where a call takes long.
const AT_ONCE: usize = 16;

/// How long and how much a query may take.
#[derive(Debug, Clone, Copy)]
pub struct QueryLimits {
    /// Rows returned at most; the result says when it was cut.
    pub rows: usize,
    /// Wall time.
    pub timeout: Duration,
}

/// A query's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// All rows, in batches (at least one, possibly empty, for the schema).
    pub batches: Vec<RecordBatch>,
    /// True when `limits.rows` cut it.
    pub cut: bool,
    /// Wall seconds.
    pub seconds: f64,
    /// What it took.
    pub cost: Cost,
    /// Set where the warehouse elsewhere answered.
    pub served: Option<ServedBy>,
}

/// The warehouse elsewhere that answered a query, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedBy {
    /// `project.dataset`
    pub dataset: String,
    /// The job's id.
    pub job: String,
    /// Bytes read.
    pub bytes_processed: u64,
    /// Bytes paid for.
    pub bytes_billed: u64,
    /// Whether the answer came from the cache.
    pub cache_hit: bool,
}

/// The data plane of one data folder. Cheap to clone behind an `Arc`; all methods may run at once.
pub struct Lake {
    inner: Arc<Inner>,
    /// What takes delivered files into bronze.
    jobs: Arc<dyn IngestJobs>,
    /// Where steps of the pipeline run.
    work: Background,
    /// The threads that read delivered files, for as long as the lake is there.
    _readers: Background,
    /// Where queries run: apart from the steps, so that neither waits for the other.
    queries: Background,
    /// Where persons' own queries run.
    console: console::Console,
    /// Where the subscribers of the stream work: a message becomes visible soon, whatever else is done.
    stream: Background,
}

struct Inner {
    config: LakeConfig,
    names: Names,
    home: Home,
    objects: Arc<dyn Objects>,
    topics: Arc<dyn Topics>,
    warehouse: DeltaWarehouse,
    /// The warehouse elsewhere, which follows this one.
    served: Option<Follower>,
    datasets: Vec<Arc<Dataset>>,
    /// Bronze, silver and gold in the order of the flow.
    tables: Vec<Arc<Table>>,
    /// Datasets that an admin defined, with their tables.
    defined: defined::Held,
    epoch: Arc<AtomicU64>,
    /// The report's tables in memory.
    resident: Resident,
    read_only: bool,
    /// Of the source bucket's objects.
    checksums: ingestion::Checksums,
    /// What Parquet files say of themselves, for the browser.
    footers: Arc<browse::Footers>,
    policies: policies::Kept,
    enforced: enforced::Enforced,
}

impl Lake {
    /// Opens the folder, creating buckets, topics and empty tables that are missing. Idempotent.
    /// Takes no lock: whoever writes holds a [`DataDirLock`].
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an id or stage that cannot stand in a bucket's name, [`ErrorKind::Storage`] if the folder cannot be written.
    pub async fn open(config: LakeConfig) -> Result<Arc<Lake>> {
        open::open(config, false).await
    }

    /// Opens the folder for queries only: creates nothing, and looks for new versions before each query, since another process may be
    /// writing. Tables that do not exist yet are missing from queries; methods that write are refused.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such folder, else as [`Lake::open`].
    pub async fn open_read_only(config: LakeConfig) -> Result<Arc<Lake>> {
        open::open(config, true).await
    }

    /// Bucket and dataset names.
    pub fn names(&self) -> &Names {
        &self.inner.names
    }

    /// Buckets. Writes into the ingestion bucket publish an OBJECT_FINALIZE notification on [`NOTIFICATION_TOPIC`].
    pub fn objects(&self) -> &dyn Objects {
        self.inner.objects.as_ref()
    }

    /// How many calls of [`Lake::objects`] a step should make at a time: one here, more where each of them goes over a network.
    pub fn calls_at_once(&self) -> usize {
        if self.inner.config.elsewhere.is_some() { AT_ONCE } else { 1 }
    }

    /// Topics. Those of a folder that was opened for queries only refuse everything.
    pub fn topics(&self) -> &dyn Topics {
        self.inner.topics.as_ref()
    }

    /// Warehouse.
    pub fn warehouse(&self) -> &dyn Warehouse {
        &self.inner.warehouse
    }

    /// A read-only query over `bronze.* silver.* gold.* warehouse.*`, on behalf of `who`. Anything but a query is refused.
    /// Unquoted names are found whatever their case, as in BigQuery.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with what is wrong in the query, [`ErrorKind::Timeout`] beyond `limits.timeout`.
    pub async fn query(&self, who: &Identity, sql: &str, limits: QueryLimits) -> Result<Answer> {
        let epoch = self.epoch();
        match self.query_once(who, sql, limits).await {
            // A reset deleted files under the query: the next version has none of them.
            Err(e) if e.kind == ErrorKind::Storage && self.epoch() != epoch => self.query_once(who, sql, limits).await,
            other => other,
        }
    }

    async fn query_once(&self, who: &Identity, sql: &str, limits: QueryLimits) -> Result<Answer> {
        self.inner.answer(&self.queries, who, sql, limits, None).await
    }

    /// Answers to the report's own queries over `silver.sessions` and `silver.products`, which are kept in memory with the columns
    /// of the report: see [`crate::transform::report_queries`]. In the order of the queries.
    ///
    /// # Errors
    /// Those of reading the tables, and [`ErrorKind::Invalid`] with what is wrong in a query.
    pub async fn report(&self, who: &Identity, queries: Vec<String>) -> Result<Vec<Vec<RecordBatch>>> {
        let (inner, access) = (self.inner.clone(), self.inner.access(who));
        let work = async move {
            let scratch = inner.config.data_dir.join("scratch");
            let silver = inner.zone(Zone::Silver);
            let make = |access| query::report_session(inner.config.query_memory, &scratch, access);
            let session = inner.resident.session(&silver, &inner.all_tables(), &access, make).await?;
            let mut running = tokio::task::JoinSet::new();
            for (at, sql) in queries.into_iter().enumerate() {
                let session = session.clone();
                running.spawn(async move { (at, query::answer(&session, &sql).await) });
            }
            let mut answers: Vec<_> = running.join_all().await;
            answers.sort_by_key(|(at, _)| *at);
            answers.into_iter().map(|(_, answer)| answer).collect()
        };
        self.queries.run_while_wanted(work).await
    }

    /// The tables that these queries read, with their versions now: what was computed from the same versions is still right.
    pub async fn versions(&self, queries: &[String]) -> Result<Vec<(String, i64)>> {
        let tables = self.inner.all_tables();
        let read: BTreeMap<String, &Arc<Table>> = queries
            .iter()
            .flat_map(|sql| query::read_by(sql, &tables))
            .map(|table| (table.full_name(), table))
            .collect();
        let mut versions = Vec::new();
        for (name, table) in read {
            versions.push((name, if table.exists() { table.current().await?.version } else { -1 }));
        }
        Ok(versions)
    }

    /// All tables with their partitions, from the Delta logs (cached by version: cheap).
    pub async fn tables(&self) -> Result<Vec<TableStat>> {
        let mut stats = Vec::new();
        for table in self.inner.all_tables().into_iter().filter(|t| t.exists()) {
            stats.push(table.current().await?.stat.clone());
        }
        Ok(stats)
    }

    /// The table `bronze.ga_sessions` as `who` sees it now, to look into.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such table.
    pub async fn look(&self, who: &Identity, table: &str) -> Result<Look> {
        let found = self.inner.all_tables().into_iter().find(|t| t.full_name() == table && t.exists());
        let found = found.ok_or_else(|| {
            let name: String = table.chars().take(80).collect();
            Error::new(ErrorKind::NotFound, format!("There is no table '{name}'. The lake lists those that are there."))
        })?;
        let asking = browse::Asking {
            access: self.inner.access(who),
            tables: self.inner.all_tables(),
            memory: self.inner.config.query_memory,
            scratch: self.inner.config.data_dir.join("scratch"),
            threads: self.queries.handle()?,
        };
        Look::open(found, self.inner.footers.clone(), asking).await
    }

    /// Rises with every commit to any table: the key for caches of query results.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch.load(Ordering::SeqCst)
    }

    /// Dry run of [`Lake::purge`]: what would go from the ingestion bucket and each table. `customers` are the known ones.
    pub async fn purge_plan(&self, scope: &Scope, customers: &[String]) -> Result<Vec<PurgeItem>> {
        Ok(self.purge_plans(std::slice::from_ref(scope), customers).await?.pop().unwrap_or_default())
    }

    /// [`Lake::purge_plan`] of each of these scopes; buckets and folders are listed once for all of them.
    pub async fn purge_plans(&self, scopes: &[Scope], customers: &[String]) -> Result<Vec<Vec<PurgeItem>>> {
        let (inner, scopes, known) = (self.inner.clone(), scopes.to_vec(), self.known(customers));
        self.work
            .run(async move {
                let bucket = &inner.names.ingestion;
                let objects = ingestion::plan(inner.objects.as_ref(), bucket, &scopes, &known).await?;
                let mut items: Vec<Vec<PurgeItem>> = objects.into_iter().map(|item| vec![item]).collect();
                let tables = inner.all_tables();
                let plans: Vec<_> = tables.iter().map(|table| purge::plan_table(table, &scopes)).collect();
                let mut plans = futures::stream::iter(plans).buffered(AT_ONCE);
                while let Some(of_table) = plans.try_next().await? {
                    items.iter_mut().zip(of_table).for_each(|(items, item)| items.push(item));
                }
                Ok(items)
            })
            .await
    }

    /// Removes the scope from one place (`ingestion`, `bronze`, `silver`, `gold`, `warehouse`): log and files. Idempotent, resumable.
    /// In gold and silver nothing of the scope stays; tables that span days are recomputed from what is left.
    /// `customers` are the known ones: what others left in the ingestion bucket is not ours to delete.
    pub async fn purge(
        &self,
        place: &str,
        scope: &Scope,
        customers: &[String],
        run_id: &str,
    ) -> Result<Vec<PurgeItem>> {
        let (inner, scope, known) = (self.inner.clone(), scope.clone(), self.known(customers));
        let (place, run_id) = (place.to_owned(), run_id.to_owned());
        if place == Zone::Bronze.name() && !inner.read_only {
            self.jobs.forget(&scope).await?;
        }
        self.work.run(async move { inner.purge(&place, &scope, &known, &run_id).await }).await
    }

    /// Objects in the ingestion and datalake buckets that are neither ours nor a known customer's.
    pub async fn foreign(&self, customers: &[String]) -> Result<Vec<ForeignObject>> {
        let (inner, known) = (self.inner.clone(), self.known(customers));
        self.work
            .run(async move {
                let mut found = ingestion::stray(inner.objects.as_ref(), &inner.names.ingestion, &known).await?;
                found.extend(foreign::in_datalake(&inner.home, &inner.all_tables()).await?);
                Ok(found)
            })
            .await
    }

    /// One checksum over names and contents of the whole source bucket, and its objects. With `read` every byte is read, for proof;
    /// else only objects that are not known in this generation.
    pub async fn source_checksum(&self, read: bool) -> Result<(String, u64)> {
        if read {
            self.inner.checksums.forget();
        }
        ingestion::source_checksum(self.inner.objects.as_ref(), &self.inner.names.source, &self.inner.checksums).await
    }

    /// One checksum over every table's schema, partitioning and clustering.
    pub async fn schema_checksum(&self) -> Result<String> {
        let mut checksum = 0;
        for table in self.inner.all_tables() {
            let shape = table.shape_in_log().await?;
            checksum = crc32c::crc32c_append(checksum, &(shape.len() as u64).to_le_bytes());
            checksum = crc32c::crc32c_append(checksum, shape.as_bytes());
        }
        for shape in self.inner.served_shapes().await? {
            checksum = crc32c::crc32c_append(checksum, shape.as_bytes());
        }
        Ok(format!("{checksum:08x}"))
    }

    fn known(&self, customers: &[String]) -> Known {
        Known { customers: customers.to_vec(), datasets: self.datasets() }
    }
}

impl Inner {
    fn table(&self, zone: Zone, name: &str) -> Result<Arc<Table>> {
        let found = self.tables.iter().find(|t| t.shape.zone == zone && t.shape.name == name).cloned();
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("There is no table {}.{name}.", zone.name())))
    }

    fn zone(&self, zone: Zone) -> Vec<Arc<Table>> {
        self.tables.iter().filter(|t| t.shape.zone == zone).cloned().collect()
    }

    fn all_tables(&self) -> Vec<Arc<Table>> {
        let mut all = self.tables.clone();
        all.extend(self.defined.tables());
        // In the order of the flow, whoever defined them.
        all.sort_by_key(|table| table.shape.zone);
        all.extend(self.warehouse.handles());
        all
    }

    fn gold(&self) -> Gold {
        Gold { silver: self.zone(Zone::Silver), tables: self.zone(Zone::Gold) }
    }

    async fn purge(&self, place: &str, scope: &Scope, known: &Known, run_id: &str) -> Result<Vec<PurgeItem>> {
        if self.read_only {
            return Err(read_only());
        }
        if place == ingestion::PLACE {
            let gone = ingestion::purge(self.objects.as_ref(), &self.names.ingestion, scope, known).await?;
            self.forget_past_of_customers(scope, known).await?;
            return Ok(vec![gone]);
        }
        let zone = Zone::ALL.into_iter().find(|z| z.name() == place).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("There is no place `{place}`: choose ingestion, bronze, silver, gold or warehouse."),
            )
        })?;
        let tables: Vec<_> = self.all_tables().into_iter().filter(|table| table.shape.zone == zone).collect();
        let items = purge::purge_tables(&tables, scope, run_id).await?;
        if zone == Zone::Warehouse {
            self.level_served(&tables, run_id).await?;
        }
        if let (Zone::Gold, Scope::Days(days)) = (zone, scope) {
            let gold = self.gold();
            let mut customers: BTreeMap<&str, Vec<chrono::NaiveDate>> = BTreeMap::new();
            for day in days.iter().filter(|day| day.dataset == GA_SESSIONS) {
                customers.entry(&day.customer).or_default().push(day.date);
            }
            for (customer, dates) in customers {
                gold.recompute_without(run_id, customer, &dates).await?;
            }
            // Replaced versions hold what the days contributed.
            for table in gold.tables.iter().filter(|t| spans(t)) {
                let _writer = table.writer().await;
                let keys: Vec<_> = days.iter().map(|d| crate::gold::spanning_partition(&d.customer)).collect();
                table.delete_unreferenced(&table.disk_files_in(&keys).await?, &table.current().await?.files).await?;
            }
        }
        self.forget_past_of_zone(zone).await?;
        Ok(items)
    }
}

fn read_only() -> Error {
    Error::new(ErrorKind::Invalid, "The data folder was opened for queries only.")
}

fn timed_out(limits: QueryLimits) -> Error {
    let seconds = limits.timeout.as_secs_f64();
    Error::new(
        ErrorKind::Timeout,
        format!("The query took longer than {seconds} seconds and was stopped. Ask for fewer days or columns."),
    )
}

fn distinct(days: &[Day]) -> Vec<Day> {
    let mut days = days.to_vec();
    days.sort();
    days.dedup();
    days
}
