//! The pages of customers and of uploads.

use serde::{Deserialize, Serialize};

use super::*;

/// Customers: side by side, and one of them opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomersView {
    /// A token that was just made, shown this once.
    pub shown: Option<ShownTokenView>,
    /// A line for each customer: what it delivered, and what of it lies in each zone.
    pub side_by_side: GridView,
    /// The one that is looked at.
    pub opened: Option<CustomerView>,
    /// Customers that were deleted, with their proof.
    pub deleted: Option<GridView>,
    /// `10 GB`: what a customer without a quota of its own may have.
    pub quota: String,
}

/// A token, the only time that it is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownTokenView {
    /// `customer02, nightly, until 2017-08-29`
    pub title: String,
    /// The token, and how it is used.
    pub codes: Vec<CodeView>,
}

/// One customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerView {
    /// `customer02`
    pub id: String,
    /// For people.
    pub title: String,
    /// As the form has it; empty: as configured.
    pub quota: String,
    /// Whether uploads are taken.
    pub enabled: bool,
    /// Days, bytes, since when.
    pub facts: Vec<FactView>,
    /// What is to be said of its state.
    pub note: Option<NoteView>,
    /// Its tokens, newest first.
    pub tokens: Vec<TokenView>,
    /// How a day is sent.
    pub codes: Vec<CodeView>,
    /// What was tried on behalf of its upload identity, if somebody asked.
    pub tried: Option<GridView>,
    /// What deleting it takes.
    pub goes: Vec<String>,
    /// How many things that are.
    pub items: String,
    /// Digest of that list, as the form sends it back; empty before the list was asked for.
    pub plan: String,
    /// Why it cannot be deleted.
    pub stays: Option<NoteView>,
}

/// An upload token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// The part of it that may be shown.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// What it is worth.
    pub state: State,
    /// The same in words.
    pub words: String,
    /// `Made 2017-07-29, until 2017-08-28, last used 14:06:12`
    pub times: String,
    /// Whether it can be rotated.
    pub rotates: bool,
    /// Whether it can be revoked.
    pub revokes: bool,
}

/// A change of customers or tokens; what the change does not need is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerForm {
    /// `create`, `save`, `disable`, `enable`, `delete`, `token`, `rotate` or `revoke`.
    pub change: String,
    /// Whose.
    pub customer: String,
    /// For people: the customer's title, or what a token is for.
    pub title: String,
    /// `5GB`; empty: as configured.
    pub quota: String,
    /// A token's id.
    pub token: String,
    /// How long a token works.
    pub days: String,
    /// Digest of what a deletion takes.
    pub plan: String,
}

/// The page on which a person uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadView {
    /// Ids and titles.
    pub customers: Vec<(String, String)>,
    /// The chosen one.
    pub customer: String,
    /// Names.
    pub datasets: Vec<String>,
    /// The chosen one.
    pub dataset: String,
    /// `2017-07-29`, as the form has it.
    pub date: String,
    /// The chosen day's folder; `None` before one is chosen.
    pub day: Option<UploadDayView>,
    /// Room that is left.
    pub facts: Vec<FactView>,
    /// Why nothing is taken, or what is wrong with the choice.
    pub note: Option<NoteView>,
}

/// A day's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadDayView {
    /// `customer02/ga_sessions/2017-07-29`
    pub path: String,
    /// How far it is.
    pub state: State,
    /// The same in words.
    pub words: String,
    /// The run that has the day.
    pub run: Option<(String, String)>,
    /// What lies in it.
    pub files: Option<GridView>,
    /// Whether the sign that the day is complete can be given.
    pub complete: bool,
    /// The largest file that is taken.
    pub limit: String,
}
