//! The process dies: before a commit, between a commit and its acknowledgement. Every message is one row all the same.

use showrunner_lake::stream::*;

use crate::support::*;

const DAY: &str = "2017-07-29";

/// Lets the sinks die at these places, and starts again.
async fn dies(faults: &[Fault]) {
    let s = Stream::still(options()).await;
    let mut rows = lines(DAY, 20);
    rows.push("not a row".to_owned());
    let good = rows.len() as u64 - 1;
    s.send(0, &rows).await;
    faults.iter().for_each(|fault| s.sinks.arm(*fault));
    s.start();
    assert!(!s.sinks.drained(std::time::Duration::from_millis(1_500)).await.unwrap(), "a sink has died");
    let s = s.again().await;
    s.drain().await;
    s.holds(0..good).await;
    let counts = s.sinks.counts_of(RUN).await.unwrap();
    assert_eq!((counts.dead_open, counts.dead_letters), (1, 1));
    // What was written and not committed is no part of the table, and goes when nobody can be reading it.
    let rows = s.number("SELECT count(*) FROM warehouse.ga_sessions_stream").await;
    assert_eq!(rows, good as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_commit() {
    dies(&[Fault::WarehouseBeforeCommit, Fault::BronzeBeforeCommit]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn between_commit_and_acknowledgement() {
    dies(&[Fault::WarehouseAfterCommit, Fault::BronzeAfterCommit]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sink_dies_and_the_other_goes_on() {
    dies(&[Fault::WarehouseAfterCommit]).await;
    dies(&[Fault::BronzeBeforeCommit]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_sink_wrote_is_swept_after_the_grace_time() {
    let grace = std::time::Duration::from_millis(300);
    let s = Stream::still(StreamOptions { grace, ..options() }).await;
    s.send(0, &lines(DAY, 10)).await;
    s.sinks.arm(Fault::WarehouseBeforeCommit);
    s.sinks.arm(Fault::BronzeBeforeCommit);
    s.start();
    assert!(!s.sinks.drained(std::time::Duration::from_millis(1_500)).await.unwrap());
    for table in ["warehouse.ga_sessions_stream", "bronze.ga_sessions_stream"] {
        assert_eq!(s.files(table).len(), 1, "{table}: written and not committed");
    }
    let s = s.again().await;
    s.drain().await;
    let counts = s.sinks.counts().await.unwrap();
    eventually("the orphans go", async || {
        s.files("warehouse.ga_sessions_stream").len() as u64 == counts.warehouse_files
            && s.files("bronze.ga_sessions_stream").len() as u64 == counts.bronze_files
    })
    .await;
}
