//! How fast topics are: `cargo run --release --example topic_bench -- FOLDER MESSAGES BYTES [backlog]`.
//!
//! Publishes so many messages of so many bytes while two subscriptions, one of them ordered, pull and acknowledge them. With `backlog`
//! they begin when all are published. Prints rates, the time from publishing to pulling, memory, and what is left on the disk.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::*;
use showrunner_lake::topic::{DiskTopics, TopicOptions};

const SUBSCRIPTIONS: [&str; 2] = ["warehouse", "bronze"];

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let folder = PathBuf::from(args.next().unwrap());
    let messages: usize = args.next().unwrap().parse().unwrap();
    let bytes: usize = args.next().unwrap().parse().unwrap();
    let backlog = args.next().is_some();
    let topics = DiskTopics::open(&folder, system_clock(), TopicOptions::default()).unwrap();
    topics.create_topic("stream", TopicConfig::default()).await.unwrap();
    for (name, ordered) in SUBSCRIPTIONS.iter().zip([false, true]) {
        let config =
            SubscriptionConfig { ordered, ack_deadline: Duration::from_secs(60), ..SubscriptionConfig::default() };
        topics.create_subscription(name, "stream", config).await.unwrap();
    }
    let publisher = tokio::spawn(publish(topics.clone(), messages, bytes));
    if backlog {
        publisher.await.unwrap();
        report("all is published", &folder);
        drop(topics);
        let began = Instant::now();
        let topics = DiskTopics::open(&folder, system_clock(), TopicOptions::default()).unwrap();
        println!("opened in {:.2} s", began.elapsed().as_secs_f64());
        consume_all(&topics, messages).await;
        finish(topics, &folder);
    } else {
        consume_all(&topics, messages).await;
        publisher.await.unwrap();
        finish(topics, &folder);
    }
}

async fn consume_all(topics: &DiskTopics, messages: usize) {
    let tasks = SUBSCRIPTIONS.map(|name| tokio::spawn(consume(topics.clone(), name, messages)));
    for task in tasks {
        task.await.unwrap();
    }
}

fn finish(topics: DiskTopics, folder: &Path) {
    report("all is acknowledged", folder);
    topics.upkeep().unwrap();
    drop(topics);
    std::thread::sleep(Duration::from_secs(1));
    report("closed", folder);
}

async fn publish(topics: DiskTopics, messages: usize, bytes: usize) {
    let data = Bytes::from(vec![b'x'; bytes]);
    let batch = (5_000_000 / bytes).clamp(1, 500);
    let began = Instant::now();
    let mut sent = 0;
    while sent < messages {
        let some = (sent..messages.min(sent + batch)).map(|n| NewMessage {
            data: data.clone(),
            attributes: [("seq".to_owned(), n.to_string())].into(),
            ordering_key: format!("visitor-{}", n % 5_000),
        });
        sent += topics.publish("stream", some.collect()).await.unwrap().len();
    }
    println!("published {:.0}/s", messages as f64 / began.elapsed().as_secs_f64());
}

async fn consume(topics: DiskTopics, name: &'static str, messages: usize) {
    let began = Instant::now();
    let now = system_clock();
    let request = PullRequest::now(2_000).waiting(Duration::from_secs(5));
    let (mut got, mut waits) = (0, Vec::new());
    while got < messages {
        let some = topics.pull(name, request).await.unwrap();
        let at = now();
        waits.extend(
            some.iter().map(|m| (at - m.message.published).num_microseconds().unwrap_or_default() as f64 / 1e3),
        );
        got += some.len();
        let ack_ids: Vec<String> = some.into_iter().map(|m| m.ack_id).collect();
        topics.acknowledge(name, &ack_ids).await.unwrap();
    }
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    let rate = messages as f64 / began.elapsed().as_secs_f64();
    println!("{name}: {rate:.0}/s, published to pulled: median {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
}

fn report(what: &str, folder: &Path) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or_default() / 1_000
    };
    println!(
        "{what}: memory {} MB, at most {} MB; disk {} MB",
        memory("VmRSS"),
        memory("VmHWM"),
        disk(folder) / 1_000_000
    );
}

/// Blocks in use, not the length of files that have holes.
fn disk(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}
