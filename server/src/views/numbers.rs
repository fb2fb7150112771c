//! Numbers computed from the lake for pages, remembered until a commit changes any table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use showrunner_lake::{Lake, QueryLimits};

use crate::error::{Error, ErrorKind, Result};

/// Pages wait no longer than this for a number.
const LIMITS: QueryLimits = QueryLimits { rows: 2_000, timeout: Duration::from_secs(20) };
/// Different queries remembered; beyond it all are forgotten.
const REMEMBERED: usize = 500;

/// Rows of a small answer, each value as text; `None` is NULL.
pub type Rows = Arc<Vec<Vec<Option<String>>>>;

/// A query's answer with the epoch of the lake it belongs to. Held while it is computed: everybody else waits for the one who asks.
type Slot = Arc<tokio::sync::Mutex<Option<(u64, Rows)>>>;

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

    /// The answer to a query of our own (stories, reports). Computed at most once for each state of the lake.
    pub async fn rows(&self, sql: &str) -> Result<Rows> {
        let slot = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            if answers.len() >= REMEMBERED && !answers.contains_key(sql) {
                answers.clear();
            }
            answers.entry(sql.to_owned()).or_default().clone()
        };
        let mut slot = slot.lock().await;
        let epoch = self.lake.epoch();
        if let Some((at, rows)) = &*slot
            && *at == epoch
        {
            return Ok(rows.clone());
        }
        let answer = self.lake.query(sql, LIMITS).await?;
        let mut rows = Vec::new();
        for batch in &answer.batches {
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
        let rows: Rows = Arc::new(rows);
        *slot = Some((epoch, rows.clone()));
        Ok(rows)
    }
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
