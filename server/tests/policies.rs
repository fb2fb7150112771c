//! Policies through the whole server, without a socket: the story's preset, the identity switch, every way to data, and a reset.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::sync::Arc;
use std::time::Duration;

use app::services::Permission;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use showrunner::AppState;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::reset::{Certificate, ResetScope, ResetStart};
use showrunner::runs::{Job, NewRun};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod session;

struct Server {
    /// Signed in as a presenter.
    router: Router,
    /// As nobody.
    plain: Router,
    state: Arc<AppState>,
    _background: showrunner::Background,
    _folder: tempfile::TempDir,
}

const GERMANY: &str = "view_as=analyst-germany";

impl Server {
    async fn seeded() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(folder.path());
        config.generated.sessions_per_day = 300;
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let background = state.start_engine().await.unwrap();
        let history = ["2017-07-27", "2017-07-28"].map(|d| d.parse().unwrap()).to_vec();
        let (customer, dataset) = {
            let told = state.stage.told();
            (told.story.customer.clone(), told.story.dataset.clone())
        };
        let job = Job::Seed { customer, dataset, history, stage: vec![] };
        let run = NewRun { job, started_by: "presenter".into(), story_step: None };
        let run = state.engine.start(run).await.unwrap();
        let over = tokio::time::timeout(Duration::from_secs(120), state.engine.wait(&run.run_id)).await;
        assert_eq!(over.unwrap().unwrap().error, None);
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        let plain = router.clone();
        let router = session::signed_in(router, "presenter").await;
        Server { router, plain, state, _background: background, _folder: folder }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        body: &str,
    ) -> (StatusCode, header::HeaderMap, String) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "127.0.0.1:3000")
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::REFERER, "http://127.0.0.1:3000/policies")
            .header(header::COOKIE, cookie)
            .body(Body::from(body.to_owned()))
            .unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 50_000_000).await.unwrap();
        (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    async fn get(&self, path: &str, cookie: &str) -> (StatusCode, String) {
        let (status, _, body) = self.send(Method::GET, path, cookie, "").await;
        (status, body.replace("<!>", "").replace("<!---->", ""))
    }

    /// Where a form leads; an error of it is in the address.
    async fn post(&self, path: &str, cookie: &str, body: &str) -> String {
        let (status, headers, answer) = self.send(Method::POST, path, cookie, body).await;
        assert_eq!(status, StatusCode::FOUND, "{path}: {answer}");
        headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    async fn csv(&self, sql: &str, cookie: &str) -> String {
        let query: String = url::form_urlencoded::byte_serialize(sql.as_bytes()).collect();
        self.get(&format!("/sql.csv?q={query}"), cookie).await.1
    }
}

/// One test: see tests/http.rs.
#[tokio::test(flavor = "multi_thread")]
async fn policies_through_the_whole_server() {
    let server = Server::seeded().await;
    nothing_is_hidden_before_there_is_a_policy(&server).await;
    the_storys_policies_can_be_put_in_place_again_and_again(&server).await;
    every_way_shows_the_same_to_an_identity(&server).await;
    a_viewer_sees_what_policies_grant_them(&server).await;
    who_views_as_somebody_changes_nothing(&server).await;
    an_unknown_identity_sees_nothing_and_can_leave(&server).await;
    statements_are_pressed_never_looked_into_force(&server).await;
    a_reset_and_a_new_start_keep_them(&server).await;
}

const COUNT: &str = "SELECT count(*) AS n FROM silver.sessions";

async fn nothing_is_hidden_before_there_is_a_policy(server: &Server) {
    assert_eq!(server.csv(COUNT, GERMANY).await, server.csv(COUNT, "").await);
    let (status, page) = server.get("/policies", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("No policies yet: everybody sees everything."), "{page}");
}

async fn the_storys_policies_can_be_put_in_place_again_and_again(server: &Server) {
    for _ in 0..2 {
        let to = server.post("/api/story_policies", "", "").await;
        assert_eq!(to, "/policies", "{to}");
    }
    let policies = server.state.lake.policies();
    assert!(policies.rows.len() > 10 && policies.data.len() == 6, "{} {}", policies.rows.len(), policies.data.len());
    assert_eq!(server.state.store.policies().await.unwrap().checksum(), policies.checksum());
    let page = server.get("/policies", "").await.1;
    for words in ["Who sees what", "As Analyst, Germany", "FILTER USING", "rowAccessPolicies", "dataPolicies", "masked"]
    {
        assert!(page.contains(words), "{words}");
    }
    // The page was sent up to the answers, and they are where they belong.
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("{words}"));
    assert!(!page.contains(app::FOUND), "a place without answers");
    assert!(at("is being asked as each of them") < at("As Admin") && at("As Analyst, Germany") < at("FILTER USING"));
}

async fn every_way_shows_the_same_to_an_identity(server: &Server) {
    let all: i64 = server.csv(COUNT, "").await.lines().nth(1).unwrap().parse().unwrap();
    let germany: i64 =
        server.csv(&format!("{COUNT} WHERE country = 'Germany'"), "").await.lines().nth(1).unwrap().parse().unwrap();
    let seen: i64 = server.csv(COUNT, GERMANY).await.lines().nth(1).unwrap().parse().unwrap();
    assert!(seen == germany && seen > 0 && seen < all, "{seen} of {germany} of {all}");
    assert_eq!(server.csv(COUNT, "view_as=no-grants").await, "n\r\n0\r\n");
    assert_eq!(server.csv(COUNT, "view_as=marketing").await, format!("n\r\n{all}\r\n"));

    // The SQL page, with what was put in.
    let page = server.get("/sql?q=SELECT+country%2C+city%2C+full_visitor_id+FROM+silver.sessions", GERMANY).await.1;
    assert!(page.contains("Viewing as") && page.contains("Back to admin"), "the banner");
    assert!(
        page.contains("<ins>") && page.contains("SHA256(city) AS city") && page.contains("row access policy germany")
    );
    assert!(page.contains("XXXXX") && !page.contains("United States"));
    let denied = server.get("/sql?q=SELECT+*+FROM+silver.sessions", GERMANY).await.1;
    assert!(denied.contains("Access Denied") && denied.contains("silver.sessions.network_domain"));

    // The report and its export: never the admin's answer, in whichever order they are asked.
    let total = async |cookie: &str| server.get("/report.csv?part=totals", cookie).await.1;
    let (first, theirs, again) = (total("").await, total(GERMANY).await, total("").await);
    assert_eq!(first, again);
    assert_ne!(first, theirs);
    assert!(theirs.contains(&germany.to_string()), "{theirs}");
    let countries = server.get("/report.csv?part=countries", GERMANY).await.1;
    assert_eq!(countries.lines().count(), 2, "{countries}");
    let (status, report) = server.get("/report", GERMANY).await;
    assert_eq!(status, StatusCode::OK);
    let option = |country: &str| report.contains(&format!("<option value=\"{country}\""));
    assert!(option("Germany") && !option("United States"), "what can be chosen is what is seen");
    assert_eq!(server.get("/report", "view_as=no-grants").await.0, StatusCode::OK);

    // The lake.
    let lake = server.get("/lake", GERMANY).await.1;
    assert!(!lake.contains("sa-ingestion"), "buckets are the presenter's");
    for path in [
        "/lake/silver.sessions",
        "/lake/silver.sessions?tab=rows",
        "/lake/silver.sessions?tab=history",
        "/lake/silver.sessions?tab=schema",
        "/lake/bronze.ga_sessions?tab=rows",
        "/lake/bronze.ga_sessions?tab=rows&row=1",
        "/stream",
        "/",
    ] {
        let (status, page) = server.get(path, GERMANY).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(!page.contains("United States") && !page.contains("Mountain View"), "{path}");
    }
    assert!(server.get("/lake/silver.sessions", GERMANY).await.1.contains("Seen through policies"));
    for path in ["/runs", "/lake/bucket/sa-source-data-demo-test", "/reset", "/runs/run-0001-x/log.txt"] {
        assert_eq!(server.get(path, GERMANY).await.0, StatusCode::FORBIDDEN, "{path}");
    }
    // Answers with data are for one browser at one moment.
    for path in ["/sql?q=SELECT+1", "/report", "/sql.csv?q=SELECT+1", "/report.csv?part=totals"] {
        let (_, headers, _) = server.send(Method::GET, path, GERMANY, "").await;
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
    // The audience sees what the presenter's admin sees.
    let screen = async |cookie: &str| {
        let screen: serde_json::Value = serde_json::from_str(&server.get("/api/audience", cookie).await.1).unwrap();
        screen["screen"].clone()
    };
    assert_eq!(screen(GERMANY).await, screen("").await);
}

async fn a_viewer_sees_what_policies_grant_them(server: &Server) {
    let viewer = session::session(&server.plain, "viewer").await;
    let viewer = viewer.to_str().unwrap();
    let get = async |path: &str, cookie: &str| {
        let request = Request::get(path).header(header::HOST, session::HOST).header(header::ACCEPT, "text/html");
        let request = request.header(header::COOKIE, cookie).body(Body::empty()).unwrap();
        let (parts, body) = server.plain.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 50_000_000).await.unwrap();
        (parts.status, String::from_utf8_lossy(&body).into_owned())
    };
    let count = "/sql.csv?q=SELECT+count(*)+AS+n+FROM+silver.sessions";
    assert_eq!(get(count, viewer).await, (StatusCode::OK, "n\r\n0\r\n".into()), "nobody granted them anything");
    // The cookie of the identity switch is a presenter's: it makes nobody somebody else.
    for cookie in
        [format!("{viewer}; {GERMANY}"), format!("{viewer}; view_as=marketing"), format!("{viewer}; view_as=")]
    {
        assert_eq!(get(count, &cookie).await.1, "n\r\n0\r\n", "{cookie}");
    }
    let (status, page) = get("/lake/silver.sessions", viewer).await;
    assert!(
        status == StatusCode::OK && page.contains("Seen through policies") && !page.contains("Back to admin"),
        "{page}"
    );
    assert_eq!(get("/runs", viewer).await.0, StatusCode::FORBIDDEN);
}

async fn who_views_as_somebody_changes_nothing(server: &Server) {
    let before = server.state.store.policy_changes(100).await.unwrap();
    for endpoint in app::api::ENDPOINTS.iter().filter(|e| e.mutation) {
        let allowed = matches!(endpoint.permission, Permission::View | Permission::Switch | Permission::Enter);
        let body = "step=1.1&how=out&change=start&day=customer01/ga_sessions/2017-07-29&id=x&scope=all&plan=x&theme=dark&back=/\
                    &rate=1&payload=full&dates=today&end=once&run=x&seq=1&sql=DROP+DATA_POLICY+x&table=a.b&name=x&filter=TRUE&column=x&rule=RAW";
        let (_, headers, answer) = server.send(Method::POST, endpoint.path, GERMANY, body).await;
        let to = headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert_eq!(!to.contains("__err="), allowed, "{}: {to} {answer}", endpoint.path);
    }
    let (status, _, _) = server.send(Method::POST, "/upload", GERMANY, "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(server.state.store.policy_changes(100).await.unwrap(), before);
    assert!(server.state.store.active_runs().await.unwrap().is_empty());
}

async fn an_unknown_identity_sees_nothing_and_can_leave(server: &Server) {
    for cookie in ["view_as=admin", "view_as=nobody-knows", "view_as=ANALYST-GERMANY"] {
        for path in
            ["/sql?q=SELECT+1", "/report", "/lake", "/policies", "/", "/sql.csv?q=SELECT+1", "/report.csv?part=totals"]
        {
            let (status, page) = server.get(path, cookie).await;
            assert!(
                status == StatusCode::FORBIDDEN || page.contains("whom the story does not know"),
                "{cookie} {path}: {status}"
            );
        }
        let page = server.get("/report", cookie).await.1;
        assert!(page.contains("Back to admin") && !page.contains("United States"), "the way out is there");
    }
    // Into and out of an identity, on record.
    let (status, headers, _) =
        server.send(Method::POST, "/api/view_as", "", "identity=analyst-germany&back=/report").await;
    assert_eq!((status, headers[header::LOCATION].to_str().unwrap()), (StatusCode::FOUND, "/report"));
    let cookie = headers[header::SET_COOKIE].to_str().unwrap();
    assert_eq!(cookie, "view_as=analyst-germany; Path=/; HttpOnly; SameSite=Lax");
    let (_, headers, _) = server.send(Method::POST, "/api/view_as", GERMANY, "identity=&back=//evil.example").await;
    assert_eq!(headers[header::LOCATION], "/");
    assert!(headers[header::SET_COOKIE].to_str().unwrap().starts_with("view_as=; Path=/; Max-Age=0"));
    let (_, headers, _) = server.send(Method::POST, "/api/view_as", "", "identity=admin&back=/").await;
    assert!(
        headers.get(header::SET_COOKIE).is_none() && headers[header::LOCATION].to_str().unwrap().contains("__err=")
    );
    let switches = server.state.store.view_switches(10).await.unwrap();
    let words: Vec<_> = switches.iter().map(|s| (s.came_from.as_deref(), s.went_to.as_deref())).collect();
    assert!(
        words.contains(&(None, Some("analyst-germany"))) && words.contains(&(Some("analyst-germany"), None)),
        "{words:?}"
    );
    assert!(server.get("/policies", "").await.1.contains("Who viewed as whom"));
}

async fn statements_are_pressed_never_looked_into_force(server: &Server) {
    let sql = "CREATE+ROW+ACCESS+POLICY+fr+ON+gold.country_day+GRANT+TO+('user:guest%40example.com')+FILTER+USING+(country%3D'France')";
    let before = server.state.lake.policies();
    let page = server.get(&format!("/sql?q={sql}"), "").await.1;
    assert!(page.contains("Change policies") && page.contains("rowAccessPolicies"), "{page}");
    let page = server.get(&format!("/sql?q={sql}"), GERMANY).await.1;
    assert!(page.contains("Only a presenter or an admin changes policies"), "{page}");
    assert_eq!(server.state.lake.policies(), before, "looking changes nothing");
    let count = "SELECT count(DISTINCT country) AS n FROM gold.country_day";
    assert_eq!(server.csv(count, "view_as=no-grants").await, "n\r\n0\r\n");
    assert_eq!(server.post("/api/change_policies", "", &format!("sql={sql}")).await, "/policies");
    assert_eq!(server.csv(count, "view_as=no-grants").await, "n\r\n1\r\n", "the next query sees it");
    assert_eq!(
        server.post("/api/change_policies", "", "sql=DROP+ROW+ACCESS+POLICY+fr+ON+gold.country_day").await,
        "/policies"
    );
    assert_eq!(server.csv(count, "view_as=no-grants").await, "n\r\n0\r\n");
    // The forms.
    let row = "table=gold.channel_day&name=organic&filter=channel+%3D+'Organic+Search'&grantees=user:guest@example.com";
    assert_eq!(server.post("/api/add_row_policy", "", row).await, "/policies");
    let channels = "SELECT DISTINCT channel FROM gold.channel_day";
    assert_eq!(server.csv(channels, "view_as=no-grants").await, "channel\r\nOrganic Search\r\n");
    let mask = "table=gold.channel_day&column=channel&rule=FIRST_FOUR_CHARACTERS&grantees=user:guest@example.com";
    assert_eq!(server.post("/api/add_mask", "", mask).await, "/policies");
    assert_eq!(server.csv(channels, "view_as=no-grants").await, "channel\r\nOrgaXXXXX\r\n");
    for (path, body) in [
        ("/api/change_policies", "sql=SELECT+1"),
        ("/api/change_policies", "sql=DROP+DATA_POLICY+city_hash"),
        ("/api/add_row_policy", "table=gold.channel_day&name=x&filter=nothing&grantees="),
        ("/api/add_mask", "table=gold.channel_day&column=date&rule=ALWAYS_NULL&grantees="),
    ] {
        assert!(server.post(path, "", body).await.contains("__err="), "{path} {body}");
    }
    // All or none.
    let before = server.state.lake.policies();
    let both = "sql=DROP+ALL+ROW+ACCESS+POLICIES+ON+silver.sessions%3B+DROP+DATA_POLICY+nothing_of_this_name";
    assert!(server.post("/api/change_policies", "", both).await.contains("__err="));
    assert_eq!(server.state.lake.policies(), before);
}

async fn a_reset_and_a_new_start_keep_them(server: &Server) {
    let checksum = server.state.lake.policies().checksum();
    let switches = server.state.store.view_switches(100).await.unwrap();
    let started = showrunner::reset::start(&server.state, ResetScope::All, None, "presenter", None).await.unwrap();
    let ResetStart::Started(run) = started else { panic!("{started:?}") };
    let over = tokio::time::timeout(Duration::from_secs(120), server.state.engine.wait(&run)).await;
    assert_eq!(over.unwrap().unwrap().error, None);
    let steps = server.state.store.steps(&run).await.unwrap();
    let certificate: Certificate = steps.iter().find_map(|step| step.outcome()).unwrap();
    let lines: Vec<_> = certificate.lines.iter().filter(|line| line.what.starts_with("Policies")).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.equal && line.found == checksum), "{lines:?}");
    assert_eq!(server.state.store.view_switches(100).await.unwrap(), switches, "who viewed as whom stays on record");
    assert_eq!(server.csv(COUNT, "").await, "n\r\n0\r\n");
    assert_eq!(server.state.store.policies().await.unwrap().checksum(), checksum);
    // What the next start puts in force.
    let keeper = showrunner::policies::Keeper::open(server.state.store.clone(), server.state.lake.clone()).await;
    assert!(keeper.is_ok());
    assert_eq!(server.state.lake.policies().checksum(), checksum);
}
