//! Keys of the records, all in one keyspace: a letter, an id, and what it is about.

/// The next id of a topic, subscription or snapshot.
pub(super) const NEXT_ID: &[u8] = b"n";
/// How often the folder was opened.
pub(super) const OPENED: &[u8] = b"o";
/// Topics.
pub(super) const TOPIC: u8 = b't';
/// Where a topic's log ends.
pub(super) const END: u8 = b'e';
/// Subscriptions.
pub(super) const SUBSCRIPTION: u8 = b's';
/// How far a subscription is.
pub(super) const POSITION: u8 = b'p';
/// What a subscription has acknowledged beyond: by subscription and chunk.
pub(super) const ACKED: u8 = b'a';
/// How often a delivery failed: by subscription and message.
pub(super) const FAILURES: u8 = b'f';
/// Snapshots.
pub(super) const SNAPSHOT: u8 = b'x';
/// What a snapshot has acknowledged: by snapshot and chunk.
pub(super) const SNAPSHOT_ACKED: u8 = b'y';

/// The record of one thing.
pub(super) fn one(kind: u8, id: u64) -> Vec<u8> {
    [&[kind][..], &id.to_be_bytes()].concat()
}

/// The record of part of one thing.
pub(super) fn part(kind: u8, id: u64, part: u64) -> Vec<u8> {
    [&[kind][..], &id.to_be_bytes(), &part.to_be_bytes()].concat()
}

/// A number in a key or a value.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}
