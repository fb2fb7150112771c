//! The path grammar: what the keys in the buckets mean, and which names are acceptable.
//!
//! | where | key |
//! |---|---|
//! | ingestion | `{customer}/{dataset}/{YYYY-MM-DD}/{file}`, marker `end_file.txt` |
//! | source | `source-data/ga_sessions/{YYYY-MM-DD}/ga_sessions_{YYYYMMDD}.json.gz`, `manifest.json` beside it |
//! | data lake | `zone/{zone}/{table}/…` |

mod upload;

use std::fmt;

use chrono::NaiveDate;

use crate::model::{Day, Zone};
use crate::{Error, ErrorKind, Result};

pub use upload::{MAX_FILE_NAME, sanitise_file_name};

/// The file that says "this day is complete". Exactly this name, directly in the day's folder.
pub const MARKER: &str = "end_file.txt";
/// The longest key in bytes, as in Cloud Storage.
pub const MAX_KEY: usize = 1024;

const SOURCE_FOLDER: &str = "source-data/ga_sessions";
const MANIFEST: &str = "manifest.json";

/// A key in the ingestion bucket that fits the grammar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestionKey {
    /// Whose data, of which day.
    pub day: Day,
    /// The file's name in the day's folder.
    pub file: String,
}

impl IngestionKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the part that does not fit.
    pub fn parse(key: &str) -> Result<Self> {
        check_key(key)?;
        let parts: Vec<&str> = key.split('/').collect();
        let &[customer, dataset, date, file] = parts.as_slice() else {
            let what = if parts.len() < 4 { "lies above" } else { "lies below" };
            return Err(invalid(format!("It {what} the day folders; files belong into customer/dataset/YYYY-MM-DD/.")));
        };
        check_customer(customer)?;
        check_dataset(dataset)?;
        let date = parse_date(date)?;
        Ok(IngestionKey {
            day: Day { customer: customer.to_owned(), dataset: dataset.to_owned(), date },
            file: file.to_owned(),
        })
    }

    /// True for the day's marker; `END_FILE.TXT` or `my_end_file.txt` are ordinary files.
    pub fn is_marker(&self) -> bool {
        self.file == MARKER
    }
}

impl fmt::Display for IngestionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", day_prefix(&self.day), self.file)
    }
}

/// The day's folder with its closing slash.
pub fn day_prefix(day: &Day) -> String {
    format!("{}/{}/{}/", day.customer, day.dataset, day.date.format("%Y-%m-%d"))
}

/// The key of the day's marker.
pub fn marker_key(day: &Day) -> String {
    format!("{}{MARKER}", day_prefix(day))
}

/// A key in the source bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKey {
    /// The sessions of one day.
    Data(NaiveDate),
    /// What the day's file holds.
    Manifest(NaiveDate),
}

impl SourceKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if it is not one of the source bucket's.
    pub fn parse(key: &str) -> Result<Self> {
        let refused = || {
            invalid(format!(
                "`{key}` is no source key; {SOURCE_FOLDER}/YYYY-MM-DD/ga_sessions_YYYYMMDD.json.gz was expected."
            ))
        };
        let rest = key.strip_prefix(SOURCE_FOLDER).and_then(|rest| rest.strip_prefix('/')).ok_or_else(refused)?;
        let (folder, file) = rest.split_once('/').ok_or_else(refused)?;
        let date = parse_date(folder)?;
        [SourceKey::Data(date), SourceKey::Manifest(date)]
            .into_iter()
            .find(|candidate| candidate.file() == file)
            .ok_or_else(refused)
    }

    /// The file's name alone.
    pub fn file(&self) -> String {
        match self {
            SourceKey::Data(date) => format!("ga_sessions_{}.json.gz", date.format("%Y%m%d")),
            SourceKey::Manifest(_) => MANIFEST.to_owned(),
        }
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (SourceKey::Data(date) | SourceKey::Manifest(date)) = self;
        write!(f, "{SOURCE_FOLDER}/{}/{}", date.format("%Y-%m-%d"), self.file())
    }
}

/// A key in the data lake's bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeKey {
    /// The zone.
    pub zone: Zone,
    /// The table without its zone.
    pub table: String,
    /// What follows the table's folder.
    pub rest: String,
}

impl LakeKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with the part that does not fit.
    pub fn parse(key: &str) -> Result<Self> {
        check_key(key)?;
        let mut parts = key.splitn(4, '/');
        let (Some("zone"), Some(zone), Some(table), Some(rest)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid("It lies outside the tables' folders zone/{zone}/{table}/.".to_owned()));
        };
        let zone = Zone::ALL
            .into_iter()
            .find(|candidate| candidate.name() == zone)
            .ok_or_else(|| invalid(format!("There is no zone `{zone}`.")))?;
        check_dataset(table)?;
        Ok(LakeKey { zone, table: table.to_owned(), rest: rest.to_owned() })
    }
}

impl fmt::Display for LakeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", table_prefix(self.zone, &self.table), self.rest)
    }
}

/// The table's folder in the data lake's bucket, with its closing slash.
pub fn table_prefix(zone: Zone, table: &str) -> String {
    format!("zone/{}/{table}/", zone.name())
}

/// `YYYY-MM-DD`, nothing shorter or longer.
///
/// # Errors
/// [`ErrorKind::Invalid`] if it is no such date.
pub fn parse_date(text: &str) -> Result<NaiveDate> {
    let digits = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    let date = digits.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
    date.ok_or_else(|| invalid(format!("`{text}` is no date; write it as YYYY-MM-DD, for instance 2017-07-01.")))
}

/// `[a-z][a-z0-9-]{1,30}`
///
/// # Errors
/// [`ErrorKind::Invalid`] with the rule.
pub fn check_customer(id: &str) -> Result<()> {
    if word(id, 2, 31, b'-') {
        return Ok(());
    }
    Err(invalid(format!(
        "`{id}` is no customer id; it takes 2 to 31 characters a-z, 0-9 and -, the first one a letter."
    )))
}

/// `[a-z][a-z0-9_]{1,62}`; tables follow the same rule.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the rule.
pub fn check_dataset(name: &str) -> Result<()> {
    if word(name, 2, 63, b'_') {
        return Ok(());
    }
    Err(invalid(format!(
        "`{name}` is no dataset name; it takes 2 to 63 characters a-z, 0-9 and _, the first one a letter."
    )))
}

/// Cloud Storage's rule for buckets without dots: `[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]`.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the rule.
pub fn check_bucket(name: &str) -> Result<()> {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    let middle = bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if (3..=63).contains(&bytes.len()) && edge(bytes.first()) && edge(bytes.last()) && middle {
        return Ok(());
    }
    Err(invalid(format!(
        "`{name}` is no bucket name; it takes 3 to 63 characters a-z, 0-9, - and _, a letter or digit at both ends."
    )))
}

/// What every object's key must fulfil: at most [`MAX_KEY`] bytes, and each part passes [`check_segment`].
///
/// # Errors
/// [`ErrorKind::Invalid`] with the reason.
pub fn check_key(key: &str) -> Result<()> {
    if key.len() > MAX_KEY {
        return Err(invalid(format!("The key is {} bytes long; at most {MAX_KEY} are allowed.", key.len())));
    }
    key.split('/').try_for_each(check_segment)
}

/// One part of a key, between slashes: not empty, not `.` or `..`, no slash, backslash or control character.
///
/// # Errors
/// [`ErrorKind::Invalid`] with the reason.
pub fn check_segment(segment: &str) -> Result<()> {
    match segment {
        "" => {
            return Err(invalid("A key needs a name before and after each slash.".to_owned()));
        }
        "." | ".." => return Err(invalid(format!("A key cannot go through `{segment}`."))),
        _ => {}
    }
    if segment.contains(['/', '\\']) || segment.chars().any(char::is_control) {
        return Err(invalid(format!(
            "The name {segment:?} has a backslash or control character, which keys must not have."
        )));
    }
    Ok(())
}

fn word(text: &str, min: usize, max: usize, extra: u8) -> bool {
    (min..=max).contains(&text.len())
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == extra)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests;
