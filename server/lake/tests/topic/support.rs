//! Topics in a temporary folder, with a clock that the test sets.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use showrunner_lake::clock::Clock;
use showrunner_lake::ports::{NewMessage, ReceivedMessage};
use showrunner_lake::topic::{DiskTopics, Durability, TopicOptions};

/// Microseconds.
#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub fn new() -> Self {
        ManualClock(Arc::new(AtomicI64::new(1_700_000_000_000_000)))
    }

    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(time.as_micros() as i64, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.now())
    }
}

/// Small segments, so that they are begun and deleted all the time.
pub const SMALL: TopicOptions = TopicOptions { durability: Durability::Process, segment_bytes: 300 };

pub fn message(data: &str) -> NewMessage {
    NewMessage { data: Bytes::from(data.to_owned()), ..NewMessage::default() }
}

pub fn ack_ids(messages: &[ReceivedMessage]) -> Vec<String> {
    messages.iter().map(|m| m.ack_id.clone()).collect()
}

/// What a crash at this moment would leave, in another folder. The open folder goes on.
pub fn crash_copy(topics: &DiskTopics, from: &Path, to: &Path) {
    // A copy of files that are being rewritten is nothing that a crash could leave.
    while !topics.at_rest().unwrap() {
        std::thread::sleep(Duration::from_millis(1));
    }
    copy(from, to);
}

/// Copies a folder, leaving out the zeros of files that were made larger than they are filled.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
            continue;
        }
        let (mut read, mut write) =
            (std::fs::File::open(entry.path()).unwrap(), std::fs::File::create(target).unwrap());
        let zeros = vec![0; 1 << 20];
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = read.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            if buffer[..count] == zeros[..count] {
                write.seek(SeekFrom::Current(count as i64)).unwrap();
            } else {
                write.write_all(&buffer[..count]).unwrap();
            }
        }
        let length = read.stream_position().unwrap();
        write.set_len(length).unwrap();
    }
}

/// What a test hands to the process that it starts.
#[expect(clippy::disallowed_methods, reason = "a test's own, not a setting")]
pub fn test_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
