//! Buckets and objects as plain files: `buckets/{bucket}/{key}`.

mod files;
mod partial;
mod staging;
mod upload;

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, RenameOptions, RenameTargetMode};
use tokio::sync::Mutex;

use self::staging::{Staged, Staging};
use super::errors::{from_io, from_store};
use crate::clock::{Clock, system_clock};
use crate::keys;
use crate::ports::{ObjectMeta, Objects, Precondition};
use crate::{Error, ErrorKind, Result};

/// What file systems allow for one name, in bytes.
const MAX_SEGMENT: usize = 255;

/// Buckets on the local disk, on `object_store`'s [`LocalFileSystem`].
///
/// - An object is written aside (`buckets/.staging`), gets its generation as modification time, and is renamed into place: it is seen
///   whole or not at all, also after `kill -9`. `LocalFileSystem` alone does not fsync; here the content is synced before the rename,
///   so that a power failure can undo the last writes but never leaves a torn or empty object under a key.
/// - The generation is the modification time in microseconds, strictly rising for each key, whatever the clock and the file system's
///   resolution do.
/// - `LocalFileSystem::copy` makes hard links, which would share one modification time: copies here are real.
/// - Symbolic links within a bucket are never followed: they are not listed, and reading, writing or deleting through one is refused.
/// - Names that end in `#` and digits belong to `object_store`'s own temporary files: they are not listed, and refused as keys.
#[derive(Clone)]
pub struct DiskObjects {
    inner: Arc<Inner>,
}

struct Inner {
    root: PathBuf,
    store: LocalFileSystem,
    staging: Arc<Staging>,
    clock: Clock,
    last_generation: AtomicI64,
    hasher: RandomState,
    /// Striped by key: reading the old generation and replacing the object are one step.
    locks: Vec<Mutex<()>>,
}

/// A checked bucket and key, and where they lie.
#[derive(Clone)]
struct Place {
    bucket: String,
    key: String,
    location: Location,
    file: PathBuf,
}

impl DiskObjects {
    /// Opens the data folder `root`, creating it if missing; buckets lie in `root/buckets`.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the folder cannot be made or locked.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_with_clock(root, system_clock())
    }

    /// Like [`DiskObjects::open`], with another clock for the generations.
    ///
    /// # Errors
    /// As [`DiskObjects::open`].
    pub fn open_with_clock(root: &Path, clock: Clock) -> Result<Self> {
        let buckets = root.join("buckets");
        let action = format!("open the data folder `{}`", root.display());
        fs::create_dir_all(&buckets).map_err(|e| from_io(&action, e))?;
        let buckets = fs::canonicalize(&buckets).map_err(|e| from_io(&action, e))?;
        let store = LocalFileSystem::new_with_prefix(&buckets).map_err(|e| from_store(&action, e))?;
        let staging = Staging::begin(&buckets).map_err(|e| from_io(&action, e))?;
        Ok(DiskObjects {
            inner: Arc::new(Inner {
                root: buckets,
                store,
                staging,
                clock,
                last_generation: AtomicI64::new(0),
                hasher: RandomState::new(),
                locks: (0..64).map(|_| Mutex::new(())).collect(),
            }),
        })
    }

    /// Runs `work` on a blocking thread.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T> + Send + 'static) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        joined(tokio::task::spawn_blocking(move || work(&inner)).await)
    }
}

#[async_trait]
impl Objects for DiskObjects {
    async fn create_bucket(&self, bucket: &str) -> Result<()> {
        keys::check_bucket(bucket)?;
        let bucket = bucket.to_owned();
        self.blocking(move |inner| {
            fs::create_dir_all(inner.root.join(&bucket))
                .map_err(|e| from_io(&format!("create the bucket `{bucket}`"), e))
        })
        .await
    }

    async fn put(&self, bucket: &str, key: &str, data: Bytes, when: Precondition) -> Result<ObjectMeta> {
        let place = self.inner.place(bucket, key)?;
        let inner = Arc::clone(&self.inner);
        // A task of its own: a caller that goes away does not leave the write half done.
        joined(
            tokio::spawn(async move {
                let staged = inner.stage(&place).await?;
                let put = inner.store.put(&staged.location, PutPayload::from_bytes(data)).await;
                put.map_err(|e| from_store(&place.action("write"), e))?;
                inner.publish(place, staged, when).await
            })
            .await,
        )
    }

    async fn put_stream(
        &self,
        bucket: &str,
        key: &str,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<ObjectMeta> {
        let place = self.inner.place(bucket, key)?;
        let action = place.action("write");
        let staged = self.inner.stage(&place).await?;
        let upload = self.inner.store.put_multipart(&staged.location).await.map_err(|e| from_store(&action, e))?;
        upload::write(upload, &place, data, limit).await?;
        let inner = Arc::clone(&self.inner);
        joined(tokio::spawn(async move { inner.publish(place, staged, Precondition::None).await }).await)
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Bytes> {
        let place = self.inner.place(bucket, key)?;
        let action = place.action("read");
        let found = self.blocking(move |inner| inner.existing(&place).map(|_| place)).await?;
        let answer = self.inner.store.get(&found.location).await.map_err(|e| from_store(&action, e))?;
        answer.bytes().await.map_err(|e| from_store(&action, e))
    }

    fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>> {
        let place = self.inner.place(bucket, key)?;
        Ok(Box::new(self.inner.open(&place)?))
    }

    fn local_path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let place = self.inner.place(bucket, key).ok()?;
        self.inner.existing(&place).ok()?;
        Some(place.file)
    }

    async fn head(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        let place = self.inner.place(bucket, key)?;
        self.blocking(move |inner| {
            let found = inner.existing(&place)?;
            files::meta(place.bucket.clone(), place.key.clone(), &found).map_err(|e| from_io(&place.action("read"), e))
        })
        .await
    }

    async fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        self.blocking(move |inner| {
            let folder = inner.bucket(&bucket)?;
            files::list(&folder, &bucket, &prefix).map_err(|e| from_io(&format!("list the bucket `{bucket}`"), e))
        })
        .await
    }

    async fn copy(&self, from: (&str, &str), to: (&str, &str)) -> Result<ObjectMeta> {
        let from = self.inner.place(from.0, from.1)?;
        let to = self.inner.place(to.0, to.1)?;
        let inner = Arc::clone(&self.inner);
        joined(
            tokio::spawn(async move {
                let staged = inner.stage(&to).await?;
                let worker = Arc::clone(&inner);
                let action = to.action("copy to");
                let staged = joined(
                    tokio::task::spawn_blocking(move || {
                        let mut source = worker.open(&from)?;
                        let mut target = File::create_new(&staged.file).map_err(|e| from_io(&action, e))?;
                        std::io::copy(&mut source, &mut target).map_err(|e| from_io(&action, e))?;
                        Ok(staged)
                    })
                    .await,
                )?;
                inner.publish(to, staged, Precondition::None).await
            })
            .await,
        )
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<bool> {
        let place = self.inner.place(bucket, key)?;
        let action = place.action("delete");
        let probe = place.clone();
        if self.blocking(move |inner| inner.look(&probe)).await?.is_none() {
            return Ok(false);
        }
        match self.inner.store.delete(&place.location).await {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(e) => return Err(from_store(&action, e)),
        }
        self.blocking(move |inner| {
            files::remove_empty_parents(&inner.root.join(&place.bucket), &place.file);
            Ok(true)
        })
        .await
    }

    async fn crc32c(&self, bucket: &str, key: &str) -> Result<u32> {
        let place = self.inner.place(bucket, key)?;
        self.blocking(move |inner| {
            let mut file = inner.open(&place)?;
            files::crc32c(&mut file).map_err(|e| from_io(&place.action("read"), e))
        })
        .await
    }

    /// Also removes temporary files of other users of `object_store` in the bucket's folder (Delta tables): call it while none writes.
    async fn sweep(&self, bucket: &str) -> Result<u64> {
        let bucket = bucket.to_owned();
        self.blocking(move |inner| {
            let folder = inner.bucket(&bucket)?;
            let action = format!("sweep the bucket `{bucket}`");
            let staged = inner.staging.sweep(&bucket).map_err(|e| from_io(&action, e))?;
            Ok(staged + files::sweep(&folder).map_err(|e| from_io(&action, e))?)
        })
        .await
    }
}

impl Inner {
    fn place(&self, bucket: &str, key: &str) -> Result<Place> {
        keys::check_bucket(bucket)?;
        keys::check_key(key)?;
        if key.split('/').any(|segment| segment.len() > MAX_SEGMENT) {
            let message = format!(
                "A part of the key `{key}` is longer than {MAX_SEGMENT} bytes, more than the disk accepts. Choose a shorter name."
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        if files::is_temporary(key) {
            let message = format!(
                "The key `{key}` ends in # and digits, which this store keeps for temporary files. Choose another name."
            );
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let invalid =
            |e| Error::with(ErrorKind::Invalid, format!("The key `{key}` is not acceptable. Choose another name."), e);
        let location = Location::parse(format!("{bucket}/{key}")).map_err(|e| invalid(object_store::Error::from(e)))?;
        let file = self.store.path_to_filesystem(&location).map_err(invalid)?;
        Ok(Place { bucket: bucket.to_owned(), key: key.to_owned(), location, file })
    }

    /// The bucket's folder, which must exist.
    fn bucket(&self, bucket: &str) -> Result<PathBuf> {
        keys::check_bucket(bucket)?;
        let folder = self.root.join(bucket);
        match fs::metadata(&folder) {
            Ok(found) if found.is_dir() => Ok(folder),
            Ok(_) => Err(Error::new(
                ErrorKind::Storage,
                format!("The bucket `{bucket}` is a file. Move it out of the data folder."),
            )),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::with(
                ErrorKind::NotFound,
                format!("The bucket `{bucket}` does not exist. Create it first."),
                e,
            )),
            Err(e) => Err(from_io(&format!("open the bucket `{bucket}`"), e)),
        }
    }

    /// The object's file if it exists. Refuses a path that goes through a symbolic link.
    fn look(&self, place: &Place) -> Result<Option<fs::Metadata>> {
        let folder = self.bucket(&place.bucket)?;
        files::look(&folder, &place.key).map_err(|e| match e {
            files::Look::Link => Error::new(
                ErrorKind::Invalid,
                format!(
                    "`{}` in bucket `{}` goes through a symbolic link, which the store does not follow. Put the file itself there.",
                    place.key, place.bucket
                ),
            ),
            files::Look::Io(e) => from_io(&place.action("read"), e),
        })
    }

    fn existing(&self, place: &Place) -> Result<fs::Metadata> {
        self.look(place)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("There is no object `{}` in bucket `{}`.", place.key, place.bucket))
        })
    }

    fn open(&self, place: &Place) -> Result<File> {
        self.existing(place)?;
        File::open(&place.file).map_err(|e| from_io(&place.action("read"), e))
    }

    /// A place to write to, once it is known that the bucket exists and no link is in the way.
    async fn stage(self: &Arc<Self>, place: &Place) -> Result<Staged> {
        let (inner, place) = (Arc::clone(self), place.clone());
        joined(
            tokio::task::spawn_blocking(move || {
                inner.look(&place)?;
                inner.staging.stage(&place.bucket).map_err(|e| from_io(&place.action("write"), e))
            })
            .await,
        )
    }

    /// Gives the written file its generation and moves it to its key.
    async fn publish(self: &Arc<Self>, place: Place, staged: Staged, when: Precondition) -> Result<ObjectMeta> {
        let stripe = self.hasher.hash_one((&place.bucket, &place.key)) as usize % self.locks.len();
        let _lock = self.locks[stripe].lock().await;
        let worker = Arc::clone(self);
        let (staged, meta, place) = joined(
            tokio::task::spawn_blocking(move || {
                let action = place.action("write");
                let old = worker
                    .look(&place)?
                    .map(|found| files::generation(&found))
                    .transpose()
                    .map_err(|e| from_io(&action, e))?;
                let generation = worker.next_generation(old);
                let size = files::seal(&staged.file, generation).map_err(|e| from_io(&action, e))?;
                let updated = DateTime::from_timestamp_micros(generation).unwrap_or_default();
                let meta =
                    ObjectMeta { bucket: place.bucket.clone(), key: place.key.clone(), size, generation, updated };
                Ok((staged, meta, place))
            })
            .await,
        )?;
        // `Create` links the new name, which fails if it exists: of two writers exactly one wins, also across processes.
        let mode = match when {
            Precondition::None => RenameTargetMode::Overwrite,
            Precondition::Absent => RenameTargetMode::Create,
        };
        let options = RenameOptions::new().with_target_mode(mode);
        match self.store.rename_opts(&staged.location, &place.location, options).await {
            Ok(()) => Ok(meta),
            // Linking says "exists" for a folder, too.
            Err(object_store::Error::AlreadyExists { .. }) if place.file.is_dir() => {
                Err(from_io(&place.action("write"), std::io::ErrorKind::IsADirectory.into()))
            }
            Err(e) => Err(from_store(&place.action("write"), e)),
        }
    }

    /// Later than the key's old generation and than all that this store has given.
    fn next_generation(&self, old: Option<i64>) -> i64 {
        let earliest = (self.clock)().timestamp_micros().max(old.map_or(0, |old| old + 1));
        let next = |last: i64| earliest.max(last + 1);
        let last = self.last_generation.update(Ordering::SeqCst, Ordering::SeqCst, next);
        next(last)
    }
}

impl Place {
    fn action(&self, verb: &str) -> String {
        format!("{verb} `{}` in bucket `{}`", self.key, self.bucket)
    }
}

fn joined<T>(result: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    result.unwrap_or_else(|e| {
        Err(Error::with(
            ErrorKind::Internal,
            "A storage task ended before its work was done. Try again; if it happens again, report it.",
            e,
        ))
    })
}

#[cfg(test)]
mod tests;
