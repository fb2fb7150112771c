//! Seeking to a time and to a snapshot.

use super::*;

const STEP: Duration = Duration::from_secs(2);

async fn seek(h: &dyn TopicHarness, to: DateTime<Utc>) {
    h.topics().seek(ONE, SeekTarget::Time(to)).await.expect("seek");
}

pub(super) async fn to_the_past(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig { retain_acked: true, ..SubscriptionConfig::default() }).await;
    publish(h, &["a"]).await;
    h.pass(STEP).await;
    let after_a = h.now();
    h.pass(STEP).await;
    publish(h, &["b", "c"]).await;
    let got = pull(h, ONE, 3).await;
    ack(h, ONE, &got).await;
    h.pass(STEP).await;
    nothing(h, ONE, "all are acknowledged").await;
    seek(h, after_a).await;
    let again = pull(h, ONE, 2).await;
    assert_eq!(sorted(&again), ["b", "c"], "what was published since comes again, acknowledged or not");
    backlog(h, ONE, 2, "and no more").await;
    ack(h, ONE, &again).await;
    nothing(h, ONE, "what was published before does not").await;
    seek(h, after_a - Duration::from_secs(60)).await;
    let all = pull(h, ONE, 3).await;
    assert_eq!(sorted(&all), ["a", "b", "c"]);
    ack(h, ONE, &all).await;
}

pub(super) async fn a_topic_retains_for_all(h: &dyn TopicHarness) {
    let t = h.topics();
    let start = h.now() - Duration::from_secs(1);
    let config = TopicConfig { retention: Some(Duration::from_secs(3_600)), ..TopicConfig::default() };
    t.create_topic(TOPIC, config).await.expect("create");
    publish(h, &["before"]).await;
    h.pass(STEP).await;
    t.create_subscription(ONE, TOPIC, SubscriptionConfig::default()).await.expect("create");
    nothing(h, ONE, "a subscription begins with what is published after it").await;
    publish(h, &["after"]).await;
    let got = pull(h, ONE, 1).await;
    ack(h, ONE, &got).await;
    seek(h, start).await;
    assert_eq!(sorted(&pull(h, ONE, 2).await), ["after", "before"], "but it can seek to what the topic keeps");
}

pub(super) async fn to_now_and_to_the_future(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    publish(h, &["out", "waiting"]).await;
    let out = h.topics().pull(ONE, PullRequest::now(1).waiting(PATIENCE)).await.expect("pull");
    h.topics().create_subscription(TWO, TOPIC, SubscriptionConfig::default()).await.expect("a second subscription");
    publish(h, &["both"]).await;
    h.pass(STEP).await;
    h.topics().seek(ONE, SeekTarget::Now).await.expect("seek");
    nack(h, ONE, &out).await;
    nothing(h, ONE, "all that was published before is gone, what was out as well").await;
    backlog(h, ONE, 0, "all are gone").await;
    assert_eq!(texts(&pull(h, TWO, 1).await), ["both"], "other subscriptions keep theirs");
    h.pass(STEP).await;
    publish(h, &["next"]).await;
    let got = pull(h, ONE, 1).await;
    assert_eq!(texts(&got), ["next"], "what comes later is delivered: empty and alive");
    ack(h, ONE, &got).await;

    publish(h, &["old"]).await;
    seek(h, h.now() + 2 * STEP).await;
    nothing(h, ONE, "a seek into the future drops what is there").await;
    // Whether it drops what is published before that time is not documented.
    h.pass(3 * STEP).await;
    publish(h, &["new"]).await;
    assert_eq!(texts(&pull(h, ONE, 1).await), ["new"], "what is published after that time is delivered");
}

pub(super) async fn to_a_snapshot(h: &dyn TopicHarness) {
    topic(h, SubscriptionConfig::default()).await;
    let t = h.topics();
    publish(h, &["a", "b", "c"]).await;
    let got = pull(h, ONE, 3).await;
    let (b, rest): (Vec<_>, Vec<_>) = got.into_iter().partition(|m| &m.message.data[..] == b"b");
    ack(h, ONE, &b).await;
    t.create_snapshot("contract-snapshot", ONE, BTreeMap::new()).await.expect("create");
    ack(h, ONE, &rest).await;
    publish(h, &["d"]).await;
    let d = pull(h, ONE, 1).await;
    ack(h, ONE, &d).await;
    nothing(h, ONE, "all are acknowledged").await;
    let target = SeekTarget::Snapshot("contract-snapshot".to_owned());
    t.seek(ONE, target.clone()).await.expect("seek");
    let again = pull(h, ONE, 3).await;
    assert_eq!(sorted(&again), ["a", "c", "d"], "what was not acknowledged then, and what was published since");
    ack(h, ONE, &again).await;
    nothing(h, ONE, "not what was acknowledged then").await;
    t.create_subscription(TWO, TOPIC, SubscriptionConfig::default()).await.expect("create");
    t.seek(TWO, target.clone()).await.expect("another subscription of the same topic may take it up");
    if h.shares_snapshots() {
        assert_eq!(sorted(&pull(h, TWO, 3).await), ["a", "c", "d"]);
    }
    t.create_topic("contract-other", TopicConfig::default()).await.expect("create");
    t.create_subscription("contract-three", "contract-other", SubscriptionConfig::default()).await.expect("create");
    assert_eq!(kind(t.seek("contract-three", target).await), ErrorKind::Invalid, "one of another topic may not");
}
