//! The same data in each format and container gives the same rows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use common::{Random, gz, options, random_object, read, real_days, real_rows, zip_of};
use parquet::arrow::ArrowWriter;
use serde_json::Value;
use showrunner_ingest::{GaSessionsVersion, ParquetSink, TableSchema, ga_sessions_schema, read_file};

/// Records written as one column for each value; the rest is JSON text.
const DOTTED: [&str; 2] = ["totals", "geoNetwork"];

fn schema() -> TableSchema {
    ga_sessions_schema(GaSessionsVersion::Current)
}

fn made_rows() -> Vec<Value> {
    let (schema, mut random) = (schema(), Random(7));
    let mut rows = Vec::new();
    while rows.len() < 300 {
        let mut row = random_object(&schema.fields, &mut random);
        // CSV has no word for a record that is there and empty.
        for name in DOTTED {
            let empty = row.get(name).and_then(Value::as_object);
            if empty.is_some_and(|record| record.values().all(Value::is_null)) {
                row.remove(name);
            }
        }
        rows.push(Value::Object(row));
    }
    rows
}

fn cell(value: Option<&Value>, json: bool) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) if !json => text.clone(),
        Some(value) => value.to_string(),
    };
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv(rows: &[Value], schema: &TableSchema) -> String {
    let mut columns = Vec::new();
    // Backwards, since the order of columns must not matter.
    for field in schema.fields.iter().rev() {
        if DOTTED.contains(&field.name.as_str()) {
            columns.extend(field.fields.iter().map(|f| (field.name.clone(), Some(f.name.clone()))));
        } else {
            columns.push((field.name.clone(), None));
        }
    }
    let header: Vec<_> = columns
        .iter()
        .map(|(name, below)| match below {
            Some(below) => format!("{name}.{below}"),
            None => name.clone(),
        })
        .collect();
    let mut text = header.join(",") + "\r\n";
    for row in rows {
        let cells: Vec<_> = columns
            .iter()
            .map(|(name, below)| match below {
                Some(below) => cell(row.get(name).and_then(|r| r.get(below)), false),
                None => cell(row.get(name), !schema.field(name).unwrap().fields.is_empty()),
            })
            .collect();
        text += &(cells.join(",") + "\r\n");
    }
    text
}

fn parquet(batch: &RecordBatch) -> Vec<u8> {
    let order: Vec<_> = (0..batch.num_columns()).rev().collect();
    let batch = batch.project(&order).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn check_all_formats(rows: &[Value]) {
    let schema = schema();
    let mut options = options(&schema);
    options.chunk_bytes = 100_000;
    let ndjson: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let (expected, rejected, _) = read("a.json", ndjson.as_bytes(), &options);
    assert_eq!(rejected, []);
    assert_eq!(expected.num_rows(), rows.len());
    let variants = [
        ("ndjson", ndjson.into_bytes()),
        ("json", serde_json::to_vec_pretty(&rows).unwrap()),
        ("csv", csv(rows, &schema).into_bytes()),
        ("parquet", parquet(&expected)),
    ];
    for (extension, bytes) in variants {
        let name = format!("day.{extension}");
        let packed = gz(&bytes);
        for (container, bytes) in [
            ("plain", bytes.clone()),
            ("gz", packed.clone()),
            ("zip", zip_of(&[(&name, &bytes)])),
            ("gz in zip", zip_of(&[(&format!("{name}.gz"), &packed)])),
        ] {
            let (batch, rejected, outcome) = read(&name, &bytes, &options);
            assert_eq!(rejected, [], "{extension} {container}");
            assert!(batch == expected, "{extension} {container} differs");
            assert!(outcome.raw_bytes > 0, "{extension} {container}");
        }
    }
}

#[test]
fn made_up_sessions_are_the_same_in_every_format() {
    check_all_formats(&made_rows());
}

#[test]
fn real_sessions_are_the_same_in_every_format() {
    let Some(text) = real_rows() else { return };
    let rows: Vec<Value> = serde_json::Deserializer::from_slice(&text).into_iter().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 310);
    check_all_formats(&rows);
}

#[test]
fn real_days_fit_the_schema_of_their_day() {
    let Some(paths) = real_days() else { return };
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let day = &name["ga_sessions_".len()..][..8];
        let mut options = options(&ga_sessions_schema(GaSessionsVersion::of_day(day)));
        options.expected_date = Some(day.to_owned());
        options.drop_date = true;
        let (batch, rejected, _) = read(&name, &std::fs::read(&path).unwrap(), &options);
        assert_eq!((batch.num_rows(), rejected), (5, vec![]), "{name}");
        assert!(batch.column_by_name("date").is_none());
    }
}

#[test]
fn written_parquet_reads_back_the_same() {
    let options = options(&schema());
    let text: String = made_rows().iter().map(|row| format!("{row}\n")).collect();
    let (expected, _, _) = read("a.json", text.as_bytes(), &options);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let file = std::fs::File::create(&path).unwrap();
    let mut sink = ParquetSink::new(file, options.output_schema(), &[]).unwrap();
    for start in (0..300).step_by(100) {
        sink.write(&expected.slice(start, 100)).unwrap();
    }
    assert_eq!(sink.close().unwrap().rows, 300);
    let source = showrunner_ingest::FileSource::new(&path).unwrap();
    let mut batches = Vec::new();
    let outcome = read_file(
        "a.parquet",
        &source,
        &options,
        &mut |batch| {
            batches.push(batch);
            Ok(())
        },
        &mut |rejected| panic!("{rejected:?}"),
    )
    .unwrap();
    assert_eq!(outcome.rows, 300);
    let read = arrow::compute::concat_batches(&expected.schema(), &batches).unwrap();
    assert!(read == expected);
}

#[test]
fn an_archive_may_mix_formats() {
    let schema = TableSchema::from_json(r#"[{"name":"id","type":"INTEGER"},{"name":"s","type":"STRING"}]"#).unwrap();
    let options = options(&schema);
    let two_members = [gz(b"{\"id\":4}\n{\"id"), gz(b"\":5}\n")].concat();
    let bytes = zip_of(&[
        ("__MACOSX/._a.json", b"junk"),
        ("x/a.json", b"{\"id\":1}\nbroken\n"),
        ("x/b.csv", b"s,id\n\"\",2\n"),
        ("c.json", b"[{\"id\":\"3\"}]"),
        ("d.json.gz", &two_members),
    ]);
    let (batch, rejected, outcome) = read("all.zip", &bytes, &options);
    assert_eq!(outcome.file_rejected, None);
    assert_eq!(outcome.rejected_rows, 1);
    assert_eq!(rejected[0].entry.as_deref(), Some("x/a.json"));
    assert_eq!(rejected[0].line, Some(2));
    let ids = batch.column(0).as_primitive::<Int64Type>().values();
    assert_eq!(ids[..], [1, 2, 3, 4, 5]);
}
