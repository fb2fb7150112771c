//! A stream, killed at random again and again: in the end each record of the source is in each subscriber's table once.
//!
//! `SHOWRUNNER_SOAK_SECONDS` makes it longer; the binary is found as by the kill tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use showrunner_tests::binary;

/// Killed this often at least, however slow the machine.
const KILLS: usize = 4;
const SESSIONS_PER_DAY: &str = "60";

fn command(binary: &Path, data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(args).env("SHOWRUNNER_DATA_DIR", data).env("SHOWRUNNER_SESSIONS_PER_DAY", SESSIONS_PER_DAY);
    command.env("SHOWRUNNER_LOG", "warn").env_remove("SHOWRUNNER_KILL_AT");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn succeed(binary: &Path, data: &Path, args: &[&str]) -> String {
    let output = command(binary, data, args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Visitor and session of each record of the day, in the order of the events.
fn source(data: &Path) -> Vec<(String, String)> {
    let found = walk(&data.join("buckets/sa-source-data-demo-dev"), "ga_sessions_20170601.json.gz").unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(found).unwrap()).read_to_string(&mut text).unwrap();
    let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |row: &Value| row["visitStartTime"].as_str().unwrap().parse::<i64>().unwrap();
    rows.sort_by_key(at);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(&row["fullVisitorId"]), text(&row["visitId"]))).collect()
}

fn walk(dir: &Path, name: &str) -> Option<PathBuf> {
    for entry in std::fs::read_dir(dir).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            if let Some(found) = walk(&path, name) {
                return Some(found);
            }
        } else if path.file_name().is_some_and(|file| file == name) {
            return Some(path);
        }
    }
    None
}

/// Killed between publishing and storing the position: the records are published once more, and land once.
#[test]
fn what_is_published_twice_lands_once() {
    let Some(binary) = binary("soak") else { return };
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    succeed(&binary, &data, &["seed", "--days", "1"]);
    let stream = ["stream", "--rate", "50", "--records", "40", "--date", "2017-06-01"];
    let output = command(&binary, &data, &stream).env("SHOWRUNNER_KILL_AT", "stream:published:3").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && text.contains("killed at stream:published"), "{text}");
    let summary: Value = serde_json::from_str(&succeed(&binary, &data, &stream)).unwrap();
    for place in ["published", "warehouse", "bronze"] {
        assert_eq!(summary[place].as_u64(), Some(40), "{place}: {summary}");
    }
}

/// Number, visitor and session of each row of a table, sorted; a row that is there twice is there twice.
fn rows(binary: &Path, data: &Path, sql: &str) -> Vec<(u64, String, String)> {
    let rows: Vec<Value> = serde_json::from_str(&succeed(binary, data, &["sql", sql, "--format", "json"])).unwrap();
    let mut rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().map_or_else(|| row[name].to_string(), str::to_owned);
            (text("n").parse().unwrap(), text("visitor"), text("visit"))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_stream_killed_at_random_ends_with_each_record_in_each_table_once() {
    let Some(binary) = binary("soak") else { return };
    let setting = |name: &str| std::env::var_os(name)?.to_str()?.parse::<u64>().ok();
    let seconds = setting("SHOWRUNNER_SOAK_SECONDS").unwrap_or(15);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    succeed(&binary, &data, &["seed", "--days", "1"]);
    let day = source(&data);
    assert!(day.len() > 20, "{} records", day.len());

    // As many records as are published meanwhile; the day over and over.
    let rate = 100;
    let records = rate * seconds;
    let (rate, wanted) = (rate.to_string(), records.to_string());
    let stream = ["stream", "--rate", &rate, "--records", &wanted, "--date", "2017-06-01"];
    // Pseudo-random and said, so that a failure can be repeated.
    let mut state = setting("SHOWRUNNER_SOAK_SEED").unwrap_or(7);
    let begun = Instant::now();
    let mut kills = 0;
    while kills < KILLS || begun.elapsed() < Duration::from_secs(seconds) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = Duration::from_millis(800 + (state >> 33) % 2_500);
        let mut child = command(&binary, &data, &stream).spawn().unwrap();
        std::thread::sleep(wait);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let summary: Value = serde_json::from_str(&succeed(&binary, &data, &stream)).unwrap();
    for (place, expected) in [("published", records), ("warehouse", records), ("bronze", records), ("dead_lettered", 0)]
    {
        assert_eq!(summary[place].as_u64(), Some(expected), "{place} after {kills} kills: {summary}");
    }
    let expected: Vec<_> = (0..records)
        .map(|n| {
            let (visitor, visit) = &day[usize::try_from(n).unwrap() % day.len()];
            (n, visitor.clone(), visit.clone())
        })
        .collect();
    for sql in [
        "SELECT seq AS n, full_visitor_id AS visitor, CAST(visit_id AS VARCHAR) AS visit FROM warehouse.ga_sessions_stream",
        "SELECT _seq AS n, \"fullVisitorId\" AS visitor, CAST(\"visitId\" AS VARCHAR) AS visit FROM bronze.ga_sessions_stream",
    ] {
        let found = rows(&binary, &data, sql);
        let mut times: BTreeMap<u64, usize> = BTreeMap::new();
        for (n, ..) in &found {
            *times.entry(*n).or_default() += 1;
        }
        let doubled: Vec<_> = times.iter().filter(|(_, times)| **times > 1).map(|(n, _)| n).take(5).collect();
        assert!(doubled.is_empty(), "doubled: {doubled:?} in {sql}");
        let lost: Vec<_> = (0..records).filter(|n| !times.contains_key(n)).take(5).collect();
        assert!(lost.is_empty(), "lost: {lost:?} in {sql}");
        assert!(found == expected, "the same records, row by row, in {sql}");
    }
    // A session that came over and over is one session.
    let sql = "SELECT count(*) AS n FROM warehouse.ga_sessions_all WHERE date = DATE '2017-06-01'";
    let counted: Vec<Value> =
        serde_json::from_str(&succeed(&binary, &data, &["sql", sql, "--format", "json"])).unwrap();
    assert_eq!(counted[0]["n"].as_u64(), Some(day.len() as u64), "{counted:?}");
}
