//! Makes what is missing, each thing with our label, and changes nothing that is there.

use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};
use showrunner_lake::ports::Objects;
use showrunner_lake::{Error, ErrorKind, Result};

use super::commands::PUBLISHER;
use super::look::{Seen, may_publish};
use super::{AT_ONCE, Cloud, Outcome, PEER, Progress, Step, Thing};
use crate::error::from_gax;
use crate::rest::Call;

/// A right that was just given counts within a minute or two (<https://cloud.google.com/iam/docs/access-change-propagation>): so often and
/// so far apart it is tried to use it.
const RIGHT_TRIES: u32 = 13;
const RIGHT_PAUSE: Duration = Duration::from_secs(10);
/// A policy that somebody else changed in between is read again so often.
const POLICY_TRIES: u32 = 5;

impl Cloud {
    /// Makes what is missing, up to sixteen things at once, what is needed first. What is there stays as it is. The steps come in the order of
    /// [`Cloud::plan`]; `progress` hears of each as it ends.
    pub async fn build_up(&self, progress: Progress<'_>) -> Vec<Step> {
        let plan = self.plan();
        let mut done: Vec<(usize, Step)> = Vec::new();
        for level in 0..=plan.iter().map(Thing::level).max().unwrap_or_default() {
            // What a level lacks is known before the next begins.
            let lacking = done.iter().filter(|(_, step)| step.outcome.is_red());
            let lacking: Vec<&Thing> = lacking.map(|(at, _)| &plan[*at]).collect();
            let things = plan.iter().enumerate().filter(|(_, thing)| thing.level() == level);
            let steps = things.map(|(at, thing)| {
                let lacks = lacking.iter().copied().find(|lack| thing.needs(lack));
                async move {
                    let step = match lacks {
                        Some(lack) => self.not_tried(thing, lack),
                        None => self.build(thing).await,
                    };
                    progress(&step);
                    (at, step)
                }
            });
            let steps: Vec<_> = futures::stream::iter(steps).buffer_unordered(AT_ONCE).collect().await;
            done.extend(steps);
        }
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, step)| step).collect()
    }

    fn not_tried(&self, thing: &Thing, lack: &Thing) -> Step {
        Step {
            what: self.commands.what(thing),
            outcome: Outcome::NotTried,
            said: format!("it needs this first: {}", self.commands.what(lack)),
            command: Some(self.commands.build_up()),
        }
    }

    async fn build(&self, thing: &Thing) -> Step {
        let step = |outcome, said: String, command| Step { what: self.commands.what(thing), outcome, said, command };
        let failed = |error: Error| step(Outcome::Failed, error.message, Some(self.commands.build_up()));
        match self.look(thing).await {
            Err(error) => failed(error),
            Ok(Seen::NotAsked) => step(Outcome::NotAsked, PEER.to_owned(), None),
            Ok(Seen::Unusable { why, command }) => step(Outcome::Refused, why, Some(command)),
            Ok(Seen::Ours(notes)) => {
                let command = notes.first().map(|note| note.command.clone());
                step(Outcome::WasThere, Seen::said(&notes), command)
            }
            Ok(Seen::Missing { .. }) => match self.make(thing).await {
                Ok(()) => step(Outcome::Created, String::new(), None),
                // Made by somebody else at the same time, or by us with an answer that was lost.
                Err(error) => match self.look(thing).await {
                    Ok(Seen::Ours(_)) if error.kind == ErrorKind::Exists => {
                        step(Outcome::WasThere, String::new(), None)
                    }
                    Ok(Seen::Ours(_)) => step(Outcome::Created, String::new(), None),
                    Ok(Seen::Unusable { why, command }) => step(Outcome::Refused, why, Some(command)),
                    _ => failed(error),
                },
            },
        }
    }

    async fn make(&self, thing: &Thing) -> Result<()> {
        match thing {
            Thing::Bucket(name) => self.objects.create_bucket(name).await,
            Thing::Topic { name, config } => {
                let action = format!("create the topic {}", self.commands.topic(name));
                let request = self.topic_admin.create_topic().with_request(self.spelt.topic_of(name, config));
                request.send().await.map(drop).map_err(|e| from_gax(&action, e))
            }
            Thing::Subscription { name, topic, config } => {
                let action = format!("create the subscription {}", self.commands.subscription(name));
                let wanted = self.spelt.subscription_of(name, topic, config);
                let request = self.subscription_admin.create_subscription().with_request(wanted);
                request.send().await.map(drop).map_err(|e| from_gax(&action, e))
            }
            Thing::Publisher { topic } => self.let_storage_publish(topic).await,
            Thing::Notification { bucket, topic } => self.announce(bucket, topic).await,
            Thing::Dataset(name) => self.warehouse.create_dataset(name).await,
        }
    }

    async fn let_storage_publish(&self, topic: &str) -> Result<()> {
        let member = self.storage_agent().await?;
        let named = self.commands.topic(topic);
        let mut tries = 0;
        loop {
            tries += 1;
            let policy = self.topic_policy(topic).await?;
            if may_publish(&policy, &member) {
                return Ok(());
            }
            let path = ["projects", &self.config.project, "topics", &format!("{named}:setIamPolicy")];
            let body = json!({"policy": with_publisher(policy, &member)});
            let call = Call::post(format!("let Cloud Storage publish on {named}"), &path, Some(body));
            match self.pubsub.send(call).await {
                // The policy holds the etag that was read: 409 says that it is another by now.
                Err(error) if matches!(error.kind, ErrorKind::Exists | ErrorKind::Conflict) && tries < POLICY_TRIES => {
                }
                other => return other.map(drop),
            }
        }
    }

    async fn announce(&self, bucket: &str, topic: &str) -> Result<()> {
        let mut tries = 0;
        loop {
            tries += 1;
            // Not repeated after a lost answer: a second configuration would announce each object twice. `build` looks whether it is there.
            let path = ["b", bucket, "notificationConfigs"];
            let call = Call::post(format!("announce the objects of {bucket}"), &path, Some(self.notification(topic)));
            match self.storage.send(call).await {
                Err(error) if error.kind == ErrorKind::Denied && tries < RIGHT_TRIES && self.is_google() => {
                    tokio::time::sleep(RIGHT_PAUSE).await;
                }
                other => return other.map(drop),
            }
        }
    }
}

/// The policy, etag and all, with one more who may publish.
fn with_publisher(mut policy: Value, member: &str) -> Value {
    let added = json!({"role": PUBLISHER, "members": [member]});
    if !policy.is_object() {
        policy = json!({});
    }
    match policy.get_mut("bindings").and_then(Value::as_array_mut) {
        Some(bindings) => bindings.push(added),
        None => policy["bindings"] = json!([added]),
    }
    policy
}

#[cfg(test)]
mod tests {
    use showrunner_tests::discovery::Discovery;

    use super::super::google::http::{Reply, Server};
    use super::super::google::tests::cloud;
    use super::*;
    use crate::rest::{Pace, Rest};
    use crate::{Access, Endpoint};

    /// Who may publish is asked and changed by REST; a peer knows no such policies.
    #[tokio::test]
    async fn the_right_to_publish_is_asked_for_as_google_describes() {
        let server = Server::scripted(|request, before| {
            let path = request.path();
            if path.ends_with("/serviceAccount") {
                return Reply::json(200, json!({"email_address": "agent@gs-project-accounts.iam.gserviceaccount.com"}));
            }
            if path.ends_with(":getIamPolicy") {
                let viewer = json!({"role": "roles/pubsub.viewer", "members": ["user:a@x.com"]});
                return Reply::json(200, json!({"version": 1, "etag": "BwX=", "bindings": [viewer]}));
            }
            if path.ends_with(":setIamPolicy") && !before.iter().any(|asked| asked.path() == path) {
                return Reply::refused(409, "aborted", "There were concurrent policy changes.");
            }
            Reply::json(200, json!({}))
        })
        .await;
        let endpoint = Endpoint::parse("the test's server", &server.url).expect("a loopback address");
        let rest = |path| Rest::new(&endpoint, path, Access::anonymous(), Pace::default()).expect("a surface");
        let cloud = Cloud { storage: rest("storage/v1"), pubsub: rest("v1"), ..cloud(&server.url, None).await };
        cloud.let_storage_publish("letters").await.expect("it may");
        cloud.announce("b1", "letters").await.expect("announced");
        let seen = server.seen();
        let set: Vec<Value> = seen.iter().filter(|asked| asked.path().ends_with("Policy")).map(|a| a.json()).collect();
        assert_eq!(set.len(), 4, "read again after somebody else's change");
        assert_eq!(set[3]["policy"]["bindings"].as_array().map(Vec::len), Some(2), "{set:?}");
        let mut methods = Vec::new();
        for (surface, prefix) in [("storage.v1", "/storage/"), ("pubsub.v1", "/v1/")] {
            let Some(google) = Discovery::read(surface, "the right to publish") else { return };
            for asked in seen.iter().filter(|asked| asked.path().starts_with(prefix)) {
                let (method, problems) = google.check(&asked.method, &asked.target, &asked.body);
                assert_eq!(problems, Vec::<String>::new(), "{method}: {asked:?}");
                methods.push(method);
            }
        }
        methods.dedup();
        assert_eq!(
            methods,
            [
                "storage.projects.serviceAccount.get",
                "storage.notifications.insert",
                "pubsub.projects.topics.getIamPolicy",
                "pubsub.projects.topics.setIamPolicy",
                "pubsub.projects.topics.getIamPolicy",
                "pubsub.projects.topics.setIamPolicy",
            ]
        );
    }

    #[test]
    fn a_policy_keeps_what_it_had() {
        let member = "serviceAccount:agent";
        let had = json!({"etag": "e", "version": 1, "bindings": [
            {"role": "roles/pubsub.viewer", "members": ["user:a"]},
            {"role": PUBLISHER, "members": [member], "condition": {"expression": "false"}},
        ]});
        assert!(!may_publish(&had, member), "a condition may not hold");
        let has = with_publisher(had.clone(), member);
        assert!(may_publish(&has, member) && !may_publish(&has, "user:a"));
        assert_eq!((&has["etag"], &has["bindings"][0]), (&had["etag"], &had["bindings"][0]));
        assert!(may_publish(&with_publisher(json!({"etag": "e"}), member), member));
        assert!(may_publish(&with_publisher(Value::Null, member), member));
    }
}
