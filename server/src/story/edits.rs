//! What a person changes of a story: its texts, minutes and depths. What its steps do stays the shipped story's. See
//! docs/decisions/0014-stories.md.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Depth, Kind, Step, Story};

/// All that can be edited of a story, complete: of what is stored, nothing changes by a later release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    /// Title of the story.
    pub title: String,
    /// In the order of the steps.
    pub steps: Vec<StepEdit>,
}

/// All that can be edited of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEdit {
    /// What the step does, by which it is found again: `upload 2017-07-29`. See [`Story::deeds`].
    pub does: String,
    /// Title.
    pub title: String,
    /// Talking point.
    pub say: String,
    /// Planned seconds.
    pub minutes: u32,
    /// Planned seconds in a show of 5 minutes, where that differs.
    pub short: Option<u32>,
    /// The shortest show that it is part of.
    pub depth: Depth,
}

impl Story {
    /// What each step does, in the order of the steps: kind, day, address, scope, and a number where several do the same.
    pub fn deeds(&self) -> Vec<String> {
        let mut seen: HashMap<String, u32> = HashMap::new();
        self.steps()
            .map(|step| {
                let does = deed(step);
                let count = seen.entry(does.clone()).or_default();
                *count += 1;
                if *count > 1 { format!("{does} #{count}") } else { does }
            })
            .collect()
    }

    /// What can be edited of the story, as it is.
    pub fn edits(&self) -> Edits {
        let steps = self.steps().zip(self.deeds()).map(|(step, does)| StepEdit {
            does,
            title: step.title.clone(),
            say: step.say.clone(),
            minutes: step.minutes,
            short: step.short,
            depth: step.depth,
        });
        Edits { title: self.title.clone(), steps: steps.collect() }
    }

    /// The story with another id and these edits, and what could not be as the edits say. Steps that the edits do not know are as
    /// shipped, edits of steps that are there no more are left alone.
    pub fn edited(&self, id: &str, edits: &Edits) -> (Story, Vec<String>) {
        let mut story = self.clone();
        let mut notes = Vec::new();
        story.id = id.to_owned();
        story.title.clone_from(&edits.title);
        let deeds = self.deeds();
        let find = |does: &String| edits.steps.iter().find(|edit| edit.does == *does);
        for (step, does) in story.chapters.iter_mut().flat_map(|chapter| &mut chapter.steps).zip(&deeds) {
            match find(does) {
                Some(edit) => {
                    step.title.clone_from(&edit.title);
                    step.say.clone_from(&edit.say);
                    (step.minutes, step.short, step.depth) = (edit.minutes, edit.short, edit.depth);
                }
                None => notes.push(format!(
                    "Step {} {} came with a newer version of {} and is as shipped.",
                    step.id, step.title, self.id
                )),
            }
        }
        for edit in edits.steps.iter().filter(|edit| !deeds.contains(&edit.does)) {
            notes
                .push(format!("{} is no step of {} any more. Its texts are kept, and not shown.", edit.title, self.id));
        }
        for id in story.mend() {
            if let Some(step) = story.step(&id) {
                notes.push(format!(
                    "Step {id} {} is part of a show of {}, since another step of it needs it now.",
                    step.title, step.depth
                ));
            }
        }
        (story, notes)
    }
}

fn deed(step: &Step) -> String {
    let action = &step.action;
    let kind = match action.kind {
        Kind::Seed => "seed",
        Kind::Upload => "upload",
        Kind::Marker => "marker",
        Kind::Look => "look",
        Kind::Reset => "reset",
    };
    // Of a reset it does not count back to where: that is a step's id, which changes when steps are added.
    let address = action.href.as_deref().unwrap_or_default();
    let date = action.date.map(|date| date.to_string()).unwrap_or_default();
    [kind, &date, address].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../stories/web-analytics.toml");

    fn shipped() -> Story {
        Story::parse("s.toml", SHIPPED).unwrap()
    }

    #[test]
    fn each_step_is_known_by_what_it_does() {
        let deeds = shipped().deeds();
        for (at, expected) in [
            (0, "seed"),
            (3, "upload 2017-07-29"),
            (6, "look 2017-07-29 /report#sessions"),
            (7, "look /report#finding"),
            (8, "look /report#finding #2"),
            (15, "reset"),
        ] {
            assert_eq!(deeds[at], expected);
        }
        let mut unique = deeds.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), deeds.len());
    }

    #[test]
    fn edits_are_laid_over_the_story() {
        let story = shipped();
        let mut edits = story.edits();
        assert_eq!(story.edited("web-analytics-2", &edits).1, Vec::<String>::new());
        edits.title = "For a bank".into();
        edits.steps[3].title = "Deliver {said}".into();
        edits.steps[3].minutes = 45;
        edits.steps[14].depth = Depth::Whole;
        let (edited, notes) = story.edited("web-analytics-2", &edits);
        assert_eq!((edited.id.as_str(), edited.title.as_str()), ("web-analytics-2", "For a bank"));
        let step = edited.step("2.1").unwrap();
        assert_eq!((step.title.as_str(), step.minutes, step.short), ("Deliver {said}", 45, Some(45)));
        assert!(edited.at(Depth::Twenty).unwrap().step("5.3").is_none());
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(edited.edits(), edits, "nothing is lost on the way");
        let stored = serde_json::to_string(&edits).unwrap();
        assert_eq!(serde_json::from_str::<Edits>(&stored).unwrap(), edits);
    }

    #[test]
    fn a_newer_shipped_story_keeps_the_edits_and_says_what_differs() {
        let old = shipped();
        let mut edits = old.edits();
        edits.steps[6].say = "Ours.".into();
        edits.steps[11].title = "Compaction, ours".into();
        // The newer one has a step more in front, another query, and no compaction.
        let compaction = SHIPPED.find("[[chapter.step]]\ntitle = \"Many small files").unwrap();
        let end = SHIPPED[compaction..].find("[[chapter]]").unwrap() + compaction;
        let newer = format!("{}{}", &SHIPPED[..compaction], &SHIPPED[end..]).replacen(
            "[[chapter.step]]\ntitle = \"Upload",
            "[[chapter.step]]\ntitle = \"Privacy first\"\nminutes = \"1:00\"\ndepth = 45\naction = { kind = \"look\", label = \"Open\", href = \"/settings\" }\nsay = \"New.\"\n\n[[chapter.step]]\ntitle = \"Upload",
            1,
        );
        let newer = Story::parse("s.toml", &newer.replace("step:2.1", "step:2.2")).unwrap();
        let (edited, notes) = newer.edited("mine", &edits);
        assert_eq!(edited.step("2.5").unwrap().say, "Ours.", "found again under another id");
        assert_eq!(edited.step("2.1").unwrap().title, "Privacy first");
        assert!(notes[0].starts_with("Step 2.1 Privacy first came with a newer version"), "{notes:?}");
        assert!(notes[1].starts_with("Compaction, ours is no step of"), "{notes:?}");
        // What a newer story needs is put into the show.
        edits.steps[0].depth = Depth::Whole;
        let (edited, notes) = old.edited("mine", &edits);
        assert_eq!(edited.step("1.1").unwrap().depth, Depth::Five);
        assert!(notes[0].contains("Step 1.1 Seed the history is part of a show of 5 minutes"), "{notes:?}");
    }
}
