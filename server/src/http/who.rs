//! Who makes a request: by the session of the browser. Whoever may not see a page is led to the sign-in page; whatever changes something
//! is written to the audit trail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use app::services::{Permission, VIEW_AS_COOKIE};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tower_sessions_sqlx_store::SqliteStore;

use super::{Web, cookie};
use crate::people::{Asker, Role};
use crate::policies::Viewer;
use crate::sign_in::Held;
use crate::store::{LOCAL, Outcome, PersonRow};

/// What a session calls whoever is signed in.
pub const HELD: &str = "person";
/// Forms longer than this are no forms of ours.
const LONGEST_FORM: usize = 1 << 20;
/// Values longer than this are no names.
const LONGEST_NAME: usize = 80;
/// Fields that say what was done. Others may hold data, or are of no interest.
const TOLD: [&str; 21] = [
    "step", "day", "id", "run", "scope", "change", "table", "column", "value", "identity", "role", "customer",
    "person", "name", "seq", "rate", "instead", "dataset", "token", "story", "depth",
];

/// What the audit trail is to say of a request beside its form: filled in by whoever answers it.
#[derive(Clone, Default)]
pub struct Deed {
    refused: Arc<AtomicBool>,
    about: Arc<OnceLock<String>>,
}

impl Deed {
    /// The choke point refused it.
    pub fn refused(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// What it was about: names only. The first word stands.
    pub fn about(&self, names: String) {
        let _ = self.about.set(names);
    }
}

/// Sessions in the control database, by a cookie that scripts and other sites do not see.
pub fn sessions(web: &Web) -> SessionManagerLayer<SqliteStore> {
    let config = &web.state.config.sign_in;
    SessionManagerLayer::new(web.state.store.sessions())
        .with_name("showrunner_session")
        .with_http_only(true)
        // The provider sends the browser back by a link; with Strict it would come without its cookie.
        .with_same_site(SameSite::Lax)
        .with_secure(config.https())
        // Counted from the sign-in, since nothing is written into a session later.
        .with_expiry(Expiry::OnInactivity(Duration::hours(i64::from(config.hours))))
}

/// Knows who asks, and leads whoever must sign in first to where that is done.
pub async fn identify(State(web): State<Web>, session: Session, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/pkg/") || path == "/healthz" {
        return next.run(request).await;
    }
    let asker = asker(&web, &session, request.headers()).await;
    if asker.principal.is_none() && is_page(&request) {
        let to = match request.uri().path_and_query().map_or("/", |p| p.as_str()) {
            "/" => "/sign-in".to_owned(),
            there => format!(
                "/sign-in?{}",
                url::form_urlencoded::Serializer::new(String::new()).append_pair("next", there).finish()
            ),
        };
        // A script that draws the page anew is told so; it says it on the page that is there.
        return match request.headers().get("sec-fetch-dest").map(HeaderValue::as_bytes) {
            None | Some(b"document") => Redirect::to(&to).into_response(),
            Some(_) => (StatusCode::UNAUTHORIZED, "Your session has ended. Sign in again.\n").into_response(),
        };
    }
    if asker.role() == Role::Customer && request.method() == Method::GET && request.uri().path() == "/" {
        return Redirect::to(home(Role::Customer)).into_response();
    }
    request.extensions_mut().insert(asker);
    next.run(request).await
}

/// Where somebody begins.
pub fn home(role: Role) -> &'static str {
    match role {
        Role::Admin | Role::Presenter | Role::None => "/",
        Role::Viewer => "/report",
        Role::Customer => "/upload",
    }
}

/// Pages that need somebody: everything but signing in, files of the site, and what answers by itself who may.
fn is_page(request: &Request) -> bool {
    let path = request.uri().path();
    let open = path == "/sign-in"
        || path == "/events"
        || ["/sign-in/", "/join/", "/api/", crate::customers::BASE].iter().any(|open| path.starts_with(open))
        || super::assets::find(path, &HeaderMap::new()).is_some();
    // Programs bring a token, and are answered by whoever knows it.
    let program = request.headers().contains_key(header::AUTHORIZATION);
    matches!(*request.method(), Method::GET | Method::HEAD) && !open && !program
}

async fn asker(web: &Web, session: &Session, headers: &HeaderMap) -> Asker {
    let held = match session.get::<Held>(HELD).await {
        Ok(Some(held)) => held,
        Ok(None) => return Asker::anonymous(),
        Err(error) => {
            tracing::warn!(%error, "a session could not be read");
            return Asker::anonymous();
        }
    };
    let row = match web.state.store.person(&held.person).await {
        Ok(Some(row)) if row.epoch == held.epoch && fits(web, &row) => row,
        Ok(_) => return Asker::anonymous(),
        Err(error) => {
            tracing::warn!(error = %error.chain(), "a person could not be read");
            return Asker::anonymous();
        }
    };
    if web.state.sign_in.expires(&row) {
        let (sign_in, person) = (web.state.sign_in.clone(), row.id.clone());
        tokio::spawn(async move {
            if let Err(error) = sign_in.renew(&person).await {
                tracing::warn!(error = %error.chain(), "tokens could not be renewed");
            }
        });
    }
    let viewer = match row.role {
        Role::Admin | Role::Presenter => {
            Viewer::by_cookie(&web.state.stage.told().story, cookie(headers, VIEW_AS_COOKIE).as_deref())
        }
        Role::Viewer | Role::Customer | Role::None => {
            Viewer::own(&row.id, &row.name, row.email.as_deref(), row.groups())
        }
    };
    Asker { principal: Some(row.principal()), viewer, epoch: row.epoch }
}

/// Whoever chose a role by name is nobody once there is a provider, and the other way round. The audience's link is of both.
fn fits(web: &Web, row: &PersonRow) -> bool {
    let local = row.issuer == LOCAL;
    local != web.state.sign_in.provider().is_some() || row.id == format!("{LOCAL}-audience")
}

/// The audit trail of everything that comes by a session.
pub async fn audit(State(web): State<Web>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // Deliveries by a token say for themselves who delivers.
    let told = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT)
        && !path.starts_with("/sign-in");
    if !told {
        return next.run(request).await;
    }
    let asker = request.extensions().get::<Asker>().cloned().unwrap_or_else(Asker::anonymous);
    let (mut request, subject) = match subject(request).await {
        Ok(both) => both,
        Err(response) => return response,
    };
    let deed = Deed::default();
    request.extensions_mut().insert(deed.clone());
    let response = next.run(request).await;
    let status = response.status();
    let failed =
        response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).is_some_and(|to| to.contains("__err="));
    let outcome = if deed.refused.load(Ordering::Relaxed) || matches!(status.as_u16(), 401 | 403) {
        Outcome::Refused
    } else if failed || status.is_client_error() || status.is_server_error() {
        Outcome::Failed
    } else {
        Outcome::Done
    };
    let action = path.trim_start_matches("/api/").trim_start_matches('/').replace('-', "_");
    // Colours of a page, and a step that is merely looked at, are nobody's deed.
    if !matches!(&*action, "set_theme" | "open_step" | "cancel_query") || outcome == Outcome::Refused {
        let subject = deed.about.get().unwrap_or(&subject);
        let written = web.state.store.audit(asker.name(), asker.role().word(), &action, subject, outcome).await;
        if let Err(error) = written {
            tracing::error!(error = %error.chain(), action, "the audit trail could not be written");
        }
    }
    response
}

/// What a form is about. The request is given back as it was.
async fn subject(request: Request) -> Result<(Request, String), Response> {
    let form = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if !form {
        return Ok((request, String::new()));
    }
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, LONGEST_FORM).await.map_err(|_| {
        (StatusCode::PAYLOAD_TOO_LARGE, "The form is too long, or did not arrive as a whole.\n").into_response()
    })?;
    let subject = told(&bytes);
    Ok((Request::from_parts(parts, Body::from(bytes)), subject))
}

/// What of a form may stand in a record: of some fields, and only what can be a name. A record that is sent by hand, or whatever else was
/// typed, is not told.
fn told(form: &[u8]) -> String {
    let name = |value: &str| {
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | ' ');
        if value.len() <= LONGEST_NAME && value.chars().all(fits) { value.to_owned() } else { "…".to_owned() }
    };
    url::form_urlencoded::parse(form)
        .filter(|(field, value)| TOLD.contains(&&**field) && !value.is_empty())
        .map(|(field, value)| format!("{field}={}", name(&value)))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The refusal of whoever may not, for handlers that are no server functions.
pub fn refuse(asker: &Asker, permission: Permission) -> Option<Response> {
    let error = asker.authorize(permission).err()?;
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::FORBIDDEN);
    Some((status, format!("{}\n", error.message)).into_response())
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn only_names_are_told() {
        for (form, expected) in [
            ("step=2.1&back=%2F", "step=2.1"),
            (
                "change=correct&table=bronze.ga_sessions&column=geoNetwork.city&value=LOCATION",
                "change=correct table=bronze.ga_sessions column=geoNetwork.city value=LOCATION",
            ),
            // A record that is sent by hand is somebody's data.
            ("change=send&value=%7B%22fullVisitorId%22%3A%22123%22%7D", "change=send value=…"),
            ("change=role&person=7f&role=viewer&customer=", "change=role person=7f role=viewer"),
            ("sql=SELECT+secret&payload=x&filter=TRUE", ""),
            ("scope=customer%3Acustomer02&plan=abc", "scope=customer:customer02"),
            ("rubbish", ""),
        ] {
            assert_eq!(told(form.as_bytes()), expected, "{form}");
        }
        assert_eq!(told(format!("value={}", "x".repeat(81)).as_bytes()), "value=…");
    }
}
