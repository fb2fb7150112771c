//! The ledger: what was decided about each marker.

use serde::{Deserialize, Serialize};
use showrunner_lake::model::Day;

use super::runs::words;
use super::{Store, Tx, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};

/// What was decided about a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// A run has it and is not over.
    Claimed,
    /// Its day is loaded.
    Ingested,
    /// Ignored: the day was claimed or ingested by an earlier marker.
    Duplicate,
    /// Not accepted, with the reason.
    Refused,
    /// Its run ended without loading the day.
    Failed,
}

words!(
    Decision,
    "a decision",
    Claimed = "claimed",
    Ingested = "ingested",
    Duplicate = "duplicate",
    Refused = "refused",
    Failed = "failed"
);

/// A file as listed when its marker was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredFile {
    /// Name within the day's folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The object's generation.
    pub generation: i64,
}

/// A marker that a run takes.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The day.
    pub day: Day,
    /// The marker's generation; 0 = the run is about to write it.
    pub generation: i64,
    /// Exactly the files of the run.
    pub files: Vec<DeliveredFile>,
    /// Explicit re-ingest: an earlier decision about the same marker gives way.
    pub again: bool,
}

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The day.
    pub day: Day,
    /// The marker's generation; 0 = its run is about to write it.
    pub generation: i64,
    /// What was decided.
    pub decision: Decision,
    /// Why.
    pub reason: Option<String>,
    /// The run that has it.
    pub run_id: Option<String>,
    /// The files listed for it.
    pub files: Vec<DeliveredFile>,
    /// UTC milliseconds.
    pub decided_at: i64,
}

type Raw = (String, String, String, i64, String, Option<String>, Option<String>, String, i64);

const COLUMNS: &str = "customer, dataset, date, marker_generation, decision, reason, run_id, files, decided_at";

impl Store {
    /// The whole ledger, by day, oldest decision first.
    pub async fn deliveries(&self) -> Result<Vec<DeliveryRow>> {
        let rows: Vec<Raw> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM deliveries ORDER BY customer, dataset, date, decided_at, marker_generation"
        ))
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.into_iter().map(row).collect()
    }

    /// The ledger of one day, oldest decision first.
    pub async fn deliveries_of(&self, day: &Day) -> Result<Vec<DeliveryRow>> {
        let rows: Vec<Raw> = sqlx::query_as(&format!(
            "SELECT {COLUMNS} FROM deliveries WHERE customer = $1 AND dataset = $2 AND date = $3 ORDER BY decided_at, marker_generation"
        ))
        .bind(&day.customer)
        .bind(&day.dataset)
        .bind(day.date.to_string())
        .fetch_all(&self.pool)
        .await
        .map_err(explain)?;
        rows.into_iter().map(row).collect()
    }

    /// Records a marker that starts nothing (duplicate, refused). False when somebody decided about it before.
    pub async fn decide(
        &self,
        day: &Day,
        generation: i64,
        decision: Decision,
        reason: &str,
        run_id: Option<&str>,
    ) -> Result<bool> {
        let mut tx = self.begin().await?;
        let new = sqlx::query(
            "INSERT INTO deliveries (customer, dataset, date, marker_generation, decision, reason, run_id, files, decided_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, '[]', $8) ON CONFLICT DO NOTHING",
        )
        .bind(&day.customer)
        .bind(&day.dataset)
        .bind(day.date.to_string())
        .bind(generation)
        .bind(decision.word())
        .bind(reason)
        .bind(run_id)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected()
            > 0;
        if new {
            tx.event("folder", &path(day)).await?;
        }
        tx.commit().await?;
        Ok(new)
    }

    /// A run says which day it is about to deliver, before it writes the marker (generation 0). False when it said so before.
    pub async fn announce(&self, day: &Day, run_id: &str, files: &[DeliveredFile]) -> Result<bool> {
        let mut tx = self.begin().await?;
        let new = sqlx::query(
            "INSERT INTO deliveries (customer, dataset, date, marker_generation, decision, run_id, files, decided_at)
             VALUES ($1, $2, $3, 0, 'claimed', $4, $5, $6)
             ON CONFLICT (customer, dataset, date, marker_generation) DO UPDATE SET files = excluded.files, run_id = excluded.run_id, decision = 'claimed'",
        )
        .bind(&day.customer)
        .bind(&day.dataset)
        .bind(day.date.to_string())
        .bind(run_id)
        .bind(serde_json::to_string(files)?)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected()
            > 0;
        tx.commit().await?;
        Ok(new)
    }

    /// The announced marker was written: its claim gets the generation.
    pub async fn announced_marker_written(&self, day: &Day, run_id: &str, generation: i64) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE deliveries SET marker_generation = $5
             WHERE customer = $1 AND dataset = $2 AND date = $3 AND run_id = $4 AND marker_generation = 0",
        )
        .bind(&day.customer)
        .bind(&day.dataset)
        .bind(day.date.to_string())
        .bind(run_id)
        .bind(generation)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("folder", &path(day)).await?;
        tx.commit().await
    }

    /// A reset's bookkeeping in one transaction: archives runs, forgets decisions and steps, ends the presentation of `stories`.
    pub async fn forget(
        &self,
        runs: &[String],
        deliveries: &[DeliveryRow],
        steps: &[(String, String)],
        stories: &[String],
    ) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in runs {
            sqlx::query("UPDATE runs SET archived = TRUE WHERE id = $1")
                .bind(id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
            tx.event("run", id).await?;
        }
        for delivery in deliveries {
            sqlx::query(
                "DELETE FROM deliveries WHERE customer = $1 AND dataset = $2 AND date = $3 AND marker_generation = $4",
            )
            .bind(&delivery.day.customer)
            .bind(&delivery.day.dataset)
            .bind(delivery.day.date.to_string())
            .bind(delivery.generation)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        }
        for (story, step) in steps {
            sqlx::query("DELETE FROM show_steps WHERE story = $1 AND step = $2")
                .bind(story)
                .bind(step)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
            tx.event("step", step).await?;
        }
        for story in stories {
            tx.end_presentation(story).await?;
        }
        tx.event("folder", "").await?;
        // What was found in a delivered file goes with the file; what persons said to it stays.
        sqlx::query("DELETE FROM privacy_tables WHERE zone = 'delivered'")
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }
}

/// Takes a marker for a run; an error if somebody decided about it before (unless `again`).
pub(super) async fn claim(tx: &mut Tx<'_>, claim: &Claim, run_id: &str) -> Result<()> {
    let sql = if claim.again {
        "INSERT INTO deliveries (customer, dataset, date, marker_generation, decision, run_id, files, decided_at)
         VALUES ($1, $2, $3, $4, 'claimed', $5, $6, $7)
         ON CONFLICT (customer, dataset, date, marker_generation)
         DO UPDATE SET decision = 'claimed', reason = NULL, run_id = excluded.run_id, files = excluded.files, decided_at = excluded.decided_at"
    } else {
        "INSERT INTO deliveries (customer, dataset, date, marker_generation, decision, run_id, files, decided_at)
         VALUES ($1, $2, $3, $4, 'claimed', $5, $6, $7) ON CONFLICT DO NOTHING"
    };
    let taken = sqlx::query(sql)
        .bind(&claim.day.customer)
        .bind(&claim.day.dataset)
        .bind(claim.day.date.to_string())
        .bind(claim.generation)
        .bind(run_id)
        .bind(serde_json::to_string(&claim.files)?)
        .bind(tx.store.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?
        .rows_affected();
    if taken == 0 {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("Somebody else started the ingestion of {} just now.", path(&claim.day)),
        ));
    }
    tx.event("folder", &path(&claim.day)).await
}

fn row(raw: Raw) -> Result<DeliveryRow> {
    let (customer, dataset, date, generation, decision, reason, run_id, files, decided_at) = raw;
    Ok(DeliveryRow {
        day: Day { customer, dataset, date: date.parse().map_err(|_| unreadable("a date", &date))? },
        generation,
        decision: Decision::try_from(decision)?,
        reason,
        run_id,
        files: serde_json::from_str(&files)?,
        decided_at,
    })
}

/// `customer01/ga_sessions/2017-07-29`
pub(crate) fn path(day: &Day) -> String {
    format!("{}/{}/{}", day.customer, day.dataset, day.date)
}
