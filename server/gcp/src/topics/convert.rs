//! Names and settings, between the port and Pub/Sub.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chrono::{DateTime, Utc};
use google_cloud_pubsub::model;
use google_cloud_wkt as wkt;
use showrunner_lake::Result;
use showrunner_lake::ports::{
    DELETED_TOPIC, DeadLetterPolicy, SnapshotInfo, SubscriptionConfig, SubscriptionInfo, TopicConfig, TopicInfo,
};
use showrunner_lake::topic::limits;

use crate::GcpConfig;
use crate::config::LABEL;

/// How the names of one show are spelt at Google.
pub(crate) struct Names {
    project: String,
    prefix: String,
    show: String,
    /// A peer on a loopback address is nobody else's, and Google's emulator loses the labels of snapshots.
    alone: bool,
}

impl Names {
    pub fn of(config: &GcpConfig) -> Names {
        Names {
            project: config.project.clone(),
            prefix: format!("sa-{}-", config.show),
            show: config.show.clone(),
            alone: config.endpoints.pubsub.is_anonymous(),
        }
    }

    pub fn project(&self) -> String {
        format!("projects/{}", self.project)
    }

    /// Whether something may be called so: with our prefix it must be a name that Google takes.
    pub fn check(&self, what: &str, name: &str) -> Result<()> {
        limits::name(what, name)?;
        limits::name(what, &format!("{}{name}", self.prefix))
    }

    pub fn topic(&self, name: &str) -> String {
        format!("projects/{}/topics/{}{name}", self.project, self.prefix)
    }

    pub fn subscription(&self, name: &str) -> String {
        format!("projects/{}/subscriptions/{}{name}", self.project, self.prefix)
    }

    /// The subscription's own part of its name.
    pub fn short_subscription(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub fn snapshot(&self, name: &str) -> String {
        format!("projects/{}/snapshots/{}{name}", self.project, self.prefix)
    }

    /// These labels and ours.
    pub fn labels(&self, labels: &BTreeMap<String, String>) -> HashMap<String, String> {
        let ours = [(LABEL.to_owned(), self.show.clone())];
        labels.clone().into_iter().chain(ours).collect()
    }

    /// The lake's name of a thing that is ours; `None` for what is not.
    fn ours(&self, name: &str, labels: &HashMap<String, String>) -> Option<(String, BTreeMap<String, String>)> {
        if labels.get(LABEL) != Some(&self.show) {
            return None;
        }
        let short = self.short(name)?;
        let rest = labels.iter().filter(|(key, _)| *key != LABEL);
        Some((short, rest.map(|(key, value)| (key.clone(), value.clone())).collect()))
    }

    fn short(&self, name: &str) -> Option<String> {
        name.rsplit('/').next()?.strip_prefix(&self.prefix).map(str::to_owned)
    }

    /// A topic as the lake knows it: one that was deleted has a name of Pub/Sub's own.
    fn topic_name(&self, name: &str) -> String {
        self.short(name).unwrap_or_else(|| name.rsplit('/').next().unwrap_or(DELETED_TOPIC).to_owned())
    }

    pub fn topic_of(&self, name: &str, config: &TopicConfig) -> model::Topic {
        model::Topic::new()
            .set_name(self.topic(name))
            .set_labels(self.labels(&config.labels))
            .set_or_clear_message_retention_duration(config.retention.map(duration))
    }

    pub fn topic_info(&self, topic: &model::Topic) -> Option<TopicInfo> {
        let (name, labels) = self.ours(&topic.name, &topic.labels)?;
        let retention = topic.message_retention_duration.as_ref().map(seconds);
        Some(TopicInfo { name, config: TopicConfig { labels, retention, max_backlog_bytes: None } })
    }

    pub fn subscription_of(&self, name: &str, topic: &str, config: &SubscriptionConfig) -> model::Subscription {
        let letters = config.dead_letter.as_ref().map(|policy| {
            model::DeadLetterPolicy::new()
                .set_dead_letter_topic(self.topic(&policy.topic))
                .set_max_delivery_attempts(policy.max_attempts as i32)
        });
        model::Subscription::new()
            .set_name(self.subscription(name))
            .set_topic(self.topic(topic))
            .set_ack_deadline_seconds(config.ack_deadline.as_secs() as i32)
            .set_enable_message_ordering(config.ordered)
            .set_retain_acked_messages(config.retain_acked)
            .set_message_retention_duration(duration(config.retention))
            .set_or_clear_dead_letter_policy(letters)
            .set_labels(self.labels(&config.labels))
            // Without one, a subscription is deleted when nobody asked for 31 days: the demo that worked last quarter.
            .set_expiration_policy(model::ExpirationPolicy::new())
    }

    pub fn subscription_info(&self, found: &model::Subscription) -> Option<SubscriptionInfo> {
        let (name, labels) = self.ours(&found.name, &found.labels)?;
        let dead_letter = found.dead_letter_policy.as_ref().map(|policy| DeadLetterPolicy {
            topic: self.topic_name(&policy.dead_letter_topic),
            max_attempts: policy.max_delivery_attempts.unsigned_abs(),
        });
        let default = SubscriptionConfig::default();
        let config = SubscriptionConfig {
            ack_deadline: Duration::from_secs(u64::from(found.ack_deadline_seconds.unsigned_abs())),
            ordered: found.enable_message_ordering,
            dead_letter,
            retain_acked: found.retain_acked_messages,
            retention: found.message_retention_duration.as_ref().map_or(default.retention, seconds),
            labels,
        };
        Some(SubscriptionInfo { name, topic: self.topic_name(&found.topic), config })
    }

    pub fn snapshot_info(&self, found: &model::Snapshot) -> Option<SnapshotInfo> {
        let (name, labels) = match self.ours(&found.name, &found.labels) {
            None if self.alone && found.labels.is_empty() => (self.short(&found.name)?, BTreeMap::new()),
            ours => ours?,
        };
        let expires = found.expire_time.as_ref().map_or(DateTime::UNIX_EPOCH, time);
        Some(SnapshotInfo { name, topic: self.topic_name(&found.topic), expires, labels })
    }
}

fn duration(duration: Duration) -> wkt::Duration {
    wkt::Duration::clamp(i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), duration.subsec_nanos() as i32)
}

fn seconds(duration: &wkt::Duration) -> Duration {
    Duration::new(duration.seconds().unsigned_abs(), duration.nanos().unsigned_abs())
}

/// A moment as Google has it.
pub(super) fn timestamp(time: DateTime<Utc>) -> wkt::Timestamp {
    wkt::Timestamp::clamp(time.timestamp(), time.timestamp_subsec_nanos() as i32)
}

/// Google's moment as we have it.
pub(super) fn time(time: &wkt::Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp(time.seconds(), time.nanos().unsigned_abs()).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Now, for a seek: the service's own clock is not to be had.
#[expect(clippy::disallowed_methods, reason = "a seek to now is about the moment of the call")]
pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}
