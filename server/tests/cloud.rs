//! `showrunner cloud` as people run it: the program itself against the stand-ins for Google's services.

#[path = "../gcp/tests/support/bigquery.rs"]
mod bigquery;
#[path = "../gcp/tests/support/emulator.rs"]
mod emulator;
#[path = "../gcp/tests/support/fake.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod fake;
#[path = "../gcp/tests/support/http.rs"]
#[expect(dead_code, reason = "what other tests need of it")]
mod http;

use std::process::{Command, Output};

use serde_json::Value;

use bigquery::Peer;
use emulator::Emulator;
use fake::Fake;

struct Program {
    variables: Vec<(&'static str, String)>,
}

impl Program {
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_showrunner"));
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (*name, value)));
        tokio::task::block_in_place(|| command.output()).expect("it runs")
    }

    /// What it printed, and that it ended with this status.
    fn text(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{said}\n{errors}");
        said
    }

    fn json(&self, status: i32, arguments: &[&str]) -> Value {
        let said = self.text(status, arguments);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_checked_built_up_and_torn_down() {
    let what = "`showrunner cloud` as a program";
    let Some(fake) = Fake::start(what, &[]) else { return };
    let Some(emulator) = Emulator::start(what) else { return };
    let Some(peer) = Peer::start(what).await else { return };
    let program = Program {
        variables: vec![
            ("SHOWRUNNER_GCP_PROJECT", "contract-project".to_owned()),
            ("SHOWRUNNER_GCS_ENDPOINT", fake.http.clone()),
            ("SHOWRUNNER_GCS_CONTROL_ENDPOINT", fake.grpc.clone()),
            ("SHOWRUNNER_PUBSUB_ENDPOINT", format!("http://{}", emulator.address)),
            ("SHOWRUNNER_BIGQUERY_ENDPOINT", peer.proxy.url.clone()),
            ("SHOWRUNNER_BIGQUERY_GRPC_ENDPOINT", peer.grpc.clone()),
        ],
    };
    let findings = program.json(1, &["cloud", "check", "--id", "program", "--format", "json"]);
    let missing: Vec<&Value> =
        findings.as_array().expect("a list").iter().filter(|line| line["state"] == "missing").collect();
    assert_eq!(missing.len(), 11, "{findings:#}");
    // The command that is shown, as it is shown, mends it.
    let command = missing[0]["command"].as_str().expect("a command");
    assert_eq!(command, "showrunner --id=program cloud up");
    let shown: Vec<&str> = command.split(' ').skip(1).collect();
    let built = program.text(0, &shown);
    assert_eq!(built.matches(" created").count(), 11, "{built}");
    assert_eq!(program.text(0, &shown).matches(" was there").count(), 11);
    let green = program.text(0, &["cloud", "check", "--id", "program"]);
    assert!(!green.contains("RED ") && green.contains("bucket sa-ingestion-program-dev"), "{green}");
    // Doctor says the same, line by line; what it says of this machine is another matter.
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().to_str().expect("a name");
    let output = program.run(&["doctor", "--id", "program", "--data-dir", dir, "--addr", "127.0.0.1:0"]);
    let said = String::from_utf8_lossy(&output.stdout);
    let (_, lines) = said.split_once("Google Cloud, project contract-project:\n").expect("its own part");
    assert_eq!(lines.trim_end(), green.trim_end());

    let planned = program.text(0, &["cloud", "down", "--id", "program"]);
    assert!(
        planned.contains("bucket sa-ingestion-program-dev") && planned.contains("Nothing was deleted."),
        "{planned}"
    );
    program.text(0, &["cloud", "check", "--id", "program"]);
    let other = program.json(0, &["cloud", "down", "--id", "other", "--yes", "--format", "json"]);
    assert_eq!(other["steps"], Value::Array(Vec::new()), "another show's are not deleted");
    assert_eq!(other["left"]["others"].as_array().map(Vec::len), Some(10), "{other:#}");
    let gone = program.text(0, &["cloud", "down", "--id", "program", "--yes"]);
    assert_eq!(gone.matches(" deleted").count(), 10, "{gone}");
    assert!(gone.contains("Nothing in the project carries this show's label."), "{gone}");
    let left = program.json(0, &["cloud", "down", "--id", "program", "--format", "json"]);
    assert_eq!((&left["ours"], &left["others"]), (&Value::Array(Vec::new()), &Value::Array(Vec::new())));
    program.text(1, &["cloud", "check", "--id", "program"]);
}

#[test]
fn without_a_project_it_says_how_to_set_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_showrunner"));
    let output = command.args(["cloud", "check"]).env_remove("SHOWRUNNER_GCP_PROJECT").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("SHOWRUNNER_GCP_PROJECT"), "{said}");
}
