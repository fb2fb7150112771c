//! BigQuery Storage Write within a test: gRPC by hand on HTTP/2, that it may break off anywhere. It answers as it is told, and remembers what
//! it was asked.

use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::messages::{
    AppendResult, AppendRowsRequest, AppendRowsResponse, FinalizeWriteStreamResponse, Outcome, Status, WriteStream,
};

/// One message that came.
#[derive(Clone)]
pub struct Asked {
    /// The last part of its path.
    pub method: String,
    pub headers: HeaderMap,
    pub message: Vec<u8>,
    /// Which connection it came by.
    pub connection: usize,
}

impl Asked {
    pub fn is(&self, method: &str) -> bool {
        self.method == method
    }

    pub fn rows(&self) -> AppendRowsRequest {
        AppendRowsRequest::decode(self.message.as_slice()).expect("rows")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What is answered.
pub enum Say {
    /// A message; for a call with one answer, its end too.
    Message(Vec<u8>),
    /// A status, which ends the call.
    Status(i32, &'static str),
    /// Nothing, and the connection stays.
    Silence,
    /// The connection is lost.
    Cut,
}

impl Say {
    /// Rows are in, here.
    pub fn taken(offset: i64) -> Say {
        let result = Outcome::AppendResult(AppendResult { offset: Some(offset) });
        Say::Message(AppendRowsResponse { response: Some(result), row_errors: Vec::new() }.encode_to_vec())
    }

    /// Rows are not in, but the call goes on.
    pub fn refused(code: i32, message: &str) -> Say {
        let status = Status { code, message: message.to_owned(), details: Vec::new() };
        Say::Message(
            AppendRowsResponse { response: Some(Outcome::Error(status)), row_errors: Vec::new() }.encode_to_vec(),
        )
    }

    /// What a server answers on a good day.
    pub fn usual(asked: &Asked, before: &[Asked]) -> Say {
        match asked.method.as_str() {
            "CreateWriteStream" => {
                let made = before.iter().filter(|b| b.is("CreateWriteStream")).count();
                let name = format!("projects/p/datasets/d/tables/t/streams/s{made}");
                Say::Message(WriteStream { name, r#type: 1 }.encode_to_vec())
            }
            "FinalizeWriteStream" => Say::Message(FinalizeWriteStreamResponse { row_count: 0 }.encode_to_vec()),
            _ => Say::taken(asked.rows().offset.expect("an offset")),
        }
    }
}

/// The server; it ends when it is dropped.
pub struct Storage {
    pub url: String,
    seen: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = dyn Fn(&Asked, &[Asked]) -> Say + Send + Sync;

impl Storage {
    pub async fn scripted<F: Fn(&Asked, &[Asked]) -> Say + Send + Sync + 'static>(answer: F) -> Storage {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, notes): (Arc<Script>, _) = (Arc::new(answer), seen.clone());
        let task = tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                number += 1;
                tokio::spawn(connection(stream, number, script.clone(), notes.clone()));
            }
        });
        Storage { url, seen, task }
    }

    /// What it was asked so far.
    pub fn seen(&self) -> Vec<Asked> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|asked| asked.is(method)).count()
    }
}

async fn connection(stream: TcpStream, number: usize, script: Arc<Script>, seen: Arc<Mutex<Vec<Asked>>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    let (cut, mut cuts) = mpsc::channel(1);
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    tokio::spawn(call(request, respond, number, script.clone(), seen.clone(), cut.clone()));
                }
                _ => return,
            },
            _ = cuts.recv() => return,
        }
    }
}

/// Says the messages of one call what the script says, until somebody has enough. A client that goes away is a client's right.
async fn call(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: usize,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Asked>>>,
    cut: mpsc::Sender<()>,
) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let method = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let (mut data, mut out) = (BytesMut::new(), None);
    loop {
        while data.len() < 5 || data.len() < 5 + (&data[1..5]).get_u32() as usize {
            let chunk = body.data().await?.ok()?;
            body.flow_control().release_capacity(chunk.len()).ok()?;
            data.extend_from_slice(&chunk);
        }
        let length = (&data[1..5]).get_u32() as usize;
        let message = data.split_to(5 + length)[5..].to_vec();
        let asked = Asked { method: method.clone(), headers: head.headers.clone(), message, connection };
        let say = {
            let mut seen = seen.lock().expect("not poisoned");
            let say = script(&asked, &seen);
            seen.push(asked);
            say
        };
        match say {
            Say::Silence => {}
            Say::Cut => return cut.send(()).await.ok(),
            Say::Message(answer) => {
                if out.is_none() {
                    let head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
                    out = Some(respond.send_response(head, false).ok()?);
                }
                let out = out.as_mut()?;
                let length = u32::try_from(answer.len()).expect("small").to_be_bytes();
                out.send_data([&[0], length.as_slice(), answer.as_slice()].concat().into(), false).ok()?;
                if method != "AppendRows" {
                    return out.send_trailers(trailers(0, "")).ok();
                }
            }
            Say::Status(code, message) => match &mut out {
                Some(out) => return out.send_trailers(trailers(code, message)).ok(),
                None => {
                    let mut head =
                        Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
                    head.headers_mut().extend(trailers(code, message));
                    return respond.send_response(head, true).map(|_| ()).ok();
                }
            },
        }
    }
}

fn trailers(code: i32, message: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(code));
    trailers.insert("grpc-message", HeaderValue::from_static(message));
    trailers
}
