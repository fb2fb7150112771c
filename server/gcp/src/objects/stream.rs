//! Streams of bytes as objects, whole or not at all.
//!
//! Not by the client's own buffered upload: in google-cloud-storage 1.21 a connection that is cut in the middle of a chunk loses that chunk
//! (`buffered_resumable_attempt` asks how much has arrived only after an answer, not after a broken connection), and the object that comes
//! of it stands there with a part missing until its checksum is looked at. So what does not fit into one request comes in parts, each in
//! memory until it is written, and is composed.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use rand::Rng;
use showrunner_lake::ports::{ObjectMeta, Precondition};
use showrunner_lake::{Error, ErrorKind, Result};

use super::{CloudObjects, meta};

/// Where parts lie until they are composed.
pub(super) const FOLDER: &str = ".streams/";
/// Bytes of a part.
const PART: usize = 8 << 20;
/// Parts that have lain so long are of a process that is gone.
const LEFT_BEHIND: chrono::TimeDelta = chrono::TimeDelta::hours(24);

/// The sentence for a stream that broke off.
pub(super) fn broken(error: std::io::Error) -> Error {
    Error::with(ErrorKind::Invalid, format!("The upload broke off: {error}. Send it again."), error)
}

/// For more bytes than allowed.
pub(super) fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::TooLarge, format!("The upload has more than the {limit} bytes that are allowed."))
}

impl CloudObjects {
    pub(super) async fn write_stream(
        &self,
        bucket: &str,
        key: &str,
        mut data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        let folder = format!("{FOLDER}{:016x}/", rand::rng().random::<u64>());
        let (mut names, mut part, mut size) = (Vec::new(), BytesMut::new(), 0_u64);
        let fault = loop {
            let chunk = match data.next().await {
                None => break None,
                Some(Err(error)) => break Some(broken(error)),
                Some(Ok(chunk)) => chunk,
            };
            size += chunk.len() as u64;
            if size > limit {
                break Some(too_large(limit));
            }
            if part.len() + chunk.len() > PART && !part.is_empty() {
                let name = format!("{folder}{:06}", names.len());
                let whole = std::mem::take(&mut part).freeze();
                let written = self.write(bucket, &name, whole, Precondition::None).await;
                names.push(name);
                if let Err(error) = written {
                    break Some(error);
                }
            }
            part.extend_from_slice(&chunk);
        };
        if names.is_empty() {
            return match fault {
                Some(fault) => Err(fault),
                None => self.write(bucket, key, part.freeze(), Precondition::None).await,
            };
        }
        let made = match fault {
            Some(fault) => Err(fault),
            None => self.write_rest(bucket, key, &folder, names, part.freeze()).await,
        };
        if let Err(error) = self.remove_all(bucket, &folder).await {
            tracing::warn!(bucket, folder, %error, "parts of a stream stay until the next sweep");
        }
        made
    }

    async fn write_rest(
        &self,
        bucket: &str,
        key: &str,
        folder: &str,
        mut names: Vec<String>,
        rest: Bytes,
    ) -> Result<ObjectMeta> {
        let last = format!("{folder}{:06}", names.len());
        self.write(bucket, &last, rest, Precondition::None).await?;
        names.push(last);
        self.join(bucket, names, &format!("{folder}composing"), key).await
    }

    /// Removes what processes that are gone left; returns how many.
    pub(super) async fn sweep_streams(&self, bucket: &str) -> Result<u64> {
        let mut removed = 0;
        for object in self.names(bucket, FOLDER).await? {
            let part = meta(bucket, &object);
            if now() - part.updated > LEFT_BEHIND && self.remove(bucket, &part.key).await? {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

#[expect(clippy::disallowed_methods, reason = "how old a leftover is depends on no result")]
fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}
