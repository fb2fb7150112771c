//! BigQuery as the warehouse: the port's contract and the rest against `bqemulator`, faults against a server that makes them, and every
//! request against Google's own description.

#[path = "warehouse/append.rs"]
mod append;
#[path = "support/bigquery.rs"]
mod bigquery;
#[path = "support/cutting.rs"]
mod cutting;
#[path = "warehouse/enforced.rs"]
mod enforced;
#[path = "warehouse/faults.rs"]
mod faults;
#[path = "support/grpc.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod grpc;
#[path = "support/http.rs"]
mod http;
#[path = "../src/warehouse/write/messages.rs"]
mod messages;
#[path = "warehouse/numbers.rs"]
mod numbers;
#[path = "warehouse/peer.rs"]
mod peer;
#[path = "warehouse/serving.rs"]
mod serving;
#[path = "warehouse/shapes.rs"]
mod shapes;
#[path = "support/storage.rs"]
mod storage;
#[path = "warehouse/streams.rs"]
mod streams;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use showrunner_gcp::{Access, BigQueryWarehouse, Endpoint, Endpoints, GcpConfig, Pace, WarehouseOptions};
use showrunner_lake::objects::DiskObjects;
use showrunner_lake::ports::Objects;

const BUCKET: &str = "lake";

fn config(url: &str) -> GcpConfig {
    let endpoint = Endpoint::parse("the test's server", url).expect("a loopback address");
    GcpConfig {
        project: "p".to_owned(),
        location: "US".to_owned(),
        show: "show-1".to_owned(),
        impersonate: None,
        endpoints: Endpoints {
            storage: endpoint.clone(),
            storage_control: endpoint.clone(),
            pubsub: endpoint.clone(),
            bigquery: endpoint.clone(),
            bigquery_grpc: endpoint,
        },
    }
}

/// Pauses of a test, and deadlines that a slow machine keeps.
fn options(dataset: &str) -> WarehouseOptions {
    let pace = Pace {
        attempts: 4,
        attempt: Duration::from_secs(30),
        deadline: Duration::from_secs(60),
        first_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
    };
    WarehouseOptions {
        pace,
        job_deadline: Duration::from_secs(60),
        unfinished: Duration::ZERO,
        ..WarehouseOptions::new(dataset, BUCKET)
    }
}

async fn bucket(root: &Path) -> Arc<dyn Objects> {
    let objects = DiskObjects::open(root).expect("a store");
    objects.create_bucket(BUCKET).await.expect("a bucket");
    Arc::new(objects)
}

fn warehouse(url: &str, objects: Arc<dyn Objects>, options: WarehouseOptions) -> BigQueryWarehouse {
    streaming(url, url, objects, options)
}

/// A warehouse whose Storage Write answers elsewhere.
fn streaming(url: &str, grpc: &str, objects: Arc<dyn Objects>, options: WarehouseOptions) -> BigQueryWarehouse {
    let mut config = config(url);
    config.endpoints.bigquery_grpc = Endpoint::parse("the test's server", grpc).expect("a loopback address");
    let access = Access::of(&config).expect("nobody is asked");
    BigQueryWarehouse::new(&config, &access, objects, options).expect("a warehouse")
}
