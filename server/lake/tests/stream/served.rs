//! The warehouse elsewhere has each message once, whatever its calls come to.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use object_store::memory::InMemory;
use showrunner_lake::clock::system_clock;
use showrunner_lake::objects::DiskObjects;
use showrunner_lake::ports::Warehouse;
use showrunner_lake::stream::*;
use showrunner_lake::testing::{Fails, MemoryWarehouse};
use showrunner_lake::topic::{DiskTopics, TopicOptions};
use showrunner_lake::{Elsewhere, Lake, LakeConfig};
use tokio_util::sync::CancellationToken;

use crate::support::*;

const DAY: &str = "2017-07-29";

/// A lake whose warehouse is elsewhere.
struct Served {
    dir: tempfile::TempDir,
    elsewhere: Elsewhere,
    warehouse: Arc<MemoryWarehouse>,
}

/// A process over it.
struct Process {
    lake: Arc<Lake>,
    sinks: Arc<Sinks>,
    shutdown: CancellationToken,
}

impl Served {
    fn new() -> Served {
        let dir = tempfile::tempdir().unwrap();
        let warehouse = Arc::new(MemoryWarehouse::default());
        let topics = DiskTopics::open(&dir.path().join("topics"), system_clock(), TopicOptions::default()).unwrap();
        let elsewhere = Elsewhere {
            objects: Arc::new(DiskObjects::open(&dir.path().join("objects")).unwrap()),
            topics: Arc::new(topics),
            datalake: Arc::new(InMemory::new()),
            warehouse: Some(warehouse.clone()),
            jobs: None,
        };
        Served { dir, elsewhere, warehouse }
    }

    async fn start(&self) -> Process {
        let config = LakeConfig { elsewhere: Some(self.elsewhere.clone()), ..config(self.dir.path()) };
        let lake = Lake::open(config).await.unwrap();
        let sinks = Sinks::open(lake.clone(), options()).await.unwrap();
        let shutdown = CancellationToken::new();
        sinks.start(shutdown.clone()).unwrap();
        Process { lake, sinks, shutdown }
    }

    /// The numbers of the messages that it has, in order.
    fn numbers(&self, table: &str) -> Vec<i64> {
        let rows = self.warehouse.rows(table);
        let of = |batch: &arrow::record_batch::RecordBatch| {
            batch.column_by_name("seq").unwrap().as_primitive::<Int64Type>().values().to_vec()
        };
        let mut numbers: Vec<i64> = rows.iter().flat_map(of).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Process {
    async fn send(&self, from: u64, rows: &[String]) {
        let messages = rows.iter().zip(from..).map(|(row, seq)| message(RUN, seq, 0, row)).collect();
        self.lake.topics().publish(STREAM_TOPIC, messages).await.unwrap();
    }

    async fn drain(&self) {
        assert!(self.sinks.drained(PATIENCE).await.unwrap(), "{:?}", self.sinks.trouble());
    }

    async fn end(self) {
        self.shutdown.cancel();
        self.sinks.stopped().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_there_once_whatever_a_call_comes_to() {
    for fails in [
        vec![],
        vec![Fails::Before],
        vec![Fails::After],
        vec![Fails::Late],
        vec![Fails::After, Fails::Late, Fails::Before],
    ] {
        let served = Served::new();
        let process = served.start().await;
        let mut rows = lines(DAY, 20);
        let good = rows.len() as i64;
        // The one that cannot be read comes last.
        rows.push("not a row".to_owned());
        // The first batch is compared, not appended: there may have been something before.
        process.send(0, &rows[..5]).await;
        process.drain().await;
        served.warehouse.fail(&fails);
        process.send(5, &rows[5..12]).await;
        process.drain().await;
        process.send(12, &rows[12..]).await;
        process.drain().await;
        assert_eq!(served.warehouse.failures_left(), 0, "{fails:?}: all came");
        assert_eq!(served.numbers(ROWS), (0..good).collect::<Vec<_>>(), "{fails:?}");
        assert_eq!(served.numbers(ERRORS), [good], "{fails:?}");
        process.end().await;
    }
}

const ROWS: &str = "ga_sessions_stream";
const ERRORS: &str = "ga_sessions_stream_error_records";

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ended_before_the_warehouse_had_all_is_caught_up_with() {
    for fails in [Fails::Before, Fails::After, Fails::Late] {
        ends_and_begins(fails).await;
    }
}

async fn ends_and_begins(fails: Fails) {
    let served = Served::new();
    let rows = lines(DAY, 20);
    let process = served.start().await;
    process.send(0, &rows[..4]).await;
    process.drain().await;
    // It does not answer, and the process ends before it tries again; the request may come in late.
    served.warehouse.fail(&[fails]);
    process.send(4, &rows[4..10]).await;
    eventually("the sink is in trouble", async || process.sinks.trouble().is_some()).await;
    process.end().await;
    assert_eq!(served.warehouse.failures_left(), 0);
    let process = served.start().await;
    process.send(10, &rows[10..]).await;
    process.drain().await;
    assert_eq!(served.numbers(ROWS), (0..rows.len() as i64).collect::<Vec<_>>());
    // Emptied by a reset, and streamed anew.
    {
        let _held = process.sinks.hold().await.unwrap();
        process.lake.purge("warehouse", &showrunner_lake::model::Scope::All, &[], "reset").await.unwrap();
        process.sinks.reread().await.unwrap();
    }
    assert_eq!(served.warehouse.partitions(ROWS).await.unwrap(), []);
    process.send(0, &rows[..3]).await;
    process.drain().await;
    assert_eq!(served.numbers(ROWS), [0, 1, 2]);
    process.end().await;
}
