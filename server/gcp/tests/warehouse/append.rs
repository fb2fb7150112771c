//! Storage Write against `bqemulator`: the stream's tables, each row once whatever becomes of connections, and what else is done to a table
//! that rows are appended to.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use chrono::NaiveDate;
use serde_json::{Map, Value, json};
use showrunner_gcp::{BigQueryWarehouse, RowPolicy};
use showrunner_lake::ErrorKind;
use showrunner_lake::ports::{Question, ServingWarehouse, Warehouse, WarehouseTable};
use showrunner_lake::testing::stream_tables;

use super::bigquery::Peer;
use super::cutting::Cutting;
use super::{bucket, options, streaming};

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_appended_exactly_once() {
    let Some(peer) = Peer::start("appending by Storage Write on BigQuery").await else { return };
    let objects = bucket(peer.root.path()).await;
    let cutting = Cutting::start(&peer.grpc).await;
    let shop = streaming(&peer.proxy.url, &cutting.url, objects.clone(), options("shop"));
    shop.create_datasets().await.expect("a dataset");
    let error = shop.append("nowhere", &numbers(0..1, 0)).await.expect_err("no table");
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
    for table in stream_tables() {
        every_column_arrives(&shop, &table).await;
    }
    let plain = plain_table("plain");
    shop.create_table(&plain).await.expect("a table");
    a_connection_cut_before_rows_arrive(&shop, &cutting).await;
    a_connection_cut_before_the_answer_arrives(&shop, &cutting).await;
    a_connection_lost_while_nothing_happens(&shop, &cutting).await;
    big_batches_arrive_whole(&shop).await;
    emptying_between_appends(&shop).await;
    loading_between_appends(&shop).await;
    the_shape_stays(&shop).await;
    another_process_goes_on(&shop, &streaming(&peer.proxy.url, &peer.grpc, objects, options("shop"))).await;
    a_table_that_is_dropped_and_made_again(&shop).await;
    super::shapes::check(&peer.proxy.seen());
}

fn plain_table(name: &str) -> WarehouseTable {
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    WarehouseTable {
        name: name.to_owned(),
        columns: vec![column("date", "DATE"), column("n", "INT64"), column("text", "STRING")],
        partition: "date".to_owned(),
        cluster: Vec::new(),
    }
}

/// Rows of a plain table: so many days after 1970-01-01, with texts of some hundred letters.
fn numbers(range: std::ops::Range<i64>, day: i32) -> RecordBatch {
    let length = usize::try_from(range.end - range.start).expect("a length");
    let text: Vec<String> = range.clone().map(|n| format!("{n}:").repeat(100)).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("date", Arc::new(Date32Array::from(vec![day; length]))),
        ("n", Arc::new(Int64Array::from_iter_values(range))),
        ("text", Arc::new(StringArray::from(text))),
    ];
    RecordBatch::try_from_iter(columns).expect("rows")
}

/// The numbers in a table, sorted.
async fn held(shop: &BigQueryWarehouse, table: &str) -> Vec<i64> {
    let batches = shop.columns(table, &["n"]).await.expect("a column");
    let mut all: Vec<i64> =
        batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec()).collect();
    all.sort_unstable();
    all
}

fn until(end: i64) -> Vec<i64> {
    (0..end).collect()
}

/// A value for row `n` of a column; every third is NULL.
fn value(kind: &str, name: &str, n: i64) -> Value {
    if n % 3 == 2 && !matches!(name, "date" | "seq") {
        return Value::Null;
    }
    match kind {
        "INT64" => json!(n),
        "FLOAT64" => json!(n as f64 + 0.25),
        "BOOL" => json!(n % 2 == 0),
        "DATE" => json!("2017-07-01"),
        "TIMESTAMP" => json!(format!("2017-07-01T10:00:0{n}.000001Z")),
        "ARRAY<STRING>" => json!(["a", format!("{n}")]),
        "JSON" => json!(format!("{{\"a\":{n}}}")),
        "STRING" => json!(format!("{name} ü {n}")),
        numeric if numeric.starts_with("NUMERIC") => json!(format!("{n}.25")),
        other => panic!("the stream has a column {name} of type {other}"),
    }
}

async fn every_column_arrives(shop: &BigQueryWarehouse, table: &WarehouseTable) {
    shop.create_table(table).await.expect("a table");
    let question = |sql: String| Question {
        sql,
        token: None,
        rows: 100,
        timeout: Duration::from_secs(30),
        maximum_bytes_billed: None,
    };
    let all = format!("SELECT * FROM `{}` ORDER BY seq", table.name);
    let empty = shop.ask(question(all.clone())).await.expect("an answer").batches;
    assert_eq!((empty.len(), empty[0].num_rows()), (1, 0), "a batch without rows has the columns");
    let rows = |from: i64| {
        let row = |n: i64| -> Map<String, Value> {
            table.columns.iter().map(|(name, kind)| (name.clone(), value(kind, name, n))).collect()
        };
        let lines: Vec<Map<String, Value>> = (from..from + 4).map(row).collect();
        let mut decoder = ReaderBuilder::new(empty[0].schema()).build_decoder().expect("a decoder");
        decoder.serialize(&lines).expect("rows");
        decoder.flush().expect("rows").expect("rows")
    };
    shop.append(&table.name, &rows(0)).await.expect("appended");
    shop.append(&table.name, &rows(4)).await.expect("appended");
    let wanted: Vec<RecordBatch> = [rows(0), rows(4)].to_vec();
    let found = shop.ask(question(all)).await.expect("an answer").batches;
    let text = |batches: &[RecordBatch]| pretty_format_batches(batches).expect("a table").to_string();
    let null_lists_are_empty = |text: String| text.replace("[]", "  ");
    assert_eq!(null_lists_are_empty(text(&found)), null_lists_are_empty(text(&wanted)), "{}", table.name);
    let lists = found[0].columns().iter().filter(|column| matches!(column.data_type(), DataType::List(_)));
    assert!(lists.into_iter().all(|list| list.null_count() == 0), "lists are never NULL");
    let names: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
    let columns = shop.columns(&table.name, &names).await.expect("all columns");
    assert_eq!(columns.iter().map(RecordBatch::num_rows).sum::<usize>(), 8);
    assert_eq!(columns[0].schema(), found[0].schema());
    shop.settle(&table.name).await.expect("settled");
}

async fn a_connection_cut_before_rows_arrive(shop: &BigQueryWarehouse, cutting: &Cutting) {
    shop.append("plain", &numbers(0..10, 0)).await.expect("in");
    let before = cutting.connections();
    cutting.cut_after(4_000);
    shop.append("plain", &numbers(10..60, 0)).await.expect("in, by another connection");
    assert!(cutting.was_cut() && cutting.connections() > before);
    assert_eq!(held(shop, "plain").await, until(60));
}

async fn a_connection_cut_before_the_answer_arrives(shop: &BigQueryWarehouse, cutting: &Cutting) {
    let before = cutting.connections();
    cutting.lose_answers();
    let batch = numbers(60..100, 0);
    let appending = shop.append("plain", &batch);
    let cut = async {
        let begun = Instant::now();
        // The answer names the stream. Not by a query: the peer reads and writes by one connection of DuckDB's, which fails when both are
        // at work.
        while !cutting.has_lost("/streams/") {
            assert!(begun.elapsed() < Duration::from_secs(20), "no answer came");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cutting.cut();
    };
    let (appended, ()) = tokio::join!(appending, cut);
    appended.expect("they are in");
    assert!(cutting.connections() > before);
    assert_eq!(held(shop, "plain").await, until(100));
    shop.append("plain", &numbers(100..110, 0)).await.expect("and on it goes");
    assert_eq!(held(shop, "plain").await, until(110));
}

async fn a_connection_lost_while_nothing_happens(shop: &BigQueryWarehouse, cutting: &Cutting) {
    cutting.cut();
    tokio::time::sleep(Duration::from_millis(100)).await;
    shop.append("plain", &numbers(110..120, 0)).await.expect("in, by another connection");
    assert_eq!(held(shop, "plain").await, until(120));
}

async fn big_batches_arrive_whole(shop: &BigQueryWarehouse) {
    // About 20 MB, in three requests.
    shop.append("plain", &numbers(120..50_110, 0)).await.expect("in");
    assert_eq!(held(shop, "plain").await, until(50_110));
}

async fn emptying_between_appends(shop: &BigQueryWarehouse) {
    shop.truncate("plain").await.expect("empty");
    assert_eq!(held(shop, "plain").await, until(0));
    shop.append("plain", &numbers(0..3, 0)).await.expect("in");
    assert_eq!(held(shop, "plain").await, until(3), "exactly what came after");
    shop.truncate("plain").await.expect("empty");
    shop.truncate("plain").await.expect("still empty");
    shop.append("plain", &numbers(0..5, 0)).await.expect("in");
    assert_eq!(held(shop, "plain").await, until(5));
}

async fn loading_between_appends(shop: &BigQueryWarehouse) {
    shop.append("plain", &numbers(100..110, 1)).await.expect("another date");
    let kept = vec![(NaiveDate::default(), vec![numbers(0..2, 0)])];
    shop.load("plain", "one customer is removed", kept).await.expect("a load");
    let expected: Vec<i64> = (0..2).chain(100..110).collect();
    assert_eq!(held(shop, "plain").await, expected, "one date is replaced, the other as it was");
    shop.append("plain", &numbers(2..4, 0)).await.expect("in, by the same stream");
    let expected: Vec<i64> = (0..4).chain(100..110).collect();
    assert_eq!(held(shop, "plain").await, expected);
    shop.load("plain", "a date goes", vec![(NaiveDate::default(), vec![])]).await.expect("a load");
    assert_eq!(held(shop, "plain").await, (100..110).collect::<Vec<_>>());
}

async fn the_shape_stays(shop: &BigQueryWarehouse) {
    let shape = async || shop.shape_checksum("plain").await.expect("a checksum");
    let first = shape().await;
    assert!(first.len() == 8 && first.chars().all(|c| c.is_ascii_hexdigit()), "{first}");
    shop.append("plain", &numbers(0..3, 0)).await.expect("in");
    assert_eq!(shape().await, first, "after an append");
    shop.load("plain", "shape", vec![(NaiveDate::default(), vec![numbers(0..2, 0)])]).await.expect("a load");
    assert_eq!(shape().await, first, "after a load");
    shop.truncate("plain").await.expect("empty");
    assert_eq!(shape().await, first, "after it was emptied");
    let policy = |filter: &str| RowPolicy {
        id: "ana".to_owned(),
        filter: filter.to_owned(),
        grantees: vec!["user:ana@x.com".to_owned()],
    };
    shop.replace_row_policy("plain", &policy("n = 1")).await.expect("a policy");
    let with = shape().await;
    // Not by replacing it: the peer refuses CREATE OR REPLACE for one that is there.
    shop.delete_row_policy("plain", "ana", true).await.expect("deleted");
    shop.create_row_policy("plain", &policy("n = 2")).await.expect("another filter");
    let other = shape().await;
    shop.delete_row_policy("plain", "ana", true).await.expect("deleted");
    assert_eq!(shape().await, first);
    assert!(with != first && other != first && with != other, "policies count");
    let more = plain_table("more");
    let mut wide = plain_table("wide");
    wide.columns.push(("other".to_owned(), "INT64".to_owned()));
    let mut sums = Vec::new();
    for table in [&more, &wide] {
        shop.create_table(table).await.expect("a table");
        sums.push(shop.shape_checksum(&table.name).await.expect("a checksum"));
    }
    assert_eq!(sums[0], first, "the same shape, whatever its name");
    assert_ne!(sums[1], first, "columns count");
    assert_eq!(shop.shape_checksum("nowhere").await.map_err(|e| e.kind), Err(ErrorKind::NotFound));
}

async fn another_process_goes_on(shop: &BigQueryWarehouse, other: &BigQueryWarehouse) {
    shop.truncate("plain").await.expect("empty");
    shop.append("plain", &numbers(0..3, 0)).await.expect("in");
    other.settle("plain").await.expect("settled");
    assert_eq!(held(other, "plain").await, until(3));
    other.append("plain", &numbers(3..6, 0)).await.expect("in");
    assert_eq!(held(other, "plain").await, until(6));
}

async fn a_table_that_is_dropped_and_made_again(shop: &BigQueryWarehouse) {
    shop.drop_table("plain").await.expect("gone");
    shop.drop_table("plain").await.expect("fine if it is not there");
    assert_eq!(shop.table("plain").await.map_err(|e| e.kind), Err(ErrorKind::NotFound));
    assert_eq!(shop.append("plain", &numbers(0..1, 0)).await.map_err(|e| e.kind), Err(ErrorKind::NotFound));
    shop.create_table(&plain_table("plain")).await.expect("a table");
    shop.append("plain", &numbers(0..3, 0)).await.expect("in");
    assert_eq!(held(shop, "plain").await, until(3));
    shop.settle("plain").await.expect("settled");
}
