//! The calls of a run: what was executed, and the Google call that it stands for.

use serde::{Deserialize, Serialize};

use super::*;

/// A run's calls, a page of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallsView {
    /// `run-0059-7f3a`
    pub run_id: String,
    /// `Ingest 2017-07-29`
    pub title: String,
    /// True while calls may still come.
    pub running: bool,
    /// `43 calls in 1.30 s, all that this run has made`
    pub summary: String,
    /// What stands for what in the Google calls.
    pub legend: String,
    /// The steps that made any, and all together.
    pub steps: Vec<CallChoice>,
    /// The kinds of calls that there are, and all together.
    pub kinds: Vec<CallChoice>,
    /// The calls.
    pub calls: Vec<CallView>,
    /// `1 to 25 of 43`
    pub range: String,
    /// Address of the page before.
    pub previous: Option<String>,
    /// Address of the page behind.
    pub next: Option<String>,
}

/// One of several views of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallChoice {
    /// `Write bronze`
    pub label: String,
    /// `12`
    pub count: String,
    /// Its address.
    pub href: String,
    /// True for the one that is shown.
    pub current: bool,
}

/// A call, or several of the same shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// `objects.put`, or the title of a statement.
    pub title: String,
    /// What it was called on.
    pub resource: String,
    /// `Write bronze`, `The button`
    pub step: String,
    /// State.
    pub state: State,
    /// `OK`, `Not there`, `Failed`
    pub state_text: String,
    /// `14:06:12.031 · 2 ms · 1,987 rows · 2.31 MB`
    pub facts: String,
    /// Why it failed.
    pub error: Option<String>,
    /// `Stands for 212 more like it, 1.30 s in all.`
    pub more: Option<String>,
    /// `storage.objects.insert`
    pub google: String,
    /// Where the Google call differs, or why there is none.
    pub note: Option<String>,
    /// What ran here, and the Google call.
    pub codes: Vec<CodeView>,
}

/// A text to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// `Here`, `REST`, `gcloud`, `bq`, `curl`
    pub label: String,
    /// The text.
    pub text: String,
}
