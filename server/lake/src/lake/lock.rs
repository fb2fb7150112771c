//! One process writes to a data folder at a time.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::delta::io_error;
use crate::{Error, ErrorKind, Result};

/// Held as long as a process writes to the data folder. The operating system releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Takes the lock of this data folder, creating the folder if it is missing.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if another process holds it, [`ErrorKind::Storage`] if the folder cannot be written.
    pub fn acquire(data_dir: &Path) -> Result<DataDirLock> {
        std::fs::create_dir_all(data_dir).map_err(|e| io_error("creating", data_dir, e))?;
        let path = data_dir.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| io_error("opening", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(DataDirLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "Another showrunner process is using the data folder {}. Stop it, or name another folder with --data-dir.",
                    data_dir.display()
                ),
            )),
            Err(TryLockError::Error(e)) => Err(io_error("locking", &path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDirLock::acquire(dir.path()).unwrap();
        let second = DataDirLock::acquire(dir.path()).unwrap_err();
        assert_eq!(second.kind, ErrorKind::Conflict);
        assert!(second.message.contains(&dir.path().display().to_string()));
        drop(first);
        DataDirLock::acquire(dir.path()).unwrap();
    }
}
