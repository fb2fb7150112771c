//! Jobs that take delivered files into a table, after Dataproc's batches: the place where Spark can do what this process does.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::model::{BronzeOutcome, Day, FileRef, Progress, Scope};
use crate::{Error, ErrorKind, Result};

/// One delivered file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// Where it lies. Only a job of this process can read [`FileRef::Local`].
    pub file: FileRef,
    /// The generation that was listed, 0 if nobody looked. Buckets keep no older ones: a file that was overwritten since is read as it
    /// is now.
    pub generation: i64,
}

/// A day and all its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDay {
    /// Which day is replaced.
    pub day: Day,
    /// Its files, all of them.
    pub files: Vec<JobFile>,
}

/// "Ingest these files": all that whoever does it has to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestJob {
    /// The caller's own id, as Dataproc takes it for a batch: 4 to 63 of `a-z 0-9 -`.
    pub id: String,
    /// The run that it belongs to: stands in each row, in the names of the files and in the commit.
    pub run_id: String,
    /// What is delivered. One job has one dataset.
    pub dataset: String,
    /// The table that is written: `bronze.ga_sessions`.
    pub table: String,
    /// Its root: `gs://BUCKET/zone/bronze/ga_sessions/`, or `file://…`. The table is there; its log has schema and partitioning.
    pub uri: String,
    /// The days, each with all its files.
    pub days: Vec<JobDay>,
}

impl IngestJob {
    /// Whether it takes days of this scope.
    pub fn concerns(&self, scope: &Scope) -> bool {
        match scope {
            Scope::All => true,
            Scope::Customer(customer) => self.days.iter().any(|taken| taken.day.customer == *customer),
            Scope::Days(days) => self.days.iter().any(|taken| days.contains(&taken.day)),
            Scope::Dataset(dataset) => self.dataset == *dataset,
            // What is streamed comes by no job.
            Scope::Stream => false,
        }
    }

    /// How many files it reads.
    pub fn files(&self) -> u64 {
        self.days.iter().map(|day| day.files.len() as u64).sum()
    }

    /// Whether the id can stand for a job.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if not.
    pub fn check(&self) -> Result<()> {
        let id = self.id.as_bytes();
        let inner = id.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
        if (4..=63).contains(&id.len()) && inner && id.first() != Some(&b'-') && id.last() != Some(&b'-') {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!("{:?} cannot be a job's id: take 4 to 63 of a-z, 0-9 and '-', without '-' at its ends.", self.id),
        ))
    }
}

/// What has become of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Under way, or about to begin.
    Running,
    /// All its days are in the table.
    Committed,
    /// It ended by an error: nothing of it is in the table.
    Failed,
    /// It was cancelled in time: nothing of it is in the table.
    Cancelled,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// What has become of it.
    pub state: JobState,
    /// Files read.
    pub files: u64,
    /// Files in all.
    pub files_total: u64,
    /// Rows, bytes and days.
    pub progress: Progress,
}

/// Takes delivered files into a table of the lake.
///
/// - **All or nothing.** All days of a job become visible in one version of the table, or none does: when it fails, when it is cancelled,
///   when whoever does it dies. The commit carries the job's id as the application transaction of the Delta log, with its own version.
/// - **Once.** The same id twice is one job. An id whose job failed or was cancelled may be submitted again, and begins anew.
/// - **Whole days.** The rows of a job's days are replaced. Rows and files that cannot be read are held back and told in the outcome; a day
///   of which everything is held back stays as it was.
/// - **Found again.** A job whose submitter died is known by its id to whoever asks next. Whether it went on is the back end's affair: here
///   it dies with the process, and its id is unknown unless it had committed. Outcomes are kept of the last hundred jobs at least.
#[async_trait]
pub trait IngestJobs: Send + Sync {
    /// Starts the job and returns. The same job again changes nothing and says how far it is; one that is being cancelled is waited for.
    ///
    /// # Errors
    /// [`ErrorKind::Exists`] if the id is another job's, [`ErrorKind::Invalid`] for what cannot be a job, [`ErrorKind::NotFound`] for an
    /// unknown dataset.
    async fn submit(&self, job: &IngestJob) -> Result<JobStatus>;

    /// How far the job is.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no such job is known.
    async fn status(&self, id: &str) -> Result<JobStatus>;

    /// Asks the job to stop; fine if it has ended. Before its commit nothing of it stays; after it, it stays as committed. The outcome says
    /// which.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no such job is known.
    async fn cancel(&self, id: &str) -> Result<()>;

    /// Waits for the end of the job.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] if it was cancelled, [`ErrorKind::NotFound`] if no such job is known, else why it failed.
    async fn outcome(&self, id: &str) -> Result<BronzeOutcome>;

    /// Forgets jobs that have ended and took days of this scope, with the samples of rows that they held back. Whoever removes the days from the
    /// table calls it first: the same job submitted again is then done again.
    async fn forget(&self, scope: &Scope) -> Result<()>;
}
