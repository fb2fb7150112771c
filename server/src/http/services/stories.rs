//! The buttons of the pages of stories.

use app::services::{Permission, Stories};
use app::wire::{StoriesView, StoryEditView, StoryForm, StoryPreview, WireError};
use async_trait::async_trait;

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::stories::Saved;
use crate::story::Depth;

#[async_trait]
impl Stories for Person {
    async fn stories(&self, search: String) -> std::result::Result<StoriesView, WireError> {
        self.views.stories(&search, self.edits()).await.map_err(|e| self.explain(e))
    }

    async fn story(&self, id: String, search: String) -> std::result::Result<StoryPreview, WireError> {
        self.views.story_preview(&id, &search, self.edits()).await.map_err(|e| self.explain(e))
    }

    async fn story_form(&self, id: String, search: String) -> std::result::Result<StoryEditView, WireError> {
        self.views.story_form(&id, &search).await.map_err(|e| self.explain(e))
    }

    async fn put_on_stage(&self, story: String, depth: String) -> std::result::Result<String, WireError> {
        let Some(depth) = Depth::parse(&depth) else {
            return Err(self.invalid("There is no such depth: choose 5, 20 or 45 minutes.".into()));
        };
        let put = self.web.state.put_on_stage(&story, depth, self.asker.name()).await;
        put.map(|()| "/".to_owned()).map_err(|e| self.explain(e))
    }

    async fn change_story(&self, change: String, story: String) -> std::result::Result<String, WireError> {
        self.story_changed(&change, &story).await.map_err(|e| self.explain(e))
    }

    async fn save_story(&self, form: StoryForm) -> std::result::Result<String, WireError> {
        let saved = self.web.state.save_story(&form, self.asker.name()).await.map_err(|e| self.explain(e))?;
        Ok(match saved {
            Saved::Version(version) => {
                self.deed.about(format!("story={} version={version}", form.story));
                format!("/stories/{}", form.story)
            }
            Saved::Draft(draft) => {
                self.deed.about(format!("story={} not saved, kept as a draft", form.story));
                format!("/stories/{}/edit?draft={draft}", form.story)
            }
        })
    }
}

impl Person {
    fn edits(&self) -> bool {
        self.asker.authorize(Permission::Administer).is_ok()
    }

    async fn story_changed(&self, change: &str, story: &str) -> Result<String> {
        let (state, by) = (&self.web.state, self.asker.name());
        match change {
            "duplicate" => Ok(format!("/stories/{}/edit", state.duplicate_story(story, by).await?)),
            "delete" => state.delete_story(story, by).await.map(|()| "/stories".to_owned()),
            _ => Err(Error::new(ErrorKind::Invalid, "There is no such change of a story.")),
        }
    }
}
