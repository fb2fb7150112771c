//! Pub/Sub keeps the port's contract: against Google's own emulator. What is sent is judged by Google's own description.

#[path = "../support/emulator.rs"]
mod emulator;
#[path = "../support/grpc.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod grpc;
#[path = "../support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod http;
mod shapes;
#[path = "../support/wire.rs"]
mod wire;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use showrunner_gcp::{Access, Endpoints, GcpConfig, PubSubTopics};
use showrunner_lake::ports::*;
use showrunner_lake::testing::{TopicHarness, topic_contract};

use emulator::Emulator;

struct Google {
    topics: PubSubTopics,
    streaming: bool,
}

#[async_trait]
impl TopicHarness for Google {
    fn topics(&self) -> &dyn Topics {
        &self.topics
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

    fn orders_after_nacks(&self) -> bool {
        self.streaming
    }

    fn longest_retention(&self) -> Duration {
        Duration::from_secs(7 * 24 * 3_600)
    }
}

/// Topics of a show that nobody else has.
async fn topics(emulator: &Emulator, streaming: bool) -> PubSubTopics {
    static SHOWS: AtomicU32 = AtomicU32::new(0);
    let set = |name: &str| (name == "SHOWRUNNER_PUBSUB_ENDPOINT").then(|| format!("http://{}", emulator.address));
    let config = GcpConfig {
        project: "contract-project".to_owned(),
        location: "US".to_owned(),
        show: format!("show-{}", SHOWS.fetch_add(1, Ordering::Relaxed)),
        impersonate: None,
        endpoints: Endpoints::of(set).expect("an address"),
    };
    let access = Access::anonymous();
    let topics = match streaming {
        true => PubSubTopics::connect_streaming(&config, &access).await,
        false => PubSubTopics::connect(&config, &access).await,
    };
    topics.expect("clients")
}

async fn contract(streaming: bool, how: &str) {
    let what = format!("the contract of the topics against Google's Pub/Sub emulator, {how}");
    let Some(emulator) = Emulator::start(&what) else { return };
    topic_contract(async || {
        Box::new(Google { topics: topics(&emulator, streaming).await, streaming }) as Box<dyn TopicHarness>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_by_streaming_pull() {
    contract(true, "by streaming pull").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_by_unary_pull() {
    contract(false, "by unary pull").await;
}

/// A process that goes leaves what it had not acknowledged, and the next one gets it.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on() {
    let Some(emulator) = Emulator::start("going on after a restart against Google's Pub/Sub emulator") else { return };
    let show = topics(&emulator, false).await;
    show.create_topic("letters", TopicConfig::default()).await.expect("a topic");
    show.create_subscription("reader", "letters", SubscriptionConfig::default()).await.expect("a subscription");
    let message = |text: &'static str| NewMessage { data: text.into(), ..NewMessage::default() };
    show.publish("letters", vec![message("one"), message("two")]).await.expect("published");
    let request = PullRequest::now(1).waiting(Duration::from_secs(10));
    let first = show.pull("reader", request).await.expect("a pull").remove(0);
    show.acknowledge("reader", &[first.ack_id]).await.expect("acknowledged");
    let config = show.config().clone();
    drop(show);
    let again = PubSubTopics::connect(&config, &Access::anonymous()).await.expect("clients");
    let rest = again.pull("reader", request).await.expect("a pull").remove(0);
    assert_ne!(rest.message.id, first.message.id);
    again.acknowledge("reader", &[rest.ack_id]).await.expect("acknowledged");
    tokio::time::sleep(MIN_ACK_DEADLINE + Duration::from_secs(1)).await;
    assert!(again.pull("reader", PullRequest::now(1)).await.expect("a pull").is_empty());
}

/// Google's emulator cannot seek a subscription with ordering. What was taken and not acknowledged is gone after it as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_subscription_seeks_to_now() {
    let Some(emulator) = Emulator::start("seeking with ordering against Google's Pub/Sub emulator") else { return };
    let show = topics(&emulator, false).await;
    show.create_topic("letters", TopicConfig::default()).await.expect("a topic");
    let config = SubscriptionConfig { ordered: true, ack_deadline: MIN_ACK_DEADLINE, ..SubscriptionConfig::default() };
    show.create_subscription("reader", "letters", config).await.expect("a subscription");
    let message = |text: &'static str| NewMessage {
        data: text.into(),
        ordering_key: "visitor".to_owned(),
        ..NewMessage::default()
    };
    show.publish("letters", vec![message("one"), message("two")]).await.expect("published");
    let request = PullRequest::now(1).waiting(Duration::from_secs(10));
    assert_eq!(show.pull("reader", request).await.expect("a pull").len(), 1);
    let before = show.subscriptions().await.expect("the subscriptions");
    show.seek("reader", SeekTarget::Now).await.expect("a seek");
    assert_eq!(show.subscriptions().await.expect("the subscriptions"), before, "it is as it was");
    show.publish("letters", vec![message("three")]).await.expect("published");
    let next = show.pull("reader", request).await.expect("a pull").remove(0);
    assert_eq!(next.message.data.as_ref(), b"three");
    show.acknowledge("reader", &[next.ack_id]).await.expect("acknowledged");
    tokio::time::sleep(MIN_ACK_DEADLINE + Duration::from_secs(1)).await;
    assert!(show.pull("reader", PullRequest::now(1)).await.expect("a pull").is_empty());
}
