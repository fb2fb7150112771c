//! A table in a bucket elsewhere. The bucket is the truth: a version is there or nowhere, by a conditional put of its log entry. The data
//! folder has a copy of what the newest version needs, so that whatever reads files reads them from the disk; it can be deleted at any time,
//! and a machine that never saw the table gets it when it opens it.

mod checkpoints;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Location;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use tokio::io::AsyncWriteExt;

use self::checkpoints::Checkpoints;
use super::parts::{DiskFile, run_of};
use super::{LOG, io_error};
use crate::{Error, ErrorKind, Result};

/// Files that are sent, fetched or deleted at once.
const AT_ONCE: usize = 16;

/// Where a table really lies.
#[derive(Clone)]
pub(crate) struct Mirror {
    store: Arc<dyn ObjectStore>,
    root: Location,
    /// What stands for the bucket in errors: `gs://sa-datalake-demo-dev`.
    bucket: String,
}

impl Mirror {
    /// The table below `root` of the bucket.
    pub fn new(store: Arc<dyn ObjectStore>, bucket: &str, root: &str) -> Self {
        Mirror { store, root: Location::from(root), bucket: bucket.to_owned() }
    }

    /// `gs://bucket/zone/bronze/ga_sessions/`
    pub fn url(&self) -> String {
        format!("gs://{}/{}/", self.bucket, self.root)
    }

    /// The bucket as the engine sees it: files that have a copy in `local`, the bucket's folder, are read there.
    pub fn store(&self, local: &Path) -> Result<Arc<dyn ObjectStore>> {
        std::fs::create_dir_all(local).map_err(|e| io_error("creating", local, e))?;
        let local = LocalFileSystem::new_with_prefix(local)
            .map_err(|e| Error::with(ErrorKind::Storage, "The data folder cannot be read.", e))?;
        Ok(Arc::new(LocalFirst { bucket: self.store.clone(), local, checkpoints: Checkpoints::default() }))
    }

    /// Where the table lies in it.
    pub fn root(&self) -> &Location {
        &self.root
    }

    fn location(&self, relative: &str) -> Location {
        // Names of ours need no escaping, and those of others are taken as the listing spells them.
        Location::parse(format!("{}/{relative}", self.root)).unwrap_or_else(|_| Location::from(relative))
    }

    fn failed(&self, action: &str, what: &str, error: object_store::Error) -> Error {
        let kind = match error {
            object_store::Error::NotFound { .. } => ErrorKind::NotFound,
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                ErrorKind::Denied
            }
            _ => ErrorKind::Unavailable,
        };
        Error::with(kind, format!("Could not {action} {}{what}: {error}", self.url()), error)
    }

    /// Sends files of the copy in `dir` that are about to be committed.
    pub async fn send(&self, dir: &Path, paths: Vec<String>) -> Result<()> {
        stream::iter(paths)
            .map(|path| async move {
                let local = dir.join(&path);
                let mut file = tokio::fs::File::open(&local).await.map_err(|e| io_error("reading", &local, e))?;
                let mut writer = BufWriter::new(self.store.clone(), self.location(&path));
                let sent = tokio::io::copy(&mut file, &mut writer).await;
                let sent = match sent {
                    Ok(_) => writer.shutdown().await,
                    Err(error) => Err(error),
                };
                sent.map_err(|e| {
                    Error::with(ErrorKind::Unavailable, format!("Could not write {}{path}: {e}", self.url()), e)
                })
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    /// Brings what the copy lacks of these files, given with their sizes.
    pub async fn fetch(&self, dir: &Path, files: impl Iterator<Item = (String, u64)>) -> Result<()> {
        let missing: Vec<String> = files
            .filter(|(path, bytes)| !dir.join(path).metadata().is_ok_and(|there| there.len() == *bytes))
            .map(|(path, _)| path)
            .collect();
        self.bring(dir, missing.into_iter().map(|path| (path, None)).collect()).await
    }

    async fn bring(&self, dir: &Path, files: Vec<(String, Option<SystemTime>)>) -> Result<()> {
        stream::iter(files)
            .map(|(path, written)| async move {
                let failed = |e| self.failed("read", &path, e);
                let answer = self.store.get(&self.location(&path)).await.map_err(failed)?;
                let data = answer.bytes().await.map_err(failed)?;
                let target = dir.join(&path);
                let put = move || put_local(&target, &data, written);
                tokio::task::spawn_blocking(put)
                    .await
                    .unwrap_or_else(|e| Err(Error::with(ErrorKind::Internal, "Writing a copy was cut short.", e)))
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    /// Makes the copy of the log what the log is. False if there is none.
    pub async fn fetch_log(&self, dir: &Path) -> Result<bool> {
        let found: BTreeMap<String, ObjectMeta> =
            self.objects(LOG).await?.into_iter().map(|object| (self.relative(&object), object)).collect();
        let log = dir.join(LOG);
        let there: HashSet<String> = match std::fs::read_dir(&log) {
            Ok(entries) => entries
                .filter_map(|entry| Some(format!("{LOG}/{}", entry.ok()?.file_name().to_string_lossy())))
                .collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => HashSet::new(),
            Err(e) => return Err(io_error("listing", &log, e)),
        };
        for gone in there.iter().filter(|path| !found.contains_key(*path)) {
            let path = dir.join(gone);
            let _gone_already = std::fs::remove_file(path);
        }
        // Entries are never written over, but for the pointer to the newest checkpoint, which is short.
        let wanted = found.iter().filter(|(path, _)| !there.contains(*path) || path.ends_with("_last_checkpoint"));
        let wanted = wanted.map(|(path, object)| (path.clone(), Some(object.last_modified.into()))).collect();
        self.bring(dir, wanted).await?;
        Ok(!found.is_empty())
    }

    /// Files in the bucket below this folder of the table, those of the log left out.
    pub async fn files(&self, folder: &str) -> Result<Vec<DiskFile>> {
        let mut files = Vec::new();
        for object in self.objects(folder).await? {
            let path = self.relative(&object);
            if !path.starts_with(LOG) {
                let run = path.rsplit('/').next().and_then(run_of).map(str::to_owned);
                files.push(DiskFile { path, bytes: object.size, run });
            }
        }
        Ok(files)
    }

    /// Files below these folders of the table: few are listed side by side, for many the whole table is.
    pub async fn files_in(&self, folders: &[String]) -> Result<Vec<DiskFile>> {
        if folders.len() <= AT_ONCE {
            let listings: Vec<_> = folders.iter().map(|folder| self.files(folder)).collect();
            let found: Vec<_> = stream::iter(listings).buffer_unordered(AT_ONCE).try_collect().await?;
            return Ok(found.into_iter().flatten().collect());
        }
        let wanted: HashSet<&str> = folders.iter().map(String::as_str).collect();
        let mut all = self.files("").await?;
        all.retain(|file| {
            let above = file.path.match_indices('/').map(|(end, _)| &file.path[..end]);
            std::iter::once("").chain(above).any(|folder| wanted.contains(folder))
        });
        Ok(all)
    }

    /// Names of the log's files.
    pub async fn log_names(&self) -> Result<Vec<String>> {
        let found = self.objects(LOG).await?;
        Ok(found.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect())
    }

    async fn objects(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        let prefix = if folder.is_empty() { self.root.clone() } else { self.location(folder) };
        self.store.list(Some(&prefix)).try_collect().await.map_err(|e| self.failed("list", folder, e))
    }

    fn relative(&self, object: &ObjectMeta) -> String {
        let location = object.location.as_ref();
        location.strip_prefix(self.root.as_ref()).unwrap_or(location).trim_start_matches('/').to_owned()
    }

    /// Deletes files of the table; those that are gone already are fine.
    pub async fn delete(&self, paths: Vec<String>) -> Result<()> {
        stream::iter(paths)
            .map(|path| async move {
                match self.store.delete(&self.location(&path)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(error) => Err(self.failed("delete", &path, error)),
                }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await
            .map(drop)
    }

    /// Deletes the table: its log first, so that nobody finds a table with files missing.
    pub async fn drop_table(&self) -> Result<()> {
        let log = self.log_names().await?;
        self.delete(log.into_iter().map(|name| format!("{LOG}/{name}")).collect()).await?;
        self.delete(self.files("").await?.into_iter().map(|file| file.path).collect()).await
    }
}

/// Appears whole or not at all, with the time of the original.
fn put_local(target: &PathBuf, data: &[u8], written: Option<SystemTime>) -> Result<()> {
    let fail = |e| io_error("writing", target, e);
    let folder = target.parent().unwrap_or(target);
    std::fs::create_dir_all(folder).map_err(fail)?;
    // Not a name of ours or the log's: what a killed process leaves of it is in nobody's way.
    let mut file = tempfile::Builder::new().prefix(".fetched-").tempfile_in(folder).map_err(fail)?;
    file.write_all(data).map_err(fail)?;
    if let Some(written) = written {
        file.as_file().set_modified(written).map_err(fail)?;
    }
    file.persist(target).map(drop).map_err(|e| fail(e.error))
}

/// A bucket, of which files are read from a copy where there is one. Only files that never change: not those of logs.
#[derive(Debug)]
struct LocalFirst {
    bucket: Arc<dyn ObjectStore>,
    local: LocalFileSystem,
    checkpoints: Checkpoints,
}

impl LocalFirst {
    fn is_log(location: &Location) -> bool {
        location.parts().any(|part| part.as_ref() == LOG)
    }
}

impl fmt::Display for LocalFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with a copy", self.bucket)
    }
}

type Answer<T> = object_store::Result<T>;

#[async_trait]
impl ObjectStore for LocalFirst {
    async fn put_opts(&self, location: &Location, payload: PutPayload, options: PutOptions) -> Answer<PutResult> {
        self.checkpoints.forget(location).await;
        self.bucket.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Location,
        options: PutMultipartOptions,
    ) -> Answer<Box<dyn MultipartUpload>> {
        self.checkpoints.forget(location).await;
        self.bucket.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Location, options: GetOptions) -> Answer<GetResult> {
        if !Self::is_log(location)
            && let Ok(answer) = self.local.get_opts(location, options.clone()).await
        {
            return Ok(answer);
        }
        if Checkpoints::is_one(location)
            && let Some(answer) = self.checkpoints.get(self.bucket.as_ref(), location, &options).await
        {
            return answer;
        }
        self.bucket.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Location, ranges: &[Range<u64>]) -> Answer<Vec<Bytes>> {
        if !Self::is_log(location)
            && let Ok(answer) = self.local.get_ranges(location, ranges).await
        {
            return Ok(answer);
        }
        if Checkpoints::is_one(location) {
            let whole = GetOptions::default();
            if let Some(Ok(answer)) = self.checkpoints.get(self.bucket.as_ref(), location, &whole).await {
                let data = answer.bytes().await?;
                let piece = |range: &Range<u64>| {
                    let (from, to) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
                    (from <= to && to <= data.len()).then(|| data.slice(from..to))
                };
                if let Some(pieces) = ranges.iter().map(piece).collect() {
                    return Ok(pieces);
                }
            }
        }
        self.bucket.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Answer<Location>>) -> BoxStream<'static, Answer<Location>> {
        self.bucket.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Location>) -> BoxStream<'static, Answer<ObjectMeta>> {
        self.bucket.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Location>) -> Answer<ListResult> {
        self.bucket.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Location, to: &Location, options: CopyOptions) -> Answer<()> {
        self.bucket.copy_opts(from, to, options).await
    }
}
