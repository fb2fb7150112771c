//! Buckets and objects on Cloud Storage, by Google's own clients: contents by its HTTP client, everything else by its control client.
//!
//! - Buckets are made with our label, uniform access and no soft delete: what a reset deletes is gone, and nobody pays for it for a week.
//!   A bucket of that name without our label is somebody else's and is left alone.
//! - A write that must be the first carries a word of its own in its metadata: after a lost answer this says whose object is there.
//! - Objects below `.uploads/` and `.streams/` are parts of what is not an object yet: nothing lists or reads them but what made them.

mod past;
mod reader;
mod stream;
mod uploads;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_gax::retry_policy::RetryPolicyExt;
use google_cloud_storage::client::{Storage, StorageControl};
use google_cloud_storage::model;
use google_cloud_storage::retry_policy::RetryableErrors;
use google_cloud_wkt as wkt;
use rand::Rng;
use showrunner_lake::keys;
use showrunner_lake::ports::{ObjectMeta, Objects, Past, Precondition};
use showrunner_lake::{Error, ErrorKind, Result};

use self::reader::Readers;
use crate::config::LABEL;
use crate::error::from_gax;
use crate::{ATTEMPTS, Access, DEADLINE, GcpConfig, retry};

/// In an object's metadata: a word that only its writer knows.
const WRITE: &str = "showrunner-write";
/// Objects of one page of a listing.
const PAGE: i32 = 1_000;

/// Buckets of one project. Cheap to clone.
#[derive(Clone)]
pub struct CloudObjects {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Storage,
    control: StorageControl,
    readers: Readers,
    config: GcpConfig,
}

impl CloudObjects {
    /// Makes the clients. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if a client cannot be made.
    pub async fn connect(config: &GcpConfig, access: &Access) -> Result<CloudObjects> {
        let endpoint = &config.endpoints.storage_control;
        let control = StorageControl::builder()
            .with_endpoint(endpoint.url())
            .with_credentials(access.to(endpoint))
            .with_retry_policy(RetryableErrors.with_time_limit(DEADLINE).with_attempt_limit(ATTEMPTS))
            .with_backoff_policy(retry::backoff())
            .build()
            .await
            .map_err(not_made)?;
        let storage = storage(config, access).await?;
        let readers = Readers::start(config.clone(), access.clone())?;
        Ok(CloudObjects { inner: Arc::new(Inner { storage, control, readers, config: config.clone() }) })
    }

    fn control(&self) -> &StorageControl {
        &self.inner.control
    }

    async fn object(&self, bucket: &str, key: &str) -> Result<model::Object> {
        let request = self.control().get_object().set_bucket(bucket_name(bucket)).set_object(key);
        request.send().await.map_err(|e| from_gax(&format!("read gs://{bucket}/{key}"), e))
    }

    /// All objects whose name begins with `prefix`, the parts of uploads among them.
    async fn names(&self, bucket: &str, prefix: &str) -> Result<Vec<model::Object>> {
        let request = self.control().list_objects().set_parent(bucket_name(bucket));
        let mut items = request.set_prefix(prefix).set_page_size(PAGE).by_item();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(item.map_err(|e| from_gax(&format!("list gs://{bucket}/{prefix}"), e))?);
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    async fn remove(&self, bucket: &str, name: &str) -> Result<bool> {
        let request = self.control().delete_object().set_bucket(bucket_name(bucket)).set_object(name);
        match request
            .with_idempotency(true)
            .send()
            .await
            .map_err(|e| from_gax(&format!("delete gs://{bucket}/{name}"), e))
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write(&self, bucket: &str, name: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta> {
        let word = format!("{:016x}", rand::rng().random::<u64>());
        let request = self.inner.storage.write_object(bucket_name(bucket), name, data);
        // In one request whatever the size: it is in memory, and is sent again as a whole.
        let request = request.with_resumable_upload_threshold(usize::MAX);
        let request = request.set_metadata([(WRITE, word.as_str())]).with_idempotency(true);
        let request = match when {
            Precondition::None => request,
            Precondition::Absent => request.set_if_generation_match(0_i64),
        };
        let written = request.send_unbuffered().await.map_err(|e| from_gax(&format!("write gs://{bucket}/{name}"), e));
        match written {
            Ok(object) => Ok(meta(bucket, &object)),
            // The precondition failed: by somebody else's object, or by our own, whose answer was lost.
            Err(error) if when == Precondition::Absent && error.kind == ErrorKind::Conflict => {
                match self.object(bucket, name).await {
                    Ok(object) if object.metadata.get(WRITE) == Some(&word) => Ok(meta(bucket, &object)),
                    _ => Err(Error {
                        kind: ErrorKind::Exists,
                        message: format!(
                            "Could not write gs://{bucket}/{name}: it exists already. It was left as it is."
                        ),
                        ..error
                    }),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn rewrite(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta> {
        let action = format!("copy gs://{}/{} to gs://{}/{}", from.0, from.1, to.0, to.1);
        let mut token = String::new();
        loop {
            let request = self
                .control()
                .rewrite_object()
                .set_source_bucket(bucket_name(from.0))
                .set_source_object(from.1)
                .set_destination_bucket(bucket_name(to.0))
                .set_destination_name(to.1)
                .set_rewrite_token(std::mem::take(&mut token));
            let done = request.with_idempotency(true).send().await.map_err(|e| from_gax(&action, e))?;
            if done.done {
                let object = done.resource.ok_or_else(|| {
                    Error::new(ErrorKind::Internal, format!("Could not {action}: Google did not say what came of it."))
                })?;
                return Ok(meta(to.0, &object));
            }
            token = done.rewrite_token;
        }
    }

    /// A bucket of ours; [`ErrorKind::Denied`] for somebody else's.
    async fn bucket_of_ours(&self, bucket: &str) -> Result<()> {
        let request = self.control().get_bucket().set_name(bucket_name(bucket));
        let found = request.send().await.map_err(|e| from_gax(&format!("find the bucket {bucket}"), e))?;
        if found.labels.get(LABEL) == Some(&self.inner.config.show) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Denied,
            format!(
                "The bucket {bucket} exists and does not carry the label {LABEL}={}: it is not ours. Choose another id, or give it the label: gcloud storage buckets update gs://{bucket} --update-labels={LABEL}={}",
                self.inner.config.show, self.inner.config.show
            ),
        ))
    }
}

/// The client of contents.
async fn storage(config: &GcpConfig, access: &Access) -> Result<Storage> {
    let endpoint = &config.endpoints.storage;
    Storage::builder()
        .with_endpoint(endpoint.url())
        .with_credentials(access.to(endpoint))
        .with_retry_policy(RetryableErrors.with_time_limit(DEADLINE).with_attempt_limit(ATTEMPTS))
        .with_backoff_policy(retry::backoff())
        .build()
        .await
        .map_err(not_made)
}

fn not_made(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with(ErrorKind::Unavailable, "The client of Cloud Storage could not be made.", error)
}

fn bucket_name(bucket: &str) -> String {
    format!("projects/_/buckets/{bucket}")
}

fn meta(bucket: &str, object: &model::Object) -> ObjectMeta {
    let updated = object.update_time.as_ref().or(object.create_time.as_ref());
    // Milliseconds: what writes answer (JSON) has no more, while the control client has.
    let updated = updated.and_then(|time| {
        DateTime::<Utc>::from_timestamp_millis(time.seconds() * 1_000 + i64::from(time.nanos() / 1_000_000))
    });
    ObjectMeta {
        bucket: bucket.to_owned(),
        key: object.name.clone(),
        size: u64::try_from(object.size).unwrap_or_default(),
        generation: object.generation,
        updated: updated.unwrap_or(DateTime::UNIX_EPOCH),
    }
}

fn check(bucket: &str, key: &str) -> Result<()> {
    keys::check_bucket(bucket)?;
    keys::check_key(key)?;
    if is_part(key) {
        return Err(Error::new(ErrorKind::Invalid, format!("{key} is a part of an upload, not an object.")));
    }
    Ok(())
}

/// Of an upload or a stream that is not an object yet.
pub(crate) fn is_part(name: &str) -> bool {
    name.starts_with(uploads::FOLDER) || name.starts_with(stream::FOLDER)
}

#[async_trait]
impl Objects for CloudObjects {
    async fn create_bucket(&self, bucket: &str) -> Result<()> {
        keys::check_bucket(bucket)?;
        let config = &self.inner.config;
        let soft_delete = model::bucket::SoftDeletePolicy::new().set_retention_duration(wkt::Duration::clamp(0, 0));
        let uniform = model::bucket::iam_config::UniformBucketLevelAccess::new().set_enabled(true);
        let wanted = model::Bucket::new()
            .set_project(format!("projects/{}", config.project))
            .set_location(&config.location)
            .set_labels(config.labels())
            .set_soft_delete_policy(soft_delete)
            .set_iam_config(model::bucket::IamConfig::new().set_uniform_bucket_level_access(uniform));
        let request = self.control().create_bucket().set_parent("projects/_").set_bucket_id(bucket).set_bucket(wanted);
        match request.send().await.map_err(|e| from_gax(&format!("create the bucket {bucket}"), e)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::Exists => self.bucket_of_ours(bucket).await,
            Err(error) => Err(error),
        }
    }

    async fn put(&self, bucket: &str, key: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta> {
        check(bucket, key)?;
        self.write(bucket, key, data, when).await
    }

    async fn put_stream(
        &self,
        bucket: &str,
        key: &str,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        check(bucket, key)?;
        self.write_stream(bucket, key, data, limit).await
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Bytes> {
        check(bucket, key)?;
        let failed = |e| from_gax(&format!("read gs://{bucket}/{key}"), e);
        let mut answer = self.inner.storage.read_object(bucket_name(bucket), key).send().await.map_err(failed)?;
        let size = usize::try_from(answer.object().size).unwrap_or_default();
        let mut data = BytesMut::with_capacity(size.min(64 << 20));
        while let Some(chunk) = answer.next().await {
            data.extend_from_slice(&chunk.map_err(failed)?);
        }
        Ok(data.freeze())
    }

    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn std::io::Read + Send>> {
        check(bucket, key)?;
        self.inner.readers.open(bucket, key)
    }

    fn local_path(&self, _bucket: &str, _key: &str) -> Option<std::path::PathBuf> {
        None
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        check(bucket, key)?;
        Ok(meta(bucket, &self.object(bucket, key).await?))
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        keys::check_bucket(bucket)?;
        let found = self.names(bucket, prefix).await?;
        let objects = found.iter().filter(|object| !is_part(&object.name));
        Ok(objects.map(|object| meta(bucket, object)).collect())
    }

    async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta> {
        check(from.0, from.1)?;
        check(to.0, to.1)?;
        self.rewrite(from, to).await
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<bool> {
        check(bucket, key)?;
        self.remove(bucket, key).await
    }

    async fn crc32c(&self, bucket: &str, key: &str) -> Result<u32> {
        check(bucket, key)?;
        let object = self.object(bucket, key).await?;
        object.checksums.and_then(|sums| sums.crc32c).ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("Cloud Storage gave no checksum of gs://{bucket}/{key}. Try again."),
            )
        })
    }

    async fn sweep(&self, bucket: &str) -> Result<u64> {
        keys::check_bucket(bucket)?;
        let request = self.control().get_bucket().set_name(bucket_name(bucket));
        request.send().await.map_err(|e| from_gax(&format!("find the bucket {bucket}"), e))?;
        self.sweep_streams(bucket).await
    }

    async fn past(&self, bucket: &str, prefix: &str, since: DateTime<Utc>) -> Result<Past> {
        keys::check_bucket(bucket)?;
        self.count_past(bucket, prefix, since).await
    }

    async fn forget_past(&self, bucket: &str, prefix: &str) -> Result<u64> {
        keys::check_bucket(bucket)?;
        self.delete_past(bucket, prefix).await
    }
}
