//! Who a message is, whatever number of times and under whatever message id it comes, and which messages a table holds.
//!
//! The table itself is the record: what is in memory is read from it, and read again as soon as somebody else has committed to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use roaring::RoaringTreemap;

use super::{ATTRIBUTE_ATTEMPT, ATTRIBUTE_RUN, ATTRIBUTE_SEQ};
use crate::delta::{Current, Table};
use crate::ports::Message;
use crate::zone::read_columns;
use crate::{Error, ErrorKind, Result};

/// What a message is known by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Identity {
    /// The replay that published it; empty for a message of somebody else.
    pub run: String,
    /// Its number within the replay. Of somebody else's message a number that follows from its id and time.
    pub seq: u64,
    /// How often it was repaired.
    pub attempt: u32,
}

impl Identity {
    /// The message's own, from its attributes.
    pub fn of(message: &Message) -> Identity {
        let attribute = |name: &str| message.attributes.get(name).map(String::as_str);
        let attempt = attribute(ATTRIBUTE_ATTEMPT).and_then(|attempt| attempt.parse().ok()).unwrap_or(0);
        let run = attribute(ATTRIBUTE_RUN).filter(|run| !run.is_empty());
        let seq = attribute(ATTRIBUTE_SEQ).and_then(|seq| seq.parse().ok()).filter(|seq| i64::try_from(*seq).is_ok());
        match (run, seq) {
            (Some(run), Some(seq)) => Identity { run: run.to_owned(), seq, attempt },
            _ => Identity { run: String::new(), seq: number_of(message), attempt },
        }
    }

    /// The number as its column has it.
    pub fn column(&self) -> i64 {
        i64::try_from(self.seq).unwrap_or(i64::MAX)
    }
}

/// A number for a message that has none. Ids begin anew where a topic is made anew, so the time belongs to it.
fn number_of(message: &Message) -> u64 {
    // FNV-1a: the same in every version of this program, since it is stored.
    let bytes = message.id.bytes().chain(message.published.timestamp_micros().to_le_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash >> 1
}

/// What a table says of the messages that it holds.
pub(super) trait Holds: Default + Send + 'static {
    /// The columns it is read from.
    fn columns() -> SchemaRef;
    /// Takes in the rows of a file, in [`Holds::columns`].
    fn read(&mut self, rows: &RecordBatch);
}

/// A table's messages, as of a version of the table.
#[derive(Debug, Default)]
pub(super) struct Ledger<H> {
    version: Option<i64>,
    pub held: H,
}

impl<H: Holds> Ledger<H> {
    /// Reads the table unless this is its version.
    pub async fn refresh(&mut self, table: &Arc<Table>) -> Result<()> {
        let current = table.current().await?;
        if self.version != Some(current.version) {
            self.held = read::<H>(table, &current).await?;
            self.version = Some(current.version);
        }
        Ok(())
    }

    /// The version that this is of now, after a commit of ours whose messages were added. Where somebody got in between, it is read
    /// again at the next [`Ledger::refresh`].
    pub fn committed(&mut self, version: i64) {
        self.version = (self.version == Some(version - 1)).then_some(version);
    }

    /// Whether this is of the table's newest version.
    pub fn is_of(&self, current: &Current) -> bool {
        self.version == Some(current.version)
    }

    /// The table is read again at the next [`Ledger::refresh`].
    pub fn forget(&mut self) {
        self.version = None;
    }
}

async fn read<H: Holds>(table: &Arc<Table>, current: &Arc<Current>) -> Result<H> {
    let (table, current) = (table.clone(), current.clone());
    let read = move || {
        let mut held = H::default();
        for file in &current.files {
            held.read(&read_columns(&table, file, &H::columns())?);
        }
        Ok(held)
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|e| Err(Error::with(ErrorKind::Internal, "Reading what a table holds was cut short.", e)))
}

fn column(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

/// The messages of a table, by run.
#[derive(Debug, Clone, Default)]
pub(super) struct Messages(HashMap<String, RoaringTreemap>);

impl Messages {
    pub fn contains(&self, run: &str, seq: u64) -> bool {
        self.0.get(run).is_some_and(|seqs| seqs.contains(seq))
    }

    /// False if it was there.
    pub fn insert(&mut self, run: &str, seq: u64) -> bool {
        match self.0.get_mut(run) {
            Some(seqs) => seqs.insert(seq),
            None => self.0.entry(run.to_owned()).or_default().insert(seq),
        }
    }

    /// Messages of a run.
    pub fn of_run(&self, run: &str) -> u64 {
        self.0.get(run).map_or(0, RoaringTreemap::len)
    }

    fn read_pairs(&mut self, rows: &RecordBatch) {
        let (runs, seqs) = (rows.column(0).as_string::<i32>(), rows.column(1).as_primitive::<Int64Type>());
        for row in 0..rows.num_rows() {
            if let (true, Ok(seq)) = (seqs.is_valid(row), u64::try_from(seqs.value(row))) {
                self.insert(if runs.is_valid(row) { runs.value(row) } else { "" }, seq);
            }
        }
    }
}

/// As the warehouse's rows name them.
#[derive(Debug, Default)]
pub(super) struct Rows(pub Messages);

impl Holds for Rows {
    fn columns() -> SchemaRef {
        schema(vec![column("run_id", DataType::Utf8), column("seq", DataType::Int64)])
    }

    fn read(&mut self, rows: &RecordBatch) {
        self.0.read_pairs(rows);
    }
}

/// As bronze's rows name them.
#[derive(Debug, Default)]
pub(super) struct RawRows(pub Messages);

impl Holds for RawRows {
    fn columns() -> SchemaRef {
        use crate::datasets::{RUN_ID, SEQ};
        schema(vec![column(RUN_ID, DataType::Utf8), column(SEQ, DataType::Int64)])
    }

    fn read(&mut self, rows: &RecordBatch) {
        self.0.read_pairs(rows);
    }
}

/// The error records: of each message the attempts, with the time in microseconds at which each was received.
#[derive(Debug, Default)]
pub(super) struct Errors(HashMap<String, BTreeMap<u64, BTreeMap<u32, i64>>>);

/// Error records of a run or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ErrorCounts {
    /// Messages that nobody has repaired.
    pub open: u64,
    /// Messages that a later attempt brought into the warehouse.
    pub repaired: u64,
    /// Records.
    pub all: u64,
}

impl Errors {
    pub fn contains(&self, identity: &Identity) -> bool {
        self.0
            .get(&identity.run)
            .and_then(|seqs| seqs.get(&identity.seq))
            .is_some_and(|a| a.contains_key(&identity.attempt))
    }

    /// False if it was there.
    pub fn insert(&mut self, identity: &Identity, received: i64) -> bool {
        let attempts = self.0.entry(identity.run.clone()).or_default().entry(identity.seq).or_default();
        attempts.insert(identity.attempt, received).is_none()
    }

    /// How many there are, of one run or of all.
    pub fn counts(&self, run: Option<&str>, rows: &Messages) -> ErrorCounts {
        let mut counts = ErrorCounts::default();
        for (of, seqs) in self.0.iter().filter(|(of, _)| run.is_none_or(|run| run == of.as_str())) {
            for (seq, attempts) in seqs {
                counts.all += attempts.len() as u64;
                match rows.contains(of, *seq) {
                    true => counts.repaired += 1,
                    false => counts.open += 1,
                }
            }
        }
        counts
    }

    /// The open ones with the time at which their newest attempt was received, newest first.
    pub fn open(&self, rows: &Messages) -> Vec<(Identity, i64)> {
        let mut open = Vec::new();
        for (run, seqs) in &self.0 {
            for (seq, attempts) in seqs.iter().filter(|(seq, _)| !rows.contains(run, **seq)) {
                if let Some((attempt, received)) = attempts.last_key_value() {
                    open.push((Identity { run: run.clone(), seq: *seq, attempt: *attempt }, *received));
                }
            }
        }
        open.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        open
    }

    /// The newest attempt of a message, and when it was received.
    pub fn newest(&self, run: &str, seq: u64) -> Option<(Identity, i64)> {
        let (attempt, received) = self.0.get(run)?.get(&seq)?.last_key_value()?;
        Some((Identity { run: run.to_owned(), seq, attempt: *attempt }, *received))
    }
}

impl Holds for Errors {
    fn columns() -> SchemaRef {
        let received = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        schema(vec![
            column("run_id", DataType::Utf8),
            column("seq", DataType::Int64),
            column("attempt", DataType::Int64),
            column("timestamp", received),
        ])
    }

    fn read(&mut self, rows: &RecordBatch) {
        let runs = rows.column(0).as_string::<i32>();
        let (seqs, attempts) = (rows.column(1).as_primitive::<Int64Type>(), rows.column(2).as_primitive::<Int64Type>());
        let received = rows.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in 0..rows.num_rows() {
            let identity = Identity {
                run: runs.value(row).to_owned(),
                seq: u64::try_from(seqs.value(row)).unwrap_or_default(),
                attempt: u32::try_from(attempts.value(row)).unwrap_or_default(),
            };
            self.insert(&identity, received.value(row));
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn message(id: &str, attributes: &[(&str, &str)]) -> Message {
        Message {
            id: id.to_owned(),
            data: bytes::Bytes::new(),
            attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ordering_key: String::new(),
            published: DateTime::from_timestamp_micros(1_500_000_000_000_000).unwrap(),
        }
    }

    #[test]
    fn a_message_is_its_run_and_number_whatever_its_id() {
        let own = |id| Identity::of(&message(id, &[("run_id", "r1"), ("seq", "7"), ("attempt", "2")]));
        assert_eq!(own("1"), Identity { run: "r1".to_owned(), seq: 7, attempt: 2 });
        assert_eq!(own("1"), own("2"));
        for attributes in [
            &[("seq", "7")][..],
            &[("run_id", "r1")],
            &[("run_id", ""), ("seq", "7")],
            &[("run_id", "r1"), ("seq", "-7")],
            // It would not fit into its column.
            &[("run_id", "r1"), ("seq", "18446744073709551615")],
        ] {
            let strange = |id| Identity::of(&message(id, attributes));
            assert_eq!((strange("1").run.as_str(), strange("1").seq), ("", strange("1").seq), "{attributes:?}");
            assert_ne!(strange("1"), strange("2"), "{attributes:?}");
            assert!(strange("1").column() >= 0);
        }
    }

    #[test]
    fn a_dead_letter_is_open_until_its_message_lands() {
        let (mut errors, mut rows) = (Errors::default(), Messages::default());
        let letter = |seq, attempt| Identity { run: "r".to_owned(), seq, attempt };
        for (seq, attempt, at) in [(1, 0, 10), (2, 0, 20), (1, 1, 30)] {
            assert!(errors.insert(&letter(seq, attempt), at));
        }
        assert!(!errors.insert(&letter(1, 0), 10) && errors.contains(&letter(1, 1)) && !errors.contains(&letter(2, 1)));
        assert_eq!(errors.counts(None, &rows), ErrorCounts { open: 2, repaired: 0, all: 3 });
        assert_eq!(errors.open(&rows), [(letter(1, 1), 30), (letter(2, 0), 20)]);
        rows.insert("r", 1);
        assert_eq!(errors.counts(Some("r"), &rows), ErrorCounts { open: 1, repaired: 1, all: 3 });
        assert_eq!(errors.counts(Some("other"), &rows), ErrorCounts::default());
        assert_eq!(errors.open(&rows), [(letter(2, 0), 20)]);
        assert_eq!(errors.newest("r", 1), Some((letter(1, 1), 30)));
    }
}
