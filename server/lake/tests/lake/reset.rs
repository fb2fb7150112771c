//! Removing data: nothing of the scope stays, nothing else goes.

use std::path::PathBuf;

use showrunner_lake::model::{PurgeItem, Scope};

use crate::support::{Fixture, customers, day, day_of};

const PLACES: [&str; 5] = ["ingestion", "bronze", "silver", "gold", "warehouse"];

async fn purge(f: &Fixture, scope: &Scope) -> Vec<PurgeItem> {
    let mut items = Vec::new();
    for place in PLACES {
        items.extend(f.lake.purge(place, scope, &customers(), "reset").await.expect("the lake answers"));
    }
    items
}

async fn left(f: &Fixture, scope: &Scope) -> Vec<PurgeItem> {
    let plan = f.lake.purge_plan(scope, &customers()).await.expect("the lake answers");
    plan.into_iter().filter(|i| (i.count, i.rows, i.files, i.bytes) != (0, 0, 0, 0)).collect()
}

fn all_files(f: &Fixture) -> Vec<PathBuf> {
    f.parquet_files(&f.dir.path().join("data"))
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_but_schemas_and_foreign_files() {
    let f = Fixture::new().await;
    let schemas = f.lake.schema_checksum().await.unwrap();
    let days = [day("2017-07-28"), day("2017-07-29"), day_of("customer02", "2017-07-29")];
    f.play("r1", &days).await;
    f.play("r2", &days).await;
    let folder = f.table_dir("bronze", "ga_sessions").join("date=20170729/customer=customer01");
    let orphan = folder.join("part-killed-18a6f3b2c4d5e6f700000001.zstd.parquet");
    std::fs::write(&orphan, b"half").unwrap();
    let note = folder.join("note.txt");
    std::fs::write(&note, b"not ours").unwrap();
    let stray = f.dir.path().join("data/buckets/sa-datalake-demo-test/stray.bin");
    std::fs::write(&stray, b"not ours").unwrap();
    let foreign: Vec<String> = f.lake.foreign(&customers()).await.unwrap().into_iter().map(|o| o.key).collect();
    assert_eq!(foreign, ["stray.bin", "zone/bronze/ga_sessions/date=20170729/customer=customer01/note.txt"]);

    let planned = f.lake.purge_plan(&Scope::All, &customers()).await.unwrap();
    let gone = purge(&f, &Scope::All).await;
    assert_eq!(planned, gone);
    let bronze = gone.iter().find(|i| i.place == "bronze").unwrap();
    assert_eq!((bronze.count, bronze.files), (3, 7), "two versions of three days, and the orphan");

    assert_eq!(left(&f, &Scope::All).await, []);
    assert!(all_files(&f).is_empty(), "{:?}", all_files(&f));
    assert!(note.exists() && stray.exists());
    assert!(!f.table_dir("silver", "sessions").join("date=2017-07-28").exists(), "empty folders go");
    assert_eq!(f.lake.schema_checksum().await.unwrap(), schemas);
    for table in f.lake.tables().await.unwrap() {
        assert_eq!(table.rows(), 0, "{}", table.table);
        let sql = format!("SELECT count(*) FROM {}.{}", table.zone.name(), table.table);
        assert_eq!(f.number(&sql).await, 0);
    }
    let log = f.table_dir("bronze", "ga_sessions").join("_delta_log");
    let entries = std::fs::read_dir(&log).unwrap().count();
    assert!(entries <= 3, "the log was cut back to a checkpoint, its version and the pointer, not {entries}");

    // Pressing again changes nothing; then the show starts over.
    let versions: Vec<i64> = f.lake.tables().await.unwrap().iter().map(|t| t.version).collect();
    purge(&f, &Scope::All).await;
    assert_eq!(f.lake.tables().await.unwrap().iter().map(|t| t.version).collect::<Vec<_>>(), versions);
    f.play("r3", &days).await;
    assert!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_customer_goes_and_the_other_stays() {
    let f = Fixture::new().await;
    let schemas = f.lake.schema_checksum().await.unwrap();
    f.play("r1", &[day("2017-07-28"), day("2017-07-29"), day_of("customer02", "2017-07-29")]).await;
    let other = f.number("SELECT count(*) FROM warehouse.ga_sessions WHERE customer = 'customer02'").await;
    let scope = Scope::Customer("customer01".to_owned());
    purge(&f, &scope).await;
    assert_eq!(left(&f, &scope).await, []);
    for table in ["bronze.ga_sessions", "silver.sessions", "silver.hits", "gold.daily_kpis", "warehouse.ga_sessions"] {
        assert_eq!(f.texts(&format!("SELECT DISTINCT customer FROM {table}")).await, ["customer02"], "{table}");
    }
    assert_eq!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await, other);
    assert!(all_files(&f).iter().all(|p| !p.to_string_lossy().contains("customer=customer01")));
    assert_eq!(f.lake.schema_checksum().await.unwrap(), schemas);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_goes_and_what_spans_days_is_recomputed() {
    let f = Fixture::new().await;
    let days: Vec<_> = (21..=29).map(|d| day(&format!("2017-07-{d}"))).collect();
    let (last, first_eight) = (&days[8], &days[..8]);
    f.play("r1", first_eight).await;
    let features = "SELECT full_visitor_id || ' ' || CAST(cutoff_date AS VARCHAR) || ' ' || CAST(sessions AS VARCHAR) FROM gold.visitor_features ORDER BY 1";
    let before = f.texts(features).await;
    assert!(!before.is_empty());
    let sessions = f.number("SELECT count(*) FROM warehouse.ga_sessions").await;
    f.play("r2", std::slice::from_ref(last)).await;
    assert_ne!(f.texts(features).await, before);

    let scope = Scope::Days(vec![last.clone()]);
    // Gold first: what silver still holds of the day must not find its way back.
    f.lake.purge("gold", &scope, &customers(), "reset").await.unwrap();
    assert_eq!(f.texts(features).await, before);
    purge(&f, &scope).await;
    assert_eq!(left(&f, &scope).await, []);
    assert_eq!(f.texts(features).await, before);
    assert_eq!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await, sessions);
    assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions WHERE date = '20170729'").await, 0);

    purge(&f, &Scope::Customer("customer01".to_owned())).await;
    assert_eq!(left(&f, &Scope::Customer("customer01".to_owned())).await, []);
    assert_eq!(f.texts(features).await, Vec::<String>::new());
}
