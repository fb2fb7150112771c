use serde::{Deserialize, Serialize};

use super::State;

/// The page on which somebody signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInView {
    /// Who vouches for people (`Google`); `None`: roles are chosen by name.
    pub provider: Option<String>,
    /// Roles to choose from.
    pub roles: Vec<RoleChoice>,
    /// Who is signed in already: `presenter`.
    pub signed_in: Option<String>,
}

/// A role that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChoice {
    /// `presenter`
    pub role: String,
    /// Whose files are delivered, for a customer.
    pub customer: String,
    /// `Presenter`
    pub title: String,
    /// What one may in it.
    pub words: String,
}

/// Settings, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// `everything is well`
    pub summary: String,
    /// What `showrunner doctor` finds.
    pub checks: Vec<CheckView>,
    /// The project of Google Cloud.
    pub cloud: CloudView,
    /// Settings.
    pub settings: Vec<SettingView>,
    /// What is different on Google Cloud.
    pub differences: Vec<DifferenceView>,
}

/// The project of Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudView {
    /// Whether there is one to look at.
    pub set: bool,
    /// What a check does, or how a project is set.
    pub words: String,
    /// `2 to mend`; empty before it is checked.
    pub summary: String,
    /// What was found; empty before it is checked.
    pub checks: Vec<CheckView>,
}

/// A difference between the two back ends; `` ` `` stands around code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceView {
    /// What is different.
    pub what: String,
    /// In the embedded back end.
    pub embedded: String,
    /// On Google Cloud.
    pub google: String,
    /// Why we say so: tests and addresses.
    pub proof: Vec<String>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// Done, warn or failed.
    pub state: State,
    /// The same in a word.
    pub word: String,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub found: String,
    /// Exactly what to do.
    pub fix: Option<String>,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingView {
    /// `SHOWRUNNER_SEED`
    pub variable: String,
    /// `--seed`
    pub flag: String,
    /// What it is.
    pub help: String,
    /// What it is set to.
    pub value: String,
    /// `default`, `environment`, `command line`, `not set`
    pub from: String,
}

/// The page about people and what they did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeopleView {
    /// `3 people; roles are chosen by name on this machine`
    pub summary: String,
    /// Everybody who signed in.
    pub people: Vec<PersonView>,
    /// Roles that can be given.
    pub roles: Vec<String>,
    /// Customers whose files somebody may deliver.
    pub customers: Vec<String>,
    /// The audience's link, a path.
    pub link: String,
    /// The newest lines of the audit trail.
    pub trail: Vec<AuditLine>,
}

/// Somebody who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    /// For forms.
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address that the provider verified, or how they came.
    pub from: String,
    /// Role.
    pub role: String,
    /// Whose files they deliver.
    pub customer: String,
    /// When they signed in last.
    pub seen: String,
    /// Whether an admin gives the role; others chose it by name.
    pub given: bool,
    /// Whether it is whoever looks.
    pub me: bool,
}

/// A line of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditLine {
    /// When.
    pub at: String,
    /// Who.
    pub who: String,
    /// In which role.
    pub role: String,
    /// `press`
    pub action: String,
    /// `step=2.1`
    pub subject: String,
    /// Done, refused or failed.
    pub state: State,
    /// The same in a word.
    pub word: String,
}
