//! Which fields hold values in which days, from the footers of the Parquet files: no row is read for it.
//!
//! A table's declared schema is the newest one from its first version on, and days that were delivered with an older one hold nulls. So
//! a change in what is delivered shows in the data, and the footers say it for each field, however deep it is nested.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{Look, blocking, fields::leaves};
use crate::Result;
use crate::delta::{LiveFile, io_error};
use crate::zone::damaged;

/// A footer has a few hundred columns: so many files are read for one answer.
const FILES_AT_MOST: usize = 128;
/// Days on either side of the day that a comparison is about.
const DAYS_AROUND: usize = 31;
/// Footers remembered; a file never changes.
const REMEMBERED: usize = 512;

/// How many values each field has in a file, by its path.
type Footer = Arc<Vec<(String, u64)>>;

/// Footers that were read before, by the path of the file.
#[derive(Default)]
pub(crate) struct Footers(Mutex<HashMap<String, Footer>>);

/// Since when each field has values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FirstValues {
    /// The first day with a value, by the path of the field. Fields without one are missing.
    pub first: BTreeMap<String, NaiveDate>,
    /// Those of them that have values on each day since, two days at least: they were not merely rare before.
    pub steady: BTreeSet<String>,
    /// Paths of all fields that the files have; partition columns are not among them.
    pub known: BTreeSet<String>,
    /// Days that were looked at.
    pub days: usize,
    /// Days that the table has.
    pub days_total: usize,
    /// The first of them.
    pub begin: Option<NaiveDate>,
}

/// How many values each field has on either side of a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DayValues {
    /// Path, values before the day, values from the day on; in the order of the schema.
    pub fields: Vec<(String, u64, u64)>,
    /// Days before it that were looked at: first, last, how many.
    pub before: Option<(NaiveDate, NaiveDate, usize)>,
    /// Days from it on that were looked at.
    pub since: Option<(NaiveDate, NaiveDate, usize)>,
}

impl Footers {
    fn of(&self, path: &Path) -> Result<Footer> {
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.0.lock().unwrap_or_else(|e| e.into_inner()).get(&name) {
            return Ok(known.clone());
        }
        let footer = Arc::new(read(path)?);
        let mut known = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name, footer.clone());
        Ok(footer)
    }
}

fn read(path: &Path) -> Result<Vec<(String, u64)>> {
    let file = File::open(path).map_err(|e| io_error("reading", path, e))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| damaged(path, &e))?;
    let paths = leaves(reader.schema());
    let mut values = vec![0u64; paths.len()];
    for group in reader.metadata().row_groups() {
        for (count, column) in values.iter_mut().zip(group.columns()) {
            let all = u64::try_from(column.num_values()).unwrap_or(0);
            // Without statistics nothing is known: then it is not said to be empty.
            let nulls = column.statistics().and_then(|s| s.null_count_opt()).unwrap_or(0);
            *count += all.saturating_sub(nulls);
        }
    }
    Ok(paths.into_iter().zip(values).collect())
}

impl Look {
    /// Since when each field has values. Where a table has more days than can be looked at, days spread evenly stand for all.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub async fn first_values(&self) -> Result<FirstValues> {
        if self.seen.is_some() {
            return Ok(FirstValues::default());
        }
        let days = by_day(&self.current.files);
        let all: Vec<NaiveDate> = days.keys().copied().collect();
        let chosen = spread(&all, FILES_AT_MOST / 2);
        let (days_total, begin) = (all.len(), all.first().copied());
        let counts = self.counts(&days, &chosen).await?;
        let mut first = BTreeMap::new();
        let mut filled: HashMap<String, usize> = HashMap::new();
        let known = counts.iter().flat_map(HashMap::keys).cloned().collect();
        for (day, values) in chosen.iter().zip(&counts) {
            for path in values.iter().filter(|(_, count)| **count > 0).map(|(path, _)| path) {
                first.entry(path.clone()).or_insert(*day);
                *filled.entry(path.clone()).or_default() += 1;
            }
        }
        let since = |begin: &NaiveDate| chosen.iter().filter(|day| *day >= begin).count();
        let steady = first
            .iter()
            .filter(|(path, begin)| since(begin) > 1 && filled.get(*path) == Some(&since(begin)))
            .map(|(path, _)| path.clone())
            .collect();
        Ok(FirstValues { first, steady, known, days: chosen.len(), days_total, begin })
    }

    /// How many values each field has in the days before `day` and from it on, up to a month on either side.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub async fn values_around(&self, day: NaiveDate) -> Result<DayValues> {
        if self.seen.is_some() {
            return Ok(DayValues::default());
        }
        let days = by_day(&self.current.files);
        let before: Vec<NaiveDate> = days.range(..day).rev().take(DAYS_AROUND).map(|(d, _)| *d).collect();
        let since: Vec<NaiveDate> = days.range(day..).take(DAYS_AROUND).map(|(d, _)| *d).collect();
        let (old, new) = (sum(self.counts(&days, &before).await?), sum(self.counts(&days, &since).await?));
        let paths = leaves(&*self.table.schema_at(&self.current, self.current.version).await?);
        let of = |side: &HashMap<String, u64>, path: &str| side.get(path).copied().unwrap_or(0);
        Ok(DayValues {
            fields: paths
                .into_iter()
                .filter(|p| old.contains_key(p) || new.contains_key(p))
                .map(|p| {
                    let (was, is) = (of(&old, &p), of(&new, &p));
                    (p, was, is)
                })
                .collect(),
            before: before.last().zip(before.first()).map(|(a, b)| (*a, *b, before.len())),
            since: since.first().zip(since.last()).map(|(a, b)| (*a, *b, since.len())),
        })
    }

    /// Values of each field in each of these days.
    async fn counts(
        &self,
        days: &BTreeMap<NaiveDate, Vec<&LiveFile>>,
        chosen: &[NaiveDate],
    ) -> Result<Vec<HashMap<String, u64>>> {
        let for_each = (FILES_AT_MOST / chosen.len().max(1)).max(1);
        let paths: Vec<Vec<std::path::PathBuf>> = chosen
            .iter()
            .map(|day| {
                let files = days.get(day).map(Vec::as_slice).unwrap_or_default();
                files.iter().take(for_each).map(|f| self.table.dir().join(&f.path)).collect()
            })
            .collect();
        let footers = self.footers.clone();
        blocking(move || {
            paths
                .iter()
                .map(|files| {
                    let mut values: HashMap<String, u64> = HashMap::new();
                    for file in files {
                        for (path, count) in footers.of(file)?.iter() {
                            *values.entry(path.clone()).or_default() += count;
                        }
                    }
                    Ok(values)
                })
                .collect()
        })
        .await
    }
}

fn by_day(files: &[LiveFile]) -> BTreeMap<NaiveDate, Vec<&LiveFile>> {
    let mut days: BTreeMap<NaiveDate, Vec<&LiveFile>> = BTreeMap::new();
    for file in files {
        if let Some(date) = file.date() {
            days.entry(date).or_default().push(file);
        }
    }
    days
}

fn sum(days: Vec<HashMap<String, u64>>) -> HashMap<String, u64> {
    let mut all = HashMap::new();
    for (path, count) in days.into_iter().flatten() {
        *all.entry(path).or_default() += count;
    }
    all
}

/// At most `most` of them, evenly spread, the first and the last included.
fn spread(all: &[NaiveDate], most: usize) -> Vec<NaiveDate> {
    if all.len() <= most {
        return all.to_vec();
    }
    (0..most).filter_map(|i| all.get(i * (all.len() - 1) / (most - 1)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_spread_from_the_first_to_the_last() {
        let days: Vec<NaiveDate> = "2017-01-01".parse::<NaiveDate>().unwrap().iter_days().take(1_000).collect();
        let chosen = spread(&days, 64);
        assert_eq!((chosen.len(), chosen.first(), chosen.last()), (64, days.first(), days.last()));
        assert!(chosen.is_sorted_by(|a, b| a < b));
        assert_eq!(spread(&days[..64], 64), days[..64]);
        assert!(spread(&[], 64).is_empty());
    }
}
