//! Files as they come: delimiters, quotes, encodings, and broken ones.

use std::io::Write;

use showrunner_pii::{Settings, Table, read_csv, scan};

fn read(bytes: &[u8]) -> Result<Table, String> {
    let mut file = tempfile::NamedTempFile::new().expect("a file for the test");
    file.write_all(bytes).expect("written");
    file.flush().expect("written");
    read_csv(file.path()).map_err(|error| error.to_string())
}

fn names(table: &Table) -> Vec<&str> {
    table.columns.iter().map(|column| column.name.as_str()).collect()
}

#[test]
fn files_are_read_as_they_come() {
    for (what, bytes) in [
        ("comma", b"name,city\nJosef,Bern\n".as_slice()),
        ("semicolon", b"name;city\r\nJosef;Bern\r\n"),
        ("tab", b"name\tcity\nJosef\tBern\n"),
        ("bar", b"name|city\nJosef|Bern"),
        ("byte order mark", b"\xef\xbb\xbfname,city\nJosef,Bern\n"),
        ("said by a spreadsheet", b"sep=;\nname;city\nJosef;Bern\n"),
        ("quotes", b"\"name\",\"city\"\n\"Josef\",\"Bern\"\n"),
        ("UTF-16", b"\xff\xfen\0a\0m\0e\0,\0c\0i\0t\0y\0\n\0J\0o\0s\0e\0f\0,\0B\0e\0r\0n\0\n\0"),
    ] {
        let table = read(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(names(&table), ["name", "city"], "{what}");
        let values: Vec<_> = table.columns.iter().map(|column| column.values[0].as_deref()).collect();
        assert_eq!(values, [Some("Josef"), Some("Bern")], "{what}");
    }
    let latin = read(b"name,city\nJos\xe9,M\xfcnchen \x80\n").expect("Windows-1252");
    assert_eq!(latin.columns[0].values[0].as_deref(), Some("José"));
    assert_eq!(latin.columns[1].values[0].as_deref(), Some("München €"));
}

#[test]
fn broken_files_are_refused_with_a_sentence() {
    for (bytes, expected) in [
        (b"".as_slice(), "is empty"),
        (b"  \n\n", "is empty"),
        (b"a,b\n", "no rows"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "binary"),
    ] {
        let error = read(bytes).expect_err(expected);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn long_files_are_sampled_evenly_and_alike() {
    let mut text = String::from("n,email\n");
    for n in 0..47_000 {
        text.push_str(&format!("{n},user{n}@example.com\n"));
    }
    let (one, two) = (read(text.as_bytes()).expect("read"), read(text.as_bytes()).expect("read"));
    let rows = &one.columns[0].values;
    assert_eq!(rows, &two.columns[0].values);
    assert!((9_000..=10_000).contains(&rows.len()), "{}", rows.len());
    let last: usize = rows.last().cloned().flatten().and_then(|n| n.parse().ok()).expect("a number");
    assert!(last > 46_000, "{last}");
    assert!(scan(&one, Settings::default()).columns[1].finding.is_some());
}
