//! Rows appended by BigQuery Storage Write, each exactly once.
//!
//! Rows of a table go into a write stream of our own, of type COMMITTED, so that they are seen when they are acknowledged. Each has a number
//! in it, its offset, and the stream takes a request only where it ends: one whose answer was lost is sent again with the same number to
//! the same stream, and if the first came in the second is refused as being there already. The default stream has no offsets; rows
//! would double there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::time::Instant;

use self::ipc::{Part, parts, without_null_lists};
use self::messages::{
    AppendRowsRequest, ArrowData, ArrowRecordBatch, ArrowSchema, CreateWriteStreamRequest, FinalizeWriteStreamRequest,
    FinalizeWriteStreamResponse, StreamType, WriteStream,
};
use self::wire::{Connection, Failed, Tries, Wire};
use super::load::{arrow_schema, fitted};
use super::tables::described;
use super::{BigQueryWarehouse, check_name};
use crate::error::sentence;

mod ipc;
mod messages;
mod wire;

/// How we are called in Google's logs.
const TRACE: &str = "showrunner";
/// Refused rows that are named in an error.
const NAMED: usize = 3;

/// The write streams of one warehouse in this process.
#[derive(Debug)]
pub(super) struct Writer {
    wire: Wire,
    tables: Mutex<HashMap<String, Place>>,
    opened: Instant,
}

/// A table's stream; the lock is held while rows are on their way.
type Place = Arc<tokio::sync::Mutex<Option<Stream>>>;

/// A write stream of ours.
struct Stream {
    name: String,
    schema: SchemaRef,
    /// The number of the next row.
    next: i64,
    /// Whether all that was sent was also acknowledged. Else it takes nothing more: whoever appends other rows at a place whose answer was
    /// lost would take the ones that are there for them.
    whole: bool,
    connection: Option<Connection>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Writer {
    pub(super) fn new(wire: Wire) -> Writer {
        Writer { wire, tables: Mutex::default(), opened: Instant::now() }
    }

    fn place(&self, table: &str) -> Place {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.entry(table.to_owned()).or_default().clone()
    }
}

/// The writer of a warehouse at this address.
pub(super) fn writer(endpoint: &crate::Endpoint, access: &crate::Access, pace: crate::Pace) -> Arc<Writer> {
    Arc::new(Writer::new(Wire::new(endpoint, access, pace)))
}

impl BigQueryWarehouse {
    pub(super) async fn append_rows(&self, table: &str, rows: &RecordBatch) -> Result<()> {
        check_name("table", table)?;
        let shown = self.shown(table);
        let place = self.writer.place(table);
        let mut place = place.lock().await;
        if place.as_ref().is_some_and(|stream| !stream.whole) {
            self.end(table, &mut place).await?;
        }
        let stream = match &mut *place {
            Some(stream) => stream,
            none => none.insert(self.begin(table).await?),
        };
        let rows = without_null_lists(&fitted(rows, &stream.schema, &shown)?, stream.schema.clone())?;
        let encode = {
            let shown = shown.clone();
            move || parts(&rows, &shown)
        };
        let (schema, parts) = tokio::task::spawn_blocking(encode).await.map_err(|error| {
            let message = format!("Could not append rows to {shown}: writing Arrow stopped unexpectedly.");
            Error::with(ErrorKind::Internal, message, error)
        })??;
        let schema = ArrowSchema { serialized_schema: schema };
        let first = stream.next;
        stream.whole = false;
        for part in parts {
            let action = format!("append rows to {shown}");
            send(&self.writer.wire, &action, stream, &schema, &part, first).await?;
            stream.next += i64::try_from(part.rows).unwrap_or(i64::MAX);
        }
        stream.whole = true;
        Ok(())
    }

    /// A new stream of the table.
    async fn begin(&self, table: &str) -> Result<Stream> {
        let schema = arrow_schema(&described(table, &self.stored(table).await?)?)?;
        let (project, dataset) = (&self.jobs.project, &self.options.dataset);
        let parent = format!("projects/{project}/datasets/{dataset}/tables/{table}");
        let wanted = WriteStream { r#type: StreamType::Committed as i32, ..WriteStream::default() };
        let request = CreateWriteStreamRequest { parent: parent.clone(), write_stream: Some(wanted) };
        let action = format!("begin a write stream of {}", self.shown(table));
        // After a lost answer there is a stream too many, which nobody writes to.
        let answer = self.writer.wire.ask(&action, wire::CREATE, ("parent", &parent), &request).await;
        let made: WriteStream = answer.map_err(|failed| failed.into_error(&action))?;
        Ok(Stream { name: made.name, schema, next: 0, whole: true, connection: None })
    }

    /// When this has returned, what was appended before is in the table or never will be.
    ///
    /// The stream of this process is finalized: what comes to it later is refused. A process that died has left a stream that we do not
    /// know. Its name died with it, so nobody appends to it any more; at most the server still does what it had received when the
    /// connection broke. So where this process has no stream, that much time has to have passed since the process began.
    pub(super) async fn settle_rows(&self, table: &str) -> Result<()> {
        check_name("table", table)?;
        let place = self.writer.place(table);
        let mut place = place.lock().await;
        if place.is_none() {
            tokio::time::sleep_until(self.writer.opened + self.options.unfinished).await;
            return Ok(());
        }
        self.end(table, &mut place).await
    }

    /// Ends the stream of this process, if there is one; what another process has left behind is not waited for.
    pub(super) async fn end_stream(&self, table: &str) -> Result<()> {
        let place = self.writer.place(table);
        let mut place = place.lock().await;
        self.end(table, &mut place).await
    }

    /// Finalizes the stream of this process, if there is one, and forgets it.
    async fn end(&self, table: &str, place: &mut Option<Stream>) -> Result<()> {
        let Some(stream) = place else { return Ok(()) };
        stream.connection = None;
        let action = format!("settle what was appended to {}", self.shown(table));
        let request = FinalizeWriteStreamRequest { name: stream.name.clone() };
        let answer: Result<FinalizeWriteStreamResponse, Failed> =
            self.writer.wire.ask(&action, wire::FINALIZE, ("name", &stream.name), &request).await;
        match answer {
            Ok(answer) if answer.row_count != stream.next => {
                tracing::info!(stream = stream.name, rows = answer.row_count, acknowledged = stream.next, "settled");
            }
            Ok(_) => {}
            // It takes nothing more either way.
            Err(failed) if failed.is_ended() => {}
            Err(failed) => return Err(failed.into_error(&action)),
        }
        *place = None;
        Ok(())
    }
}

/// Sends one part until it is in, always to the same place of the same stream.
async fn send(
    wire: &Wire,
    action: &str,
    stream: &mut Stream,
    schema: &ArrowSchema,
    part: &Part,
    first: i64,
) -> Result<()> {
    let request = AppendRowsRequest {
        write_stream: stream.name.clone(),
        offset: Some(stream.next),
        arrow_rows: Some(ArrowData {
            writer_schema: Some(schema.clone()),
            rows: Some(ArrowRecordBatch { serialized_record_batch: part.batch.clone() }),
        }),
        trace_id: TRACE.to_owned(),
    };
    let (mut tries, mut may_be_in) = (Tries::new(wire.pace), false);
    loop {
        let failed = match wire.append(&mut stream.connection, request.clone(), &tries).await {
            Ok(offset) if offset == Some(stream.next) => return Ok(()),
            Ok(offset) => {
                let why =
                    format!("BigQuery took them at {offset:?} of their stream, where {} was asked for", stream.next);
                return Err(Error::new(ErrorKind::Internal, sentence(action, &why, None)));
            }
            // Nobody else knows the stream: these are the rows of the attempt whose answer was lost.
            Err(failed) if failed.is_there() && may_be_in => return Ok(()),
            Err(failed) => failed,
        };
        may_be_in |= failed.may_be_in();
        if !tries.again(action, &failed).await {
            return Err(refused(action, failed, stream.next - first));
        }
    }
}

/// Why rows are not in; `before` of the call's rows went in earlier parts.
fn refused(action: &str, failed: Failed, before: i64) -> Error {
    if let Some(number) = Some(failed.rows.len()).filter(|number| *number > 0) {
        let shown = failed.rows.iter().take(NAMED);
        let shown: Vec<String> = shown.map(|row| format!("row {}: {}", row.index + before, row.message)).collect();
        let why = format!("BigQuery refused {number} of them and took none. {}", shown.join("; "));
        return Error::new(ErrorKind::Invalid, sentence(action, &why, failed.request()));
    }
    if failed.is_ended() || failed.is_there() || failed.is_beyond() {
        let said = failed.message();
        let why = format!(
            "their stream has ended or is not where it was left ({said}). Look which rows came, then append the others"
        );
        return Error::new(ErrorKind::Conflict, sentence(action, &why, failed.request()));
    }
    failed.into_error(action)
}
