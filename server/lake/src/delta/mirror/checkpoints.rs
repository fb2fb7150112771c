//! Checkpoints that are being read. Whoever reads one asks for its pieces one after another, ten or more of them; from a bucket it comes whole,
//! once, and the pieces from memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use object_store::memory::InMemory;
use object_store::path::Path as Location;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt};

use super::Answer;

/// A reading is over by then. Afterwards the bucket is asked again, since another process may have made the table anew.
const HELD: Duration = Duration::from_secs(5);
/// Larger ones are read in pieces.
const LARGEST: u64 = 8 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    held: InMemory,
    since: Mutex<HashMap<Location, Instant>>,
}

impl Checkpoints {
    /// Whether it is one.
    pub fn is_one(location: &Location) -> bool {
        location.filename().is_some_and(|name| name.contains(".checkpoint.") && name.ends_with(".parquet"))
    }

    /// A piece of a checkpoint; `None` where the bucket has to be asked for it.
    pub async fn get(
        &self,
        bucket: &dyn ObjectStore,
        location: &Location,
        options: &GetOptions,
    ) -> Option<Answer<GetResult>> {
        let conditional = options.if_match.is_some()
            || options.if_none_match.is_some()
            || options.if_modified_since.is_some()
            || options.if_unmodified_since.is_some()
            || options.version.is_some();
        if conditional || options.head {
            return None;
        }
        if !self.has(location).await {
            let whole = bucket.get(location).await.ok()?;
            if whole.meta.size > LARGEST {
                return None;
            }
            let data = whole.bytes().await.ok()?;
            self.held.put(location, data.into()).await.ok()?;
            self.since().insert(location.clone(), Instant::now());
        }
        Some(self.held.get_opts(location, options.clone()).await)
    }

    /// It is not what it was.
    pub async fn forget(&self, location: &Location) {
        if self.since().remove(location).is_some() {
            let _gone_either_way = self.held.delete(location).await;
        }
    }

    /// Whether it is held; forgets what was held too long.
    async fn has(&self, location: &Location) -> bool {
        let old: Vec<Location> = {
            let since = self.since();
            since.iter().filter(|(_, at)| at.elapsed() > HELD).map(|(location, _)| location.clone()).collect()
        };
        for location in &old {
            self.forget(location).await;
        }
        self.since().contains_key(location)
    }

    fn since(&self) -> std::sync::MutexGuard<'_, HashMap<Location, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn a_checkpoint_comes_once_and_pieces_of_it_from_memory_until_it_is_written_again() {
        let (bucket, checkpoints) = (InMemory::new(), Checkpoints::default());
        let location = Location::from("t/_delta_log/00000000000000000009.checkpoint.parquet");
        assert!(Checkpoints::is_one(&location));
        assert!(!Checkpoints::is_one(&Location::from("t/_delta_log/00000000000000000009.json")));
        assert!(!Checkpoints::is_one(&Location::from("t/_delta_log/_last_checkpoint")));
        let piece = async |range: std::ops::Range<u64>| {
            let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
            match checkpoints.get(&bucket, &location, &options).await {
                Some(answer) => Some(answer.expect("a piece").bytes().await.expect("bytes")),
                None => None,
            }
        };
        assert_eq!(piece(0..2).await, None, "it is not there: the bucket says so itself");
        bucket.put(&location, Bytes::from_static(b"abcdef").into()).await.expect("put");
        assert_eq!(piece(1..3).await.as_deref(), Some(&b"bc"[..]));
        bucket.put(&location, Bytes::from_static(b"uvwxyz").into()).await.expect("put");
        assert_eq!(piece(3..9).await.as_deref(), Some(&b"def"[..]), "from memory");
        checkpoints.forget(&location).await;
        assert_eq!(piece(3..6).await.as_deref(), Some(&b"xyz"[..]));
    }
}
