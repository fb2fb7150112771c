use proptest::prelude::*;

use super::*;

fn day(customer: &str, dataset: &str, date: &str) -> Day {
    Day { customer: customer.to_owned(), dataset: dataset.to_owned(), date: date.parse().unwrap() }
}

#[test]
fn ingestion_keys() {
    let day = day("customer01", "ga_sessions", "2017-07-30");
    let folder = "customer01/ga_sessions/2017-07-30";
    for (file, marker) in [
        ("end_file.txt", true),
        ("END_FILE.TXT", false),
        ("End_file.txt", false),
        ("my_end_file.txt", false),
        ("end_file.txt.bak", false),
        ("end_file.txt ", false),
        ("end_file", false),
        ("ga_sessions_20170730.json.gz", false),
        ("with space.csv", false),
    ] {
        let key = IngestionKey::parse(&format!("{folder}/{file}")).unwrap();
        assert_eq!((&key.day, key.file.as_str(), key.is_marker()), (&day, file, marker));
    }
    assert_eq!(marker_key(&day), format!("{folder}/end_file.txt"));
    for (key, words) in [
        ("end_file.txt", "lies above"),
        ("customer01/end_file.txt", "lies above"),
        ("customer01/ga_sessions/end_file.txt", "lies above"),
        ("customer01/ga_sessions/2017-07-30/sub/end_file.txt", "lies below"),
        ("Customer01/ga_sessions/2017-07-30/a", "no customer id"),
        ("1customer/ga_sessions/2017-07-30/a", "no customer id"),
        ("c/ga_sessions/2017-07-30/a", "no customer id"),
        ("cu_stomer/ga_sessions/2017-07-30/a", "no customer id"),
        ("customer01/ga-sessions/2017-07-30/a", "no dataset name"),
        ("customer01/g/2017-07-30/a", "no dataset name"),
        ("customer01/ga_sessions/2017-7-30/a", "no date"),
        ("customer01/ga_sessions/2017-02-29/a", "no date"),
        ("customer01/ga_sessions/20170730/a", "no date"),
        ("customer01/ga_sessions/+017-07-30/a", "no date"),
        ("customer01/ga_sessions/2017-07-30/", "before and after each slash"),
        ("customer01/ga_sessions/2017-07-30/..", "cannot go through"),
        ("/customer01/ga_sessions/2017-07-30", "before and after each slash"),
    ] {
        let error = IngestionKey::parse(key).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(words), "{key}: {error}");
    }
}

#[test]
fn source_keys() {
    let date = "2017-06-01".parse().unwrap();
    let folder = "source-data/ga_sessions/2017-06-01";
    assert_eq!(SourceKey::parse(&format!("{folder}/ga_sessions_20170601.json.gz")).unwrap(), SourceKey::Data(date));
    assert_eq!(SourceKey::parse(&format!("{folder}/manifest.json")).unwrap(), SourceKey::Manifest(date));
    for key in [
        "source-data/ga_sessions/2017-06-01/ga_sessions_20170602.json.gz",
        "source-data/ga_sessions/2017-06-01/ga_sessions_20170601.json",
        "source-data/ga_sessions/2017-06-01/x/manifest.json",
        "source-data/ga_sessions/manifest.json",
        "source-data/ga_sessionsx/2017-06-01/manifest.json",
        "source-data/ga_sessions/2017-6-1/manifest.json",
        "customer01/ga_sessions/2017-06-01/manifest.json",
    ] {
        assert_eq!(SourceKey::parse(key).unwrap_err().kind, ErrorKind::Invalid, "{key}");
    }
}

#[test]
fn lake_keys() {
    let key = LakeKey::parse("zone/bronze/ga_sessions/date=2017-06-01/part.parquet").unwrap();
    assert_eq!(
        key,
        LakeKey {
            zone: Zone::Bronze,
            table: "ga_sessions".to_owned(),
            rest: "date=2017-06-01/part.parquet".to_owned()
        }
    );
    for key in [
        "zone/bronze/ga_sessions",
        "zone/lead/ga_sessions/a",
        "zones/bronze/ga_sessions/a",
        "zone/bronze/_x/a",
        "zone/bronze//a",
    ] {
        assert_eq!(LakeKey::parse(key).unwrap_err().kind, ErrorKind::Invalid, "{key}");
    }
}

#[test]
fn names_and_keys_have_limits() {
    let long = |n| "a".repeat(n);
    assert!(check_customer(&long(31)).is_ok() && check_customer(&long(32)).is_err() && check_customer("a").is_err());
    assert!(check_dataset(&long(63)).is_ok() && check_dataset(&long(64)).is_err());
    assert!(check_bucket(&long(63)).is_ok() && check_bucket(&long(64)).is_err() && check_bucket("ab").is_err());
    for bucket in ["-ab", "ab-", "a.b", "Abc", "a/b", "..."] {
        assert!(check_bucket(bucket).is_err(), "{bucket}");
    }
    assert!(check_key(&long(1024)).is_ok() && check_key(&long(1025)).is_err());
    for key in ["", "a//b", "/a", "a/", "a/./b", "../a", "a\\b", "a\u{0}b", "a\u{85}b"] {
        assert_eq!(check_key(key).unwrap_err().kind, ErrorKind::Invalid, "{key:?}");
    }
}

#[test]
fn sanitised_names() {
    let long = "x".repeat(300);
    let cases = [
        ("day.json.gz", "day.json.gz"),
        ("C:\\Users\\me\\day.csv", "day.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\day.csv", "day.csv"),
        ("a\u{2215}b\u{FF0F}c\u{29F5}day.csv", "day.csv"),
        ("..hidden.csv", "hidden.csv"),
        ("da\u{0}y\n.csv", "day.csv"),
        ("gpj\u{202E}.csv", "gpj.csv"),
        ("Größe März.csv", "Gr__e_M_rz.csv"),
        ("日本1.parquet", "__1.parquet"),
        ("a#1", "a_1"),
        ("a?b*c|d<e>f\"g:h.csv", "a_b_c_d_e_f_g_h.csv"),
        ("END_FILE.TXT", "END_FILE.TXT"),
        ("end_file.txt.bak", "end_file.txt.bak"),
        ("day.", "day"),
        (&format!("{long}.json.gz"), &format!("{}.json.gz", &long[..142])),
        (&format!("{long}.csv"), &format!("{}.csv", &long[..146])),
        (&format!("a.{long}"), &format!("a.{}", &long[..148])),
    ];
    for (name, expected) in cases {
        assert_eq!(sanitise_file_name(name).unwrap(), expected, "{name:?}");
    }
    for (name, words) in [
        ("", "no letter or digit"),
        ("...", "no letter or digit"),
        ("dir/", "no letter or digit"),
        ("\u{200B}\u{7}", "no letter or digit"),
        ("日本", "no letter or digit"),
        ("end_file.txt", "is the marker"),
        ("C:\\x\\end_file.txt", "is the marker"),
        ("..end_file.txt", "is the marker"),
        ("end_\u{200B}file.txt.", "is the marker"),
    ] {
        let error = sanitise_file_name(name).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(words), "{name:?}: {error}");
    }
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    (1_i32..=3_650_000).prop_map(|n| NaiveDate::from_num_days_from_ce_opt(n).unwrap())
}

fn segments() -> impl Strategy<Value = String> {
    "[^/\\\\\\p{Cc}]{1,40}".prop_filter("not a dot folder", |s| s != "." && s != "..")
}

proptest! {
    #[test]
    fn ingestion_keys_print_and_parse(customer in "[a-z][a-z0-9-]{1,30}", dataset in "[a-z][a-z0-9_]{1,62}", date in dates(), file in segments()) {
        let key = IngestionKey { day: Day { customer, dataset, date }, file };
        prop_assert_eq!(IngestionKey::parse(&key.to_string()).unwrap(), key);
    }

    #[test]
    fn source_keys_print_and_parse(date in dates()) {
        for key in [SourceKey::Data(date), SourceKey::Manifest(date)] {
            prop_assert_eq!(SourceKey::parse(&key.to_string()).unwrap(), key);
        }
    }

    #[test]
    fn lake_keys_print_and_parse(zone in proptest::sample::select(&Zone::ALL[..]), table in "[a-z][a-z0-9_]{1,62}", rest in proptest::collection::vec(segments(), 1..4)) {
        let key = LakeKey { zone, table, rest: rest.join("/") };
        prop_assert_eq!(LakeKey::parse(&key.to_string()).unwrap(), key);
    }

    #[test]
    fn what_parses_prints_as_it_was(key in "[a-z0-9]{1,4}/[a-z_]{1,4}/[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}/[ -~]{1,6}") {
        if let Ok(parsed) = IngestionKey::parse(&key) {
            prop_assert_eq!(parsed.to_string(), key);
        }
    }

    #[test]
    fn sanitising_is_idempotent_and_safe(name in any::<String>(), tail in "[a-zA-Z0-9. /\\\\#_-]{0,200}") {
        for name in [name.clone(), tail.clone(), format!("{name}{tail}")] {
            let Ok(clean) = sanitise_file_name(&name) else { continue };
            prop_assert!(check_segment(&clean).is_ok());
            prop_assert!(clean.len() <= MAX_FILE_NAME && clean.is_ascii() && !clean.starts_with('.') && clean != MARKER);
            let key = IngestionKey { day: day("customer01", "ga_sessions", "2017-07-30"), file: clean.clone() };
            prop_assert!(IngestionKey::parse(&key.to_string()).is_ok_and(|key| !key.is_marker()));
            prop_assert_eq!(sanitise_file_name(&clean).unwrap(), clean);
        }
    }
}
