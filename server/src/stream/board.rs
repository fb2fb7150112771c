//! What became visible, counted as it happens; read from the warehouse when the server starts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use chrono::{DateTime, Utc};
use showrunner_lake::stream::{Landed, StreamEvent};
use showrunner_lake::{Identity, Lake, QueryLimits};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Streams;
use crate::error::{Error, Result};

/// The time series of the board.
pub const SECONDS: usize = 60;
/// Of so many newest sessions the lag is known.
const LAGS: usize = 2_000;
/// So many names are listed.
const TOP: usize = 8;
/// The table of the stream in the warehouse.
const TABLE: &str = "warehouse.ga_sessions_stream";

/// Counts of what became visible.
pub struct Board(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sessions: u64,
    revenue: f64,
    orders: u64,
    viewed: HashMap<String, u64>,
    /// By the second in which they became visible, oldest first; at most [`SECONDS`].
    seconds: VecDeque<Bucket>,
    lags: VecDeque<f64>,
}

#[derive(Debug, Default)]
struct Bucket {
    second: i64,
    sessions: u64,
    countries: HashMap<String, u64>,
}

/// The board at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Second {
    /// Sessions that the stream brought since the last reset.
    pub sessions: u64,
    /// Their revenue.
    pub revenue: f64,
    /// Those with an order.
    pub orders: u64,
    /// Sessions of the last minute, second by second, the second under way last.
    pub minute: Vec<u64>,
    /// Countries of the last minute with their sessions, the most first.
    pub countries: Vec<(String, u64)>,
    /// How many countries there were in the last minute.
    pub active_countries: u64,
    /// Products that were viewed, the most first.
    pub products: Vec<(String, u64)>,
    /// From publish to visible, in seconds: median and 99th percentile of the newest sessions.
    pub lag: Option<(f64, f64)>,
}

impl Board {
    /// What the warehouse holds, as far as `who` sees it.
    pub(super) async fn read(lake: &Lake, who: &Identity, now: DateTime<Utc>) -> Result<Board> {
        Ok(Board(Mutex::new(Counts::read(lake, who, now).await?)))
    }

    pub(super) async fn read_again(&self, lake: &Lake, now: DateTime<Utc>) -> Result<()> {
        let counts = Counts::read(lake, &Identity::admin(), now).await?;
        *self.counts() = counts;
        Ok(())
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the last minute is another one with each second.
    pub(super) fn moves(&self, now: DateTime<Utc>) -> bool {
        let oldest = now.timestamp() - SECONDS as i64 - 1;
        self.counts().seconds.back().is_some_and(|bucket| bucket.second >= oldest)
    }

    /// The board at this moment.
    pub fn at(&self, now: DateTime<Utc>) -> Second {
        let counts = self.counts();
        let first = now.timestamp() - SECONDS as i64 + 1;
        let mut minute = vec![0; SECONDS];
        let mut countries: HashMap<&str, u64> = HashMap::new();
        for bucket in counts.seconds.iter().filter(|bucket| bucket.second >= first) {
            if let Some(place) = usize::try_from(bucket.second - first).ok().and_then(|at| minute.get_mut(at)) {
                *place += bucket.sessions;
            }
            for (country, sessions) in &bucket.countries {
                *countries.entry(country).or_default() += sessions;
            }
        }
        let mut lags: Vec<f64> = counts.lags.iter().copied().collect();
        lags.sort_by(f64::total_cmp);
        let at = |share: f64| lags.get(((lags.len() as f64 - 1.0) * share).round() as usize).copied();
        Second {
            sessions: counts.sessions,
            revenue: counts.revenue,
            orders: counts.orders,
            minute,
            active_countries: countries.len() as u64,
            countries: top(countries.into_iter().map(|(name, n)| (name.to_owned(), n))),
            products: top(counts.viewed.iter().map(|(name, n)| (name.clone(), *n))),
            lag: at(0.5).zip(at(0.99)),
        }
    }
}

fn top(all: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all.truncate(TOP);
    all
}

impl Counts {
    fn add(&mut self, landed: &[Landed]) {
        for session in landed {
            self.sessions += 1;
            if let Some(revenue) = session.revenue {
                self.revenue += revenue as f64 / 1e6;
                self.orders += 1;
            }
            for name in &session.viewed {
                *self.viewed.entry(name.clone()).or_default() += 1;
            }
            self.bucket(session.visible.timestamp(), session.country.as_deref(), 1);
            let lag = (session.visible - session.published).num_microseconds().unwrap_or(i64::MAX);
            self.lags.push_back(lag.max(0) as f64 / 1e6);
        }
        while self.lags.len() > LAGS {
            self.lags.pop_front();
        }
    }

    fn bucket(&mut self, second: i64, country: Option<&str>, sessions: u64) {
        if self.seconds.back().is_none_or(|newest| newest.second < second) {
            self.seconds.push_back(Bucket { second, ..Bucket::default() });
            while self.seconds.len() > SECONDS + 1 {
                self.seconds.pop_front();
            }
        }
        // Those of one commit come together, but commits may overtake each other by a little.
        if let Some(bucket) = self.seconds.iter_mut().rev().find(|bucket| bucket.second == second) {
            bucket.sessions += sessions;
            if let Some(country) = country {
                *bucket.countries.entry(country.to_owned()).or_default() += sessions;
            }
        }
    }

    async fn read(lake: &Lake, who: &Identity, now: DateTime<Utc>) -> Result<Counts> {
        let mut counts = Counts::default();
        let rows = lake.tables().await?.into_iter().find(|t| t.full_name() == TABLE);
        if rows.is_none_or(|table| table.rows() == 0) {
            return Ok(counts);
        }
        let limits = QueryLimits { rows: 10_000, timeout: Duration::from_secs(60) };
        let totals = format!("SELECT count(*), CAST(sum(revenue) AS DOUBLE), count(revenue) FROM {TABLE}");
        for batch in lake.query(who, &totals, limits).await?.batches.iter().filter(|batch| batch.num_rows() > 0) {
            counts.sessions = integer(batch, 0, 0);
            counts.revenue = batch.column(1).as_primitive::<Float64Type>().value(0);
            counts.orders = integer(batch, 2, 0);
        }
        let viewed = format!(
            "SELECT product, count(*) AS views FROM (SELECT unnest(viewed) AS product FROM {TABLE}) GROUP BY 1 ORDER BY 2 DESC"
        );
        for batch in lake.query(who, &viewed, limits).await?.batches {
            for (row, name) in texts(&batch, 0)?.into_iter().enumerate() {
                counts.viewed.insert(name.unwrap_or_default(), integer(&batch, 1, row));
            }
        }
        let since = now - chrono::TimeDelta::seconds(SECONDS as i64 + 1);
        let minute = format!(
            "SELECT CAST(floor(extract(epoch FROM ingest_time)) AS BIGINT) AS second, country, count(*) AS sessions FROM {TABLE}
             WHERE ingest_time >= TIMESTAMP '{}' GROUP BY 1, 2 ORDER BY 1",
            since.format("%Y-%m-%dT%H:%M:%SZ")
        );
        for batch in lake.query(who, &minute, limits).await?.batches {
            for (row, country) in texts(&batch, 1)?.into_iter().enumerate() {
                let second = batch.column(0).as_primitive::<Int64Type>().value(row);
                counts.bucket(second, country.as_deref(), integer(&batch, 2, row));
            }
        }
        Ok(counts)
    }
}

fn integer(batch: &RecordBatch, column: usize, row: usize) -> u64 {
    u64::try_from(batch.column(column).as_primitive::<Int64Type>().value(row)).unwrap_or_default()
}

fn texts(batch: &RecordBatch, column: usize) -> Result<Vec<Option<String>>> {
    let texts = cast(batch.column(column), &DataType::Utf8)
        .map_err(|e| Error::with(crate::ErrorKind::Internal, "A text of the stream's table could not be read.", e))?;
    Ok(texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
}

impl Streams {
    /// Counts what becomes visible until `halt`.
    pub(super) async fn count(
        &self,
        mut events: tokio::sync::broadcast::Receiver<Arc<StreamEvent>>,
        halt: &CancellationToken,
    ) {
        let mut open = self.sinks.counts().await.map_or(0, |counts| counts.dead_open);
        loop {
            let event = tokio::select! {
                () = halt.cancelled() => return,
                event = events.recv() => event,
            };
            match event.as_deref() {
                Ok(StreamEvent::Landed(landed)) => {
                    self.board.counts().add(landed);
                    // One of them may be a dead letter that was repaired.
                    if open > 0 {
                        self.tell_of_letters(&mut open).await;
                    }
                }
                Ok(StreamEvent::DeadLettered(_)) => self.tell_of_letters(&mut open).await,
                Ok(_) => {}
                // More came than could be kept: the table has all of it.
                Err(RecvError::Lagged(_)) => {
                    if let Err(error) = self.board.read_again(&self.lake, self.clock.now()).await {
                        tracing::warn!("{}", error.chain());
                    }
                }
                Err(RecvError::Closed) => return,
            }
            self.changed();
        }
    }

    /// Pages list dead letters, which are not part of the board.
    async fn tell_of_letters(&self, open: &mut u64) {
        let told = async {
            let now = self.sinks.counts().await?.dead_open;
            if now != std::mem::replace(open, now) {
                self.store.tell("stream", "dead-letter").await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(error) = told.await {
            tracing::warn!("{}", error.chain());
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn landed(visible: DateTime<Utc>, country: &str, revenue: Option<i64>) -> Landed {
        Landed {
            run_id: "stream-0001-0000".into(),
            seq: 0,
            date: visible.date_naive(),
            country: Some(country.into()),
            device_category: None,
            revenue,
            viewed: vec!["Cap".into(), format!("Mug {country}")],
            published: visible - TimeDelta::milliseconds(250),
            visible,
        }
    }

    #[test]
    fn the_last_minute_is_sixty_seconds_and_no_more() {
        let board = Board(Mutex::default());
        let begin = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for second in 0..90_i64 {
            let visible = begin + TimeDelta::seconds(second);
            let country = if second % 3 == 0 { "Germany" } else { "France" };
            board.counts().add(&[landed(visible, country, (second == 89).then_some(12_500_000))]);
        }
        let now = begin + TimeDelta::seconds(89);
        let at = board.at(now);
        assert_eq!((at.sessions, at.orders, at.revenue), (90, 1, 12.5));
        assert_eq!(at.minute, vec![1; 60]);
        assert_eq!(at.countries, [("France".to_owned(), 40), ("Germany".to_owned(), 20)]);
        assert_eq!(at.products[0], ("Cap".to_owned(), 90));
        assert_eq!(at.lag, Some((0.25, 0.25)));
        assert!(board.moves(now));
        // Nothing arrives for half a minute, then for long.
        let later = board.at(now + TimeDelta::seconds(30));
        assert_eq!(later.minute.iter().sum::<u64>(), 30);
        assert!(later.minute[30..].iter().all(|n| *n == 0));
        let long_after = now + TimeDelta::seconds(120);
        assert_eq!(board.at(long_after).active_countries, 0);
        assert!(!board.moves(long_after));
        assert_eq!(board.at(long_after).sessions, 90);
    }
}
