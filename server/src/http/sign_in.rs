//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use app::services::Permission;
use app::wire::{ErrorCode, WireError};
use axum::Form;
use axum::extract::{ConnectInfo, Extension, FromRequestParts, Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use serde::Deserialize;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session};

use super::Web;
use super::who::{HELD, home};
use crate::error::{Error, ErrorKind};
use crate::people::{Asker, Role};
use crate::sign_in::Held;
use crate::sign_in::oidc::Pending;
use crate::store::{Outcome, PersonRow};

/// What a session calls a sign-in that is under way.
const PENDING: &str = "pending";
/// A sign-in that is begun has to be over by then.
const UNDER_WAY: Duration = Duration::minutes(10);
/// Attempts of one address: so many at once, and then so many a second.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(60).unwrap();
const A_SECOND: NonZeroU32 = NonZeroU32::new(5).unwrap();
/// Addresses remembered before those that were quiet are forgotten.
const REMEMBERED: usize = 10_000;

/// Counts attempts to sign in, by address.
pub struct Attempts(DefaultKeyedRateLimiter<IpAddr>);

impl Default for Attempts {
    fn default() -> Self {
        Attempts(DefaultKeyedRateLimiter::keyed(Quota::per_second(A_SECOND).allow_burst(AT_ONCE)))
    }
}

/// Lets an address try so often and no more: guessing costs nobody else anything.
pub async fn limited(State(web): State<Web>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let address = ConnectInfo::<SocketAddr>::from_request_parts(&mut parts, &web)
        .await
        .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(address)| address.ip());
    let attempts = &web.attempts.0;
    if attempts.len() > REMEMBERED {
        attempts.retain_recent();
    }
    match attempts.check_key(&address) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(until) => {
            let seconds = until.wait_time_from(DefaultClock::default().now()).as_secs() + 1;
            let words = format!("Too many attempts to sign in. Try again in {seconds} s.\n");
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, HeaderValue::from(seconds))], words).into_response()
        }
    }
}

/// `POST /sign-in` of a role by its name, on this machine alone.
#[derive(Deserialize)]
pub struct ByName {
    #[serde(default)]
    role: String,
    #[serde(default)]
    customer: String,
    #[serde(default)]
    next: String,
}

/// Signs in by name.
pub async fn by_name(State(web): State<Web>, session: Session, Form(form): Form<ByName>) -> Response {
    match web.state.sign_in.by_name(&form.role, &form.customer).await {
        Ok(row) => enter(&web, &session, row, &form.next).await,
        Err(error) => refused(&web, &format!("role={}", form.role), error, &form.next).await,
    }
}

/// `GET /sign-in/start?next=…`: to the provider.
#[derive(Deserialize)]
pub struct Going {
    #[serde(default)]
    next: String,
}

/// Sends the browser to the provider.
pub async fn start(State(web): State<Web>, session: Session, Query(asked): Query<Going>) -> Response {
    let begun = async {
        let provider = web.state.sign_in.provider().ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "This server has no sign-in provider. Choose a role instead.")
        })?;
        let (url, pending) = provider.begin(&asked.next).await?;
        session.insert(PENDING, pending).await.map_err(unkept)?;
        if session.get::<Held>(HELD).await.map_err(unkept)?.is_none() {
            session.set_expiry(Some(Expiry::OnInactivity(UNDER_WAY)));
        }
        Ok(url)
    };
    match begun.await {
        Ok(url) => Redirect::to(url.as_str()).into_response(),
        Err(error) => refused(&web, "start", error, &asked.next).await,
    }
}

/// What the provider sends the browser back with.
#[derive(Deserialize)]
pub struct Returned {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
}

/// `GET /sign-in/callback`: back from the provider.
pub async fn callback(State(web): State<Web>, session: Session, Query(returned): Query<Returned>) -> Response {
    // Taken out before anything else: no code and no state is looked at twice.
    let pending = session.remove::<Pending>(PENDING).await.ok().flatten();
    let next = pending.as_ref().map(|pending| pending.next.clone()).unwrap_or_default();
    // Not in the database either, whatever comes of it.
    if session.is_empty().await
        && let Err(error) = session.flush().await
    {
        return refused(&web, "callback", unkept(error), &next).await;
    }
    let come = async {
        let (Some(provider), Some(pending)) = (web.state.sign_in.provider(), pending) else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "This sign-in was not begun in this browser, or is over already. Begin again.",
            ));
        };
        if let Some(error) = returned.error {
            let words = match error.as_str() {
                "access_denied" => "You did not let the provider tell who you are. Begin again to do so.".to_owned(),
                _ => "The sign-in provider refused. Begin again; if it stays so, ask an admin.".to_owned(),
            };
            return Err(Error::new(ErrorKind::Invalid, words));
        }
        let identity = provider.finish(&returned.code, &returned.state, pending).await?;
        web.state.sign_in.by_provider(identity).await
    };
    match come.await {
        Ok(row) => enter(&web, &session, row, &next).await,
        Err(error) => refused(&web, "callback", error, &next).await,
    }
}

/// `GET /join/{code}`: the audience's link.
pub async fn join(
    State(web): State<Web>,
    session: Session,
    Extension(asker): Extension<Asker>,
    Path(code): Path<String>,
) -> Response {
    // Whoever tries the link in a browser of their own stays who they are.
    if asker.authorize(Permission::Watch).is_ok() {
        return Redirect::to("/audience").into_response();
    }
    match web.state.sign_in.as_audience(&code).await {
        Ok(row) => enter(&web, &session, row, "/audience").await,
        Err(error) => refused(&web, "audience link", error, "").await,
    }
}

/// `POST /sign-out`, with `everywhere` for all browsers of the person.
#[derive(Deserialize)]
pub struct SignOut {
    everywhere: Option<String>,
}

/// Signs out.
pub async fn out(
    State(web): State<Web>,
    session: Session,
    Extension(asker): Extension<Asker>,
    Form(form): Form<SignOut>,
) -> Response {
    if let (Some(person), Some(_)) = (&asker.principal, form.everywhere)
        && let Err(error) = web.state.sign_in.sign_out_everywhere(&person.id).await
    {
        tracing::error!(error = %error.chain(), "sign out everywhere");
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", error.message)).into_response();
    }
    if let Err(error) = session.flush().await {
        tracing::warn!(%error, "a session could not be deleted");
    }
    let viewing = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", app::services::VIEW_AS_COOKIE);
    let mut response = Redirect::to("/sign-in").into_response();
    if let Ok(value) = HeaderValue::from_str(&viewing) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

async fn enter(web: &Web, session: &Session, row: PersonRow, next: &str) -> Response {
    let held = Held { person: row.id.clone(), epoch: row.epoch };
    let kept = async {
        // Whoever knew the session's id before does not know it now.
        session.cycle_id().await?;
        session.insert(HELD, held).await
    };
    if let Err(error) = kept.await {
        return refused(web, "session", unkept(error), next).await;
    }
    told(web, &row.name, row.role, "", Outcome::Done).await;
    let to = match app::local_address(next) {
        "/" => home(row.role),
        there if row.role == Role::Customer && !there.starts_with("/upload") => home(row.role),
        there => there,
    };
    Redirect::to(to).into_response()
}

/// Back to the sign-in page, which says why.
async fn refused(web: &Web, subject: &str, error: Error, next: &str) -> Response {
    tracing::warn!(subject, "sign-in refused: {}", error.chain());
    told(web, "anonymous", Role::None, subject, Outcome::Refused).await;
    let code = match error.kind {
        ErrorKind::Unavailable | ErrorKind::Internal => ErrorCode::Unavailable,
        _ => ErrorCode::Forbidden,
    };
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("next", app::local_address(next)).finish();
    let back = format!("/sign-in?{query}");
    Redirect::to(&app::address_with_error(&back, "/sign-in", WireError::new(code, error.message))).into_response()
}

async fn told(web: &Web, name: &str, role: Role, subject: &str, outcome: Outcome) {
    if let Err(error) = web.state.store.audit(name, role.word(), "sign_in", subject, outcome).await {
        tracing::error!(error = %error.chain(), "the audit trail could not be written");
    }
}

fn unkept(error: tower_sessions::session::Error) -> Error {
    Error::with(ErrorKind::Unavailable, "The session could not be stored. Try again in a moment.", error)
}
