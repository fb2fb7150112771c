//! A stream is a run: in the list, with a page, its calls and its lineage; stopped from its page, and gone with a reset.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use showrunner::AppState;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::reset::{ResetScope, ResetStart};
use showrunner::runs::{Job, NewRun};
use showrunner::store::{CallFilter, CallRow, PRESS, RunState};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod session;

const WITHIN: Duration = Duration::from_secs(120);
const DAY: &str = "2017-07-28";

struct Server {
    router: Router,
    state: Arc<AppState>,
    background: showrunner::Background,
    _folder: tempfile::TempDir,
}

impl Server {
    /// With one day in the source bucket.
    async fn seeded() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let background = state.start_engine().await.unwrap();
        let (customer, dataset) = {
            let told = state.stage.told();
            (told.story.customer.clone(), told.story.dataset.clone())
        };
        let job = Job::Seed { customer, dataset, history: vec![DAY.parse().unwrap()], stage: vec![] };
        let run = state.engine.start(NewRun { job, started_by: "presenter".into(), story_step: None }).await.unwrap();
        let run = tokio::time::timeout(WITHIN, state.engine.wait(&run.run_id)).await.unwrap().unwrap();
        assert_eq!(run.error, None);
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        let router = session::signed_in(router, "presenter").await;
        Server { router, state, background, _folder: folder }
    }

    async fn send(&self, method: Method, path: &str, accept: &str, body: String) -> (StatusCode, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, session::HOST)
            .header(header::ACCEPT, accept)
            .header(header::ORIGIN, format!("http://{}", session::HOST))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 50_000_000).await.unwrap();
        (parts.status, String::from_utf8_lossy(&body).replace("<!>", "").replace("<!---->", ""))
    }

    async fn page(&self, path: &str) -> String {
        let (status, page) = self.send(Method::GET, path, "text/html", String::new()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        page
    }

    async fn post(&self, path: &str, body: impl Into<String>) -> (StatusCode, String) {
        self.send(Method::POST, path, "application/json", body.into()).await
    }

    async fn start(&self, rate: &str, end: &str) -> String {
        let form = format!("day={DAY}&rate={rate}&payload=full&dates=original&end={end}");
        let (status, answer) = self.post("/api/start_stream", form).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.state.store.streams(1).await.unwrap().remove(0).id
    }

    async fn runs(&self) -> Vec<serde_json::Value> {
        let (_, answer) = self.send(Method::GET, "/api/runs", "application/json", String::new()).await;
        serde_json::from_str(&answer).unwrap()
    }

    async fn calls(&self, id: &str) -> Vec<CallRow> {
        self.state.store.calls(id, &CallFilter::default(), 0, 1_000).await.unwrap()
    }

    /// The calls of a stream, once each of these methods is among those of its step.
    async fn noted(&self, id: &str, wanted: &[(i64, &str)]) -> Vec<CallRow> {
        let until = tokio::time::Instant::now() + WITHIN;
        loop {
            let calls = self.calls(id).await;
            let is = |(position, method): &(i64, &str)| {
                calls.iter().any(|c| c.position == *position && c.method == *method && c.outcome == "ok")
            };
            if wanted.iter().all(is) {
                return calls;
            }
            assert!(tokio::time::Instant::now() < until, "not all of {wanted:?} are among {calls:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// One test: see tests/http.rs.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_a_run() {
    let server = Server::seeded().await;
    let ended = it_plays_to_its_end_and_tells_what_it_executed(&server).await;
    records_by_hand_are_its_own(&server, &ended).await;
    let playing = one_that_plays_is_stopped_from_its_page(&server).await;
    a_reset_archives_it_with_its_calls(&server, &[ended, playing]).await;
    server.background.stop().await;
}

async fn it_plays_to_its_end_and_tells_what_it_executed(server: &Server) -> String {
    let id = server.start("1000", "stop").await;
    let until = tokio::time::Instant::now() + WITHIN;
    let row = loop {
        let runs = server.runs().await;
        assert_eq!(runs[0]["id"], id, "newest first");
        assert_eq!(runs[0]["title"], format!("Stream {DAY}"));
        if runs[0]["state"] == "done" {
            break runs[0].clone();
        }
        assert!(runs[0]["state"] == "running" && tokio::time::Instant::now() < until, "{runs:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let records = server.state.store.stream(&id).await.unwrap().records;
    assert!(records > 5);
    assert_eq!(row["state_text"], format!("Done. All {records} records of {DAY} were published."));
    assert_eq!((row["rows"].as_str().unwrap(), row["held"].as_str().unwrap()), (records.to_string().as_str(), "0"));
    assert!(server.state.streams.sinks().drained(WITHIN).await.unwrap());

    let steps = [
        (0, "topics.publish"),
        (1, "topics.pull"),
        (1, "sql.transform"),
        (1, "delta.commit"),
        (1, "topics.acknowledge"),
        (2, "topics.pull"),
        (2, "delta.commit"),
        (2, "topics.acknowledge"),
    ];
    let calls = server.noted(&id, &steps).await;
    let rows = |position: i64, method: &str| {
        let of = calls.iter().filter(|call| call.position == position && call.method == method);
        of.map(|call| call.rows.unwrap_or(call.calls)).sum::<i64>()
    };
    for (position, method) in [(0, "topics.publish"), (1, "topics.acknowledge"), (2, "topics.acknowledge")] {
        assert_eq!(rows(position, method), records, "{method}: each record once");
    }
    let tables: Vec<_> =
        calls.iter().filter(|call| call.method == "delta.commit").map(|call| call.resource.as_str()).collect();
    assert!(tables.contains(&"warehouse.ga_sessions_stream") && tables.contains(&"bronze.ga_sessions_stream"));

    let list = server.page("/runs").await;
    assert!(list.contains(&format!("href=\"/runs/{id}\"")) && list.contains("were published."));
    let page = server.page(&format!("/runs/{id}")).await;
    for words in [
        &format!("Stream {DAY}"),
        "What did that button do?",
        "topics.publish",
        "delta.commit",
        "topics.acknowledge",
        "Into the warehouse",
        "the whole session",
        &format!("/lineage?run={id}"),
        &format!("/runs/{id}/calls"),
        "href=\"/stream\"",
    ] {
        assert!(page.contains(words), "{words} is not on {page}");
    }
    assert!(!page.contains("Stop the stream"));
    let all = server.page(&format!("/runs/{id}/calls")).await;
    assert!(all.contains("pubsub.topics.publish") && all.contains("pubsub.subscriptions.pull"), "{all}");
    let bronze = server.page(&format!("/runs/{id}/calls?step=bronze&kind=tables")).await;
    assert!(bronze.contains("bronze.ga_sessions_stream") && !bronze.contains("warehouse.ga_sessions_stream"));
    server.page(&format!("/lineage?run={id}")).await;
    let (_, log) = server.send(Method::GET, &format!("/runs/{id}/log.txt"), "*/*", String::new()).await;
    assert_eq!(log.lines().count(), 2, "{log}");
    let history = server.page("/lake/warehouse.ga_sessions_stream?tab=history").await;
    assert!(history.contains(&format!("href=\"/runs/{id}\"")));
    for path in ["/runs/stream-0000-none", "/runs/stream-0000-none/calls"] {
        let (status, _) = server.send(Method::GET, path, "text/html", String::new()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    id
}

async fn records_by_hand_are_its_own(server: &Server, id: &str) {
    let (status, answer) = server.post("/api/change_stream", "change=poison&value=json").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(server.state.streams.sinks().drained(WITHIN).await.unwrap());
    let calls = server.noted(id, &[(PRESS, "topics.publish")]).await;
    let mut others = calls.iter().filter(|call| call.method != "sql.transform");
    assert!(others.all(|call| !call.operation.contains("fullVisitorId")), "a note holds no payload");
    let runs = server.runs().await;
    assert_eq!((&runs[0]["id"], &runs[0]["held"]), (&id.into(), &"1".into()));
    let (status, answer) = server.post("/api/change_stream", "change=compact&value=").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    // Only a table with several files is compacted: the warehouse's has them, bronze has as many as there were windows.
    let compacts = |call: &CallRow| {
        (call.position, &*call.method, &*call.resource) == (PRESS, "delta.commit", "warehouse.ga_sessions_stream")
    };
    assert!(server.calls(id).await.iter().any(compacts), "the compaction is in no list of calls");
}

async fn one_that_plays_is_stopped_from_its_page(server: &Server) -> String {
    let id = server.start("20", "loop").await;
    server.noted(&id, &[(0, "topics.publish"), (1, "delta.commit")]).await;
    let runs = server.runs().await;
    assert_eq!(
        (&runs[0]["id"], &runs[0]["state"], &runs[0]["state_text"]),
        (&id.as_str().into(), &"running".into(), &"Playing".into())
    );
    let (status, _) = server.post("/api/change_stream", "change=pause&value=").await;
    assert_eq!(status, StatusCode::OK);
    let paused = server.page(&format!("/runs/{id}")).await;
    assert!(paused.contains("Paused") && paused.contains("Stop the stream") && paused.contains("href=\"/stream\""));
    let (status, answer) = server.post("/api/stop_run", format!("id={id}")).await;
    assert_eq!((status, answer.contains(&id)), (StatusCode::OK, true), "{answer}");
    let (status, answer) = server.post("/api/stop_run", format!("id={id}")).await;
    assert_eq!((status, answer.contains("over already")), (StatusCode::CONFLICT, true), "{answer}");
    assert!(server.page(&format!("/runs/{id}")).await.contains("Done. presenter stopped it."));
    id
}

async fn a_reset_archives_it_with_its_calls(server: &Server, streams: &[String]) {
    let state = &server.state;
    let start = showrunner::reset::start(state, ResetScope::All, None, "presenter", None).await.unwrap();
    let ResetStart::Started(reset) = start else { panic!("started: {start:?}") };
    let run = tokio::time::timeout(WITHIN, state.engine.wait(&reset)).await.unwrap().unwrap();
    assert_eq!((run.state, run.error), (RunState::Done, None));
    let runs = server.runs().await;
    assert_eq!(runs.len(), 1, "the reset alone: {runs:?}");
    for id in streams {
        assert!(state.store.stream(id).await.unwrap().archived);
        assert!(!server.calls(id).await.is_empty(), "as those of a run that is archived");
        assert!(server.page(&format!("/runs/{id}")).await.contains("Reset"));
    }
}
