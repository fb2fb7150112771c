//! The warehouse on BigQuery.

use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use showrunner_lake::clock::{Clock, system_clock};
use showrunner_lake::model::TableOutcome;
use showrunner_lake::ports::{Objects, Warehouse, WarehouseTable};
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::sync::OnceCell;

use self::jobs::{Jobs, job_id, nonce};
use self::write::Writer;
use crate::rest::{Pace, Rest};
use crate::{Access, GcpConfig};

mod datasets;
mod enforced;
mod extract;
mod jobs;
mod load;
mod policies;
mod query;
mod rows;
mod serving;
mod tables;
mod types;
mod write;

pub use datasets::Dataset;
pub(crate) use enforced::data_policy_prefix;
pub use policies::{Masking, RowPolicy};
pub use query::{Answer, QueryCost, QueryLimits};

/// Where a [`BigQueryWarehouse`] keeps things, and how long it waits.
#[derive(Debug, Clone)]
pub struct WarehouseOptions {
    /// The dataset with the tables.
    pub dataset: String,
    /// The bucket for files on their way into a table, at the dataset's location.
    pub bucket: String,
    /// The prefix of those files; what is below it may be deleted by a lifecycle rule of the bucket after a day.
    pub prefix: String,
    /// The dataset for rows on their way into a table. Whoever may read it sees rows that the tables' row access policies hide, for as
    /// long as a load takes; so it is another than `dataset` where tables have any.
    pub staging_dataset: String,
    /// How long a job may take; then it is cancelled.
    pub job_deadline: Duration,
    /// How long BigQuery may still work at rows that a process had sent when it died.
    pub unfinished: Duration,
    /// How often and how long each request is tried.
    pub pace: Pace,
}

impl WarehouseOptions {
    /// The usual: staging beside the tables, and ten minutes for a job.
    pub fn new(dataset: &str, bucket: &str) -> WarehouseOptions {
        WarehouseOptions {
            dataset: dataset.to_owned(),
            bucket: bucket.to_owned(),
            prefix: "zone/staging/loads".to_owned(),
            staging_dataset: dataset.to_owned(),
            job_deadline: Duration::from_secs(600),
            unfinished: Duration::from_secs(5),
            pace: Pace::default(),
        }
    }
}

/// One BigQuery dataset as the lake's warehouse, and what BigQuery can do besides: queries as somebody, extracts, policies.
///
/// # How a load keeps the port's promises
/// A load job into `table$YYYYMMDD` replaces one partition atomically, but a call may have many dates, and BigQuery has no load job over
/// several partitions that leaves the others alone. So the rows of all dates go by one load job into a table of their own that nobody
/// reads (a load job costs nothing), and from there by one statement:
///
/// ```sql
/// MERGE INTO target USING staged ON FALSE
/// WHEN NOT MATCHED BY SOURCE AND target.date IN (…) THEN DELETE
/// WHEN NOT MATCHED BY TARGET THEN INSERT …
/// ```
///
/// Google documents this form (`ON FALSE`, the 'constant false predicate') for replacing rows atomically, without a join and reading only
/// the partitions named. One statement is chosen over `BEGIN TRANSACTION; DELETE; INSERT; COMMIT` since it is one job: one id, one
/// end, nothing to roll back. It keeps schema, labels, and policies, none of which `WRITE_TRUNCATE` promises; it empties dates without rows;
/// and readers see all dates of a call before it or after it. It costs the bytes of the staged table and of the partitions replaced. Where
/// the table has row access policies, whoever loads needs one of `TRUE`, or deletes nothing.
///
/// The statement's job id follows from table and `job`: the commit point. Its presence says that the rows are in, so that a repeat, after a
/// crash or by another process, does nothing. It holds the table's creation time as well, since ids outlive tables.
#[derive(Clone)]
pub struct BigQueryWarehouse {
    jobs: Jobs,
    writer: Arc<Writer>,
    objects: Arc<dyn Objects>,
    show: String,
    /// Our own account at BigQuery, once it is known.
    account: Arc<OnceCell<String>>,
    options: Arc<WarehouseOptions>,
    clock: Clock,
}

impl std::fmt::Debug for BigQueryWarehouse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BigQueryWarehouse")
            .field("jobs", &self.jobs)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl BigQueryWarehouse {
    /// A dataset of the project, with a bucket to stage files in. Nothing is asked of Google yet.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for names that BigQuery does not allow; those of [`Rest::new`].
    pub fn new(
        config: &GcpConfig,
        access: &Access,
        objects: Arc<dyn Objects>,
        options: WarehouseOptions,
    ) -> Result<BigQueryWarehouse> {
        check_name("dataset", &options.dataset)?;
        check_name("dataset", &options.staging_dataset)?;
        let writer = write::writer(&config.endpoints.bigquery_grpc, access, options.pace);
        let endpoint = &config.endpoints.bigquery;
        let (access, account) = match endpoint.is_anonymous() {
            true => (Access::anonymous(), Some(enforced::ANONYMOUS.to_owned())),
            false => (access.clone(), config.impersonate.clone()),
        };
        let labels = config.labels().into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        let jobs = Jobs {
            rest: Rest::new(endpoint, "bigquery/v2", access, options.pace)?,
            project: config.project.clone(),
            location: config.location.clone(),
            labels,
            deadline: options.job_deadline,
        };
        Ok(BigQueryWarehouse {
            jobs,
            writer,
            objects,
            show: config.show.clone(),
            account: Arc::new(OnceCell::new_with(account)),
            options: Arc::new(options),
            clock: system_clock(),
        })
    }

    /// With another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> BigQueryWarehouse {
        BigQueryWarehouse { clock, ..self }
    }

    /// `p.d.t` for SQL, quoted.
    fn quoted(&self, dataset: &str, table: &str) -> String {
        format!("`{}.{dataset}.{table}`", self.jobs.project)
    }

    /// A table of the dataset for SQL, quoted.
    fn target(&self, table: &str) -> String {
        self.quoted(&self.options.dataset, table)
    }

    /// A table's name for people.
    fn shown(&self, table: &str) -> String {
        format!("{}.{table}", self.options.dataset)
    }

    fn reference(&self, dataset: &str, table: &str) -> Value {
        json!({"projectId": self.jobs.project, "datasetId": dataset, "tableId": table})
    }

    fn labels(&self) -> &Map<String, Value> {
        &self.jobs.labels
    }

    /// Runs a statement under an id that nobody else has.
    async fn statement(&self, action: &str, what: &str, sql: &str) -> Result<Value> {
        self.jobs.statement(action, &job_id(what, &[&nonce()]), sql).await
    }
}

/// Names stand in SQL and in addresses; so only what BigQuery's own ids are made of is let through.
fn check_name(what: &str, name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && name.len() <= 1024
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if fine {
        return Ok(());
    }
    let message = format!("{name:?} is no name for a {what} of BigQuery. Use letters, digits, _ and -.");
    Err(Error::new(ErrorKind::Invalid, message))
}

/// An identifier in SQL.
fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

/// A string in SQL.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n").replace('\r', "\\r");
    format!("'{escaped}'")
}

/// Dates in SQL, as constants: partitions are only pruned by those.
fn dates(dates: impl Iterator<Item = NaiveDate>) -> String {
    dates.map(|date| format!("DATE '{date}'")).collect::<Vec<_>>().join(", ")
}

#[async_trait]
impl Warehouse for BigQueryWarehouse {
    async fn create_table(&self, table: &WarehouseTable) -> Result<()> {
        self.create(table).await
    }

    async fn table(&self, name: &str) -> Result<WarehouseTable> {
        tables::described(name, &self.stored(name).await?)
    }

    async fn load(
        &self,
        name: &str,
        job: &str,
        partitions: Vec<(NaiveDate, Vec<RecordBatch>)>,
    ) -> Result<TableOutcome> {
        self.load_rows(name, job, partitions).await
    }

    async fn partitions(&self, name: &str) -> Result<Vec<(NaiveDate, u64)>> {
        self.counted(name, None).await
    }

    async fn truncate(&self, name: &str) -> Result<()> {
        self.empty(name).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_sql_cannot_leave_its_quotes() {
        assert_eq!(literal("it's \\ a\nline"), r"'it\'s \\ a\nline'");
        assert_eq!(identifier("a`b"), r"`a\`b`");
        for bad in ["", "a`b", "a.b", "t$20170701", "ü", "a b"] {
            assert_eq!(check_name("table", bad).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad:?}");
        }
        assert!(check_name("table", "ga_sessions-1").is_ok());
    }
}
