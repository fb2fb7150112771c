//! The SQL page.

use serde::{Deserialize, Serialize};

use super::*;

/// The SQL page: the query, its answer, and what can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlView {
    /// The id that the page's next query runs under, so that it can be cancelled.
    pub id: String,
    /// The query as written; empty if none was.
    pub q: String,
    /// The query it is compared with; empty if none is.
    pub compare: String,
    /// What a query may take, in a sentence.
    pub limits: String,
    /// The story's queries: title, address, whether it is the one shown.
    pub saved: Vec<(String, String, bool)>,
    /// Tables by zone.
    pub zones: Vec<(String, Vec<SqlTable>)>,
    /// What the queries found.
    pub found: SqlFound,
    /// The queries run while the page is sent, and what they find follows in it: `found` is empty.
    pub waiting: bool,
    /// In place of a query: a statement that changes policies. It is executed by a press, never by looking at the page.
    pub statement: Option<PolicyStatement>,
}

/// What queries found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlFound {
    /// What comparing shows: a sentence and the numbers.
    pub comparison: Option<(String, SqlRows)>,
    /// One for each query.
    pub answers: Vec<SqlAnswer>,
}

/// A table that can be queried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlTable {
    /// `silver.sessions`
    pub name: String,
    /// What it holds.
    pub title: String,
    /// Name and kind, `date` and `date, partition`.
    pub columns: Vec<(String, String)>,
}

/// What came of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlAnswer {
    /// Title of its panel.
    pub title: String,
    /// Time, rows, what was read.
    pub facts: Vec<FactView>,
    /// Why there is no result.
    pub error: Option<SqlError>,
    /// The rows shown.
    pub rows: Option<SqlRows>,
    /// What is left out, in a sentence.
    pub more: Option<String>,
    /// Address of the whole result as CSV.
    pub csv: Option<String>,
    /// The Google call that the query stands for, in several forms.
    pub google: Vec<CodeView>,
    /// What the engine put in: the query as the viewer's policies make it, and the plan, with the lines put in marked.
    pub injected: Vec<(String, Vec<(String, bool)>)>,
    /// Titles and texts of what can be opened: what was read of each table, the plans.
    pub details: Vec<(String, String)>,
}

/// Why a query has no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlError {
    /// A sentence.
    pub message: String,
    /// `Line 2, column 8.`
    pub place: Option<String>,
    /// The lines around the place, with a mark below it.
    pub excerpt: Option<String>,
}

/// A table of values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlRows {
    /// What it shows, for those who hear it.
    pub caption: String,
    /// Heads, and whether the column holds numbers.
    pub head: Vec<(String, bool)>,
    /// Values; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}
