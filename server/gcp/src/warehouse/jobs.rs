//! BigQuery's jobs: sent under an id of ours, waited for, and their failures told.

use std::time::Duration;

use rand::Rng;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::rest::{Call, Rest};

/// The first pause between two looks at a job.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// The longest.
const LAST_LOOK: Duration = Duration::from_secs(5);
/// Tries of one piece of work under ids of its own.
const TRIES: u32 = 50;
/// BigQuery allows 1024 characters of `[A-Za-z0-9_-]`; we stay far below.
const READABLE: usize = 200;

/// An id that says what it is for, is the same for the same `parts`, and another for others.
pub(crate) fn job_id(what: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let readable: String = parts
        .join("_")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .take(READABLE)
        .collect();
    format!("showrunner_{what}_{readable}_{digest}")
}

/// An id that nobody else has.
pub(crate) fn nonce() -> String {
    format!("{:016x}", rand::rng().random::<u64>())
}

/// What is known of a piece of work before it is begun.
pub(crate) enum Settled {
    /// It was done by this job.
    Done(Value),
    /// It was not; this id was never used.
    Free(String),
}

/// The jobs of one project at one location, as somebody.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    pub(crate) rest: Rest,
    pub(crate) project: String,
    pub(crate) location: String,
    /// Labels of every job: who pays for what is read from them.
    pub(crate) labels: Map<String, Value>,
    /// How long a job of ours may take.
    pub(crate) deadline: Duration,
}

impl Jobs {
    /// The body of `jobs.insert`. The job's own deadline is Google's to keep as well: what nobody waits for any more must not run on.
    fn body(&self, id: &str, mut configuration: Value, deadline: Duration) -> Value {
        if let Some(configuration) = configuration.as_object_mut() {
            configuration.insert("labels".to_owned(), Value::Object(self.labels.clone()));
            configuration.insert("jobTimeoutMs".to_owned(), Value::from(deadline.as_millis().to_string()));
        }
        json!({
            "jobReference": {"projectId": self.project, "jobId": id, "location": self.location},
            "configuration": configuration,
        })
    }

    /// Starts a job; one of this id that is there already (a repeat after a lost answer, or another process) is the job.
    pub(crate) async fn submit(
        &self,
        action: &str,
        id: &str,
        configuration: Value,
        deadline: Duration,
    ) -> Result<Value> {
        let body = self.body(id, configuration, deadline);
        match self.rest.send(Call::post(action, &["projects", &self.project, "jobs"], Some(body)).repeatable()).await {
            Err(error) if error.kind == ErrorKind::Exists => match self.get(action, id).await? {
                Some(job) => Ok(job),
                None => Err(error),
            },
            other => other,
        }
    }

    /// Has a query looked at without running it; the job is not kept.
    pub(crate) async fn dry_run(&self, action: &str, query: Value) -> Result<Value> {
        // A reference is what names the location, and Google requires an id in it.
        let id = job_id("dry_run", &[&nonce()]);
        let body = json!({
            "jobReference": {"projectId": self.project, "jobId": id, "location": self.location},
            "configuration": {"dryRun": true, "query": query},
        });
        let job =
            self.rest.send(Call::post(action, &["projects", &self.project, "jobs"], Some(body)).repeatable()).await?;
        match failure(action, &job) {
            Some(error) => Err(error),
            None => Ok(job),
        }
    }

    /// A job, if there is one of this id.
    pub(crate) async fn get(&self, action: &str, id: &str) -> Result<Option<Value>> {
        let call = Call::get(action, &["projects", &self.project, "jobs", id]).with("location", &self.location);
        match self.rest.send(call).await {
            Ok(job) => Ok(Some(job)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits for the end of a job.
    ///
    /// # Errors
    /// Why it failed, with its id and Google's reason; [`ErrorKind::Timeout`] at the deadline, and then it is cancelled.
    pub(crate) async fn wait(&self, action: &str, mut job: Value, deadline: Duration) -> Result<Value> {
        let end = Instant::now() + deadline;
        let mut pause = FIRST_LOOK;
        loop {
            if is_done(&job) {
                return match failure(action, &job) {
                    Some(error) => Err(error),
                    None => Ok(job),
                };
            }
            let id = id_of(&job).to_owned();
            if Instant::now() + pause > end {
                let cancelled = match self.cancel(&id).await {
                    Ok(()) => "It was cancelled",
                    Err(_) => "It could not be cancelled: look at it in the console",
                };
                let seconds = deadline.as_secs();
                return Err(Error::new(
                    ErrorKind::Timeout,
                    format!("Could not {action}: Google's job {id} took longer than {seconds} s. {cancelled}."),
                ));
            }
            let drawn = pause.mul_f64(rand::rng().random_range(0.5..1.0));
            tokio::time::sleep(drawn).await;
            pause = (pause * 3 / 2).min(LAST_LOOK);
            job = self.get(action, &id).await?.ok_or_else(|| {
                Error::new(
                    ErrorKind::Internal,
                    format!("Could not {action}: Google does not know its job {id} any more."),
                )
            })?;
        }
    }

    /// Starts a job and waits for its end.
    pub(crate) async fn run(&self, action: &str, id: &str, configuration: Value) -> Result<Value> {
        let job = self.submit(action, id, configuration, self.deadline).await?;
        self.wait(action, job, self.deadline).await
    }

    /// Whether one of the jobs `id_of(0)`, `id_of(1)`, … has done its work already. BigQuery keeps an id for ever, also that of a job that
    /// failed; so a job that may be run again has a row of ids, and the first that was never used is the next try.
    ///
    /// # Errors
    /// Those of [`Jobs::wait`], while it is not known how a job ended.
    pub(crate) async fn settled(&self, action: &str, id_of: impl Fn(u32) -> String) -> Result<Settled> {
        for attempt in 0..TRIES {
            let id = id_of(attempt);
            let Some(job) = self.get(action, &id).await? else { return Ok(Settled::Free(id)) };
            if is_done(&job) {
                if failure(action, &job).is_none() {
                    return Ok(Settled::Done(job));
                }
                continue;
            }
            match self.wait(action, job, self.deadline).await {
                Ok(job) => return Ok(Settled::Done(job)),
                // It may have failed, or we may not know: only the first lets another try begin.
                Err(error) if !self.get(action, &id).await?.is_some_and(|job| is_done(&job)) => return Err(error),
                Err(_) => {}
            }
        }
        let why = format!("Could not {action}: it failed {TRIES} times under this id. Start it again under another.");
        Err(Error::new(ErrorKind::Internal, why))
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn statement(&self, action: &str, id: &str, sql: &str) -> Result<Value> {
        self.run(action, id, json!({"query": query(sql)})).await
    }

    /// Asks Google to stop a job; it may have ended before.
    pub(crate) async fn cancel(&self, id: &str) -> Result<()> {
        let action = format!("cancel Google's job {id}");
        let call = Call::post(action, &["projects", &self.project, "jobs", id, "cancel"], None);
        self.rest.send(call.repeatable().with("location", &self.location)).await.map(|_answer| ())
    }
}

/// The configuration of a query in BigQuery's own SQL; unless told, BigQuery would take it for legacy SQL.
pub(crate) fn query(sql: &str) -> Value {
    json!({"query": sql, "useLegacySql": false})
}

/// Whether a job has ended, well or not.
pub(crate) fn is_done(job: &Value) -> bool {
    job.pointer("/status/state").and_then(Value::as_str) == Some("DONE")
}

/// A job's id.
pub(crate) fn id_of(job: &Value) -> &str {
    job.pointer("/jobReference/jobId").and_then(Value::as_str).unwrap_or_default()
}

/// A number of a job's statistics; int64 is spelled as a string there.
pub(crate) fn number(job: &Value, pointer: &str) -> Option<u64> {
    let value = job.pointer(pointer)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Why a job failed, if it did. HTTP says 200 in any case.
pub(crate) fn failure(action: &str, job: &Value) -> Option<Error> {
    let result = job.pointer("/status/errorResult")?;
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (reason, message) = (text(result, "reason"), text(result, "message"));
    let kind = kind_of(&reason, &message);
    let more: Vec<String> = job
        .pointer("/status/errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|error| text(error, "message"))
        .filter(|other| *other != message && !other.is_empty())
        .take(3)
        .collect();
    let more = if more.is_empty() { String::new() } else { format!(" It also says: {}.", more.join("; ")) };
    let id = id_of(job);
    let message = message.trim_end_matches('.');
    Some(Error::new(kind, format!("Could not {action}: {message}. (Google's job {id}, reason {reason}){more}")))
}

/// From BigQuery's reasons (cloud.google.com/bigquery/docs/error-messages) to ours.
fn kind_of(reason: &str, message: &str) -> ErrorKind {
    match reason {
        // Two statements changed the same rows; BigQuery has tried again itself before it says so.
        _ if message.contains("concurrent update") => ErrorKind::Conflict,
        "notFound" => ErrorKind::NotFound,
        "duplicate" => ErrorKind::Exists,
        "accessDenied" | "blocked" | "billingNotEnabled" | "billingTierLimitExceeded" => ErrorKind::Denied,
        "quotaExceeded" | "rateLimitExceeded" | "jobRateLimitExceeded" => ErrorKind::Busy,
        "responseTooLarge" | "resourcesExceeded" | "bytesBilledLimitExceeded" => ErrorKind::TooLarge,
        "resourceInUse" => ErrorKind::Conflict,
        "stopped" => ErrorKind::Cancelled,
        "timeout" => ErrorKind::Timeout,
        "backendError" | "internalError" | "jobBackendError" | "jobInternalError" | "tableUnavailable" => {
            ErrorKind::Unavailable
        }
        _ => ErrorKind::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_tells_its_parts_apart_and_stays_within_googles_rules() {
        let id = job_id("load", &["d.t", "run 7:silver@3"]);
        assert_eq!(id, job_id("load", &["d.t", "run 7:silver@3"]), "the same parts, the same id");
        assert_ne!(id, job_id("load", &["d.t", "run_7:silver@3"]), "what looks alike is not the same");
        assert_ne!(job_id("load", &["a", "bc"]), job_id("load", &["ab", "c"]));
        let long = job_id("load", &["ü".repeat(5000).as_str()]);
        for id in [id, long] {
            assert!(id.len() <= 1024 && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{id}");
        }
    }

    #[test]
    fn a_failed_job_is_told_with_its_id_and_reason() {
        let job = json!({
            "jobReference": {"jobId": "j1"},
            "status": {"state": "DONE", "errorResult": {"reason": "invalid", "message": "Error while reading data."},
                       "errors": [{"reason": "invalid", "message": "Bad column n"}]},
        });
        let error = failure("load rows into d.t", &job).expect("it failed");
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert_eq!(
            error.message,
            "Could not load rows into d.t: Error while reading data. (Google's job j1, reason invalid) It also says: Bad column n."
        );
        assert!(failure("x", &json!({"status": {"state": "DONE"}})).is_none());
        assert_eq!(kind_of("invalidQuery", "Could not serialize access due to concurrent update"), ErrorKind::Conflict);
    }
}
