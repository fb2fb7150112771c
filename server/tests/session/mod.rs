//! A router as a browser reaches it that is signed in.

#![allow(dead_code, reason = "each test takes of it what it needs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::map_request;
use tower::ServiceExt;

/// The host that requests name.
pub const HOST: &str = "127.0.0.1:3000";

/// The session's cookie of somebody who chose the role (`admin`, or `customer&customer=customer01`).
pub async fn session(router: &Router, role: &str) -> HeaderValue {
    let request = Request::post("/sign-in")
        .header(header::HOST, HOST)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("role={role}")))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert!(response.status().is_redirection(), "{role}: {}", response.status());
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    HeaderValue::from_str(cookie.split(';').next().unwrap()).unwrap()
}

/// The router, each request of which comes with that cookie.
pub async fn signed_in(router: Router, role: &str) -> Router {
    let cookie = session(&router, role).await;
    router.layer(map_request(move |mut request: Request| {
        request.headers_mut().append(header::COOKIE, cookie.clone());
        std::future::ready(request)
    }))
}
