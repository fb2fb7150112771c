//! BigQuery's type names and Arrow's types.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::{Error, ErrorKind, Result};

/// The Arrow type of a BigQuery type such as `STRING`, `NUMERIC(18, 6)` or `ARRAY<STRUCT<name STRING, at TIMESTAMP>>`.
pub(crate) fn to_arrow(bigquery: &str) -> Result<DataType> {
    let text = bigquery.trim();
    let upper = text.to_uppercase();
    let simple = match upper.as_str() {
        "STRING" | "JSON" => Some(DataType::Utf8),
        "INT64" | "INTEGER" => Some(DataType::Int64),
        "FLOAT64" | "FLOAT" => Some(DataType::Float64),
        "BOOL" | "BOOLEAN" => Some(DataType::Boolean),
        "DATE" => Some(DataType::Date32),
        "TIMESTAMP" => Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        "BYTES" => Some(DataType::Binary),
        "NUMERIC" => Some(DataType::Decimal128(38, 9)),
        _ => None,
    };
    if let Some(simple) = simple {
        return Ok(simple);
    }
    if let Some(inner) = between(text, &upper, "NUMERIC(", ')') {
        let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
        if let (Ok(precision), Ok(scale)) = (precision.trim().parse::<u8>(), scale.trim().parse::<i8>())
            && (1..=38).contains(&precision)
            && (0..=precision as i8).contains(&scale)
        {
            return Ok(DataType::Decimal128(precision, scale));
        }
    }
    if let Some(inner) = between(text, &upper, "ARRAY<", '>') {
        return Ok(DataType::List(Arc::new(Field::new("element", to_arrow(inner)?, true))));
    }
    if let Some(inner) = between(text, &upper, "STRUCT<", '>') {
        let fields = split_types(inner)
            .into_iter()
            .map(|field| match field.trim().split_once(char::is_whitespace) {
                Some((name, kind)) => Ok(Field::new(name, to_arrow(kind)?, true)),
                None => Err(unknown(bigquery)),
            })
            .collect::<Result<Vec<_>>>()?;
        return Ok(DataType::Struct(fields.into()));
    }
    Err(unknown(bigquery))
}

/// The BigQuery type of an Arrow type.
pub(crate) fn from_arrow(data_type: &DataType) -> Result<String> {
    Ok(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => "INT64".to_owned(),
        DataType::Float32 | DataType::Float64 => "FLOAT64".to_owned(),
        DataType::Boolean => "BOOL".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Timestamp(_, _) => "TIMESTAMP".to_owned(),
        DataType::Binary | DataType::LargeBinary => "BYTES".to_owned(),
        DataType::Decimal128(38, 9) => "NUMERIC".to_owned(),
        DataType::Decimal128(precision, scale) => format!("NUMERIC({precision}, {scale})"),
        DataType::Dictionary(_, value) => from_arrow(value)?,
        DataType::List(item) | DataType::LargeList(item) => {
            format!("ARRAY<{}>", from_arrow(item.data_type())?)
        }
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|f| Ok(format!("{} {}", f.name(), from_arrow(f.data_type())?)))
                .collect::<Result<Vec<_>>>()?;
            format!("STRUCT<{}>", fields.join(", "))
        }
        other => {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("A column of type {other} has no counterpart in BigQuery."),
            ));
        }
    })
}

fn unknown(bigquery: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{bigquery:?} is not a column type that the warehouse knows."))
}

fn between<'a>(text: &'a str, upper: &str, open: &str, close: char) -> Option<&'a str> {
    (upper.starts_with(open) && text.ends_with(close)).then(|| &text[open.len()..text.len() - close.len_utf8()])
}

/// Splits the members of a BigQuery type at commas that are not within brackets.
pub fn split_types(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_i32, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_survive_the_way_there_and_back() {
        for bigquery in [
            "STRING",
            "INT64",
            "FLOAT64",
            "BOOL",
            "DATE",
            "TIMESTAMP",
            "BYTES",
            "NUMERIC",
            "NUMERIC(18, 6)",
            "ARRAY<STRING>",
            "STRUCT<a INT64, b NUMERIC(18, 6)>",
            "ARRAY<STRUCT<name STRING, values ARRAY<FLOAT64>>>",
        ] {
            assert_eq!(from_arrow(&to_arrow(bigquery).unwrap()).unwrap(), bigquery);
        }
        for bad in ["", "GEOGRAPHY", "NUMERIC(99, 1)", "NUMERIC(5, 9)", "ARRAY<", "STRUCT<a>"] {
            assert_eq!(to_arrow(bad).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad}");
        }
    }
}
