//! Cuts NDJSON into chunks of whole lines.

use std::io::{self, Read};

use memchr::{memchr, memrchr};

use crate::compress::read_full;
use crate::error::ErrorKind;
use crate::sniff::BOM;

/// One row within a chunk's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// 1-based line of the file on which the row starts.
    pub line: u64,
}

/// A row that was refused before decoding.
#[derive(Debug)]
pub(crate) struct BadRow {
    pub line: u64,
    pub reason: String,
    pub sample: Vec<u8>,
}

/// Whole rows as JSON text.
pub(crate) struct Chunk<'a> {
    pub text: &'a [u8],
    pub rows: &'a [Row],
    pub bad: &'a [BadRow],
}

/// Why no chunk came.
#[derive(Debug)]
pub(crate) enum RowsError {
    Io(io::Error),
    File(ErrorKind),
}

impl From<io::Error> for RowsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ErrorKind> for RowsError {
    fn from(kind: ErrorKind) -> Self {
        Self::File(kind)
    }
}

/// Anything that turns a file into rows of JSON text.
pub(crate) trait RowSource {
    /// The next rows; `None` at the end.
    fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>, RowsError>;
    /// Whether anything but white space was there.
    fn saw_content(&self) -> bool;
}

/// Sizes that bound a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub chunk_bytes: usize,
    pub max_row_bytes: usize,
    pub max_depth: usize,
}

pub(crate) const SAMPLE_BYTES: usize = 300;

pub(crate) fn too_long(max: usize) -> String {
    format!("the row is longer than the limit of {max} bytes")
}

/// NDJSON: one object on each line, blank lines skipped, CRLF and a byte-order mark tolerated.
pub(crate) struct NdJsonRows<R> {
    reader: R,
    cut: Cut,
    buffer: Vec<u8>,
    /// Unconsumed bytes are `buffer[start..filled]`.
    start: usize,
    filled: usize,
    ended: bool,
    at_file_start: bool,
    /// Within a line over the limit, which is being thrown away.
    skipping: bool,
    saw_content: bool,
    line: u64,
    rows: Vec<Row>,
    bad: Vec<BadRow>,
}

impl<R: Read> NdJsonRows<R> {
    pub(crate) fn new(reader: R, cut: Cut) -> Self {
        Self {
            reader,
            cut,
            buffer: Vec::new(),
            start: 0,
            filled: 0,
            ended: false,
            at_file_start: true,
            skipping: false,
            saw_content: false,
            line: 1,
            rows: Vec::new(),
            bad: Vec::new(),
        }
    }

    /// Fills the buffer up to `target` bytes.
    fn fill(&mut self, target: usize) -> io::Result<()> {
        if self.buffer.len() < target {
            self.buffer.resize(target, 0);
        }
        let read = read_full(&mut self.reader, &mut self.buffer[self.filled..target])?;
        self.filled += read;
        self.ended = self.filled < target;
        Ok(())
    }

    /// Throws away the rest of a line over the limit; true when its end was found.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            if let Some(at) = memchr(b'\n', &self.buffer[self.start..self.filled]) {
                self.start += at + 1;
                self.line += 1;
                self.skipping = false;
                return Ok(true);
            }
            self.start = 0;
            self.filled = 0;
            if self.ended {
                return Ok(false);
            }
            self.fill(self.cut.chunk_bytes)?;
        }
    }

    /// Cuts `buffer[from..to]` into lines.
    fn split(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let end = memchr(b'\n', &self.buffer[at..to]).map_or(to, |n| at + n);
            let line = &self.buffer[at..end];
            if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                self.saw_content = true;
                if line.len() > self.cut.max_row_bytes {
                    self.bad.push(BadRow {
                        line: self.line,
                        reason: too_long(self.cut.max_row_bytes),
                        sample: line[..line.len().min(SAMPLE_BYTES)].to_vec(),
                    });
                } else {
                    self.rows.push(Row { start: at, end, line: self.line });
                }
            }
            if end < to {
                self.line += 1;
            }
            at = end + 1;
        }
    }
}

impl<R: Read> RowSource for NdJsonRows<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>, RowsError> {
        self.rows.clear();
        self.bad.clear();
        if self.skipping && !self.skip_line()? {
            return Ok(None);
        }
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        // A very long line must not cost its memory for the rest of the file.
        if self.buffer.len() > 4 * self.cut.chunk_bytes && self.filled < self.cut.chunk_bytes {
            self.buffer.truncate(self.cut.chunk_bytes);
            self.buffer.shrink_to_fit();
        }
        let mut target = self.cut.chunk_bytes.max(self.filled + 1);
        let mut searched = 0;
        loop {
            if !self.ended {
                self.fill(target)?;
            }
            if self.at_file_start {
                self.at_file_start = false;
                if self.buffer[..self.filled].starts_with(BOM) {
                    self.start = BOM.len();
                    searched = self.start;
                }
            }
            let from = self.start;
            if self.ended {
                if from >= self.filled {
                    return Ok(None);
                }
                self.split(from, self.filled);
                self.start = self.filled;
                break;
            }
            if let Some(at) = memrchr(b'\n', &self.buffer[searched..self.filled]) {
                let end = searched + at + 1;
                self.split(from, end);
                self.start = end;
                break;
            }
            if self.filled - from > self.cut.max_row_bytes {
                self.saw_content = true;
                let sample_end = (from + SAMPLE_BYTES).min(self.filled);
                self.bad.push(BadRow {
                    line: self.line,
                    reason: too_long(self.cut.max_row_bytes),
                    sample: self.buffer[from..sample_end].to_vec(),
                });
                self.skipping = true;
                self.start = self.filled;
                break;
            }
            searched = self.filled;
            target += self.cut.chunk_bytes;
        }
        Ok(Some(Chunk { text: &self.buffer[..self.filled], rows: &self.rows, bad: &self.bad }))
    }

    fn saw_content(&self) -> bool {
        self.saw_content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn collect(source: &mut dyn RowSource) -> (Vec<(u64, String)>, Vec<u64>) {
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        while let Some(chunk) = source.next_chunk().unwrap() {
            for row in chunk.rows {
                let text = String::from_utf8_lossy(&chunk.text[row.start..row.end]);
                rows.push((row.line, text.trim_end().to_owned()));
            }
            bad.extend(chunk.bad.iter().map(|bad| bad.line));
        }
        (rows, bad)
    }

    #[test]
    fn lines_and_their_numbers_hold_for_every_chunk_size() {
        let text = "\u{feff}{\"a\":1}\r\n\n  \n{\"b\":22222}\n{\"c\":\"ü\"}";
        let expected =
            vec![(1, "{\"a\":1}".to_owned()), (4, "{\"b\":22222}".to_owned()), (5, "{\"c\":\"ü\"}".to_owned())];
        for chunk_bytes in 4..60 {
            let cut = Cut { chunk_bytes, max_row_bytes: 100, max_depth: 9 };
            let (rows, bad) = collect(&mut NdJsonRows::new(text.as_bytes(), cut));
            assert_eq!((rows, bad), (expected.clone(), vec![]), "{chunk_bytes}");
        }
    }

    #[test]
    fn a_line_over_the_limit_costs_only_itself() {
        let text = format!("{{}}\n{}\n{{\"z\":1}}\n{}", "x".repeat(500), "y".repeat(500));
        for chunk_bytes in [4, 7, 64, 499, 500, 501, 4096] {
            let cut = Cut { chunk_bytes, max_row_bytes: 40, max_depth: 9 };
            let (rows, bad) = collect(&mut NdJsonRows::new(text.as_bytes(), cut));
            let lines: Vec<_> = rows.iter().map(|row| row.0).collect();
            assert_eq!((lines, bad), (vec![1, 3], vec![2, 4]), "{chunk_bytes}");
        }
    }
}
