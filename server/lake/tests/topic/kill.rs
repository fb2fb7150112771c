//! `kill -9` of a process that publishes and acknowledges: what it was told is done stays done.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::*;
use showrunner_lake::topic::{DiskTopics, Durability, TopicOptions};

use crate::support::{message, test_variable};

/// Segments are begun and deleted while it is killed.
const OPTIONS: TopicOptions = TopicOptions { durability: Durability::Process, segment_bytes: 100_000 };
const FOLDER: &str = "SHOWRUNNER_TEST_TOPICS";

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is what the next test kills"]
async fn works_until_it_is_killed() {
    let folder = test_variable(FOLDER).expect("the next test starts it");
    let topics = DiskTopics::open(Path::new(&folder), system_clock(), OPTIONS).unwrap();
    let say = |what: &str, ids: Vec<String>| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{what} {}", ids.join(" ")).unwrap();
    };
    let publisher = topics.clone();
    let publish = tokio::spawn(async move {
        loop {
            let messages = vec![message(&"x".repeat(100)); 20];
            say("published", publisher.publish("topic", messages).await.unwrap());
        }
    });
    while !publish.is_finished() {
        let got = topics.pull("subscription", PullRequest::now(30).waiting(MIN_ACK_DEADLINE)).await.unwrap();
        // Every third is left to come again.
        let (done, _) =
            got.into_iter().partition::<Vec<_>, _>(|m| !m.message.id.parse::<u64>().unwrap().is_multiple_of(3));
        let ack_ids: Vec<String> = done.iter().map(|m| m.ack_id.clone()).collect();
        topics.acknowledge("subscription", &ack_ids).await.unwrap();
        say("acknowledged", done.into_iter().map(|m| m.message.id).collect());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let open = || DiskTopics::open(folder.path(), system_clock(), OPTIONS).unwrap();
    {
        let topics = open();
        topics.create_topic("topic", TopicConfig::default()).await.unwrap();
        topics.create_subscription("subscription", "topic", SubscriptionConfig::default()).await.unwrap();
    }
    let (mut published, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::works_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut left = 40 + 37 * round;
        // To the end of what it said before it died.
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split(' ');
            let known = match words.next() {
                Some("published") => &mut published,
                Some("acknowledged") => &mut acknowledged,
                _ => continue,
            };
            known.extend(words.filter_map(|id| id.parse::<u64>().ok()));
            left -= 1;
            if left == 0 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(left <= 0, "it ended by itself in round {round}");
    }
    assert!(acknowledged.len() > 100, "{} acknowledged", acknowledged.len());
    let topics = open();
    let mut delivered = BTreeSet::new();
    loop {
        let got = topics.pull("subscription", PullRequest::now(1_000)).await.unwrap();
        if got.is_empty() {
            break;
        }
        delivered.extend(got.iter().map(|m| m.message.id.parse::<u64>().unwrap()));
    }
    let lost: Vec<_> = published.iter().filter(|id| id.is_multiple_of(3) && !delivered.contains(id)).collect();
    assert!(lost.is_empty(), "published, never acknowledged, and gone: {lost:?}");
    let again: Vec<_> = delivered.intersection(&acknowledged).collect();
    assert!(again.is_empty(), "acknowledged and delivered again: {again:?}");
}
