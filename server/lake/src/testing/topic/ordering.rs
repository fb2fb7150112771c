//! Messages of one key come in order.

use super::*;

fn keyed(key: &str, data: &str) -> NewMessage {
    NewMessage { ordering_key: key.to_owned(), ..message(data) }
}

async fn ordered(h: &dyn TopicHarness) {
    let config =
        SubscriptionConfig { ordered: true, ack_deadline: Duration::from_secs(60), ..SubscriptionConfig::default() };
    topic(h, config).await;
}

/// Pulls until so many of this key have come, acknowledging what does.
async fn of_key(h: &dyn TopicHarness, key: &str, count: usize) -> Vec<String> {
    let mut got = Vec::new();
    while got.len() < count {
        let some = pull(h, ONE, 1).await;
        got.extend(texts(&some).into_iter().filter(|_| some[0].message.ordering_key == key));
        ack(h, ONE, &some).await;
    }
    got
}

pub(super) async fn a_key_keeps_its_order(h: &dyn TopicHarness) {
    ordered(h).await;
    for n in 0..30 {
        let messages = ["a", "b", "c"].map(|key| keyed(key, &format!("{key}{n:02}")));
        h.topics().publish(TOPIC, messages.to_vec()).await.expect("publish");
    }
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut count = 0;
    while count < 90 {
        let some = h.topics().pull(ONE, PullRequest::now(7).waiting(PATIENCE)).await.expect("pull");
        assert!(!some.is_empty(), "{count} of 90 came");
        count += some.len();
        for received in &some {
            by_key
                .entry(received.message.ordering_key.clone())
                .or_default()
                .extend(texts(std::slice::from_ref(received)));
        }
        ack(h, ONE, &some).await;
    }
    for (key, got) in by_key {
        assert_eq!(got, (0..30).map(|n| format!("{key}{n:02}")).collect::<Vec<_>>());
    }
}

pub(super) async fn a_nack_brings_the_followers_again(h: &dyn TopicHarness) {
    ordered(h).await;
    let messages = ["1", "2", "3"].map(|data| keyed("a", data));
    h.topics().publish(TOPIC, messages.to_vec()).await.expect("publish");
    let first = pull(h, ONE, 1).await;
    assert_eq!(texts(&first), ["1"]);
    nack(h, ONE, &first).await;
    let mut again = of_key(h, "a", 3).await;
    if !h.orders_after_nacks() {
        again.sort();
    }
    assert_eq!(again, ["1", "2", "3"], "the nacked one and those after it, in order");
    h.topics().publish(TOPIC, vec![keyed("a", "4"), keyed("b", "5")]).await.expect("publish");
    let mut rest = pull(h, ONE, 2).await;
    rest.sort_by(|a, b| a.message.ordering_key.cmp(&b.message.ordering_key));
    assert_eq!(texts(&rest), ["4", "5"], "keys do not wait for each other");
}
