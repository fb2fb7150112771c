//! HTTP: pages, server functions, the event stream, uploads, the embedded site. The only place that knows axum.

mod assets;
mod deliver;
mod events;
mod guard;
mod hook;
mod late;
mod listen;
mod sample;
mod services;
mod sign_in;
mod sql_csv;
mod upload;
mod who;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use tokio_util::sync::CancellationToken;

use crate::AppState;
use crate::views::Views;
pub use assets::embedded;
pub use events::Hub;

/// Bytes of OpenLineage events that may be sent at a time.
const LONGEST_EVENTS: usize = 16 << 20;

/// What the handlers share.
#[derive(Clone)]
pub struct Web {
    /// The application.
    pub state: Arc<AppState>,
    /// What pages show.
    pub views: Arc<Views>,
    /// The event stream's source.
    pub hub: Arc<Hub>,
    /// Ends open event streams, so that a shutdown does not wait for browsers.
    pub shutdown: CancellationToken,
    options: LeptosOptions,
    requests: Arc<AtomicU64>,
    attempts: Arc<sign_in::Attempts>,
}

impl Web {
    /// An id for a request: found on the page's error and in the log.
    fn request_id(&self) -> String {
        format!("r{:06}", self.requests.fetch_add(1, Ordering::Relaxed) % 1_000_000)
    }
}

impl FromRef<Web> for LeptosOptions {
    fn from_ref(web: &Web) -> Self {
        web.options.clone()
    }
}

/// Serves until `shutdown` is cancelled. Must run within a Tokio runtime of several threads.
pub async fn serve(
    state: Arc<AppState>,
    listener: tokio::net::TcpListener,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let router = router(state, shutdown.clone());
    listen::serve(listener, router, shutdown, listen::HEAD_WITHIN).await;
    Ok(())
}

/// All routes. Public for tests that drive it without a socket.
pub fn router(state: Arc<AppState>, shutdown: CancellationToken) -> Router {
    // Sending the newest values first: Nagle would hold them back. The output name is that of scripts/build-client.sh.
    let options = LeptosOptions::builder().output_name("showrunner").site_pkg_dir("pkg").build();
    let views = Arc::new(Views::new(state.clone()));
    let hub = Hub::start(state.clone(), views.clone(), shutdown.clone());
    let upload_limit = usize::try_from(state.config.upload.limit_bytes).unwrap_or(usize::MAX);
    let web = Web {
        state,
        views,
        hub,
        shutdown,
        options: options.clone(),
        requests: Arc::default(),
        attempts: Arc::default(),
    };

    let shell = move || app::shell(options.clone());
    let pages_web = web.clone();
    let api_web = web.clone();
    Router::new()
        .leptos_routes_with_context(&web, generate_route_list(app::App), move || page_context(&pages_web), shell)
        .route("/api/{*function}", get(server_functions).post(server_functions))
        .with_state(api_web)
        .layer(middleware::from_fn(late::answer))
        .merge(
            Router::new()
                .route("/events", get(events::stream))
                .route(
                    "/upload",
                    post(upload::receive).layer(DefaultBodyLimit::max(upload_limit.saturating_add(1 << 20))),
                )
                .route(
                    "/datasets/sample",
                    post(sample::receive).layer(DefaultBodyLimit::max(sample::LIMIT + (1 << 20))),
                )
                .route("/upload/", any(deliver::answer))
                .route("/upload/{*path}", any(deliver::answer))
                .route("/runs/{id}/log.txt", get(services::log_file))
                .route("/runs/{id}/lineage.json", get(services::lineage_file))
                .route("/api/v1/lineage", post(services::lineage_import).layer(DefaultBodyLimit::max(LONGEST_EVENTS)))
                .route("/report.csv", get(services::report_csv))
                .route("/sql.csv", get(sql_csv::download))
                .route("/audit.csv", get(services::audit_csv))
                .route("/sign-out", post(sign_in::out))
                .merge(sign_in_routes(&web))
                .route("/healthz", get(|| async { "ok" }))
                .route("/pkg/{*file}", get(assets::serve))
                .fallback(fallback)
                .with_state(web.clone()),
        )
        .layer(middleware::from_fn_with_state(web.clone(), who::audit))
        .layer(middleware::from_fn_with_state(web.clone(), who::identify))
        .layer(who::sessions(&web))
        // Without sessions and the audit trail: whoever pushes has a token, and pushes all day.
        .merge(
            Router::new()
                .route(crate::hook::PATH, any(hook::receive).layer(DefaultBodyLimit::max(hook::LIMIT)))
                .with_state(web.clone()),
        )
        .layer(middleware::from_fn_with_state(web.clone(), deliver::tokens_stay_here))
        .layer(middleware::from_fn(guard::headers))
        .layer(middleware::from_fn_with_state(web, guard::same_site))
}

/// Signing in, where each address may try so often only.
fn sign_in_routes(web: &Web) -> Router<Web> {
    Router::new()
        .route("/sign-in", post(sign_in::by_name))
        .route("/sign-in/start", get(sign_in::start))
        .route("/sign-in/callback", get(sign_in::callback))
        .route("/join/{code}", get(sign_in::join))
        .route_layer(middleware::from_fn_with_state(web.clone(), sign_in::limited))
}

/// The value of a cookie.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    cookies
        .flat_map(|c| c.split(';'))
        .filter_map(|c| c.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, v)| v.to_owned())
}

/// Files of the site, else the application's own 404 page.
async fn fallback(State(web): State<Web>, request: Request) -> Response {
    if let Some(found) = assets::find(request.uri().path(), request.headers()) {
        return found;
    }
    let options = web.options.clone();
    let context_web = web.clone();
    leptos_axum::render_app_async_with_context(move || page_context(&context_web), move || app::shell(options.clone()))(
        request,
    )
    .await
    .into_response()
}

async fn server_functions(State(web): State<Web>, request: Request) -> impl IntoResponse {
    leptos_axum::handle_server_fns_with_context(move || services::provide(&web), request).await
}

/// Context of a rendered page: the services, and the content security policy with the page's nonce.
fn page_context(web: &Web) {
    services::provide(web);
    let response = leptos::prelude::expect_context::<ResponseOptions>();
    if let Some(nonce) = leptos::nonce::use_nonce() {
        // Inline styles carry the widths of bars; scripts need the nonce; WebAssembly needs its own word.
        let policy = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        if let Ok(value) = HeaderValue::from_str(&policy) {
            response.insert_header(header::CONTENT_SECURITY_POLICY, value);
        }
    }
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    provide_context(web.clone());
}

/// The header that ties a page's error to a log line.
pub(crate) static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
