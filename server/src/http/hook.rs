//! `POST /hooks/gcs`: what Pub/Sub pushes about objects of Cloud Storage. Knows no session: whoever pushes brings a token.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{REQUEST_ID, Web};
use crate::hook;

/// Bytes that a push may have: a notification has two kilobytes.
pub const LIMIT: usize = 256 << 10;
/// The body has to be there within this time.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Wakes the reconciler where the push tells of something written into the ingestion bucket; nothing waits for what it does.
pub async fn receive(State(web): State<Web>, request: Request) -> Response {
    let state = &web.state;
    let Some(hook) = &state.hook else {
        return told(StatusCode::NOT_FOUND, "Pushes are not taken here: SHOWRUNNER_HOOK_AUDIENCE is not set.");
    };
    if request.method() != Method::POST {
        let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "Pushes are sent here by POST.");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if let Err(refusal) = hook.admit(token).await {
        let id = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::warn!(request_id = id, status = refusal.status, reason = refusal.words, "a push was refused");
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = told(status, refusal.words);
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        return response;
    }
    let body = match tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return told(StatusCode::PAYLOAD_TOO_LARGE, "The push is longer than 256 KiB; no notification is.");
        }
        Ok(Err(_)) => return told(StatusCode::BAD_REQUEST, "The push did not arrive as a whole. Push it again."),
        Err(_) => {
            return told(StatusCode::REQUEST_TIMEOUT, "The push did not arrive within 10 seconds. Push it again.");
        }
    };
    match hook::tells_of(&state.lake.names().ingestion, &body) {
        Ok(written) => {
            if written {
                state.reconciler.wake();
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Err(_) => told(
            StatusCode::BAD_REQUEST,
            "This is no push of Pub/Sub's: {\"message\":{\"attributes\":{…}}} is expected. Do not unwrap the payload.",
        ),
    }
}

fn told(status: StatusCode, words: &'static str) -> Response {
    (status, format!("{words}\n")).into_response()
}
