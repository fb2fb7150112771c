//! What Google does on a bad day, by a server that does it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Date32Array, StringArray};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use chrono::NaiveDate;
use serde_json::{Value, json};
use showrunner_gcp::{Access, Call, Endpoint, Pace, QueryLimits, Rest, RowPolicy};
use showrunner_lake::ErrorKind;
use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::{Objects, Precondition, ServingWarehouse, Warehouse};

use super::http::{Reply, Request, Server};
use super::{BUCKET, bucket, options, warehouse};

const LIMITS: QueryLimits = QueryLimits { rows: 100, timeout: Duration::from_secs(20), maximum_bytes_billed: None };

fn rest(server: &Server, pace: Pace, access: Access) -> Rest {
    let endpoint = Endpoint::parse("the test's server", &server.url).expect("a loopback address");
    Rest::new(&endpoint, "bigquery/v2", access, pace).expect("a surface")
}

fn quick() -> Pace {
    options("d").pace
}

fn read() -> Call {
    Call::get("read table d.t", &["projects", "p", "datasets", "d", "tables", "t"])
}

#[tokio::test]
async fn too_fast_is_waited_for_as_long_as_google_asks() {
    let server = Server::scripted(|_, before| match before.len() {
        0 => Reply::refused(429, "rateLimitExceeded", "slow down").with("Retry-After", "1"),
        1 => Reply::refused(403, "rateLimitExceeded", "slow down"),
        _ => Reply::json(200, json!({"ok": true})),
    })
    .await;
    let begun = Instant::now();
    // Also what may not be repeated otherwise: nothing has happened yet.
    let call = Call::post("make it", &["projects"], Some(json!({})));
    assert_eq!(rest(&server, quick(), Access::anonymous()).send(call).await.expect("in the end"), json!({"ok": true}));
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let server = Server::scripted(|_, _| Reply::refused(429, "x", "slow down").with("Retry-After", "3600")).await;
    let begun = Instant::now();
    let error = rest(&server, quick(), Access::anonymous()).send(read()).await.expect_err("too fast");
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn trouble_is_asked_again_only_where_that_is_safe() {
    for (status, kind) in [(500, ErrorKind::Unavailable), (503, ErrorKind::Unavailable), (504, ErrorKind::Timeout)] {
        let server = Server::scripted(move |_, _| {
            Reply::refused(status, "backendError", "try later").with("x-goog-request-id", "req-7")
        })
        .await;
        let rest = rest(&server, quick(), Access::anonymous());
        let error = rest.send(read()).await.expect_err("trouble");
        assert_eq!((error.kind, server.seen().len()), (kind, 4), "{status}: as often as allowed");
        assert!(error.message.starts_with("Could not read table d.t: ") && error.message.contains("req-7"), "{error}");
        rest.send(Call::post("make it", &["x"], Some(json!({})))).await.expect_err("trouble");
        assert_eq!(server.seen().len(), 5, "what may have happened is not done twice");
    }
    let server = Server::scripted(|_, before| match before.len() {
        0 => Reply::Lost,
        1 => Reply::json(503, json!({})),
        _ => Reply::json(200, json!({"n": 1})),
    })
    .await;
    assert_eq!(rest(&server, quick(), Access::anonymous()).send(read()).await.expect("the third"), json!({"n": 1}));
    let error = rest(&server, quick(), Access::anonymous())
        .send(Call::get("read", &["projects", "p"]).with("x", "y"))
        .await
        .expect("fine again");
    assert_eq!(error, json!({"n": 1}));
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let server = Server::start(|_| Box::pin(futures::future::pending())).await;
    let pace = Pace { attempt: Duration::from_millis(200), deadline: Duration::from_millis(500), ..quick() };
    let begun = Instant::now();
    let error = rest(&server, pace, Access::anonymous()).send(read()).await.expect_err("no answer");
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let gone = Rest::new(
        &Endpoint::parse("gone", "http://127.0.0.1:9").expect("an address"),
        "bigquery/v2",
        Access::anonymous(),
        pace,
    );
    let error = gone.expect("a surface").send(read()).await.expect_err("nobody listens");
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_asked_for_once_more() {
    let server = Server::scripted(|_, before| match before.len() {
        0 => Reply::refused(401, "authError", "Invalid Credentials"),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let who = Access::person("secret-token".to_owned());
    rest(&server, quick(), who.clone()).send(read()).await.expect("with the second token");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|request| request.header("authorization") == Some("Bearer secret-token")));
    let server = Server::scripted(|_, _| Reply::refused(401, "authError", "Invalid Credentials")).await;
    let error = rest(&server, quick(), who).send(read()).await.expect_err("no token is good");
    assert_eq!((error.kind, server.seen().len()), (ErrorKind::Denied, 2));
    assert!(error.message.contains("Sign in again"), "{error}");
    assert!(!format!("{error:?}").contains("secret-token"));
    let error = rest(&server, quick(), Access::anonymous()).send(read()).await.expect_err("ours is no good either");
    assert!(error.message.contains("gcloud auth application-default login"), "{error}");
}

#[tokio::test]
async fn lists_are_read_to_their_last_page() {
    let server = Server::scripted(|request, _| match request.target.contains("pageToken=two") {
        false => Reply::json(200, json!({"items": [1, 2], "nextPageToken": "two"})),
        true => Reply::json(200, json!({"items": [3]})),
    })
    .await;
    let call = Call::get("list", &["items"]).with("filter", "x");
    let all = rest(&server, quick(), Access::anonymous()).pages(call, "items").await.expect("both pages");
    assert_eq!(all, [json!(1), json!(2), json!(3)]);
}

/// A warehouse on a server of ours, and the folder of its bucket.
async fn shop(server: &Server, root: &Path) -> (showrunner_gcp::BigQueryWarehouse, Arc<dyn Objects>) {
    let objects = bucket(root).await;
    (warehouse(&server.url, objects.clone(), options("d")), objects)
}

fn table() -> Value {
    json!({
        "creationTime": "1", "labels": {"showrunner": "show-1"},
        "schema": {"fields": [{"name": "date", "type": "DATE"}, {"name": "name", "type": "STRING"}]},
        "timePartitioning": {"type": "DAY", "field": "date"}, "clustering": {"fields": ["name"]},
    })
}

fn job(request: &Request, status: Value, statistics: Value) -> Reply {
    Reply::json(
        200,
        json!({"jobReference": request.json()["jobReference"], "status": status, "statistics": statistics}),
    )
}

/// A job as `jobs.get` tells it: its id is the last part of the address.
fn told(request: &Request, status: Value) -> Reply {
    let id = request.path().rsplit('/').next().unwrap_or_default();
    Reply::json(200, json!({"jobReference": {"jobId": id}, "status": status, "statistics": {"endTime": "5"}}))
}

fn rows() -> Vec<(NaiveDate, Vec<RecordBatch>)> {
    let columns: [(&str, ArrayRef); 2] =
        [("date", Arc::new(Date32Array::from(vec![0, 0]))), ("name", Arc::new(StringArray::from(vec!["a", "b"])))];
    vec![(NaiveDate::default(), vec![RecordBatch::try_from_iter(columns).expect("rows")])]
}

fn is_load(request: &Request) -> bool {
    request.is("POST", "/jobs") && request.json().pointer("/configuration/load").is_some()
}

/// What every load needs besides its jobs.
fn usual(request: &Request) -> Reply {
    match (request.method.as_str(), request.path()) {
        ("GET", path) if path.ends_with("/tables/t") => Reply::json(200, table()),
        ("GET", path) if path.ends_with("/rowAccessPolicies") => Reply::json(200, json!({})),
        ("GET", path) if path.contains("/jobs/") => Reply::refused(404, "notFound", "no such job"),
        ("POST", path) if path.ends_with("/tables") => Reply::json(200, json!({})),
        ("DELETE", _) => Reply::json(204, Value::Null),
        ("POST", path) if path.ends_with("/jobs") => job(request, json!({"state": "DONE"}), json!({"endTime": "5"})),
        _ => Reply::refused(404, "notFound", "no such thing"),
    }
}

#[tokio::test]
async fn a_job_that_fails_while_it_runs_is_told_and_leaves_nothing() {
    let server = Server::scripted(|request, before| {
        let looks = before.iter().filter(|b| b.method == "GET" && b.path().contains("showrunner_stage")).count();
        if is_load(request) {
            return job(request, json!({"state": "RUNNING"}), json!({}));
        }
        if request.method == "GET" && request.path().contains("showrunner_stage") {
            let error = json!({"reason": "invalid", "message": "Error while reading data, column name."});
            return match looks {
                0 | 1 => told(request, json!({"state": "RUNNING"})),
                _ => told(request, json!({"state": "DONE", "errorResult": error, "errors": [error]})),
            };
        }
        usual(request)
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, objects) = shop(&server, root.path()).await;
    let shop = shop.with_clock(Arc::new(|| chrono::DateTime::from_timestamp_millis(1_000).expect("a time")));
    let error = shop.load("t", "run", rows()).await.expect_err("the job failed");
    assert_eq!(error.kind, ErrorKind::Invalid);
    for part in ["load rows into d.t", "Error while reading data, column name", "showrunner_stage_", "reason invalid"] {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    assert_eq!(objects.list(BUCKET, "").await.expect("a list"), [], "its files are deleted");
    let seen = server.seen();
    let staging = seen.iter().find(|r| r.is("POST", "/tables")).expect("a staging table").json();
    assert_eq!(staging["expirationTime"], "86401000", "what a crash leaves goes after a day");
    let name = staging["tableReference"]["tableId"].as_str().expect("a name").to_owned();
    assert_eq!(server.count("DELETE", &format!("/tables/{name}")), 1, "its table is deleted");
    assert_eq!(seen.iter().filter(|r| r.is("POST", "/jobs")).count(), 1, "nothing was replaced");
    super::shapes::check(&seen);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_up() {
    // The statement arrives and runs, its answer does not; sent again, its id is taken.
    let server = Server::scripted(|request, before| {
        let of_statement = |r: &Request| r.is("POST", "/jobs") && r.json().pointer("/configuration/query").is_some();
        let sent = before.iter().filter(|b| of_statement(b)).count();
        if of_statement(request) {
            return if sent == 0 { Reply::Lost } else { Reply::refused(409, "duplicate", "Already Exists: Job") };
        }
        if request.method == "GET" && request.path().contains("/jobs/") && sent > 0 {
            let looks = before.iter().filter(|b| b.method == "GET" && b.path() == request.path()).count();
            return told(request, json!({"state": if looks < 2 { "PENDING" } else { "DONE" }}));
        }
        usual(request)
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, objects) = shop(&server, root.path()).await;
    let outcome = shop.load("t", "run", rows()).await.expect("it is in");
    assert_eq!((outcome.rows, outcome.files, outcome.version), (2, 1, 5));
    let seen = server.seen();
    let statements: Vec<Value> = seen
        .iter()
        .filter(|r| r.is("POST", "/jobs") && !is_load(r))
        .map(|r| r.json()["jobReference"]["jobId"].clone())
        .collect();
    assert_eq!(statements.len(), 2);
    assert_eq!(statements[0], statements[1], "the same id, so that it cannot run twice");
    assert_eq!(objects.list(BUCKET, "").await.expect("a list"), []);
    super::shapes::check(&seen);
}

#[tokio::test]
async fn a_load_that_nobody_waits_for_is_cleared() {
    let server = Server::scripted(|request, _| match is_load(request) {
        true => job(request, json!({"state": "RUNNING"}), json!({})),
        false if request.path().contains("showrunner_stage") => told(request, json!({"state": "RUNNING"})),
        false => usual(request),
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, objects) = shop(&server, root.path()).await;
    let given_up = tokio::time::timeout(Duration::from_millis(700), shop.load("t", "run", rows())).await;
    assert!(given_up.is_err(), "the job never ends");
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let deleted =
            server.seen().iter().any(|r| r.method == "DELETE" && r.path().contains("/tables/showrunner_load_"));
        if deleted && objects.list(BUCKET, "").await.expect("a list").is_empty() {
            return;
        }
    }
    panic!("files or table stay: {:?}", objects.list(BUCKET, "").await);
}

#[tokio::test]
async fn what_killed_loads_left_is_swept_when_no_load_can_need_it() {
    let server = Server::scripted(|request, _| usual(request)).await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, objects) = shop(&server, root.path()).await;
    let others = ["zone/staging/loads-of-others/a.parquet", "zone/bronze/a.parquet"];
    for key in others.into_iter().chain(["zone/staging/loads/job/n/2017-07-29-0.parquet"]) {
        objects.put(BUCKET, key, Bytes::from_static(b"rows"), Precondition::None).await.expect(key);
    }
    assert_eq!(shop.sweep().await.expect("a sweep"), 0, "it may be a load's that is under way");
    let now = system_clock();
    let later = shop.with_clock(Arc::new(move || now() + chrono::TimeDelta::hours(1)));
    assert_eq!(later.sweep().await.expect("a sweep"), 1);
    let left: Vec<String> = objects.list(BUCKET, "").await.expect("a list").into_iter().map(|o| o.key).collect();
    assert_eq!(left, [others[1], others[0]]);
}

#[tokio::test]
async fn errors_within_an_answer_that_says_200_are_errors() {
    let error = json!({"reason": "notFound", "message": "Not found: Table p.d.x"});
    let in_results = error.clone();
    let results = Server::scripted(move |request, _| match request.path().contains("/queries/") {
        true => {
            Reply::json(200, json!({"jobComplete": true, "schema": {"fields": []}, "rows": [], "errors": [in_results]}))
        }
        false => job(request, json!({"state": "RUNNING"}), json!({})),
    })
    .await;
    let in_job =
        Server::scripted(move |request, _| job(request, json!({"state": "DONE", "errorResult": error}), json!({})))
            .await;
    let root = tempfile::tempdir().expect("a folder");
    for server in [&results, &in_job] {
        let (shop, _) = shop(server, root.path()).await;
        let error = shop.query(&Access::anonymous(), "SELECT * FROM x", &LIMITS).await.expect_err("no table");
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(
            error.message.contains("Not found: Table p.d.x") && error.message.contains("showrunner_query_"),
            "{error}"
        );
        super::shapes::check(&server.seen());
    }
}

#[tokio::test]
async fn a_query_that_nobody_waits_for_is_cancelled() {
    let server = Server::scripted(|request, _| match request.path().contains("/queries/") {
        true => Reply::json(200, json!({"jobComplete": false})),
        false => job(request, json!({"state": "RUNNING"}), json!({})),
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, _) = shop(&server, root.path()).await;
    let who = Access::person("somebody".to_owned());
    let limits = QueryLimits { timeout: Duration::from_millis(300), maximum_bytes_billed: Some(7), ..LIMITS };
    let error = shop.query(&who, "SELECT 1", &limits).await.expect_err("late");
    assert_eq!(error.kind, ErrorKind::Timeout);
    let dropped = tokio::time::timeout(Duration::from_millis(200), shop.query(&who, "SELECT 2", &LIMITS)).await;
    assert!(dropped.is_err());
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if server.count("POST", "/cancel") == 2 {
            let seen = server.seen();
            let sent = seen.iter().find(|r| r.is("POST", "/jobs")).expect("a job").json();
            assert_eq!(sent["configuration"]["query"]["maximumBytesBilled"], "7");
            assert_eq!(sent["configuration"]["labels"]["showrunner"], "show-1");
            assert!(
                seen.iter().all(|r| r.header("authorization") == Some("Bearer somebody")),
                "all of it as that person"
            );
            super::shapes::check(&seen);
            return;
        }
    }
    panic!("{} of 2 queries were cancelled", server.count("POST", "/cancel"));
}

/// A table with rows in its streaming buffer and a policy; an overwrite loses `lost` of it.
async fn streaming(lost: &'static [&'static str]) -> Server {
    Server::scripted(move |request, before| {
        let overwritten = before.iter().any(|b| b.is("POST", "/jobs"));
        let patched = before.iter().any(|b| b.method == "PATCH");
        let restored = before.iter().any(|b| b.json().to_string().contains("CREATE OR REPLACE ROW ACCESS POLICY"));
        let policy = json!({"rowAccessPolicyReference": {"policyId": "ana"}, "filterPredicate": "name = 'ana'"});
        match (request.method.as_str(), request.path()) {
            ("GET", path) if path.ends_with("/tables/t") => {
                let mut table = table();
                table["streamingBuffer"] = json!({"estimatedRows": "2"});
                for key in lost.iter().filter(|key| overwritten && (!patched || **key == "clustering")) {
                    table.as_object_mut().expect("an object").remove(*key);
                }
                Reply::json(200, table)
            }
            ("GET", path) if path.ends_with("/rowAccessPolicies") => {
                let there = !overwritten || restored || !lost.contains(&"policies");
                Reply::json(200, json!({"rowAccessPolicies": if there { vec![policy] } else { Vec::new() }}))
            }
            ("POST", path) if path.ends_with(":getIamPolicy") => Reply::json(
                200,
                json!({"bindings": [{"role": "roles/bigquery.filteredDataViewer", "members": ["user:ana@x.com"]}]}),
            ),
            ("PATCH", _) => Reply::json(200, json!({})),
            _ => usual(request),
        }
    })
    .await
}

#[tokio::test]
async fn a_table_with_a_streaming_buffer_is_overwritten_and_what_that_lost_is_set_again() {
    let root = tempfile::tempdir().expect("a folder");
    for lost in [&[][..], &["labels", "policies"][..]] {
        let server = streaming(lost).await;
        let (shop, _) = shop(&server, root.path()).await;
        shop.truncate("t").await.expect("empty, and the same shape");
        let seen = server.seen();
        let sent = seen.iter().find(|r| r.is("POST", "/jobs")).expect("a job").json();
        let query = &sent["configuration"]["query"];
        assert_eq!(query["writeDisposition"], "WRITE_TRUNCATE_DATA");
        assert_eq!(query["timePartitioning"], table()["timePartitioning"]);
        assert_eq!(server.count("PATCH", "/tables/t"), usize::from(!lost.is_empty()));
        if !lost.is_empty() {
            let patch = seen.iter().find(|r| r.method == "PATCH").expect("a patch").json();
            assert_eq!(patch, json!({"labels": {"showrunner": "show-1"}}), "only what was lost");
            let policy = RowPolicy {
                id: "ana".to_owned(),
                filter: "name = 'ana'".to_owned(),
                grantees: vec!["user:ana@x.com".to_owned()],
            };
            let sql = shop.row_policy_sql("t", &policy).expect("a statement");
            assert!(seen.iter().any(|r| r.json()["configuration"]["query"]["query"] == sql.as_str()), "{sql}");
        }
        super::shapes::check(&seen);
    }
    let server = streaming(&["clustering"]).await;
    let (shop, _) = shop(&server, root.path()).await;
    let error = shop.truncate("t").await.expect_err("another shape");
    assert_eq!(error.kind, ErrorKind::Internal);
    assert!(error.message.contains("changed its clustering"), "{error}");
}

#[tokio::test]
async fn rows_of_another_date_are_refused_before_anything_is_sent() {
    let server = Server::scripted(|request, _| usual(request)).await;
    let root = tempfile::tempdir().expect("a folder");
    let (shop, objects) = shop(&server, root.path()).await;
    let mut rows = rows();
    rows[0].0 = NaiveDate::from_ymd_opt(2017, 7, 1).expect("a date");
    assert_eq!(rows[0].1[0].column(0).as_primitive::<arrow::datatypes::Date32Type>().value(0), 0);
    let error = shop.load("t", "run", rows).await.expect_err("another date");
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(server.seen().iter().all(|request| request.method == "GET"), "only looked at");
    assert_eq!(objects.list(BUCKET, "").await.expect("a list"), []);
}
