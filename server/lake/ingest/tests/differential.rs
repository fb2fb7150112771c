//! The one-pass decoder against the oracle: the same rows, and the same verdict on broken ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the other test binaries use the rest")]
mod common;

use common::{Random, random_object, real_rows};
use proptest::prelude::*;
use serde_json::Value;
use showrunner_ingest::{
    ArrowJsonDecoder, Decoder, FieldSchema, FieldType, GaSessionsVersion, Mode, OnePassDecoder, Row, TableSchema,
    ga_sessions_schema,
};

/// Lines joined to one text, with their ranges.
fn chunk(lines: &[String]) -> (Vec<u8>, Vec<Row>) {
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let start = text.len();
        text.extend_from_slice(line.as_bytes());
        rows.push(Row { start, end: text.len(), line: index as u64 + 1 });
        text.push(b'\n');
    }
    (text, rows)
}

/// Both decoders give the same batch, twice in a row (the second reuses the buffers).
fn assert_same(schema: &TableSchema, lines: &[String]) {
    let mut ours = OnePassDecoder::new(schema, 16);
    let mut oracle = ArrowJsonDecoder::new(schema, 16);
    let (text, rows) = chunk(lines);
    for _ in 0..2 {
        let ours = ours.decode(&text, &rows).unwrap();
        let oracle = oracle.decode(&text, &rows).unwrap();
        assert_eq!(ours.schema(), oracle.schema());
        for (index, field) in ours.schema().fields().iter().enumerate() {
            assert!(
                ours.column(index) == oracle.column(index),
                "{}: {:?} is not {:?}",
                field.name(),
                ours.column(index),
                oracle.column(index)
            );
        }
    }
}

/// Both decoders give the same verdict on a row, and the same batch if it is good.
fn assert_same_verdict(schema: &TableSchema, line: &str) {
    let mut ours = OnePassDecoder::new(schema, 16);
    let mut oracle = ArrowJsonDecoder::new(schema, 16);
    let (verdict, expected) = (ours.check(line.as_bytes()), oracle.check(line.as_bytes()));
    assert_eq!(verdict.is_ok(), expected.is_ok(), "{line}\n{verdict:?}\n{expected:?}");
    if verdict.is_ok() {
        // Of decoders that have just forgotten a row.
        let (text, rows) = chunk(&[line.to_owned()]);
        let (ours, oracle) = (ours.decode(&text, &rows), oracle.decode(&text, &rows));
        assert!(ours == oracle, "{line}\n{ours:?}\n{oracle:?}");
    }
}

/// Breaks a line in one to three places, with what JSON cares about.
fn mutate(line: &str, random: &mut Random) -> String {
    const PIECES: [&str; 28] = [
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "-",
        ".",
        "e5",
        " ",
        "\n",
        "\\u",
        "\\ud83d\\ude00",
        "\\udc00",
        "0",
        "ü",
        "\"\":",
        "{}",
        "[]",
        "\u{1}",
        "\"1\"",
        "99999999999999999999",
        "\\n",
    ];
    let mut chars: Vec<char> = line.chars().collect();
    for _ in 0..1 + random.below(3) {
        let at = random.below(chars.len() as u64 + 1) as usize;
        let end = (at + random.below(6) as usize).min(chars.len());
        match random.below(4) {
            0 => {
                chars.drain(at..end);
            }
            1 => chars.truncate(at),
            2 => {
                let copy = chars[at..end].to_vec();
                chars.splice(at..at, copy);
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len() as u64) as usize];
                chars.splice(at..at, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// A schema with every type, nested up to `levels`.
fn random_fields(random: &mut Random, levels: u64) -> Vec<FieldSchema> {
    const TYPES: [FieldType; 7] = [
        FieldType::Record,
        FieldType::Integer,
        FieldType::Float,
        FieldType::String,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Timestamp,
    ];
    (0..1 + random.below(6))
        .map(|at| {
            let first = u64::from(levels == 0);
            let field_type = TYPES[(first + random.below(7 - first)) as usize];
            FieldSchema {
                name: format!("{}{at}", ["a", "ab", "ü", "long name "][random.below(4) as usize]),
                field_type,
                mode: [Mode::Nullable, Mode::Nullable, Mode::Repeated, Mode::Required][random.below(4) as usize],
                fields: match field_type {
                    FieldType::Record => random_fields(random, levels - 1),
                    _ => Vec::new(),
                },
            }
        })
        .collect()
}

fn random_schema(random: &mut Random) -> TableSchema {
    TableSchema { fields: random_fields(random, 3) }
}

fn random_line(schema: &TableSchema, random: &mut Random) -> String {
    let row = Value::Object(random_object(&schema.fields, random));
    if random.chance(20) { serde_json::to_string_pretty(&row).unwrap() } else { row.to_string() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn valid_rows_of_any_schema_decode_the_same(seed: u64) {
        let mut random = Random(seed);
        let schema = random_schema(&mut random);
        let lines: Vec<_> = (0..random.below(20))
            .map(|_| random_line(&schema, &mut random))
            .collect();
        assert_same(&schema, &lines);
    }

    #[test]
    fn broken_rows_get_the_same_verdict(seed: u64) {
        let mut random = Random(seed);
        let schema = random_schema(&mut random);
        for _ in 0..20 {
            let line = random_line(&schema, &mut random);
            assert_same_verdict(&schema, &mutate(&line, &mut random));
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let schema = ga_sessions_schema(GaSessionsVersion::Current);
        let mut decoder = OnePassDecoder::new(&schema, 16);
        prop_assert!(decoder.check(&bytes).is_err());
    }
}

/// The words of FLOAT, in every spelling: a sign before `NaN` is not kept.
#[test]
fn floats_as_text_decode_the_same() {
    let field_type = FieldType::Float;
    let schema = TableSchema {
        fields: vec![FieldSchema { name: "a".into(), field_type, mode: Mode::Nullable, fields: Vec::new() }],
    };
    for text in ["NaN", "-NaN", "+nan", "nan", "inf", "-inf", "Infinity", "-INFINITY", "-0", "-0.0", "1e400", "-", ""] {
        assert_same_verdict(&schema, &format!(r#"{{"a":"{text}"}}"#));
    }
}

#[test]
fn real_rows_decode_the_same() {
    let Some(text) = real_rows() else { return };
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let schema = ga_sessions_schema(GaSessionsVersion::Current);
    assert_same(&schema, &lines);
    let mut random = Random(11);
    for line in lines.iter().filter(|line| line.len() < 20_000) {
        for _ in 0..5 {
            assert_same_verdict(&schema, &mutate(line, &mut random));
        }
    }
}
