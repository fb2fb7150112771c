//! The set of acknowledged messages against a set of numbers.

use std::collections::BTreeSet;
use std::convert::Infallible;

use proptest::prelude::*;

use super::acks::{AckSet, CHUNK};

#[derive(Debug, Clone)]
enum Op {
    Insert(u64),
    InsertRange(u64, u64),
    Advance,
    Raise(u64),
    ClearFrom(u64),
    StoreAndLoad,
}

fn op() -> impl Strategy<Value = Op> {
    // Around the ends of chunks, mostly.
    let seq = (0..3u64, prop_oneof![0..3u64, 62..67u64, CHUNK - 2..CHUNK]).prop_map(|(chunk, at)| chunk * CHUNK + at);
    prop_oneof![
        4 => seq.clone().prop_map(Op::Insert),
        2 => (seq.clone(), 0..2 * CHUNK).prop_map(|(from, count)| Op::InsertRange(from, count)),
        2 => Just(Op::Advance),
        1 => seq.clone().prop_map(Op::Raise),
        2 => seq.prop_map(Op::ClearFrom),
        1 => Just(Op::StoreAndLoad),
    ]
}

fn size(seq: u64) -> u64 {
    seq % 7 + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn acked_messages_are_a_set(ops in prop::collection::vec(op(), 1..25)) {
        const HEAD: u64 = 3 * CHUNK;
        let mut set = AckSet::default();
        let mut model: BTreeSet<u64> = BTreeSet::new();
        let mut stored = std::collections::BTreeMap::new();
        for op in ops {
            match op {
                Op::Insert(seq) => prop_assert_eq!(set.insert(seq, size(seq)), model.insert(seq)),
                Op::InsertRange(from, count) => {
                    for seq in from..HEAD.min(from + count) {
                        prop_assert_eq!(set.insert(seq, size(seq)), model.insert(seq));
                    }
                }
                Op::Advance => {
                    set.advance(HEAD);
                    prop_assert_eq!(set.floor(), (0..HEAD).find(|seq| !model.contains(seq)).unwrap_or(HEAD));
                }
                Op::Raise(seq) => {
                    set.raise(seq);
                    model.extend(0..seq);
                }
                Op::ClearFrom(seq) => {
                    set.clear_from(seq, |seq| Ok::<_, Infallible>(size(seq))).unwrap();
                    model.split_off(&seq);
                }
                Op::StoreAndLoad => {
                    for (chunk, record) in set.changes() {
                        match record {
                            Some(record) => { stored.insert(chunk, record); }
                            None => { stored.remove(&chunk); }
                        }
                    }
                    set = AckSet::up_to(set.floor());
                    for (chunk, record) in &stored {
                        prop_assert!(set.load(*chunk, record));
                    }
                }
            }
            let floor = set.floor();
            let above: Vec<u64> = model.range(floor..).copied().collect();
            let sum = above.iter().map(|seq| size(*seq)).sum::<u64>();
            let counted = set.above_floor(|seq| Ok::<_, Infallible>(size(seq))).unwrap();
            prop_assert_eq!(counted, (above.len() as u64, sum));
            for seq in [0, 1, 63, 64, CHUNK - 1, CHUNK, CHUNK + 1, HEAD - 1] {
                prop_assert_eq!(set.contains(seq), model.contains(&seq));
                let next = (seq..HEAD).find(|seq| !model.contains(seq));
                prop_assert_eq!(set.next_unacked(seq, HEAD), next);
            }
        }
    }
}

#[test]
fn a_damaged_chunk_is_refused() {
    for record in [&b""[..], &[0; 9], &[0; 11], &[0; 521]] {
        assert!(!AckSet::default().load(0, record));
    }
}
