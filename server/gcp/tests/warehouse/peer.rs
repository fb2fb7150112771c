//! Against `bqemulator`.

use std::sync::atomic::{AtomicU32, Ordering};

use showrunner_lake::ports::Warehouse;
use showrunner_lake::testing::warehouse_contract;

use super::bigquery::Peer;
use super::{bucket, options, warehouse};

#[tokio::test(flavor = "multi_thread")]
async fn bigquery_keeps_the_contract() {
    let Some(peer) = Peer::start("the warehouse's contract on BigQuery").await else { return };
    let objects = bucket(peer.root.path()).await;
    let number = AtomicU32::new(0);
    warehouse_contract(async || {
        let dataset = format!("contract_{}", number.fetch_add(1, Ordering::Relaxed));
        let warehouse = warehouse(&peer.proxy.url, objects.clone(), options(&dataset));
        warehouse.create_datasets().await.expect("a dataset");
        Box::new(warehouse) as Box<dyn Warehouse>
    })
    .await;
    super::shapes::check(&peer.proxy.seen());
    assert_eq!(objects.list(super::BUCKET, "").await.expect("a list"), [], "no file stays in the bucket");
}
