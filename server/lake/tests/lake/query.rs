//! Queries: what they may do, how names are found, and where they end.

use std::time::Duration;

use showrunner_lake::{ErrorKind, Identity, Lake, QueryLimits};

use crate::support::{Fixture, day};

#[tokio::test(flavor = "multi_thread")]
async fn only_reading_is_possible() {
    let f = Fixture::new().await;
    f.bronze("r1", &[f.delivery(&day("2017-07-29"))]).await.unwrap();
    let rows = f.number("SELECT count(*) FROM bronze.ga_sessions").await;
    for sql in [
        "DELETE FROM bronze.ga_sessions",
        "INSERT INTO bronze.ga_sessions SELECT * FROM bronze.ga_sessions",
        "DROP TABLE bronze.ga_sessions",
        "CREATE VIEW v AS SELECT 1",
        "COPY bronze.ga_sessions TO 'stolen.parquet'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM bronze.nothing",
        "SELECT nothing FROM bronze.ga_sessions",
        "SELECT",
    ] {
        let error = f.query(sql).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{sql}: {error}");
        assert!(!error.message.is_empty());
    }
    assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions").await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_need_no_quotes_and_listings_work() {
    let f = Fixture::new().await;
    f.bronze("r1", &[f.delivery(&day("2017-07-29"))]).await.unwrap();
    let expected = f.texts("SELECT DISTINCT fullVisitorId FROM bronze.ga_sessions ORDER BY 1").await;
    assert!(!expected.is_empty());
    for sql in [
        "SELECT DISTINCT \"fullVisitorId\" FROM bronze.ga_sessions ORDER BY 1",
        "select distinct fullvisitorid from BRONZE.GA_SESSIONS order by 1",
        "SELECT DISTINCT FULLVISITORID AS Id FROM bronze.ga_sessions ORDER BY id",
    ] {
        assert_eq!(f.texts(sql).await, expected, "{sql}");
    }
    let tables = f.texts("SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema <> 'information_schema'").await;
    assert!(
        tables.contains(&"warehouse.ga_sessions".to_owned()) && tables.contains(&"silver.hits".to_owned()),
        "{tables:?}"
    );
    for sql in [
        "SHOW TABLES",
        "DESCRIBE silver.sessions",
        "EXPLAIN SELECT count(*) FROM gold.daily_kpis",
        "WITH a AS (SELECT 1 AS x) SELECT x FROM a",
    ] {
        assert!(f.query(sql).await.unwrap().batches[0].num_rows() > 0, "{sql}");
    }
    let empty = f.query("SELECT country FROM silver.sessions").await.unwrap();
    assert_eq!((empty.batches.len(), empty.batches[0].num_rows(), empty.batches[0].num_columns()), (1, 0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_time_are_limited() {
    let f = Fixture::new().await;
    let limits = |rows, millis| QueryLimits { rows, timeout: Duration::from_millis(millis) };
    let cut =
        f.lake.query(&Identity::admin(), "SELECT * FROM generate_series(1, 100000)", limits(10, 60_000)).await.unwrap();
    assert_eq!((cut.batches.iter().map(|b| b.num_rows()).sum::<usize>(), cut.cut), (10, true));
    let whole =
        f.lake.query(&Identity::admin(), "SELECT * FROM generate_series(1, 10)", limits(10, 60_000)).await.unwrap();
    assert_eq!((whole.batches.iter().map(|b| b.num_rows()).sum::<usize>(), whole.cut), (10, false));
    let endless = "SELECT count(*) FROM generate_series(1, 3000000) a, generate_series(1, 3000000) b";
    assert_eq!(f.lake.query(&Identity::admin(), endless, limits(10, 200)).await.unwrap_err().kind, ErrorKind::Timeout);
    assert_eq!(f.number("SELECT 1").await, 1, "other queries go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_beside_a_writer_sees_each_commit_and_writes_nothing() {
    let f = Fixture::new().await;
    let missing = Lake::open_read_only(crate::support::config(&f.dir.path().join("nowhere"))).await;
    assert_eq!(missing.err().map(|e| e.kind), Some(ErrorKind::NotFound));
    let reader = Lake::open_read_only(crate::support::config(f.dir.path())).await.unwrap();
    let count = async || {
        let answer = reader
            .query(&Identity::admin(), "SELECT count(*) AS n FROM bronze.ga_sessions", crate::support::limits())
            .await
            .unwrap();
        arrow::util::display::array_value_to_string(answer.batches[0].column(0), 0).unwrap()
    };
    assert_eq!(count().await, "0");
    let rows = f.bronze("r1", &[f.delivery(&day("2017-07-29"))]).await.unwrap().rows;
    assert_eq!(count().await, rows.to_string());
    let refused = reader.purge("bronze", &showrunner_lake::model::Scope::All, &[], "reset").await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
}
