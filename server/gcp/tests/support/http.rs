//! An HTTP server within a test: it answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Whether it is of this method, and its path ends like this.
    pub fn is(&self, method: &str, end: &str) -> bool {
        self.method == method && self.path().ends_with(end)
    }
}

/// What is answered.
pub enum Reply {
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// The connection is closed without an answer.
    Lost,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Reply {
        Reply::Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    /// A refusal as Google words it.
    pub fn refused(status: u16, reason: &str, message: &str) -> Reply {
        Reply::json(
            status,
            serde_json::json!({"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}),
        )
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Reply {
        if let Reply::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

/// A server that stops when it is dropped.
pub struct Server {
    pub url: String,
    seen: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start<F>(answer: F) -> Server
    where
        F: Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, notes) = (Arc::new(answer), seen.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, notes) = (answer.clone(), notes.clone());
                tokio::spawn(async move {
                    // A client that goes away in the middle is a client's right.
                    let _ = serve(stream, answer.as_ref(), &notes).await;
                });
            }
        });
        Server { url, seen, task }
    }

    /// A server that answers at once, by what was asked so far and what is asked now.
    pub async fn scripted<F: Fn(&Request, &[Request]) -> Reply + Send + Sync + 'static>(answer: F) -> Server {
        let before = Mutex::new(Vec::new());
        Server::start(move |request| {
            let mut before = before.lock().expect("not poisoned");
            let reply = answer(&request, &before);
            before.push(request);
            Box::pin(async move { reply })
        })
        .await
    }

    /// What it was asked so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().expect("not poisoned").clone()
    }

    /// How often it was asked this.
    pub fn count(&self, method: &str, end: &str) -> usize {
        self.seen().iter().filter(|request| request.is(method, end)).count()
    }
}

async fn serve<F>(mut stream: TcpStream, answer: &F, notes: &Mutex<Vec<Request>>) -> std::io::Result<()>
where
    F: Fn(Request) -> BoxFuture<'static, Reply> + Send + Sync,
{
    let mut data = Vec::new();
    let head = loop {
        if let Some(end) = data.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut data).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&data[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default().to_owned(), first.next().unwrap_or_default().to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { method, target, headers, body: data[head + 4..].to_vec() };
    let length = request.header("content-length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
    let chunked = request.header("transfer-encoding") == Some("chunked");
    while if chunked { !request.body.ends_with(b"0\r\n\r\n") } else { request.body.len() < length } {
        if stream.read_buf(&mut request.body).await? == 0 {
            return Ok(());
        }
    }
    if chunked {
        request.body = joined(&request.body).unwrap_or_default();
    }
    notes.lock().expect("not poisoned").push(request.clone());
    if let Reply::Answer { status, headers, body } = answer(request).await {
        let mut out = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str("\r\n");
        stream.write_all(out.as_bytes()).await?;
        stream.write_all(&body).await?;
    }
    stream.shutdown().await
}

/// What comes in chunks, as one.
fn joined(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 2 + size + 2..)?;
    }
}
