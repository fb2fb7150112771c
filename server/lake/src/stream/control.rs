//! Holding the sinks still, and asking for a window.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};

use crate::{Error, ErrorKind, Result};

/// What others want of the sinks.
pub(super) struct Control {
    /// Read by each sink while it has messages; written by who holds them still.
    gate: Arc<RwLock<()>>,
    /// How many hold, or are about to.
    held: Arc<watch::Sender<usize>>,
    /// The number of the newest flush that was asked for.
    flush: watch::Sender<u64>,
    /// The newest flush that is over, and what went wrong.
    flushed: watch::Sender<(u64, Option<Failed>)>,
}

/// An error that several may wait for.
#[derive(Debug, Clone)]
struct Failed {
    kind: ErrorKind,
    message: String,
}

/// Both sinks are still for as long as this lives. See [`super::Sinks::hold`].
pub struct Held {
    _gate: OwnedRwLockWriteGuard<()>,
    _wanted: Wanted,
}

struct Wanted(Arc<watch::Sender<usize>>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

impl Default for Control {
    fn default() -> Self {
        Control {
            gate: Arc::default(),
            held: Arc::new(watch::Sender::new(0)),
            flush: watch::Sender::new(0),
            flushed: watch::Sender::new((0, None)),
        }
    }
}

impl Control {
    pub async fn hold(&self) -> Held {
        self.held.send_modify(|held| *held += 1);
        let wanted = Wanted(self.held.clone());
        Held { _gate: self.gate.clone().write_owned().await, _wanted: wanted }
    }

    pub fn is_held(&self) -> bool {
        *self.held.borrow() > 0
    }

    /// Waits until somebody wants to hold.
    pub async fn held(&self) {
        let mut held = self.held.subscribe();
        // The sender lives as long as this does.
        let _seen = held.wait_for(|held| *held > 0).await.is_ok();
    }

    /// Waits until nobody holds; messages may be taken for as long as what is returned lives.
    pub async fn working(&self) -> OwnedRwLockReadGuard<()> {
        loop {
            let mut held = self.held.subscribe();
            let _seen = held.wait_for(|held| *held == 0).await.is_ok();
            let working = self.gate.clone().read_owned().await;
            if !self.is_held() {
                return working;
            }
        }
    }

    /// Asks for a flush and waits until it is over.
    pub async fn flush(&self) -> Result<()> {
        let mut flushed = self.flushed.subscribe();
        let mut wanted = 0;
        self.flush.send_modify(|flush| {
            *flush += 1;
            wanted = *flush;
        });
        let over = flushed.wait_for(|(done, _)| *done >= wanted).await;
        let failed = over.ok().and_then(|over| over.1.clone());
        failed.map_or(Ok(()), |failed| Err(Error::new(failed.kind, failed.message)))
    }

    /// The newest flush that is wanted; [`Control::flushed`] answers it.
    pub fn flush_wanted(&self) -> Option<u64> {
        let wanted = *self.flush.borrow();
        (wanted > self.flushed.borrow().0).then_some(wanted)
    }

    /// Waits until a flush is wanted.
    pub async fn flush_asked(&self) {
        let mut flush = self.flush.subscribe();
        let _seen = flush.wait_for(|wanted| *wanted > self.flushed.borrow().0).await.is_ok();
    }

    /// A flush is over.
    pub fn flushed(&self, wanted: u64, result: &Result<()>) {
        let failed = result.as_ref().err().map(|error| Failed { kind: error.kind, message: error.message.clone() });
        self.flushed.send_replace((wanted, failed));
    }
}
