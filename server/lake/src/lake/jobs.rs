//! The job port within this process: a job is a task that runs [`Bronze`].
//!
//! What comes of a job is written into `jobs/` of the data folder before its commit, and the commit carries its id. So when a process dies,
//! the next one knows by table and folder together which jobs ended well, and with what.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::Inner;
use super::background::{closed, failed};
use crate::calls::carried;
use crate::delta::io_error;
use crate::model::{BronzeOutcome, Progress, ProgressSink, Scope};
use crate::ports::{IngestJob, IngestJobs, JobState, JobStatus};
use crate::{Error, ErrorKind, Result};

/// Jobs that ended and are still known.
const KEPT: usize = 100;

type Ended = Option<Arc<Result<BronzeOutcome>>>;

/// See the module.
pub(crate) struct OwnJobs {
    inner: Arc<Inner>,
    /// Where jobs run.
    work: Handle,
    /// Where files are read.
    readers: Handle,
    known: Mutex<HashMap<String, Arc<Running>>>,
}

/// A job of this process, under way or ended.
struct Running {
    job: IngestJob,
    stop: AtomicBool,
    files: AtomicU64,
    progress: Mutex<Progress>,
    ended: watch::Sender<Ended>,
}

/// What is written down of a job when it is about to be committed.
#[derive(Serialize, Deserialize)]
struct Record {
    job: IngestJob,
    outcome: BronzeOutcome,
}

/// Where a job writes down what comes of it.
pub(crate) struct JobRecord {
    job: IngestJob,
    folder: PathBuf,
}

impl JobRecord {
    /// The id that the commit carries.
    pub fn id(&self) -> &str {
        &self.job.id
    }

    /// The job itself.
    pub fn job(&self) -> &IngestJob {
        &self.job
    }

    /// Appears whole or not at all. Oldest ones go.
    pub fn write(&self, outcome: &BronzeOutcome) -> Result<()> {
        let fail = |e| io_error("writing", &self.folder, e);
        std::fs::create_dir_all(&self.folder).map_err(fail)?;
        let record = Record { job: self.job.clone(), outcome: outcome.clone() };
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder).map_err(fail)?;
        serde_json::to_writer(&mut file, &record).map_err(|e| fail(e.into()))?;
        file.persist(path(&self.folder, self.id())).map_err(|e| fail(e.error))?;
        prune(&self.folder).map_err(fail)
    }
}

fn path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

/// Keeps the newest; what a killed process was about to write goes with the oldest.
fn prune(folder: &Path) -> std::io::Result<()> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        // Another job may be renaming its own.
        if let Ok(written) = entry.metadata().and_then(|found| found.modified()) {
            all.push((written, entry.path()));
        }
    }
    all.sort();
    for (_, old) in all.iter().take(all.len().saturating_sub(2 * KEPT)) {
        // Another job may be at it, too.
        let _gone_already = std::fs::remove_file(old);
    }
    Ok(())
}

/// The cause of an error that several ask for.
#[derive(Debug)]
struct Cause(Arc<Result<BronzeOutcome>>);

impl Cause {
    fn inner(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.as_ref().as_ref().err().and_then(|error| error.source.as_deref())
    }
}

impl std::fmt::Display for Cause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner().map_or(Ok(()), |cause| std::fmt::Display::fmt(cause, f))
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner().and_then(std::error::Error::source)
    }
}

impl Running {
    fn new(job: IngestJob, ended: Ended) -> Self {
        Running {
            job,
            stop: AtomicBool::new(false),
            files: AtomicU64::new(0),
            progress: Mutex::default(),
            ended: watch::Sender::new(ended),
        }
    }

    fn status(&self) -> JobStatus {
        let state = match self.ended.borrow().as_deref() {
            None => JobState::Running,
            Some(Ok(_)) => JobState::Committed,
            Some(Err(error)) if error.kind == ErrorKind::Cancelled => JobState::Cancelled,
            Some(Err(_)) => JobState::Failed,
        };
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        JobStatus { state, files: self.files.load(Ordering::Relaxed), files_total: self.job.files(), progress }
    }

    async fn outcome(&self) -> Result<BronzeOutcome> {
        let mut ended = self.ended.subscribe();
        let ended = ended.wait_for(Option::is_some).await.map_err(|_| closed())?.clone().ok_or_else(closed)?;
        match ended.as_ref() {
            Ok(outcome) => Ok(outcome.clone()),
            Err(error) => Err(Error {
                kind: error.kind,
                message: error.message.clone(),
                position: error.position,
                source: error.source.is_some().then(|| Box::new(Cause(ended.clone())) as _),
            }),
        }
    }
}

impl ProgressSink for Running {
    fn update(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    fn file_read(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Says how a job ended, also when its runtime goes away under it: whoever waits is told.
struct Ending(Arc<Running>);

impl Ending {
    fn with(self, result: Result<BronzeOutcome>) {
        self.0.ended.send_replace(Some(Arc::new(result)));
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let unfinished = |ended: &mut Ended| {
            let unfinished = ended.is_none();
            if unfinished {
                *ended = Some(Arc::new(Err(closed())));
            }
            unfinished
        };
        self.0.ended.send_if_modified(unfinished);
    }
}

impl OwnJobs {
    pub fn new(inner: Arc<Inner>, work: Handle, readers: Handle) -> Self {
        OwnJobs { inner, work, readers, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Running>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self) -> PathBuf {
        self.inner.config.data_dir.join("jobs")
    }

    /// A job of this process, or one that an earlier process had committed.
    async fn find(&self, id: &str) -> Result<Option<Arc<Running>>> {
        if let Some(found) = self.known().get(id) {
            return Ok(Some(found.clone()));
        }
        let file = path(&self.folder(), id);
        let record = match std::fs::read(&file) {
            Ok(data) => data,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("reading", &file, e)),
        };
        // One that cannot be read is of an older version: the job is done again, which gives the same rows.
        let Ok(Record { job, mut outcome }) = serde_json::from_slice(&record) else { return Ok(None) };
        // Without a table nothing was to be changed.
        if let Some(written) = outcome.tables.first_mut() {
            match self.inner.bronze_table(&job.dataset)?.transaction(id).await? {
                None => return Ok(None),
                Some(version) => written.version = version,
            }
        }
        let found = Running::new(job, None);
        found.files.store(outcome.files, Ordering::Relaxed);
        let days = outcome.per_day.len() as u64;
        found.update(Progress {
            rows: outcome.rows,
            bytes: outcome.bytes_in,
            bytes_total: outcome.bytes_in,
            days,
            days_total: days,
        });
        found.ended.send_replace(Some(Arc::new(Ok(outcome))));
        Ok(Some(self.known().entry(id.to_owned()).or_insert(Arc::new(found)).clone()))
    }

    async fn must_find(&self, id: &str) -> Result<Arc<Running>> {
        self.find(id).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("No job {id} is known: it was not submitted, or its process ended before the commit. Submit it again."))
        })
    }

    /// Takes the id for this job, unless it has it or has ended well: then that one, and false.
    fn take(&self, job: &IngestJob, earlier: Option<&Arc<Running>>) -> (Arc<Running>, bool) {
        let mut known = self.known();
        match known.get(&job.id) {
            Some(there) if !earlier.is_some_and(|earlier| Arc::ptr_eq(earlier, there)) => (there.clone(), false),
            _ => {
                let new = Arc::new(Running::new(job.clone(), None));
                if known.len() >= 2 * KEPT {
                    known.retain(|_, job| job.ended.borrow().is_none());
                }
                known.insert(job.id.clone(), new.clone());
                (new, true)
            }
        }
    }
}

#[async_trait]
impl IngestJobs for OwnJobs {
    async fn submit(&self, job: &IngestJob) -> Result<JobStatus> {
        job.check()?;
        let mut earlier = self.find(&job.id).await?;
        let running = loop {
            if let Some(earlier) = &earlier {
                if earlier.job != *job {
                    return Err(Error::new(
                        ErrorKind::Exists,
                        format!(
                            "The id {} is another job's, with other files. Submit this one under an id of its own.",
                            job.id
                        ),
                    ));
                }
                if earlier.cancelled() {
                    let _however = earlier.outcome().await;
                }
                match earlier.status() {
                    status if matches!(status.state, JobState::Running | JobState::Committed) => return Ok(status),
                    _ => {}
                }
            }
            match self.take(job, earlier.as_ref()) {
                (running, true) => break running,
                // Somebody was faster.
                (there, false) => earlier = Some(there),
            }
        };
        let ending = Ending(running.clone());
        let record = JobRecord { job: job.clone(), folder: self.folder() };
        let bronze = match self.inner.bronze(record, self.readers.clone()) {
            Ok(bronze) => bronze,
            Err(error) => {
                self.known().remove(&job.id);
                ending.with(Err(Error::new(error.kind, error.message.clone())));
                return Err(error);
            }
        };
        let (job, sink) = (job.clone(), running.clone());
        let task = self.work.spawn(carried(async move { bronze.run(&job, sink).await }));
        self.work.spawn(async move { ending.with(task.await.unwrap_or_else(|e| Err(failed(e)))) });
        Ok(running.status())
    }

    async fn status(&self, id: &str) -> Result<JobStatus> {
        Ok(self.must_find(id).await?.status())
    }

    async fn cancel(&self, id: &str) -> Result<()> {
        self.must_find(id).await?.stop.store(true, Ordering::SeqCst);
        Ok(())
    }

    async fn outcome(&self, id: &str) -> Result<BronzeOutcome> {
        self.must_find(id).await?.outcome().await
    }

    async fn forget(&self, scope: &Scope) -> Result<()> {
        let folder = self.folder();
        let fail = |e| io_error("emptying", &folder, e);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries.collect::<std::io::Result<Vec<_>>>().map_err(fail)?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(fail(e)),
        };
        for entry in entries {
            let record = std::fs::read(entry.path()).map_err(fail)?;
            // One that cannot be read says nothing to anyone, but may hold rows.
            let goes = serde_json::from_slice::<Record>(&record).map_or(true, |record| record.job.concerns(scope));
            if goes {
                std::fs::remove_file(entry.path()).map_err(fail)?;
            }
        }
        self.known().retain(|_, job| job.ended.borrow().is_none() || !job.job.concerns(scope));
        Ok(())
    }
}
