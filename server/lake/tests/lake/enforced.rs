//! Policies of the warehouse's tables are in force in the warehouse elsewhere too, all of them or none.

use showrunner_lake::ErrorKind;
use showrunner_lake::policy::{Grantee, Policies, Rule, Statement, TableName, Tag};
use showrunner_lake::ports::{ServedColumn, ServedRows, ServingWarehouse, TablePolicies};
use showrunner_lake::testing::Fails;

use crate::elsewhere::Cloud;
use crate::support::{Fixture, day};

const CHILE: &str = "CREATE ROW ACCESS POLICY chile ON warehouse.ga_sessions GRANT TO ('user:ana@x.com', 'group:g@x.com') \
    FILTER USING (country = \"Chile\" AND customer IN (SELECT s.customer FROM warehouse.ga_sessions_stream AS s))";
const STREAM: &str =
    "CREATE ROW ACCESS POLICY live ON warehouse.ga_sessions_stream GRANT TO ('user:ana@x.com') FILTER USING (TRUE)";

/// As the server does it: there first, then here.
async fn change(machine: &Fixture, statements: &[&str]) -> showrunner_lake::Result<()> {
    let mut next = Policies::clone(&machine.lake.policies());
    for statement in statements {
        next = machine.lake.policies_after(&next, &Statement::parse(statement)?).await?;
    }
    machine.lake.serve_policies(&next).await?;
    machine.lake.set_policies(next);
    Ok(())
}

fn of(names: &[&str]) -> Vec<Grantee> {
    names.iter().map(|name| Grantee::parse(name).expect("a grantee")).collect()
}

fn chile() -> TablePolicies {
    let filter = "country = \"Chile\" AND customer IN (SELECT s.customer FROM `ga_sessions_stream` AS s)".to_owned();
    let grantees = of(&["user:ana@x.com", "group:g@x.com"]);
    TablePolicies { rows: vec![ServedRows { id: "chile".to_owned(), filter, grantees }], columns: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_in_force_in_both_or_in_neither() {
    let cloud = Cloud::new();
    let machine = cloud.machine().await;
    machine.lake.sync_policies().await.expect("nothing to do");
    let elsewhere = |table: &str| cloud.warehouse.policies(table);
    change(&machine, &["CREATE ROW ACCESS POLICY x ON silver.sessions FILTER USING (FALSE)"]).await.expect("silver");
    assert_eq!(elsewhere("ga_sessions"), TablePolicies::default(), "of the warehouse's tables alone");
    let before = machine.lake.policies();
    // Whatever becomes of the second table, the first one is as it was.
    for refuses in [Fails::Before, Fails::After] {
        cloud.warehouse.refuse(&[None, Some(refuses)]);
        let error = change(&machine, &[CHILE, STREAM]).await.expect_err("refused there");
        assert_eq!(error.kind, ErrorKind::Denied, "{error}");
        for table in ["ga_sessions", "ga_sessions_stream"] {
            assert_eq!(elsewhere(table), TablePolicies::default(), "{refuses:?} {table}");
        }
        assert_eq!(machine.lake.policies(), before);
        assert_eq!(machine.lake.policies_trouble(), None);
    }
    let reads_silver = "CREATE ROW ACCESS POLICY far ON warehouse.ga_sessions FILTER USING (city IN (SELECT city FROM silver.sessions))";
    let error = change(&machine, &[STREAM, reads_silver]).await.expect_err("silver is not there");
    assert!(error.kind == ErrorKind::Invalid && error.message.contains("'far' on warehouse.ga_sessions"), "{error}");
    assert_eq!(elsewhere("ga_sessions_stream"), TablePolicies::default());

    let shape = cloud.warehouse.shape_checksum("ga_sessions").await.expect("a checksum");
    change(&machine, &[CHILE, STREAM]).await.expect("both");
    assert_eq!(elsewhere("ga_sessions"), chile());
    assert_eq!(elsewhere("ga_sessions_stream").rows.len(), 1);
    assert_ne!(cloud.warehouse.shape_checksum("ga_sessions").await.expect("a checksum"), shape);

    // What cannot even be taken back is told, and until it is better the lake's own engine answers.
    let query = "SELECT count(*) FROM warehouse.ga_sessions";
    assert!(machine.lake.warehouse_query(query).is_some());
    cloud.warehouse.refuse(&[Some(Fails::After), Some(Fails::Before)]);
    let error =
        change(&machine, &["DROP ALL ROW ACCESS POLICIES ON warehouse.ga_sessions"]).await.expect_err("refused");
    assert!(error.message.contains("could not be put back"), "{error}");
    assert_eq!(elsewhere("ga_sessions"), TablePolicies::default(), "the answer was lost");
    assert!(machine.lake.policies_trouble().is_some() && machine.lake.warehouse_query(query).is_none());
    machine.lake.sync_policies().await.expect("better now");
    assert_eq!(elsewhere("ga_sessions"), chile());
    assert!(machine.lake.policies_trouble().is_none() && machine.lake.warehouse_query(query).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_brings_it_in_line_and_tags_act_there() {
    let cloud = Cloud::new();
    let first = cloud.machine().await;
    first.lake.sync_policies().await.expect("nothing to do");
    let mask = [
        "CREATE DATA_POLICY hash OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'SHA256', info_types = ['PERSON'])",
        "GRANT FINE_GRAINED_READ ON DATA_POLICY hash TO 'principal://goog/subject/ana@x.com'",
        CHILE,
    ];
    change(&first, &mask).await.expect("fine");
    assert_eq!(cloud.warehouse.policies("ga_sessions"), chile(), "nothing is tagged yet");
    let table: TableName = first.lake.policies().rows[0].table.clone();
    let tags = vec![Tag { table, column: "city".to_owned(), info_type: "PERSON".to_owned() }];
    first.lake.set_tags(tags.clone());
    first.lake.sync_policies().await.expect("tagged");
    let masked = vec![(Rule::Sha256, of(&["user:ana@x.com"]))];
    let columns = vec![ServedColumn { column: "city".to_owned(), raw: Vec::new(), masked }];
    let all = TablePolicies { columns, ..chile() };
    assert_eq!(cloud.warehouse.policies("ga_sessions"), all);
    let kept = Policies::clone(&first.lake.policies());
    let shapes = first.lake.schema_checksum().await.expect("a checksum");
    first.play("r1", &[day("2017-07-29")]).await;
    assert_eq!(first.lake.schema_checksum().await.expect("a checksum"), shapes, "a load leaves them");
    drop(first);

    // Somebody took them away meanwhile, and the first start finds the warehouse in trouble at one of its tables.
    cloud.warehouse.set_policies("ga_sessions", &TablePolicies::default()).await.expect("taken away");
    let second = cloud.machine().await;
    second.lake.set_policies(kept);
    second.lake.set_tags(tags);
    cloud.warehouse.refuse(&[Some(Fails::Before)]);
    second.lake.sync_policies().await.expect_err("trouble");
    let trouble = second.lake.policies_trouble().expect("told");
    assert!(trouble.contains("Could not set the policies of ga_sessions"), "{trouble}");
    second.lake.sync_policies().await.expect("in line");
    assert_eq!(cloud.warehouse.policies("ga_sessions"), all);
    assert_eq!(second.lake.policies_trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_made_anew_has_its_policies_before_its_rows() {
    let cloud = Cloud::new();
    let machine = cloud.machine().await;
    machine.lake.sync_policies().await.expect("nothing to do");
    let mut definition = crate::defined::hires();
    let table = definition.name.clone();
    machine.lake.define(definition.clone(), 0, "admin", 1).await.expect("defined");
    change(&machine, &[&format!("CREATE ROW ACCESS POLICY none ON warehouse.{table} FILTER USING (FALSE)")])
        .await
        .expect("fine");
    let policies = cloud.warehouse.policies(&table);
    assert_eq!(policies.rows.len(), 1);
    // Clustered otherwise, the tables are made anew.
    definition.cluster.clear();
    let version = machine.lake.define(definition.clone(), 1, "admin", 2).await.expect("changed");
    assert!(version.rebuilt);
    assert_eq!(cloud.warehouse.policies(&table), policies);
    definition.cluster.push("bike_model".to_owned());
    cloud.warehouse.refuse(&[Some(Fails::Before)]);
    machine.lake.define(definition, 2, "admin", 3).await.expect_err("no table without its policies");
}
