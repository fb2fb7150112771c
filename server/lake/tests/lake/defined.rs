//! Datasets that an admin defines, from the sample to the warehouse and back.

use std::sync::Arc;

use showrunner_generate::bicycles::{HIRES, hires_csv, stations_csv};
use showrunner_lake::defined::{Definition, draft};
use showrunner_lake::model::{Day, DayInput, FileRef, Scope, Unwatched};
use showrunner_lake::{ErrorKind, Lake};

use crate::support::{Fixture, config, customers, date, day};

const DAYS: [&str; 2] = ["2017-07-28", "2017-07-29"];

pub fn hires() -> Definition {
    let sample = hires_csv(1, date(DAYS[0])).0;
    draft(HIRES, "Hires", "hires.csv", sample.as_bytes()).expect("a draft").definition
}

async fn define(f: &Fixture, definition: Definition, after: u32) -> showrunner_lake::Result<u32> {
    f.lake.define(definition, after, "admin", 1).await.map(|version| version.version)
}

async fn deliver(f: &Fixture, run: &str, texts: &[(&str, String)]) -> showrunner_lake::model::BronzeOutcome {
    let mut inputs = Vec::new();
    for (text, content) in texts {
        let path = f.dir.path().join(format!("{run}-{text}.csv"));
        std::fs::write(&path, content).expect("an input file");
        let day = Day { customer: "customer01".into(), dataset: HIRES.into(), date: date(text) };
        inputs.push(DayInput { day, files: vec![FileRef::Local(path)] });
    }
    let days: Vec<Day> = inputs.iter().map(|input| input.day.clone()).collect();
    let bronze = f.bronze(run, &inputs).await.expect("bronze");
    f.after_bronze(run, &days).await;
    bronze
}

#[tokio::test]
async fn hires_go_the_whole_way_and_the_dirt_stays_behind() {
    let f = Fixture::new().await;
    let draft = hires();
    assert_eq!((draft.key.as_slice(), draft.day.as_deref()), (&["rental_id".to_owned()][..], Some("start_date")));
    assert_eq!(draft.cluster, ["bike_model"]);
    assert!(draft.column("duration").unwrap().measure && !draft.column("bike_id").unwrap().measure);
    define(&f, draft, 0).await.unwrap();
    let days = DAYS.map(|day| hires_csv(1, date(day)));
    let texts: Vec<_> = DAYS.into_iter().zip(days.iter().map(|(text, _)| text.clone())).collect();
    let bronze = deliver(&f, "r1", &texts).await;
    let sum = |of: fn(&showrunner_generate::bicycles::Dirt) -> u64| days.iter().map(|(_, dirt)| of(dirt)).sum::<u64>();
    assert_eq!(bronze.rows_quarantined, sum(|dirt| dirt.held_back()));
    let hires = sum(|dirt| dirt.hires()) as i64;
    for table in ["silver", "warehouse"] {
        assert_eq!(f.number(&format!("SELECT count(*) FROM {table}.{HIRES}")).await, hires, "{table}");
    }
    assert_eq!(f.number(&format!("SELECT sum(row_count) FROM gold.{HIRES}_daily")).await, hires);
    let total = format!("SELECT sum(duration) FROM silver.{HIRES}");
    let again = f.number(&format!("SELECT sum(duration_sum) FROM gold.{HIRES}_daily")).await;
    assert_eq!(f.number(&total).await, again);
    let padded = format!("SELECT count(*) FROM silver.{HIRES} WHERE start_station_name <> trim(start_station_name)");
    assert_eq!(f.number(&padded).await, 0);
    let blank = format!("SELECT count(*) FROM silver.{HIRES} WHERE start_station_name IS NULL");
    assert_eq!(f.number(&blank).await as u64, sum(|dirt| dirt.blank));
    let serving = f.lake.warehouse().table(HIRES).await.unwrap();
    assert_eq!((serving.partition.as_str(), serving.cluster), ("date", vec!["bike_model".to_owned()]));

    // The same day once more doubles nothing, and a correction stays.
    deliver(&f, "r2", &texts).await;
    assert_eq!(f.number(&format!("SELECT count(*) FROM warehouse.{HIRES}")).await, hires);
    let days_of = f.lake.defined_jobs().unwrap();
    let names: Vec<_> = days_of.iter().map(|job| job.output.as_str()).collect();
    let expected = ["bronze", "silver", "gold", "warehouse"];
    assert!(names.iter().zip(expected).all(|(name, zone)| name.starts_with(zone)), "{names:?}");
    let sum = &days_of[2].lineage.column("duration_sum").unwrap().inputs[0].of;
    assert_eq!((sum.table.as_str(), sum.column.as_str()), ("silver.london_cycle_hire", "duration"));
    let name = &days_of[1].lineage.column("start_station_name").unwrap().inputs[0].of;
    assert_eq!((name.table.as_str(), name.column.as_str()), ("bronze.london_cycle_hire", "start_station_name"));
}

#[tokio::test]
async fn a_dataset_outlives_the_process_and_its_versions_are_told_apart() {
    let f = Fixture::new().await;
    assert_eq!(define(&f, hires(), 0).await.unwrap(), 1);
    let text = hires_csv(1, date(DAYS[1])).0;
    deliver(&f, "r1", &[(DAYS[1], text.clone())]).await;
    let rows = f.number(&format!("SELECT count(*) FROM warehouse.{HIRES}")).await;
    // Another title leaves the tables alone.
    let titled = Definition { title: "Hires of bicycles".into(), ..hires() };
    assert_eq!(define(&f, titled.clone(), 1).await.unwrap(), 2);
    assert_eq!(f.number(&format!("SELECT count(*) FROM warehouse.{HIRES}")).await, rows);
    for (after, kind) in [(0, ErrorKind::Conflict), (1, ErrorKind::Conflict)] {
        assert_eq!(define(&f, hires(), after).await.unwrap_err().kind, kind);
    }
    // Another clustering makes them anew.
    let clustered = Definition { cluster: vec!["start_station_id".into()], ..titled };
    assert_eq!(define(&f, clustered, 2).await.unwrap(), 3);
    assert_eq!(f.number(&format!("SELECT count(*) FROM bronze.{HIRES}")).await, 0);
    deliver(&f, "r2", &[(DAYS[1], text)]).await;
    assert_eq!(f.number(&format!("SELECT count(*) FROM warehouse.{HIRES}")).await, rows);

    let Fixture { dir, lake } = f;
    drop(lake);
    let reader = Lake::open_read_only(config(dir.path())).await.unwrap();
    assert!(reader.datasets().contains(&HIRES.to_owned()));
    drop(reader);
    let lake = Lake::open(config(dir.path())).await.unwrap();
    let f = Fixture { dir, lake };
    assert_eq!(f.number(&format!("SELECT count(*) FROM warehouse.{HIRES}")).await, rows);
    let kept = f.lake.defined().unwrap();
    let versions: Vec<_> = kept[0].versions.iter().map(|v| (v.version, v.rebuilt, v.by.as_str())).collect();
    assert_eq!(versions, [(1, true, "admin"), (2, false, "admin"), (3, true, "admin")]);
}

#[tokio::test]
async fn a_dataset_goes_without_a_trace_and_nothing_else_goes() {
    let f = Fixture::new().await;
    let before = f.lake.schema_checksum().await.unwrap();
    f.play("r0", &[day(DAYS[1])]).await;
    let sessions = f.number("SELECT count(*) FROM warehouse.ga_sessions").await;
    define(&f, hires(), 0).await.unwrap();
    let stations = draft("stations", "Stations", "stations.csv", stations_csv(1).as_bytes()).unwrap().definition;
    assert_eq!(stations.day, None, "a station has no day of its own");
    define(&f, stations, 0).await.unwrap();
    deliver(&f, "r1", &[(DAYS[1], hires_csv(1, date(DAYS[1])).0)]).await;

    // Days of one dataset are no days of another.
    let hire = Day { customer: "customer01".into(), dataset: HIRES.into(), date: date(DAYS[1]) };
    let planned = f.lake.purge_plan(&Scope::Days(vec![hire]), &customers()).await.unwrap();
    let touched: Vec<_> = planned.iter().filter(|i| i.rows > 0).map(|i| i.table.as_str()).collect();
    assert_eq!(touched, [HIRES, HIRES, "london_cycle_hire_daily", HIRES]);

    let scope = Scope::Dataset(HIRES.to_owned());
    for place in ["ingestion", "warehouse", "gold", "silver", "bronze"] {
        f.lake.purge(place, &scope, &customers(), "reset").await.unwrap();
    }
    let left = f.lake.purge_plan(&scope, &customers()).await.unwrap();
    assert!(left.iter().all(|item| item.count == 0 && item.files == 0), "{left:?}");
    assert_eq!(f.number("SELECT count(*) FROM warehouse.ga_sessions").await, sessions);
    for name in [HIRES, "stations"] {
        f.lake.undefine(name).await.unwrap();
        f.lake.undefine(name).await.unwrap();
    }
    assert_eq!(f.lake.schema_checksum().await.unwrap(), before);
    assert_eq!(f.lake.foreign(&customers()).await.unwrap(), []);
    assert!(!f.table_dir("bronze", HIRES).exists() && f.lake.defined().unwrap().is_empty());
    let gone = f.query(&format!("SELECT * FROM silver.{HIRES}")).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::Invalid);
    // The name is free again.
    define(&f, hires(), 0).await.unwrap();
    let refused = f.lake.bronze("r9", &[DayInput { day: day(DAYS[0]), files: vec![] }], Arc::new(Unwatched)).await;
    assert!(refused.is_ok(), "the sessions are as they were");
}

#[tokio::test]
async fn names_of_others_are_refused() {
    let f = Fixture::new().await;
    for name in ["ga_sessions", "sessions", "crm_contacts", "hits"] {
        let definition = Definition { name: name.to_owned(), ..hires() };
        assert_eq!(define(&f, definition, 0).await.unwrap_err().kind, ErrorKind::Conflict, "{name}");
    }
}
