//! A disk that is really full: a small file system of its own, mounted in a namespace. The page says so, the server stays up, and
//! what was held up goes on when there is room again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use showrunner_tests::{binary, http, left_out};

const WITHIN: Duration = Duration::from_secs(120);

/// Mounts, then becomes the server: the process that is started is the server's own.
const INSIDE: &str =
    r#"mount -t tmpfs -o size=256m none "$1" && exec "$2" serve --addr 127.0.0.1:0 --data-dir "$1/data""#;

struct Server {
    child: Child,
    address: String,
    /// The small file system, seen from outside of the namespace.
    disk: PathBuf,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(binary: &Path) -> Option<Server> {
    let folder = tempfile::tempdir().unwrap();
    let able = Command::new("unshare").args(["-Urm", "mount", "-t", "tmpfs", "none"]).arg(folder.path()).output();
    if !able.is_ok_and(|output| output.status.success()) || !binary.is_file() {
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", INSIDE, "sh"]).arg(folder.path()).arg(binary);
    command.env("SHOWRUNNER_SESSIONS_PER_DAY", "20").env("SHOWRUNNER_LOG", "off");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address =
        line.trim().strip_prefix("Showrunner is ready at http://").unwrap_or_else(|| panic!("{line}")).to_owned();
    let root = PathBuf::from(format!("/proc/{}/root", child.id()));
    let disk = root.join(folder.path().strip_prefix("/").unwrap());
    Some(Server { child, address, disk, _folder: folder })
}

impl Server {
    fn page(&self, path: &str) -> (u16, String) {
        http::get(&self.address, path).unwrap()
    }

    /// Asks for the page until it has the words.
    fn wait(&self, path: &str, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let (status, page) = self.page(path);
            assert_eq!(status, 200, "{path}: {page}");
            if page.contains(words) {
                return page;
            }
            assert!(begun.elapsed() < WITHIN, "'{words}' did not appear on {path}: {page}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Fills the disk but for this many bytes.
    fn fill(&self, name: &str, leave: usize) {
        let mut file = File::create(self.disk.join(name)).unwrap();
        let block = vec![0_u8; 64 << 10];
        while file.write_all(&block).is_ok() {}
        let full = file.metadata().unwrap().len();
        let file = OpenOptions::new().write(true).open(self.disk.join(name)).unwrap();
        file.set_len(full.saturating_sub(leave as u64)).unwrap();
    }

    fn free(&self, name: &str) {
        std::fs::remove_file(self.disk.join(name)).unwrap();
    }
}

#[test]
fn a_full_disk_is_said_and_outlived() {
    let Some(binary) = binary("a_full_disk_is_said_and_outlived") else { return };
    let Some(server) = start(&binary) else {
        let why = "no binary, or no small file system can be mounted here (unshare -Urm mount -t tmpfs)";
        left_out("a_full_disk_is_said_and_outlived", why);
        return;
    };
    // A session needs room, too; one that is there goes on.
    http::session(&server.address, false).unwrap();
    // No room for the run's own record: the button says so.
    server.fill("brim", 0);
    let (status, answer) = http::post(&server.address, "/api/press", "step=1.1").unwrap();
    assert!(status == 302 || status == 303, "{status}");
    let back = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let (_, page) = server.page(&back);
    assert!(page.contains("disk is full"), "{page}");
    server.free("brim");

    // Room for the record and some of the days: the run fails, and its page says why.
    server.fill("most", 2 << 20);
    http::post(&server.address, "/api/press", "step=1.1").unwrap();
    let page = server.wait("/?step=1.1", "disk is full");
    let run = page.split("/runs/").nth(1).unwrap().split(['"', '?', '#']).next().unwrap().to_owned();
    for path in ["/", "/runs", "/report", "/lake", "/reset", &format!("/runs/{run}")] {
        assert_eq!(server.page(path).0, 200, "{path}");
    }

    server.free("most");
    // The failure itself is only on record once there is room for it: until then the button says that the run is still there.
    let begun = Instant::now();
    while !server.page("/?step=1.1").1.contains("Done in") {
        assert!(begun.elapsed() < WITHIN, "the run did not go on");
        http::post(&server.address, "/api/retry_run", &format!("id={run}")).unwrap();
        std::thread::sleep(Duration::from_millis(500));
    }
    // Nothing is there twice: the table's pages count 58 days once.
    let page = server.wait("/lake/bronze.ga_sessions", "2017-07-28");
    assert_eq!(page.matches(">2017-07-28<").count(), 1, "{page}");
}
