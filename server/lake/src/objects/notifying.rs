//! A store that announces what was written into one bucket, as Cloud Storage announces to Pub/Sub.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use futures::stream::BoxStream;
use serde_json::json;

use crate::ports::{NewMessage, ObjectMeta, Objects, Past, Precondition, Sums, Topics, Uploads};
use crate::{ErrorKind, Result};

/// Wraps a store; after each successful write into `bucket` it publishes an `OBJECT_FINALIZE` notification with Cloud Storage's
/// attributes and the object resource as JSON
/// (<https://cloud.google.com/storage/docs/pubsub-notifications>).
///
/// A notification only wakes whoever reconciles; so a failing publish is logged and the write still succeeds.
pub struct NotifyingObjects {
    objects: Arc<dyn Objects>,
    bucket: String,
    topics: Arc<dyn Topics>,
    topic: String,
}

impl NotifyingObjects {
    /// Announces writes into `bucket` of `objects` on `topic`, which the caller has created.
    pub fn new(
        objects: Arc<dyn Objects>,
        bucket: impl Into<String>,
        topics: Arc<dyn Topics>,
        topic: impl Into<String>,
    ) -> Self {
        NotifyingObjects { objects, bucket: bucket.into(), topics, topic: topic.into() }
    }

    /// The generation that a write is about to replace.
    async fn previous(&self, bucket: &str, key: &str) -> Result<Option<i64>> {
        if bucket != self.bucket {
            return Ok(None);
        }
        match self.objects.head(bucket, key).await {
            Ok(meta) => Ok(Some(meta.generation)),
            Err(e) if e.kind == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn announce(&self, meta: &ObjectMeta, previous: Option<i64>) {
        if meta.bucket != self.bucket {
            return;
        }
        if let Err(error) = self.topics.publish(&self.topic, vec![notification(meta, previous)]).await {
            tracing::warn!(%error, bucket = meta.bucket, key = meta.key, "the object was written but not announced; it will be found by the next look");
        }
    }
}

/// The message that Cloud Storage would send.
fn notification(meta: &ObjectMeta, previous: Option<i64>) -> NewMessage {
    let time = meta.updated.to_rfc3339_opts(SecondsFormat::Micros, true);
    let mut attributes = BTreeMap::from([
        ("bucketId".to_owned(), meta.bucket.clone()),
        ("objectId".to_owned(), meta.key.clone()),
        ("objectGeneration".to_owned(), meta.generation.to_string()),
        ("eventType".to_owned(), "OBJECT_FINALIZE".to_owned()),
        ("eventTime".to_owned(), time),
        ("payloadFormat".to_owned(), "JSON_API_V1".to_owned()),
    ]);
    if let Some(previous) = previous {
        attributes.insert("overwroteGeneration".to_owned(), previous.to_string());
    }
    let created = meta.updated.to_rfc3339_opts(SecondsFormat::Millis, true);
    let resource = json!({
        "kind": "storage#object",
        "id": format!("{}/{}/{}", meta.bucket, meta.key, meta.generation),
        "name": meta.key,
        "bucket": meta.bucket,
        "generation": meta.generation.to_string(),
        "metageneration": "1",
        "timeCreated": created,
        "updated": created,
        "size": meta.size.to_string(),
    });
    NewMessage { data: Bytes::from(resource.to_string()), attributes, ..NewMessage::default() }
}

#[async_trait]
impl Objects for NotifyingObjects {
    async fn create_bucket(&self, bucket: &str) -> Result<()> {
        self.objects.create_bucket(bucket).await
    }

    async fn put(&self, bucket: &str, key: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta> {
        let previous = self.previous(bucket, key).await?;
        let meta = self.objects.put(bucket, key, data, when).await?;
        self.announce(&meta, previous).await;
        Ok(meta)
    }

    async fn put_stream(
        &self,
        bucket: &str,
        key: &str,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        let previous = self.previous(bucket, key).await?;
        let meta = self.objects.put_stream(bucket, key, data, limit).await?;
        self.announce(&meta, previous).await;
        Ok(meta)
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Bytes> {
        self.objects.get(bucket, key).await
    }

    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>> {
        self.objects.open(bucket, key)
    }

    fn local_path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.objects.local_path(bucket, key)
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        self.objects.head(bucket, key).await
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.objects.list(bucket, prefix).await
    }

    async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta> {
        let previous = self.previous(to.0, to.1).await?;
        let meta = self.objects.copy(from, to).await?;
        self.announce(&meta, previous).await;
        Ok(meta)
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<bool> {
        self.objects.delete(bucket, key).await
    }

    async fn crc32c(&self, bucket: &str, key: &str) -> Result<u32> {
        self.objects.crc32c(bucket, key).await
    }

    async fn sweep(&self, bucket: &str) -> Result<u64> {
        self.objects.sweep(bucket).await
    }

    async fn past(&self, bucket: &str, prefix: &str, since: DateTime<Utc>) -> Result<Past> {
        self.objects.past(bucket, prefix, since).await
    }

    async fn forget_past(&self, bucket: &str, prefix: &str) -> Result<u64> {
        self.objects.forget_past(bucket, prefix).await
    }
}

#[async_trait]
impl Uploads for NotifyingObjects {
    async fn uploaded(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        self.objects.uploaded(bucket, key).await
    }

    async fn append(
        &self,
        bucket: &str,
        key: &str,
        at: u64,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64> {
        self.objects.append(bucket, key, at, data, limit).await
    }

    async fn sums(&self, bucket: &str, key: &str, from: u64) -> Result<Sums> {
        self.objects.sums(bucket, key, from).await
    }

    async fn complete(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        let previous = self.previous(bucket, key).await?;
        let meta = self.objects.complete(bucket, key).await?;
        self.announce(&meta, previous).await;
        Ok(meta)
    }

    async fn discard(&self, bucket: &str, key: &str) -> Result<bool> {
        self.objects.discard(bucket, key).await
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.objects.uploads(bucket, prefix).await
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::clock::system_clock;
    use crate::objects::DiskObjects;
    use crate::ports::{PullRequest, SubscriptionConfig, TopicConfig};
    use crate::topic::{DiskTopics, TopicOptions};

    const BUCKET: &str = "sa-ingestion-x-dev";
    const OTHER: &str = "sa-source-data-x-dev";
    const TOPIC: &str = "topic";

    async fn store() -> (tempfile::TempDir, DiskTopics, NotifyingObjects) {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(DiskObjects::open(folder.path()).unwrap());
        disk.create_bucket(BUCKET).await.unwrap();
        disk.create_bucket(OTHER).await.unwrap();
        let topics = DiskTopics::open(&folder.path().join("topics"), system_clock(), TopicOptions::default()).unwrap();
        let objects = NotifyingObjects::new(disk, BUCKET, Arc::new(topics.clone()), TOPIC);
        (folder, topics, objects)
    }

    #[tokio::test]
    async fn announces_writes_into_its_bucket_only() {
        let (_folder, topics, objects) = store().await;
        topics.create_topic(TOPIC, TopicConfig::default()).await.unwrap();
        topics.create_subscription("subscription", TOPIC, SubscriptionConfig::default()).await.unwrap();

        let first = objects.put(BUCKET, "a/b.json", Bytes::from_static(b"1234"), Precondition::Absent).await.unwrap();
        objects.put(OTHER, "c", Bytes::from_static(b"x"), Precondition::None).await.unwrap();
        let refused = objects.put(BUCKET, "a/b.json", Bytes::new(), Precondition::Absent).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Exists);
        let stream = futures::stream::iter([Ok(Bytes::from_static(b"56"))]).boxed();
        let second = objects.put_stream(BUCKET, "a/b.json", stream, 10).await.unwrap();
        let third = objects.copy((OTHER, "c"), (BUCKET, "d")).await.unwrap();
        objects.copy((BUCKET, "d"), (OTHER, "e")).await.unwrap();

        let messages = topics.pull("subscription", PullRequest::now(10)).await.unwrap();
        let expected = [(&first, None), (&second, Some(first.generation)), (&third, None)];
        assert_eq!(messages.len(), expected.len());
        for (message, (meta, previous)) in messages.iter().map(|m| &m.message).zip(expected) {
            let mut attributes = BTreeMap::from([
                ("bucketId", BUCKET.to_owned()),
                ("objectId", meta.key.clone()),
                ("objectGeneration", meta.generation.to_string()),
                ("eventType", "OBJECT_FINALIZE".to_owned()),
                ("eventTime", message.attributes["eventTime"].clone()),
                ("payloadFormat", "JSON_API_V1".to_owned()),
            ]);
            if let Some(previous) = previous {
                attributes.insert("overwroteGeneration", previous.to_string());
            }
            let got: BTreeMap<&str, String> = message.attributes.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
            assert_eq!(got, attributes);
            let time = chrono::DateTime::parse_from_rfc3339(&message.attributes["eventTime"]).unwrap();
            assert_eq!(time.timestamp_micros(), meta.generation);
            let resource: serde_json::Value = serde_json::from_slice(&message.data).unwrap();
            assert_eq!(resource["name"], meta.key.as_str());
            assert_eq!(resource["bucket"], BUCKET);
            assert_eq!(resource["generation"], meta.generation.to_string());
            assert_eq!(resource["size"], meta.size.to_string());
            assert!(resource["timeCreated"].as_str().unwrap().ends_with('Z'));
        }
    }

    #[tokio::test]
    async fn a_failing_publish_does_not_fail_the_write() {
        let (_folder, _topics, objects) = store().await; // the topic was never created
        objects.put(BUCKET, "a", Bytes::from_static(b"1"), Precondition::None).await.unwrap();
        assert_eq!(objects.get(BUCKET, "a").await.unwrap(), "1");
    }
}
