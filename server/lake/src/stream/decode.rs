//! From messages to rows. The verdict on a message depends on nothing but the message, so that both sinks come to the same one.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use arrow::array::{AsArray, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use chrono::{Datelike, NaiveDate};
use showrunner_ingest::{Decoder, Mode, OnePassDecoder, Row, TableSchema};

use super::ATTRIBUTE_CUSTOMER;
use crate::delta::parts;
use crate::ports::{Message, ReceivedMessage};
use crate::{Error, ErrorKind, Result};

/// Fields without which a session cannot be told from others or placed on a day.
const REQUIRED: [&str; 4] = ["fullVisitorId", "visitId", "visitStartTime", "date"];
/// Levels of nesting that are read.
const MAX_DEPTH: usize = 32;
/// Text that is decoded at a time; see [`showrunner_ingest::ReadOptions::chunk_bytes`].
const CHUNK_BYTES: usize = 4 << 20;
/// Messages that are decoded at a time, at most and, where there are as many, at least.
const CHUNK_ROWS: Range<usize> = 256..4_096;
/// Whose a message is that does not say it.
const UNKNOWN_CUSTOMER: &str = "unknown";

/// Decodes payloads. Its decoders are kept, each used by one worker at a time.
pub(super) struct Reader {
    schema: TableSchema,
    idle: Mutex<Vec<Decoding>>,
}

/// A decoder with its buffers.
struct Decoding {
    decoder: OnePassDecoder,
    text: Vec<u8>,
    rows: Vec<Row>,
}

/// What some messages hold.
pub(super) struct Decoded {
    /// The good rows, with all columns as they are delivered.
    pub rows: RecordBatch,
    /// For each row, which message it came in.
    pub good: Vec<usize>,
    /// For each row, its day.
    pub dates: Vec<NaiveDate>,
    /// The other messages, each with a sentence on what is wrong.
    pub bad: Vec<(usize, String)>,
}

/// Whose a message is.
///
/// # Errors
/// A sentence, where the name cannot be that of a partition.
pub(super) fn customer(message: &Message) -> Result<&str, String> {
    let customer = message.attributes.get(ATTRIBUTE_CUSTOMER).map_or(UNKNOWN_CUSTOMER, String::as_str);
    match parts::check_value("customer", customer) {
        Ok(()) => Ok(customer),
        Err(error) => Err(format!("the attribute customer: {}", error.message)),
    }
}

/// Pieces of about the same size, so many that all workers have something to do and none too much at a time.
pub(super) fn pieces(messages: &[ReceivedMessage], workers: usize) -> Vec<Range<usize>> {
    let rows = messages.len().div_ceil(workers.max(1)).clamp(CHUNK_ROWS.start, CHUNK_ROWS.end);
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, received) in messages.iter().enumerate() {
        if at > start && (at - start >= rows || bytes + received.message.data.len() > CHUNK_BYTES) {
            pieces.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += received.message.data.len();
    }
    if start < messages.len() {
        pieces.push(start..messages.len());
    }
    pieces
}

impl Reader {
    /// Of rows of this schema.
    pub fn new(schema: &TableSchema) -> Reader {
        let mut schema = schema.clone();
        for field in schema.fields.iter_mut().filter(|field| REQUIRED.contains(&field.name.as_str())) {
            field.mode = Mode::Required;
        }
        Reader { schema, idle: Mutex::default() }
    }

    /// Reads the messages; indexes in the answer are into them.
    ///
    /// # Errors
    /// Only for what is a bug: what is wrong with a message is in the answer.
    pub fn read(&self, messages: &[ReceivedMessage]) -> Result<Decoded> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut decoding = idle.unwrap_or_else(|| Decoding {
            decoder: OnePassDecoder::new(&self.schema, MAX_DEPTH),
            text: Vec::new(),
            rows: Vec::new(),
        });
        let decoded = decoding.read(messages)?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(decoding);
        Ok(decoded)
    }
}

impl Decoding {
    fn read(&mut self, messages: &[ReceivedMessage]) -> Result<Decoded> {
        self.text.clear();
        self.rows.clear();
        let (mut good, mut bad) = (Vec::with_capacity(messages.len()), Vec::new());
        for (at, ReceivedMessage { message, .. }) in messages.iter().enumerate() {
            if let Err(reason) = check(message) {
                bad.push((at, reason));
                continue;
            }
            let start = self.text.len();
            self.text.extend_from_slice(&message.data);
            self.rows.push(Row { start, end: self.text.len(), line: at as u64 });
            good.push(at);
        }
        let rows = match self.decoder.decode(&self.text, &self.rows) {
            Ok(rows) => rows,
            Err(fault) => self.sort_out(fault.row, &mut good, &mut bad)?,
        };
        let mut decoded = Decoded { rows, good, dates: Vec::new(), bad };
        decoded.place()?;
        Ok(decoded)
    }

    /// Some row is bad, and those before it are known to be good: tries the others one by one.
    fn sort_out(&mut self, first: usize, good: &mut Vec<usize>, bad: &mut Vec<(usize, String)>) -> Result<RecordBatch> {
        let (text, decoder) = (&self.text, &mut self.decoder);
        let mut kept = self.rows[..first].to_vec();
        let mut refused = Vec::new();
        for row in &self.rows[first..] {
            match decoder.check(&text[row.start..row.end]) {
                Ok(()) => kept.push(*row),
                Err(reason) => refused.push((row.line as usize, reason)),
            }
        }
        good.clear();
        good.extend(kept.iter().map(|row| row.line as usize));
        bad.extend(refused);
        decoder.decode(text, &kept).map_err(|fault| {
            let reason = fault.reason;
            Error::new(ErrorKind::Internal, format!("The decoder accepted a message and then refused it: {reason}."))
        })
    }
}

impl Decoded {
    /// Finds the day of each row, and refuses rows without one.
    fn place(&mut self) -> Result<()> {
        let internal = |e| Error::with(ErrorKind::Internal, "Messages could not be told apart.", e);
        let column = |name: &str| self.rows.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(dates), Some(visitors)) = (column("date"), column("fullVisitorId")) else {
            return Err(Error::new(ErrorKind::Internal, "The schema of the stream has no date or no visitor."));
        };
        let mut keep = vec![true; self.rows.num_rows()];
        let mut found = Vec::with_capacity(keep.len());
        // Of one visitor or of a day file: the same text over and over.
        let mut last: Option<(&str, NaiveDate)> = None;
        for (row, keep) in keep.iter_mut().enumerate() {
            let text = dates.value(row);
            let date = last.filter(|(known, _)| *known == text).map(|(_, date)| date).or_else(|| day(text));
            let verdict = match date {
                _ if visitors.value(row).is_empty() => Err("fullVisitorId: it is empty".to_owned()),
                Some(date) => Ok(date),
                None => {
                    let text: String = text.chars().take(40).collect();
                    Err(format!("date: expected a day such as 20170729, found {text:?}"))
                }
            };
            match verdict {
                Ok(date) => {
                    last = Some((text, date));
                    found.push(date);
                }
                Err(reason) => {
                    *keep = false;
                    self.bad.push((self.good[row], reason));
                }
            }
        }
        if found.len() < keep.len() {
            let mut row = 0;
            self.good.retain(|_| {
                row += 1;
                keep[row - 1]
            });
            self.rows = filter_record_batch(&self.rows, &BooleanArray::from(keep)).map_err(internal)?;
        }
        self.dates = found;
        self.bad.sort_by_key(|(at, _)| *at);
        Ok(())
    }
}

/// What can be said of a message before its payload is decoded.
fn check(message: &Message) -> Result<(), String> {
    customer(message)?;
    match std::str::from_utf8(&message.data) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("the row is no valid UTF-8 (at byte {})", error.valid_up_to() + 1)),
    }
}

/// `20170729`, the one spelling that is delivered.
fn day(text: &str) -> Option<NaiveDate> {
    parts::parse_date(text).filter(|date| text.len() == 8 && date.year() > 0)
}

#[cfg(test)]
mod tests {
    use showrunner_ingest::{GaSessionsVersion, ga_sessions_schema};

    use super::*;

    fn received(data: &[u8], customer: Option<&str>) -> ReceivedMessage {
        ReceivedMessage {
            ack_id: String::new(),
            message: Message {
                id: "1".to_owned(),
                data: bytes::Bytes::copy_from_slice(data),
                attributes: customer.map(|c| (ATTRIBUTE_CUSTOMER.to_owned(), c.to_owned())).into_iter().collect(),
                ordering_key: String::new(),
                published: chrono::DateTime::UNIX_EPOCH,
            },
            delivery_attempt: None,
        }
    }

    fn row(date: &str) -> String {
        format!(r#"{{"fullVisitorId":"0123","visitId":7,"visitStartTime":"1500000000","date":"{date}"}}"#)
    }

    #[test]
    fn each_bad_message_gets_its_reason_and_the_others_their_rows() {
        let cases: Vec<(Vec<u8>, Option<&str>, Option<&str>)> = vec![
            (row("20170729").into(), Some("customer01"), None),
            (b"{\"visitId\": broken".to_vec(), None, Some("visitId")),
            (
                row("20170729").replace("\"visitId\":7,", "").into(),
                None,
                Some("visitId: the required field is missing"),
            ),
            (row("20170729").replace(":7,", ":null,").into(), None, Some("visitId: the required field is missing")),
            (row("20170729").replace(":7,", ":\"x\",").into(), None, Some("visitId")),
            (row("20170729").replace("visitId", "visitID").into(), None, Some("not in the schema")),
            (row("20170729").replace("0123", "").into(), None, Some("fullVisitorId: it is empty")),
            (row("2017-07-29").into(), None, Some("date: expected a day such as 20170729")),
            (row("20170229").into(), None, Some("date: expected a day such as 20170729")),
            (row("20170730").into(), Some("a/b"), Some("the attribute customer")),
            (vec![b'{', 0xff], None, Some("no valid UTF-8 (at byte 2)")),
            (Vec::new(), None, Some("an object")),
            (row("20170731").into(), None, None),
            (format!(" {}\r\n", row("00010101")).into(), None, None),
        ];
        let messages: Vec<_> = cases.iter().map(|(data, customer, _)| received(data, *customer)).collect();
        let reader = Reader::new(&ga_sessions_schema(GaSessionsVersion::Current));
        // Twice: a decoder that refused something is used again.
        for _ in 0..2 {
            let decoded = reader.read(&messages).unwrap();
            assert_eq!(decoded.good, [0, 12, 13]);
            assert_eq!(
                decoded.dates.iter().map(ToString::to_string).collect::<Vec<_>>(),
                ["2017-07-29", "2017-07-31", "0001-01-01"]
            );
            assert_eq!(decoded.rows.num_rows(), 3);
            let bad: Vec<usize> = decoded.bad.iter().map(|(at, _)| *at).collect();
            assert_eq!(bad, (1..12).collect::<Vec<_>>());
            for (at, reason) in &decoded.bad {
                let expected = cases[*at].2.unwrap();
                assert!(reason.contains(expected), "{at}: {reason} does not say {expected}");
            }
        }
        assert_eq!(customer(&messages[0].message), Ok("customer01"));
        assert_eq!(customer(&messages[12].message), Ok(UNKNOWN_CUSTOMER));
    }

    #[test]
    fn pieces_cover_all_messages_once() {
        let messages: Vec<_> = (0..5_000).map(|_| received(&[b'x'; 2_000], None)).collect();
        for workers in [0, 1, 2, 64] {
            let pieces = pieces(&messages, workers);
            assert_eq!(pieces.iter().cloned().flatten().collect::<Vec<_>>(), (0..5_000).collect::<Vec<_>>());
            assert!(pieces.iter().all(|piece| piece.len() * 2_000 <= CHUNK_BYTES && piece.len() <= CHUNK_ROWS.end));
        }
        assert_eq!(pieces(&messages[..10], 2), std::iter::once(0..10).collect::<Vec<_>>());
        assert!(pieces(&[], 2).is_empty());
    }
}
