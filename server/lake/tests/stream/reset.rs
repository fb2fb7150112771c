//! Holding the sinks still and emptying their tables.

use std::time::Duration;

use showrunner_lake::ErrorKind;
use showrunner_lake::model::{Day, Scope};
use showrunner_lake::ports::SeekTarget;
use showrunner_lake::stream::*;

use crate::support::*;

const DAY: &str = "2017-07-29";
const TABLES: [&str; 3] =
    ["bronze.ga_sessions_stream", "warehouse.ga_sessions_stream", "warehouse.ga_sessions_stream_error_records"];

async fn purge(s: &Stream, scope: &Scope) {
    for place in ["bronze", "silver", "gold", "warehouse"] {
        s.lake.purge(place, scope, &[CUSTOMER.to_owned()], "reset").await.unwrap();
    }
}

async fn planned(s: &Stream, scope: &Scope) -> Vec<(String, u64)> {
    let items = s.lake.purge_plan(scope, &[CUSTOMER.to_owned()]).await.unwrap();
    items
        .into_iter()
        .filter(|i| i.count > 0 || i.files > 0)
        .map(|i| (format!("{}.{}", i.place, i.table), i.rows))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_emptied_while_its_sinks_are_held() {
    let s = Stream::new().await;
    let rows = lines(DAY, 10);
    let n = rows.len() as u64;
    s.load(DAY, &rows).await;
    s.send(0, &rows).await;
    s.send(n, &["no row".to_owned()]).await;
    s.drain().await;
    let loaded = s.number("SELECT count(*) FROM warehouse.ga_sessions").await;
    let held = s.sinks.hold().await.unwrap();
    // Nothing is taken, nothing is leased.
    s.send(n + 1, &rows[..3]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let counts = s.sinks.counts().await.unwrap();
    for backlog in [counts.warehouse_backlog, counts.bronze_backlog] {
        assert_eq!((backlog.messages, backlog.outstanding), (3, 0));
    }
    assert_eq!(s.sinks.compact("run-1").await.unwrap_err().kind, ErrorKind::Busy);
    s.sinks.flush().await.unwrap();
    assert!(!s.sinks.drained(Duration::from_millis(50)).await.unwrap());
    for subscription in [WAREHOUSE_SUBSCRIPTION, BRONZE_SUBSCRIPTION] {
        s.lake.topics().seek(subscription, SeekTarget::Now).await.unwrap();
    }
    let mut expected: Vec<_> = TABLES.iter().zip([n, n, 1]).map(|(table, rows)| ((*table).to_owned(), rows)).collect();
    let mut plan = planned(&s, &Scope::Stream).await;
    plan.sort();
    expected.sort();
    assert_eq!(plan, expected);
    let checksum = s.lake.schema_checksum().await.unwrap();
    purge(&s, &Scope::Stream).await;
    s.sinks.reread().await.unwrap();
    assert_eq!(planned(&s, &Scope::Stream).await, []);
    assert_eq!(s.lake.schema_checksum().await.unwrap(), checksum);
    assert!(TABLES.iter().all(|table| s.files(table).is_empty()));
    assert_eq!(s.sinks.counts_of(RUN).await.unwrap(), RunCounts::default());
    assert_eq!(s.number("SELECT count(*) FROM warehouse.ga_sessions").await, loaded, "what was loaded stays");
    drop(held);
    // The same messages are new again.
    s.send(0, &rows).await;
    s.drain().await;
    s.holds(0..n).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_window_is_given_back_and_comes_again() {
    let s = Stream::with(StreamOptions { window: Duration::from_secs(3_600), ..options() }).await;
    s.send(0, &lines(DAY, 20)[..4]).await;
    eventually("a window opens", async || s.sinks.counts().await.unwrap().window_rows == 4).await;
    let held = s.sinks.hold().await.unwrap();
    let counts = s.sinks.counts().await.unwrap();
    assert_eq!((counts.window_rows, counts.bronze_backlog.messages, counts.bronze_backlog.outstanding), (0, 4, 0));
    drop(held);
    s.drain().await;
    s.holds(0..4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_scopes_take_what_they_should() {
    let s = Stream::new().await;
    let rows = lines(DAY, 10);
    let n = rows.len() as u64;
    s.send(0, &rows).await;
    let other = |(seq, row): (u64, &String)| {
        let mut message = message(RUN, seq, 0, row);
        message.attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), "customer02".to_owned());
        message
    };
    s.publish((n..).zip(&rows).map(other).collect()).await;
    s.publish([(100, "no row"), (101, "none")].map(|(seq, row)| message(RUN, seq, 0, row)).to_vec()).await;
    s.publish(vec![other((102, &"nor this".to_owned()))]).await;
    s.drain().await;
    // Days are those that were delivered.
    let day =
        |dataset: &str| Day { customer: CUSTOMER.to_owned(), dataset: dataset.to_owned(), date: DAY.parse().unwrap() };
    for dataset in ["ga_sessions", "ga_sessions_stream"] {
        let days = Scope::Days(vec![day(dataset)]);
        assert_eq!(planned(&s, &days).await, [], "{dataset}");
        purge(&s, &days).await;
    }
    s.holds(0..2 * n).await;
    // No hold here: the sinks find out by themselves.
    purge(&s, &Scope::Customer(CUSTOMER.to_owned())).await;
    s.holds(n..2 * n).await;
    assert_eq!(s.sinks.dead_letters(10).await.unwrap().iter().map(|letter| letter.seq).collect::<Vec<_>>(), [102]);
    s.send(0, &rows[..1]).await;
    s.drain().await;
    s.holds([0].into_iter().chain(n..2 * n)).await;
    purge(&s, &Scope::All).await;
    s.holds([]).await;
    assert!(TABLES.iter().all(|table| s.files(table).is_empty()));
}
