//! Bronze: delivered files become Parquet, file by file on worker threads, and one commit shows them all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use showrunner_ingest::{Error as IngestError, FileOutcome, ParquetSink, ReadOptions, Rejected, Source, read_file};

use crate::calls::{self, Begun, ReadFile, Size};
use crate::datasets::{Dataset, RUN_ID, SOURCE_FILE, raw_date};
use crate::delta::{Label, LiveFile, NewFile, PartitionKey, THIS_VERSION, Table, io_error, parts};
use crate::lake::JobRecord;
use crate::model::{BronzeOutcome, Day, FileRef, Progress, ProgressSink, Quarantined, TableOutcome};
use crate::ports::{IngestJob, JobDay, Objects};
use crate::{Error, ErrorKind, Result};

/// Held-back rows that are kept with their text for each file. All are counted.
const QUARANTINE_KEPT: usize = 100;

/// What a job of bronze works with.
pub(crate) struct Bronze {
    pub table: Arc<Table>,
    pub dataset: Arc<Dataset>,
    pub objects: Arc<dyn Objects>,
    pub scratch: PathBuf,
    pub workers: usize,
    /// Where files are read, a worker on each thread.
    pub threads: tokio::runtime::Handle,
    pub record: JobRecord,
}

/// Partition of a day.
pub(crate) fn partition(day: &Day) -> PartitionKey {
    vec![("date".to_owned(), raw_date(day.date)), ("customer".to_owned(), day.customer.clone())]
}

impl Bronze {
    /// See [`crate::ports::IngestJobs`].
    pub async fn run(self, job: &IngestJob, progress: Arc<dyn ProgressSink>) -> Result<BronzeOutcome> {
        let (run_id, days) = (job.run_id.as_str(), job.days.as_slice());
        let started = Instant::now();
        let table = self.table.clone();
        let _writer = table.writer().await;
        let partitions: Vec<PartitionKey> = days.iter().map(|d| partition(&d.day)).collect();
        table.sweep_orphans(run_id, &partitions).await?;
        let work = Arc::new(Work::plan(self, run_id, days, progress)?);
        let read = work.clone().run_all().await;
        let files = match read.and_then(|files| if work.progress.cancelled() { Err(cancelled()) } else { Ok(files) }) {
            Ok(files) => files,
            Err(e) => {
                // Nothing of this call was committed: its parts are of no use to anyone.
                table.sweep_orphans(run_id, &partitions).await?;
                return Err(e);
            }
        };
        let mut outcome = work.summary(days, &files);
        let replaced: Vec<&PartitionKey> = partitions
            .iter()
            .zip(&outcome.per_day)
            .zip(days)
            .filter(|((_, (_, rows)), day)| *rows > 0 || work.is_clean(day, &files))
            .map(|((p, _), _)| p)
            .collect();
        let adds: Vec<NewFile> = files.into_iter().filter_map(|f| f.part).collect();
        let written = TableOutcome {
            table: table.shape.name.clone(),
            rows: adds.iter().map(|f| f.rows).sum(),
            files: adds.len() as u64,
            bytes: adds.iter().map(|f| f.bytes).sum(),
            version: table.current().await?.version,
        };
        outcome.seconds = started.elapsed().as_secs_f64();
        let drop = |f: &LiveFile| replaced.iter().any(|p| f.is_in(p));
        if adds.is_empty() && !table.current().await?.files.iter().any(drop) {
            // Nothing to commit: that alone is what came of it.
            work.bronze.record.write(&outcome)?;
            outcome.tables = vec![written];
            return Ok(outcome);
        }
        outcome.tables = vec![written];
        work.bronze.record.write(&outcome)?;
        let id = (work.bronze.record.id().to_owned(), THIS_VERSION);
        let label = Label { transaction: Some(id), ..Label::run(run_id) };
        outcome.tables[0].version = table.replace(drop, &adds, &label).await?;
        Ok(outcome)
    }
}

/// A file to read, and what is known of it before.
struct Task {
    day: usize,
    /// Name within the day's folder.
    name: String,
    /// What `_source_file` says.
    source_file: String,
    size: u64,
    path: Option<PathBuf>,
    object: Option<(String, String)>,
    /// What is noted when it was read.
    operation: ReadFile,
}

/// A file that was read.
struct Done {
    day: usize,
    outcome: FileOutcome,
    bytes_in: u64,
    part: Option<NewFile>,
    quarantined: Vec<Quarantined>,
}

struct Work {
    bronze: Bronze,
    scope: Option<calls::Scope>,
    run_id: String,
    days: Vec<Day>,
    tasks: Vec<Task>,
    progress: Arc<dyn ProgressSink>,
    bytes: Arc<AtomicU64>,
    rows: AtomicU64,
    days_done: AtomicU64,
    files_left: Vec<AtomicUsize>,
    bytes_total: u64,
    next: AtomicUsize,
    stop: AtomicBool,
}

impl Work {
    fn plan(bronze: Bronze, run_id: &str, days: &[JobDay], progress: Arc<dyn ProgressSink>) -> Result<Work> {
        let mut tasks = Vec::new();
        for (index, day) in days.iter().enumerate() {
            parts::check_value("customer", &day.day.customer)?;
            for file in day.files.iter().map(|file| &file.file) {
                let operation = ReadFile {
                    file: ReadFile::source(file),
                    table: bronze.table.shape.name.clone(),
                    date: day.day.date,
                    customer: day.day.customer.clone(),
                };
                tasks.push(match file {
                    FileRef::Object(object) => Task {
                        day: index,
                        name: file_name(&object.key),
                        source_file: object.key.clone(),
                        size: object.size,
                        path: bronze.objects.local_path(&object.bucket, &object.key),
                        object: Some((object.bucket.clone(), object.key.clone())),
                        operation,
                    },
                    FileRef::Local(path) => Task {
                        day: index,
                        name: file_name(&path.to_string_lossy()),
                        source_file: file_name(&path.to_string_lossy()),
                        size: path.metadata().map_err(|e| unreadable(path, e))?.len(),
                        path: Some(path.clone()),
                        object: None,
                        operation,
                    },
                });
            }
        }
        let bytes_total = tasks.iter().map(|t| t.size).sum();
        Ok(Work {
            bronze,
            scope: calls::scope(),
            run_id: run_id.to_owned(),
            days: days.iter().map(|d| d.day.clone()).collect(),
            tasks,
            progress,
            bytes: Arc::default(),
            rows: AtomicU64::new(0),
            days_done: AtomicU64::new(0),
            files_left: days.iter().map(|d| AtomicUsize::new(d.files.len())).collect(),
            bytes_total,
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        })
    }

    /// All files, on as many threads as the machine gives us; results in the order of the input.
    async fn run_all(self: Arc<Self>) -> Result<Vec<Done>> {
        self.report();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..self.bronze.workers.clamp(1, self.tasks.len().max(1)) {
            let work = self.clone();
            workers.spawn_blocking_on(move || work.work(), &self.bronze.threads);
        }
        let (mut done, mut failure) = (BTreeMap::new(), None);
        while let Some(worker) = workers.join_next().await {
            let worker = worker
                .map_err(|e| Error::with(ErrorKind::Internal, format!("A worker stopped unexpectedly: {e}"), e))
                .and_then(|files| files);
            match worker {
                Ok(files) => done.extend(files),
                Err(e) => {
                    self.stop.store(true, Ordering::Relaxed);
                    failure.get_or_insert(e);
                }
            }
        }
        match failure {
            Some(e) => Err(e),
            None => Ok(done.into_values().collect()),
        }
    }

    /// Reads files, one after another, as long as there are any.
    fn work(&self) -> Result<Vec<(usize, Done)>> {
        let mut done = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = self.tasks.get(index) else {
                break;
            };
            let file = self.read(task).inspect_err(|_| self.stop.store(true, Ordering::Relaxed))?;
            if self.files_left[task.day].fetch_sub(1, Ordering::Relaxed) == 1 {
                self.days_done.fetch_add(1, Ordering::Relaxed);
            }
            self.progress.file_read();
            self.report();
            done.push((index, file));
        }
        Ok(done)
    }

    fn report(&self) {
        self.progress.update(Progress {
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            bytes_total: self.bytes_total,
            days: self.days_done.load(Ordering::Relaxed),
            days_total: self.days.len() as u64,
        });
    }

    fn read(&self, task: &Task) -> Result<Done> {
        let begun = Begun::within(self.scope.as_ref());
        let done = self.read_file(task);
        begun.end(task.operation.clone(), &done, |done| Size {
            rows: Some(done.part.as_ref().map_or(0, |part| part.rows)),
            bytes: Some(done.bytes_in),
        });
        done
    }

    fn read_file(&self, task: &Task) -> Result<Done> {
        if self.progress.cancelled() {
            return Err(cancelled());
        }
        let day = &self.days[task.day];
        let partition = partition(day);
        let table = &self.bronze.table;
        let (relative, path) = table.new_part(&partition, &self.run_id)?;
        let file = File::create_new(&path).map_err(|e| io_error("writing", &path, e))?;
        let mut options = ReadOptions::new(self.bronze.dataset.schema.clone(), &self.bronze.scratch);
        let dataset = &self.bronze.dataset;
        options.expected_date = dataset.day.as_ref().map(|_| raw_date(day.date));
        options.day_column = dataset.day.clone().unwrap_or_default();
        options.drop_date = dataset.drops_date();
        let stored = dataset.stored(&options.output_schema());
        let constants = [(SOURCE_FILE, task.source_file.as_str()), (RUN_ID, self.run_id.as_str())];
        let mut parquet = ParquetSink::new(BufWriter::new(file), stored.clone(), &constants)
            .map_err(|e| ingest_error(&task.name, e))?;
        let own_bytes = Arc::new(AtomicU64::new(0));
        let source =
            Counted { task, objects: self.bronze.objects.as_ref(), all: self.bytes.clone(), own: own_bytes.clone() };
        let mut quarantined = Vec::new();
        let mut stopped = false;
        let outcome = read_file(
            &task.name,
            &source,
            &options,
            &mut |batch| {
                if self.stop.load(Ordering::Relaxed) || self.progress.cancelled() {
                    stopped = true;
                    return Err(IngestError::Sink("stopped".into()));
                }
                let rows = batch.num_rows() as u64;
                parquet.write(&batch.with_schema(stored.clone())?)?;
                self.rows.fetch_add(rows, Ordering::Relaxed);
                self.report();
                Ok(())
            },
            &mut |rejected| {
                if quarantined.len() < QUARANTINE_KEPT || rejected.line.is_none() {
                    quarantined.push(quarantine(day, rejected));
                }
            },
        );
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(e) => {
                drop(parquet);
                remove(&path)?;
                return Err(if stopped { cancelled() } else { ingest_error(&task.name, e) });
            }
        };
        // Parquet and zip are read by their path, past the counter.
        self.bytes.fetch_add(task.size.saturating_sub(own_bytes.load(Ordering::Relaxed)), Ordering::Relaxed);
        let part = if outcome.file_rejected.is_some() || outcome.rows == 0 {
            self.rows.fetch_sub(parquet.rows(), Ordering::Relaxed);
            drop(parquet);
            remove(&path)?;
            None
        } else {
            let written = parquet.close().map_err(|e| ingest_error(&task.name, e))?;
            Some(NewFile {
                path: relative,
                partition,
                rows: written.rows,
                bytes: written.bytes,
                stats: written.stats_json,
            })
        };
        Ok(Done { day: task.day, outcome, bytes_in: task.size, part, quarantined })
    }

    /// A day without rows replaces what was there only if that is what was delivered: files, and nothing in them held back.
    fn is_clean(&self, day: &JobDay, files: &[Done]) -> bool {
        let mut own = files.iter().filter(|f| self.days[f.day] == day.day).peekable();
        own.peek().is_some() && own.all(|f| f.outcome.file_rejected.is_none() && f.outcome.rejected_rows == 0)
    }

    fn summary(&self, days: &[JobDay], files: &[Done]) -> BronzeOutcome {
        let mut outcome =
            BronzeOutcome { per_day: days.iter().map(|d| (d.day.clone(), 0)).collect(), ..BronzeOutcome::default() };
        for file in files {
            outcome.files += 1;
            outcome.bytes_in += file.bytes_in;
            outcome.bytes_raw += file.outcome.raw_bytes;
            outcome.rows_quarantined += file.outcome.rejected_rows;
            outcome.files_quarantined += u64::from(file.outcome.file_rejected.is_some());
            let rows = file.part.as_ref().map_or(0, |p| p.rows);
            outcome.rows += rows;
            outcome.per_day[file.day].1 += rows;
            outcome.quarantined.extend(file.quarantined.iter().cloned());
        }
        outcome
    }
}

/// A file whose bytes are counted as they are read.
struct Counted<'a> {
    task: &'a Task,
    objects: &'a dyn Objects,
    all: Arc<AtomicU64>,
    own: Arc<AtomicU64>,
}

impl Source for Counted<'_> {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match (&self.task.path, &self.task.object) {
            (Some(path), _) => Box::new(File::open(path)?),
            (None, Some((bucket, key))) => self.objects.open(bucket, key).map_err(std::io::Error::other)?,
            (None, None) => return Err(std::io::ErrorKind::NotFound.into()),
        };
        Ok(Box::new(Counting { inner, all: self.all.clone(), own: self.own.clone() }))
    }

    fn len(&self) -> u64 {
        self.task.size
    }

    fn path(&self) -> Option<&Path> {
        self.task.path.as_deref()
    }
}

struct Counting {
    inner: Box<dyn Read + Send>,
    all: Arc<AtomicU64>,
    own: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.all.fetch_add(read as u64, Ordering::Relaxed);
        self.own.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

fn quarantine(day: &Day, rejected: Rejected) -> Quarantined {
    let file = match rejected.entry {
        Some(entry) => format!("{}!{entry}", rejected.file),
        None => rejected.file,
    };
    Quarantined { day: day.clone(), file, line: rejected.line, reason: rejected.reason, sample: rejected.sample }
}

fn file_name(key: &str) -> String {
    key.rsplit('/').next().unwrap_or(key).to_owned()
}

fn remove(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|e| io_error("deleting", path, e))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let kind = if error.kind() == std::io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Storage };
    Error::with(kind, format!("{} cannot be read: {error}. Check the path and its permissions.", path.display()), error)
}

/// The presenter asked to stop.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "Stopped as asked; nothing of the interrupted part is visible.")
}

/// An error of the readers that is not the delivered file's fault.
pub(crate) fn ingest_error(name: &str, error: IngestError) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut full = false;
    while let Some(e) = source {
        full |= e
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| matches!(io.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded));
        source = e.source();
    }
    let text = error.to_string();
    // The Parquet writer turns I/O errors into text.
    if full || text.contains("No space left on device") {
        return Error::with(
            ErrorKind::Storage,
            format!("The disk is full: free some space, then start the step again. ({name}: {text})"),
            error,
        );
    }
    let kind = match &error {
        IngestError::Read { .. } | IngestError::Scratch { .. } | IngestError::Parquet(_) => ErrorKind::Storage,
        _ => ErrorKind::Internal,
    };
    Error::with(kind, format!("{name}: {text}"), error)
}
