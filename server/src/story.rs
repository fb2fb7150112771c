//! Stories: read from `stories/*.toml`, checked once when the server starts, rendered by the pages. Nothing about a dataset is known here.

mod audience;
mod depth;
mod edits;
mod needs;
mod stage;

use std::path::Path;

pub use audience::{Audience, RunNumber, ScreenChart, ScreenNumber, StepChart, StepScreen};
use chrono::NaiveDate;
pub use depth::{Depth, seconds};
pub use edits::{Edits, StepEdit};
pub use needs::names;
use serde::Deserialize;
pub use stage::{Kept, Stage, Told};

/// The stories that come with the binary.
const SHIPPED: &[(&str, &str)] = &[("web-analytics.toml", include_str!("../../stories/web-analytics.toml"))];

/// A story as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// Stable id, used in the control database.
    pub id: String,
    /// Title.
    pub title: String,
    /// The customer that delivers.
    pub customer: String,
    /// The dataset that is delivered.
    pub dataset: String,
    /// Which days exist, and which are for the stage.
    pub data: StoryData,
    /// What is planted in the data and told at the end.
    pub finding: Option<Finding>,
    /// The second screen.
    #[serde(default)]
    pub audience: Audience,
    /// Chapters in order.
    #[serde(rename = "chapter")]
    pub chapters: Vec<Chapter>,
    /// Saved queries of the SQL page.
    #[serde(rename = "query", default)]
    pub queries: Vec<SavedQuery>,
    /// Whom the presenter can view as.
    #[serde(rename = "identity", default)]
    pub identities: Vec<StoryIdentity>,
    /// What the presenter puts in force with one press.
    #[serde(default)]
    pub policies: StoryPolicies,
    /// The depth at which it is told: [`Story::at`].
    #[serde(skip)]
    pub depth: Depth,
}

/// Somebody that the presenter can view as.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryIdentity {
    /// What the cookie says: `[a-z0-9-]`.
    pub id: String,
    /// `Analyst, Germany`
    pub title: String,
    /// An e-mail address.
    pub user: String,
    /// Groups that the person is in.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl StoryIdentity {
    /// For the engine.
    pub fn identity(&self) -> showrunner_lake::Identity {
        showrunner_lake::Identity::person(&self.user, &self.groups)
    }
}

/// The policies of a story.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryPolicies {
    /// Statements in BigQuery's syntax, which can be executed again and again.
    #[serde(default)]
    pub statements: String,
    /// A small query that shows who sees what.
    #[serde(default)]
    pub query: String,
}

/// A query that the SQL page offers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedQuery {
    /// Words of the link.
    pub title: String,
    /// The query.
    pub sql: String,
    /// The same query without what makes it cheap (its date filter): both run, and their costs are shown side by side.
    pub without: Option<String>,
}

/// The days of a story.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoryData {
    /// Ingested by the seed.
    pub history: DateRange,
    /// Put into the source bucket by the seed, delivered on stage.
    pub stage: DateRange,
}

/// The finding of a story, for the chart that shows it. The numbers come from the report queries `finding` and `finding_summary`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The day from which it shows.
    pub date: NaiveDate,
    /// Title of the chart.
    pub title: String,
    /// Name of the series that is talked about.
    pub subject: String,
    /// Name of the series it hides in.
    pub rest: String,
}

/// A range of days, both ends included.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

impl DateRange {
    /// Every day of the range.
    pub fn days(self) -> Vec<NaiveDate> {
        self.from.iter_days().take_while(|d| *d <= self.to).collect()
    }
}

/// A chapter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// The 2 of `2.1`, set when the story is read.
    #[serde(skip)]
    pub number: u32,
    /// Title.
    pub title: String,
    /// Steps in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `2.1`: chapter and step, set when the story is read.
    #[serde(skip)]
    pub id: String,
    /// Title.
    pub title: String,
    /// The shortest show that it is part of.
    #[serde(default)]
    pub depth: Depth,
    /// Planned time as `m:ss`, in seconds.
    #[serde(deserialize_with = "minutes")]
    pub minutes: u32,
    /// Planned time in a show of 5 minutes, where that differs.
    #[serde(default, deserialize_with = "short")]
    pub short: Option<u32>,
    /// What the button does.
    pub action: Action,
    /// Talking point; an empty line or a line end separates paragraphs.
    pub say: String,
    /// The number to say.
    pub number: Option<Number>,
    /// What the second screen says and shows.
    pub audience: Option<StepScreen>,
}

/// What a step's button does.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// Kind.
    pub kind: Kind,
    /// Words on the button.
    pub label: String,
    /// The day it is about.
    pub date: Option<NaiveDate>,
    /// Where `look` leads, within the site.
    pub href: Option<String>,
    /// Scope of a `reset`.
    pub scope: Option<String>,
}

/// Kinds of actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Source data and history.
    Seed,
    /// Copy the day into the customer's folder.
    Upload,
    /// Write `end_file.txt`.
    Marker,
    /// Look at a page.
    Look,
    /// Open the dry run of a reset.
    Reset,
}

/// A number to say, computed from the lake.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Number {
    /// What it is.
    pub label: String,
    /// What it is called on the second screen, where that differs.
    pub audience: Option<String>,
    /// `sessions`, or `dollars` and `percent`, which are formatted as such.
    pub unit: String,
    /// One row, one column.
    pub sql: String,
    /// Sentence with `{0}`, `{1}` for the columns of `compare_sql`.
    pub compare: Option<String>,
    /// One row.
    pub compare_sql: Option<String>,
}

/// Why a story was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum StoryError {
    /// A file cannot be read.
    #[error("the story file {0} cannot be read: check that it is there and readable")]
    Read(String, #[source] std::io::Error),
    /// Not TOML of the expected shape.
    #[error("the story file {0} is not as expected: {1}")]
    Parse(String, String),
    /// The shape is right, the content is not.
    #[error("the story file {file}: {problem}")]
    Content {
        /// Which file.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
}

impl Story {
    /// Parses and checks one story.
    pub fn parse(file: &str, text: &str) -> Result<Story, StoryError> {
        let mut story: Story =
            toml::from_str(text).map_err(|e| StoryError::Parse(file.into(), e.message().to_owned()))?;
        for (number, chapter) in (1..).zip(&mut story.chapters) {
            chapter.number = number;
            for (at, step) in (1..).zip(&mut chapter.steps) {
                step.id = format!("{number}.{at}");
            }
        }
        story.check().map_err(|problem| StoryError::Content { file: file.into(), problem })?;
        Ok(story)
    }

    /// The shipped stories, or those of a folder.
    pub fn load(folder: Option<&Path>) -> Result<Vec<Story>, StoryError> {
        let Some(folder) = folder else {
            return SHIPPED.iter().map(|(file, text)| Story::parse(file, text)).collect();
        };
        let read = |p: &Path, e| StoryError::Read(p.display().to_string(), e);
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
            .map_err(|e| read(folder, e))?;
        files.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        files.sort();
        if files.is_empty() {
            return Err(StoryError::Content {
                file: folder.display().to_string(),
                problem: "the folder holds no .toml file".into(),
            });
        }
        let mut stories: Vec<Story> = Vec::new();
        for p in &files {
            let file = p.display().to_string();
            let story = Story::parse(&file, &std::fs::read_to_string(p).map_err(|e| read(p, e))?)?;
            if stories.iter().any(|other| other.id == story.id) {
                let problem = format!("the id '{}' is another story's already", story.id);
                return Err(StoryError::Content { file, problem });
            }
            stories.push(story);
        }
        Ok(stories)
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.chapters.iter().flat_map(|c| &c.steps)
    }

    /// A step by id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|s| s.id == id)
    }

    /// Steps from this one on, this one included.
    pub fn from_step<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Step> {
        self.steps().skip_while(move |s| s.id != id)
    }

    /// The days that steps from this one on deliver: what a reset back to this step removes. Everything, when the seed is among them.
    pub fn days_from(&self, id: &str) -> Vec<NaiveDate> {
        let mut days: Vec<_> = self
            .from_step(id)
            .flat_map(|s| match s.action.kind {
                Kind::Seed => self.data.history.days(),
                Kind::Upload | Kind::Marker => s.action.date.into_iter().collect(),
                Kind::Look | Kind::Reset => vec![],
            })
            .collect();
        days.sort();
        days.dedup();
        days
    }

    fn check(&self) -> Result<(), String> {
        if self.steps().next().is_none() {
            return Err("there is no step".into());
        }
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(plain) {
            return Err(format!("the id '{}' may have small letters, digits and hyphens only", self.id));
        }
        for step in self.steps() {
            let at = format!("step {} ({})", step.id, step.title);
            match step.action.kind {
                Kind::Upload | Kind::Marker if step.action.date.is_none() => {
                    return Err(format!("{at}: the action needs a date"));
                }
                Kind::Look
                    if !step.action.href.as_deref().is_some_and(|h| h.starts_with('/') && !h.starts_with("//")) =>
                {
                    return Err(format!("{at}: the action needs an href within the site, such as \"/report\""));
                }
                Kind::Reset => {
                    let scope = step.action.scope.as_deref().unwrap_or("all");
                    let known = scope == "all"
                        || scope.strip_prefix("step:").is_some_and(|id| self.step(id).is_some())
                        || scope.starts_with("customer:");
                    if !known {
                        return Err(format!("{at}: '{scope}' is no scope: use all, customer:ID or step:ID"));
                    }
                }
                _ => {}
            }
            if let Some(date) = step.action.date
                && matches!(step.action.kind, Kind::Upload)
                && !self.data.stage.days().contains(&date)
            {
                return Err(format!("{at}: {date} is not among the days of data.stage"));
            }
        }
        if let Some((step, need)) = self.lacking().first() {
            return Err(format!(
                "step {} ({}): it is part of a show of {}, but step {} ({}), which it needs, only of one of {}",
                step.id, step.title, step.depth, need.id, need.title, need.depth
            ));
        }
        self.audience.check()?;
        for identity in &self.identities {
            if identity.id.is_empty() || !identity.id.chars().all(plain) {
                return Err(format!("identity '{}': the id has small letters, digits and hyphens only", identity.id));
            }
            if self.identities.iter().filter(|other| other.id == identity.id).count() > 1 {
                return Err(format!("identity '{}': the id is given twice", identity.id));
            }
        }
        if !self.policies.statements.trim().is_empty() {
            crate::policies::parse(&self.policies.statements).map_err(|e| format!("policies: {}", e.message))?;
        }
        for (index, query) in self.queries.iter().enumerate() {
            let at = format!("query {} ({})", index + 1, query.title.trim());
            if query.title.trim().is_empty() {
                return Err(format!("{at}: the query needs a title"));
            }
            let without = query.without.as_deref();
            if query.sql.trim().is_empty() || without.is_some_and(|sql| sql.trim().is_empty()) {
                return Err(format!("{at}: sql and without must not be empty"));
            }
            let bytes = query.sql.len() + without.map_or(0, str::len);
            if bytes > crate::views::LONGEST_QUERY {
                return Err(format!("{at}: {bytes} bytes are more than the SQL page takes"));
            }
        }
        Ok(())
    }
}

/// The stories of the folder, or the shipped ones.
pub fn shipped(folder: Option<&Path>) -> crate::Result<Vec<Story>> {
    Story::load(folder).map_err(|e| crate::Error::with(crate::ErrorKind::Invalid, e.to_string(), e))
}

/// The first of them: what is told before another one is put on stage.
pub fn first(folder: Option<&Path>) -> crate::Result<Story> {
    let none = || crate::Error::new(crate::ErrorKind::Invalid, "There is no story.");
    shipped(folder)?.into_iter().next().ok_or_else(none)
}

/// Fills the placeholders of texts and SQL. Values come from the story itself and are identifiers and dates, never a person's input.
pub fn fill(text: &str, story: &Story, date: Option<NaiveDate>) -> String {
    let mut out = text.replace("{customer}", &story.customer).replace("{dataset}", &story.dataset);
    if let Some(date) = date {
        out = out
            .replace("{date}", &date.to_string())
            .replace("{compact}", &date.format("%Y%m%d").to_string())
            .replace("{said}", &crate::format::said(date))
            .replace("{weekday}", crate::format::weekday(date));
    }
    out
}

fn minutes<'de, D: serde::Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    let text = String::deserialize(d)?;
    seconds(&text).ok_or_else(|| serde::de::Error::custom(format!("'{text}' is not a time like 1:30")))
}

fn short<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    minutes(d).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_stories_are_accepted() {
        let stories = Story::load(None).unwrap();
        assert!(!stories.is_empty());
        for story in &stories {
            assert_eq!(story.steps().next().unwrap().id, "1.1");
            assert!(story.days_from("1.1").len() > 50, "going back to the first step removes the history");
        }
        assert_eq!(stories[0].days_from("2.1").len(), 1);
        assert!(stories[0].days_from("3.1").is_empty());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let head = "id='s'\ntitle='t'\ncustomer='c'\ndataset='d'\n[data]\nhistory={from='2017-06-01',to='2017-06-02'}\nstage={from='2017-06-03',to='2017-06-03'}\n";
        let step = |action: &str| {
            format!(
                "{head}[[chapter]]\ntitle='c'\n[[chapter.step]]\ntitle='s'\nminutes='1:00'\nsay='x'\naction={action}\n"
            )
        };
        for (text, expected) in [
            (format!("chapter=[]\n{head}"), "there is no step"),
            (step("{kind='upload',label='x'}"), "needs a date"),
            (step("{kind='upload',label='x',date='2017-06-01'}"), "not among the days"),
            (step("{kind='look',label='x',href='//elsewhere'}"), "within the site"),
            (step("{kind='reset',label='x',scope='step:9.9'}"), "is no scope"),
            (format!("{}[[query]]\ntitle=' '\nsql='SELECT 1'\n", step("{kind='seed',label='x'}")), "needs a title"),
            (format!("{}[[query]]\ntitle='q'\nsql=' '\n", step("{kind='seed',label='x'}")), "must not be empty"),
            (
                format!("{}[[query]]\ntitle='q'\nsql='{}'\n", step("{kind='seed',label='x'}"), "x".repeat(9_000)),
                "more than the SQL page takes",
            ),
            (format!("{}[[audience.number]]\nlabel='n'\n", step("{kind='seed',label='x'}")), "either sql or run"),
            (format!("{}[[audience.number]]\nlabel='n'\nsql='x'\n", step("{kind='seed',label='x'}")), "needs a unit"),
            (step("{kind='dance',label='x'}"), "unknown variant"),
            (step("{kind='seed',label='x'}").replace("1:00", "soon"), "not a time"),
            (step("{kind='seed',label='x'}").replace("say=", "short='1'\nsay="), "not a time"),
            (step("{kind='seed',label='x'}").replace("say=", "depth=10\nsay="), "is no depth: 5, 20 or 45"),
            (step("{kind='seed',label='x'}").replace("id='s'", "id='S s'"), "small letters"),
            (
                format!(
                    "{}[[chapter.step]]\ntitle='look'\nminutes='1:00'\nsay='x'\ndepth=20\naction={{kind='look',label='x',href='/lake'}}\n",
                    step("{kind='seed',label='x'}")
                ),
                "step 1.2 (look): it is part of a show of 20 minutes, but step 1.1 (s), which it needs, only of one of 45 minutes",
            ),
        ] {
            let message = Story::parse("s.toml", &text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
