//! The fake of Cloud Storage (tests/peers/gcs), where Python has what it needs.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use showrunner_gcp::{Endpoints, GcpConfig};

/// A running fake; it ends with this.
pub struct Fake {
    process: Child,
    pub http: String,
    pub grpc: String,
    _root: tempfile::TempDir,
}

impl Fake {
    /// Starts one; `None`, and a line that says so, where there is no Python for it.
    pub fn start(for_what: &str, options: &[&str]) -> Option<Fake> {
        let Some(peers) = std::env::var_os("SHOWRUNNER_PEERS").map(PathBuf::from) else {
            let text =
                format!("left out: {for_what} (SHOWRUNNER_PEERS names no Python environment; `make test` makes one)\n");
            let _ = std::io::stderr().write_all(text.as_bytes());
            return None;
        };
        let root = tempfile::tempdir().expect("a folder");
        let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("tests/peers/gcs/serve.py"));
        let serve = above.into_iter().find(|path| path.is_file()).expect("the fake's program");
        let mut process = Command::new(peers.join("bin/python"))
            .arg(serve)
            .args(["--port", "0", "--grpc-port", "0", "--with-parent", "--root"])
            .arg(root.path())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fake starts");
        let mut line = String::new();
        let stdout = process.stdout.take().expect("its output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let of = |name: &str| said[name].as_str().expect("an address").to_owned();
        Some(Fake { http: of("http"), grpc: of("grpc"), process, _root: root })
    }

    /// A show on it that nobody else has.
    pub fn config(&self, show: &str) -> GcpConfig {
        let set = |name: &str| match name {
            "SHOWRUNNER_GCS_ENDPOINT" => Some(self.http.clone()),
            "SHOWRUNNER_GCS_CONTROL_ENDPOINT" => Some(self.grpc.clone()),
            _ => None,
        };
        GcpConfig {
            project: "contract-project".to_owned(),
            location: "US".to_owned(),
            show: show.to_owned(),
            impersonate: None,
            endpoints: Endpoints::of(set).expect("addresses"),
        }
    }

    /// What a control endpoint of the fake answers.
    pub fn control(&self, method: &str, path: &str, body: &str) -> Value {
        self.ask(method, &format!("/_fake/{path}"), body)
    }

    /// What the fake answers to a request.
    pub fn ask(&self, method: &str, target: &str, body: &str) -> Value {
        let address = self.http.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the fake answers");
        let length = body.len();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 2"), "{head} {body}");
        serde_json::from_str(body).unwrap_or(Value::Null)
    }

    /// Fails when something was asked that the fake does not know.
    pub fn assert_understood(&self) {
        let refused = self.control("GET", "refused", "");
        assert!(refused.as_array().is_none_or(Vec::is_empty), "{refused:#}");
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
