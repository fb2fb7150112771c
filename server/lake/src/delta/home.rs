//! Where the tables of the data lake's bucket lie: in the data folder, or in a bucket elsewhere with a copy in the data folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use deltalake::logstore::{StorageConfig, default_logstore};
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use url::Url;

use super::{Mirror, Shape, Table};
use crate::{Error, ErrorKind, Result, keys};

/// See the module.
#[derive(Clone)]
pub(crate) struct Home {
    /// The bucket's folder.
    pub dir: PathBuf,
    /// Its name.
    pub bucket: String,
    /// The bucket itself, if it lies elsewhere.
    pub store: Option<Arc<dyn ObjectStore>>,
    /// Rises with every commit.
    pub epoch: Arc<AtomicU64>,
    /// Another process may be writing.
    pub follow: bool,
}

impl Home {
    /// A handle on a table of the bucket; reads nothing yet.
    pub fn table(&self, shape: Shape) -> Result<Arc<Table>> {
        let root = keys::table_prefix(shape.zone, &shape.name);
        let table = Table::new(shape, self.dir.join(&root), self.epoch.clone(), self.follow)?;
        Ok(Arc::new(match &self.store {
            None => table,
            Some(store) => table.mirrored(Mirror::new(store.clone(), &self.bucket, &root), &self.dir)?,
        }))
    }

    /// All keys of a bucket that lies elsewhere, with their sizes; `None` for the folder, which is walked.
    pub async fn keys(&self) -> Result<Option<Vec<(String, u64)>>> {
        let Some(store) = &self.store else { return Ok(None) };
        let found = store.list(None).map_ok(|object| (object.location.to_string(), object.size));
        let keys: std::result::Result<Vec<_>, object_store::Error> = found.try_collect().await;
        let failed = |e| Error::with(ErrorKind::Unavailable, format!("Could not list gs://{}.", self.bucket), e);
        keys.map(Some).map_err(failed)
    }
}

impl Table {
    /// The same table in a bucket, of which the folder has a copy. `bucket_dir` is the bucket's folder.
    pub fn mirrored(mut self, mirror: Mirror, bucket_dir: &Path) -> Result<Self> {
        let store = mirror.store(bucket_dir)?;
        let url = Url::parse(&mirror.url())
            .map_err(|e| Error::with(ErrorKind::Invalid, format!("{} is no address of a table.", mirror.url()), e))?;
        let table = Arc::new(PrefixStore::new(store.clone(), mirror.root().clone()));
        self.log_store = default_logstore(table, store, &url, &StorageConfig::default());
        self.mirror = Some(mirror);
        Ok(self)
    }

    /// The root as an address: of the bucket, if the table lies in one.
    pub fn uri(&self) -> Result<String> {
        match &self.mirror {
            Some(mirror) => Ok(mirror.url()),
            None => directory_url(&self.dir).map(String::from),
        }
    }

    /// Removes a table from the bucket that it lies in; the folder is the caller's to remove.
    pub async fn drop_elsewhere(&self) -> Result<()> {
        match &self.mirror {
            Some(mirror) => mirror.drop_table().await,
            None => Ok(()),
        }
    }

    /// Brings what the folder lacks of a table that lies in a bucket.
    pub async fn fetch(&self) -> Result<()> {
        if let Some(mirror) = &self.mirror
            && mirror.fetch_log(&self.dir).await?
        {
            self.current().await?;
        }
        Ok(())
    }
}

/// The address of a folder.
pub(super) fn directory_url(dir: &Path) -> Result<Url> {
    Url::from_directory_path(dir).map_err(|()| {
        Error::new(
            ErrorKind::Invalid,
            format!("The data folder must be an absolute path, and {} is not.", dir.display()),
        )
    })
}
