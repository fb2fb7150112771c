//! What each version of a table did, from its log.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Look, blocking, folder_of};
use crate::Result;
use crate::delta::io_error;

/// So many partitions are named for each version; all are counted.
const NAMED: usize = 3;

/// A part of a table's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Newest first.
    pub versions: Vec<VersionLook>,
    /// How many versions the log still holds.
    pub total: usize,
}

/// What a version did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionLook {
    /// Its number.
    pub version: i64,
    /// When, in milliseconds since the epoch.
    pub at: Option<i64>,
    /// `WRITE`, `CREATE TABLE`: as the log has it.
    pub operation: String,
    /// The run that committed it.
    pub run: Option<String>,
    /// Files that came.
    pub added: u64,
    /// Files that went.
    pub removed: u64,
    /// Rows in the files that came.
    pub rows: u64,
    /// Bytes of the files that came.
    pub bytes: u64,
    /// How many partitions got or lost files.
    pub partitions: usize,
    /// The first few of them.
    pub named: Vec<String>,
    /// Whether it declared a schema.
    pub schema: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    commit_info: Option<Commit>,
    add: Option<Added>,
    remove: Option<Removed>,
    meta_data: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commit {
    timestamp: Option<i64>,
    operation: Option<String>,
    run_id: Option<String>,
}

#[derive(Deserialize)]
struct Added {
    path: String,
    size: Option<u64>,
    stats: Option<String>,
}

#[derive(Deserialize)]
struct Removed {
    path: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: Option<u64>,
}

impl Look {
    /// Versions, newest first: `take` of them behind the first `skip`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn history(&self, skip: usize, take: usize) -> Result<History> {
        if self.seen.is_some() {
            return Ok(History { versions: Vec::new(), total: 0 });
        }
        let (table, newest) = (self.table.clone(), self.current.version);
        blocking(move || {
            let all: Vec<i64> = table.commits()?.into_iter().filter(|v| *v <= newest).collect();
            let versions = all
                .iter()
                .skip(skip)
                .take(take)
                .map(|version| read(*version, &table.commit_path(*version)))
                .collect::<Result<_>>()?;
            Ok(History { versions, total: all.len() })
        })
        .await
    }
}

fn read(version: i64, path: &Path) -> Result<VersionLook> {
    let file = std::fs::File::open(path).map_err(|e| io_error("reading", path, e))?;
    let lines = BufReader::new(file).lines().map(|line| line.map_err(|e| io_error("reading", path, e)));
    summary(version, lines)
}

/// Sums the actions of a commit. A line that is no action we know is passed over, as the protocol asks.
fn summary(version: i64, lines: impl Iterator<Item = Result<String>>) -> Result<VersionLook> {
    let mut look = VersionLook { version, ..VersionLook::default() };
    let mut partitions: BTreeSet<String> = BTreeSet::new();
    for line in lines {
        let Ok(line) = serde_json::from_str::<Line>(&line?) else { continue };
        if let Some(commit) = line.commit_info {
            look.at = commit.timestamp;
            look.operation = commit.operation.unwrap_or_default();
            look.run = commit.run_id;
        }
        if let Some(add) = line.add {
            look.added += 1;
            look.bytes += add.size.unwrap_or(0);
            let stats = add.stats.and_then(|stats| serde_json::from_str::<Stats>(&stats).ok());
            look.rows += stats.and_then(|s| s.num_records).unwrap_or(0);
            partitions.insert(folder_of(&add.path).0.to_owned());
        }
        if let Some(remove) = line.remove {
            look.removed += 1;
            partitions.insert(folder_of(&remove.path).0.to_owned());
        }
        look.schema |= line.meta_data.is_some();
    }
    look.partitions = partitions.len();
    look.named = partitions.into_iter().take(NAMED).collect();
    Ok(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_summed_and_unknown_actions_are_passed_over() {
        let lines = [
            r#"{"commitInfo":{"timestamp":1501311988000,"operation":"WRITE","runId":"run-1","extra":[1]}}"#,
            r#"{"add":{"path":"date=20170729/customer=c1/a.parquet","size":10,"stats":"{\"numRecords\":3}","dataChange":true}}"#,
            r#"{"add":{"path":"date=20170729/customer=c1/b.parquet","size":5}}"#,
            r#"{"remove":{"path":"date=20170728/customer=c1/c.parquet","dataChange":true}}"#,
            r#"{"somethingNew":{"x":1}}"#,
            "not JSON",
        ];
        let look = summary(7, lines.iter().map(|l| Ok((*l).to_owned()))).unwrap();
        let expected = VersionLook {
            version: 7,
            at: Some(1_501_311_988_000),
            operation: "WRITE".into(),
            run: Some("run-1".into()),
            added: 2,
            removed: 1,
            rows: 3,
            bytes: 15,
            partitions: 2,
            named: vec!["date=20170728/customer=c1".into(), "date=20170729/customer=c1".into()],
            schema: false,
        };
        assert_eq!(look, expected);
        let created = summary(0, [Ok(r#"{"metaData":{"id":"x"}}"#.to_owned())].into_iter()).unwrap();
        assert!(created.schema && created.run.is_none());
    }
}
