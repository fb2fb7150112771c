//! The pages of stories: all of them, one as it would be told, and the form of a duplicate.

use app::wire::{
    ChapterPreview, DepthView, FieldNote, GridKind, GridView, NoteKind, NoteView, StepEditView, StepForm, StepPreview,
    StoriesView, StoryEditView, StoryForm, StoryLine, StoryPreview,
};

use super::Views;
use super::customers::{fact, grid, text};
use super::show::paragraphs;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::stories::{complete, form, read};
use crate::story::{Depth, Kept, fill};

impl Views {
    /// All stories. With `delete=ID`, what deleting that one means.
    pub async fn stories(&self, search: &str, edits: bool) -> Result<StoriesView> {
        let all = self.state.stage.all(&self.state.store).await?;
        let delete = match asked(search, "delete").filter(|_| edits) {
            // A shipped story stays.
            Some(id) => all.iter().find(|kept| kept.story.id == id && kept.row.is_some()).map(|kept| {
                let means = "It is not listed any more. Its versions stay on record, and its id is never used again.";
                let means = if self.tells(kept) { "It is on stage. Put another one on stage first." } else { means };
                (id, kept.story.title.clone(), means.to_owned())
            }),
            None => None,
        };
        let stories = all.iter().map(|kept| self.story_line(kept)).collect();
        Ok(StoriesView { stories, delete, edits })
    }

    fn story_line(&self, kept: &Kept) -> StoryLine {
        let story = &kept.story;
        let told = self.tells(kept).then(|| self.story().depth);
        let made = kept.row.as_ref().map_or("Shipped".to_owned(), |row| format!("Duplicate of {}", row.duplicate_of));
        let depths = Depth::ALL.into_iter().map(|depth| DepthView {
            depth: depth.minutes(),
            steps: story.steps().filter(|step| step.depth <= depth).count() as u32,
            minutes: format::clock(story.planned(depth).into()),
            too_long: story.too_long(depth).map(|over| format!("{} too long", format::clock(over.into()))),
            on_stage: told == Some(depth),
        });
        StoryLine {
            id: story.id.clone(),
            title: story.title.clone(),
            on_stage: told.map(|depth| format!("On stage, {depth}")),
            facts: vec![
                fact("Id", story.id.as_str(), ""),
                fact("Customer", story.customer.as_str(), ""),
                fact("Dataset", story.dataset.as_str(), ""),
                fact("Made of", made, ""),
                fact("Saved", self.saved(kept), ""),
            ],
            depths: depths.collect(),
            notes: kept.notes.iter().map(|words| note(NoteKind::Warn, words)).collect(),
            duplicate: kept.row.is_some(),
        }
    }

    /// One story at the depth of `depth=20`, or as a whole. Nothing is moved by looking.
    pub async fn story_preview(&self, id: &str, search: &str, edits: bool) -> Result<StoryPreview> {
        let kept = self.state.stage.find(&self.state.store, id).await?;
        let depth = match asked(search, "depth") {
            Some(text) => Depth::parse(&text)
                .ok_or_else(|| Error::new(ErrorKind::Invalid, "There is no such depth: choose 5, 20 or 45 minutes."))?,
            None if self.tells(&kept) => self.story().depth,
            None => Depth::Whole,
        };
        let story = kept.told(depth)?.story;
        let mut until = 0;
        let mut chapters = Vec::new();
        for chapter in &story.chapters {
            let mut steps = Vec::new();
            for step in &chapter.steps {
                until += step.minutes;
                let number = match &step.number {
                    Some(number) => Some(self.number_of(&story, number, step.action.date).await?),
                    None => None,
                };
                steps.push(StepPreview {
                    id: step.id.clone(),
                    title: fill(&step.title, &story, step.action.date),
                    minutes: format::clock(step.minutes.into()),
                    until: format::clock(until.into()),
                    button: step.action.label.clone(),
                    say: paragraphs(&story, step),
                    number,
                });
            }
            let minutes: u32 = chapter.steps.iter().map(|step| step.minutes).sum();
            chapters.push(ChapterPreview {
                title: format!("{} {}", chapter.number, chapter.title),
                minutes: format::clock(minutes.into()),
                steps,
            });
        }
        let mut notes: Vec<NoteView> = kept.notes.iter().map(|words| note(NoteKind::Warn, words)).collect();
        notes.extend(too_long(&kept, Some(depth)));
        let versions = match &kept.row {
            Some(row) => Some(self.versions(&row.id).await?),
            None => None,
        };
        let steps = story.steps().count() as u64;
        Ok(StoryPreview {
            id: story.id.clone(),
            title: story.title.clone(),
            summary: format!("{}, planned {}", format::plural(steps, "step"), format::clock(until.into())),
            depth: depth.minutes(),
            depths: Depth::ALL
                .into_iter()
                .filter(|depth| kept.story.steps().any(|step| step.depth <= *depth))
                .map(|depth| (depth.minutes(), depth.to_string()))
                .collect(),
            on_stage: self.tells(&kept) && self.story().depth == depth,
            edits: edits && kept.row.is_some(),
            notes,
            chapters,
            versions,
        })
    }

    async fn versions(&self, id: &str) -> Result<GridView> {
        let now = self.state.clock.millis();
        let rows = self.state.store.story_versions(id).await?.into_iter();
        let rows = rows
            .map(|row| vec![text(row.version.to_string()), text(format::when(row.saved_at, now)), text(row.saved_by)]);
        let titles = [("Version", GridKind::Id, false), ("Saved", GridKind::Id, false), ("By", GridKind::Text, false)];
        Ok(grid("Versions", &titles, rows.collect()))
    }

    /// The form of a duplicate: as it is, or what was typed and not saved (`draft=…`), with what is wrong beside each field.
    pub async fn story_form(&self, id: &str, search: &str) -> Result<StoryEditView> {
        let kept = self.state.duplicate(id).await?;
        let stored = form(&kept.story, kept.version());
        let draft = match asked(search, "draft") {
            Some(draft) => self.state.draft(&draft, id).await?,
            None => None,
        };
        let mut notes: Vec<NoteView> = kept.notes.iter().map(|words| note(NoteKind::Warn, words)).collect();
        let mut field_notes = Vec::new();
        let shown = match draft {
            Some(draft) => {
                let draft = complete(&kept.story, &draft);
                let obstacle = self.state.obstacle(&kept, &draft).await?;
                if obstacle.is_some() {
                    field_notes.extend(differences(&stored, &draft));
                }
                let (mut in_the_way, faults) = (obstacle.into_iter().collect::<Vec<_>>(), read(&kept.story, &draft));
                match faults {
                    Ok(edits) => in_the_way.extend(self.state.off_stage(&kept, &edits).await?),
                    Err(faults) => {
                        let fields = format::plural(faults.len() as u64, "field");
                        in_the_way.push(format!("{fields} cannot be saved as typed. The reason stands beside each."));
                        let wrong = faults.into_iter().map(|fault| (fault.step, field(fault.field, fault.words, true)));
                        field_notes.extend(wrong);
                    }
                }
                if in_the_way.is_empty() {
                    in_the_way.push("What kept this from being saved is over. Save again.".into());
                }
                let words = in_the_way.into_iter().map(|words| note(NoteKind::Bad, &format!("Not saved. {words}")));
                notes.extend(words);
                // Whoever saves again has seen what is there now.
                StoryForm { base: stored.base, ..draft }
            }
            None => stored,
        };
        notes.extend(too_long(&kept, None));
        let about = |step: Option<usize>| {
            field_notes.iter().filter(|(at, _)| *at == step).map(|(_, note)| note.clone()).collect::<Vec<_>>()
        };
        let firsts = kept.story.chapters.iter().flat_map(|chapter| {
            let title = format!("{} {}", chapter.number, chapter.title);
            chapter.steps.iter().enumerate().map(move |(at, step)| (step, (at == 0).then(|| title.clone())))
        });
        let steps = firsts.enumerate().map(|(at, (step, chapter))| StepEditView {
            id: step.id.clone(),
            chapter,
            button: step.action.label.clone(),
            notes: about(Some(at)),
        });
        Ok(StoryEditView {
            steps: steps.collect(),
            about_title: about(None),
            form: shown,
            saved: self.saved(&kept),
            notes,
        })
    }

    fn tells(&self, kept: &Kept) -> bool {
        self.story().id == kept.story.id
    }

    /// `Version 3, Ada, 14:06:12`
    fn saved(&self, kept: &Kept) -> String {
        let now = self.state.clock.millis();
        kept.row.as_ref().map_or("With the program".to_owned(), |row| {
            format!("Version {}, {}, {}", row.version, row.saved_by, format::when(row.saved_at, now))
        })
    }
}

/// The value of a name in the query part of an address.
fn asked(search: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(search.trim_start_matches('?').as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn note(kind: NoteKind, words: &str) -> NoteView {
    NoteView { kind, text: words.to_owned(), link: None }
}

fn field(field: &str, words: String, wrong: bool) -> FieldNote {
    FieldNote { field: field.to_owned(), words, wrong }
}

/// The depths, or the one, for which too much is planned: said, not refused.
fn too_long(kept: &Kept, only: Option<Depth>) -> Vec<NoteView> {
    let depths = Depth::ALL.into_iter().filter(|depth| only.is_none_or(|only| only == *depth));
    let over = depths.filter_map(|depth| Some((depth, kept.story.too_long(depth)?)));
    let words = over.map(|(depth, over)| {
        let planned = format::clock(kept.story.planned(depth).into());
        format!("A show of {depth} is planned for {planned}: {} too long.", format::clock(over.into()))
    });
    words.map(|words| note(NoteKind::Warn, &words)).collect()
}

/// What the newest version has in the fields that differ from what was typed.
fn differences(stored: &StoryForm, typed: &StoryForm) -> Vec<(Option<usize>, FieldNote)> {
    let mut found = Vec::new();
    let mut compare = |at: Option<usize>, name: &str, stored: &str, typed: &str| {
        if stored != typed.trim_end() {
            let stored = if stored.is_empty() { "nothing" } else { stored };
            found.push((at, field(name, format!("The newest version has: {stored}"), false)));
        }
    };
    compare(None, "title", &stored.title, &typed.title);
    for (at, (one, other)) in stored.steps.iter().zip(&typed.steps).enumerate() {
        type Part = fn(&StepForm) -> &String;
        let parts: [(&str, Part); 5] = [
            ("title", |step| &step.title),
            ("say", |step| &step.say),
            ("minutes", |step| &step.minutes),
            ("short", |step| &step.short),
            ("depth", |step| &step.depth),
        ];
        for (name, part) in parts {
            compare(Some(at), name, part(one), part(other));
        }
    }
    found
}
