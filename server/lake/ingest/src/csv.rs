//! CSV: each record becomes one row of JSON text, so that the same decoder judges it.
//!
//! The header names columns: a top-level field, or a nested one by its dotted path
//! (`totals.visits`). Records and repeated fields are JSON text within the cell. An empty cell is
//! null, a quoted empty cell (`""`) is the empty string.

use std::io::{self, Read};

use memchr::memchr;
use serde::de::IgnoredAny;

use crate::compress::read_full;
use crate::error::ErrorKind;
use crate::lines::{BadRow, Chunk, Cut, Row, RowSource, RowsError, SAMPLE_BYTES, too_long};
use crate::schema::{FieldSchema, FieldType, Mode, TableSchema};
use crate::sniff::BOM;

const INPUT_BUFFER: usize = 64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    CellStart,
    Plain,
    Quoted,
    /// After a quote within a quoted cell: its end, or an escaped quote.
    Quote,
}

/// One record, its cells unquoted.
#[derive(Debug, Default)]
struct Record {
    bytes: Vec<u8>,
    /// End of each cell in `bytes`, and whether it was quoted.
    cells: Vec<(usize, bool)>,
    line: u64,
    fault: Option<String>,
}

impl Record {
    fn cell(&self, index: usize) -> (&[u8], bool) {
        let start = index.checked_sub(1).map_or(0, |before| self.cells[before].0);
        let (end, quoted) = self.cells[index];
        (&self.bytes[start..end], quoted)
    }
}

struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    pos: usize,
    filled: usize,
    line: u64,
    max_row_bytes: usize,
}

impl<R: Read> Input<R> {
    fn refill(&mut self) -> io::Result<bool> {
        self.pos = 0;
        self.filled = read_full(&mut self.reader, &mut self.buffer)?;
        Ok(self.filled > 0)
    }

    /// Reads the next record; false at the end. Blank lines are skipped.
    fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        loop {
            record.bytes.clear();
            record.cells.clear();
            record.fault = None;
            record.line = self.line;
            if !self.read_one(record)? {
                return Ok(false);
            }
            let blank = matches!(record.cells[..], [(0, false)]);
            if !blank || record.fault.is_some() {
                return Ok(true);
            }
        }
    }

    fn read_one(&mut self, record: &mut Record) -> io::Result<bool> {
        let mut state = State::CellStart;
        let mut any = false;
        loop {
            if self.pos == self.filled && !self.refill()? {
                break;
            }
            any = true;
            let byte = self.buffer[self.pos];
            self.pos += 1;
            if byte == b'\n' {
                self.line += 1;
            }
            match (state, byte) {
                (State::Quoted, b'"') => state = State::Quote,
                (State::Quoted, _) => {
                    record.bytes.push(byte);
                    // The rest up to the next quote in one go.
                    let rest = &self.buffer[self.pos..self.filled];
                    let run = &rest[..memchr(b'"', rest).unwrap_or(rest.len())];
                    record.bytes.extend_from_slice(run);
                    self.line += memchr::memchr_iter(b'\n', run).count() as u64;
                    self.pos += run.len();
                }
                (State::CellStart, b'"') => state = State::Quoted,
                (State::Quote, b'"') => {
                    record.bytes.push(b'"');
                    state = State::Quoted;
                }
                (_, b',') => {
                    let end = record.bytes.len();
                    record.cells.push((end, state == State::Quote));
                    state = State::CellStart;
                }
                (_, b'\n') => {
                    if state != State::Quote && record.bytes.last() == Some(&b'\r') {
                        record.bytes.pop();
                    }
                    break;
                }
                (State::Quote, b'\r') => {}
                (State::Quote, _) => {
                    record.fault.get_or_insert_with(|| "there is text after the closing quote of a cell".to_owned());
                }
                (State::CellStart | State::Plain, _) => {
                    record.bytes.push(byte);
                    state = State::Plain;
                }
            }
            if record.bytes.len() > self.max_row_bytes {
                record.bytes.truncate(SAMPLE_BYTES);
                record.cells.clear();
                record.fault = Some(too_long(self.max_row_bytes));
            }
        }
        if state == State::Quoted {
            record.fault = Some("a quoted cell is never closed".to_owned());
        }
        if any {
            let end = record.bytes.len();
            record.cells.push((end, state == State::Quote));
        }
        Ok(any)
    }
}

/// Where a column's cell goes in the JSON object.
#[derive(Debug)]
enum Target {
    Scalar { cell: usize },
    Json { cell: usize },
    Record { fields: Vec<(String, Target)> },
}

/// CSV records as rows of JSON text.
pub(crate) struct CsvRows<R> {
    input: Input<R>,
    cut: Cut,
    columns: Vec<String>,
    targets: Vec<(String, Target)>,
    record: Record,
    text: Vec<u8>,
    rows: Vec<Row>,
    bad: Vec<BadRow>,
}

/// Opens the text and reads its header.
fn open<R: Read>(reader: R, max_row_bytes: usize) -> Result<(Input<R>, Record, Vec<String>), RowsError> {
    let mut input = Input { reader, buffer: vec![0; INPUT_BUFFER], pos: 0, filled: 0, line: 1, max_row_bytes };
    input.refill()?;
    if input.buffer[..input.filled].starts_with(BOM) {
        input.pos = BOM.len();
    }
    let mut record = Record::default();
    if !input.read(&mut record)? {
        return Err(ErrorKind::Empty.into());
    }
    if let Some(fault) = &record.fault {
        return Err(ErrorKind::Corrupt(format!("the header line: {fault}")).into());
    }
    let columns =
        (0..record.cells.len()).map(|index| String::from_utf8_lossy(record.cell(index).0).into_owned()).collect();
    Ok((input, record, columns))
}

/// Header and cells without any schema; records that are no such rows are left out. An empty cell is `None`.
pub(crate) type Cells = (Vec<String>, Vec<Vec<Option<String>>>);

/// Reads at most `rows` records.
pub(crate) fn cells(text: impl Read, rows: usize) -> Result<Cells, RowsError> {
    let (mut input, mut record, columns) = open(text, 1 << 20)?;
    let mut all = Vec::new();
    while all.len() < rows && input.read(&mut record)? {
        if record.fault.is_none() && record.cells.len() == columns.len() {
            let cell = |index| {
                let (bytes, quoted) = record.cell(index);
                (quoted || !bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
            };
            all.push((0..columns.len()).map(cell).collect());
        }
    }
    Ok((columns, all))
}

impl<R: Read> CsvRows<R> {
    /// Reads the header.
    pub(crate) fn new(reader: R, cut: Cut, schema: &TableSchema) -> Result<Self, RowsError> {
        let (input, record, columns) = open(reader, cut.max_row_bytes)?;
        let targets = plan(&columns, &schema.fields, "")?;
        for (index, column) in columns.iter().enumerate() {
            if columns[..index].contains(column) {
                return Err(ErrorKind::Columns(format!("'{column}' is there twice")).into());
            }
            // Below a repeated record there is no cell for each value.
            if let Some(parent) = repeated_parent(column, schema) {
                return Err(ErrorKind::Columns(format!(
                    "'{column}' lies below the repeated '{parent}', which is one cell of JSON text"
                ))
                .into());
            }
            if schema.field(column).is_none() {
                return Err(ErrorKind::Columns(format!("'{column}' is no column of the schema")).into());
            }
            let below = format!("{column}.");
            if let Some(other) = columns.iter().find(|other| other.starts_with(&below)) {
                return Err(ErrorKind::Columns(format!("both '{column}' and '{other}' are there")).into());
            }
        }
        Ok(Self { input, cut, columns, targets, record, text: Vec::new(), rows: Vec::new(), bad: Vec::new() })
    }

    fn push_record(&mut self) {
        let record = &self.record;
        let start = self.text.len();
        let written = match &record.fault {
            Some(fault) => Err(fault.clone()),
            None if record.cells.len() != self.columns.len() => {
                Err(format!("it has {} cells, the header has {}", record.cells.len(), self.columns.len()))
            }
            None => write_object(&mut self.text, &self.targets, record, &self.columns).map(|_| ()),
        };
        match written {
            Ok(()) => {
                if self.text.len() == start {
                    self.text.extend_from_slice(b"{}");
                }
                self.rows.push(Row { start, end: self.text.len(), line: record.line });
            }
            Err(reason) => {
                self.text.truncate(start);
                self.bad.push(BadRow {
                    line: record.line,
                    reason,
                    sample: record.bytes[..record.bytes.len().min(SAMPLE_BYTES)].to_vec(),
                });
            }
        }
    }
}

fn repeated_parent<'a>(column: &'a str, schema: &TableSchema) -> Option<&'a str> {
    column.match_indices('.').find_map(|(at, _)| {
        let parent = &column[..at];
        let field = schema.field(parent)?;
        (field.mode == Mode::Repeated).then_some(parent)
    })
}

fn plan(columns: &[String], fields: &[FieldSchema], parent: &str) -> Result<Vec<(String, Target)>, RowsError> {
    let mut targets = Vec::new();
    for field in fields {
        let path = format!("{parent}{}", field.name);
        let target = match columns.iter().position(|column| *column == path) {
            Some(cell) if field.field_type == FieldType::Record || field.mode == Mode::Repeated => {
                Some(Target::Json { cell })
            }
            Some(cell) => Some(Target::Scalar { cell }),
            None => {
                let fields = plan(columns, &field.fields, &format!("{path}."))?;
                (!fields.is_empty()).then_some(Target::Record { fields })
            }
        };
        if let Some(target) = target {
            targets.push((field.name.clone(), target));
        }
    }
    Ok(targets)
}

/// Writes an object of the cells that are not null; nothing at all when all are.
fn write_object(
    text: &mut Vec<u8>,
    targets: &[(String, Target)],
    record: &Record,
    columns: &[String],
) -> Result<bool, String> {
    let start = text.len();
    text.push(b'{');
    let mut any = false;
    for (name, target) in targets {
        let before = text.len();
        if any {
            text.push(b',');
        }
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b"\":");
        let written = match target {
            Target::Record { fields } => write_object(text, fields, record, columns)?,
            Target::Scalar { cell } => {
                let (value, quoted) = record.cell(*cell);
                let there = quoted || !value.is_empty();
                if there {
                    write_string(text, value);
                }
                there
            }
            Target::Json { cell } => {
                let (value, _) = record.cell(*cell);
                // Exactly one value: a cell must not smuggle in further keys.
                if !value.is_empty() && serde_json::from_slice::<IgnoredAny>(value).is_err() {
                    return Err(format!("{}: expected JSON text in the cell", columns[*cell]));
                }
                text.extend_from_slice(value);
                !value.is_empty()
            }
        };
        if !written {
            text.truncate(before);
        }
        any |= written;
    }
    if any {
        text.push(b'}');
    } else {
        text.truncate(start);
    }
    Ok(any)
}

fn write_string(text: &mut Vec<u8>, value: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    text.push(b'"');
    for &byte in value {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                text.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            }
            _ => text.push(byte),
        }
    }
    text.push(b'"');
}

impl<R: Read> RowSource for CsvRows<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>, RowsError> {
        self.text.clear();
        self.rows.clear();
        self.bad.clear();
        while self.text.len() < self.cut.chunk_bytes && self.bad.len() < 10_000 {
            if !self.input.read(&mut self.record)? {
                break;
            }
            self.push_record();
        }
        if self.rows.is_empty() && self.bad.is_empty() {
            return Ok(None);
        }
        Ok(Some(Chunk { text: &self.text, rows: &self.rows, bad: &self.bad }))
    }

    fn saw_content(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: &str = r#"[{"name":"id","type":"INTEGER"},{"name":"s","type":"STRING"},
        {"name":"t","type":"RECORD","fields":[{"name":"v","type":"INTEGER"},{"name":"w","type":"STRING"}]},
        {"name":"h","type":"RECORD","mode":"REPEATED","fields":[{"name":"x","type":"INTEGER"}]}]"#;

    type Collected = Result<(Vec<(u64, String)>, Vec<(u64, String)>), String>;

    fn collect(text: &str) -> Collected {
        let schema = TableSchema::from_json(SCHEMA).unwrap();
        let cut = Cut { chunk_bytes: 10, max_row_bytes: 80, max_depth: 9 };
        let file = |error| match error {
            RowsError::File(kind) => kind.to_string(),
            RowsError::Io(error) => panic!("{error}"),
        };
        let mut source = CsvRows::new(text.as_bytes(), cut, &schema).map_err(file)?;
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        while let Some(chunk) = source.next_chunk().map_err(file)? {
            for row in chunk.rows {
                let text = String::from_utf8_lossy(&chunk.text[row.start..row.end]);
                rows.push((row.line, text.into_owned()));
            }
            bad.extend(chunk.bad.iter().map(|bad| (bad.line, bad.reason.clone())));
        }
        Ok((rows, bad))
    }

    #[test]
    fn cells_become_json() {
        let text = "\u{feff}s,id,t.v,h,t.w\r\n\"a \"\"q\"\"\nb\",1,,\"[{\"\"x\"\":1}]\",\r\n\n\"\",,2,,\"\"\n,,,,\n";
        let (rows, bad) = collect(text).unwrap();
        assert_eq!(bad, []);
        assert_eq!(
            rows,
            [
                (2, r#"{"id":"1","s":"a \"q\"\u000ab","h":[{"x":1}]}"#.to_owned()),
                (5, r#"{"s":"","t":{"v":"2","w":""}}"#.to_owned()),
                (6, "{}".to_owned()),
            ]
        );
    }

    #[test]
    fn bad_records_cost_only_themselves() {
        let long = "x".repeat(100);
        let text = format!("id,h\n1\n2,\"[],\"\"id\"\":3\"\n3,\"a\"b\n4,{long}\n5,\n6,\"[\n");
        let (rows, bad) = collect(&text).unwrap();
        assert_eq!(rows, [(6, r#"{"id":"5"}"#.to_owned())]);
        let expected = [
            (2, "1 cells"),
            (3, "h: expected JSON text"),
            (4, "after the closing quote"),
            (5, "longer than the limit"),
            (7, "never closed"),
        ];
        assert_eq!(bad.len(), expected.len(), "{bad:?}");
        for ((line, reason), (expected_line, part)) in bad.iter().zip(expected) {
            assert_eq!(*line, expected_line);
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn headers_must_fit_the_schema() {
        for (header, expected) in [
            ("id,nope\n", "'nope' is no column"),
            ("id,t.nope\n", "'t.nope' is no column"),
            ("id,id\n", "'id' is there twice"),
            ("t,t.v\n", "both 't' and 't.v'"),
            ("h.x\n", "below the repeated 'h'"),
            ("\n\n", "empty"),
        ] {
            let error = collect(header).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert_eq!(collect("id,s"), Ok((vec![], vec![])));
    }
}
