use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;

use super::*;
use crate::clock::system_clock;
use crate::objects::{DiskObjects, NotifyingObjects};
use crate::ports::{
    NewMessage, Objects, Precondition, PullRequest, SeekTarget, SubscriptionConfig, TopicConfig, Topics,
};
use crate::topic::{DiskTopics, TopicOptions};

fn deletion(key: &str) -> DeleteObject {
    DeleteObject { object: ObjectName::new("b", key) }
}

fn end(key: &str, result: &crate::Result<bool>) {
    Begun::now().end(deletion(key), result, |_| Size { rows: Some(1), bytes: Some(10) });
}

#[tokio::test]
async fn of_the_same_shape_the_first_are_kept_and_the_others_counted() {
    let log = CallLog::new(system_clock());
    noted(log.clone(), async {
        for i in 0..100 {
            end(&format!("k{i}"), &Ok(true));
        }
        end("gone", &Err(Error::new(ErrorKind::NotFound, "There is no gone.")));
        end("broken", &Err(Error::new(ErrorKind::Storage, "The disk is full.")));
    })
    .await;
    let kept = log.take();
    assert_eq!(kept.len(), 14, "twelve that went well, and each other outcome for itself");
    let outcomes: Vec<_> = kept[11..].iter().map(|call| (call.outcome, call.error.as_deref())).collect();
    assert_eq!(
        outcomes,
        [
            (Outcome::Ok, None),
            (Outcome::Absent, Some("There is no gone.")),
            (Outcome::Failed, Some("The disk is full."))
        ]
    );
    // Taken in between, the limit holds for the whole step.
    noted(log.clone(), async { end("k100", &Ok(true)) }).await;
    assert!(log.take().is_empty());
    log.give_back(kept.clone());
    let all = log.finish();
    assert_eq!(all[..14], kept[..]);
    assert_eq!(all.iter().map(|call| call.count).sum::<u64>(), 103);
    let rest = all.last().unwrap();
    assert_eq!((rest.count, rest.rows, rest.bytes), (89, Some(89), Some(890)));
    assert_eq!(rest.operation, deletion("k100").into(), "the last of them stands for all");
    // The next step begins anew.
    noted(log.clone(), async { end("k0", &Ok(true)) }).await;
    assert_eq!(log.finish().len(), 1);
}

#[tokio::test]
async fn what_is_counted_can_be_looked_at_and_taken_over_by_another_log() {
    let (log, turn) = (CallLog::new(system_clock()), CallLog::new(system_clock()));
    assert!(log.counted().is_empty());
    for turns in 1..=3 {
        noted(turn.clone(), async { (0..20).for_each(|i| end(&format!("k{i}"), &Ok(true))) }).await;
        log.absorb(turn.finish());
        let counted = log.counted();
        assert_eq!(counted.len(), 1, "one line, however long it goes on");
        assert_eq!(counted[0].1.count, turns * 20 - 12);
        assert_eq!(counted[0].0, log.counted()[0].0);
        assert_eq!(log.take().len(), if turns == 1 { 12 } else { 0 });
    }
    // A line that stands for many is not one of the few that are kept.
    let other = CallLog::new(system_clock());
    other.absorb(log.finish());
    assert!(other.take().is_empty());
    assert_eq!(other.counted()[0].1.count, 48);
}

#[tokio::test]
async fn of_many_ids_the_first_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let topics = DiskTopics::open(&folder.path().join("topics"), system_clock(), TopicOptions::default()).unwrap();
    let topics: Arc<dyn Topics> = Arc::new(RecordingTopics::new(Arc::new(topics), system_clock()));
    topics.create_topic("tttt", TopicConfig::default()).await.unwrap();
    topics.create_subscription("ssss", "tttt", SubscriptionConfig::default()).await.unwrap();
    let messages = (0..50).map(|_| NewMessage { data: Bytes::from_static(b"m"), ..NewMessage::default() });
    topics.publish("tttt", messages.collect()).await.unwrap();
    let log = CallLog::new(system_clock());
    noted(log.clone(), async {
        let pulled = topics.pull("ssss", PullRequest::now(50)).await.unwrap();
        let ids: Vec<String> = pulled.into_iter().map(|m| m.ack_id).collect();
        topics.acknowledge("ssss", &ids).await.unwrap();
    })
    .await;
    let calls = log.finish();
    let Operation::Acknowledge(acknowledged) = &calls[1].operation else { panic!("{calls:?}") };
    assert_eq!((acknowledged.ids.len(), acknowledged.more, calls[1].rows), (10, 40, Some(50)));
    assert!(calls[1].operation.here().ends_with("and 40 more])"), "{}", calls[1].operation.here());
    assert_eq!(topics.backlog("ssss").await.unwrap().messages, 0, "all of them were");
    // As earlier versions wrote it.
    let before = r#"{"operation":"acknowledge","subscription":"s","ids":["1"]}"#;
    assert!(matches!(serde_json::from_str(before).unwrap(), Operation::Acknowledge(Acknowledge { more: 0, .. })));
}

#[tokio::test]
async fn notes_follow_the_work_to_other_tasks_and_threads_and_stay_apart() {
    let [a, b] = [CallLog::new(system_clock()), CallLog::new(system_clock())];
    let work = |name: &'static str| async move {
        let inner = tokio::spawn(carried(async move { end(name, &Ok(true)) }));
        let here = scope();
        let thread = std::thread::spawn(move || {
            Begun::within(here.as_ref()).end(deletion(name), &Ok(true), |_| Size::default());
        });
        inner.await.unwrap();
        thread.join().unwrap();
        let expected = if scope().is_some() { "2017-07-29" } else { "" };
        about("2017-07-29".to_owned(), async move { assert_eq!(subject(), expected) }).await;
        assert_eq!(subject(), "");
    };
    tokio::join!(noted(a.clone(), work("a")), noted(b.clone(), work("b")), work("nobody's"));
    for (log, name) in [(a, "a"), (b, "b")] {
        let operations: Vec<_> = log.finish().into_iter().map(|call| call.operation).collect();
        assert_eq!(operations, [deletion(name).into(), deletion(name).into()]);
    }
}

#[tokio::test]
async fn ports_note_what_they_ran_without_any_payload() {
    const BUCKET: &str = "sa-ingestion-x-dev";
    let folder = tempfile::tempdir().unwrap();
    let topics = DiskTopics::open(&folder.path().join("topics"), system_clock(), TopicOptions::default()).unwrap();
    let topics: Arc<dyn Topics> = Arc::new(RecordingTopics::new(Arc::new(topics), system_clock()));
    topics.create_topic("tttt", TopicConfig::default()).await.unwrap();
    let disk = Arc::new(DiskObjects::open(folder.path()).unwrap());
    let objects = RecordingObjects::new(Arc::new(NotifyingObjects::new(disk, BUCKET, topics.clone(), "tttt")));
    let log = CallLog::new(system_clock());
    noted(log.clone(), async {
        topics.create_subscription("ssss", "tttt", SubscriptionConfig::default()).await.unwrap();
        objects.create_bucket(BUCKET).await.unwrap();
        objects.put(BUCKET, "a/b", Bytes::from_static(b"secret"), Precondition::Absent).await.unwrap();
        objects.put(BUCKET, "a/b", Bytes::new(), Precondition::Absent).await.unwrap_err();
        let stream = futures::stream::iter([Ok(Bytes::from_static(b"secret"))]).boxed();
        objects.put_stream(BUCKET, "a/c", stream, 10).await.unwrap();
        objects.copy((BUCKET, "a/c"), (BUCKET, "a/d")).await.unwrap();
        objects.get(BUCKET, "a/d").await.unwrap();
        objects.head(BUCKET, "a/nothing").await.unwrap_err();
        objects.list(BUCKET, "a/").await.unwrap();
        objects.crc32c(BUCKET, "a/d").await.unwrap();
        objects.delete(BUCKET, "a/d").await.unwrap();
        objects.sweep(BUCKET).await.unwrap();
        let pulled = topics.pull("ssss", PullRequest::now(2)).await.unwrap();
        let ids: Vec<String> = pulled.into_iter().map(|m| m.ack_id).collect();
        topics.acknowledge("ssss", &ids[..1]).await.unwrap();
        topics.modify_ack_deadline("ssss", &ids[1..], Duration::ZERO).await.unwrap();
        topics.backlog("ssss").await.unwrap();
        topics.seek("ssss", SeekTarget::Now).await.unwrap();
    })
    .await;
    let calls = log.finish();
    let lines: Vec<_> =
        calls.iter().map(|c| (c.operation.method(), c.operation.resource(), c.outcome, c.rows, c.bytes)).collect();
    let b = |key: &str| format!("{BUCKET}/{key}");
    use Outcome::{Absent, Failed, Ok as Fine};
    assert_eq!(
        lines,
        [
            ("topics.create", "ssss".into(), Fine, None, None),
            ("objects.create_bucket", BUCKET.into(), Fine, None, None),
            // The write was begun first, and announced before it was over.
            ("objects.put", b("a/b"), Fine, None, Some(6)),
            ("topics.publish", "tttt".into(), Fine, None, lines[3].4),
            ("objects.put", b("a/b"), Failed, None, None),
            ("objects.put_stream", b("a/c"), Fine, None, Some(6)),
            ("topics.publish", "tttt".into(), Fine, None, lines[6].4),
            ("objects.copy", format!("{0} → {1}", b("a/c"), b("a/d")), Fine, None, Some(6)),
            ("topics.publish", "tttt".into(), Fine, None, lines[8].4),
            ("objects.get", b("a/d"), Fine, None, Some(6)),
            ("objects.head", b("a/nothing"), Absent, None, None),
            ("objects.list", b("a/"), Fine, Some(3), None),
            ("objects.crc32c", b("a/d"), Fine, None, None),
            ("objects.delete", b("a/d"), Fine, None, None),
            ("objects.sweep", BUCKET.into(), Fine, None, None),
            ("topics.pull", "ssss".into(), Fine, Some(2), None),
            ("topics.acknowledge", "ssss".into(), Fine, Some(1), None),
            ("topics.modify_ack_deadline", "ssss".into(), Fine, Some(1), None),
            ("topics.backlog", "ssss".into(), Fine, Some(2), None),
            ("topics.seek", "ssss".into(), Fine, None, None),
        ]
    );
    for call in calls {
        let text = serde_json::to_string(&call.operation).unwrap();
        assert!(!text.contains("secret") && !call.operation.here().contains("secret"), "{text}");
        assert_eq!(serde_json::from_str::<Operation>(&text).unwrap(), call.operation, "as it is kept");
    }
}
