//! What the tests share: made-up rows of any schema, containers, and reading it all back.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use serde_json::{Map, Value, json};
use showrunner_ingest::{FieldSchema, FieldType, FileOutcome, Mode, ReadOptions, Rejected, TableSchema, read_file};

/// SplitMix64: the same numbers on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn text(&mut self) -> String {
        const PIECES: [&str; 14] = [
            "not available in demo dataset",
            "a",
            "/google+redesign/apparel",
            "\"",
            "\\",
            "\n",
            "\t\u{1}",
            "ü",
            "日本語",
            "😀",
            ",",
            "{}[]:",
            "(not set)",
            " ",
        ];
        (0..self.below(4)).map(|_| PIECES[self.below(PIECES.len() as u64) as usize]).collect()
    }

    pub fn integer(&mut self) -> i64 {
        match self.below(8) {
            0 => i64::MAX,
            1 => i64::MIN,
            2 => 0,
            3 => self.next() as i64,
            _ => self.below(100_000) as i64 - 1_000,
        }
    }
}

/// A row of these fields, as BigQuery would export it or in another allowed spelling.
pub fn random_object(fields: &[FieldSchema], random: &mut Random) -> Map<String, Value> {
    let mut object = Map::new();
    for field in fields {
        if field.mode != Mode::Required && random.chance(30) {
            continue;
        }
        let value = match field.mode {
            Mode::Repeated if random.chance(5) => Value::Null,
            Mode::Repeated => (0..random.below(4)).map(|_| random_value(field, random)).collect(),
            Mode::Nullable if random.chance(5) => Value::Null,
            _ => random_value(field, random),
        };
        object.insert(field.name.clone(), value);
    }
    object
}

fn random_value(field: &FieldSchema, random: &mut Random) -> Value {
    match field.field_type {
        FieldType::Integer if random.chance(70) => json!(random.integer().to_string()),
        FieldType::Integer => json!(random.integer()),
        FieldType::Float if random.chance(10) => {
            json!(["NaN", "Infinity", "-Infinity", "1.5e3"][random.below(4) as usize])
        }
        FieldType::Float if random.chance(20) => json!(random.integer()),
        FieldType::Float => json!(f64::from_bits(random.next() >> 2)),
        FieldType::String => json!(random.text()),
        FieldType::Boolean if random.chance(20) => {
            json!(["true", "false", "True"][random.below(3) as usize])
        }
        FieldType::Boolean => json!(random.chance(50)),
        FieldType::Date => {
            json!(format!("{:04}-{:02}-{:02}", 1900 + random.below(200), 1 + random.below(12), 1 + random.below(28)))
        }
        FieldType::Timestamp => json!(format!(
            "2017-{:02}-11{}{:02}:30:{:02}{}{}",
            1 + random.below(12),
            [" ", "T"][random.below(2) as usize],
            random.below(24),
            random.below(60),
            ["", ".5", ".123456"][random.below(3) as usize],
            ["", "Z", " UTC", "+02:00"][random.below(4) as usize],
        )),
        FieldType::Record => Value::Object(random_object(&field.fields, random)),
    }
}

pub fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn options(schema: &TableSchema) -> ReadOptions {
    ReadOptions::new(Arc::new(schema.clone()), std::env::temp_dir())
}

/// Reads a file from memory: all rows in one batch, what was rejected, and the outcome.
pub fn read(name: &str, bytes: &[u8], options: &ReadOptions) -> (RecordBatch, Vec<Rejected>, FileOutcome) {
    let (mut batches, mut rejected) = (Vec::new(), Vec::new());
    let outcome = read_file(
        name,
        &bytes.to_vec(),
        options,
        &mut |batch| {
            batches.push(batch);
            Ok(())
        },
        &mut |row| rejected.push(row),
    )
    .unwrap();
    let all = concat_batches(&options.output_schema(), &batches).unwrap();
    assert_eq!(all.num_rows() as u64, outcome.rows);
    (all, rejected, outcome)
}

/// The real rows, one file for each day; `None` (and a word about it) where they are missing.
pub fn real_days() -> Option<Vec<PathBuf>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/real/ga_sessions");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        // Not by println!, which the test runner swallows when the test passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared is missing\n");
        return None;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    Some(paths)
}

/// All real rows as NDJSON.
pub fn real_rows() -> Option<Vec<u8>> {
    let mut text = Vec::new();
    for path in real_days()? {
        let file = std::fs::File::open(path).unwrap();
        std::io::copy(&mut flate2::read::MultiGzDecoder::new(file), &mut text).unwrap();
    }
    Some(text)
}
