//! The operations of the ports run themselves, so that what is noted is what ran.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::*;
use crate::Result;
use crate::ports::{NewMessage, ObjectMeta, Objects, Precondition, PullRequest, ReceivedMessage, SeekTarget, Topics};

impl CreateBucket {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<()> {
        objects.create_bucket(&self.bucket).await
    }
}

impl PutObject {
    pub(crate) async fn run(&self, objects: &dyn Objects, data: Bytes) -> Result<ObjectMeta> {
        let when = if self.only_new { Precondition::Absent } else { Precondition::None };
        objects.put(&self.object.bucket, &self.object.key, data, when).await
    }
}

impl UploadObject {
    pub(crate) async fn run(
        &self,
        objects: &dyn Objects,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        objects.put_stream(&self.object.bucket, &self.object.key, data, limit).await
    }
}

impl GetObject {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<Bytes> {
        objects.get(&self.object.bucket, &self.object.key).await
    }
}

impl HeadObject {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<ObjectMeta> {
        objects.head(&self.object.bucket, &self.object.key).await
    }
}

impl ListObjects {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<Vec<ObjectMeta>> {
        objects.list(&self.bucket, &self.prefix).await
    }
}

impl CopyObject {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<ObjectMeta> {
        objects.copy((&self.from.bucket, &self.from.key), (&self.to.bucket, &self.to.key)).await
    }
}

impl DeleteObject {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<bool> {
        objects.delete(&self.object.bucket, &self.object.key).await
    }
}

impl ChecksumObject {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<u32> {
        objects.crc32c(&self.object.bucket, &self.object.key).await
    }
}

impl SweepBucket {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<u64> {
        objects.sweep(&self.bucket).await
    }
}

impl DeleteVersions {
    pub(crate) async fn run(&self, objects: &dyn Objects) -> Result<u64> {
        objects.forget_past(&self.bucket, &self.prefix).await
    }
}

impl Publish {
    pub(crate) async fn run(&self, topics: &dyn Topics, messages: Vec<NewMessage>) -> Result<Vec<String>> {
        topics.publish(&self.topic, messages).await
    }
}

impl Pull {
    pub(crate) async fn run(&self, topics: &dyn Topics, request: PullRequest) -> Result<Vec<ReceivedMessage>> {
        let max_messages = usize::try_from(self.max).unwrap_or(usize::MAX);
        topics.pull(&self.subscription, PullRequest { max_messages, ..request }).await
    }
}

impl Acknowledge {
    pub(crate) async fn run(&self, topics: &dyn Topics) -> Result<()> {
        topics.acknowledge(&self.subscription, &self.ids).await
    }
}

impl ModifyAckDeadline {
    pub(crate) async fn run(&self, topics: &dyn Topics) -> Result<()> {
        topics.modify_ack_deadline(&self.subscription, &self.ids, Duration::from_secs(self.seconds)).await
    }
}

impl Seek {
    pub(crate) async fn run(&self, topics: &dyn Topics) -> Result<()> {
        let target = match &self.to {
            SeekTo::Now(_) => SeekTarget::Now,
            SeekTo::Time(time) => SeekTarget::Time(*time),
            SeekTo::Snapshot(name) => SeekTarget::Snapshot(name.clone()),
        };
        topics.seek(&self.subscription, target).await
    }
}

impl Backlog {
    pub(crate) async fn run(&self, topics: &dyn Topics) -> Result<crate::ports::Backlog> {
        topics.backlog(&self.subscription).await
    }
}
