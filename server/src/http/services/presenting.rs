//! How the story is presented: each call is a line or two to the store, with what the views know about the story.

use app::services::Presenting;
use app::wire::*;
use async_trait::async_trait;

use super::Person;
use crate::error::Result;
use crate::store::ClockChange;

#[async_trait]
impl Presenting for Person {
    async fn audience(&self) -> std::result::Result<AudienceView, WireError> {
        self.web.views.audience(&self.theme).await.map_err(|e| self.explain(e))
    }

    async fn open_step(&self, step: String) -> std::result::Result<(), WireError> {
        self.open(&step).await.map_err(|e| self.explain(e))
    }

    async fn skip_step(&self, step: String, instead: bool) -> std::result::Result<String, WireError> {
        self.skip(&step, instead).await.map_err(|e| self.explain(e))
    }

    async fn take_up_step(&self, step: String) -> std::result::Result<(), WireError> {
        self.take_up(&step).await.map_err(|e| self.explain(e))
    }

    async fn change_clock(&self, step: String, change: String) -> std::result::Result<(), WireError> {
        let change = match change.as_str() {
            "start" => ClockChange::Start,
            "pause" => ClockChange::Pause,
            "restart" => ClockChange::Restart,
            _ => return Err(self.invalid("The clock can start, pause and restart.".into())),
        };
        let step = self.web.views.step_named(&step).map_err(|e| self.explain(e))?;
        let story = &self.web.views.story().id;
        self.web.state.store.change_clock(story, &step.id, change).await.map_err(|e| self.explain(e))
    }

    async fn change_audience(&self, change: String) -> std::result::Result<(), WireError> {
        let (store, story) = (&self.web.state.store, &self.web.views.story().id);
        let done = match change.as_str() {
            "freeze" => match self.web.views.frozen_screen().await {
                Ok(seen) => store.freeze_audience(story, Some(&seen)).await,
                Err(error) => Err(error),
            },
            "follow" => store.freeze_audience(story, None).await,
            "blank" => store.blank_audience(story, true).await,
            "show" => store.blank_audience(story, false).await,
            _ => return Err(self.invalid("The audience screen can freeze, follow, go blank and show.".into())),
        };
        done.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn open(&self, id: &str) -> Result<()> {
        let step = self.web.views.step_named(id)?;
        self.web.state.store.open_step(&self.web.views.story().id, &step.id).await
    }

    async fn skip(&self, id: &str, instead: bool) -> Result<String> {
        let views = &self.web.views;
        let (story, step) = (&views.story().id, views.step_named(id)?);
        let next = if instead {
            self.press_step(&step.id).await?;
            let behind = views.story().from_step(&step.id).nth(1);
            let next = behind.map(|s| s.id.clone());
            if let Some(next) = &next {
                self.web.state.store.open_step(story, next).await?;
            }
            next
        } else {
            let next = views.behind_skipped(&step.id).await?;
            self.web.state.store.skip_step(story, &step.id, next.as_deref()).await?;
            next
        };
        Ok(format!("/?step={}", next.as_deref().unwrap_or(&step.id)))
    }

    async fn take_up(&self, id: &str) -> Result<()> {
        let views = &self.web.views;
        let (story, step) = (&views.story().id, views.step_named(id)?);
        let skipped = views.skipped_before(&step.id).await?;
        self.web.state.store.take_up_steps(story, &step.id, &skipped).await
    }
}
