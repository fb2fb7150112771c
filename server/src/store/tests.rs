//! The store on a temporary folder.

use chrono::DateTime;
use showrunner_lake::calls::{Call, DeleteObject, ObjectName, Outcome};
use showrunner_lake::model::{Day, Progress, Quarantined};

use super::*;
use crate::clock::SteppingClock;

async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SteppingClock::new(DateTime::from_timestamp(1_500_000_000, 0).unwrap()));
    let store = Store::open(dir.path(), clock).await.unwrap();
    (dir, store)
}

fn day(date: &str) -> Day {
    Day { customer: "customer01".into(), dataset: "ga_sessions".into(), date: date.parse().unwrap() }
}

fn new_run(kind: RunKind, key: &str) -> NewRunRow {
    NewRunRow {
        kind,
        title: "A run".into(),
        job: "{}".into(),
        customer: Some("customer01".into()),
        started_by: "test".into(),
        story_step: None,
        dedupe_key: key.into(),
        suffix: 0x7f3a,
        steps: vec![("list", "List"), ("bronze", "Write bronze")],
        claims: Vec::new(),
        calls: Vec::new(),
    }
}

fn call(outcome: Outcome, count: u64) -> Call {
    Call {
        operation: DeleteObject { object: ObjectName::new("bucket", "key") }.into(),
        started: DateTime::from_timestamp(1_500_000_000, 0).unwrap(),
        duration: Duration::from_micros(1_250),
        outcome,
        error: (outcome != Outcome::Ok).then(|| "Why.".into()),
        rows: None,
        bytes: Some(7),
        count,
    }
}

fn claim(date: &str, generation: i64, again: bool) -> Claim {
    Claim { day: day(date), generation, files: Vec::new(), again }
}

fn end(state: RunState, ingested: Vec<Day>) -> RunEnd {
    RunEnd {
        state,
        error: (state != RunState::Done).then(|| "Why.".into()),
        summary: "{}".into(),
        ingested,
        ingested_note: None,
        calls: (0, Vec::new()),
    }
}

#[tokio::test]
async fn one_active_run_for_each_key_even_when_pressed_at_once() {
    let (_dir, store) = store().await;
    let new = new_run(RunKind::Seed, "seed");
    let (a, b) = tokio::join!(store.insert_run(&new), store.insert_run(&new));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.id, b.id);
    assert_ne!(a.fresh, b.fresh);
    assert_eq!(a.id, "run-0001-7f3a");
    store.take_next_run().await.unwrap().unwrap();
    store.end_run(&a.id, &end(RunState::Done, Vec::new())).await.unwrap();
    assert!(store.insert_run(&new).await.unwrap().fresh, "over: the same may be started again");
}

#[tokio::test]
async fn events_are_stored_with_their_change_and_announced() {
    let (_dir, store) = store().await;
    let mut events = store.subscribe_events();
    let id = store.insert_run(&new_run(RunKind::Seed, "seed")).await.unwrap().id;
    assert!(events.has_changed().unwrap());
    let newest = *events.borrow_and_update();
    assert_eq!(store.last_event_id().await.unwrap(), newest);
    let stored = store.events_after(0, 10).await.unwrap();
    assert_eq!((stored[0].what.as_str(), stored[0].reference.as_str()), ("run", id.as_str()));
    assert!(store.events_after(newest, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_marker_is_taken_once_and_a_lost_race_leaves_no_run() {
    let (_dir, store) = store().await;
    let mut new = new_run(RunKind::Ingest, "ingest:a");
    new.claims = vec![claim("2017-07-29", 5, false)];
    let first = store.insert_run(&new).await.unwrap();
    new.dedupe_key = "ingest:b".into();
    let lost = store.insert_run(&new).await.unwrap_err();
    assert_eq!(lost.kind, ErrorKind::Conflict);
    assert_eq!(store.runs(10).await.unwrap().len(), 1, "the losing run was rolled back");
    assert!(!store.decide(&day("2017-07-29"), 5, Decision::Duplicate, "x", None).await.unwrap());
    store.end_run(&first.id, &end(RunState::Done, vec![day("2017-07-29")])).await.unwrap();
    let ledger = store.deliveries_of(&day("2017-07-29")).await.unwrap();
    assert_eq!((ledger.len(), ledger[0].decision), (1, Decision::Ingested));
    new.claims = vec![claim("2017-07-29", 5, true)];
    let again = store.insert_run(&new).await.unwrap();
    let ledger = store.deliveries_of(&day("2017-07-29")).await.unwrap();
    assert_eq!((ledger.len(), ledger[0].run_id.clone()), (1, Some(again.id)));
}

#[tokio::test]
async fn a_failed_run_fails_its_markers_and_retry_takes_them_back() {
    let (_dir, store) = store().await;
    let mut new = new_run(RunKind::Ingest, "ingest:a");
    new.claims = vec![claim("2017-07-29", 5, false)];
    let id = store.insert_run(&new).await.unwrap().id;
    store.take_next_run().await.unwrap();
    store.begin_step(&id, 0).await.unwrap();
    store.end_run(&id, &end(RunState::Failed, Vec::new())).await.unwrap();
    assert_eq!(store.deliveries().await.unwrap()[0].decision, Decision::Failed);
    assert_eq!(store.steps(&id).await.unwrap()[0].state, StepState::Failed);
    store.retry_run(&id, "test", false).await.unwrap();
    let run = store.run(&id).await.unwrap();
    assert_eq!((run.state, run.attempt, run.error), (RunState::Queued, 2, None));
    assert_eq!(store.deliveries().await.unwrap()[0].decision, Decision::Claimed);
    assert_eq!(store.steps(&id).await.unwrap()[0].state, StepState::Later);
    assert_eq!(store.retry_run(&id, "test", false).await.unwrap_err().kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_reset_clears_the_lane_and_nothing_else_starts_meanwhile() {
    let (_dir, store) = store().await;
    let running = store.insert_run(&new_run(RunKind::Seed, "seed")).await.unwrap().id;
    store.take_next_run().await.unwrap();
    let queued = store.insert_run(&new_run(RunKind::Upload, "upload:x")).await.unwrap().id;
    let reset = store.insert_run(&new_run(RunKind::Reset, "reset")).await.unwrap().id;
    assert_eq!(store.run(&queued).await.unwrap().state, RunState::Stopped);
    let still = store.run(&running).await.unwrap();
    assert_eq!((still.state, still.stop_requested), (RunState::Running, true));
    let refused = store.insert_run(&new_run(RunKind::Upload, "upload:y")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(refused.message.contains(&reset), "{refused}");
    assert_eq!(store.active_reset().await.unwrap(), Some(reset));
}

#[tokio::test]
async fn a_chunk_is_recorded_as_a_whole() {
    let (_dir, store) = store().await;
    let id = store.insert_run(&new_run(RunKind::Seed, "seed")).await.unwrap().id;
    let days = [day("2017-06-01"), day("2017-06-02")];
    let held = Quarantined {
        day: days[0].clone(),
        file: "a.gz".into(),
        line: Some(3),
        reason: "Bad.".into(),
        sample: "{".into(),
    };
    let chunk = ChunkDone {
        days: &days,
        progress: Progress { rows: 9, ..Progress::default() },
        outcome: "{\"rows\":9}".into(),
        quarantined: std::slice::from_ref(&held),
        log: Some("two days".into()),
        calls: &[call(Outcome::Failed, 3)],
    };
    store.chunk_done(&id, 1, "bronze", chunk).await.unwrap();
    assert_eq!(store.run_days(&id, "bronze").await.unwrap(), days);
    assert!(store.run_days(&id, "silver").await.unwrap().is_empty());
    assert_eq!(store.steps(&id).await.unwrap()[1].progress().rows, 9);
    let rows = store.quarantine(&id, 10).await.unwrap();
    assert_eq!((rows.len(), rows[0].line), (1, Some(3)));
    assert_eq!(store.log(&id, 10).await.unwrap().last().map(|line| line.text.clone()), Some("two days".into()));
}

#[tokio::test]
async fn an_announced_day_gets_its_marker_or_is_forgotten() {
    let (_dir, store) = store().await;
    let id = store.insert_run(&new_run(RunKind::Seed, "seed")).await.unwrap().id;
    store.announce(&day("2017-06-01"), &id, &[]).await.unwrap();
    store.announce(&day("2017-06-02"), &id, &[]).await.unwrap();
    store.announced_marker_written(&day("2017-06-01"), &id, 77).await.unwrap();
    store.end_run(&id, &end(RunState::Stopped, Vec::new())).await.unwrap();
    let ledger = store.deliveries().await.unwrap();
    assert_eq!(ledger.len(), 1);
    assert_eq!((ledger[0].generation, ledger[0].decision), (77, Decision::Failed));
}

#[tokio::test]
async fn steps_settings_and_customers_are_kept_and_forgotten_in_scope() {
    let (_dir, store) = store().await;
    store.add_customer("customer01", "Customer 01").await.unwrap();
    store.add_customer("customer01", "Another title").await.unwrap();
    assert_eq!(store.customers().await.unwrap()[0].title, "Customer 01");
    store.set_setting("theme", "dark").await.unwrap();
    store.set_setting("theme", "light").await.unwrap();
    assert_eq!(store.setting("theme").await.unwrap().as_deref(), Some("light"));
    store.press_step("s", "1.1", None, true).await.unwrap();
    store.press_step("s", "1.2", None, false).await.unwrap();
    store.finish_step("s", "1.2").await.unwrap();
    assert!(store.show_steps("s").await.unwrap().iter().all(|step| step.done_at.is_some()));
    store.forget(&[], &[], &[("s".into(), "1.2".into())], &[]).await.unwrap();
    let left: Vec<String> = store.show_steps("s").await.unwrap().into_iter().map(|step| step.step).collect();
    assert_eq!(left, ["1.1"]);
}

#[tokio::test]
async fn opens_again_and_explains_what_is_wrong() {
    let (dir, store) = store().await;
    store.set_setting("a", "b").await.unwrap();
    store.close().await;
    let clock = store.clock().clone();
    let again = Store::open(dir.path(), clock.clone()).await.unwrap();
    assert_eq!(again.setting("a").await.unwrap().as_deref(), Some("b"));
    assert!(again.pending_migrations().await.unwrap().is_empty());
    again.close().await;
    let empty = tempfile::tempdir().unwrap();
    let missing = Store::open_existing(empty.path(), clock).await.err().unwrap();
    assert_eq!(missing.kind, ErrorKind::Unavailable);
    assert!(missing.message.contains("could not be opened"), "{missing}");
}

#[tokio::test]
async fn calls_are_stored_with_what_they_belong_to_and_attempts_stay_apart() {
    let (_dir, store) = store().await;
    let new = NewRunRow { calls: vec![call(Outcome::Ok, 1)], ..new_run(RunKind::Upload, "upload") };
    let id = store.insert_run(&new).await.unwrap().id;
    assert!(!store.insert_run(&new).await.unwrap().fresh, "the second press is no run, and has no calls");
    store.take_next_run().await.unwrap().unwrap();
    let step = store.steps(&id).await.unwrap().remove(0);
    let noted = [call(Outcome::Absent, 1), call(Outcome::Ok, 9)];
    let done =
        StepDone { state: StepState::Done, progress: Progress::default(), outcome: "{}", log: "done", calls: &noted };
    store.end_step(&id, &step, &done).await.unwrap();
    let failed = RunEnd { calls: (1, vec![call(Outcome::Failed, 1)]), ..end(RunState::Failed, Vec::new()) };
    store.end_run(&id, &failed).await.unwrap();
    store.retry_run(&id, "test", false).await.unwrap();
    store.halt_run(&id, &(1, vec![call(Outcome::Ok, 1)])).await.unwrap();
    store.add_calls(&id, &[call(Outcome::Ok, 1)]).await.unwrap();

    let all = store.calls(&id, &CallFilter::default(), 0, 100).await.unwrap();
    let lines: Vec<_> = all.iter().map(|c| (c.position, c.attempt, c.outcome.as_str(), c.calls)).collect();
    assert_eq!(
        lines,
        [
            (PRESS, 1, "ok", 1),
            (PRESS, 2, "ok", 1),
            (0, 1, "absent", 1),
            (0, 1, "ok", 9),
            (1, 1, "failed", 1),
            (1, 2, "ok", 1)
        ]
    );
    let one = &all[3];
    assert_eq!((one.method.as_str(), one.resource.as_str(), one.micros), ("objects.delete", "bucket/key", 1_250));
    assert_eq!((one.rows, one.bytes, one.started_at), (None, Some(7), 1_500_000_000_000));
    assert_eq!(one.operation(), Some(call(Outcome::Ok, 1).operation));
    let filter = CallFilter { position: Some(0), kind: Some("objects".into()) };
    assert_eq!(
        store.calls(&id, &filter, 1, 1).await.unwrap().as_slice(),
        std::slice::from_ref(one),
        "of a step, a page of it"
    );
    let none = CallFilter { position: None, kind: Some("sql".into()) };
    assert!(store.calls(&id, &none, 0, 10).await.unwrap().is_empty());
    let sums: Vec<_> =
        store.call_sums(&id).await.unwrap().iter().map(|s| (s.position, s.listed, s.calls, s.micros)).collect();
    assert_eq!(sums, [(PRESS, 2, 2, 2_500), (0, 2, 10, 2_500), (1, 2, 2, 2_500)]);
    assert!(store.telling_calls(&id, 3).await.unwrap().is_empty(), "a deletion tells little");
}

#[tokio::test]
async fn calls_of_runs_survive_the_table_that_streams_share_with_them() {
    use sqlx::Executor;
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SteppingClock::new(DateTime::from_timestamp(1_500_000_000, 0).unwrap()));
    {
        // As the version before made it.
        let store = Store::connect(dir.path(), clock.clone(), true).await.unwrap();
        let mut before = sqlx::migrate!("../migrations");
        before.migrations.to_mut().retain(|migration| migration.version < 13);
        before.run(&store.pool).await.unwrap();
        let run = "INSERT INTO runs (id, number, kind, title, state, job, started_by, dedupe_key, created_at) VALUES ('run-0001-7f3a', 1, 'seed', 'T', 'done', '{}', 'test', 'k', 0)";
        let call = "INSERT INTO calls (run_id, attempt, position, kind, method, resource, started_at, micros, outcome, calls, operation) VALUES ('run-0001-7f3a', 3, 0, 'objects', 'objects.put', 'b/k', 1, 2, 'ok', 4, '{}')";
        for statement in [run, call] {
            store.pool.execute(statement).await.unwrap();
        }
        store.close().await;
    }
    let store = Store::open(dir.path(), clock).await.unwrap();
    let calls = store.calls("run-0001-7f3a", &CallFilter::default(), 0, 10).await.unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!((calls[0].id, calls[0].attempt, calls[0].calls, calls[0].resource.as_str()), (1, 3, 4, "b/k"));
    store.add_calls("run-0001-7f3a", &[call(Outcome::Ok, 1)]).await.unwrap();
    assert!(store.add_calls("run-0009-0000", &[call(Outcome::Ok, 1)]).await.is_err(), "nobody's calls are no calls");
    assert_eq!(store.call_sums("run-0001-7f3a").await.unwrap().len(), 2);
}
