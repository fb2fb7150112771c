//! Steps of the story, customers, settings.

use super::{Store, Tx, explain};
use crate::error::Result;

/// What happened with a step of a story.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ShowStepRow {
    /// Story id.
    pub story: String,
    /// Step id, for instance `2.1`.
    pub step: String,
    /// The run that it started, if it starts one.
    pub run_id: Option<String>,
    /// UTC milliseconds of the newest press.
    pub pressed_at: Option<i64>,
    /// UTC milliseconds; `None` while its run is not over.
    pub done_at: Option<i64>,
    /// UTC milliseconds; `None` unless it was skipped and not taken up since.
    pub skipped_at: Option<i64>,
    /// Milliseconds on show while the clock ran, up to when the clock was last settled.
    pub used: i64,
}

impl ShowStepRow {
    /// Pressed or skipped, not merely shown.
    pub fn touched(&self) -> bool {
        self.pressed_at.is_some() || self.skipped_at.is_some()
    }
}

const STEP_COLUMNS: &str = "story, step, run_id, pressed_at, done_at, skipped_at, used";

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize, serde::Deserialize)]
pub struct CustomerRow {
    /// For instance `customer01`.
    pub id: String,
    /// For people.
    pub title: String,
    /// UTC milliseconds.
    pub created_at: i64,
}

impl Store {
    /// The steps of a story that were shown, pressed or skipped.
    pub async fn show_steps(&self, story: &str) -> Result<Vec<ShowStepRow>> {
        sqlx::query_as(&format!("SELECT {STEP_COLUMNS} FROM show_steps WHERE story = $1 ORDER BY step"))
            .bind(story)
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// The same of all stories.
    pub async fn all_show_steps(&self) -> Result<Vec<ShowStepRow>> {
        sqlx::query_as(&format!("SELECT {STEP_COLUMNS} FROM show_steps ORDER BY story, step"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// Records that a step was pressed (again), with the run that it started, if it starts one. `done` for steps that
    /// are over with the press. The step is on show from now on, is skipped no more, and the clock runs.
    pub async fn press_step(&self, story: &str, step: &str, run_id: Option<&str>, done: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.show_step(story, step, true).await?;
        tx.press(story, step, run_id, done).await?;
        tx.event("step", step).await?;
        tx.commit().await
    }

    /// Records that a pressed step is over.
    pub async fn finish_step(&self, story: &str, step: &str) -> Result<()> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        let changed =
            sqlx::query("UPDATE show_steps SET done_at = $3 WHERE story = $1 AND step = $2 AND done_at IS NULL")
                .bind(story)
                .bind(step)
                .bind(now)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?
                .rows_affected();
        if changed > 0 {
            tx.event("step", step).await?;
        }
        tx.commit().await
    }

    /// All customers.
    pub async fn customers(&self) -> Result<Vec<CustomerRow>> {
        sqlx::query_as("SELECT id, title, created_at FROM customers ORDER BY id")
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// Adds a customer; nothing happens if it is there.
    pub async fn add_customer(&self, id: &str, title: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO customers (id, title, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(title)
            .bind(self.clock.millis())
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }

    /// A setting's value.
    pub async fn setting(&self, name: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// All settings, sorted by name.
    pub async fn settings(&self) -> Result<Vec<(String, String)>> {
        sqlx::query_as("SELECT name, value FROM settings ORDER BY name").fetch_all(&self.pool).await.map_err(explain)
    }

    /// Sets a setting.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.commit().await
    }
}

impl Tx<'_> {
    async fn press(&mut self, story: &str, step: &str, run_id: Option<&str>, done: bool) -> Result<()> {
        let now = self.store.clock.millis();
        sqlx::query(
            "INSERT INTO show_steps (story, step, run_id, pressed_at, done_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (story, step) DO UPDATE
             SET run_id = excluded.run_id, pressed_at = excluded.pressed_at, done_at = excluded.done_at, skipped_at = NULL",
        )
        .bind(story)
        .bind(step)
        .bind(run_id)
        .bind(now)
        .bind(done.then_some(now))
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(())
    }
}
