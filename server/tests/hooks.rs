//! Pushed notifications: who may push, with an issuer that really signs; and that a push wakes and decides nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use showrunner::AppState;
use showrunner::clock::{Clock, RandomIds, SystemClock};
use showrunner::config::Config;
use showrunner::store::RunState;
use showrunner_lake::ports::Precondition;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

#[path = "hooks/issuer.rs"]
mod issuer;
mod session;

use issuer::{Issuer, Key, token};
use session::{HOST, session};

const AUDIENCE: &str = "https://show.example.com/hooks/gcs";
const ACCOUNT: &str = "push@acme-demo.iam.gserviceaccount.com";
const DAY: &str = "customer01/ga_sessions/2017-07-29";
const LIMIT: usize = 256 << 10;

struct Site {
    router: Router,
    state: Arc<AppState>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new(issuer: Option<&Issuer>) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests(folder.path());
        if let Some(issuer) = issuer {
            config.hook.audience = Some(AUDIENCE.to_owned());
            config.hook.account = Some(ACCOUNT.to_owned());
            config.hook.issuer = issuer.url.clone();
        }
        config.sign_in.public_url = Some("https://show.example.com".to_owned());
        let state = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.unwrap();
        let router = showrunner::http::router(state.clone(), CancellationToken::new());
        Site { router, state, _folder: folder }
    }

    async fn send(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, String, HeaderMap) {
        let mut request = Request::post("/hooks/gcs").header(header::CONTENT_TYPE, "application/json");
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header(header::HOST, HOST);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8_lossy(&to_bytes(body, 1 << 20).await.unwrap()).into_owned();
        (parts.status, text, parts.headers)
    }

    async fn push(&self, token: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let (status, text, _) = self.send(&[("authorization", &format!("Bearer {token}"))], body).await;
        (status, text)
    }

    /// Whether the reconciler, which does not run here, was told to look.
    async fn woken(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(20), self.state.reconciler.woken()).await.is_ok()
    }

    async fn put(&self, name: &str, text: &str) {
        let (bucket, key) = (&self.state.lake.names().ingestion, format!("{DAY}/{name}"));
        self.state.lake.objects().put(bucket, &key, Bytes::from(text.to_owned()), Precondition::None).await.unwrap();
    }

    fn ingestion(&self) -> &str {
        &self.state.lake.names().ingestion
    }
}

fn now() -> i64 {
    SystemClock.millis() / 1_000
}

/// As Google's tokens for pushes are.
fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "azp": "113774264463038321964", "sub": "113774264463038321964",
        "email": ACCOUNT, "email_verified": true, "iat": now() - 5, "exp": now() + 3_600,
    })
}

/// As Pub/Sub wraps what Cloud Storage tells, keys twice.
fn notification(bucket: &str, event: &str, object: &str) -> String {
    let resource = json!({"kind": "storage#object", "name": object, "bucket": bucket, "size": "7"}).to_string();
    json!({
        "message": {
            "attributes": {
                "bucketId": bucket, "objectId": object, "objectGeneration": "1501300000000000", "eventType": event,
                "eventTime": "2017-07-29T12:00:00.000000Z", "payloadFormat": "JSON_API_V1",
                "notificationConfig": format!("projects/_/buckets/{bucket}/notificationConfigs/1"),
            },
            "data": STANDARD.encode(resource),
            "messageId": "2070443601311540", "message_id": "2070443601311540",
            "publishTime": "2017-07-29T12:00:01.5Z", "publish_time": "2017-07-29T12:00:01.5Z",
        },
        "subscription": "projects/acme-demo/subscriptions/sa-demo-test-hook",
    })
    .to_string()
}

/// One test, since keys take a while to make.
#[tokio::test(flavor = "multi_thread")]
async fn pushes() {
    let (a, b) = (Key::new("a"), Key::new("b"));
    let issuer = Issuer::start(vec![a.public()]).await;
    without_its_settings_nothing_is_taken(&issuer, &a).await;
    one_wrong_claim_is_enough(&issuer, &a).await;
    no_other_signature_counts(&issuer, &a, &b).await;
    only_the_bucket_wakes_and_nothing_waits(&issuer, &a).await;
    what_is_no_push_is_said_so(&issuer, &a).await;
    hosts_and_sites_are_as_everywhere(&issuer, &a).await;
    however_often_it_comes_the_day_runs_once(&issuer, &a).await;
    keys_are_kept_and_read_anew(&a, &b).await;
}

async fn without_its_settings_nothing_is_taken(issuer: &Issuer, key: &Key) {
    let site = Site::new(None).await;
    let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
    let (status, text) = site.push(&token(key, "RS256", &claims(&issuer.url)), body).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{text}");
    assert!(!site.woken().await && issuer.asked() == 0);
    // One half of it is an error that says so.
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(folder.path());
    config.hook.audience = Some(AUDIENCE.to_owned());
    let refused = showrunner::build(&config, Arc::new(SystemClock), Arc::new(RandomIds)).await.err().unwrap();
    assert!(refused.message.contains("SHOWRUNNER_HOOK_ACCOUNT"), "{refused}");
}

async fn one_wrong_claim_is_enough(issuer: &Issuer, key: &Key) {
    let site = Site::new(Some(issuer)).await;
    let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
    let gone = Value::Null;
    // Claim, another value (null: left out), status, a word of the sentence.
    let wrong: &[(&str, Value, u16, &str)] = &[
        ("iss", json!("https://evil.example"), 401, "somebody else"),
        ("iss", json!("https://accounts.google.com"), 401, "somebody else"),
        ("iss", json!(format!("{}/", issuer.url)), 401, "somebody else"),
        ("iss", gone.clone(), 401, "ID token"),
        ("aud", json!("https://other.example/hooks/gcs"), 401, "audience"),
        ("aud", json!("https://show.example.com/hooks/gcs/"), 401, "audience"),
        ("aud", json!("HTTPS://show.example.com/hooks/gcs"), 401, "audience"),
        ("aud", json!([AUDIENCE, "https://other.example"]), 401, "audience"),
        ("aud", json!([]), 401, "audience"),
        ("aud", gone.clone(), 401, "ID token"),
        ("exp", json!(now() - 90), 401, "expired"),
        ("exp", json!(0), 401, "expired"),
        ("exp", json!(i64::MIN), 401, "expired"),
        ("exp", json!("never"), 401, "ID token"),
        ("exp", gone.clone(), 401, "ID token"),
        ("iat", json!(now() + 300), 401, "not valid yet"),
        ("nbf", json!(now() + 300), 401, "not valid yet"),
        ("nbf", json!(i64::MAX), 401, "not valid yet"),
        ("email", json!("other@acme-demo.iam.gserviceaccount.com"), 403, "another account"),
        ("email", json!(ACCOUNT.to_uppercase()), 403, "another account"),
        ("email", gone.clone(), 403, "another account"),
        ("email_verified", json!(false), 403, "does not vouch"),
        ("email_verified", json!("true"), 401, "ID token"),
        ("email_verified", gone, 403, "does not vouch"),
    ];
    for (claim, value, expected, word) in wrong {
        let mut all = claims(&issuer.url);
        let object = all.as_object_mut().unwrap();
        match value {
            Value::Null => drop(object.remove(*claim)),
            value => drop(object.insert((*claim).to_owned(), value.clone())),
        }
        let token = token(key, "RS256", &all);
        let (status, text) = site.push(&token, body.clone()).await;
        assert_eq!(status.as_u16(), *expected, "{claim} {value}: {text}");
        assert!(text.contains(word) && text.trim_end().lines().count() == 1, "{claim} {value}: {text}");
        assert!(!text.contains(ACCOUNT) && !text.contains(&token[..20]), "it tells nothing: {text}");
        assert!(!site.woken().await, "{claim} {value}");
    }
    // Clocks differ a little, and a list of one is as good.
    for (claim, value) in
        [("exp", json!(now() - 30)), ("iat", json!(now() + 30)), ("nbf", json!(now() - 1)), ("aud", json!([AUDIENCE]))]
    {
        let mut all = claims(&issuer.url);
        all[claim] = value;
        let (status, text) = site.push(&token(key, "RS256", &all), body.clone()).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{claim}: {text}");
        assert!(site.woken().await, "{claim}");
    }
    let trail = site.state.store.audit_trail(None, 10).await.unwrap();
    assert!(trail.is_empty(), "pushes are nobody's deeds: {trail:?}");
}

async fn no_other_signature_counts(issuer: &Issuer, key: &Key, other: &Key) {
    let site = Site::new(Some(issuer)).await;
    let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
    let all = claims(&issuer.url);
    let right = token(key, "RS256", &all);
    let (rest, signature) = right.rsplit_once('.').unwrap();
    let (head, payload) = rest.split_once('.').unwrap();
    let mut more = all.clone();
    more["sub"] = json!("1");
    let others = token(key, "RS256", &more);
    let stolen = others.rsplit_once('.').unwrap().1;
    let none = issuer::part(&json!({"alg": "none", "kid": "a", "typ": "JWT"}));
    let cases = [
        ("the key of nobody", token(other, "RS256", &all)),
        ("another key under the name", token(&other.called("a"), "RS256", &all)),
        ("the public key as a secret", issuer::by_secret("HS256", "a", &all, &key.public_der())),
        ("RS256 by the public key as a secret", issuer::by_secret("RS256", "a", &all, &key.public_der())),
        ("another algorithm", token(key, "RS512", &all)),
        ("none", format!("{none}.{payload}.")),
        ("none, signed", format!("{none}.{payload}.{signature}")),
        ("no signature", format!("{head}.{payload}.")),
        ("another token's signature", format!("{head}.{payload}.{stolen}")),
        ("two parts", rest.to_owned()),
        ("four parts", format!("{right}.{signature}")),
        ("no name of a key", issuer::token_with(key, &json!({"alg": "RS256"}), &all)),
        ("an extension", issuer::token_with(key, &json!({"alg": "RS256", "kid": "a", "crit": ["b64"]}), &all)),
        ("rubbish", "rubbish".to_owned()),
        ("dots", "..".to_owned()),
        ("a long one", "x".repeat(20_000)),
    ];
    for (what, token) in cases {
        let (status, text) = site.push(&token, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}: {text}");
        assert!(!site.woken().await, "{what}");
    }
    for headers in [&[][..], &[("authorization", "")], &[("authorization", "Bearer")], &[("authorization", "Bearer ")]]
    {
        let (status, text, answer) = site.send(headers, body.clone()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{headers:?}: {text}");
        assert_eq!(answer[header::WWW_AUTHENTICATE], "Bearer");
    }
    let (status, _, _) = site.send(&[("authorization", &format!("Basic {right}"))], body.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // An admin's session is no token, and an upload token opens nothing here.
    let admin = session(&site.router, "admin").await;
    let (status, text, _) = site.send(&[("cookie", admin.to_str().unwrap())], body.clone()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{text}");
    assert!(!site.woken().await);
    assert_eq!(site.push(&right, body).await.0, StatusCode::NO_CONTENT);
    assert!(site.woken().await);
}

async fn only_the_bucket_wakes_and_nothing_waits(issuer: &Issuer, key: &Key) {
    let site = Site::new(Some(issuer)).await;
    let token = token(key, "RS256", &claims(&issuer.url));
    let ours = site.ingestion().to_owned();
    let marker = format!("{DAY}/end_file.txt");
    let bare = |attributes: Value| json!({"message": {"attributes": attributes, "messageId": "1"}}).to_string();
    let cases = [
        (notification(&ours, "OBJECT_FINALIZE", &marker), true),
        (notification(&ours, "OBJECT_FINALIZE", "nowhere/at all"), true),
        (bare(json!({"eventType": "OBJECT_FINALIZE", "bucketId": ours})), true),
        (notification(&ours, "OBJECT_DELETE", &marker), false),
        (notification(&ours, "OBJECT_METADATA_UPDATE", &marker), false),
        (notification(&ours, "OBJECT_SOMETHING_NEW", &marker), false),
        (notification("somebody-elses", "OBJECT_FINALIZE", &marker), false),
        (notification(&site.state.lake.names().datalake, "OBJECT_FINALIZE", &marker), false),
        (bare(json!({})), false),
        (bare(json!({"eventType": "OBJECT_FINALIZE"})), false),
        (json!({"message": {"data": "e30=", "messageId": "1"}, "subscription": "s"}).to_string(), false),
    ];
    for (body, wakes) in cases {
        let (status, text) = site.push(&token, body.clone()).await;
        assert_eq!((status, text.as_str()), (StatusCode::NO_CONTENT, ""), "{body}");
        assert_eq!(site.woken().await, wakes, "{body}");
    }
    // A hundred of them wake it once, and none waits for another.
    for _ in 0..100 {
        site.push(&token, notification(&ours, "OBJECT_FINALIZE", &marker)).await;
    }
    assert!(site.woken().await);
    assert!(!site.woken().await);
}

async fn what_is_no_push_is_said_so(issuer: &Issuer, key: &Key) {
    let site = Site::new(Some(issuer)).await;
    let token = token(key, "RS256", &claims(&issuer.url));
    for body in
        ["", "{", "null", "[]", "{}", "\"x\"", r#"{"message":7}"#, r#"{"message":{"attributes":{"a":1}}}"#, "\u{0}"]
    {
        let (status, text) = site.push(&token, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body:?}: {text}");
        assert!(!site.woken().await, "{body:?}");
    }
    let deep = format!(r#"{{"message":{}}}"#, "[".repeat(100_000));
    assert_eq!(site.push(&token, deep).await.0, StatusCode::BAD_REQUEST);
    let padded = |length: usize| {
        let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
        body.clone() + &" ".repeat(length - body.len())
    };
    assert_eq!(site.push(&token, padded(LIMIT)).await.0, StatusCode::NO_CONTENT);
    assert!(site.woken().await);
    let (status, text) = site.push(&token, padded(LIMIT + 1)).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
    let (status, _) = site.push("none", padded(LIMIT + 1)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "who it is comes first");
    assert!(!site.woken().await);
    for method in ["GET", "PUT", "DELETE"] {
        let request = Request::builder().method(method).uri("/hooks/gcs").header(header::HOST, HOST);
        let response = site.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
}

async fn hosts_and_sites_are_as_everywhere(issuer: &Issuer, key: &Key) {
    let site = Site::new(Some(issuer)).await;
    let token = format!("Bearer {}", token(key, "RS256", &claims(&issuer.url)));
    let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
    for (headers, status) in [
        (&[("host", "show.example.com")][..], 204),
        (&[("host", "evil.example")], 403),
        (&[("host", "evil.example"), ("x-forwarded-host", "show.example.com")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
    ] {
        let headers = [headers, &[("authorization", token.as_str())]].concat();
        let (answered, text, _) = site.send(&headers, body.clone()).await;
        assert_eq!(answered.as_u16(), status, "{text}");
        assert_eq!(site.woken().await, status == 204);
    }
}

async fn however_often_it_comes_the_day_runs_once(issuer: &Issuer, key: &Key) {
    let site = Site::new(Some(issuer)).await;
    let background = site.state.start().await.unwrap();
    let token = token(key, "RS256", &claims(&issuer.url));
    let ours = site.ingestion().to_owned();
    let tell = async |name: &str| {
        let body = notification(&ours, "OBJECT_FINALIZE", &format!("{DAY}/{name}"));
        assert_eq!(site.push(&token, body).await.0, StatusCode::NO_CONTENT);
    };
    let runs = async || site.state.store.runs(10).await.unwrap();
    // Out of order: told of a marker that is not there, and of files that come later.
    tell("end_file.txt").await;
    tell("day.json").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(runs().await.len(), 0, "what is told decides nothing");
    let session = r#"{"visitorId":null,"visitNumber":"1","visitId":"7","visitStartTime":"1501300000","date":"20170729","totals":{"visits":"1","hits":"1"},"fullVisitorId":"7","hits":[]}"#;
    site.put("day.json", session).await;
    tell("day.json").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(runs().await.len(), 0, "a file without its marker starts nothing");
    site.put("end_file.txt", "").await;
    futures::future::join_all((0..50).map(|_| tell("end_file.txt"))).await;
    let id = loop {
        match runs().await.first() {
            Some(run) => break run.id.clone(),
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let run = tokio::time::timeout(Duration::from_secs(120), site.state.engine.wait(&id)).await.unwrap().unwrap();
    assert_eq!(run.state, RunState::Done, "{:?}", run.error);
    // Again when all is done, as after a lost answer.
    futures::future::join_all((0..50).map(|_| tell("end_file.txt"))).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(runs().await.len(), 1);
    let folders = site.state.reconciler.folder_states().await.unwrap();
    assert_eq!(folders.iter().map(|folder| folder.duplicates).sum::<u64>(), 0, "one marker is one delivery");
    background.stop().await;
}

async fn keys_are_kept_and_read_anew(a: &Key, b: &Key) {
    let issuer = Issuer::start(vec![a.public()]).await;
    let site = Site::new(Some(&issuer)).await;
    let body = notification(site.ingestion(), "OBJECT_FINALIZE", DAY);
    let (by_a, by_b) = (token(a, "RS256", &claims(&issuer.url)), token(b, "RS256", &claims(&issuer.url)));
    assert_eq!(issuer.asked(), 0, "nobody is asked before somebody pushes");
    futures::future::join_all((0..20).map(|_| site.push(&by_a, body.clone()))).await;
    assert_eq!(issuer.asked(), 1, "read once");
    issuer.rotate(vec![a.public(), b.public()]);
    assert_eq!(site.push(&by_b, body.clone()).await.0, StatusCode::NO_CONTENT, "a new key is found");
    assert_eq!(issuer.asked(), 2);
    for made_up in ["c", "d", "e"] {
        let token = token(&a.called(made_up), "RS256", &claims(&issuer.url));
        assert_eq!(site.push(&token, body.clone()).await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(issuer.asked(), 2, "names that are made up are not asked for within the minute");
    assert_eq!(site.state.hook.as_ref().unwrap().count_keys().await.unwrap(), 2);
    // Without keys nobody can be told from anybody: later, not never.
    let gone = Issuer::start(Vec::new()).await;
    gone.stop();
    let site = Site::new(Some(&gone)).await;
    let (status, text) = site.push(&token(a, "RS256", &claims(&gone.url)), body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
}
