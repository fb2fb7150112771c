use chrono::DateTime;
use showrunner_lake::calls::{Outcome, Publish};

use super::*;
use crate::clock::SteppingClock;
use crate::store::{CallFilter, CallRow, NewStream, Payload};

fn clock() -> Arc<dyn Clock> {
    Arc::new(SteppingClock::new(DateTime::from_timestamp(1_500_000_000, 0).unwrap()))
}

fn publish(records: u64) -> Call {
    Call {
        operation: Publish { topic: "t".into(), attributes: Default::default() }.into(),
        started: DateTime::from_timestamp(1_500_000_000, 0).unwrap(),
        duration: Duration::from_micros(100),
        outcome: Outcome::Ok,
        error: None,
        rows: Some(records),
        bytes: Some(10 * records),
        count: 1,
    }
}

async fn stream(store: &Store) -> StreamRow {
    let new = NewStream {
        customer: "customer01".into(),
        dataset: "ga_sessions".into(),
        date: "2017-07-31".parse().unwrap(),
        rate: 1.0,
        payload: Payload::Full,
        shifted_to: None,
        loops: true,
        most: None,
        started_by: "test".into(),
        lasts: 60_000,
        suffix: 0x7f3a,
    };
    store.insert_stream(&new).await.unwrap().0
}

fn notes(row: &StreamRow) -> Notes {
    let notes = Notes::default();
    notes.of.lock().unwrap().push(Arc::new(StreamNotes::new(row, &clock())));
    notes
}

async fn calls(store: &Store, id: &str) -> Vec<CallRow> {
    store.calls(id, &CallFilter::default(), 0, 1_000).await.unwrap()
}

/// For how many calls and records they stand.
fn whole(rows: &[CallRow]) -> (i64, i64) {
    (rows.iter().map(|row| row.calls).sum(), rows.iter().filter_map(|row| row.rows).sum())
}

#[tokio::test]
async fn a_stream_of_hours_has_a_short_log_that_counts_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), clock()).await.unwrap();
    let row = stream(&store).await;
    let notes = notes(&row);
    notes.store(&store).await.unwrap();
    assert!(calls(&store, &row.id).await.is_empty());
    let player = notes.log(&row.id, Part::Player).unwrap();
    for round in 1..=30 {
        player.absorb((0..100).map(|_| publish(500)));
        notes.store(&store).await.unwrap();
        let rows = calls(&store, &row.id).await;
        assert_eq!((rows.len(), whole(&rows)), (13, (round * 100, round * 50_000)));
    }
    let before = store.last_event_id().await.unwrap();
    notes.store(&store).await.unwrap();
    assert_eq!(store.last_event_id().await.unwrap(), before, "nothing new is nothing to tell");
    // Who sends by hand has another step than the player.
    notes.log(&row.by_hand(), Part::Button).unwrap().absorb([publish(1)]);
    notes.store(&store).await.unwrap();
    let positions: Vec<i64> = store.call_sums(&row.id).await.unwrap().iter().map(|sum| sum.position).collect();
    assert_eq!(positions, [PRESS, 0]);
    assert_eq!(store.last_event_id().await.unwrap(), before, "told to nobody while it is under way");
    store.end_stream(&row.id, None, "Why.").await.unwrap();
    player.absorb([publish(1)]);
    let ended = store.last_event_id().await.unwrap();
    notes.store(&store).await.unwrap();
    assert!(store.last_event_id().await.unwrap() > ended, "what comes after the end is news");
    assert!(notes.log("stream-0009-0000", Part::Player).is_none());
}

#[tokio::test]
async fn what_cannot_be_stored_is_stored_later_and_a_new_process_begins_its_own_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), clock()).await.unwrap();
    let row = stream(&store).await;
    let before = notes(&row);
    let player = before.log(&row.id, Part::Player).unwrap();
    player.absorb((0..20).map(|_| publish(1)));
    store.close().await;
    before.store(&store).await.unwrap_err();
    player.absorb((0..5).map(|_| publish(1)));
    let store = Store::open(dir.path(), clock()).await.unwrap();
    before.store(&store).await.unwrap();
    assert_eq!(whole(&calls(&store, &row.id).await), (25, 25));
    // Killed, with a call that was not on record yet.
    player.absorb([publish(1)]);
    drop(before);
    store.resume_stream().await.unwrap();
    let after = notes(&store.stream(&row.id).await.unwrap());
    after.log(&row.id, Part::Player).unwrap().absorb((0..15).map(|_| publish(1)));
    after.store(&store).await.unwrap();
    let rows = calls(&store, &row.id).await;
    assert_eq!(whole(&rows), (40, 40));
    let of = |attempt| rows.iter().filter(|row| row.attempt == attempt).count();
    assert_eq!((of(1), of(2)), (13, 13), "what it did before stays on record");
}
