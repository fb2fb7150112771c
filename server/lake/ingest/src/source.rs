//! Where a file's bytes come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file that can be opened again. Zip and Parquet need to seek: they use [`Source::path`] when
/// there is one, and a temporary file in the scratch directory otherwise.
pub trait Source {
    /// Opens it from the start.
    ///
    /// # Errors
    /// What the operating system or the store says.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
    /// Size in bytes as stored.
    fn len(&self) -> u64;
    /// Whether no bytes are stored.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A local file with exactly these bytes.
    fn path(&self) -> Option<&Path> {
        None
    }
}

/// A file on the local disk.
#[derive(Debug, Clone)]
pub struct FileSource {
    path: PathBuf,
    len: u64,
}

impl FileSource {
    /// Looks at the file's size.
    ///
    /// # Errors
    /// When the file is missing or not readable.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let len = path.metadata()?.len();
        Ok(Self { path, len })
    }
}

impl Source for FileSource {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.path)?))
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}

/// Bytes in memory.
impl Source for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.clone())))
    }

    fn len(&self) -> u64 {
        Vec::len(self) as u64
    }
}
