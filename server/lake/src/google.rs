//! The Google call that an operation stands for: as REST, and as a command of gcloud, bq or curl. Pure functions of the typed value that
//! was executed; a new operation does not compile before it has its call here.

mod bigquery;
mod policies;
mod shell;
mod sql;

use serde_json::{Value, json};

use crate::Names;
use crate::calls::*;
use crate::keys::table_prefix;
use crate::model::Zone;
use bigquery::{field, loaded, query};
use shell::{argument, command, curl, encoded};

/// Stands for the reader's own project.
pub const PROJECT: &str = "PROJECT";
/// Where batches run.
pub const REGION: &str = "us-central1";
/// Where datasets lie: the public sample's own location.
pub const LOCATION: &str = "US";

/// What the names of a lake are in Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The lake's buckets and dataset.
    pub names: Names,
    /// The run, which names its batches.
    pub run: Option<String>,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Rest {
    /// `POST`
    pub verb: &'static str,
    /// With its query.
    pub url: String,
    /// JSON, if there is any.
    pub body: Option<Value>,
    /// What the body is where it is not JSON, in words.
    pub content: Option<&'static str>,
}

/// What an operation stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct GoogleCall {
    /// `storage`
    pub service: &'static str,
    /// `objects.insert`; empty where there is no call.
    pub method: &'static str,
    /// The request, or several (a load job for each date); none where there is no call.
    pub rest: Vec<Rest>,
    /// The same for a shell.
    pub command: String,
    /// Where the two differ, honestly.
    pub note: Option<String>,
}

impl Rest {
    fn new(verb: &'static str, url: String) -> Rest {
        Rest { verb, url, body: None, content: None }
    }

    fn json(verb: &'static str, url: String, body: Value) -> Rest {
        Rest { body: Some(body), ..Rest::new(verb, url) }
    }

    /// As it is sent.
    pub fn text(&self) -> String {
        let first = format!("{} {}", self.verb, self.url);
        match (&self.body, self.content) {
            (Some(body), _) => format!("{first}\nContent-Type: application/json\n\n{body:#}"),
            (None, Some(content)) => format!("{first}\n\n({content})"),
            (None, None) => first,
        }
    }
}

impl GoogleCall {
    fn new(service: &'static str, method: &'static str, rest: Rest, command: Option<String>) -> GoogleCall {
        let command = command.unwrap_or_else(|| curl(&rest));
        GoogleCall { service, method, rest: vec![rest], command, note: None }
    }

    fn none(service: &'static str, note: &str) -> GoogleCall {
        GoogleCall { service, method: "", rest: Vec::new(), command: String::new(), note: Some(note.to_owned()) }
    }

    fn noted(mut self, note: impl Into<String>) -> GoogleCall {
        self.note = Some(note.into());
        self
    }

    /// All requests, as they are sent.
    pub fn rest_text(&self) -> String {
        self.rest.iter().map(Rest::text).collect::<Vec<_>>().join("\n\n")
    }
}

/// The call that the operation stands for.
pub fn google(operation: &Operation, place: &Place) -> GoogleCall {
    match operation {
        Operation::CreateBucket(CreateBucket { bucket }) => GoogleCall::new(
            "storage",
            "buckets.insert",
            Rest::json(
                "POST",
                format!("{STORAGE}/b?project={PROJECT}"),
                json!({ "name": bucket, "location": LOCATION }),
            ),
            plain(bucket).then(|| {
                command(&["gcloud", "storage", "buckets", "create", &uri(bucket, ""), "--location=US"])
            }),
        ),
        Operation::PutObject(PutObject { object, size, only_new }) => put(object, *size, *only_new),
        Operation::UploadObject(UploadObject { object }) => {
            let url = format!("{UPLOAD}/b/{}/o?uploadType=resumable&name={}", encoded(&object.bucket), encoded(&object.key));
            let rest = Rest { content: Some("answered with a session address, to which the content is PUT"), ..Rest::new("POST", url) };
            let command = gcloud(object, |uri| command(&["gcloud", "storage", "cp", &file_of(&object.key), uri]));
            GoogleCall::new("storage", "objects.insert", rest, command)
        }
        Operation::GetObject(GetObject { object }) => GoogleCall::new(
            "storage",
            "objects.get",
            Rest::new("GET", format!("{}?alt=media", object_url(object))),
            gcloud(object, |uri| command(&["gcloud", "storage", "cat", uri])),
        ),
        Operation::HeadObject(HeadObject { object }) => GoogleCall::new(
            "storage",
            "objects.get",
            Rest::new("GET", object_url(object)),
            gcloud(object, |uri| command(&["gcloud", "storage", "objects", "describe", uri])),
        ),
        Operation::ListObjects(ListObjects { bucket, prefix }) => GoogleCall::new(
            "storage",
            "objects.list",
            Rest::new("GET", format!("{STORAGE}/b/{}/o?prefix={}", encoded(bucket), encoded(prefix))),
            (plain(bucket) && plain(prefix))
                .then(|| command(&["gcloud", "storage", "ls", "--long", &format!("{}**", uri(bucket, prefix))])),
        ),
        Operation::CopyObject(CopyObject { from, to }) => GoogleCall::new(
            "storage",
            "objects.rewrite",
            Rest::json(
                "POST",
                format!("{}/rewriteTo/b/{}/o/{}", object_url(from), encoded(&to.bucket), encoded(&to.key)),
                json!({}),
            ),
            gcloud(from, |from| from.to_owned())
                .zip(gcloud(to, |to| to.to_owned()))
                .map(|(from, to)| command(&["gcloud", "storage", "cp", &from, &to])),
        ),
        Operation::DeleteObject(DeleteObject { object }) => GoogleCall::new(
            "storage",
            "objects.delete",
            Rest::new("DELETE", object_url(object)),
            gcloud(object, |uri| command(&["gcloud", "storage", "rm", uri])),
        ),
        Operation::ChecksumObject(ChecksumObject { object }) => GoogleCall::new(
            "storage",
            "objects.get",
            Rest::new("GET", format!("{}?fields=crc32c", object_url(object))),
            gcloud(object, |uri| {
                command(&["gcloud", "storage", "objects", "describe", uri, "--format=value(crc32c_hash)"])
            }),
        ),
        Operation::SweepBucket(_) => GoogleCall::none(
            "storage",
            "Nothing to call: Cloud Storage shows no object before its upload is over, and forgets abandoned uploads by itself.",
        ),
        Operation::DeleteVersions(DeleteVersions { bucket, prefix }) => {
            let url = format!("{STORAGE}/b/{}/o?versions=true&prefix={}", encoded(bucket), encoded(prefix));
            GoogleCall::new("storage", "objects.list", Rest::new("GET", url), None)
                .noted("Those with a timeDeleted are older versions; each goes by objects.delete with its generation.")
        }
        Operation::CreateSubscription(CreateSubscription { topic, subscription }) => GoogleCall {
            service: "pubsub",
            method: "subscriptions.create",
            rest: vec![
                Rest::json("PUT", format!("{PUBSUB}/topics/{}", encoded(topic)), json!({})),
                Rest::json("PUT", subscription_url(subscription, ""), json!({ "topic": format!("projects/{PROJECT}/topics/{topic}") })),
            ],
            command: format!(
                "{}\n{}",
                command(&["gcloud", "pubsub", "topics", "create", topic]),
                command(&["gcloud", "pubsub", "subscriptions", "create", subscription, &format!("--topic={topic}")])
            ),
            note: None,
        },
        Operation::Publish(publish) => published(publish),
        Operation::Pull(Pull { subscription, max }) => GoogleCall::new(
            "pubsub",
            "subscriptions.pull",
            Rest::json("POST", subscription_url(subscription, ":pull"), json!({ "maxMessages": max })),
            Some(command(&["gcloud", "pubsub", "subscriptions", "pull", subscription, &format!("--limit={max}")])),
        ),
        Operation::Acknowledge(Acknowledge { subscription, ids, more }) => GoogleCall::new(
            "pubsub",
            "subscriptions.acknowledge",
            Rest::json("POST", subscription_url(subscription, ":acknowledge"), json!({ "ackIds": ids })),
            Some(command(&["gcloud", "pubsub", "subscriptions", "ack", subscription, &format!("--ack-ids={}", ids.join(","))])),
        )
        .noted(ack_ids(*more)),
        Operation::ModifyAckDeadline(ModifyAckDeadline { subscription, ids, more, seconds }) => GoogleCall::new(
            "pubsub",
            "subscriptions.modifyAckDeadline",
            Rest::json(
                "POST",
                subscription_url(subscription, ":modifyAckDeadline"),
                json!({ "ackIds": ids, "ackDeadlineSeconds": seconds }),
            ),
            Some(command(&[
                "gcloud",
                "pubsub",
                "subscriptions",
                "modify-message-ack-deadline",
                subscription,
                &format!("--ack-ids={}", ids.join(",")),
                &format!("--ack-deadline={seconds}"),
            ])),
        )
        .noted(ack_ids(*more)),
        Operation::Seek(Seek { subscription, to }) => {
            let (field, value) = match to {
                SeekTo::Now(time) | SeekTo::Time(time) => {
                    ("time", time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
                }
                SeekTo::Snapshot(name) => ("snapshot", format!("projects/{PROJECT}/snapshots/{name}")),
            };
            GoogleCall::new(
                "pubsub",
                "subscriptions.seek",
                Rest::json("POST", subscription_url(subscription, ":seek"), json!({ (field): value })),
                Some(command(&["gcloud", "pubsub", "subscriptions", "seek", subscription, &format!("--{field}={value}")])),
            )
            .noted("Pub/Sub may still deliver acknowledged messages for about a minute after a seek; here it takes effect at once.")
        }
        Operation::Backlog(Backlog { subscription }) => {
            let query = format!(
                "pubsub_googleapis_com:subscription_num_undelivered_messages{{monitored_resource=\"pubsub_subscription\",subscription_id=\"{subscription}\"}}"
            );
            let url = format!("https://monitoring.googleapis.com/v1/projects/{PROJECT}/location/global/prometheus/api/v1/query");
            GoogleCall::new("monitoring", "prometheus.api.v1.query", Rest::json("POST", url, json!({ "query": query })), None)
                .noted("Pub/Sub itself does not count what waits: Monitoring does, minutes late. The query is PromQL, of the newest value.")
        }
        Operation::ReadFile(ReadFile { file, table, date, customer }) => {
            let source = if file.bucket.is_empty() { file.key.clone() } else { uri(&file.bucket, &file.key) };
            let arguments = [
                format!("--source={source}"),
                format!("--table={}", uri(&place.names.datalake, table_prefix(Zone::Bronze, table).trim_end_matches('/'))),
                format!("--date={date}"),
                format!("--customer={customer}"),
            ];
            batch(place, Zone::Bronze, &arguments).noted("One batch reads all files of the step; this file is one of them.")
        }
        Operation::Transform(Transform { zone, name, of, .. }) => {
            let arguments = [
                format!("--sql={}", uri(&place.names.datalake, &format!("jobs/{}/{name}.sql", zone.name()))),
                format!("--of={of}"),
            ];
            batch(place, *zone, &arguments).noted(
                "One batch runs all SQL of the step, with Spark; this statement is one of them. The text is in the dialect of the engine here, DataFusion.",
            )
        }
        Operation::Commit(Commit { zone, table, version, .. }) => commit(place, *zone, table, *version),
        Operation::Purge(Purge { zone, table, scope }) => {
            let condition = sql::condition(*zone, scope);
            if *zone == Zone::Warehouse {
                let table = sql::name(&place.names.dataset, table);
                let statement = match condition {
                    None => format!("TRUNCATE TABLE {table}"),
                    Some(condition) => format!("DELETE FROM {table} WHERE {condition}"),
                };
                return query(&statement, None);
            }
            let arguments = [
                format!("--table={}", uri(&place.names.datalake, table_prefix(*zone, table).trim_end_matches('/'))),
                format!("--delete={}", condition.as_deref().unwrap_or("true")),
            ];
            batch(place, *zone, &arguments)
                .noted("A batch deletes the rows from the Delta table and then vacuums the files that no version needs.")
        }
        Operation::Load(load) => loaded(place, load),
        Operation::Truncate(Truncate { table }) => {
            query(&format!("TRUNCATE TABLE {}", sql::name(&place.names.dataset, table)), None)
                .noted("It keeps the schema, the partitioning and the clustering.")
        }
        Operation::AppendRows(_) => GoogleCall {
            method: "BigQueryWrite.AppendRows",
            ..GoogleCall::none(
                "bigquerystorage",
                "Storage Write, by gRPC alone: Arrow rows into a COMMITTED write stream of the table, each at the next offset, so that a row whose answer was lost comes once. No command does that; `bq insert` uses the older insertAll, where it may come twice.",
            )
        },
        Operation::SettleRows(_) => GoogleCall {
            method: "BigQueryWrite.FinalizeWriteStream",
            ..GoogleCall::none(
                "bigquerystorage",
                "Storage Write, by gRPC alone: the write stream takes nothing more, and says how many rows it has. No command does that.",
            )
        },
        Operation::CreateTable(CreateTable { table }) => {
            let dataset = &place.names.dataset;
            let fields: Vec<Value> = table.columns.iter().map(|(name, kind)| field(name, kind)).collect();
            let rest = Rest::json(
                "POST",
                format!("{BIGQUERY}/projects/{PROJECT}/datasets/{}/tables", encoded(dataset)),
                json!({
                    "tableReference": table_reference(dataset, &table.name),
                    "schema": { "fields": fields },
                    "timePartitioning": { "type": "DAY", "field": table.partition },
                    "clustering": { "fields": table.cluster },
                }),
            );
            GoogleCall::new("bigquery", "tables.insert", rest, None)
        }
        Operation::ChangePolicy(ChangePolicy { statement }) => policies::changed(statement),
        Operation::Query(Query { sql, rows, seconds }) => query(sql, Some((*rows, *seconds)))
            .noted("The zones stand for datasets of the same names; the text is in the dialect of the engine here, which differs from BigQuery's in places."),
    }
}

const STORAGE: &str = "https://storage.googleapis.com/storage/v1";
const UPLOAD: &str = "https://storage.googleapis.com/upload/storage/v1";
const PUBSUB: &str = "https://pubsub.googleapis.com/v1/projects/PROJECT";
const BIGQUERY: &str = "https://bigquery.googleapis.com/bigquery/v2";
const ACK_IDS: &str = "Pub/Sub gives each delivery an ackId of its own; here a message's number is used.";

/// What the ids are, and how many of them are not shown.
fn ack_ids(more: u64) -> String {
    if more > 0 { format!("{ACK_IDS} The call names {more} more.") } else { ACK_IDS.to_owned() }
}

fn uri(bucket: &str, key: &str) -> String {
    if key.is_empty() { format!("gs://{bucket}") } else { format!("gs://{bucket}/{key}") }
}

fn object_url(object: &ObjectName) -> String {
    format!("{STORAGE}/b/{}/o/{}", encoded(&object.bucket), encoded(&object.key))
}

fn subscription_url(subscription: &str, verb: &str) -> String {
    format!("{PUBSUB}/subscriptions/{}{verb}", encoded(subscription))
}

fn table_reference(dataset: &str, table: &str) -> Value {
    json!({ "projectId": PROJECT, "datasetId": dataset, "tableId": table })
}

/// Whether gcloud takes the name as it is: it reads `*`, `?` and `[` as patterns and `#` as the beginning of a generation, however they
/// are quoted.
fn plain(name: &str) -> bool {
    !name.contains(['*', '?', '[', ']', '#'])
}

/// A command of gcloud on an object; `None` where its name would be misread, then curl says it.
fn gcloud(object: &ObjectName, of: impl FnOnce(&str) -> String) -> Option<String> {
    (plain(&object.bucket) && plain(&object.key)).then(|| of(&uri(&object.bucket, &object.key)))
}

/// The file that is uploaded, in the folder where the command is given.
fn file_of(key: &str) -> String {
    format!("./{}", key.rsplit('/').next().unwrap_or(key))
}

fn put(object: &ObjectName, size: u64, only_new: bool) -> GoogleCall {
    let condition = if only_new { "&ifGenerationMatch=0" } else { "" };
    let url =
        format!("{UPLOAD}/b/{}/o?uploadType=media&name={}{condition}", encoded(&object.bucket), encoded(&object.key));
    let content = if size == 0 { "Content-Length: 0" } else { "the object's content" };
    let rest = Rest { content: Some(content), ..Rest::new("POST", url) };
    let command = gcloud(object, |uri| {
        let only = if only_new { " --if-generation-match=0" } else { "" };
        let uri = argument(uri);
        if size == 0 {
            // The marker: its name is its content.
            format!("printf '' | gcloud storage cp - {uri}{only}")
        } else {
            format!("gcloud storage cp {} {uri}{only}", argument(&file_of(&object.key)))
        }
    });
    GoogleCall::new("storage", "objects.insert", rest, command)
}

fn published(Publish { topic, attributes }: &Publish) -> GoogleCall {
    let rest = Rest::json(
        "POST",
        format!("{PUBSUB}/topics/{}:publish", encoded(topic)),
        json!({ "messages": [{ "attributes": attributes }] }),
    );
    // gcloud parts its list at commas and its pairs at the first equals sign.
    let fits = attributes.iter().all(|(name, value)| !name.contains([',', '=']) && !value.contains(','));
    let list: Vec<String> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let command = (fits && !attributes.is_empty()).then(|| {
        command(&["gcloud", "pubsub", "topics", "publish", topic, &format!("--attribute={}", list.join(","))])
    });
    let call = GoogleCall::new("pubsub", "topics.publish", rest, command);
    if attributes.get("eventType").is_some_and(|kind| kind == "OBJECT_FINALIZE") {
        call.noted("Cloud Storage publishes this itself, for each object, once the bucket has a notificationConfig. The data is not kept in this log.")
    } else {
        call.noted("The data is not kept in this log.")
    }
}

fn commit(place: &Place, zone: Zone, table: &str, version: i64) -> GoogleCall {
    if zone == Zone::Warehouse {
        return GoogleCall::none(
            "bigquery",
            "No call of its own: BigQuery shows the rows of a job all at once when the job is done.",
        );
    }
    let entry = format!("{}_delta_log/{version:020}.json", table_prefix(zone, table));
    put(&ObjectName { bucket: place.names.datalake.clone(), key: entry }, 1, true).noted(
        "A Delta commit is this one conditional write of the log's next entry: whoever comes second is refused. The batch that wrote the files makes it last.",
    )
}

/// The batch of Dataproc that does a zone's step.
fn batch(place: &Place, zone: Zone, arguments: &[String]) -> GoogleCall {
    let main = uri(&place.names.datalake, &format!("jobs/{}.py", zone.name()));
    let id = place.run.as_ref().map(|run| format!("{}-{}", identifier(run), zone.name()));
    let query = id.as_ref().map(|id| format!("?batchId={id}")).unwrap_or_default();
    let rest = Rest::json(
        "POST",
        format!("https://dataproc.googleapis.com/v1/projects/{PROJECT}/locations/{REGION}/batches{query}"),
        json!({
            "pysparkBatch": { "mainPythonFileUri": main, "args": arguments },
            "environmentConfig": { "executionConfig": { "ttl": "900s" } },
        }),
    );
    let region = format!("--region={REGION}");
    let id = id.map(|id| format!("--batch={id}"));
    let mut words = vec!["gcloud", "dataproc", "batches", "submit", "pyspark", main.as_str(), region.as_str()];
    words.extend(id.as_deref());
    words.extend(["--ttl=900s", "--"]);
    words.extend(arguments.iter().map(String::as_str));
    GoogleCall::new("dataproc", "batches.create", rest, Some(command(&words)))
}

/// A batch's id: small letters, digits and hyphens, with the zone's name at most 63 of them.
fn identifier(run: &str) -> String {
    let id = run.to_ascii_lowercase();
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(50).collect();
    format!("r{}", id.trim_start_matches('r'))
}

#[cfg(test)]
mod tests;
