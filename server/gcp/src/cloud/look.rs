//! How one thing of the plan stands.

use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_pubsub::model;
use serde_json::Value;
use showrunner_lake::ports::SubscriptionConfig;
use showrunner_lake::{Error, ErrorKind, Result};

use super::commands::PUBLISHER;
use super::{Cloud, PEER, State, Thing};
use crate::config::LABEL;
use crate::error::from_gax;
use crate::rest::Call;
use crate::retry::looking;

/// How a thing stands.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is not there; with the command that makes it.
    Missing { command: String },
    /// It is there and ours, with what is to be said about it.
    Ours(Vec<Note>),
    /// It is there, and cannot be used: somebody else's, or elsewhere.
    Unusable { why: String, command: String },
    /// There is nobody to ask.
    NotAsked,
}

/// Something about a thing of ours that is not as it was made.
#[derive(Debug)]
pub(super) struct Note {
    pub state: State,
    pub found: String,
    pub command: String,
}

impl Cloud {
    /// Looks at one thing.
    pub(super) async fn look(&self, thing: &Thing) -> Result<Seen> {
        let seen = match thing {
            Thing::Bucket(name) => self.look_at_bucket(thing, name).await,
            Thing::Topic { name, .. } => self.look_at_topic(thing, name).await,
            Thing::Subscription { name, topic, config } => self.look_at_subscription(thing, name, topic, config).await,
            Thing::Publisher { topic } => self.look_at_publisher(topic).await,
            Thing::Notification { bucket, topic } => self.look_at_notification(thing, bucket, topic).await,
            Thing::Dataset(name) => self.look_at_dataset(thing, name).await,
        };
        match seen {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Seen::Missing { command: self.commands.build_up() }),
            other => other,
        }
    }

    fn others(&self, thing: &Thing) -> Seen {
        let why = format!(
            "it exists and does not carry the label {LABEL}={}: it is not ours, and is left alone. Choose another id",
            self.config.show
        );
        Seen::Unusable { why, command: self.commands.show_labels(thing) }
    }

    /// What lies elsewhere can be neither moved nor used.
    fn elsewhere(&self, thing: &Thing, location: &str) -> Option<Seen> {
        let wanted = &self.config.location;
        (!location.eq_ignore_ascii_case(wanted)).then(|| Seen::Unusable {
            why: format!("it lies in {location}, and the configured location is {wanted}"),
            command: self.commands.show(thing, "location"),
        })
    }

    async fn look_at_bucket(&self, thing: &Thing, name: &str) -> Result<Seen> {
        let found = self.storage.send(Call::get(format!("find the bucket {name}"), &["b", name])).await?;
        if label(&found) != Some(&self.config.show) {
            return Ok(self.others(thing));
        }
        let location = found.get("location").and_then(Value::as_str).unwrap_or_default();
        if let Some(seen) = self.elsewhere(thing, location) {
            return Ok(seen);
        }
        let mut notes = Vec::new();
        let mut note = |found: String, flag: &str| {
            notes.push(Note { state: State::Warn, found, command: self.commands.update(thing, flag) });
        };
        let kept = soft_delete_seconds(&found);
        if kept > 0 {
            note(
                format!("soft delete is on: what is deleted is kept and billed for {} days", kept / 86_400),
                "--clear-soft-delete",
            );
        }
        if found.pointer("/versioning/enabled") == Some(&Value::Bool(true)) {
            note("versioning is on: what is replaced or deleted is kept and billed".to_owned(), "--no-versioning");
        }
        if found.pointer("/iamConfiguration/uniformBucketLevelAccess/enabled") != Some(&Value::Bool(true)) {
            note("objects may have access lists of their own".to_owned(), "--uniform-bucket-level-access");
        }
        Ok(Seen::Ours(notes))
    }

    async fn look_at_topic(&self, thing: &Thing, name: &str) -> Result<Seen> {
        let found =
            self.topic_admin.get_topic().set_topic(self.spelt.topic(name)).with_retry_policy(looking()).send().await;
        let found = found.map_err(|e| from_gax(&format!("find the topic {}", self.commands.topic(name)), e))?;
        if found.labels.get(LABEL) != Some(&self.config.show) {
            return Ok(self.others(thing));
        }
        Ok(Seen::Ours(Vec::new()))
    }

    async fn look_at_subscription(
        &self,
        thing: &Thing,
        name: &str,
        topic: &str,
        config: &SubscriptionConfig,
    ) -> Result<Seen> {
        let request = self.subscription_admin.get_subscription().set_subscription(self.spelt.subscription(name));
        let action = format!("find the subscription {}", self.commands.subscription(name));
        let found = request.with_retry_policy(looking()).send().await.map_err(|e| from_gax(&action, e))?;
        if found.labels.get(LABEL) != Some(&self.config.show) {
            return Ok(self.others(thing));
        }
        let wanted = self.spelt.subscription_of(name, topic, config);
        let mut notes = Vec::new();
        let mut failed = |found: String, command| notes.push(Note { state: State::Failed, found, command });
        let update = |flag: &str| self.commands.update(thing, flag);
        if found.topic != wanted.topic {
            let found = format!("its topic is {}, not {}", found.topic, wanted.topic);
            failed(found, self.commands.remake_subscription(name));
        }
        if found.enable_message_ordering != wanted.enable_message_ordering {
            let found = format!("message ordering is {}, which cannot be changed", found.enable_message_ordering);
            failed(found, self.commands.remake_subscription(name));
        }
        if let Some(days) = expires(&found) {
            let found = format!("it is deleted when nobody asks for {days} days");
            failed(found, update("--expiration-period=never"));
        }
        if found.ack_deadline_seconds != wanted.ack_deadline_seconds {
            let found = format!("its ack deadline is {} s", found.ack_deadline_seconds);
            failed(found, update(&format!("--ack-deadline={}", wanted.ack_deadline_seconds)));
        }
        let kept = |subscription: &model::Subscription| {
            subscription
                .message_retention_duration
                .as_ref()
                .map_or(config.retention.as_secs(), |d| d.seconds().unsigned_abs())
        };
        if kept(&found) != kept(&wanted) {
            let text = format!("it keeps messages for {} s", kept(&found));
            failed(text, update(&format!("--message-retention-duration={}s", kept(&wanted))));
        }
        Ok(Seen::Ours(notes))
    }

    async fn look_at_publisher(&self, topic: &str) -> Result<Seen> {
        if self.config.endpoints.pubsub.is_anonymous() {
            return Ok(Seen::NotAsked);
        }
        let (policy, member) = futures::try_join!(self.topic_policy(topic), self.storage_agent())?;
        if may_publish(&policy, &member) {
            return Ok(Seen::Ours(Vec::new()));
        }
        Ok(Seen::Missing { command: self.commands.grant_publisher(topic, &member) })
    }

    /// Who may do what with a topic.
    pub(super) async fn topic_policy(&self, topic: &str) -> Result<Value> {
        let named = self.commands.topic(topic);
        let path = ["projects", &self.config.project, "topics", &format!("{named}:getIamPolicy")];
        self.pubsub.send(Call::get(format!("read who may publish on {named}"), &path)).await
    }

    /// The service agent of Cloud Storage in the project, as policies write it.
    pub(super) async fn storage_agent(&self) -> Result<String> {
        let call =
            Call::get("find Cloud Storage's service agent", &["projects", &self.config.project, "serviceAccount"]);
        let answer = self.storage.send(call).await?;
        match answer.get("email_address").and_then(Value::as_str) {
            Some(address) => Ok(format!("serviceAccount:{address}")),
            None => Err(Error::new(ErrorKind::Internal, "Cloud Storage did not name its service agent. Try again.")),
        }
    }

    async fn look_at_notification(&self, thing: &Thing, bucket: &str, topic: &str) -> Result<Seen> {
        let path = ["b", bucket, "notificationConfigs"];
        let all = self.storage.pages(Call::get(format!("list the notifications of {bucket}"), &path), "items").await?;
        let wanted = self.notification(topic);
        let is_it = |config: &&Value| {
            let same = ["topic", "payload_format", "event_types"].iter().all(|key| config.get(key) == wanted.get(key));
            same && config.get("object_name_prefix").and_then(Value::as_str).unwrap_or_default().is_empty()
        };
        let ours: Vec<&Value> = all.iter().filter(is_it).collect();
        let text = |config: &Value, key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match ours.as_slice() {
            [] => Ok(Seen::Missing { command: self.commands.build_up() }),
            [_, again, ..] => Ok(Seen::Ours(vec![Note {
                state: State::Warn,
                found: format!("each object is announced {} times", ours.len()),
                command: self.commands.delete_notification(bucket, &text(again, "id")),
            }])),
            [_] => match all.iter().find(|config| config.get("topic") == wanted.get("topic") && !is_it(config)) {
                Some(other) => Ok(Seen::Ours(vec![Note {
                    state: State::Warn,
                    found: format!("configuration {} announces other events on the same topic", text(other, "id")),
                    command: self.commands.show(thing, "id"),
                }])),
                None => Ok(Seen::Ours(Vec::new())),
            },
        }
    }

    /// How a bucket announces its objects (<https://cloud.google.com/storage/docs/json_api/v1/notifications>).
    pub(super) fn notification(&self, topic: &str) -> Value {
        serde_json::json!({
            "topic": format!("//pubsub.googleapis.com/{}", self.spelt.topic(topic)),
            "payload_format": "JSON_API_V1",
            "event_types": ["OBJECT_FINALIZE"],
        })
    }

    async fn look_at_dataset(&self, thing: &Thing, name: &str) -> Result<Seen> {
        let found = self.warehouse.dataset(name).await?;
        if found.show.as_deref() != Some(&self.config.show) {
            return Ok(self.others(thing));
        }
        Ok(self.elsewhere(thing, &found.location).unwrap_or(Seen::Ours(Vec::new())))
    }
}

impl Seen {
    /// What a thing that is ours is found to be, in words.
    pub fn said(notes: &[Note]) -> String {
        notes.iter().map(|note| note.found.as_str()).collect::<Vec<_>>().join("; ")
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Seen::Missing { .. } => f.write_str("it is not there"),
            Seen::Ours(notes) => f.write_str(&Seen::said(notes)),
            Seen::Unusable { why, .. } => f.write_str(why),
            Seen::NotAsked => f.write_str(PEER),
        }
    }
}

/// Our label's value on a thing of Cloud Storage's.
pub(super) fn label(found: &Value) -> Option<&String> {
    match found.get("labels").and_then(|labels| labels.get(LABEL)) {
        Some(Value::String(show)) => Some(show),
        _ => None,
    }
}

/// For how long a bucket keeps what is deleted, in seconds.
pub(super) fn soft_delete_seconds(bucket: &Value) -> u64 {
    let seconds = bucket.pointer("/softDeletePolicy/retentionDurationSeconds");
    seconds.and_then(|seconds| seconds.as_u64().or_else(|| seconds.as_str()?.parse().ok())).unwrap_or_default()
}

/// Whether a policy lets a member publish.
pub(super) fn may_publish(policy: &Value, member: &str) -> bool {
    let bindings = policy.get("bindings").and_then(Value::as_array).into_iter().flatten();
    // One with a condition may not hold when it counts.
    let publisher = bindings.filter(|binding| binding["role"] == PUBLISHER && binding.get("condition").is_none());
    publisher.flat_map(|binding| binding["members"].as_array().into_iter().flatten()).any(|name| name == member)
}

/// After how many days of silence a subscription is deleted; `None`: never. Without a policy it is Google's default of 31
/// (<https://cloud.google.com/pubsub/docs/subscription-properties#expiration_period>).
fn expires(subscription: &model::Subscription) -> Option<i64> {
    match &subscription.expiration_policy {
        None => Some(31),
        Some(policy) => policy.ttl.as_ref().map(|ttl| ttl.seconds() / 86_400),
    }
}
