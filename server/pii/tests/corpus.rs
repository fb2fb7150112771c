//! Labelled tables: is each column personal data, and of which kind? Precision and recall are printed for each type.

use std::collections::BTreeMap;
use std::path::Path;

use showrunner_pii::{Settings, read_csv, scan};

type Truth = BTreeMap<String, BTreeMap<String, String>>;

#[derive(Debug, Default, Clone, Copy)]
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Score {
    fn precision(self) -> f64 {
        self.right as f64 / (self.right + self.wrong).max(1) as f64
    }

    fn recall(self) -> f64 {
        self.right as f64 / (self.right + self.missed).max(1) as f64
    }
}

fn judge(truth: &str) -> (Score, usize, usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let text = std::fs::read_to_string(folder.join(truth)).expect("the truth is there");
    let truth: Truth = serde_json::from_str(&text).expect("the truth is JSON");
    let mut by_kind: BTreeMap<String, Score> = BTreeMap::new();
    let (mut all, mut columns) = (Score::default(), 0);
    for (file, expected) in &truth {
        let table = read_csv(&folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        for name in expected.keys() {
            assert!(table.columns.iter().any(|column| column.name == *name), "{file} has no column {name}");
        }
        columns += table.columns.len();
        for column in scan(&table, Settings::default()).columns {
            let found = column.finding.as_ref().map(|finding| finding.info_type.name().to_owned());
            let wanted = expected.get(&column.column);
            if found.as_ref() == wanted {
                if let Some(kind) = found {
                    by_kind.entry(kind).or_default().right += 1;
                    all.right += 1;
                }
                continue;
            }
            println!("{file} {}: {found:?}, not {wanted:?}", column.column);
            if let Some(kind) = found {
                by_kind.entry(kind).or_default().wrong += 1;
                all.wrong += 1;
            }
            if let Some(kind) = wanted {
                by_kind.entry(kind.clone()).or_default().missed += 1;
                all.missed += 1;
            }
        }
    }
    for (kind, score) in &by_kind {
        println!("{kind:44} precision {:.3} recall {:.3} ({})", score.precision(), score.recall(), score.right);
    }
    println!("all: precision {:.3}, recall {:.3}", all.precision(), all.recall());
    (all, truth.len(), columns)
}

#[test]
fn corpus() {
    let (score, tables, columns) = judge("truth.json");
    assert!(tables >= 40 && columns >= 250, "{tables} tables, {columns} columns");
    assert!(score.precision() >= 0.95 && score.recall() >= 0.95, "{score:?}");
}

/// Written after the detectors were tuned; its first run is in docs/decisions.
#[test]
fn held_out() {
    let (score, tables, _) = judge("held_out.json");
    assert!(tables >= 14, "{tables} tables");
    assert!(score.precision() >= 0.9 && score.recall() >= 0.9, "{score:?}");
}
