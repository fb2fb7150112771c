//! From delivered files to the warehouse: counts never double, bad input loses nothing, what a killed run left is swept.

use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use showrunner_lake::model::{DayInput, FileRef, Progress, ProgressSink, Unwatched, Zone};
use showrunner_lake::{ErrorKind, Lake};

use crate::support::{Fixture, day, day_of, lines};

#[tokio::test(flavor = "multi_thread")]
async fn ingesting_a_day_again_replaces_it() {
    let f = Fixture::new().await;
    let (first, second) = (day("2017-07-29"), day("2017-07-30"));
    let outcome = f.bronze("r1", &[f.delivery(&first), f.delivery(&second)]).await.unwrap();
    assert_eq!(
        (outcome.files, outcome.files_quarantined, outcome.rows_quarantined),
        (2, 0, 0),
        "{:?}",
        outcome.quarantined
    );
    assert_eq!(outcome.rows, outcome.per_day.iter().map(|(_, rows)| rows).sum::<u64>());
    assert!(outcome.rows >= 40);
    let all = f.number("SELECT count(*) FROM bronze.ga_sessions").await;
    assert_eq!(all as u64, outcome.rows);
    // Another run, and the same run once more: as a repetition after a crash would.
    for run in ["r2", "r2"] {
        f.bronze(run, &[f.delivery(&first)]).await.unwrap();
        assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions").await, all);
    }
    assert_eq!(f.texts("SELECT DISTINCT _run_id FROM bronze.ga_sessions WHERE date = '20170729'").await, ["r2"]);
    assert_eq!(
        f.texts("SELECT DISTINCT _source_file FROM bronze.ga_sessions WHERE date = '20170729'").await,
        ["customer01-2017-07-29.json"]
    );
    // Another process finds the same.
    let again = Lake::open_read_only(crate::support::config(f.dir.path())).await.unwrap();
    assert_eq!(again.tables().await.unwrap()[0].rows() as i64, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_grew_reads_older_days_as_null() {
    let f = Fixture::new().await;
    let days = [day("2017-06-30"), day("2017-07-01")];
    let june = lines("2017-06-30");
    assert!(june.iter().all(|l| !l.contains("clientId")) && lines("2017-07-01").iter().any(|l| l.contains("clientId")));
    f.bronze("r1", &[f.delivery(&days[0])]).await.unwrap();
    let before = f.parquet_files(&f.table_dir("bronze", "ga_sessions"));
    f.bronze("r2", &[f.delivery(&days[1])]).await.unwrap();
    let after = f.parquet_files(&f.table_dir("bronze", "ga_sessions"));
    assert!(before.iter().all(|old| after.contains(old)), "old partitions are not rewritten");
    assert_eq!(f.number("SELECT count(clientid) FROM bronze.ga_sessions WHERE date = '20170630'").await, 0);
    assert!(f.number("SELECT count(clientid) FROM bronze.ga_sessions WHERE date = '20170701'").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_and_files_are_held_back_and_good_ones_load() {
    let f = Fixture::new().await;
    let target = day("2017-07-29");
    let mut rows = lines("2017-07-29");
    let good_rows = rows.len() as u64;
    rows.insert(2, "{\"visitId\": broken".to_owned());
    let mixed = f.file("mixed.json", &rows);
    let corrupt = f.dir.path().join("corrupt.json.gz");
    std::fs::write(&corrupt, [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let input = DayInput { day: target.clone(), files: vec![FileRef::Local(mixed), FileRef::Local(corrupt.clone())] };
    let outcome = f.bronze("r1", &[input]).await.unwrap();
    assert_eq!((outcome.rows, outcome.rows_quarantined, outcome.files_quarantined), (good_rows, 1, 1));
    let row = outcome.quarantined.iter().find(|q| q.file == "mixed.json").unwrap();
    assert_eq!(row.line, Some(3));
    assert!(row.sample.contains("broken") && !row.reason.is_empty());
    assert!(outcome.quarantined.iter().any(|q| q.file == "corrupt.json.gz" && q.line.is_none()));
    // A day all of whose files are held back stays as it was.
    let outcome = f.bronze("r2", &[DayInput { day: target, files: vec![FileRef::Local(corrupt)] }]).await.unwrap();
    assert_eq!((outcome.rows, outcome.files_quarantined, outcome.per_day[0].1), (0, 1, 0));
    assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions").await as u64, good_rows);
    assert_eq!(f.parquet_files(&f.table_dir("bronze", "ga_sessions")).len(), 1, "no part of a held-back file stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn silver_is_bronze_without_duplicates_and_the_rest_follows() {
    let f = Fixture::new().await;
    let target = day("2017-07-29");
    let mut rows = lines("2017-07-29");
    let doubled: Vec<String> = rows.iter().take(3).cloned().collect();
    rows.extend(doubled);
    let input = DayInput { day: target.clone(), files: vec![FileRef::Local(f.file("day.json", &rows))] };
    f.bronze("r1", &[input]).await.unwrap();
    let silver = f.lake.silver("r1", std::slice::from_ref(&target), Arc::new(Unwatched)).await.unwrap();
    let distinct = f
        .number("SELECT count(DISTINCT fullVisitorId || ':' || CAST(visitId AS VARCHAR)) FROM bronze.ga_sessions")
        .await;
    assert_eq!(f.number("SELECT count(*) FROM silver.sessions").await, distinct);
    assert_eq!(rows.len() as i64 - distinct, 3);
    assert!(silver.rules.iter().any(|r| r.rows == 3), "{:?}", silver.rules);
    let gold = f.lake.gold("r1", std::slice::from_ref(&target), Arc::new(Unwatched)).await.unwrap();
    // Features for a model need more than a week of days.
    assert!(gold.tables.iter().all(|t| (t.rows > 0) == (t.table != "visitor_features")), "{:?}", gold.tables);
    assert_eq!(f.number("SELECT CAST(sum(sessions) AS BIGINT) FROM gold.daily_kpis").await, distinct);
    let loaded = f.lake.load_warehouse("r1", std::slice::from_ref(&target), Arc::new(Unwatched)).await.unwrap();
    assert_eq!(loaded.tables[0].rows as i64, distinct);
    let version = loaded.tables[0].version;
    let again = f.lake.load_warehouse("r1", &[target], Arc::new(Unwatched)).await.unwrap();
    assert_eq!((again.tables[0].version, again.tables[0].rows as i64), (version, distinct), "the same job loads once");
    assert_eq!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await, distinct);
    let table = f.lake.warehouse().table("ga_sessions").await.unwrap();
    assert_eq!(
        (table.partition.as_str(), table.cluster),
        ("date", vec!["country".to_owned(), "device_category".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_customers_of_a_date_share_its_warehouse_partition() {
    let f = Fixture::new().await;
    f.play("r1", &[day("2017-07-29")]).await;
    let one = f.number("SELECT count(*) FROM warehouse.ga_sessions").await;
    f.play("r2", &[day_of("customer02", "2017-07-29")]).await;
    assert_eq!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await, 2 * one);
    assert_eq!(
        f.texts("SELECT DISTINCT customer FROM warehouse.ga_sessions ORDER BY 1").await,
        ["customer01", "customer02"]
    );
    assert_eq!(
        f.lake.warehouse().partitions("ga_sessions").await.unwrap(),
        [(crate::support::date("2017-07-29"), 2 * one as u64)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_a_customer_is_computed_from_its_own_rows() {
    let f = Fixture::new().await;
    f.play("r1", &[day("2017-07-28"), day("2017-07-29"), day_of("customer02", "2017-07-29")]).await;
    let counts = "SELECT date, customer, count(*) AS n FROM silver.sessions GROUP BY date, customer";
    for table in ["daily_kpis", "channel_day", "country_day", "device_day", "checkout_funnel"] {
        let sums = format!("SELECT date, customer, sum(sessions) AS n FROM gold.{table} GROUP BY date, customer");
        let different = format!(
            "SELECT count(*) FROM ({counts}) s FULL JOIN ({sums}) g ON s.date = g.date AND s.customer = g.customer \
             WHERE s.n IS DISTINCT FROM g.n"
        );
        assert_eq!(f.number(&different).await, 0, "{table}");
        assert_eq!(f.number(&format!("SELECT count(*) FROM ({sums})")).await, 3, "{table}");
    }
    // A day that is computed again takes nothing from its neighbours.
    let whole = f.texts("SELECT CAST(sum(revenue) AS VARCHAR) FROM gold.daily_kpis").await;
    f.play("r2", &[day_of("customer02", "2017-07-29")]).await;
    assert_eq!(f.texts("SELECT CAST(sum(revenue) AS VARCHAR) FROM gold.daily_kpis").await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_swept_when_it_starts_again() {
    let f = Fixture::new().await;
    let target = day("2017-07-29");
    f.bronze("r1", &[f.delivery(&target)]).await.unwrap();
    let live = f.parquet_files(&f.table_dir("bronze", "ga_sessions")).remove(0);
    let orphan = |run: &str| live.with_file_name(format!("part-{run}-18a6f3b2c4d5e6f700000001.zstd.parquet"));
    std::fs::write(orphan("r2"), b"half").unwrap();
    std::fs::write(orphan("other"), b"half").unwrap();
    f.bronze("r2", &[f.delivery(&target)]).await.unwrap();
    assert!(!orphan("r2").exists());
    assert!(orphan("other").exists(), "another run's part may still be on its way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_step_shows_nothing_and_leaves_nothing() {
    struct Stopped;
    impl ProgressSink for Stopped {
        fn update(&self, _: Progress) {}
        fn cancelled(&self) -> bool {
            true
        }
    }
    let f = Fixture::new().await;
    let target = day("2017-07-29");
    let stopped = f.lake.bronze("r1", &[f.delivery(&target)], Arc::new(Stopped)).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Cancelled);
    assert_eq!(f.lake.tables().await.unwrap()[0].rows(), 0);
    assert!(f.parquet_files(&f.table_dir("bronze", "ga_sessions")).is_empty());
    f.bronze("r1", &[f.delivery(&target)]).await.unwrap();
    let stopped = f.lake.silver("r1", &[target], Arc::new(Stopped)).await.unwrap_err();
    assert_eq!(stopped.kind, ErrorKind::Cancelled);
    assert!(f.parquet_files(&f.table_dir("silver", "sessions")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn bronze_files_open_in_any_reader_and_statistics_match() {
    let f = Fixture::new().await;
    f.bronze("r1", &[f.delivery(&day("2017-07-29"))]).await.unwrap();
    let path = f.parquet_files(&f.table_dir("bronze", "ga_sessions")).remove(0);
    assert!(path.parent().unwrap().ends_with("date=20170729/customer=customer01"), "{}", path.display());
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let rows = reader.metadata().file_metadata().num_rows();
    let stat = f.lake.tables().await.unwrap().remove(0);
    assert_eq!((stat.zone, stat.table.as_str(), stat.rows() as i64), (Zone::Bronze, "ga_sessions", rows));
    assert_eq!(stat.bytes(), path.metadata().unwrap().len());
    assert_eq!(stat.partitions[0].date, Some(crate::support::date("2017-07-29")));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_versions_stay_readable_through_checkpoints() {
    let f = Fixture::new().await;
    let target = day("2017-07-29");
    let mut rows = 0;
    for run in 0..25 {
        rows = f.bronze(&format!("r{run}"), &[f.delivery(&target)]).await.unwrap().rows;
    }
    let log = f.table_dir("bronze", "ga_sessions").join("_delta_log");
    assert!(std::fs::read_dir(log).unwrap().flatten().any(|e| e.file_name().to_string_lossy().contains(".checkpoint")));
    let fresh = Lake::open_read_only(crate::support::config(f.dir.path())).await.unwrap();
    assert_eq!(fresh.tables().await.unwrap()[0].rows(), rows);
    assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions").await as u64, rows);
}
