//! Views and questions, against `bqemulator`.

use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use serde_json::json;
use showrunner_gcp::{BigQueryWarehouse, RowPolicy};
use showrunner_lake::ErrorKind;
use showrunner_lake::ports::{Question, ServingWarehouse, Warehouse, WarehouseTable};

use super::bigquery::Peer;
use super::http::{Reply, Server};
use super::{bucket, options, warehouse};

fn question(sql: &str) -> Question {
    Question {
        sql: sql.to_owned(),
        token: None,
        rows: 1000,
        timeout: Duration::from_secs(30),
        maximum_bytes_billed: Some(10_000_000_000),
    }
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_and_views_made() {
    let Some(peer) = Peer::start("questions and views on BigQuery").await else { return };
    let shop = warehouse(&peer.proxy.url, bucket(peer.root.path()).await, options("shop"));
    assert_eq!(ServingWarehouse::dataset(&shop), "p.shop");
    shop.create_datasets().await.expect("a dataset");
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let table = WarehouseTable {
        name: "sales".to_owned(),
        columns: vec![column("date", "DATE"), column("n", "INT64"), column("country", "STRING")],
        partition: "date".to_owned(),
        cluster: Vec::new(),
    };
    shop.create_table(&table).await.expect("a table");
    let empty = shop.ask(question("SELECT * FROM sales")).await.expect("an answer");
    assert!(empty.batches.len() == 1 && empty.batches[0].num_rows() == 0 && !empty.cut, "{empty:?}");
    let mut decoder = ReaderBuilder::new(empty.batches[0].schema()).build_decoder().expect("a decoder");
    let row = |n: i64, country: &str| json!({"date": "2017-07-01", "n": n, "country": country});
    decoder.serialize(&[row(1, "CL"), row(2, "PE"), row(3, "CL")]).expect("rows");
    let rows = decoder.flush().expect("rows").expect("rows");
    let date: NaiveDate = "2017-07-01".parse().expect("a date");
    shop.load("sales", "run", vec![(date, vec![rows])]).await.expect("a load");
    answers(&shop).await;
    views(&shop).await;
    people(&shop).await;
    let methods = super::shapes::check(&peer.proxy.seen());
    assert!(methods.is_empty() || methods.iter().any(|method| method == "bigquery.tables.list"), "{methods:?}");
}

async fn answers(shop: &BigQueryWarehouse) {
    let served = shop.ask(question("SELECT n FROM sales ORDER BY n")).await.expect("rows");
    assert_eq!((numbers(&served.batches), served.cut), (vec![1, 2, 3], false));
    assert!(served.job.starts_with("showrunner_query_"), "{}", served.job);
    for (rows, cut) in [(0, true), (2, true), (3, false)] {
        let served = shop.ask(Question { rows, ..question("SELECT n FROM `sales` ORDER BY n") }).await.expect("rows");
        assert_eq!((numbers(&served.batches).len(), served.cut), (rows, cut));
        assert!(!served.batches.is_empty());
    }
    for (sql, kind) in [
        ("SELEC 1", ErrorKind::Invalid),
        ("SELECT * FROM nowhere", ErrorKind::NotFound),
        ("DELETE FROM sales WHERE TRUE", ErrorKind::Invalid),
        ("DROP TABLE sales", ErrorKind::Invalid),
    ] {
        let error = shop.ask(question(sql)).await.expect_err(sql);
        assert_eq!(error.kind, kind, "{sql}: {error}");
        let changes = sql.starts_with('D');
        assert_eq!(error.message.contains("not SELECT"), changes, "{sql}: {error}");
    }
    assert_eq!(numbers(&shop.columns("sales", &["n"]).await.expect("a column")).len(), 3, "nothing was deleted");
    assert_eq!(shop.columns("sales", &[]).await.map_err(|e| e.kind).expect_err("none"), ErrorKind::Invalid);
}

async fn views(shop: &BigQueryWarehouse) {
    let chile = "SELECT s.n, 'FROM `sales`' AS words FROM `sales` AS s WHERE s.country = 'CL';";
    shop.create_view("chile", chile).await.expect("a view");
    let served = shop.ask(question("SELECT n FROM chile ORDER BY n")).await.expect("rows");
    assert_eq!(numbers(&served.batches), [1, 3]);
    shop.create_view("chile", "SELECT n FROM `sales` WHERE country = 'PE'").await.expect("replaced");
    // From outside the dataset too: it names its tables in full.
    let served = shop.ask(question("SELECT n FROM `p.shop.chile`")).await.expect("rows");
    assert_eq!(numbers(&served.batches), [2]);
    shop.create_view("again", "SELECT v.n FROM `chile` AS v JOIN `sales` USING (n)").await.expect("a view of a view");
    assert_eq!(numbers(&shop.ask(question("SELECT n FROM again")).await.expect("rows").batches), [2]);
    shop.drop_table("again").await.expect("dropped");
    shop.drop_table("again").await.expect("fine if it is not there");
    let error = shop.ask(question("SELECT n FROM again")).await.expect_err("gone");
    assert_eq!(error.kind, ErrorKind::NotFound);
}

async fn people(shop: &BigQueryWarehouse) {
    let policy = RowPolicy {
        id: "ana".to_owned(),
        filter: "country = 'CL'".to_owned(),
        grantees: vec!["user:ana@x.com".to_owned()],
    };
    shop.create_row_policy("sales", &policy).await.expect("a policy");
    for (who, rows) in [("ana@x.com", vec![1, 3]), ("nobody@x.com", vec![])] {
        let question = Question { token: Some(who.to_owned()), ..question("SELECT n FROM sales ORDER BY n") };
        assert!(!format!("{question:?}").contains(who));
        assert_eq!(numbers(&shop.ask(question).await.expect("rows").batches), rows, "{who}");
    }
}

#[tokio::test]
async fn a_question_is_asked_as_the_person_within_its_limits() {
    let server = Server::scripted(|request, _| {
        let error =
            json!({"reason": "bytesBilledLimitExceeded", "message": "Query exceeded limit for bytes billed: 7"});
        let status = json!({"state": "DONE", "errorResult": error});
        Reply::json(200, json!({"jobReference": request.json()["jobReference"], "status": status}))
    })
    .await;
    let root = tempfile::tempdir().expect("a folder");
    let shop = warehouse(&server.url, bucket(root.path()).await, options("d"));
    let asked =
        Question { token: Some("ana".to_owned()), maximum_bytes_billed: Some(7), ..question("SELECT * FROM t") };
    let error = shop.ask(asked).await.expect_err("too large");
    assert_eq!(error.kind, ErrorKind::TooLarge, "{error}");
    let seen = server.seen();
    assert_eq!((seen.len(), seen[0].header("authorization")), (1, Some("Bearer ana")));
    let query = &seen[0].json()["configuration"]["query"];
    assert_eq!(query["defaultDataset"], json!({"projectId": "p", "datasetId": "d"}));
    assert_eq!(query["maximumBytesBilled"], "7");
    super::shapes::check(&seen);
}

#[tokio::test]
async fn whoever_may_not_read_grantees_still_has_a_checksum() {
    let server = |readable: bool| {
        Server::scripted(move |request, _| match request.path() {
            path if path.ends_with("/rowAccessPolicies") => {
                let policy =
                    |id: &str| json!({"rowAccessPolicyReference": {"policyId": id}, "filterPredicate": "TRUE"});
                Reply::json(200, json!({"rowAccessPolicies": [policy("b"), policy("a")]}))
            }
            path if path.ends_with(":getIamPolicy") && readable => {
                let binding = json!({"role": "roles/bigquery.filteredDataViewer", "members": ["user:ana@x.com"]});
                Reply::json(200, json!({"bindings": [binding]}))
            }
            path if path.ends_with(":getIamPolicy") => Reply::refused(403, "accessDenied", "Access Denied"),
            _ => Reply::json(
                200,
                json!({"etag": request.target, "schema": {"fields": [{"name": "a", "type": "STRING"}]}}),
            ),
        })
    };
    let root = tempfile::tempdir().expect("a folder");
    let mut sums = Vec::new();
    for readable in [true, false, false] {
        let server = server(readable).await;
        let shop = warehouse(&server.url, bucket(root.path()).await, options("d"));
        sums.push(shop.shape_checksum("t").await.expect("a checksum"));
    }
    assert!(sums[0] != sums[1] && sums[1] == sums[2], "grantees count where they can be read: {sums:?}");
}
