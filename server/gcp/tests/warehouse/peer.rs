//! Against `bqemulator`.

use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::compute::sum;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use chrono::NaiveDate;
use serde_json::{Value, json};
use showrunner_gcp::{Access, BigQueryWarehouse, Call, Endpoint, Pace, QueryLimits, Rest, RowPolicy, WarehouseOptions};
use showrunner_lake::ErrorKind;
use showrunner_lake::ports::{Objects, Warehouse, WarehouseTable};
use showrunner_lake::testing::warehouse_contract;

use super::bigquery::Peer;
use super::{bucket, options, warehouse};

#[tokio::test(flavor = "multi_thread")]
async fn bigquery_keeps_the_contract() {
    let Some(peer) = Peer::start("the warehouse's contract on BigQuery").await else { return };
    let objects = bucket(peer.root.path()).await;
    let number = AtomicU32::new(0);
    warehouse_contract(async || {
        let dataset = format!("contract_{}", number.fetch_add(1, Ordering::Relaxed));
        let warehouse = warehouse(&peer.proxy.url, objects.clone(), options(&dataset));
        warehouse.create_datasets().await.expect("a dataset");
        Box::new(warehouse) as Box<dyn Warehouse>
    })
    .await;
    super::shapes::check(&peer.proxy.seen());
    assert_eq!(objects.list(super::BUCKET, "").await.expect("a list"), [], "no file stays in the bucket");
}

/// Everything else, on one peer, since it takes seconds to start.
#[tokio::test(flavor = "multi_thread")]
async fn what_bigquery_can_do_besides() {
    let Some(peer) = Peer::start("queries, policies, extracts and datasets on BigQuery").await else { return };
    let objects = bucket(peer.root.path()).await;
    let options = WarehouseOptions { staging_dataset: "staging".to_owned(), ..options("shop") };
    let shop = warehouse(&peer.proxy.url, objects.clone(), options);
    shop.create_datasets().await.expect("datasets");
    shop.create_datasets().await.expect("once more changes nothing");
    nested_rows_come_back(&shop).await;
    queries_have_limits(&shop).await;
    streamed_rows_count(&shop, &peer.proxy.url).await;
    people_see_what_policies_let_them_see(&shop).await;
    emptying_keeps_the_shape(&shop).await;
    extracts_lie_in_the_bucket(&shop, objects.as_ref()).await;
    let rest = rest(&peer.proxy.url);
    let call = Call::get("list", &["projects", "p", "datasets", "staging", "tables"]);
    assert_eq!(rest.pages(call, "tables").await.expect("a list"), Vec::<Value>::new(), "no table of a load stays");
    datasets_are_deleted_by_their_label(&shop, &rest).await;
    let methods = super::shapes::check(&peer.proxy.seen());
    for expected in [
        "bigquery.datasets.insert",
        "bigquery.datasets.list",
        "bigquery.datasets.delete",
        "bigquery.tables.insert",
        "bigquery.tables.delete",
        "bigquery.jobs.insert",
        "bigquery.jobs.getQueryResults",
        "bigquery.rowAccessPolicies.insert",
        "bigquery.rowAccessPolicies.getIamPolicy",
        "bigquery.rowAccessPolicies.delete",
    ] {
        assert!(
            methods.is_empty() || methods.iter().any(|method| method == expected),
            "{expected} was not checked: {methods:?}"
        );
    }
}

const LIMITS: QueryLimits =
    QueryLimits { rows: 1000, timeout: Duration::from_secs(30), maximum_bytes_billed: Some(10_000_000_000) };

fn rest(url: &str) -> Rest {
    let endpoint = Endpoint::parse("the peer", url).expect("an address");
    Rest::new(&endpoint, "bigquery/v2", Access::anonymous(), Pace::default()).expect("a surface")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn text(batches: &[RecordBatch]) -> String {
    pretty_format_batches(batches).expect("a table").to_string()
}

/// Rows as JSON, one object a line, in the table's types.
fn batch(table: &WarehouseTable, schema: &SchemaRef, lines: &str) -> RecordBatch {
    let mut decoder = ReaderBuilder::new(schema.clone()).build_decoder().expect("a decoder");
    decoder.decode(lines.as_bytes()).expect("JSON");
    decoder.flush().expect("rows").unwrap_or_else(|| panic!("no rows for {}", table.name))
}

async fn nested_rows_come_back(shop: &BigQueryWarehouse) {
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let table = WarehouseTable {
        name: "nested".to_owned(),
        columns: vec![
            column("date", "DATE"),
            column("at", "TIMESTAMP"),
            column("ok", "BOOL"),
            column("price", "NUMERIC"),
            column("share", "FLOAT64"),
            column("tags", "ARRAY<STRING>"),
            column("geo", "STRUCT<country STRING, zoom INT64>"),
            column("hits", "ARRAY<STRUCT<page STRING, n INT64>>"),
        ],
        partition: "date".to_owned(),
        cluster: vec!["ok".to_owned()],
    };
    shop.create_table(&table).await.expect("a table");
    assert_eq!(shop.table("nested").await.expect("its shape"), table);
    let all = "SELECT * FROM `p.shop.nested` ORDER BY `at`";
    let empty = shop.query(&Access::anonymous(), all, &LIMITS).await.expect("no rows");
    assert_eq!((empty.total_rows, empty.batches.len()), (0, 0));
    let rows = batch(
        &table,
        &empty.schema,
        r#"{"date":"2017-07-01","at":"2017-07-01T10:00:00.000001Z","ok":true,"price":"12.500000001","share":0.25,"tags":["a","b"],"geo":{"country":"CL","zoom":3},"hits":[{"page":"/","n":1},{"page":"/x","n":null}]}
{"date":"2017-07-01","at":"2017-07-01T11:00:00Z","ok":null,"price":null,"share":null,"tags":[],"geo":{"country":"PE","zoom":null},"hits":[]}"#,
    );
    let outcome = shop.load("nested", "run", vec![(day("2017-07-01"), vec![rows.clone()])]).await.expect("a load");
    assert_eq!((outcome.rows, outcome.files), (2, 1));
    assert!(outcome.bytes > 0 && outcome.version > 0, "{outcome:?}");
    let answer = shop.query(&Access::anonymous(), all, &LIMITS).await.expect("rows");
    assert_eq!(text(&answer.batches), text(std::slice::from_ref(&rows)), "what was loaded comes back as it was");
    let twice = || shop.load("nested", "at once", vec![(day("2017-07-01"), vec![rows.clone()])]);
    let (one, other) = tokio::join!(twice(), twice());
    assert_eq!((one.expect("loaded").rows, other.expect("loaded").rows), (2, 2));
    assert_eq!(
        shop.partitions("nested").await.expect("partitions"),
        [(day("2017-07-01"), 2)],
        "the same job at once loads once"
    );
}

async fn queries_have_limits(shop: &BigQueryWarehouse) {
    let who = Access::anonymous();
    let many = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 25000)) AS n ORDER BY n";
    let of = async |rows| shop.query(&who, many, &QueryLimits { rows, ..LIMITS }).await.expect("rows");
    for (limit, expected) in [(15_000, 15_000), (25_000, 25_000), (100_000, 25_000), (7, 7), (0, 0)] {
        let answer = of(limit).await;
        assert_eq!(answer.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), expected, "{limit}");
        assert_eq!(answer.total_rows, 25_000);
        let sum: i64 = answer.batches.iter().filter_map(|b| sum(b.column(0).as_primitive::<Int64Type>())).sum();
        assert_eq!(sum, (1..=expected as i64).sum::<i64>(), "each row once");
    }
    for (sql, kind) in [
        ("SELEC 1", ErrorKind::Invalid),
        ("SELECT * FROM `p.shop.nowhere`", ErrorKind::NotFound),
        ("SELECT nothing FROM `p.shop.nested`", ErrorKind::Invalid),
    ] {
        let error = shop.query(&who, sql, &LIMITS).await.expect_err(sql);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains("Google's job showrunner_query_"), "{error}");
        shop.dry_run(&who, sql).await.expect_err(sql);
    }
    // The peer reads no bytes by its own account: that it answers is what is looked at here.
    assert_eq!(shop.dry_run(&who, many).await.expect("an estimate"), 0);
    let done = shop.query(&who, "CREATE TABLE `p.shop.made` (n INT64)", &LIMITS).await.expect("a statement");
    assert!(done.batches.is_empty(), "a statement gives no rows: {done:?}");
}

async fn streamed_rows_count(shop: &BigQueryWarehouse, url: &str) {
    let path = ["projects", "p", "datasets", "shop", "tables", "nested", "insertAll"];
    let body = json!({"rows": [{"insertId": "1", "json": {"date": "2017-07-02", "ok": true, "tags": [], "hits": []}}]});
    rest(url).send(Call::post("stream a row", &path, Some(body))).await.expect("streamed");
    let counts = shop.partitions("nested").await.expect("partitions");
    assert_eq!(counts, [(day("2017-07-01"), 2), (day("2017-07-02"), 1)]);
}

async fn people_see_what_policies_let_them_see(shop: &BigQueryWarehouse) {
    let before = shop.shape_hash("nested").await.expect("a hash");
    assert_eq!(shop.row_policies("nested").await.expect("none"), []);
    let policy = |id: &str, filter: &str, who: &str| RowPolicy {
        id: id.to_owned(),
        filter: filter.to_owned(),
        grantees: vec![format!("user:{who}@x.com")],
    };
    let (ana, all) = (policy("ana", "geo.country = 'CL'", "ana"), policy("everything", "TRUE", "boss"));
    shop.create_row_policy("nested", &ana).await.expect("by REST");
    shop.replace_row_policy("nested", &all).await.expect("by SQL");
    let again = shop.create_row_policy("nested", &ana).await.expect_err("it is there");
    assert_eq!(again.kind, ErrorKind::Exists);
    let found = shop.row_policies("nested").await.expect("policies");
    assert_eq!(found.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["ana", "everything"]);
    assert_eq!(found[0], ana);
    assert_eq!(found[1].grantees, all.grantees);
    let with = shop.shape_hash("nested").await.expect("a hash");
    assert_ne!(with, before, "policies are part of the shape");
    for (who, rows) in [("ana@x.com", 1), ("boss@x.com", 3), ("nobody@x.com", 0)] {
        let answer = shop.query(&Access::person(who.to_owned()), "SELECT * FROM `p.shop.nested`", &LIMITS).await;
        let seen = answer.expect("an answer").total_rows;
        assert_eq!(seen, rows, "{who}");
    }
    let hidden = shop.load("nested", "hidden", vec![(day("2017-07-01"), vec![])]).await.expect_err("rows are hidden");
    assert_eq!(hidden.kind, ErrorKind::Denied);
    assert!(hidden.message.contains("hide 2 of 2 rows") && hidden.message.contains("FILTER USING (TRUE)"), "{hidden}");
}

async fn emptying_keeps_the_shape(shop: &BigQueryWarehouse) {
    // With policies: enforced.rs.
    let with = shop.shape_hash("nested").await.expect("a hash");
    for id in ["ana", "everything"] {
        shop.delete_row_policy("nested", id, true).await.expect("deleted");
    }
    shop.delete_row_policy("nested", "ana", true).await.expect("fine if it is not there");
    let without = shop.shape_hash("nested").await.expect("a hash");
    assert_ne!(without, with);
    assert_eq!(shop.partitions("nested").await.expect("no policy hides anything now").len(), 2);
    shop.truncate("nested").await.expect("empty");
    assert_eq!(shop.partitions("nested").await.expect("nothing"), []);
    assert_eq!(shop.shape_hash("nested").await.expect("a hash"), without);
}

async fn extracts_lie_in_the_bucket(shop: &BigQueryWarehouse, objects: &dyn Objects) {
    let sql = "INSERT INTO `p.shop.made` SELECT n FROM UNNEST(GENERATE_ARRAY(1, 3)) AS n";
    shop.query(&Access::anonymous(), sql, &LIMITS).await.expect("rows");
    for _ in 0..2 {
        shop.extract("made", None, super::BUCKET, "made-", "job-1").await.expect("an extract");
    }
    let found = objects.list(super::BUCKET, "made-").await.expect("a list");
    assert_eq!(found.len(), 1, "{found:?}");
    let content = objects.get(super::BUCKET, &found[0].key).await.expect("a file");
    let mut plain = String::new();
    flate2::read::GzDecoder::new(content.as_ref()).read_to_string(&mut plain).expect("gzip");
    let lines: Vec<Value> = plain.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines, [json!({"n": 1}), json!({"n": 2}), json!({"n": 3})]);
    let error = shop.extract("nowhere", None, super::BUCKET, "no-", "job-2").await.expect_err("no such table");
    assert!(error.message.contains("shop.nowhere"), "{error}");
}

async fn datasets_are_deleted_by_their_label(shop: &BigQueryWarehouse, rest: &Rest) {
    for (name, labels) in [("foreign", json!({})), ("other_show", json!({"showrunner": "show-2"}))] {
        let body = json!({"datasetReference": {"projectId": "p", "datasetId": name}, "labels": labels});
        rest.send(Call::post("create", &["projects", "p", "datasets"], Some(body))).await.expect("a dataset");
        let error = shop.delete_dataset(name).await.expect_err(name);
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(error.message.contains(name), "{error}");
        assert_eq!(shop.dataset(name).await.expect("it is still there").location, "US");
    }
    let names = async || {
        let mut names: Vec<String> = shop.datasets().await.expect("a list").into_iter().map(|d| d.name).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names().await, ["shop", "staging"]);
    assert!(shop.delete_dataset("shop").await.expect("deleted"));
    assert!(!shop.delete_dataset("shop").await.expect("it was not there"));
    assert_eq!(names().await, ["staging"]);
    assert_eq!(shop.table("nested").await.map_err(|e| e.kind), Err(ErrorKind::NotFound), "with its tables");
}
