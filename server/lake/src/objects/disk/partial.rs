//! Uploads that may go on later: what has come of an object lies under its key in `buckets/.uploads/{bucket}`, until it is whole.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

use super::{DiskObjects, Inner, Place, files, joined};
use crate::objects::errors::from_io;
use crate::ports::{ObjectMeta, Precondition, Sums, Uploads};
use crate::{Error, ErrorKind, Result};

/// The folder below the buckets' folder. No bucket can have this name: theirs begin with a letter or a digit.
const FOLDER: &str = ".uploads";
/// Chunks are gathered to this size before they are written.
const PIECE: usize = 256 << 10;
const TRIES: usize = 8;

impl Inner {
    fn uploads_folder(&self, bucket: &str) -> PathBuf {
        self.root.join(FOLDER).join(bucket)
    }

    /// Where the key's upload lies. Refuses a key that goes through a symbolic link, there or in the bucket.
    fn upload_file(&self, place: &Place) -> Result<PathBuf> {
        self.look(place)?;
        let folder = self.uploads_folder(&place.bucket);
        match files::look(&folder, &place.key) {
            Ok(_) => Ok(folder.join(&place.key)),
            Err(files::Look::Link) => Err(Error::new(
                ErrorKind::Invalid,
                format!("The upload of `{}` goes through a symbolic link, which the store does not follow.", place.key),
            )),
            Err(files::Look::Io(e)) => Err(from_io(&place.action("write"), e)),
        }
    }

    fn uploaded(&self, place: &Place) -> Result<Option<u64>> {
        match fs::metadata(self.upload_file(place)?) {
            Ok(found) => Ok(found.is_file().then_some(found.len())),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(from_io(&place.action("read the upload of"), e)),
        }
    }

    /// The upload's file, behind its first `at` bytes.
    fn continue_upload(&self, place: &Place, at: u64) -> Result<File> {
        let path = self.upload_file(place)?;
        let failed = |e| from_io(&place.action("write"), e);
        if at == 0 {
            // Another upload that ends takes the empty folder away.
            for _ in 0..TRIES {
                fs::create_dir_all(path.parent().unwrap_or(&self.root)).map_err(failed)?;
                match File::create(&path) {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    created => return created.map_err(failed),
                }
            }
            return File::create(path).map_err(failed);
        }
        let there = self.uploaded(place)?.unwrap_or(0);
        if there != at {
            let message = format!(
                "The upload of `{}` has left {there} bytes, so it cannot go on behind {at}. Go on behind {there}, or begin anew.",
                place.key
            );
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let mut file = File::options().write(true).open(path).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(file)
    }

    fn sums(&self, place: &Place, from: u64) -> Result<Sums> {
        let failed = |e| from_io(&place.action("read the upload of"), e);
        let mut file = File::open(self.upload_file(place)?).map_err(failed)?;
        file.seek(SeekFrom::Start(from)).map_err(failed)?;
        let (mut sha, mut crc) = (Sha256::new(), 0);
        let mut buffer = vec![0; PIECE];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Sums { sha256: sha.finalize().into(), crc32c: crc }),
                Ok(n) => {
                    sha.update(&buffer[..n]);
                    crc = crc32c::crc32c_append(crc, &buffer[..n]);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(failed(e)),
            }
        }
    }
}

#[async_trait]
impl Uploads for DiskObjects {
    async fn uploaded(&self, bucket: &str, key: &str) -> Result<Option<u64>> {
        let place = self.inner.place(bucket, key)?;
        self.blocking(move |inner| inner.uploaded(&place)).await
    }

    async fn append(
        &self,
        bucket: &str,
        key: &str,
        at: u64,
        mut data: BoxStream<'static, io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64> {
        let place = self.inner.place(bucket, key)?;
        let opened = place.clone();
        let mut file = self.blocking(move |inner| inner.continue_upload(&opened, at)).await?;
        let mut size = at;
        loop {
            // What came before a failure is written, too.
            let (mut pieces, mut gathered, mut failure, mut more) = (Vec::new(), 0, None, true);
            while more && gathered < PIECE {
                match data.next().await {
                    Some(Ok(chunk)) => {
                        gathered += chunk.len();
                        pieces.push(chunk);
                    }
                    Some(Err(e)) => {
                        failure = Some(e);
                        more = false;
                    }
                    None => more = false,
                }
            }
            size = size.saturating_add(gathered as u64);
            if size > limit {
                let message = format!("`{key}` is larger than the {limit} bytes that are left for it.");
                return Err(Error::new(ErrorKind::TooLarge, message));
            }
            let action = place.action("write");
            file = joined(
                tokio::task::spawn_blocking(move || {
                    for piece in pieces {
                        file.write_all(&piece).map_err(|e| from_io(&action, e))?;
                    }
                    Ok(file)
                })
                .await,
            )?;
            if let Some(error) = failure {
                let message = format!("The upload of `{key}` broke off after {size} bytes, which are kept.");
                return Err(Error::with(ErrorKind::Invalid, message, error));
            }
            if !more {
                return Ok(size);
            }
        }
    }

    async fn sums(&self, bucket: &str, key: &str, from: u64) -> Result<Sums> {
        let place = self.inner.place(bucket, key)?;
        self.blocking(move |inner| inner.sums(&place, from)).await
    }

    async fn complete(&self, bucket: &str, key: &str) -> Result<ObjectMeta> {
        let place = self.inner.place(bucket, key)?;
        let inner = Arc::clone(&self.inner);
        // A task of its own: a caller that goes away does not leave it half done.
        joined(
            tokio::spawn(async move {
                let staged = inner.stage(&place).await?;
                let worker = Arc::clone(&inner);
                let (staged, place) = joined(
                    tokio::task::spawn_blocking(move || {
                        let path = worker.upload_file(&place)?;
                        fs::rename(&path, &staged.file).map_err(|e| from_io(&place.action("complete"), e))?;
                        files::remove_empty_parents(&worker.uploads_folder(&place.bucket), &path);
                        Ok((staged, place))
                    })
                    .await,
                )?;
                inner.publish(place, staged, Precondition::None).await
            })
            .await,
        )
    }

    async fn discard(&self, bucket: &str, key: &str) -> Result<bool> {
        let place = self.inner.place(bucket, key)?;
        self.blocking(move |inner| {
            let path = inner.upload_file(&place)?;
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                    return Ok(false);
                }
                Err(e) => return Err(from_io(&place.action("drop the upload of"), e)),
            }
            files::remove_empty_parents(&inner.uploads_folder(&place.bucket), &path);
            Ok(true)
        })
        .await
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ObjectMeta>> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        self.blocking(move |inner| {
            inner.bucket(&bucket)?;
            let folder = inner.uploads_folder(&bucket);
            files::list(&folder, &bucket, &prefix).map_err(|e| from_io(&format!("list the uploads of `{bucket}`"), e))
        })
        .await
    }
}
