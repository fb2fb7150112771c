//! A topic's messages in the order in which they were published, numbered without gaps, in segments.

use bytes::Bytes;

use super::codec::{End, Micros, Record, TopicRecord, size};
use super::store::{Batch, Segment, Store};
use crate::ports::NewMessage;
use crate::{Error, ErrorKind, Result};

/// A segment that nobody needs any more goes before it is full from this size on.
const EARLY_BYTES: u64 = 4 << 20;

/// A topic.
pub(super) struct Log {
    pub(super) id: u64,
    pub(super) record: TopicRecord,
    /// By their first message, without gaps.
    segments: Vec<Segment>,
    /// Bytes of the topic before the newest segment.
    newest_begins: u64,
    /// What is written.
    pub(super) written: End,
    /// What subscribers may see: what is durable.
    pub(super) visible: End,
}

/// The messages of a segment, each with its number.
type Messages = Box<dyn Iterator<Item = Result<(u64, Bytes)>>>;

/// Reads a log forwards.
pub(super) struct Cursor<'a> {
    log: &'a Log,
    at: u64,
    within: Option<Messages>,
}

impl Log {
    pub(super) fn new(id: u64, record: TopicRecord, mut segments: Vec<Segment>, end: End) -> Self {
        segments.sort_by_key(|segment| segment.start);
        Log { id, record, segments, newest_begins: 0, written: end, visible: end }
    }

    /// Takes up a log from the store: segments that were made for messages that a power cut took are dropped.
    pub(super) fn recover(mut self, store: &Store) -> Result<Self> {
        while let Some(last) = self.segments.last()
            && last.start > self.written.seq
            && let Some(last) = self.segments.pop()
        {
            store.delete(last)?;
        }
        if let Some(last) = self.segments.last() {
            self.newest_begins = self.bytes_before(last.start)?;
        }
        Ok(self)
    }

    /// The first message that is still there; the next one's number if there is none.
    pub(super) fn first(&self) -> u64 {
        self.segments.first().map_or(self.written.seq, |segment| segment.start)
    }

    pub(super) fn read(&self, seq: u64) -> Result<Record> {
        let found = match self.segment_of(seq) {
            Some(at) => self.segments[at].get(seq)?,
            None => None,
        };
        Record::read(found.ok_or_else(|| self.missing(seq))?)
    }

    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { log: self, at: 0, within: None }
    }

    /// Bytes of all messages before this one.
    pub(super) fn bytes_before(&self, seq: u64) -> Result<u64> {
        for end in [self.written, self.visible] {
            if seq == end.seq {
                return Ok(end.bytes);
            }
        }
        Ok(self.read(seq)?.bytes_before())
    }

    /// The first message that was published at this time or later; the end if there is none.
    pub(super) fn first_at(&self, time: Micros) -> Result<u64> {
        let (mut low, mut high) = (self.first(), self.visible.seq);
        if time > self.visible.time {
            return Ok(high);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.read(middle)?.published() < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Writes messages to the end; returns the first one's number. They are visible after [`Log::show`].
    pub(super) fn append(
        &mut self,
        batch: &mut Batch<'_>,
        store: &Store,
        segment_bytes: u64,
        now: Micros,
        messages: &[NewMessage],
    ) -> Result<u64> {
        if self.segments.is_empty() || self.written.bytes - self.newest_begins >= segment_bytes {
            store.pace();
            self.begin_segment(store)?;
        }
        let first = self.written.seq;
        let time = now.max(self.written.time);
        if let Some(segment) = self.segments.last() {
            for message in messages {
                batch.message(segment, self.written.seq, Record::encode(message, time, self.written.bytes).bytes());
                let bytes = self.written.bytes + size(message);
                self.written = End { seq: self.written.seq + 1, bytes, time };
            }
        }
        Ok(first)
    }

    /// Shows what is durable by now.
    pub(super) fn show(&mut self, end: End) {
        if end.seq > self.visible.seq {
            self.visible = end;
        }
    }

    /// Deletes what is not needed: messages below `low`, as far as they fill a segment.
    pub(super) fn trim(&mut self, store: &Store, low: u64) -> Result<()> {
        let all = low >= self.written.seq && self.written.bytes - self.newest_begins >= EARLY_BYTES;
        let goes = |log: &Log| log.segments.get(1).is_some_and(|next| next.start <= low);
        if !all && !goes(self) {
            return Ok(());
        }
        // What says that they are not needed must not be lost when they are.
        store.sync()?;
        if all {
            self.begin_segment(store)?;
        }
        while goes(self) {
            store.delete(self.segments.remove(0))?;
        }
        Ok(())
    }

    /// Whether [`Log::trim`] could find anything to do.
    pub(super) fn may_trim(&self) -> bool {
        self.segments.len() > 1 || self.written.bytes - self.newest_begins >= EARLY_BYTES
    }

    /// Deletes everything.
    pub(super) fn delete(&mut self, store: &Store) -> Result<()> {
        self.segments.drain(..).try_for_each(|segment| store.delete(segment))
    }

    fn begin_segment(&mut self, store: &Store) -> Result<()> {
        if self.segments.last().is_none_or(|last| last.start < self.written.seq) {
            self.segments.push(store.segment(self.id, self.written.seq)?);
        }
        self.newest_begins = self.written.bytes;
        Ok(())
    }

    fn segment_of(&self, seq: u64) -> Option<usize> {
        self.segments.partition_point(|segment| segment.start <= seq).checked_sub(1)
    }

    fn missing(&self, seq: u64) -> Error {
        Error::new(
            ErrorKind::Internal,
            format!("Message {seq} of the topic `{}` is missing in the folder `topics`.", self.record.name),
        )
    }
}

impl Cursor<'_> {
    /// The message, quickly if it is one of the next.
    pub(super) fn read(&mut self, seq: u64) -> Result<Record> {
        if self.within.is_none() || seq < self.at || seq > self.at + 64 {
            self.within = None;
        }
        for _ in 0..2 {
            if self.within.is_none() {
                let Some(at) = self.log.segment_of(seq) else { break };
                self.within = Some(Box::new(self.log.segments[at].read_from(seq)));
            }
            for next in self.within.iter_mut().flatten() {
                let (found, record) = next?;
                self.at = found + 1;
                if found == seq {
                    return Record::read(record);
                }
                if found > seq {
                    break;
                }
            }
            // The segment is over: the next one is looked into once.
            self.within = None;
        }
        Err(self.log.missing(seq))
    }
}
