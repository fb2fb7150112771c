//! What lies in the project: what carries our label, with how much is in it, and what does not.

use std::collections::{BTreeSet, HashMap};

use futures::{StreamExt, TryStreamExt};
use google_cloud_gax::paginator::ItemPaginator;
use serde::Serialize;
use serde_json::Value;
use showrunner_lake::Result;

use super::commands::last;
use super::look::{label, soft_delete_seconds};
use super::{AT_ONCE, Cloud};
use crate::GcpConfig;
use crate::config::LABEL;
use crate::error::from_gax;
use crate::objects::is_part;
use crate::rest::Call;
use crate::warehouse::data_policy_prefix;

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A bucket of Cloud Storage.
    Bucket,
    /// A subscription of Pub/Sub.
    Subscription,
    /// A snapshot of Pub/Sub.
    Snapshot,
    /// A topic of Pub/Sub.
    Topic,
    /// A dataset of BigQuery.
    Dataset,
    /// A data policy of BigQuery, which outlives the tables that it stood on.
    DataPolicy,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Bucket => "bucket",
            Kind::Subscription => "subscription",
            Kind::Snapshot => "snapshot",
            Kind::Topic => "topic",
            Kind::Dataset => "dataset",
            Kind::DataPolicy => "data policy",
        })
    }
}

/// How much is in a thing of ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// Objects of a bucket.
    pub objects: u64,
    /// Parts of uploads and streams that are no objects yet.
    pub parts: u64,
    /// Older versions of objects and parts, where versioning is or was on.
    pub versions: u64,
    /// Deleted ones that are still kept, where soft delete is or was on.
    pub soft_deleted: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Tables of a dataset.
    pub tables: u64,
}

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// Of which kind.
    pub kind: Kind,
    /// As Google calls it within the project.
    pub name: String,
    /// How much is in it; of things of ours, and only of buckets and datasets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// Whether a bucket keeps what is deleted.
    #[serde(skip)]
    pub(super) keeps_deleted: bool,
}

impl Item {
    /// For people.
    pub fn what(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }
}

/// What lies in the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// What carries our label: tearing down deletes it.
    pub ours: Vec<Item>,
    /// What does not: it is left alone.
    pub others: Vec<Item>,
}

impl Cloud {
    /// What would be deleted, and what lies beside it.
    ///
    /// # Errors
    /// Those of listing buckets, subscriptions, snapshots, topics and datasets.
    pub async fn tear_down_plan(&self) -> Result<Inventory> {
        let mut inventory = self.listed().await?;
        let ours = std::mem::take(&mut inventory.ours);
        let counted = ours.into_iter().map(|mut item| async move {
            item.contents = match item.kind {
                Kind::Bucket => Some(self.contents(&item.name).await?),
                Kind::Dataset => Some(Contents { tables: self.tables(&item.name).await?, ..Contents::default() }),
                _ => None,
            };
            Ok(item)
        });
        inventory.ours = futures::stream::iter(counted).buffered(AT_ONCE).try_collect().await?;
        Ok(inventory)
    }

    /// What is there, without looking into it.
    pub(super) async fn listed(&self) -> Result<Inventory> {
        let (buckets, pubsub, bigquery) =
            futures::try_join!(self.buckets(), self.pubsub_things(), self.bigquery_things())?;
        let mut inventory = Inventory::default();
        for (ours, item) in buckets.into_iter().chain(pubsub).chain(bigquery) {
            if ours { inventory.ours.push(item) } else { inventory.others.push(item) }
        }
        for list in [&mut inventory.ours, &mut inventory.others] {
            list.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        }
        Ok(inventory)
    }

    async fn buckets(&self) -> Result<Vec<(bool, Item)>> {
        let call = Call::get("list the buckets", &["b"]).with("project", &self.config.project);
        let found = self.storage.pages(call, "items").await?;
        let items = found.iter().filter_map(|bucket| {
            let name = bucket.get("name").and_then(Value::as_str)?;
            let keeps_deleted = soft_delete_seconds(bucket) > 0;
            Some((label(bucket) == Some(&self.config.show), Item { keeps_deleted, ..item(Kind::Bucket, name) }))
        });
        Ok(items.collect())
    }

    async fn pubsub_things(&self) -> Result<Vec<(bool, Item)>> {
        let mut all = Vec::new();
        macro_rules! collect {
            ($request:expr, $action:literal, $kind:expr, $ours:expr) => {
                let mut items = $request.set_project(self.spelt.project()).by_item();
                while let Some(found) = items.next().await {
                    let found = found.map_err(|e| from_gax($action, e))?;
                    all.push(($ours(&found), item($kind, &last(&found.name))));
                }
            };
        }
        let ours = |labels: &HashMap<String, String>| labels.get(LABEL) == Some(&self.config.show);
        use google_cloud_pubsub::model;
        let (topics, subscriptions) = (&self.topic_admin, &self.subscription_admin);
        collect!(topics.list_topics(), "list the topics", Kind::Topic, |topic: &model::Topic| ours(&topic.labels));
        collect!(
            subscriptions.list_subscriptions(),
            "list the subscriptions",
            Kind::Subscription,
            |subscription: &model::Subscription| ours(&subscription.labels)
        );
        collect!(
            subscriptions.list_snapshots(),
            "list the snapshots",
            Kind::Snapshot,
            // Google's emulator loses the labels of snapshots: there the name says it.
            |snapshot: &model::Snapshot| ours(&snapshot.labels) || self.spelt.snapshot_info(snapshot).is_some()
        );
        Ok(all)
    }

    async fn bigquery_things(&self) -> Result<Vec<(bool, Item)>> {
        let found = self.warehouse.all_datasets().await?;
        let ours = |show: &Option<String>| show.as_deref() == Some(&self.config.show);
        let datasets = found.iter().map(|dataset| (ours(&dataset.show), item(Kind::Dataset, &dataset.name)));
        let shows: BTreeSet<&str> = found.iter().filter_map(|dataset| dataset.show.as_deref()).collect();
        let policies = self.data_policies(&shows).await?;
        Ok(datasets.chain(policies.into_iter().map(|(ours, id)| (ours, item(Kind::DataPolicy, &id)))).collect())
    }

    /// Data policies by their names, since they carry no labels, with whether they are ours. What begins as another show's do (`a-b-c` beside
    /// `a-b`) is that show's. A peer has none.
    pub(super) async fn data_policies(&self, shows: &BTreeSet<&str>) -> Result<Vec<(bool, String)>> {
        let GcpConfig { project, location, show, endpoints, .. } = &self.config;
        if endpoints.bigquery.is_anonymous() {
            return Ok(Vec::new());
        }
        let prefix = data_policy_prefix(show);
        let longer: Vec<String> = shows.iter().map(|show| data_policy_prefix(show)).collect();
        let is_others =
            |id: &str| longer.iter().any(|other| other.len() > prefix.len() && id.starts_with(other.as_str()));
        let found = self.google.data_policies(project, location).await?;
        Ok(found.into_iter().map(|id| (id.starts_with(&prefix) && !is_others(&id), id)).collect())
    }

    async fn tables(&self, dataset: &str) -> Result<u64> {
        let path = ["projects", &self.config.project, "datasets", dataset, "tables"];
        let call = Call::get(format!("list the tables of {dataset}"), &path);
        Ok(self.bigquery.pages(call, "tables").await?.len() as u64)
    }

    /// Counts what is in a bucket, page by page.
    pub(super) async fn contents(&self, bucket: &str) -> Result<Contents> {
        let (mut contents, kept) = futures::try_join!(
            self.count(bucket, "versions", |contents, object, part| {
                match (object.get("timeDeleted").is_some(), part) {
                    (true, _) => contents.versions += 1,
                    (false, true) => contents.parts += 1,
                    (false, false) => contents.objects += 1,
                }
            }),
            self.count(bucket, "softDeleted", |contents, _, _| contents.soft_deleted += 1),
        )?;
        contents.soft_deleted = kept.soft_deleted;
        contents.bytes += kept.bytes;
        Ok(contents)
    }

    async fn count(
        &self,
        bucket: &str,
        which: &'static str,
        add: impl Fn(&mut Contents, &Value, bool),
    ) -> Result<Contents> {
        let (mut contents, mut next) = (Contents::default(), None);
        let call = self.listing(bucket, which);
        loop {
            let (items, more) = self.storage.page(&call, "items", next.take()).await?;
            for object in &items {
                let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
                add(&mut contents, object, is_part(name));
                let size = object.get("size").and_then(Value::as_str).and_then(|size| size.parse::<u64>().ok());
                contents.bytes += size.unwrap_or_default();
            }
            match more {
                Some(token) => next = Some(token),
                None => return Ok(contents),
            }
        }
    }

    /// Lists a bucket's objects: with `versions` all that are not deleted, with `softDeleted` those that are and are still kept.
    pub(super) fn listing(&self, bucket: &str, which: &'static str) -> Call {
        Call::get(format!("list gs://{bucket}"), &["b", bucket, "o"])
            .with(which, "true")
            .with("maxResults", "1000")
            .with("fields", "items(name,generation,size,timeDeleted),nextPageToken")
    }
}

fn item(kind: Kind, name: &str) -> Item {
    Item { kind, name: name.to_owned(), contents: None, keeps_deleted: false }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::google::http::{Reply, Server};
    use super::super::google::tests::cloud;
    use super::*;

    #[tokio::test]
    async fn data_policies_are_told_apart_by_their_names() {
        let ids =
            ["showrunner_demo_dev_t_mail_raw_1", "showrunner_demo_dev_b_t_mail_raw_1", "showrunner_demo", "theirs"];
        let server = Server::scripted(move |_, _| {
            let policy = |id: &str| json!({"name": format!("projects/7/locations/us/dataPolicies/{id}")});
            Reply::json(200, json!({"dataPolicies": ids.map(policy)}))
        })
        .await;
        let cloud = cloud(&server.url, None).await;
        let ours = async |shows: &[&str]| {
            let found = cloud.data_policies(&shows.iter().copied().collect()).await.expect("a list");
            assert_eq!(found.len(), ids.len());
            found.into_iter().filter_map(|(ours, id)| ours.then_some(id)).collect::<Vec<_>>()
        };
        assert_eq!(ours(&["demo-dev", "demo-dev-b"]).await, [ids[0]], "the other show's stay");
        assert_eq!(ours(&["demo-dev", "demo"]).await, [ids[0], ids[1]]);
    }

    #[tokio::test]
    async fn without_the_api_there_are_no_data_policies() {
        for (why, fine) in [
            ("BigQuery Data Policy API has not been used in project 7 before or it is disabled.", true),
            ("Permission 'bigquery.datapolicies.list' denied on resource.", false),
        ] {
            let server = Server::scripted(move |_, _| Reply::refused(403, "forbidden", why)).await;
            let found = cloud(&server.url, None).await.data_policies(&BTreeSet::new()).await;
            assert_eq!(found.is_ok(), fine, "{why}: {found:?}");
        }
    }
}
