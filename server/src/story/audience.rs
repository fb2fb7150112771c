//! What a story shows on the second screen.

use serde::Deserialize;

/// The second screen of a story. Without it the screen shows what any story has: rows and days in the lake.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    /// Numbers beside the step's own, the important ones first: three fit.
    #[serde(rename = "number", default)]
    pub numbers: Vec<ScreenNumber>,
    /// The chart that moves.
    pub chart: Option<ScreenChart>,
}

/// A large number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenNumber {
    /// What it is, in a word or three.
    pub label: String,
    /// `sessions`, or `dollars` and `percent`, which are formatted as such.
    #[serde(default)]
    pub unit: String,
    /// One row, one column.
    pub sql: Option<String>,
    /// Instead of `sql`: about the run that brings the step's day, or the newest one.
    pub run: Option<RunNumber>,
}

/// What is said about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunNumber {
    /// How long it took, from the marker to the last zone; while it runs, its rows.
    Seconds,
}

/// A column for each day.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScreenChart {
    /// `Sessions per day`
    pub title: String,
    /// As that of a number.
    pub unit: String,
    /// Rows of date and value, in the order of the dates.
    pub sql: String,
}

/// What the second screen shows for a step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepScreen {
    /// While the step is not over; the step's title if there is none.
    pub before: Option<String>,
    /// When it is over; the one before if there is none.
    pub after: Option<String>,
    /// Which chart: the one that moves if there is none.
    pub chart: Option<StepChart>,
}

/// A chart that a step shows in place of the one that moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepChart {
    /// The story's finding.
    Finding,
}

impl Audience {
    pub(super) fn check(&self) -> Result<(), String> {
        for number in &self.numbers {
            let at = format!("audience number '{}'", number.label);
            if number.label.trim().is_empty() {
                return Err("an audience number needs a label".into());
            }
            if number.sql.is_some() == number.run.is_some() {
                return Err(format!("{at}: it needs either sql or run"));
            }
            if number.sql.is_some() && number.unit.is_empty() {
                return Err(format!("{at}: sql needs a unit"));
            }
        }
        Ok(())
    }
}
