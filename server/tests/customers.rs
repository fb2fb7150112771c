//! Customers and their uploads through the whole router: what a token opens, what it does not, and that one customer's day touches no other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use showrunner::clock::{RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::customers::{TokenLife, attempts};
use showrunner::people::Role;
use showrunner::reset::{self, ResetScope, ResetStart};
use showrunner::store::{AuditRow, Outcome, RunState};
use showrunner::{AppState, Background};
use showrunner_lake::{Identity, QueryLimits};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const DAY: &str = "/upload/customer02/ga_sessions/2017-07-29";
const WITHIN: Duration = Duration::from_secs(120);

struct Site {
    state: Arc<AppState>,
    router: Router,
    folder: tempfile::TempDir,
    token: String,
    background: Background,
}

impl Site {
    async fn open() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::for_tests(folder.path());
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let background = state.start().await.unwrap();
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        state.create_customer("customer02", "Second", "").await.unwrap();
        let mut site = Site { state, router, folder, token: String::new(), background };
        site.token = site.new_token("customer02").await;
        site
    }

    async fn new_token(&self, customer: &str) -> String {
        let nonce = self.state.create_token(customer, "nightly", TokenLife::days("30").unwrap()).await.unwrap();
        self.state.desk.look(&nonce).unwrap().text
    }

    async fn send(&self, request: Request<Body>) -> (u16, HeaderMap, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 10_000_000).await.unwrap();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
        let mut builder = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:3000");
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            builder = builder.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(body).unwrap()
    }

    async fn put(&self, path: &str, text: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
        let length = text.len().to_string();
        let headers = [headers, &[("content-length", length.as_str())]].concat();
        self.send(self.request("PUT", path, &headers, Body::from(text.to_owned()))).await
    }

    async fn get(&self, path: &str) -> (u16, HeaderMap, String) {
        self.send(self.request("GET", path, &[], Body::empty())).await
    }

    async fn head(&self, path: &str) -> (u16, Option<String>) {
        let (status, headers, _) = self.send(self.request("HEAD", path, &[], Body::empty())).await;
        (status, headers.get("upload-offset").map(|v| v.to_str().unwrap().to_owned()))
    }

    async fn keys(&self) -> Vec<String> {
        let bucket = &self.state.lake.names().ingestion;
        self.state.lake.objects().list(bucket, "").await.unwrap().into_iter().map(|meta| meta.key).collect()
    }

    async fn audit(&self) -> Vec<AuditRow> {
        self.state.store.audit_trail(None, 100).await.unwrap()
    }

    async fn over(&self, run: &str) -> RunState {
        tokio::time::timeout(WITHIN, self.state.engine.wait(run)).await.unwrap().unwrap().state
    }

    /// Rows of each customer in the warehouse.
    async fn warehouse(&self) -> String {
        let sql = "SELECT customer, count(*) AS n, min(date), max(date), sum(visit_id) FROM warehouse.ga_sessions GROUP BY customer ORDER BY customer";
        let limits = QueryLimits { rows: 10, timeout: WITHIN };
        let answer = self.state.lake.query(&Identity::admin(), sql, limits).await.unwrap();
        format!("{}", arrow::util::pretty::pretty_format_batches(&answer.batches).unwrap())
    }
}

/// As a customer's export has it.
fn session(visit: u32) -> String {
    format!(
        r#"{{"visitorId":null,"visitNumber":"1","visitId":"{visit}","visitStartTime":"1501300000","date":"20170729","totals":{{"visits":"1","hits":"1"}},"fullVisitorId":"{visit}","hits":[]}}"#
    ) + "\n"
}

/// One test, one runtime: Leptos keeps its executor for the process, and would wait for tasks of a runtime that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn customers_and_their_uploads() {
    a_day_by_token_ends_in_the_warehouse_beside_the_other_customer().await;
    nothing_but_the_own_folder_opens().await;
    uploads_go_on_where_they_broke_off().await;
    checksums_limits_and_the_quota_hold().await;
    tokens_expire_rotate_and_are_revoked().await;
    a_customer_goes_with_proof().await;
}

async fn a_day_by_token_ends_in_the_warehouse_beside_the_other_customer() {
    let site = Site::open().await;
    let first = site.new_token("customer01").await;
    let first = format!("Bearer {first}");
    let own = [("authorization", first.as_str())];
    let text: String = (1..=30).map(session).collect();
    let (status, _, body) = site.put("/upload/customer01/ga_sessions/2017-07-29/a.json", &text, &own).await;
    assert_eq!(status, 201, "{body}");
    let (status, _, body) = site.put("/upload/customer01/ga_sessions/2017-07-29/end_file.txt", "", &own).await;
    assert_eq!(status, 201, "{body}");
    let run: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(site.over(run["run"].as_str().unwrap()).await, RunState::Done);
    let alone = site.warehouse().await;

    let (status, _, body) = site.put(&format!("{DAY}/end_file.txt"), "", &[]).await;
    assert_eq!(status, 409, "a marker without files: {body}");
    let text: String = (1..=20).map(session).collect();
    let (status, _, body) = site.put(&format!("{DAY}/sessions.json"), &text, &[]).await;
    assert_eq!(status, 201, "{body}");
    assert!(body.ends_with('\n') && body.contains("Send end_file.txt"), "{body}");
    let (status, _, body) = site.put(&format!("{DAY}/end_file.txt"), "done", &[]).await;
    assert_eq!(status, 201, "{body}");
    let run: serde_json::Value = serde_json::from_str(&body).unwrap();
    let run = run["run"].as_str().unwrap().to_owned();
    assert_eq!(site.over(&run).await, RunState::Done);
    let both = site.warehouse().await;
    let line = |table: &str, customer: &str| table.lines().find(|l| l.contains(customer)).map(str::to_owned);
    assert_eq!(line(&alone, "customer01"), line(&both, "customer01"), "not one row of the other is touched");
    assert!(line(&both, "customer02").is_some_and(|line| line.contains("20")), "{both}");

    let (status, _, body) = site.put(&format!("{DAY}/end_file.txt"), "", &[]).await;
    assert!(status == 200 && body.contains("Duplicate") && body.contains(&run), "{status} {body}");
    let (status, _, body) = site.put(&format!("{DAY}/sessions.json"), &text, &[]).await;
    assert!(status == 200 && body.contains("late"), "written over: {status} {body}");

    let ResetStart::Started(run) =
        reset::start(&site.state, ResetScope::Customer("customer02".into()), None, "test", None).await.unwrap()
    else {
        panic!("there was something to reset");
    };
    assert_eq!(site.over(&run).await, RunState::Done);
    assert_eq!(site.warehouse().await, alone, "a reset of one leaves the other as it was");
    site.background.stop().await;
}

async fn nothing_but_the_own_folder_opens() {
    let site = Site::open().await;
    let other = site.keys().await;
    for (path, expected) in [
        ("/upload/customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02/../customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02/%2e%2e/customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02%2F..%2Fcustomer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02/ga_sessions/2017-07-29/%5Ca.json", 403),
        ("/upload/customer%EF%BC%902/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/%D1%81ustomer02/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/sa-datalake-demo-test/zone/gold/a.parquet", 403),
        ("/upload/customer02/ga_sessions/2017-07-29/a%00.json", 403),
        ("/upload/customer02/ga_sessions/2017-07-29/a.json%20", 422),
        ("/upload/customer02/nothing/2017-07-29/a.json", 404),
    ] {
        let (status, _, body) = site.put(path, "x", &[]).await;
        assert_eq!(status, expected, "{path}: {body}");
        assert!(body.starts_with("{\"message\":\"") && body.ends_with('\n'), "{body}");
    }
    // The token opens no page, no table, no bucket, no server function, and no form.
    for path in [
        "/upload/",
        "/upload/customer01/",
        "/upload/sa-ingestion-demo-test/",
        "/lake",
        "/lake/bucket/sa-datalake-demo-test",
        "/lake/gold.daily_kpis?tab=rows",
        "/api/lake",
        "/sql?q=SELECT+1",
        "/customers",
        "/upload",
        "/healthz",
    ] {
        let (status, _, body) = site.get(path).await;
        assert_eq!(status, 403, "{path}: {body}");
    }
    for (method, path) in [("POST", "/upload"), ("POST", "/api/press"), ("POST", "/api/change_customer")] {
        let (status, _, body) = site.send(site.request(method, path, &[], Body::empty())).await;
        assert_eq!(status, 403, "{path}: {body}");
    }
    let (status, _, body) = site.send(site.request("DELETE", &format!("{DAY}/a.json"), &[], Body::empty())).await;
    assert_eq!(status, 405, "{body}");
    // Without a token, with a wrong one, and by a cookie.
    for headers in [
        vec![("authorization", "")],
        vec![("authorization", "Bearer sru_0123456789_wrong")],
        vec![("authorization", "Basic abc"), ("cookie", "view_as=admin")],
    ] {
        let (status, answer, body) = site.put(&format!("{DAY}/a.json"), "x", &headers).await;
        assert_eq!(status, 401, "{body}");
        assert!(answer.contains_key(header::WWW_AUTHENTICATE));
    }
    let (id, _) = site.token.rsplit_once('_').unwrap();
    let guessed = format!("Bearer {id}_{}", "A".repeat(43));
    assert_eq!(site.put(&format!("{DAY}/a.json"), "x", &[("authorization", &guessed)]).await.0, 401);
    assert_eq!(site.keys().await, other, "nothing was written");

    #[cfg(unix)]
    {
        let bucket = site.folder.path().join("buckets").join(&site.state.lake.names().ingestion);
        let elsewhere = site.folder.path().join("elsewhere");
        std::fs::create_dir_all(&elsewhere).unwrap();
        std::fs::create_dir_all(bucket.join("customer02")).unwrap();
        std::os::unix::fs::symlink(&elsewhere, bucket.join("customer02/ga_sessions")).unwrap();
        let (status, _, body) = site.put(&format!("{DAY}/a.json"), "x", &[]).await;
        assert_eq!(status, 403, "a symbolic link in its folder: {body}");
        assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
        let (status, _, body) = site.get("/upload/customer02/ga_sessions/").await;
        assert!(status == 200 && body.contains("\"files\":[]"), "{status} {body}");
        std::fs::remove_file(bucket.join("customer02/ga_sessions")).unwrap();
    }

    let who = showrunner::customers::UploadIdentity {
        customer: "customer02".into(),
        token: "0123456789".into(),
        label: "panel".into(),
    };
    let tried = attempts(&site.state, &who).await.unwrap();
    assert!(tried.iter().all(|attempt| attempt.right), "{tried:#?}");
    assert!(tried.iter().filter(|attempt| attempt.status == 403).count() >= 12);

    let trail = site.audit().await;
    assert!(
        trail.iter().any(|line| line.outcome == Outcome::Refused && line.by_whom.starts_with("customer02 by token"))
    );
    assert!(trail.iter().any(|line| line.by_whom == "anonymous"));
    let secret = site.token.rsplit('_').next().unwrap();
    assert!(!format!("{trail:?}").contains(secret));
    // Much of the same is answered by 429, and who may goes on.
    let mut last = 0;
    for _ in 0..60 {
        last = site.get("/upload/customer01/").await.0;
    }
    assert_eq!(last, 429);
    let (_, headers, _) = site.get("/upload/customer01/").await;
    assert!(headers.contains_key(header::RETRY_AFTER));
    assert_eq!(site.put(&format!("{DAY}/fine.json"), "{}", &[]).await.0, 201);
    site.background.stop().await;
}

async fn uploads_go_on_where_they_broke_off() {
    let site = Site::open().await;
    let path = format!("{DAY}/long.json");
    assert_eq!(site.head(&path).await, (404, Some("0".into())));
    // The connection breaks after six of ten bytes.
    let body = Body::from_stream(futures::stream::iter([
        Ok(Bytes::from_static(b"012345")),
        Err(std::io::Error::other("the connection broke")),
    ]));
    let (status, headers, _) = site.send(site.request("PUT", &path, &[("content-length", "10")], body)).await;
    assert_eq!((status, headers["upload-offset"].to_str().unwrap()), (408, "6"));
    assert_eq!(site.head(&path).await, (204, Some("6".into())));
    assert!(site.keys().await.is_empty(), "what is not whole is no object");
    let (_, _, listing) = site.get("/upload/customer02/").await;
    assert!(listing.contains("\"files\":[]") && listing.contains("long.json"), "{listing}");

    let (status, headers, body) = site.put(&path, "xx", &[("content-range", "bytes 4-5/10")]).await;
    assert_eq!((status, headers["upload-offset"].to_str().unwrap()), (409, "6"), "{body}");
    let (status, headers, _) = site.put(&path, "67", &[("content-range", "bytes 6-7/10")]).await;
    assert_eq!((status, headers["upload-offset"].to_str().unwrap()), (202, "8"));
    let whole = format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(b"0123456789")));
    let (status, _, body) = site.put(&path, "89", &[("content-range", "bytes 8-9/10"), ("repr-digest", &whole)]).await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(site.head(&path).await, (200, Some("10".into())));
    let bucket = &site.state.lake.names().ingestion;
    let stored = site.state.lake.objects().get(bucket, "customer02/ga_sessions/2017-07-29/long.json").await.unwrap();
    assert_eq!(stored, "0123456789");

    // What nobody went on with goes with the customer's reset.
    let body = Body::from_stream(futures::stream::iter([
        Ok(Bytes::from_static(b"012345")),
        Err(std::io::Error::other("the connection broke")),
    ]));
    site.send(site.request("PUT", &format!("{DAY}/left.json"), &[("content-length", "10")], body)).await;
    assert_eq!(site.state.lake.dropbox("customer02").unwrap().uploads().await.unwrap().len(), 1);
    let ResetStart::Started(run) =
        reset::start(&site.state, ResetScope::Customer("customer02".into()), None, "test", None).await.unwrap()
    else {
        panic!("there was something to reset");
    };
    assert_eq!(site.over(&run).await, RunState::Done);
    assert!(site.state.lake.dropbox("customer02").unwrap().uploads().await.unwrap().is_empty());
    site.background.stop().await;
}

async fn checksums_limits_and_the_quota_hold() {
    let site = Site::open().await;
    let path = format!("{DAY}/a.json");
    let sha = |text: &str| format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(text.as_bytes())));
    let (status, _, body) = site.put(&path, "other", &[("content-digest", &sha("this"))]).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(site.head(&path).await, (404, Some("0".into())), "a mismatch keeps nothing");
    let (status, _, body) = site.put(&path, "this", &[("x-goog-hash", "crc32c=AAAAAA==")]).await;
    assert_eq!(status, 400, "{body}");
    let (status, _, body) = site.put(&path, "123456789", &[("x-goog-hash", "crc32c=4waSgw==")]).await;
    assert_eq!(status, 201, "the check value of the polynomial, 0xE3069283: {body}");
    assert_eq!(site.put(&path, "this", &[("content-digest", &sha("this"))]).await.0, 200);

    let length = |n: u64| n.to_string();
    let too_large = length((8 << 20) + 1);
    let request = site.request("PUT", &path, &[("content-length", &too_large)], Body::empty());
    assert_eq!(site.send(request).await.0, 413);
    let request = site.request(
        "PUT",
        &path,
        &[],
        Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>(Bytes::new())])),
    );
    assert_eq!(site.send(request).await.0, 411);
    site.state.change_customer("customer02", "Second", "100").await.unwrap();
    let (status, _, body) = site.put(&format!("{DAY}/b.json"), &"x".repeat(97), &[]).await;
    assert!(status == 507 && body.contains("quota"), "{status} {body}");
    assert_eq!(site.put(&format!("{DAY}/b.json"), &"x".repeat(96), &[]).await.0, 201);
    assert_eq!(site.put(&path, &"x".repeat(4), &[]).await.0, 200, "written over, it counts once");
    // A body that stops is broken off, and what came is kept.
    let body = Body::from_stream(futures::StreamExt::chain(
        futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"ab"))]),
        futures::stream::pending(),
    ));
    let request = site.request("PUT", &path, &[("content-length", "4")], body);
    let (status, headers, _) = site.send(request).await;
    assert_eq!((status, headers["upload-offset"].to_str().unwrap()), (408, "2"));
    site.background.stop().await;
}

async fn tokens_expire_rotate_and_are_revoked() {
    let site = Site::open().await;
    let tokens = site.state.store.tokens().await.unwrap();
    assert_eq!(tokens.len(), 1);
    assert!(!format!("{tokens:?}").contains(site.token.rsplit('_').next().unwrap()), "stored as a hash");
    assert_eq!(site.put(&format!("{DAY}/a.json"), "{}", &[]).await.0, 201);
    assert!(site.state.store.tokens().await.unwrap()[0].last_used_at.is_some());

    let nonce = site.state.rotate_token("customer02", &tokens[0].id).await.unwrap();
    let newer = format!("Bearer {}", site.state.desk.look(&nonce).unwrap().text);
    assert!(site.state.desk.look(&nonce).is_none(), "shown once");
    assert_eq!(site.put(&format!("{DAY}/a.json"), "{}", &[("authorization", &newer)]).await.0, 200);
    assert_eq!(site.put(&format!("{DAY}/a.json"), "{}", &[]).await.0, 200, "the old one works for a while");
    let old = site.state.store.token(&tokens[0].id).await.unwrap().unwrap();
    assert!(old.expires_at < tokens[0].expires_at && old.replaced_by.is_some());
    assert!(site.state.rotate_token("customer02", &old.id).await.is_err(), "rotated once");
    assert!(site.state.revoke_token("customer01", &old.id).await.is_err(), "another customer's");
    site.state.revoke_token("customer02", &old.id).await.unwrap();
    let (status, _, body) = site.put(&format!("{DAY}/a.json"), "{}", &[]).await;
    assert!(status == 401 && body.contains("revoked"), "{status} {body}");

    site.state.enable_customer("customer02", false).await.unwrap();
    let (status, _, body) = site.put(&format!("{DAY}/a.json"), "{}", &[("authorization", &newer)]).await;
    assert!(status == 403 && body.contains("disabled"), "{status} {body}");
    site.state.enable_customer("customer02", true).await.unwrap();
    assert_eq!(site.put(&format!("{DAY}/a.json"), "{}", &[("authorization", &newer)]).await.0, 200);
    site.background.stop().await;
}

async fn a_customer_goes_with_proof() {
    let site = Site::open().await;
    let state = &site.state;
    assert!(state.create_customer("customer02", "Again", "").await.is_err(), "there is one");
    for id in ["", "x", "Customer03", "customer 3", "../x", "cust\u{f6}mer"] {
        assert!(state.create_customer(id, "", "").await.is_err(), "{id}");
    }
    assert!(state.delete_customer("customer01", "", "test").await.unwrap_err().message.contains("story"));
    assert_eq!(site.put(&format!("{DAY}/a.json"), "{}", &[]).await.0, 201);
    let person = state.sign_in.by_name("customer", "customer02").await.unwrap();
    assert!(state.delete_customer("customer02", "another plan", "test").await.is_err());
    let deletion = state.customer_deletion("customer02").await.unwrap();
    assert_eq!(deletion.items, 1);
    let run = state.delete_customer("customer02", &deletion.plan.digest, "test").await.unwrap();
    assert!(matches!(site.put(&format!("{DAY}/b.json"), "{}", &[]).await.0, 401 | 403));
    assert_eq!(site.over(&run).await, RunState::Done);
    tokio::time::timeout(WITHIN, async {
        while state.store.account("customer02").await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert!(state.store.tokens().await.unwrap().is_empty());
    let left = state.store.person(&person.id).await.unwrap().unwrap();
    assert_eq!((left.role, left.customer), (Role::None, None), "whoever delivered for it delivers for nobody");
    assert!(left.epoch > person.epoch, "and is signed out");
    assert!(site.keys().await.is_empty());
    let proof = &state.store.deleted_accounts(10).await.unwrap()[0];
    assert_eq!((proof.customer.as_str(), proof.run_id.as_str()), ("customer02", run.as_str()));
    assert_eq!(site.put(&format!("{DAY}/b.json"), "{}", &[]).await.0, 401);
    // The same name again is another customer, with nothing of the old one.
    state.create_customer("customer02", "", "").await.unwrap();
    assert!(state.store.tokens().await.unwrap().is_empty());
    site.background.stop().await;
}
