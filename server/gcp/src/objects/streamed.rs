//! A stream of bytes as Google's client wants it, with a limit.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use google_cloud_storage::streaming_source::{SizeHint, StreamingSource};
use showrunner_lake::{Error, ErrorKind};

/// What kept the stream from going on, if it was not Google.
#[derive(Clone, Default)]
pub(super) struct Fault(Arc<Mutex<Option<Error>>>);

impl Fault {
    pub fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// See the module.
pub(super) struct Streamed {
    // The client wants its sources to be shareable, and a boxed stream is not.
    data: Mutex<BoxStream<'static, std::io::Result<Bytes>>>,
    left: u64,
    limit: u64,
    fault: Fault,
}

impl Streamed {
    pub fn new(data: BoxStream<'static, std::io::Result<Bytes>>, limit: u64) -> (Streamed, Fault) {
        let fault = Fault::default();
        (Streamed { data: Mutex::new(data), left: limit, limit, fault: fault.clone() }, fault)
    }
}

/// The beginning of the sentence for a stream that broke off.
pub(super) fn broken(error: std::io::Error) -> Error {
    Error::with(ErrorKind::Invalid, format!("The upload broke off: {error}. Send it again."), error)
}

/// For more bytes than allowed.
pub(super) fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::TooLarge, format!("The upload has more than the {limit} bytes that are allowed."))
}

impl StreamingSource for Streamed {
    type Error = std::io::Error;

    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let data = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
        match data.next().await? {
            Ok(chunk) if chunk.len() as u64 > self.left => {
                self.fault.set(too_large(self.limit));
                Some(Err(std::io::Error::other("more than allowed")))
            }
            Ok(chunk) => {
                self.left -= chunk.len() as u64;
                Some(Ok(chunk))
            }
            Err(error) => {
                let again = std::io::Error::new(error.kind(), error.to_string());
                self.fault.set(broken(error));
                Some(Err(again))
            }
        }
    }

    async fn size_hint(&self) -> Result<SizeHint, std::io::Error> {
        Ok(SizeHint::new())
    }
}
