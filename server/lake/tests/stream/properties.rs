//! Whatever happens in whatever order, the tables end as the messages say: each good one a row in both, each bad one a record.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use showrunner_lake::stream::*;

use crate::support::*;

/// What can happen.
#[derive(Debug, Clone)]
enum Act {
    /// So many new messages, some of them bad.
    Publish(u8),
    /// A message that was published is published again, once more.
    Repeat(prop::sample::Index),
    /// A bad one is repaired.
    Repair(prop::sample::Index),
    /// A sink dies at a place, and all is opened again.
    Die(usize),
    /// All is opened again.
    Reopen,
    Compact,
    Flush,
    /// The sinks get some time.
    Wait,
    Hold,
}

const FAULTS: [Fault; 6] = [
    Fault::WarehouseBeforeCommit,
    Fault::WarehouseAfterCommit,
    Fault::BronzeBeforeCommit,
    Fault::BronzeAfterCommit,
    Fault::WarehouseDisk,
    Fault::BronzeDisk,
];

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (1..8_u8).prop_map(Act::Publish),
        3 => any::<prop::sample::Index>().prop_map(Act::Repeat),
        2 => any::<prop::sample::Index>().prop_map(Act::Repair),
        2 => (0..FAULTS.len()).prop_map(Act::Die),
        1 => Just(Act::Reopen),
        2 => Just(Act::Compact),
        1 => Just(Act::Flush),
        2 => Just(Act::Wait),
        1 => Just(Act::Hold),
    ];
    prop::collection::vec(act, 4..14)
}

/// The row of a message; every fifth cannot be read until it is repaired.
fn row(seq: u64, attempt: u32) -> String {
    let date = if seq.is_multiple_of(3) { "20170729" } else { "20170730" };
    // Some are the same session as another.
    let good = tiny(seq / 2, date);
    if is_bad(seq) && attempt == 0 { good.replace("visitStartTime", "visitStarted") } else { good }
}

fn is_bad(seq: u64) -> bool {
    seq % 5 == 4
}

async fn play(acts: Vec<Act>) {
    let mut s = Stream::with(StreamOptions { compact_files: 3, window: Duration::from_millis(30), ..options() }).await;
    let (mut next, mut repaired) = (0_u64, BTreeSet::new());
    for act in acts {
        match act {
            Act::Publish(count) => {
                let messages = (next..next + u64::from(count)).map(|seq| message(RUN, seq, 0, &row(seq, 0)));
                s.publish(messages.collect()).await;
                next += u64::from(count);
            }
            Act::Repeat(which) if next > 0 => {
                let seq = which.index(next as usize) as u64;
                s.publish(vec![message(RUN, seq, 0, &row(seq, 0))]).await;
            }
            Act::Repair(which) if next > 4 => {
                let bad: Vec<u64> = (0..next).filter(|seq| is_bad(*seq)).collect();
                let seq = bad[which.index(bad.len())];
                s.publish(vec![message(RUN, seq, 1, &row(seq, 1))]).await;
                repaired.insert(seq);
            }
            Act::Repeat(_) | Act::Repair(_) => {}
            Act::Die(fault) => {
                s.sinks.arm(FAULTS[fault]);
                tokio::time::sleep(Duration::from_millis(60)).await;
                s = s.again().await;
            }
            Act::Reopen => s = s.again().await,
            Act::Compact => {
                s.sinks.compact("run-1").await.unwrap();
            }
            Act::Flush => {
                // A sink may have died.
                let _died = tokio::time::timeout(Duration::from_millis(100), s.sinks.flush()).await;
            }
            Act::Wait => tokio::time::sleep(Duration::from_millis(50)).await,
            Act::Hold => {
                let held = s.sinks.hold().await.unwrap();
                s.sinks.reread().await.unwrap();
                drop(held);
            }
        }
    }
    let s = s.again().await;
    s.drain().await;
    s.holds((0..next).filter(|seq| !is_bad(*seq) || repaired.contains(seq))).await;
    let bad = (0..next).filter(|seq| is_bad(*seq)).count() as u64;
    let counts = s.sinks.counts_of(RUN).await.unwrap();
    assert_eq!(
        (counts.dead_open, counts.dead_repaired, counts.dead_letters),
        (bad - repaired.len() as u64, repaired.len() as u64, bad)
    );
    // Row by row: the session, its day and its customer are the message's.
    let warehouse = "SELECT seq || ' ' || full_visitor_id || ' ' || date || ' ' || customer FROM warehouse.ga_sessions_stream ORDER BY seq";
    let bronze = "SELECT _seq || ' ' || fullVisitorId || ' ' || date || ' ' || customer FROM bronze.ga_sessions_stream ORDER BY _seq";
    let expected: Vec<String> = (0..next)
        .filter(|seq| !is_bad(*seq) || repaired.contains(seq))
        .map(|seq| {
            let date = if seq.is_multiple_of(3) { "2017-07-29" } else { "2017-07-30" };
            format!("{seq} {:016} {date} {CUSTOMER}", seq / 2)
        })
        .collect();
    let raw: Vec<String> = expected.iter().map(|row| row.replace('-', "")).collect();
    assert_eq!(s.texts(warehouse).await, expected);
    assert_eq!(s.texts(bronze).await, raw);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_one_row_whatever_happens(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(acts));
    }
}
