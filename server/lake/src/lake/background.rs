//! Runtimes of their own for heavy work, so that neither a transform nor a query slows the server's pages. What runs there is noted
//! where the caller's calls are.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

use crate::calls::carried;
use crate::{Error, ErrorKind, Result};

/// A runtime that may be dropped anywhere, also within another runtime.
pub(crate) struct Background(Option<Runtime>);

impl Background {
    /// Starts `threads` worker threads.
    pub fn start(name: &str, threads: usize) -> Result<Self> {
        Self::build(Builder::new_multi_thread().worker_threads(threads.max(1)).thread_name(name))
    }

    /// As [`Background::start`], with stacks of this many bytes. They take memory only as far as they are used.
    pub fn start_with_stack(name: &str, threads: usize, stack: usize) -> Result<Self> {
        Self::build(
            Builder::new_multi_thread().worker_threads(threads.max(1)).thread_name(name).thread_stack_size(stack),
        )
    }

    /// Threads for blocking work only, and always the same ones: an allocator keeps what a thread has freed for that thread, so that
    /// with new threads for each call the memory of the old ones would stay.
    pub fn start_blocking(name: &str, threads: usize) -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let keep = Duration::from_secs(24 * 60 * 60);
        let builder = builder.worker_threads(1).max_blocking_threads(threads.max(1)).thread_keep_alive(keep);
        Self::build(builder.thread_name(name))
    }

    /// Where to spawn.
    pub fn handle(&self) -> Result<Handle> {
        self.0.as_ref().map(|runtime| runtime.handle().clone()).ok_or_else(closed)
    }

    fn build(builder: &mut Builder) -> Result<Self> {
        let runtime = builder.enable_all().build().map_err(|e| {
            Error::with(
                ErrorKind::Storage,
                "The system gives no more threads: close other programs and start again.",
                e,
            )
        })?;
        Ok(Background(Some(runtime)))
    }

    /// Starts the future there; it is dropped with what is returned.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(carried(work), self.0.as_ref().ok_or_else(closed)?.handle());
        Ok(tasks)
    }

    /// Tasks that have not ended.
    #[cfg(any(test, feature = "testing"))]
    pub fn tasks(&self) -> usize {
        self.0.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks())
    }

    /// Runs the future there to its end, even when the caller stops waiting: a step that has begun writing finishes its commit.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        match self.0.as_ref() {
            Some(runtime) => runtime.spawn(carried(work)).await.unwrap_or_else(|e| Err(failed(e))),
            None => Err(closed()),
        }
    }

    /// Runs the future there; it is dropped when the caller stops waiting.
    pub async fn run_while_wanted<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let Some(runtime) = self.0.as_ref() else {
            return Err(closed());
        };
        let mut tasks = JoinSet::new();
        tasks.spawn_on(carried(work), runtime.handle());
        match tasks.join_next().await {
            Some(done) => done.unwrap_or_else(|e| Err(failed(e))),
            None => Err(closed()),
        }
    }
}

/// The work ended by a bug.
pub(crate) fn failed(error: tokio::task::JoinError) -> Error {
    Error::with(ErrorKind::Internal, format!("The data engine stopped unexpectedly: {error}"), error)
}

/// The lake was dropped under the work.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Internal, "The data engine is shutting down.")
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
