//! What is published comes into both tables, as silver would have computed it, each message once.

use std::time::Duration;

use showrunner_lake::calls::{CallLog, Outcome};
use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::NewMessage;
use showrunner_lake::stream::*;
use showrunner_lake::{ErrorKind, Identity, Lake};

use crate::support::*;

const DAY: &str = "2017-07-29";

/// The columns of the serving table.
async fn serving_columns(s: &Stream) -> String {
    let sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'warehouse' AND table_name = 'ga_sessions'";
    let columns = s.texts(sql).await;
    assert!(columns.len() > 40);
    columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_session_is_the_same_as_one_that_was_loaded() {
    let s = Stream::new().await;
    let rows = lines(DAY, 40);
    s.load(DAY, &rows).await;
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    let columns = serving_columns(&s).await;
    for (a, b) in [("ga_sessions", "ga_sessions_stream"), ("ga_sessions_stream", "ga_sessions")] {
        let sql = format!(
            "SELECT count(*) FROM (SELECT {columns} FROM warehouse.{a} EXCEPT SELECT {columns} FROM warehouse.{b})"
        );
        assert_eq!(s.number(&sql).await, 0, "{a} is not {b}");
    }
    // Bronze has the same nested rows, with the message that each came in.
    for (a, b) in [("ga_sessions", "ga_sessions_stream"), ("ga_sessions_stream", "ga_sessions")] {
        let of = |table| {
            format!(
                "SELECT fullVisitorId, visitId, date, customer, totals.hits, array_length(hits) AS n, \
                 hits[1]['page']['pagePath'] AS first FROM bronze.{table}"
            )
        };
        assert_eq!(s.number(&format!("SELECT count(*) FROM ({} EXCEPT {})", of(a), of(b))).await, 0, "{a} is not {b}");
    }
    let sql = "SELECT count(*) FROM bronze.ga_sessions_stream WHERE _source_file = 'ga-sessions-stream' AND \
               _message_id IS NOT NULL AND _publish_time IS NOT NULL";
    assert_eq!(s.number(sql).await, rows.len() as i64);
    // The products whose pages were seen, as silver has them.
    let seen = "SELECT count(*) FROM (SELECT DISTINCT session_id, name FROM silver.products WHERE action = 'detail' AND name IS NOT NULL)";
    let viewed = s.number("SELECT sum(coalesce(array_length(viewed), 0)) FROM warehouse.ga_sessions_stream").await;
    assert!(viewed > 0);
    assert_eq!(viewed, s.number(seen).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn flattened_rows_land_and_are_told_of() {
    let s = Stream::new().await;
    let mut events = s.sinks.subscribe();
    let rows: Vec<String> = lines(DAY, 30).iter().map(|line| flattened(line)).collect();
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    let sql = "SELECT count(*) FROM warehouse.ga_sessions_stream WHERE hits > 0 AND products_viewed = 0 AND entry_page IS NULL";
    assert_eq!(s.number(sql).await, rows.len() as i64);
    let (mut landed, mut windows) = (Vec::new(), 0);
    while let Ok(event) = events.try_recv() {
        match event.as_ref() {
            StreamEvent::Landed(some) => landed.extend(some.iter().cloned()),
            StreamEvent::Window { rows, files, bytes } => {
                assert!(*files > 0 && *bytes > 0);
                windows += rows;
            }
            _ => {}
        }
    }
    assert_eq!(windows, rows.len() as u64);
    landed.sort_by_key(|landed| landed.seq);
    assert_eq!(landed.iter().map(|l| l.seq).collect::<Vec<_>>(), (0..rows.len() as u64).collect::<Vec<_>>());
    assert!(landed.iter().all(|l| l.run_id == RUN && l.date.to_string() == DAY && l.visible >= l.published));
    assert!(landed.iter().any(|l| l.country.is_some()) && landed.iter().all(|l| l.device_category.is_some()));
    let micros: i64 = landed.iter().filter_map(|l| l.revenue).sum();
    let sql = "SELECT CAST(sum(revenue) * 1000000 AS BIGINT) FROM warehouse.ga_sessions_stream";
    assert_eq!(s.number(&format!("SELECT coalesce(({sql}), 0)")).await, micros);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_published_twice_is_one_row() {
    let s = Stream::new().await;
    let rows = lines(DAY, 20);
    s.send(0, &rows).await;
    // In the same batch or in another, and once more after all was written.
    s.send(0, &rows).await;
    s.drain().await;
    s.send(0, &rows[..5]).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    // Another replay of the same rows is another set of messages.
    s.publish(rows.iter().zip(0..).map(|(row, seq)| message("replay-2", seq, 0, row)).collect()).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    assert_eq!(s.sinks.counts_of("replay-2").await.unwrap().warehouse, rows.len() as u64);
    assert_eq!(s.number("SELECT count(*) FROM warehouse.ga_sessions_stream").await, 2 * rows.len() as i64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_two_messages_is_two_rows_and_counts_once() {
    let s = Stream::still(options()).await;
    let rows = lines(DAY, 20);
    let (loaded, streamed) = rows.split_at(8);
    s.load(DAY, loaded).await;
    let again = [rows.clone(), streamed.to_vec()].concat();
    s.send(0, &again).await;
    s.start();
    s.drain().await;
    s.holds(0..again.len() as u64).await;
    let count = async |sql: &str| s.number(sql).await;
    assert_eq!(count("SELECT count(*) FROM warehouse.ga_sessions_all").await, rows.len() as i64);
    assert_eq!(
        count("SELECT count(*) FROM warehouse.ga_sessions_all WHERE origin = 'stream'").await,
        streamed.len() as i64
    );
    let sql = "SELECT count(DISTINCT session_id) FROM warehouse.ga_sessions_all";
    assert_eq!(count(sql).await, rows.len() as i64);
    // Of those that were streamed twice the first counts.
    let all = "SELECT count(*) FROM warehouse.ga_sessions_all a JOIN warehouse.ga_sessions_stream s ON a.session_id = s.session_id";
    assert_eq!(count(&format!("{all} WHERE origin = 'stream'")).await, 2 * streamed.len() as i64);
    // Names are found whatever their case, and the view is where its tables are looked for.
    assert_eq!(
        count("select COUNT(*) from Warehouse.GA_Sessions_All where Date = '2017-07-29'").await,
        rows.len() as i64
    );
    let tables = s.texts("SELECT table_name FROM information_schema.tables WHERE table_schema = 'warehouse'").await;
    assert!(tables.contains(&"ga_sessions_all".to_owned()), "{tables:?}");
    let queries = ["SELECT count(*) FROM warehouse.ga_sessions_all".to_owned()];
    let names: Vec<String> = s.lake.versions(&queries).await.unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["warehouse.ga_sessions", "warehouse.ga_sessions_stream"]);
    let catalog = s.lake.catalog();
    let view = catalog.iter().find(|table| table.name == "ga_sessions_all").unwrap();
    assert!(view.view && view.columns.iter().any(|c| c.name == "origin") && view.columns.len() > 40);
    assert_eq!(catalog.iter().filter(|table| table.view).count(), 1);
    let unknown =
        s.lake.query(&Identity::admin(), "SELECT nothing FROM warehouse.ga_sessions_all", limits()).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_others_are_known_by_their_ids() {
    let s = Stream::new().await;
    let rows = lines(DAY, 10);
    let foreign = |row: &String| NewMessage { data: row.clone().into(), ..NewMessage::default() };
    s.publish(rows.iter().map(foreign).collect()).await;
    s.publish(rows[..2].iter().map(foreign).collect()).await;
    s.drain().await;
    let sql = "SELECT count(*) FROM warehouse.ga_sessions_stream WHERE run_id = '' AND customer = 'unknown'";
    assert_eq!(s.number(sql).await, rows.len() as i64 + 2, "two publications are two messages");
    assert_eq!(s.number("SELECT count(DISTINCT seq) FROM warehouse.ga_sessions_stream").await, rows.len() as i64 + 2);
    let sql = "SELECT count(*) FROM bronze.ga_sessions_stream WHERE customer = 'unknown'";
    assert_eq!(s.number(sql).await, rows.len() as i64 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_alone_is_visible_soon() {
    let s = Stream::new().await;
    let mut events = s.sinks.subscribe();
    for (seq, row) in lines(DAY, 6).iter().enumerate().take(4) {
        s.send(seq as u64, std::slice::from_ref(row)).await;
        let landed = loop {
            let event = tokio::time::timeout(PATIENCE, events.recv()).await.expect("it lands").unwrap();
            if let StreamEvent::Landed(landed) = event.as_ref() {
                break landed[0].clone();
            }
        };
        assert_eq!(s.number("SELECT count(*) FROM warehouse.ga_sessions_stream").await, seq as i64 + 1);
        // A debug build on a busy machine; the release build takes some milliseconds.
        assert!(landed.visible - landed.published < chrono::Duration::seconds(5), "{landed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_are_written_when_they_are_full_or_old_or_asked_for() {
    let long = StreamOptions { window: Duration::from_secs(3_600), window_rows: 10, ..options() };
    let s = Stream::with(long).await;
    let rows: Vec<String> = (0..25).map(|n| tiny(n, "20170729")).collect();
    let bronze = async || s.number("SELECT count(*) FROM bronze.ga_sessions_stream").await;
    s.send(0, &rows[..4]).await;
    eventually("a window opens", async || s.sinks.counts().await.unwrap().window_rows == 4).await;
    assert_eq!(bronze().await, 0, "the window is open");
    s.send(4, &rows[4..10]).await;
    eventually("a full window is written", async || bronze().await == 10).await;
    s.send(10, &rows[10..13]).await;
    eventually("a window opens", async || s.sinks.counts().await.unwrap().window_rows == 3).await;
    s.sinks.flush().await.unwrap();
    assert_eq!(bronze().await, 13);
    s.sinks.flush().await.unwrap();
    // Days and customers are partitions; a window that is open when the sinks stop is written.
    s.send(13, &rows[13..15]).await;
    s.send(15, &[tiny(100, "20170730")]).await;
    eventually("a window opens", async || s.sinks.counts().await.unwrap().window_rows == 3).await;
    s.shutdown.cancel();
    s.sinks.stopped().await;
    assert_eq!(bronze().await, 16);
    let counts = s.sinks.counts().await.unwrap();
    assert_eq!((counts.bronze_rows, counts.bronze_files, counts.window_rows), (16, 4, 0));
    assert_eq!(counts.bronze_backlog.messages, 0);
    // Another window, which ends by its age.
    let s = Stream { options: StreamOptions { window: Duration::from_millis(50), ..options() }, ..s };
    let s = s.again().await;
    s.send(16, &rows[16..]).await;
    eventually("an old window is written", async || {
        s.number("SELECT count(*) FROM bronze.ga_sessions_stream").await == 25
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_loses_nothing() {
    let s = Stream::still(options()).await;
    let mut events = s.sinks.subscribe();
    s.sinks.arm(Fault::WarehouseDisk);
    s.sinks.arm(Fault::BronzeDisk);
    let rows = lines(DAY, 20);
    s.send(0, &rows).await;
    s.start();
    eventually("the trouble is told", async || s.sinks.trouble().is_some()).await;
    s.drain().await;
    s.holds(0..rows.len() as u64).await;
    eventually("the trouble is over", async || s.sinks.trouble().is_none()).await;
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        told +=
            usize::from(matches!(event.as_ref(), StreamEvent::Trouble(sentence) if sentence.contains("disk is full")));
    }
    assert_eq!(told, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_reads_has_no_sinks_and_finds_the_tables() {
    let s = Stream::new().await;
    s.send(0, &lines(DAY, 5)).await;
    s.drain().await;
    let twice = s.sinks.start(s.shutdown.clone()).unwrap_err();
    assert_eq!(twice.kind, ErrorKind::Busy);
    let reader = Lake::open_read_only(config(s.dir.path())).await.unwrap();
    let rows = s.number("SELECT count(*) FROM warehouse.ga_sessions_stream").await;
    assert_eq!(number(&reader, "SELECT count(*) FROM warehouse.ga_sessions_all").await, rows);
    assert_eq!(Sinks::open(reader, options()).await.err().map(|e| e.kind), Some(ErrorKind::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_executed_for_a_stream_is_noted_in_its_logs_and_nothing_else_is() {
    let s = Stream::new().await;
    let logs = |runs: &[&str]| StreamLogs {
        runs: runs.iter().map(|run| (*run).to_owned()).collect(),
        warehouse: CallLog::new(system_clock()),
        bronze: CallLog::new(system_clock()),
    };
    let (ours, before) = (logs(&[RUN, "replay-1-hand"]), logs(&["replay-0"]));
    s.sinks.note(vec![before.clone(), ours.clone()]);
    let rows: Vec<String> = (0..30).map(|n| tiny(n, "20170729")).collect();
    let of = |run: &str, rows: &[String]| (0..).zip(rows).map(|(seq, row)| message(run, seq, 0, row)).collect();
    // Of nobody who is noted.
    s.publish(of("somebody", &rows[..5])).await;
    s.drain().await;
    s.publish(of(RUN, &rows[..20])).await;
    s.publish(of("replay-1-hand", &[r#"{"no": "session"}"#.to_owned()])).await;
    s.drain().await;
    s.shutdown.cancel();
    s.sinks.stopped().await;
    assert!(before.warehouse.finish().is_empty() && before.bronze.finish().is_empty());
    for (log, tables) in [
        (&ours.warehouse, ["warehouse.ga_sessions_stream", "warehouse.ga_sessions_stream_error_records"].as_slice()),
        (&ours.bronze, ["bronze.ga_sessions_stream"].as_slice()),
    ] {
        let calls = log.finish();
        let of = |method: &str| calls.iter().filter(|call| call.operation.method() == method).collect::<Vec<_>>();
        let messages = |method: &str| of(method).iter().filter_map(|call| call.rows).sum::<u64>();
        assert_eq!((messages("topics.pull"), messages("topics.acknowledge")), (21, 21), "{calls:?}");
        let mut committed: Vec<String> = of("delta.commit").iter().map(|call| call.operation.resource()).collect();
        committed.sort();
        committed.dedup();
        assert_eq!(committed, tables);
        assert!(calls.iter().all(|call| call.outcome == Outcome::Ok));
    }
}
