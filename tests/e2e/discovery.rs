//! The judge of requests is worth nothing if it lets everything pass: for each of Google's surfaces right requests, and wrong ones that it
//! finds.

use serde_json::{Value, json};
use showrunner_tests::discovery::Discovery;

/// Verb, address, body, and what is wrong with it; nothing: it is right.
type Case<'a> = (&'a str, &'a str, Value, &'a str);

fn judge(surface: &str, cases: &[Case<'_>]) {
    let Some(google) = Discovery::read(surface, "that wrong requests are found") else { return };
    for (verb, target, body, problem) in cases {
        let body = match body {
            Value::Null => Vec::new(),
            // Not JSON, as it is.
            Value::String(text) => text.clone().into_bytes(),
            body => body.to_string().into_bytes(),
        };
        let (method, problems) = google.check(verb, target, &body);
        let what = format!("{surface} {method}: {verb} {target} {}", String::from_utf8_lossy(&body));
        if problem.is_empty() {
            assert!(problems.is_empty() && !method.is_empty(), "{what}: {problems:?}");
        } else {
            assert!(problems.iter().any(|found| found.contains(problem)), "{what}: {problem:?} is not in {problems:?}");
        }
    }
}

#[test]
fn of_bigquery() {
    let load = |more: Value| {
        let table = json!({"projectId": "p", "datasetId": "d", "tableId": "t"});
        let mut load = json!({"destinationTable": table, "sourceUris": ["gs://b/k"]});
        load.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({"configuration": {"load": load}})
    };
    const JOBS: &str = "/bigquery/v2/projects/p/jobs";
    const POLICIES: &str = "/bigquery/v2/projects/p/datasets/d/tables/t/rowAccessPolicies";
    let reference = json!({"projectId": "p", "datasetId": "d", "tableId": "t", "policyId": "x"});
    let extract = |more: Value| json!({"configuration": {"extract": more}});
    judge(
        "bigquery.v2",
        &[
            ("POST", JOBS, load(json!({"writeDisposition": "WRITE_EMPTY"})), ""),
            ("POST", JOBS, load(json!({"writeDispositoin": "WRITE_EMPTY"})), "load.writeDispositoin is no property"),
            ("POST", JOBS, load(json!({"writeDisposition": "WRITE_OVER"})), "which its description does not list"),
            ("POST", JOBS, load(json!({"sourceUris": "gs://b/k"})), "not of type array"),
            ("POST", JOBS, load(json!({"parquetOptions": {"enableListInference": "true"}})), "not of type boolean"),
            ("POST", JOBS, json!({"configuration": {"load": {}}}), "load.destinationTable is missing"),
            ("POST", JOBS, json!({"configuration": {"jobTimeoutMs": 5}}), "not of type string"),
            ("POST", JOBS, json!({"configuration": {"jobTimeoutMs": "soon"}}), "which is no number"),
            ("POST", JOBS, json!({"etag": "x", "statistics": {}}), "is Google's to set"),
            ("POST", JOBS, extract(json!({"destinationUris": "gs://b/k"})), "not of type array"),
            ("POST", JOBS, extract(json!({"compresion": "GZIP"})), "extract.compresion is no property"),
            ("GET", "/bigquery/v2/projects/p/jobs/j?place=US", Value::Null, "there is no parameter place"),
            ("GET", "/bigquery/v2/projects/p/jobs/j", json!({"a": 1}), "a body, where none is taken"),
            ("GET", "/bigquery/v2/projects/p/jibs/j", Value::Null, "Google has no method"),
            ("GET", "/bigquery/v3/projects/p/jobs/j", Value::Null, "Google has no method"),
            ("GET", "/bigquery/v2/projects/p/queries/j?maxResults=many", Value::Null, "not of type integer"),
            ("GET", "/bigquery/v2/projects/p/queries/j?maxResults=-1", Value::Null, "not between 0"),
            ("GET", "/bigquery/v2/projects/p/queries/j?maxResults=1&maxResults=2", Value::Null, "given twice"),
            ("POST", POLICIES, json!({"rowAccessPolicyReference": reference, "filterPredicate": "TRUE"}), ""),
            ("POST", POLICIES, json!({"rowAccessPolicyReference": reference}), "filterPredicate is missing"),
            (
                "POST",
                POLICIES,
                json!({"rowAccessPolicyReference": reference, "filterPredicate": "TRUE", "grantees": "user:a@x.com"}),
                "not of type array",
            ),
        ],
    );
}

#[test]
fn of_data_policies() {
    const POLICIES: &str = "/v2/projects/p/locations/us/dataPolicies";
    const ADD: &str = "/v2/projects/p/locations/us/dataPolicies/mail:addGrantees";
    let masked = |expression: &str| {
        let policy = json!({
            "dataPolicyType": "DATA_MASKING_POLICY",
            "dataMaskingPolicy": {"predefinedExpression": expression},
        });
        json!({"dataPolicyId": "mail", "dataPolicy": policy})
    };
    judge(
        "bigquerydatapolicy.v2",
        &[
            ("POST", POLICIES, masked("EMAIL_MASK"), ""),
            ("POST", POLICIES, masked("EMAIL"), "not one of"),
            ("POST", POLICIES, json!({"dataPolicyId": "mail"}), "body.dataPolicy is missing"),
            ("POST", POLICIES, json!({"dataPolicyId": "mail", "dataPolicy": {}}), "dataPolicyType is missing"),
            ("POST", POLICIES, json!({"dataPolicyType": "RAW_DATA_ACCESS_POLICY"}), "is no property"),
            ("POST", ADD, json!({"grantees": ["principal://goog/subject/a@x.org"]}), ""),
            ("POST", ADD, json!({"members": []}), "body.members is no property"),
            ("POST", "/v1/projects/p/locations/us/dataPolicies", masked("SHA256"), "Google has no method"),
            ("DELETE", "/v2/projects/p/locations/us/dataPolicies/mail?force=true", Value::Null, "no parameter force"),
        ],
    );
}

#[test]
fn of_pubsub() {
    const TOPIC: &str = "/v1/projects/p/topics/t";
    const SUBSCRIPTION: &str = "/v1/projects/p/subscriptions/s";
    const PULL: &str = "/v1/projects/p/subscriptions/s:pull";
    const SEEK: &str = "/v1/projects/p/subscriptions/s:seek";
    const ACKNOWLEDGE: &str = "/v1/projects/p/subscriptions/s:acknowledge";
    const MODIFY: &str = "/v1/projects/p/subscriptions/s:modifyAckDeadline";
    const PUBLISH: &str = "/v1/projects/p/topics/t:publish";
    let made = |more: Value| {
        let mut made = json!({"topic": "projects/p/topics/t"});
        made.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        made
    };
    let kept = |duration: &str| made(json!({"messageRetentionDuration": duration}));
    let acked = |seconds: i64| made(json!({"ackDeadlineSeconds": seconds}));
    let letters = |attempts: i64| made(json!({"deadLetterPolicy": {"maxDeliveryAttempts": attempts}}));
    let modified = |seconds: i64| json!({"ackIds": ["a"], "ackDeadlineSeconds": seconds});
    judge(
        "pubsub.v1",
        &[
            ("PUT", TOPIC, json!({}), ""),
            ("PUT", TOPIC, json!({"messageRetentionDuration": "599s"}), "not between 600"),
            ("PUT", TOPIC, json!({"messageRetentionDuration": "10 minutes"}), "which is no duration"),
            ("PUT", TOPIC, json!({"labels": {"a": 1}}), "not of type string"),
            ("PUT", TOPIC, json!({"state": "ACTIVE"}), "is Google's to set"),
            ("PUT", SUBSCRIPTION, made(json!({})), ""),
            ("PUT", SUBSCRIPTION, json!({}), "body.topic is missing"),
            ("PUT", SUBSCRIPTION, made(json!({"enableMessageOrder": true})), "is no property"),
            ("PUT", SUBSCRIPTION, acked(10), ""),
            ("PUT", SUBSCRIPTION, acked(600), ""),
            ("PUT", SUBSCRIPTION, acked(0), ""),
            ("PUT", SUBSCRIPTION, acked(9), "not between 10 and 600"),
            ("PUT", SUBSCRIPTION, acked(601), "not between 10 and 600"),
            ("PUT", SUBSCRIPTION, kept("600s"), ""),
            ("PUT", SUBSCRIPTION, kept("2678400s"), ""),
            ("PUT", SUBSCRIPTION, kept("2678401s"), "not between 600 and 2678400"),
            ("PUT", SUBSCRIPTION, letters(5), ""),
            ("PUT", SUBSCRIPTION, letters(4), "not between 5 and 100"),
            ("PUT", SUBSCRIPTION, letters(101), "not between 5 and 100"),
            ("POST", PULL, json!({"maxMessages": 1}), ""),
            ("POST", PULL, json!({"maxMessages": 0}), "not between 1"),
            ("POST", PULL, json!({}), "body.maxMessages is missing"),
            ("POST", SEEK, json!({"time": "2017-07-29T10:00:00.123Z"}), ""),
            ("POST", SEEK, json!({"time": "yesterday"}), "which is no moment"),
            ("POST", SEEK, json!({"snapshots": "x"}), "is no property"),
            ("POST", ACKNOWLEDGE, json!({"ackIds": []}), "is empty"),
            ("POST", MODIFY, modified(0), ""),
            ("POST", MODIFY, modified(601), "not between 0 and 600"),
            ("POST", MODIFY, json!({"ackIds": ["a"]}), "ackDeadlineSeconds is missing"),
            ("POST", PUBLISH, json!({"messages": [{"data": "YQ==", "orderingKey": "k"}]}), ""),
            ("POST", PUBLISH, json!({"messages": [{"data": "a b"}]}), "which is not base64"),
            ("POST", PUBLISH, json!({"messages": [{"messageId": "7"}]}), "is Google's to set"),
            ("POST", PUBLISH, json!({}), "body.messages is missing"),
            ("PUT", "/v1/projects/p/snapshots/x", json!({"subscription": "projects/p/subscriptions/s"}), ""),
            ("PUT", "/v1/projects/p/snapshots/x", json!({}), "body.subscription is missing"),
            (
                "POST",
                "/v1/projects/p/topics/t:setIamPolicy",
                json!({"policy": {"bindings": [{"roles": "r"}]}}),
                "is no",
            ),
            ("POST", "/v1/projects/p/topics/t:getIamPolicy", json!({}), "Google has no method"),
        ],
    );
}

#[test]
fn of_storage() {
    const BUCKETS: &str = "/storage/v1/b?project=p";
    const CONFIGS: &str = "/storage/v1/b/b1/notificationConfigs";
    const UPLOAD: &str = "/upload/storage/v1/b/b1/o";
    let related = |metadata: &str| {
        json!(format!("--x\r\ncontent-type: application/json\r\n\r\n{metadata}\r\n--x\r\n\r\ncontent\r\n--x--"))
    };
    judge(
        "storage.v1",
        &[
            ("POST", BUCKETS, json!({"name": "b1", "softDeletePolicy": {"retentionDurationSeconds": "0"}}), ""),
            ("POST", BUCKETS, json!({"name": "b1", "softDeletePolicy": {"retentionDuration": "0s"}}), "is no property"),
            ("POST", BUCKETS, json!({"location": "US"}), "body.name is missing"),
            ("POST", "/storage/v1/b", json!({"name": "b1"}), "parameter project is missing"),
            ("PATCH", "/storage/v1/b/b1", json!({"labels": {"a": "b"}}), ""),
            ("PATCH", "/storage/v1/b/b1", json!({"lables": {}}), "is no property"),
            ("POST", CONFIGS, json!({"topic": "//pubsub/t", "payload_format": "NONE", "event_types": ["A"]}), ""),
            ("POST", CONFIGS, json!({"topic": "//pubsub/t"}), "payload_format is missing"),
            ("POST", CONFIGS, json!({"topic": "//t", "payload_format": "NONE", "eventTypes": []}), "is no property"),
            ("DELETE", "/storage/v1/b/b1/notificationConfigs/7", Value::Null, ""),
            ("DELETE", "/storage/v1/b/b1/notifications/7", Value::Null, "Google has no method"),
            ("GET", "/storage/v1/b/b1/o?versions=yes", Value::Null, "not of type boolean"),
            ("GET", "/storage/v1/b/b1/o/a/b", Value::Null, "Google has no method"),
            ("GET", "/storage/v1/b/b1/o/a%2Fb?alt=media", Value::Null, ""),
            ("POST", "/storage/v1/b/b1/o/k/compose", json!({"sourceObjects": [{"name": "a"}]}), ""),
            ("POST", "/storage/v1/b/b1/o/k/compose", json!({"destination": {}}), "sourceObjects is missing"),
            ("POST", "/storage/v1/b/b1/o/k/rewriteTo/b/b2/o/l?rewriteTokn=x", Value::Null, "no parameter rewriteTokn"),
            ("POST", &format!("{UPLOAD}?uploadType=media&name=k"), json!("anything"), ""),
            ("POST", &format!("{UPLOAD}?uploadType=resumable&name=k"), Value::Null, ""),
            ("POST", &format!("{UPLOAD}?uploadType=chunked&name=k"), Value::Null, "uploadType is"),
            ("POST", &format!("{UPLOAD}?uploadType=resumable"), json!({"metdata": {}}), "is no property"),
            ("POST", &format!("{UPLOAD}?uploadType=multipart"), related(r#"{"metadata":{"a":"b"}}"#), ""),
            ("POST", &format!("{UPLOAD}?uploadType=multipart"), related(r#"{"metdata":{}}"#), "no property"),
            ("POST", &format!("{UPLOAD}?uploadType=multipart"), json!("content"), "no first part"),
        ],
    );
}

#[test]
fn of_the_others() {
    let batch = |ttl: &str| {
        json!({
            "pysparkBatch": {"mainPythonFileUri": "gs://b/a.py"},
            "environmentConfig": {"executionConfig": {"ttl": ttl}},
        })
    };
    const BATCHES: &str = "/v1/projects/p/locations/l/batches";
    judge(
        "dataproc.v1",
        &[
            ("POST", BATCHES, batch("900s"), ""),
            ("POST", BATCHES, batch("60s"), "not between 600"),
            ("POST", BATCHES, json!({"pysparkBatch": {}}), "mainPythonFileUri is missing"),
            ("POST", &format!("{BATCHES}?batchId=r1"), batch("900s"), "does not have 4 to 63 characters"),
        ],
    );
    const METRICS: &str = "/v3/projects/p/timeSeries";
    judge(
        "monitoring.v3",
        &[
            ("GET", &format!("{METRICS}?filter=x"), Value::Null, "interval.endTime is missing"),
            ("GET", &format!("{METRICS}?filters=x"), Value::Null, "there is no parameter filters"),
        ],
    );
    const LINEAGE: &str = "/v1/projects/p/locations/us:processOpenLineageRunEvent";
    judge(
        "datalineage.v1",
        &[
            ("POST", LINEAGE, json!({"eventType": "COMPLETE"}), ""),
            ("POST", LINEAGE, json!([{"eventType": "COMPLETE"}]), "not of type object"),
            ("POST", &format!("{LINEAGE}?requestId={}", "x".repeat(37)), json!({}), "0 to 36 characters"),
            ("POST", "/v1/projects/p/locations/us/processOpenLineageRunEvent", json!({}), "Google has no method"),
        ],
    );
    judge(
        "serviceusage.v1",
        &[
            ("GET", "/v1/projects/p/services:batchGet?names=a&names=b", Value::Null, ""),
            ("GET", "/v1/projects/p/services:batchGet?name=a", Value::Null, "there is no parameter name"),
        ],
    );
    judge(
        "cloudresourcemanager.v1",
        &[
            ("POST", "/v1/projects/p:testIamPermissions", json!({"permissions": ["a.b.c"]}), ""),
            ("POST", "/v1/projects/p:testIamPermissions", json!({"permission": "a.b.c"}), "is no property"),
        ],
    );
}
