//! The contract of [`Topic`].

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::FutureExt;

use super::kind;
use crate::ErrorKind;
use crate::ports::{Message, Topic};

const TOPIC: &str = "contract-topic";
const ONE: &str = "contract-subscription-one";
const TWO: &str = "contract-subscription-two";

/// Runs every rule against fresh topics from `make`.
///
/// # Panics
/// When a rule is broken.
pub async fn topic_contract<F: AsyncFn() -> Box<dyn Topic>>(make: F) {
    let fresh = async || {
        let topics = make().await;
        topics.create(TOPIC, ONE).await.expect("a topic can be created");
        topics
    };
    unknown_names(&*make().await).await;
    messages_arrive_as_published(&*fresh().await).await;
    creating_again_keeps_messages(&*fresh().await).await;
    unacknowledged_messages_come_again(&*fresh().await).await;
    subscriptions_are_independent(&*fresh().await).await;
    seeking_drops_all(&*fresh().await).await;
    waiting(&*fresh().await).await;
}

async fn publish(topics: &dyn Topic, data: &str) -> u64 {
    topics.publish(TOPIC, Bytes::from(data.to_owned()), BTreeMap::new()).await.expect("publish")
}

async fn pull(topics: &dyn Topic, subscription: &str, max: usize) -> Vec<Message> {
    topics.pull(subscription, max).await.expect("pull")
}

async fn ids(topics: &dyn Topic, subscription: &str, max: usize) -> Vec<u64> {
    pull(topics, subscription, max).await.into_iter().map(|message| message.id).collect()
}

async fn backlog(topics: &dyn Topic, subscription: &str) -> u64 {
    topics.backlog(subscription).await.expect("backlog")
}

async fn unknown_names(topics: &dyn Topic) {
    assert_eq!(kind(topics.publish(TOPIC, Bytes::new(), BTreeMap::new()).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.pull(ONE, 1).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.wait(ONE).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.ack(ONE, &[1]).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.nack(ONE, &[1]).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.seek_to_now(ONE).await), ErrorKind::NotFound);
    assert_eq!(kind(topics.backlog(ONE).await), ErrorKind::NotFound);
}

async fn messages_arrive_as_published(topics: &dyn Topic) {
    assert!(pull(topics, ONE, 10).await.is_empty(), "empty at once if there are none");
    let attributes =
        BTreeMap::from([("eventType".to_owned(), "OBJECT_FINALIZE".to_owned()), ("x".to_owned(), String::new())]);
    let first = topics.publish(TOPIC, Bytes::from_static(b"\0data"), attributes.clone()).await.expect("publish");
    let mut last = first;
    for _ in 0..5 {
        let id = publish(topics, "").await;
        assert!(id > last, "ids rise");
        last = id;
    }
    assert!(pull(topics, ONE, 0).await.is_empty());
    let got = pull(topics, ONE, 1).await;
    assert_eq!(got.len(), 1, "at most `max`");
    assert_eq!((got[0].id, &got[0].data[..], &got[0].attributes), (first, &b"\0data"[..], &attributes));
    let rest = pull(topics, ONE, 100).await;
    assert_eq!(rest.len(), 5);
    assert!(rest.windows(2).all(|pair| pair[0].id < pair[1].id && pair[0].published <= pair[1].published));
    assert!(pull(topics, ONE, 100).await.is_empty(), "what is out is not delivered twice at once");
}

async fn creating_again_keeps_messages(topics: &dyn Topic) {
    let id = publish(topics, "x").await;
    topics.create(TOPIC, ONE).await.expect("creating it again does nothing");
    assert_eq!(ids(topics, ONE, 10).await, [id]);
}

async fn unacknowledged_messages_come_again(topics: &dyn Topic) {
    let all = [publish(topics, "a").await, publish(topics, "b").await, publish(topics, "c").await];
    assert_eq!(backlog(topics, ONE).await, 3);
    assert_eq!(ids(topics, ONE, 10).await, all);
    assert_eq!(backlog(topics, ONE).await, 3, "delivered is not acknowledged");
    topics.ack(ONE, &all[1..2]).await.expect("ack");
    assert_eq!(backlog(topics, ONE).await, 2);
    topics.nack(ONE, &[all[0], all[2]]).await.expect("nack");
    assert_eq!(backlog(topics, ONE).await, 2);
    let mut again = pull(topics, ONE, 10).await;
    again.sort_by_key(|message| message.id);
    assert_eq!(
        again.iter().map(|m| (m.id, &m.data[..])).collect::<Vec<_>>(),
        [(all[0], &b"a"[..]), (all[2], &b"c"[..])]
    );
    topics.ack(ONE, &[all[0], all[2]]).await.expect("ack");
    topics
        .ack(ONE, &[all[0], all[2], u64::MAX])
        .await
        .expect("acknowledging again, or something unknown, does nothing");
    topics.nack(ONE, &all).await.expect("what was acknowledged cannot be given back");
    assert!(pull(topics, ONE, 10).await.is_empty());
    assert_eq!(backlog(topics, ONE).await, 0);
}

async fn subscriptions_are_independent(topics: &dyn Topic) {
    let early = publish(topics, "early").await;
    topics.create(TOPIC, TWO).await.expect("a second subscription");
    assert!(pull(topics, TWO, 10).await.is_empty(), "a subscription begins with what is published after it");
    let late = publish(topics, "late").await;
    assert_eq!(ids(topics, TWO, 10).await, [late]);
    topics.ack(TWO, &[late]).await.expect("ack");
    assert_eq!(backlog(topics, TWO).await, 0);
    assert_eq!(ids(topics, ONE, 10).await, [early, late], "one subscription's ack is not the other's");
    topics.create("contract-topic-other", "contract-subscription-other").await.expect("another topic");
    publish(topics, "x").await;
    assert_eq!(backlog(topics, "contract-subscription-other").await, 0, "topics are apart");
}

async fn seeking_drops_all(topics: &dyn Topic) {
    let out = publish(topics, "out").await;
    assert_eq!(ids(topics, ONE, 1).await, [out]);
    publish(topics, "waiting").await;
    topics.create(TOPIC, TWO).await.expect("a second subscription");
    publish(topics, "both").await;
    assert_eq!(topics.seek_to_now(ONE).await.expect("seek"), 3, "messages that are out go, too");
    assert_eq!(backlog(topics, ONE).await, 0);
    topics.nack(ONE, &[out]).await.expect("nack");
    assert!(pull(topics, ONE, 10).await.is_empty(), "what was dropped does not come back");
    assert_eq!(topics.seek_to_now(ONE).await.expect("seek"), 0);
    assert_eq!(backlog(topics, TWO).await, 1, "other subscriptions keep theirs");
    let next = publish(topics, "next").await;
    assert_eq!(ids(topics, ONE, 10).await, [next], "what comes later is delivered");
}

async fn waiting(topics: &dyn Topic) {
    let mut wait = topics.wait(ONE);
    assert!((&mut wait).now_or_never().is_none(), "without a message it waits");
    let id = publish(topics, "x").await;
    wait.await.expect("a message ends the wait");
    topics.wait(ONE).await.expect("with a message it returns at once");
    assert_eq!(ids(topics, ONE, 10).await, [id]);

    let mut wait = topics.wait(ONE);
    assert!((&mut wait).now_or_never().is_none(), "what is out does not count");
    topics.nack(ONE, &[id]).await.expect("nack");
    wait.await.expect("what was given back ends the wait");
    assert_eq!(ids(topics, ONE, 10).await, [id]);
    topics.ack(ONE, &[id]).await.expect("ack");

    // Nobody sleeps through a message, whoever else waits.
    let waits = futures::future::join_all((0..4).map(|_| topics.wait(ONE)));
    let publish = async {
        tokio::task::yield_now().await;
        publish(topics, "all").await
    };
    let (ended, _) = futures::join!(waits, publish);
    assert!(ended.into_iter().all(|result| result.is_ok()));
}
