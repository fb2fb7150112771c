//! The audience screen. It goes to a screen that strangers see: nothing in here names a run, a file or an address.

use serde::{Deserialize, Serialize};

use super::{ProgressView, SeriesView, State};

/// What the audience sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceView {
    /// The values; `None` while the screen is blank.
    pub screen: Option<ScreenView>,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Newest event id when this was made; the event stream continues behind it.
    pub last_event: i64,
}

/// The values of the audience screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenView {
    /// `29 Jul has arrived`
    pub title: String,
    /// What is going on, if anything is to be said: `In every zone`.
    pub state: Option<(State, String)>,
    /// Three large numbers.
    pub numbers: Vec<ScreenNumberView>,
    /// How many characters the longest of them has, so that none outgrows its place.
    pub longest: u16,
    /// The chart that moves.
    pub chart: Option<ScreenChartView>,
    /// The zone strip.
    pub zones: Vec<ScreenZoneView>,
    /// Progress of the run that is at work, under a name that only this screen knows. Patched by the event stream.
    pub progress: Option<ProgressView>,
    /// Time of these values, `14:06:12`.
    pub at: String,
}

/// A large number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenNumberView {
    /// `New sessions`
    pub label: String,
    /// `1,987`; `–` while unknown.
    pub value: String,
    /// The number of the step, which is being talked about.
    pub hot: bool,
    /// Where it is the progress of a run that moves it: the label of that fact.
    pub fact: Option<String>,
}

/// The chart of the audience screen in a 0–100 box: columns for days, or lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenChartView {
    /// `Sessions per day`
    pub title: String,
    /// What it says, for people who do not see it.
    pub label: String,
    /// Position and words of the grid lines.
    pub grid: Vec<(String, String)>,
    /// Position and words of the dates.
    pub ticks: Vec<(String, String)>,
    /// Path of the columns beside the subject.
    pub columns: String,
    /// Path of the column that is talked about.
    pub subject: String,
    /// Lines, the subject first.
    pub lines: Vec<SeriesView>,
    /// Position and words of the note, and where the line to it ends.
    pub note: Option<(String, String, String)>,
}

/// A zone in the strip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenZoneView {
    /// `Bronze`
    pub title: String,
    /// `151,681`
    pub amount: String,
    /// `+1,987`, `waiting`, or empty.
    pub change: String,
    /// Done = lit, Running = live, Later = wait.
    pub state: State,
}
