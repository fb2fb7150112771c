//! What we really send to Pub/Sub, as it comes over the wire: the client administers by REST, and publishes and receives by gRPC. Google's
//! description is the judge of requests; of messages too, once Google's own classes have read them and Google's own transport has made the
//! REST request of them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use prost::Message;
use serde_json::{Value, json};
use showrunner_gcp::cloud::{Thing, plan};
use showrunner_gcp::{Access, Endpoint, Endpoints, GcpConfig, PubSubTopics};
use showrunner_lake::ports::*;
use showrunner_lake::{ErrorKind, Names};
use showrunner_tests::discovery::Discovery;

use super::grpc::{Asked, Grpc, Say};
use super::http::{Reply, Request, Server};
use super::wire::{Front, Told, told};

const WHAT: &str = "the shapes of requests to Pub/Sub";

/// What begins with a name: most messages of Pub/Sub.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Published {
    #[prost(message, repeated, tag = "2")]
    messages: Vec<Named>,
}

#[derive(Clone, PartialEq, Message)]
struct Ids {
    #[prost(string, repeated, tag = "1")]
    ids: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Moment {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Letter {
    #[prost(bytes = "bytes", tag = "1")]
    data: Bytes,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(message, optional, tag = "4")]
    published: Option<Moment>,
}

#[derive(Clone, PartialEq, Message)]
struct Delivery {
    #[prost(string, tag = "1")]
    ack_id: String,
    #[prost(message, optional, tag = "2")]
    message: Option<Letter>,
}

#[derive(Clone, PartialEq, Message)]
struct Pulled {
    #[prost(message, repeated, tag = "1")]
    received: Vec<Delivery>,
}

/// What is answered to messages on a good day: each stream begins with three of them.
fn usual(asked: &Asked, _: &[Asked]) -> Say {
    let named = || Named::decode(asked.message.as_slice()).expect("a name").name;
    Say::Message(match asked.method.as_str() {
        "Publish" => {
            let published = Published::decode(asked.message.as_slice()).expect("messages").messages.len();
            Ids { ids: (0..published).map(|n| n.to_string()).collect() }.encode_to_vec()
        }
        // What keeps a stream open has no name.
        "StreamingPull" if named().is_empty() => return Say::Silence,
        "StreamingPull" => {
            let letter = |n: u32| Letter {
                data: Bytes::from_static(b"x"),
                id: n.to_string(),
                published: Some(Moment { seconds: 1_500_000_000 }),
            };
            let delivery = |n: u32| Delivery { ack_id: format!("ack-{n}"), message: Some(letter(n)) };
            Pulled { received: (0..3).map(delivery).collect() }.encode_to_vec()
        }
        _ => Vec::new(),
    })
}

/// What is answered to requests on a good day: what was made is as it was wanted.
fn answer(request: &Request, before: &[Request]) -> Reply {
    let path = request.path();
    let named = |body: Value| {
        let mut body = body;
        body["name"] = json!(path.trim_start_matches("/v1/"));
        Reply::json(200, body)
    };
    match request.method.as_str() {
        "PUT" if path.contains("/snapshots/") => {
            named(json!({"topic": "projects/p/topics/t", "labels": request.json()["labels"]}))
        }
        "PUT" => named(request.json()),
        "GET" if path.contains("/topics/") => named(json!({})),
        "GET" if path.contains("/subscriptions/") => {
            match before.iter().rev().find(|made| made.method == "PUT" && made.path() == path) {
                Some(made) => named(made.json()),
                None => Reply::refused(404, "notFound", "There is none."),
            }
        }
        "POST" if path.ends_with(":pull") => {
            let message = json!({"data": "eA==", "messageId": "7", "publishTime": "2017-07-29T10:00:00Z"});
            let received = |n: u32| json!({"ackId": format!("ack-{n}"), "message": message});
            Reply::json(200, json!({"receivedMessages": [received(1), received(2)]}))
        }
        _ => Reply::json(200, json!({})),
    }
}

/// Pub/Sub, which notes everything.
struct Pubsub {
    grpc: Grpc,
    http: Server,
    front: Front,
}

impl Pubsub {
    async fn start() -> Pubsub {
        let (grpc, http) = (Grpc::scripted(usual).await, Server::scripted(answer).await);
        let front = Front::of(&grpc.url, &http.url).await;
        Pubsub { grpc, http, front }
    }

    async fn streaming(&self) -> PubSubTopics {
        PubSubTopics::connect_streaming(&config(&self.front.url), &Access::anonymous()).await.expect("clients")
    }

    /// How many subscriptions were asked for.
    fn subscriptions(&self) -> usize {
        let made = |asked: &&Request| asked.method == "PUT" && asked.path().contains("/subscriptions/");
        self.http.seen().iter().filter(made).count()
    }

    /// The methods that everything was for; it is an error if something is wrong with any of it.
    fn judged(&self) -> Option<Vec<String>> {
        let google = Discovery::read("pubsub.v1", WHAT)?;
        let (mut methods, mut problems) = judge(&self.grpc.seen())?;
        for asked in self.http.seen() {
            let (method, mut found) = google.check(&asked.method, &asked.target, &asked.body);
            let body = asked.json();
            let path = asked.path().split(':').next().unwrap_or_default().to_owned();
            // Lists are of a project, whose name has other rules.
            if !method.ends_with(".list") {
                found.extend(names(&json!({"name": path, "topic": body.get("topic")})));
            }
            problems.extend(
                found.into_iter().map(|problem| format!("{} {}: {problem}: {body}", asked.method, asked.target)),
            );
            methods.push(method);
        }
        assert_eq!(problems, Vec::<String>::new());
        Some(methods)
    }
}

fn config(url: &str) -> GcpConfig {
    let pubsub = Endpoint::parse("the test's server", url).expect("a loopback address");
    GcpConfig {
        project: "p".to_owned(),
        location: "US".to_owned(),
        show: "demo-dev".to_owned(),
        impersonate: None,
        endpoints: Endpoints { pubsub, ..Endpoints::default() },
    }
}

/// The methods that messages were for, and what is wrong with them.
fn judge(asked: &[Asked]) -> Option<(Vec<String>, Vec<String>)> {
    let google = Discovery::read("pubsub.v1", WHAT)?;
    let told = told(asked, WHAT).expect("Google's classes read every message")?;
    let (mut methods, mut problems) = (Vec::new(), Vec::new());
    for (asked, Told { message, rest }) in asked.iter().zip(told) {
        let (method, found) = match rest {
            Some(mut rest) => {
                if let (Some(Value::Object(body)), true) = (&mut rest.body, asked.is("ModifyAckDeadline")) {
                    // A zero is not written in protobuf.
                    body.entry("ackDeadlineSeconds").or_insert(json!(0));
                }
                let body = rest.body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
                let (method, mut found) = google.check(&rest.verb, &rest.target, &body);
                found.extend(names(&message));
                found.extend(keys(&message));
                (method, found)
            }
            // Only the stream has no REST form: its deadline is a subscription's.
            None => {
                let deadline = message.get("streamAckDeadlineSeconds").cloned().unwrap_or(json!(0));
                (asked.method.clone(), google.property("Subscription", "ackDeadlineSeconds", &deadline))
            }
        };
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}: {message}", asked.path)));
        methods.push(method);
    }
    Some((methods, problems))
}

/// What topics, subscriptions and snapshots may be called, as the descriptions of their `name` say.
fn names(message: &Value) -> Vec<String> {
    let all = ["name", "topic", "subscription", "snapshot"].iter().filter_map(|key| message.get(*key)?.as_str());
    let last = all.filter_map(|name| name.rsplit('/').next());
    let wrong = |name: &&str| {
        let fine = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+%".contains(&b);
        !((3..=255).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && !name.starts_with("goog")
            && name.bytes().all(fine))
    };
    last.filter(wrong).map(|name| format!("{name:?} is no name")).collect()
}

/// All messages of a request have the same ordering key, as the description of `orderingKey` says.
fn keys(message: &Value) -> Vec<String> {
    let messages = message.get("messages").and_then(Value::as_array).into_iter().flatten();
    let mut keys: Vec<&str> = messages.map(|one| one["orderingKey"].as_str().unwrap_or_default()).collect();
    keys.dedup();
    if keys.len() > 1 { vec![format!("ordering keys {keys:?} in one request")] } else { Vec::new() }
}

async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    for _ in 0..200 {
        if reached() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} never came");
}

/// Everything that a show makes, and settings at both ends of what we allow.
async fn make(topics: &PubSubTopics) {
    for thing in plan(&Names::of("demo", "dev").expect("names")) {
        match thing {
            Thing::Topic { name, config } => topics.create_topic(&name, config).await.expect("a topic"),
            Thing::Subscription { name, topic, config } => {
                topics.create_subscription(&name, &topic, config).await.expect("a subscription");
            }
            _ => {}
        }
    }
    let labels = BTreeMap::from([("purpose".to_owned(), "letters".to_owned())]);
    for (name, retention) in [("short", MIN_RETENTION), ("long", MAX_RETENTION)] {
        let config = TopicConfig { labels: labels.clone(), retention: Some(retention), ..TopicConfig::default() };
        topics.create_topic(name, config).await.expect("a topic");
    }
    let letters = |max_attempts| Some(DeadLetterPolicy { topic: "short".to_owned(), max_attempts });
    for (name, config) in [
        (
            "least",
            SubscriptionConfig {
                ack_deadline: MIN_ACK_DEADLINE,
                retention: MIN_RETENTION,
                dead_letter: letters(5),
                ordered: true,
                ..SubscriptionConfig::default()
            },
        ),
        (
            "most",
            SubscriptionConfig {
                ack_deadline: MAX_ACK_DEADLINE,
                retention: MAX_RETENTION,
                dead_letter: letters(100),
                retain_acked: true,
                labels: labels.clone(),
                ..SubscriptionConfig::default()
            },
        ),
    ] {
        topics.create_subscription(name, "long", config).await.expect("a subscription");
    }
    let made = topics.create_snapshot("before", "least", labels.clone()).await.expect("a snapshot");
    assert_eq!(made.labels, labels, "without ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_what_google_describes() {
    let pubsub = Pubsub::start().await;
    let topics = pubsub.streaming().await;
    make(&topics).await;
    let message = |n: u32, key: &str| NewMessage {
        data: n.to_string().into(),
        attributes: BTreeMap::from([("run".to_owned(), "run-1".to_owned())]),
        ordering_key: key.to_owned(),
    };
    let messages: Vec<NewMessage> = (0..40).map(|n| message(n, ["", "a", "b"][n as usize % 3])).collect();
    assert_eq!(topics.publish("short", messages).await.expect("published").len(), 40);

    let request = PullRequest::now(10).waiting(Duration::from_secs(10));
    let mut ids: Vec<String> = Vec::new();
    while ids.len() < 3 {
        let got = topics.pull("most", request).await.expect("a pull");
        ids.extend(got.into_iter().map(|received| received.ack_id));
    }
    topics.acknowledge("most", &ids[..1]).await.expect("acknowledged");
    topics.modify_ack_deadline("most", &ids[1..2], MAX_ACK_DEADLINE).await.expect("extended");
    topics.modify_ack_deadline("most", &ids[2..], Duration::ZERO).await.expect("given back");
    until("an acknowledgement", || pubsub.grpc.count("Acknowledge") > 0 && pubsub.grpc.count("ModifyAckDeadline") > 0)
        .await;

    let time = DateTime::from_timestamp(1_500_000_000, 123_456_789).expect("a time");
    for target in [SeekTarget::Now, SeekTarget::Time(time), SeekTarget::Snapshot("before".to_owned())] {
        topics.seek("least", target).await.expect("a seek");
    }
    topics.topics().await.expect("a list");
    topics.subscriptions().await.expect("a list");
    topics.snapshots().await.expect("a list");
    topics.delete_snapshot("before").await.expect("deleted");
    topics.delete_subscription("most").await.expect("deleted");
    topics.delete_topic("long").await.expect("deleted");
    topics.close().await;

    let Some(methods) = pubsub.judged() else { return };
    for method in [
        "pubsub.projects.topics.create",
        "pubsub.projects.topics.get",
        "pubsub.projects.topics.list",
        "pubsub.projects.topics.delete",
        "pubsub.projects.topics.publish",
        "pubsub.projects.subscriptions.create",
        "pubsub.projects.subscriptions.get",
        "pubsub.projects.subscriptions.list",
        "pubsub.projects.subscriptions.delete",
        "pubsub.projects.subscriptions.acknowledge",
        "pubsub.projects.subscriptions.modifyAckDeadline",
        "pubsub.projects.subscriptions.seek",
        "pubsub.projects.snapshots.create",
        "pubsub.projects.snapshots.list",
        "pubsub.projects.snapshots.delete",
        "StreamingPull",
    ] {
        assert!(methods.iter().any(|found| found == method), "{method} was not judged: {methods:?}");
    }
}

/// What our own limits refuse is what Google's description refuses, and nothing of it is sent.
#[tokio::test(flavor = "multi_thread")]
async fn limits_are_those_that_google_describes() {
    let Some(google) = Discovery::read("pubsub.v1", WHAT) else { return };
    let pubsub = Pubsub::start().await;
    let topics = pubsub.streaming().await;
    topics.create_topic("letters", TopicConfig::default()).await.expect("a topic");
    let base = SubscriptionConfig::default;
    let seconds = Duration::from_secs;
    let deadline = |secs: u64| SubscriptionConfig { ack_deadline: seconds(secs), ..base() };
    let kept = |secs: u64| SubscriptionConfig { retention: seconds(secs), ..base() };
    let letters = |max_attempts: u32| SubscriptionConfig {
        dead_letter: Some(DeadLetterPolicy { topic: "letters".to_owned(), max_attempts }),
        ..base()
    };
    let (least, most) = (MIN_RETENTION.as_secs(), MAX_RETENTION.as_secs());
    let subscription = |property, value: Value| google.property("Subscription", property, &value).is_empty();
    let mut cases: Vec<(String, SubscriptionConfig, bool)> = Vec::new();
    for secs in [1, 9, 10, 11, 599, 600, 601, 3_600] {
        let theirs = subscription("ackDeadlineSeconds", json!(secs));
        cases.push((format!("an ack deadline of {secs} s"), deadline(secs), theirs));
    }
    for secs in [0, least - 1, least, least + 1, most - 1, most, most + 1] {
        let theirs = subscription("messageRetentionDuration", json!(format!("{secs}s")));
        cases.push((format!("a retention of {secs} s"), kept(secs), theirs));
    }
    for attempts in [1, 4, 5, 6, 99, 100, 101] {
        let theirs = google.property("DeadLetterPolicy", "maxDeliveryAttempts", &json!(attempts)).is_empty();
        cases.push((format!("{attempts} attempts"), letters(attempts), theirs));
    }
    assert!(cases.iter().any(|(_, _, theirs)| *theirs) && cases.iter().any(|(_, _, theirs)| !*theirs));
    for (n, (what, config, theirs)) in cases.into_iter().enumerate() {
        let before = pubsub.subscriptions();
        let ours = topics.create_subscription(&format!("reader-{n}"), "letters", config).await;
        assert_eq!(ours.is_ok(), theirs, "{what}: {ours:?}");
        assert!(ours.is_ok() || ours.is_err_and(|error| error.kind == ErrorKind::Invalid), "{what}");
        assert_eq!(pubsub.subscriptions() - before, usize::from(theirs), "{what}");
    }
    for secs in [least - 1, least, most, most + 1] {
        let theirs = google.property("Topic", "messageRetentionDuration", &json!(format!("{secs}s"))).is_empty();
        let config = TopicConfig { retention: Some(seconds(secs)), ..TopicConfig::default() };
        let ours = topics.create_topic(&format!("topic-{secs}"), config).await;
        assert_eq!(ours.is_ok(), theirs, "{secs} s: {ours:?}");
    }
    for secs in [0, 1, 600, 601] {
        let theirs = google.property("ModifyAckDeadlineRequest", "ackDeadlineSeconds", &json!(secs)).is_empty();
        let ours = topics.modify_ack_deadline("reader-2", &["x".to_owned()], seconds(secs)).await;
        assert_eq!(ours.is_ok(), theirs, "{secs} s: {ours:?}");
    }
    // With our prefix before it, a name is as long as Google allows, or refused.
    let prefix = "sa-demo-dev-".len();
    for length in [255 - prefix, 256 - prefix, 255] {
        let name = "n".repeat(length);
        let fits = length + prefix <= 255;
        assert_eq!(topics.create_topic(&name, TopicConfig::default()).await.is_ok(), fits, "{length}");
        assert_eq!(topics.create_subscription(&name, "letters", base()).await.is_ok(), fits, "{length}");
        assert_eq!(topics.create_snapshot(&name, "reader-2", BTreeMap::new()).await.is_ok(), fits, "{length}");
    }
    pubsub.judged();
}

/// The judge of messages is worth nothing if it lets everything pass.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_messages_are_found() {
    let asked = |call: &str, message: Vec<u8>| Asked {
        path: format!("/google.pubsub.v1.{call}"),
        method: call.rsplit('/').next().unwrap_or_default().to_owned(),
        headers: Default::default(),
        message,
        connection: 1,
    };
    // A deadline of 9 s: field 5.
    let short = [Named { name: "projects/p/subscriptions/sss".to_owned() }.encode_to_vec(), vec![0x28, 9]].concat();
    let made = asked("Subscriber/CreateSubscription", short);
    let Some((_, problems)) = judge(&[made]) else { return };
    for expected in ["body.ackDeadlineSeconds is 9, not between 10 and 600", "body.topic is missing"] {
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{problems:?}");
    }
    let named = |name: &str| asked("Publisher/CreateTopic", Named { name: name.to_owned() }.encode_to_vec());
    let (_, problems) = judge(&[named("projects/p/topics/googles")]).expect("there is a judge");
    assert!(problems[0].contains("is no name"), "{problems:?}");
    for (wrong, why) in [
        (asked("Publisher/CreateTopics", Vec::new()), "Google has no call"),
        (asked("Publisher/CreateTopic", vec![0xa2, 0x06, 0x02, 0x0a, 0x00]), "fields that Google does not know"),
        (asked("Publisher/CreateTopic", vec![0x0a, 0x7f]), "Error parsing message"),
    ] {
        let error = told(&[wrong], WHAT).expect_err(why);
        assert!(error.contains(why), "{error}");
    }
}

/// A peer on a loopback address is read by REST.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_to_a_peer_is_what_google_describes() {
    let pubsub = Pubsub::start().await;
    let topics = PubSubTopics::connect(&config(&pubsub.front.url), &Access::anonymous()).await.expect("clients");
    topics.create_topic("letters", TopicConfig::default()).await.expect("a topic");
    topics.create_subscription("reader", "letters", SubscriptionConfig::default()).await.expect("a subscription");
    // More than one call may ask for, and fewer bytes than come: the rest goes back.
    let request = PullRequest { max_messages: 5_000, max_bytes: 1, wait: Duration::ZERO };
    let got = topics.pull("reader", request).await.expect("a pull");
    assert_eq!(got.len(), 1);
    topics.acknowledge("reader", &["ack-1".to_owned()]).await.expect("acknowledged");
    topics.acknowledge("reader", &[]).await.expect("nothing to do");
    topics.modify_ack_deadline("reader", &["ack-2".to_owned()], MAX_ACK_DEADLINE).await.expect("extended");
    let Some(methods) = pubsub.judged() else { return };
    let received: Vec<&str> =
        methods.iter().filter_map(|method| method.strip_prefix("pubsub.projects.subscriptions.")).collect();
    assert_eq!(
        received,
        ["create", "pull", "modifyAckDeadline", "get", "acknowledge", "get", "get", "modifyAckDeadline"],
        "{methods:?}"
    );
}
