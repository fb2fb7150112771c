//! Deletes what carries our label, and proves by listing again that nothing of it is left. What was deleted stays deleted when this is
//! killed: the next run lists what is there and goes on.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde_json::{Value, json};
use showrunner_lake::{Error, ErrorKind, Result};

use super::inventory::{Inventory, Item, Kind};
use super::{AT_ONCE, Cloud, Outcome, Progress, Step};
use crate::error::from_gax;
use crate::rest::Call;

/// Listings may lag behind deletions: so often and so far apart it is looked whether anything is left.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// A bucket that something is written to meanwhile is emptied again so often.
const EMPTYINGS: u32 = 5;
/// Kinds in the order in which they go: a topic's subscriptions before it, so that none is left without.
/// A data policy goes when the columns that it stood on are gone.
const ORDER: [Kind; 6] =
    [Kind::Bucket, Kind::Subscription, Kind::Snapshot, Kind::Topic, Kind::Dataset, Kind::DataPolicy];

/// What came of tearing down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TornDown {
    /// What was done.
    pub steps: Vec<Step>,
    /// What was there afterwards: nothing of ours, if all went well, and what is not ours.
    pub left: Inventory,
}

impl TornDown {
    /// Whether nothing of ours is left.
    pub fn is_clean(&self) -> bool {
        self.left.ours.is_empty()
    }
}

impl Cloud {
    /// Deletes everything that carries our label, up to sixteen things at once: objects with all versions, parts of uploads and streams,
    /// their buckets; subscriptions, snapshots, topics; datasets; then data policies, which carry our name instead. What cannot be deleted is a step as well, and the rest goes on.
    ///
    /// # Errors
    /// Those of listing, before and after.
    pub async fn tear_down(&self, progress: Progress<'_>) -> Result<TornDown> {
        let there = self.listed().await?;
        let mut steps = Vec::new();
        for kind in ORDER {
            let items = there.ours.iter().filter(|item| item.kind == kind);
            let deleted = items.map(|item| async move {
                let step = self.tear_down_item(item).await;
                progress(&step);
                step
            });
            // One bucket after the other: each has sixteen deletions under way already.
            let width = if kind == Kind::Bucket { 1 } else { AT_ONCE };
            steps.extend(futures::stream::iter(deleted).buffered(width).collect::<Vec<_>>().await);
        }
        let mut left = self.listed().await?;
        for _ in 1..LOOKS {
            if left.ours.is_empty() {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            left = self.listed().await?;
        }
        Ok(TornDown { steps, left })
    }

    async fn tear_down_item(&self, item: &Item) -> Step {
        let deleted = match item.kind {
            Kind::Bucket => self.delete_bucket(item).await,
            Kind::Dataset => self.delete_dataset(&item.name).await,
            Kind::DataPolicy => {
                let (project, location) = (&self.config.project, &self.config.location);
                self.google.delete_data_policy(project, location, &item.name).await.map(|()| String::new())
            }
            Kind::Subscription | Kind::Snapshot | Kind::Topic => self.delete_of_pubsub(item).await,
        };
        let (outcome, said, command) = match deleted {
            Ok(said) => (Outcome::Deleted, said, None),
            Err(error) if error.kind == ErrorKind::NotFound => (Outcome::WasGone, String::new(), None),
            Err(error) => (Outcome::Failed, error.message, Some(self.commands.tear_down_again())),
        };
        Step { what: item.what(), outcome, said, command }
    }

    async fn delete_bucket(&self, item: &Item) -> Result<String> {
        let bucket = &item.name;
        if item.keeps_deleted {
            // Else what is deleted now would be kept, and billed, for as long as the bucket says.
            let off = json!({"softDeletePolicy": {"retentionDurationSeconds": "0"}});
            let call = Call::patch(format!("turn off soft delete of gs://{bucket}"), &["b", bucket], off);
            self.storage.send(call.repeatable()).await?;
        }
        let mut objects = 0_u64;
        for _ in 0..EMPTYINGS {
            objects += self.empty_bucket(bucket).await?;
            let call = Call::delete(format!("delete the bucket {bucket}"), &["b", bucket]);
            match self.storage.send(call).await {
                // 409: something came since it was emptied.
                Err(error) if error.kind == ErrorKind::Exists => {}
                // After an answer that was lost: the first try did it.
                Err(error) if error.kind != ErrorKind::NotFound => return Err(error),
                _ => return Ok(emptied(objects)),
            }
        }
        let why = "objects come faster than they are deleted. Stop what writes to it, then try again";
        Err(Error::new(ErrorKind::Conflict, format!("Could not delete the bucket {bucket}: {why}.")))
    }

    /// Deletes all objects with all versions; returns how many.
    async fn empty_bucket(&self, bucket: &str) -> Result<u64> {
        let mut objects = 0_u64;
        loop {
            let (page, _) = self.storage.page(&self.listing(bucket, "versions"), "items", None).await?;
            if page.is_empty() {
                return Ok(objects);
            }
            objects += page.len() as u64;
            let deletions = page.iter().map(|object| Ok(self.delete_object(bucket, object)));
            futures::stream::iter(deletions).try_buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        }
    }

    /// One version, by its generation: then nothing takes its place.
    async fn delete_object(&self, bucket: &str, object: &Value) -> Result<()> {
        let text = |key: &str| object.get(key).and_then(Value::as_str);
        let (Some(name), Some(generation)) = (text("name"), text("generation")) else {
            let message = format!("Cloud Storage listed an object of {bucket} without name or generation. Try again.");
            return Err(Error::new(ErrorKind::Internal, message));
        };
        let call = Call::delete(format!("delete gs://{bucket}/{name}"), &["b", bucket, "o", name]);
        match self.storage.send(call.with("generation", generation)).await {
            Err(error) if error.kind != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn delete_of_pubsub(&self, item: &Item) -> Result<String> {
        let (project, name) = (self.spelt.project(), &item.name);
        let admin = &self.subscription_admin;
        let deleted = match item.kind {
            Kind::Topic => self.topic_admin.delete_topic().set_topic(format!("{project}/topics/{name}")).send().await,
            Kind::Snapshot => admin.delete_snapshot().set_snapshot(format!("{project}/snapshots/{name}")).send().await,
            _ => {
                let request = admin.delete_subscription();
                request.set_subscription(format!("{project}/subscriptions/{name}")).send().await
            }
        };
        deleted.map_err(|e| from_gax(&format!("delete the {}", item.what()), e))?;
        Ok(String::new())
    }

    /// With its tables; what lost the label since it was listed is refused there.
    async fn delete_dataset(&self, name: &str) -> Result<String> {
        if self.warehouse.delete_dataset(name).await? {
            return Ok(String::new());
        }
        Err(Error::new(ErrorKind::NotFound, format!("The dataset {name} is not there.")))
    }
}

/// What a deleted bucket held, in words.
fn emptied(objects: u64) -> String {
    match objects {
        0 => "it was empty".to_owned(),
        1 => "with 1 object".to_owned(),
        objects => format!("with {objects} objects, all versions"),
    }
}
