//! Ports that note what they are asked: a store and a topic around those that do the work.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::*;
use crate::Result;
use crate::ports::{Message, ObjectMeta, Objects, Precondition, Topic};

/// A store whose operations are noted. [`Objects::open`] is not: whoever reads a file that way notes what came of it.
pub struct RecordingObjects(Arc<dyn Objects>);

impl RecordingObjects {
    /// Around this store.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        RecordingObjects(objects)
    }
}

fn nothing<T>(_: &T) -> Size {
    Size::default()
}

fn written(meta: &ObjectMeta) -> Size {
    Size::bytes(meta.size)
}

#[async_trait]
impl Objects for RecordingObjects {
    async fn create_bucket(&self, bucket: &str) -> Result<()> {
        let (operation, begun) = (CreateBucket { bucket: bucket.to_owned() }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }

    async fn put(&self, bucket: &str, key: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta> {
        let operation = PutObject {
            object: ObjectName::new(bucket, key),
            size: data.len() as u64,
            only_new: when == Precondition::Absent,
        };
        let begun = Begun::now();
        let result = operation.run(self.0.as_ref(), data).await;
        begun.end(operation, &result, written);
        result
    }

    async fn put_stream(
        &self,
        bucket: &str,
        key: &str,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        let (operation, begun) = (UploadObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = operation.run(self.0.as_ref(), data, limit).await;
        begun.end(operation, &result, written);
        result
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Bytes> {
        let (operation, begun) = (GetObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, |data| Size::bytes(data.len() as u64));
        result
    }

    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>> {
        self.0.open(bucket, key)
    }

    fn local_path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        self.0.local_path(bucket, key)
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        let (operation, begun) = (HeadObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let (operation, begun) = (ListObjects { bucket: bucket.to_owned(), prefix: prefix.to_owned() }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, |found| Size::rows(found.len() as u64));
        result
    }

    async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta> {
        let operation = CopyObject { from: ObjectName::new(from.0, from.1), to: ObjectName::new(to.0, to.1) };
        let begun = Begun::now();
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, written);
        result
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<bool> {
        let (operation, begun) = (DeleteObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }

    async fn crc32c(&self, bucket: &str, key: &str) -> Result<u32> {
        let (operation, begun) = (ChecksumObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }

    async fn sweep(&self, bucket: &str) -> Result<u64> {
        let (operation, begun) = (SweepBucket { bucket: bucket.to_owned() }, Begun::now());
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }
}

/// Attributes that say what a message is about; others may hold anything and are not noted.
const NOTED: [&str; 4] = ["eventType", "bucketId", "objectId", "objectGeneration"];

/// Topics whose operations are noted. Waiting for a message is not one.
pub struct RecordingTopic {
    topics: Arc<dyn Topic>,
    clock: Clock,
}

impl RecordingTopic {
    /// Around these topics; `clock` says what 'now' is.
    pub fn new(topics: Arc<dyn Topic>, clock: Clock) -> Self {
        RecordingTopic { topics, clock }
    }
}

#[async_trait]
impl Topic for RecordingTopic {
    async fn create(&self, topic: &str, subscription: &str) -> Result<()> {
        let operation = CreateSubscription { topic: topic.to_owned(), subscription: subscription.to_owned() };
        let begun = Begun::now();
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, nothing);
        result
    }

    async fn publish(&self, topic: &str, data: Bytes, attributes: BTreeMap<String, String>) -> Result<u64> {
        let about = attributes.iter().filter(|(name, _)| NOTED.contains(&name.as_str()));
        let about = about.map(|(name, value)| (name.clone(), value.clone())).collect();
        let (operation, begun) = (Publish { topic: topic.to_owned(), attributes: about }, Begun::now());
        let bytes = data.len() as u64;
        let result = operation.run(self.topics.as_ref(), data, attributes).await;
        begun.end(operation, &result, |_| Size::bytes(bytes));
        result
    }

    async fn pull(&self, subscription: &str, max: usize) -> Result<Vec<Message>> {
        let (operation, begun) = (Pull { subscription: subscription.to_owned(), max: max as u64 }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |messages| Size::rows(messages.len() as u64));
        result
    }

    async fn wait(&self, subscription: &str) -> Result<()> {
        self.topics.wait(subscription).await
    }

    async fn ack(&self, subscription: &str, ids: &[u64]) -> Result<()> {
        let (operation, begun) =
            (Acknowledge { subscription: subscription.to_owned(), ids: ids.to_vec() }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |()| Size::rows(ids.len() as u64));
        result
    }

    async fn nack(&self, subscription: &str, ids: &[u64]) -> Result<()> {
        let (operation, begun) = (GiveBack { subscription: subscription.to_owned(), ids: ids.to_vec() }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |()| Size::rows(ids.len() as u64));
        result
    }

    async fn seek_to_now(&self, subscription: &str) -> Result<u64> {
        let operation = Seek { subscription: subscription.to_owned(), time: (self.clock)() };
        let begun = Begun::now();
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |dropped| Size::rows(*dropped));
        result
    }

    async fn backlog(&self, subscription: &str) -> Result<u64> {
        let (operation, begun) = (Backlog { subscription: subscription.to_owned() }, Begun::now());
        let result = operation.run(self.topics.as_ref()).await;
        begun.end(operation, &result, |waiting| Size::rows(*waiting));
        result
    }
}
