//! A gRPC server within a test: by hand on HTTP/2, that it may break off anywhere. It answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// One message that came.
#[derive(Clone)]
pub struct Asked {
    /// The path of the call, for instance `/google.pubsub.v1.Publisher/CreateTopic`.
    pub path: String,
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

/// Calls in which messages go both ways.
const BOTH_WAYS: [&str; 2] = ["AppendRows", "StreamingPull"];

/// The server; it ends when it is dropped.
pub struct Grpc {
    pub url: String,
    seen: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Grpc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Script = dyn Fn(&Asked, &[Asked]) -> Say + Send + Sync;

impl Grpc {
    pub async fn scripted<F: Fn(&Asked, &[Asked]) -> Say + Send + Sync + 'static>(answer: F) -> Grpc {
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
        Grpc { url, seen, task }
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
    let path = head.uri.path().to_owned();
    let method = path.rsplit('/').next().unwrap_or_default().to_owned();
    let both_ways = BOTH_WAYS.contains(&method.as_str());
    let (mut data, mut out) = (BytesMut::new(), None);
    loop {
        while data.len() < 5 || data.len() < 5 + (&data[1..5]).get_u32() as usize {
            let chunk = body.data().await?.ok()?;
            body.flow_control().release_capacity(chunk.len()).ok()?;
            data.extend_from_slice(&chunk);
        }
        let length = (&data[1..5]).get_u32() as usize;
        let message = data.split_to(5 + length)[5..].to_vec();
        let (path, method) = (path.clone(), method.clone());
        let asked = Asked { path, method, headers: head.headers.clone(), message, connection };
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
                if !both_ways {
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
