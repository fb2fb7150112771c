//! What the values of one column have in common.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::InferredColumn;
use super::node::Node;
use crate::schema::{FieldSchema, FieldType, Mode};
use crate::time::{parse_date, parse_timestamp};

/// Values that are kept of a column, for whoever looks closer.
const VALUES: usize = 400;
/// Below this many values a type has to fit all of them.
const FEW: u64 = 200;
/// Of more, so many in a hundred.
const MOST: u64 = 99;
/// Days that are told apart.
const DAYS: usize = 1_000;
const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Types that are tried, the most special first: of two that fit as many values, the first is taken.
const TRIED: [FieldType; 5] =
    [FieldType::Boolean, FieldType::Integer, FieldType::Float, FieldType::Date, FieldType::Timestamp];

/// A column of which values are counted.
#[derive(Default)]
pub(super) struct Tally {
    scalars: u64,
    fits: [u64; TRIED.len()],
    /// JSON text; numbers and booleans are no STRING for the reader.
    texts: u64,
    lists: u64,
    records: u64,
    children: Vec<(String, Tally)>,
    distinct: HashSet<u64>,
    values: Vec<String>,
    days: BTreeMap<i64, u64>,
}

impl Tally {
    /// A text cell, or JSON text.
    pub fn text(&mut self, text: &str) {
        self.texts += 1;
        let date = parse_date(text.as_bytes());
        let timestamp = parse_timestamp(text.as_bytes());
        let fits =
            [matches!(text, "true" | "false"), is_integer(text), is_number(text), date.is_some(), timestamp.is_some()];
        self.scalar(text, fits, date.map(i64::from).or(timestamp.map(|micros| micros.div_euclid(MICROS_OF_DAY))));
    }

    /// A value of a JSON text. Null is none.
    pub fn node(&mut self, node: &Node) {
        match node {
            Node::Null => {}
            Node::Boolean(value) => self.scalar(&value.to_string(), [true, false, false, false, false], None),
            Node::Number(text) => self.scalar(text, [false, is_integer(text), true, false, false], None),
            Node::Text(text) => self.text(text),
            Node::List(items) => {
                self.lists += 1;
                items.iter().for_each(|item| self.node(item));
            }
            Node::Record(fields) => {
                self.records += 1;
                fields.iter().for_each(|(name, value)| self.child(name).node(value));
            }
        }
    }

    /// The field of this name.
    pub fn child(&mut self, name: &str) -> &mut Tally {
        let at = self.children.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.children.push((name.to_owned(), Tally::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }

    fn scalar(&mut self, text: &str, fits: [bool; TRIED.len()], day: Option<i64>) {
        self.scalars += 1;
        for (count, fits) in self.fits.iter_mut().zip(fits) {
            *count += u64::from(fits);
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        if self.distinct.insert(hasher.finish()) && self.values.len() < VALUES {
            self.values.push(text.to_owned());
        }
        if let Some(day) = day
            && (self.days.len() < DAYS || self.days.contains_key(&day))
        {
            *self.days.entry(day).or_default() += 1;
        }
    }

    /// The type that most values have, and how many have another.
    fn field_type(&self) -> (FieldType, u64) {
        let best = TRIED.iter().zip(self.fits).rev().max_by_key(|(_, fits)| *fits);
        match best {
            Some((found, fits)) if fits > 0 && self.enough(fits) => (*found, self.scalars - fits),
            _ => (FieldType::String, self.scalars - self.texts),
        }
    }

    fn enough(&self, fits: u64) -> bool {
        if self.scalars < FEW { fits == self.scalars } else { fits * 100 >= self.scalars * MOST }
    }

    fn field(&self, name: &str) -> FieldSchema {
        let record = self.records > self.scalars;
        FieldSchema {
            name: name.to_owned(),
            field_type: if record { FieldType::Record } else { self.field_type().0 },
            mode: if self.lists > 0 { Mode::Repeated } else { Mode::Nullable },
            fields: match record {
                true => self.children.iter().map(|(name, child)| child.field(name)).collect(),
                false => Vec::new(),
            },
        }
    }

    /// What is said of the column.
    pub fn column(self, name: &str) -> InferredColumn {
        let field = self.field(name);
        let record = field.field_type == FieldType::Record;
        let misfits = if record { self.scalars } else { self.field_type().1 + self.records };
        let dated: u64 = self.days.values().sum();
        InferredColumn {
            one_day: self.days.values().max().is_some_and(|most| most * 100 >= dated * MOST),
            filled: self.scalars.max(self.records).max(self.lists),
            distinct: self.distinct.len() as u64,
            misfits,
            values: self.values,
            field,
        }
    }
}

/// As an INTEGER prints: without a leading zero, which an id of digits may have.
fn is_integer(text: &str) -> bool {
    text.parse::<i64>().is_ok_and(|number| number.to_string() == text)
}

/// Digits that are no INTEGER are an id.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if digits.iter().all(u8::is_ascii_digit) {
        return is_integer(text);
    }
    let leading_zero = matches!(digits, [b'0', b'0'..=b'9', ..]);
    digits.first().is_some_and(u8::is_ascii_digit) && !leading_zero && text.parse::<f64>().is_ok_and(f64::is_finite)
}
