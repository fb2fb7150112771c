//! What can be executed, one type for each operation.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::QueryLimits;
use crate::model::{FileRef, Scope, Zone};
use crate::policy::Statement;
use crate::ports::WarehouseTable;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
}

impl ObjectName {
    /// The object `key` of `bucket`.
    pub fn new(bucket: &str, key: &str) -> ObjectName {
        ObjectName { bucket: bucket.to_owned(), key: key.to_owned() }
    }
}

/// Where a [`Seek`] goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeekTo {
    /// Everything published until now is dropped; the moment by our clock.
    Now(DateTime<Utc>),
    /// What was published before is dropped, what came later comes again.
    Time(DateTime<Utc>),
    /// As it was when this snapshot was taken.
    Snapshot(String),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
            pub struct $name { $($(#[$field_doc])* pub $field: $kind),+ }

            impl From<$name> for Operation {
                fn from(operation: $name) -> Operation {
                    Operation::$name(operation)
                }
            }
        )+

        /// Something that was executed.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "operation", rename_all = "snake_case")]
        pub enum Operation { $($(#[$doc])* $name($name)),+ }
    };
}

operations! {
    /// A bucket is created.
    CreateBucket {
        /// Bucket.
        bucket: String,
    }
    /// An object is written in one piece.
    PutObject {
        /// The object.
        object: ObjectName,
        /// Bytes of its content.
        size: u64,
        /// Only if there is none of this name.
        only_new: bool,
    }
    /// An object is written from a stream.
    UploadObject {
        /// The object.
        object: ObjectName,
    }
    /// An object is read.
    GetObject {
        /// The object.
        object: ObjectName,
    }
    /// An object's metadata is read.
    HeadObject {
        /// The object.
        object: ObjectName,
    }
    /// The objects below a prefix are listed.
    ListObjects {
        /// Bucket.
        bucket: String,
        /// Beginning of the keys.
        prefix: String,
    }
    /// An object is copied by the store.
    CopyObject {
        /// From here.
        from: ObjectName,
        /// To here.
        to: ObjectName,
    }
    /// An object is deleted.
    DeleteObject {
        /// The object.
        object: ObjectName,
    }
    /// An object's checksum is read.
    ChecksumObject {
        /// The object.
        object: ObjectName,
    }
    /// Leftovers of interrupted writes are removed.
    SweepBucket {
        /// Bucket.
        bucket: String,
    }
    /// Older versions of objects are deleted.
    DeleteVersions {
        /// Bucket.
        bucket: String,
        /// Beginning of the keys.
        prefix: String,
    }
    /// A topic and a subscription to it are created.
    CreateSubscription {
        /// Topic.
        topic: String,
        /// Subscription.
        subscription: String,
    }
    /// A message is published.
    Publish {
        /// Topic.
        topic: String,
        /// Those attributes that say what it is about.
        attributes: BTreeMap<String, String>,
    }
    /// Messages are taken.
    Pull {
        /// Subscription.
        subscription: String,
        /// At most.
        max: u64,
    }
    /// Messages are acknowledged.
    Acknowledge {
        /// Subscription.
        subscription: String,
        /// The deliveries; in a note the first of them.
        ids: Vec<String>,
        /// How many more there were.
        #[serde(default)]
        more: u64,
    }
    /// Messages get another deadline; with 0 seconds they are given back.
    ModifyAckDeadline {
        /// Subscription.
        subscription: String,
        /// The deliveries; in a note the first of them.
        ids: Vec<String>,
        /// How many more there were.
        #[serde(default)]
        more: u64,
        /// From now.
        seconds: u64,
    }
    /// A subscription goes to another place among its messages.
    Seek {
        /// Subscription.
        subscription: String,
        /// Where.
        to: SeekTo,
    }
    /// Waiting messages are counted.
    Backlog {
        /// Subscription.
        subscription: String,
    }
    /// A delivered file is read, checked and written as Parquet into its partition of bronze.
    ReadFile {
        /// The object, or the name of a file of this machine with an empty bucket.
        file: ObjectName,
        /// The table.
        table: String,
        /// The day that it was delivered for.
        date: NaiveDate,
        /// Whose.
        customer: String,
    }
    /// SQL of a transform.
    Transform {
        /// The zone that is computed.
        zone: Zone,
        /// The table, or the relation on the way to one.
        name: String,
        /// What it does, from the `.sql` file.
        title: String,
        /// The days and customer it is run for.
        of: String,
        /// As it was run.
        sql: String,
    }
    /// A version of a Delta table is committed.
    Commit {
        /// Zone.
        zone: Zone,
        /// Table.
        table: String,
        /// Delta's name for what the version does.
        delta: String,
        /// The version.
        version: i64,
        /// Files that are shown from here on.
        added: u64,
        /// Files that are not shown any more.
        removed: u64,
        /// Partitions concerned, as their folders (`date=2017-07-29/customer=customer01`).
        partitions: Vec<String>,
    }
    /// Rows go for good: out of the log in one commit, then their files.
    Purge {
        /// Zone.
        zone: Zone,
        /// Table.
        table: String,
        /// Which rows.
        scope: Scope,
    }
    /// Date partitions of a table of the warehouse are replaced.
    Load {
        /// Table.
        table: String,
        /// The caller's own job id.
        job: String,
        /// What each partition is loaded from.
        partitions: Vec<LoadedDate>,
    }
    /// A table of the warehouse is emptied.
    Truncate {
        /// Table.
        table: String,
    }
    /// Rows are appended to a table of the warehouse elsewhere.
    AppendRows {
        /// Table.
        table: String,
    }
    /// What was appended to a table of the warehouse elsewhere is in it, or never will be.
    SettleRows {
        /// Table.
        table: String,
    }
    /// A table of the warehouse is created.
    CreateTable {
        /// Its shape.
        table: WarehouseTable,
    }
    /// Policies change.
    ChangePolicy {
        /// How.
        statement: Statement,
    }
    /// A query of the zones.
    Query {
        /// Its text.
        sql: String,
        /// Rows returned at most.
        rows: u64,
        /// Seconds it may take.
        seconds: u64,
    }
}

/// A date partition that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedDate {
    /// The partition.
    pub date: NaiveDate,
    /// The files of `silver.sessions` whose rows it gets, relative to the table; `None` = rows that were handed over in memory.
    pub files: Option<Vec<String>>,
}

/// What kind of thing was executed, for filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    /// Objects and buckets.
    Objects,
    /// Topics and subscriptions.
    Messages,
    /// Files, commits and loads of tables.
    Tables,
    /// SQL.
    Sql,
}

impl CallKind {
    /// All kinds.
    pub const ALL: [CallKind; 4] = [CallKind::Objects, CallKind::Messages, CallKind::Tables, CallKind::Sql];

    /// The name in addresses and records.
    pub fn name(self) -> &'static str {
        match self {
            CallKind::Objects => "objects",
            CallKind::Messages => "messages",
            CallKind::Tables => "tables",
            CallKind::Sql => "sql",
        }
    }
}

impl ReadFile {
    /// Where the file lies. Of a file of this machine only the name is noted.
    pub(crate) fn source(file: &FileRef) -> ObjectName {
        match file {
            FileRef::Object(object) => ObjectName::new(&object.bucket, &object.key),
            FileRef::Local(path) => ObjectName::new("", &path.file_name().unwrap_or_default().to_string_lossy()),
        }
    }
}

impl Query {
    /// A query within these limits.
    pub fn new(sql: &str, limits: QueryLimits) -> Query {
        Query { sql: sql.to_owned(), rows: limits.rows as u64, seconds: limits.timeout.as_secs() }
    }
}
