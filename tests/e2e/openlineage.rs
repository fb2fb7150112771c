//! Lineage leaves the real server: an endpoint that is down at first is told of everything, and what a run read is still known after
//! a reset and a restart.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use showrunner_tests::discovery::Discovery;
use showrunner_tests::{binary, http, left_out};

const WITHIN: Duration = Duration::from_secs(120);
const KEY: &str = "a-key-that-nobody-may-see";

/// An OpenLineage endpoint. Its first answers are errors.
struct Endpoint {
    address: String,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Endpoint {
    fn start(errors: usize) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let told: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = told.clone();
        std::thread::spawn(move || {
            let mut left = errors;
            for connection in listener.incoming().map_while(Result::ok) {
                answer(connection, &mut left, &kept);
            }
        });
        Endpoint { address, told }
    }

    fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }
}

/// Answers requests of one connection.
fn answer(connection: TcpStream, left: &mut usize, told: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(connection);
    loop {
        let (mut length, mut authorized, mut line) = (0, false, String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            authorized |= line.trim_end().ends_with(&format!("Bearer {KEY}"));
            if line.trim().is_empty() {
                break;
            }
        }
        assert!(authorized, "the key was not sent");
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let status = match *left {
            0 => {
                told.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                "201 Created"
            }
            _ => {
                *left -= 1;
                "503 Service Unavailable"
            }
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(binary: &Path, data: &Path, endpoint: &Endpoint) -> Server {
    let mut command = Command::new(binary);
    command.args(["serve", "--addr", "127.0.0.1:0", "--data-dir"]).arg(data);
    command.env("SHOWRUNNER_OPENLINEAGE_URL", format!("http://{}/api/v1/lineage", endpoint.address));
    command.env("SHOWRUNNER_OPENLINEAGE_API_KEY", KEY);
    command.env("SHOWRUNNER_SESSIONS_PER_DAY", "20");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("Showrunner is ready at http://").unwrap_or_else(|| panic!("{line}")).to_owned();
    Server { child, address }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < WITHIN, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Has OpenLineage's own client, whose classes are generated from the published JSON schema, look at each event.
fn judge(events: &[Value]) {
    let Some(environment) = std::env::var_os("SHOWRUNNER_PEERS") else {
        let why = "SHOWRUNNER_PEERS names no Python environment; `make test` makes one";
        left_out(&format!("OpenLineage's judgement of {} events", events.len()), why);
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/judge_lineage.py");
    let mut command = Command::new(Path::new(&environment).join("bin/python"));
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    // A folder with the schemas themselves, for who has them at hand; set-up cannot fetch them.
    if let Some(folder) = std::env::var_os("SHOWRUNNER_OPENLINEAGE_SPEC") {
        command.arg("--spec").arg(folder);
    }
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(events).unwrap()).unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    // Google's Data Lineage API takes one event as its body.
    let Some(google) = Discovery::read("datalineage.v1", "lineage told to Google") else { return };
    for event in events {
        let target = "/v1/projects/p/locations/us:processOpenLineageRunEvent";
        let (_, problems) = google.check("POST", target, event.to_string().as_bytes());
        assert!(problems.is_empty(), "{problems:?}: {event}");
    }
}

/// Presses a step and waits until its run is over; returns the run's id.
fn run(server: &Server, step: &str, runs: usize) -> String {
    http::post(&server.address, "/api/press", &format!("step={step}")).unwrap();
    until("the run", || {
        let (_, body) = http::json(&server.address, "/api/runs").unwrap();
        let all: Vec<Value> = serde_json::from_str(&body).ok()?;
        let over = all.len() >= runs && all.iter().all(|run| run["state"] != "running" && run["state"] != "next");
        over.then(|| all[0]["id"].as_str().unwrap().to_owned())
    })
}

fn events(server: &Server, run: &str) -> Vec<Value> {
    let (status, body) = http::json(&server.address, &format!("/runs/{run}/lineage.json")).unwrap();
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn an_endpoint_hears_of_everything_and_what_was_read_stays_known() {
    let Some(binary) = binary("an_endpoint_hears_of_everything_and_what_was_read_stays_known") else { return };
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(2);
    let server = start(&binary, folder.path(), &endpoint);
    run(&server, "1.1", 1);
    run(&server, "2.1", 2);
    let day = run(&server, "2.2", 3);
    let own = events(&server, &day);
    let jobs: BTreeSet<&str> = own.iter().map(|event| event["job"]["name"].as_str().unwrap()).collect();
    for table in ["bronze.ga_sessions", "silver.sessions", "gold.daily_kpis", "warehouse.ga_sessions"] {
        assert!(jobs.contains(table), "{table} is not among {jobs:?}");
    }
    let bronze = own.iter().find(|event| event["job"]["name"] == "bronze.ga_sessions").unwrap();
    let reads = bronze.pointer("/inputs/0/inputFacets/showrunner_reads/reads/0").unwrap().as_str().unwrap();
    assert!(reads.starts_with("gs://sa-ingestion-demo-dev/customer01/ga_sessions/2017-07-29/"), "{reads}");
    // Told, each event, although the endpoint refused the first requests.
    let key = |event: &Value| format!("{} {}", event["run"]["runId"], event["eventType"]);
    let wanted: BTreeSet<String> = own.iter().map(key).collect();
    until("that the endpoint is told", || {
        let told: BTreeSet<String> = endpoint.told().iter().map(key).collect();
        wanted.is_subset(&told).then_some(())
    });
    judge(&endpoint.told());
    // The key stands on no page and in no event.
    let (_, page) = http::get(&server.address, &format!("/lineage?run={day}")).unwrap();
    assert!(!page.contains(KEY) && !serde_json::to_string(&endpoint.told()).unwrap().contains(KEY));

    // What others tell is there, until everything is reset.
    let theirs = r#"{"eventType":"COMPLETE","eventTime":"2017-07-29T10:00:00Z","producer":"urn:them",
        "run":{"runId":"01890a5d-ac96-774b-bcce-b302099a8057"},"job":{"namespace":"dbt","name":"forecast"},
        "outputs":[{"namespace":"dbt","name":"forecast"}]}"#;
    assert_eq!(http::post(&server.address, "/api/v1/lineage", theirs).unwrap().0, 201);
    let graph = |server: &Server| http::get(&server.address, "/lineage").unwrap().1;
    assert!(graph(&server).contains("external.dbt/forecast"));
    drop(server);
    // A stream that ends by itself puts its tables on record as one that is stopped does.
    let stream = Command::new(&binary)
        .args(["stream", "--rate", "1000", "--records", "20", "--data-dir"])
        .arg(folder.path())
        .env("SHOWRUNNER_SESSIONS_PER_DAY", "20")
        .output()
        .unwrap();
    assert!(stream.status.success(), "{}", String::from_utf8_lossy(&stream.stderr));
    let stream: Value = serde_json::from_slice(&stream.stdout).unwrap();
    let stream = stream["stream"].as_str().unwrap().to_owned();
    let reset = Command::new(&binary).args(["reset", "--yes", "--data-dir"]).arg(folder.path()).output().unwrap();
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    let server = start(&binary, folder.path(), &endpoint);
    assert_eq!(events(&server, &day), own);
    let of_stream = events(&server, &stream);
    judge(&of_stream);
    let streamed: BTreeSet<String> =
        of_stream.iter().map(|event| event["job"]["name"].as_str().unwrap().to_owned()).collect();
    for job in ["stream.ga-sessions-stream", "bronze.ga_sessions_stream", "warehouse.ga_sessions_stream"] {
        assert!(streamed.contains(job), "{job} is not among {streamed:?}");
    }
    assert!(!graph(&server).contains("external.dbt/forecast"), "a reset of all leaves nothing that came from outside");
}
