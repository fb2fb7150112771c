//! What an upload can reach, as a value: one customer's folder in the ingestion bucket, and nothing besides.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;

use super::Lake;
use crate::keys::{IngestionKey, check_customer};
use crate::ports::{ObjectMeta, Objects, Sums};
use crate::{Error, ErrorKind, Result};

/// One customer's folder. Who holds it can add files to the folder and list what is there; it leads to no other customer, to no other bucket
/// and to no table, and it reads no file.
#[derive(Clone)]
pub struct Dropbox {
    objects: Arc<dyn Objects>,
    bucket: String,
    customer: String,
}

impl Lake {
    /// The customer's folder.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is no customer id.
    pub fn dropbox(&self, customer: &str) -> Result<Dropbox> {
        check_customer(customer)?;
        Ok(Dropbox {
            objects: self.inner.objects.clone(),
            bucket: self.inner.names.ingestion.clone(),
            customer: customer.to_owned(),
        })
    }
}

impl Dropbox {
    /// Whose folder it is.
    pub fn customer(&self) -> &str {
        &self.customer
    }

    /// The key, if it lies in the folder.
    fn own(&self, key: &IngestionKey) -> Result<String> {
        if key.day.customer != self.customer {
            let message = format!("`{key}` does not lie in the folder of {}.", self.customer);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let text = key.to_string();
        // Whatever made it: it is read again as a key of the bucket.
        IngestionKey::parse(&text).map(|_| text)
    }

    /// The folder's files below a prefix that follows the customer's own (`ga_sessions/2017-07-30/`).
    ///
    /// # Errors
    /// Those of [`Objects::list`].
    pub async fn list(&self, below: &str) -> Result<Vec<ObjectMeta>> {
        self.objects.list(&self.bucket, &format!("{}/{below}", self.customer)).await
    }

    /// The file's metadata; `None` if it is not there.
    ///
    /// # Errors
    /// Those of [`Objects::head`].
    pub async fn head(&self, key: &IngestionKey) -> Result<Option<ObjectMeta>> {
        match self.objects.head(&self.bucket, &self.own(key)?).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Uploads that are not complete.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn uploads(&self) -> Result<Vec<ObjectMeta>> {
        self.objects.uploads(&self.bucket, &format!("{}/", self.customer)).await
    }

    /// Bytes that an upload has left; `None` if none is under way.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn uploaded(&self, key: &IngestionKey) -> Result<Option<u64>> {
        self.objects.uploaded(&self.bucket, &self.own(key)?).await
    }

    /// See [`crate::ports::Uploads::append`].
    ///
    /// # Errors
    /// Those of the store.
    pub async fn append(
        &self,
        key: &IngestionKey,
        at: u64,
        data: BoxStream<'static, std::io::Result<Bytes>>,
        limit: u64,
    ) -> Result<u64> {
        self.objects.append(&self.bucket, &self.own(key)?, at, data, limit).await
    }

    /// Checksums over what an upload has left, from this byte on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sums(&self, key: &IngestionKey, from: u64) -> Result<Sums> {
        self.objects.sums(&self.bucket, &self.own(key)?, from).await
    }

    /// Makes the file of the upload.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn complete(&self, key: &IngestionKey) -> Result<ObjectMeta> {
        self.objects.complete(&self.bucket, &self.own(key)?).await
    }

    /// Drops an upload.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn discard(&self, key: &IngestionKey) -> Result<bool> {
        self.objects.discard(&self.bucket, &self.own(key)?).await
    }

    /// Drops uploads into which nothing came since then. Returns how many.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn drop_stale(&self, since: chrono::DateTime<chrono::Utc>) -> Result<u64> {
        let mut dropped = 0;
        for upload in self.uploads().await?.into_iter().filter(|upload| upload.updated < since) {
            dropped += u64::from(self.objects.discard(&self.bucket, &upload.key).await?);
        }
        Ok(dropped)
    }
}
