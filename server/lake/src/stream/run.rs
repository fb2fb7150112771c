//! The loops of the sinks: what goes wrong is said and tried again, whatever it is.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::faults::died;
use super::{Sinks, StreamEvent, locked};
use crate::{Error, ErrorKind, Result};

/// The pause after a failure; it doubles with each one in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Warehouse,
    Bronze,
}

/// Starts both sinks, and the sweeper of replaced files.
pub(super) fn start(sinks: &Arc<Sinks>, shutdown: &CancellationToken) {
    for sink in [Sink::Warehouse, Sink::Bronze] {
        sinks.tasks.spawn_on(supervise(sinks.clone(), sink, shutdown.clone()), &sinks.parts.threads);
    }
    sinks.tasks.spawn_on(sweep(sinks.clone(), shutdown.clone()), &sinks.parts.threads);
}

/// Runs a sink, and again should it panic: its messages come again after their deadline.
async fn supervise(sinks: Arc<Sinks>, sink: Sink, shutdown: CancellationToken) {
    loop {
        let Err(panic) = tokio::spawn(work(sinks.clone(), sink, shutdown.clone())).await else {
            return;
        };
        let error =
            Error::with(ErrorKind::Internal, format!("A sink of the stream stopped unexpectedly: {panic}"), panic);
        sinks.in_trouble(sink, &error);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(LONGEST_PAUSE) => {}
        }
    }
}

async fn work(sinks: Arc<Sinks>, sink: Sink, shutdown: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let working = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            working = sinks.control.working() => working,
        };
        let turn = match sink {
            Sink::Warehouse => sinks.noted(sink, sinks.warehouse_turn(&shutdown)).await,
            Sink::Bronze => sinks.noted(sink, sinks.bronze_turn(&shutdown)).await,
        };
        drop(working);
        match turn {
            Ok(()) => {
                pause = FIRST_PAUSE;
                *locked(&sinks.trouble[sink as usize]) = None;
            }
            Err(error) if died(&error) => return,
            Err(error) => {
                sinks.in_trouble(sink, &error);
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

async fn sweep(sinks: Arc<Sinks>, shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(sinks.sweeper.pause()) => {}
        }
        if let Err(error) = sinks.sweeper.sweep().await {
            tracing::warn!(%error, "stream: replaced files stay on the disk until the next start");
        }
    }
}

impl Sinks {
    fn in_trouble(&self, sink: Sink, error: &Error) {
        tracing::warn!(?sink, %error, "stream: a sink cannot write and tries again");
        let known = locked(&self.trouble[sink as usize]).replace(error.message.clone());
        if known.as_ref() != Some(&error.message) {
            self.tell(StreamEvent::Trouble(error.message.clone()));
        }
    }

    /// Messages that were not committed come again, at once. Those of a sink that died in a test stay out, as a process would leave them.
    pub(super) async fn give_back(&self, subscription: &str, ack_ids: &[String], error: Option<&Error>) -> Result<()> {
        if ack_ids.is_empty() || error.is_some_and(died) {
            return Ok(());
        }
        self.parts.topics.modify_ack_deadline(subscription, ack_ids, Duration::ZERO).await
    }
}
