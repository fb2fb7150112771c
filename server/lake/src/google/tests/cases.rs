//! The table: each operation with what its call must be.

use std::collections::BTreeMap;

use super::day;
use crate::calls::*;
use crate::model::{Scope, Zone};
use crate::policy::{Grantee, RowPolicy, Statement, TableName};
use crate::ports::WarehouseTable;

fn object(key: &str) -> ObjectName {
    ObjectName::new("bucket-1", key)
}

/// An operation and what its call must be.
pub(super) struct Case {
    pub operation: Operation,
    /// `storage.objects.insert`; only `storage.` where there is no call.
    pub method: &'static str,
    /// Verb and beginning of the address, of the first request.
    pub request: &'static str,
    /// Field names of its body, all of them.
    pub fields: &'static [&'static str],
    /// Words that the command begins with.
    pub command: &'static str,
    /// What request and command both must name.
    pub names: Vec<String>,
}

fn case(
    operation: impl Into<Operation>,
    method: &'static str,
    request: &'static str,
    fields: &'static [&'static str],
    command: &'static str,
    names: &[&str],
) -> Case {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Case { operation: operation.into(), method, request, fields, command, names }
}

/// One case for each operation, the objects called `key`, the subscription and topic `topic`, the other names `word`.
pub(super) fn cases(key: &str, topic: &str, word: &str) -> Vec<Case> {
    let date = "2017-07-29".parse().unwrap();
    let subscription = topic.to_owned();
    let attributes = BTreeMap::from([("objectId".to_owned(), key.to_owned())]);
    vec![
        case(
            CreateBucket { bucket: "bucket-1".into() },
            "storage.buckets.insert",
            "POST https://storage.googleapis.com/storage/v1/b?project=",
            &["location", "name"],
            "gcloud storage buckets create",
            &["bucket-1"],
        ),
        case(
            PutObject { object: object(key), size: 7, only_new: true },
            "storage.objects.insert",
            "POST https://storage.googleapis.com/upload/storage/v1/b/bucket-1/o?uploadType=media&name=",
            &[],
            "gcloud storage cp",
            &["bucket-1", key],
        ),
        case(
            PutObject { object: object(key), size: 0, only_new: false },
            "storage.objects.insert",
            "POST https://storage.googleapis.com/upload/storage/v1/b/bucket-1/o?uploadType=media&name=",
            &[],
            "printf '' | gcloud storage cp -",
            &["bucket-1", key],
        ),
        case(
            UploadObject { object: object(key) },
            "storage.objects.insert",
            "POST https://storage.googleapis.com/upload/storage/v1/b/bucket-1/o?uploadType=resumable&name=",
            &[],
            "gcloud storage cp",
            &["bucket-1", key],
        ),
        case(
            GetObject { object: object(key) },
            "storage.objects.get",
            "GET https://storage.googleapis.com/storage/v1/b/bucket-1/o/",
            &[],
            "gcloud storage cat",
            &["bucket-1", key],
        ),
        case(
            HeadObject { object: object(key) },
            "storage.objects.get",
            "GET https://storage.googleapis.com/storage/v1/b/bucket-1/o/",
            &[],
            "gcloud storage objects describe",
            &["bucket-1", key],
        ),
        case(
            ListObjects { bucket: "bucket-1".into(), prefix: key.into() },
            "storage.objects.list",
            "GET https://storage.googleapis.com/storage/v1/b/bucket-1/o?prefix=",
            &[],
            "gcloud storage ls --long",
            &["bucket-1", key],
        ),
        case(
            CopyObject { from: object(key), to: ObjectName::new("bucket-2", &format!("{key}.copy")) },
            "storage.objects.rewrite",
            "POST https://storage.googleapis.com/storage/v1/b/bucket-1/o/",
            &[],
            "gcloud storage cp",
            &["bucket-1", key, "bucket-2", &format!("{key}.copy")],
        ),
        case(
            DeleteObject { object: object(key) },
            "storage.objects.delete",
            "DELETE https://storage.googleapis.com/storage/v1/b/bucket-1/o/",
            &[],
            "gcloud storage rm",
            &["bucket-1", key],
        ),
        case(
            ChecksumObject { object: object(key) },
            "storage.objects.get",
            "GET https://storage.googleapis.com/storage/v1/b/bucket-1/o/",
            &[],
            "gcloud storage objects describe",
            &["bucket-1", key, "crc32c"],
        ),
        case(SweepBucket { bucket: "bucket-1".into() }, "storage.", "", &[], "", &[]),
        case(
            DeleteVersions { bucket: "bucket-1".into(), prefix: key.into() },
            "storage.objects.list",
            "GET https://storage.googleapis.com/storage/v1/b/bucket-1/o?versions=true&prefix=",
            &[],
            "curl",
            &["bucket-1", key],
        ),
        case(
            CreateSubscription { topic: topic.into(), subscription: format!("{topic}-server") },
            "pubsub.subscriptions.create",
            "PUT https://pubsub.googleapis.com/v1/projects/PROJECT/topics/",
            &[],
            "gcloud pubsub topics create",
            &[topic, &format!("{topic}-server")],
        ),
        case(
            Publish { topic: topic.into(), attributes },
            "pubsub.topics.publish",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/topics/",
            &["attributes", "messages", "objectId"],
            "gcloud pubsub topics publish",
            &[topic, key],
        ),
        case(
            Pull { subscription: subscription.clone(), max: 100 },
            "pubsub.subscriptions.pull",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/subscriptions/",
            &["maxMessages"],
            "gcloud pubsub subscriptions pull",
            &[topic, "100"],
        ),
        case(
            Acknowledge { subscription: subscription.clone(), ids: vec!["41".into(), "42".into()], more: 0 },
            "pubsub.subscriptions.acknowledge",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/subscriptions/",
            &["ackIds"],
            "gcloud pubsub subscriptions ack",
            &[topic, "41", "42"],
        ),
        case(
            ModifyAckDeadline {
                subscription: subscription.clone(),
                ids: vec!["41".into(), "42".into()],
                more: 0,
                seconds: 0,
            },
            "pubsub.subscriptions.modifyAckDeadline",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/subscriptions/",
            &["ackDeadlineSeconds", "ackIds"],
            "gcloud pubsub subscriptions modify-message-ack-deadline",
            &[topic, "41", "42"],
        ),
        case(
            Seek {
                subscription: subscription.clone(),
                to: SeekTo::Now(chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap()),
            },
            "pubsub.subscriptions.seek",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/subscriptions/",
            &["time"],
            "gcloud pubsub subscriptions seek",
            &[topic, "2023-11-14T22:13:20.000Z"],
        ),
        case(
            Seek { subscription: subscription.clone(), to: SeekTo::Snapshot("before".into()) },
            "pubsub.subscriptions.seek",
            "POST https://pubsub.googleapis.com/v1/projects/PROJECT/subscriptions/",
            &["snapshot"],
            "gcloud pubsub subscriptions seek",
            &[topic, "projects/PROJECT/snapshots/before"],
        ),
        case(
            Backlog { subscription },
            "monitoring.prometheus.api.v1.query",
            "POST https://monitoring.googleapis.com/v1/projects/PROJECT/location/global/prometheus/api/v1/query",
            &["query"],
            "curl -X POST",
            &[topic, "num_undelivered_messages"],
        ),
        case(
            ReadFile { file: object(key), table: word.into(), date, customer: "customer01".into() },
            "dataproc.batches.create",
            "POST https://dataproc.googleapis.com/v1/projects/PROJECT/locations/us-central1/batches?batchId=run-0059-7f3a-bronze",
            BATCH,
            "gcloud dataproc batches submit pyspark gs://sa-datalake-x-dev/jobs/bronze.py",
            &["bucket-1", key, word, "2017-07-29", "customer01", "run-0059-7f3a-bronze"],
        ),
        case(
            Transform {
                zone: Zone::Silver,
                name: word.into(),
                title: "T".into(),
                of: "2017-07-29".into(),
                sql: "SELECT 1".into(),
            },
            "dataproc.batches.create",
            "POST https://dataproc.googleapis.com/v1/projects/PROJECT/locations/us-central1/batches?batchId=run-0059-7f3a-silver",
            BATCH,
            "gcloud dataproc batches submit pyspark gs://sa-datalake-x-dev/jobs/silver.py",
            &["silver", word, "2017-07-29"],
        ),
        case(
            Commit {
                zone: Zone::Silver,
                table: word.into(),
                delta: "WRITE".into(),
                version: 12,
                added: 1,
                removed: 1,
                partitions: vec![],
            },
            "storage.objects.insert",
            "POST https://storage.googleapis.com/upload/storage/v1/b/sa-datalake-x-dev/o?uploadType=media&name=",
            &[],
            "gcloud storage cp ./00000000000000000012.json",
            &["sa-datalake-x-dev", word, "_delta_log/00000000000000000012.json"],
        ),
        case(
            Commit {
                zone: Zone::Warehouse,
                table: word.into(),
                delta: "WRITE".into(),
                version: 1,
                added: 1,
                removed: 0,
                partitions: vec![],
            },
            "bigquery.",
            "",
            &[],
            "",
            &[],
        ),
        case(
            Purge { zone: Zone::Gold, table: word.into(), scope: Scope::Customer("customer01".into()) },
            "dataproc.batches.create",
            "POST https://dataproc.googleapis.com/v1/projects/PROJECT/locations/us-central1/batches?batchId=run-0059-7f3a-gold",
            BATCH,
            "gcloud dataproc batches submit pyspark gs://sa-datalake-x-dev/jobs/gold.py",
            &[word, "customer = 'customer01'"],
        ),
        case(
            Purge { zone: Zone::Warehouse, table: word.into(), scope: Scope::Days(vec![day()]) },
            "bigquery.jobs.query",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/queries",
            QUERY,
            "bq --location=US query --nouse_legacy_sql",
            &[word, "DELETE FROM", "customer = 'customer01' AND date = DATE '2017-07-29'"],
        ),
        case(
            Load {
                table: word.into(),
                job: "run-0059-7f3a:0000:silver@7".into(),
                partitions: vec![LoadedDate {
                    date,
                    files: Some(vec![format!("date=2017-07-29/customer=customer01/{key}")]),
                }],
            },
            "bigquery.jobs.insert",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/jobs",
            &[
                "configuration",
                "datasetId",
                "destinationTable",
                "enableListInference",
                "hivePartitioningOptions",
                "jobId",
                "jobReference",
                "load",
                "location",
                "mode",
                "parquetOptions",
                "projectId",
                "sourceFormat",
                "sourceUriPrefix",
                "sourceUris",
                "tableId",
                "writeDisposition",
            ],
            "bq --location=US --job_id=run-0059-7f3a-0000-silver-7-staged load --source_format=PARQUET",
            &[
                "sa_bq_dataset_x_dev",
                &format!("{word}_staged"),
                "run-0059-7f3a-0000-silver-7-staged",
                "DATE '2017-07-29'",
                key,
            ],
        ),
        case(
            Truncate { table: word.into() },
            "bigquery.jobs.query",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/queries",
            QUERY,
            "bq --location=US query --nouse_legacy_sql",
            &["TRUNCATE TABLE", word],
        ),
        case(AppendRows { table: word.into() }, "bigquerystorage.BigQueryWrite.AppendRows", "", &[], "", &[]),
        case(SettleRows { table: word.into() }, "bigquerystorage.BigQueryWrite.FinalizeWriteStream", "", &[], "", &[]),
        case(
            CreateTable {
                table: WarehouseTable {
                    name: word.into(),
                    columns: vec![("date".into(), "DATE".into())],
                    partition: "date".into(),
                    cluster: vec!["country".into()],
                },
            },
            "bigquery.tables.insert",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/datasets/sa_bq_dataset_x_dev/tables",
            &[
                "clustering",
                "datasetId",
                "field",
                "fields",
                "name",
                "projectId",
                "schema",
                "tableId",
                "tableReference",
                "timePartitioning",
                "type",
            ],
            "curl -X POST",
            &[word],
        ),
        case(
            ChangePolicy {
                statement: Statement::CreateRowPolicy {
                    policy: RowPolicy {
                        name: "germany".into(),
                        table: TableName { zone: Zone::Silver, table: "sessions".into() },
                        grantees: vec![Grantee::User("analyst.de@example.com".into())],
                        filter: format!("country = '{word}'"),
                    },
                    there: Default::default(),
                },
            },
            "bigquery.rowAccessPolicies.insert",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/datasets/silver/tables/sessions/rowAccessPolicies",
            &[
                "datasetId",
                "filterPredicate",
                "grantees",
                "policyId",
                "projectId",
                "rowAccessPolicyReference",
                "tableId",
            ],
            "bq --location=US query --nouse_legacy_sql",
            &[&format!("country = '{word}'"), "user:analyst.de@example.com"],
        ),
        case(
            Query { sql: format!("SELECT '{word}' AS a\nFROM silver.sessions"), rows: 1000, seconds: 30 },
            "bigquery.jobs.query",
            "POST https://bigquery.googleapis.com/bigquery/v2/projects/PROJECT/queries",
            &["location", "maxResults", "query", "timeoutMs", "useLegacySql"],
            "bq --location=US query --nouse_legacy_sql --max_rows=1000",
            &[&format!("SELECT '{word}' AS a\nFROM silver.sessions")],
        ),
    ]
}

const BATCH: &[&str] = &["args", "environmentConfig", "executionConfig", "mainPythonFileUri", "pysparkBatch", "ttl"];
const QUERY: &[&str] = &["location", "query", "useLegacySql"];
