//! How the story is presented: the step on show, the clock, what the audience sees.
//!
//! The clock counts for the step on show. Whenever that changes, the stretch that ends is added to its step ([`Tx::settle`]), so
//! that what is stored is right at any moment and nothing is written while it ticks.

use super::{Store, Tx, explain};
use crate::error::Result;

/// The state of a presentation.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Presentation {
    /// The step that was opened or pressed last.
    pub step: Option<String>,
    /// UTC milliseconds since when the clock counts for that step; `None` while it stands.
    pub since: Option<i64>,
    /// The audience sees nothing.
    pub blank: bool,
    /// JSON of what the audience sees, while it is frozen.
    pub frozen: Option<String>,
    /// UTC milliseconds of when it was frozen.
    pub frozen_at: Option<i64>,
}

/// What can be done with the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockChange {
    /// It counts from now on.
    Start,
    /// It stands.
    Pause,
    /// It begins at zero; it runs on if it ran.
    Restart,
}

impl Store {
    /// How a story is presented; the default before anything happened.
    pub async fn presentation(&self, story: &str) -> Result<Presentation> {
        let row = sqlx::query_as("SELECT step, since, blank, frozen, frozen_at FROM presentations WHERE story = $1")
            .bind(story)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)?;
        Ok(row.unwrap_or_default())
    }

    /// The stories that were presented.
    pub async fn presented_stories(&self) -> Result<Vec<String>> {
        sqlx::query_scalar("SELECT story FROM presentations ORDER BY story")
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// The presenter opens a step: the audience sees this one from now on.
    pub async fn open_step(&self, story: &str, step: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        if tx.show_step(story, step, false).await? {
            tx.event("step", step).await?;
        }
        tx.commit().await
    }

    /// Skips a step, and shows another one instead.
    pub async fn skip_step(&self, story: &str, step: &str, next: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO show_steps (story, step, skipped_at) VALUES ($1, $2, $3)
             ON CONFLICT (story, step) DO UPDATE SET skipped_at = excluded.skipped_at",
        )
        .bind(story)
        .bind(step)
        .bind(self.clock.millis())
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        if let Some(next) = next {
            tx.show_step(story, next, false).await?;
        }
        tx.event("step", step).await?;
        tx.commit().await
    }

    /// Puts skipped steps back into the story, and shows `step`.
    pub async fn take_up_steps(&self, story: &str, step: &str, skipped: &[String]) -> Result<()> {
        let mut tx = self.begin().await?;
        for id in skipped {
            sqlx::query("UPDATE show_steps SET skipped_at = NULL WHERE story = $1 AND step = $2")
                .bind(story)
                .bind(id)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?;
        }
        tx.show_step(story, step, false).await?;
        tx.event("step", step).await?;
        tx.commit().await
    }

    /// Starts (with `step` on show), pauses or restarts the story's clock.
    pub async fn change_clock(&self, story: &str, step: &str, change: ClockChange) -> Result<()> {
        let mut tx = self.begin().await?;
        match change {
            ClockChange::Start => {
                tx.show_step(story, step, true).await?;
            }
            ClockChange::Pause => {
                tx.settle(story).await?;
                tx.set_since(story, None).await?;
            }
            ClockChange::Restart => {
                tx.settle(story).await?;
                sqlx::query("UPDATE show_steps SET used = 0 WHERE story = $1")
                    .bind(story)
                    .execute(&mut *tx.inner)
                    .await
                    .map_err(explain)?;
            }
        }
        tx.event("clock", story).await?;
        tx.commit().await
    }

    /// Freezes what the audience sees (JSON), or lets it follow again.
    pub async fn freeze_audience(&self, story: &str, seen: Option<&str>) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.presented(story).await?;
        sqlx::query("UPDATE presentations SET frozen = $2, frozen_at = $3 WHERE story = $1")
            .bind(story)
            .bind(seen)
            .bind(seen.map(|_| self.clock.millis()))
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("audience", story).await?;
        tx.commit().await
    }

    /// Blanks the audience screen, or shows it again.
    pub async fn blank_audience(&self, story: &str, blank: bool) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.presented(story).await?;
        sqlx::query("UPDATE presentations SET blank = $2 WHERE story = $1")
            .bind(story)
            .bind(blank)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("audience", story).await?;
        tx.commit().await
    }
}

impl Tx<'_> {
    /// Puts a step on show, with the clock running on, or running from now on if `start`. Whether that changed anything.
    pub(super) async fn show_step(&mut self, story: &str, step: &str, start: bool) -> Result<bool> {
        let before = self.settle(story).await?;
        let since = before.since.or(start.then(|| self.store.clock.millis()));
        if before.step.as_deref() == Some(step) && before.since == since {
            return Ok(false);
        }
        sqlx::query("UPDATE presentations SET step = $2 WHERE story = $1")
            .bind(story)
            .bind(step)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        self.set_since(story, since).await?;
        Ok(true)
    }

    /// After a reset: no step is on show, and the clock stands. What the audience sees stays frozen or blank.
    pub(super) async fn end_presentation(&mut self, story: &str) -> Result<()> {
        sqlx::query("UPDATE presentations SET step = NULL, since = NULL WHERE story = $1")
            .bind(story)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        self.event("clock", story).await
    }

    /// Adds the stretch that is under way to the step on show, and begins the next one. How it is from now on.
    pub(super) async fn settle(&mut self, story: &str) -> Result<Presentation> {
        self.presented(story).await?;
        let mut now: Presentation =
            sqlx::query_as("SELECT step, since, blank, frozen, frozen_at FROM presentations WHERE story = $1")
                .bind(story)
                .fetch_one(&mut *self.inner)
                .await
                .map_err(explain)?;
        if let (Some(step), Some(since)) = (&now.step, now.since) {
            let at = self.store.clock.millis();
            sqlx::query(
                "INSERT INTO show_steps (story, step, used) VALUES ($1, $2, $3)
                 ON CONFLICT (story, step) DO UPDATE SET used = show_steps.used + excluded.used",
            )
            .bind(story)
            .bind(step)
            // The machine's clock may have been set back.
            .bind((at - since).max(0))
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
            self.set_since(story, Some(at)).await?;
            now.since = Some(at);
        }
        Ok(now)
    }

    async fn presented(&mut self, story: &str) -> Result<()> {
        sqlx::query("INSERT INTO presentations (story) VALUES ($1) ON CONFLICT (story) DO NOTHING")
            .bind(story)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        Ok(())
    }

    async fn set_since(&mut self, story: &str, since: Option<i64>) -> Result<()> {
        sqlx::query("UPDATE presentations SET since = $2 WHERE story = $1")
            .bind(story)
            .bind(since)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::{DateTime, Utc};

    use super::*;
    use crate::clock::Clock;
    use crate::store::ShowStepRow;

    /// Shows what it was set to.
    #[derive(Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> DateTime<Utc> {
            crate::clock::time(self.0.load(Ordering::SeqCst))
        }
    }

    async fn open(dir: &Path, hand: &Arc<Hand>) -> Store {
        Store::open(dir, hand.clone()).await.unwrap()
    }

    async fn used(store: &Store) -> Vec<(String, i64)> {
        let rows: Vec<ShowStepRow> = store.show_steps("s").await.unwrap();
        rows.into_iter().map(|row| (row.step, row.used / 1000)).collect()
    }

    fn pairs(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
        expected.iter().map(|(step, seconds)| ((*step).to_owned(), *seconds)).collect()
    }

    #[tokio::test]
    async fn the_clock_counts_for_the_step_on_show_and_survives_a_restart() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Arc::new(Hand::default()));
        let mut store = open(dir.path(), &hand).await;
        // Second, what happens, seconds counted so far for each step.
        type Case = (i64, &'static str, &'static [(&'static str, i64)]);
        let cases: &[Case] = &[
            (0, "open 1", &[]),
            // Not started: opening a step does not start it.
            (10, "open 2", &[]),
            (20, "press 2", &[("2", 0)]),
            (30, "open 2", &[("2", 10)]),
            (45, "open 3", &[("2", 25)]),
            (50, "restart the server", &[("2", 25)]),
            (60, "pause", &[("2", 25), ("3", 15)]),
            (100, "open 4", &[("2", 25), ("3", 15)]),
            (110, "start 4", &[("2", 25), ("3", 15)]),
            // Pressing while it runs changes nothing for the clock.
            (115, "press 4", &[("2", 25), ("3", 15), ("4", 5)]),
            (120, "skip 4", &[("2", 25), ("3", 15), ("4", 10)]),
            (125, "zero", &[("2", 0), ("3", 0), ("4", 0), ("5", 0)]),
            (130, "pause", &[("2", 0), ("3", 0), ("4", 0), ("5", 5)]),
            // The machine's clock is set back.
            (100, "start 5", &[("2", 0), ("3", 0), ("4", 0), ("5", 5)]),
            (90, "pause", &[("2", 0), ("3", 0), ("4", 0), ("5", 5)]),
        ];
        for (second, what, expected) in cases {
            hand.0.store(second * 1000, Ordering::SeqCst);
            let (verb, step) = what.split_once(' ').unwrap_or((what, ""));
            match verb {
                "open" => store.open_step("s", step).await.unwrap(),
                "press" => store.press_step("s", step, None, true).await.unwrap(),
                "skip" => store.skip_step("s", step, Some("5")).await.unwrap(),
                "start" => store.change_clock("s", step, ClockChange::Start).await.unwrap(),
                "pause" => store.change_clock("s", step, ClockChange::Pause).await.unwrap(),
                "zero" => store.change_clock("s", step, ClockChange::Restart).await.unwrap(),
                _ => {
                    store.close().await;
                    store = open(dir.path(), &hand).await;
                }
            }
            assert_eq!(used(&store).await, pairs(expected), "{second}: {what}");
        }
    }

    #[tokio::test]
    async fn a_skipped_step_is_taken_up_by_a_press_or_on_request() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Arc::new(Hand::default()));
        let store = open(dir.path(), &hand).await;
        let skipped = async || {
            let rows = store.show_steps("s").await.unwrap();
            rows.into_iter().filter(|row| row.skipped_at.is_some()).map(|row| row.step).collect::<Vec<_>>()
        };
        store.skip_step("s", "1", Some("3")).await.unwrap();
        store.skip_step("s", "2", None).await.unwrap();
        assert_eq!(skipped().await, ["1", "2"]);
        assert_eq!(store.presentation("s").await.unwrap().step.as_deref(), Some("3"));
        store.press_step("s", "1", None, false).await.unwrap();
        assert_eq!(skipped().await, ["2"]);
        store.take_up_steps("s", "2", &["2".into()]).await.unwrap();
        assert!(skipped().await.is_empty());
        assert_eq!(store.presentation("s").await.unwrap().step.as_deref(), Some("2"));
        // Taken up and never pressed: nothing that a reset would have to count.
        let rows = store.show_steps("s").await.unwrap();
        assert_eq!(rows.iter().filter(|row| row.touched()).map(|row| row.step.as_str()).collect::<Vec<_>>(), ["1"]);
    }

    #[tokio::test]
    async fn every_change_is_told_once_and_a_reset_ends_the_presentation() {
        let (dir, hand) = (tempfile::tempdir().unwrap(), Arc::new(Hand::default()));
        let store = open(dir.path(), &hand).await;
        let told = async |after: i64| {
            let events = store.events_after(after, 100).await.unwrap();
            events.into_iter().map(|e| format!("{} {}", e.what, e.reference)).collect::<Vec<_>>()
        };
        store.open_step("s", "1").await.unwrap();
        store.open_step("s", "1").await.unwrap();
        store.freeze_audience("s", Some("{}")).await.unwrap();
        store.blank_audience("s", true).await.unwrap();
        store.change_clock("s", "1", ClockChange::Start).await.unwrap();
        assert_eq!(told(0).await, ["step 1", "audience s", "audience s", "clock s"]);
        let before = store.last_event_id().await.unwrap();
        hand.0.store(9_000, Ordering::SeqCst);
        store.forget(&[], &[], &[("s".into(), "1".into())], &store.presented_stories().await.unwrap()).await.unwrap();
        assert_eq!(told(before).await, ["step 1", "clock s", "folder "]);
        let after = store.presentation("s").await.unwrap();
        assert_eq!((after.step, after.since), (None, None));
        // The audience does not see the reset begin.
        assert!(after.blank && after.frozen.is_some());
        assert!(store.show_steps("s").await.unwrap().is_empty());
    }
}
