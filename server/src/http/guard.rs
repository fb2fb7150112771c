//! What every request passes: the host it was sent to, the site it comes from, and the headers that every answer carries.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;

use super::{REQUEST_ID, Web};

/// Cancelled when nobody waits for the answer any more: what is done for this request alone may stop then.
#[derive(Clone, Default)]
pub struct Gone(pub CancellationToken);

/// Refuses what another site sends: a name that is not ours (DNS rebinding), and writes with a foreign origin.
/// <https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html>, 'Fetch Metadata'.
pub async fn same_site(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    let id = web.request_id();
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    let public = web.state.config.sign_in.public_host();
    if let Err(reason) = check(request.method(), request.headers(), public) {
        tracing::warn!(request_id = %id, method = %request.method(), path = request.uri().path(), reason, "refused");
        return (StatusCode::FORBIDDEN, format!("Refused: {reason}.\n")).into_response();
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let gone = Gone::default();
    request.extensions_mut().insert(gone.clone());
    // Dropped half-way when the browser closes the connection.
    let _guard = gone.0.drop_guard();
    let response = next.run(request).await;
    tracing::debug!(request_id = %id, %method, path, status = response.status().as_u16(), "answered");
    response
}

fn check(method: &Method, headers: &HeaderMap, public: Option<&str>) -> Result<(), &'static str> {
    let text = |name| headers.get(name).and_then(|v: &HeaderValue| v.to_str().ok());
    let host = text(header::HOST).ok_or("the request names no host")?;
    if !is_loopback(host) && !public.is_some_and(|public| public.eq_ignore_ascii_case(host)) {
        return Err(
            "this server answers only under its public address and loopback names, such as 127.0.0.1 or localhost",
        );
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    if let Some(site) = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok())
        && !matches!(site, "same-origin" | "none")
    {
        return Err("the request comes from another site");
    }
    match text(header::ORIGIN) {
        // Programs such as curl send none; browsers do on every POST.
        None => Ok(()),
        Some(origin) if origin.split_once("://").is_some_and(|(_, o)| o.eq_ignore_ascii_case(host)) => Ok(()),
        Some(_) => Err("the request comes from another origin"),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Headers that every answer carries. Pages bring their own content security policy with a nonce.
pub async fn headers(request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    let out = response.headers_mut();
    if let Some(id) = id {
        out.insert(REQUEST_ID.clone(), id);
    }
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // Forms without JavaScript come back by the referrer; other sites learn nothing.
    out.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    out.entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Method, headers, allowed.
    type Case = (&'static str, &'static [(&'static str, &'static str)], bool);

    #[test]
    fn only_our_own_pages_may_write() {
        let cases: &[Case] = &[
            ("GET", &[("host", "127.0.0.1:3000")], true),
            ("GET", &[("host", "[::1]:3000")], true),
            ("GET", &[("host", "localhost")], true),
            ("GET", &[("host", "evil.example:3000")], false),
            ("GET", &[("host", "127.0.0.1.evil.example")], false),
            ("GET", &[], false),
            ("POST", &[("host", "127.0.0.1:3000")], true),
            (
                "POST",
                &[("host", "127.0.0.1:3000"), ("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-origin")],
                true,
            ),
            ("POST", &[("host", "127.0.0.1:3000"), ("origin", "http://evil.example")], false),
            ("POST", &[("host", "127.0.0.1:3000"), ("origin", "null")], false),
            ("POST", &[("host", "127.0.0.1:3000"), ("origin", "http://127.0.0.1:4000")], false),
            ("POST", &[("host", "127.0.0.1:3000"), ("sec-fetch-site", "cross-site")], false),
            ("POST", &[("host", "127.0.0.1:3000"), ("sec-fetch-site", "same-site")], false),
        ];
        for (method, headers, allowed) in cases {
            let mut map = HeaderMap::new();
            for (name, value) in *headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(check(&method.parse().unwrap(), &map, None).is_ok(), *allowed, "{method} {headers:?}");
        }
    }

    #[test]
    fn the_public_address_is_ours_and_no_other_is() {
        for (host, allowed) in [
            ("show.example.com", true),
            ("SHOW.example.com", true),
            ("show.example.com:1", false),
            ("example.com", false),
        ] {
            let mut map = HeaderMap::new();
            map.insert("host", HeaderValue::from_static(host));
            assert_eq!(check(&Method::GET, &map, Some("show.example.com")).is_ok(), allowed, "{host}");
        }
    }
}
