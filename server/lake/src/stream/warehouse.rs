//! The warehouse sink: small batches, soon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Decimal128Type;
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};
use futures::future::try_join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::append::sync_commit;
use super::decode::pieces;
use super::faults::Fault;
use super::identity::{Identity, Messages};
use super::rows::{Piece, dead_letter, error_records, sessions};
use super::run::Sink;
use super::{DeadLetter, Landed, Sinks, StreamEvent, WAREHOUSE_SUBSCRIPTION, locked};
use crate::calls::carried;
use crate::delta::{NewFile, Table};
use crate::ports::{PullRequest, ReceivedMessage};
use crate::warehouse::write_partition;
use crate::{Error, ErrorKind, Result};

/// So long a turn waits for its first message.
const WAIT: Duration = Duration::from_secs(1);
/// Bytes of a payload in an event.
const EVENT_PAYLOAD: usize = 4_096;
/// Who writes, where a batch holds messages of several replays.
const SEVERAL: &str = "stream";

/// The run that all messages are of, for names of files and for the log.
pub(super) fn run_of(messages: &[ReceivedMessage]) -> String {
    let mut runs = messages.iter().map(|received| received.message.attributes.get(super::ATTRIBUTE_RUN));
    let first = runs.next().flatten();
    let same = first.filter(|first| !first.is_empty() && runs.all(|run| run == Some(first)));
    same.map_or(SEVERAL, String::as_str).to_owned()
}

impl Sinks {
    /// One batch, if there are messages within a second.
    pub(super) async fn warehouse_turn(self: &Arc<Self>, shutdown: &CancellationToken) -> Result<()> {
        self.catch_up().await?;
        let Some(messages) = self.gather(shutdown).await? else {
            return Ok(());
        };
        let ack_ids: Vec<String> = messages.iter().map(|received| received.ack_id.clone()).collect();
        let written = self.batch(messages).await;
        match written {
            Ok(dates) => {
                self.parts.topics.acknowledge(WAREHOUSE_SUBSCRIPTION, &ack_ids).await?;
                self.tidy(&dates).await;
                Ok(())
            }
            Err(error) => {
                self.give_back(WAREHOUSE_SUBSCRIPTION, &ack_ids, Some(&error)).await?;
                Err(error)
            }
        }
    }

    /// Messages for a batch, once `linger` has passed since the batch before: a message that comes alone does not wait at all, and many
    /// that come in a row are taken together. In one pull, if one brings them: of a visitor whose messages are out, a second pull
    /// would bring no more.
    async fn gather(&self, shutdown: &CancellationToken) -> Result<Option<Vec<ReceivedMessage>>> {
        let topics = &self.parts.topics;
        let until = locked(&self.last_batch).map_or_else(Instant::now, |last| last + self.options.linger);
        let first = async {
            tokio::time::sleep_until(until).await;
            let max_messages = self.options.batch_rows.max(1);
            topics
                .pull(
                    WAREHOUSE_SUBSCRIPTION,
                    PullRequest { max_messages, max_bytes: self.options.batch_bytes, wait: WAIT },
                )
                .await
        };
        let first = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(None),
            () = self.control.held() => return Ok(None),
            first = first => first?,
        };
        if first.is_empty() {
            return Ok(None);
        }
        let mut messages = first;
        let mut bytes: usize = messages.iter().map(|received| received.message.data.len()).sum();
        while messages.len() < self.options.batch_rows && bytes < self.options.batch_bytes {
            let request = PullRequest {
                max_messages: self.options.batch_rows - messages.len(),
                max_bytes: self.options.batch_bytes - bytes,
                wait: Duration::ZERO,
            };
            let more = match topics.pull(WAREHOUSE_SUBSCRIPTION, request).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::debug!(%error, "stream: a batch goes without further messages");
                    break;
                }
            };
            if more.is_empty() {
                break;
            }
            bytes += more.iter().map(|received| received.message.data.len()).sum::<usize>();
            messages.extend(more);
        }
        *locked(&self.last_batch) = Some(Instant::now());
        self.had(Sink::Warehouse, &messages);
        Ok(Some(messages))
    }

    /// Reads and commits a batch. Returns the partitions that grew: of the sessions and of the error records.
    async fn batch(self: &Arc<Self>, messages: Vec<ReceivedMessage>) -> Result<(Vec<NaiveDate>, Vec<NaiveDate>)> {
        let now = self.now();
        let run = run_of(&messages);
        let messages = Arc::new(messages);
        let ranges = pieces(&messages, self.parts.workers);
        let single = ranges.len() == 1;
        let read = ranges.iter().cloned().map(|range| {
            let (sinks, messages) = (self.clone(), messages.clone());
            let read = async move {
                let schema = &sinks.parts.rows.shape.schema;
                sessions(&sinks.reader, &messages[range], now, schema).await
            };
            async move {
                match single {
                    true => read.await,
                    false => tokio::spawn(carried(read)).await.unwrap_or_else(|e| Err(cut_short(e))),
                }
            }
        });
        let mut read = try_join_all(read).await?;
        let mut letters = Vec::new();
        for (piece, range) in read.iter_mut().zip(&ranges) {
            piece.good.iter_mut().for_each(|at| *at += range.start);
            let bad = std::mem::take(&mut piece.bad).into_iter();
            letters.extend(bad.map(|(at, reason)| dead_letter(&messages[range.start + at].message, reason, now)));
        }
        let errors = self.write_errors(&run, letters).await?;
        let rows = self.write_rows(&run, &messages, read).await?;
        Ok((rows, errors))
    }

    /// Commits the sessions that the table does not have.
    async fn write_rows(
        self: &Arc<Self>,
        run: &str,
        messages: &[ReceivedMessage],
        pieces: Vec<Piece>,
    ) -> Result<Vec<NaiveDate>> {
        let table = &self.rows.table;
        let _writer = table.writer().await;
        let mut fresh = Vec::new();
        let mut taken = Messages::default();
        let mut identities = Vec::new();
        {
            let mut ledger = self.rows.ledger.lock().await;
            ledger.refresh(table).await?;
            for piece in pieces {
                let mut keep = Vec::with_capacity(piece.good.len());
                for at in &piece.good {
                    let identity = Identity::of(&messages[*at].message);
                    let new = !ledger.held.0.contains(&identity.run, identity.seq)
                        && taken.insert(&identity.run, identity.seq);
                    keep.push(new);
                    if new {
                        identities.push((identity, messages[*at].message.published));
                    }
                }
                fresh.push(only(piece, &keep)?);
            }
        }
        if identities.is_empty() {
            return Ok(Vec::new());
        }
        self.faults.pass(Fault::WarehouseDisk)?;
        let (rows, dates) = (fresh.iter().map(|piece| &piece.rows), fresh.iter().map(|piece| &piece.dates));
        let days = by_day(rows.zip(dates))?;
        let grown: Vec<NaiveDate> = days.keys().copied().collect();
        let files = write(table.clone(), run.to_owned(), days).await?;
        self.faults.pass(Fault::WarehouseBeforeCommit)?;
        let version = self.rows.appender.lock().await.append(run, &files).await?;
        {
            let mut ledger = self.rows.ledger.lock().await;
            identities.iter().for_each(|(identity, _)| {
                ledger.held.0.insert(&identity.run, identity.seq);
            });
            ledger.committed(version);
        }
        let elsewhere = self.parts.served.is_some();
        if elsewhere {
            sync_commit(table, version).await?;
            self.serve(&self.rows, fresh.iter().map(|piece| &piece.rows)).await?;
        }
        let visible = self.now();
        let mut landed = Vec::with_capacity(identities.len());
        let mut identities = identities.into_iter();
        for piece in &fresh {
            landed.extend(tell(piece, &mut identities, visible));
        }
        self.tell(StreamEvent::Landed(landed));
        if !elsewhere {
            sync_commit(table, version).await?;
        }
        self.faults.pass(Fault::WarehouseAfterCommit)?;
        Ok(grown)
    }

    /// Commits the error records that their table does not have.
    async fn write_errors(self: &Arc<Self>, run: &str, mut letters: Vec<DeadLetter>) -> Result<Vec<NaiveDate>> {
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        let table = &self.errors.table;
        let _writer = table.writer().await;
        let identity =
            |letter: &DeadLetter| Identity { run: letter.run_id.clone(), seq: letter.seq, attempt: letter.attempt };
        {
            let mut ledger = self.errors.ledger.lock().await;
            ledger.refresh(table).await?;
            let mut taken = std::collections::HashSet::new();
            letters.retain(|letter| {
                let identity = identity(letter);
                !ledger.held.contains(&identity) && taken.insert(identity)
            });
        }
        if letters.is_empty() {
            return Ok(Vec::new());
        }
        self.faults.pass(Fault::WarehouseDisk)?;
        let rows = error_records(&letters, &table.shape.schema)?;
        let dates: Vec<NaiveDate> = letters.iter().map(|letter| letter.received.date_naive()).collect();
        let days = by_day([(&rows, &dates)].into_iter())?;
        let grown: Vec<NaiveDate> = days.keys().copied().collect();
        let files = write(table.clone(), run.to_owned(), days).await?;
        self.faults.pass(Fault::WarehouseBeforeCommit)?;
        let version = self.errors.appender.lock().await.append(run, &files).await?;
        {
            let mut ledger = self.errors.ledger.lock().await;
            letters.iter().for_each(|letter| {
                ledger.held.insert(&identity(letter), letter.received.timestamp_micros());
            });
            ledger.committed(version);
        }
        sync_commit(table, version).await?;
        self.serve(&self.errors, std::iter::once(&rows)).await?;
        for letter in &mut letters {
            letter.payload.truncate(letter.payload.floor_char_boundary(EVENT_PAYLOAD));
        }
        self.tell(StreamEvent::DeadLettered(letters));
        self.faults.pass(Fault::WarehouseAfterCommit)?;
        Ok(grown)
    }
}

fn cut_short(error: tokio::task::JoinError) -> Error {
    Error::with(ErrorKind::Internal, format!("A batch of the stream stopped unexpectedly: {error}"), error)
}

fn filtered(rows: &RecordBatch, keep: Vec<bool>) -> Result<RecordBatch> {
    filter_record_batch(rows, &BooleanArray::from(keep))
        .map_err(|e| Error::with(ErrorKind::Internal, "Rows of the stream could not be filtered.", e))
}

/// The rows of a piece that are to be kept.
pub(super) fn only(mut piece: Piece, keep: &[bool]) -> Result<Piece> {
    if keep.iter().all(|keep| *keep) {
        return Ok(piece);
    }
    piece.rows = filtered(&piece.rows, keep.to_vec())?;
    let mut kept = keep.iter();
    piece.good.retain(|_| kept.next() == Some(&true));
    let mut kept = keep.iter();
    piece.dates.retain(|_| kept.next() == Some(&true));
    Ok(piece)
}

/// Rows by their days. Most often there is one.
fn by_day<'a>(
    batches: impl Iterator<Item = (&'a RecordBatch, &'a Vec<NaiveDate>)>,
) -> Result<BTreeMap<NaiveDate, Vec<RecordBatch>>> {
    let mut days: BTreeMap<NaiveDate, Vec<RecordBatch>> = BTreeMap::new();
    for (rows, dates) in batches {
        let mut distinct = dates.clone();
        distinct.sort_unstable();
        distinct.dedup();
        for day in &distinct {
            let of_day = match distinct.len() {
                1 => rows.clone(),
                _ => filtered(rows, dates.iter().map(|date| date == day).collect())?,
            };
            days.entry(*day).or_default().push(of_day);
        }
    }
    Ok(days)
}

/// Writes each day's rows as one clustered file; all or none.
async fn write(table: Arc<Table>, run: String, days: BTreeMap<NaiveDate, Vec<RecordBatch>>) -> Result<Vec<NewFile>> {
    let write = move || {
        let mut files = Vec::new();
        for (date, batches) in &days {
            match write_partition(&table, &run, *date, batches) {
                Ok(file) => files.extend(file),
                Err(error) => {
                    remove(&table, &files);
                    return Err(error);
                }
            }
        }
        Ok(files)
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|e| Err(cut_short(e)))
}

/// Deletes files that no commit has named.
pub(super) fn remove(table: &Table, files: &[NewFile]) {
    for file in files {
        let path = table.dir().join(&file.path);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "stream: a file that was not committed stays until the next start");
        }
    }
}

/// What became visible, row by row.
fn tell(
    piece: &Piece,
    identities: &mut impl Iterator<Item = (Identity, DateTime<Utc>)>,
    visible: DateTime<Utc>,
) -> Vec<Landed> {
    let text = |name: &str| piece.rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let (countries, devices) = (text("country"), text("device_category"));
    let revenues = piece.rows.column_by_name("revenue").and_then(|c| c.as_primitive_opt::<Decimal128Type>());
    let viewed = piece.rows.column_by_name("viewed").and_then(|column| column.as_list_opt::<i32>());
    let value = |column: Option<&arrow::array::StringArray>, row: usize| {
        column.filter(|column| column.is_valid(row)).map(|column| column.value(row).to_owned())
    };
    let mut landed = Vec::with_capacity(piece.dates.len());
    for (row, date) in piece.dates.iter().enumerate() {
        let Some((identity, published)) = identities.next() else { break };
        let names = viewed.map(|viewed| viewed.value(row));
        let names = names.as_ref().and_then(|names| names.as_string_opt::<i32>());
        let revenue = revenues.filter(|revenues| revenues.is_valid(row));
        landed.push(Landed {
            run_id: identity.run,
            seq: identity.seq,
            date: *date,
            country: value(countries, row),
            device_category: value(devices, row),
            revenue: revenue.and_then(|revenues| i64::try_from(revenues.value(row)).ok()),
            viewed: names.map(|names| names.iter().flatten().map(str::to_owned).collect()).unwrap_or_default(),
            published,
            visible,
        });
    }
    landed
}
