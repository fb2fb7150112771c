//! Numbers computed from the lake for pages, remembered until a commit changes a table that they were computed from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use showrunner_lake::{Identity, Lake, QueryLimits};

use crate::error::{Error, ErrorKind, Result};

/// Pages wait no longer than this for a number.
const LIMITS: QueryLimits = QueryLimits { rows: 2_000, timeout: Duration::from_secs(20) };
/// Different queries remembered; beyond it all are forgotten.
const REMEMBERED: usize = 500;

/// Rows of a small answer, each value as text; `None` is NULL.
pub type Rows = Arc<Vec<Vec<Option<String>>>>;

/// Answers, with the tables and versions they were computed from.
struct Remembered {
    /// Of the whole lake, when the versions were compared last.
    epoch: u64,
    versions: Vec<(String, i64)>,
    answers: Arc<Vec<Rows>>,
}

/// Held while answers are computed: everybody else waits for the one who asks.
type Slot = Arc<tokio::sync::Mutex<Option<Remembered>>>;

/// Answers by query text.
pub struct Numbers {
    lake: Arc<Lake>,
    answers: Mutex<HashMap<String, Slot>>,
}

impl Numbers {
    /// Nothing is computed before it is asked for.
    pub fn new(lake: Arc<Lake>) -> Self {
        Numbers { lake, answers: Mutex::new(HashMap::new()) }
    }

    /// The answer to a query of our own (stories). Computed at most once for each state of the lake.
    pub async fn rows(&self, who: &Identity, sql: &str) -> Result<Rows> {
        if self.lake.restricts(who) {
            // Never remembered: it is of one identity and of the policies of this moment.
            return match self.lake.query(who, sql, LIMITS).await {
                Ok(answer) => rows_of(&answer.batches),
                // A number that is denied is none.
                Err(error) if error.kind == showrunner_lake::ErrorKind::Invalid => Ok(Rows::default()),
                Err(error) => Err(error.into()),
            };
        }
        let admin = Identity::admin();
        let compute = async { rows_of(&self.lake.query(&admin, sql, LIMITS).await?.batches).map(|rows| vec![rows]) };
        Ok(self.remembered(&[sql.to_owned()], compute).await?.first().cloned().unwrap_or_default())
    }

    /// The answers to the report's queries, in their order. Computed at most once for each state of the lake.
    pub async fn report(&self, who: &Identity, queries: &[String]) -> Result<Arc<Vec<Rows>>> {
        let restricted = self.lake.restricts(who);
        let admin = Identity::admin();
        let who = if restricted { who } else { &admin };
        let compute = async {
            let answers = tokio::time::timeout(LIMITS.timeout, self.lake.report(who, queries.to_vec())).await;
            let answers = answers.map_err(|_| {
                Error::new(ErrorKind::Unavailable, "The report took too long. Wait for the run to finish, then reload.")
            })??;
            answers.iter().map(|batches| rows_of(batches)).collect::<Result<Vec<_>>>()
        };
        if restricted {
            return compute.await.map(Arc::new);
        }
        self.remembered(queries, compute).await
    }

    async fn remembered(
        &self,
        queries: &[String],
        compute: impl Future<Output = Result<Vec<Rows>>>,
    ) -> Result<Arc<Vec<Rows>>> {
        let slot = {
            let key = queries.join(";");
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.len() >= REMEMBERED && !answers.contains_key(&key) {
                answers.clear();
            }
            answers.entry(key).or_default().clone()
        };
        let mut slot = slot.lock().await;
        let epoch = self.lake.epoch();
        if let Some(known) = &*slot
            && known.epoch == epoch
        {
            return Ok(known.answers.clone());
        }
        // Read before the answers are: what is committed in between is seen as a change at the next look.
        let versions = self.lake.versions(queries).await?;
        match &mut *slot {
            Some(known) if known.versions == versions => known.epoch = epoch,
            _ => *slot = Some(Remembered { epoch, versions, answers: Arc::new(compute.await?) }),
        }
        Ok(slot.as_ref().map(|known| known.answers.clone()).unwrap_or_default())
    }
}

fn rows_of(batches: &[RecordBatch]) -> Result<Rows> {
    let mut rows = Vec::new();
    for batch in batches {
        let options = FormatOptions::new();
        let columns = batch
            .columns()
            .iter()
            .map(|c| ArrayFormatter::try_new(c, &options))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        for row in 0..batch.num_rows() {
            let value = |(i, c): (usize, &ArrayFormatter<'_>)| {
                (!batch.column(i).is_null(row)).then(|| c.value(row).to_string())
            };
            rows.push(columns.iter().enumerate().map(value).collect());
        }
    }
    Ok(Arc::new(rows))
}

fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::with(
        ErrorKind::Internal,
        "An answer of the lake could not be read. This is a bug: please report the log.",
        error,
    )
}

/// A value as a number.
pub fn number(value: Option<&Option<String>>) -> Option<f64> {
    value?.as_deref()?.parse().ok()
}

/// A value as a count.
pub fn whole(value: Option<&Option<String>>) -> u64 {
    number(value).map_or(0, |n| n.max(0.0) as u64)
}
