//! The calls of `google.cloud.bigquery.storage.v1.BigQueryWrite`: one attempt each, how it ended, and whether another may go better.

use std::time::Duration;

use futures::channel::mpsc;
use google_cloud_gax::error::rpc::Code as GaxCode;
use http::uri::PathAndQuery;
use prost::Message;
use showrunner_lake::{Error, ErrorKind, Result};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, ClientTlsConfig};
use tonic::{Code, Streaming};
use tonic_prost::ProstCodec;

use super::messages::{
    AppendRowsRequest, AppendRowsResponse, Outcome, RowError, Status, StorageError, StorageErrorCode,
};
use crate::error::{REQUEST_IDS, of_code, sentence};
use crate::rest::Pace;
use crate::{Access, Endpoint};

/// Makes a stream.
pub(crate) const CREATE: &str = "/google.cloud.bigquery.storage.v1.BigQueryWrite/CreateWriteStream";
/// Ends a stream.
pub(crate) const FINALIZE: &str = "/google.cloud.bigquery.storage.v1.BigQueryWrite/FinalizeWriteStream";
const APPEND: &str = "/google.cloud.bigquery.storage.v1.BigQueryWrite/AppendRows";
/// The beginning of the type of what a status has in its details.
const STORAGE_ERROR: &str = "google.cloud.bigquery.storage.v1.StorageError";
/// Google and what lies between close what is silent; so a connection that is kept is looked after.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Why an attempt did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    code: Code,
    message: String,
    storage: StorageErrorCode,
    request: Option<String>,
    /// There was no answer.
    lost: bool,
    /// Rows that were refused, of those that were sent.
    pub rows: Vec<RowError>,
    /// There is no token, or no client.
    error: Option<Box<Error>>,
}

impl Failed {
    fn of_status(status: &tonic::Status) -> Failed {
        let details = Status::decode(status.details()).unwrap_or_default();
        let request = REQUEST_IDS.iter().find_map(|name| status.metadata().get(*name));
        Failed {
            request: request.and_then(|id| id.to_str().ok()).map(str::to_owned),
            // What tonic makes of a connection's failure has a source; what the other side says has none.
            lost: std::error::Error::source(status).is_some(),
            ..Failed::of(status.code(), status.message(), &details)
        }
    }

    fn of(code: Code, message: &str, details: &Status) -> Failed {
        let of_storage = details.details.iter().find(|any| any.type_url.ends_with(STORAGE_ERROR));
        let storage = of_storage.and_then(|any| StorageError::decode(any.value.as_slice()).ok());
        let storage = storage.map_or(StorageErrorCode::Unspecified, |error| error.code());
        let message = message.to_owned();
        Failed { code, message, storage, request: None, lost: false, rows: Vec::new(), error: None }
    }

    fn lost(code: Code, message: &str) -> Failed {
        Failed { lost: true, ..Failed::of(code, message, &Status::default()) }
    }

    fn ours(error: Error) -> Failed {
        Failed { error: Some(Box::new(error)), ..Failed::of(Code::Internal, "", &Status::default()) }
    }

    /// Whether another attempt may go better. Here each may be made: rows have their place in their stream, and the rest has no effect
    /// that is seen.
    fn is_passing(&self) -> bool {
        let code = matches!(self.code, Code::Unavailable | Code::ResourceExhausted | Code::Aborted | Code::Internal);
        self.error.is_none() && self.rows.is_empty() && (self.lost || code)
    }

    /// Whether rows may be in although there is no word of it, or will be.
    pub(crate) fn may_be_in(&self) -> bool {
        self.is_passing() && self.code != Code::ResourceExhausted
    }

    /// Whether the stream has rows at this place.
    pub(crate) fn is_there(&self) -> bool {
        self.code == Code::AlreadyExists || self.storage == StorageErrorCode::OffsetAlreadyExists
    }

    /// Whether the stream is not there, or takes nothing more.
    pub(crate) fn is_ended(&self) -> bool {
        use StorageErrorCode::{InvalidStreamState, StreamFinalized, StreamNotFound};
        matches!(self.storage, StreamNotFound | StreamFinalized | InvalidStreamState)
            || matches!(self.code, Code::NotFound | Code::FailedPrecondition)
    }

    /// Whether the stream ends before this place.
    pub(crate) fn is_beyond(&self) -> bool {
        self.code == Code::OutOfRange || self.storage == StorageErrorCode::OffsetOutOfRange
    }

    /// What Google said.
    pub(crate) fn message(&self) -> &str {
        self.message.trim_end_matches('.')
    }

    pub(crate) fn request(&self) -> Option<&str> {
        self.request.as_deref()
    }

    pub(crate) fn into_error(self, action: &str) -> Error {
        if let Some(error) = self.error {
            return *error;
        }
        let (kind, why) = match self.code {
            Code::DeadlineExceeded => of_code(GaxCode::DeadlineExceeded, &self.message),
            _ if self.lost => {
                let why = format!("the connection failed ({}). Look at the network, then try again", self.message);
                (ErrorKind::Unavailable, why)
            }
            Code::NotFound => (ErrorKind::NotFound, format!("it does not exist ({})", self.message())),
            code => of_code(GaxCode::from(i32::from(code)), &self.message),
        };
        Error::with(kind, sentence(action, &why, self.request.as_deref()), tonic::Status::new(self.code, self.message))
    }
}

/// The attempts at one call.
pub(crate) struct Tries {
    pace: Pace,
    end: Instant,
    attempt: u32,
    renewed: bool,
}

impl Tries {
    pub(crate) fn new(pace: Pace) -> Tries {
        Tries { pace, end: Instant::now() + pace.deadline, attempt: 1, renewed: false }
    }

    /// How long this attempt may take.
    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now()).min(self.pace.attempt)
    }

    /// Waits for the time of another attempt, if there is to be one: after passing trouble, and once with a fresh token.
    pub(crate) async fn again(&mut self, action: &str, failed: &Failed) -> bool {
        if failed.code == Code::Unauthenticated && failed.error.is_none() && !self.renewed {
            self.renewed = true;
            return true;
        }
        let pause = self.pace.pause(self.attempt);
        if !failed.is_passing() || self.attempt >= self.pace.attempts || Instant::now() + pause >= self.end {
            return false;
        }
        tracing::debug!(action, attempt = self.attempt, why = failed.message, "asking Google again");
        self.attempt += 1;
        tokio::time::sleep(pause).await;
        true
    }
}

/// A connection by which rows of one stream go. Dropped, it ends.
pub(crate) struct Connection {
    requests: mpsc::Sender<AppendRowsRequest>,
    answers: Streaming<AppendRowsResponse>,
}

/// The service.
pub(crate) struct Wire {
    endpoint: Endpoint,
    access: Access,
    channel: OnceCell<Channel>,
    pub(crate) pace: Pace,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("endpoint", &self.endpoint).field("access", &self.access).finish_non_exhaustive()
    }
}

impl Wire {
    /// Nothing is connected yet.
    pub(crate) fn new(endpoint: &Endpoint, access: &Access, pace: Pace) -> Wire {
        let access = if endpoint.is_anonymous() { Access::anonymous() } else { access.clone() };
        Wire { endpoint: endpoint.clone(), access, channel: OnceCell::new(), pace }
    }

    /// One channel, which connects when it is used and whenever it was lost.
    async fn channel(&self) -> Result<Channel, Failed> {
        let made = self.channel.get_or_try_init(|| async { channel(&self.endpoint, self.pace) }).await;
        made.cloned().map_err(Failed::ours)
    }

    /// A call with one answer. `params` says what it is about, by which Google finds the server.
    async fn unary<Q, A>(
        &self,
        method: &'static str,
        params: (&str, &str),
        request: &Q,
        left: Duration,
    ) -> Result<A, Failed>
    where
        Q: Message + Clone + Default + 'static,
        A: Message + Default + 'static,
    {
        let token = self.access.token().await.map_err(Failed::ours)?;
        let mut grpc = Grpc::new(self.channel().await?);
        let mut asked = tonic::Request::new(request.clone());
        *asked.metadata_mut() = metadata(token.as_deref(), params).map_err(Failed::ours)?;
        let call = async {
            grpc.ready().await.map_err(|error| Failed::of_status(&tonic::Status::from_error(error.into())))?;
            let answer = grpc.unary(asked, PathAndQuery::from_static(method), ProstCodec::<Q, A>::default()).await;
            answer.map(tonic::Response::into_inner).map_err(|status| Failed::of_status(&status))
        };
        in_time(left, call).await
    }

    /// A call with one answer, with all its attempts.
    pub(crate) async fn ask<Q, A>(
        &self,
        action: &str,
        method: &'static str,
        params: (&str, &str),
        request: &Q,
    ) -> Result<A, Failed>
    where
        Q: Message + Clone + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut tries = Tries::new(self.pace);
        loop {
            match self.unary(method, params, request, tries.left()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) if tries.again(action, &failed).await => {}
                Err(failed) => return Err(failed),
            }
        }
    }

    /// Sends rows and waits for the answer: once. A connection that does not give one is left for a new one.
    pub(crate) async fn append(
        &self,
        connection: &mut Option<Connection>,
        request: AppendRowsRequest,
        tries: &Tries,
    ) -> Result<Option<i64>, Failed> {
        // Whoever stops waiting leaves an answer behind that would be taken for the next one's.
        let old = connection.take();
        let call = async {
            let mut used = match old {
                Some(mut old) => {
                    old.requests.try_send(request).map_err(|_| Failed::lost(Code::Unavailable, "it was closed"))?;
                    old
                }
                None => self.open(request).await?,
            };
            let answer = used.answers.message().await.map_err(|status| Failed::of_status(&status))?;
            let answer = answer.ok_or_else(|| Failed::lost(Code::Unavailable, "it was closed"))?;
            Ok((used, outcome(answer)?))
        };
        let (used, offset) = in_time(tries.left(), call).await?;
        *connection = Some(used);
        Ok(offset)
    }

    async fn open(&self, first: AppendRowsRequest) -> Result<Connection, Failed> {
        let token = self.access.token().await.map_err(Failed::ours)?;
        let (mut requests, receiver) = mpsc::channel(1);
        let metadata = metadata(token.as_deref(), ("write_stream", &first.write_stream)).map_err(Failed::ours)?;
        // Before there is an answer to it there need be no answer at all.
        requests.try_send(first).map_err(|_| Failed::lost(Code::Unavailable, "it was closed"))?;
        let mut asked = tonic::Request::new(receiver);
        *asked.metadata_mut() = metadata;
        let mut grpc = Grpc::new(self.channel().await?);
        grpc.ready().await.map_err(|error| Failed::of_status(&tonic::Status::from_error(error.into())))?;
        let codec = ProstCodec::<AppendRowsRequest, AppendRowsResponse>::default();
        let answer = grpc.streaming(asked, PathAndQuery::from_static(APPEND), codec).await;
        let answers = answer.map_err(|status| Failed::of_status(&status))?.into_inner();
        Ok(Connection { requests, answers })
    }
}

fn outcome(answer: AppendRowsResponse) -> Result<Option<i64>, Failed> {
    match answer.response {
        Some(Outcome::AppendResult(result)) if answer.row_errors.is_empty() => Ok(result.offset),
        Some(Outcome::Error(status)) => {
            let failed = Failed::of(Code::from_i32(status.code), &status.message, &status);
            Err(Failed { rows: answer.row_errors, ..failed })
        }
        _ => {
            let failed = Failed::of(Code::InvalidArgument, "the answer says neither yes nor no", &Status::default());
            Err(Failed { rows: answer.row_errors, ..failed })
        }
    }
}

async fn in_time<T>(left: Duration, call: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    match tokio::time::timeout(left, call).await {
        Ok(ended) => ended,
        Err(_) => Err(Failed::lost(Code::DeadlineExceeded, "no answer in time")),
    }
}

fn channel(endpoint: &Endpoint, pace: Pace) -> Result<Channel> {
    let failed = |error: tonic::transport::Error| {
        let message = format!("The client of {} could not be set up.", endpoint.url());
        Error::with(ErrorKind::Internal, message, error)
    };
    let mut made = Channel::from_shared(endpoint.url().to_owned())
        .map_err(|error| Error::with(ErrorKind::Invalid, format!("{} is no address.", endpoint.url()), error))?
        .user_agent(concat!("showrunner/", env!("CARGO_PKG_VERSION")))
        .map_err(failed)?
        .connect_timeout(pace.attempt.min(Duration::from_secs(10)))
        .http2_keep_alive_interval(KEEP_ALIVE);
    if !endpoint.is_anonymous() {
        // Both providers are built in: one has to be named. Whoever came first has named one.
        let _there = rustls::crypto::ring::default_provider().install_default();
        made = made.tls_config(ClientTlsConfig::new().with_enabled_roots()).map_err(failed)?;
    }
    Ok(made.connect_lazy())
}

fn metadata(token: Option<&str>, (name, value): (&str, &str)) -> Result<MetadataMap> {
    let failed = |_| Error::new(ErrorKind::Invalid, "The token or a name cannot stand in a header.");
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mut metadata = MetadataMap::new();
    metadata.insert("x-goog-request-params", format!("{name}={value}").parse().map_err(failed)?);
    if let Some(token) = token {
        metadata.insert("authorization", format!("Bearer {token}").parse().map_err(failed)?);
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::super::messages::Any;
    use super::*;

    #[test]
    fn who_asks_and_for_what_stands_in_the_headers() {
        let stream = "projects/p/datasets/d/tables/t/streams/s";
        let of = |token| metadata(token, ("write_stream", stream)).expect("headers");
        let text = |map: &MetadataMap, name| map.get(name).map(|value| value.to_str().expect("text").to_owned());
        let with = of(Some("secret"));
        assert_eq!(text(&with, "authorization").as_deref(), Some("Bearer secret"));
        assert_eq!(
            text(&with, "x-goog-request-params").as_deref(),
            Some("write_stream=projects%2Fp%2Fdatasets%2Fd%2Ftables%2Ft%2Fstreams%2Fs")
        );
        assert_eq!(text(&of(None), "authorization"), None, "an anonymous address gets no token");
        assert!(metadata(Some("a\nb"), ("name", "x")).is_err());
    }

    /// A server without TLS gets nothing that it could read.
    #[tokio::test]
    async fn a_token_never_goes_in_clear() {
        use tokio::io::AsyncReadExt;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let pace = Pace { attempts: 1, attempt: Duration::from_secs(5), ..Pace::default() };
        let endpoint = Endpoint::parse("the test's server", &url).expect("an address");
        let wire = Wire::new(&endpoint, &Access::person("secret-token".to_owned()), pace);
        let asked = async {
            let request = super::super::messages::FinalizeWriteStreamRequest { name: "s".to_owned() };
            let params = ("name", "s");
            wire.ask::<_, super::super::messages::FinalizeWriteStreamResponse>("end it", FINALIZE, params, &request)
                .await
        };
        let served = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut data = vec![0; 4096];
            let read = stream.read(&mut data).await.expect("something");
            data.truncate(read);
            data
        };
        let (answer, data) = tokio::join!(asked, served);
        assert_eq!(data.first(), Some(&0x16), "a TLS handshake");
        assert!(!data.windows(12).any(|part| part == b"secret-token"));
        let error = answer.expect_err("no TLS there").into_error("end it");
        assert_eq!(error.kind, ErrorKind::Unavailable, "{error}");
    }

    #[test]
    fn what_is_asked_again_is_what_may_pass() {
        let of = |code| Failed::of(code, "x", &Status::default());
        for code in [Code::Unavailable, Code::Aborted, Code::Internal] {
            assert!(of(code).is_passing() && of(code).may_be_in(), "{code:?}");
        }
        assert!(of(Code::ResourceExhausted).is_passing() && !of(Code::ResourceExhausted).may_be_in());
        for code in [Code::InvalidArgument, Code::Unknown, Code::NotFound, Code::PermissionDenied, Code::OutOfRange] {
            assert!(!of(code).is_passing(), "{code:?}");
            assert!(Failed::lost(code, "x").is_passing(), "no answer is no refusal");
        }
        let refused = Failed { rows: vec![RowError { index: 1, message: "x".to_owned() }], ..of(Code::Internal) };
        assert!(!refused.is_passing(), "rows do not become better");
    }

    #[test]
    fn storage_errors_are_found_in_the_details() {
        let code = StorageErrorCode::StreamFinalized as i32;
        let any = Any {
            type_url: format!("type.googleapis.com/{STORAGE_ERROR}"),
            value: StorageError { code }.encode_to_vec(),
        };
        let status = Status { code: Code::InvalidArgument as i32, message: "x".to_owned(), details: vec![any] };
        let packed = tonic::Status::with_details(Code::InvalidArgument, "x", status.encode_to_vec().into());
        assert!(Failed::of_status(&packed).is_ended(), "in a status");
        assert!(Failed::of(Code::InvalidArgument, "x", &status).is_ended(), "in an answer");
        assert!(!Failed::of(Code::InvalidArgument, "x", &Status::default()).is_ended());
    }
}
