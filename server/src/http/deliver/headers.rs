//! What an upload says of itself: how long it is, which part of the file it brings, and the checksums that it must have.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use showrunner_lake::Dropbox;
use showrunner_lake::keys::IngestionKey;

use super::header_text;
use crate::customers::Refusal;

/// A part of a file, or all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Where it belongs.
    pub(super) at: u64,
    /// Bytes of it.
    pub(super) length: u64,
    /// Bytes of the whole file.
    pub(super) total: u64,
    /// Of what this request brings (`Content-Digest`, RFC 9530).
    part_sha256: Option<[u8; 32]>,
    /// Of the whole file (`Repr-Digest`).
    sha256: Option<[u8; 32]>,
    /// Of the whole file (`x-goog-hash: crc32c=`).
    crc32c: Option<u32>,
}

/// How many bytes come. They must be announced: only then is a broken connection told from an end.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, Refusal> {
    let length = header_text(headers, "content-length").and_then(|text| text.parse().ok());
    length.ok_or_else(|| Refusal::with(411, "Send the file with its length (Content-Length), as curl -T FILE does."))
}

impl Sent {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let length = length(headers)?;
        if header_text(headers, "content-encoding").is_some_and(|how| !how.eq_ignore_ascii_case("identity")) {
            return Err(Refusal::with(
                415,
                "Send the file as it is, without Content-Encoding: it is kept as it comes.",
            ));
        }
        let (at, total) = match headers.get("content-range") {
            None => (0, length),
            Some(range) => range.to_str().ok().and_then(|text| part(text, length)).ok_or_else(|| {
                Refusal::with(
                    400,
                    "The Content-Range does not fit. Write it as 'bytes FIRST-LAST/TOTAL', as curl -C FIRST -T FILE does.",
                )
            })?,
        };
        if header_text(headers, "content-md5").is_some() {
            return Err(Refusal::with(400, "Content-MD5 is not checked here. Send Repr-Digest: sha-256=:…: instead."));
        }
        let goog = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
        let mut crc32c = None;
        for part in goog.flat_map(|text| text.split(',')) {
            let value = part.trim().strip_prefix("crc32c=").and_then(|text| STANDARD.decode(text).ok());
            let Some(bytes) = value.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()) else {
                return Err(Refusal::with(
                    400,
                    "Of x-goog-hash only crc32c= is checked here, in base64 with four bytes.",
                ));
            };
            crc32c = Some(u32::from_be_bytes(bytes));
        }
        Ok(Sent {
            at,
            length,
            total,
            part_sha256: digest(headers, "content-digest")?,
            sha256: digest(headers, "repr-digest")?,
            crc32c,
        })
    }

    /// Compares what came with what was announced; the checksums of the whole file when it is whole. The error says what to do.
    pub(super) async fn verify(
        &self,
        folder: &Dropbox,
        key: &IngestionKey,
        whole: bool,
    ) -> Result<Result<(), String>, Refusal> {
        let differs = |what: &str| {
            Ok(Err(format!(
                "The {what} is another than the one announced: nothing of the upload was kept. Send it again."
            )))
        };
        if let Some(expected) = self.part_sha256
            && folder.sums(key, self.at).await?.sha256 != expected
        {
            return differs("SHA-256 of what came");
        }
        if !whole || (self.sha256.is_none() && self.crc32c.is_none()) {
            return Ok(Ok(()));
        }
        let sums = folder.sums(key, 0).await?;
        if self.sha256.is_some_and(|expected| expected != sums.sha256) {
            return differs("SHA-256 of the file");
        }
        if self.crc32c.is_some_and(|expected| expected != sums.crc32c) {
            return differs("CRC32C of the file");
        }
        Ok(Ok(()))
    }
}

/// `bytes 6-9/10` → where it begins, and the whole.
fn part(text: &str, length: u64) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, total): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    let fits = last < total && last.checked_sub(first)?.checked_add(1)? == length;
    fits.then_some((first, total))
}

/// The SHA-256 of `sha-256=:BASE64:`, if the header is there. One that we could not check is an error, never ignored.
fn digest(headers: &HeaderMap, name: &str) -> Result<Option<[u8; 32]>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let found = text.split(',').find_map(|part| part.trim().strip_prefix("sha-256=:")?.strip_suffix(':'));
    let bytes = found.and_then(|text| STANDARD.decode(text).ok()).and_then(|bytes| bytes.try_into().ok());
    match bytes {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            Err(Refusal::with(400, format!("{name} is checked as 'sha-256=:BASE64:' (RFC 9530) and in no other way.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn read(headers: &[(&str, &str)]) -> Result<Sent, u16> {
        let map = headers
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        Sent::read(&map).map_err(|refusal| refusal.status)
    }

    #[test]
    fn parts_are_read() {
        let sent = read(&[("content-length", "4"), ("content-range", "bytes 6-9/10")]).unwrap();
        assert_eq!((sent.at, sent.length, sent.total), (6, 4, 10));
        let sent = read(&[("content-length", "0")]).unwrap();
        assert_eq!((sent.at, sent.length, sent.total), (0, 0, 0));
        for range in
            ["bytes 6-9/9", "bytes 6-10/11", "bytes 9-6/10", "bytes 6-9/*", "6-9/10", "bytes */10", "bytes -1-2/4"]
        {
            assert_eq!(read(&[("content-length", "4"), ("content-range", range)]), Err(400), "{range}");
        }
        assert_eq!(read(&[]), Err(411));
        assert_eq!(read(&[("content-length", "1"), ("content-encoding", "gzip")]), Err(415));
    }

    #[test]
    fn a_checksum_that_cannot_be_checked_is_refused() {
        let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        let length = ("content-length", "0");
        assert!(read(&[length, ("content-digest", empty)]).unwrap().part_sha256.is_some());
        assert!(read(&[length, ("repr-digest", &format!("sha-512=:AAAA:, {empty}"))]).unwrap().sha256.is_some());
        assert_eq!(read(&[length, ("x-goog-hash", "crc32c=AAAAAA==")]).unwrap().crc32c, Some(0));
        for header in [
            ("content-digest", "md5=:AAAA:"),
            ("content-digest", "sha-256=:AAAA:"),
            ("repr-digest", ""),
            ("x-goog-hash", "md5=AAAA"),
            ("x-goog-hash", "crc32c=AAAAAA==,md5=AAAA"),
            ("content-md5", "AAAA"),
        ] {
            assert_eq!(read(&[length, header]), Err(400), "{header:?}");
        }
    }
}
