//! The stage: which story is told, and at which depth. It changes at run time and is found again after a restart.

use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, watch};

use super::{Depth, Edits, Story};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Store, StoryRow};

/// The story that is told.
#[derive(Debug, Clone)]
pub struct Told {
    /// With the steps of its depth.
    pub story: Story,
    /// With all of its steps: what was done at another depth is of the same story.
    pub whole: Story,
}

/// A story that there is: a shipped one, or a duplicate.
#[derive(Debug, Clone)]
pub struct Kept {
    /// With all of its steps.
    pub story: Story,
    /// What could not be as the edits say.
    pub notes: Vec<String>,
    /// What is stored of a duplicate; `None`: it is a shipped one.
    pub row: Option<StoryRow>,
}

impl Kept {
    /// The version; 0 for a shipped story, which has none.
    pub fn version(&self) -> i64 {
        self.row.as_ref().map_or(0, |row| row.version)
    }

    /// The story at a depth.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where it has no step at that depth.
    pub fn told(&self, depth: Depth) -> Result<Told> {
        let story = self.story.at(depth).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("{} has no step that is part of a show of {depth}.", self.story.title),
            )
        })?;
        Ok(Told { story, whole: self.story.clone() })
    }
}

/// What is told now, and the stories to choose from.
pub struct Stage {
    shipped: Vec<Story>,
    now: watch::Sender<Arc<Told>>,
    changes: Mutex<()>,
}

impl Stage {
    /// With what was on stage when the server stopped; the first shipped story as a whole before anything was put there.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] where there is no story.
    pub async fn open(store: &Store, shipped: Vec<Story>) -> Result<Stage> {
        let first = shipped.first().ok_or_else(|| Error::new(ErrorKind::Invalid, "There is no story."))?;
        let told = Arc::new(Told { story: first.clone(), whole: first.clone() });
        let stage = Stage { shipped, now: watch::Sender::new(told), changes: Mutex::default() };
        if let Some(row) = store.stage().await? {
            // A story that is gone, with its file say, is no reason not to start.
            match stage.find(store, &row.story).await.and_then(|kept| kept.told(row.depth)) {
                Ok(told) => stage.replace(told),
                Err(error) => {
                    tracing::warn!(story = row.story, error = %error.chain(), "what was on stage is gone; the first story is told");
                }
            }
        }
        Ok(stage)
    }

    /// What is told now: to be taken once for everything that belongs together.
    pub fn told(&self) -> Arc<Told> {
        self.now.borrow().clone()
    }

    /// All stories: the shipped ones, each followed by its duplicates.
    pub async fn all(&self, store: &Store) -> Result<Vec<Kept>> {
        let mut rows = store.stories().await?;
        let mut all = Vec::new();
        for story in &self.shipped {
            all.push(Kept { story: story.clone(), notes: Vec::new(), row: None });
            let (own, others) = rows.into_iter().partition(|row: &StoryRow| row.shipped == story.id);
            rows = others;
            for row in own {
                all.push(laid_over(story, row)?);
            }
        }
        Ok(all)
    }

    /// A story by its id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`].
    pub async fn find(&self, store: &Store, id: &str) -> Result<Kept> {
        if let Some(story) = self.shipped.iter().find(|story| story.id == id) {
            return Ok(Kept { story: story.clone(), notes: Vec::new(), row: None });
        }
        let unknown = || format!("There is no story '{}'.", id.chars().take(60).collect::<String>());
        let row = store.story(id).await?.ok_or_else(|| Error::new(ErrorKind::NotFound, unknown()))?;
        let shipped = self.shipped.iter().find(|story| story.id == row.shipped);
        let shipped = shipped.ok_or_else(|| {
            let words =
                format!("{id} is a duplicate of {}, which is not among the shipped stories any more.", row.shipped);
            Error::new(ErrorKind::NotFound, words)
        })?;
        laid_over(shipped, row)
    }

    /// One change of stories at a time.
    pub(crate) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().await
    }

    /// Tells another story from now on.
    pub(crate) fn replace(&self, told: Told) {
        self.now.send_replace(Arc::new(told));
    }
}

fn laid_over(shipped: &Story, row: StoryRow) -> Result<Kept> {
    let edits: Edits = serde_json::from_str(&row.edits)?;
    let (story, notes) = shipped.edited(&row.id, &edits);
    Ok(Kept { story, notes, row: Some(row) })
}
