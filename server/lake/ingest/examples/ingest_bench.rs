//! Measures the whole path: files → decode → zstd-1 Parquet, files in parallel.
//!
//! ```text
//! cargo run --release -p showrunner-ingest --example ingest_bench -- \
//!     [--threads 2] [--decoder one-pass|arrow-json] [--stop read|decode|write] \
//!     [--schema FILE.json] FILE…
//! ```
//!
//! `--stop read` only unpacks, `decode` throws the batches away, `write` (the default) writes
//! Parquet to temporary files. Compare the user CPU with `time gzip -dc FILE… > /dev/null`. CPU
//! and memory come from `/proc`, so this runs on Linux only.

use std::error::Error;
use std::fs;
use std::io::{BufWriter, Read};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use showrunner_ingest::{
    DecoderKind, FileSource, GaSessionsVersion, ParquetSink, ReadOptions, TableSchema, ga_sessions_schema, read_file,
};

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone, Copy, PartialEq)]
enum Stop {
    Read,
    Decode,
    Write,
}

#[derive(Default)]
struct Totals {
    rows: AtomicU64,
    rejected: AtomicU64,
    raw: AtomicU64,
    parquet: AtomicU64,
}

fn main() -> Result<(), Failure> {
    let mut threads = 2;
    let mut decoder = DecoderKind::OnePass;
    let mut stop = Stop::Write;
    let mut schema = ga_sessions_schema(GaSessionsVersion::Current);
    let mut files = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--threads" => threads = value()?.parse()?,
            "--schema" => schema = TableSchema::from_json(&fs::read_to_string(value()?)?)?,
            "--decoder" => {
                decoder = match value()?.as_str() {
                    "one-pass" => DecoderKind::OnePass,
                    "arrow-json" => DecoderKind::ArrowJson,
                    other => return Err(format!("no decoder is called {other}").into()),
                }
            }
            "--stop" => {
                stop = match value()?.as_str() {
                    "read" => Stop::Read,
                    "decode" => Stop::Decode,
                    "write" => Stop::Write,
                    other => return Err(format!("cannot stop after {other}").into()),
                }
            }
            file => files.push(file.to_owned()),
        }
    }
    let mut options = ReadOptions::new(Arc::new(schema), std::env::temp_dir());
    options.decoder = decoder;

    let (start, totals) = (Instant::now(), Totals::default());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = run(file, &options, stop, &totals)
                        && let Ok(mut failed) = failed.lock()
                    {
                        *failed = Some(format!("{file}: {error}"));
                    }
                }
            });
        }
    });
    if let Some(error) = failed.into_inner()? {
        return Err(error.into());
    }
    let wall = start.elapsed().as_secs_f64();
    let (user, system) = cpu_seconds()?;
    let get = |value: &AtomicU64| value.load(Ordering::Relaxed);
    println!("rows          {:>12}", get(&totals.rows));
    println!("rejected      {:>12}", get(&totals.rejected));
    println!("raw bytes     {:>12}", get(&totals.raw));
    println!("parquet bytes {:>12}", get(&totals.parquet));
    println!("user CPU s    {user:>12.2}");
    println!("system CPU s  {system:>12.2}");
    println!("wall s        {wall:>12.2}");
    println!("peak RSS MB   {:>12.1}", peak_memory_mb()?);
    Ok(())
}

fn run(file: &str, options: &ReadOptions, stop: Stop, totals: &Totals) -> Result<(), Failure> {
    if stop == Stop::Read {
        let mut reader = flate2::read::MultiGzDecoder::new(fs::File::open(file)?);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = reader.read(&mut buffer)?;
            totals.raw.fetch_add(read as u64, Ordering::Relaxed);
            if read == 0 {
                return Ok(());
            }
        }
    }
    let source = FileSource::new(file)?;
    let output = BufWriter::with_capacity(1 << 20, tempfile::tempfile()?);
    let constants = [("_source_file", file), ("_run_id", "bench")];
    let mut parquet = ParquetSink::new(output, options.output_schema(), &constants)?;
    let outcome = read_file(
        file,
        &source,
        options,
        &mut |batch| match stop {
            Stop::Write => parquet.write(&batch),
            Stop::Read | Stop::Decode => Ok(()),
        },
        &mut |rejected| eprintln!("{rejected:?}"),
    )?;
    let written = parquet.close()?;
    totals.rows.fetch_add(outcome.rows, Ordering::Relaxed);
    totals.rejected.fetch_add(outcome.rejected_rows, Ordering::Relaxed);
    totals.raw.fetch_add(outcome.raw_bytes, Ordering::Relaxed);
    totals.parquet.fetch_add(written.bytes, Ordering::Relaxed);
    Ok(())
}

/// User and system CPU of this process; Linux counts in hundredths of a second.
fn cpu_seconds() -> Result<(f64, f64), Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the program's name in brackets and may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat is odd")?;
    let fields: Vec<_> = fields.split_whitespace().collect();
    let ticks = |at: usize| -> Result<f64, Failure> {
        let field = fields.get(at).ok_or("/proc/self/stat is short")?;
        Ok(field.parse::<f64>()? / 100.0)
    };
    Ok((ticks(11)?, ticks(12)?))
}

fn peak_memory_mb() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("/proc/self/status has no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
