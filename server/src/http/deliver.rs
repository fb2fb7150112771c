//! Uploads by token: `PUT`, `HEAD` and `GET` below `/upload/`. The token says whose folder it is; what the address means is decided on the
//! address as it was sent. Nothing here has a way to the lake but the customer's [`Dropbox`].

mod headers;
mod paced;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use showrunner_lake::keys::IngestionKey;
use showrunner_lake::ports::ObjectMeta;
use showrunner_lake::{Dropbox, calls};

use super::Web;
use crate::AppState;
use crate::customers::{self, PREFIX, Refusal, Target, Turn, UploadIdentity, Verb};
use crate::error::{Error, ErrorKind};
use crate::ingestion::MarkerOutcome;
use crate::store::{Decision, Outcome};
use headers::Sent;
pub(super) use paced::paced;

/// Bytes that a marker may have; they are not kept.
const LONGEST_MARKER: usize = 64 << 10;

static UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
static UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");

/// An answer or a refusal; both are one line of JSON.
type Answer = Result<Response, Refusal>;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error.kind {
            ErrorKind::NotFound => Refusal::with(404, error.message),
            // The address was fine by then: a symbolic link, or a folder, stands in its place.
            ErrorKind::Invalid | ErrorKind::Refused => Refusal::forbidden(error.message),
            ErrorKind::Conflict => Refusal::with(409, error.message),
            ErrorKind::Unavailable | ErrorKind::Cancelled => {
                tracing::error!("{}", error.chain());
                Refusal::later(503, error.message, 10)
            }
            ErrorKind::Internal => {
                tracing::error!("{}", error.chain());
                Refusal::with(500, error.message)
            }
        }
    }
}

impl From<showrunner_lake::Error> for Refusal {
    fn from(error: showrunner_lake::Error) -> Self {
        match error.kind {
            showrunner_lake::ErrorKind::TooLarge => Refusal::with(413, error.message),
            _ => Error::from(error).into(),
        }
    }
}

/// `/upload/…`, whatever is wanted there.
pub async fn answer(State(web): State<Web>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let verb = match method {
        Method::PUT => Verb::Write,
        Method::HEAD => Verb::Look,
        Method::GET => Verb::List,
        _ => return refused(Refusal::with(405, "Here files are sent by PUT, looked at by HEAD and listed by GET.")),
    };
    let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let who = match customers::identify(&web.state, token).await {
        Ok(Ok(who)) => who,
        Ok(Err(refusal)) => return no(&web.state, None, &method, &path, refusal).await,
        Err(error) => return refused(error.into()),
    };
    let target = match customers::permit(&who, &web.state.lake.datasets(), verb, &path) {
        Ok(target) => target,
        Err(refusal) => return no(&web.state, Some(&who), &method, &path, refusal).await,
    };
    let folder = match web.state.lake.dropbox(&who.customer) {
        Ok(folder) => folder,
        Err(error) => return refused(error.into()),
    };
    let answer = match (verb, target) {
        (_, Target::Listing(below)) => list(&folder, &below).await,
        (Verb::Write, Target::Marker(key)) => marker(&web.state, &who, &key, request).await,
        (Verb::Write, Target::File(key)) => {
            // A task of its own, so that what came is on the disk and the file's turn is given back however the connection ends.
            let (state, who) = (web.state.clone(), who.clone());
            match tokio::spawn(async move { file(&state, &who, folder, key, request).await }).await {
                Ok(answer) => answer,
                Err(error) => {
                    Err(Refusal::from(Error::with(ErrorKind::Internal, "The upload ended unexpectedly.", error)))
                }
            }
        }
        (_, Target::Marker(key) | Target::File(key)) => look(&folder, &key).await,
    };
    match answer {
        Ok(response) => {
            if verb == Verb::Write && response.status() != StatusCode::ACCEPTED {
                on_record(&web.state, Some(&who), &method, &path, Outcome::Done).await;
            }
            response
        }
        Err(refusal) if matches!(refusal.status, 401 | 403) => {
            no(&web.state, Some(&who), &method, &path, refusal).await
        }
        Err(refusal) => {
            if verb == Verb::Write {
                on_record(&web.state, Some(&who), &method, &path, Outcome::Failed).await;
            }
            tracing::info!(customer = who.customer, %method, path, status = refusal.status, "upload not taken");
            refused(refusal)
        }
    }
}

/// A token is for `/upload/…` alone: with one, nothing else answers, whatever else the request carries.
pub async fn tokens_stay_here(State(web): State<Web>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let has_token = header.and_then(|h| h.split_once(' ')).is_some_and(|(_, token)| token.trim().starts_with(PREFIX));
    if !has_token || request.uri().path().starts_with(customers::BASE) {
        return next.run(request).await;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let refusal = match customers::identify(&web.state, header).await {
        Ok(Ok(who)) => match customers::permit(&who, &[], Verb::List, &path) {
            Err(refusal) => return no(&web.state, Some(&who), &method, &path, refusal).await,
            // It begins otherwise, so this does not happen; it is refused all the same.
            Ok(_) => Refusal::forbidden("An upload token opens no page."),
        },
        Ok(Err(refusal)) => refusal,
        Err(error) => return refused(error.into()),
    };
    no(&web.state, None, &method, &path, refusal).await
}

async fn list(folder: &Dropbox, below: &str) -> Answer {
    let whole = format!("{}/", folder.customer());
    let row = |file: &ObjectMeta| {
        let name = file.key.strip_prefix(&whole).unwrap_or(&file.key);
        json!({ "file": name, "bytes": file.size, "generation": file.generation.to_string(), "updated": file.updated })
    };
    let files: Vec<_> = folder.list(below).await?.iter().map(row).collect();
    let prefix = format!("{whole}{below}");
    let uploads = folder.uploads().await?;
    let incomplete: Vec<_> = uploads.iter().filter(|upload| upload.key.starts_with(&prefix)).map(row).collect();
    Ok(said(
        StatusCode::OK,
        json!({ "customer": folder.customer(), "below": below, "files": files, "incomplete": incomplete }),
    ))
}

async fn look(folder: &Dropbox, key: &IngestionKey) -> Answer {
    if let Some(bytes) = folder.uploaded(key).await? {
        return Ok(with_offset(StatusCode::NO_CONTENT.into_response(), bytes, false));
    }
    match folder.head(key).await? {
        Some(meta) => {
            let mut response = with_offset(StatusCode::OK.into_response(), meta.size, true);
            response.headers_mut().insert(header::CONTENT_LENGTH, meta.size.into());
            Ok(response)
        }
        None => Ok(with_offset(StatusCode::NOT_FOUND.into_response(), 0, false)),
    }
}

async fn marker(state: &AppState, who: &UploadIdentity, key: &IngestionKey, request: Request) -> Answer {
    open(state).await?;
    // Read and dropped, so that the connection can be used again; of any length, since `curl -T /dev/null` says none.
    let stall = Duration::from_secs(state.config.upload.stall_seconds.into());
    match tokio::time::timeout(stall, axum::body::to_bytes(request.into_body(), LONGEST_MARKER)).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) => return Err(Refusal::with(413, "end_file.txt is a sign, not a file: send it empty.")),
        Err(_) => return Err(Refusal::with(408, "end_file.txt did not arrive as a whole. Send it again.")),
    }
    let day = &key.day;
    let answer = |status, run: Option<&str>, message: String| {
        Ok(said(status, json!({ "message": message, "run": run, "file": key.to_string() })))
    };
    match state.reconciler.write_marker(day, &who.customer, None).await? {
        MarkerOutcome::Started(run) => {
            answer(StatusCode::CREATED, Some(&run), format!("{}: the day is complete, {run} ingests it.", day.date))
        }
        MarkerOutcome::Duplicate => {
            let ledger = state.store.deliveries_of(day).await?;
            let run = ledger.iter().rev().find_map(|row| row.run_id.clone());
            let words = "Duplicate, ignored: this day is or was ingested already.";
            answer(StatusCode::OK, run.as_deref(), words.to_owned())
        }
        MarkerOutcome::Refused(reason) => Err(Refusal::with(409, reason)),
    }
}

/// Not while a reset empties what would be written.
async fn open(state: &AppState) -> Result<(), Refusal> {
    match state.engine.refuse_during_reset().await {
        Ok(()) => Ok(()),
        Err(error) if error.kind == ErrorKind::Conflict => {
            Err(Refusal::later(503, "A reset is under way. Send it again when it is over.", 10))
        }
        Err(error) => Err(error.into()),
    }
}

async fn file(
    state: &Arc<AppState>,
    who: &UploadIdentity,
    folder: Dropbox,
    key: IngestionKey,
    request: Request,
) -> Answer {
    open(state).await?;
    let sent = Sent::read(request.headers())?;
    let limit = state.config.upload.limit_bytes;
    if sent.total > limit {
        return Err(Refusal::with(
            413,
            format!(
                "A file may have {}; this one has {}. Split it into smaller files.",
                crate::format::bytes(limit),
                crate::format::bytes(sent.total)
            ),
        ));
    }
    let turn = state.desk.turn(&key).await?;
    let account = state.account(&who.customer).await?;
    state.desk.reserve(&turn, &folder, customers::quota(state, &account), sent.total).await??;
    let there = folder.uploaded(&key).await?.unwrap_or(0);
    if sent.at > 0 && sent.at != there {
        return Ok(with_offset(
            said(
                StatusCode::CONFLICT,
                json!({ "message": format!("{there} bytes are there: go on behind them, or send the file from its beginning.") }),
            ),
            there,
            false,
        ));
    }
    receive(state, &folder, &key, &sent, &turn, request).await
}

async fn receive(
    state: &Arc<AppState>,
    folder: &Dropbox,
    key: &IngestionKey,
    sent: &Sent,
    turn: &Turn,
    request: Request,
) -> Answer {
    let stall = Duration::from_secs(state.config.upload.stall_seconds.into());
    let body = paced(request.into_body().into_data_stream(), stall, turn.cancel.clone());
    let there = match folder.append(key, sent.at, body, sent.at + sent.length).await {
        Ok(there) => there,
        Err(_) if turn.cancel.is_cancelled() => return Err(crate::customers::taken_over()),
        Err(error) if error.kind == showrunner_lake::ErrorKind::Invalid => {
            // Most often nobody reads this: the connection is gone.
            let there = folder.uploaded(key).await?.unwrap_or(0);
            let words = format!("The upload broke off; {there} bytes of it are kept. Go on behind them.");
            return Ok(with_offset(said(StatusCode::REQUEST_TIMEOUT, json!({ "message": words })), there, false));
        }
        Err(error) => return Err(error.into()),
    };
    if there < sent.at + sent.length {
        let words = format!("The upload ended early; {there} bytes of it are kept. Go on behind them.");
        return Ok(with_offset(said(StatusCode::BAD_REQUEST, json!({ "message": words })), there, false));
    }
    if let Err(words) = sent.verify(folder, key, there == sent.total).await? {
        folder.discard(key).await?;
        return Err(Refusal::with(400, words));
    }
    if there < sent.total {
        let words = format!("{there} of {} bytes are there.", sent.total);
        return Ok(with_offset(said(StatusCode::ACCEPTED, json!({ "message": words })), there, false));
    }
    // A reset or a deletion that began meanwhile must find nothing new behind it.
    open(state).await?;
    if turn.cancel.is_cancelled() {
        return Err(crate::customers::taken_over());
    }
    let new = folder.head(key).await?.is_none();
    let log = state.engine.upload_log(&key.day);
    let meta = match calls::noted(log, folder.complete(key)).await {
        Err(error) if error.kind == showrunner_lake::ErrorKind::NotFound => {
            return Err(Refusal::with(409, "A reset took away what had come of the file. Send it from its beginning."));
        }
        other => other?,
    };
    let day = crate::store::day_path(&key.day);
    state.store.tell("folder", &day).await?;
    let taken = state.store.deliveries_of(&key.day).await?;
    let taken = taken.iter().any(|row| matches!(row.decision, Decision::Claimed | Decision::Ingested));
    let next = if taken {
        "The day is ingested already, so this file is late: it is read when the day is ingested again."
    } else {
        "Send end_file.txt when the day is complete."
    };
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({
        "message": format!("{key}: {} are there. {next}", crate::format::bytes(meta.size)),
        "file": key.to_string(),
        "bytes": meta.size,
        "generation": meta.generation.to_string(),
        "late": taken,
    });
    Ok(with_offset(said(status, body), meta.size, true))
}

/// Refuses, counts that, and puts it on record.
async fn no(state: &AppState, who: Option<&UploadIdentity>, method: &Method, path: &str, refusal: Refusal) -> Response {
    let counted = state.desk.refused(who.map(|who| who.token.as_str()), refusal);
    // What is refused for being too much does not fill the records either.
    if counted.status != 429 {
        on_record(state, who, method, path, Outcome::Refused).await;
    }
    tracing::info!(customer = who.map_or("-", |who| &who.customer), %method, path = shown(path), status = counted.status, "upload refused");
    refused(counted)
}

async fn on_record(state: &AppState, who: Option<&UploadIdentity>, method: &Method, path: &str, outcome: Outcome) {
    let by = who.map_or_else(|| "anonymous".to_owned(), UploadIdentity::name);
    let role = if who.is_some() { "customer" } else { "none" };
    if let Err(error) = state.store.audit(&by, role, "upload", &format!("{method} {}", shown(path)), outcome).await {
        tracing::error!("{}", error.chain());
    }
}

/// An address as it may stand in a record: not with a token that somebody put there.
fn shown(path: &str) -> &str {
    path.split(PREFIX).next().unwrap_or_default()
}

fn said(status: StatusCode, body: serde_json::Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, format!("{body}\n")).into_response()
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = said(status, json!({ "message": refusal.words }));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"uploads\""));
    }
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// How much is there, in the words of the IETF's resumable uploads.
fn with_offset(mut response: Response, bytes: u64, complete: bool) -> Response {
    response.headers_mut().insert(UPLOAD_OFFSET.clone(), bytes.into());
    let complete = if complete { "?1" } else { "?0" };
    response.headers_mut().insert(UPLOAD_COMPLETE.clone(), HeaderValue::from_static(complete));
    response
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
