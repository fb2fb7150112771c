//! Labelled tables: is each column personal data, and of which kind? Precision and recall are printed for each type.

use std::collections::BTreeMap;
use std::io::Write;
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

/// Past the runner's capture, which swallows what a passing test prints.
fn left_out(path: &Path) {
    let _ = writeln!(std::io::stderr(), "left out: {} is missing", path.display());
}

/// Real stations of London's bicycles: things, with coordinates and names that sound like persons'.
#[test]
fn stations_are_no_persons() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real/london/cycle_stations.csv");
    if !path.is_file() {
        left_out(&path);
        return;
    }
    let table = read_csv(&path).expect("read");
    assert!(table.columns.len() > 5 && table.columns.iter().all(|column| column.values.len() > 500));
    for column in scan(&table, Settings::default()).columns {
        assert!(column.finding.is_none(), "{column:?}");
    }
}

/// Real sessions: visitor ids, epoch seconds, versions, countries of a web shop's visitors.
#[test]
fn sessions_hold_no_personal_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real/ga_sessions");
    let Ok(files) = std::fs::read_dir(&folder) else {
        left_out(&folder);
        return;
    };
    let mut rows: Vec<BTreeMap<String, String>> = Vec::new();
    for file in files.flatten() {
        let mut text = String::new();
        let file = std::fs::File::open(file.path()).expect("opened");
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).expect("unpacked");
        for line in text.lines() {
            let mut row = BTreeMap::new();
            flatten("", &serde_json::from_str(line).expect("JSON"), &mut row);
            rows.push(row);
        }
    }
    let names: std::collections::BTreeSet<String> = rows.iter().flat_map(|row| row.keys().cloned()).collect();
    assert!(rows.len() > 100 && names.len() > 40, "{} rows, {} columns", rows.len(), names.len());
    let column = |name: String| {
        let values = rows.iter().map(|row| row.get(&name).cloned()).collect();
        showrunner_pii::Column { name, declared: None, values }
    };
    let table = showrunner_pii::Table {
        name: "bronze.ga_sessions".to_owned(),
        columns: names.into_iter().map(column).collect(),
    };
    for column in scan(&table, Settings::default()).columns {
        assert!(column.finding.is_none(), "{column:?}");
    }
}

fn flatten(path: &str, value: &serde_json::Value, row: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, row);
            }
        }
        serde_json::Value::Array(_) | serde_json::Value::Null => {}
        serde_json::Value::String(text) => {
            row.insert(path.to_owned(), text.clone());
        }
        other => {
            row.insert(path.to_owned(), other.to_string());
        }
    }
}
