//! Readers between the source and the rows: they count, enforce the limits on what really comes
//! out, and keep a failing disk apart from a damaged file.

use std::cell::{Cell, RefCell};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use crate::error::{Error, ErrorKind, Stop};
use crate::read::Limits;

/// Below this many unpacked bytes a high ratio is no bomb.
pub(crate) const RATIO_FLOOR: u64 = 64 << 20;
const INPUT_BUFFER: usize = 256 << 10;

/// What all readers of one file share.
#[derive(Debug)]
pub(crate) struct Guard {
    limits: Limits,
    /// Bytes taken from the source.
    stored: Cell<u64>,
    /// Bytes that came out of all decompressors, or plain.
    produced: Cell<u64>,
    /// Bytes handed to row readers.
    raw: Cell<u64>,
    io: RefCell<Option<io::Error>>,
    limit: RefCell<Option<ErrorKind>>,
}

impl Guard {
    pub(crate) fn new(limits: Limits) -> Rc<Self> {
        Rc::new(Self {
            limits,
            stored: Cell::new(0),
            produced: Cell::new(0),
            raw: Cell::new(0),
            io: RefCell::new(None),
            limit: RefCell::new(None),
        })
    }

    pub(crate) fn raw_bytes(&self) -> u64 {
        self.raw.get()
    }

    /// Bytes that are read without a stream (Parquet in a local file).
    pub(crate) fn add_raw(&self, bytes: u64) {
        self.raw.set(self.raw.get() + bytes);
    }

    /// The stored size is known (zip): ratios are judged against all of it.
    pub(crate) fn set_stored(&self, bytes: u64) {
        self.stored.set(bytes);
    }

    /// Counts unpacked bytes.
    fn produce(&self, bytes: u64) -> Result<(), ErrorKind> {
        let produced = self.produced.get().saturating_add(bytes);
        self.produced.set(produced);
        let limits = &self.limits;
        if produced > limits.max_uncompressed_bytes {
            return Err(ErrorKind::TooLarge(format!("more than {} bytes", limits.max_uncompressed_bytes)));
        }
        let stored = self.stored.get().max(1);
        if produced > RATIO_FLOOR && produced / stored > limits.max_ratio {
            return Err(ErrorKind::TooLarge(format!(
                "{produced} bytes from {stored}, more than {} times its size",
                limits.max_ratio
            )));
        }
        Ok(())
    }

    /// Says whose fault a failed read was.
    pub(crate) fn classify(&self, file: &str, error: &io::Error) -> Stop {
        if let Some(source) = self.io.borrow_mut().take() {
            return Stop::Fatal(Error::Read { file: file.to_owned(), source });
        }
        if let Some(kind) = self.limit.borrow_mut().take() {
            return Stop::File(kind);
        }
        Stop::File(ErrorKind::Corrupt(match error.kind() {
            io::ErrorKind::UnexpectedEof => "it ends in the middle of the compressed data".into(),
            _ => error.to_string(),
        }))
    }
}

/// The bytes as stored: counts them and remembers genuine I/O errors.
pub(crate) struct StoredReader<R> {
    inner: R,
    guard: Rc<Guard>,
    count: bool,
}

impl<R> StoredReader<R> {
    pub(crate) fn new(inner: R, guard: Rc<Guard>) -> Self {
        Self { inner, guard, count: true }
    }

    /// For seeking readers, which read bytes twice.
    pub(crate) fn uncounted(inner: R, guard: Rc<Guard>) -> Self {
        Self { inner, guard, count: false }
    }

    fn note(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if kind != io::ErrorKind::Interrupted {
            *self.guard.io.borrow_mut() = Some(error);
        }
        kind.into()
    }
}

impl<R: Read> Read for StoredReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).map_err(|e| self.note(e))?;
        if self.count {
            self.guard.stored.set(self.guard.stored.get() + read as u64);
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for StoredReader<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        // Seeking before the start is what a damaged archive asks for: no I/O error.
        self.inner.seek(position)
    }
}

/// Unpacked bytes, counted against the limits.
pub(crate) struct LimitReader<R> {
    inner: R,
    guard: Rc<Guard>,
}

impl<R> LimitReader<R> {
    pub(crate) fn new(inner: R, guard: Rc<Guard>) -> Self {
        Self { inner, guard }
    }
}

impl<R: Read> Read for LimitReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Err(kind) = self.guard.produce(read as u64) {
            let error = io::Error::other(kind.to_string());
            *self.guard.limit.borrow_mut() = Some(kind);
            return Err(error);
        }
        Ok(read)
    }
}

/// The last reader before the rows: counts what they get.
pub(crate) struct RawReader<R> {
    inner: R,
    guard: Rc<Guard>,
}

impl<R> RawReader<R> {
    pub(crate) fn new(inner: R, guard: Rc<Guard>) -> Self {
        Self { inner, guard }
    }
}

impl<R: Read> Read for RawReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.guard.add_raw(read as u64);
        Ok(read)
    }
}

/// Unpacks gzip with all its members.
pub(crate) fn gunzip<'a>(reader: impl Read + 'a, guard: &Rc<Guard>) -> impl Read + 'a {
    let input = BufReader::with_capacity(INPUT_BUFFER, reader);
    LimitReader::new(MultiGzDecoder::new(input), guard.clone())
}

/// Reads until the buffer is full or the input ends.
pub(crate) fn read_full(reader: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
