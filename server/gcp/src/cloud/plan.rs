//! What a show needs in a project, as one list: check, build up and tear down go by it.

use showrunner_lake::ports::{SubscriptionConfig, TopicConfig};
use showrunner_lake::{NOTIFICATION_SUBSCRIPTION, NOTIFICATION_TOPIC, Names, notification_subscription, stream};

/// One thing that a show needs. Topics and subscriptions have the lake's names, which Google knows as `sa-SHOW-NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A bucket.
    Bucket(String),
    /// A topic.
    Topic {
        /// Name.
        name: String,
        /// What it is made with.
        config: TopicConfig,
    },
    /// A subscription.
    Subscription {
        /// Name.
        name: String,
        /// The topic.
        topic: String,
        /// What it is made with.
        config: SubscriptionConfig,
    },
    /// The right of Cloud Storage's service agent to publish on a topic.
    Publisher {
        /// The topic.
        topic: String,
    },
    /// A bucket announces its objects on a topic.
    Notification {
        /// The bucket.
        bucket: String,
        /// The topic.
        topic: String,
    },
    /// A BigQuery dataset.
    Dataset(String),
}

impl Thing {
    /// Things of one level are made at once, after those of the levels below.
    pub(super) fn level(&self) -> u8 {
        match self {
            Thing::Bucket(_) | Thing::Topic { .. } | Thing::Dataset(_) => 0,
            Thing::Subscription { .. } | Thing::Publisher { .. } => 1,
            Thing::Notification { .. } => 2,
        }
    }

    /// Whether this cannot be made without `other`.
    pub(super) fn needs(&self, other: &Thing) -> bool {
        match (self, other) {
            (
                Thing::Subscription { topic, .. } | Thing::Notification { topic, .. } | Thing::Publisher { topic },
                Thing::Topic { name, .. },
            ) => topic == name,
            (Thing::Notification { bucket, .. }, Thing::Bucket(name)) => bucket == name,
            (Thing::Notification { topic, .. }, Thing::Publisher { topic: other }) => topic == other,
            _ => false,
        }
    }
}

/// Everything, in the order in which it is made and shown.
pub fn plan(names: &Names) -> Vec<Thing> {
    let subscription = |name: &str, topic: &str, config| Thing::Subscription {
        name: name.to_owned(),
        topic: topic.to_owned(),
        config,
    };
    let topic = |name: &str, config| Thing::Topic { name: name.to_owned(), config };
    let mut all: Vec<Thing> =
        [&names.source, &names.ingestion, &names.datalake].map(|b| Thing::Bucket(b.clone())).into();
    all.extend([names.dataset.clone(), names.staging()].map(Thing::Dataset));
    all.push(topic(NOTIFICATION_TOPIC, TopicConfig::default()));
    all.push(topic(stream::STREAM_TOPIC, stream::topic()));
    all.push(subscription(NOTIFICATION_SUBSCRIPTION, NOTIFICATION_TOPIC, notification_subscription()));
    for (name, config) in stream::subscriptions() {
        all.push(subscription(name, stream::STREAM_TOPIC, config));
    }
    all.push(Thing::Publisher { topic: NOTIFICATION_TOPIC.to_owned() });
    all.push(Thing::Notification { bucket: names.ingestion.clone(), topic: NOTIFICATION_TOPIC.to_owned() });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first() {
        let all = plan(&Names::of("demo", "dev").expect("names"));
        for (at, thing) in all.iter().enumerate() {
            for (before, other) in all.iter().enumerate().filter(|(_, other)| thing.needs(other)) {
                assert!(before < at && other.level() < thing.level(), "{thing:?} needs {other:?}");
            }
        }
        let needs = |thing: &Thing| all.iter().filter(|other| thing.needs(other)).count();
        let needed: Vec<usize> = all.iter().map(needs).collect();
        assert_eq!(needed, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 3], "{all:#?}");
    }
}
