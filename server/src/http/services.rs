//! The pages' services: each call is one line to the views, the engine, the reconciler or the reset.

mod customers;
mod datasets;
mod people;
mod policies;
mod presenting;
mod privacy;
mod queries;
mod stories;
mod streaming;

use std::sync::Arc;

use app::services::{Browse, Host, Lineages, Permission, Policy, Reports, Resets, Runs, Services, Show, THEME_COOKIE};
use app::wire::*;
use async_trait::async_trait;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::ResponseOptions;

use super::guard::Gone;
use super::late::Later;
use super::who::{Deed, refuse};
use super::{REQUEST_ID, Web, cookie};
use crate::error::{Error, ErrorKind};
use crate::ingestion::MarkerOutcome;
use crate::people::Asker;
use crate::reset::ResetStart;
use crate::runs::{Job, NewRun};
use crate::store::{ClockChange, RunKind, StreamRow};
use crate::story::Kind;
use crate::views::Views;

/// Gives a page or a server function what it may call. Runs inside the request's context.
pub fn provide(web: &Web) {
    let parts = use_context::<Parts>();
    let extensions = parts.as_ref().map(|p| &p.extensions);
    let gone = extensions.and_then(|e| e.get::<Gone>().cloned()).unwrap_or_default();
    let asker = extensions.and_then(|e| e.get::<Asker>().cloned()).unwrap_or_else(Asker::anonymous);
    let deed = extensions.and_then(|e| e.get::<Deed>().cloned()).unwrap_or_default();
    let later = extensions.and_then(|e| e.get::<Later>().cloned());
    let (method, headers) = parts.map(|p| (p.method, p.headers)).unwrap_or_default();
    let request_id = headers.get(&REQUEST_ID).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let query = headers.get("x-query").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let theme = cookie(&headers, THEME_COOKIE)
        .filter(|t| matches!(t.as_str(), "light" | "dark"))
        .unwrap_or_else(|| "system".into());
    // A form post without JavaScript is answered by a redirect even when it failed; its status is not ours to set.
    let plain_form = method == axum::http::Method::POST
        && headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    // The story may be another one from one request to the next, never within one.
    let web = Web { views: Arc::new(web.views.now()), ..web.clone() };
    let signed_in = asker.principal.as_ref().map(|principal| principal.id.as_str());
    let views = Arc::new(Views::clone(&web.views).of(&asker.viewer).for_person(signed_in));
    let person = Arc::new(Person { web, request_id, theme, gone, asker, deed, later, views });
    provide_context(Services {
        policy: person.clone(),
        show: person.clone(),
        presenting: person.clone(),
        browse: person.clone(),
        runs: person.clone(),
        reports: person.clone(),
        resets: person.clone(),
        queries: person.clone(),
        policies: person.clone(),
        streaming: person.clone(),
        lineages: person.clone(),
        privacy: person.clone(),
        people: person.clone(),
        customers: person.clone(),
        datasets: person.clone(),
        stories: person,
    });
    if let Some(response) = use_context::<ResponseOptions>() {
        let (status, cookies) = (response.clone(), response);
        provide_context(Host {
            redirect: Arc::new(leptos_axum::redirect),
            status: Arc::new(move |code| {
                if let Ok(code) = StatusCode::from_u16(code)
                    && !plain_form
                {
                    status.set_status(code);
                }
            }),
            query,
            set_cookie: Arc::new(move |cookie| {
                if let Ok(value) = HeaderValue::from_str(&cookie) {
                    cookies.append_header(header::SET_COOKIE, value);
                }
            }),
        });
    }
}

/// Whoever made the request.
struct Person {
    web: Web,
    request_id: String,
    theme: String,
    gone: Gone,
    asker: Asker,
    deed: Deed,
    /// Takes queries that may run after the page's beginning was sent.
    later: Option<Later>,
    /// The pages as the viewer sees them.
    views: Arc<Views>,
}

impl Person {
    /// The sentence for the page; the chain of causes goes to the log, once, under the same id.
    fn explain(&self, error: Error) -> WireError {
        if error.kind == ErrorKind::Refused {
            self.deed.refused();
        }
        let code = match error.kind {
            ErrorKind::NotFound => ErrorCode::NotFound,
            ErrorKind::Refused => ErrorCode::Forbidden,
            ErrorKind::Invalid => ErrorCode::Invalid,
            ErrorKind::Conflict | ErrorKind::Cancelled => ErrorCode::Conflict,
            ErrorKind::Unavailable => ErrorCode::Unavailable,
            ErrorKind::Internal => ErrorCode::Internal,
        };
        if matches!(code, ErrorCode::Internal | ErrorCode::Unavailable) {
            tracing::error!(request_id = self.request_id, "{}", error.chain());
        } else {
            tracing::info!(request_id = self.request_id, "{}", error.chain());
        }
        WireError { request_id: self.request_id.clone(), ..WireError::new(code, error.message) }
    }

    fn invalid(&self, message: String) -> WireError {
        WireError { request_id: self.request_id.clone(), ..WireError::new(ErrorCode::Invalid, message) }
    }
}

#[async_trait]
impl Policy for Person {
    async fn authorize(&self, permission: Permission) -> Result<(), WireError> {
        self.asker.authorize(permission).map_err(|e| {
            self.deed.refused();
            WireError { request_id: self.request_id.clone(), ..e }
        })
    }
}

#[async_trait]
impl Show for Person {
    async fn shell(&self) -> Result<ShellView, WireError> {
        let story = self.views.story();
        Ok(ShellView {
            customer: self.asker.delivers_for().unwrap_or(&story.customer).to_owned(),
            dataset: story.dataset.clone(),
            role: self.asker.role().word().into(),
            name: self.asker.name().into(),
            theme: self.theme.clone(),
            last_event: self.web.state.store.last_event_id().await.map_err(|e| self.explain(e))?,
            trouble: self.web.state.engine.trouble(),
            at: crate::format::time(self.web.state.clock.millis()),
            viewing: self.viewing(),
            identities: story.identities.iter().map(|who| (who.id.clone(), who.title.clone())).collect(),
        })
    }

    async fn show(&self, step: Option<String>) -> Result<ShowView, WireError> {
        self.views.show(step).await.map_err(|e| self.explain(e))
    }

    async fn press(&self, step: String) -> Result<String, WireError> {
        self.press_step(&step).await.map_err(|e| self.explain(e))
    }

    async fn reingest(&self, day: String) -> Result<String, WireError> {
        let day = self.views.parse_day(&day).await.map_err(|e| self.explain(e))?;
        let run = self.web.state.reconciler.reingest(&day, self.asker.name()).await.map_err(|e| self.explain(e))?;
        Ok(format!("/runs/{run}"))
    }
}

#[async_trait]
impl Browse for Person {
    async fn lake(&self) -> Result<LakeView, WireError> {
        self.views.lake().await.map_err(|e| self.explain(e))
    }

    async fn lake_table(&self, table: String, query: TableQuery) -> Result<LakeView, WireError> {
        self.views.lake_table(&table, &query).await.map_err(|e| self.explain(e))
    }

    async fn lake_bucket(
        &self,
        bucket: String,
        prefix: Option<String>,
        page: Option<String>,
    ) -> Result<LakeView, WireError> {
        self.views.lake_bucket(&bucket, prefix.as_deref(), page.as_deref()).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn press_step(&self, id: &str) -> crate::error::Result<String> {
        let state = &self.web.state;
        let story = self.views.story();
        let step = self.views.step_named(id)?;
        let here = format!("/?step={}", step.id);
        let date = || step.action.date.ok_or_else(|| Error::new(ErrorKind::Internal, "The step names no date."));
        let (run_id, next) = match step.action.kind {
            Kind::Look => {
                state.store.press_step(&story.id, &step.id, None, true).await?;
                return Ok(step.action.href.clone().unwrap_or(here));
            }
            Kind::Reset => {
                state.store.change_clock(&story.id, &step.id, ClockChange::Start).await?;
                return Ok(format!("/reset?scope={}", step.action.scope.as_deref().unwrap_or("all")));
            }
            Kind::Seed => {
                let job = Job::Seed {
                    customer: story.customer.clone(),
                    dataset: story.dataset.clone(),
                    history: story.data.history.days(),
                    stage: story.data.stage.days(),
                };
                let started = state
                    .engine
                    .start(NewRun { job, started_by: self.asker.name().into(), story_step: Some(step.id.clone()) })
                    .await?;
                (Some(started.run_id), here)
            }
            Kind::Upload => {
                let day = self.views.parse_day(&format!("{}/{}/{}", story.customer, story.dataset, date()?)).await?;
                let started = state
                    .engine
                    .start(NewRun {
                        job: Job::Upload { day },
                        started_by: self.asker.name().into(),
                        story_step: Some(step.id.clone()),
                    })
                    .await?;
                (Some(started.run_id), here)
            }
            Kind::Marker => {
                let day = self.views.parse_day(&format!("{}/{}/{}", story.customer, story.dataset, date()?)).await?;
                let outcome = state.reconciler.write_marker(&day, self.asker.name(), Some(&step.id)).await?;
                let run = match outcome {
                    MarkerOutcome::Started(run) => Some(run),
                    // Not a new press of the step: the day keeps the run that has it, and the page says what became of the marker.
                    MarkerOutcome::Duplicate => {
                        state.store.open_step(&story.id, &step.id).await?;
                        return Ok(here);
                    }
                    MarkerOutcome::Refused(reason) => {
                        return Err(Error::new(ErrorKind::Invalid, reason));
                    }
                };
                (run, here)
            }
        };
        state.store.press_step(&story.id, &step.id, run_id.as_deref(), false).await?;
        Ok(next)
    }
}

#[async_trait]
impl Runs for Person {
    async fn runs(&self) -> Result<Vec<RunRow>, WireError> {
        self.views.runs().await.map_err(|e| self.explain(e))
    }

    async fn run(&self, id: String) -> Result<RunView, WireError> {
        self.views.run(&id).await.map_err(|e| self.explain(e))
    }

    async fn run_calls(
        &self,
        id: String,
        step: Option<String>,
        kind: Option<String>,
        page: Option<String>,
    ) -> Result<CallsView, WireError> {
        self.views.run_calls(&id, step, kind, page).await.map_err(|e| self.explain(e))
    }

    async fn stop_run(&self, id: String) -> Result<String, WireError> {
        let state = &self.web.state;
        if StreamRow::is_id(&id) {
            let why = format!("{} stopped it.", self.asker.name());
            state.streams.stop_this(&id, &why).await.map_err(|e| self.explain(e))?;
        } else {
            state.engine.stop(&id, self.asker.name()).await.map_err(|e| self.explain(e))?;
        }
        Ok(format!("/runs/{id}"))
    }

    async fn retry_run(&self, id: String) -> Result<String, WireError> {
        let run = self.web.state.store.run(&id).await.map_err(|e| self.explain(e))?;
        if run.kind == RunKind::Ingest && run.state == crate::store::RunState::Done {
            let job: Job = serde_json::from_str(&run.job).map_err(|e| self.explain(e.into()))?;
            let [day] = job.days().try_into().map_err(|_| {
                self.invalid(
                    "Runs over several days are not run again as a whole: ingest the day that needs it again.".into(),
                )
            })?;
            let run = self.web.state.reconciler.reingest(&day, self.asker.name()).await.map_err(|e| self.explain(e))?;
            return Ok(format!("/runs/{run}"));
        }
        let started = self.web.state.engine.retry(&id, self.asker.name()).await.map_err(|e| self.explain(e))?;
        Ok(format!("/runs/{}", started.run_id))
    }
}

#[async_trait]
impl Reports for Person {
    async fn report(&self, query: String) -> Result<ReportView, WireError> {
        self.views.report(&query).await.map_err(|e| self.explain(e))
    }
}

#[async_trait]
impl Lineages for Person {
    async fn lineage(&self, query: String) -> Result<LineageView, WireError> {
        // What a run read names files that policies do not reach, as the run's own page does.
        if url::form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).any(|(name, _)| name == "run") {
            self.authorize(Permission::Inspect).await?;
        }
        self.web.views.lineage(&query).await.map_err(|e| self.explain(e))
    }
}

#[async_trait]
impl Resets for Person {
    async fn reset(&self, scope: Option<String>, run: Option<String>) -> Result<ResetView, WireError> {
        self.views.reset(scope, run).await.map_err(|e| self.explain(e))
    }

    async fn confirm_reset(&self, scope: String, plan: String) -> Result<String, WireError> {
        let parsed = self.views.parse_scope(&scope).await.map_err(|e| self.explain(e))?;
        match crate::reset::start(&self.web.state, parsed, Some(&plan), self.asker.name(), None)
            .await
            .map_err(|e| self.explain(e))?
        {
            ResetStart::Started(run) => Ok(format!("/reset?run={run}")),
            // Nothing to do is what a second press finds: the page says so.
            ResetStart::Nothing => Ok(format!("/reset?scope={scope}")),
            ResetStart::Changed(_) => Err(WireError {
                request_id: self.request_id.clone(),
                ..WireError::new(
                    ErrorCode::Conflict,
                    "Something changed since this list was made, so nothing was deleted. The list is new now: look at it once more, then confirm.",
                )
            }),
        }
    }
}

/// `GET /runs/{id}/log.txt`: a run's log to keep.
pub async fn log_file(State(web): State<Web>, Extension(asker): Extension<Asker>, Path(id): Path<String>) -> Response {
    if let Some(response) = refuse(&asker, Permission::Inspect) {
        return response;
    }
    match web.views.run(&id).await {
        Ok(run) => {
            let text: String = run.log.iter().map(|l| format!("{}\t{}\t{}\n", l.at, l.topic, l.text)).collect();
            (
                [
                    (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                    (header::CONTENT_DISPOSITION, "attachment; filename=\"run.log.txt\""),
                ],
                text,
            )
                .into_response()
        }
        Err(error) => (StatusCode::NOT_FOUND, error.message).into_response(),
    }
}

/// `GET /runs/{id}/lineage.json`: what a run made and of what, as OpenLineage run events.
pub async fn lineage_file(
    State(web): State<Web>,
    Extension(asker): Extension<Asker>,
    Path(id): Path<String>,
) -> Response {
    if let Some(response) = refuse(&asker, Permission::Inspect) {
        return response;
    }
    match web.views.lineage_events(&id).await {
        Ok(events) => axum::Json(events).into_response(),
        Err(error) => refused(&error),
    }
}

/// `POST /api/v1/lineage`: OpenLineage events of others, one or a list; the address that its clients send to.
pub async fn lineage_import(
    State(web): State<Web>,
    Extension(asker): Extension<Asker>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response {
    // Programs have a key of their own.
    let key = web.state.config.lineage.import_key.as_ref();
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    let known = key.zip(bearer).is_some_and(|(key, bearer)| key.is(bearer));
    if !known && let Some(response) = refuse(&asker, Permission::Present) {
        return response;
    }
    match crate::lineage::import(&web.state, &body).await {
        Ok(new) => (StatusCode::CREATED, axum::Json(serde_json::json!({ "new": new }))).into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &Error) -> Response {
    let status = match error.kind {
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Refused => StatusCode::FORBIDDEN,
        ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Conflict | ErrorKind::Cancelled => StatusCode::CONFLICT,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if matches!(error.kind, ErrorKind::Internal | ErrorKind::Unavailable) {
        tracing::error!("{}", error.chain());
    }
    (status, format!("{}\n", error.message)).into_response()
}

/// `GET /report.csv?part=days&…`: the numbers of a part of the report with the page's filter.
pub async fn report_csv(
    State(web): State<Web>,
    Extension(asker): Extension<Asker>,
    RawQuery(query): RawQuery,
) -> Response {
    if let Some(response) = refuse(&asker, Permission::View) {
        return response;
    }
    let query = query.unwrap_or_default();
    let part = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "part");
    let part = part.map(|(_, part)| part.into_owned()).unwrap_or_default();
    match web.views.seen_by(&asker.viewer).report_csv(&part, &query).await {
        Ok(csv) => {
            // The part is one of ours by now, so it may stand in a header.
            let disposition = format!("attachment; filename=\"report-{part}.csv\"");
            (
                [
                    (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
                    (header::CONTENT_DISPOSITION, disposition),
                    // Of one identity, at one moment.
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                ],
                csv,
            )
                .into_response()
        }
        Err(error) => {
            let status = match error.kind {
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                // A column is denied.
                ErrorKind::Invalid => StatusCode::FORBIDDEN,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            tracing::warn!("{}", error.chain());
            (status, error.message).into_response()
        }
    }
}

/// `GET /audit.csv`: the whole audit trail.
pub async fn audit_csv(State(web): State<Web>, Extension(asker): Extension<Asker>) -> Response {
    if let Some(response) = refuse(&asker, Permission::Administer) {
        return response;
    }
    match web.views.audit_csv().await {
        Ok(csv) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, csv).into_response()
        }
        Err(error) => refused(&error),
    }
}
