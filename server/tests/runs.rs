//! Markers, runs and resets in this process, on a real data folder: who starts what, exactly once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::ingestion::{FolderState, MarkerOutcome};
use showrunner::reset::{self, ResetScope, ResetStart};
use showrunner::runs::{Job, NewRun};
use showrunner::store::{CallFilter, CallRow, Decision, PRESS, RunRow, RunState};
use showrunner::{AppState, ErrorKind};
use showrunner_lake::calls::Operation;
use showrunner_lake::google::{Place, google};
use showrunner_lake::model::Day;
use showrunner_lake::ports::Precondition;

const WITHIN: Duration = Duration::from_secs(120);

async fn open(folder: &Path) -> Arc<AppState> {
    showrunner::build(&Config::for_tests(folder), Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap()
}

fn day() -> Day {
    Day { customer: "customer01".into(), dataset: "ga_sessions".into(), date: "2017-07-29".parse().unwrap() }
}

fn session(visit: u32) -> String {
    format!(
        r#"{{"visitorId":null,"visitNumber":"1","visitId":"{visit}","visitStartTime":"1501300000","date":"20170729","totals":{{"visits":"1","hits":"1"}},"fullVisitorId":"{visit}","hits":[]}}"#
    )
}

/// Puts an object into the day's folder.
async fn put(state: &AppState, name: &str, text: &str) {
    let key = format!("customer01/ga_sessions/2017-07-29/{name}");
    let bucket = &state.lake.names().ingestion;
    state.lake.objects().put(bucket, &key, Bytes::from(text.to_owned()), Precondition::None).await.unwrap();
}

async fn over(state: &AppState, run_id: &str) -> RunRow {
    tokio::time::timeout(WITHIN, state.engine.wait(run_id)).await.expect("the run is over in time").unwrap()
}

async fn folder_state(state: &AppState) -> FolderState {
    let all = state.reconciler.folder_states().await.unwrap();
    all.into_iter().find(|folder| folder.day == day()).unwrap()
}

async fn rows(state: &AppState, table: &str) -> u64 {
    let tables = state.lake.tables().await.unwrap();
    tables.iter().find(|t| format!("{}.{}", t.zone.name(), t.table) == table).map_or(0, |t| t.rows())
}

async fn marker(state: &AppState) -> MarkerOutcome {
    state.reconciler.write_marker(&day(), "presenter", None).await.unwrap()
}

fn run_of(outcome: MarkerOutcome) -> String {
    match outcome {
        MarkerOutcome::Started(run_id) => run_id,
        other => panic!("no run was started: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_exact_name_starts_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    put(&state, "day.json", &session(1)).await;
    for name in ["END_FILE.TXT", "End_file.txt", "my_end_file.txt", "end_file.txt.bak", "end_file.txt.gz", "end_file"] {
        put(&state, name, "").await;
        assert!(state.reconciler.reconcile().await.unwrap().is_empty(), "{name}");
        assert_eq!(folder_state(&state).await.decision, None, "{name}");
    }
    // One folder up or down is no day's marker either.
    let bucket = &state.lake.names().ingestion;
    for key in
        ["customer01/ga_sessions/end_file.txt", "customer01/ga_sessions/2017-07-29/deeper/end_file.txt", "end_file.txt"]
    {
        state.lake.objects().put(bucket, key, Bytes::new(), Precondition::None).await.unwrap();
        assert!(state.reconciler.reconcile().await.unwrap().is_empty(), "{key}");
    }
    put(&state, "end_file.txt", "").await;
    assert_eq!(state.reconciler.reconcile().await.unwrap().len(), 1);
    assert_eq!(state.reconciler.reconcile().await.unwrap().len(), 0, "decided once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_twice_is_a_duplicate_and_reingest_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let background = state.start_engine().await.unwrap();
    put(&state, "day.json", &format!("{}\n{}", session(1), session(2))).await;

    // Two browsers at once: one run.
    let (a, b) = tokio::join!(marker(&state), marker(&state));
    let mut outcomes = [a, b];
    outcomes.sort_by_key(|outcome| *outcome == MarkerOutcome::Duplicate);
    let [first, second] = outcomes;
    assert_eq!(second, MarkerOutcome::Duplicate);
    let run = over(&state, &run_of(first)).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 2);

    assert_eq!(marker(&state).await, MarkerOutcome::Duplicate);
    let folder = folder_state(&state).await;
    assert_eq!((folder.decision, folder.duplicates), (Some(Decision::Ingested), 2));
    assert_eq!(folder.run_id.as_deref(), Some(run.id.as_str()), "the run that has the day");

    let again = state.reconciler.reingest(&day(), "presenter").await.unwrap();
    assert_ne!(again, run.id);
    assert_eq!(over(&state, &again).await.state, RunState::Done);
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 2, "replaced, not doubled");
    assert_eq!(rows(&state, "warehouse.ga_sessions").await, 2);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_without_files_is_refused_and_a_late_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let background = state.start_engine().await.unwrap();
    let MarkerOutcome::Refused(reason) = marker(&state).await else { panic!("refused") };
    assert!(reason.contains("customer01/ga_sessions/2017-07-29") && reason.contains("holds no files"), "{reason}");
    assert_eq!(folder_state(&state).await.decision, Some(Decision::Refused));

    // A file alone changes nothing; a new marker does.
    put(&state, "a.json", &session(1)).await;
    assert!(state.reconciler.reconcile().await.unwrap().is_empty(), "the refused marker stays refused");
    let run_id = run_of(marker(&state).await);
    put(&state, "b.json", &session(2)).await;
    assert_eq!(over(&state, &run_id).await.state, RunState::Done);
    assert_eq!(folder_state(&state).await.late, ["b.json"]);
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 1, "exactly the files that lay there at the marker");

    let again = state.reconciler.reingest(&day(), "presenter").await.unwrap();
    assert_eq!(over(&state, &again).await.state, RunState::Done);
    assert_eq!(folder_state(&state).await.late, Vec::<String>::new());
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 2);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_written_while_the_server_was_down_is_found_when_it_starts() {
    let dir = tempfile::tempdir().unwrap();
    {
        let state = open(dir.path()).await;
        put(&state, "day.json", &session(1)).await;
        put(&state, "end_file.txt", "").await;
    }
    let state = open(dir.path()).await;
    let background = state.start().await.unwrap();
    let mut events = state.engine.subscribe_events();
    let run_id = tokio::time::timeout(WITHIN, async {
        loop {
            if let Some(run) = state.store.runs(1).await.unwrap().pop() {
                return run.id;
            }
            events.changed().await.unwrap();
        }
    });
    let run = over(&state, &run_id.await.unwrap()).await;
    assert_eq!((run.state, run.started_by.as_str()), (RunState::Done, "marker"));
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_is_one_run_and_a_stopped_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let seed = || NewRun {
        job: Job::Seed {
            customer: "customer01".into(),
            dataset: "ga_sessions".into(),
            history: vec!["2017-06-01".parse().unwrap()],
            stage: vec![],
        },
        started_by: "presenter".into(),
        story_step: None,
    };
    let first = state.engine.start(seed()).await.unwrap();
    let second = state.engine.start(seed()).await.unwrap();
    assert_eq!((first.fresh, second.fresh), (true, false));
    assert_eq!(first.run_id, second.run_id);
    assert_eq!(state.engine.stop(&first.run_id, "presenter").await.unwrap(), RunState::Stopped);
    assert!(state.engine.start(seed()).await.unwrap().fresh, "a stopped run holds nothing up");
    let error = state.engine.retry(&first.run_id, "presenter").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error}");

    let background = state.start_engine().await.unwrap();
    let newest = state.store.runs(1).await.unwrap().remove(0);
    assert_eq!(over(&state, &newest.id).await.state, RunState::Done);
    let retried = state.engine.retry(&first.run_id, "presenter").await.unwrap();
    assert_eq!(over(&state, &retried.run_id).await.state, RunState::Done);
    assert!(state.engine.retry(&retried.run_id, "presenter").await.is_err(), "what is done is not done again");
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_running_when_the_server_died_is_resumed_but_not_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let mut run_id = String::new();
    for life in 0..7 {
        let state = open(dir.path()).await;
        if life == 0 {
            put(&state, "day.json", &session(1)).await;
            run_id = run_of(marker(&state).await);
        } else {
            state.engine.resume().await.unwrap();
        }
        // Taken, and never heard of again.
        let taken = state.store.take_next_run().await.unwrap();
        assert_eq!(taken.is_some(), life < 6, "life {life}");
    }
    let state = open(dir.path()).await;
    let run = state.store.run(&run_id).await.unwrap();
    assert_eq!(run.state, RunState::Failed);
    let why = run.error.unwrap();
    assert!(why.contains("the server stopped 6 times"), "{why}");
    let background = state.start_engine().await.unwrap();
    state.engine.retry(&run_id, "presenter").await.unwrap();
    assert_eq!(over(&state, &run_id).await.state, RunState::Done);
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 1);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_says_why_and_goes_on_when_the_cause_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    put(&state, "day.json", &session(1)).await;
    let run_id = run_of(marker(&state).await);
    // Somebody takes the file away between the marker and the run.
    let key = "customer01/ga_sessions/2017-07-29/day.json";
    let bucket = state.lake.names().ingestion.clone();
    state.lake.objects().delete(&bucket, key).await.unwrap();
    let background = state.start_engine().await.unwrap();
    let run = over(&state, &run_id).await;
    assert_eq!(run.state, RunState::Failed);
    let why = run.error.unwrap();
    assert!(why.contains("day.json"), "{why}");
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 0);

    put(&state, "day.json", &session(1)).await;
    let again = state.reconciler.reingest(&day(), "presenter").await.unwrap();
    assert_eq!(over(&state, &again).await.state, RunState::Done);
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 1);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_goes_by_its_plan_and_proves_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let background = state.start_engine().await.unwrap();
    put(&state, "day.json", &session(1)).await;
    put(&state, "day-2.json", &session(2)).await;
    over(&state, &run_of(marker(&state).await)).await;
    let bucket = state.lake.names().ingestion.clone();
    let foreign = "somebody/elses.csv";
    state.lake.objects().put(&bucket, foreign, Bytes::from_static(b"x"), Precondition::None).await.unwrap();

    let scope = ResetScope::Customer("customer01".into());
    let plan = reset::plan(&state, &scope).await.unwrap();
    assert_eq!(reset::plan(&state, &scope).await.unwrap().digest, plan.digest, "nothing changed");
    let count = |place: &str| plan.items.iter().filter(|i| i.place == place).map(|i| i.count).sum::<u64>();
    assert_eq!((count("ingestion"), count("bronze"), count("runs")), (3, 1, 1), "{:?}", plan.items);
    assert_eq!(plan.foreign.iter().map(|f| f.key.as_str()).collect::<Vec<_>>(), [foreign]);

    // Something came in between: the plan is shown again, and nothing went.
    put(&state, "late.json", &session(3)).await;
    let start = reset::start(&state, scope.clone(), Some(&plan.digest), "presenter", None).await.unwrap();
    let ResetStart::Changed(plan) = start else { panic!("the plan changed: {start:?}") };
    assert_eq!(rows(&state, "bronze.ga_sessions").await, 2);

    // Confirmed while nothing works: everything else is refused until it is over.
    background.stop().await;
    drop(state);
    let state = open(dir.path()).await;
    let start = reset::start(&state, scope.clone(), Some(&plan.digest), "presenter", None).await.unwrap();
    let ResetStart::Started(run_id) = start else { panic!("started: {start:?}") };
    let again = reset::start(&state, scope.clone(), Some(&plan.digest), "presenter", None).await.unwrap();
    assert_eq!(again, ResetStart::Started(run_id.clone()), "two browsers, one reset");
    let refused = state.reconciler.write_marker(&day(), "presenter", None).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict, "{refused}");
    assert!(state.reconciler.reconcile().await.unwrap().is_empty());
    let background = state.start_engine().await.unwrap();
    let run = over(&state, &run_id).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    let second = reset::start(&state, scope, None, "presenter", None).await.unwrap();
    assert_eq!(second, ResetStart::Nothing);
    for table in ["bronze.ga_sessions", "silver.sessions", "warehouse.ga_sessions"] {
        assert_eq!(rows(&state, table).await, 0, "{table}");
    }
    assert!(state.lake.objects().head(&bucket, foreign).await.is_ok(), "what is not ours is left alone");
    background.stop().await;
}

async fn calls(state: &AppState, run_id: &str) -> Vec<CallRow> {
    state.store.calls(run_id, &CallFilter::default(), 0, 10_000).await.unwrap()
}

fn of<'a>(calls: &'a [CallRow], method: &str) -> Vec<&'a CallRow> {
    calls.iter().filter(|call| call.method == method).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_names_what_it_executed() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let background = state.start_engine().await.unwrap();
    let folder = "customer01/ga_sessions/2017-07-29/";
    put(&state, "day.json", &format!("{}\n{}", session(1), session(2))).await;
    let run_id = run_of(marker(&state).await);
    let run = over(&state, &run_id).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    let bucket = state.lake.names().ingestion.clone();
    let all = calls(&state, &run_id).await;
    assert!(all.iter().all(|call| call.outcome == "ok" && call.calls == 1 && call.attempt == 1), "{all:?}");

    // The button itself: the marker, what it announced, the look at the bucket.
    let press: Vec<_> =
        all.iter().filter(|c| c.position == PRESS).map(|c| (c.method.as_str(), c.resource.as_str())).collect();
    let marker_object = format!("{bucket}/{folder}end_file.txt");
    let root = format!("{bucket}/");
    assert_eq!(
        press,
        [
            ("objects.put", marker_object.as_str()),
            ("topics.publish", "ingestion-notifications"),
            ("objects.list", root.as_str())
        ]
    );
    // What bronze read, and each table once.
    let read = of(&all, "bronze.read");
    assert_eq!(read.iter().map(|c| c.resource.as_str()).collect::<Vec<_>>(), [format!("{bucket}/{folder}day.json")]);
    assert_eq!((read[0].rows, read[0].position), (Some(2), 1));
    let mut committed: Vec<_> = of(&all, "delta.commit").iter().map(|c| c.resource.clone()).collect();
    committed.sort();
    let written = state.lake.tables().await.unwrap().into_iter().filter(|t| t.rows() > 0);
    let mut tables: Vec<String> = written.map(|t| format!("{}.{}", t.zone.name(), t.table)).collect();
    tables.sort();
    assert_eq!(committed, tables, "each committed table once");
    assert_eq!(of(&all, "warehouse.load").len(), 1);
    // The SQL with its title, as it ran, and the day it ran for.
    let titles: Vec<String> = of(&all, "sql.transform").iter().filter_map(|c| c.operation().unwrap().title()).collect();
    for table in showrunner_lake::transform::tables().iter().filter(|t| t.name != "visitor_features") {
        let title = format!("{} (2017-07-29, customer01)", table.title);
        assert_eq!(titles.iter().filter(|known| **known == title).count(), 1, "{title}: {titles:?}");
    }
    let sessions = of(&all, "sql.transform").into_iter().find(|c| c.resource == "silver.sessions").unwrap();
    let Some(Operation::Transform(transform)) = sessions.operation() else { panic!("{sessions:?}") };
    assert!(transform.sql.contains("SELECT") && transform.sql.contains("day_sessions"));
    assert_eq!(sessions.rows, Some(2));

    // Every call has its Google call, or says why not; the load's files are those that silver shows.
    let place = Place { names: state.lake.names().clone(), run: Some(run_id.clone()) };
    for call in &all {
        let google = google(&call.operation().unwrap(), &place);
        assert!(!google.command.is_empty() || google.note.is_some(), "{call:?}");
    }
    let load = google(&of(&all, "warehouse.load")[0].operation().unwrap(), &place);
    let uris = load.rest[0].body.as_ref().unwrap()["configuration"]["load"]["sourceUris"].clone();
    let uri = uris[0].as_str().unwrap();
    let prefix = format!("gs://{}/", state.lake.names().datalake);
    assert!(
        dir.path()
            .join("buckets")
            .join(&state.lake.names().datalake)
            .join(uri.strip_prefix(&prefix).unwrap())
            .is_file(),
        "{uri}"
    );

    // The marker once more: a duplicate starts nothing, and is on record with the run that has the day.
    assert_eq!(marker(&state).await, MarkerOutcome::Duplicate);
    assert_eq!(of(&calls(&state, &run_id).await, "objects.put").len(), 2);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_a_failed_step_are_kept_and_a_retry_adds_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    put(&state, "day.json", &session(1)).await;
    let run_id = run_of(marker(&state).await);
    let key = "customer01/ga_sessions/2017-07-29/day.json";
    let bucket = state.lake.names().ingestion.clone();
    state.lake.objects().delete(&bucket, key).await.unwrap();
    let background = state.start_engine().await.unwrap();
    assert_eq!(over(&state, &run_id).await.state, RunState::Failed);
    let heads = |all: &[CallRow]| {
        all.iter()
            .filter(|c| c.method == "objects.head")
            .map(|c| (c.attempt, c.position, c.outcome.clone()))
            .collect::<Vec<_>>()
    };
    let all = calls(&state, &run_id).await;
    assert_eq!(heads(&all), [(1, 0, "absent".to_owned())]);
    assert!(of(&all, "objects.head")[0].error.as_ref().unwrap().contains("day.json"));
    put(&state, "day.json", &session(1)).await;
    state.engine.retry(&run_id, "presenter").await.unwrap();
    assert_eq!(over(&state, &run_id).await.state, RunState::Done);
    assert_eq!(heads(&calls(&state, &run_id).await), [(1, 0, "absent".to_owned()), (2, 0, "ok".to_owned())]);

    // A reset is a run as well: it says what it emptied, and the calls stay with the runs that it archives.
    let start = reset::start(&state, ResetScope::All, None, "presenter", None).await.unwrap();
    let ResetStart::Started(reset) = start else { panic!("started: {start:?}") };
    assert_eq!(over(&state, &reset).await.state, RunState::Done);
    let all = calls(&state, &reset).await;
    assert_eq!(of(&all, "topics.seek").len(), 3, "notifications, and the two subscribers of the stream");
    let mut purged: Vec<_> = of(&all, "delta.purge").iter().map(|c| c.resource.clone()).collect();
    purged.sort();
    purged.dedup();
    assert_eq!(purged.len(), state.lake.tables().await.unwrap().len());
    let deleted: Vec<_> = of(&all, "objects.delete").iter().map(|c| c.resource.clone()).collect();
    assert_eq!(deleted[0], format!("{bucket}/customer01/ga_sessions/2017-07-29/end_file.txt"), "the marker first");
    assert!(state.store.run(&run_id).await.unwrap().archived);
    assert_eq!(heads(&calls(&state, &run_id).await).len(), 2);
    background.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_calls_alike_the_first_are_listed_and_all_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(dir.path()).await;
    let background = state.start_engine().await.unwrap();
    let first: chrono::NaiveDate = "2017-06-01".parse().unwrap();
    let history: Vec<_> = (0..16).map(|n| first + chrono::Days::new(n)).collect();
    let job = Job::Seed { customer: "customer01".into(), dataset: "ga_sessions".into(), history, stage: vec![] };
    let new = NewRun { job, started_by: "presenter".into(), story_step: None };
    let run_id = state.engine.start(new).await.unwrap().run_id;
    assert_eq!(over(&state, &run_id).await.state, RunState::Done);
    let all = calls(&state, &run_id).await;
    for (method, listed, counted) in
        [("objects.copy", 13, 16), ("bronze.read", 13, 16), ("warehouse.load", 1, 1), ("objects.put_stream", 13, 16)]
    {
        let rows = of(&all, method);
        assert_eq!((rows.len(), rows.iter().map(|c| c.calls).sum::<i64>()), (listed, counted), "{method}");
    }
    let read = of(&all, "bronze.read");
    let rows: i64 = read.iter().filter_map(|c| c.rows).sum();
    assert_eq!(rows.unsigned_abs(), self::rows(&state, "bronze.ga_sessions").await, "none is lost by counting");
    let sums = state.store.call_sums(&run_id).await.unwrap();
    assert_eq!(sums.iter().map(|s| s.calls).sum::<i64>(), all.iter().map(|c| c.calls).sum::<i64>());
    background.stop().await;
}
