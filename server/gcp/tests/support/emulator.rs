//! Google's own Pub/Sub emulator, where it is installed.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running emulator; it ends with this.
pub struct Emulator {
    process: Child,
    pub address: String,
}

impl Emulator {
    /// Starts one; `None`, and a line that says so, where none is installed.
    pub fn start(for_what: &str) -> Option<Emulator> {
        let Some(program) = program() else {
            let _ = std::io::stderr().write_all(
                format!("left out: {for_what} (Google's Pub/Sub emulator is not installed; SHOWRUNNER_PUBSUB_EMULATOR may name it)\n").as_bytes(),
            );
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let process = Command::new(&program)
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .env("JAVA_TOOL_OPTIONS", "-Xmx512m")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{} starts: {e}", program.display()));
        let emulator = Emulator { process, address: format!("127.0.0.1:{port}") };
        let begun = Instant::now();
        while TcpStream::connect(&emulator.address).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the emulator does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(emulator)
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The program is a script that becomes Java by exec.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Named by the environment, else beside `gcloud`.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("SHOWRUNNER_PUBSUB_EMULATOR") {
        return Some(PathBuf::from(named));
    }
    let paths = std::env::var_os("PATH")?;
    let gcloud = std::env::split_paths(&paths).map(|dir| dir.join("gcloud")).find(|path| path.is_file())?;
    let real = std::fs::canonicalize(gcloud).ok()?;
    let beside = |dir: &Path| dir.join("platform/pubsub-emulator/bin/cloud-pubsub-emulator");
    real.ancestors().map(beside).find(|path| path.is_file())
}
