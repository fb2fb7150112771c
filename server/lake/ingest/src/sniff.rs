//! What a file is: by its content first, by its name second.

use std::io::Read;

use flate2::read::{DeflateDecoder, GzDecoder};

use crate::error::ErrorKind;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object on each line.
    NdJson,
    /// One JSON array of objects.
    JsonArray,
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Plain.
    None,
    /// gzip, one or more members.
    Gzip,
    /// A zip archive.
    Zip,
}

pub(crate) const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Containers that are recognised to be refused with a clear sentence.
const UNSUPPORTED: [(&[u8], &str); 5] = [
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
];

pub(crate) fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Looks at a file's name and its first bytes (4 KiB are plenty). For packed files the format is
/// that of the content, as far as the first bytes show it; for zip, that of the first entry.
///
/// # Errors
/// [`ErrorKind::Empty`] without a byte, [`ErrorKind::Unsupported`] for other archives,
/// [`ErrorKind::UnknownFormat`] when neither content nor name tell.
pub fn sniff(file_name: &str, head: &[u8]) -> Result<(Format, Compression), ErrorKind> {
    if head.is_empty() {
        return Err(ErrorKind::Empty);
    }
    if head.starts_with(GZIP_MAGIC) {
        let inner = inflate(GzDecoder::new(head));
        let format = sniff_content(strip_gz(file_name), &inner)?;
        return Ok((format, Compression::Gzip));
    }
    if is_zip(head) {
        let (name, inner) = first_entry(head).unwrap_or_default();
        let format =
            sniff_content(&name, &inner).or_else(|_| sniff_content(strip_extension(file_name, ".zip"), &inner))?;
        return Ok((format, Compression::Zip));
    }
    Ok((sniff_content(file_name, head)?, Compression::None))
}

/// The format of unpacked bytes.
pub(crate) fn sniff_content(name: &str, head: &[u8]) -> Result<Format, ErrorKind> {
    if head.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    for (magic, container) in UNSUPPORTED {
        if head.starts_with(magic) {
            return Err(ErrorKind::Unsupported(container));
        }
    }
    let text = head.strip_prefix(BOM).unwrap_or(head);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => return Ok(Format::NdJson),
        Some(b'[') => return Ok(Format::JsonArray),
        _ => {}
    }
    let lower = name.to_ascii_lowercase();
    match lower.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv" | "txt") => Ok(Format::Csv),
        Some("json" | "ndjson" | "jsonl") => Ok(Format::NdJson),
        Some("parquet") => Ok(Format::Parquet),
        _ => Err(ErrorKind::UnknownFormat),
    }
}

/// The name of what is inside a gz file.
pub(crate) fn strip_gz(name: &str) -> &str {
    strip_extension(strip_extension(name, ".gz"), ".gzip")
}

fn strip_extension<'a>(name: &'a str, extension: &str) -> &'a str {
    match name.len().checked_sub(extension.len()) {
        Some(at) if name.is_char_boundary(at) && name[at..].eq_ignore_ascii_case(extension) => &name[..at],
        _ => name,
    }
}

/// As much as a cut-off stream gives.
fn inflate(mut reader: impl Read) -> Vec<u8> {
    let mut out = vec![0; 4096];
    let mut len = 0;
    while len < out.len() {
        match reader.read(&mut out[len..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => len += n,
        }
    }
    out.truncate(len);
    out
}

/// Name and first bytes of a zip archive's first entry, from its local header.
fn first_entry(head: &[u8]) -> Option<(String, Vec<u8>)> {
    let u16_at = |at: usize| {
        let bytes = head.get(at..at + 2)?;
        Some(usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let (method, name_len, extra_len) = (u16_at(8)?, u16_at(26)?, u16_at(28)?);
    let name = String::from_utf8_lossy(head.get(30..30 + name_len)?).into_owned();
    let data = head.get(30 + name_len + extra_len..)?;
    let inner = match method {
        0 => data.to_vec(),
        8 => inflate(DeflateDecoder::new(data)),
        _ => Vec::new(),
    };
    Some((name, inner))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn content_goes_before_the_name() {
        use {Compression as C, Format as F};
        for (name, head, expected) in [
            ("a.json", b"{\"a\":1}".to_vec(), Ok((F::NdJson, C::None))),
            ("a.csv", b" \n [1".to_vec(), Ok((F::JsonArray, C::None))),
            ("a", b"\xef\xbb\xbf{".to_vec(), Ok((F::NdJson, C::None))),
            ("a.txt", b"x,y".to_vec(), Ok((F::Csv, C::None))),
            ("A.CSV", b"x,y".to_vec(), Ok((F::Csv, C::None))),
            ("a.json", b"PAR1....".to_vec(), Ok((F::Parquet, C::None))),
            ("a.json", gz(b"[{}]"), Ok((F::JsonArray, C::Gzip))),
            ("a.csv.gz", gz(b"x,y\n1,2"), Ok((F::Csv, C::Gzip))),
            ("broken.json", b"oops".to_vec(), Ok((F::NdJson, C::None))),
            ("a", b"x,y".to_vec(), Err(ErrorKind::UnknownFormat)),
            ("a.pdf", b"%PDF".to_vec(), Err(ErrorKind::UnknownFormat)),
            ("a.json", Vec::new(), Err(ErrorKind::Empty)),
            ("a.zst", b"\x28\xb5\x2f\xfd".to_vec(), Err(ErrorKind::Unsupported("Zstandard"))),
        ] {
            assert_eq!(sniff(name, &head), expected, "{name}");
        }
    }

    #[test]
    fn a_zip_is_what_its_first_entry_is() {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("data.csv", options).unwrap();
        zip.write_all(b"x,y\n1,2\n").unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        assert_eq!(sniff("a.zip", &bytes), Ok((Format::Csv, Compression::Zip)));
    }
}
