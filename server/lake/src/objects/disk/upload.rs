//! Writing a stream of unknown length aside.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{MultipartUpload, PutPayload};

use super::Place;
use crate::objects::errors::from_store;
use crate::{Error, ErrorKind, Result};

/// Chunks of a stream are gathered to this size before they are written.
pub(super) const PART: usize = 1 << 20;

/// Writes all of `data`, at most `limit` bytes. On an error, what was written is removed.
pub(super) async fn write(
    mut upload: Box<dyn MultipartUpload>,
    place: &Place,
    data: BoxStream<'static, std::io::Result<Bytes>>,
    limit: u64,
) -> Result<()> {
    let written = fill(&mut upload, place, data, limit).await;
    if written.is_err()
        && let Err(error) = upload.abort().await
    {
        tracing::warn!(%error, "a broken-off upload left a temporary file; the next sweep removes it");
    }
    written
}

async fn fill(
    upload: &mut Box<dyn MultipartUpload>,
    place: &Place,
    mut data: BoxStream<'static, std::io::Result<Bytes>>,
    limit: u64,
) -> Result<()> {
    let failed = |e| from_store(&place.action("write"), e);
    let mut size = 0_u64;
    let mut part: Vec<Bytes> = Vec::new();
    let mut gathered = 0_usize;
    while let Some(chunk) = data.next().await {
        let chunk = chunk.map_err(|e| broken_off(place, e))?;
        size = size.saturating_add(chunk.len() as u64);
        if size > limit {
            return Err(too_large(place, limit));
        }
        gathered += chunk.len();
        part.push(chunk);
        if gathered >= PART {
            gathered = 0;
            let payload = PutPayload::from_iter(part.drain(..));
            upload.put_part(payload).await.map_err(failed)?;
        }
    }
    if gathered > 0 {
        let payload = PutPayload::from_iter(part);
        upload.put_part(payload).await.map_err(failed)?;
    }
    upload.complete().await.map(drop).map_err(failed)
}

fn too_large(place: &Place, limit: u64) -> Error {
    let message = format!(
        "`{}` is larger than the limit of {limit} bytes; nothing of it was kept. Split it into smaller files.",
        place.key
    );
    Error::new(ErrorKind::TooLarge, message)
}

fn broken_off(place: &Place, error: std::io::Error) -> Error {
    let message = format!(
        "The upload of `{}` broke off before its end ({error}); nothing of it was kept. Send it again.",
        place.key
    );
    Error::with(ErrorKind::Invalid, message, error)
}
