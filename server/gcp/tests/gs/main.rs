//! The lake engine on gs://: the same steps and the same tables as in the data folder, against the fake of Cloud Storage and Google's
//! Pub/Sub emulator.

#[path = "../support/emulator.rs"]
mod emulator;
#[path = "../support/fake.rs"]
mod fake;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, Int64Array};
use bytes::Bytes;
use showrunner_gcp::{Access, CloudObjects, Endpoints, GcpConfig, PubSubTopics, datalake};
use showrunner_generate::{Options, day_lines};
use showrunner_lake::model::{Day, DayInput, FileRef, ObjectRef, Scope, Unwatched};
use showrunner_lake::ports::Precondition;
use showrunner_lake::{Elsewhere, Identity, Lake, LakeConfig, QueryLimits, keys};

use emulator::Emulator;
use fake::Fake;

const COUNTS: [&str; 3] = [
    "SELECT count(*) FROM bronze.ga_sessions",
    "SELECT count(*) FROM silver.hits",
    "SELECT CAST(sum(sessions) AS BIGINT) FROM gold.daily_kpis",
];

/// What a machine is given.
struct Cloud {
    fake: Fake,
    config: GcpConfig,
    _emulator: Emulator,
}

impl Cloud {
    fn start(for_what: &str) -> Option<Cloud> {
        let emulator = Emulator::start(for_what)?;
        let fake = Fake::start(for_what, &[])?;
        let mut config = fake.config("demo-test");
        let pubsub = Endpoints::of(|name| {
            (name == "SHOWRUNNER_PUBSUB_ENDPOINT").then(|| format!("http://{}", emulator.address))
        });
        config.endpoints.pubsub = pubsub.expect("an address").pubsub;
        Some(Cloud { fake, config, _emulator: emulator })
    }

    async fn open(&self, data_dir: &Path) -> Arc<Lake> {
        let access = Access::anonymous();
        let elsewhere = Elsewhere {
            objects: Arc::new(CloudObjects::connect(&self.config, &access).await.expect("objects")),
            topics: Arc::new(PubSubTopics::connect(&self.config, &access).await.expect("topics")),
            datalake: datalake(&self.config, &access, "sa-datalake-demo-test").expect("the data lake"),
            warehouse: None,
            jobs: None,
        };
        let config = LakeConfig {
            elsewhere: Some(elsewhere),
            data_dir: data_dir.to_owned(),
            id: "demo".to_owned(),
            stage: "test".to_owned(),
            workers: 2,
            query_memory: 64 << 20,
        };
        Lake::open(config).await.expect("the lake opens")
    }
}

async fn number(lake: &Lake, sql: &str) -> i64 {
    let limits = QueryLimits { rows: 10, timeout: Duration::from_secs(60) };
    let answer = lake.query(&Identity::admin(), sql, limits).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    answer.batches[0].column(0).as_any().downcast_ref::<Int64Array>().expect("a number").value(0)
}

async fn counts(lake: &Lake) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in COUNTS {
        counts.push(number(lake, sql).await);
    }
    counts
}

/// Delivers a generated day to the ingestion bucket, as customer01 would.
async fn deliver(lake: &Lake, date: &str) -> DayInput {
    let date = date.parse().expect("a date");
    let day = Day { customer: "customer01".to_owned(), dataset: "ga_sessions".to_owned(), date };
    let lines = day_lines(&Options { seed: 7, sessions_per_day: 40, ..Options::default() }, date);
    let key = format!("{}ga_sessions.json", keys::day_prefix(&day));
    let bucket = &lake.names().ingestion;
    let data = Bytes::from(lines.join("\n") + "\n");
    let object = lake.objects().put(bucket, &key, data, Precondition::None).await.expect("delivered");
    DayInput {
        day,
        files: vec![FileRef::Object(ObjectRef { bucket: object.bucket, key: object.key, size: object.size })],
    }
}

async fn play(lake: &Lake, run: &str, days: &[DayInput]) -> u64 {
    let rows = lake.bronze(run, days, Arc::new(Unwatched)).await.expect("bronze").rows;
    let days: Vec<Day> = days.iter().map(|input| input.day.clone()).collect();
    lake.silver(run, &days, Arc::new(Unwatched)).await.expect("silver");
    lake.gold(run, &days, Arc::new(Unwatched)).await.expect("gold");
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_goes_from_the_ingestion_bucket_to_gold_and_back_to_nothing() {
    let Some(cloud) = Cloud::start("the lake engine on gs://") else { return };
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let lake = cloud.open(first.path()).await;
    let days = [deliver(&lake, "2017-07-28").await, deliver(&lake, "2017-07-29").await];
    let rows = play(&lake, "r1", &days).await;
    let before = counts(&lake).await;
    assert_eq!(before[0] as u64, rows);
    // The same day again, in the middle of trouble at Google.
    for order in [
        r#"{"match":{"surface":"xml"},"status":503,"retry_after":1,"times":3,"after":2}"#,
        r#"{"match":{"surface":"grpc"},"status":503,"times":2}"#,
        r#"{"match":{"surface":"xml","method":"PUT","path":"_delta_log/.*json"},"drop_response":true,"times":1}"#,
    ] {
        cloud.fake.control("POST", "faults", order);
    }
    play(&lake, "r2", &days[1..]).await;
    cloud.fake.control("DELETE", "faults", "");
    assert_eq!(counts(&lake).await, before, "delivered twice, and none is there twice");

    let other = cloud.open(second.path()).await;
    assert_eq!(counts(&other).await, before, "another machine finds the same");
    drop(other);

    let customers = ["customer01".to_owned()];
    for place in ["ingestion", "bronze", "silver", "gold", "warehouse"] {
        lake.purge(place, &Scope::All, &customers, "reset").await.expect("the reset");
    }
    assert_eq!(counts(&lake).await[..2], [0, 0]);
    let plan = lake.purge_plan(&Scope::All, &customers).await.expect("a plan");
    assert!(plan.iter().all(|item| (item.rows, item.files) == (0, 0)), "{plan:?}");
    let left = lake.objects().list(&lake.names().datalake, "").await.expect("a listing");
    assert!(left.iter().all(|object| object.key.contains("/_delta_log/")), "{left:?}");
    assert!(lake.objects().list(&lake.names().ingestion, "").await.expect("a listing").is_empty());
    cloud.fake.assert_understood();
}
