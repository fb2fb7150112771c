//! Settings with where each comes from, what `doctor` finds, and what the check of Google Cloud does.

use app::wire::{CheckView, CloudView, DifferenceView, SettingView, SettingsView, State};
use showrunner_gcp::DIFFERENCES;
use showrunner_gcp::cloud::{Finding, State as Found};

use super::Views;
use crate::cloud;
use crate::doctor::{self, Level};
use crate::format;

/// What a page asks for that wants the project checked.
const GOOGLE_CLOUD: &str = "google-cloud";

impl Views {
    /// Settings, and what is missing; in the project as well, where `check` asks for that.
    pub async fn settings(&self, check: &str) -> SettingsView {
        let config = &self.state.config;
        let found = async { if check == GOOGLE_CLOUD { cloud::check(config).await } else { None } };
        let doctor = doctor::while_serving(&self.state);
        let (checks, found) = tokio::join!(doctor, found);
        let red = checks.iter().filter(|check| check.level == Level::Red).count();
        let checks = checks.into_iter().map(|check| {
            let (state, word) = match check.level {
                Level::Good => (State::Done, "Well"),
                Level::Note => (State::Warn, "Note"),
                Level::Red => (State::Failed, "Red"),
            };
            CheckView { state, word: word.into(), what: check.what.into(), found: check.found, fix: check.fix }
        });
        let settings = config.settings.iter().map(|setting| SettingView {
            variable: setting.variable.clone(),
            flag: setting.flag.clone(),
            help: setting.help.clone(),
            value: setting.value.clone().unwrap_or_else(|| "–".into()),
            from: setting.from.into(),
        });
        let differences = DIFFERENCES.iter().map(|difference| DifferenceView {
            what: difference.what.into(),
            embedded: difference.embedded.into(),
            google: difference.google.into(),
            proof: difference.proof.iter().map(ToString::to_string).collect(),
        });
        SettingsView {
            summary: mend(red, "nothing is missing"),
            checks: checks.collect(),
            cloud: project(config.cloud.project.as_deref(), found),
            settings: settings.collect(),
            differences: differences.collect(),
        }
    }
}

fn mend(red: usize, none: &str) -> String {
    match red {
        0 => none.into(),
        red => format!("{} to mend", format::plural(red as u64, "thing")),
    }
}

fn project(project: Option<&str>, found: Option<Vec<Finding>>) -> CloudView {
    let Some(project) = project else {
        return CloudView {
            set: false,
            words: "No project is set: start the server with SHOWRUNNER_GCP_PROJECT=PROJECT-ID, as gcloud projects list shows it, to check here what a show needs there."
                .into(),
            summary: String::new(),
            checks: Vec::new(),
        };
    };
    let red = found.iter().flatten().filter(|finding| finding.state.is_red()).count();
    CloudView {
        set: true,
        words: format!(
            "Looks at token, clock, APIs, permissions and everything that a show needs in the project {project}. It changes nothing, and takes some seconds."
        ),
        summary: if found.is_some() { mend(red, "everything is there") } else { String::new() },
        checks: found.into_iter().flatten().map(line).collect(),
    }
}

fn line(finding: Finding) -> CheckView {
    let (state, word) = match finding.state {
        Found::Ok => (State::Done, "Well"),
        Found::Warn => (State::Warn, "Note"),
        Found::Missing => (State::Failed, "Missing"),
        Found::Failed => (State::Failed, "Red"),
        Found::NotAsked => (State::Later, "Not asked"),
    };
    CheckView { state, word: word.into(), what: finding.what, found: finding.found, fix: finding.command }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_project_it_says_how_to_set_one_and_red_lines_are_counted() {
        assert!(project(None, None).words.contains("SHOWRUNNER_GCP_PROJECT"));
        let before = project(Some("acme"), None);
        assert!(before.set && before.summary.is_empty() && before.checks.is_empty());
        let finding = |state| Finding { what: "w".into(), state, found: "f".into(), command: None };
        let all = [Found::Ok, Found::Warn, Found::Missing, Found::Failed, Found::NotAsked].map(finding).to_vec();
        let after = project(Some("acme"), Some(all));
        assert_eq!((after.summary.as_str(), after.checks.len()), ("2 things to mend", 5));
        assert_eq!(project(Some("acme"), Some(vec![finding(Found::Ok)])).summary, "everything is there");
    }
}
