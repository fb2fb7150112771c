//! A shipped story and a duplicate of it.

use app::{services::*, wire::*};
use async_trait::async_trait;

use super::{Fake, Mood, fact};

fn warn(text: &str) -> NoteView {
    NoteView { kind: NoteKind::Warn, text: text.into(), link: None }
}

#[async_trait]
impl Stories for Fake {
    async fn stories(&self, search: String) -> Result<StoriesView, WireError> {
        self.usable()?;
        let on_stage = self.mood == Mood::Busy;
        let depth = |depth, steps, too_long: Option<&str>| DepthView {
            depth,
            steps,
            minutes: "5:00".into(),
            too_long: too_long.map(Into::into),
            on_stage: on_stage && depth == 45,
        };
        let line = |id: &str, duplicate: bool| StoryLine {
            id: id.into(),
            title: format!("Visits, {id}"),
            on_stage: (on_stage && !duplicate).then(|| "On stage, 45 minutes".into()),
            facts: vec![fact("Customer", "customer01", "visits")],
            depths: vec![depth(5, 6, None), depth(20, 0, None), depth(45, 16, Some("0:30 too long"))],
            notes: if duplicate { vec![warn("Step 2.1 is as shipped.")] } else { Vec::new() },
            duplicate,
        };
        Ok(StoriesView {
            stories: vec![line("visits", false), line("visits-2", true)],
            delete: search.contains("delete").then(|| ("visits-2".into(), "Visits".into(), "It goes.".into())),
            edits: self.mood != Mood::Locked,
        })
    }

    async fn story(&self, id: String, _search: String) -> Result<StoryPreview, WireError> {
        self.usable()?;
        let step = |id: &str| StepPreview {
            id: id.into(),
            title: "Upload".into(),
            minutes: "0:45".into(),
            until: "1:15".into(),
            button: "Upload as customer01".into(),
            say: vec!["One.".into(), "Two.".into()],
            number: Some(NumberView { label: "Sessions".into(), value: "1,987".into(), compare: Some("a lot".into()) }),
        };
        Ok(StoryPreview {
            id,
            title: "Visits".into(),
            summary: "2 steps, planned 1:15".into(),
            depth: 5,
            depths: vec![(5, "5 minutes".into()), (45, "45 minutes".into())],
            on_stage: self.mood == Mood::Busy,
            edits: true,
            notes: vec![warn("0:30 too long.")],
            chapters: vec![ChapterPreview {
                title: "2 A day arrives".into(),
                minutes: "1:15".into(),
                steps: vec![step("2.1"), step("2.2")],
            }],
            versions: None,
        })
    }

    async fn story_form(&self, id: String, _search: String) -> Result<StoryEditView, WireError> {
        self.usable()?;
        let wrong = self.mood == Mood::Blocked;
        let note = |field: &str, wrong| FieldNote { field: field.into(), words: format!("About {field}."), wrong };
        let step = |does: &str| StepForm {
            does: does.into(),
            title: "Upload".into(),
            say: "One.\nTwo.".into(),
            minutes: "1:30".into(),
            short: String::new(),
            depth: "20".into(),
        };
        let about = |id: &str, chapter: Option<&str>| StepEditView {
            id: id.into(),
            chapter: chapter.map(Into::into),
            button: "Upload as customer01".into(),
            notes: if wrong {
                ["title", "say", "minutes", "short", "depth"].map(|f| note(f, true)).into()
            } else {
                vec![]
            },
        };
        Ok(StoryEditView {
            form: StoryForm {
                story: id,
                base: "2".into(),
                title: "Visits".into(),
                steps: vec![step("upload"), step("marker")],
            },
            saved: "Version 2, Ada, 14:06:12".into(),
            notes: if wrong { vec![warn("Not saved.")] } else { Vec::new() },
            about_title: if wrong { vec![note("title", false)] } else { Vec::new() },
            steps: vec![about("2.1", Some("2 A day arrives")), about("2.2", None)],
        })
    }

    async fn put_on_stage(&self, _story: String, _depth: String) -> Result<String, WireError> {
        self.usable().map(|()| "/".into())
    }

    async fn change_story(&self, _change: String, _story: String) -> Result<String, WireError> {
        self.usable().map(|()| "/stories".into())
    }

    async fn save_story(&self, form: StoryForm) -> Result<String, WireError> {
        self.usable().map(|()| format!("/stories/{}", form.story))
    }
}
