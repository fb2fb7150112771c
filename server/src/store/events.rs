//! What the event stream replays.

use super::{EVENTS_KEPT, Store, explain};
use crate::error::Result;

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EventRow {
    /// Rises with every event; never reused.
    pub id: i64,
    /// UTC milliseconds.
    pub at: i64,
    /// `run`, `step`, `clock`, `audience`, `folder`, `reset`, `lake`, `story` or `stream`.
    pub what: String,
    /// Run, step or folder id.
    #[sqlx(rename = "ref")]
    pub reference: String,
}

impl Store {
    /// Events behind this id, oldest first.
    pub async fn events_after(&self, id: i64, limit: u32) -> Result<Vec<EventRow>> {
        sqlx::query_as("SELECT id, at, what, ref FROM events WHERE id > $1 ORDER BY id LIMIT $2")
            .bind(id)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// The newest event's id; 0 before the first.
    pub async fn last_event_id(&self) -> Result<i64> {
        sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM events").fetch_one(&self.pool).await.map_err(explain)
    }

    /// Stores an event that belongs to no other change.
    pub async fn tell(&self, what: &str, reference: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.event(what, reference).await?;
        tx.commit().await
    }

    pub(super) async fn prune_events(&self) -> Result<()> {
        sqlx::query("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - $1")
            .bind(EVENTS_KEPT)
            .execute(&self.pool)
            .await
            .map_err(explain)?;
        Ok(())
    }
}
