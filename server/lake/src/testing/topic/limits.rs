//! What is refused, and how; what is listed.

use super::*;

pub(super) async fn unknown_names(h: &dyn TopicHarness) {
    let t = h.topics();
    let none: &[String] = &[];
    assert_eq!(kind(t.publish(TOPIC, vec![message("x")]).await), ErrorKind::NotFound);
    assert_eq!(kind(t.delete_topic(TOPIC).await), ErrorKind::NotFound);
    assert_eq!(kind(t.create_subscription(ONE, TOPIC, SubscriptionConfig::default()).await), ErrorKind::NotFound);
    assert_eq!(kind(t.delete_subscription(ONE).await), ErrorKind::NotFound);
    assert_eq!(kind(t.pull(ONE, PullRequest::now(1)).await), ErrorKind::NotFound);
    assert_eq!(kind(t.wait(ONE).await), ErrorKind::NotFound);
    assert_eq!(kind(t.acknowledge(ONE, none).await), ErrorKind::NotFound);
    assert_eq!(kind(t.modify_ack_deadline(ONE, none, Duration::ZERO).await), ErrorKind::NotFound);
    assert_eq!(kind(t.seek(ONE, SeekTarget::Time(h.now())).await), ErrorKind::NotFound);
    assert_eq!(kind(t.backlog(ONE).await), ErrorKind::NotFound);
    assert_eq!(kind(t.create_snapshot("contract-snapshot", ONE, BTreeMap::new()).await), ErrorKind::NotFound);
    assert_eq!(kind(t.delete_snapshot("contract-snapshot").await), ErrorKind::NotFound);
    topic(h, SubscriptionConfig::default()).await;
    let target = SeekTarget::Snapshot("contract-snapshot".to_owned());
    assert_eq!(kind(t.seek(ONE, target).await), ErrorKind::NotFound);
    let dead_letter = Some(DeadLetterPolicy { topic: "contract-no-topic".to_owned(), max_attempts: 5 });
    let config = SubscriptionConfig { dead_letter, ..SubscriptionConfig::default() };
    assert_eq!(kind(t.create_subscription(TWO, TOPIC, config).await), ErrorKind::NotFound);
}

pub(super) async fn names_and_settings(h: &dyn TopicHarness) {
    let t = h.topics();
    let long = "x".repeat(256);
    for name in ["", "ab", "1abc", "a b c", "googletopic", "a/b/c", &long] {
        assert_eq!(kind(t.create_topic(name, TopicConfig::default()).await), ErrorKind::Invalid, "{name:?}");
    }
    topic(h, SubscriptionConfig::default()).await;
    assert_eq!(kind(t.create_topic(TOPIC, TopicConfig::default()).await), ErrorKind::Exists);
    t.ensure_topic(TOPIC, TopicConfig::default()).await.expect("that it is there is fine");
    assert_eq!(kind(t.create_subscription(ONE, TOPIC, SubscriptionConfig::default()).await), ErrorKind::Exists);
    t.ensure_subscription(ONE, TOPIC, SubscriptionConfig::default()).await.expect("that it is there is fine");
    let seconds = Duration::from_secs;
    let default = SubscriptionConfig::default;
    let letters = |max_attempts| Some(DeadLetterPolicy { topic: TOPIC.to_owned(), max_attempts });
    for config in [
        SubscriptionConfig { ack_deadline: seconds(9), ..default() },
        SubscriptionConfig { ack_deadline: seconds(601), ..default() },
        SubscriptionConfig { retention: seconds(599), ..default() },
        SubscriptionConfig { retention: seconds(31 * 24 * 3_600 + 1), ..default() },
        SubscriptionConfig { dead_letter: letters(4), ..default() },
        SubscriptionConfig { dead_letter: letters(101), ..default() },
    ] {
        assert_eq!(kind(t.create_subscription(TWO, TOPIC, config.clone()).await), ErrorKind::Invalid, "{config:?}");
    }
    let config = TopicConfig { retention: Some(seconds(599)), ..TopicConfig::default() };
    assert_eq!(kind(t.create_topic("contract-other", config).await), ErrorKind::Invalid);
    assert_eq!(kind(t.pull(ONE, PullRequest::now(0)).await), ErrorKind::Invalid);
    let none: &[String] = &[];
    assert_eq!(kind(t.modify_ack_deadline(ONE, none, seconds(601)).await), ErrorKind::Invalid);
}

pub(super) async fn messages(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    let t = h.topics();
    let with = |key: &str, value: &str| NewMessage {
        attributes: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        ..NewMessage::default()
    };
    let many = |count: usize| NewMessage {
        attributes: (0..count).map(|i| (format!("key-{i}"), String::new())).collect(),
        ..NewMessage::default()
    };
    let keyed = |length| NewMessage { ordering_key: "k".repeat(length), ..message("x") };
    for refused in [
        NewMessage::default(),
        with(&"k".repeat(257), ""),
        with("", "x"),
        with("googkey", "x"),
        with("key", &"v".repeat(1_025)),
        many(101),
        keyed(1_025),
    ] {
        assert_eq!(
            kind(t.publish(TOPIC, vec![message("fine"), refused.clone()]).await),
            ErrorKind::Invalid,
            "{refused:?}"
        );
    }
    assert_eq!(kind(t.publish(TOPIC, Vec::new()).await), ErrorKind::Invalid);
    assert_eq!(kind(t.publish(TOPIC, vec![message("x"); 1_001]).await), ErrorKind::Invalid);
    let large = NewMessage { data: Bytes::from(vec![b'x'; 10_000_001]), ..NewMessage::default() };
    assert_eq!(kind(t.publish(TOPIC, vec![large]).await), ErrorKind::TooLarge);
    nothing(h, ONE, "a request is published as a whole or not at all").await;

    let allowed = vec![with(&"k".repeat(256), &"v".repeat(1_024)), with("empty-value", ""), many(100), keyed(1_024)];
    t.publish(TOPIC, allowed.clone()).await.expect("all these are allowed");
    let got = pull(h, ONE, allowed.len()).await;
    for message in allowed {
        assert!(got.iter().any(|g| g.message.attributes == message.attributes && g.message.data == message.data));
    }
}

pub(super) async fn lists(h: &dyn TopicHarness) {
    let t = h.topics();
    let labels = BTreeMap::from([("team".to_owned(), "show".to_owned())]);
    let seconds = Duration::from_secs;
    let config = TopicConfig { labels: labels.clone(), retention: Some(seconds(600)), max_backlog_bytes: None };
    t.create_topic("contract-b", config.clone()).await.expect("create");
    t.create_topic("contract-a", TopicConfig::default()).await.expect("create");
    let topics = t.topics().await.expect("list");
    let expected = [("contract-a", TopicConfig::default()), ("contract-b", config)];
    assert_eq!(topics, expected.map(|(name, config)| TopicInfo { name: name.to_owned(), config }));
    let config = SubscriptionConfig {
        ack_deadline: seconds(600),
        ordered: true,
        dead_letter: Some(DeadLetterPolicy { topic: "contract-a".to_owned(), max_attempts: 100 }),
        retain_acked: true,
        retention: h.longest_retention(),
        labels: labels.clone(),
    };
    t.create_subscription(ONE, "contract-b", config.clone()).await.expect("create");
    let info = SubscriptionInfo { name: ONE.to_owned(), topic: "contract-b".to_owned(), config };
    assert_eq!(t.subscriptions().await.expect("list"), [info]);
    let made = t.create_snapshot("contract-snapshot", ONE, labels.clone()).await.expect("create");
    assert_eq!((made.name.as_str(), made.topic.as_str()), ("contract-snapshot", "contract-b"));
    assert_eq!(made.labels, if h.labels_snapshots() { labels.clone() } else { BTreeMap::new() });
    assert!(made.expires > h.now() + seconds(6 * 24 * 3_600));
    assert_eq!(kind(t.create_snapshot("contract-snapshot", ONE, BTreeMap::new()).await), ErrorKind::Exists);
    assert_eq!(t.snapshots().await.expect("list"), [made]);
    t.delete_snapshot("contract-snapshot").await.expect("delete");
    assert_eq!(t.snapshots().await.expect("list"), []);
    t.delete_subscription(ONE).await.expect("delete");
    assert_eq!(t.subscriptions().await.expect("list"), []);
    t.delete_topic("contract-b").await.expect("delete");
    assert_eq!(t.topics().await.expect("list").len(), 1);
}
