//! The embedded warehouse keeps the contract of its port.

use std::sync::Mutex;

use showrunner_lake::ports::Warehouse;
use showrunner_lake::testing::warehouse_contract;
use showrunner_lake::warehouse::DeltaWarehouse;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_warehouse_keeps_the_contract() {
    let folders = Mutex::new(Vec::new());
    warehouse_contract(async || {
        let dir = tempfile::tempdir().expect("a folder");
        let warehouse = DeltaWarehouse::open(dir.path().join("dataset")).await.expect("a warehouse");
        folders.lock().expect("not poisoned").push(dir);
        Box::new(warehouse) as Box<dyn Warehouse>
    })
    .await;
}
