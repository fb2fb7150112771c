//! The bronze sink: windows, so that files are not too small. A window's messages stay leased until it is committed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use futures::future::try_join_all;
use showrunner_ingest::ParquetSink;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::append::sync_commit;
use super::decode::{customer, pieces};
use super::faults::Fault;
use super::identity::{Identity, Messages};
use super::rows::{Piece, raw};
use super::run::Sink;
use super::warehouse::{only, remove, run_of};
use super::{ACK_DEADLINE, BRONZE_SUBSCRIPTION, Sinks, StreamEvent};
use crate::bronze::{ingest_error, partition};
use crate::delta::{NewFile, PartitionKey, Table, io_error};
use crate::model::Day;
use crate::ports::{PullRequest, ReceivedMessage};
use crate::{Error, ErrorKind, Result};

/// Messages taken at a time.
const PULL: usize = 2_000;
/// Deadlines are extended this long after they were set.
const EXTEND_AFTER: Duration = Duration::from_secs(ACK_DEADLINE.as_secs() / 3);

/// Messages that are leased and not yet written.
#[derive(Default)]
struct Window {
    messages: Vec<ReceivedMessage>,
    bytes: usize,
    /// When it is written at the latest.
    due: Option<Instant>,
    /// When its deadlines are to be extended.
    extend: Option<Instant>,
}

/// Why a window grows no more.
enum Over {
    Full,
    /// Somebody asked for it.
    Flush,
    Shutdown,
    Held,
}

impl Sinks {
    /// One window.
    pub(super) async fn bronze_turn(self: &Arc<Self>, shutdown: &CancellationToken) -> Result<()> {
        let mut window = Window::default();
        let over = self.fill(&mut window, shutdown).await;
        let ack_ids: Vec<String> = window.messages.iter().map(|received| received.ack_id.clone()).collect();
        let done = match over {
            Ok(Over::Held) => self.give_back(BRONZE_SUBSCRIPTION, &ack_ids, None).await,
            Ok(over) => {
                let wanted = if matches!(over, Over::Flush) { self.control.flush_wanted() } else { None };
                let written = self.write_window(window.messages, &ack_ids).await;
                if let Some(wanted) = wanted {
                    self.control.flushed(wanted, &written);
                }
                written
            }
            Err(error) => Err(error),
        };
        self.window_rows.store(0, Ordering::Relaxed);
        if let Err(error) = &done {
            self.give_back(BRONZE_SUBSCRIPTION, &ack_ids, Some(error)).await?;
        }
        done
    }

    /// Takes messages until the window is over.
    async fn fill(&self, window: &mut Window, shutdown: &CancellationToken) -> Result<Over> {
        loop {
            let now = Instant::now();
            let room = self.options.window_rows.saturating_sub(window.messages.len());
            if room == 0 || window.bytes >= self.options.window_bytes || window.due.is_some_and(|due| due <= now) {
                return Ok(Over::Full);
            }
            if window.extend.is_some_and(|extend| extend <= now) {
                let ack_ids: Vec<String> = window.messages.iter().map(|received| received.ack_id.clone()).collect();
                self.parts.topics.modify_ack_deadline(BRONZE_SUBSCRIPTION, &ack_ids, ACK_DEADLINE).await?;
                window.extend = Some(now + EXTEND_AFTER);
            }
            let next = [window.due, window.extend].into_iter().flatten().min();
            let request = PullRequest {
                max_messages: room.min(PULL),
                max_bytes: self.options.window_bytes - window.bytes,
                wait: next.map_or(ACK_DEADLINE, |next| next.saturating_duration_since(now)),
            };
            let more = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Over::Shutdown),
                () = self.control.held() => return Ok(Over::Held),
                () = self.control.flush_asked() => return Ok(Over::Flush),
                more = self.parts.topics.pull(BRONZE_SUBSCRIPTION, request) => more?,
            };
            if more.is_empty() {
                continue;
            }
            let now = Instant::now();
            window.due.get_or_insert(now + self.options.window);
            window.extend.get_or_insert(now + EXTEND_AFTER);
            window.bytes += more.iter().map(|received| received.message.data.len()).sum::<usize>();
            self.had(Sink::Bronze, &more);
            window.messages.extend(more);
            self.window_rows.store(window.messages.len() as u64, Ordering::Relaxed);
        }
    }

    async fn write_window(self: &Arc<Self>, messages: Vec<ReceivedMessage>, ack_ids: &[String]) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let run = run_of(&messages);
        let messages = Arc::new(messages);
        let ranges = pieces(&messages, self.parts.workers);
        let read = ranges.iter().cloned().map(|range| {
            let (sinks, messages) = (self.clone(), messages.clone());
            let read = move || raw(&sinks.reader, &messages[range], &sinks.parts.bronze);
            async { tokio::task::spawn_blocking(read).await.unwrap_or_else(|e| Err(cut_short(e))) }
        });
        let mut read = try_join_all(read).await?;
        let mut skipped = 0;
        for (piece, range) in read.iter_mut().zip(&ranges) {
            piece.good.iter_mut().for_each(|at| *at += range.start);
            skipped += piece.bad.len() as u64;
        }
        self.commit_window(&run, &messages, read).await?;
        self.parts.topics.acknowledge(BRONZE_SUBSCRIPTION, ack_ids).await?;
        self.skipped.fetch_add(skipped, Ordering::Relaxed);
        Ok(())
    }

    /// Commits the rows that the table does not have.
    async fn commit_window(
        self: &Arc<Self>,
        run: &str,
        messages: &Arc<Vec<ReceivedMessage>>,
        read: Vec<Piece>,
    ) -> Result<()> {
        let table = &self.bronze.table;
        let _writer = table.writer().await;
        let mut fresh = Vec::new();
        let mut identities = Vec::new();
        {
            let mut taken = Messages::default();
            let mut ledger = self.bronze.ledger.lock().await;
            ledger.refresh(table).await?;
            for piece in read {
                let mut keep = Vec::with_capacity(piece.good.len());
                for at in &piece.good {
                    let Identity { run, seq, .. } = Identity::of(&messages[*at].message);
                    let new = !ledger.held.0.contains(&run, seq) && taken.insert(&run, seq);
                    keep.push(new);
                    if new {
                        identities.push((run, seq));
                    }
                }
                fresh.push(only(piece, &keep)?);
            }
        }
        if identities.is_empty() {
            return Ok(());
        }
        self.faults.pass(Fault::BronzeDisk)?;
        let (of_table, of_run, of_messages) = (table.clone(), run.to_owned(), messages.clone());
        let write = move || write(&of_table, &of_run, &of_messages, fresh);
        let files = tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(cut_short(e)))?;
        self.faults.pass(Fault::BronzeBeforeCommit)?;
        let version = self.bronze.appender.lock().await.append(run, &files).await?;
        {
            let mut ledger = self.bronze.ledger.lock().await;
            identities.iter().for_each(|(run, seq)| {
                ledger.held.0.insert(run, *seq);
            });
            ledger.committed(version);
        }
        self.tell(StreamEvent::Window {
            rows: files.iter().map(|file| file.rows).sum(),
            files: files.len() as u64,
            bytes: files.iter().map(|file| file.bytes).sum(),
        });
        sync_commit(table, version).await?;
        self.faults.pass(Fault::BronzeAfterCommit)
    }
}

fn cut_short(error: tokio::task::JoinError) -> Error {
    Error::with(ErrorKind::Internal, format!("A window of the stream stopped unexpectedly: {error}"), error)
}

/// Writes each day's rows of each customer as one file; all or none.
fn write(table: &Table, run: &str, messages: &[ReceivedMessage], pieces: Vec<Piece>) -> Result<Vec<NewFile>> {
    let mut partitions: BTreeMap<PartitionKey, Vec<RecordBatch>> = BTreeMap::new();
    for piece in pieces {
        let mut rows_of: BTreeMap<(chrono::NaiveDate, &str), Vec<usize>> = BTreeMap::new();
        for (row, (at, date)) in piece.good.iter().zip(&piece.dates).enumerate() {
            let customer = customer(&messages[*at].message).unwrap_or_default();
            rows_of.entry((*date, customer)).or_default().push(row);
        }
        let single = rows_of.len() == 1;
        for ((date, customer), rows) in rows_of {
            let day = Day { customer: customer.to_owned(), dataset: String::new(), date };
            let of_day = if single { piece.rows.clone() } else { picked(&piece.rows, &rows)? };
            partitions.entry(partition(&day)).or_default().push(of_day);
        }
    }
    let mut files = Vec::new();
    for (key, batches) in &partitions {
        match write_file(table, run, key, batches) {
            Ok(file) => files.push(file),
            Err(error) => {
                remove(table, &files);
                return Err(error);
            }
        }
    }
    Ok(files)
}

fn picked(rows: &RecordBatch, wanted: &[usize]) -> Result<RecordBatch> {
    let mut keep = vec![false; rows.num_rows()];
    wanted.iter().for_each(|row| keep[*row] = true);
    filter_record_batch(rows, &BooleanArray::from(keep))
        .map_err(|e| Error::with(ErrorKind::Internal, "Rows of the stream could not be told apart.", e))
}

fn write_file(table: &Table, run: &str, key: &PartitionKey, batches: &[RecordBatch]) -> Result<NewFile> {
    let (relative, path) = table.new_part(key, run)?;
    let file = File::create_new(&path).map_err(|e| io_error("writing", &path, e))?;
    let written = ParquetSink::new(BufWriter::new(file), table.shape.data_schema(), &[]).and_then(|mut parquet| {
        batches.iter().try_for_each(|rows| parquet.write(rows))?;
        parquet.close()
    });
    let written = written.map_err(|e| {
        let _left_to_a_sweep = std::fs::remove_file(&path);
        ingest_error(&table.full_name(), e)
    })?;
    Ok(NewFile {
        path: relative,
        partition: key.clone(),
        rows: written.rows,
        bytes: written.bytes,
        stats: written.stats_json,
    })
}
