//! The first definition of a dataset, from a sample.

use std::collections::HashSet;

use showrunner_ingest::{FieldType, Format, InferredColumn, infer};

use super::{Column, Definition, is_taken};
use crate::{Error, ErrorKind, Result};

/// A column groups rows if there are up to so many values.
const GROUPS: u64 = 100;
/// Words in the name of a number that is no amount.
const NO_AMOUNT: [&str; 22] = [
    "id",
    "ids",
    "lat",
    "latitude",
    "lon",
    "lng",
    "longitude",
    "year",
    "month",
    "day",
    "code",
    "number",
    "no",
    "zip",
    "postcode",
    "terminal",
    "phone",
    "priority",
    "version",
    "epoch",
    "time",
    "date",
];

/// Words in the name of a column that says when something happened, not when it was over.
const BEGINS: [&str; 6] = ["start", "started", "begin", "created", "event", "occurred"];

/// What a sample says.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// To be looked at and changed.
    pub definition: Definition,
    /// Rows that were looked at.
    pub rows: u64,
    /// Values of each scalar column, for whoever looks for personal data.
    pub sampled: Vec<Sampled>,
}

/// Some values of a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// In the definition.
    pub column: String,
    /// Values that are there.
    pub filled: u64,
    /// Some, each once.
    pub values: Vec<String>,
}

/// Reads a sample file.
///
/// # Errors
/// [`ErrorKind::Invalid`] with what is wrong with it.
pub fn draft(name: &str, title: &str, file: &str, bytes: &[u8]) -> Result<Draft> {
    let inferred = infer(file, bytes)
        .map_err(|kind| Error::new(ErrorKind::Invalid, format!("The sample {file} is of no use: {kind}.")))?;
    let mut names = HashSet::new();
    let named: Vec<(String, &InferredColumn)> =
        inferred.columns.iter().map(|column| (column_name(&column.field.name, &mut names), column)).collect();
    let key = key(&named, inferred.rows);
    let columns: Vec<Column> = named
        .iter()
        .map(|(name, found)| {
            let column = Column {
                name: name.clone(),
                field: found.field.clone(),
                expected: None,
                measure: false,
                note: note(found, inferred.rows),
            };
            Column { measure: column.measures() && !key.contains(name) && is_amount(name), ..column }
        })
        .collect();
    let of_one_day = || named.iter().zip(&columns).filter(|((_, found), column)| column.days() && found.one_day);
    let begins = |name: &str| words(name).iter().any(|word| BEGINS.contains(&word.as_str()));
    let day = of_one_day().find(|((name, _), _)| begins(name)).or_else(|| of_one_day().next());
    let definition = Definition {
        name: name.trim().to_owned(),
        title: title.trim().to_owned(),
        format: format_name(inferred.format).to_owned(),
        day: day.map(|((name, _), _)| name.clone()),
        cluster: cluster(&named, &columns, &key, inferred.rows),
        columns,
        key,
    };
    definition.check()?;
    let sampled = named.iter().map(|(name, found)| Sampled {
        column: name.clone(),
        filled: found.filled,
        values: found.values.clone(),
    });
    Ok(Draft { sampled: sampled.collect(), rows: inferred.rows, definition })
}

fn format_name(format: Format) -> &'static str {
    match format {
        Format::NdJson => "NDJSON",
        Format::JsonArray => "JSON array",
        Format::Csv => "CSV",
        Format::Parquet => "Parquet",
    }
}

/// A name that tables can have: `Start Date` becomes `Start_Date`, a second one `Start_Date_2`.
fn column_name(header: &str, names: &mut HashSet<String>) -> String {
    let mut name = String::new();
    for c in header.trim().chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    let mut name = name.trim_end_matches('_').chars().take(80).collect::<String>();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name = format!("c_{name}");
    }
    let free = |name: &str, names: &HashSet<String>| !is_taken(name) && !names.contains(&name.to_ascii_lowercase());
    let mut found = name.clone();
    let mut n = 1;
    while !free(&found, names) {
        n += 1;
        found = format!("{name}_{n}");
    }
    names.insert(found.to_ascii_lowercase());
    found
}

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_ascii_uppercase() {
            words.push(String::new());
        }
        if c != '_'
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_amount(name: &str) -> bool {
    !words(name).iter().any(|word| NO_AMOUNT.contains(&word.as_str()))
}

/// One column that is there in each row, and practically never twice.
fn key(named: &[(String, &InferredColumn)], rows: u64) -> Vec<String> {
    let unique = |found: &InferredColumn| {
        matches!(found.field.field_type, FieldType::Integer | FieldType::String)
            && found.field.mode != showrunner_ingest::Mode::Repeated
            && found.filled * 100 >= rows * 99
            && found.distinct * 100 >= found.filled * 90
    };
    let is_id = |name: &str| words(name).last().is_some_and(|word| matches!(word.as_str(), "id" | "key" | "uuid"));
    let found = named.iter().find(|(name, found)| is_id(name) && unique(found));
    found.map(|(name, _)| name.clone()).into_iter().collect()
}

/// Up to two columns that tell few groups apart.
fn cluster(named: &[(String, &InferredColumn)], columns: &[Column], key: &[String], rows: u64) -> Vec<String> {
    let groups = |found: &InferredColumn| (2..=GROUPS).contains(&found.distinct) && found.distinct * 10 <= rows;
    let fits = |(found, column): &(&InferredColumn, &Column)| {
        column.keys() && !column.days() && !column.measure && !key.contains(&column.name) && groups(found)
    };
    let mut fitting: Vec<_> = named.iter().map(|(_, found)| *found).zip(columns).filter(fits).collect();
    // Names of groups say more than their numbers.
    if fitting.iter().any(|(_, column)| column.field.field_type == FieldType::String) {
        fitting.retain(|(_, column)| column.field.field_type == FieldType::String);
    }
    fitting.into_iter().take(2).map(|(_, column)| column.name.clone()).collect()
}

fn note(found: &InferredColumn, rows: u64) -> String {
    let mut notes = Vec::new();
    if found.filled == 0 {
        notes.push("no value in the sample".to_owned());
    } else if found.filled < rows {
        notes.push(format!("{} of {rows} filled", found.filled));
    }
    if found.distinct > 0 {
        notes.push(format!("{} different", found.distinct));
    }
    if found.misfits > 0 {
        notes.push(format!("{} do not fit and would be held back", found.misfits));
    }
    notes.join(", ")
}
