//! A small lake with generated days, for the tests of the pipeline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::NaiveDate;
use showrunner_generate::{Options, day_lines};
use showrunner_lake::model::{BronzeOutcome, Day, DayInput, FileRef, Unwatched};
use showrunner_lake::{Answer, Identity, Lake, LakeConfig, QueryLimits, Result};

/// The customer of most tests.
pub const CUSTOMER: &str = "customer01";

/// A lake in a folder of its own.
pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub lake: Arc<Lake>,
}

pub fn config(dir: &Path) -> LakeConfig {
    LakeConfig {
        elsewhere: None,
        data_dir: dir.join("data"),
        id: "demo".to_owned(),
        stage: "test".to_owned(),
        workers: 2,
        query_memory: 64 << 20,
    }
}

pub fn date(day: &str) -> NaiveDate {
    day.parse().expect("a date")
}

pub fn day_of(customer: &str, day: &str) -> Day {
    Day { customer: customer.to_owned(), dataset: "ga_sessions".to_owned(), date: date(day) }
}

pub fn day(text: &str) -> Day {
    day_of(CUSTOMER, text)
}

pub fn customers() -> Vec<String> {
    vec![CUSTOMER.to_owned(), "customer02".to_owned()]
}

/// Rows of a generated day.
pub fn lines(text: &str) -> Vec<String> {
    day_lines(&Options { seed: 7, sessions_per_day: 40, ..Options::default() }, date(text))
}

impl Fixture {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(config(dir.path())).await.expect("the lake opens");
        Fixture { dir, lake }
    }

    /// Writes an input file and returns it.
    pub fn file(&self, name: &str, lines: &[String]) -> PathBuf {
        let path = self.dir.path().join(name);
        let mut text = lines.join("\n");
        text.push('\n');
        std::fs::write(&path, text).expect("an input file");
        path
    }

    /// A generated day as one file.
    pub fn delivery(&self, day: &Day) -> DayInput {
        let name = format!("{}-{}.json", day.customer, day.date);
        let file = self.file(&name, &lines(&day.date.to_string()));
        DayInput { day: day.clone(), files: vec![FileRef::Local(file)] }
    }

    pub async fn bronze(&self, run: &str, days: &[DayInput]) -> Result<BronzeOutcome> {
        self.lake.bronze(run, days, Arc::new(Unwatched)).await
    }

    /// Bronze to warehouse for generated days.
    pub async fn play(&self, run: &str, days: &[Day]) {
        let inputs: Vec<_> = days.iter().map(|d| self.delivery(d)).collect();
        self.bronze(run, &inputs).await.expect("bronze");
        self.after_bronze(run, days).await;
    }

    pub async fn after_bronze(&self, run: &str, days: &[Day]) {
        self.lake.silver(run, days, Arc::new(Unwatched)).await.expect("silver");
        self.lake.gold(run, days, Arc::new(Unwatched)).await.expect("gold");
        self.lake.load_warehouse(run, days, Arc::new(Unwatched)).await.expect("warehouse");
    }

    pub async fn query(&self, sql: &str) -> Result<Answer> {
        self.lake.query(&Identity::admin(), sql, limits()).await
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        let answer = self.query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let column = cast(answer.batches[0].column(0), &DataType::Int64).expect("a number");
        column.as_any().downcast_ref::<Int64Array>().expect("a number").value(0)
    }

    /// The first column as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let answer = self.query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let mut texts = Vec::new();
        for batch in &answer.batches {
            let column = cast(batch.column(0), &DataType::Utf8).expect("text");
            let column = column.as_any().downcast_ref::<StringArray>().expect("text").clone();
            texts.extend(column.iter().map(|t| t.unwrap_or("NULL").to_owned()));
        }
        texts
    }

    /// The table's folder below the data folder.
    pub fn table_dir(&self, zone: &str, table: &str) -> PathBuf {
        self.dir.path().join("data/buckets/sa-datalake-demo-test/zone").join(zone).join(table)
    }

    /// Parquet files below a folder, the log's left out.
    pub fn parquet_files(&self, dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![dir.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() && !path.ends_with("_delta_log") {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "parquet") {
                    found.push(path);
                }
            }
        }
        found.sort();
        found
    }
}

pub fn limits() -> QueryLimits {
    QueryLimits { rows: 10_000, timeout: Duration::from_secs(60) }
}
