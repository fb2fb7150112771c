//! Which messages of a topic a subscription has acknowledged, in at most a bit a message.

use std::collections::{BTreeMap, BTreeSet};

/// Messages in a chunk.
pub(super) const CHUNK: u64 = 4_096;
const WORDS: usize = (CHUNK / 64) as usize;

/// All below `floor`, and what the chunks say above it.
#[derive(Debug, Default, Clone)]
pub(super) struct AckSet {
    /// The first message that is not acknowledged, once [`AckSet::advance`] was called.
    floor: u64,
    /// By number; a chunk without any acknowledged message is not in it.
    chunks: BTreeMap<u64, Chunk>,
    /// Chunks that differ from what is stored.
    dirty: BTreeSet<u64>,
    /// Chunks of which the store has a record.
    stored: BTreeSet<u64>,
}

#[derive(Debug, Clone)]
struct Chunk {
    count: u16,
    /// Bytes of its acknowledged messages.
    bytes: u64,
    /// None: all are acknowledged.
    bits: Option<Box<[u64; WORDS]>>,
}

/// A chunk's number and its record; `None` to delete it.
pub(super) type Change = (u64, Option<Vec<u8>>);

impl AckSet {
    /// All below this message.
    pub(super) fn up_to(floor: u64) -> Self {
        AckSet { floor, ..AckSet::default() }
    }

    /// The first message that may not be acknowledged.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn contains(&self, seq: u64) -> bool {
        seq < self.floor || self.chunks.get(&(seq / CHUNK)).is_some_and(|chunk| chunk.has(seq % CHUNK))
    }

    /// Acknowledges; false if it was already.
    pub(super) fn insert(&mut self, seq: u64, size: u64) -> bool {
        if self.contains(seq) {
            return false;
        }
        let number = seq / CHUNK;
        self.chunks.entry(number).or_insert_with(Chunk::empty).add(seq % CHUNK, size);
        self.dirty.insert(number);
        true
    }

    /// Moves the floor to the first message below `head` that is not acknowledged.
    pub(super) fn advance(&mut self, head: u64) {
        if let Some(next) = self.next_unacked(self.floor, head) {
            self.raise(next);
        } else {
            self.raise(head);
        }
    }

    /// All below this message are acknowledged.
    pub(super) fn raise(&mut self, floor: u64) {
        self.floor = self.floor.max(floor);
        while let Some(entry) = self.chunks.first_entry()
            && (*entry.key() + 1) * CHUNK <= self.floor
        {
            self.dirty.insert(entry.remove_entry().0);
        }
    }

    /// Takes back everything from this message on. `size` tells a message's bytes; it is asked only of those in this message's chunk.
    pub(super) fn clear_from<E>(&mut self, seq: u64, mut size: impl FnMut(u64) -> Result<u64, E>) -> Result<(), E> {
        let first = seq / CHUNK;
        let from = if seq.is_multiple_of(CHUNK) { first } else { first + 1 };
        self.dirty.extend(self.chunks.split_off(&from).into_keys());
        if seq <= self.floor {
            // Nothing above it is acknowledged, and what is below it is so by the floor.
            self.floor = seq;
            self.dirty.extend(self.chunks.remove(&first).map(|_| first));
        } else if let Some(chunk) = self.chunks.get_mut(&first) {
            let mut gone = 0;
            for seq in (seq..(first + 1) * CHUNK).filter(|seq| chunk.has(seq % CHUNK)) {
                gone += size(seq)?;
            }
            chunk.bytes = chunk.bytes.saturating_sub(gone);
            chunk.keep_below(seq % CHUNK);
            if chunk.count == 0 {
                self.chunks.remove(&first);
            }
            self.dirty.insert(first);
        }
        Ok(())
    }

    /// The first message from `from` to below `head` that is not acknowledged.
    pub(super) fn next_unacked(&self, from: u64, head: u64) -> Option<u64> {
        let mut seq = from.max(self.floor);
        while seq < head {
            let Some(chunk) = self.chunks.get(&(seq / CHUNK)) else {
                return Some(seq);
            };
            match chunk.next_free(seq % CHUNK) {
                Some(free) => {
                    let seq = seq - seq % CHUNK + free;
                    return (seq < head).then_some(seq);
                }
                None => seq = (seq / CHUNK + 1) * CHUNK,
            }
        }
        None
    }

    /// The acknowledged messages from the floor on: how many, and their bytes. `size` tells a message's bytes; it is asked only of those
    /// in the floor's own chunk.
    pub(super) fn above_floor<E>(&self, mut size: impl FnMut(u64) -> Result<u64, E>) -> Result<(u64, u64), E> {
        let own = self.floor / CHUNK;
        let (mut count, mut bytes) = (0, 0);
        for (number, chunk) in self.chunks.range(own..) {
            if *number > own || self.floor.is_multiple_of(CHUNK) {
                count += u64::from(chunk.count);
                bytes += chunk.bytes;
                continue;
            }
            for seq in (self.floor..(own + 1) * CHUNK).filter(|seq| chunk.has(seq % CHUNK)) {
                count += 1;
                bytes += size(seq)?;
            }
        }
        Ok((count, bytes))
    }

    /// The other's messages, in place of our own.
    pub(super) fn replace(&mut self, other: &AckSet) {
        self.floor = other.floor;
        self.dirty.extend(std::mem::take(&mut self.chunks).into_keys());
        self.chunks = other.chunks.clone();
        self.dirty.extend(self.chunks.keys());
    }

    /// What must be written so that the store has what this has.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for number in std::mem::take(&mut self.dirty) {
            match self.chunks.get(&number) {
                Some(chunk) => {
                    self.stored.insert(number);
                    changes.push((number, Some(chunk.encode())));
                }
                None if self.stored.remove(&number) => changes.push((number, None)),
                None => {}
            }
        }
        changes
    }

    /// The chunks that the store has.
    pub(super) fn stored(&self) -> impl Iterator<Item = u64> + '_ {
        self.stored.iter().copied()
    }

    /// Takes up a stored chunk; false if it is not one.
    pub(super) fn load(&mut self, number: u64, record: &[u8]) -> bool {
        self.stored.insert(number);
        let Some(chunk) = Chunk::decode(record) else {
            return false;
        };
        self.chunks.insert(number, chunk);
        true
    }
}

impl Chunk {
    fn empty() -> Self {
        Chunk { count: 0, bytes: 0, bits: Some(Box::new([0; WORDS])) }
    }

    fn has(&self, at: u64) -> bool {
        self.bits.as_ref().is_none_or(|bits| bits[(at / 64) as usize] >> (at % 64) & 1 == 1)
    }

    fn add(&mut self, at: u64, size: u64) {
        if let Some(bits) = &mut self.bits {
            bits[(at / 64) as usize] |= 1 << (at % 64);
            self.count += 1;
            self.bytes += size;
            if u64::from(self.count) == CHUNK {
                self.bits = None;
            }
        }
    }

    /// The caller sees to `bytes`.
    fn keep_below(&mut self, at: u64) {
        let mut bits = self.bits.take().unwrap_or_else(|| Box::new([u64::MAX; WORDS]));
        for (index, word) in bits.iter_mut().enumerate() {
            let first = index as u64 * 64;
            if first >= at {
                *word = 0;
            } else if at - first < 64 {
                *word &= (1 << (at - first)) - 1;
            }
        }
        self.count = bits.iter().map(|word| word.count_ones() as u16).sum();
        self.bits = Some(bits);
    }

    fn next_free(&self, from: u64) -> Option<u64> {
        let bits = self.bits.as_ref()?;
        let mut mask = u64::MAX << (from % 64);
        for (index, word) in bits.iter().enumerate().skip((from / 64) as usize) {
            let free = !word & mask;
            if free != 0 {
                return Some(index as u64 * 64 + u64::from(free.trailing_zeros()));
            }
            mask = u64::MAX;
        }
        None
    }

    fn encode(&self) -> Vec<u8> {
        let mut record = Vec::with_capacity(10 + WORDS * 8);
        record.extend(self.count.to_le_bytes());
        record.extend(self.bytes.to_le_bytes());
        for word in self.bits.iter().flat_map(|bits| bits.iter()) {
            record.extend(word.to_le_bytes());
        }
        record
    }

    fn decode(record: &[u8]) -> Option<Chunk> {
        let (count, rest) = record.split_first_chunk::<2>()?;
        let (bytes, rest) = rest.split_first_chunk::<8>()?;
        let bits = match rest.len() {
            0 => None,
            len if len == WORDS * 8 => {
                let mut bits = Box::new([0; WORDS]);
                for (word, bytes) in bits.iter_mut().zip(rest.chunks_exact(8)) {
                    *word = u64::from_le_bytes(bytes.try_into().ok()?);
                }
                Some(bits)
            }
            _ => return None,
        };
        Some(Chunk { count: u16::from_le_bytes(*count), bytes: u64::from_le_bytes(*bytes), bits })
    }
}
