//! Rows of the stream's tables: sessions as silver computes them, raw rows, and error records.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int64Array, ListBuilder, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate, Utc};

use super::decode::{Decoded, Reader, customer};
use super::identity::Identity;
use super::{DeadLetter, STREAM_TOPIC};
use crate::datasets::{MESSAGE_ID, PUBLISH_TIME, RUN_ID, SEQ, SOURCE_FILE};
use crate::delta::Table;
use crate::ports::{Message, ReceivedMessage};
use crate::warehouse::date32;
use crate::{Error, ErrorKind, Result, transform};

/// Bytes of a payload that an error record holds.
const PAYLOAD_BYTES: usize = 1_000_000;
/// The shop action of a hit that shows a product's page.
const DETAIL: &str = "2";
/// What silver takes for no name.
const NO_NAMES: [&str; 2] = ["not available in demo dataset", "(not set)"];

/// Rows of a piece of a batch, in a table's columns.
pub(super) struct Piece {
    pub rows: RecordBatch,
    /// For each row, which message of the piece it came in.
    pub good: Vec<usize>,
    /// For each row, its day.
    pub dates: Vec<NaiveDate>,
    /// The other messages, each with a sentence on what is wrong.
    pub bad: Vec<(usize, String)>,
}

fn internal(error: arrow::error::ArrowError) -> Error {
    Error::with(ErrorKind::Internal, format!("The rows of a stream could not be put together: {error}"), error)
}

fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn times(values: impl IntoIterator<Item = DateTime<Utc>>) -> ArrayRef {
    let micros = values.into_iter().map(|time| time.timestamp_micros());
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

/// Messages as sessions of the warehouse.
pub(super) async fn sessions(
    reader: &Reader,
    messages: &[ReceivedMessage],
    now: DateTime<Utc>,
    schema: &SchemaRef,
) -> Result<Piece> {
    let decoded = reader.read(messages)?;
    let narrow = narrow(&decoded, messages)?;
    let Decoded { mut good, mut dates, mut bad, .. } = decoded;
    let (sessions, narrow) = match transform::stream_rows(&narrow).await {
        Ok(sessions) => (sessions, narrow),
        Err(error) if error.kind == ErrorKind::Storage => return Err(error),
        // One row that cannot be computed must not keep the others back.
        Err(_) => one_by_one(&narrow, &mut good, &mut dates, &mut bad).await?,
    };
    let of = |row: &usize| &messages[*row].message;
    let identities: Vec<Identity> = good.iter().map(|row| Identity::of(of(row))).collect();
    let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::from([
        ("run_id", texts(identities.iter().map(|identity| identity.run.as_str()))),
        ("seq", Arc::new(Int64Array::from_iter_values(identities.iter().map(Identity::column))) as ArrayRef),
        ("message_id", texts(good.iter().map(|row| of(row).id.as_str()))),
        ("publish_time", times(good.iter().map(|row| of(row).published))),
        ("ingest_time", times(good.iter().map(|_| now))),
        ("viewed", viewed(&narrow)),
    ]);
    for (field, column) in sessions.schema().fields().iter().zip(sessions.columns()) {
        if let Some(known) = schema.fields().iter().find(|known| known.name() == field.name()) {
            columns.insert(known.name(), column.clone());
        }
    }
    Ok(Piece { rows: in_schema(columns, schema)?, good, dates, bad })
}

/// Messages as rows of bronze. The partition columns are not among the file's columns.
pub(super) fn raw(reader: &Reader, messages: &[ReceivedMessage], table: &Table) -> Result<Piece> {
    let Decoded { rows, good, dates, bad } = reader.read(messages)?;
    let of = |row: &usize| &messages[*row].message;
    let identities: Vec<Identity> = good.iter().map(|row| Identity::of(of(row))).collect();
    let schema = table.shape.data_schema();
    let mut columns: BTreeMap<&str, ArrayRef> = BTreeMap::from([
        (SOURCE_FILE, texts(good.iter().map(|_| STREAM_TOPIC))),
        (RUN_ID, texts(identities.iter().map(|identity| identity.run.as_str()))),
        (MESSAGE_ID, texts(good.iter().map(|row| of(row).id.as_str()))),
        (SEQ, Arc::new(Int64Array::from_iter_values(identities.iter().map(Identity::column))) as ArrayRef),
        (PUBLISH_TIME, times(good.iter().map(|row| of(row).published))),
    ]);
    let decoded = rows.schema();
    for (field, column) in decoded.fields().iter().zip(rows.columns()) {
        columns.entry(field.name()).or_insert_with(|| column.clone());
    }
    Ok(Piece { rows: in_schema(columns, &schema)?, good, dates, bad })
}

/// Error records, in the columns of their table.
pub(super) fn error_records(letters: &[DeadLetter], schema: &SchemaRef) -> Result<RecordBatch> {
    let numbers = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let text = |of: fn(&DeadLetter) -> &str| texts(letters.iter().map(of));
    let attributes = letters.iter().map(|letter| serde_json::to_string(&letter.attributes));
    let attributes = attributes.collect::<Result<Vec<_>, _>>();
    let attributes = attributes
        .map_err(|e| Error::with(ErrorKind::Internal, "The attributes of a message cannot be written down.", e))?;
    let dates = letters.iter().map(|letter| date32(letter.received.date_naive()));
    let customers: StringArray =
        letters.iter().map(|l| Some(l.customer.as_str()).filter(|customer| !customer.is_empty())).collect();
    let columns = BTreeMap::from([
        ("date", Arc::new(Date32Array::from_iter_values(dates)) as ArrayRef),
        ("timestamp", times(letters.iter().map(|letter| letter.received))),
        ("run_id", text(|letter| &letter.run_id)),
        ("seq", numbers(letters.iter().map(|letter| i64::try_from(letter.seq).unwrap_or(i64::MAX)).collect())),
        ("attempt", numbers(letters.iter().map(|letter| i64::from(letter.attempt)).collect())),
        ("message_id", text(|letter| &letter.message_id)),
        ("publish_time", times(letters.iter().map(|letter| letter.published))),
        ("customer", Arc::new(customers)),
        ("payload_string", text(|letter| &letter.payload)),
        ("attributes", texts(attributes.iter().map(String::as_str))),
        ("error_message", text(|letter| &letter.reason)),
    ]);
    in_schema(columns, schema)
}

/// The error record of a message.
pub(super) fn dead_letter(message: &Message, reason: String, received: DateTime<Utc>) -> DeadLetter {
    let identity = Identity::of(message);
    let mut payload = String::from_utf8_lossy(&message.data).into_owned();
    let mut reason = reason;
    if payload.len() > PAYLOAD_BYTES {
        reason.push_str(&format!(" (of the payload's {} bytes the first {PAYLOAD_BYTES} are kept)", payload.len()));
        payload.truncate(payload.floor_char_boundary(PAYLOAD_BYTES));
    }
    DeadLetter {
        run_id: identity.run,
        seq: identity.seq,
        attempt: identity.attempt,
        message_id: message.id.clone(),
        received,
        published: message.published,
        customer: message.attributes.get(super::ATTRIBUTE_CUSTOMER).cloned().unwrap_or_default(),
        payload,
        attributes: message.attributes.clone(),
        reason,
    }
}

fn in_schema(mut columns: BTreeMap<&str, ArrayRef>, schema: &SchemaRef) -> Result<RecordBatch> {
    let column = |field: &Arc<Field>| {
        let column = columns.remove(field.name().as_str()).ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("The rows of a stream have no column {}.", field.name()))
        })?;
        match column.data_type() == field.data_type() {
            true => Ok(column),
            false => arrow::compute::cast(&column, field.data_type()).map_err(internal),
        }
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(schema.clone(), columns).map_err(internal)
}

/// The part of the rows that silver reads, with whose they are.
fn narrow(decoded: &Decoded, messages: &[ReceivedMessage]) -> Result<RecordBatch> {
    let customers = decoded.good.iter().map(|row| customer(&messages[*row].message).unwrap_or_default());
    let mut fields = decoded.rows.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("customer", DataType::Utf8, true)));
    let mut columns = decoded.rows.columns().to_vec();
    columns.push(texts(customers));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(internal)?;
    transform::narrow_bronze(&rows, &[(SOURCE_FILE, STREAM_TOPIC)])
}

/// Computes the rows each on its own, and refuses those that cannot be.
async fn one_by_one(
    narrow: &RecordBatch,
    good: &mut Vec<usize>,
    dates: &mut Vec<NaiveDate>,
    bad: &mut Vec<(usize, String)>,
) -> Result<(RecordBatch, RecordBatch)> {
    let (mut sessions, mut rows, mut keep) = (Vec::new(), Vec::new(), Vec::new());
    for (row, message) in good.iter().enumerate() {
        let one = narrow.slice(row, 1);
        match transform::stream_rows(&one).await {
            Ok(session) => {
                sessions.push(session);
                rows.push(one);
                keep.push(true);
            }
            Err(error) if error.kind == ErrorKind::Storage => return Err(error),
            Err(error) => {
                bad.push((*message, error.message));
                keep.push(false);
            }
        }
    }
    let mut kept = keep.iter();
    good.retain(|_| kept.next() == Some(&true));
    let mut kept = keep.iter();
    dates.retain(|_| kept.next() == Some(&true));
    let schema = match sessions.first() {
        Some(first) => first.schema(),
        None => transform::stream_rows(&narrow.slice(0, 0)).await?.schema(),
    };
    let sessions = concat_batches(&schema, &sessions).map_err(internal)?;
    Ok((sessions, concat_batches(&narrow.schema(), &rows).map_err(internal)?))
}

/// Names of the products whose pages each session has seen, each name once: the rows of silver's products with the action `detail`.
fn viewed(narrow: &RecordBatch) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, true));
    let hits = narrow.column_by_name("hits").and_then(|column| column.as_list_opt::<i32>());
    let products = hits.and_then(|hits| Products::of(hits.values().as_struct_opt()?));
    for row in 0..narrow.num_rows() {
        if let (Some(hits), Some(products)) = (hits, &products) {
            let range = hits.value_offsets()[row] as usize..hits.value_offsets()[row + 1] as usize;
            products.seen(range).into_iter().for_each(|name| builder.values().append_value(name));
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// The columns of hits that say which product pages were seen.
struct Products<'a> {
    actions: &'a StringArray,
    offsets: &'a [i32],
    names: &'a StringArray,
    impressions: &'a arrow::array::BooleanArray,
}

impl<'a> Products<'a> {
    fn of(hits: &'a StructArray) -> Option<Self> {
        let actions = hits.column_by_name("eCommerceAction")?.as_struct_opt()?.column_by_name("action_type")?;
        let products = hits.column_by_name("product")?.as_list_opt::<i32>()?;
        let product = products.values().as_struct_opt()?;
        Some(Products {
            actions: actions.as_string_opt()?,
            offsets: products.value_offsets(),
            names: product.column_by_name("v2ProductName")?.as_string_opt()?,
            impressions: product.column_by_name("isImpression")?.as_boolean_opt()?,
        })
    }

    fn seen(&self, hits: std::ops::Range<usize>) -> Vec<&'a str> {
        let mut seen = Vec::new();
        for hit in hits.filter(|hit| self.actions.is_valid(*hit) && self.actions.value(*hit) == DETAIL) {
            for product in self.offsets[hit] as usize..self.offsets[hit + 1] as usize {
                let listed = self.impressions.is_valid(product) && self.impressions.value(product);
                if listed || self.names.is_null(product) {
                    continue;
                }
                let name = self.names.value(product);
                if !NO_NAMES.contains(&name) && !seen.contains(&name) {
                    seen.push(name);
                }
            }
        }
        seen
    }
}
