//! Extract jobs: a table as files.

use chrono::NaiveDate;
use serde_json::{Value, json};
use showrunner_lake::Result;

use super::jobs::{Settled, job_id};
use super::{BigQueryWarehouse, check_name};

impl BigQueryWarehouse {
    /// Writes a table, or one of its dates, as newline-delimited JSON with gzip to `gs://bucket/prefix*.json.gz`, one file for each GB at
    /// least. Returns how many files there are, where BigQuery says so. `job` is the caller's own id: the same id twice writes once.
    ///
    /// JSON and not CSV, since nested and repeated columns have no place there. Bucket and dataset have to be at the same location.
    ///
    /// # Errors
    /// [`showrunner_lake::ErrorKind::NotFound`] without such a table; why the job failed, with its id.
    pub async fn extract(
        &self,
        name: &str,
        date: Option<NaiveDate>,
        bucket: &str,
        prefix: &str,
        job: &str,
    ) -> Result<Option<u64>> {
        check_name("table", name)?;
        let action = format!("write {} to gs://{bucket}/{prefix}", self.shown(name));
        let of = [
            self.shown(name),
            date.map(|date| date.to_string()).unwrap_or_default(),
            format!("gs://{bucket}/{prefix}"),
            job.to_owned(),
        ];
        let id_of = |n: u32| {
            let mut parts: Vec<&str> = of.iter().map(String::as_str).collect();
            let n = n.to_string();
            parts.push(&n);
            job_id("extract", &parts)
        };
        let done = match self.jobs.settled(&action, id_of).await? {
            Settled::Done(job) => job,
            Settled::Free(id) => {
                let table = match date {
                    Some(date) => format!("{name}${}", date.format("%Y%m%d")),
                    None => name.to_owned(),
                };
                let configuration = json!({"extract": {
                    "sourceTable": self.reference(&self.options.dataset, &table),
                    "destinationUris": [format!("gs://{bucket}/{prefix}*.json.gz")],
                    "destinationFormat": "NEWLINE_DELIMITED_JSON",
                    "compression": "GZIP",
                }});
                self.jobs.run(&action, &id, configuration).await?
            }
        };
        let counts = done.pointer("/statistics/extract/destinationUriFileCounts").and_then(Value::as_array);
        Ok(counts.map(|counts| counts.iter().filter_map(|count| count.as_str()?.parse::<u64>().ok()).sum()))
    }
}
