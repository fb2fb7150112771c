//! Streams: what is published, how fast, and how far it is.

use chrono::NaiveDate;

use super::runs::words;
use super::{Store, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};

/// Where a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamState {
    /// Records are published.
    Playing,
    /// It waits for somebody.
    Paused,
    /// Over.
    Ended,
}

words!(StreamState, "a stream's state", Playing = "playing", Paused = "paused", Ended = "ended");

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Payload {
    /// The whole session with its hits.
    Full,
    /// The session without its hits: a tenth of the bytes.
    Flattened,
}

words!(Payload, "a stream's payload", Full = "full", Flattened = "flattened");

/// A stream. Times are UTC milliseconds.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct StreamRow {
    /// `stream-0003-7f3a`
    pub id: String,
    /// Rises with every stream.
    pub number: i64,
    /// Who delivers.
    pub customer: String,
    /// What is delivered.
    pub dataset: String,
    /// The day that is published, `YYYY-MM-DD`.
    pub date: String,
    /// Where it is.
    #[sqlx(try_from = "String")]
    pub state: StreamState,
    /// Records a second.
    pub rate: f64,
    /// What a message holds.
    #[sqlx(try_from = "String")]
    pub payload: Payload,
    /// The date as which the day is published, `YYYY-MM-DD`; `None`: its own.
    pub shifted_to: Option<String>,
    /// Begins again at the end of the day.
    pub loops: bool,
    /// Ends after so many records.
    pub most: Option<i64>,
    /// Records of the day; 0 until it was read.
    pub records: i64,
    /// The sequence number of the next record.
    pub position: i64,
    /// Records that were sent by hand.
    pub sent: i64,
    /// Who pressed.
    pub started_by: String,
    /// When.
    pub started_at: i64,
    /// When it stops by itself.
    pub stops_at: i64,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// Why it ended, in words.
    pub why: Option<String>,
    /// 1-based; one more with each start of the server while it is not over.
    pub attempt: i64,
    /// Set by a reset.
    pub archived: bool,
}

/// What the ids of streams begin with, and those of runs do not.
const ID: &str = "stream-";

impl StreamRow {
    /// Whether this is a stream's id, and not a run's.
    pub fn is_id(id: &str) -> bool {
        id.starts_with(ID)
    }

    /// The day that is published.
    pub fn day(&self) -> Result<NaiveDate> {
        self.date.parse().map_err(|_| unreadable("a date", &self.date))
    }

    /// The date as which it is published, if not its own.
    pub fn shift(&self) -> Result<Option<NaiveDate>> {
        self.shifted_to.as_deref().map(|date| date.parse().map_err(|_| unreadable("a date", date))).transpose()
    }

    /// The run id of the records that were sent by hand: they have sequence numbers of their own, so that a stream that goes on
    /// after a crash gives its records the numbers that they had.
    pub fn by_hand(&self) -> String {
        format!("{}-hand", self.id)
    }
}

const COLUMNS: &str = "id, number, customer, dataset, date, state, rate, payload, shifted_to, loops, most, records, position, sent, started_by, started_at, stops_at, ended_at, why, attempt, archived";

/// A stream to be started.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStream {
    /// Who delivers.
    pub customer: String,
    /// What is delivered.
    pub dataset: String,
    /// The day that is published.
    pub date: NaiveDate,
    /// Records a second.
    pub rate: f64,
    /// What a message holds.
    pub payload: Payload,
    /// The date as which the day is published.
    pub shifted_to: Option<NaiveDate>,
    /// Begins again at the end of the day.
    pub loops: bool,
    /// Ends after so many records.
    pub most: Option<u64>,
    /// Who pressed.
    pub started_by: String,
    /// Milliseconds until it stops by itself.
    pub lasts: i64,
    /// The end of the id.
    pub suffix: u16,
}

impl Store {
    /// Starts a stream, or says which one is under way. Refused during a reset.
    pub async fn insert_stream(&self, new: &NewStream) -> Result<(StreamRow, bool)> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let active: Option<StreamRow> =
            sqlx::query_as(&format!("SELECT {COLUMNS} FROM streams WHERE state <> 'ended'"))
                .fetch_optional(&mut *tx.inner)
                .await
                .map_err(explain)?;
        if let Some(active) = active {
            return Ok((active, false));
        }
        tx.refuse_during_reset().await?;
        let number: i64 = sqlx::query_scalar("SELECT coalesce(max(number), 0) + 1 FROM streams")
            .fetch_one(&mut *tx.inner)
            .await
            .map_err(explain)?;
        let row: StreamRow = sqlx::query_as(&format!(
            "INSERT INTO streams (id, number, customer, dataset, date, state, rate, payload, shifted_to, loops, most, started_by, started_at, stops_at)
             VALUES ($1, $2, $3, $4, $5, 'playing', $6, $7, $8, $9, $10, $11, $12, $13) RETURNING {COLUMNS}"
        ))
        .bind(format!("{ID}{number:04}-{:04x}", new.suffix))
        .bind(number)
        .bind(&new.customer)
        .bind(&new.dataset)
        .bind(new.date.to_string())
        .bind(new.rate)
        .bind(new.payload.word())
        .bind(new.shifted_to.map(|date| date.to_string()))
        .bind(new.loops)
        .bind(new.most.map(|most| i64::try_from(most).unwrap_or(i64::MAX)))
        .bind(&new.started_by)
        .bind(now)
        .bind(now.saturating_add(new.lasts))
        .fetch_one(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("stream", &row.id).await?;
        tx.commit().await?;
        Ok((row, true))
    }

    /// One stream, archived ones included.
    pub async fn stream(&self, id: &str) -> Result<StreamRow> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM streams WHERE id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)?
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("There is no stream {id}. The list of runs shows those that there are."),
                )
            })
    }

    /// The server starts, and the stream that is not over goes on: its next attempt.
    pub async fn resume_stream(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        let id: Option<String> =
            sqlx::query_scalar("UPDATE streams SET attempt = attempt + 1 WHERE state <> 'ended' RETURNING id")
                .fetch_optional(&mut *tx.inner)
                .await
                .map_err(explain)?;
        if let Some(id) = id {
            tx.event("stream", &id).await?;
        }
        tx.commit().await
    }

    /// The stream that is not over.
    pub async fn active_stream(&self) -> Result<Option<StreamRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM streams WHERE state <> 'ended'"))
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Streams that are not archived, newest first.
    pub async fn streams(&self, limit: u32) -> Result<Vec<StreamRow>> {
        sqlx::query_as(&format!("SELECT {COLUMNS} FROM streams WHERE archived = FALSE ORDER BY number DESC LIMIT $1"))
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// How many records the day has.
    pub async fn stream_read(&self, id: &str, records: u64) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE streams SET records = $2 WHERE id = $1")
            .bind(id)
            .bind(i64::try_from(records).unwrap_or(i64::MAX))
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("stream", id).await?;
        tx.commit().await
    }

    /// Everything before this sequence number is published. Tells nobody: the board does.
    pub async fn stream_at(&self, id: &str, position: u64) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE streams SET position = $2 WHERE id = $1")
            .bind(id)
            .bind(i64::try_from(position).unwrap_or(i64::MAX))
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }

    /// Plays or pauses a stream that is not over, at this rate. Returns it as it is now; `None` when it is over.
    pub async fn change_stream(&self, id: &str, state: StreamState, rate: f64) -> Result<Option<StreamRow>> {
        let mut tx = self.begin().await?;
        let row: Option<StreamRow> = sqlx::query_as(&format!(
            "UPDATE streams SET state = $2, rate = $3 WHERE id = $1 AND state <> 'ended' RETURNING {COLUMNS}"
        ))
        .bind(id)
        .bind(state.word())
        .bind(rate)
        .fetch_optional(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("stream", id).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Takes the next sequence number for records sent by hand, before they are published: one that is published for sure was never
    /// given to another.
    pub async fn number_by_hand(&self, id: &str) -> Result<u64> {
        let mut tx = self.begin().await?;
        let sent: Option<i64> = sqlx::query_scalar("UPDATE streams SET sent = sent + 1 WHERE id = $1 RETURNING sent")
            .bind(id)
            .fetch_optional(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await?;
        let sent = sent.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("There is no stream {id}.")))?;
        Ok(u64::try_from(sent - 1).unwrap_or_default())
    }

    /// Ends a stream; nothing if it is over.
    pub async fn end_stream(&self, id: &str, position: Option<u64>, why: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE streams SET state = 'ended', ended_at = $2, why = $3, position = coalesce($4, position) WHERE id = $1 AND state <> 'ended'",
        )
        .bind(id)
        .bind(self.clock.millis())
        .bind(why)
        .bind(position.map(|position| i64::try_from(position).unwrap_or(i64::MAX)))
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("stream", id).await?;
        tx.commit().await
    }

    /// A reset takes these streams out of the list.
    pub async fn archive_streams(&self, ids: &[String]) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in ids {
            sqlx::query("UPDATE streams SET archived = TRUE WHERE id = $1")
                .bind(id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
            tx.event("stream", id).await?;
        }
        tx.commit().await
    }
}
