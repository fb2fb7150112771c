//! Reads any sensible CSV file into a sample.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::model::{Column, Table};

/// Rows that are kept; twice as many are held at most.
const ROWS: usize = 10_000;
/// What is looked at to find delimiter and encoding.
const HEAD: usize = 64 * 1024;
const MOST_COLUMNS: usize = 5_000;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be opened or read.
    #[error("{} could not be read ({source}): check the path and that it is a readable file.", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{} is empty: give a CSV file with a header line and at least one row.", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is no text with columns.
    #[error("{} is no CSV file: {reason}.", path.display())]
    NoCsv {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A sample of the file's rows: all of up to 10,000, else evenly spaced ones, the same each time. The file is streamed.
pub fn read_csv(path: &Path) -> Result<Table, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let no_csv = |reason: String| ReadError::NoCsv { path: path.to_owned(), reason };
    if path.is_dir() {
        return Err(no_csv("it is a folder".to_owned()));
    }
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    let sixteen = match head.get(..2) {
        Some([0xff, 0xfe]) => Some(true),
        Some([0xfe, 0xff]) => Some(false),
        _ => None,
    };
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(little) = sixteen {
        // UTF-16, as spreadsheets write it: read whole, since it is rare and small.
        let mut rest = head;
        file.read_to_end(&mut rest).map_err(io)?;
        let units = rest.chunks_exact(2).map(|pair| match pair {
            [a, b] if little => u16::from_le_bytes([*a, *b]),
            [a, b] => u16::from_be_bytes([*a, *b]),
            _ => 0,
        });
        let text: String = char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect();
        let text = text.into_bytes();
        return parse(&name, &text, io::empty(), path);
    }
    if head.contains(&0) {
        return Err(no_csv("it holds binary data; unpack it if it is compressed".to_owned()));
    }
    parse(&name, &head, BufReader::new(file), path)
}

/// As [`read_csv`], of a file that is in memory.
pub fn read_csv_bytes(name: &str, bytes: &[u8]) -> Result<Table, ReadError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ReadError::Empty { path: PathBuf::from(name) });
    }
    parse(name, bytes, io::empty(), Path::new(name))
}

fn parse(name: &str, head: &[u8], rest: impl Read, path: &Path) -> Result<Table, ReadError> {
    let no_csv = |reason: String| ReadError::NoCsv { path: path.to_owned(), reason };
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // `sep=;` is a spreadsheet's way to say it.
    let (start, said) = match start.strip_prefix(b"sep=") {
        Some([mark, after @ ..]) => {
            (after.iter().position(|b| *b == b'\n').and_then(|at| after.get(at + 1..)).unwrap_or(after), Some(*mark))
        }
        _ => (start, None),
    };
    let delimiter = said.unwrap_or_else(|| sniff(start));
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(true).from_reader(start.chain(rest));
    let header: Vec<String> = reader
        .byte_headers()
        .map_err(|error| no_csv(format!("its header cannot be read ({error})")))?
        .iter()
        .map(text)
        .collect();
    if header.len() > MOST_COLUMNS {
        return Err(no_csv(format!("its first line has {} columns, more than {MOST_COLUMNS}", header.len())));
    }
    let mut kept: Vec<csv::ByteRecord> = Vec::new();
    let (mut step, mut number) = (1usize, 0usize);
    let mut record = csv::ByteRecord::new();
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) if kept.is_empty() => {
                return Err(no_csv(format!("row {} cannot be read ({error})", number + 1)));
            }
            Err(_) => break,
        }
        if number.is_multiple_of(step) {
            kept.push(record.clone());
            if kept.len() == ROWS * 2 {
                let mut at = 0;
                kept.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                step *= 2;
            }
        }
        number += 1;
    }
    if kept.is_empty() {
        return Err(no_csv("it has a header line and no rows".to_owned()));
    }
    let extra = kept.len();
    let skip = |at: usize| extra > ROWS && (at * ROWS / extra) == ((at + 1) * ROWS / extra);
    let rows: Vec<csv::ByteRecord> =
        kept.into_iter().enumerate().filter(|(at, _)| !skip(*at)).map(|(_, row)| row).collect();
    let broken = rows.iter().take(1_000).filter(|row| row.iter().any(|field| field.iter().any(|b| *b < 9))).count();
    if broken * 4 > rows.len().min(1_000) {
        return Err(no_csv("it holds control characters: it is no text".to_owned()));
    }
    let columns = header
        .into_iter()
        .enumerate()
        .map(|(at, name)| Column {
            name: name.trim().trim_matches('\u{feff}').to_owned(),
            declared: None,
            values: rows.iter().map(|row| row.get(at).map(text)).collect(),
        })
        // Index columns without a name are no columns of the data unless they hold text.
        .collect();
    Ok(Table { name: name.to_owned(), columns })
}

/// UTF-8, or else Windows-1252, which holds Latin-1.
fn text(bytes: &[u8]) -> String {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .map(|b| match b {
                0x80..=0x9f => HIGH.get(usize::from(b - 0x80)).copied().unwrap_or('?'),
                b => char::from(*b),
            })
            .collect(),
    }
}

/// The delimiter that splits the first lines into the same number of columns, the more the better.
fn sniff(head: &[u8]) -> u8 {
    let mut best = (0usize, b',');
    for delimiter in [b',', b';', b'\t', b'|'] {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(head);
        let mut counts: Vec<usize> = Vec::new();
        let mut record = csv::ByteRecord::new();
        while counts.len() < 30 && reader.read_byte_record(&mut record).unwrap_or(false) {
            counts.push(record.len());
        }
        let columns = counts.first().copied().unwrap_or(0);
        // The last line of the piece may be cut.
        let whole = counts.len().saturating_sub(1).max(1);
        let same = counts.iter().take(whole).filter(|count| **count == columns).count();
        let score = if columns < 2 { 0 } else { columns.min(500) * same * same / whole };
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}
