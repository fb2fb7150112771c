//! Objects for code that blocks: read by threads of their own, so that whoever reads may block a thread of any runtime, or of none.

use std::io::Read;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use bytes::{Buf, Bytes};
use google_cloud_storage::client::Storage;
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::{bucket_name, storage};
use crate::error::from_gax;
use crate::{Access, GcpConfig};

/// Chunks that are read ahead for each reader.
const AHEAD: usize = 8;

/// The threads, and a client whose connections live on them.
pub(super) struct Readers {
    // Taken when this goes: a runtime must not be dropped where one is running.
    runtime: Option<Runtime>,
    client: Arc<OnceCell<Storage>>,
    config: GcpConfig,
    access: Access,
}

impl Drop for Readers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// One object, read ahead.
struct Reader {
    chunks: Receiver<std::io::Result<Bytes>>,
    chunk: Bytes,
}

impl Readers {
    pub fn start(config: GcpConfig, access: Access) -> Result<Readers> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("gcs-read")
            .enable_all()
            .build()
            .map_err(|e| Error::with(ErrorKind::Internal, "Threads for reading could not be started.", e))?;
        Ok(Readers { runtime: Some(runtime), client: Arc::default(), config, access })
    }

    /// Begins to read. The object is the one that was there at this moment, whatever is written later.
    pub fn open(&self, bucket: &str, key: &str) -> Result<Box<dyn Read + Send>> {
        let gone = || Error::new(ErrorKind::Cancelled, "The server is about to stop.");
        let runtime = self.runtime.as_ref().ok_or_else(gone)?;
        let (began, begins) = std::sync::mpsc::channel();
        let (sender, chunks) = sync_channel(AHEAD);
        let (client, config, access) = (self.client.clone(), self.config.clone(), self.access.clone());
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        runtime.spawn(async move {
            let answer = async {
                let client = client.get_or_try_init(|| storage(&config, &access)).await?;
                let read = client.read_object(bucket_name(&bucket), &key).send().await;
                read.map_err(|e| from_gax(&format!("read gs://{bucket}/{key}"), e))
            };
            let mut answer = match answer.await {
                Ok(answer) => answer,
                Err(error) => {
                    let _nobody_waits = began.send(Err(error));
                    return;
                }
            };
            let _nobody_waits = began.send(Ok(()));
            while let Some(chunk) = answer.next().await {
                let chunk = chunk.map_err(std::io::Error::other);
                let failed = chunk.is_err();
                let sender = sender.clone();
                // The reader may be slow: a thread waits for it, none of those that read.
                let sent = tokio::task::spawn_blocking(move || sender.send(chunk)).await;
                if failed || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        });
        begins.recv().map_err(|_| gone())??;
        Ok(Box::new(Reader { chunks, chunk: Bytes::new() }))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.chunk.is_empty() {
            match self.chunks.recv() {
                Ok(chunk) => self.chunk = chunk?,
                // The sender goes when all is read.
                Err(_) => return Ok(0),
            }
        }
        let taken = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..taken]);
        Ok(taken)
    }
}
