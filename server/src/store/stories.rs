//! Duplicates of stories with their versions, what was typed and not saved, and which story is on stage.

use super::{Presentation, Store, Tx, explain, unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::story::Depth;

/// What was typed and not saved is kept for this long.
const DRAFTS_KEPT: i64 = 7 * 86_400_000;

/// A duplicate in its newest version.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StoryRow {
    /// For instance `web-analytics-2`.
    pub id: String,
    /// The shipped story whose steps it has.
    pub shipped: String,
    /// What it was made of.
    pub duplicate_of: String,
    /// Counts from 1.
    pub version: i64,
    /// JSON, [`crate::story::Edits`].
    pub edits: String,
    /// UTC milliseconds.
    pub saved_at: i64,
    /// Who saved that version.
    pub saved_by: String,
}

/// A version of a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct VersionRow {
    /// Counts from 1.
    pub version: i64,
    /// JSON, [`crate::story::Edits`].
    pub edits: String,
    /// UTC milliseconds.
    pub saved_at: i64,
    /// Who saved it.
    pub saved_by: String,
}

/// What is on stage.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StageRow {
    /// Id of the story.
    pub story: String,
    /// At which depth.
    #[sqlx(try_from = "i64")]
    pub depth: Depth,
    /// UTC milliseconds.
    pub put_at: i64,
    /// Who put it there.
    pub put_by: String,
}

/// A version to be saved.
#[derive(Debug, Clone)]
pub struct NewVersion<'a> {
    /// Id of the duplicate.
    pub story: &'a str,
    /// The version that was edited.
    pub base: i64,
    /// JSON, [`crate::story::Edits`].
    pub edits: &'a str,
    /// Who saves it.
    pub by: &'a str,
}

/// What the show consists of from now on.
#[derive(Debug, Clone)]
pub struct NewShow<'a> {
    /// Id of the story that was told until now.
    pub before: &'a str,
    /// Id of the story that is told from now on.
    pub story: &'a str,
    /// Ids of its steps.
    pub steps: &'a [&'a str],
    /// Whether other steps are told than before: then nothing may be under way.
    pub other_steps: bool,
}

impl TryFrom<i64> for Depth {
    type Error = Error;
    fn try_from(minutes: i64) -> Result<Self> {
        let known = u32::try_from(minutes).ok().and_then(|minutes| Depth::try_from(minutes).ok());
        known.ok_or_else(|| unreadable("a depth", &minutes.to_string()))
    }
}

const NEWEST: &str = "SELECT stories.id, stories.shipped, stories.duplicate_of, v.version, v.edits, v.saved_at, v.saved_by
    FROM stories JOIN story_versions v ON v.story = stories.id
    WHERE stories.deleted_at IS NULL AND v.version = (SELECT max(version) FROM story_versions WHERE story = stories.id)";

impl Store {
    /// All duplicates that are not deleted, the oldest first.
    pub async fn stories(&self) -> Result<Vec<StoryRow>> {
        sqlx::query_as(&format!("{NEWEST} ORDER BY stories.created_at, stories.id"))
            .fetch_all(&self.pool)
            .await
            .map_err(explain)
    }

    /// A duplicate that is not deleted.
    pub async fn story(&self, id: &str) -> Result<Option<StoryRow>> {
        sqlx::query_as(&format!("{NEWEST} AND stories.id = $1"))
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// All versions of a duplicate, the newest first; also of a deleted one.
    pub async fn story_versions(&self, id: &str) -> Result<Vec<VersionRow>> {
        sqlx::query_as(
            "SELECT version, edits, saved_at, saved_by FROM story_versions WHERE story = $1 ORDER BY version DESC",
        )
        .bind(id)
        .fetch_all(&self.pool)
        .await
        .map_err(explain)
    }

    /// Keeps a duplicate of `of`, which has the steps of the shipped story `shipped`. Returns its id.
    pub async fn duplicate_story(
        &self,
        shipped: &str,
        of: &str,
        taken: &[&str],
        edits: &str,
        by: &str,
    ) -> Result<String> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        // Deleted ones among them: an id means one story for good.
        let used: Vec<String> =
            sqlx::query_scalar("SELECT id FROM stories").fetch_all(&mut *tx.inner).await.map_err(explain)?;
        let free = |id: &String| !used.contains(id) && !taken.contains(&id.as_str());
        let id = (2..).map(|n| format!("{shipped}-{n}")).find(free).unwrap_or_default();
        sqlx::query(
            "INSERT INTO stories (id, shipped, duplicate_of, created_at, created_by) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&id)
        .bind(shipped)
        .bind(of)
        .bind(now)
        .bind(by)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.version(&NewVersion { story: &id, base: 0, edits, by }).await?;
        tx.event("story", &id).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Saves a version, and returns its number. `show` where the story is on stage; `told` is done when all of that is stored and
    /// before anybody hears of it.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] where the newest version is another one than was edited, [`ErrorKind::NotFound`].
    pub async fn save_story(
        &self,
        new: &NewVersion<'_>,
        show: Option<&NewShow<'_>>,
        told: impl FnOnce(),
    ) -> Result<i64> {
        let mut tx = self.begin().await?;
        let newest: Option<i64> = sqlx::query_scalar(
            "SELECT max(version) FROM story_versions v JOIN stories ON stories.id = v.story
             WHERE v.story = $1 AND stories.deleted_at IS NULL",
        )
        .bind(new.story)
        .fetch_one(&mut *tx.inner)
        .await
        .map_err(explain)?;
        match newest {
            None => return Err(gone(new.story)),
            Some(newest) if newest != new.base => {
                let words = format!("Version {newest} was saved meanwhile. Nothing was written over it.");
                return Err(Error::new(ErrorKind::Conflict, words));
            }
            Some(_) => {}
        }
        if let Some(show) = show {
            tx.change_show(show).await?;
        }
        tx.version(new).await?;
        tx.event("story", new.story).await?;
        tx.commit_then(told).await?;
        Ok(new.base + 1)
    }

    /// Deletes a duplicate: it is not listed any more. Its versions stay on record.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while it is on stage, [`ErrorKind::NotFound`].
    pub async fn delete_story(&self, id: &str, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let on_stage: Option<String> =
            sqlx::query_scalar("SELECT story FROM stage").fetch_optional(&mut *tx.inner).await.map_err(explain)?;
        if on_stage.as_deref() == Some(id) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "The story is on stage. Put another one on stage first, then delete it.",
            ));
        }
        let changed =
            sqlx::query("UPDATE stories SET deleted_at = $2, deleted_by = $3 WHERE id = $1 AND deleted_at IS NULL")
                .bind(id)
                .bind(self.clock.millis())
                .bind(by)
                .execute(&mut *tx.inner)
                .await
                .map_err(explain)?
                .rows_affected();
        if changed == 0 {
            return Err(gone(id));
        }
        sqlx::query("DELETE FROM story_drafts WHERE story = $1")
            .bind(id)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.event("story", id).await?;
        tx.commit().await
    }

    /// What is on stage; `None` before anything was put there.
    pub async fn stage(&self) -> Result<Option<StageRow>> {
        sqlx::query_as("SELECT story, depth, put_at, put_by FROM stage")
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }

    /// Puts a story on stage. `told` as in [`Store::save_story`].
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while a run or a reset is under way.
    pub async fn put_on_stage(&self, show: &NewShow<'_>, depth: Depth, by: &str, told: impl FnOnce()) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.change_show(show).await?;
        sqlx::query(
            "INSERT INTO stage (place, story, depth, put_at, put_by) VALUES (1, $1, $2, $3, $4)
             ON CONFLICT (place) DO UPDATE SET story = $1, depth = $2, put_at = $3, put_by = $4",
        )
        .bind(show.story)
        .bind(i64::from(depth.minutes()))
        .bind(self.clock.millis())
        .bind(by)
        .execute(&mut *tx.inner)
        .await
        .map_err(explain)?;
        tx.event("story", show.story).await?;
        tx.commit_then(told).await
    }

    /// Keeps what was typed and could not be saved.
    pub async fn keep_draft(&self, id: &str, story: &str, form: &str, by: &str) -> Result<()> {
        let now = self.clock.millis();
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM story_drafts WHERE kept_at < $1")
            .bind(now - DRAFTS_KEPT)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        sqlx::query("INSERT INTO story_drafts (id, story, form, kept_at, kept_by) VALUES ($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(story)
            .bind(form)
            .bind(now)
            .bind(by)
            .execute(&mut *tx.inner)
            .await
            .map_err(explain)?;
        tx.commit().await
    }

    /// The form that was kept, of this story.
    pub async fn draft(&self, id: &str, story: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT form FROM story_drafts WHERE id = $1 AND story = $2")
            .bind(id)
            .bind(story)
            .fetch_optional(&self.pool)
            .await
            .map_err(explain)
    }
}

impl Tx<'_> {
    async fn version(&mut self, new: &NewVersion<'_>) -> Result<()> {
        sqlx::query(
            "INSERT INTO story_versions (story, version, edits, saved_at, saved_by) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(new.story)
        .bind(new.base + 1)
        .bind(new.edits)
        .bind(self.store.clock.millis())
        .bind(new.by)
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(())
    }

    /// Another story, or another depth, is told. A step that is not told is not on show, and no clock runs for it. Another story begins
    /// without a step on show; a screen that is blank or frozen stays so.
    async fn change_show(&mut self, show: &NewShow<'_>) -> Result<()> {
        if show.other_steps {
            self.nothing_under_way().await?;
        }
        let before: Presentation = self.settle(show.before).await?;
        let stays = show.before == show.story && before.step.as_deref().is_none_or(|step| show.steps.contains(&step));
        if stays {
            return Ok(());
        }
        sqlx::query("UPDATE presentations SET step = NULL, since = NULL WHERE story = $1")
            .bind(show.before)
            .execute(&mut *self.inner)
            .await
            .map_err(explain)?;
        if show.before == show.story {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO presentations (story, blank, frozen, frozen_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (story) DO UPDATE SET step = NULL, since = NULL, blank = $2, frozen = $3, frozen_at = $4",
        )
        .bind(show.story)
        .bind(before.blank)
        .bind(&before.frozen)
        .bind(before.frozen_at)
        .execute(&mut *self.inner)
        .await
        .map_err(explain)?;
        Ok(())
    }

    async fn nothing_under_way(&mut self) -> Result<()> {
        let run: Option<(String, String)> = sqlx::query_as(
            "SELECT id, kind FROM runs WHERE state IN ('queued', 'running') AND NOT archived ORDER BY number LIMIT 1",
        )
        .fetch_optional(&mut *self.inner)
        .await
        .map_err(explain)?;
        let words = match run {
            None => return Ok(()),
            Some((_, kind)) if kind == "reset" => {
                "A reset is under way. Wait until it is over, then change what is on stage.".to_owned()
            }
            Some((id, _)) => format!("{id} is under way. Wait for its end or stop it, then change what is on stage."),
        };
        Err(Error::new(ErrorKind::Conflict, words))
    }
}

fn gone(id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("There is no duplicate '{}'.", id.chars().take(60).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use chrono::DateTime;

    use super::*;
    use crate::clock::SteppingClock;
    use crate::store::{ClockChange, NewRunRow, RunKind};

    async fn open(dir: &Path) -> Store {
        let clock = SteppingClock::new(DateTime::from_timestamp(1_500_000_000, 0).unwrap());
        Store::open(dir, Arc::new(clock)).await.unwrap()
    }

    fn version<'a>(story: &'a str, base: i64, edits: &'a str) -> NewVersion<'a> {
        NewVersion { story, base, edits, by: "Ada" }
    }

    fn show<'a>(before: &'a str, story: &'a str, steps: &'a [&'a str]) -> NewShow<'a> {
        NewShow { before, story, steps, other_steps: true }
    }

    #[tokio::test]
    async fn each_save_is_a_version_and_the_second_of_two_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path()).await;
        assert_eq!(store.duplicate_story("s", "s", &["s", "s-2"], "one", "Ada").await.unwrap(), "s-3");
        assert_eq!(store.duplicate_story("s", "s-3", &["s"], "two", "Bob").await.unwrap(), "s-2");
        assert_eq!(store.save_story(&version("s-3", 1, "newer"), None, || {}).await.unwrap(), 2);
        let conflict = store.save_story(&version("s-3", 1, "late"), None, || panic!("told")).await.unwrap_err();
        assert_eq!(conflict.kind, ErrorKind::Conflict);
        assert!(conflict.message.contains("Version 2"), "{}", conflict.message);
        store.close().await;
        store = open(dir.path()).await;
        let rows = store.stories().await.unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.id.as_str(), row.duplicate_of.as_str(), row.version, row.edits.as_str()))
            .collect();
        assert_eq!(rows, [("s-3", "s", 2, "newer"), ("s-2", "s-3", 1, "two")]);
        let versions = store.story_versions("s-3").await.unwrap();
        assert_eq!(versions.iter().map(|v| v.edits.as_str()).collect::<Vec<_>>(), ["newer", "one"]);
    }

    #[tokio::test]
    async fn a_deleted_story_is_gone_from_the_list_and_its_id_is_never_anothers() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let id = store.duplicate_story("s", "s", &[], "one", "Ada").await.unwrap();
        store.keep_draft("d", &id, "typed", "Ada").await.unwrap();
        assert_eq!(store.draft("d", &id).await.unwrap().as_deref(), Some("typed"));
        assert_eq!(store.draft("d", "other").await.unwrap(), None);
        store.put_on_stage(&show("s", &id, &["1.1"]), Depth::Whole, "Ada", || {}).await.unwrap();
        assert_eq!(store.delete_story(&id, "Ada").await.unwrap_err().kind, ErrorKind::Conflict);
        store.put_on_stage(&show(&id, "s", &["1.1"]), Depth::Whole, "Ada", || {}).await.unwrap();
        store.delete_story(&id, "Ada").await.unwrap();
        assert!(store.stories().await.unwrap().is_empty() && store.story(&id).await.unwrap().is_none());
        assert_eq!(store.story_versions(&id).await.unwrap().len(), 1, "nothing is lost");
        assert_eq!(store.draft("d", &id).await.unwrap(), None);
        for gone in [
            store.delete_story(&id, "Ada").await.unwrap_err(),
            store.save_story(&version(&id, 1, "x"), None, || {}).await.unwrap_err(),
        ] {
            assert_eq!(gone.kind, ErrorKind::NotFound);
        }
        assert_ne!(store.duplicate_story("s", "s", &[], "two", "Ada").await.unwrap(), id);
    }

    #[tokio::test]
    async fn the_step_on_show_and_the_clock_follow_the_stage() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path()).await;
        store.change_clock("s", "1.2", ClockChange::Start).await.unwrap();
        store.freeze_audience("s", Some("{}")).await.unwrap();
        store.blank_audience("s", true).await.unwrap();
        // Another depth with the same step: the clock runs on.
        store.put_on_stage(&show("s", "s", &["1.1", "1.2"]), Depth::Twenty, "Ada", || {}).await.unwrap();
        let now = store.presentation("s").await.unwrap();
        assert!(now.step.as_deref() == Some("1.2") && now.since.is_some(), "{now:?}");
        // One without it: nothing is on show, what was used stays with the step.
        store.put_on_stage(&show("s", "s", &["1.1"]), Depth::Five, "Ada", || {}).await.unwrap();
        let now = store.presentation("s").await.unwrap();
        assert!(now.step.is_none() && now.since.is_none() && now.blank && now.frozen.is_some(), "{now:?}");
        assert!(store.show_steps("s").await.unwrap()[0].used > 0);
        // Another story: the screen stays as it is.
        let told = AtomicBool::new(false);
        store
            .put_on_stage(&show("s", "s-2", &["1.1"]), Depth::Five, "Ada", || told.store(true, Ordering::SeqCst))
            .await
            .unwrap();
        assert!(told.load(Ordering::SeqCst));
        let now = store.presentation("s-2").await.unwrap();
        assert!(now.step.is_none() && now.blank && now.frozen.is_some() && now.frozen_at.is_some(), "{now:?}");
        store.close().await;
        store = open(dir.path()).await;
        let stage = store.stage().await.unwrap().unwrap();
        assert_eq!((stage.story.as_str(), stage.depth, stage.put_by.as_str()), ("s-2", Depth::Five, "Ada"));
    }

    #[tokio::test]
    async fn while_something_is_under_way_the_stage_stays() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let id = store.duplicate_story("s", "s", &[], "one", "Ada").await.unwrap();
        let run = NewRunRow {
            kind: RunKind::Reset,
            title: "Reset".into(),
            job: "{}".into(),
            customer: None,
            started_by: "test".into(),
            story_step: None,
            dedupe_key: "reset".into(),
            suffix: 1,
            steps: vec![("plan", "Plan")],
            claims: Vec::new(),
            calls: Vec::new(),
        };
        store.insert_run(&run).await.unwrap();
        let refused = store.put_on_stage(&show("s", &id, &["1.1"]), Depth::Five, "Ada", || panic!("told")).await;
        assert!(refused.unwrap_err().message.starts_with("A reset is under way."));
        assert_eq!(store.stage().await.unwrap(), None);
        let on_show = show(&id, &id, &["1.1"]);
        let refused = store.save_story(&version(&id, 1, "x"), Some(&on_show), || panic!("told")).await;
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Conflict);
        // Texts alone confuse nobody.
        let same = NewShow { other_steps: false, ..on_show };
        assert_eq!(store.save_story(&version(&id, 1, "x"), Some(&same), || {}).await.unwrap(), 2);
    }
}
