//! Streams the elements of one JSON array, without holding the file.

use std::io::{self, Read};

use memchr::{memchr_iter, memchr2};

use crate::compress::read_full;
use crate::error::ErrorKind;
use crate::lines::{BadRow, Chunk, Cut, Row, RowSource, RowsError, SAMPLE_BYTES, too_long};
use crate::sniff::BOM;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before `[`.
    Start,
    /// After `[`: an element or `]`.
    First,
    /// After `,`: an element.
    Next,
    /// Within an element.
    Element { depth: usize, in_string: bool, escaped: bool },
    /// After an element: `,` or `]`.
    After,
    /// After `]`.
    Done,
}

/// Elements of a JSON array as rows. Only the array itself is checked here, the elements by the
/// decoder.
pub(crate) struct JsonArrayRows<R> {
    reader: R,
    cut: Cut,
    buffer: Vec<u8>,
    /// Next byte to look at, and end of what was read.
    pos: usize,
    filled: usize,
    ended: bool,
    at_file_start: bool,
    state: State,
    element_start: usize,
    element_line: u64,
    /// Why the current element is refused already.
    fault: Option<(String, Vec<u8>)>,
    /// The current element is over the limit and is thrown away.
    discarding: bool,
    saw_content: bool,
    line: u64,
    rows: Vec<Row>,
    bad: Vec<BadRow>,
}

impl<R: Read> JsonArrayRows<R> {
    pub(crate) fn new(reader: R, cut: Cut) -> Self {
        Self {
            reader,
            cut,
            buffer: Vec::new(),
            pos: 0,
            filled: 0,
            ended: false,
            at_file_start: true,
            state: State::Start,
            element_start: 0,
            element_line: 1,
            fault: None,
            discarding: false,
            saw_content: false,
            line: 1,
            rows: Vec::new(),
            bad: Vec::new(),
        }
    }

    fn fill(&mut self, target: usize) -> io::Result<()> {
        if self.buffer.len() < target {
            self.buffer.resize(target, 0);
        }
        let read = read_full(&mut self.reader, &mut self.buffer[self.filled..target])?;
        self.filled += read;
        self.ended = self.filled < target;
        Ok(())
    }

    fn sample(&self) -> Vec<u8> {
        let end = (self.element_start + SAMPLE_BYTES).min(self.filled);
        self.buffer[self.element_start..end].to_vec()
    }

    /// Ends the element before `end`.
    fn end_element(&mut self, end: usize) {
        self.state = State::After;
        let line = self.element_line;
        if self.fault.is_none() && end - self.element_start > self.cut.max_row_bytes {
            self.fault = Some((too_long(self.cut.max_row_bytes), self.sample()));
        }
        match self.fault.take() {
            Some((reason, sample)) => self.bad.push(BadRow { line, reason, sample }),
            None => self.rows.push(Row { start: self.element_start, end, line }),
        }
        self.discarding = false;
    }

    fn broken(&self, expected: &str, found: u8) -> RowsError {
        let found = char::from(found).escape_default().to_string();
        RowsError::File(ErrorKind::Corrupt(format!("line {}: expected {expected}, found '{found}'", self.line)))
    }

    /// Looks at all bytes read so far.
    fn scan(&mut self) -> Result<(), RowsError> {
        while self.pos < self.filled {
            if let State::Element { depth, in_string, escaped } = self.state {
                self.scan_element(depth, in_string, escaped);
                continue;
            }
            let byte = self.buffer[self.pos];
            if byte.is_ascii_whitespace() {
                self.line += u64::from(byte == b'\n');
                self.pos += 1;
                continue;
            }
            self.saw_content = true;
            self.state = match (self.state, byte) {
                (State::Start, b'[') => State::First,
                (State::Start, _) => return Err(self.broken("'['", byte)),
                (State::First, b']') | (State::After, b']') => State::Done,
                (State::After, b',') => State::Next,
                (State::After, _) => return Err(self.broken("',' or ']'", byte)),
                (State::First | State::Next, b',' | b']' | b'}') => {
                    return Err(self.broken("an object", byte));
                }
                (State::Done, _) => return Err(self.broken("nothing after the ']'", byte)),
                (State::First | State::Next | State::Element { .. }, _) => {
                    self.element_start = self.pos;
                    self.element_line = self.line;
                    self.state = State::Element { depth: 0, in_string: false, escaped: false };
                    continue;
                }
            };
            self.pos += 1;
        }
        Ok(())
    }

    /// Goes on within an element, to its end or to the end of what was read.
    fn scan_element(&mut self, mut depth: usize, mut in_string: bool, mut escaped: bool) {
        let from = self.pos;
        let mut at = from;
        let mut end = None;
        while at < self.filled && end.is_none() {
            if escaped {
                escaped = false;
                at += 1;
            } else if in_string {
                match memchr2(b'"', b'\\', &self.buffer[at..self.filled]) {
                    Some(n) => {
                        at += n;
                        escaped = self.buffer[at] == b'\\';
                        in_string = escaped;
                        at += 1;
                        if !in_string && depth == 0 {
                            end = Some(at);
                        }
                    }
                    None => at = self.filled,
                }
            } else {
                match self.buffer[at] {
                    b'"' => in_string = true,
                    b'{' | b'[' => {
                        depth += 1;
                        if depth > self.cut.max_depth && self.fault.is_none() {
                            let reason = "it is nested deeper than the limit".to_owned();
                            self.fault = Some((reason, self.sample()));
                        }
                    }
                    b'}' | b']' if depth > 1 => depth -= 1,
                    b'}' | b']' if depth == 1 => end = Some(at + 1),
                    b',' | b']' | b'}' if depth == 0 => end = Some(at),
                    byte if depth == 0 && byte.is_ascii_whitespace() => end = Some(at),
                    _ => {}
                }
                if end.is_none() || end == Some(at + 1) {
                    at += 1;
                }
            }
        }
        self.line += memchr_iter(b'\n', &self.buffer[from..at]).count() as u64;
        self.pos = at;
        match end {
            Some(end) => self.end_element(end),
            None => self.state = State::Element { depth, in_string, escaped },
        }
    }
}

impl<R: Read> RowSource for JsonArrayRows<R> {
    fn next_chunk(&mut self) -> Result<Option<Chunk<'_>>, RowsError> {
        self.rows.clear();
        self.bad.clear();
        let keep = match self.state {
            State::Element { .. } if !self.discarding => self.element_start,
            _ => self.pos,
        };
        self.buffer.copy_within(keep..self.filled, 0);
        self.filled -= keep;
        self.pos -= keep;
        self.element_start = 0;
        if self.buffer.len() > 4 * self.cut.chunk_bytes && self.filled < self.cut.chunk_bytes {
            self.buffer.truncate(self.cut.chunk_bytes);
            self.buffer.shrink_to_fit();
        }
        let mut target = self.cut.chunk_bytes.max(self.filled + 1);
        loop {
            if !self.ended {
                self.fill(target)?;
            }
            if self.at_file_start {
                self.at_file_start = false;
                if self.buffer[..self.filled].starts_with(BOM) {
                    self.pos = BOM.len();
                }
            }
            self.scan()?;
            if !self.rows.is_empty() || !self.bad.is_empty() {
                return Ok(Some(Chunk { text: &self.buffer[..self.filled], rows: &self.rows, bad: &self.bad }));
            }
            if self.ended {
                return match self.state {
                    State::Done => Ok(None),
                    State::Start => Err(ErrorKind::Empty.into()),
                    _ => Err(RowsError::File(ErrorKind::Corrupt(format!(
                        "line {}: it ends before the ']' that closes the array",
                        self.line
                    )))),
                };
            }
            let in_element = matches!(self.state, State::Element { .. });
            if in_element && self.filled - self.element_start > self.cut.max_row_bytes {
                if self.fault.is_none() {
                    self.fault = Some((too_long(self.cut.max_row_bytes), self.sample()));
                }
                self.discarding = true;
            }
            if self.discarding || !in_element {
                self.pos = 0;
                self.filled = 0;
                self.element_start = 0;
                target = self.cut.chunk_bytes;
            } else {
                target = self.filled + self.cut.chunk_bytes;
            }
        }
    }

    fn saw_content(&self) -> bool {
        self.saw_content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Collected = Result<(Vec<(u64, String)>, Vec<u64>), String>;

    fn collect(text: &str, chunk_bytes: usize) -> Collected {
        let cut = Cut { chunk_bytes, max_row_bytes: 60, max_depth: 4 };
        let mut source = JsonArrayRows::new(text.as_bytes(), cut);
        let (mut rows, mut bad) = (Vec::new(), Vec::new());
        loop {
            match source.next_chunk() {
                Ok(Some(chunk)) => {
                    for row in chunk.rows {
                        let text = String::from_utf8_lossy(&chunk.text[row.start..row.end]);
                        rows.push((row.line, text.into_owned()));
                    }
                    bad.extend(chunk.bad.iter().map(|bad| bad.line));
                }
                Ok(None) => return Ok((rows, bad)),
                Err(RowsError::File(kind)) => return Err(kind.to_string()),
                Err(RowsError::Io(error)) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn elements_and_their_lines_hold_for_every_chunk_size() {
        let text = "\u{feff} [\n{\"a\":\"]},\\\"\"},\n\n{\"b\":[1,\n2]} ,3,\"x,\" ,{\"c\":{}}\n]\n";
        let expected = vec![
            (2, "{\"a\":\"]},\\\"\"}".to_owned()),
            (4, "{\"b\":[1,\n2]}".to_owned()),
            (5, "3".to_owned()),
            (5, "\"x,\"".to_owned()),
            (5, "{\"c\":{}}".to_owned()),
        ];
        for chunk_bytes in 4..80 {
            assert_eq!(collect(text, chunk_bytes), Ok((expected.clone(), vec![])), "{chunk_bytes}");
        }
        assert_eq!(collect("[]", 4), Ok((vec![], vec![])));
    }

    #[test]
    fn long_and_deep_elements_are_refused_alone() {
        let text = format!("[{{}},\n\"{}\",\n[[[[[1]]]]],\n{{}}]", "x".repeat(200));
        for chunk_bytes in [4, 9, 50, 1000] {
            let (rows, bad) = collect(&text, chunk_bytes).unwrap();
            let lines: Vec<_> = rows.iter().map(|row| row.0).collect();
            assert_eq!((lines, bad), (vec![1, 4], vec![2, 3]), "{chunk_bytes}");
        }
    }

    #[test]
    fn a_broken_array_is_refused_as_a_file() {
        for (text, expected) in [
            ("[{}", "line 1: it ends before"),
            ("[{},\n", "line 2: it ends before"),
            ("[{} {}]", "expected ',' or ']'"),
            ("[{},]", "expected an object"),
            ("[,{}]", "expected an object"),
            ("[{}]\n[", "line 2: expected nothing after"),
        ] {
            for chunk_bytes in [4, 100] {
                let error = collect(text, chunk_bytes).unwrap_err();
                assert!(error.contains(expected), "{text}: {error}");
            }
        }
    }
}
