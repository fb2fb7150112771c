//! Parquet files of a table on disk: names, folders, walking, and removal of what no version refers to.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::NaiveDate;

use super::{LiveFile, PartitionKey, Table, io_error};
use crate::{Error, ErrorKind, Result};

const PREFIX: &str = "part-";
const SUFFIX: &str = ".zstd.parquet";
/// Length of the unique tail in a part's name.
const TAIL: usize = 24;

/// A file below a table's root.
#[derive(Debug, Clone)]
pub(crate) struct DiskFile {
    /// Relative to the root, with `/`.
    pub path: String,
    pub bytes: u64,
    /// The run whose part it is; `None` = not a part of ours.
    pub run: Option<String>,
}

/// A run id as it may stand in a file name.
pub(crate) fn safe_run_id(run_id: &str) -> String {
    let safe: String =
        run_id.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
    if safe.is_empty() { "none".to_owned() } else { safe }
}

/// A name that no file had before: moment and counter, in hexadecimal.
#[expect(clippy::disallowed_methods, reason = "the moment only makes the name unique; no result depends on it")]
pub(crate) fn new_name(run_id: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}{}-{nanos:016x}{count:08x}{SUFFIX}", safe_run_id(run_id))
}

/// The run whose part this file name is; `None` if we did not write it.
pub(crate) fn run_of(name: &str) -> Option<&str> {
    let (run, tail) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.rsplit_once('-')?;
    let ours = tail.len() == TAIL && tail.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (ours && !run.is_empty()).then_some(run)
}

/// `date=2017-07-29/customer=customer01`
pub(crate) fn folder(partition: &PartitionKey) -> String {
    partition.iter().map(|(column, value)| format!("{column}={value}")).collect::<Vec<_>>().join("/")
}

/// Both spellings of a date: `20170729` (bronze keeps the raw value) and `2017-07-29`.
pub(crate) fn parse_date(value: &str) -> Option<NaiveDate> {
    // By hand: each file of a table is asked for its day again and again.
    let (year, month, day) = match value.as_bytes() {
        [y @ .., m1, m2, d1, d2] if y.len() == 4 => (y, [*m1, *m2], [*d1, *d2]),
        [y @ .., b'-', m1, m2, b'-', d1, d2] if y.len() == 4 => (y, [*m1, *m2], [*d1, *d2]),
        _ => return None,
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |sum: u32, digit| digit.is_ascii_digit().then(|| 10 * sum + u32::from(digit - b'0')))
    };
    NaiveDate::from_ymd_opt(i32::try_from(number(year)?).ok()?, number(&month)?, number(&day)?)
}

/// Refuses values that would need escaping in a folder's name or leave it.
pub(crate) fn check_value(what: &str, value: &str) -> Result<()> {
    let fine = !value.is_empty()
        && value.len() <= 128
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fine {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("{value:?} is not a name for a {what}: use letters, digits, '-' and '_' only."),
    ))
}

impl Table {
    /// Makes the partition's folder and returns a new part's relative and absolute path.
    pub fn new_part(&self, partition: &PartitionKey, run_id: &str) -> Result<(String, PathBuf)> {
        let folder = folder(partition);
        let dir = self.dir.join(&folder);
        std::fs::create_dir_all(&dir).map_err(|e| io_error("creating", &dir, e))?;
        let name = new_name(run_id);
        let relative = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        Ok((relative, dir.join(name)))
    }

    /// All files below the root except the log's, sorted.
    pub async fn disk_files(&self) -> Result<Vec<DiskFile>> {
        self.disk_files_in(&[Vec::new()]).await
    }

    /// Files below these partitions' folders, sorted.
    pub async fn disk_files_in(&self, partitions: &[PartitionKey]) -> Result<Vec<DiskFile>> {
        let mut found = Vec::new();
        let folders: Vec<String> = partitions.iter().map(folder).collect();
        for folder in &folders {
            walk(&self.dir.join(folder), folder, &mut found)?;
        }
        if let Some(mirror) = &self.mirror {
            found.extend(mirror.files_in(&folders).await?);
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
        Ok(found)
    }

    /// Removes parts of this run that no commit took over: what a killed process left in these partitions.
    /// The caller holds [`Table::writer`].
    pub async fn sweep_orphans(&self, run_id: &str, partitions: &[PartitionKey]) -> Result<u64> {
        let run = safe_run_id(run_id);
        let mine: Vec<DiskFile> =
            self.disk_files_in(partitions).await?.into_iter().filter(|f| f.run.as_deref() == Some(&run)).collect();
        if mine.is_empty() {
            return Ok(0);
        }
        let current = self.current().await?;
        self.delete_unreferenced(&mine, &current.files).await
    }

    /// Deletes those of `candidates` that are parts of ours and not among the live files, then folders that became empty.
    pub async fn delete_unreferenced(&self, candidates: &[DiskFile], live: &[LiveFile]) -> Result<u64> {
        let live: HashSet<&str> = live.iter().map(|f| f.path.as_str()).collect();
        let doomed: Vec<_> = candidates.iter().filter(|f| f.run.is_some() && !live.contains(f.path.as_str())).collect();
        let mut gone = 0;
        if let Some(mirror) = &self.mirror {
            // The copy last: what is left of it is found again.
            mirror.delete(doomed.iter().map(|file| file.path.clone()).collect()).await?;
            gone = doomed.len() as u64;
        }
        let mut folders: HashSet<PathBuf> = HashSet::new();
        for file in doomed {
            let path = self.dir.join(&file.path);
            match std::fs::remove_file(&path) {
                Ok(()) if self.mirror.is_none() => gone += 1,
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(io_error("deleting", &path, e)),
            }
            folders.extend(path.parent().map(Path::to_path_buf));
        }
        for folder in folders {
            self.remove_empty(&folder);
        }
        Ok(gone)
    }

    /// Removes the folder and its parents up to the root as long as they are empty.
    fn remove_empty(&self, folder: &Path) {
        let mut folder = Some(folder);
        while let Some(dir) = folder.filter(|d| *d != self.dir && d.starts_with(&self.dir)) {
            // Fails if something is in it, which is what we want.
            if std::fs::remove_dir(dir).is_err() {
                break;
            }
            folder = dir.parent();
        }
    }

    /// Removes partition folders that hold nothing.
    pub fn remove_empty_folders(&self) -> Result<()> {
        fn visit(dir: &Path, root: bool) -> std::io::Result<()> {
            for entry in std::fs::read_dir(dir)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() && !(root && entry.file_name() == "_delta_log") {
                    visit(&entry.path(), false)?;
                }
            }
            if !root {
                let _not_empty = std::fs::remove_dir(dir);
            }
            Ok(())
        }
        match visit(&self.dir, true) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error("listing", &self.dir, e)),
            _ => Ok(()),
        }
    }
}

fn walk(dir: &Path, relative: &str, found: &mut Vec<DiskFile>) -> Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(io_error("listing", dir, e)),
    };
    for entry in entries {
        let entry = entry.map_err(|e| io_error("listing", dir, e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if relative.is_empty() { name.clone() } else { format!("{relative}/{name}") };
        let kind = entry.file_type().map_err(|e| io_error("reading", &entry.path(), e))?;
        if kind.is_dir() {
            if path != "_delta_log" {
                walk(&entry.path(), &path, found)?;
            }
        } else {
            let bytes = entry.metadata().map_or(0, |m| m.len());
            let run = run_of(&name).map(str::to_owned);
            found.push(DiskFile { path, bytes, run });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_knows_its_run() {
        for run in ["r1", "run-2017-07-29", "a_b"] {
            assert_eq!(run_of(&new_name(run)), Some(run));
        }
        assert_eq!(run_of(&new_name("../x:y")), Some("___x_y"));
        for foreign in [
            "part-00000-3d4a2b8c-1111-2222-3333-444455556666-c000.zstd.parquet",
            "part-r1.zstd.parquet",
            "part-r1-0123.zstd.parquet",
            "notes.txt",
            "part-r1-18a6f3b2c4d5e6f700000001.parquet",
        ] {
            assert_eq!(run_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn folders_and_values() {
        let key = vec![("date".to_owned(), "20170729".to_owned()), ("customer".to_owned(), "customer01".to_owned())];
        assert_eq!(folder(&key), "date=20170729/customer=customer01");
        assert_eq!(folder(&vec![]), "");
        assert_eq!(parse_date("20170729"), parse_date("2017-07-29"));
        assert_eq!(parse_date("2017-07-29"), NaiveDate::from_ymd_opt(2017, 7, 29));
        for wrong in
            ["29.7.2017", "2017-7-29", "2017-02-30", "2017/07/29", "201707", "2017072a", "2017-07-29T", "ä0170729", ""]
        {
            assert_eq!(parse_date(wrong), None, "{wrong}");
        }
        assert!(check_value("customer", "customer01").is_ok());
        for bad in ["", "..", "a/b", "a=b", "ä"] {
            assert_eq!(check_value("customer", bad).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad}");
        }
    }
}
