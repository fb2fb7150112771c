//! Whole days: shape, encoding, statistics, the finding and the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::Datelike;
use serde_json::Value;

use super::*;
use crate::calendar::ymd;

fn options(sessions_per_day: u32) -> Options {
    Options { seed: 42, sessions_per_day, ..Options::default() }
}

fn rows(options: &Options, date: NaiveDate) -> Vec<Value> {
    day_lines(options, date).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn number(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn hits(row: &Value) -> &Vec<Value> {
    row["hits"].as_array().unwrap()
}

fn has_action(row: &Value, kind: &str) -> bool {
    let mut hits = hits(row).iter();
    hits.any(|hit| hit["eCommerceAction"]["action_type"] == kind)
}

fn in_segment(row: &Value) -> bool {
    row["geoNetwork"]["country"] == finding::COUNTRY && row["device"]["deviceCategory"] == finding::CATEGORY
}

fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[test]
fn same_options_give_the_same_bytes() {
    let date = ymd(2017, 7, 14);
    let day = |options: &Options| {
        let mut out = Vec::new();
        let manifest = write_day(options, date, &mut out).unwrap();
        (manifest, out)
    };
    let (manifest, bytes) = day(&options(60));
    let again = day(&options(60));
    assert_eq!((&manifest, &bytes), (&again.0, &again.1));
    let other = Options { seed: 43, ..options(60) };
    assert_ne!(bytes, day(&other).1);

    // The bytes of a small day: a change here means that every generated data set changes.
    let mut crc = Crc::new();
    for line in day_lines(&options(60), date) {
        crc.update(line.as_bytes());
        crc.update(b"\n");
    }
    assert_eq!(crc.sum(), GOLDEN, "the generated rows have changed");
}

const GOLDEN: u32 = 1481266543;

#[test]
fn manifest_describes_the_file() {
    let date = ymd(2017, 6, 20);
    let mut out = Vec::new();
    let manifest = write_day(&options(200), date, &mut out).unwrap();
    let mut raw = String::new();
    io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&out[..]), &mut raw).unwrap();
    let lines: Vec<_> = raw.lines().map(str::to_owned).collect();
    assert_eq!(lines, day_lines(&options(200), date));
    let mut crc = Crc::new();
    crc.update(&out);
    let sold: Vec<u64> = rows(&options(200), date)
        .iter()
        .filter(|row| row["totals"].get("transactions").is_some())
        .map(|row| number(&row["totals"]["totalTransactionRevenue"]))
        .collect();
    let expected = DayManifest {
        date,
        file: "ga_sessions_20170620.json.gz".to_owned(),
        rows: lines.len() as u64,
        bytes: out.len() as u64,
        raw_bytes: raw.len() as u64,
        crc32: crc.sum(),
        transactions: sold.len() as u64,
        revenue_micros: sold.iter().sum(),
    };
    assert_eq!(manifest, expected);
    assert!(manifest.transactions > 0);
}

/// Key paths with their type; a repeated record's path has no brackets, as in the schema.
type Fields = BTreeMap<String, (String, bool)>;

fn schema(name: &str) -> Option<Fields> {
    fn collect(fields: &Value, prefix: &str, into: &mut Fields) {
        for field in fields.as_array().unwrap() {
            let path = format!("{prefix}.{}", field["name"].as_str().unwrap());
            let repeated = field["mode"] == "REPEATED";
            let kind = field["type"].as_str().unwrap().to_owned();
            if kind == "RECORD" {
                collect(&field["fields"], &path, into);
            }
            into.insert(path, (kind, repeated));
        }
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data/schemas").join(name);
    let Ok(text) = fs::read_to_string(path) else {
        println!("left out: ../shared is missing");
        return None;
    };
    let mut fields = Fields::new();
    collect(&serde_json::from_str(&text).unwrap(), "", &mut fields);
    Some(fields)
}

fn check(value: &Value, path: &str, schema: &Fields) {
    for (key, member) in value.as_object().unwrap() {
        let path = format!("{path}.{key}");
        let (kind, repeated) = schema.get(&path).unwrap_or_else(|| panic!("{path} is not in the schema"));
        let items = match member {
            Value::Array(items) if *repeated => items.iter().collect(),
            single => {
                assert!(!repeated, "{path} is repeated");
                vec![single]
            }
        };
        for item in items {
            match kind.as_str() {
                "RECORD" => check(item, &path, schema),
                "STRING" => assert!(item.is_string(), "{path}: {item}"),
                "INTEGER" => assert!(number(item).to_string() == item.as_str().unwrap(), "{path}"),
                "BOOLEAN" => assert!(item.is_boolean(), "{path}: {item}"),
                other => panic!("{path} has type {other}"),
            }
        }
    }
}

#[test]
fn rows_fit_the_schema_of_their_time() {
    let cases = [(ymd(2017, 6, 30), "ga_sessions_until_2017-06-30.json"), (ymd(2017, 7, 20), "ga_sessions.json")];
    for (date, name) in cases {
        let Some(schema) = schema(name) else { return };
        for row in rows(&options(400), date) {
            check(&row, "", &schema);
        }
    }
}

#[test]
fn schema_changes_on_the_first_of_july() {
    for (date, expected) in [(ymd(2017, 6, 30), false), (ymd(2017, 7, 1), true)] {
        let lines = day_lines(&options(1_200), date).join("\n");
        for key in ["\"clientId\"", "\"productCouponCode\""] {
            assert_eq!(lines.contains(key), expected, "{key} on {date}");
        }
        // Nothing is null, empty arrays are kept.
        assert!(!lines.contains("null"));
        assert!(lines.contains("\"experiment\":[]"));
    }
}

#[test]
fn sessions_are_consistent() {
    let date = ymd(2017, 7, 5);
    let mut keys = BTreeSet::new();
    let mut last = 0;
    let day = calendar::midnight(date) as u64;
    for row in rows(&options(1_500), date) {
        let id = row["fullVisitorId"].as_str().unwrap().to_owned();
        assert!(keys.insert((id, number(&row["visitId"]))), "a duplicate");
        let start = number(&row["visitStartTime"]);
        assert!((day..day + 86_400).contains(&start));
        assert!(number(&row["visitId"]) <= start);
        // Only the rest of a session cut at midnight begins earlier than its place says.
        assert!(start >= last || start == day);
        last = last.max(start);
        assert_eq!(row["date"], "20170705");
        let hits = hits(&row);
        assert_eq!(number(&row["totals"]["hits"]), hits.len() as u64);
        assert_eq!(row["totals"].get("bounces").is_some(), hits.len() == 1);
        assert_eq!(row["totals"].get("newVisits").is_some(), row["visitNumber"] == "1");
        assert_eq!(hits[0]["isEntrance"], true);
        assert_eq!(hits.iter().filter(|hit| hit["isExit"] == true).count(), 1);
        for (index, hit) in hits.iter().enumerate() {
            assert_eq!(number(&hit["hitNumber"]), index as u64 + 1);
            let second = start - day + number(&hit["time"]) / 1_000;
            assert!(second < 86_400, "a hit after midnight");
            assert_eq!(number(&hit["hour"]), second / 3_600);
            assert_eq!(number(&hit["minute"]), second / 60 % 60);
        }
        if has_action(&row, "6") {
            let total = number(&row["totals"]["totalTransactionRevenue"]);
            let sale = hits.iter().find(|hit| hit["eCommerceAction"]["action_type"] == "6");
            let sale = sale.unwrap();
            let products = sale["product"].as_array().unwrap().iter();
            let lines: u64 = products.map(|p| number(&p["productRevenue"])).sum();
            assert_eq!(lines, total);
            assert_eq!(number(&sale["transaction"]["transactionRevenue"]), total);
        }
    }
}

#[test]
fn statistics_are_those_of_the_public_dataset() {
    let options = options(600);
    let (mut all, mut bounces, mut bought, mut us, mut hidden) = (0, 0, 0, 0, 0);
    let (mut hit_count, mut views, mut bytes) = (0, 0, 0);
    let mut channels: BTreeMap<String, usize> = BTreeMap::new();
    let mut devices: BTreeMap<String, usize> = BTreeMap::new();
    let (mut weekday, mut weekend) = (0, 0);
    for date in ymd(2017, 6, 5).iter_days().take(14) {
        for line in day_lines(&options, date) {
            let row: Value = serde_json::from_str(&line).unwrap();
            all += 1;
            match date.weekday().num_days_from_monday() {
                5.. => weekend += 1,
                _ => weekday += 1,
            }
            bytes += line.len();
            hit_count += hits(&row).len();
            views += number(&row["totals"]["pageviews"]) as usize;
            bounces += usize::from(hits(&row).len() == 1);
            bought += usize::from(row["totals"].get("transactions").is_some());
            us += usize::from(row["geoNetwork"]["country"] == "United States");
            hidden += usize::from(row["geoNetwork"]["city"] == geo::HIDDEN);
            assert_eq!(row["geoNetwork"]["latitude"], geo::HIDDEN);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            *channels.entry(text(&row["channelGrouping"])).or_default() += 1;
            *devices.entry(text(&row["device"]["deviceCategory"])).or_default() += 1;
        }
    }
    let close = |what: &str, actual: f64, expected: f64, tolerance: f64| {
        assert!((actual - expected).abs() < tolerance, "{what}: {actual} for {expected}");
    };
    close("sessions a weekday", ratio(weekday, 10), 600.0, 30.0);
    close("weekend", ratio(weekend * 10, weekday * 4), 0.74, 0.05);
    close("bounces", ratio(bounces, all), 0.50, 0.03);
    close("hits", ratio(hit_count, all), 4.5, 0.4);
    close("page views", ratio(views, all), 3.35, 0.3);
    close("bought", ratio(bought, all), 0.013, 0.004);
    close("United States", ratio(us, all), 0.40, 0.03);
    close("hidden cities", ratio(hidden, all), 0.60, 0.05);
    close("bytes a row", ratio(bytes, all), 16_500.0, 2_000.0);
    for (name, share) in [("Organic Search", 0.505), ("Direct", 0.18), ("Social", 0.144)] {
        close(name, ratio(channels[name], all), share, 0.03);
    }
    for (name, share) in [("desktop", 0.59), ("mobile", 0.36), ("tablet", 0.05)] {
        close(name, ratio(devices[name], all), share, 0.03);
    }
}

#[test]
fn finding_is_there_and_the_total_hides_it() {
    let options = options(800);
    // Checkouts and completions of the segment and of all, before and after.
    let mut counts = [[[0usize; 2]; 2]; 2];
    for date in ymd(2017, 7, 1).iter_days().take(27) {
        let after = usize::from(date >= finding::FROM);
        // Parsing is the slow part: only lines with a checkout.
        let lines = day_lines(&options, date).into_iter();
        for line in lines.filter(|line| line.contains("\"action_type\":\"5\"")) {
            let row: Value = serde_json::from_str(&line).unwrap();
            let completed = usize::from(has_action(&row, "6"));
            for scope in [Some(0), in_segment(&row).then_some(1)].into_iter().flatten() {
                counts[scope][after][0] += 1;
                counts[scope][after][1] += completed;
            }
        }
    }
    let share = |scope: usize, after: usize| {
        let [started, completed] = counts[scope][after];
        ratio(completed, started)
    };
    assert!(counts[1][0][0] > 40, "{counts:?}");
    assert!((share(1, 0) - finding::COMPLETION_BEFORE).abs() < 0.05, "{counts:?}");
    assert!((share(1, 1) - finding::COMPLETION_AFTER).abs() < 0.05, "{counts:?}");
    assert!((share(0, 0) - share(0, 1)).abs() < 0.04, "{counts:?}");
}

#[test]
fn file_is_put_in_place_whole() {
    let dir = tempfile::tempdir().unwrap();
    let date = ymd(2017, 6, 1);
    let manifest = write_day_file(&options(20), date, dir.path()).unwrap();
    let names: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, std::slice::from_ref(&manifest.file));
    let bytes = fs::metadata(dir.path().join(&manifest.file)).unwrap().len();
    assert_eq!(bytes, manifest.bytes);
}

#[test]
fn interrupted_write_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let date = ymd(2017, 6, 1);
    let result = write_atomically(dir.path(), &file_name(date), |out| {
        out.write_all(b"half a file").unwrap();
        out.flush().unwrap();
        // What a crash would leave at this moment has another, hidden name.
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1);
        assert!(!dir.path().join(file_name(date)).exists());
        Err::<(), _>(Error::Level(99))
    });
    assert!(matches!(result, Err(Error::Level(99))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn failures_are_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let date = ymd(2017, 6, 1);
    let full = write_day(&options(20), date, Full);
    assert!(matches!(full, Err(Error::Write { .. })));
    let level = Options { level: 10, ..options(20) };
    assert!(matches!(write_day(&level, date, io::sink()), Err(Error::Level(10))));
    let nowhere = tempfile::tempdir().unwrap().path().join("missing");
    let error = write_day_file(&options(20), date, &nowhere).unwrap_err();
    assert!(error.to_string().contains("Check that the folder exists"));
}
