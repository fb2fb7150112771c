//! Where objects wait until they are whole, and how leftovers of killed processes are told from live writes.
//!
//! Every open store has a session folder `.staging/{n}` that holds a locked file `lock`. The operating system drops the lock when the
//! process ends, however it ends: a session whose lock can be taken is dead, and what lies in it is a leftover. `.staging/lock` is
//! held while sessions begin, end and are swept, so that nobody sees a session half made.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::path::Path as Location;

/// The folder below the buckets' folder. No bucket can have this name: theirs begin with a letter or a digit.
pub(super) const FOLDER: &str = ".staging";
const LOCK: &str = "lock";

/// This process's session.
pub(super) struct Staging {
    root: PathBuf,
    session: String,
    live: Mutex<Live>,
    /// Held for as long as the session lives.
    _lock: File,
}

#[derive(Default)]
struct Live {
    last: u64,
    ids: HashSet<u64>,
}

/// A place for one object that is being written. Dropping it removes what is still there.
pub(super) struct Staged {
    /// Where `object_store` finds it.
    pub(super) location: Location,
    /// The same on disk.
    pub(super) file: PathBuf,
    id: u64,
    staging: Arc<Staging>,
}

impl Staging {
    /// Begins a session below the buckets' folder `buckets`.
    pub(super) fn begin(buckets: &Path) -> io::Result<Arc<Staging>> {
        let root = buckets.join(FOLDER);
        fs::create_dir_all(&root)?;
        let _all = lock_all(&root)?;
        let mut number = 1_u64;
        let folder = loop {
            let folder = root.join(number.to_string());
            match fs::create_dir(&folder) {
                Ok(()) => break folder,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(e),
            }
        };
        let lock = File::create_new(folder.join(LOCK))?;
        lock.lock()?;
        Ok(Arc::new(Staging { root, session: number.to_string(), live: Mutex::default(), _lock: lock }))
    }

    /// A fresh place for an object of this bucket; its folder exists.
    pub(super) fn stage(self: &Arc<Self>, bucket: &str) -> io::Result<Staged> {
        let id = {
            let mut live = self.live();
            live.last += 1;
            let id = live.last;
            live.ids.insert(id);
            id
        };
        let staged = Staged {
            location: Location::from(format!("{FOLDER}/{}/{bucket}/{id}", self.session)),
            file: self.root.join(&self.session).join(bucket).join(id.to_string()),
            id,
            staging: Arc::clone(self),
        };
        fs::create_dir_all(self.root.join(&self.session).join(bucket))?;
        Ok(staged)
    }

    /// Removes what dead sessions, and broken-off writes of this one, left behind for a bucket. Returns the number of files.
    pub(super) fn sweep(&self, bucket: &str) -> io::Result<u64> {
        let _all = lock_all(&self.root)?;
        let mut swept = 0;
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let folder = entry.path();
            if entry.file_name() == self.session.as_str() {
                swept += remove_files(&folder.join(bucket), |id| !self.live().ids.contains(&id))?;
                continue;
            }
            // A session killed before it had its lock has no file to take the lock of.
            let lock = match File::open(folder.join(LOCK)) {
                Ok(file) => match file.try_lock() {
                    Ok(()) => Some(file),
                    Err(TryLockError::WouldBlock) => continue,
                    Err(TryLockError::Error(e)) => return Err(e),
                },
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                Err(e) => return Err(e),
            };
            swept += remove_files(&folder.join(bucket), |_| true)?;
            end(&folder)?;
            drop(lock);
        }
        Ok(swept)
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Only tidiness: whatever stays is swept later.
        if let Ok(_all) = lock_all(&self.root) {
            let _ = end(&self.root.join(&self.session));
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After a successful write it was renamed away and there is nothing to remove.
        let _ = fs::remove_file(&self.file);
        self.staging.live().ids.remove(&self.id);
    }
}

fn lock_all(root: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(root.join(LOCK))?;
    file.lock()?;
    Ok(file)
}

/// Removes a session's folder unless a bucket's leftovers still lie in it.
fn end(folder: &Path) -> io::Result<()> {
    let mut empty = true;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && fs::remove_dir(entry.path()).is_err() {
            empty = false;
        }
    }
    if empty {
        ignore_missing(fs::remove_file(folder.join(LOCK)))?;
        ignore_missing(fs::remove_dir(folder))?;
    }
    Ok(())
}

/// Removes the staged files whose id is `dead`. `object_store` itself writes to `{id}#{n}` first.
fn remove_files(folder: &Path, dead: impl Fn(u64) -> bool) -> io::Result<u64> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let id = name.split('#').next().and_then(|id| id.parse().ok());
        if entry.file_type()?.is_file() && id.is_none_or(&dead) {
            ignore_missing(fs::remove_file(entry.path()))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_session_keeps_its_files_and_a_dead_one_loses_them() {
        let folder = tempfile::tempdir().unwrap();
        let ours = Staging::begin(folder.path()).unwrap();
        let theirs = Staging::begin(folder.path()).unwrap();
        assert_ne!(ours.session, theirs.session);
        let writing = theirs.stage("bucket-a").unwrap();
        fs::write(&writing.file, "half").unwrap();
        let mine = ours.stage("bucket-a").unwrap();
        fs::write(&mine.file, "half").unwrap();

        assert_eq!(ours.sweep("bucket-a").unwrap(), 0);
        assert!(writing.file.exists() && mine.file.exists());

        // A broken-off write of our own.
        fs::write(mine.file.with_file_name("77#1"), "half").unwrap();
        assert_eq!(ours.sweep("bucket-a").unwrap(), 1);
        assert!(mine.file.exists());

        // kill -9: files stay, the lock goes.
        let dead = folder.path().join(FOLDER).join("9");
        fs::create_dir_all(dead.join("bucket-a")).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        for name in ["1", "2#1", "odd"] {
            fs::write(dead.join("bucket-a").join(name), "half").unwrap();
        }
        fs::create_dir_all(dead.join("bucket-b")).unwrap();
        fs::write(dead.join("bucket-b/1"), "half").unwrap();
        assert_eq!(ours.sweep("bucket-a").unwrap(), 3);
        assert!(dead.join("bucket-b/1").exists(), "another bucket's leftovers wait for its own sweep");
        assert_eq!(ours.sweep("bucket-b").unwrap(), 1);
        assert!(!dead.exists());
        assert!(writing.file.exists());
    }

    #[test]
    fn a_session_that_ends_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let session = Staging::begin(folder.path()).unwrap();
        let staged = session.stage("bucket-a").unwrap();
        fs::write(&staged.file, "half").unwrap();
        drop(staged);
        drop(session);
        let left: Vec<_> = fs::read_dir(folder.path().join(FOLDER)).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, [LOCK]);
    }
}
