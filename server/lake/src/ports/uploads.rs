//! Uploads that may come in parts.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::ObjectMeta;
use crate::Result;

/// Checksums over what an upload has left so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// CRC32C, as Cloud Storage computes it.
    pub crc32c: u32,
}

/// Uploads that may break off and go on later, after Cloud Storage's resumable uploads: one for each key. What has come of it outlives the
/// process, and is no object: nothing lists or reads it before [`Uploads::complete`]. One caller at a time for each key.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Bytes that the key's upload has left; `None` if there is none under way.
    async fn uploaded(&self, bucket: &str, key: &str) -> Result<Option<u64>>;
    /// Adds `data` behind the first `at` bytes of the key's upload and returns how many there are then. 0 begins anew; any other `at` that
    /// is not the number of bytes there is [`crate::ErrorKind::Conflict`]. More than `limit` in total is [`crate::ErrorKind::TooLarge`].
    /// When the stream fails, what came before stays.
    async fn append(
        &self,
        bucket: &str,
        key: &str,
        at: u64,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64>;
    /// Checksums over what the upload has left, from this byte on.
    async fn sums(&self, bucket: &str, key: &str, from: u64) -> Result<Sums>;
    /// Makes the object of the upload, in place of an older one. It appears whole or not at all.
    async fn complete(&self, bucket: &str, key: &str) -> Result<ObjectMeta>;
    /// Drops the upload; fine if there is none. Returns whether there was.
    async fn discard(&self, bucket: &str, key: &str) -> Result<bool>;
    /// The uploads under way whose key begins with `prefix`, sorted by key; `updated` is when something came last.
    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>>;
}
