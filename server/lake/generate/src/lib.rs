//! Deterministic ga_sessions day files in the nested shape of Google's public export, with the
//! story's finding planted.
//!
//! A day is a gzip file of newline-delimited JSON, one session a line, ordered by start. Its
//! bytes follow from the [`Options`] and the date alone: any day can be generated without the
//! others, and visitors still come back from day to day with rising visit numbers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::NaiveDate;
use flate2::{Compression, Crc, GzBuilder};
use serde::{Deserialize, Serialize};

mod audience;
pub mod bicycles;
mod calendar;
mod catalogue;
pub mod crm;
mod day;
pub mod finding;
mod geo;
mod json;
mod random;
mod row;
mod session;
mod visitor;

/// What to generate.
#[derive(Debug, Clone)]
pub struct Options {
    /// All randomness follows from it.
    pub seed: u64,
    /// Sessions on a mean weekday; weekends have about 0.74 of it.
    pub sessions_per_day: u32,
    /// Level of the gzip compression, 0 to 9.
    pub level: u32,
}

impl Default for Options {
    /// About 2,500 sessions a day over a week.
    fn default() -> Self {
        Self { seed: 1, sessions_per_day: 2_650, level: 6 }
    }
}

/// Facts of one written day file, also stored as manifest line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayManifest {
    /// The local day in Los Angeles.
    pub date: NaiveDate,
    /// Name of the file, as by [`file_name`].
    pub file: String,
    /// Sessions.
    pub rows: u64,
    /// Size of the gzip file.
    pub bytes: u64,
    /// Size of the lines, with their line ends.
    pub raw_bytes: u64,
    /// CRC-32 (IEEE) of the gzip file.
    pub crc32: u32,
    /// Sessions with an order.
    pub transactions: u64,
    /// Sum of `totals.totalTransactionRevenue`, in micros of a dollar.
    pub revenue_micros: u64,
}

/// Why a day could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compression level does not exist.
    #[error("There is no gzip level {0}. Choose one from 0 (stored) to 9 (smallest).")]
    Level(u32),
    /// The destination refused the bytes.
    #[error("The day {date} could not be written. Check the destination and its free space.")]
    Write {
        /// The day.
        date: NaiveDate,
        /// What the destination said.
        source: io::Error,
    },
    /// A file could not be made or put in place.
    #[error("{} could not be written. Check that the folder exists, is writable and has space.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
}

/// Name of a day's file: `ga_sessions_20170601.json.gz`.
pub fn file_name(date: NaiveDate) -> String {
    format!("ga_sessions_{}.json.gz", date.format("%Y%m%d"))
}

/// Writes the day as gzip NDJSON to any writer.
///
/// # Errors
/// [`Error::Level`] for a gzip level above 9 and [`Error::Write`] where the writer fails.
pub fn write_day(options: &Options, date: NaiveDate, out: impl Write) -> Result<DayManifest, Error> {
    if options.level > 9 {
        return Err(Error::Level(options.level));
    }
    let failed = |source| Error::Write { date, source };
    // No time stamp, name or operating system in the header: the bytes depend on the data alone.
    let mut gzip =
        GzBuilder::new().mtime(0).operating_system(255).write(Measured::new(out), Compression::new(options.level));
    let mut raw_bytes = 0;
    let totals = day::for_each_row(options, date, |row| {
        raw_bytes += row.len() as u64;
        gzip.write_all(row)
    })
    .map_err(failed)?;
    let mut measured = gzip.finish().map_err(failed)?;
    measured.flush().map_err(failed)?;
    Ok(DayManifest {
        date,
        file: file_name(date),
        rows: totals.rows,
        bytes: measured.bytes,
        raw_bytes,
        crc32: measured.crc.sum(),
        transactions: totals.transactions,
        revenue_micros: totals.revenue_micros,
    })
}

/// Writes the day's file into a folder atomically: under a temporary, hidden name first, then
/// renamed. An interrupted call leaves no half file under the final name.
///
/// # Errors
/// As [`write_day`], and [`Error::File`] where the file cannot be made, synced or renamed.
pub fn write_day_file(options: &Options, date: NaiveDate, dir: &Path) -> Result<DayManifest, Error> {
    write_atomically(dir, &file_name(date), |out| write_day(options, date, out))
}

/// The day as NDJSON lines (uncompressed, without line ends), one for each session. For tests.
pub fn day_lines(options: &Options, date: NaiveDate) -> Vec<String> {
    let mut lines = Vec::new();
    let written = day::for_each_row(options, date, |row| {
        lines.push(String::from_utf8_lossy(row).trim_end().to_owned());
        Ok(())
    });
    debug_assert!(written.is_ok());
    lines
}

fn write_atomically<T>(
    dir: &Path,
    name: &str,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, Error>,
) -> Result<T, Error> {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    // Two writers of the same day must not share a temporary file.
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let partial = dir.join(format!(".{name}.{}-{call}.partial", std::process::id()));
    let path = dir.join(name);
    let failed = |source| Error::File { path: path.clone(), source };
    let attempt = || {
        let mut out = BufWriter::with_capacity(1 << 17, File::create(&partial).map_err(failed)?);
        let result = write(&mut out)?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&partial, &path).map_err(failed)?;
        Ok(result)
    };
    attempt().inspect_err(|_| {
        // The first error is the one to tell; the leftover is hidden and harmless.
        let _ = fs::remove_file(&partial);
    })
}

/// Counts and sums what passes through.
struct Measured<W> {
    out: W,
    bytes: u64,
    crc: Crc,
}

impl<W: Write> Measured<W> {
    fn new(out: W) -> Self {
        Self { out, bytes: 0, crc: Crc::new() }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.crc.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
