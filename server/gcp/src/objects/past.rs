//! Older versions and soft-deleted objects: what a bucket with versioning or soft delete keeps of objects that are gone.

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use google_cloud_gax::options::RequestOptionsBuilder;
use google_cloud_gax::paginator::ItemPaginator;
use google_cloud_storage::model;
use showrunner_lake::ports::Past;
use showrunner_lake::{ErrorKind, Result};

use super::{CloudObjects, PAGE, bucket_name};
use crate::error::from_gax;

/// Versions that are deleted at once.
const AT_ONCE: usize = 16;

impl CloudObjects {
    pub(super) async fn count_past(&self, bucket: &str, prefix: &str, since: DateTime<Utc>) -> Result<Past> {
        let recently = |object: &model::Object| {
            let at = object.soft_delete_time.as_ref();
            let at = at.and_then(|at| DateTime::<Utc>::from_timestamp(at.seconds(), at.nanos().unsigned_abs()));
            at.is_none_or(|at| at >= since)
        };
        let (older, soft_deleted) =
            futures::try_join!(self.older(bucket, prefix), self.kept(bucket, prefix, Kept::SoftDeleted))?;
        Ok(Past {
            versions: older.len() as u64,
            soft_deleted: soft_deleted.iter().filter(|object| recently(object)).count() as u64,
        })
    }

    /// Each by its generation, so that nothing takes its place.
    pub(super) async fn delete_past(&self, bucket: &str, prefix: &str) -> Result<u64> {
        let older = self.older(bucket, prefix).await?;
        let deletions: Vec<_> = older.iter().map(|object| self.remove_version(bucket, object)).collect();
        let gone: Vec<bool> = futures::stream::iter(deletions).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(gone.iter().filter(|gone| **gone).count() as u64)
    }

    async fn older(&self, bucket: &str, prefix: &str) -> Result<Vec<model::Object>> {
        let mut all = self.kept(bucket, prefix, Kept::Versions).await?;
        all.retain(|object| object.delete_time.is_some());
        Ok(all)
    }

    async fn kept(&self, bucket: &str, prefix: &str, which: Kept) -> Result<Vec<model::Object>> {
        let request = self.control().list_objects().set_parent(bucket_name(bucket));
        let request = request.set_prefix(prefix).set_page_size(PAGE);
        let request = match which {
            Kept::Versions => request.set_versions(true),
            Kept::SoftDeleted => request.set_soft_deleted(true),
        };
        let mut items = request.by_item();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            found.push(item.map_err(|e| from_gax(&format!("list what gs://{bucket}/{prefix} keeps"), e))?);
        }
        Ok(found)
    }

    async fn remove_version(&self, bucket: &str, object: &model::Object) -> Result<bool> {
        let (name, generation) = (&object.name, object.generation);
        let request = self.control().delete_object().set_bucket(bucket_name(bucket)).set_object(name);
        let action = format!("delete the version {generation} of gs://{bucket}/{name}");
        match request.set_generation(generation).with_idempotency(true).send().await.map_err(|e| from_gax(&action, e)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What is listed of objects that are gone.
#[derive(Clone, Copy)]
enum Kept {
    Versions,
    SoftDeleted,
}
