//! Kill the real binary anywhere, run it again: no row is lost, none is doubled.
//!
//! The binary must be a debug build (its failpoints are not in release builds). It is found by `SHOWRUNNER_BIN`, or as
//! `debug/showrunner` in the target folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use showrunner_tests::binary;

const DAYS: &str = "4";
/// The days of `DAYS` that the seed ingests.
const HISTORY: usize = 4;
const TABLES: [&str; 4] = ["bronze.ga_sessions", "silver.sessions", "gold.daily_kpis", "warehouse.ga_sessions"];
const SEED: [&str; 3] = ["seed", "--days", DAYS];
const RESET: [&str; 4] = ["reset", "--yes", "--format", "json"];

struct Folder {
    binary: PathBuf,
    dir: tempfile::TempDir,
}

impl Folder {
    fn new(binary: &Path) -> Folder {
        Folder { binary: binary.to_owned(), dir: tempfile::tempdir().unwrap() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(args).env("SHOWRUNNER_DATA_DIR", self.data());
        command.env("SHOWRUNNER_SESSIONS_PER_DAY", "40").env("SHOWRUNNER_LOG", "warn").env_remove("SHOWRUNNER_KILL_AT");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs until the failpoint aborts the process. False if it was never reached.
    fn killed_at(&self, args: &[&str], point: &str) -> bool {
        let output = self.command(args).env("SHOWRUNNER_KILL_AT", point).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), !text.contains("killed at"), "{point}: {text}");
        !output.status.success()
    }

    /// Counts for each table, day and customer, which show a lost or doubled row. One query: a process is the dear part.
    fn state(&self) -> BTreeMap<String, i64> {
        let table = |name: &&str| {
            format!("SELECT '{name}' AS place, date, customer, count(*) AS n FROM {name} GROUP BY date, customer")
        };
        let sql = TABLES.iter().map(table).collect::<Vec<_>>().join(" UNION ALL ");
        let rows: Vec<Value> = serde_json::from_str(&self.succeed(&["sql", &sql, "--format", "json"])).unwrap();
        let key = |row: &Value| format!("{} {} {}", row["place"], row["date"], row["customer"]);
        rows.iter().map(|row| (key(row), row["n"].as_i64().unwrap())).collect()
    }

    /// A day file outside the data folder, for `ingest`.
    fn day_file(&self) -> String {
        let out = self.dir.path().join("out");
        self.succeed(&["generate", "--from", "2017-07-29", "--to", "2017-07-29", "--out", &out.display().to_string()]);
        out.join("ga_sessions_20170729.json.gz").display().to_string()
    }
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn around(kind: &str, steps: &[&str]) -> Vec<String> {
    steps.iter().flat_map(|step| ["before", "worked", "after"].map(|at| format!("{kind}.{step}:{at}"))).collect()
}

#[test]
fn a_seed_killed_anywhere_ends_as_one_that_was_not() {
    let Some(binary) = binary("kill") else { return };
    let reference = Folder::new(&binary);
    reference.succeed(&SEED);
    let expected = reference.state();
    assert_eq!(expected.len(), TABLES.len() * HISTORY, "{expected:?}");
    let again = reference.succeed(&SEED);
    assert!(again.contains("nothing was changed"), "{again}");
    assert_eq!(reference.state(), expected, "a second seed changes nothing");

    let mut points = around("seed", &["source", "deliver", "bronze", "silver", "gold", "warehouse"]);
    for inside in [
        "source:file",
        "source:file:2",
        "deliver:file:2",
        "deliver:copied",
        "deliver:announced",
        "deliver:marked",
        "deliver:marked:3",
        "bronze:chunk",
        "bronze:committed",
        "bronze:recorded",
        "silver:chunk",
        "silver:committed",
        "silver:recorded",
        "gold:committed",
        "warehouse:committed",
    ] {
        points.push(format!("seed.{inside}"));
    }
    for point in points {
        let folder = Folder::new(&binary);
        assert!(folder.killed_at(&SEED, &point), "{point} was not reached");
        folder.succeed(&SEED);
        assert_eq!(folder.state(), expected, "{point}");
    }
}

#[test]
fn an_ingestion_killed_anywhere_neither_loses_nor_doubles() {
    let Some(binary) = binary("kill") else { return };
    let seeded = Folder::new(&binary);
    seeded.succeed(&SEED);
    let file = seeded.day_file();
    let ingest = ["ingest", "--customer", "customer01", "--dataset", "ga_sessions", file.as_str()];
    let reference = Folder::new(&binary);
    copy_dir(&seeded.data(), &reference.data());
    let summary: Value = serde_json::from_str(&reference.succeed(&ingest)).unwrap();
    assert_eq!(summary["state"], "done");
    let expected = reference.state();
    reference.succeed(&ingest);
    assert_eq!(reference.state(), expected, "the same day twice is the same day");

    let mut points = around("ingest", &["list", "bronze", "silver", "gold", "warehouse"]);
    for inside in [
        "bronze:chunk",
        "bronze:committed",
        "bronze:recorded",
        "silver:committed",
        "silver:recorded",
        "gold:committed",
        "warehouse:committed",
    ] {
        points.push(format!("ingest.{inside}"));
    }
    points.push("cli.ingest:copied".to_owned());
    for point in points {
        let folder = Folder::new(&binary);
        copy_dir(&seeded.data(), &folder.data());
        assert!(folder.killed_at(&ingest, &point), "{point} was not reached");
        folder.succeed(&ingest);
        assert_eq!(folder.state(), expected, "{point}");
    }
}

#[test]
fn a_reset_killed_anywhere_is_verified_when_it_resumes() {
    let Some(binary) = binary("kill") else { return };
    let seeded = Folder::new(&binary);
    seeded.succeed(&SEED);
    let mut points =
        around("reset", &["stop", "messages", "ingestion", "bronze", "silver", "gold", "warehouse", "runs", "verify"]);
    points.extend(["ingestion", "bronze", "silver", "gold", "warehouse"].map(|place| format!("reset.{place}:purged")));
    for point in points {
        let folder = Folder::new(&binary);
        copy_dir(&seeded.data(), &folder.data());
        assert!(folder.killed_at(&RESET, &point), "{point} was not reached");
        let proof: Value = serde_json::from_str(&folder.succeed(&RESET)).unwrap();
        assert_eq!(proof["verified"], true, "{point}: {proof}");
        // It would find whatever is left, in tables and on record.
        let second: Value = serde_json::from_str(&folder.succeed(&RESET)).unwrap();
        assert!(second["run"].is_null(), "{point}: the second press is a no-op: {second}");
    }
}

#[test]
fn killed_at_any_time_it_ends_the_same() {
    let Some(binary) = binary("kill") else { return };
    let reference = Folder::new(&binary);
    let begun = Instant::now();
    reference.succeed(&SEED);
    let whole = begun.elapsed();
    let expected = reference.state();
    // SplitMix64: the times follow from the seed and the length of an undisturbed run.
    let mut random = 7_u64;
    let mut fraction = || {
        random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((z ^ (z >> 27)) >> 40) as f64 / (1_u64 << 24) as f64
    };
    let kill_after = |folder: &Folder, args: &[&str], at: Duration| {
        let mut child = folder.command(args).spawn().unwrap();
        std::thread::sleep(at);
        // SIGKILL; fine if it was faster.
        let _ = child.kill();
        child.wait().unwrap();
    };
    for _ in 0..4 {
        let folder = Folder::new(&binary);
        for _ in 0..2 {
            kill_after(&folder, &SEED, whole.mul_f64(fraction()));
        }
        folder.succeed(&SEED);
        assert_eq!(folder.state(), expected);
        kill_after(&folder, &RESET, whole.mul_f64(fraction() / 2.0));
        folder.succeed(&RESET);
        assert!(folder.state().is_empty());
        folder.succeed(&SEED);
        assert_eq!(folder.state(), expected, "seeded again after a reset");
    }
}

#[test]
fn of_two_writers_one_is_told_to_wait() {
    let Some(binary) = binary("kill") else { return };
    let folder = Folder::new(&binary);
    let children = [folder.command(&SEED).spawn().unwrap(), folder.command(&SEED).spawn().unwrap()];
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    let succeeded = outputs.iter().filter(|output| output.status.success()).count();
    assert!(succeeded >= 1);
    for output in outputs.iter().filter(|output| !output.status.success()) {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("data folder") && text.contains("--data-dir"), "{text}");
    }
    let reference = Folder::new(&binary);
    reference.succeed(&SEED);
    assert_eq!(folder.state(), reference.state());
}

#[test]
fn a_server_holds_the_folder_and_queries_still_work() {
    use std::io::{BufRead, BufReader};
    let Some(binary) = binary("kill") else { return };
    let folder = Folder::new(&binary);
    folder.succeed(&SEED);
    let mut server = folder.command(&["serve", "--addr", "127.0.0.1:0"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let refused = folder.run(&SEED);
    let counts = folder.state();
    let _ = server.kill();
    server.wait().unwrap();
    assert!(line.starts_with("Showrunner is ready at http://127.0.0.1:"), "{line}");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--data-dir"));
    assert_eq!(counts.len(), TABLES.len() * HISTORY, "{counts:?}");
}
