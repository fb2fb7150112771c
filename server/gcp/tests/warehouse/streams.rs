//! What Storage Write does on a bad day, by a server that does it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Date32Array, StringArray};
use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use prost::Message;
use serde_json::{Value, json};
use showrunner_gcp::{BigQueryWarehouse, Pace, WarehouseOptions};
use showrunner_lake::ErrorKind;
use showrunner_lake::ports::{ServingWarehouse, Warehouse};

use super::http::{Reply, Server};
use super::messages::{AppendRowsResponse, Outcome, RowError, Status};
use super::storage::{Asked, Say, Storage};
use super::{bucket, options, streaming};

/// Codes of gRPC's.
const INVALID: i32 = 3;
const NOT_FOUND: i32 = 5;
const EXISTS: i32 = 6;
const EXHAUSTED: i32 = 8;
const FINALIZED: i32 = 9;
const ABORTED: i32 = 10;
const OUT_OF_RANGE: i32 = 11;
const INTERNAL: i32 = 13;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// A warehouse with one table, whose Storage Write is scripted.
struct Shop {
    shop: BigQueryWarehouse,
    storage: Storage,
    _rest: Server,
    _root: tempfile::TempDir,
}

impl Shop {
    async fn scripted<F: Fn(&Asked, &[Asked]) -> Say + Send + Sync + 'static>(answer: F) -> Shop {
        Shop::with(options("d"), answer).await
    }

    async fn with<F>(options: WarehouseOptions, answer: F) -> Shop
    where
        F: Fn(&Asked, &[Asked]) -> Say + Send + Sync + 'static,
    {
        let storage = Storage::scripted(answer).await;
        let rest = Server::scripted(|_, _| {
            let fields = json!([{"name": "date", "type": "DATE"}, {"name": "name", "type": "STRING"}]);
            Reply::json(
                200,
                json!({"schema": {"fields": fields}, "timePartitioning": {"type": "DAY", "field": "date"}}),
            )
        })
        .await;
        let root = tempfile::tempdir().expect("a folder");
        let shop = streaming(&rest.url, &storage.url, bucket(root.path()).await, options);
        Shop { shop, storage, _rest: rest, _root: root }
    }

    /// The places in their streams at which rows came, in order.
    fn offsets(&self) -> Vec<(String, i64)> {
        let rows = self.storage.seen().into_iter().filter(|asked| asked.is("AppendRows")).map(|asked| asked.rows());
        rows.map(|rows| {
            let stream = rows.write_stream.rsplit('/').next().unwrap_or_default().to_owned();
            (stream, rows.offset.expect("an offset"))
        })
        .collect()
    }
}

fn rows(names: &[&str]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 2] = [
        ("name", Arc::new(StringArray::from(names.to_vec()))),
        ("date", Arc::new(Date32Array::from(vec![0; names.len()]))),
    ];
    RecordBatch::try_from_iter(columns).expect("rows")
}

fn at(stream: &str, offset: i64) -> (String, i64) {
    (stream.to_owned(), offset)
}

/// How many rows came before, by this method.
fn appends(before: &[Asked]) -> usize {
    before.iter().filter(|asked| asked.is("AppendRows")).count()
}

#[tokio::test]
async fn rows_go_by_one_connection_each_at_its_place() {
    let shop = Shop::scripted(Say::usual).await;
    shop.shop.append("t", &rows(&["a", "b"])).await.expect("in");
    shop.shop.append("t", &rows(&["c"])).await.expect("in");
    shop.shop.append("t", &rows(&[])).await.expect("nothing");
    shop.shop.append("t", &rows(&["d"])).await.expect("in");
    assert_eq!(shop.offsets(), [at("s0", 0), at("s0", 2), at("s0", 3)]);
    let seen = shop.storage.seen();
    assert!(seen.iter().all(|asked| asked.connection == 1));
    let created = &seen[0];
    assert_eq!(created.header("x-goog-request-params"), Some("parent=projects%2Fp%2Fdatasets%2Fd%2Ftables%2Ft"));
    let (sent, name) = (seen[1].rows(), "projects/p/datasets/d/tables/t/streams/s0");
    assert_eq!((sent.write_stream.as_str(), sent.trace_id.as_str()), (name, "showrunner"));
    let params = "write_stream=projects%2Fp%2Fdatasets%2Fd%2Ftables%2Ft%2Fstreams%2Fs0";
    assert_eq!(seen[1].header("x-goog-request-params"), Some(params));
    assert_eq!(seen[1].header("authorization"), None, "an anonymous address gets no token");
    let arrow = sent.arrow_rows.expect("Arrow");
    let (schema, batch) = (arrow.writer_schema.expect("a schema"), arrow.rows.expect("rows"));
    let all = [schema.serialized_schema.as_ref(), batch.serialized_record_batch.as_ref()].concat();
    let read: Vec<RecordBatch> =
        StreamReader::try_new(all.as_slice(), None).expect("Arrow").map(|batch| batch.expect("rows")).collect();
    let columns: Vec<&str> = read[0].schema_ref().fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!((columns, read[0].num_rows()), (vec!["date", "name"], 2), "in the table's order");
    shop.shop.settle("t").await.expect("settled");
    shop.shop.settle("t").await.expect("nothing is left to settle");
    assert_eq!(shop.storage.count("FinalizeWriteStream"), 1);
    shop.shop.append("t", &rows(&["e"])).await.expect("in");
    assert_eq!(shop.offsets().last(), Some(&at("s1", 0)), "another stream");
    let error = shop.shop.append("t", &rows(&["f"]).project(&[0]).expect("a column")).await.expect_err("no date");
    assert_eq!(error.kind, ErrorKind::Invalid);
    shop.shop.append("t", &rows(&["g"])).await.expect("in");
    assert_eq!(shop.offsets().last(), Some(&at("s1", 1)), "what was never sent does not end a stream");
}

#[tokio::test]
async fn trouble_is_asked_again_at_the_same_place() {
    for trouble in [
        || Say::Cut,
        || Say::Status(UNAVAILABLE, "try later"),
        || Say::Status(INTERNAL, "oh"),
        || Say::Status(EXHAUSTED, "too fast"),
        || Say::Status(UNAUTHENTICATED, "the token is old"),
        || Say::refused(ABORTED, "something before it failed"),
        || Say::refused(INTERNAL, "oh"),
        || Say::refused(EXHAUSTED, "too fast"),
    ] {
        let shop = Shop::scripted(move |asked, before| match asked.is("AppendRows") && appends(before) == 1 {
            true => trouble(),
            false => Say::usual(asked, before),
        })
        .await;
        shop.shop.append("t", &rows(&["a", "b"])).await.expect("in");
        shop.shop.append("t", &rows(&["c"])).await.expect("in the end");
        shop.shop.append("t", &rows(&["d"])).await.expect("in");
        assert_eq!(shop.offsets(), [at("s0", 0), at("s0", 2), at("s0", 2), at("s0", 3)]);
        assert_eq!(shop.storage.count("CreateWriteStream"), 1);
    }
    let shop = Shop::scripted(|asked, before| match asked.is("CreateWriteStream") && before.len() < 2 {
        true => Say::Status(if before.is_empty() { UNAVAILABLE } else { UNAUTHENTICATED }, "not now"),
        false => Say::usual(asked, before),
    })
    .await;
    shop.shop.append("t", &rows(&["a"])).await.expect("in the end");
    assert_eq!(shop.storage.count("CreateWriteStream"), 3);
}

#[tokio::test]
async fn a_lost_answer_is_no_reason_for_other_rows_to_be_taken_as_there() {
    // The server takes the rows, and every answer is lost for as long as the first call waits.
    let shop = Shop::scripted(|asked, before| match asked.is("AppendRows") && appends(before) < 4 {
        true => Say::Cut,
        false => Say::usual(asked, before),
    })
    .await;
    let error = shop.shop.append("t", &rows(&["a"])).await.expect_err("no answer came");
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert_eq!(shop.offsets().len(), 4, "as often as allowed");
    shop.shop.append("t", &rows(&["b"])).await.expect("in");
    assert_eq!(shop.offsets().last(), Some(&at("s1", 0)), "by another stream, after the first was ended");
    let methods: Vec<String> = shop.storage.seen().into_iter().skip(5).map(|asked| asked.method).collect();
    assert_eq!(methods, ["FinalizeWriteStream", "CreateWriteStream", "AppendRows"]);
}

#[tokio::test]
async fn rows_that_are_there_after_a_lost_answer_are_in() {
    let shop = Shop::scripted(|asked, before| match (asked.is("AppendRows"), appends(before)) {
        (true, 0) => Say::Cut,
        (true, 1) => Say::refused(EXISTS, "Offset 0 is there"),
        _ => Say::usual(asked, before),
    })
    .await;
    shop.shop.append("t", &rows(&["a", "b"])).await.expect("they are in");
    shop.shop.append("t", &rows(&["c"])).await.expect("in");
    assert_eq!(shop.offsets(), [at("s0", 0), at("s0", 0), at("s0", 2)]);
    // Without a lost answer somebody else's rows are there.
    let shop = Shop::scripted(|asked, before| match asked.is("AppendRows") {
        true => Say::refused(EXISTS, "Offset 0 is there"),
        false => Say::usual(asked, before),
    })
    .await;
    let error = shop.shop.append("t", &rows(&["a"])).await.expect_err("whose rows are these?");
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn a_stream_that_ended_is_forgotten() {
    for ended in [
        || Say::refused(FINALIZED, "Stream is finalized"),
        || Say::refused(OUT_OF_RANGE, "Offset 1 is beyond the end"),
        || Say::Status(NOT_FOUND, "Stream not found"),
    ] {
        let shop = Shop::scripted(move |asked, before| match asked.method.as_str() {
            "AppendRows" if appends(before) == 1 => ended(),
            "FinalizeWriteStream" => Say::Status(NOT_FOUND, "Requested entity was not found"),
            _ => Say::usual(asked, before),
        })
        .await;
        shop.shop.append("t", &rows(&["a"])).await.expect("in");
        let error = shop.shop.append("t", &rows(&["b"])).await.expect_err("the stream is gone");
        assert_eq!((error.kind, shop.offsets().len()), (ErrorKind::Conflict, 2), "{error}");
        assert!(
            error.message.starts_with("Could not append rows to d.t: ") && error.message.contains("which rows came")
        );
        shop.shop.settle("t").await.expect("it takes nothing more");
        shop.shop.append("t", &rows(&["b"])).await.expect("in");
        assert_eq!(shop.offsets().last(), Some(&at("s1", 0)));
    }
}

#[tokio::test]
async fn settling_that_fails_is_not_done() {
    let shop = Shop::scripted(|asked, before| match asked.is("FinalizeWriteStream") && before.len() < 6 {
        true => Say::Status(UNAVAILABLE, "try later"),
        false => Say::usual(asked, before),
    })
    .await;
    shop.shop.append("t", &rows(&["a"])).await.expect("in");
    let error = shop.shop.settle("t").await.expect_err("nobody knows");
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    assert!(error.message.starts_with("Could not settle what was appended to d.t"), "{error}");
    shop.shop.settle("t").await.expect("settled");
    assert_eq!(shop.storage.count("FinalizeWriteStream"), 5, "four, and the one that did it");
}

#[tokio::test]
async fn refused_rows_are_named() {
    let shop = Shop::scripted(|asked, before| match asked.is("AppendRows") {
        true => {
            let status =
                Status { code: INVALID, message: "Errors found while processing rows".to_owned(), details: vec![] };
            let row = |index| RowError { index, message: format!("field name is too long in {index}") };
            let row_errors = (1..6).map(row).collect();
            let answer = AppendRowsResponse { response: Some(Outcome::Error(status)), row_errors };
            Say::Message(answer.encode_to_vec())
        }
        false => Say::usual(asked, before),
    })
    .await;
    let error = shop.shop.append("t", &rows(&["a"; 6])).await.expect_err("refused");
    assert_eq!((error.kind, shop.offsets().len()), (ErrorKind::Invalid, 1), "not asked again");
    let words = "refused 5 of them and took none. row 1: field name is too long in 1; row 2: ";
    assert!(error.message.contains(words) && !error.message.contains("row 4"), "{error}");
}

#[tokio::test]
async fn big_batches_go_in_parts() {
    let shop = Shop::scripted(Say::usual).await;
    let name = "x".repeat(100_000);
    shop.shop.append("t", &rows(&vec![name.as_str(); 250])).await.expect("in");
    let seen = shop.storage.seen();
    let sent: Vec<&Asked> = seen.iter().filter(|asked| asked.is("AppendRows")).collect();
    assert!(sent.len() >= 3 && sent.iter().all(|asked| asked.message.len() < 10_000_000), "{}", sent.len());
    shop.shop.append("t", &rows(&["last"])).await.expect("in");
    assert_eq!(shop.offsets().last(), Some(&at("s0", 250)));
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let pace = Pace { attempt: Duration::from_millis(150), deadline: Duration::from_millis(500), ..options("d").pace };
    let shop = Shop::with(WarehouseOptions { pace, ..options("d") }, |asked, before| {
        if asked.is("AppendRows") { Say::Silence } else { Say::usual(asked, before) }
    })
    .await;
    let begun = Instant::now();
    let error = shop.shop.append("t", &rows(&["a"])).await.expect_err("no answer");
    assert_eq!(error.kind, ErrorKind::Timeout, "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let mut gone = options("d");
    gone.pace = pace;
    let root = tempfile::tempdir().expect("a folder");
    let nowhere = streaming(&shop._rest.url, "http://127.0.0.1:9", bucket(root.path()).await, gone);
    let error = nowhere.append("t", &rows(&["a"])).await.expect_err("nobody listens");
    assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn an_append_that_nobody_waits_for_ends_its_stream() {
    let shop = Shop::scripted(|asked, before| match asked.is("AppendRows") && appends(before) == 1 {
        true => Say::Silence,
        false => Say::usual(asked, before),
    })
    .await;
    shop.shop.append("t", &rows(&["a"])).await.expect("in");
    let dropped = tokio::time::timeout(Duration::from_millis(200), shop.shop.append("t", &rows(&["b"]))).await;
    assert!(dropped.is_err());
    shop.shop.append("t", &rows(&["c"])).await.expect("in");
    assert_eq!(shop.offsets(), [at("s0", 0), at("s0", 1), at("s1", 0)]);
}

#[tokio::test]
async fn what_a_dead_process_had_sent_gets_the_time_to_arrive() {
    let unfinished = Duration::from_millis(400);
    let shop = Shop::with(WarehouseOptions { unfinished, ..options("d") }, Say::usual).await;
    let begun = Instant::now();
    shop.shop.settle("t").await.expect("settled");
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    let begun = Instant::now();
    shop.shop.settle("other").await.expect("settled");
    assert!(begun.elapsed() < Duration::from_millis(200), "once, after the start");
    assert!(shop.storage.seen().is_empty());
}

/// At Google MERGE and TRUNCATE are refused while rows lie in the streaming buffer; the peer has none.
#[tokio::test]
async fn a_load_that_the_streaming_buffer_refuses_says_when_to_try_again() {
    let refused = json!({"reason": "invalidQuery", "message": "MERGE statement over table p.d.t would affect rows in the streaming buffer, which is not supported"});
    let rest = Server::scripted(move |request, _| match (request.method.as_str(), request.path()) {
        ("GET", path) if path.ends_with("/tables/t") => Reply::json(
            200,
            json!({
                "schema": {"fields": [{"name": "date", "type": "DATE"}, {"name": "name", "type": "STRING"}]},
                "timePartitioning": {"type": "DAY", "field": "date"},
                "streamingBuffer": {"oldestEntryTime": "1498903200000"},
            }),
        ),
        ("GET", path) if path.contains("/jobs/") => Reply::refused(404, "notFound", "no such job"),
        ("POST", path) if path.ends_with("/jobs") => {
            let mut status = json!({"state": "DONE"});
            if request.json().to_string().contains("MERGE INTO") {
                status["errorResult"] = refused.clone();
            }
            Reply::json(200, json!({"jobReference": request.json()["jobReference"], "status": status}))
        }
        ("DELETE", _) => Reply::json(204, Value::Null),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let shop = streaming(&rest.url, &rest.url, bucket(root.path()).await, options("d"));
    let error =
        shop.load("t", "run", vec![(chrono::NaiveDate::default(), vec![rows(&["a"])])]).await.expect_err("busy");
    assert_eq!(error.kind, ErrorKind::Busy, "{error}");
    for part in ["load rows into d.t", "came at 2017-07-01 10:00:00 UTC", "until 2017-07-01 11:30:00 UTC", "try again"]
    {
        assert!(error.message.contains(part), "{part}: {error}");
    }
    super::shapes::check(&rest.seen());
}

/// The table's resource may not tell of the buffer yet.
#[tokio::test]
async fn a_truncate_that_the_streaming_buffer_refuses_becomes_an_overwrite() {
    let text =
        "TRUNCATE DML statement over table p.d.t would affect rows in the streaming buffer, which is not supported";
    let refused = json!({"reason": "invalidQuery", "message": text});
    let rest = Server::scripted(move |request, _| match (request.method.as_str(), request.path()) {
        ("GET", path) if path.ends_with("/tables/t") => {
            Reply::json(200, json!({"schema": {"fields": [{"name": "date", "type": "DATE"}]}}))
        }
        ("POST", path) if path.ends_with("/jobs") => {
            let mut status = json!({"state": "DONE"});
            if request.json().to_string().contains("TRUNCATE TABLE") {
                status["errorResult"] = refused.clone();
            }
            Reply::json(200, json!({"jobReference": request.json()["jobReference"], "status": status}))
        }
        _ => Reply::json(200, json!({})),
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let shop = streaming(&rest.url, &rest.url, bucket(root.path()).await, options("d"));
    shop.truncate("t").await.expect("empty");
    let seen = rest.seen();
    let jobs: Vec<Value> = seen.iter().filter(|request| request.is("POST", "/jobs")).map(|r| r.json()).collect();
    assert_eq!(jobs.len(), 2, "refused, and then done otherwise");
    assert_eq!(jobs[1]["configuration"]["query"]["writeDisposition"], "WRITE_TRUNCATE_DATA");
    super::shapes::check(&seen);
}
