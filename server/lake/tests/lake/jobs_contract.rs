//! The jobs of this process keep the contract of their port, also where the lake lies elsewhere.

use std::sync::{Arc, Mutex};

use showrunner_lake::LakeConfig;
use showrunner_lake::testing::ingest_jobs_contract;

use crate::elsewhere::Cloud;
use crate::support::{Fixture, config, day};

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_this_process_keep_the_contract() {
    let folders = Mutex::new(Vec::new());
    ingest_jobs_contract(async || {
        let dir = tempfile::tempdir().expect("a folder");
        let config = config(dir.path());
        folders.lock().expect("not poisoned").push(dir);
        config
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_with_the_lake_in_a_bucket() {
    let kept = Mutex::new(Vec::new());
    ingest_jobs_contract(async || {
        let (cloud, dir) = (Cloud::new(), tempfile::tempdir().expect("a folder"));
        let config = LakeConfig { elsewhere: Some(cloud.elsewhere.clone()), ..config(dir.path()) };
        kept.lock().expect("not poisoned").push((cloud, dir));
        config
    })
    .await;
}

/// What a process leaves that died between writing down what came of a job and its commit: the record alone says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_a_commit_is_no_job() {
    let f = Fixture::new().await;
    let first = f.bronze("r1", &[f.delivery(&day("2017-07-28"))]).await.expect("bronze");
    let folder = f.dir.path().join("data/jobs");
    let record = std::fs::read_dir(&folder).expect("records").next().expect("one").expect("one").path();
    let text = std::fs::read_to_string(&record).expect("a record");
    let id = record.file_stem().expect("an id").to_string_lossy().into_owned();
    let other = format!("{id}0");
    std::fs::write(folder.join(format!("{other}.json")), text.replace(&id, &other)).expect("a record");
    let jobs = f.lake.jobs();
    assert_eq!(jobs.outcome(&id).await.expect("it was committed").rows, first.rows);
    assert_eq!(jobs.status(&other).await.map_err(|e| e.kind), Err(showrunner_lake::ErrorKind::NotFound));
}

/// Another implementation takes the place of this process's.
#[tokio::test(flavor = "multi_thread")]
async fn a_lake_asks_the_jobs_it_was_given() {
    let cloud = Cloud::new();
    let doer = cloud.machine().await;
    let dir = tempfile::tempdir().expect("a folder");
    let elsewhere = showrunner_lake::Elsewhere { jobs: Some(doer.lake.jobs().clone()), ..cloud.elsewhere.clone() };
    let config = LakeConfig { elsewhere: Some(elsewhere), ..config(dir.path()) };
    let f = Fixture { lake: showrunner_lake::Lake::open(config).await.expect("the lake opens"), dir };
    let outcome = f.bronze("r1", &[f.delivery(&day("2017-07-28"))]).await.expect("bronze");
    assert!(!f.dir.path().join("data/jobs").exists(), "nothing was done here");
    assert!(Arc::ptr_eq(f.lake.jobs(), doer.lake.jobs()));
    assert_eq!(f.number("SELECT count(*) FROM bronze.ga_sessions").await, outcome.rows as i64, "and seen at once");
}
