//! The embedded topics keep the port's contract, and what they promise beyond it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use showrunner_lake::ErrorKind;
use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::*;
use showrunner_lake::testing::{TopicHarness, topic_contract};
use showrunner_lake::topic::{DiskTopics, TopicOptions};

use crate::support::{ManualClock, SMALL, ack_ids, message};

struct Disk {
    topics: DiskTopics,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl TopicHarness for Disk {
    fn topics(&self) -> &dyn Topics {
        &self.topics
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.topics.upkeep().unwrap();
    }
}

fn disk(options: TopicOptions) -> Disk {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let topics = DiskTopics::open(folder.path(), clock.clock(), options).unwrap();
    Disk { topics, clock, _folder: folder }
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    topic_contract(async || Box::new(disk(TopicOptions::default())) as Box<dyn TopicHarness>).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_with_a_new_segment_for_almost_each_message() {
    topic_contract(async || Box::new(disk(SMALL)) as Box<dyn TopicHarness>).await;
}

async fn simple(h: &Disk, config: TopicConfig) {
    h.topics.create_topic("topic", config).await.unwrap();
    h.topics.create_subscription("subscription", "topic", SubscriptionConfig::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_is_refused_while_subscribers_are_behind() {
    let h = disk(SMALL);
    simple(&h, TopicConfig { max_backlog_bytes: Some(10), ..TopicConfig::default() }).await;
    let publish = || h.topics.publish("topic", vec![message("12345678")]);
    publish().await.unwrap();
    h.topics.room("topic").await.unwrap();
    publish().await.unwrap();
    assert_eq!(publish().await.unwrap_err().kind, ErrorKind::Busy);
    let room = h.topics.room("topic");
    tokio::pin!(room);
    tokio::select! {
        biased;
        _ = &mut room => panic!("there is no room"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    let got = h.topics.pull("subscription", PullRequest::now(1)).await.unwrap();
    h.topics.acknowledge("subscription", &ack_ids(&got)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), room).await.expect("an ack makes room").unwrap();
    publish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_that_nobody_waits_for_any_more_takes_nothing() {
    let h = disk(SMALL);
    simple(&h, TopicConfig::default()).await;
    for n in 0..50 {
        let pull = h.topics.pull("subscription", PullRequest::now(1).waiting(Duration::from_secs(10)));
        let publish = h.topics.publish("topic", vec![message("x")]);
        tokio::select! {
            biased;
            _ = async { tokio::time::sleep(Duration::from_micros(n * 20)).await } => {}
            _ = async { futures::join!(pull, publish) } => {}
        }
    }
    // What was on its way is given back as soon as the thread that took it notices.
    for _ in 0..1_000 {
        if h.topics.backlog("subscription").await.unwrap().outstanding == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let backlog = h.topics.backlog("subscription").await.unwrap();
    // A pull that came to its end has its message out.
    let out = backlog.outstanding;
    let got = h.topics.pull("subscription", PullRequest::now(100)).await.unwrap();
    assert_eq!(got.len() as u64, backlog.messages - out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_pull_gets_what_was_not_acknowledged_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let topics = DiskTopics::open(folder.path(), system_clock(), SMALL).unwrap();
    topics.create_topic("topic", TopicConfig::default()).await.unwrap();
    topics.create_subscription("subscription", "topic", SubscriptionConfig::default()).await.unwrap();
    topics.publish("topic", vec![message("x")]).await.unwrap();
    let got = topics.pull("subscription", PullRequest::now(1)).await.unwrap();
    topics.modify_ack_deadline("subscription", &ack_ids(&got), Duration::from_millis(20)).await.unwrap();
    let again = PullRequest::now(1).waiting(Duration::from_secs(9));
    assert_eq!(topics.pull("subscription", again).await.unwrap().len(), 1, "well before the subscription's deadline");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_messages_go_and_their_disk_space_with_them() {
    let h = disk(TopicOptions { segment_bytes: 100_000, ..SMALL });
    simple(&h, TopicConfig::default()).await;
    let retain = SubscriptionConfig { retain_acked: true, retention: MIN_RETENTION, ..SubscriptionConfig::default() };
    h.topics.create_subscription("retaining", "topic", retain).await.unwrap();
    let segments = || {
        let keyspaces = std::fs::read_dir(h._folder.path().join("keyspaces")).unwrap();
        keyspaces.count()
    };
    let few = segments();
    for _ in 0..40 {
        let messages = vec![message(&"x".repeat(1_000)); 50];
        h.topics.publish("topic", messages).await.unwrap();
    }
    assert!(segments() > few + 10, "{} segments", segments());
    for name in ["subscription", "retaining"] {
        while let got = h.topics.pull(name, PullRequest::now(1_000)).await.unwrap()
            && !got.is_empty()
        {
            h.topics.acknowledge(name, &ack_ids(&got)).await.unwrap();
        }
        assert_eq!(h.topics.backlog(name).await.unwrap(), Backlog::default());
    }
    h.pass(Duration::from_secs(1)).await;
    assert!(segments() > few + 10, "one subscription retains them");
    h.pass(MIN_RETENTION + Duration::from_secs(1)).await;
    assert!(segments() <= few + 2, "{} segments", segments());
    // What nobody acknowledges goes, too, in its time.
    h.topics.publish("topic", vec![message("x")]).await.unwrap();
    h.pass(MIN_RETENTION + Duration::from_secs(1)).await;
    assert_eq!(h.topics.backlog("retaining").await.unwrap().messages, 0);
    assert_eq!(h.topics.backlog("subscription").await.unwrap().messages, 1, "it retains for a week");
}

#[tokio::test(flavor = "multi_thread")]
async fn snapshots_go_by_themselves() {
    let h = disk(SMALL);
    simple(&h, TopicConfig::default()).await;
    h.topics.publish("topic", vec![message("x")]).await.unwrap();
    let day = Duration::from_secs(24 * 3_600);
    h.pass(day).await;
    let snapshot = h.topics.create_snapshot("snapshot", "subscription", BTreeMap::new()).await.unwrap();
    assert_eq!(snapshot.expires, h.now() + 6 * day, "a week, less the age of its oldest message");
    h.pass(6 * day - Duration::from_secs(60)).await;
    assert_eq!(h.topics.snapshots().await.unwrap().len(), 1);
    let late = h.topics.create_snapshot("late", "subscription", BTreeMap::new()).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Conflict);
    h.pass(Duration::from_secs(61)).await;
    assert_eq!(h.topics.snapshots().await.unwrap(), []);
    assert_eq!(h.topics.delete_snapshot("snapshot").await.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_one_refuses_with_a_sentence() {
    let topics = DiskTopics::closed(system_clock());
    let error = topics.publish("topic", vec![message("x")]).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (ErrorKind::Invalid, "The data folder was opened for queries only.")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_publishers_share_the_wait_for_the_disk() {
    let h = Arc::new(disk(TopicOptions::default()));
    simple(&h, TopicConfig::default()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..64 {
        let h = h.clone();
        tasks.spawn(async move { h.topics.publish("topic", vec![message(&n.to_string())]).await.unwrap() });
    }
    let mut ids: Vec<String> = tasks.join_all().await.into_iter().flatten().collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 64);
    assert_eq!(h.topics.backlog("subscription").await.unwrap().messages, 64, "what was published is visible");
}
