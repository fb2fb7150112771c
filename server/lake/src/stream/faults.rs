//! Where tests make a sink fail. Elsewhere nothing is ever wrong here.

use std::sync::Mutex;

use super::locked;
use crate::{Error, ErrorKind, Result};

/// Something that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The warehouse sink dies with its batch written and not committed.
    WarehouseBeforeCommit,
    /// The warehouse sink dies with its batch committed and not acknowledged.
    WarehouseAfterCommit,
    /// The bronze sink dies with its window written and not committed.
    BronzeBeforeCommit,
    /// The bronze sink dies with its window committed and not acknowledged.
    BronzeAfterCommit,
    /// The disk is full when the warehouse sink writes.
    WarehouseDisk,
    /// The disk is full when the bronze sink writes.
    BronzeDisk,
}

/// What is about to go wrong.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<Vec<Fault>>);

/// A sink died where a test wanted it: its task ends and leaves everything as it is.
#[derive(Debug, thiserror::Error)]
#[error("a test let the sink die")]
pub(super) struct Died;

impl Faults {
    /// Lets a sink fail the next time it comes by.
    #[cfg(any(test, feature = "testing"))]
    pub fn arm(&self, fault: Fault) {
        locked(&self.0).push(fault);
    }

    /// Fails if that is wanted.
    pub fn pass(&self, fault: Fault) -> Result<()> {
        let mut armed = locked(&self.0);
        let Some(at) = armed.iter().position(|armed| *armed == fault) else {
            return Ok(());
        };
        armed.remove(at);
        match fault {
            Fault::WarehouseDisk | Fault::BronzeDisk => Err(Error::new(
                ErrorKind::Storage,
                "The disk is full: free some space, then start the step again. (a test wanted it)",
            )),
            _ => Err(Error::with(ErrorKind::Internal, "The sink died, as a test wanted it.", Died)),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl super::Sinks {
    /// Lets a sink fail the next time it comes to this place.
    pub fn arm(&self, fault: Fault) {
        self.faults.arm(fault);
    }
}

/// Whether the sink is to end as a killed process would.
pub(super) fn died(error: &Error) -> bool {
    error.source.as_ref().is_some_and(|source| source.is::<Died>())
}
