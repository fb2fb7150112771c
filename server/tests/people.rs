//! Who may press what: every server function and every route, as nobody and in every role.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeSet;
use std::sync::Arc;

use app::services::Permission;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use futures::StreamExt;
use showrunner::AppState;
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::people::Role;
use showrunner::store::{NewPerson, Outcome};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

mod session;

use session::{HOST, session};

/// What else is routed, with what it needs; `None`: it is there for everybody. Deliveries know their own tokens.
const ROUTES: &[(&str, &str, Option<Permission>)] = &[
    ("GET", "/events", Some(Permission::Enter)),
    ("GET", "/events?screen=audience", Some(Permission::Watch)),
    ("POST", "/upload", Some(Permission::Upload)),
    ("GET", "/runs/run-0000-none/log.txt", Some(Permission::Inspect)),
    ("GET", "/runs/run-0000-none/lineage.json", Some(Permission::Inspect)),
    ("POST", "/api/v1/lineage", Some(Permission::Present)),
    ("GET", "/report.csv?part=days", Some(Permission::View)),
    ("GET", "/sql.csv?q=SELECT+1", Some(Permission::View)),
    ("GET", "/audit.csv", Some(Permission::Administer)),
    ("POST", "/datasets/sample", Some(Permission::Administer)),
    // Its token says who pushes; tests/hooks.rs.
    ("POST", "/hooks/gcs", None),
    ("GET", "/healthz", None),
    ("GET", "/pkg/showrunner.css", None),
    ("GET", "/favicon.svg", None),
    ("GET", "/sign-in", None),
    ("POST", "/sign-in", None),
    ("GET", "/sign-in/start", None),
    ("GET", "/sign-in/callback", None),
    ("GET", "/join/0123", None),
    ("POST", "/sign-out", None),
];

/// Pages, each with what it needs to show anything.
const PAGES: &[(&str, Permission)] = &[
    ("/", Permission::View),
    ("/lake", Permission::View),
    ("/lake/bronze.ga_sessions", Permission::View),
    ("/lake/bucket/sa-ingestion-demo-test", Permission::Inspect),
    ("/runs", Permission::Inspect),
    ("/runs/run-0000-none", Permission::Inspect),
    ("/runs/run-0000-none/calls", Permission::Inspect),
    ("/report", Permission::View),
    ("/lineage", Permission::View),
    ("/stream", Permission::View),
    ("/privacy", Permission::Inspect),
    ("/sql", Permission::View),
    ("/policies", Permission::View),
    ("/people", Permission::Administer),
    ("/customers", Permission::Administer),
    ("/datasets", Permission::Administer),
    ("/stories", Permission::Inspect),
    ("/stories/web-analytics", Permission::Inspect),
    ("/stories/web-analytics/edit", Permission::Administer),
    ("/upload", Permission::Upload),
    ("/settings", Permission::Administer),
    ("/settings?check=google-cloud", Permission::Administer),
    ("/reset", Permission::Inspect),
    ("/audience", Permission::Watch),
];

struct Site {
    router: Router,
    state: Arc<AppState>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        Site { router, state, _folder: folder }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        cookie: Option<&HeaderValue>,
        body: &str,
    ) -> (StatusCode, String, header::HeaderMap) {
        let method: Method = method.parse().unwrap();
        let mut request = Request::builder().method(method.clone()).uri(path).header(header::HOST, HOST);
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        // Pages are asked for as a browser does, server functions as a program does.
        let page = method == Method::GET && !path.starts_with("/api/");
        request = request.header(header::ACCEPT, if page { "text/html" } else { "application/json" });
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        // The event stream has no end.
        let text = match parts.headers.get(header::CONTENT_TYPE) {
            Some(kind) if kind == "text/event-stream" => String::new(),
            _ => String::from_utf8_lossy(&to_bytes(body, 20_000_000).await.unwrap()).into_owned(),
        };
        (parts.status, text, parts.headers)
    }

    async fn cookies(&self) -> Vec<(Role, HeaderValue)> {
        let mut cookies = Vec::new();
        for (role, form) in [
            (Role::Admin, "admin"),
            (Role::Presenter, "presenter"),
            (Role::Viewer, "viewer"),
            (Role::Customer, "customer&customer=customer01"),
        ] {
            cookies.push((role, session(&self.router, form).await));
        }
        cookies
    }
}

/// One test: see tests/http.rs.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_what() {
    every_server_function_asks_who_it_is().await;
    every_route_and_page_asks_who_it_is().await;
    a_customer_delivers_into_its_own_folder_only().await;
    news_names_runs_and_folders_for_whoever_may_see_them().await;
    sessions_begin_and_end().await;
    the_audiences_link_opens_one_screen().await;
    whoever_looks_is_nobody_else().await;
    what_anybody_did_is_on_record_for_good().await;
    bad_sign_ins_are_slowed_down().await;
}

async fn every_server_function_asks_who_it_is() {
    let site = Site::new().await;
    let cookies = site.cookies().await;
    let registered: BTreeSet<String> = server_fn::axum::server_fn_paths().map(|(path, _)| path.to_owned()).collect();
    let listed: BTreeSet<String> = app::api::ENDPOINTS.iter().map(|e| e.path.to_owned()).collect();
    assert_eq!(registered, listed, "app::api::ENDPOINTS is the list that this test goes through");
    for endpoint in app::api::ENDPOINTS {
        let method = if endpoint.mutation { "POST" } else { "GET" };
        let (path, form) = match endpoint.mutation {
            false => (format!("{}?{}", endpoint.path, arguments(endpoint.path)), String::new()),
            true => (endpoint.path.to_owned(), arguments(endpoint.path)),
        };
        let (status, answer, _) = site.send(method, &path, None, &form).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}: {answer}");
        for (role, cookie) in &cookies {
            let (status, answer, _) = site.send(method, &path, Some(cookie), &form).await;
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(refused, !role.may(endpoint.permission), "{role} {path}: {status} {answer}");
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{role} {path}: {answer}");
        }
    }
}

/// Arguments that let each function run as far as its first line, and change nothing behind it.
fn arguments(path: &str) -> String {
    const ALL: &[&str] = &[
        "step=9.9",
        "day=none",
        "id=none",
        "run=none",
        "scope=nonsense",
        "plan=x",
        "change=nothing",
        "value=x",
        "how=out",
        "theme=pink",
        "back=/",
        "search=",
        "query=",
        "table=none",
        "column=none",
        "bucket=none",
        "rate=1",
        "payload=all",
        "dates=original",
        "end=stop",
        "seq=1",
        "identity=nobody",
        "sql=nonsense",
        "name=n",
        "filter=f",
        "grantees=g",
        "rule=r",
        "policy=p",
        "kind=k",
        "person=none",
        "role=none",
        "customer=none",
        "story=none",
        "depth=6",
    ];
    match path {
        // Its question is a record.
        "/api/lake_table" => "table=none".into(),
        _ => ALL.join("&"),
    }
}

async fn every_route_and_page_asks_who_it_is() {
    let site = Site::new().await;
    let cookies = site.cookies().await;
    for (method, path, permission) in ROUTES {
        let (status, answer, headers) = site.send(method, path, None, "").await;
        match permission {
            None => assert!(!matches!(status.as_u16(), 401 | 403 | 500), "nobody {path}: {status} {answer}"),
            Some(_) if status == StatusCode::SEE_OTHER => {
                let to = headers[header::LOCATION].to_str().unwrap();
                assert!(to.starts_with("/sign-in?next="), "nobody {path}: {to}");
            }
            Some(_) => assert_eq!(status, StatusCode::UNAUTHORIZED, "nobody {path}: {answer}"),
        }
        for (role, cookie) in &cookies {
            // Signing in or out as somebody else has its own test.
            let Some(permission) = permission else { continue };
            let (status, answer, _) = site.send(method, path, Some(cookie), "").await;
            assert_eq!(status == StatusCode::FORBIDDEN, !role.may(*permission), "{role} {path}: {status} {answer}");
            assert!(!matches!(status.as_u16(), 401 | 500), "{role} {path}: {status} {answer}");
        }
    }
    for (path, permission) in PAGES {
        let (status, _, headers) = site.send("GET", path, None, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "nobody {path}");
        let to = headers[header::LOCATION].to_str().unwrap();
        assert!(to.starts_with("/sign-in"), "nobody {path}: {to}");
        for (role, cookie) in &cookies {
            let (status, body, _) = site.send("GET", path, Some(cookie), "").await;
            if *role == Role::Customer && *path == "/" {
                assert_eq!(status, StatusCode::SEE_OTHER, "a customer begins at the upload");
                continue;
            }
            assert_eq!(status == StatusCode::FORBIDDEN, !role.may(*permission), "{role} {path}: {status}");
            assert!(body.contains("<h1"), "{role} {path} has no heading");
        }
    }
}

async fn a_customer_delivers_into_its_own_folder_only() {
    let site = Site::new().await;
    site.state.create_customer("customer02", "Second", "").await.unwrap();
    let cookie = session(&site.router, "customer&customer=customer02").await;
    let (status, page, _) = site.send("GET", "/upload", Some(&cookie), "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("customer02") && !page.contains("customer01"),
        "another customer's name is nothing to them: {page}"
    );
    let (_, asked, _) = site.send("GET", "/upload?customer=customer01", Some(&cookie), "").await;
    assert!(!asked.contains("<option value=\"customer01\""), "nor is it theirs by asking: {asked}");
    for (day, words) in
        [("customer01/ga_sessions/2017-07-29", "its folder only"), ("customer02/ga_sessions/2017-07-29", "")]
    {
        let body = format!(
            "--x\r\ncontent-disposition: form-data; name=\"day\"\r\n\r\n{day}\r\n--x\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"a.json\"\r\n\r\n{{}}\r\n--x--\r\n"
        );
        let request = Request::post("/upload").header(header::HOST, HOST).header(header::COOKIE, &cookie);
        let request =
            request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=x").body(Body::from(body)).unwrap();
        let response = site.router.clone().oneshot(request).await.unwrap();
        let to = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(to.contains("__err="), !words.is_empty(), "{day}: {to}");
        let (status, answer, _) = site.send("POST", "/api/complete_day", Some(&cookie), &format!("day={day}")).await;
        assert_eq!(status == StatusCode::FORBIDDEN, !words.is_empty(), "{day}: {status} {answer}");
        assert!(answer.contains(words), "{day}: {answer}");
    }
    let trail = site.state.store.audit_trail(None, 100).await.unwrap();
    let uploads: Vec<_> =
        trail.iter().filter(|r| r.action == "upload").map(|r| (r.subject.as_str(), r.outcome)).collect();
    let (theirs, own) = ("customer01/ga_sessions/2017-07-29", "customer02/ga_sessions/2017-07-29");
    assert_eq!(uploads, [(own, Outcome::Done), (theirs, Outcome::Refused)]);
    let ingestion = &site.state.lake.names().ingestion;
    let there = site.state.lake.objects().list(ingestion, "customer01/").await.unwrap();
    assert!(there.is_empty(), "{there:?}");
}

/// What a browser in this role hears first of what has happened.
async fn heard(site: &Site, role: &str) -> String {
    let cookie = session(&site.router, role).await;
    let request = Request::get("/events?after=0").header(header::HOST, HOST).header(header::COOKIE, cookie);
    let response = site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    let mut text = String::new();
    while !text.contains("data:") {
        text.push_str(&String::from_utf8_lossy(&body.next().await.unwrap().unwrap()));
    }
    text
}

async fn news_names_runs_and_folders_for_whoever_may_see_them() {
    let site = Site::new().await;
    site.state.store.tell("folder", "customer01/ga_sessions/2017-07-29").await.unwrap();
    for (role, named) in
        [("admin", true), ("presenter", true), ("viewer", false), ("customer&customer=customer01", false)]
    {
        let text = heard(&site, role).await;
        assert!(text.contains("\"what\":\"folder\""), "{role}: {text}");
        assert_eq!(text.contains("2017-07-29"), named, "{role}: {text}");
    }
}

async fn sessions_begin_and_end() {
    let site = Site::new().await;
    let (_, _, headers) = site.send("GET", "/sql?q=SELECT+1", None, "").await;
    assert_eq!(headers[header::LOCATION], "/sign-in?next=%2Fsql%3Fq%3DSELECT%2B1");
    let form = "role=presenter&next=%2Fsql%3Fq%3DSELECT%2B1";
    let (status, _, headers) = site.send("POST", "/sign-in", None, form).await;
    assert_eq!(
        (status, &headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &HeaderValue::from_static("/sql?q=SELECT+1"))
    );
    for (form, to) in [
        ("role=presenter&next=https%3A%2F%2Fevil.example", "/"),
        ("role=presenter&next=%2F%2Fevil.example", "/"),
        ("role=viewer", "/report"),
        ("role=customer&customer=customer01&next=%2Fsql", "/upload"),
    ] {
        let (_, _, headers) = site.send("POST", "/sign-in", None, form).await;
        assert_eq!(headers[header::LOCATION], to, "{form}");
    }
    for form in ["role=root", "role=none", "", "role=customer&customer=customer99", "role=customer"] {
        let (status, _, headers) = site.send("POST", "/sign-in", None, form).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{form}");
        assert!(headers[header::LOCATION].to_str().unwrap().contains("__err="), "{form}");
        let cookie = headers.get(header::SET_COOKIE);
        assert!(cookie.is_none(), "{form}: {cookie:?}");
    }
    // A session that somebody set before is not the one that is signed in afterwards.
    let before = session(&site.router, "viewer").await;
    let (_, _, headers) = site.send("POST", "/sign-in", Some(&before), "role=admin").await;
    let after = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(before.to_str().unwrap(), after);
    assert_eq!(site.send("GET", "/api/shell", Some(&before), "").await.0, StatusCode::UNAUTHORIZED);

    let (one, two) = (session(&site.router, "admin").await, session(&site.router, "admin").await);
    let signed_in =
        async |cookie: &HeaderValue| site.send("GET", "/api/shell", Some(cookie), "").await.0 == StatusCode::OK;
    assert!(signed_in(&one).await && signed_in(&two).await);
    site.send("POST", "/sign-out", Some(&one), "").await;
    assert!(!signed_in(&one).await && signed_in(&two).await);
    let three = session(&site.router, "admin").await;
    site.send("POST", "/sign-out", Some(&three), "everywhere=1").await;
    assert!(!signed_in(&three).await && !signed_in(&two).await, "all of them");
    assert!(signed_in(&session(&site.router, "admin").await).await, "and one may come back");
    for rubbish in ["showrunner_session=", "showrunner_session=AAAAAAAAAAAAAAAAAAAAAA", "showrunner_session=%00", "x"] {
        assert!(!signed_in(&HeaderValue::from_static(rubbish)).await, "{rubbish}");
    }
}

async fn the_audiences_link_opens_one_screen() {
    let site = Site::new().await;
    let link = site.state.sign_in.audience_link().await.unwrap();
    let (status, _, headers) = site.send("GET", &link, None, "").await;
    assert_eq!((status, &headers[header::LOCATION]), (StatusCode::SEE_OTHER, &HeaderValue::from_static("/audience")));
    let cookie = headers[header::SET_COOKIE].clone();
    let seen = async |path: &str| site.send("GET", path, Some(&cookie), "").await.0;
    assert_eq!(seen("/audience").await, StatusCode::OK);
    assert_eq!(seen("/runs").await, StatusCode::FORBIDDEN);
    assert_eq!(seen("/events?screen=audience").await, StatusCode::OK);

    // Whoever tries it in a browser of their own stays who they are.
    let presenter = session(&site.router, "presenter").await;
    let (_, _, headers) = site.send("GET", &link, Some(&presenter), "").await;
    assert_eq!(headers[header::LOCATION], "/audience");
    assert!(headers.get(header::SET_COOKIE).is_none());
    let shown = site.send("GET", "/api/show", Some(&presenter), "").await.1;
    assert!(shown.contains(&link), "whoever presents has it at hand: {shown}");
    let viewer = session(&site.router, "viewer").await;
    assert!(!site.send("GET", "/api/show", Some(&viewer), "").await.1.contains("/join/"), "nobody else has");

    let admin = session(&site.router, "admin").await;
    let (status, answer, _) = site.send("POST", "/api/change_person", Some(&admin), "change=new_link").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_ne!(site.state.sign_in.audience_link().await.unwrap(), link);
    assert_eq!(seen("/audience").await, StatusCode::SEE_OTHER, "who came by the old link is signed out");
    let (_, _, headers) = site.send("GET", &link, None, "").await;
    assert!(headers[header::LOCATION].to_str().unwrap().starts_with("/sign-in?"), "the old link is none");
    // Before anybody came by it, too.
    let other = Site::new().await;
    let first = other.state.sign_in.audience_link().await.unwrap();
    other.state.sign_in.renew_audience_link().await.unwrap();
    assert_ne!(other.state.sign_in.audience_link().await.unwrap(), first);
}

async fn whoever_looks_is_nobody_else() {
    let site = Site::new().await;
    let viewer = session(&site.router, "viewer").await;
    // What policies grant is in tests/policies.rs. Nobody makes themselves somebody else by a cookie.
    let both = HeaderValue::from_str(&format!("{}; view_as=", viewer.to_str().unwrap())).unwrap();
    let (_, still, _) = site.send("GET", "/api/shell", Some(&both), "").await;
    assert!(still.contains("\"role\":\"viewer\""), "{still}");
    let (status, _, _) = site.send("POST", "/api/view_as", Some(&viewer), "identity=analyst-germany&back=/").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

async fn what_anybody_did_is_on_record_for_good() {
    let site = Site::new().await;
    let presenter = session(&site.router, "presenter").await;
    let viewer = session(&site.router, "viewer").await;
    site.send("POST", "/api/press", Some(&presenter), "step=9.9").await;
    site.send("POST", "/api/press", Some(&viewer), "step=1.1").await;
    site.send("POST", "/api/press", None, "step=1.1").await;
    site.send("POST", "/api/change_clock", Some(&presenter), "step=1.1&change=start").await;
    site.send("POST", "/api/change_policies", Some(&presenter), "sql=SELECT+secret").await;
    let trail = site.state.store.audit_trail(None, 100).await.unwrap();
    let lines: Vec<_> =
        trail.iter().rev().map(|r| (r.by_whom.as_str(), r.action.as_str(), r.subject.as_str(), r.outcome)).collect();
    assert_eq!(
        lines,
        [
            ("presenter", "sign_in", "", Outcome::Done),
            ("viewer", "sign_in", "", Outcome::Done),
            ("presenter", "press", "step=9.9", Outcome::Failed),
            ("viewer", "press", "step=1.1", Outcome::Refused),
            ("anonymous", "press", "step=1.1", Outcome::Refused),
            ("presenter", "change_clock", "step=1.1 change=start", Outcome::Done),
            ("presenter", "change_policies", "", Outcome::Failed),
        ]
    );
    let admin = session(&site.router, "admin").await;
    let (status, csv, _) = site.send("GET", "/audit.csv", Some(&admin), "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        csv.contains(",\"viewer\",\"viewer\",\"press\",\"step=1.1\",refused\n") && !csv.contains("secret"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 1 + 8);
    // A role counts from the next request on, and somebody is always an admin.
    let new = NewPerson {
        issuer: "https://id.example".into(),
        subject: "7".into(),
        name: "Ada".into(),
        email: None,
        groups: vec![],
        role: Some(Role::Admin),
        customer: None,
    };
    let ada = site.state.store.signed_in("ada", &new).await.unwrap();
    assert!(site.state.store.set_role(&ada.id, Role::Viewer, None).await.is_err(), "the only admin");
    assert!(site.state.store.set_role("local-admin", Role::Viewer, None).await.is_err(), "chosen by name");
}

async fn bad_sign_ins_are_slowed_down() {
    let site = Site::new().await;
    let admin = session(&site.router, "admin").await;
    let mut slowed = 0;
    for _ in 0..10_000 {
        let (status, _, headers) = site.send("POST", "/sign-in", None, "role=root").await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            assert!(headers.contains_key(header::RETRY_AFTER));
            slowed += 1;
        }
    }
    assert!(slowed > 9_000, "{slowed}");
    // The show goes on.
    assert_eq!(site.send("GET", "/", Some(&admin), "").await.0, StatusCode::OK);
}
