//! Definitions on disk, in versions.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Definition;
use crate::delta::io_error;
use crate::{Error, ErrorKind, Result};

/// A definition as it was at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// 1 for the first.
    pub version: u32,
    /// UTC milliseconds.
    pub at: i64,
    /// Who made it.
    pub by: String,
    /// Whether the tables were made anew for it.
    pub rebuilt: bool,
    /// What the dataset was.
    pub definition: Definition,
}

/// A dataset with all its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The oldest first; there is at least one.
    pub versions: Vec<Version>,
}

impl Kept {
    /// The version that counts.
    pub fn newest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// The version that the tables were last made for.
    pub fn made(&self) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.rebuilt)
    }
}

/// The folder with the definitions.
pub(crate) struct Shelf(pub PathBuf);

impl Shelf {
    fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    /// All of them, by name.
    pub fn all(&self) -> Result<Vec<Kept>> {
        let mut names = Vec::new();
        match std::fs::read_dir(&self.0) {
            Ok(entries) => {
                for entry in entries {
                    let path = entry.map_err(|e| io_error("listing", &self.0, e))?.path();
                    if path.extension().is_some_and(|e| e == "json") {
                        names.push(path);
                    }
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(io_error("listing", &self.0, e)),
        }
        names.sort();
        names.iter().map(|path| read(path)).collect()
    }

    /// Replaces what is kept of a dataset: whole, or not at all.
    pub fn put(&self, name: &str, kept: &Kept) -> Result<()> {
        std::fs::create_dir_all(&self.0).map_err(|e| io_error("creating", &self.0, e))?;
        let path = self.file(name);
        let text = serde_json::to_vec_pretty(kept)
            .map_err(|e| Error::with(ErrorKind::Internal, "The dataset cannot be written down.", e))?;
        let written = tempfile::NamedTempFile::new_in(&self.0).and_then(|mut file| {
            std::io::Write::write_all(&mut file, &text)?;
            file.as_file().sync_all()?;
            Ok(file)
        });
        let file = written.map_err(|e| io_error("writing", &path, e))?;
        file.persist(&path).map_err(|e| io_error("writing", &path, e.error))?;
        Ok(())
    }

    /// Forgets a dataset.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.file(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_error("deleting", &path, e)),
            _ => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<Kept> {
    let text = std::fs::read(path).map_err(|e| io_error("reading", path, e))?;
    let kept: Kept = serde_json::from_slice(&text).map_err(|e| damaged(path, e))?;
    if kept.versions.is_empty() {
        return Err(Error::new(ErrorKind::Storage, format!("{} holds no version of its dataset.", path.display())));
    }
    Ok(kept)
}

fn damaged(path: &Path, error: serde_json::Error) -> Error {
    let words = format!("{} cannot be read: {error}. Put it back from a backup, or remove it.", path.display());
    Error::with(ErrorKind::Storage, words, error)
}
