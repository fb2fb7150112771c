//! Masks with BigQuery's results, on columns of any depth.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, LargeListArray, LargeStringArray, ListArray, PrimitiveArray, StringArray,
    StructArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Fields, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::common::ScalarValue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How a value is masked: BigQuery's predefined expressions, the strongest claim first. Where several are granted, the first of them
/// in this order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Rule {
    /// The hash, as the base64 text that BigQuery shows for a STRING.
    Sha256,
    /// `XXXXX@example.com`
    EmailMask,
    /// `XXXXX` and the last four characters.
    LastFourCharacters,
    /// The first four characters and `XXXXX`.
    FirstFourCharacters,
    /// The first day of the year.
    DateYearMask,
    /// Nothing, in the column's type: `''`, 0, FALSE, 1970-01-01, [].
    DefaultMaskingValue,
    /// NULL.
    AlwaysNull,
}

/// What stands for what is hidden.
const HIDDEN: &str = "XXXXX";

impl Rule {
    /// All rules.
    pub const ALL: [Rule; 7] = [
        Rule::Sha256,
        Rule::EmailMask,
        Rule::LastFourCharacters,
        Rule::FirstFourCharacters,
        Rule::DateYearMask,
        Rule::DefaultMaskingValue,
        Rule::AlwaysNull,
    ];

    /// As BigQuery writes it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::Sha256 => "SHA256",
            Rule::EmailMask => "EMAIL_MASK",
            Rule::LastFourCharacters => "LAST_FOUR_CHARACTERS",
            Rule::FirstFourCharacters => "FIRST_FOUR_CHARACTERS",
            Rule::DateYearMask => "DATE_YEAR_MASK",
            Rule::DefaultMaskingValue => "DEFAULT_MASKING_VALUE",
            Rule::AlwaysNull => "ALWAYS_NULL",
        }
    }

    /// Whether BigQuery allows it on a column of this type.
    pub fn takes(self, data_type: &DataType) -> bool {
        let text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        match self {
            Rule::AlwaysNull => true,
            Rule::Sha256 => text || matches!(data_type, DataType::Binary | DataType::LargeBinary),
            Rule::EmailMask | Rule::LastFourCharacters | Rule::FirstFourCharacters => text,
            Rule::DateYearMask => matches!(data_type, DataType::Date32 | DataType::Timestamp(..)),
            Rule::DefaultMaskingValue => !matches!(data_type, DataType::Struct(_)),
        }
    }
}

/// What the values of a column become.
pub(crate) fn apply(rule: Rule, path: &[String], column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let Some((first, rest)) = path.split_first() else { return leaf(rule, column) };
    match column.data_type() {
        DataType::Dictionary(_, value) => apply(rule, path, &cast(column, value)?),
        DataType::Struct(fields) => {
            let record = column.as_struct();
            let mut columns = record.columns().to_vec();
            let mut masked: Vec<Arc<Field>> = fields.iter().cloned().collect();
            for (at, field) in fields.iter().enumerate().filter(|(_, f)| f.name().eq_ignore_ascii_case(first)) {
                let child = apply(rule, rest, &columns[at])?;
                masked[at] = Arc::new(Field::new(field.name(), child.data_type().clone(), true));
                columns[at] = child;
            }
            let record =
                StructArray::try_new_with_length(Fields::from(masked), columns, record.nulls().cloned(), column.len())?;
            Ok(Arc::new(record))
        }
        DataType::List(item) => {
            let list = column.as_list::<i32>();
            let items = apply(rule, path, list.values())?;
            let item = Field::new(item.name(), items.data_type().clone(), true);
            Ok(Arc::new(ListArray::try_new(item.into(), list.offsets().clone(), items, list.nulls().cloned())?))
        }
        DataType::LargeList(item) => {
            let list = column.as_list::<i64>();
            let items = apply(rule, path, list.values())?;
            let item = Field::new(item.name(), items.data_type().clone(), true);
            Ok(Arc::new(LargeListArray::try_new(item.into(), list.offsets().clone(), items, list.nulls().cloned())?))
        }
        // A path that leads nowhere hides everything rather than nothing.
        other => Ok(new_null_array(other, column.len())),
    }
}

/// The type of what [`apply`] gives. An array of none says it.
pub(crate) fn masked_type(rule: Rule, path: &[String], data_type: &DataType) -> Result<DataType, ArrowError> {
    Ok(apply(rule, path, &arrow::array::new_empty_array(data_type))?.data_type().clone())
}

fn leaf(rule: Rule, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match (rule, column.data_type()) {
        (_, DataType::Dictionary(_, value)) => leaf(rule, &cast(column, value)?),
        (Rule::AlwaysNull, kind) => Ok(new_null_array(kind, column.len())),
        (Rule::DefaultMaskingValue, kind) => default(kind, column.len()),
        (Rule::DateYearMask, DataType::Date32) => {
            let years = column.as_primitive::<Date32Type>().unary_opt::<_, Date32Type>(|day| {
                let date = Date32Type::to_naive_date_opt(day)?;
                Some(Date32Type::from_naive_date(NaiveDate::from_yo_opt(date.year(), 1)?))
            });
            Ok(Arc::new(years))
        }
        (Rule::DateYearMask, DataType::Timestamp(_, zone)) => {
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let micros = micros.as_primitive::<TimestampMicrosecondType>();
            let years: PrimitiveArray<TimestampMicrosecondType> = micros.unary_opt(|at| {
                let year = DateTime::from_timestamp_micros(at)?.year();
                Some(NaiveDate::from_yo_opt(year, 1)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
            });
            cast(&years.with_timezone_opt(zone.clone()), column.data_type())
        }
        (Rule::Sha256, DataType::Binary | DataType::LargeBinary) => {
            let bytes = cast(column, &DataType::Binary)?;
            let hashed: BinaryArray =
                bytes.as_binary::<i32>().iter().map(|v| v.map(|v| Sha256::digest(v).to_vec())).collect();
            cast(&hashed, column.data_type())
        }
        (rule, DataType::Utf8) => {
            let texts = texts(rule, column.as_string::<i32>().iter());
            Ok(Arc::new(texts.collect::<StringArray>()))
        }
        (rule, DataType::LargeUtf8) => {
            let texts = texts(rule, column.as_string::<i64>().iter());
            Ok(Arc::new(texts.collect::<LargeStringArray>()))
        }
        (rule, DataType::Utf8View) => cast(&leaf(rule, &cast(column, &DataType::Utf8)?)?, &DataType::Utf8View),
        // Refused when the policy is attached; a column that has changed since is hidden.
        (_, kind) => Ok(new_null_array(kind, column.len())),
    }
}

/// Rows of one session follow each other: what was hashed just now is not hashed again.
fn texts<'a>(rule: Rule, values: impl Iterator<Item = Option<&'a str>>) -> impl Iterator<Item = Option<String>> {
    let mut last: Option<(&str, String)> = None;
    values.map(move |value| {
        let value = value?;
        if let Some((of, masked)) = &last
            && *of == value
        {
            return Some(masked.clone());
        }
        let masked = text(rule, value);
        last = Some((value, masked.clone()));
        Some(masked)
    })
}

fn text(rule: Rule, value: &str) -> String {
    match rule {
        Rule::EmailMask => match domain(value) {
            Some(domain) => format!("{HIDDEN}@{domain}"),
            None => hash(value),
        },
        Rule::LastFourCharacters => match value.char_indices().rev().nth(3) {
            Some((at, _)) if at > 0 => format!("{HIDDEN}{}", &value[at..]),
            _ => hash(value),
        },
        Rule::FirstFourCharacters => match value.char_indices().nth(4) {
            Some((at, _)) => format!("{}{HIDDEN}", &value[..at]),
            None => hash(value),
        },
        _ => hash(value),
    }
}

fn hash(value: &str) -> String {
    STANDARD.encode(Sha256::digest(value.as_bytes()))
}

/// The part behind the @ of an address that is well formed.
fn domain(value: &str) -> Option<&str> {
    let (user, domain) = value.split_once('@')?;
    let user_ok =
        !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c));
    let label = |l: &str| {
        !l.is_empty()
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    (user_ok && domain.contains('.') && domain.split('.').all(label)).then_some(domain)
}

fn default(kind: &DataType, rows: usize) -> Result<ArrayRef, ArrowError> {
    match kind {
        DataType::List(item) => Ok(Arc::new(ListArray::try_new(
            item.clone(),
            OffsetBuffer::new_zeroed(rows),
            arrow::array::new_empty_array(item.data_type()),
            None,
        )?)),
        DataType::LargeList(item) => Ok(Arc::new(LargeListArray::try_new(
            item.clone(),
            OffsetBuffer::new_zeroed(rows),
            arrow::array::new_empty_array(item.data_type()),
            None,
        )?)),
        DataType::Struct(_) | DataType::Null => Ok(new_null_array(kind, rows)),
        scalar => {
            let zero = ScalarValue::new_default(scalar).map_err(|e| ArrowError::ComputeError(e.strip_backtrace()))?;
            zero.to_array_of_size(rows).map_err(|e| ArrowError::ComputeError(e.strip_backtrace()))
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Float64Array, Int64Array, TimestampMicrosecondArray};
    use arrow::util::display::array_value_to_string;

    use super::*;

    fn masked(rule: Rule, column: ArrayRef) -> Vec<String> {
        let out = apply(rule, &[], &column).unwrap();
        assert_eq!(out.data_type(), column.data_type(), "a mask keeps the type");
        let value = |row| if out.is_null(row) { "NULL".into() } else { array_value_to_string(&out, row).unwrap() };
        (0..out.len()).map(value).collect()
    }

    #[test]
    fn texts_are_masked_as_bigquery_masks_them() {
        // The hashes are `printf … | openssl dgst -sha256 -binary | base64`.
        let (abcd, plain) =
            ("iNQmb9TmM40TuEX88olXnSCciXgjuSF9o+Fhk28DFYk=", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=");
        for (rule, value, expected) in [
            (Rule::LastFourCharacters, "0123456789", "XXXXX6789"),
            (Rule::LastFourCharacters, "aäöüß", "XXXXXäöüß"),
            (Rule::LastFourCharacters, "abcd", abcd),
            (Rule::FirstFourCharacters, "0123456789", "0123XXXXX"),
            (Rule::FirstFourCharacters, "abcd", abcd),
            (Rule::FirstFourCharacters, "hello", "hellXXXXX"),
            (Rule::EmailMask, "cloudysanfrancisco@gmail.com", "XXXXX@gmail.com"),
            (Rule::EmailMask, "hello", plain),
            (Rule::Sha256, "hello", plain),
            (Rule::DefaultMaskingValue, "hello", ""),
            (Rule::AlwaysNull, "hello", "NULL"),
        ] {
            assert_eq!(
                masked(rule, Arc::new(StringArray::from(vec![value]))),
                [expected],
                "{} of {value}",
                rule.name()
            );
        }
        for wrong in ["a@b", "@b.de", "a@@b.de", "a b@c.de", "a@-b.de", "a@b..de"] {
            assert_eq!(text(Rule::EmailMask, wrong), hash(wrong), "{wrong} is no address");
        }
        for rule in [Rule::Sha256, Rule::EmailMask, Rule::LastFourCharacters] {
            assert_eq!(masked(rule, Arc::new(StringArray::from(vec![None::<&str>]))), ["NULL"]);
        }
    }

    #[test]
    fn each_type_has_its_default() {
        let day: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![17_400, 17_400]));
        let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_500_000_000_000_000]).with_timezone("UTC"));
        let list: ArrayRef =
            Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(vec![Some(vec![Some(1)])]));
        for (column, expected) in [
            (Arc::new(Int64Array::from(vec![7])) as ArrayRef, "0"),
            (Arc::new(Float64Array::from(vec![7.5])), "0.0"),
            (Arc::new(BooleanArray::from(vec![true])), "false"),
            (Arc::new(BooleanArray::from(vec![None])), "false"),
            (day.slice(0, 1), "1970-01-01"),
            (at.clone(), "1970-01-01T00:00:00Z"),
            (list, "[]"),
        ] {
            assert_eq!(masked(Rule::DefaultMaskingValue, column), [expected]);
        }
        assert_eq!(masked(Rule::DateYearMask, day), ["2017-01-01", "2017-01-01"]);
        assert_eq!(masked(Rule::DateYearMask, at), ["2017-01-01T00:00:00Z"]);
    }

    #[test]
    fn fields_of_records_and_of_repeated_records_are_masked_and_their_neighbours_are_not() {
        let fields =
            Fields::from(vec![Field::new("city", DataType::Utf8, false), Field::new("n", DataType::Int64, true)]);
        let city: ArrayRef = Arc::new(StringArray::from(vec!["Berlin", "Bonn"]));
        let record = StructArray::new(fields.clone(), vec![city, Arc::new(Int64Array::from(vec![1, 2]))], None);
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields), true));
        let list: ArrayRef =
            Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([2, 0]), Arc::new(record.clone()), None));
        for (rule, expected) in [
            (Rule::AlwaysNull, "{city: , n: 2}"),
            (Rule::DefaultMaskingValue, "{city: , n: 2}"),
            (Rule::LastFourCharacters, &*format!("{{city: {}, n: 2}}", hash("Bonn"))),
        ] {
            let out = apply(rule, &["city".into()], &(Arc::new(record.clone()) as ArrayRef)).unwrap();
            assert_eq!(array_value_to_string(&out, 1).unwrap(), expected);
        }
        let out = apply(Rule::LastFourCharacters, &["City".into()], &list).unwrap();
        assert_eq!(
            array_value_to_string(&out, 0).unwrap(),
            format!("[{{city: XXXXXrlin, n: 1}}, {{city: {}, n: 2}}]", hash("Bonn"))
        );
        assert_eq!(array_value_to_string(&out, 1).unwrap(), "[]");
    }

    #[test]
    fn rules_take_the_types_that_bigquery_allows() {
        let (text, day, number) = (DataType::Utf8, DataType::Date32, DataType::Int64);
        let record = DataType::Struct(vec![Field::new("a", DataType::Utf8, true)].into());
        for (rule, takes) in [
            (Rule::Sha256, [true, false, false, false]),
            (Rule::EmailMask, [true, false, false, false]),
            (Rule::LastFourCharacters, [true, false, false, false]),
            (Rule::FirstFourCharacters, [true, false, false, false]),
            (Rule::DateYearMask, [false, true, false, false]),
            (Rule::DefaultMaskingValue, [true, true, true, false]),
            (Rule::AlwaysNull, [true, true, true, true]),
        ] {
            assert_eq!([&text, &day, &number, &record].map(|t| rule.takes(t)), takes, "{}", rule.name());
        }
    }
}
