use std::path::Path;

use showrunner_ingest::{FieldSchema, FieldType as T};

use super::*;

const HIRES: &str = "Rental Id,duration_ms,bike_model,start_date,start_station_id,date,customer\n\
    1,60000,CLASSIC,2017-07-29T10:00:00Z,5,x,y\n2,120000,PBSC,2017-07-29T11:00:00Z,5,x,y\n";

fn hires() -> Definition {
    let many: String = (3..400).map(|n| format!("{n},60000,CLASSIC,2017-07-29T12:00:00Z,{},x,y\n", n % 9)).collect();
    draft("hires", "Hires", "hires.csv", format!("{HIRES}{many}").as_bytes()).unwrap().definition
}

#[test]
fn a_draft_proposes_what_a_person_would() {
    let draft = hires();
    let columns: Vec<_> = draft.columns.iter().map(|c| (c.name.as_str(), c.field.field_type, c.measure)).collect();
    let expected = [
        ("Rental_Id", T::Integer, false),
        ("duration_ms", T::Integer, true),
        ("bike_model", T::String, false),
        ("start_date", T::Timestamp, false),
        ("start_station_id", T::Integer, false),
        // The lake's own columns have these names.
        ("date_2", T::String, false),
        ("customer_2", T::String, false),
    ];
    assert_eq!(columns, expected);
    assert_eq!((draft.key.as_slice(), draft.day.as_deref()), (&["Rental_Id".to_owned()][..], Some("start_date")));
    assert_eq!(draft.cluster, ["bike_model"]);
    assert_eq!(draft.columns[0].field.name, "Rental Id");
}

#[test]
fn what_does_not_fit_together_is_said() {
    type Change = fn(&mut Definition);
    let cases: [(Change, &str); 13] = [
        (|d| d.name = "Hires".into(), "no dataset name"),
        (|d| d.name = "hires_daily".into(), "does not end in _daily"),
        (|d| d.title = " ".into(), "A title takes"),
        (|d| d.columns.clear(), "1 to 500 columns"),
        (|d| d.columns[0].name = "rental id".into(), "no name of a column"),
        (|d| d.columns[0].name = "_id".into(), "no name of a column"),
        (|d| d.columns[0].name = "Customer".into(), "of the lake itself"),
        (|d| d.columns[1].name = "RENTAL_ID".into(), "there twice"),
        (|d| d.columns[2].measure = true, "no number"),
        (|d| d.day = Some("bike_model".into()), "neither DATE nor TIMESTAMP"),
        (|d| d.key = vec!["gone".into()], "There is no column gone"),
        (|d| d.columns[1].field.field_type = T::Record, "RECORD with fields"),
        (|d| d.cluster = vec!["bike_model".into(); 5], "up to 4"),
    ];
    hires().check().unwrap();
    for (change, expected) in cases {
        let mut definition = hires();
        change(&mut definition);
        let error = definition.check().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains(expected), "{expected}: {}", error.message);
    }
}

#[test]
fn only_what_tables_are_made_of_makes_them_anew() {
    let (one, mut other) = (hires(), hires());
    other.title = "Other".into();
    other.columns[2].expected = Some("PERSON_NAME".into());
    assert!(one.same_layout(&other));
    other.cluster.clear();
    assert!(!one.same_layout(&other));
}

/// Against the types that Google's public table has.
#[test]
fn the_stations_of_london_are_inferred_as_google_has_them() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let Ok(sample) = std::fs::read(data.join("real/london/cycle_stations.csv")) else {
        // Not by println!, which the test runner swallows when the test passes.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"left out: ../shared is missing\n");
        return;
    };
    let schema = std::fs::read_to_string(data.join("schemas/london_cycle_stations.json")).unwrap();
    let google: Vec<FieldSchema> = serde_json::from_str(&schema).unwrap();
    let draft = draft("cycle_stations", "Stations", "cycle_stations.csv", &sample).unwrap();
    assert_eq!((draft.rows, draft.definition.key), (794, vec!["id".to_owned()]));
    let mut differ = Vec::new();
    for column in &draft.definition.columns {
        let theirs = google.iter().find(|field| field.name == column.name).map(|field| field.field_type);
        if theirs != Some(column.field.field_type) {
            differ.push(column.name.as_str());
        }
    }
    // Google has 'true' and 'false' of these two as text, and the terminal's number, too.
    let known = ["locked", "temporary", "terminal_name", "removal_date"];
    assert!(differ.iter().all(|name| known.contains(name)), "{differ:?}");
}
