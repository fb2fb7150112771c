//! A warehouse elsewhere that serves what the lake keeps, after BigQuery.

use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use super::Warehouse;
use crate::Result;
use crate::policy::{Grantee, Rule};

/// A query that BigQuery itself answers.
#[derive(Clone)]
pub struct Question {
    /// In GoogleSQL. Tables without a dataset are those of the warehouse.
    pub sql: String,
    /// The access token of the person who asks, so that policies apply to that person; `None`: the product's own, for SELECT alone.
    pub token: Option<String>,
    /// Rows fetched at most; the answer says when there were more.
    pub rows: usize,
    /// From sending it to the last row; then it is cancelled.
    pub timeout: Duration,
    /// The query is refused, free of charge, when it would bill more bytes than this.
    pub maximum_bytes_billed: Option<u64>,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is a secret.
        f.debug_struct("Question").field("sql", &self.sql).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The answer to a [`Question`].
#[derive(Debug, Clone)]
pub struct Served {
    /// Its rows, in batches: at least one, possibly empty, for the schema.
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than were asked for.
    pub cut: bool,
    /// The job's id.
    pub job: String,
    /// Bytes read.
    pub bytes_processed: u64,
    /// Bytes paid for: rounded up, and nothing for what comes from the cache.
    pub bytes_billed: u64,
    /// Whether the answer came from the cache.
    pub cache_hit: bool,
}

/// What of the product's policies stands on a table of the warehouse. With any in `rows`, whoever none of them lets in sees no rows; who is
/// named at no level of a column may not read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TablePolicies {
    /// Row access policies.
    pub rows: Vec<ServedRows>,
    /// Columns that data policies stand on, by name or by a kind of data.
    pub columns: Vec<ServedColumn>,
}

/// A row access policy as the warehouse elsewhere is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRows {
    /// Its name in the product, unique within the table.
    pub id: String,
    /// A condition in GoogleSQL. Tables of the warehouse in it stand as in [`ServingWarehouse::create_view`].
    pub filter: String,
    /// Whom it lets in, sorted; with nobody it only hides.
    pub grantees: Vec<Grantee>,
}

/// Who sees a column how: as it is before any mask, and of masks the first in [`Rule`]'s order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedColumn {
    /// Its name; fields of records as `record.field`.
    pub column: String,
    /// Who sees it as it is, sorted.
    pub raw: Vec<Grantee>,
    /// Who sees it masked, and how, each rule once.
    pub masked: Vec<(Rule, Vec<Grantee>)>,
}

/// A warehouse elsewhere. The lake loads it from its own tables, and streams into it.
#[async_trait]
pub trait ServingWarehouse: Warehouse {
    /// Its name for people and for SQL, `project.dataset`.
    fn dataset(&self) -> String;

    /// Appends rows, in the order of the table's columns; queries see them when this returns. After an error they may be in the table, and
    /// may come into it until [`ServingWarehouse::settle`] has returned. One caller at a time for each table.
    async fn append(&self, table: &str, rows: &RecordBatch) -> Result<()>;

    /// When this has returned, what was appended before is in the table or never will be.
    async fn settle(&self, table: &str) -> Result<()>;

    /// These columns of all rows, as the product sees them.
    async fn columns(&self, table: &str, columns: &[&str]) -> Result<Vec<RecordBatch>>;

    /// Makes or replaces a view. Tables of the warehouse stand in `sql` after FROM or JOIN, in backticks and without a dataset:
    /// ``SELECT * FROM `ga_sessions` ``; they have to be there. Subqueries of WITH stand without backticks.
    async fn create_view(&self, name: &str, sql: &str) -> Result<()>;

    /// Answers a query.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] and [`crate::ErrorKind::NotFound`] for what is wrong with it, [`crate::ErrorKind::Denied`],
    /// [`crate::ErrorKind::Timeout`], [`crate::ErrorKind::TooLarge`] beyond `maximum_bytes_billed`.
    async fn ask(&self, question: Question) -> Result<Served>;

    /// Makes the product's policies on a table what is wanted, whatever they were; those of others stay. The product's own account sees
    /// everything all the same. On the way there nobody sees what neither the policies before nor those wanted show. After an error some
    /// may be in force: setting others again makes those of them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`] for what the warehouse refuses, [`crate::ErrorKind::Denied`] where the product may not.
    async fn set_policies(&self, table: &str, wanted: &TablePolicies) -> Result<()>;

    /// One checksum over schema, partitioning, clustering, policies and tags of a table: the same before and after it is emptied.
    async fn shape_checksum(&self, table: &str) -> Result<String>;

    /// Deletes what loads of processes that died have left on its way into tables. Returns how many files went.
    async fn sweep(&self) -> Result<u64>;

    /// Deletes a table or a view with all that is in it; fine if it is not there.
    async fn drop_table(&self, table: &str) -> Result<()>;
}
