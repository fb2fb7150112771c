//! The pages of the stories.

use serde::{Deserialize, Serialize};

use super::*;

/// All stories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoriesView {
    /// The shipped ones, each followed by its duplicates.
    pub stories: Vec<StoryLine>,
    /// The duplicate that is about to be deleted: id, title, and what that means.
    pub delete: Option<(String, String, String)>,
    /// Whether who looks may duplicate, edit and delete.
    pub edits: bool,
}

/// A story in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryLine {
    /// `web-analytics-2`
    pub id: String,
    /// Title.
    pub title: String,
    /// `On stage, 20 minutes`
    pub on_stage: Option<String>,
    /// Customer, dataset, what it was made of, version.
    pub facts: Vec<FactView>,
    /// One for each depth.
    pub depths: Vec<DepthView>,
    /// What could not be as it was edited.
    pub notes: Vec<NoteView>,
    /// Whether it is a duplicate, which can be edited and deleted.
    pub duplicate: bool,
}

/// A story at a depth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepthView {
    /// 5, 20 or 45.
    pub depth: u32,
    /// Its steps; 0: it cannot be told.
    pub steps: u32,
    /// `19:00`
    pub minutes: String,
    /// `0:30 too long`
    pub too_long: Option<String>,
    /// Whether it is told now.
    pub on_stage: bool,
}

/// A story as it would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryPreview {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// `6 steps, planned 5:00`
    pub summary: String,
    /// The depth that is looked at.
    pub depth: u32,
    /// Depths with steps, and how each is called.
    pub depths: Vec<(u32, String)>,
    /// Whether it is told now at this depth.
    pub on_stage: bool,
    /// Whether it can be edited by who looks.
    pub edits: bool,
    /// Too long; what could not be as it was edited.
    pub notes: Vec<NoteView>,
    /// Chapters at this depth.
    pub chapters: Vec<ChapterPreview>,
    /// All versions of a duplicate.
    pub versions: Option<GridView>,
}

/// A chapter as it would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChapterPreview {
    /// `2 A day arrives`
    pub title: String,
    /// `6:00`
    pub minutes: String,
    /// Its steps.
    pub steps: Vec<StepPreview>,
}

/// A step as it would be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepPreview {
    /// `2.1`
    pub id: String,
    /// Title.
    pub title: String,
    /// `1:30`
    pub minutes: String,
    /// `6:00`: the show's minutes when the step is over.
    pub until: String,
    /// Words of its button.
    pub button: String,
    /// Talking point, paragraphs.
    pub say: Vec<String>,
    /// The number to say.
    pub number: Option<NumberView>,
}

/// The form of a duplicate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryEditView {
    /// What the fields hold.
    pub form: StoryForm,
    /// `Version 3, Ada, 14:06:12`
    pub saved: String,
    /// What stands in the way, what does not fit.
    pub notes: Vec<NoteView>,
    /// About the story's title.
    pub about_title: Vec<FieldNote>,
    /// In the order of the form's steps.
    pub steps: Vec<StepEditView>,
}

/// What stands beside the fields of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEditView {
    /// `2.1`
    pub id: String,
    /// `2 A day arrives`, for the first step of a chapter.
    pub chapter: Option<String>,
    /// Words of its button.
    pub button: String,
    /// About its fields.
    pub notes: Vec<FieldNote>,
}

/// A message beside a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldNote {
    /// `title`, `say`, `minutes`, `short` or `depth`.
    pub field: String,
    /// What is wrong, or what the newest version has.
    pub words: String,
    /// Whether it keeps the form from being saved.
    pub wrong: bool,
}

/// A duplicate as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoryForm {
    /// Id of the duplicate.
    pub story: String,
    /// The version that was edited.
    pub base: String,
    /// Title.
    pub title: String,
    /// Its steps.
    pub steps: Vec<StepForm>,
}

/// A step as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepForm {
    /// By which the step is found again.
    pub does: String,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Talking point.
    #[serde(default)]
    pub say: String,
    /// Planned time.
    #[serde(default)]
    pub minutes: String,
    /// Planned time in a show of 5 minutes; empty: the same.
    #[serde(default)]
    pub short: String,
    /// The shortest show that it is part of.
    #[serde(default)]
    pub depth: String,
}
