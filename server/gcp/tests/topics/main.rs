//! Pub/Sub keeps the port's contract: against Google's own emulator.

#[path = "../support/emulator.rs"]
mod emulator;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use showrunner_gcp::{Access, Endpoints, GcpConfig, PubSubTopics};
use showrunner_lake::ports::*;
use showrunner_lake::testing::{TopicHarness, topic_contract};

use emulator::Emulator;

struct Google(PubSubTopics);

#[async_trait]
impl TopicHarness for Google {
    fn topics(&self) -> &dyn Topics {
        &self.0
    }

    #[expect(clippy::disallowed_methods, reason = "the emulator has no other clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn counts(&self) -> bool {
        false
    }

    fn labels_snapshots(&self) -> bool {
        false
    }

    fn retains_topics(&self) -> bool {
        false
    }

    fn shares_snapshots(&self) -> bool {
        false
    }

    fn longest_retention(&self) -> Duration {
        Duration::from_secs(7 * 24 * 3_600)
    }
}

/// Topics of a show that nobody else has.
async fn topics(emulator: &Emulator) -> PubSubTopics {
    static SHOWS: AtomicU32 = AtomicU32::new(0);
    let set = |name: &str| (name == "SHOWRUNNER_PUBSUB_ENDPOINT").then(|| format!("http://{}", emulator.address));
    let config = GcpConfig {
        project: "contract-project".to_owned(),
        location: "US".to_owned(),
        show: format!("show-{}", SHOWS.fetch_add(1, Ordering::Relaxed)),
        impersonate: None,
        endpoints: Endpoints::of(set).expect("an address"),
    };
    PubSubTopics::connect(&config, &Access::anonymous()).await.expect("clients")
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let Some(emulator) = Emulator::start("the contract of the topics against Google's Pub/Sub emulator") else {
        return;
    };
    topic_contract(async || Box::new(Google(topics(&emulator).await)) as Box<dyn TopicHarness>).await;
}
