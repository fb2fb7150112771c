//! How fast the sinks of the stream are: `cargo run --release --example stream_bench -- FOLDER flat|nested SESSIONS [RATE]`.
//!
//! Publishes so many generated sessions, flattened or with their hits, as fast as the topic takes them or so many a second, while both
//! sinks write them. Prints messages a second from the first publication to the last acknowledgement, the time from publication to
//! visibility, files, memory, and the largest backlog.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use showrunner_generate::{Options, day_lines};
use showrunner_lake::ports::NewMessage;
use showrunner_lake::stream::*;
use showrunner_lake::{ErrorKind, Lake, LakeConfig};
use tokio_util::sync::CancellationToken;

/// A message's data and its visitor.
type Payload = (Bytes, String);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap());
    let nested = args.next().unwrap() == "nested";
    let sessions: usize = args.next().unwrap().parse().unwrap();
    let rate: Option<f64> = args.next().map(|rate| rate.parse().unwrap());
    let config = LakeConfig {
        elsewhere: None,
        data_dir: folder,
        id: "bench".to_owned(),
        stage: "dev".to_owned(),
        workers: std::thread::available_parallelism().map_or(2, usize::from),
        query_memory: 256 << 20,
    };
    let payloads = payloads(nested);
    let bytes: usize = payloads.iter().map(|(data, _)| data.len()).sum();
    println!("{} different rows, {} bytes each in the mean", payloads.len(), bytes / payloads.len());
    let lake = Lake::open(config).await.unwrap();
    let opened = Instant::now();
    let sinks = Sinks::open(lake.clone(), StreamOptions::default()).await.unwrap();
    println!("opened in {:.2} s", opened.elapsed().as_secs_f64());
    let before = sinks.counts().await.unwrap();
    let shutdown = CancellationToken::new();
    sinks.start(shutdown.clone()).unwrap();
    let landing = tokio::spawn(listen(sinks.subscribe(), sessions));
    let largest = Arc::new(AtomicU64::new(0));
    let watch = tokio::spawn(watch(sinks.clone(), largest.clone()));
    let began = Instant::now();
    publish(&lake, &payloads, sessions, rate).await;
    let published = began.elapsed().as_secs_f64();
    assert!(sinks.drained(Duration::from_secs(600)).await.unwrap());
    let took = began.elapsed().as_secs_f64();
    watch.abort();
    let mut waits = landing.await.unwrap();
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!("published in {published:.1} s, both sinks done in {took:.1} s: {:.0} messages/s", sessions as f64 / took);
    println!("published to visible: median {:.1} ms, p99 {:.1} ms, at most {:.1} ms", at(0.5), at(0.99), at(1.0));
    let counts = sinks.counts().await.unwrap();
    println!(
        "warehouse {} rows in {} files, bronze {} rows in {} files; largest backlog {} MB",
        counts.warehouse_rows - before.warehouse_rows,
        counts.warehouse_files,
        counts.bronze_rows - before.bronze_rows,
        counts.bronze_files,
        largest.load(Ordering::Relaxed) / 1_000_000
    );
    let compacted = Instant::now();
    for done in sinks.compact("bench").await.unwrap() {
        println!(
            "{}: {} rows, {} files with {} kB became {} with {} kB",
            done.table,
            done.rows,
            done.files_before,
            done.bytes_before / 1_000,
            done.files_after,
            done.bytes_after / 1_000
        );
    }
    println!("compacted in {:.2} s; {}", compacted.elapsed().as_secs_f64(), memory());
    shutdown.cancel();
    sinks.stopped().await;
}

/// Generated sessions of a day.
fn payloads(nested: bool) -> Vec<Payload> {
    let options = Options { seed: 1, sessions_per_day: 2_650, ..Options::default() };
    let lines = day_lines(&options, "2017-07-31".parse().unwrap());
    let payload = |line: &String| {
        let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let visitor = row["fullVisitorId"].as_str().unwrap().to_owned();
        if nested {
            return (Bytes::from(line.clone()), visitor);
        }
        row.remove("hits");
        (Bytes::from(serde_json::to_string(&row).unwrap()), visitor)
    };
    lines.iter().map(payload).collect()
}

/// Publishes, and waits where the topic is full.
async fn publish(lake: &Lake, payloads: &[Payload], sessions: usize, rate: Option<f64>) {
    let run = format!("bench-{}", std::process::id());
    let began = Instant::now();
    let mean: usize = payloads.iter().map(|(data, _)| data.len()).sum::<usize>() / payloads.len();
    let most = (4_000_000 / mean).clamp(1, 1_000);
    let mut sent = 0;
    while sent < sessions {
        let due = rate.map_or(sessions, |rate| (began.elapsed().as_secs_f64() * rate) as usize + 1).min(sessions);
        if due <= sent {
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        }
        let some = (sent..due.min(sent + most)).map(|seq| {
            let (data, visitor) = &payloads[seq % payloads.len()];
            let attributes = [
                (ATTRIBUTE_RUN, run.clone()),
                (ATTRIBUTE_SEQ, seq.to_string()),
                (ATTRIBUTE_ATTEMPT, "0".to_owned()),
                (ATTRIBUTE_EVENT_TIME, "2017-07-31T12:00:00Z".to_owned()),
                (ATTRIBUTE_CUSTOMER, "customer01".to_owned()),
            ];
            NewMessage {
                data: data.clone(),
                attributes: attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
                // As if each round were of other visitors.
                ordering_key: format!("{visitor}-{}", seq / payloads.len()),
            }
        });
        let some: Vec<NewMessage> = some.collect();
        let count = some.len();
        match lake.topics().publish(STREAM_TOPIC, some).await {
            Ok(_) => sent += count,
            Err(error) if error.kind == ErrorKind::Busy => lake.topics().room(STREAM_TOPIC).await.unwrap(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Milliseconds from publication to visibility.
async fn listen(mut events: tokio::sync::broadcast::Receiver<Arc<StreamEvent>>, sessions: usize) -> Vec<f64> {
    let mut waits = Vec::new();
    while waits.len() < sessions {
        if let StreamEvent::Landed(landed) = events.recv().await.unwrap().as_ref() {
            let wait = |l: &Landed| (l.visible - l.published).num_microseconds().unwrap_or_default() as f64 / 1e3;
            waits.extend(landed.iter().map(wait));
        }
    }
    waits
}

async fn watch(sinks: Arc<Sinks>, largest: Arc<AtomicU64>) {
    loop {
        let counts = sinks.counts().await.unwrap();
        largest.fetch_max(counts.warehouse_backlog.bytes.max(counts.bronze_backlog.bytes), Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_000
    };
    format!("memory {} MB, at most {} MB", of("VmRSS"), of("VmHWM"))
}
