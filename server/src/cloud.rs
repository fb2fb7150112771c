//! The check of a project of Google Cloud, for the command line, for `doctor` and for the page of settings: the same lines.

use std::time::Duration;

use showrunner_gcp::Access;
use showrunner_gcp::cloud::{Cloud, Finding, State};

use crate::config::{Config, called};
use crate::error::Result;

/// Where nobody watches lines come, the check may take so long.
const WITHIN: Duration = Duration::from_secs(120);

/// The show in its project. Nothing is asked yet.
///
/// # Errors
/// When no project is set, an address is none, or there are no credentials.
pub(crate) async fn connect(config: &Config) -> Result<Cloud> {
    let gcp = config.cloud.gcp(&config.names)?;
    let access = Access::of(&gcp)?;
    Ok(Cloud::connect(&gcp, &access).await?.called(&called(&config.settings)))
}

/// What the check finds; `None` without a project. Whatever goes wrong is a line, too.
pub(crate) async fn check(config: &Config) -> Option<Vec<Finding>> {
    config.cloud.project.as_ref()?;
    let again = || format!("{} cloud check", called(&config.settings));
    let findings = match connect(config).await {
        Err(error) => vec![failed(error.chain(), "gcloud auth application-default login".to_owned())],
        Ok(cloud) => match tokio::time::timeout(WITHIN, cloud.check()).await {
            Ok(findings) => findings,
            Err(_) => vec![failed(format!("no answer within {} seconds", WITHIN.as_secs()), again())],
        },
    };
    Some(findings)
}

fn failed(found: String, command: String) -> Finding {
    Finding { what: "connection".to_owned(), state: State::Failed, found, command: Some(command) }
}

/// A finding as text.
pub(crate) fn finding(finding: &Finding) -> String {
    let mark = match finding.state {
        State::Ok => "ok  ",
        State::Warn => "note",
        State::Missing | State::Failed => "RED ",
        State::NotAsked => "-   ",
    };
    line(mark, &finding.what, &finding.found, finding.command.as_deref())
}

/// A line of a list, with what to run below it.
pub(crate) fn line(mark: &str, what: &str, found: &str, command: Option<&str>) -> String {
    let fix = command.map(|command| format!("      {:44} fix: {command}\n", "")).unwrap_or_default();
    format!("{mark}  {what:44} {found}\n{fix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_command_below() {
        let red = Finding {
            what: "bucket b".to_owned(),
            state: State::Missing,
            found: "not there".to_owned(),
            command: Some("showrunner cloud up".to_owned()),
        };
        let shown = finding(&red);
        let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
        assert!(lines[0].starts_with("RED   bucket b ") && lines[0].ends_with(" not there"), "{shown}");
        assert_eq!(lines[1].trim(), "fix: showrunner cloud up");
    }

    #[tokio::test]
    async fn what_cannot_be_connected_is_a_red_line() {
        let mut config = Config::for_tests("");
        assert_eq!(check(&config).await, None);
        config.cloud.project = Some("acme-demo".to_owned());
        config.cloud.gcs_endpoint = Some("http://example.org".to_owned());
        let findings = check(&config).await.unwrap();
        assert_eq!(findings.len(), 1);
        assert!(findings[0].state.is_red() && findings[0].found.contains("SHOWRUNNER_GCS_ENDPOINT"), "{findings:?}");
    }
}
