//! Masks on columns of real tables: nested, by tag, by precedence.

use showrunner_lake::Identity;
use showrunner_lake::model::Zone;
use showrunner_lake::policy::{TableName, Tag};

use crate::world::{World, analyst, nobody};

fn mask(name: &str, rule: &str, more: &str) -> String {
    format!(
        "CREATE DATA_POLICY {name} OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = '{rule}'{more})"
    )
}

fn grant(name: &str) -> String {
    format!("GRANT FINE_GRAINED_READ ON DATA_POLICY {name} TO 'principal://goog/subject/analyst.de@example.com'")
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_records_are_masked_or_denied_alone() {
    let world = World::plain().await;
    world
        .run(&[
            &mask("hash", "SHA256", ""),
            &mask("four", "LAST_FOUR_CHARACTERS", ""),
            &grant("hash"),
            &grant("four"),
            "ALTER TABLE bronze.ga_sessions ALTER COLUMN geonetwork.city SET OPTIONS (data_policies += ['hash'])",
            "ALTER TABLE bronze.ga_sessions ALTER COLUMN fullVisitorId SET OPTIONS (data_policies += ['four'])",
            "ALTER TABLE bronze.ga_sessions ALTER COLUMN hits.page.pagePath SET OPTIONS (data_policies += ['four'])",
        ])
        .await;
    let (admin, analyst) = (Identity::admin(), analyst());
    let one = "SELECT geoNetwork.city, geoNetwork.country, fullVisitorId, hits[1]['page']['pagePath'] AS path, hits[1]['page']['hostname'] AS host \
               FROM bronze.ga_sessions WHERE hits[1]['page']['hostname'] IS NOT NULL ORDER BY visitId, fullVisitorId LIMIT 1";
    let (raw, seen) = (world.text(&admin, one).await, world.text(&analyst, one).await);
    let cells = |text: &str| text.lines().nth(3).unwrap().split('|').map(|c| c.trim().to_owned()).collect::<Vec<_>>();
    let (raw, seen) = (cells(&raw), cells(&seen));
    assert_eq!((raw[2].as_str(), raw[5].as_str()), (seen[2].as_str(), seen[5].as_str()), "neighbours are as they are");
    assert_eq!(seen[1].len(), 44, "base64 of 32 bytes: {}", seen[1]);
    assert_eq!(seen[3], format!("XXXXX{}", &raw[3][raw[3].len() - 4..]));
    assert!(seen[4].starts_with("XXXXX") || seen[4].len() == 44, "{}", seen[4]);
    let unnested =
        "SELECT count(*) FROM (SELECT unnest(hits) AS h FROM bronze.ga_sessions) WHERE h['page']['pagePath'] LIKE '/%'";
    assert!(world.number(&admin, unnested).await > 0);
    assert_eq!(world.number(&analyst, unnested).await, 0);
    // Who is granted nothing gets neither the field nor the record that it is in.
    for sql in [
        "SELECT geoNetwork.city FROM bronze.ga_sessions",
        "SELECT b.geoNetwork FROM bronze.ga_sessions b",
        "SELECT geoNetwork['city'] FROM bronze.ga_sessions",
        "SELECT count(*) FROM bronze.ga_sessions WHERE geoNetwork.city = 'Berlin'",
        "WITH a AS (SELECT geoNetwork AS g FROM bronze.ga_sessions) SELECT g.city FROM a",
    ] {
        let error = world.error(&nobody(), sql).await;
        assert!(error.contains("bronze.ga_sessions.geoNetwork.city"), "{sql}: {error}");
    }
    let countries = "SELECT count(DISTINCT geoNetwork.country) FROM bronze.ga_sessions";
    assert_eq!(world.number(&nobody(), countries).await, world.number(&admin, countries).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_on_a_kind_of_data_acts_where_the_tags_are() {
    let world = World::plain().await;
    world
        .run(&[&mask("visitors", "SHA256", ", info_types = ['ADVERTISING_ID', 'LOCATION']"), &grant("visitors")])
        .await;
    let (admin, analyst) = (Identity::admin(), analyst());
    let masked = "SELECT count(*) FROM silver.sessions WHERE length(full_visitor_id) = 44";
    let joined = "SELECT count(*) FROM silver.sessions a JOIN silver.hits h ON a.date = h.date AND a.customer = h.customer AND a.session_id = h.session_id";
    assert_eq!(world.number(&analyst, masked).await, 0, "nothing is tagged yet");
    let tag = |table: &str, column: &str, info_type: &str| Tag {
        table: TableName { zone: Zone::Silver, table: table.into() },
        column: column.into(),
        info_type: info_type.into(),
    };
    let all = world.number(&admin, joined).await;
    world.f.lake.set_tags(vec![
        tag("sessions", "full_visitor_id", "ADVERTISING_ID"),
        tag("sessions", "session_id", "ADVERTISING_ID"),
        tag("hits", "session_id", "ADVERTISING_ID"),
        tag("sessions", "country", "OTHER"),
    ]);
    assert_eq!(
        world.number(&analyst, masked).await,
        world.number(&admin, "SELECT count(*) FROM silver.sessions").await
    );
    assert_eq!(world.number(&analyst, joined).await, all, "hashes join as the values did");
    assert!(world.error(&nobody(), "SELECT session_id FROM silver.hits").await.contains("\"visitors\""));
    world.f.lake.set_tags(Vec::new());
    assert_eq!(world.number(&analyst, masked).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_and_numbers_are_masked_in_their_types() {
    let world = World::plain().await;
    world
        .run(&[
            &mask("year", "DATE_YEAR_MASK", ""),
            &mask("zero", "DEFAULT_MASKING_VALUE", ""),
            &grant("year"),
            &grant("zero"),
            "ALTER TABLE silver.sessions ALTER COLUMN start_time SET OPTIONS (data_policies = ['year'])",
            "ALTER TABLE silver.sessions ALTER COLUMN hits SET OPTIONS (data_policies = ['zero'])",
            "ALTER TABLE silver.sessions ALTER COLUMN is_mobile SET OPTIONS (data_policies = ['zero'])",
        ])
        .await;
    let text = world.text(&analyst(), "SELECT DISTINCT start_time, hits, is_mobile FROM silver.sessions").await;
    let row = text.lines().nth(3).unwrap();
    assert!(row.contains("2017-01-01T00:00:00") && row.contains("| 0 ") && row.contains("| false"), "{text}");
    assert_eq!(text.lines().count(), 5, "one row: {text}");
}
