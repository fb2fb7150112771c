//! The client, the style and static files, embedded by build.rs, served precompressed with an entity tag.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Path within the site, content type, content, brotli, gzip.
type File = (&'static str, &'static str, &'static [u8], Option<&'static [u8]>, Option<&'static [u8]>);

include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// True when the binary carries the client (doctor asks).
pub fn embedded() -> bool {
    FILES.iter().any(|(path, ..)| *path == "/pkg/showrunner.wasm")
}

/// Serves an embedded file, or 404.
pub async fn serve(request: Request) -> Response {
    find(request.uri().path(), request.headers())
        .unwrap_or_else(|| (StatusCode::NOT_FOUND, "There is no such file.").into_response())
}

/// The file at this path in the best encoding that the browser takes.
pub fn find(path: &str, headers: &HeaderMap) -> Option<Response> {
    let (_, content_type, plain, br, gz) = FILES.iter().find(|(p, ..)| *p == path)?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let takes =
        |coding: &str| accepts.split(',').any(|part| part.split(';').next().unwrap_or_default().trim() == coding);
    let (body, coding): (&'static [u8], Option<&'static str>) = match (br, gz) {
        (Some(br), _) if takes("br") => (br, Some("br")),
        (_, Some(gz)) if takes("gzip") => (gz, Some("gzip")),
        _ => (plain, None),
    };
    let tag = format!("\"{:08x}-{}\"", checksum(plain), coding.unwrap_or("id"));
    let mut response = if headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut found = body.into_response();
        found.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(coding) = coding {
            found.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        found
    };
    let out = response.headers_mut();
    // Names carry no hash, so browsers ask each time and mostly hear 'not modified'.
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    Some(response)
}

/// FNV-1a: only tells one build's file from another's.
fn checksum(data: &[u8]) -> u32 {
    use std::sync::OnceLock;
    static TAGS: OnceLock<Vec<(usize, u32)>> = OnceLock::new();
    let tags = TAGS.get_or_init(|| {
        FILES
            .iter()
            .map(|(_, _, plain, ..)| {
                (
                    plain.as_ptr() as usize,
                    plain.iter().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193)),
                )
            })
            .collect()
    });
    tags.iter().find(|(at, _)| *at == data.as_ptr() as usize).map_or(0, |(_, tag)| *tag)
}
