//! Stories that are duplicated, edited and put on stage.

use app::wire::{StepForm, StoryForm};

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{self, hex};
use crate::random::random;
use crate::store::{NewShow, NewVersion};
use crate::story::{Depth, Edits, Kept, StepEdit, Story, seconds};

/// Characters of a title.
pub const LONGEST_TITLE: usize = 80;
/// Characters of a talking point.
pub const LONGEST_SAY: usize = 2_000;
/// Seconds that a step may be planned for.
const SECONDS: std::ops::RangeInclusive<u32> = 5..=3_600;
/// Bytes of a draft's id.
const DRAFT: usize = 12;

/// Something in a form that cannot be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which step of the form, counted from 0; `None`: the story itself.
    pub step: Option<usize>,
    /// Which field: `title`, `say`, `minutes`, `short` or `depth`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub words: String,
}

/// What became of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// It is this version now.
    Version(i64),
    /// It could not be saved, and is kept under this id.
    Draft(String),
}

/// The form of a story, as it is.
pub fn form(story: &Story, version: i64) -> StoryForm {
    let Edits { title, steps } = story.edits();
    let time = |seconds: u32| format::clock(seconds.into());
    let steps = steps.into_iter().map(|edit| StepForm {
        does: edit.does,
        title: edit.title,
        say: edit.say.trim_end().to_owned(),
        minutes: time(edit.minutes),
        short: edit.short.map(time).unwrap_or_default(),
        depth: edit.depth.minutes().to_string(),
    });
    StoryForm { story: story.id.clone(), base: version.to_string(), title, steps: steps.collect() }
}

/// The form with a field for each step of the story, in their order: of what was sent, the rest as the story is.
pub fn complete(story: &Story, sent: &StoryForm) -> StoryForm {
    let mut whole = form(story, 0);
    whole.base.clone_from(&sent.base);
    whole.title.clone_from(&sent.title);
    for step in &mut whole.steps {
        if let Some(sent) = sent.steps.iter().find(|sent| sent.does == step.does) {
            *step = StepForm { say: sent.say.replace("\r\n", "\n"), ..sent.clone() };
        }
    }
    whole
}

/// What a complete form says, or all that is wrong with it.
pub fn read(story: &Story, form: &StoryForm) -> std::result::Result<Edits, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut fault = |step, field, words: String| faults.push(Fault { step, field, words });
    let title = line(&form.title);
    if let Some(words) = wrong_title(&title) {
        fault(None, "title", words);
    }
    let mut steps = Vec::new();
    for (at, step) in form.steps.iter().enumerate() {
        let at = Some(at);
        let title = line(&step.title);
        if let Some(words) = wrong_title(&title) {
            fault(at, "title", words);
        }
        let say = step.say.trim_end().to_owned();
        let length = say.chars().count();
        if say.trim().is_empty() {
            fault(at, "say", "A talking point is needed: what is said while the step is on show.".into());
        } else if length > LONGEST_SAY {
            let words = format!("{} characters are too many: at most {}.", count(length), count(LONGEST_SAY));
            fault(at, "say", words);
        }
        let mut time = |field, text: &str| {
            let found = seconds(text).filter(|seconds| SECONDS.contains(seconds));
            if found.is_none() {
                fault(at, field, "A time from 0:05 to 60:00 is needed, such as 1:30.".into());
            }
            found.unwrap_or(*SECONDS.start())
        };
        let minutes = time("minutes", &step.minutes);
        let short = (!step.short.trim().is_empty()).then(|| time("short", &step.short));
        let depth = Depth::parse(&step.depth);
        if depth.is_none() {
            fault(at, "depth", "Choose 5, 20 or 45 minutes.".into());
        }
        steps.push(StepEdit { does: step.does.clone(), title, say, minutes, short, depth: depth.unwrap_or_default() });
    }
    let edits = Edits { title, steps };
    let place = |id: &str| story.steps().position(|step| step.id == id);
    // As typed, before what is needed is put into the show.
    let mut typed = story.clone();
    for (step, edit) in typed.chapters.iter_mut().flat_map(|c| &mut c.steps).zip(&edits.steps) {
        step.depth = edit.depth;
    }
    for (step, need) in typed.lacking() {
        let words = format!(
            "It needs step {} {}, which is only part of a show of {}. Choose {} or more here, or {} there.",
            need.id, need.title, need.depth, need.depth, step.depth
        );
        faults.push(Fault { step: place(&step.id), field: "depth", words });
    }
    if faults.is_empty() { Ok(edits) } else { Err(faults) }
}

fn wrong_title(title: &str) -> Option<String> {
    let length = title.chars().count();
    if length == 0 {
        Some("A title is needed.".into())
    } else if length > LONGEST_TITLE {
        Some(format!("{} characters are too many: at most {LONGEST_TITLE}.", count(length)))
    } else {
        None
    }
}

fn count(n: usize) -> String {
    format::count(n as u64)
}

/// One line without space around it.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl AppState {
    /// Duplicates a story as it is now. Returns the id of the duplicate.
    pub async fn duplicate_story(&self, id: &str, by: &str) -> Result<String> {
        let _turn = self.stage.changing().await;
        let kept = self.stage.find(&self.store, id).await?;
        let shipped = kept.row.as_ref().map_or(id, |row| &row.shipped);
        let mut edits = kept.story.edits();
        const COPY: &str = " (copy)";
        let room = LONGEST_TITLE - COPY.len();
        edits.title = format!("{}{COPY}", edits.title.trim_end_matches(COPY).chars().take(room).collect::<String>());
        let all = self.stage.all(&self.store).await?;
        let taken: Vec<&str> = all.iter().map(|kept| kept.story.id.as_str()).collect();
        self.store.duplicate_story(shipped, id, &taken, &serde_json::to_string(&edits)?, by).await
    }

    /// Saves what the form says as a new version; keeps the form where that is not possible: something is wrong with it, somebody
    /// else saved meanwhile, or it would take steps from a show that is under way.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] for what is no duplicate.
    pub async fn save_story(&self, sent: &StoryForm, by: &str) -> Result<Saved> {
        let _turn = self.stage.changing().await;
        let kept = self.duplicate(&sent.story).await?;
        let form = complete(&kept.story, sent);
        if self.obstacle(&kept, &form).await?.is_none()
            && let Ok(edits) = read(&kept.story, &form)
            && let Some(version) = self.save(&kept, &form, &edits, by).await?
        {
            return Ok(Saved::Version(version));
        }
        let id = hex(&random::<DRAFT>()?);
        self.store.keep_draft(&id, &kept.story.id, &serde_json::to_string(&form)?, by).await?;
        Ok(Saved::Draft(id))
    }

    /// A duplicate; a shipped story is not edited.
    pub async fn duplicate(&self, id: &str) -> Result<Kept> {
        let kept = self.stage.find(&self.store, id).await?;
        if kept.row.is_none() {
            let words = format!("{id} is a shipped story, which stays as it is. Duplicate it, and edit the duplicate.");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        Ok(kept)
    }

    /// Why a form cannot be saved whatever is in its fields: somebody else saved another version.
    pub async fn obstacle(&self, kept: &Kept, form: &StoryForm) -> Result<Option<String>> {
        let Some(row) = kept.row.as_ref().filter(|row| form.base != row.version.to_string()) else {
            return Ok(None);
        };
        Ok(Some(format!(
            "{} saved version {} {} ago, after this page was opened with version {}. Nothing was written over it. What you typed is below; \
             beside each field that differs stands what version {} has. Save again to put yours in its place.",
            row.saved_by,
            row.version,
            format::duration((self.clock.millis() - row.saved_at).max(0)),
            if form.base.parse::<i64>().is_ok() { form.base.as_str() } else { "?" },
            row.version,
        )))
    }

    /// Why a form whose fields are right cannot be saved now: the story is on stage, and other steps would be told.
    pub async fn off_stage(&self, kept: &Kept, edits: &Edits) -> Result<Option<String>> {
        let told = self.stage.told();
        if told.story.id != kept.story.id {
            return Ok(None);
        }
        let Some(new) = edited(kept, edits).at(told.story.depth) else {
            return Ok(Some(format!(
                "The story is on stage at {}, and no step would be part of that. Put another one on stage first.",
                told.story.depth
            )));
        };
        let run = self.store.runs(50).await?.into_iter().find(|run| run.state.active());
        Ok(run.filter(|_| !same_steps(&told.story, &new)).map(|run| {
            format!("The story is on stage and {} is under way: other steps can be saved when it is over.", run.id)
        }))
    }

    /// `None` where it is not possible now.
    async fn save(&self, kept: &Kept, form: &StoryForm, edits: &Edits, by: &str) -> Result<Option<i64>> {
        if self.off_stage(kept, edits).await?.is_some() {
            return Ok(None);
        }
        let id = kept.story.id.as_str();
        let json = serde_json::to_string(edits)?;
        let new = NewVersion { story: id, base: form.base.parse().unwrap_or_default(), edits: &json, by };
        let now = self.stage.told();
        let told = if now.story.id == id {
            Some(Kept { story: edited(kept, edits), ..kept.clone() }.told(now.story.depth)?)
        } else {
            None
        };
        let steps: Vec<&str> = told.iter().flat_map(|told| told.story.steps().map(|step| step.id.as_str())).collect();
        let show = told.as_ref().map(|told| NewShow {
            before: id,
            story: id,
            steps: &steps,
            other_steps: !same_steps(&now.story, &told.story),
        });
        let next = told.clone();
        let replace = || next.into_iter().for_each(|told| self.stage.replace(told));
        match self.store.save_story(&new, show.as_ref(), replace).await {
            Ok(version) => Ok(Some(version)),
            // Another process saved, or a run began, since it was looked.
            Err(error) if error.kind == ErrorKind::Conflict => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What was typed and not saved.
    pub async fn draft(&self, id: &str, story: &str) -> Result<Option<StoryForm>> {
        let draft = self.store.draft(id, story).await?;
        Ok(draft.map(|form| serde_json::from_str(&form)).transpose()?)
    }

    /// Deletes a duplicate that is not on stage.
    pub async fn delete_story(&self, id: &str, by: &str) -> Result<()> {
        let _turn = self.stage.changing().await;
        self.duplicate(id).await?;
        self.store.delete_story(id, by).await
    }

    /// Tells this story at this depth from now on.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] while a run or a reset is under way, [`ErrorKind::Invalid`] where there is nothing to tell.
    pub async fn put_on_stage(&self, id: &str, depth: Depth, by: &str) -> Result<()> {
        let _turn = self.stage.changing().await;
        let kept = self.stage.find(&self.store, id).await?;
        let told = kept.told(depth)?;
        let now = self.stage.told();
        if now.story.id == id && now.story.depth == depth {
            return Ok(());
        }
        let (customer, dataset) = (&told.story.customer, &told.story.dataset);
        if !self.store.customers().await?.iter().any(|known| known.id == *customer) {
            let words = format!("The story is about {customer}, who is no customer here. Create it first.");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        if !self.lake.datasets().iter().any(|known| known == dataset) {
            let words = format!("The story is about the dataset {dataset}, which this lake does not have.");
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let steps: Vec<String> = told.story.steps().map(|step| step.id.clone()).collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let show = NewShow { before: &now.story.id, story: id, steps: &steps, other_steps: true };
        self.store.put_on_stage(&show, depth, by, || self.stage.replace(told)).await
    }
}

fn edited(kept: &Kept, edits: &Edits) -> Story {
    kept.story.edited(&kept.story.id, edits).0
}

fn same_steps(one: &Story, other: &Story) -> bool {
    one.steps().map(|step| &step.id).eq(other.steps().map(|step| &step.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Story {
        crate::story::first(None).unwrap()
    }

    #[test]
    fn the_form_of_a_story_says_what_the_story_says() {
        let story = story();
        let form = form(&story, 3);
        assert_eq!(
            (form.base.as_str(), form.steps[0].minutes.as_str(), form.steps[0].short.as_str()),
            ("3", "2:00", "0:30")
        );
        let edits = read(&story, &form).unwrap();
        let (again, _) = story.edited(&story.id, &edits);
        for (one, other) in story.steps().zip(again.steps()) {
            assert_eq!(
                (one.minutes, one.short, one.depth, one.say.trim_end()),
                (other.minutes, other.short, other.depth, other.say.as_str())
            );
        }
    }

    #[test]
    fn of_a_form_only_what_the_story_has_counts() {
        let story = story();
        let mut sent = form(&story, 1);
        sent.steps[2].say = "One.\r\nTwo.".into();
        sent.steps.remove(5);
        sent.steps.push(StepForm { does: "dance".into(), ..StepForm::default() });
        let whole = complete(&story, &sent);
        assert_eq!(whole.steps.len(), story.steps().count());
        assert_eq!(whole.steps[2].say, "One.\nTwo.");
        assert_eq!(whole.steps[5], form(&story, 1).steps[5]);
    }

    #[test]
    fn all_that_is_wrong_is_said_beside_its_field() {
        let story = story();
        let wrong = |change: &dyn Fn(&mut StoryForm)| {
            let mut form = form(&story, 1);
            change(&mut form);
            let faults = read(&story, &form).err().unwrap_or_default();
            faults.into_iter().map(|f| (f.step, f.field, f.words)).collect::<Vec<_>>()
        };
        type Change = fn(&mut StoryForm);
        let cases: &[(Change, Option<usize>, &str, &str)] = &[
            (|f| f.title = " \n ".into(), None, "title", "A title is needed."),
            (|f| f.title = "x".repeat(81), None, "title", "81 characters are too many: at most 80."),
            (|f| f.steps[1].title.clear(), Some(1), "title", "A title is needed."),
            (|f| f.steps[1].say = " ".into(), Some(1), "say", "A talking point is needed"),
            (|f| f.steps[1].say = "ä".repeat(2_001), Some(1), "say", "2,001 characters are too many: at most 2,000."),
            (|f| f.steps[1].minutes = "soon".into(), Some(1), "minutes", "from 0:05 to 60:00"),
            (|f| f.steps[1].minutes = "0:04".into(), Some(1), "minutes", "from 0:05 to 60:00"),
            (|f| f.steps[1].minutes = "60:01".into(), Some(1), "minutes", "from 0:05 to 60:00"),
            (|f| f.steps[1].short = "1".into(), Some(1), "short", "from 0:05 to 60:00"),
            (|f| f.steps[1].depth = "6".into(), Some(1), "depth", "5, 20 or 45"),
            (|f| f.steps[15].depth = "45".into(), None, "", ""),
            (|f| f.steps[3].depth = "45".into(), Some(4), "depth", "It needs step 2.1 Upload 2017-07-29"),
        ];
        for (change, step, field, words) in cases {
            let found = wrong(change);
            if field.is_empty() {
                assert!(found.is_empty(), "{found:?}");
            } else {
                let (at, name, said) = &found[0];
                assert!((at, *name) == (step, *field) && said.contains(words), "{found:?}");
            }
        }
        let all = wrong(&|f| {
            f.title.clear();
            f.steps[0].minutes.clear();
            f.steps[9].say.clear();
        });
        assert_eq!(all.len(), 3, "{all:?}");
        assert!(wrong(&|f| f.steps[1].say = "ä".repeat(2_000)).is_empty());
    }
}
