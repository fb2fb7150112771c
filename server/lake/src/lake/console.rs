//! Queries that a person writes: on threads of their own, few at a time, stopped when nobody waits for them any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::background::Background;
use super::{Answer, Inner, Lake, QueryLimits, timed_out};
use crate::calls::{self, Begun, Size};
use crate::policy::{Access, Identity};
use crate::query::{Stop, Until};
use crate::{Error, ErrorKind, Result, query};

/// Queries of persons that run at the same time.
pub const QUERIES_AT_A_TIME: usize = 2;
/// So long a query waits for another one to end before it is refused.
const WAIT_FOR_TURN: Duration = Duration::from_secs(10);
/// Long chains of operators are planned by recursion; an ordinary stack holds some hundred of them.
const STACK: usize = 16 << 20;
/// Batches of a stream that wait for their reader.
const BATCHES_AHEAD: usize = 2;

/// Where queries of persons run: apart from those of the pages, so that a heavy one slows no page.
pub(super) struct Console {
    runtime: Background,
    turns: Arc<Semaphore>,
    running: Mutex<HashMap<String, Arc<Notify>>>,
}

/// A query that can be cancelled by its id for as long as this lives.
struct Ticket<'a> {
    console: &'a Console,
    id: Option<&'a str>,
    cancel: Arc<Notify>,
}

impl Console {
    pub fn start() -> Result<Self> {
        Ok(Console {
            runtime: Background::start_with_stack("lake-console", QUERIES_AT_A_TIME, STACK)?,
            turns: Arc::new(Semaphore::new(QUERIES_AT_A_TIME)),
            running: Mutex::default(),
        })
    }

    fn ticket<'a>(&'a self, id: Option<&'a str>) -> Ticket<'a> {
        let cancel = Arc::new(Notify::new());
        if let Some(id) = id {
            self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), cancel.clone());
        }
        Ticket { console: self, id, cancel }
    }

    /// Kept by the work itself, so that a turn is free only when the work has really stopped.
    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        let turn = tokio::time::timeout(WAIT_FOR_TURN, self.turns.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or_else(|| {
            Error::new(
                ErrorKind::Busy,
                format!(
                    "{QUERIES_AT_A_TIME} other queries are running. This one waited {} seconds and was not started: cancel one of \
                     them, or try again in a moment.",
                    WAIT_FOR_TURN.as_secs()
                ),
            )
        })
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else {
            return;
        };
        let mut running = self.console.running.lock().unwrap_or_else(PoisonError::into_inner);
        // The id may have been taken by a newer query since.
        if running.get(id).is_some_and(|cancel| Arc::ptr_eq(cancel, &self.cancel)) {
            running.remove(id);
        }
    }
}

/// Rows of an answer as they come.
pub struct RowStream {
    /// Of every batch.
    pub schema: SchemaRef,
    rows: mpsc::Receiver<Result<RecordBatch>>,
    /// Stop the query when the stream is dropped.
    _work: JoinSet<()>,
    _until: Until,
}

impl RowStream {
    /// The next rows; `None` at the end. More rows than the limit are an error, since nothing else would tell the reader.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        self.rows.recv().await
    }
}

impl Lake {
    /// A query that a person wrote, see [`Lake::query`]. It waits for its turn, is stopped when this future is dropped, and can be
    /// cancelled by `id` from elsewhere.
    ///
    /// # Errors
    /// As [`Lake::query`], [`ErrorKind::Busy`] if no turn came, [`ErrorKind::Cancelled`].
    pub async fn ask(&self, who: &Identity, sql: &str, limits: QueryLimits, id: Option<&str>) -> Result<Answer> {
        let work = async {
            let turn = self.console.turn().await?;
            let epoch = self.epoch();
            match self.inner.answer(&self.console.runtime, who, sql, limits, Some(turn)).await {
                // See `Lake::query`.
                Err(e) if e.kind == ErrorKind::Storage && self.epoch() != epoch => {
                    let turn = self.console.turn().await?;
                    self.inner.answer(&self.console.runtime, who, sql, limits, Some(turn)).await
                }
                other => other,
            }
        };
        self.cancellable(id, work).await
    }

    /// The work, until it is cancelled by `id` from elsewhere.
    pub(super) async fn cancellable<T>(&self, id: Option<&str>, work: impl Future<Output = Result<T>>) -> Result<T> {
        let ticket = self.console.ticket(id);
        tokio::select! {
            done = work => done,
            () = ticket.cancel.notified() => {
                Err(Error::new(ErrorKind::Cancelled, "The query was cancelled. It changed nothing."))
            }
        }
    }

    /// As [`Lake::ask`], but hands the rows on while they come, so that a large answer needs no memory.
    ///
    /// # Errors
    /// What is wrong before the first row comes; later errors come in the stream.
    pub async fn ask_rows(&self, who: &Identity, sql: &str, limits: QueryLimits) -> Result<RowStream> {
        let turn = self.console.turn().await?;
        let (inner, access, sql) = (self.inner.clone(), self.inner.access(who), sql.to_owned());
        let stop = Stop::default();
        let until = stop.until_dropped();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (send, rows) = mpsc::channel(BATCHES_AHEAD);
        let work = async move {
            let _turn = turn;
            let deadline = tokio::time::Instant::now() + limits.timeout;
            let started = match tokio::time::timeout_at(deadline, inner.start(access, &sql, limits, &stop)).await {
                Ok(started) => started,
                Err(_) => Err(timed_out(limits)),
            };
            let mut started = match started {
                Ok(started) => started,
                Err(error) => {
                    let _nobody_waits = begun.send(Err(error));
                    return;
                }
            };
            if begun.send(Ok(started.schema.clone())).is_err() {
                return;
            }
            loop {
                let batch = match tokio::time::timeout_at(deadline, started.next()).await {
                    Ok(Some(batch)) => batch,
                    Ok(None) if started.cut => Err(Error::new(
                        ErrorKind::TooLarge,
                        format!("The answer has more than {} rows. Add a filter or a LIMIT.", limits.rows),
                    )),
                    Ok(None) => return,
                    Err(_) => Err(timed_out(limits)),
                };
                let over = batch.is_err();
                if send.send(batch).await.is_err() || over {
                    return;
                }
            }
        };
        let work = self.console.runtime.spawn(work)?;
        let schema = begins
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "The data engine stopped unexpectedly.")))?;
        Ok(RowStream { schema, rows, _work: work, _until: until })
    }

    /// Stops the query that was asked with this id. False if there is none, or no longer.
    pub fn cancel(&self, id: &str) -> bool {
        let running = self.console.running.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.get(id);
        if let Some(cancel) = found {
            cancel.notify_one();
        }
        found.is_some()
    }

    /// Tasks that queries of persons still have: none of them works when this is 0.
    #[cfg(any(test, feature = "testing"))]
    pub fn console_tasks(&self) -> usize {
        self.console.runtime.tasks()
    }
}

impl Inner {
    /// Plans and begins a query over everything that is there.
    pub(super) async fn start(
        &self,
        access: Access,
        sql: &str,
        limits: QueryLimits,
        stop: &Stop,
    ) -> Result<query::Started> {
        let tables: Vec<_> = self.all_tables().into_iter().filter(|t| t.exists()).collect();
        let scratch = self.config.data_dir.join("scratch");
        query::start(access, sql, &tables, limits, self.config.query_memory, &scratch, stop).await
    }

    /// The whole answer within the time limit. `turn` is given back when the work has stopped.
    pub(super) async fn answer(
        self: &Arc<Self>,
        runtime: &Background,
        who: &Identity,
        sql: &str,
        limits: QueryLimits,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Answer> {
        let operation = calls::Query::new(sql, limits);
        let begun = Begun::now();
        let answer = self.run_query(runtime, who, &operation, limits, turn).await;
        begun.end(operation, &answer, |answer| Size {
            rows: Some(answer.batches.iter().map(|batch| batch.num_rows() as u64).sum()),
            bytes: Some(answer.cost.bytes_read),
        });
        answer
    }

    async fn run_query(
        self: &Arc<Self>,
        runtime: &Background,
        who: &Identity,
        query: &calls::Query,
        limits: QueryLimits,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Answer> {
        let (inner, access, sql) = (self.clone(), self.access(who), query.sql.clone());
        let stop = Stop::default();
        let _until = stop.until_dropped();
        let work = runtime.run_while_wanted(async move {
            let _turn = turn;
            let began = std::time::Instant::now();
            let mut started = inner.start(access, &sql, limits, &stop).await?;
            let mut batches = Vec::new();
            while let Some(batch) = started.next().await {
                batches.push(batch?);
            }
            if batches.is_empty() {
                batches.push(RecordBatch::new_empty(started.schema.clone()));
            }
            Ok(Answer {
                batches,
                cut: started.cut,
                seconds: began.elapsed().as_secs_f64(),
                cost: started.cost(),
                served: None,
            })
        });
        tokio::time::timeout(limits.timeout, work).await.unwrap_or_else(|_| Err(timed_out(limits)))
    }
}
