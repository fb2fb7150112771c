//! One table over every operation: verb, address and field names as Google documents them, commands that a shell reads as they are
//! meant, and both naming what the operation names.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::model::{Day, Scope};
use crate::objects::DiskObjects;
use crate::ports::{Objects, Precondition};

mod cases;
mod shapes;

use cases::{Case, cases};

fn place() -> Place {
    Place {
        names: Names {
            source: "sa-source-data-x-dev".into(),
            ingestion: "sa-ingestion-x-dev".into(),
            datalake: "sa-datalake-x-dev".into(),
            dataset: "sa_bq_dataset_x_dev".into(),
        },
        run: Some("run-0059-7f3a".into()),
    }
}

fn day() -> Day {
    Day { customer: "customer01".into(), dataset: "ga_sessions".into(), date: "2017-07-29".parse().unwrap() }
}

fn plain_cases() -> Vec<Case> {
    cases("customer01/ga_sessions/2017-07-29/end_file.txt", "ingestion-notifications", "ga_sessions")
}

/// Names of a body's fields, at every level.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                fields(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.values().for_each(|value| texts(value, found)),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::String(text) => found.push(text.clone()),
        other => found.push(other.to_string()),
    }
}

/// Everything that a request says, decoded.
fn said(rest: &[Rest]) -> String {
    let mut all = Vec::new();
    for rest in rest {
        let mut bytes = Vec::new();
        let mut url = rest.url.bytes();
        while let Some(byte) = url.next() {
            let code = (byte == b'%').then(|| url.by_ref().take(2).map(char::from).collect::<String>());
            bytes.push(code.map_or(byte, |code| u8::from_str_radix(&code, 16).unwrap()));
        }
        all.push(String::from_utf8(bytes).unwrap());
        texts(rest.body.as_ref().unwrap_or(&Value::Null), &mut all);
    }
    all.join("\n")
}

/// The words that a shell makes of the command: a line for each command, the words within it divided by `\u{1}`.
fn read_by_a_shell(command: &str) -> Vec<String> {
    let script = format!(
        "say() {{ for word in \"$@\"; do printf '%s\\001' \"$word\"; done; printf '\\002'; }}\n\
         gcloud() {{ if [ \"$1\" = auth ]; then printf TOKEN; else say gcloud \"$@\"; fi; }}\n\
         bq() {{ say bq \"$@\"; }}\ncurl() {{ say curl \"$@\"; }}\n{command}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new("sh").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && errors.is_empty(), "{command}: {errors}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{command}: it made a file");
    let text = String::from_utf8(done.stdout).unwrap();
    let lines: Vec<String> = text.split_terminator('\u{2}').map(str::to_owned).collect();
    assert!(!lines.is_empty(), "{command}");
    lines
}

#[test]
fn every_operation_stands_for_the_call_that_google_documents() {
    let mut methods = BTreeSet::new();
    for case in plain_cases() {
        methods.insert(case.operation.method());
        let call = google(&case.operation, &place());
        let what = case.operation.method();
        assert_eq!(format!("{}.{}", call.service, call.method), case.method, "{what}");
        if case.request.is_empty() {
            assert!(call.rest.is_empty() && call.command.is_empty() && call.note.is_some(), "{what}: it says why");
            continue;
        }
        let request = format!("{} {}", call.rest[0].verb, call.rest[0].url);
        assert!(request.starts_with(case.request), "{what}: {request}");
        let mut found = BTreeSet::new();
        fields(call.rest[0].body.as_ref().unwrap_or(&Value::Null), &mut found);
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), case.fields, "{what}");
        assert!(call.command.starts_with(case.command), "{what}: {}", call.command);
        assert!(call.rest_text().starts_with(&request), "{what}");
    }
    let all: BTreeSet<_> = cases("k", "t", "w").iter().map(|case| case.operation.method()).collect();
    assert_eq!(methods, all);
    // `google` has an arm for each operation, or it would not compile; this table has one as well.
    assert_eq!(methods.len(), 29, "a new operation needs its line here");
}

#[test]
fn request_and_command_name_what_the_operation_names_however_it_is_called() {
    let hostile = [
        "customer01/ga_sessions/2017-07-29/end_file.txt",
        "it's \"quoted\" & $(touch x) `touch y`; echo | > z",
        "käse/日本 \u{1f9c0}\ttab",
        "two\nlines",
        "-n --flag=1",
        "100%/a+b?c=d&e#7",
        "star*[x]?",
        "back\\slash\\'",
        "~/home $HOME ${HOME} !!",
    ];
    for key in hostile {
        // Each case is read by a shell: the second topic, with one key, is enough.
        for topic in ["ingestion-notifications", "a.b_c~d+e%20"].iter().take(if key == hostile[0] { 2 } else { 1 }) {
            for case in cases(key, topic, "ga_sessions") {
                let call = google(&case.operation, &place());
                if call.command.is_empty() {
                    continue;
                }
                let what = format!("{} {key:?}", case.operation.method());
                let (requests, read) = (said(&call.rest), read_by_a_shell(&call.command));
                let command = read.join("\n").replace('\u{1}', "\n");
                for name in &case.names {
                    assert!(requests.contains(name), "{what}: {name:?} is not in {requests:?}");
                    if read[0].starts_with("curl\u{1}") {
                        // The address and the body, whole.
                        let words: Vec<_> = read[0].split_terminator('\u{1}').collect();
                        assert_eq!(words.last(), Some(&call.rest[0].url.as_str()), "{what}");
                        let body = words.iter().position(|word| *word == "-d").map(|at| words[at + 1]);
                        assert_eq!(body.map(|body| serde_json::from_str(body).unwrap()), call.rest[0].body, "{what}");
                    } else {
                        assert!(command.contains(name), "{what}: {name:?} is not in {command:?}");
                    }
                }
                if read[0].starts_with("gcloud\u{1}storage") && key.contains(['*', '?', '[', '#']) {
                    assert!(!command.contains(key), "{what}: gcloud would read a pattern in {command:?}");
                }
                assert!(
                    !call.rest.iter().any(|rest| rest.url.contains([' ', '\'', '"', '\n'])),
                    "{what}: {:?}",
                    call.rest
                );
            }
        }
    }
}

#[test]
fn text_within_a_statement_cannot_end_it() {
    let scope = Scope::Customer("o'hara \\' OR true".into());
    let operation = Purge { zone: Zone::Warehouse, table: "ga_sessions".into(), scope }.into();
    let body = google(&operation, &place()).rest[0].body.clone().unwrap();
    assert_eq!(body["query"], r"DELETE FROM `sa_bq_dataset_x_dev.ga_sessions` WHERE customer = 'o\'hara \\\' OR true'");
    let raw = Purge { zone: Zone::Bronze, table: "ga_sessions".into(), scope: Scope::Days(vec![day()]) }.into();
    assert!(google(&raw, &place()).command.contains("20170729"), "bronze keeps the raw value");
    let all = Purge { zone: Zone::Warehouse, table: "ga_sessions".into(), scope: Scope::All }.into();
    assert!(google(&all, &place()).command.contains("TRUNCATE TABLE"));
}

#[test]
fn a_load_is_a_job_into_a_table_of_its_own_and_a_statement_for_all_dates() {
    let date = |text: &str| text.parse().unwrap();
    let of = |partitions| google(&Load { table: "ga_sessions".into(), job: "r:1".into(), partitions }.into(), &place());
    let call = of(vec![
        LoadedDate { date: date("2017-07-28"), files: Some(vec!["a.parquet".into(), "b.parquet".into()]) },
        LoadedDate { date: date("2017-07-29"), files: Some(vec![]) },
    ]);
    let bodies: Vec<_> = call.rest.iter().map(|rest| rest.body.clone().unwrap()).collect();
    assert_eq!(bodies.len(), 2);
    let load = &bodies[0]["configuration"]["load"];
    assert_eq!(load["sourceUris"].as_array().unwrap().len(), 2);
    assert_eq!(load["destinationTable"]["datasetId"], "sa_bq_dataset_x_dev_staging");
    assert_eq!(load["writeDisposition"], "WRITE_EMPTY");
    assert!(load["hivePartitioningOptions"]["sourceUriPrefix"].as_str().unwrap().ends_with("/{customer:STRING}"));
    assert_eq!(bodies[1]["configuration"]["query"]["useLegacySql"], false);
    assert_eq!(
        bodies[1]["configuration"]["query"]["query"],
        "MERGE INTO `sa_bq_dataset_x_dev.ga_sessions` AS target USING `sa_bq_dataset_x_dev_staging.ga_sessions_staged` AS staged ON FALSE \
         WHEN NOT MATCHED BY SOURCE AND target.date IN (DATE '2017-07-28', DATE '2017-07-29') THEN DELETE \
         WHEN NOT MATCHED BY TARGET THEN INSERT ROW"
    );
    let ids: Vec<_> = bodies.iter().map(|body| body["jobReference"]["jobId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["r-1-staged", "r-1"]);
    assert_eq!(read_by_a_shell(&call.command).len(), 2, "{}", call.command);

    let handed = of(vec![LoadedDate { date: date("2017-07-30"), files: None }]);
    let load = handed.rest[0].body.as_ref().unwrap()["configuration"]["load"].clone();
    assert!(load.get("hivePartitioningOptions").is_none());

    let emptied = of(vec![LoadedDate { date: date("2017-07-29"), files: Some(vec![]) }]);
    let statement = emptied.rest[0].body.as_ref().unwrap()["query"].as_str().unwrap();
    assert_eq!(statement, "DELETE FROM `sa_bq_dataset_x_dev.ga_sessions` WHERE date IN (DATE '2017-07-29')");
}

#[test]
fn a_batch_id_is_one_that_dataproc_takes() {
    for (run, expected) in [
        ("run-0059-7f3a", "run-0059-7f3a"),
        ("RUN_1", "run-1"),
        ("07", "r07"),
        (&"x".repeat(90), &format!("r{}", "x".repeat(50))),
    ] {
        let id = identifier(run);
        assert_eq!(id, *expected);
        assert!(format!("{id}-warehouse").len() <= 63);
    }
}

/// The value that is executed is the value that the Google call is derived from.
#[tokio::test]
async fn what_runs_is_what_the_call_says() {
    let folder = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Objects> = Arc::new(DiskObjects::open(folder.path()).unwrap());
    let objects = RecordingObjects::new(disk.clone());
    disk.create_bucket("bucket-1").await.unwrap();
    let log = CallLog::new(crate::clock::system_clock());
    noted(log.clone(), async {
        objects.put("bucket-1", "a/b.txt", Bytes::new(), Precondition::Absent).await.unwrap();
        objects.copy(("bucket-1", "a/b.txt"), ("bucket-1", "c.txt")).await.unwrap();
        objects.delete("bucket-1", "a/b.txt").await.unwrap();
    })
    .await;
    let calls = log.finish();
    let requests: Vec<String> = calls.iter().map(|call| google(&call.operation, &place()).rest_text()).collect();
    assert!(requests[0].contains("name=a%2Fb.txt&ifGenerationMatch=0"), "{}", requests[0]);
    assert!(requests[1].contains("/o/a%2Fb.txt/rewriteTo/b/bucket-1/o/c.txt"), "{}", requests[1]);
    assert!(requests[2].starts_with("DELETE https://storage.googleapis.com/storage/v1/b/bucket-1/o/a%2Fb.txt"));
    // Run again from the notes alone, on another store: the same objects.
    let other_folder = tempfile::tempdir().unwrap();
    let other: Arc<dyn Objects> = Arc::new(DiskObjects::open(other_folder.path()).unwrap());
    other.create_bucket("bucket-1").await.unwrap();
    for call in calls {
        match call.operation {
            Operation::PutObject(put) => _ = put.run(other.as_ref(), Bytes::new()).await.unwrap(),
            Operation::CopyObject(copy) => _ = copy.run(other.as_ref()).await.unwrap(),
            Operation::DeleteObject(delete) => _ = delete.run(other.as_ref()).await.unwrap(),
            unexpected => panic!("{unexpected:?}"),
        }
    }
    let keys = |found: Vec<crate::ports::ObjectMeta>| found.into_iter().map(|meta| meta.key).collect::<Vec<_>>();
    assert_eq!(keys(other.list("bucket-1", "").await.unwrap()), keys(disk.list("bucket-1", "").await.unwrap()));
}
