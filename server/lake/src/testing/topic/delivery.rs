//! Messages come, come again until they are acknowledged, and go to the dead letters.

use super::*;

pub(super) async fn messages_arrive_as_published(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    nothing(h, ONE, "empty at once if there are none").await;
    let attributes =
        BTreeMap::from([("eventType".to_owned(), "OBJECT_FINALIZE".to_owned()), ("x".to_owned(), String::new())]);
    let first = NewMessage {
        data: Bytes::from_static(b"\0data\xff"),
        attributes: attributes.clone(),
        ordering_key: "a key".to_owned(),
    };
    let mut ids = h.topics().publish(TOPIC, vec![first.clone(), message("second")]).await.expect("publish");
    ids.extend(publish(h, &["third"]).await);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3, "ids are unique: {ids:?}");
    let got = pull(h, ONE, 3).await;
    let by_id: BTreeMap<&str, &Message> = got.iter().map(|g| (g.message.id.as_str(), &g.message)).collect();
    assert_eq!(by_id.len(), 3);
    let found = by_id[ids[0].as_str()];
    assert_eq!((&found.data, &found.attributes, &found.ordering_key), (&first.data, &attributes, &first.ordering_key));
    assert_eq!((&by_id[ids[1].as_str()].data[..], &by_id[ids[2].as_str()].data[..]), (&b"second"[..], &b"third"[..]));
    let age = h.now() - found.published;
    assert!(age.num_seconds().abs() < 60, "published a moment ago: {age}");
    assert!(got.iter().all(|g| g.delivery_attempt.is_none()), "attempts are told where there is a dead-letter policy");
    nothing(h, ONE, "what is out is not delivered twice at once").await;
    ack(h, ONE, &got).await;
}

pub(super) async fn subscriptions_are_independent(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    publish(h, &["early"]).await;
    h.topics().create_subscription(TWO, TOPIC, SubscriptionConfig::default()).await.expect("a second subscription");
    publish(h, &["late"]).await;
    let two = pull(h, TWO, 1).await;
    assert_eq!(texts(&two), ["late"], "a subscription begins with what is published after it");
    ack(h, TWO, &two).await;
    assert_eq!(sorted(&pull(h, ONE, 2).await), ["early", "late"], "one subscription's ack is not the other's");
    nothing(h, TWO, "acknowledged").await;
    h.topics().create_topic("contract-other", TopicConfig::default()).await.expect("another topic");
    let config = SubscriptionConfig::default();
    h.topics().create_subscription("contract-three", "contract-other", config).await.expect("its subscription");
    publish(h, &["x"]).await;
    nothing(h, "contract-three", "topics are apart").await;
}

pub(super) async fn unacknowledged_messages_come_again(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    publish(h, &["a", "b", "c"]).await;
    backlog(h, ONE, 3, "waiting").await;
    let first = pull(h, ONE, 3).await;
    backlog(h, ONE, 3, "delivered is not acknowledged").await;
    let (b, others): (Vec<_>, Vec<_>) = first.clone().into_iter().partition(|m| &m.message.data[..] == b"b");
    ack(h, ONE, &b).await;
    backlog(h, ONE, 2, "acknowledged").await;
    nack(h, ONE, &others).await;
    let second = pull(h, ONE, 2).await;
    assert_eq!(sorted(&second), ["a", "c"], "what was nacked comes again, what was acknowledged does not");
    assert!(ack_ids(&second).iter().all(|id| !ack_ids(&first).contains(id)), "each delivery has its own ack id");
    // The subscription's own deadline, which is the shortest allowed.
    h.pass(MIN_ACK_DEADLINE + Duration::from_secs(1)).await;
    let third = pull(h, ONE, 2).await;
    assert_eq!(sorted(&third), ["a", "c"], "what was not acknowledged in time comes again");
    let ids = |messages: &[ReceivedMessage]| messages.iter().map(|m| m.message.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&second), ids(&third), "a message keeps its id");
    ack(h, ONE, &third).await;
    ack(h, ONE, &third).await;
    ack(h, ONE, &first).await;
    h.pass(MIN_ACK_DEADLINE + Duration::from_secs(1)).await;
    nothing(h, ONE, "all are acknowledged").await;
    backlog(h, ONE, 0, "all are acknowledged").await;
}

pub(super) async fn deadlines_are_moved(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig { ack_deadline: Duration::from_secs(20), ..SubscriptionConfig::default() }).await;
    publish(h, &["a"]).await;
    let got = pull(h, ONE, 1).await;
    h.topics().modify_ack_deadline(ONE, &ack_ids(&got), SHORT).await.expect("modify");
    h.pass(SHORT + Duration::from_secs(1)).await;
    let again = pull(h, ONE, 1).await;
    assert_eq!(again[0].message, got[0].message, "earlier than the subscription's deadline");
    h.topics().modify_ack_deadline(ONE, &ack_ids(&again), Duration::from_secs(60)).await.expect("modify");
    h.pass(Duration::from_secs(22)).await;
    nothing(h, ONE, "later than the subscription's deadline").await;
    ack(h, ONE, &again).await;
    h.topics().modify_ack_deadline(ONE, &ack_ids(&again), Duration::ZERO).await.expect("a stale ack id is no error");
    nothing(h, ONE, "what was acknowledged cannot be given back").await;
}

pub(super) async fn several_subscribers(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig { ack_deadline: Duration::from_secs(60), ..SubscriptionConfig::default() }).await;
    let sent: BTreeSet<String> = (0..200).map(|n| format!("message-{n:03}")).collect();
    let pulls = (0..4).map(async |_| {
        let mut got = Vec::new();
        let request = PullRequest::now(7).waiting(Duration::from_secs(2));
        loop {
            let some = h.topics().pull(ONE, request).await.expect("pull");
            if some.is_empty() {
                return got;
            }
            ack(h, ONE, &some).await;
            got.extend(texts(&some));
        }
    });
    let publish = async {
        for chunk in sent.iter().map(String::as_str).collect::<Vec<_>>().chunks(9) {
            publish(h, chunk).await;
        }
    };
    let (got, ()) = futures::join!(futures::future::join_all(pulls), publish);
    let all: Vec<String> = got.into_iter().flatten().collect();
    assert_eq!(all.iter().cloned().collect::<BTreeSet<_>>(), sent);
    assert_eq!(all.len(), sent.len(), "a message that is out to one subscriber does not go to another");
}

pub(super) async fn waiting(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig { ack_deadline: Duration::from_secs(60), ..SubscriptionConfig::default() }).await;
    let began = std::time::Instant::now();
    let request = PullRequest::now(10).waiting(PATIENCE);
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        publish(h, &["x"]).await;
    };
    let (got, ()) = futures::join!(h.topics().pull(ONE, request), later);
    assert_eq!(texts(&got.expect("pull")), ["x"], "a message ends the wait");
    assert!(began.elapsed() < PATIENCE, "and does so at once");

    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        publish(h, &["y"]).await;
    };
    let (waited, ()) = futures::join!(h.topics().wait(ONE), later);
    waited.expect("wait");
    let got = pull(h, ONE, 1).await;
    assert_eq!(texts(&got), ["y"], "a wait takes nothing");
    let again = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        nack(h, ONE, &got).await;
    };
    let (got, ()) = futures::join!(h.topics().pull(ONE, request), again);
    assert_eq!(texts(&got.expect("pull")), ["y"], "what was given back ends the wait");
    let none = h.topics().pull(ONE, PullRequest::now(1).waiting(Duration::from_millis(200))).await.expect("pull");
    assert!(none.is_empty(), "the wait is over when it is over");
}

pub(super) async fn bytes_bound_a_pull(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    let large = "x".repeat(1_000);
    publish(h, &[&large, &large, &large]).await;
    let request = PullRequest { max_messages: 10, max_bytes: 2_500, wait: PATIENCE };
    let got = h.topics().pull(ONE, request).await.expect("pull");
    assert!((1..=2).contains(&got.len()), "no more than fit");
    let request = PullRequest { max_messages: 10, max_bytes: 1, wait: PATIENCE };
    assert_eq!(h.topics().pull(ONE, request).await.expect("pull").len(), 1, "a single one may be larger");
}

pub(super) async fn dead_letters(h: &dyn TopicHarness) {
    let t = h.topics();
    t.create_topic("contract-letters", TopicConfig::default()).await.expect("create");
    t.create_subscription(TWO, "contract-letters", SubscriptionConfig::default()).await.expect("create");
    let dead_letter = Some(DeadLetterPolicy { topic: "contract-letters".to_owned(), max_attempts: 5 });
    topic(h, SubscriptionConfig { dead_letter, ..SubscriptionConfig::default() }).await;
    let poisoned = NewMessage {
        attributes: BTreeMap::from([("run_id".to_owned(), "r".to_owned())]),
        ordering_key: "visitor".to_owned(),
        ..message("poison")
    };
    t.publish(TOPIC, vec![poisoned]).await.expect("publish");
    let mut published = None;
    for attempt in 1..=5 {
        let got = pull(h, ONE, 1).await;
        // Pub/Sub counts by best effort.
        assert!(got[0].delivery_attempt.is_some_and(|count| (1..=attempt).contains(&count)), "{got:?}");
        published = Some(got[0].message.published);
        if attempt == 2 {
            h.pass(MIN_ACK_DEADLINE + Duration::from_secs(1)).await;
        } else {
            nack(h, ONE, &got).await;
        }
    }
    // A subscriber goes on pulling: Google's emulator looks at what was delivered too often only then.
    nothing(h, ONE, "it is no longer in the subscription").await;
    let letter = pull(h, TWO, 1).await.remove(0).message;
    assert_eq!((&letter.data[..], letter.ordering_key.as_str()), (&b"poison"[..], "visitor"));
    assert_eq!(letter.attributes["run_id"], "r", "its own attributes are kept");
    assert!(letter.attributes[DEAD_LETTER_SUBSCRIPTION].ends_with(ONE));
    assert!(letter.attributes.contains_key(DEAD_LETTER_PROJECT));
    assert_eq!(letter.attributes[DEAD_LETTER_DELIVERY_COUNT], "5");
    let time = DateTime::parse_from_rfc3339(&letter.attributes[DEAD_LETTER_PUBLISH_TIME]).expect("a time");
    let difference = published.map(|p| (p - time.to_utc()).num_milliseconds().abs());
    assert!(difference.is_some_and(|ms| ms < 1_000), "when it was first published: {difference:?} ms off");
    nothing(h, ONE, "it is no longer in the subscription").await;
    backlog(h, ONE, 0, "it is no longer in the subscription").await;
}

pub(super) async fn a_deleted_topic_leaves_its_messages(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    publish(h, &["x"]).await;
    h.topics().delete_topic(TOPIC).await.expect("delete");
    assert_eq!(kind(h.topics().publish(TOPIC, vec![message("y")]).await), ErrorKind::NotFound);
    assert_eq!(h.topics().subscriptions().await.expect("list")[0].topic, DELETED_TOPIC);
    h.topics().create_topic(TOPIC, TopicConfig::default()).await.expect("the name is free again");
    publish(h, &["y"]).await;
    let got = pull(h, ONE, 1).await;
    assert_eq!(texts(&got), ["x"]);
    ack(h, ONE, &got).await;
    nothing(h, ONE, "the new topic is another one").await;
}
