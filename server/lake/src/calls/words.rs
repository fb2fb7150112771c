//! What an operation is called: its method, what it was called on, and as it can be shown and copied.

use super::*;
use crate::model::Scope;

/// Calls of one shape that are kept one by one; further ones are counted.
const KEPT: usize = 12;
/// The same for SQL, whose text is long and the same each time.
const KEPT_SQL: usize = 3;

impl Operation {
    /// What was called here: port and method, `objects.put`.
    pub fn method(&self) -> &'static str {
        match self {
            Operation::CreateBucket(_) => "objects.create_bucket",
            Operation::PutObject(_) => "objects.put",
            Operation::UploadObject(_) => "objects.put_stream",
            Operation::GetObject(_) => "objects.get",
            Operation::HeadObject(_) => "objects.head",
            Operation::ListObjects(_) => "objects.list",
            Operation::CopyObject(_) => "objects.copy",
            Operation::DeleteObject(_) => "objects.delete",
            Operation::ChecksumObject(_) => "objects.crc32c",
            Operation::SweepBucket(_) => "objects.sweep",
            Operation::DeleteVersions(_) => "objects.delete_versions",
            Operation::CreateSubscription(_) => "topics.create",
            Operation::Publish(_) => "topics.publish",
            Operation::Pull(_) => "topics.pull",
            Operation::Acknowledge(_) => "topics.acknowledge",
            Operation::ModifyAckDeadline(_) => "topics.modify_ack_deadline",
            Operation::Seek(_) => "topics.seek",
            Operation::Backlog(_) => "topics.backlog",
            Operation::ReadFile(_) => "bronze.read",
            Operation::Transform(_) => "sql.transform",
            Operation::Commit(_) => "delta.commit",
            Operation::Purge(_) => "delta.purge",
            Operation::Load(_) => "warehouse.load",
            Operation::Truncate(_) => "warehouse.truncate",
            Operation::AppendRows(_) => "warehouse.append",
            Operation::SettleRows(_) => "warehouse.settle",
            Operation::CreateTable(_) => "warehouse.create_table",
            Operation::ChangePolicy(_) => "sql.change_policy",
            Operation::Query(_) => "sql.query",
        }
    }

    /// Its kind.
    pub fn kind(&self) -> CallKind {
        match self.method().split_once('.').map_or("", |(port, _)| port) {
            "objects" => CallKind::Objects,
            "topics" => CallKind::Messages,
            "sql" => CallKind::Sql,
            _ => CallKind::Tables,
        }
    }

    /// What it was called on, as one line.
    pub fn resource(&self) -> String {
        let object =
            |o: &ObjectName| if o.bucket.is_empty() { o.key.clone() } else { format!("{}/{}", o.bucket, o.key) };
        match self {
            Operation::CreateBucket(CreateBucket { bucket }) | Operation::SweepBucket(SweepBucket { bucket }) => {
                bucket.clone()
            }
            Operation::PutObject(PutObject { object: o, .. })
            | Operation::UploadObject(UploadObject { object: o })
            | Operation::GetObject(GetObject { object: o })
            | Operation::HeadObject(HeadObject { object: o })
            | Operation::DeleteObject(DeleteObject { object: o })
            | Operation::ChecksumObject(ChecksumObject { object: o }) => object(o),
            Operation::ListObjects(ListObjects { bucket, prefix })
            | Operation::DeleteVersions(DeleteVersions { bucket, prefix }) => format!("{bucket}/{prefix}"),
            Operation::CopyObject(CopyObject { from, to }) => format!("{} → {}", object(from), object(to)),
            Operation::CreateSubscription(CreateSubscription { subscription, .. })
            | Operation::Pull(Pull { subscription, .. })
            | Operation::Acknowledge(Acknowledge { subscription, .. })
            | Operation::ModifyAckDeadline(ModifyAckDeadline { subscription, .. })
            | Operation::Seek(Seek { subscription, .. })
            | Operation::Backlog(Backlog { subscription }) => subscription.clone(),
            Operation::Publish(Publish { topic, .. }) => topic.clone(),
            Operation::ReadFile(ReadFile { file, .. }) => object(file),
            Operation::Transform(Transform { zone, name, .. }) => format!("{}.{name}", zone.name()),
            Operation::Commit(Commit { zone, table, .. }) | Operation::Purge(Purge { zone, table, .. }) => {
                format!("{}.{table}", zone.name())
            }
            Operation::Load(Load { table, .. })
            | Operation::Truncate(Truncate { table })
            | Operation::AppendRows(AppendRows { table })
            | Operation::SettleRows(SettleRows { table }) => format!("warehouse.{table}"),
            Operation::CreateTable(CreateTable { table }) => format!("warehouse.{}", table.name),
            Operation::ChangePolicy(ChangePolicy { statement }) => beginning(&statement.sql()),
            Operation::Query(Query { sql, .. }) => beginning(sql),
        }
    }

    /// What ran here, as it can be shown and copied: the call with its arguments, or the SQL.
    pub fn here(&self) -> String {
        let call = |arguments: String| format!("{}({arguments})", self.method());
        match self {
            Operation::PutObject(PutObject { object, size, only_new }) => {
                let when = if *only_new { ", only if absent" } else { "" };
                call(format!("{}, {}, {size} bytes{when}", object.bucket, object.key))
            }
            Operation::CopyObject(CopyObject { from, to }) => {
                call(format!("{}, {} → {}, {}", from.bucket, from.key, to.bucket, to.key))
            }
            Operation::UploadObject(UploadObject { object: o })
            | Operation::GetObject(GetObject { object: o })
            | Operation::HeadObject(HeadObject { object: o })
            | Operation::DeleteObject(DeleteObject { object: o })
            | Operation::ChecksumObject(ChecksumObject { object: o }) => call(format!("{}, {}", o.bucket, o.key)),
            Operation::ListObjects(ListObjects { bucket, prefix })
            | Operation::DeleteVersions(DeleteVersions { bucket, prefix }) => {
                call(format!("{bucket}, prefix {prefix:?}"))
            }
            Operation::CreateSubscription(CreateSubscription { topic, subscription }) => {
                call(format!("{topic}, {subscription}"))
            }
            Operation::Publish(Publish { topic, attributes }) => {
                let attributes = attributes.iter().map(|(k, v)| format!("{k}={v}"));
                call(std::iter::once(topic.clone()).chain(attributes).collect::<Vec<_>>().join(", "))
            }
            Operation::Pull(Pull { subscription, max }) => call(format!("{subscription}, at most {max}")),
            Operation::Acknowledge(Acknowledge { subscription, ids, more }) => {
                call(format!("{subscription}, [{}]", listed(ids, *more)))
            }
            Operation::ModifyAckDeadline(ModifyAckDeadline { subscription, ids, more, seconds }) => {
                call(format!("{subscription}, [{}], {seconds} s", listed(ids, *more)))
            }
            Operation::ReadFile(ReadFile { table, date, customer, .. }) => {
                call(format!("{} → bronze.{table}, {date}, {customer}", self.resource()))
            }
            Operation::ChangePolicy(ChangePolicy { statement }) => statement.sql(),
            Operation::Transform(Transform { sql, .. }) | Operation::Query(Query { sql, .. }) => {
                sql.trim_end().to_owned()
            }
            Operation::Commit(Commit { delta, version, added, removed, partitions, .. }) => {
                let mut text = call(format!(
                    "{}, version {version}, {delta}: + {added} files, - {removed} files",
                    self.resource()
                ));
                for partition in partitions {
                    text.push_str("\n  ");
                    text.push_str(partition);
                }
                text
            }
            Operation::Purge(Purge { scope, .. }) => {
                let scope = match scope {
                    Scope::All => "everything".to_owned(),
                    Scope::Stream => "everything streamed".to_owned(),
                    Scope::Customer(customer) => customer.clone(),
                    Scope::Dataset(dataset) => format!("all of {dataset}"),
                    Scope::Days(days) => {
                        days.iter().map(|d| format!("{} {}", d.customer, d.date)).collect::<Vec<_>>().join(", ")
                    }
                };
                call(format!("{}, {scope}", self.resource()))
            }
            Operation::Load(Load { table, job, partitions }) => {
                let dates: Vec<_> = partitions.iter().map(|p| format!("{table}${}", p.date.format("%Y%m%d"))).collect();
                call(format!("{}, WRITE_TRUNCATE, job {job}", dates.join(" ")))
            }
            Operation::CreateBucket(_)
            | Operation::SweepBucket(_)
            | Operation::Seek(_)
            | Operation::Backlog(_)
            | Operation::Truncate(_)
            | Operation::AppendRows(_)
            | Operation::SettleRows(_)
            | Operation::CreateTable(_) => call(self.resource()),
        }
    }

    /// What it does, where that is more than its method says.
    pub fn title(&self) -> Option<String> {
        match self {
            Operation::Transform(Transform { title, of, .. }) if of.is_empty() => Some(title.clone()),
            Operation::Transform(Transform { title, of, .. }) => Some(format!("{title} ({of})")),
            _ => None,
        }
    }

    /// Calls of the same shape do the same to another thing of the same kind: the same method on the same bucket, topic or table.
    pub(super) fn shape(&self) -> String {
        let of = match self {
            Operation::PutObject(PutObject { object, .. })
            | Operation::UploadObject(UploadObject { object })
            | Operation::GetObject(GetObject { object })
            | Operation::HeadObject(HeadObject { object })
            | Operation::DeleteObject(DeleteObject { object })
            | Operation::ChecksumObject(ChecksumObject { object }) => object.bucket.clone(),
            Operation::ListObjects(ListObjects { bucket, .. })
            | Operation::DeleteVersions(DeleteVersions { bucket, .. }) => bucket.clone(),
            Operation::CopyObject(CopyObject { from, to }) => format!("{} {}", from.bucket, to.bucket),
            Operation::ReadFile(ReadFile { table, .. }) => table.clone(),
            Operation::Transform(Transform { title, .. }) => format!("{} {title}", self.resource()),
            Operation::Query(_) | Operation::ChangePolicy(_) => String::new(),
            Operation::CreateBucket(_)
            | Operation::SweepBucket(_)
            | Operation::CreateSubscription(_)
            | Operation::Publish(_)
            | Operation::Pull(_)
            | Operation::Acknowledge(_)
            | Operation::ModifyAckDeadline(_)
            | Operation::Seek(_)
            | Operation::Backlog(_)
            | Operation::Commit(_)
            | Operation::Purge(_)
            | Operation::Load(_)
            | Operation::Truncate(_)
            | Operation::AppendRows(_)
            | Operation::SettleRows(_)
            | Operation::CreateTable(_) => self.resource(),
        };
        format!("{} {of}", self.method())
    }

    /// How many of the same shape are kept one by one.
    pub(super) fn kept(&self) -> usize {
        if matches!(self, Operation::Transform(_)) { KEPT_SQL } else { KEPT }
    }
}

/// Ids, and how many more there were.
fn listed(ids: &[String], more: u64) -> String {
    let ids = ids.join(", ");
    if more > 0 { format!("{ids} and {more} more") } else { ids }
}

/// A statement's first words.
fn beginning(sql: &str) -> String {
    sql.split_whitespace().take(12).collect::<Vec<_>>().join(" ")
}
