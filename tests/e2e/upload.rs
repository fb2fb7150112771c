//! Uploads by a real `curl`: a file, one that breaks off because the server is killed and goes on, the marker, the refusals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use showrunner_tests::{binary, http, left_out};

const DAY: &str = "/upload/customer02/ga_sessions/2017-07-29";

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(binary: &Path, data: &Path) -> Server {
        let mut child = Command::new(binary)
            .args(["serve", "--addr", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .env("SHOWRUNNER_SESSIONS_PER_DAY", "40")
            .env_remove("SHOWRUNNER_KILL_AT")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.ok()?.split("http://").nth(1).map(|rest| rest.trim_end_matches('/').to_owned()))
            .expect("it says where it listens");
        // Somebody has to read on, or it would wait.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address }
    }

    /// As a power cut does.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Curl<'a> {
    server: &'a Server,
    token: &'a str,
}

impl Curl<'_> {
    fn command(&self, args: &[&str], path: &str) -> Command {
        let mut command = Command::new("curl");
        command.args(["-sS", "--path-as-is", "-H", &format!("Authorization: Bearer {}", self.token)]);
        command.args(args).arg(format!("http://{}{path}", self.server.address));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Status and answer.
    fn run(&self, args: &[&str], path: &str) -> (u16, String) {
        let args = [args, &["-w", "\n%{http_code}"]].concat();
        let output = self.command(&args, path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, status) = text.trim_end().rsplit_once('\n').unwrap_or(("", text.trim_end()));
        (status.parse().unwrap(), body.to_owned())
    }

    /// What is there of a file, as the README says to ask.
    fn offset(&self, path: &str) -> u64 {
        let (_, headers) = self.run(&["-I"], path);
        let line = headers.lines().find_map(|line| line.trim().strip_prefix("upload-offset: "));
        line.expect("an offset").parse().unwrap()
    }
}

/// A customer with a token, by the forms that an admin presses.
fn token(server: &Server) -> String {
    http::post(&server.address, "/api/change_customer", "change=create&customer=customer02").unwrap();
    let form = "change=token&customer=customer02&title=e2e&days=1";
    let (_, answer) = http::post(&server.address, "/api/change_customer", form).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("where it is shown");
    let (_, page) = http::get(&server.address, location.trim()).unwrap();
    let text = &page[page.find("sru_").expect("the token")..];
    let token: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
    let (_, again) = http::get(&server.address, location.trim()).unwrap();
    assert!(!again.contains(&token), "shown once");
    token
}

fn file(dir: &Path, name: &str, bytes: usize) -> PathBuf {
    let path = dir.join(name);
    let line = b"{\"a\":\"0123456789abcdef0123456789abcdef0123456789abcdef\"}\n";
    let data: Vec<u8> = line.iter().copied().cycle().take(bytes).collect();
    std::fs::write(&path, data).unwrap();
    path
}

#[test]
fn a_file_that_broke_off_goes_on_after_the_server_was_killed() {
    let test = "uploads by curl";
    let Some(binary) = binary(test) else { return };
    if Command::new("curl").arg("--version").output().is_err() {
        return left_out(test, "curl is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::start(&binary, &data);
    let token = token(&server);
    let curl = Curl { server: &server, token: &token };

    let small = file(dir.path(), "small.json", 1_000).display().to_string();
    let (status, body) = curl.run(&["-T", &small], &format!("{DAY}/small.json"));
    assert_eq!(status, 201, "{body}");
    for (path, expected) in [
        ("/upload/customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02/../customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02/%2e%2e/customer01/ga_sessions/2017-07-29/a.json", 403),
        ("/upload/customer02%2f..%2fcustomer01/ga_sessions/2017-07-29/a.json", 403),
    ] {
        let (status, body) = curl.run(&["-T", &small], path);
        assert_eq!(status, expected, "{path} {body}");
    }
    assert_eq!(curl.run(&[], "/lake").0, 403);

    // Slowly, so that the server can be killed half-way.
    let large = file(dir.path(), "large.json", 24 << 20).display().to_string();
    let path = format!("{DAY}/large.json");
    let mut slow = curl.command(&["--limit-rate", "8M", "-T", &large], &path).spawn().unwrap();
    while curl.offset(&path) < 2 << 20 {
        assert!(slow.try_wait().unwrap().is_none(), "it was to be under way");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.kill();
    assert!(!slow.wait().unwrap().success());

    let server = Server::start(&binary, &data);
    let curl = Curl { server: &server, token: &token };
    let there = curl.offset(&path);
    assert!((2 << 20..24 << 20).contains(&there), "{there} bytes outlived the server");
    let (_, listing) = curl.run(&[], "/upload/customer02/");
    assert!(listing.contains("small.json") && listing.contains("\"incomplete\":[{"), "{listing}");
    let (status, body) = curl.run(&["-C", &there.to_string(), "-T", &large], &path);
    assert_eq!(status, 201, "{body}");
    let stored = data.join("buckets/sa-ingestion-demo-dev/customer02/ga_sessions/2017-07-29/large.json");
    assert_eq!(std::fs::read(stored).unwrap(), std::fs::read(&large).unwrap(), "byte for byte");
    let (status, body) = curl.run(&["-T", "/dev/null"], &format!("{DAY}/end_file.txt"));
    assert!(status == 201 && body.contains("\"run\":\"run-"), "{status} {body}");
}
