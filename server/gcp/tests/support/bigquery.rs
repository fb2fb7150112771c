//! `bqemulator`, a BigQuery on DuckDB, as a peer: found by `SHOWRUNNER_PEERS` (a Python environment that it is installed in), started on free
//! ports with a folder of its own, stopped at the end. In front of it stands a small proxy that notes every request, and corrects what the
//! peer does differently from Google.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::http::{Reply, Request, Server};

/// Says past the test runner, which keeps the output of what passes, what was not tested.
pub fn left_out(what: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if !SAID.lock().expect("not poisoned").insert(what.to_owned()) {
        return; // once is enough
    }
    let line = format!("left out: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).expect("stderr");
}

/// The peer, and the proxy in front of it.
pub struct Peer {
    process: Child,
    pub proxy: Server,
    /// Where its Storage Write answers.
    pub grpc: String,
    /// `root/buckets/BUCKET/KEY`, as `DiskObjects` has them, is the peer's Cloud Storage.
    pub root: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().expect("the peer can be stopped");
        self.process.wait().expect("the peer ends");
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// DuckDB looks for extensions in the home folder, and would else fetch them: they lie beside the peer.
fn lay_out_extensions(environment: &Path, home: &Path) {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux_amd64",
        _ => "linux_arm64",
    };
    let entries = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages = entries(environment.join("lib")).flat_map(|python| entries(python.join("site-packages")));
    for package in packages
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("duckdb_extension_")))
    {
        for version in entries(package.join("extensions")) {
            let to = home.join(".duckdb/extensions").join(version.file_name().expect("a name")).join(platform);
            std::fs::create_dir_all(&to).expect("a folder");
            for file in entries(version).filter(|path| path.extension().is_some_and(|e| e == "duckdb_extension")) {
                std::fs::copy(&file, to.join(file.file_name().expect("a name"))).expect("a copy");
            }
        }
    }
}

impl Peer {
    /// Starts it, or says that `what` is left out.
    pub async fn start(what: &str) -> Option<Peer> {
        let Some(environment) = std::env::var_os("SHOWRUNNER_PEERS").map(PathBuf::from) else {
            left_out(&format!("{what}: set SHOWRUNNER_PEERS to a Python environment with bqemulator 1.4.0"));
            return None;
        };
        let program = environment.join("bin/bqemulator");
        assert!(program.is_file(), "SHOWRUNNER_PEERS is set, but {} is not there", program.display());
        let root = tempfile::tempdir().expect("a folder");
        lay_out_extensions(&environment, root.path());
        std::fs::create_dir_all(root.path().join("buckets")).expect("a folder");
        let (rest, grpc) = (free_port(), free_port());
        let log = std::fs::File::create(root.path().join("log")).expect("a file");
        let process = Command::new(program)
            .args(["start", "--rest-port", &rest.to_string(), "--grpc-port", &grpc.to_string()])
            .env("HOME", root.path())
            .env("BQEMU_GCS_LOCAL_ROOT", root.path().join("buckets"))
            .current_dir(root.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .spawn()
            .expect("the peer starts");
        let url = format!("http://127.0.0.1:{rest}");
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        let proxy = proxy(url.clone(), client.clone()).await;
        let peer = Peer { process, proxy, grpc: format!("http://127.0.0.1:{grpc}"), root };
        let begun = Instant::now();
        while client.get(format!("{url}/bigquery/v2/projects/p/datasets")).send().await.is_err() {
            let log = std::fs::read_to_string(peer.root.path().join("log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(90), "the peer does not answer: {log}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        while tokio::net::TcpStream::connect(("127.0.0.1", grpc)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(90), "the peer's Storage Write does not answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Some(peer)
    }
}

/// Where the peer differs from Google in what these tests are about:
/// - it runs a job again whose id was used before, where Google answers 409;
/// - it asks for no token, and takes who asks from a header of its own: here, what the token says;
/// - it refuses `CREATE OR REPLACE ROW ACCESS POLICY` where there is one to replace: here, that one goes first;
/// - of a table with row access policies it makes a subquery even after `TRUNCATE TABLE`: here, `DELETE` says the same.
async fn proxy(url: String, client: reqwest::Client) -> Server {
    let ids = Arc::new(Mutex::new(HashSet::new()));
    Server::start(move |request: Request| {
        let (url, client, ids) = (url.clone(), client.clone(), ids.clone());
        Box::pin(async move {
            let id = request.json().pointer("/jobReference/jobId").and_then(|id| id.as_str()).map(str::to_owned);
            if let Some(id) = &id
                && ids.lock().expect("not poisoned").contains(id)
            {
                return Reply::refused(409, "duplicate", &format!("Already Exists: Job p:US.{id}"));
            }
            let mut body = request.body.clone();
            let mut asked = request.json();
            let sql = asked.pointer("/configuration/query/query").and_then(|sql| sql.as_str()).unwrap_or_default();
            if let Some(policy) = replaced(sql) {
                client.delete(format!("{url}{policy}")).send().await.expect("the peer answers");
            } else if let Some(table) = sql.strip_prefix("TRUNCATE TABLE ") {
                asked["configuration"]["query"]["query"] = format!("DELETE FROM {table} WHERE TRUE").into();
                body = asked.to_string().into_bytes();
            }
            let method = request.method.parse::<reqwest::Method>().expect("a method");
            let mut onward = client.request(method, format!("{url}{}", request.target)).body(body);
            if let Some(token) = request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")) {
                onward = onward.header("x-bqemu-caller", format!("user:{token}"));
            }
            let answer = onward.header("content-type", "application/json").send().await.expect("the peer answers");
            let status = answer.status().as_u16();
            if status == 200
                && let Some(id) = id
            {
                ids.lock().expect("not poisoned").insert(id);
            }
            let body = answer.bytes().await.expect("the peer's answer").to_vec();
            Reply::Answer { status, headers: Vec::new(), body }
        })
    })
    .await
}

/// The path of the row access policy that a statement replaces, if it is such a statement.
fn replaced(sql: &str) -> Option<String> {
    let (policy, rest) = sql.strip_prefix("CREATE OR REPLACE ROW ACCESS POLICY `")?.split_once("` ON `")?;
    let mut names = rest.split_once('`')?.0.split('.');
    let (project, dataset, table) = (names.next()?, names.next()?, names.next()?);
    Some(format!("/bigquery/v2/projects/{project}/datasets/{dataset}/tables/{table}/rowAccessPolicies/{policy}"))
}
