//! The folder on disk: a `fjall` database with one keyspace for records and one for each segment of a topic's log.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use fjall::config::{CompressionPolicy, FilterPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use crate::{Error, ErrorKind, Result};

/// Blocks of the disk in memory.
const CACHE_BYTES: u64 = 16 << 20;
/// What was written and lies only in the journal and in memory: at most this and one journal more.
const JOURNAL_BYTES: u64 = 64 << 20;
/// How much of a segment is in memory before it is written out. A segment has less than four of these: `fjall` stops writers at four.
const SEGMENT_MEMORY: u64 = 16 << 20;
/// Records are few and small.
const RECORD_MEMORY: u64 = 4 << 20;
/// Beyond this many unwritten pieces, writers wait a little.
const MAX_FLUSHES: usize = 8;

/// An open folder. Cheap to clone.
#[derive(Clone)]
pub(super) struct Store {
    database: Database,
    records: Keyspace,
}

/// Part of a topic's log.
#[derive(Clone)]
pub(super) struct Segment {
    /// Its first message.
    pub(super) start: u64,
    messages: Keyspace,
}

/// Changes that happen together or not at all.
pub(super) struct Batch<'a> {
    store: &'a Store,
    batch: OwnedWriteBatch,
    empty: bool,
}

impl Store {
    /// Opens the folder, creating it if it is missing. What a killed process had half written is left out.
    pub(super) fn open(folder: &Path) -> Result<Store> {
        let failed = |error| explain("open the topics", error);
        let database = Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(JOURNAL_BYTES)
            .worker_threads(2)
            .open()
            .map_err(failed)?;
        let records = database
            .keyspace("records", || KeyspaceCreateOptions::default().max_memtable_size(RECORD_MEMORY))
            .map_err(failed)?;
        Ok(Store { database, records })
    }

    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { store: self, batch: self.database.batch(), empty: true }
    }

    /// Waits until all that was committed is on the disk.
    pub(super) fn sync(&self) -> Result<()> {
        self.database.persist(PersistMode::SyncData).map_err(|e| explain("write the topics to the disk", e))
    }

    pub(super) fn record(&self, key: &[u8]) -> Result<Option<Bytes>> {
        let found = self.records.get(key).map_err(|e| explain("read the topics", e))?;
        Ok(found.map(Bytes::from))
    }

    /// All records whose key begins so, in order, as the rest of the key and the value.
    pub(super) fn records(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>> {
        let mut found = Vec::new();
        for guard in self.records.prefix(prefix) {
            let (key, value) = guard.into_inner().map_err(|e| explain("read the topics", e))?;
            found.push((Bytes::from(key).slice(prefix.len()..), Bytes::from(value)));
        }
        Ok(found)
    }

    /// The segments of all topics: topic, segment. In no order.
    pub(super) fn segments(&self) -> Result<Vec<(u64, Segment)>> {
        let mut found = Vec::new();
        for name in self.database.list_keyspace_names() {
            let mut parts = name.split('-');
            if let (Some("log"), Some(topic), Some(start)) = (parts.next(), parts.next(), parts.next())
                && let (Ok(topic), Ok(start)) = (topic.parse(), start.parse())
            {
                found.push((topic, self.segment(topic, start)?));
            }
        }
        Ok(found)
    }

    /// Opens the segment or makes it.
    pub(super) fn segment(&self, topic: u64, start: u64) -> Result<Segment> {
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(SEGMENT_MEMORY)
                .expect_point_read_hits(true)
                .filter_policy(FilterPolicy::disabled())
                .data_block_compression_policy(CompressionPolicy::disabled())
        };
        let name = format!("log-{topic}-{start}");
        let messages = self.database.keyspace(&name, options).map_err(|e| explain("make room for messages", e))?;
        Ok(Segment { start, messages })
    }

    /// Deletes a segment; its files go as soon as no journal needs them.
    pub(super) fn delete(&self, segment: Segment) -> Result<()> {
        self.database.delete_keyspace(segment.messages).map_err(|e| explain("delete old messages", e))
    }

    /// Holds back who writes faster than the disk takes it, so that memory stays bounded.
    pub(super) fn pace(&self) {
        for _ in 0..400 {
            if self.database.outstanding_flushes() <= MAX_FLUSHES {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether nothing is being written behind the scenes.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn at_rest(&self) -> bool {
        self.database.outstanding_flushes() == 0 && self.database.active_compactions() == 0
    }
}

impl Segment {
    /// The messages from this one on, in order, within the segment.
    pub(super) fn read_from(&self, seq: u64) -> impl Iterator<Item = Result<(u64, Bytes)>> + use<> {
        self.messages.range(seq.to_be_bytes()..).map(|guard| {
            let (key, value) = guard.into_inner().map_err(|e| explain("read messages", e))?;
            let seq = <[u8; 8]>::try_from(&key[..]).map_err(|_| super::codec::damaged("a message"))?;
            Ok((u64::from_be_bytes(seq), Bytes::from(value)))
        })
    }

    /// One message.
    pub(super) fn get(&self, seq: u64) -> Result<Option<Bytes>> {
        let found = self.messages.get(seq.to_be_bytes()).map_err(|e| explain("read messages", e))?;
        Ok(found.map(Bytes::from))
    }
}

impl Batch<'_> {
    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.batch.insert(&self.store.records, key, value);
        self.empty = false;
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.batch.remove(&self.store.records, key);
        self.empty = false;
    }

    pub(super) fn message(&mut self, segment: &Segment, seq: u64, record: Bytes) {
        self.batch.insert(&segment.messages, seq.to_be_bytes(), record);
        self.empty = false;
    }

    /// Writes it out of the process: from then on only the machine can lose it, and only until [`Store::sync`].
    pub(super) fn commit(self) -> Result<()> {
        if self.empty {
            return Ok(());
        }
        self.batch.commit().map_err(|e| explain("write the topics", e))
    }
}

/// What a failure of the store means for the presenter. `action` completes "Could not …".
fn explain(action: &str, error: fjall::Error) -> Error {
    let (kind, message) = match &error {
        fjall::Error::Locked => (
            ErrorKind::Conflict,
            format!("Could not {action}: another showrunner process is using this data folder. Stop it first."),
        ),
        fjall::Error::Poisoned => (
            ErrorKind::Storage,
            format!(
                "Could not {action}: an earlier write failed. Check the disk that holds the data folder, then try again."
            ),
        ),
        other => match find_io(other) {
            Some(io) if matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => (
                ErrorKind::Storage,
                format!(
                    "Could not {action}: the disk is full. Free space on the disk that holds the data folder, then try again."
                ),
            ),
            Some(io) if matches!(io.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => (
                ErrorKind::Storage,
                format!(
                    "Could not {action}: permission was denied. Give the user that runs showrunner the right to read and write the data folder, then try again."
                ),
            ),
            Some(io) => (
                ErrorKind::Storage,
                format!("Could not {action}: {io}. Check the disk that holds the data folder, then try again."),
            ),
            None => (
                ErrorKind::Storage,
                format!(
                    "Could not {action}: its files are damaged ({other}). Restore the data folder from a copy, or delete its folder `topics` to begin with empty topics."
                ),
            ),
        },
    };
    Error::with(kind, message, error)
}

fn find_io<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        next = error.source();
    }
    None
}
