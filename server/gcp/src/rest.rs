//! Google's REST surfaces where no client can do what is needed: JSON in, JSON out.
//!
//! `gcp-bigquery-client` hides the status, `Retry-After` and the request id of a refusal behind an error that only parses when Google's body
//! is complete, and its models leave out fields (precision, policies, Parquet options). What is repeated, how long it takes, and what is said
//! about a failure are therefore decided here, once for every surface.

use std::time::Duration;

use rand::Rng;
use reqwest::{Method, StatusCode, header};
use serde_json::Value;
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::time::Instant;
use url::Url;

use crate::error::{REQUEST_IDS, message_of, of_http, sentence};
use crate::{ATTEMPTS, Access, DEADLINE, Endpoint};

/// How often, how long, and with which pauses a call is made.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Attempts at most.
    pub attempts: u32,
    /// One attempt, with the reading of its answer.
    pub attempt: Duration,
    /// The call with all its attempts and pauses.
    pub deadline: Duration,
    /// Upper bound of the first pause; it doubles with every attempt. The pause is drawn between nothing and the bound (full jitter).
    pub first_pause: Duration,
    /// The bound stops growing here.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            attempts: ATTEMPTS,
            attempt: DEADLINE / 2,
            deadline: DEADLINE,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
        }
    }
}

impl Pace {
    /// The pause after this attempt.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        let bound = self.first_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest_pause);
        bound.mul_f64(rand::rng().random::<f64>())
    }
}

/// One request, described.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    action: String,
    repeatable: bool,
}

impl Call {
    fn new(method: Method, action: impl Into<String>, path: &[&str]) -> Call {
        let repeatable = matches!(method, Method::GET | Method::PUT | Method::DELETE);
        let segments = path.iter().map(|segment| (*segment).to_owned()).collect();
        Call { method, segments, query: Vec::new(), body: None, action: action.into(), repeatable }
    }

    /// Reads. `action` completes "Could not …"; `path` is given in segments, which are encoded.
    pub fn get(action: impl Into<String>, path: &[&str]) -> Call {
        Call::new(Method::GET, action, path)
    }

    /// Deletes; may be repeated, and then answers [`ErrorKind::NotFound`] when the first try did it.
    pub fn delete(action: impl Into<String>, path: &[&str]) -> Call {
        Call::new(Method::DELETE, action, path)
    }

    /// Replaces; may be repeated.
    pub fn put(action: impl Into<String>, path: &[&str], body: Value) -> Call {
        Call { body: Some(body), ..Call::new(Method::PUT, action, path) }
    }

    /// Changes a part; not repeated after an unclear answer unless [`Call::repeatable`] says so.
    pub fn patch(action: impl Into<String>, path: &[&str], body: Value) -> Call {
        Call { body: Some(body), ..Call::new(Method::PATCH, action, path) }
    }

    /// Asks for something; not repeated after an unclear answer unless [`Call::repeatable`] says so.
    pub fn post(action: impl Into<String>, path: &[&str], body: Option<Value>) -> Call {
        Call { body, ..Call::new(Method::POST, action, path) }
    }

    /// May be sent again after an unclear answer, for instance since it names the id of what it makes: then [`ErrorKind::Exists`] may mean
    /// that the first try did it.
    #[must_use]
    pub fn repeatable(mut self) -> Call {
        self.repeatable = true;
        self
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.query.push((name, value.into()));
        self
    }

    fn url(&self, base: &Url) -> Result<Url> {
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::new(ErrorKind::Internal, format!("{base} cannot have a path.")))?
            .pop_if_empty()
            .extend(&self.segments);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

/// A REST surface, and who asks there. Cheap to clone; the clones share connections.
#[derive(Debug, Clone)]
pub struct Rest {
    http: reqwest::Client,
    base: Url,
    access: Access,
    pace: Pace,
    /// The project that the use is counted on, where it has to be said.
    counted_on: Option<String>,
}

/// How one attempt ended, if not with an answer.
enum Failed {
    /// Google said no.
    Refused { status: StatusCode, body: Vec<u8>, request: Option<String>, after: Option<Duration> },
    /// No answer, or half of one; `sent` says whether the request may have arrived.
    Lost { error: reqwest::Error, sent: bool },
}

impl Failed {
    fn is_slow_down(&self) -> bool {
        match self {
            Failed::Refused { status, body, .. } => {
                // BigQuery also says 'too fast' by 403 with this reason (cloud.google.com/bigquery/docs/error-messages).
                *status == StatusCode::TOO_MANY_REQUESTS
                    || (*status == StatusCode::FORBIDDEN && reason_of(body).as_deref() == Some("rateLimitExceeded"))
            }
            Failed::Lost { .. } => false,
        }
    }

    /// Whether another attempt may go better.
    fn is_passing(&self) -> bool {
        match self {
            Failed::Refused { status, .. } => matches!(status.as_u16(), 500 | 502 | 503 | 504) || self.is_slow_down(),
            Failed::Lost { .. } => true,
        }
    }

    /// Whether nothing can have happened on Google's side.
    fn is_without_effect(&self) -> bool {
        self.is_slow_down() || matches!(self, Failed::Lost { sent: false, .. })
    }

    fn after(&self) -> Option<Duration> {
        match self {
            Failed::Refused { after, .. } => *after,
            Failed::Lost { .. } => None,
        }
    }

    fn into_error(self, action: &str) -> Error {
        match self {
            Failed::Refused { status, ref body, ref request, .. } => {
                let status = if self.is_slow_down() { 429 } else { status.as_u16() };
                let (kind, why) = of_http(status, &message_of(body));
                Error::new(kind, sentence(action, &why, request.as_deref()))
            }
            Failed::Lost { error, .. } if error.is_timeout() => Error::with(
                ErrorKind::Timeout,
                sentence(action, "Google did not answer in time. Try again", None),
                error,
            ),
            Failed::Lost { error, .. } if error.is_decode() => Error::with(
                ErrorKind::Internal,
                sentence(action, "Google's answer is no JSON. Look at the configured endpoint", None),
                error,
            ),
            Failed::Lost { error, .. } => Error::with(
                ErrorKind::Unavailable,
                sentence(action, "the connection failed. Look at the network, then try again", None),
                error,
            ),
        }
    }
}

impl Rest {
    /// A surface below `path` (for instance `bigquery/v2`) of an endpoint.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a path that makes no address, [`ErrorKind::Internal`] when TLS cannot be set up.
    pub fn new(endpoint: &Endpoint, path: &str, access: Access, pace: Pace) -> Result<Rest> {
        let text = format!("{}/{path}", endpoint.url());
        let base = Url::parse(&text).map_err(|error| {
            Error::with(ErrorKind::Invalid, format!("{text} is no address. Set it to https://HOST[:PORT]."), error)
        })?;
        let mut builder = reqwest::Client::builder()
            .connect_timeout(pace.attempt.min(Duration::from_secs(10)))
            .user_agent(concat!("showrunner/", env!("CARGO_PKG_VERSION")));
        if endpoint.is_anonymous() {
            // A peer on this machine is never behind the proxy that the environment names.
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Error::with(ErrorKind::Internal, "The HTTPS client could not be set up.", error))?;
        Ok(Rest { http, base, access, pace, counted_on: None })
    }

    /// The same surface, asked by somebody else.
    #[must_use]
    pub fn asked_by(&self, access: Access) -> Rest {
        Rest { access, ..self.clone() }
    }

    /// The same surface, with its use counted on this project (`X-Goog-User-Project`): some surfaces take a person's application default
    /// credentials only so (<https://cloud.google.com/docs/quotas/set-quota-project>).
    #[must_use]
    pub fn counted_on(&self, project: &str) -> Rest {
        Rest { counted_on: Some(project.to_owned()), ..self.clone() }
    }

    /// What time it is there, to the second: any answer says so, a refusal too. Nobody is asked who they are.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] and [`ErrorKind::Unavailable`] when there is no answer, [`ErrorKind::Internal`] when it has no date.
    pub async fn date(&self) -> Result<chrono::DateTime<chrono::Utc>> {
        let action = "ask for the time";
        let lost = |error: reqwest::Error| Failed::Lost { sent: false, error: error.without_url() }.into_error(action);
        let response = self.http.get(self.base.clone()).timeout(self.pace.attempt).send().await.map_err(lost)?;
        let date = response.headers().get(header::DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| chrono::DateTime::parse_from_rfc2822(text).ok());
        date.map(|date| date.to_utc()).ok_or_else(|| {
            let why = "the answer has no date. Look at the configured endpoint";
            Error::new(ErrorKind::Internal, sentence(action, why, None))
        })
    }

    /// Makes the call, as often as needed and allowed. An empty answer is [`Value::Null`].
    ///
    /// 429, 500, 502, 503, 504 and lost answers are repeated, after what `Retry-After` asks for at least: 429 and requests that never left
    /// always, anything else only where [`Call`] may be repeated. A 401 is answered by one fresh token: those live an hour, work may not.
    ///
    /// # Errors
    /// The kind of Google's refusal, with Google's words and request id; [`ErrorKind::Timeout`] and [`ErrorKind::Unavailable`] when there
    /// is no answer.
    pub async fn send(&self, call: Call) -> Result<Value> {
        let url = call.url(&self.base)?;
        let deadline = Instant::now() + self.pace.deadline;
        let (mut attempt, mut renewed) = (0, false);
        loop {
            attempt += 1;
            let token = self.access.token().await?;
            let left = deadline.saturating_duration_since(Instant::now()).min(self.pace.attempt);
            let failed = match self.attempt(&call, url.clone(), token, left).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if let Failed::Refused { status: StatusCode::UNAUTHORIZED, .. } = failed
                && !renewed
            {
                renewed = true;
                continue;
            }
            let pause = self.pace.pause(attempt) + failed.after().unwrap_or_default();
            let again = failed.is_passing()
                && (call.repeatable || failed.is_without_effect())
                && attempt < self.pace.attempts
                && Instant::now() + pause < deadline;
            if !again {
                let error = failed.into_error(&call.action);
                let person = renewed && error.kind == ErrorKind::Denied && self.access.is_person();
                return Err(if person { signed_out(&call.action, error) } else { error });
            }
            tracing::debug!(action = call.action, attempt, pause_ms = pause.as_millis(), "asking Google again");
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes a listing call page by page, and gives what lies under `key` on all of them.
    ///
    /// # Errors
    /// Those of [`Rest::send`].
    pub async fn pages(&self, call: Call, key: &str) -> Result<Vec<Value>> {
        let (mut all, mut next) = (Vec::new(), None::<String>);
        loop {
            let (items, more) = self.page(&call, key, next.take()).await?;
            all.extend(items);
            match more {
                Some(token) => next = Some(token),
                None => return Ok(all),
            }
        }
    }

    /// One page of a listing, and the token of the next if there is one.
    ///
    /// # Errors
    /// Those of [`Rest::send`].
    pub async fn page(&self, call: &Call, key: &str, token: Option<String>) -> Result<(Vec<Value>, Option<String>)> {
        let call = match token {
            Some(token) => call.clone().with("pageToken", token),
            None => call.clone(),
        };
        let mut answer = self.send(call).await?;
        let next = answer.get("nextPageToken").and_then(Value::as_str).filter(|token| !token.is_empty());
        let next = next.map(str::to_owned);
        match answer.get_mut(key).map(Value::take) {
            Some(Value::Array(items)) => Ok((items, next)),
            _ => Ok((Vec::new(), next)),
        }
    }

    async fn attempt(&self, call: &Call, url: Url, token: Option<String>, limit: Duration) -> Result<Value, Failed> {
        let mut request = self.http.request(call.method.clone(), url).timeout(limit);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(project) = &self.counted_on {
            request = request.header("x-goog-user-project", project);
        }
        request = match &call.body {
            Some(body) => request.json(body),
            // Google answers 411 to a POST that does not say how long it is.
            None if call.method == Method::POST => request.header(header::CONTENT_LENGTH, 0),
            None => request,
        };
        let lost = |error: reqwest::Error| Failed::Lost { sent: !error.is_connect(), error: error.without_url() };
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        if status.is_success() {
            if status == StatusCode::NO_CONTENT || response.content_length() == Some(0) {
                return Ok(Value::Null);
            }
            return response.json().await.map_err(lost);
        }
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let request = REQUEST_IDS.iter().find_map(|name| text(name));
        let after = text(header::RETRY_AFTER.as_str())
            .and_then(|after| pause_asked_for(&after, text(header::DATE.as_str()).as_deref()));
        // The status counts more than the words, if they are lost.
        let body = response.bytes().await.map(|bytes| bytes.to_vec()).unwrap_or_default();
        Err(Failed::Refused { status, body, request, after })
    }
}

/// What a person can do about a token that is not valid any more.
fn signed_out(action: &str, error: Error) -> Error {
    let why = "your session with Google has ended. Sign in again, then try again";
    Error { message: sentence(action, why, None), ..error }
}

/// `Retry-After`: seconds, or a date (RFC 9110, 10.2.3), which is taken against the date of the answer, whatever our clock says.
fn pause_asked_for(text: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date_of = |text: &str| chrono::DateTime::parse_from_rfc2822(text.trim()).ok();
    date_of(text)?.signed_duration_since(date_of(date?)?).to_std().ok()
}

/// The first reason in a body of the form `{"error":{"errors":[{"reason":…}]}}`.
fn reason_of(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    json.pointer("/error/errors/0/reason")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_parameters_are_encoded() {
        let base = Url::parse("https://bigquery.googleapis.com/bigquery/v2").expect("an address");
        let call =
            Call::get("read it", &["projects", "p", "tables", "a/b?c", "x:getIamPolicy"]).with("location", "US&x");
        assert_eq!(
            call.url(&base).expect("an address").as_str(),
            "https://bigquery.googleapis.com/bigquery/v2/projects/p/tables/a%2Fb%3Fc/x:getIamPolicy?location=US%26x"
        );
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_by_a_date() {
        assert_eq!(pause_asked_for(" 7 ", None), Some(Duration::from_secs(7)));
        assert_eq!(pause_asked_for("soon", None), None);
        let (date, then) = ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:29:30 GMT");
        assert_eq!(pause_asked_for(then, Some(date)), Some(Duration::from_secs(90)));
        assert_eq!(pause_asked_for(date, Some(then)), None, "what is over needs no pause");
        assert_eq!(pause_asked_for(then, None), None);
    }

    #[test]
    fn pauses_are_drawn_below_a_bound_that_doubles_and_stops() {
        let pace = Pace::default();
        for (attempt, bound) in [(1, 250), (2, 500), (4, 2000), (9, 8000), (40, 8000)] {
            let drawn: Vec<u128> = (0..200).map(|_| pace.pause(attempt).as_millis()).collect();
            assert!(drawn.iter().all(|pause| *pause <= bound), "{attempt}: {drawn:?}");
            assert!(drawn.iter().any(|pause| *pause > bound / 2) && drawn.iter().any(|pause| *pause < bound / 2));
        }
    }

    #[test]
    fn too_fast_is_also_said_by_a_403() {
        let body =
            br#"{"error":{"code":403,"message":"Exceeded rate limits","errors":[{"reason":"rateLimitExceeded"}]}}"#;
        let refused = |status, body: &[u8]| Failed::Refused { status, body: body.to_vec(), request: None, after: None };
        let error = refused(StatusCode::FORBIDDEN, body).into_error("load");
        assert_eq!(error.kind, ErrorKind::Busy);
        assert!(!refused(StatusCode::FORBIDDEN, b"{}").is_passing());
    }
}
