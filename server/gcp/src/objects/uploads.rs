//! Uploads that may break off and go on later, at any byte.
//!
//! Cloud Storage's own resumable uploads go on at multiples of 256 KiB only, cannot be read back for a checksum, and end after a week.
//! Here each stretch that came is an object of its own below `.uploads/KEY/`, named by where it begins, and the upload is completed by
//! composing them.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_storage::model;
use google_cloud_storage::model::compose_object_request::SourceObject;
use sha2::{Digest, Sha256};
use showrunner_lake::ports::{ObjectMeta, Precondition, Sums, Uploads};
use showrunner_lake::{Error, ErrorKind, Result};

use super::stream::{broken, too_large};
use super::{CloudObjects, bucket_name, check, meta};
use crate::error::from_gax;

/// Where parts lie.
pub(super) const FOLDER: &str = ".uploads/";
/// A part is written when so many bytes are there: what a process that is killed loses at most.
const PART: usize = 8 << 20;
/// Cloud Storage composes so many at a time.
const COMPOSED: usize = 32;
/// What was composed so far, while there are more parts than can be composed at a time.
const COMPOSING: &str = "composing";

fn folder(key: &str) -> String {
    format!("{FOLDER}{key}/")
}

/// Twenty digits, so that names sort by number.
fn part_name(key: &str, at: u64) -> String {
    format!("{FOLDER}{key}/{at:020}")
}

/// Key and beginning of a part.
fn part_of(name: &str) -> Option<(&str, u64)> {
    let (key, at) = name.strip_prefix(FOLDER)?.rsplit_once('/')?;
    Some((key, at.parse().ok().filter(|_| at.len() == 20)?))
}

impl CloudObjects {
    /// The key's parts in order, as far as they join.
    async fn parts(&self, bucket: &str, key: &str) -> Result<Vec<ObjectMeta>> {
        let found = self.names(bucket, &folder(key)).await?;
        let mut parts = Vec::new();
        let mut end = 0;
        for object in &found {
            let part = meta(bucket, object);
            if part_of(&part.key) == Some((key, end)) {
                end += part.size;
                parts.push(part);
            }
        }
        Ok(parts)
    }

    async fn put_part(&self, bucket: &str, key: &str, at: u64, data: BytesMut) -> Result<u64> {
        let size = data.len() as u64;
        self.write(bucket, &part_name(key, at), data.freeze(), Precondition::None).await?;
        Ok(at + size)
    }

    async fn compose(&self, bucket: &str, sources: &[String], target: &str) -> Result<ObjectMeta> {
        let sources: Vec<_> = sources.iter().map(|name| SourceObject::new().set_name(name)).collect();
        let destination = model::Object::new().set_bucket(bucket_name(bucket)).set_name(target);
        let request = self.control().compose_object().set_destination(destination).set_source_objects(sources);
        let made = request.with_idempotency(true).send().await;
        Ok(meta(bucket, &made.map_err(|e| from_gax(&format!("compose gs://{bucket}/{target}"), e))?))
    }

    /// Makes one object of several; it appears whole. What is composed so far has the name `composing` and a number: another each time,
    /// so that a request whose answer was lost can be repeated.
    pub(super) async fn join(
        &self,
        bucket: &str,
        mut names: Vec<String>,
        composing: &str,
        key: &str,
    ) -> Result<ObjectMeta> {
        let mut round = 0;
        while names.len() > COMPOSED {
            let rest = names.split_off(COMPOSED);
            let so_far = format!("{composing}-{round}");
            round += 1;
            self.compose(bucket, &names, &so_far).await?;
            names = std::iter::once(so_far).chain(rest).collect();
        }
        match names.as_slice() {
            [only] => self.rewrite((bucket, only), (bucket, key)).await,
            several => self.compose(bucket, several, key).await,
        }
    }

    async fn drop_parts(&self, bucket: &str, key: &str) -> Result<bool> {
        Ok(self.remove_all(bucket, &folder(key)).await? > 0)
    }

    /// Removes what lies below; returns how many.
    pub(super) async fn remove_all(&self, bucket: &str, folder: &str) -> Result<usize> {
        let found = self.names(bucket, folder).await?;
        // From the last: what is left of it after a kill still begins at the first byte.
        for object in found.iter().rev() {
            self.remove(bucket, &object.name).await?;
        }
        Ok(found.len())
    }
}

#[async_trait]
impl Uploads for CloudObjects {
    async fn uploaded(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        check(bucket, key)?;
        let parts = self.parts(bucket, key).await?;
        Ok((!parts.is_empty()).then(|| parts.iter().map(|part| part.size).sum()))
    }

    async fn append(
        &self,
        bucket: &str,
        key: &str,
        at: u64,
        mut data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64> {
        check(bucket, key)?;
        if at == 0 {
            self.drop_parts(bucket, key).await?;
        } else {
            let there = self.uploaded(bucket, key).await?.unwrap_or_default();
            if there != at {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("The upload of {key} has {there} bytes, and cannot go on at {at}. Go on at {there}."),
                ));
            }
        }
        let (mut end, mut part) = (at, BytesMut::new());
        let fault = loop {
            let chunk = match data.next().await {
                None => break None,
                Some(Err(error)) => break Some(broken(error)),
                Some(Ok(chunk)) => chunk,
            };
            if end + part.len() as u64 + chunk.len() as u64 > limit {
                break Some(too_large(limit));
            }
            part.extend_from_slice(&chunk);
            if part.len() >= PART {
                end = self.put_part(bucket, key, end, std::mem::take(&mut part)).await?;
            }
        };
        // An upload without bytes is one as well.
        if !part.is_empty() || end == 0 {
            end = self.put_part(bucket, key, end, part).await?;
        }
        fault.map_or(Ok(end), Err)
    }

    async fn sums(&self, bucket: &str, key: &str, from: u64) -> Result<Sums> {
        check(bucket, key)?;
        let (mut sha, mut crc) = (Sha256::new(), 0);
        let mut at = 0;
        for part in self.parts(bucket, key).await? {
            let (begin, end) = (at, at + part.size);
            at = end;
            if end <= from {
                continue;
            }
            let failed = |e| from_gax(&format!("read gs://{bucket}/{}", part.key), e);
            let read = self.inner.storage.read_object(bucket_name(bucket), &part.key);
            let mut answer = read.send().await.map_err(failed)?;
            let mut skip = usize::try_from(from.saturating_sub(begin)).unwrap_or(usize::MAX);
            while let Some(chunk) = answer.next().await {
                let chunk = chunk.map_err(failed)?;
                let rest = &chunk[skip.min(chunk.len())..];
                skip = skip.saturating_sub(chunk.len());
                sha.update(rest);
                crc = crc32c::crc32c_append(crc, rest);
            }
        }
        Ok(Sums { sha256: sha.finalize().into(), crc32c: crc })
    }

    async fn complete(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        check(bucket, key)?;
        let names: Vec<String> = self.parts(bucket, key).await?.into_iter().map(|part| part.key).collect();
        if names.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("There is no upload of {key} to complete.")));
        }
        let composing = format!("{}{COMPOSING}", folder(key));
        let made = self.join(bucket, names, &composing, key).await?;
        self.drop_parts(bucket, key).await?;
        Ok(made)
    }

    async fn discard(&self, bucket: &str, key: &str) -> Result<bool> {
        check(bucket, key)?;
        self.drop_parts(bucket, key).await
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let mut uploads: Vec<ObjectMeta> = Vec::new();
        for object in self.names(bucket, &format!("{FOLDER}{prefix}")).await? {
            let part = meta(bucket, &object);
            let Some((key, _)) = part_of(&part.key) else { continue };
            match uploads.last_mut().filter(|upload| upload.key == key) {
                Some(upload) => {
                    upload.size += part.size;
                    upload.updated = upload.updated.max(part.updated);
                }
                None => uploads.push(ObjectMeta { key: key.to_owned(), ..part }),
            }
        }
        uploads.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(uploads)
    }
}
