//! What a topic costs as the backlog of a subscription grows: publishing, pulling, acknowledging, counting, opening, memory and disk.
//! `cargo run --release -p showrunner --example backlog -- FOLDER [MESSAGES]`; called by `make bench`, prints rows for docs/performance.md.

#![expect(clippy::disallowed_methods, reason = "the system's clock is what it measures with")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use chrono::Utc;
use showrunner_lake::ports::{NewMessage, PullRequest, SubscriptionConfig, TopicConfig, Topics};
use showrunner_lake::topic::{DiskTopics, TopicOptions};
use showrunner_lake::{Error, ErrorKind, Result};

const TOPIC: &str = "backlog";
/// Messages of one request, and of one pull.
const BATCH: usize = 1_000;
/// Messages that are published, or pulled and acknowledged, for one measurement.
const PART: usize = 50_000;
/// A record about as long as a small session without hits.
const DATA: [u8; 100] = [b'x'; 100];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| Error::new(ErrorKind::Invalid, "Name a folder to work in."))?;
    let most: usize = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(10_000_000);
    let folder = Path::new(&folder);
    let _nothing_there = std::fs::remove_dir_all(folder);
    let open = || DiskTopics::open(folder, Arc::new(Utc::now), TopicOptions::default());
    let mut topics = open()?;
    topics.create_topic(TOPIC, TopicConfig::default()).await?;
    let config = SubscriptionConfig { ordered: true, ..SubscriptionConfig::default() };
    topics.create_subscription(TOPIC, TOPIC, config).await?;
    let mut published = 0;
    for (round, wanted) in [0, most / 100, most / 10, most / 4, most / 2, most].into_iter().enumerate() {
        // What was taken in the rounds before is waiting no more.
        while published < wanted + round * PART {
            publish(&topics, &mut published).await?;
        }
        let (publishing, pulling) = (measured(&topics, &mut published).await?, drained(&topics).await?);
        let begun = Instant::now();
        let waiting = topics.backlog(TOPIC).await?.messages;
        let counting = begun.elapsed();
        drop(topics);
        let begun = Instant::now();
        topics = open()?;
        let opening = begun.elapsed();
        println!(
            "| a backlog of {} messages of {} bytes, ordered: published, pulled and acknowledged, counted, opened | – | {:.0}/s, {:.0}/s, {:.1} ms, {:.0} ms; {} MB of memory, {} MB of disk |",
            millions(waiting),
            DATA.len(),
            publishing,
            pulling,
            counting.as_secs_f64() * 1_000.0,
            opening.as_secs_f64() * 1_000.0,
            memory(),
            disk(folder) / 1_000_000,
        );
    }
    drop(topics);
    let _left_to_the_next = std::fs::remove_dir_all(folder);
    Ok(())
}

async fn publish(topics: &DiskTopics, published: &mut usize) -> Result<()> {
    let message = |number: usize| NewMessage {
        data: Bytes::from_static(&DATA),
        attributes: BTreeMap::from([("sequence".to_owned(), number.to_string())]),
        ordering_key: (number % 10_000).to_string(),
    };
    topics.publish(TOPIC, (0..BATCH).map(|i| message(*published + i)).collect()).await?;
    *published += BATCH;
    Ok(())
}

/// Messages a second that are published at this depth.
async fn measured(topics: &DiskTopics, published: &mut usize) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..PART / BATCH {
        publish(topics, published).await?;
    }
    Ok(PART as f64 / begun.elapsed().as_secs_f64())
}

/// Messages a second that are pulled and acknowledged, as many as were published for the measurement.
async fn drained(topics: &DiskTopics) -> Result<f64> {
    let (begun, mut taken) = (Instant::now(), 0);
    while taken < PART {
        let messages = topics.pull(TOPIC, PullRequest::now(BATCH)).await?;
        if messages.is_empty() {
            return Err(Error::new(ErrorKind::Internal, format!("Only {taken} of {PART} messages came.")));
        }
        taken += messages.len();
        let ids: Vec<String> = messages.into_iter().map(|received| received.ack_id).collect();
        topics.acknowledge(TOPIC, &ids).await?;
    }
    Ok(taken as f64 / begun.elapsed().as_secs_f64())
}

fn millions(messages: u64) -> String {
    format!("{:.2} million", messages as f64 / 1e6)
}

/// What the process has in memory, in MB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1_000
}

fn disk(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            true => disk(&entry.path()),
            false => entry.metadata().map_or(0, |found| found.len()),
        })
        .sum()
}
