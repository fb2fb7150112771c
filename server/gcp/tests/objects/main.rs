//! Cloud Storage keeps the port's contract: against the fake in tests/peers, which knows nothing but what Google describes.

#[path = "../support/fake.rs"]
mod fake;
mod faults;
#[path = "../support/grpc.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod grpc;
#[path = "../support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod http;
mod past;
#[path = "../support/recorded.rs"]
mod recorded;
mod shapes;
#[path = "../support/wire.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod wire;

use std::sync::atomic::{AtomicU32, Ordering};

use showrunner_gcp::{Access, CloudObjects};
use showrunner_lake::ports::Objects;
use showrunner_lake::testing::objects_contract;

use fake::Fake;

async fn objects(fake: &Fake, show: &str) -> CloudObjects {
    CloudObjects::connect(&fake.config(show), &Access::anonymous()).await.expect("clients")
}

/// Buckets of the contract have fixed names, so that each rule has a fake of its own.
#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    if Fake::start("the contract of the objects against a fake of Cloud Storage", &[]).is_none() {
        return;
    }
    static FAKES: AtomicU32 = AtomicU32::new(0);
    let fakes = std::sync::Mutex::new(Vec::new());
    objects_contract(async || {
        let fake = Fake::start("a rule", &[]).expect("one started before");
        let objects = objects(&fake, &format!("show-{}", FAKES.fetch_add(1, Ordering::Relaxed))).await;
        fakes.lock().expect("a list").push(fake);
        Box::new(objects) as Box<dyn Objects>
    })
    .await;
    fakes.into_inner().expect("a list").iter().for_each(Fake::assert_understood);
}
