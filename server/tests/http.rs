//! The whole router without a socket: which server functions exist, who may call them, what answers carry.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use futures::StreamExt;
use showrunner::AppState;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod session;

use session::HOST;

async fn router() -> (Router, tempfile::TempDir) {
    let (router, _, folder) = router_and_state().await;
    (router, folder)
}

async fn router_and_state() -> (Router, Arc<AppState>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::for_tests(folder.path());
    let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
    let router = showrunner::http::router(state.clone(), CancellationToken::new());
    (session::signed_in(router, "admin").await, state, folder)
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, header::HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 10_000_000).await.unwrap();
    (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &'static str) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Body::from(body)).unwrap()
}

/// One test, one runtime: Leptos keeps its executor for the process, and would wait for tasks of a runtime that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn the_router_without_a_socket() {
    every_server_function_is_listed_and_answers_only_its_method_and_our_own_pages().await;
    every_page_reads_without_javascript_and_carries_its_policy().await;
    bad_input_gets_a_sentence_and_changes_nothing().await;
    a_locked_database_is_said_and_outlived().await;
    queries_of_the_address_run_and_end().await;
    a_page_is_sent_before_its_queries_have_run().await;
    the_audience_follows_freezes_and_goes_blank().await;
    skipping_says_what_it_means_and_is_undone().await;
}

async fn every_server_function_is_listed_and_answers_only_its_method_and_our_own_pages() {
    let (router, _folder) = router().await;
    let registered: BTreeSet<(String, String)> =
        server_fn::axum::server_fn_paths().map(|(path, method)| (path.to_owned(), method.to_string())).collect();
    let listed: BTreeSet<(String, String)> = app::api::ENDPOINTS
        .iter()
        .map(|e| (e.path.to_owned(), if e.mutation { "POST" } else { "GET" }.to_owned()))
        .collect();
    assert_eq!(registered, listed, "app::api::ENDPOINTS is the list that authorisation is tested by");

    let form = ("content-type", "application/x-www-form-urlencoded");
    for endpoint in app::api::ENDPOINTS {
        // Another site, by either sign, and a name that is not ours.
        for foreign in [("origin", "http://elsewhere.example"), ("sec-fetch-site", "cross-site")] {
            let answer = send(&router, request(Method::POST, endpoint.path, &[form, foreign], "step=1.1")).await;
            assert_eq!(answer.0, StatusCode::FORBIDDEN, "{} {foreign:?}", endpoint.path);
        }
        let mut rebound = request(Method::GET, endpoint.path, &[], "");
        rebound.headers_mut().insert(header::HOST, "elsewhere.example".parse().unwrap());
        assert_eq!(send(&router, rebound).await.0, StatusCode::FORBIDDEN, "{}", endpoint.path);

        let wrong = if endpoint.mutation { Method::GET } else { Method::POST };
        let (status, _, body) = send(&router, request(wrong, endpoint.path, &[form], "")).await;
        assert!(status.is_client_error(), "{} by the wrong method: {status} {body}", endpoint.path);
    }
}

async fn every_page_reads_without_javascript_and_carries_its_policy() {
    let (router, _folder) = router().await;
    for (path, expected) in [
        ("/", StatusCode::OK),
        ("/runs", StatusCode::OK),
        ("/report", StatusCode::OK),
        ("/lake", StatusCode::OK),
        ("/lake/bronze.ga_sessions", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=history", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=schema&find=hits.page.pagePath", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=schema&against=silver.sessions", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=schema&from=0&to=0", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=schema&from=0&to=9", StatusCode::UNPROCESSABLE_ENTITY),
        ("/lake/bronze.ga_sessions?tab=rows", StatusCode::OK),
        ("/lake/bronze.ga_sessions?tab=rows&file=../../../control.db", StatusCode::NOT_FOUND),
        ("/lake/bronze.ga_sessions?tab=nonsense", StatusCode::UNPROCESSABLE_ENTITY),
        ("/lake/bronze.ga_sessions?page=x", StatusCode::UNPROCESSABLE_ENTITY),
        ("/lake/bronze.nothing", StatusCode::NOT_FOUND),
        ("/lake/bucket/sa-ingestion-demo-test", StatusCode::OK),
        ("/lake/bucket/elsewhere", StatusCode::NOT_FOUND),
        ("/audience", StatusCode::OK),
        ("/reset", StatusCode::OK),
        ("/sql", StatusCode::OK),
        ("/sql?saved=1", StatusCode::OK),
        ("/sql?q=SELEC", StatusCode::OK),
        ("/sql?saved=99", StatusCode::NOT_FOUND),
        ("/sql?q=1&q=2", StatusCode::UNPROCESSABLE_ENTITY),
        ("/nowhere", StatusCode::NOT_FOUND),
        ("/runs/run-0000-none", StatusCode::NOT_FOUND),
        ("/?step=9.9", StatusCode::NOT_FOUND),
    ] {
        let (status, headers, body) = send(&router, request(Method::GET, path, &[("accept", "text/html")], "")).await;
        assert_eq!(status, expected, "{path}");
        assert!(body.contains("<h1"), "{path} has no heading");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("'nonce-") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(headers.contains_key("x-request-id"));
    }
}

async fn bad_input_gets_a_sentence_and_changes_nothing() {
    let (router, _folder) = router().await;
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
    for (path, body, code, words) in [
        ("/api/press", "step=9.9", StatusCode::NOT_FOUND, "no step '9.9'"),
        ("/api/open_step", "step=9.9", StatusCode::NOT_FOUND, "no step '9.9'"),
        ("/api/skip_step", "step=9.9&how=out", StatusCode::NOT_FOUND, "no step '9.9'"),
        ("/api/take_up_step", "step=9.9", StatusCode::NOT_FOUND, "no step '9.9'"),
        ("/api/change_clock", "step=9.9&change=start", StatusCode::NOT_FOUND, "no step '9.9'"),
        ("/api/change_clock", "step=1.1&change=back", StatusCode::UNPROCESSABLE_ENTITY, "start, pause and restart"),
        ("/api/change_audience", "change=x", StatusCode::UNPROCESSABLE_ENTITY, "freeze, follow"),
        ("/api/reingest", "day=nonsense", StatusCode::UNPROCESSABLE_ENTITY, "is not a day like"),
        ("/api/reingest", "day=customer99/ga_sessions/2017-07-29", StatusCode::NOT_FOUND, "no customer"),
        ("/api/reingest", "day=../../2017-07-29", StatusCode::NOT_FOUND, "no customer"),
        ("/api/retry_run", "id=run-0000-none", StatusCode::NOT_FOUND, ""),
        ("/api/confirm_reset", "scope=step:9.9&plan=x", StatusCode::NOT_FOUND, "no step"),
        ("/api/confirm_reset", "scope=nonsense&plan=x", StatusCode::UNPROCESSABLE_ENTITY, "is no scope"),
        ("/api/cancel_query", "id=unknown", StatusCode::OK, "over"),
        ("/api/set_theme", "theme=pink&back=/", StatusCode::UNPROCESSABLE_ENTITY, "no such theme"),
    ] {
        let (status, _, answer) = send(&router, request(Method::POST, path, &form, body)).await;
        assert_eq!(status, code, "{path} {body}: {answer}");
        assert!(answer.contains(words), "{path} {body}: {answer}");
    }
    let (_, _, runs) = send(&router, request(Method::GET, "/api/runs", &[], "")).await;
    assert_eq!(runs, "[]");
}

async fn a_locked_database_is_said_and_outlived() {
    use sqlx::{Connection, SqliteConnection};
    let (router, folder) = router().await;
    let file = folder.path().join("control.db");
    let mut other = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
    let press = || send(&router, request(Method::POST, "/api/press", &form, "step=1.1"));
    let (status, _, answer) = press().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert!(answer.contains("locked by another program"), "{answer}");
    // Reading goes on.
    let (status, _, _) = send(&router, request(Method::GET, "/", &[("accept", "text/html")], "")).await;
    assert_eq!(status, StatusCode::OK);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let (status, _, answer) = press().await;
    assert!(status.is_success(), "{status} {answer}");
}

async fn queries_of_the_address_run_and_end() {
    let (router, _folder) = router().await;
    let get = async |path: &str| send(&router, request(Method::GET, path, &[("accept", "text/html")], "")).await;
    for (path, words) in [
        // Decoded once: neither `%` nor `+` is lost on the way.
        ("/sql?q=SELECT+%27%25ab%25%27+AS+x%2C+1%2B1+AS+y", "<td class=\"\">%ab%</td><td class=\"num r\">2</td>"),
        ("/sql?q=SELECT%0D%0A++nope%0D%0AFROM+silver.sessions", "Line 2, column 3."),
        ("/sql?q=DROP+TABLE+silver.sessions", "Only queries that read are allowed"),
        ("/sql?q=SELECT+1&compare=SELECT+2", "Both queries side by side"),
    ] {
        let (status, _, body) = get(path).await;
        let body = body.replace("<!>", "").replace("<!---->", "");
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body.contains(words), "{path}: {body}");
    }
    let long = format!("/sql?q={}", "x".repeat(8_193));
    assert!(get(&long).await.2.contains("at most 8,192 fit into an address"));
    let statement = format!("/sql?q=DROP+ALL+ROW+ACCESS+POLICIES+ON+silver.{}", "x".repeat(8_193));
    let page = get(&statement).await.2;
    assert!(page.contains("fit into an address") && !page.contains("Change policies"), "{page}");

    let (status, headers, csv) = get("/sql.csv?q=SELECT+%27a%2Cb%22%27+AS+t%2C+NULL+AS+n%2C+%27%27+AS+e").await;
    assert_eq!((status, csv.as_str()), (StatusCode::OK, "t,n,e\r\n\"a,b\"\"\",,\"\"\r\n"));
    assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/csv"));
    assert!(headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains("attachment"));
    for (path, expected, words) in [
        ("/sql.csv?q=SELEC", StatusCode::UNPROCESSABLE_ENTITY, "(line 1, column 1)"),
        ("/sql.csv", StatusCode::UNPROCESSABLE_ENTITY, "There is no query"),
        ("/sql.csv?q=DELETE+FROM+silver.hits", StatusCode::UNPROCESSABLE_ENTITY, "Only queries that read"),
        (&long.replace("/sql?", "/sql.csv?"), StatusCode::URI_TOO_LONG, "longer than"),
    ] {
        let (status, _, body) = get(path).await;
        assert_eq!(status, expected, "{body}");
        assert!(body.contains(words), "{body}");
    }

    // A heavy query is cancelled by its id, and another page is answered meanwhile.
    let heavy = "/api/sql?id=tab1&search=q%3DSELECT%2Bcount(*)%2BFROM%2Bgenerate_series(1%2C3000000)%2Ba%2Cgenerate_series(1%2C3000000)%2Bb";
    let asked = tokio::spawn({
        let router = router.clone();
        async move { send(&router, request(Method::GET, heavy, &[], "")).await }
    });
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
    let began = std::time::Instant::now();
    loop {
        let (_, _, answer) = send(&router, request(Method::POST, "/api/cancel_query", &form, "id=tab1")).await;
        if answer.contains("cancelled") {
            break;
        }
        assert_eq!(get("/lake").await.0, StatusCode::OK);
        assert!(began.elapsed().as_secs() < 20, "the query never began: {answer}");
    }
    let (status, _, body) = asked.await.unwrap();
    assert!(status == StatusCode::OK && body.contains("The query was cancelled."), "{status} {body}");
}

async fn a_page_is_sent_before_its_queries_have_run() {
    let (router, state, _folder) = router_and_state().await;
    let heavy = "/sql?q=SELECT+count(*)+FROM+generate_series(1,3000000)+a,generate_series(1,3000000)+b";
    let form = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
    let cancel = async |id: &'static str| {
        let (_, _, answer) = send(&router, request(Method::POST, "/api/cancel_query", &form, id)).await;
        answer.contains("cancelled")
    };
    for (id, header, closes) in [("id=one", "one", false), ("id=two", "two", true)] {
        let page = request(Method::GET, heavy, &[("accept", "text/html"), ("x-query", header)], "");
        let response = router.clone().oneshot(page).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body().into_data_stream();
        let beginning = body.next().await.unwrap().unwrap();
        let beginning = String::from_utf8(beginning.to_vec()).unwrap();
        assert!(beginning.contains("</form>") && beginning.contains("The query is running"), "{beginning}");
        assert!(beginning.contains("generate_series") && !beginning.contains("</main>"), "{beginning}");
        let rest = tokio::spawn(async move { body.map(Result::unwrap).collect::<Vec<_>>().await.concat() });
        let began = std::time::Instant::now();
        if closes {
            // The browser is closed while the query runs: it stops by itself.
            while state.lake.console_tasks() == 0 {
                tokio::task::yield_now().await;
                assert!(began.elapsed().as_secs() < 20, "the query never began");
            }
            rest.abort();
            while state.lake.console_tasks() > 0 {
                tokio::task::yield_now().await;
                assert!(began.elapsed().as_secs() < 20, "the query never ended");
            }
            assert!(!cancel(id).await);
        } else {
            while !cancel(id).await {
                assert!(began.elapsed().as_secs() < 20, "the query never began");
            }
            let rest = String::from_utf8(rest.await.unwrap()).unwrap();
            assert!(rest.contains("The query was cancelled.") && rest.contains("</main>"), "{rest}");
        }
    }
}

/// A server on the data folder, as a browser sees it.
struct Browser {
    router: Router,
    folder: Option<tempfile::TempDir>,
}

impl Browser {
    async fn on(folder: &std::path::Path) -> Browser {
        let config = Config::for_tests(folder);
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let router = showrunner::http::router(state, CancellationToken::new());
        Browser { router: session::signed_in(router, "admin").await, folder: None }
    }

    /// Another server on what lies on the disk now, as after a kill. A copy of it: a folder belongs to one server at a time, and the
    /// first one is still in this process.
    async fn restarted(self, folder: &std::path::Path) -> Browser {
        let copy = tempfile::tempdir().unwrap();
        copy_folder(self.folder.as_ref().map_or(folder, |folder| folder.path()), copy.path());
        let mut next = Browser::on(copy.path()).await;
        next.folder = Some(copy);
        next
    }

    async fn json(&self, path: &str) -> serde_json::Value {
        let (status, _, body) = send(&self.router, request(Method::GET, path, &[], "")).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Posts a plain form from the show page; where it leads.
    async fn post(&self, path: &str, body: &'static str) -> String {
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "text/html"),
            ("referer", "http://127.0.0.1:3000/?step=1.1"),
        ];
        let (status, headers, answer) = send(&self.router, request(Method::POST, path, &form, body)).await;
        assert_eq!(status, StatusCode::FOUND, "{path} {body}: {answer}");
        headers[header::LOCATION].to_str().unwrap().replace("http://127.0.0.1:3000", "")
    }

    async fn title(&self) -> String {
        self.json("/api/audience").await["screen"]["title"].as_str().unwrap_or("blank").to_owned()
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn the_audience_follows_freezes_and_goes_blank() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::on(folder.path()).await;
    assert_eq!(browser.title().await, "Two months of a web shop");
    assert_eq!(browser.post("/api/open_step", "step=2.1").await, "/?step=1.1");
    assert_eq!(browser.title().await, "Waiting for 29 Jul");

    // Looking changes nothing, whatever is looked at.
    let before = browser.json("/api/audience").await["last_event"].clone();
    for path in ["/?step=3.1", "/", "/audience", "/api/show?step=4.1"] {
        send(&browser.router, request(Method::GET, path, &[("accept", "text/html")], "")).await;
    }
    assert_eq!(browser.title().await, "Waiting for 29 Jul");
    assert_eq!(browser.json("/api/audience").await["last_event"], before);
    // Where the presenter is, is where the show page opens.
    assert_eq!(browser.json("/api/show").await["step"]["id"], "2.1");
    assert_eq!(browser.json("/api/show?step=3.1").await["audience"]["elsewhere"], "2.1 Upload 2017-07-29");

    browser.post("/api/change_audience", "change=freeze").await;
    browser.post("/api/open_step", "step=3.2").await;
    for _ in 0..2 {
        assert_eq!(browser.title().await, "Waiting for 29 Jul");
        let control = browser.json("/api/show").await["audience"].clone();
        assert!(control["frozen"].as_str().unwrap().starts_with("Frozen at "), "{control}");
        // The audience is not told.
        let (_, _, page) =
            send(&browser.router, request(Method::GET, "/audience", &[("accept", "text/html")], "")).await;
        assert!(page.contains("Waiting for 29 Jul") && !page.contains("rozen"), "{page}");
        browser = browser.restarted(folder.path()).await;
    }
    browser.post("/api/change_audience", "change=blank").await;
    for _ in 0..2 {
        assert_eq!(browser.title().await, "blank");
        browser = browser.restarted(folder.path()).await;
    }
    browser.post("/api/change_audience", "change=show").await;
    assert_eq!(browser.title().await, "Waiting for 29 Jul", "still frozen");
    browser.post("/api/change_audience", "change=follow").await;
    assert_eq!(browser.title().await, "Mobile checkout, United Kingdom");

    // A press moves the audience as well, and starts the clock; from a page that was looked at one comes back to what is next.
    assert_eq!(browser.post("/api/press", "step=1.2").await, "/lake");
    assert_eq!(browser.title().await, "Where the data is");
    let show = browser.json("/api/show").await;
    assert_eq!((&show["clock"]["running"], &show["step"]["id"]), (&true.into(), &"1.1".into()));
    browser.post("/api/change_clock", "step=1.2&change=pause").await;
    assert_eq!(browser.json("/api/show").await["clock"]["running"], false);
}

async fn skipping_says_what_it_means_and_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::on(folder.path()).await;
    let states = async || {
        let show = browser.json("/api/show").await;
        let chapters = show["chapters"].as_array().unwrap().clone();
        let steps = chapters.iter().flat_map(|c| c["steps"].as_array().unwrap().clone());
        steps.filter(|s| s["state"] == "skipped").map(|s| s["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let means = browser.json("/api/show?step=2.1").await["step"]["skip"].clone();
    assert!(means["means"].as_str().unwrap().contains("steps 2.2 to 2.4 are left out too"), "{means}");
    // Nothing to upload yet, so it cannot happen without a word either.
    assert!(means["instead"].is_null(), "{means}");
    assert_eq!(browser.post("/api/skip_step", "step=2.1&how=out").await, "/?step=3.1");
    assert_eq!(states().await, ["2.1", "2.2", "2.3", "2.4"]);
    let show = browser.json("/api/show?step=2.3").await;
    assert_eq!(show["clock"]["skipped"], "Skipped: 6:00");
    let step = &show["step"];
    assert!(step["notes"][0]["text"].as_str().unwrap().contains("since 2.1 Upload 2017-07-29 was skipped"), "{step}");
    assert_eq!((&step["previous"], &step["next"]), (&"1.3".into(), &"3.1".into()), "{step}");
    assert_eq!(step["more"][0]["label"], "Take it up again");

    // Taking up what was left out takes up what it needs.
    browser.post("/api/take_up_step", "step=2.3").await;
    assert!(states().await.is_empty());
    // Looking is over by a press: nothing is left to skip.
    browser.post("/api/press", "step=1.2").await;
    let refused = browser.post("/api/skip_step", "step=1.2&how=out").await;
    assert!(refused.contains("__err="), "{refused}");
    assert!(states().await.is_empty());
    // A look is merely passed by.
    assert_eq!(browser.post("/api/skip_step", "step=1.3&how=out").await, "/?step=2.1");
    assert_eq!(states().await, ["1.3"]);
}
