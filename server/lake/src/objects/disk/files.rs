//! The bucket's folder seen as keys: looking, listing, sweeping. Never follows a symbolic link.

use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;

use crate::keys;
use crate::ports::ObjectMeta;

/// Why a path cannot be looked at.
pub(super) enum Look {
    /// A part of it is a symbolic link.
    Link,
    /// The disk says no.
    Io(io::Error),
}

/// The regular file at `key`, if there is one.
pub(super) fn look(folder: &Path, key: &str) -> Result<Option<Metadata>, Look> {
    let mut path = folder.to_path_buf();
    let mut found = None;
    for segment in key.split('/') {
        path.push(segment);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.file_type().is_symlink() => return Err(Look::Link),
            Ok(metadata) => found = Some(metadata),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(Look::Io(e)),
        }
    }
    Ok(found.filter(Metadata::is_file))
}

/// All objects whose key begins with `prefix`, sorted by key.
pub(super) fn list(folder: &Path, bucket: &str, prefix: &str) -> io::Result<Vec<ObjectMeta>> {
    // Only the folder that the prefix names needs to be walked.
    let mut start = folder.to_path_buf();
    let base = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    for segment in base.split_terminator('/') {
        if keys::check_segment(segment).is_err() {
            return Ok(Vec::new()); // no key can begin like this
        }
        start.push(segment);
        match fs::symlink_metadata(&start) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Ok(Vec::new()),
            Err(e) if gone(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e),
        }
    }
    let mut found = Vec::new();
    walk(&start, base, prefix, bucket, &mut found)?;
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

fn walk(folder: &Path, base: &str, prefix: &str, bucket: &str, found: &mut Vec<ObjectMeta>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if gone(&e) => return Ok(()), // deleted meanwhile
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| keys::check_segment(name).is_ok()) else {
            tracing::debug!(path = %entry.path().display(), "not listed: the file's name cannot be a key");
            continue;
        };
        let key = format!("{base}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            let inner = format!("{key}/");
            if inner.starts_with(prefix) || prefix.starts_with(&inner) {
                walk(&entry.path(), &inner, prefix, bucket, found)?;
            }
        } else if kind.is_file() && key.starts_with(prefix) && !is_temporary(&key) {
            match entry.metadata() {
                Ok(metadata) => found.push(meta(bucket.to_owned(), key, &metadata)?),
                Err(e) if gone(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }
    Ok(())
}

/// `object_store` writes to `{name}#{digits}` before it renames.
pub(super) fn is_temporary(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    match name.split_once('#') {
        Some((_, digits)) => !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()),
        None => false,
    }
}

/// Removes temporary files and empty folders below `folder`. Returns how many.
pub(super) fn sweep(folder: &Path) -> io::Result<u64> {
    let mut swept = 0;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if gone(&e) => return Ok(0),
        Err(e) => return Err(e),
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        let removed = if kind.is_dir() {
            swept += sweep(&entry.path())?;
            fs::remove_dir(entry.path()) // fails unless empty
        } else if kind.is_file() && entry.file_name().to_str().is_some_and(is_temporary) {
            fs::remove_file(entry.path())
        } else {
            continue;
        };
        match removed {
            Ok(()) => swept += 1,
            Err(e) if gone(&e) || e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            Err(e) => return Err(e),
        }
    }
    Ok(swept)
}

/// After a deletion: an empty folder is no object and must not stay in the way of a key of the same name.
pub(super) fn remove_empty_parents(bucket: &Path, file: &Path) {
    let parents = file.ancestors().skip(1).take_while(|parent| *parent != bucket && parent.starts_with(bucket));
    for parent in parents {
        if fs::remove_dir(parent).is_err() {
            break; // not empty, or gone already
        }
    }
}

/// Stamps the file with its generation and brings it to the disk. Returns its size.
pub(super) fn seal(path: &Path, generation: i64) -> io::Result<u64> {
    let file = File::options().write(true).open(path)?;
    let modified =
        u64::try_from(generation).ok().and_then(|micros| UNIX_EPOCH.checked_add(Duration::from_micros(micros)));
    file.set_times(FileTimes::new().set_modified(modified.unwrap_or(UNIX_EPOCH)))?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// Modification time in microseconds since the epoch.
pub(super) fn generation(metadata: &Metadata) -> io::Result<i64> {
    let modified = metadata.modified()?;
    let micros = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
    Ok(match modified.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}

/// Metadata in the port's terms.
pub(super) fn meta(bucket: String, key: String, metadata: &Metadata) -> io::Result<ObjectMeta> {
    let generation = generation(metadata)?;
    let updated = DateTime::from_timestamp_micros(generation).unwrap_or_default();
    Ok(ObjectMeta { bucket, key, size: metadata.len(), generation, updated })
}

/// CRC32C of all that `from` gives.
pub(super) fn crc32c(from: &mut impl Read) -> io::Result<u32> {
    let mut buffer = vec![0; 256 << 10];
    let mut crc = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(crc),
            Ok(n) => crc = crc32c::crc32c_append(crc, &buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
