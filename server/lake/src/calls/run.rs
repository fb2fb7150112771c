//! The operations of the ports run themselves, so that what is noted is what ran.

use bytes::Bytes;
use futures::stream::BoxStream;

use super::*;
use crate::Result;
use crate::ports::{ObjectMeta, Objects, Precondition};

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
