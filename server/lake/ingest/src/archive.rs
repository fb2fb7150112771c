//! Zip archives: every entry is looked at before the first row is delivered.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::compress::{LimitReader, StoredReader};
use crate::deliver::Delivery;
use crate::error::{ErrorKind, Stop};
use crate::read::Context;

const ARCHIVES: [&str; 9] = [".zip", ".tar", ".tgz", ".7z", ".rar", ".jar", ".bz2", ".xz", ".zst"];

/// Why an entry of this name is refused; `None` if it is fine.
fn refused_name(name: &str) -> Option<&'static str> {
    let bytes = name.as_bytes();
    if name.is_empty() || name.contains('\0') {
        return Some("it has no proper name");
    }
    if name.contains('\\') {
        return Some("its name has a backslash");
    }
    if name.starts_with('/') || (bytes.len() > 1 && bytes[1] == b':') {
        return Some("its name is an absolute path");
    }
    if name.split('/').any(|part| part == "..") {
        return Some("its name leads out of the archive");
    }
    let lower = name.to_ascii_lowercase();
    if ARCHIVES.iter().any(|end| lower.ends_with(end)) || lower.ends_with(".tar.gz") {
        return Some("archives within archives are not read");
    }
    None
}

/// macOS puts its own bookkeeping into archives.
fn is_bookkeeping(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name.rsplit('/').next() == Some(".DS_Store")
}

fn entry_fault(entry: &str, reason: &str) -> Stop {
    Stop::File(ErrorKind::Entry { entry: entry.to_owned(), reason: reason.to_owned() })
}

/// Reads all entries of an archive, in the archive's order.
pub(crate) fn read_zip(context: &Context<'_>, mut file: File, delivery: &mut Delivery<'_>) -> Result<(), Stop> {
    let guard = &context.guard;
    let stored = file.seek(SeekFrom::End(0)).map_err(|error| context.fault(&error))?;
    guard.set_stored(stored);
    let input = BufReader::new(StoredReader::uncounted(file, guard.clone()));
    let mut archive = ZipArchive::new(input).map_err(|error| zip_fault(context, error))?;
    let limits = &context.options.limits;
    if archive.len() > limits.max_zip_entries {
        return Err(ErrorKind::TooLarge(format!(
            "{} zip entries, more than {}",
            archive.len(),
            limits.max_zip_entries
        ))
        .into());
    }
    let mut wanted = Vec::new();
    let mut names = HashSet::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| zip_fault(context, error))?;
        let name = entry.name().to_owned();
        if let Some(reason) = refused_name(&name) {
            return Err(entry_fault(&name, reason));
        }
        if entry.is_symlink() {
            return Err(entry_fault(&name, "it is a symbolic link"));
        }
        if entry.encrypted() {
            return Err(entry_fault(&name, "it is encrypted"));
        }
        if entry.is_dir() || is_bookkeeping(&name) {
            continue;
        }
        if !names.insert(name.clone()) {
            return Err(entry_fault(&name, "it is there twice"));
        }
        wanted.push((index, name));
    }
    if wanted.is_empty() {
        return Err(ErrorKind::Empty.into());
    }
    if archive.has_overlapping_files().map_err(|error| zip_fault(context, error))? {
        return Err(ErrorKind::Corrupt("its zip entries overlap".into()).into());
    }
    for (index, name) in wanted {
        delivery.set_entry(Some(name.clone()));
        let entry = archive.by_index(index).map_err(|error| zip_fault(context, error))?;
        let limited = LimitReader::new(entry, guard.clone());
        context.read_document(&name, limited, delivery)?;
    }
    delivery.set_entry(None);
    Ok(())
}

fn zip_fault(context: &Context<'_>, error: ZipError) -> Stop {
    match error {
        ZipError::Io(error) => context.fault(&error),
        other => Stop::File(ErrorKind::Corrupt(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "../a.json",
            "a/../../b.json",
            "/etc/passwd",
            "C:/a.json",
            "a\\..\\b.json",
            "inner.zip",
            "x/INNER.TAR.GZ",
            "",
        ] {
            assert!(refused_name(name).is_some(), "{name}");
        }
        for name in ["a.json", "x/y/a..json.gz", "..a/b.csv", "a.parquet"] {
            assert_eq!(refused_name(name), None, "{name}");
        }
    }
}
