//! A full disk, and files that are cut short or damaged.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use showrunner_lake::clock::system_clock;
use showrunner_lake::ports::*;
use showrunner_lake::topic::{DiskTopics, Durability, TopicOptions};
use showrunner_lake::{Error, ErrorKind};

use crate::support::{ManualClock, SMALL, crash_copy, message, test_variable};

const DISK: &str = "SHOWRUNNER_TEST_SMALL_DISK";
/// A small file system in a namespace of its own; the test's own process goes on in it.
const INSIDE: &str = r#"mount -t tmpfs -o size=48m none "$SHOWRUNNER_TEST_SMALL_DISK" && exec "$@""#;

async fn create(topics: &DiskTopics) {
    topics.create_topic("topic", TopicConfig::default()).await.unwrap();
    topics.create_subscription("subscription", "topic", SubscriptionConfig::default()).await.unwrap();
}

async fn drain(topics: &DiskTopics) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let got = topics.pull("subscription", PullRequest::now(1_000)).await.unwrap();
        if got.is_empty() {
            return ids;
        }
        ids.extend(got.into_iter().map(|m| m.message.id));
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started by the next test, on a small disk"]
async fn on_a_small_disk() {
    let disk = PathBuf::from(test_variable(DISK).expect("the next test starts it"));
    let options = TopicOptions { durability: Durability::Disk, segment_bytes: 4 << 20 };
    let clock = ManualClock::new();
    let topics = DiskTopics::open(&disk.join("topics"), clock.clock(), options).unwrap();
    create(&topics).await;
    let publish = || topics.publish("topic", vec![message(&"x".repeat(10_000)); 20]);
    let mut published = publish().await.unwrap();
    let filling = disk.join("filling");
    let mut fill = File::create(&filling).unwrap();
    while fill.write_all(&[1; 1 << 16]).is_ok() {}
    let mut refused = None;
    for _ in 0..200 {
        match publish().await {
            Ok(ids) => published.extend(ids),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.expect("the disk is full");
    assert_eq!(refused.kind, ErrorKind::Storage, "{refused}");
    assert!(refused.message.contains("disk is full") || refused.message.contains("earlier write failed"), "{refused}");
    for _ in 0..3 {
        assert!(matches!(publish().await, Err(Error { kind: ErrorKind::Storage, .. })), "it is still full");
    }
    drop(fill);
    std::fs::remove_file(&filling).unwrap();
    // The same process goes on.
    published.extend(publish().await.expect("there is room again"));
    let got = drain(&topics).await;
    let lost: Vec<&String> = published.iter().filter(|id| !got.contains(id)).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    drop(topics);
    let topics = DiskTopics::open(&disk.join("topics"), clock.clock(), options).unwrap();
    let got = drain(&topics).await;
    assert!(published.iter().all(|id| got.contains(id)), "nor by the next start");
}

#[test]
fn a_full_disk_is_named_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let able = Command::new("unshare").args(["-Urm", "mount", "-t", "tmpfs", "none"]).arg(folder.path()).output();
    if !able.is_ok_and(|output| output.status.success()) {
        // Past the runner's capture.
        let _ = writeln!(std::io::stderr(), "left out: no small disk can be mounted here");
        return;
    }
    let output = Command::new("unshare")
        .args(["-Urm", "sh", "-c", INSIDE, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["faults::on_a_small_disk", "--exact", "--ignored", "--nocapture"])
        .env(DISK, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The journal that is written to.
fn journal(folder: &Path) -> PathBuf {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "jnl")).max().unwrap()
}

/// Where the journal's zeros begin.
fn filled(path: &Path) -> u64 {
    let mut bytes = Vec::new();
    // What this test writes is far less; the file is made large at once.
    File::open(path).unwrap().take(1 << 16).read_to_end(&mut bytes).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at as u64 + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_tail_loses_the_last_messages_alone_and_damage_is_never_taken_for_messages() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new();
    let topics =
        DiskTopics::open(folder.path(), clock.clock(), TopicOptions { segment_bytes: 1 << 20, ..SMALL }).unwrap();
    create(&topics).await;
    let mut published = Vec::new();
    let mut ends = Vec::new();
    for n in 0..20 {
        published.extend(topics.publish("topic", vec![message(&format!("{n:0200}"))]).await.unwrap());
        ends.push(filled(&journal(folder.path())));
    }
    let (mut recovered, mut refused) = (0, 0);
    for (n, what) in [(19, "cut"), (19, "zero"), (15, "cut"), (10, "cut"), (10, "flip"), (5, "flip"), (19, "flip")] {
        let copy = tempfile::tempdir().unwrap();
        crash_copy(&topics, folder.path(), copy.path());
        let path = journal(copy.path());
        // In the middle of what message n added.
        let at = (ends[n - 1] + ends[n]) / 2;
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        match what {
            "cut" => file.set_len(at).unwrap(),
            "zero" => {
                file.set_len(at).unwrap();
                file.set_len(64 << 20).unwrap();
            }
            _ => {
                let mut byte = [0];
                file.seek(SeekFrom::Start(at)).unwrap();
                file.read_exact(&mut byte).unwrap();
                file.seek(SeekFrom::Start(at)).unwrap();
                file.write_all(&[byte[0] ^ 0xff]).unwrap();
            }
        }
        drop(file);
        match DiskTopics::open(copy.path(), clock.clock(), SMALL) {
            Ok(topics) => {
                recovered += 1;
                assert_ne!(what, "flip", "damage in the middle is not passed over in silence");
                assert_eq!(drain(&topics).await, published[..n], "{what} within message {n}: all before it");
                let next = topics.publish("topic", vec![message("next")]).await.unwrap();
                assert_eq!(drain(&topics).await, next, "and it goes on");
            }
            Err(error) => {
                refused += 1;
                assert_eq!((error.kind, what), (ErrorKind::Storage, "flip"), "{error}");
                assert!(error.message.contains("damaged") && error.message.contains("Restore"), "{error}");
            }
        }
    }
    assert_eq!((recovered, refused), (4, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let _first = DiskTopics::open(folder.path(), system_clock(), SMALL).unwrap();
    let second = DiskTopics::open(folder.path(), system_clock(), SMALL).err().unwrap();
    assert_eq!(second.kind, ErrorKind::Conflict);
    assert!(second.message.contains("Stop it first"), "{second}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("topics");
    std::fs::write(&path, "a file").unwrap();
    let error = DiskTopics::open(&path, system_clock(), SMALL).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Storage);
    assert!(error.message.starts_with("Could not open the topics: "), "{error}");
}
