//! The page of the policies.

use serde::{Deserialize, Serialize};

use super::*;

/// The page of the policies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliciesView {
    /// How many there are, in a sentence.
    pub summary: String,
    /// Whether the reader may change them; else why not.
    pub locked: Option<String>,
    /// The story's statements; empty if it has none.
    pub story: String,
    /// Tables that have policies.
    pub tables: Vec<PolicyTable>,
    /// Data policies by themselves: who is granted them.
    pub data: Vec<PolicyLine>,
    /// What each identity sees of the same query.
    pub seen: Vec<SeenView>,
    /// That follows when the page was sent.
    #[serde(default)]
    pub waiting: bool,
    /// That query.
    pub query: String,
    /// For the forms: tables.
    pub choices: Vec<String>,
    /// For the forms: masking rules, and what each does.
    pub rules: Vec<(String, String)>,
    /// For the forms: grantees of the story.
    pub grantees: Vec<String>,
    /// Changes of policies.
    pub changes: Option<GridView>,
    /// Who viewed as whom.
    pub switches: Option<GridView>,
}

/// A table with its policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTable {
    /// `silver.sessions`
    pub name: String,
    /// Its row access policies.
    pub rows: Vec<PolicyLine>,
    /// Data policies on its columns.
    pub columns: Vec<PolicyLine>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLine {
    /// Its name, or the column that it stands on.
    pub name: String,
    /// What it does: the condition, the masking rule.
    pub what: String,
    /// Whom it is granted to.
    pub to: String,
    /// The statement, and the Google call that it stands for.
    pub codes: Vec<CodeView>,
    /// The statement that takes it away.
    pub drop: String,
}

/// What an identity sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenView {
    /// `Analyst, Germany`
    pub title: String,
    /// `analyst.de@example.com`
    pub user: String,
    /// The identity's id; empty for the admin.
    pub id: String,
    /// `8 rows; city masked`
    pub words: String,
    /// Values of the first rows.
    pub rows: Option<SqlRows>,
    /// Which columns are masked.
    pub masked: Vec<bool>,
    /// Why there is no answer.
    pub error: Option<String>,
}

/// A statement that changes policies, on the SQL page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStatement {
    /// The statement.
    pub sql: String,
    /// What pressing the button does, or why it cannot be pressed.
    pub words: String,
    /// Whether it can be executed.
    pub allowed: bool,
    /// The Google call that it stands for.
    pub codes: Vec<CodeView>,
}

/// The form of a row access policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPolicyForm {
    /// `silver.sessions`
    pub table: String,
    /// Its name.
    pub name: String,
    /// Grantees, separated by commas or line ends.
    pub grantees: String,
    /// The condition.
    pub filter: String,
}

/// The form of a mask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskForm {
    /// `silver.sessions`
    pub table: String,
    /// `city`, `geoNetwork.city`
    pub column: String,
    /// A masking rule, or `RAW`: only those who are granted it see the column.
    pub rule: String,
    /// Grantees, separated by commas or line ends.
    pub grantees: String,
}
