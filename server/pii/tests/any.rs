//! Whatever the text: no panic, and no value shown.

use proptest::prelude::*;
use showrunner_pii::{Column, InfoType, Settings, Table, mask, scan};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[0-9+(). -]{0,24}",
        "[A-Za-z.]{1,12}@[a-z]{1,8}\\.[a-z]{1,4}",
        "[A-Z]{1,2}[0-9]{1,2} ?[0-9][A-Z]{2}",
        "[A-Z][a-z]{1,9},? (Mr\\. )?[A-Z][a-zé]{1,9}",
        "[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}( [0-9:]{1,8})?",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z_ ]{0,20}",
        Just("e-mail".to_owned()),
        Just("DateOfBirth".to_owned()),
        Just("name".to_owned()),
        Just("c01".to_owned()),
    ]
}

proptest! {
    #[test]
    fn any_table_is_judged(
        table in "\\PC{0,20}",
        columns in prop::collection::vec((name(), prop::collection::vec(prop::option::of(text()), 0..12)), 0..6),
    ) {
        let columns: Vec<Column> =
            columns.into_iter().map(|(name, values)| Column { name, declared: None, values }).collect();
        let report = scan(&Table { name: table, columns: columns.clone() }, Settings { demographics: true });
        prop_assert_eq!(report.columns.len(), columns.len());
        for (column, assessed) in columns.iter().zip(&report.columns) {
            prop_assert_eq!(&column.name, &assessed.column);
            let Some(finding) = &assessed.finding else { continue };
            prop_assert!((0.0..=1.0).contains(&finding.hit_rate));
            prop_assert!(!finding.evidence_for.is_empty() && finding.samples.len() <= 3);
            prop_assert!(InfoType::ALL.contains(&finding.info_type));
            for value in column.values.iter().flatten().filter(|value| value.chars().any(char::is_alphanumeric)) {
                prop_assert!(!finding.samples.iter().any(|sample| sample.contains(value.trim())), "{value} is shown");
            }
        }
    }

    #[test]
    fn a_mask_shows_at_most_a_quarter(value in text()) {
        let masked = mask(&value);
        let count = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
        prop_assert!(count(&masked) * 4 <= count(&value), "{value} becomes {masked}");
        prop_assert!(value.trim().is_empty() || masked.trim() != value.trim() || value.trim().chars().all(|c| c == '*'));
    }
}
