//! The embedded object stores keep the port's contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::cell::Cell;
use std::sync::Arc;

use showrunner_lake::clock::system_clock;
use showrunner_lake::objects::{DiskObjects, NotifyingObjects};
use showrunner_lake::ports::Objects;
use showrunner_lake::testing::objects_contract;
use showrunner_lake::topic::DiskTopics;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_disk() {
    run(|disk| Box::new(disk)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn announced() {
    // The topics take nothing, so that every announcement fails: writes must not care.
    run(|disk| {
        Box::new(NotifyingObjects::new(
            Arc::new(disk),
            "contract-bucket-a",
            Arc::new(DiskTopics::closed(system_clock())),
            "no-topic",
        ))
    })
    .await;
}

async fn run(wrap: impl Fn(DiskObjects) -> Box<dyn Objects>) {
    let folder = tempfile::tempdir().unwrap();
    let count = Cell::new(0);
    objects_contract(async || {
        count.set(count.get() + 1);
        wrap(DiskObjects::open(&folder.path().join(count.get().to_string())).unwrap())
    })
    .await;
    assert!(count.get() > 5);
}
