//! The data lake in a bucket elsewhere: the bucket is the truth, the data folder a copy that may be lost at any time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as Answer,
};
use showrunner_lake::clock::system_clock;
use showrunner_lake::model::Scope;
use showrunner_lake::objects::DiskObjects;
use showrunner_lake::ports::Warehouse;
use showrunner_lake::testing::{Fails, MemoryWarehouse};
use showrunner_lake::topic::{DiskTopics, TopicOptions};
use showrunner_lake::{Elsewhere, Identity, Lake};

use crate::support::{Fixture, config, customers, day, day_of};

/// A bucket in memory that can lose the answer to the next commit: as a client that asks again sees it, the entry is there already.
#[derive(Debug, Default)]
struct Bucket {
    inner: InMemory,
    lose: AtomicBool,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket in memory")
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, location: &Location, payload: PutPayload, options: PutOptions) -> Answer<PutResult> {
        let put = self.inner.put_opts(location, payload, options).await?;
        if location.as_ref().ends_with(".json") && self.lose.swap(false, Ordering::SeqCst) {
            return Err(object_store::Error::AlreadyExists {
                path: location.to_string(),
                source: "asked again".into(),
            });
        }
        Ok(put)
    }
    async fn put_multipart_opts(
        &self,
        at: &Location,
        options: PutMultipartOptions,
    ) -> Answer<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }
    async fn get_opts(&self, location: &Location, options: GetOptions) -> Answer<GetResult> {
        self.inner.get_opts(location, options).await
    }
    fn delete_stream(&self, locations: BoxStream<'static, Answer<Location>>) -> BoxStream<'static, Answer<Location>> {
        self.inner.delete_stream(locations)
    }
    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Answer<ObjectMeta>> {
        self.inner.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Answer<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Location, to: &Location, options: CopyOptions) -> Answer<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// What outlives a machine.
pub struct Cloud {
    bucket: Arc<Bucket>,
    pub elsewhere: Elsewhere,
    pub warehouse: Arc<MemoryWarehouse>,
    _folder: tempfile::TempDir,
}

impl Cloud {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (bucket, warehouse) = (Arc::new(Bucket::default()), Arc::new(MemoryWarehouse::default()));
        let topics = DiskTopics::open(&folder.path().join("topics"), system_clock(), TopicOptions::default());
        let elsewhere = Elsewhere {
            objects: Arc::new(DiskObjects::open(folder.path()).expect("buckets")),
            topics: Arc::new(topics.expect("topics")),
            datalake: bucket.clone(),
            warehouse: Some(warehouse.clone()),
            jobs: None,
        };
        Cloud { bucket, elsewhere, warehouse, _folder: folder }
    }

    /// A machine with an empty data folder.
    pub async fn machine(&self) -> Fixture {
        let dir = tempfile::tempdir().expect("a folder");
        let lake = self.open(dir.path()).await;
        Fixture { dir, lake }
    }

    async fn open(&self, dir: &Path) -> Arc<Lake> {
        let config = showrunner_lake::LakeConfig { elsewhere: Some(self.elsewhere.clone()), ..config(dir) };
        Lake::open(config).await.expect("the lake opens")
    }

    /// Parquet parts in the bucket, those of logs left out.
    async fn parts(&self) -> Vec<String> {
        let all: Vec<ObjectMeta> = self.bucket.list(None).try_collect().await.expect("a listing");
        let keys = all.into_iter().map(|object| object.location.to_string());
        let mut parts: Vec<String> = keys.filter(|key| !key.contains("_delta_log")).collect();
        parts.sort();
        parts
    }
}

const COUNTS: [&str; 4] = [
    "SELECT count(*) FROM bronze.ga_sessions",
    "SELECT count(*) FROM silver.hits",
    "SELECT CAST(sum(sessions) AS BIGINT) FROM gold.daily_kpis",
    "SELECT count(*) FROM silver.sessions WHERE date = DATE '2017-07-29'",
];

async fn counts(machine: &Fixture) -> Vec<i64> {
    let mut counts = Vec::new();
    for sql in COUNTS {
        counts.push(machine.number(sql).await);
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_finds_the_lake_as_it_was_left() {
    let cloud = Cloud::new();
    let first = cloud.machine().await;
    let days = [day("2017-07-28"), day("2017-07-29")];
    first.play("r1", &days).await;
    first.play("r2", &days[1..]).await;
    let before = counts(&first).await;
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    let versions = |stats: Vec<showrunner_lake::model::TableStat>| {
        let lake = stats.into_iter().filter(|stat| stat.zone.name() != "warehouse");
        lake.map(|stat| (stat.full_name(), stat.version, stat.rows())).collect::<Vec<_>>()
    };
    let tables = versions(first.lake.tables().await.unwrap());
    drop(first);

    let second = cloud.machine().await;
    assert_eq!(counts(&second).await, before);
    assert_eq!(versions(second.lake.tables().await.unwrap()), tables);
    let look = second.lake.look(&Identity::admin(), "bronze.ga_sessions").await.unwrap();
    let history = look.history(0, 50).await.unwrap();
    assert_eq!(history.versions.first().and_then(|version| version.run.clone()).as_deref(), Some("r2"));
    // The copy is lost under a running server's feet: the next start has it again.
    let dir = second.dir.path().join("data/copies");
    drop(second.lake);
    std::fs::remove_dir_all(&dir).unwrap();
    let third = Fixture { lake: cloud.open(second.dir.path()).await, dir: second.dir };
    assert_eq!(counts(&third).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_write_at_once_and_lose_nothing() {
    let cloud = Cloud::new();
    let (a, b) = (cloud.machine().await, cloud.machine().await);
    let (first, second) = (day("2017-07-28"), day("2017-07-29"));
    let rows = a.bronze("ra", &[a.delivery(&first)]).await.unwrap().rows;
    // This one has not heard of the other's version.
    let more = b.bronze("rb", &[b.delivery(&second)]).await.unwrap().rows;
    assert_eq!(b.number(COUNTS[0]).await as u64, rows + more);
    let (left, right) = (a.delivery(&first), b.delivery(&second));
    let (x, y) =
        tokio::join!(a.bronze("ra", std::slice::from_ref(&left)), b.bronze("rb", std::slice::from_ref(&right)));
    assert_eq!(x.unwrap().rows + y.unwrap().rows, rows + more);
    let third = cloud.machine().await;
    assert_eq!(third.number(COUNTS[0]).await as u64, rows + more);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_not_made_twice() {
    let cloud = Cloud::new();
    let machine = cloud.machine().await;
    let target = day("2017-07-29");
    let version = machine.lake.tables().await.unwrap()[0].version;
    cloud.bucket.lose.store(true, Ordering::SeqCst);
    let rows = machine.bronze("r1", &[machine.delivery(&target)]).await.unwrap().rows;
    assert!(!cloud.bucket.lose.load(Ordering::SeqCst), "an answer was lost");
    let table = machine.lake.tables().await.unwrap().remove(0);
    assert_eq!((table.version, table.rows()), (version + 1, rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_empties_the_bucket_and_leaves_what_is_not_ours() {
    let cloud = Cloud::new();
    let machine = cloud.machine().await;
    let schemas = machine.lake.schema_checksum().await.unwrap();
    machine.play("r1", &[day("2017-07-28"), day("2017-07-29"), day_of("customer02", "2017-07-29")]).await;
    machine.play("r2", &[day("2017-07-29")]).await;
    // What a process on another machine left when it was killed: this folder has no copy of it.
    let orphan =
        "zone/bronze/ga_sessions/date=20170729/customer=customer01/part-killed-18a6f3b2c4d5e6f700000001.zstd.parquet";
    for key in [orphan, "stray.bin", "zone/silver/sessions/date=2017-07-29/notes.txt"] {
        cloud.bucket.put(&Location::from(key), PutPayload::from_static(b"x")).await.unwrap();
    }
    let foreign: Vec<String> = machine.lake.foreign(&customers()).await.unwrap().into_iter().map(|o| o.key).collect();
    assert_eq!(foreign, ["stray.bin", "zone/silver/sessions/date=2017-07-29/notes.txt"]);
    let mut scope = Scope::Customer("customer02".to_owned());
    for _ in 0..2 {
        let planned = machine.lake.purge_plan(&scope, &customers()).await.unwrap();
        let mut gone = Vec::new();
        for place in ["ingestion", "bronze", "silver", "gold", "warehouse"] {
            gone.extend(machine.lake.purge(place, &scope, &customers(), "reset").await.unwrap());
        }
        assert_eq!(planned, gone);
        let left = machine.lake.purge_plan(&scope, &customers()).await.unwrap();
        assert!(left.iter().all(|item| (item.rows, item.files) == (0, 0)), "{left:?}");
        scope = Scope::All;
    }
    assert_eq!(cloud.parts().await, ["stray.bin", "zone/silver/sessions/date=2017-07-29/notes.txt"]);
    assert_eq!(machine.lake.schema_checksum().await.unwrap(), schemas);
    let other = cloud.machine().await;
    assert_eq!(other.number(COUNTS[0]).await, 0, "nor does another machine find anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_this_folder_is_not_taken_for_a_copy() {
    let own = Fixture::new().await;
    own.play("r1", &[day("2017-07-29")]).await;
    let before = counts(&own).await;
    let dir = own.dir;
    drop(own.lake);
    // The same folder, opened with an empty bucket elsewhere, and then as it was.
    let cloud = Cloud::new();
    let lake = cloud.open(dir.path()).await;
    let elsewhere = Fixture { dir, lake };
    assert_eq!(elsewhere.number(COUNTS[0]).await, 0);
    let dir = elsewhere.dir;
    drop(elsewhere.lake);
    let lake = Lake::open(config(dir.path())).await.expect("the lake opens");
    assert_eq!(counts(&Fixture { dir, lake }).await, before);
}

/// Rows of each table of the warehouse elsewhere, and of the lake's own.
async fn standing(machine: &Fixture) -> Vec<(String, u64, u64)> {
    let tables = machine.lake.standing().await.expect("the warehouse elsewhere answers");
    tables.into_iter().map(|table| (table.name, table.kept, table.served)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_warehouse_elsewhere_follows() {
    let cloud = Cloud::new();
    let first = cloud.machine().await;
    let view = cloud.warehouse.view("ga_sessions_all").expect("the view is made");
    assert!(view.contains("FROM `ga_sessions_stream`") && view.contains("s.`full_visitor_id`"), "{view}");
    first.play("run-1", &[day("2017-07-29"), day("2017-07-30"), day_of("customer02", "2017-07-30")]).await;
    let stands = |kept: u64| {
        [("ga_sessions", kept), ("ga_sessions_stream", 0), ("ga_sessions_stream_error_records", 0)]
            .map(|(table, rows)| (format!("project.memory.{table}"), rows, rows))
            .to_vec()
    };
    let all = first.number("SELECT count(*) FROM warehouse.ga_sessions").await as u64;
    assert!(all > 60);
    assert_eq!(standing(&first).await, stands(all));
    // A day again: replaced, not doubled.
    first.play("run-2", &[day("2017-07-30")]).await;
    assert_eq!(standing(&first).await, stands(all));

    // A load that failed there, whatever came of it, fails the step; run again, all is there once.
    for (n, fails) in [Fails::Before, Fails::After].into_iter().enumerate() {
        let run = format!("run-fails-{n}");
        let days = [day("2017-07-31")];
        let inputs: Vec<_> = days.iter().map(|d| first.delivery(d)).collect();
        first.bronze(&run, &inputs).await.expect("bronze");
        let silent = || Arc::new(showrunner_lake::model::Unwatched);
        first.lake.silver(&run, &days, silent()).await.expect("silver");
        cloud.warehouse.fail(&[fails]);
        let refused = first.lake.load_warehouse(&run, &days, silent()).await;
        assert_eq!(refused.map_err(|e| e.kind), Err(showrunner_lake::ErrorKind::Unavailable));
        first.lake.load_warehouse(&run, &days, silent()).await.expect("again");
        let all = first.number("SELECT count(*) FROM warehouse.ga_sessions").await as u64;
        assert_eq!(standing(&first).await, stands(all), "{fails:?}");
    }

    // Another machine has it all, and a reset of one customer leaves the other's rows in both.
    let second = cloud.machine().await;
    let of = second.number("SELECT count(*) FROM warehouse.ga_sessions WHERE customer = 'customer02'").await as u64;
    cloud.warehouse.fail(&[Fails::After]);
    let scope = Scope::Customer("customer01".to_owned());
    let broken = second.lake.purge("warehouse", &scope, &customers(), "reset-1").await;
    assert!(broken.is_err(), "an answer that was lost is a failed step");
    second.lake.purge("warehouse", &scope, &customers(), "reset-1").await.expect("it goes on");
    assert_eq!(standing(&second).await, stands(of));
    let shapes = second.lake.schema_checksum().await.expect("a checksum");
    second.lake.purge("warehouse", &Scope::All, &customers(), "reset-2").await.expect("everything");
    assert_eq!(standing(&second).await, stands(0));
    assert_eq!(second.lake.schema_checksum().await.expect("a checksum"), shapes);
    let table = cloud.warehouse.table("ga_sessions").await.expect("its shape");
    assert_eq!((table.partition.as_str(), table.cluster.len()), ("date", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_the_warehouse_alone_are_its_own() {
    let cloud = Cloud::new();
    let machine = cloud.machine().await;
    for (sql, expected) in [
        ("SELECT count(*) FROM warehouse.ga_sessions", Some("SELECT count(*) FROM `ga_sessions`")),
        ("select * from Warehouse.GA_sessions_all limit 1", Some("select * from `ga_sessions_all` limit 1")),
        ("SELECT 1", None),
        ("SELECT * FROM silver.sessions", None),
        ("SELECT * FROM warehouse.ga_sessions JOIN silver.sessions USING (date)", None),
        ("SELECT * FROM warehouse.unknown", None),
        ("DELETE FROM warehouse.ga_sessions", None),
        ("EXPLAIN SELECT count(*) FROM warehouse.ga_sessions", None),
        ("DESCRIBE warehouse.ga_sessions", None),
    ] {
        assert_eq!(machine.lake.warehouse_query(sql).as_deref(), expected, "{sql}");
    }
}
