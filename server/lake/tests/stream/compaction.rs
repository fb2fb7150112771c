//! Many small files become one, while others read and the sinks go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use showrunner_lake::policy::Statement;
use showrunner_lake::stream::*;
use showrunner_lake::{Identity, Lake};

use crate::support::*;

const DAY: &str = "2017-07-29";
const TABLES: [&str; 2] = ["bronze.ga_sessions_stream", "warehouse.ga_sessions_stream"];

/// Each message a batch and a window of its own.
async fn one_by_one(s: &Stream, from: u64, rows: &[String]) {
    for (seq, row) in (from..).zip(rows) {
        s.send(seq, std::slice::from_ref(row)).await;
        s.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_partition_becomes_one_file_and_no_row_changes() {
    let grace = Duration::from_secs(3);
    let s = Stream::with(StreamOptions { compact_files: 1_000, grace, ..options() }).await;
    let rows = [lines(DAY, 8), lines("2017-07-30", 8)].concat();
    one_by_one(&s, 0, &rows).await;
    let content = async || {
        let warehouse = "SELECT run_id || seq || date || coalesce(country, '-') || array_to_string(viewed, ',') FROM warehouse.ga_sessions_stream ORDER BY seq";
        let bronze = "SELECT _message_id || _seq || date || customer || fullVisitorId || array_length(hits) FROM bronze.ga_sessions_stream ORDER BY _seq";
        (s.texts(warehouse).await, s.texts(bronze).await)
    };
    let (before, counts) = (content().await, s.sinks.counts().await.unwrap());
    assert_eq!((counts.warehouse_files, counts.bronze_files), (rows.len() as u64, rows.len() as u64));
    let done = s.sinks.compact("run-9").await.unwrap();
    // The old files stay for those that read them.
    assert!(TABLES.iter().all(|table| s.files(table).len() == rows.len() + 2));
    assert_eq!(done.iter().map(|c| c.table.as_str()).collect::<Vec<_>>(), TABLES);
    for compaction in &done {
        assert_eq!(
            (compaction.partitions, compaction.rows, compaction.files_before, compaction.files_after),
            (2, rows.len() as u64, rows.len() as u64, 2)
        );
        assert!(compaction.bytes_after > 0 && compaction.bytes_after < compaction.bytes_before, "{compaction:?}");
        let look = s.lake.look(&Identity::admin(), &compaction.table).await.unwrap();
        assert_eq!(look.stat().files(), 2);
    }
    assert_eq!(content().await, before);
    // In the warehouse the rows of a file are clustered.
    let countries =
        s.texts("SELECT coalesce(country, '') FROM warehouse.ga_sessions_stream WHERE date = '2017-07-29'").await;
    assert!(countries.is_sorted(), "{countries:?}");
    eventually("replaced files go", async || TABLES.iter().all(|table| s.files(table).len() == 2)).await;
    assert_eq!(content().await, before);
    // Nothing to do is nothing done.
    let again = s.sinks.compact("run-10").await.unwrap();
    assert!(again.iter().all(|c| c.partitions == 0 && c.rows == 0));
    // The identities are what they were.
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    let s = s.again().await;
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_are_compacted_by_themselves() {
    let s = Stream::with(StreamOptions { compact_files: 4, ..options() }).await;
    let mut events = s.sinks.subscribe();
    let mut rows: Vec<String> = (0..12).map(|n| tiny(n, "20170729")).collect();
    rows.extend((0..6).map(|_| "no row".to_owned()));
    one_by_one(&s, 0, &rows).await;
    s.holds(0..12).await;
    eventually("files are few", async || s.sinks.counts().await.unwrap().warehouse_files <= 5).await;
    let letters = s.sinks.dead_letters(10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.seq).collect::<Vec<_>>(), [17, 16, 15, 14, 13, 12]);
    let mut tables = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let StreamEvent::Compacted(done) = event.as_ref() {
            tables.extend(done.iter().map(|compaction| compaction.table.clone()));
        }
    }
    tables.sort();
    tables.dedup();
    assert_eq!(tables, ["warehouse.ga_sessions_stream", "warehouse.ga_sessions_stream_error_records"]);
}

/// Counts over and over: no row is seen twice, and none is missing that was there before.
fn count(lake: Arc<Lake>, table: &'static str, least: Arc<AtomicI64>) -> tokio::task::JoinHandle<u64> {
    tokio::spawn(async move {
        let seq = if table.starts_with("bronze.") { "_seq" } else { "seq" };
        let (mut times, mut before) = (0, 0);
        loop {
            let least = least.load(Ordering::Relaxed);
            if least < 0 {
                return times;
            }
            let sql = format!("SELECT count(DISTINCT {seq}) * 1000000 + count(*) FROM {table}");
            let (distinct, rows) = {
                let both = number(&lake, &sql).await;
                (both / 1_000_000, both % 1_000_000)
            };
            assert_eq!(distinct, rows, "{table}");
            assert!(rows >= least.max(before), "{table}: {rows} rows, and {least} were there, {before} seen");
            before = rows;
            times += 1;
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_sees_every_row_once_while_files_are_swapped() {
    let s = Stream::with(StreamOptions { compact_files: 1_000, ..options() }).await;
    let rows: Vec<String> = (0..40).map(|n| tiny(n, "20170729")).collect();
    let least = Arc::new(AtomicI64::new(0));
    let readers = TABLES.map(|table| count(s.lake.clone(), table, least.clone()));
    for (round, some) in (0_u64..).zip(rows.chunks(8)) {
        one_by_one(&s, round * 8, some).await;
        least.store(round as i64 * 8 + 8, Ordering::Relaxed);
        let done = s.sinks.compact("run-1").await.unwrap();
        assert!(done.iter().all(|compaction| compaction.files_before > 1 && compaction.files_after == 1), "{done:?}");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    least.store(-1, Ordering::Relaxed);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    s.holds(0..40).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_sink_that_commits_meanwhile_loses_and_doubles_nothing() {
    let s = Stream::with(StreamOptions { window: Duration::from_millis(20), ..options() }).await;
    let rows: Vec<String> = (0..200).map(|n| tiny(n, if n % 2 == 0 { "20170729" } else { "20170730" })).collect();
    let sinks = s.sinks.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let compactor = tokio::spawn(async move {
        let mut merged = 0;
        while !stopped.load(Ordering::Relaxed) {
            merged += sinks.compact("run-1").await.unwrap().iter().map(|c| c.files_before).sum::<u64>();
        }
        merged
    });
    for (at, some) in rows.chunks(5).enumerate() {
        s.send(at as u64 * 5, some).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    s.drain().await;
    stop.store(true, Ordering::Relaxed);
    assert!(compactor.await.unwrap() > 0);
    s.holds(0..200).await;
    s.sinks.compact("run-2").await.unwrap();
    s.holds(0..200).await;
    let counts = s.sinks.counts().await.unwrap();
    assert_eq!((counts.warehouse_files, counts.bronze_files), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_outlive_a_compaction() {
    let s = Stream::with(StreamOptions { compact_files: 1_000, ..options() }).await;
    for sql in [
        "CREATE ROW ACCESS POLICY few ON warehouse.ga_sessions_stream GRANT TO ('user:a@example.com') FILTER USING (seq < 3)",
        "CREATE ROW ACCESS POLICY few ON bronze.ga_sessions_stream GRANT TO ('user:a@example.com') FILTER USING (_seq < 3)",
        "CREATE DATA_POLICY nothing OPTIONS (data_policy_type = 'DATA_MASKING_POLICY', masking_expression = 'ALWAYS_NULL')",
        "GRANT FINE_GRAINED_READ ON DATA_POLICY nothing TO 'principal://goog/subject/a@example.com'",
        "ALTER TABLE warehouse.ga_sessions_stream ALTER COLUMN full_visitor_id SET OPTIONS (data_policies = ['nothing'])",
    ] {
        let statement = Statement::parse(sql).unwrap();
        let policies = s.lake.policies_after(&s.lake.policies(), &statement).await.unwrap();
        s.lake.set_policies(policies);
    }
    one_by_one(&s, 0, &lines(DAY, 8)).await;
    let checksum = s.lake.policies().checksum();
    let protected = async |when: &str| {
        for (who, rows) in [("a@example.com", 3), ("b@example.com", 0)] {
            let who = Identity::person(who, [""; 0]);
            for table in TABLES {
                let answer = s.lake.ask(&who, &format!("SELECT * FROM {table}"), limits(), None).await;
                // Who may not read a column may not read all of them.
                let seen: usize = answer.map_or(0, |answer| answer.batches.iter().map(|batch| batch.num_rows()).sum());
                assert_eq!(seen, rows, "{when}: {table}");
            }
        }
        let who = Identity::person("a@example.com", [""; 0]);
        let masked = "SELECT full_visitor_id FROM warehouse.ga_sessions_stream WHERE full_visitor_id IS NOT NULL";
        let answer = s.lake.ask(&who, masked, limits(), None).await.unwrap();
        assert_eq!(answer.batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 0, "{when}");
        assert_eq!(s.lake.policies().checksum(), checksum, "{when}");
    };
    protected("before").await;
    let done = s.sinks.compact("run-1").await.unwrap();
    assert!(done.iter().all(|compaction| compaction.files_before > compaction.files_after), "{done:?}");
    protected("after the compaction").await;
}
