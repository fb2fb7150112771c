//! What came over the wire, judged by Google's own Python packages (`tests/peers/transcode.py`), and one address for HTTP/1 and HTTP/2.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};

use super::grpc::Asked;

/// A message as Google reads it.
#[derive(Debug, Deserialize)]
pub struct Told {
    /// What it holds.
    pub message: Value,
    /// The REST request that Google's own transport makes of it; none where the call has no such form.
    pub rest: Option<Rest>,
}

/// A request.
#[derive(Debug, Deserialize)]
pub struct Rest {
    pub verb: String,
    pub target: String,
    pub body: Option<Value>,
}

/// Has Google's classes read each message; a field that they do not know is an error. `None`, and a line that says so, without Python.
pub fn told(asked: &[Asked], what: &str) -> Result<Option<Vec<Told>>, String> {
    let Some(peers) = std::env::var_os("SHOWRUNNER_PEERS").map(PathBuf::from) else {
        showrunner_tests::left_out(what, "SHOWRUNNER_PEERS names no Python environment; `make test` makes one");
        return Ok(None);
    };
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("tests/peers/transcode.py"));
    let program = above.find(|path| path.is_file()).expect("the judge's program");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let messages: Vec<(&str, String)> = asked.iter().map(|asked| (asked.path.as_str(), hex(&asked.message))).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("messages.json");
    std::fs::write(&file, serde_json::to_string(&messages).expect("JSON")).expect("a file");
    let run = Command::new(peers.join("bin/python"))
        .arg(program)
        .stdin(std::fs::File::open(&file).expect("the file"))
        .stderr(Stdio::piped())
        .output()
        .expect("Python runs");
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into_owned());
    }
    Ok(Some(serde_json::from_slice(&run.stdout).expect("JSON")))
}

/// One address in front of two servers; it ends when it is dropped.
pub struct Front {
    pub url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Front {
    /// What begins as HTTP/2 does goes to the one, everything else to the other.
    pub async fn of(http2: &str, http1: &str) -> Front {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let address = |url: &str| url.trim_start_matches("http://").to_owned();
        let (http2, http1) = (address(http2), address(http1));
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (http2, http1) = (http2.clone(), http1.clone());
                tokio::spawn(async move {
                    let mut first = [0; 3];
                    // A client that goes away in the middle is a client's right.
                    stream.peek(&mut first).await.ok()?;
                    let to = if first == *b"PRI" { http2 } else { http1 };
                    let mut onward = TcpStream::connect(to).await.ok()?;
                    tokio::io::copy_bidirectional(&mut stream, &mut onward).await.ok()
                });
            }
        });
        Front { url, task }
    }
}
