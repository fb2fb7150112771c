//! The product's policies in BigQuery: rows against `bqemulator`, columns, which it does not have, against a server that notes statements.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use chrono::NaiveDate;
use serde_json::{Value, json};
use showrunner_gcp::{BigQueryWarehouse, RowPolicy};
use showrunner_lake::ErrorKind;
use showrunner_lake::policy::{Grantee, Rule};
use showrunner_lake::ports::{
    Question, ServedColumn, ServedRows, ServingWarehouse, TablePolicies, Warehouse, WarehouseTable,
};

use super::bigquery::Peer;
use super::http::{Reply, Request, Server};
use super::{bucket, options, streaming, warehouse};

fn of(names: &[&str]) -> Vec<Grantee> {
    names.iter().map(|name| Grantee::parse(name).expect("a grantee")).collect()
}

fn rows(id: &str, filter: &str, to: &[&str]) -> ServedRows {
    ServedRows { id: id.to_owned(), filter: filter.to_owned(), grantees: of(to) }
}

fn only(rows: &[ServedRows]) -> TablePolicies {
    TablePolicies { rows: rows.to_vec(), columns: Vec::new() }
}

/// The numbers of a table's rows, as somebody sees them.
async fn seen(shop: &BigQueryWarehouse, who: Option<&str>) -> Vec<i64> {
    let question = Question {
        sql: "SELECT n FROM sales ORDER BY n".to_owned(),
        token: who.map(str::to_owned),
        rows: 1000,
        timeout: std::time::Duration::from_secs(30),
        maximum_bytes_billed: None,
    };
    let batches = shop.ask(question).await.expect("rows").batches;
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

async fn ids(shop: &BigQueryWarehouse) -> Vec<String> {
    shop.row_policies("sales").await.expect("policies").into_iter().map(|policy| policy.id).collect()
}

async fn batch(shop: &BigQueryWarehouse, values: &[(i64, &str)]) -> RecordBatch {
    let question = Question {
        sql: "SELECT * FROM sales LIMIT 0".to_owned(),
        token: None,
        rows: 0,
        timeout: std::time::Duration::from_secs(30),
        maximum_bytes_billed: None,
    };
    let schema = shop.ask(question).await.expect("a schema").batches[0].schema();
    let mut decoder = ReaderBuilder::new(schema).build_decoder().expect("a decoder");
    let row = |(n, country): &(i64, &str)| json!({"date": "2017-07-01", "n": n, "country": country});
    decoder.serialize(&values.iter().map(row).collect::<Vec<_>>()).expect("rows");
    decoder.flush().expect("rows").expect("rows")
}

async fn load(shop: &BigQueryWarehouse, job: &str, values: &[(i64, &str)]) {
    let date: NaiveDate = "2017-07-01".parse().expect("a date");
    shop.load("sales", job, vec![(date, vec![batch(shop, values).await])]).await.expect("a load");
}

#[tokio::test(flavor = "multi_thread")]
async fn row_policies_are_in_force_and_loads_go_on() {
    let Some(peer) = Peer::start("the product's policies on BigQuery").await else { return };
    let objects = bucket(peer.root.path()).await;
    let shop = streaming(&peer.proxy.url, &peer.grpc, objects, options("shop"));
    shop.create_datasets().await.expect("a dataset");
    let column = |name: &str, kind: &str| (name.to_owned(), kind.to_owned());
    let columns = vec![column("date", "DATE"), column("n", "INT64"), column("country", "STRING")];
    let table = WarehouseTable { name: "sales".to_owned(), columns, partition: "date".to_owned(), cluster: Vec::new() };
    shop.create_table(&table).await.expect("a table");
    load(&shop, "one", &[(1, "CL"), (2, "PE"), (3, "CL")]).await;
    shop.set_policies("sales", &TablePolicies::default()).await.expect("nothing to do");
    assert_eq!((ids(&shop).await, seen(&shop, Some("ana@x.com")).await), (vec![], vec![1, 2, 3]));

    let wanted = only(&[
        rows("Chile", "country = 'CL'", &["user:ana@x.com"]),
        rows("listed", "country = 'PE'", &["user:bea@x.com"]),
        rows("nobody", "TRUE", &[]),
    ]);
    shop.set_policies("sales", &wanted).await.expect("in force");
    let all = ["showrunner_itself", "showrunner_row_chile", "showrunner_row_listed"];
    assert_eq!(ids(&shop).await, all, "one that is granted to nobody is there by hiding");
    for (who, numbers) in [
        (Some("ana@x.com"), vec![1, 3]),
        (Some("bea@x.com"), vec![2]),
        (Some("c@x.com"), vec![]),
        (None, vec![1, 2, 3]),
    ] {
        assert_eq!(seen(&shop, who).await, numbers, "{who:?}");
    }
    // Once more: nothing is written.
    let writes =
        || peer.proxy.seen().iter().filter(|request| request.method != "GET" && writes_policy(request)).count();
    let before = writes();
    shop.set_policies("sales", &wanted).await.expect("in force already");
    assert_eq!(writes(), before);

    // A load replaces, a stream appends, a reset empties, and all of it under policies that stay.
    let shape = shop.shape_checksum("sales").await.expect("a checksum");
    load(&shop, "two", &[(4, "CL"), (5, "PE")]).await;
    assert_eq!((seen(&shop, None).await, seen(&shop, Some("ana@x.com")).await), (vec![4, 5], vec![4]));
    shop.append("sales", &batch(&shop, &[(6, "CL"), (7, "PE")]).await).await.expect("appended");
    assert_eq!((seen(&shop, None).await, seen(&shop, Some("ana@x.com")).await), (vec![4, 5, 6, 7], vec![4, 6]));
    assert_eq!(
        shop.columns("sales", &["n"]).await.expect("a column").iter().map(RecordBatch::num_rows).sum::<usize>(),
        4
    );
    shop.truncate("sales").await.expect("emptied");
    assert_eq!(seen(&shop, None).await, Vec::<i64>::new());
    assert_eq!(shop.shape_checksum("sales").await.expect("a checksum"), shape, "the policies stayed");
    load(&shop, "three", &[(8, "CL"), (9, "PE")]).await;

    // Others' policies stay, and keep the product's own in place.
    let by_hand =
        RowPolicy { id: "by_hand".to_owned(), filter: "n = 9".to_owned(), grantees: vec!["user:c@x.com".to_owned()] };
    shop.create_row_policy("sales", &by_hand).await.expect("a policy");
    shop.set_policies("sales", &only(&[rows("Chile", "country = 'PE'", &["user:ana@x.com"])])).await.expect("changed");
    assert_eq!(ids(&shop).await, ["by_hand", "showrunner_itself", "showrunner_row_chile"]);
    assert_eq!((seen(&shop, Some("ana@x.com")).await, seen(&shop, Some("bea@x.com")).await), (vec![9], vec![]));
    shop.set_policies("sales", &TablePolicies::default()).await.expect("taken away");
    assert_eq!(ids(&shop).await, ["by_hand", "showrunner_itself"]);
    load(&shop, "four", &[(9, "CL"), (10, "PE")]).await;
    assert_eq!((seen(&shop, None).await, seen(&shop, Some("c@x.com")).await), (vec![9, 10], vec![9]));
    shop.delete_row_policy("sales", "by_hand", false).await.expect("deleted");
    shop.set_policies("sales", &TablePolicies::default()).await.expect("all gone");
    assert_eq!((ids(&shop).await, seen(&shop, Some("ana@x.com")).await), (vec![], vec![9, 10]));
    super::shapes::check(&peer.proxy.seen());
}

/// The statement of a job.
fn sql(request: &Request) -> String {
    let body = request.json();
    body.pointer("/configuration/query/query").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn writes_policy(request: &Request) -> bool {
    let words = sql(request);
    words.contains("POLICY") || words.contains("data_policies") || request.is("DELETE", "")
}

/// What was done to policies, in order, one word or two each.
fn done(server: &Server) -> Vec<String> {
    let words = |request: &Request| match request.method.as_str() {
        "DELETE" => request.target.rsplit('/').next().map(|id| format!("delete {id}")),
        _ => Some(sql(request)).filter(|_| writes_policy(request)),
    };
    server.seen().iter().filter_map(words).collect()
}

/// A table with these policies, and the data policies of its column `mail`. Statements about `refused` are refused.
async fn table(policies: &[&str], on_mail: &[String], refused: &'static str) -> Server {
    let listed: Vec<Value> = policies
        .iter()
        .map(|id| json!({"rowAccessPolicyReference": {"policyId": id}, "filterPredicate": "n > 0"}))
        .collect();
    let on_mail: Vec<Value> = on_mail.iter().map(|id| json!({"name": format!("p.region-us.{id}")})).collect();
    Server::scripted(move |request, _| match request.path() {
        path if request.method == "GET" && path.ends_with("/rowAccessPolicies") => {
            Reply::json(200, json!({"rowAccessPolicies": listed}))
        }
        path if path.ends_with(":getIamPolicy") => Reply::json(200, json!({})),
        path if request.method == "GET" && path.ends_with("/tables/t") => {
            let mail = json!({"name": "mail", "type": "STRING", "dataPolicies": on_mail});
            Reply::json(200, json!({"etag": "x", "schema": {"fields": [{"name": "n", "type": "INT64"}, mail]}}))
        }
        path if request.method == "GET" && path.ends_with("/tables") => {
            Reply::json(200, json!({"tables": [{"tableReference": {"tableId": "t"}}]}))
        }
        path if path.ends_with("/jobs") => {
            let mut status = json!({"state": "DONE"});
            if !refused.is_empty() && sql(request).contains(refused) {
                status["errorResult"] = json!({"reason": "invalidQuery", "message": "Unrecognized name: nothing"});
            }
            Reply::json(200, json!({"jobReference": request.json()["jobReference"], "status": status}))
        }
        _ => Reply::json(200, json!({})),
    })
    .await
}

#[tokio::test]
async fn on_the_way_nobody_sees_more() {
    let root = tempfile::tempdir().expect("a folder");
    let objects = bucket(root.path()).await;
    let old = ["showrunner_itself", "showrunner_row_old", "by_hand"];
    // The peer takes no subqueries; BigQuery wants their tables in full.
    let wanted = only(&[rows("new", "n IN (SELECT n FROM `t`)", &["user:ana@x.com"])]);
    let new = "` ON `p.d.t` GRANT TO ('user:ana@x.com') FILTER USING (n IN (SELECT n FROM `p.d.t`))";
    // (what is there, what is wanted, what is refused, what is done)
    let begins = |line: &str| format!("CREATE OR REPLACE ROW ACCESS POLICY `{line}");
    let cases: [(&[&str], TablePolicies, &'static str, Vec<String>); 4] = [
        (
            &old,
            wanted.clone(),
            "",
            vec![
                begins("showrunner_itself`"),
                begins(&format!("showrunner_row_new{new}")),
                "delete showrunner_row_old".into(),
            ],
        ),
        (&old, wanted, "row_new", vec![begins("showrunner_itself`"), begins(&format!("showrunner_row_new{new}"))]),
        (
            &old[..2],
            TablePolicies::default(),
            "",
            vec!["delete showrunner_row_old?force=false".into(), "delete showrunner_itself?force=true".into()],
        ),
        (
            &old[2..],
            TablePolicies::default(),
            "",
            vec![begins(
                "showrunner_itself` ON `p.d.t` GRANT TO ('user:anonymous@bqemulator.local') FILTER USING (TRUE)",
            )],
        ),
    ];
    for (there, wanted, refused, expected) in cases {
        let server = table(there, &[], refused).await;
        let shop = warehouse(&server.url, objects.clone(), options("d"));
        let outcome = shop.set_policies("t", &wanted).await;
        assert_eq!(
            outcome.as_ref().map_err(|error| error.kind).err(),
            (!refused.is_empty()).then_some(ErrorKind::Invalid)
        );
        if let Err(error) = outcome {
            assert!(error.message.contains("set row access policy showrunner_row_new of d.t"), "{error}");
        }
        let done = done(&server);
        assert!(
            done.len() == expected.len()
                && done.iter().zip(&expected).all(|(done, expected)| done.starts_with(expected)),
            "{done:#?}\nshould be\n{expected:#?}"
        );
        super::shapes::check(&server.seen());
    }
}

#[tokio::test]
async fn columns_go_from_one_mask_to_another_in_one_statement() {
    let root = tempfile::tempdir().expect("a folder");
    let objects = bucket(root.path()).await;
    let masked = |to: &[&str]| TablePolicies {
        rows: Vec::new(),
        columns: vec![ServedColumn {
            column: "mail".to_owned(),
            raw: of(&["user:robot@acme.iam.gserviceaccount.com"]),
            masked: vec![(Rule::EmailMask, of(to)), (Rule::AlwaysNull, Vec::new())],
        }],
    };
    let set = async |on_mail: &[String], wanted: &TablePolicies| {
        let server = table(&[], on_mail, "").await;
        warehouse(&server.url, objects.clone(), options("d")).set_policies("t", wanted).await.expect("set");
        super::shapes::check(&server.seen());
        done(&server)
    };
    let first = set(&["theirs".to_owned()], &masked(&["user:ana@x.com"])).await;
    let created: Vec<String> = first
        .iter()
        .filter_map(|line| {
            Some(line.split_once("CREATE OR REPLACE DATA_POLICY `p.region-us.")?.1.split_once('`')?.0.to_owned())
        })
        .collect();
    let kinds: BTreeMap<&str, &str> =
        created.iter().map(|id| (id.rsplit_once('_').expect("a hash").0, id.as_str())).collect();
    let expected = ["always_null", "email_mask", "raw"].map(|level| format!("showrunner_show_1_t_mail_{level}"));
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), expected, "{first:#?}");
    let granted = |id: &str| first.iter().find(|line| line.starts_with("GRANT") && line.contains(id)).cloned();
    assert_eq!(granted(kinds[expected[0].as_str()]), None, "nobody sees it so");
    assert!(
        granted(kinds[expected[1].as_str()]).expect("granted").ends_with("TO 'principal://goog/subject/ana@x.com'")
    );
    let raw = granted(kinds[expected[2].as_str()]).expect("granted");
    assert!(
        raw.contains("/serviceAccounts/robot@acme.iam.gserviceaccount.com'")
            && raw.contains("anonymous@bqemulator.local"),
        "{raw}"
    );
    let attach = first.last().expect("statements");
    assert!(
        attach.starts_with("ALTER TABLE `p.d.t` ALTER COLUMN `mail`") && attach.contains("p.region-us.theirs"),
        "{attach}"
    );
    assert!(created.iter().all(|id| attach.contains(id.as_str())), "{attach}");

    // The same again does nothing; others in the grant make one policy anew, and the old one goes when the column has let go of it.
    let mut on_mail = created.clone();
    on_mail.push("theirs".to_owned());
    assert_eq!(set(&on_mail, &masked(&["user:ana@x.com"])).await, Vec::<String>::new());
    let second = set(&on_mail, &masked(&["user:bea@x.com"])).await;
    let begins: Vec<&str> = second.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(begins, ["CREATE", "GRANT", "ALTER", "DROP"], "{second:#?}");
    assert!(
        second[3].contains(kinds[expected[1].as_str()]) && !second[2].contains(kinds[expected[1].as_str()]),
        "{second:#?}"
    );

    // Without policies the column shows what others' policies show, and ours are gone.
    let last = set(&on_mail, &TablePolicies::default()).await;
    assert!(last[0].ends_with("(data_policies = [\"{'name':'p.region-us.theirs'}\"])"), "{last:#?}");
    assert!(last.len() == 4 && last[1..].iter().all(|line| line.starts_with("DROP DATA_POLICY")), "{last:#?}");
}
