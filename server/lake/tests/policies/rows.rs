//! Which rows are seen: grants, conditions, views, the report.

use showrunner_lake::Identity;

use crate::support::{Fixture, day};
use crate::world::{World, analyst, cells, nobody};

const COUNT: &str = "SELECT count(*) FROM silver.sessions";

#[tokio::test(flavor = "multi_thread")]
async fn several_grants_add_up_and_conditions_may_read_other_tables() {
    let world = World::plain().await;
    let admin = Identity::admin();
    let count = async |condition: &str| world.number(&admin, &format!("{COUNT} WHERE {condition}")).await;
    assert_eq!(world.number(&nobody(), COUNT).await, count("TRUE").await, "without policies everybody sees everything");
    world
        .run(&[
            r#"CREATE ROW ACCESS POLICY de ON silver.sessions GRANT TO ("user:analyst.de@example.com") FILTER USING (Country = "Germany")"#,
            "CREATE ROW ACCESS POLICY desktop ON `project.silver.sessions` GRANT TO ('group:analysts@example.com') FILTER USING (device_category = 'desktop' OR FALSE)",
        ])
        .await;
    assert_eq!(
        world.number(&analyst(), COUNT).await,
        count("country = 'Germany' OR device_category = 'desktop'").await
    );
    assert_eq!(world.number(&nobody(), COUNT).await, 0);
    assert_eq!(world.number(&admin, COUNT).await, count("TRUE").await);
    // A column of the condition need not be read by the query, and products follow their sessions.
    world
        .run(&[
            "DROP ALL ROW ACCESS POLICIES ON silver.sessions",
            "CREATE ROW ACCESS POLICY p ON silver.products GRANT TO ('allAuthenticatedUsers') \
             FILTER USING (session_id IN (SELECT session_id FROM silver.sessions WHERE country = 'Germany'))",
            "CREATE ROW ACCESS POLICY own ON gold.country_day GRANT TO ('domain:example.com') \
             FILTER USING (SESSION_USER() = 'analyst.de@example.com' AND country = 'Germany')",
        ])
        .await;
    let products = "SELECT count(*) FROM silver.products";
    let expected = world
        .number(
            &admin,
            &format!(
                "{products} WHERE session_id IN (SELECT session_id FROM silver.sessions WHERE country = 'Germany')"
            ),
        )
        .await;
    assert!(expected > 0);
    assert_eq!(world.number(&analyst(), products).await, expected);
    assert_eq!(world.number(&analyst(), "SELECT count(DISTINCT country) FROM gold.country_day").await, 1);
    assert_eq!(world.number(&nobody(), "SELECT count(DISTINCT country) FROM gold.country_day").await, 0);
    assert_eq!(world.text(&nobody(), "SELECT session_user() AS u").await.matches("nobody@example.com").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_fails_tells_no_value() {
    let world = World::plain().await;
    world
        .run(&["CREATE ROW ACCESS POLICY bad ON silver.sessions GRANT TO ('allAuthenticatedUsers') FILTER USING (CAST(country AS INT) = 1)"])
        .await;
    let error = world.error(&nobody(), "SELECT country FROM silver.sessions").await;
    assert!(error.contains("A policy of silver.sessions could not be evaluated"), "{error}");
    let countries = world.text(&Identity::admin(), "SELECT DISTINCT country FROM silver.sessions").await;
    for country in countries.split('|').map(str::trim).filter(|c| c.len() > 3 && *c != "country" && !c.contains('-')) {
        assert!(!error.contains(country), "{error} tells {country}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_shows_what_its_tables_show() {
    let world = World::plain().await;
    let all = "SELECT count(*) FROM warehouse.ga_sessions_all";
    let (admin, analyst) = (Identity::admin(), analyst());
    let germany = world.number(&admin, &format!("{all} WHERE country = 'Germany'")).await;
    world
        .run(&[
            "CREATE ROW ACCESS POLICY de ON warehouse.ga_sessions GRANT TO ('user:analyst.de@example.com') FILTER USING (country = 'Germany')",
            "CREATE DATA_POLICY null_it OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'ALWAYS_NULL')",
            "GRANT FINE_GRAINED_READ ON DATA_POLICY null_it TO 'principalSet://goog/public:all'",
            "ALTER TABLE warehouse.ga_sessions ALTER COLUMN city SET OPTIONS (data_policies = ['null_it'])",
        ])
        .await;
    assert!(germany > 0);
    assert_eq!(world.number(&analyst, all).await, germany);
    assert_eq!(world.number(&analyst, &format!("{all} WHERE country <> 'Germany'")).await, 0);
    assert_eq!(world.number(&analyst, "SELECT count(city) FROM warehouse.ga_sessions_all").await, 0);
    assert_eq!(world.number(&nobody(), all).await, 0);
    let refused = world
        .change("CREATE ROW ACCESS POLICY v ON warehouse.ga_sessions_all GRANT TO ('allAuthenticatedUsers') FILTER USING (TRUE)")
        .await
        .unwrap_err();
    assert!(refused.message.contains("views follow their tables"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_in_memory_is_subject_to_policies_and_shared_with_nobody() {
    let world = World::new().await;
    let queries = || {
        vec![
            "SELECT count(*) AS n, count(DISTINCT city) AS c FROM silver.sessions".to_owned(),
            "SELECT count(*) FROM silver.products p JOIN silver.sessions s ON p.date = s.date AND p.customer = s.customer AND p.session_id = s.session_id"
                .to_owned(),
        ]
    };
    let report = async |who: &Identity| {
        let answers = world.f.lake.report(who, queries()).await.unwrap();
        cells(&answers[0])
    };
    let admin = Identity::admin();
    for (who, sql) in [
        (&admin, "SELECT count(*) AS n, count(DISTINCT city) AS c FROM silver.sessions"),
        (&analyst(), "SELECT count(*) AS n, 1 AS c FROM silver.sessions WHERE country = 'Germany'"),
        (&admin, "SELECT count(*) AS n, count(DISTINCT city) AS c FROM silver.sessions"),
    ] {
        assert_eq!(report(who).await, world.cells(&admin, sql).await, "{}", who.user());
    }
    let refused = world.f.lake.report(&nobody(), queries()).await.unwrap_err();
    assert!(refused.message.contains("on column silver.sessions.city"), "{refused}");
    let rows = vec!["SELECT count(*) FROM silver.sessions".to_owned()];
    assert_eq!(cells(&world.f.lake.report(&nobody(), rows).await.unwrap()[0]), [["0"]]);
    let denied = world.f.lake.report(&analyst(), vec!["SELECT browser FROM silver.sessions".into()]).await.unwrap_err();
    assert!(denied.message.starts_with("Access Denied"), "{denied}");
    // A condition on a column that is not in memory is read from the files.
    world
        .run(&["CREATE OR REPLACE ROW ACCESS POLICY germany ON silver.sessions GRANT TO ('user:analyst.de@example.com') FILTER USING (language = 'de' OR pageviews > 3)"])
        .await;
    let expected = world
        .cells(&admin, "SELECT count(*) AS n, 1 AS c FROM silver.sessions WHERE language = 'de' OR pageviews > 3")
        .await;
    assert_eq!(report(&analyst()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_holds_for_the_next_query() {
    let f = Fixture::new().await;
    f.play("r1", &[day("2017-07-29")]).await;
    let world = World { f };
    let all = world.number(&nobody(), COUNT).await;
    for _ in 0..3 {
        world.run(&["CREATE ROW ACCESS POLICY none ON silver.sessions FILTER USING (TRUE)"]).await;
        assert_eq!(world.number(&nobody(), COUNT).await, 0);
        world.run(&["DROP ROW ACCESS POLICY none ON silver.sessions"]).await;
        assert_eq!(world.number(&nobody(), COUNT).await, all);
    }
}

/// A policy costs no pruning: neither that of its own condition nor that of the query's.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_left_out_by_the_policy_and_by_the_query() {
    let world = World::new().await;
    let files = async |sql: &str| world.f.lake.files_behind_policies(&analyst(), sql).await.unwrap();
    assert_eq!(files(COUNT).await, 2, "a file a day");
    assert_eq!(files(&format!("{COUNT} WHERE date = '2017-07-29'")).await, 1);
    assert_eq!(files(&format!("{COUNT} WHERE date > '2017-07-29' AND country = 'x'")).await, 0);
    assert_eq!(files(&format!("{COUNT} WHERE date = '2017-07-29' OR country = 'Germany'")).await, 2);
    world
        .run(&[
            "CREATE OR REPLACE ROW ACCESS POLICY germany ON silver.sessions GRANT TO ('user:analyst.de@example.com') \
               FILTER USING (date = '2017-07-28' AND country = 'Germany')",
        ])
        .await;
    assert_eq!(files(COUNT).await, 1, "the policy's own condition");
    assert_eq!(files(&format!("{COUNT} WHERE date = '2017-07-29'")).await, 0);
}
