//! What travels between server and page. Everything a person reads is formatted on the server (numbers, dates, durations), so that
//! server-rendered, hydrated and no-JavaScript pages agree.

mod audience;
mod calls;
mod customers;
mod datasets;
mod lake;
mod lineage;
mod people;
mod policies;
mod privacy;
mod report;
mod reset;
mod runs;
mod show;
mod sql;
mod stories;
mod stream;

use serde::{Deserialize, Serialize};

pub use audience::*;
pub use calls::*;
pub use customers::*;
pub use datasets::*;
pub use lake::*;
pub use lineage::*;
pub use people::*;
pub use policies::*;
pub use privacy::*;
pub use report::*;
pub use reset::*;
pub use runs::*;
pub use show::*;
pub use sql::*;
pub use stories::*;
pub use stream::*;

/// The one error that pages see. Never holds internal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireError {
    /// Machine-readable.
    pub code: ErrorCode,
    /// A sentence: what happened and what to do.
    pub message: String,
    /// The form field concerned.
    pub field: Option<String>,
    /// For finding the log line.
    pub request_id: String,
}

/// Kinds of [`WireError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not signed in, or the wrong origin.
    Unauthenticated,
    /// Signed in, but the role may not do this.
    Forbidden,
    /// No such step, run, day.
    NotFound,
    /// The input is not acceptable.
    Invalid,
    /// Somebody else was faster, or it is running already.
    Conflict,
    /// Disk full, database locked: the server stays up.
    Unavailable,
    /// A bug; logged with the request id.
    Internal,
}

/// State of a step, a run, a zone. Each has an icon and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Finished.
    Done,
    /// Under way.
    Running,
    /// To be pressed now.
    Next,
    /// Not yet.
    Later,
    /// Cannot be pressed; the reason stands beside it.
    Blocked,
    /// Finished, but something was held back.
    Warn,
    /// Stopped by an error.
    Failed,
    /// Left out on purpose; can be taken up again.
    Skipped,
}

/// What every page shows in its bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellView {
    /// For instance `customer01`.
    pub customer: String,
    /// For instance `ga_sessions`.
    pub dataset: String,
    /// Role of the person.
    /// Role of whoever is signed in.
    pub role: String,
    /// Their name.
    pub name: String,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Newest event id when this was rendered; the event stream continues behind it.
    pub last_event: i64,
    /// Time of this view, `14:06:12`: what the bar says while the event stream is lost.
    pub at: String,
    /// A message about the server itself (disk full, database locked), if any.
    pub trouble: Option<String>,
    /// Title and name of whom the presenter views as.
    pub viewing: Option<(String, String)>,
    /// Ids and titles of those that the presenter can view as.
    pub identities: Vec<(String, String)>,
}

/// A label with a value, and what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactView {
    /// `Rows`
    pub label: String,
    /// `1,240`
    pub value: String,
    /// `/ 1,987` or a unit.
    pub rest: String,
}

/// Kind of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// Neutral.
    Info,
    /// Verified.
    Ok,
    /// Needs a look, nothing is lost.
    Warn,
    /// Failed, refused.
    Bad,
}

/// A message with a cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteView {
    /// Kind.
    pub kind: NoteKind,
    /// A sentence or two.
    pub text: String,
    /// Link text and address that resolves it.
    pub link: Option<(String, String)>,
}

/// An event of the stream `/events`. The SSE `id:` is the event's id; `data:` is this as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Event {
    /// A run's progress; patches what is on the page. Not stored, sent live only.
    Progress {
        /// Newest progress.
        progress: ProgressView,
    },
    /// An element as it is now; replaces the one with this id, where a page has it. Not stored, sent live only.
    Frame {
        /// Id of the element.
        id: String,
        /// The element.
        html: String,
    },
    /// Something changed for good: refetch what the page shows. Stored, replayed.
    Changed {
        /// `run`, `step`, `clock`, `audience`, `folder`, `reset`, `lake`, `policy`, `stream`
        what: String,
        /// Run, step or folder id.
        id: String,
    },
}
