//! Time and randomness, injected so that tests decide them.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, Utc};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;

    /// Now, in milliseconds since the epoch, as the control database stores it.
    fn millis(&self) -> i64 {
        self.now().timestamp_millis()
    }
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that advances one second each time it is asked.
#[derive(Debug)]
pub struct SteppingClock(AtomicI64);

impl SteppingClock {
    /// Begins at this time.
    pub fn new(start: DateTime<Utc>) -> Self {
        SteppingClock(AtomicI64::new(start.timestamp_millis()))
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> DateTime<Utc> {
        time(self.0.fetch_add(1_000, Ordering::SeqCst))
    }
}

/// Makes the part of an id that nobody can guess.
pub trait Ids: Send + Sync {
    /// Any 16 bits.
    fn suffix(&self) -> u16;
}

/// Ids from the operating system's randomness.
#[derive(Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn suffix(&self) -> u16 {
        // Each state is keyed by the operating system; the empty hash is a keyed random number.
        std::collections::hash_map::RandomState::new().build_hasher().finish() as u16
    }
}

/// Ids that follow from a seed.
#[derive(Debug, Default)]
pub struct SeededIds(AtomicU64);

impl SeededIds {
    /// The same seed gives the same ids.
    pub fn new(seed: u64) -> Self {
        SeededIds(AtomicU64::new(seed))
    }
}

impl Ids for SeededIds {
    fn suffix(&self) -> u16 {
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        (n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as u16
    }
}

/// A stored time. Values that no calendar knows become the epoch.
pub fn time(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}
