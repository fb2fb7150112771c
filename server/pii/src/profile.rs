//! The distinct values of a column, and numbers about them.

use std::collections::HashMap;

use crate::dictionary::fold;
use crate::model::Column;

/// More distinct values say nothing new.
const MOST_DISTINCT: usize = 2_000;

/// A distinct value.
pub(crate) struct Value<'a> {
    /// Trimmed.
    pub text: &'a str,
    /// Lower case, without accents.
    pub folded: String,
    /// How many rows have it.
    pub count: u32,
}

/// What is known about a column's values.
pub(crate) struct Profile<'a> {
    pub sampled: usize,
    pub filled: usize,
    /// Distinct values in all.
    pub distinct: usize,
    /// Distinct values that are looked at, in order of their first row.
    pub values: Vec<Value<'a>>,
    /// Shares of the distinct values.
    pub numeric: f64,
    pub integer: f64,
    /// Smallest and largest number.
    pub range: Option<(f64, f64)>,
    pub mean_words: f64,
    pub mean_length: f64,
}

/// What stands for 'nothing' in real files.
fn is_nothing(text: &str) -> bool {
    const WORDS: &[&str] = &[
        "",
        "na",
        "n/a",
        "n.a.",
        "#n/a",
        "null",
        "none",
        "nil",
        "nan",
        "-",
        "--",
        "---",
        ".",
        "?",
        "??",
        "\\n",
        "unknown",
        "unk",
        "not available",
        "not provided",
        "not known",
        "not stated",
        "(not set)",
        "(none)",
        "not set",
        "missing",
        "xxx",
        "tbc",
        "tbd",
        "blank",
        "(blank)",
        "undefined",
        "not specified",
        "<na>",
        "(null)",
    ];
    text.len() <= 14 && WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// `1,234.5` and `12` are numbers.
pub(crate) fn number(text: &str) -> Option<f64> {
    let first = *text.as_bytes().first()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'.' | b'+')) || text.len() > 40 {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).or_else(|| text.replace(',', "").parse().ok())
}

impl<'a> Profile<'a> {
    pub fn of(column: &'a Column) -> Self {
        let mut at: HashMap<&str, usize> = HashMap::new();
        let mut all: Vec<(&str, u32)> = Vec::new();
        let mut filled = 0;
        for text in column.values.iter().flatten() {
            let text = text.trim().trim_matches('\u{feff}');
            if is_nothing(text) {
                continue;
            }
            filled += 1;
            match at.get(text) {
                Some(index) => all[*index].1 += 1,
                None => {
                    at.insert(text, all.len());
                    all.push((text, 1));
                }
            }
        }
        let distinct = all.len();
        let step = distinct.div_ceil(MOST_DISTINCT).max(1);
        let values: Vec<Value> =
            all.into_iter().step_by(step).map(|(text, count)| Value { text, folded: fold(text), count }).collect();
        let n = values.len().max(1) as f64;
        let numbers: Vec<f64> = values.iter().filter_map(|value| number(value.text)).collect();
        let integer = numbers.iter().filter(|number| number.fract() == 0.0).count() as f64 / n;
        let range = numbers.iter().fold(None, |range: Option<(f64, f64)>, number| {
            Some(range.map_or((*number, *number), |(low, high)| (low.min(*number), high.max(*number))))
        });
        Profile {
            sampled: column.values.len(),
            filled,
            distinct,
            numeric: numbers.len() as f64 / n,
            integer,
            range,
            mean_words: values.iter().map(|value| value.text.split_whitespace().count()).sum::<usize>() as f64 / n,
            mean_length: values.iter().map(|value| value.text.chars().count()).sum::<usize>() as f64 / n,
            values,
        }
    }

    /// Share of the distinct values for which it is true.
    pub fn share(&self, is: impl Fn(&Value<'a>) -> bool) -> f64 {
        if self.values.is_empty() {
            return 0.0;
        }
        self.values.iter().filter(|value| is(value)).count() as f64 / self.values.len() as f64
    }

    /// Share of the rows whose value it is true for.
    pub fn row_share(&self, is: impl Fn(&Value<'a>) -> bool) -> f64 {
        let rows: u32 = self.values.iter().map(|value| value.count).sum();
        let hits: u32 = self.values.iter().filter(|value| is(value)).map(|value| value.count).sum();
        f64::from(hits) / f64::from(rows.max(1))
    }

    /// All integers within a range?
    pub fn whole_within(&self, low: f64, high: f64) -> bool {
        self.integer >= 0.97 && self.range.is_some_and(|(min, max)| min >= low && max <= high)
    }
}
