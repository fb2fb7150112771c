//! Delivered files into bronze, through the job port: whoever is behind it, this is the one way.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::jobs::JobRecord;
use super::steps::{Whose, unknown};
use super::{Inner, Lake};
use crate::bronze::{Bronze, cancelled};
use crate::datasets::Dataset;
use crate::delta::Table;
use crate::model::{BronzeOutcome, DayInput, FileRef, ProgressSink, Zone};
use crate::ports::{IngestJob, IngestJobs, JobDay, JobFile};
use crate::{Error, ErrorKind, Result};

/// A job under way is looked at this often.
const LOOK: Duration = Duration::from_millis(50);
/// Of a run's id in a job's: what is left of 63 for a hyphen and the digest.
const RUN: usize = 46;

impl Lake {
    /// What takes delivered files into bronze.
    pub fn jobs(&self) -> &Arc<dyn IngestJobs> {
        &self.jobs
    }

    /// The job that takes these days into bronze. The same run, days, files and generations make the same id: a run that goes on after its
    /// process died finds the job that it had submitted.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] without days or for those of several datasets, [`ErrorKind::NotFound`] for an unknown dataset.
    pub fn ingest_job(&self, run_id: &str, days: Vec<JobDay>) -> Result<IngestJob> {
        let Some(dataset) = self.inner.whose(days.iter().map(|d| &d.day))?.map(|whose| whose.name()) else {
            return Err(Error::new(ErrorKind::Invalid, "A job without days has nothing to do. Name at least one."));
        };
        let table = self.inner.bronze_table(&dataset)?;
        let spec = serde_json::to_vec(&(run_id, &days))
            .map_err(|e| Error::with(ErrorKind::Internal, "The days of a job cannot be written down.", e))?;
        let digest: String = Sha256::digest(&spec).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let run: String = run_id.chars().map(plain).take(RUN).collect();
        let id = format!("{run}-{digest}").trim_start_matches('-').to_owned();
        let (table, uri) = (table.full_name(), table.uri()?);
        Ok(IngestJob { id, run_id: run_id.to_owned(), dataset, table, uri, days })
    }

    /// Has the job done and waits for it, telling `progress` how far it is. When `progress` says so, the job is cancelled.
    ///
    /// # Errors
    /// Those of the job.
    pub async fn ingest(&self, job: &IngestJob, progress: Arc<dyn ProgressSink>) -> Result<BronzeOutcome> {
        if progress.cancelled() {
            return Err(cancelled());
        }
        progress.update(self.jobs.submit(job).await?.progress);
        let mut ended = std::pin::pin!(self.jobs.outcome(&job.id));
        let mut asked = false;
        let outcome = loop {
            match tokio::time::timeout(LOOK, &mut ended).await {
                Ok(outcome) => break outcome?,
                Err(_not_yet) => {
                    // How far it is may be unknown for once; how it ends is not.
                    if let Ok(status) = self.jobs.status(&job.id).await {
                        progress.update(status.progress);
                    }
                    if progress.cancelled() && !asked {
                        self.jobs.cancel(&job.id).await?;
                        asked = true;
                    }
                }
            }
        };
        if let Ok(status) = self.jobs.status(&job.id).await {
            progress.update(status.progress);
        }
        if self.inner.config.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.jobs.is_some()) {
            // Somebody else committed: the version is in the log.
            self.inner.bronze_table(&job.dataset)?.transaction(&job.id).await?;
        }
        Ok(outcome)
    }

    /// Reads the days' files and replaces those days in bronze, one commit for the call. A day all of whose files are held back is
    /// left as it was. Idempotent: the same `run_id` and input give the same table.
    ///
    /// # Errors
    /// Those of the job that does it.
    pub async fn bronze(
        &self,
        run_id: &str,
        days: &[DayInput],
        progress: Arc<dyn ProgressSink>,
    ) -> Result<BronzeOutcome> {
        if days.is_empty() {
            return Ok(BronzeOutcome::default());
        }
        let file = |file: &FileRef| JobFile { file: file.clone(), generation: written(file) };
        let days = days.iter().map(|d| JobDay { day: d.day.clone(), files: d.files.iter().map(file).collect() });
        self.ingest(&self.ingest_job(run_id, days.collect())?, progress).await
    }
}

/// When a local file was written, in microseconds: what tells it from what had its name before.
fn written(file: &FileRef) -> i64 {
    let FileRef::Local(path) = file else { return 0 };
    let written = path.metadata().and_then(|found| found.modified()).ok();
    let since = written.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or_default()
}

impl Whose {
    fn name(&self) -> String {
        match self {
            Whose::BuiltIn(dataset) => dataset.name.clone(),
            Whose::Defined(defined) => defined.definition.name.clone(),
        }
    }
}

impl Inner {
    /// A dataset with its table in bronze.
    fn landing(&self, dataset: &str) -> Result<(Arc<Table>, Arc<Dataset>)> {
        if let Some(built_in) = self.datasets.iter().find(|d| d.name == dataset) {
            return Ok((self.table(Zone::Bronze, &built_in.name)?, built_in.clone()));
        }
        let defined = self.defined.find(dataset).ok_or_else(|| unknown(dataset))?;
        Ok((defined.table(Zone::Bronze)?.clone(), defined.dataset().clone()))
    }

    /// Where delivered rows of a dataset go.
    pub(super) fn bronze_table(&self, dataset: &str) -> Result<Arc<Table>> {
        self.landing(dataset).map(|(table, _)| table)
    }

    /// What does a job.
    pub(super) fn bronze(&self, record: JobRecord, threads: tokio::runtime::Handle) -> Result<Bronze> {
        let job = record.job();
        let whose = self.whose(job.days.iter().map(|d| &d.day))?;
        let (table, dataset) = self.landing(&job.dataset)?;
        let fits = whose.is_some_and(|whose| whose.name() == job.dataset)
            && table.full_name() == job.table
            && table.uri()? == job.uri;
        if !fits {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "The job {} does not fit this lake: days of {} go into {} at {}. Correct the job.",
                    job.id,
                    job.dataset,
                    table.full_name(),
                    table.uri()?
                ),
            ));
        }
        Ok(Bronze {
            table,
            dataset,
            objects: self.objects.clone(),
            scratch: self.config.data_dir.join("scratch"),
            workers: self.config.workers,
            threads,
            record,
        })
    }
}
