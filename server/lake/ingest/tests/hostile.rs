//! Broken and hostile input: it is refused with a reason, and nothing else is lost.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "the other test binaries use the rest")]
mod common;

use std::io::{self, Read, Write};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use common::{gz, options, read, zip_of};
use showrunner_ingest::{DecoderKind, Error, ReadOptions, Source, TableSchema, read_file};

const SCHEMA: &str = r#"[{"name":"id","type":"INTEGER"},{"name":"date","type":"STRING"},
    {"name":"f","type":"FLOAT"},{"name":"b","type":"BOOLEAN"},
    {"name":"r","type":"RECORD","fields":[{"name":"s","type":"STRING"},
        {"name":"l","type":"RECORD","mode":"REPEATED","fields":[{"name":"n","type":"INTEGER"}]}]},
    {"name":"tags","type":"STRING","mode":"REPEATED"}]"#;

fn small() -> ReadOptions {
    options(&TableSchema::from_json(SCHEMA).unwrap())
}

fn ids(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

#[test]
fn each_bad_row_is_refused_with_field_value_and_expectation() {
    let deep = "[".repeat(100_000);
    let cases: &[(&str, &str)] = &[
        ("oops", "expected an object, found oops"),
        ("{\"id\":\"abc\"}", "id: expected an INTEGER of 64 bits, found \"abc\""),
        ("{\"id\":1.5}", "id: expected an INTEGER of 64 bits, found 1.5"),
        ("{\"id\":1e3}", "found 1e3"),
        ("{\"id\":007}", "found 007"),
        ("{\"id\":\"\"}", "found \"\""),
        ("{\"id\":9223372036854775808}", "found 9223372036854775808"),
        ("{\"id\":\"-9223372036854775809\"}", "found \"-9223372036854775809\""),
        ("{\"id\":{}}", "found an object"),
        ("{\"date\":20170729}", "date: expected a STRING, found 20170729"),
        ("{\"f\":\"x\"}", "f: expected a FLOAT, found \"x\""),
        ("{\"f\":1e999}", "f: expected a FLOAT, found 1e999"),
        ("{\"b\":1}", "b: expected a BOOLEAN, found 1"),
        ("{\"r\":\"s\"}", "r: expected an object, found \"s\""),
        ("{\"r\":{\"s\":[]}}", "r.s: expected a STRING, found a list"),
        ("{\"r\":{\"x\":1}}", "r.x: the field is not in the schema"),
        ("{\"r\":{\"l\":[{\"n\":1},{\"n\":true}]}}", "r.l[1].n: expected an INTEGER"),
        ("{\"r\":{\"l\":{}}}", "r.l: expected a list, found an object"),
        ("{\"tags\":[\"a\",null]}", "tags[1]: expected a STRING, found null"),
        ("{\"id\":1,\"id\":2}", "id: the field is there twice"),
        ("{\"id\":null,\"id\":2}", "id: the field is there twice"),
        ("{\"nope\":1}", "nope: the field is not in the schema"),
        ("{\"id\":1}{\"id\":2}", "expected the end of the row"),
        ("{\"id\":1", "expected ',' or '}' after a value, found the end of the row"),
        ("{\"id\" 1}", "expected ':' after a field name"),
        ("{\"date\":\"\\ud800\"}", "half a surrogate pair"),
        ("{\"date\":\"\\q\"}", "unknown escape"),
        ("{\"date\":\"a\u{1}\"}", "control character"),
        ("{\"date\":\"a", "never closed"),
        (&deep, "expected an object, found a list"),
    ];
    let mut text = String::new();
    for (index, (line, _)) in cases.iter().enumerate() {
        text += &format!("{{\"id\":{index}}}\r\n{line}\n\n");
    }
    for decoder in [DecoderKind::OnePass, DecoderKind::ArrowJson] {
        for chunk_bytes in [64, 1 << 20] {
            let mut options = small();
            options.decoder = decoder;
            options.chunk_bytes = chunk_bytes;
            let (batch, rejected, outcome) = read("a.json", text.as_bytes(), &options);
            assert_eq!(outcome.file_rejected, None);
            assert_eq!(ids(&batch), (0..cases.len() as i64).collect::<Vec<_>>());
            assert_eq!(rejected.len(), cases.len());
            for (index, (row, (line, reason))) in rejected.iter().zip(cases).enumerate() {
                assert_eq!(row.line, Some(index as u64 * 3 + 2), "{row:?}");
                assert!(row.sample.len() <= 300 && line.starts_with(&row.sample), "{row:?}");
                if decoder == DecoderKind::OnePass {
                    assert!(row.reason.contains(reason), "{reason}: {}", row.reason);
                }
            }
        }
    }
}

#[test]
fn invalid_utf8_costs_only_its_row() {
    let mut text = b"{\"id\":1}\n{\"id\":2,\"date\":\"\xff\"}\n{\"id\":3}\n".to_vec();
    text.extend_from_slice(b"{\"id\":4,\"date\":\"\xc3\"}\n{\"id\":5}");
    let (batch, rejected, _) = read("a.json", &text, &small());
    assert_eq!(ids(&batch), [1, 3, 5]);
    let lines: Vec<_> = rejected.iter().map(|row| row.line).collect();
    assert_eq!(lines, [Some(2), Some(4)]);
    assert!(rejected[0].reason.contains("no valid UTF-8"));
}

#[test]
fn a_row_of_another_day_is_refused_and_date_is_left_out() {
    let mut options = small();
    options.expected_date = Some("20170729".into());
    options.drop_date = true;
    let text = "{\"id\":1,\"date\":\"20170729\"}\n{\"id\":2,\"date\":\"20170730\"}\n{\"id\":3}\n";
    let (batch, rejected, outcome) = read("a.json", text.as_bytes(), &options);
    assert_eq!((ids(&batch), outcome.rows), (vec![1, 3], 2));
    assert!(batch.column_by_name("date").is_none());
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].line, Some(2));
    assert_eq!(rejected[0].reason, "date: expected 20170729, found 20170730");
}

#[test]
fn limits_bound_rows_depth_and_reports() {
    let mut options = small();
    options.limits.max_line_bytes = 50;
    options.limits.max_depth = 2;
    options.limits.max_rejected_rows = 1;
    let text = format!(
        "{{\"id\":1}}\n{{\"date\":\"{}\"}}\n{{\"r\":{{\"l\":[{{}}]}}}}\n{{\"r\":{{}},\"id\":2}}",
        "x".repeat(100)
    );
    for decoder in [DecoderKind::OnePass, DecoderKind::ArrowJson] {
        options.decoder = decoder;
        let (batch, rejected, outcome) = read("a.json", text.as_bytes(), &options);
        assert_eq!(ids(&batch), [1, 2]);
        assert_eq!((rejected.len(), outcome.rejected_rows), (1, 2));
        assert!(rejected[0].reason.contains("longer than the limit"));
    }
}

/// Bytes of a Parquet file with one Int64 column of this name.
fn parquet(column: &str) -> Vec<u8> {
    let array: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([(column, array)]).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn symlink_zip() -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.add_symlink("a.json", "/etc/passwd", options).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_bad_file_is_refused_as_a_whole() {
    let good = b"{\"id\":1}\n".repeat(50_000);
    let packed = gz(&good);
    let mut garbage = packed.clone();
    garbage.extend_from_slice(b"garbage");
    let mut flipped = packed.clone();
    let middle = flipped.len() - 6;
    flipped[middle] ^= 0xff;
    let mut zip = zip_of(&[("a.json", &good)]);
    let crc_at = 40;
    zip[crc_at + 10] ^= 0xff;
    let zip_cut = &zip_of(&[("a.json", &good)])[..100];
    let mut torn = parquet("id");
    let end = torn.len() - 20;
    torn[4..end].fill(0xff);
    let cases: Vec<(&str, &[u8], &str)> = vec![
        ("a.json", b"", "is empty"),
        ("a.json", b" \n\n ", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.bin", b"\0\0\0", "format is not known"),
        ("a.zst", b"\x28\xb5\x2f\xfd...", "Zstandard"),
        ("cut.json.gz", &packed[..packed.len() / 2], "damaged: it ends in the middle"),
        ("head.json.gz", &packed[..5], "damaged: it ends in the middle"),
        ("garbage.json.gz", &garbage, "damaged"),
        ("flipped.json.gz", &flipped, "damaged"),
        ("crc.zip", &zip, "damaged"),
        ("cut.zip", zip_cut, "damaged"),
        ("torn.parquet", &torn, "damaged"),
        ("cut.parquet", b"PAR1PAR1", "damaged"),
        ("a.json", b"[{\"id\":1},", "ends before the ']'"),
    ];
    for (name, bytes, expected) in cases {
        let (_, rejected, outcome) = read(name, bytes, &small());
        let reason = outcome.file_rejected.unwrap_or_else(|| panic!("{name} was accepted"));
        assert!(reason.contains(expected), "{name}: {reason}");
        let last = rejected.last().unwrap();
        assert_eq!((last.line, &last.reason), (None, &reason), "{name}");
    }
}

#[test]
fn archives_that_lead_elsewhere_are_refused_by_entry() {
    let inner = zip_of(&[("a.json", b"{}")]);
    let doubled = gz(&gz(b"{}"));
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (zip_of(&[("ok.json", b"{}"), ("../x.json", b"{}")]), "../x.json", "out of the archive"),
        (zip_of(&[("/x.json", b"{}")]), "/x.json", "absolute"),
        (zip_of(&[("C:/x.json", b"{}")]), "C:/x.json", "absolute"),
        (zip_of(&[("a\\x.json", b"{}")]), "a\\x.json", "backslash"),
        (zip_of(&[("x.zip", &inner)]), "x.zip", "archives within"),
        (zip_of(&[("x.json", &inner)]), "x.json", "archives within"),
        (zip_of(&[("x.json.gz", &doubled)]), "x.json.gz", "archives within"),
        (symlink_zip(), "a.json", "symbolic link"),
    ];
    for (bytes, entry, expected) in cases {
        let (_, rejected, outcome) = read("a.zip", &bytes, &small());
        let reason = outcome.file_rejected.unwrap();
        assert!(reason.contains(expected) && reason.contains(entry.trim_end_matches(".gz")), "{reason}");
        assert_eq!(rejected.last().unwrap().entry.as_deref(), Some(entry));
    }
    let (_, _, outcome) = read("a.json.gz", &gz(&inner), &small());
    assert!(outcome.file_rejected.unwrap().contains("archives within"));
    let empty = zip_of(&[("__MACOSX/x", b"")]);
    assert!(read("a.zip", &empty, &small()).2.file_rejected.unwrap().contains("empty"));
    let mut options = small();
    options.limits.max_zip_entries = 1;
    let two = zip_of(&[("a.json", b"{}"), ("b.json", b"{}")]);
    assert!(read("a.zip", &two, &options).2.file_rejected.unwrap().contains("zip entries"));
}

#[test]
fn bombs_are_stopped_by_what_really_comes_out() {
    let line = [b"{\"id\":1}".as_slice(), &[b' '; 1 << 16], b"\n"].concat();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..1_200 {
        packed.write_all(&line).unwrap();
    }
    let packed = packed.finish().unwrap();
    let zipped = zip_of(&[("a.json", &line.repeat(1_200))]);
    let zipped_gz = zip_of(&[("a.json.gz", &packed)]);
    for (name, bytes) in [("a.json.gz", &packed), ("a.zip", &zipped), ("b.zip", &zipped_gz)] {
        let outcome = read(name, bytes, &small()).2;
        let reason = outcome.file_rejected.unwrap();
        assert!(reason.contains("times its size"), "{reason}");
        assert!(outcome.raw_bytes < 70 << 20, "{name} {}", outcome.raw_bytes);
        let mut options = small();
        options.limits.max_uncompressed_bytes = 1 << 20;
        let outcome = read(name, bytes, &options).2;
        assert!(outcome.file_rejected.unwrap().contains("more than 1048576 bytes"));
        assert!(outcome.raw_bytes < 2 << 20, "{name} {}", outcome.raw_bytes);
    }
}

#[test]
fn parquet_columns_must_fit() {
    let (batch, _, _) = read("a.parquet", &parquet("id"), &small());
    assert_eq!(ids(&batch), [1, 2, 3]);
    let reason = read("a.parquet", &parquet("nope"), &small()).2.file_rejected.unwrap();
    assert!(reason.contains("'nope' is no column"), "{reason}");
    let reason = read("a.parquet", &parquet("b"), &small()).2.file_rejected.unwrap();
    assert!(reason.contains("'b' is Int64, expected Boolean"), "{reason}");
}

/// A disk that fails half-way.
struct Failing;

impl Source for Failing {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        struct Broken(u8);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => {
                        buffer[..2].copy_from_slice(b"{\"");
                        Ok(2)
                    }
                    2 => Err(io::ErrorKind::Interrupted.into()),
                    3 => {
                        buffer[..1].copy_from_slice(b"i");
                        Ok(1)
                    }
                    _ => Err(io::Error::other("the disk is on fire")),
                }
            }
        }
        Ok(Box::new(Broken(0)))
    }

    fn len(&self) -> u64 {
        100
    }
}

#[test]
fn a_failing_disk_or_sink_is_no_fault_of_the_file() {
    let error = read_file("a.json", &Failing, &small(), &mut |_| Ok(()), &mut |_| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Read { file, source }
        if file == "a.json" && source.to_string().contains("on fire")),
        "{error}"
    );
    let bytes = b"{\"id\":1}".to_vec();
    let mut full = |_| Err(Error::Sink("disk full".into()));
    let error = read_file("a.json", &bytes, &small(), &mut full, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Sink(_)), "{error}");
    let mut options = small();
    options.scratch = "does/not/exist".into();
    let zip = zip_of(&[("a.json", b"{}")]);
    let error = read_file("a.zip", &zip, &options, &mut |_| Ok(()), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Scratch { .. }), "{error}");
}
