//! From what Google answers to a kind and a sentence that says what to do.

use google_cloud_gax::error::rpc::Code;
use showrunner_lake::{Error, ErrorKind};

/// Turns a failure of Google's clients into ours. `action` completes "Could not …", for instance "write gs://b/k".
pub(crate) fn from_gax(action: &str, error: google_cloud_gax::error::Error) -> Error {
    let (kind, message) = explain(action, &error);
    Error::with(kind, message, error)
}

/// The kind and the sentence of [`from_gax`], for an error that cannot be taken along.
pub(crate) fn explain(action: &str, error: &google_cloud_gax::error::Error) -> (ErrorKind, String) {
    let request = request_id(error);
    let (kind, why) = if error.is_timeout() || error.is_exhausted() {
        (ErrorKind::Timeout, "Google did not answer in time. Try again".to_owned())
    } else if error.is_authentication() {
        (ErrorKind::Denied, "there is no valid token. Run: gcloud auth application-default login".to_owned())
    } else if let Some(status) = error.status() {
        match error.http_status_code() {
            // An HTTP answer whose body names no code of gRPC's.
            Some(code) if status.code == Code::Unknown => of_http(code, &status.message),
            _ => of_code(status.code, &status.message),
        }
    } else if let Some(code) = error.http_status_code() {
        of_http(code, &said(error))
    } else {
        (ErrorKind::Unavailable, format!("the connection failed ({error}). Look at the network, then try again"))
    };
    (kind, sentence(action, &why, request.as_deref()))
}

/// The sentence for people.
pub(crate) fn sentence(action: &str, why: &str, request: Option<&str>) -> String {
    let why = why.trim_end_matches('.');
    match request {
        Some(request) => format!("Could not {action}: {why}. (Google's request id: {request})"),
        None => format!("Could not {action}: {why}."),
    }
}

/// A kind and a reason for an HTTP status; `message` is Google's own.
pub(crate) fn of_http(status: u16, message: &str) -> (ErrorKind, String) {
    match status {
        400 | 411 | 416 | 422 => (ErrorKind::Invalid, message.to_owned()),
        401 => (
            ErrorKind::Denied,
            "the token is not valid any more. Run: gcloud auth application-default login".to_owned(),
        ),
        403 => (ErrorKind::Denied, message.to_owned()),
        404 => (ErrorKind::NotFound, "it does not exist".to_owned()),
        409 => (ErrorKind::Exists, "it exists already".to_owned()),
        412 => (ErrorKind::Conflict, "it was changed in between".to_owned()),
        413 => (ErrorKind::TooLarge, message.to_owned()),
        408 | 504 => (ErrorKind::Timeout, "Google did not answer in time. Try again".to_owned()),
        429 => (ErrorKind::Busy, "Google asks to go slower (429). Wait a minute, then try again".to_owned()),
        500..=599 => (ErrorKind::Unavailable, format!("Google is in trouble ({status} {message}). Try again")),
        _ => (ErrorKind::Internal, format!("Google answered {status} {message}")),
    }
}

/// A kind and a reason for a code of gRPC's; `message` is Google's own.
pub(crate) fn of_code(code: Code, message: &str) -> (ErrorKind, String) {
    match code {
        Code::NotFound => (ErrorKind::NotFound, "it does not exist".to_owned()),
        Code::AlreadyExists => (ErrorKind::Exists, "it exists already".to_owned()),
        Code::InvalidArgument | Code::OutOfRange => (ErrorKind::Invalid, message.to_owned()),
        Code::FailedPrecondition | Code::Aborted => (ErrorKind::Conflict, message.to_owned()),
        Code::PermissionDenied => (ErrorKind::Denied, message.to_owned()),
        Code::Unauthenticated => of_http(401, message),
        Code::DeadlineExceeded => of_http(504, message),
        Code::ResourceExhausted => of_http(429, message),
        Code::Unavailable => of_http(503, message),
        Code::Cancelled => (ErrorKind::Cancelled, "it was given up".to_owned()),
        other => (ErrorKind::Internal, format!("Google answered {other}: {message}")),
    }
}

/// What Google says in the body of an HTTP error.
fn said(error: &google_cloud_gax::error::Error) -> String {
    let Some(payload) = error.http_payload() else { return String::new() };
    message_of(payload)
}

/// The message in a body of the form `{"error":{"message":…}}`, else the beginning of the body.
pub(crate) fn message_of(payload: &[u8]) -> String {
    let json: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    let message = json.as_ref().and_then(|json| json.pointer("/error/message")).and_then(|text| text.as_str());
    match message {
        Some(message) => message.to_owned(),
        None => String::from_utf8_lossy(payload).chars().take(200).collect(),
    }
}

/// The id by which Google's support finds a request.
fn request_id(error: &google_cloud_gax::error::Error) -> Option<String> {
    let headers = error.http_headers()?;
    REQUEST_IDS.iter().find_map(|name| headers.get(*name)).and_then(|id| id.to_str().ok()).map(str::to_owned)
}

/// Headers that carry the id of a request.
pub(crate) const REQUEST_IDS: [&str; 3] = ["x-goog-request-id", "x-guploader-uploadid", "x-cloud-trace-context"];
