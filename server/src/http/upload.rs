//! A presenter's own file, chosen in the browser, into the customer's day folder: streamed to disk, limited, its name sanitised.

use std::time::Duration;

use app::wire::{ErrorCode, WireError};
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{Extension, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures::TryStreamExt;
use showrunner_lake::model::Day;
use showrunner_lake::{calls, keys};
use tokio_util::sync::CancellationToken;

use super::Web;
use super::deliver::paced;
use super::who::{Deed, refuse};
use crate::people::Asker;
use crate::{customers, format};

/// People share their places: whose file it is stands in the form.
const BY_FORM: &str = "";

/// `POST /upload`, multipart: `day` = `customer/dataset/date`, then one or more `file`.
pub async fn receive(State(web): State<Web>, Extension(asker): Extension<Asker>, request: Request) -> Response {
    let headers = request.headers().clone();
    let deed = request.extensions().get::<Deed>().cloned().unwrap_or_default();
    if let Some(response) = refuse(&asker, app::services::Permission::Upload) {
        return response;
    }
    let outcome = match web.state.desk.place(BY_FORM).await {
        Ok(_place) => match form(&web, request).await {
            Ok(form) => store(&web, &asker, &deed, form).await,
            Err(_) => Err("The form did not arrive as a file upload; choose a file and send it again.".into()),
        },
        Err(refusal) => Err(refusal.words),
    };
    let back = back(&headers);
    match outcome {
        Ok(stored) => {
            tracing::info!(stored, "upload");
            Redirect::to(&back).into_response()
        }
        Err(reason) => {
            tracing::warn!(reason, "upload refused");
            let error = WireError::new(ErrorCode::Invalid, reason);
            Redirect::to(&app::address_with_error(&back, "/upload", error)).into_response()
        }
    }
}

/// The form, whose body has to keep coming.
async fn form(web: &Web, request: Request) -> Result<Multipart, MultipartRejection> {
    let stall = Duration::from_secs(web.state.config.upload.stall_seconds.into());
    let (parts, body) = request.into_parts();
    let body = Body::from_stream(paced(body.into_data_stream(), stall, CancellationToken::new()));
    Multipart::from_request(Request::from_parts(parts, body), &()).await
}

async fn store(web: &Web, asker: &Asker, deed: &Deed, mut form: Multipart) -> Result<String, String> {
    web.state.engine.refuse_during_reset().await.map_err(|e| e.message)?;
    let mut day: Option<Day> = None;
    let mut stored = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("day") => {
                let text = field.text().await.map_err(broken)?;
                let named = web.views.parse_day(&text).await.map_err(|e| e.message)?;
                deed.about(crate::store::day_path(&named));
                asker.may_deliver_for(&named.customer).map_err(|e| {
                    deed.refused();
                    e.message
                })?;
                day = Some(named);
            }
            Some("file") => {
                let day = day.as_ref().ok_or("The form names no day; reload the page and send it again.")?;
                if field.file_name().is_none_or(str::is_empty) {
                    continue;
                }
                stored.push(file(web, day, field).await?);
            }
            _ => {}
        }
    }
    let day = day.ok_or("The form names no day; reload the page and send it again.")?;
    if stored.is_empty() {
        return Err("No file was chosen: choose one or more files, then press Upload.".into());
    }
    web.state
        .store
        .tell("folder", &format!("{}/{}/{}", day.customer, day.dataset, day.date))
        .await
        .map_err(|e| e.to_string())?;
    Ok(format!(
        "Stored {} in {}/{}/{}. Nothing starts before end_file.txt.",
        stored.join(", "),
        day.customer,
        day.dataset,
        day.date
    ))
}

async fn file(web: &Web, day: &Day, field: Field<'_>) -> Result<String, String> {
    let name = keys::sanitise_file_name(field.file_name().unwrap_or_default()).map_err(|e| e.to_string())?;
    let account = web.state.account(&day.customer).await.map_err(|e| e.message)?;
    if let Some(refusal) = customers::shut(&account) {
        return Err(refusal.words);
    }
    let used = customers::used(&web.state, &day.customer).await.map_err(|e| e.message)?;
    let left = customers::quota(&web.state, &account).saturating_sub(used);
    let limit = web.state.config.upload.limit_bytes.min(left);
    let bucket = &web.state.lake.names().ingestion;
    let key = format!("{}{name}", keys::day_prefix(day));
    // The store wants a stream that owns its data; the field borrows the form. A channel of a few chunks stands between them.
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<bytes::Bytes>>(4);
    let stream = Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let log = web.state.engine.upload_log(day);
    let write = calls::noted(log, web.state.lake.objects().put_stream(bucket, &key, stream, limit));
    let read = async move {
        let mut chunks = field.map_err(std::io::Error::other);
        loop {
            let item = match chunks.try_next().await {
                Ok(Some(chunk)) => Ok(chunk),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            let failed = item.is_err();
            if sender.send(item).await.is_err() || failed {
                break;
            }
        }
    };
    let (meta, ()) = tokio::join!(write, read);
    let meta = meta.map_err(|e| format!("{name} was not stored: {e}"))?;
    Ok(format!("{name} ({})", format::bytes(meta.size)))
}

fn broken(error: MultipartError) -> String {
    format!("The upload broke off ({}): nothing of the last file was kept. Send it again.", error.body_text())
}

/// The page the form stood on: only its path, never another site.
fn back(headers: &HeaderMap) -> String {
    let referrer =
        headers.get(header::REFERER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<axum::http::Uri>().ok());
    referrer
        .and_then(|uri| uri.path_and_query().map(|p| p.as_str().to_owned()))
        .filter(|p| p.starts_with('/') && !p.starts_with("//"))
        .unwrap_or_else(|| "/".into())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn the_way_back_stays_on_the_site() {
        for (referrer, expected) in [
            ("http://127.0.0.1:3000/?step=2.1", "/?step=2.1"),
            ("http://evil.example//other", "/"),
            ("nonsense \u{7f}", "/"),
        ] {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(referrer) {
                headers.insert(header::REFERER, value);
            }
            assert_eq!(back(&headers), expected);
        }
    }
}
