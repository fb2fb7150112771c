//! A store that notes what it is asked, around the one that does the work.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::*;
use crate::Result;
use crate::ports::{ObjectMeta, Objects, Past, Precondition, Sums, Uploads};

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

    async fn past(&self, bucket: &str, prefix: &str, since: DateTime<Utc>) -> Result<Past> {
        let (operation, begun) = (ListObjects { bucket: bucket.to_owned(), prefix: prefix.to_owned() }, Begun::now());
        let result = self.0.past(bucket, prefix, since).await;
        begun.end(operation, &result, |past| Size::rows(past.versions + past.soft_deleted));
        result
    }

    async fn forget_past(&self, bucket: &str, prefix: &str) -> Result<u64> {
        let operation = DeleteVersions { bucket: bucket.to_owned(), prefix: prefix.to_owned() };
        let begun = Begun::now();
        let result = operation.run(self.0.as_ref()).await;
        begun.end(operation, &result, |gone| Size::rows(*gone));
        result
    }
}

/// An upload is one call, noted when its object is made: its parts are what a client library sends on the way.
#[async_trait]
impl Uploads for RecordingObjects {
    async fn uploaded(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        self.0.uploaded(bucket, key).await
    }

    async fn append(
        &self,
        bucket: &str,
        key: &str,
        at: u64,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64> {
        self.0.append(bucket, key, at, data, limit).await
    }

    async fn sums(&self, bucket: &str, key: &str, from: u64) -> Result<Sums> {
        self.0.sums(bucket, key, from).await
    }

    async fn complete(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        let (operation, begun) = (UploadObject { object: ObjectName::new(bucket, key) }, Begun::now());
        let result = self.0.complete(bucket, key).await;
        begun.end(operation, &result, written);
        result
    }

    async fn discard(&self, bucket: &str, key: &str) -> Result<bool> {
        self.0.discard(bucket, key).await
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        self.0.uploads(bucket, prefix).await
    }
}
