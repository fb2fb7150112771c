//! A small lake with running sinks, and messages for them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, Int64Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use showrunner_generate::{Options, day_lines};
use showrunner_lake::model::{Day, DayInput, FileRef, Unwatched};
use showrunner_lake::ports::NewMessage;
use showrunner_lake::stream::*;
use showrunner_lake::{Identity, Lake, LakeConfig, QueryLimits};
use tokio_util::sync::CancellationToken;

pub const RUN: &str = "replay-1";
pub const CUSTOMER: &str = "customer01";
/// Long enough for a debug build on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Short times, small files.
pub fn options() -> StreamOptions {
    StreamOptions {
        linger: Duration::from_millis(5),
        window: Duration::from_millis(200),
        grace: Duration::from_secs(600),
        ..StreamOptions::default()
    }
}

/// A lake in a folder of its own, with sinks that run.
pub struct Stream {
    pub dir: tempfile::TempDir,
    pub options: StreamOptions,
    pub lake: Arc<Lake>,
    pub sinks: Arc<Sinks>,
    pub shutdown: CancellationToken,
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

/// Rows of a generated day, about as many as wanted.
pub fn lines(day: &str, sessions: u32) -> Vec<String> {
    day_lines(&Options { seed: 7, sessions_per_day: sessions, ..Options::default() }, day.parse().expect("a date"))
}

/// The row without its hits.
pub fn flattened(line: &str) -> String {
    let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).expect("a row");
    row.remove("hits");
    serde_json::to_string(&row).expect("a row")
}

/// A row as small as one can be.
pub fn tiny(visitor: u64, date: &str) -> String {
    format!(
        r#"{{"fullVisitorId":"{visitor:016}","visitId":{visitor},"visitStartTime":1500000000,"date":"{date}","device":{{"deviceCategory":"mobile"}},"geoNetwork":{{"country":"Germany"}}}}"#
    )
}

/// A message of a replay.
pub fn message(run: &str, seq: u64, attempt: u32, data: &str) -> NewMessage {
    let attributes = [
        (ATTRIBUTE_RUN, run.to_owned()),
        (ATTRIBUTE_SEQ, seq.to_string()),
        (ATTRIBUTE_ATTEMPT, attempt.to_string()),
        (ATTRIBUTE_EVENT_TIME, "2017-07-29T10:00:00Z".to_owned()),
        (ATTRIBUTE_CUSTOMER, CUSTOMER.to_owned()),
    ];
    let row: BTreeMap<String, serde_json::Value> = serde_json::from_str(data).unwrap_or_default();
    NewMessage {
        data: data.as_bytes().to_vec().into(),
        attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ordering_key: row.get("fullVisitorId").and_then(|v| v.as_str()).unwrap_or_default().to_owned(),
    }
}

impl Stream {
    /// With sinks that are not started yet.
    pub async fn still(options: StreamOptions) -> Stream {
        let dir = tempfile::tempdir().expect("a folder");
        let lake = Lake::open(config(dir.path())).await.expect("the lake opens");
        let sinks = Sinks::open(lake.clone(), options.clone()).await.expect("the sinks open");
        Stream { dir, options, lake, sinks, shutdown: CancellationToken::new() }
    }

    pub async fn new() -> Stream {
        Stream::with(options()).await
    }

    pub async fn with(options: StreamOptions) -> Stream {
        let stream = Stream::still(options).await;
        stream.start();
        stream
    }

    pub fn start(&self) {
        self.sinks.start(self.shutdown.clone()).expect("the sinks start");
    }

    /// Lets everything go as a killed process would, and opens it again, started.
    pub async fn again(self) -> Stream {
        let Stream { dir, options, lake, sinks, shutdown } = self;
        // The tasks that did not die end without a trace: what they hold is given back, which a new process finds as well.
        shutdown.cancel();
        sinks.stopped().await;
        drop(sinks);
        drop(lake);
        let lake = Lake::open(config(dir.path())).await.expect("the lake opens again");
        let sinks = Sinks::open(lake.clone(), options.clone()).await.expect("the sinks open again");
        let stream = Stream { dir, options, lake, sinks, shutdown: CancellationToken::new() };
        stream.start();
        stream
    }

    pub async fn publish(&self, messages: Vec<NewMessage>) {
        for some in messages.chunks(500) {
            self.lake.topics().publish(STREAM_TOPIC, some.to_vec()).await.expect("messages are published");
        }
    }

    /// These rows as messages `from`, `from + 1`, …
    pub async fn send(&self, from: u64, rows: &[String]) {
        let messages = rows.iter().zip(from..).map(|(row, seq)| message(RUN, seq, 0, row));
        self.publish(messages.collect()).await;
    }

    pub async fn drain(&self) {
        assert!(self.sinks.drained(PATIENCE).await.expect("the topics answer"), "{:?}", self.sinks.trouble());
    }

    pub async fn number(&self, sql: &str) -> i64 {
        number(&self.lake, sql).await
    }

    /// The first column as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let answer = self.lake.query(&Identity::admin(), sql, limits()).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let mut texts = Vec::new();
        for batch in &answer.batches {
            let column = cast(batch.column(0), &DataType::Utf8).expect("text");
            let column = column.as_any().downcast_ref::<StringArray>().expect("text").clone();
            texts.extend(column.iter().map(|t| t.unwrap_or("NULL").to_owned()));
        }
        texts
    }

    /// Which messages of the run a table holds, in order; twice if it holds one twice.
    pub async fn held(&self, table: &str) -> Vec<u64> {
        let (run, seq) = if table.starts_with("bronze.") { ("_run_id", "_seq") } else { ("run_id", "seq") };
        let sql = format!("SELECT {seq} FROM {table} WHERE {run} = '{RUN}' ORDER BY {seq}");
        self.texts(&sql).await.iter().map(|seq| seq.parse().expect("a number")).collect()
    }

    /// Both tables hold exactly these messages, each once.
    pub async fn holds(&self, expected: impl IntoIterator<Item = u64>) {
        let expected: Vec<u64> = expected.into_iter().collect();
        for table in ["warehouse.ga_sessions_stream", "bronze.ga_sessions_stream"] {
            assert_eq!(self.held(table).await, expected, "{table}");
        }
        let counts = self.sinks.counts_of(RUN).await.expect("counts");
        assert_eq!((counts.warehouse, counts.bronze), (expected.len() as u64, expected.len() as u64));
    }

    /// Loads these rows in batch, from bronze to the warehouse.
    pub async fn load(&self, date: &str, rows: &[String]) {
        let path = self.dir.path().join(format!("{date}.json"));
        std::fs::write(&path, rows.join("\n") + "\n").expect("an input file");
        let day = Day {
            customer: CUSTOMER.to_owned(),
            dataset: "ga_sessions".to_owned(),
            date: date.parse().expect("a date"),
        };
        let input = DayInput { day: day.clone(), files: vec![FileRef::Local(path)] };
        let (run, days) = ("batch-1", [day]);
        self.lake.bronze(run, &[input], Arc::new(Unwatched)).await.expect("bronze");
        self.lake.silver(run, &days, Arc::new(Unwatched)).await.expect("silver");
        self.lake.load_warehouse(run, &days, Arc::new(Unwatched)).await.expect("warehouse");
    }

    /// Parquet files of a table of the stream that are on the disk.
    pub fn files(&self, table: &str) -> Vec<PathBuf> {
        let root = match table.split_once('.') {
            Some(("bronze", name)) => format!("data/buckets/sa-datalake-demo-test/zone/bronze/{name}"),
            Some((_, name)) => format!("data/warehouse/sa_bq_dataset_demo_test/{name}"),
            None => panic!("{table} has no zone"),
        };
        let mut found = Vec::new();
        let mut folders = vec![self.dir.path().join(root)];
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
        found
    }
}

pub async fn number(lake: &Lake, sql: &str) -> i64 {
    let answer = lake.query(&Identity::admin(), sql, limits()).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
    let column = cast(answer.batches[0].column(0), &DataType::Int64).expect("a number");
    column.as_any().downcast_ref::<Int64Array>().expect("a number").value(0)
}

pub fn limits() -> QueryLimits {
    QueryLimits { rows: 100_000, timeout: PATIENCE }
}

/// Waits until it is so.
pub async fn eventually(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let until = tokio::time::Instant::now() + PATIENCE;
    while !so().await {
        assert!(tokio::time::Instant::now() < until, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
