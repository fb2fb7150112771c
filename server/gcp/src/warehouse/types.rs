//! BigQuery's types in three spellings: SQL's (the port's), the REST schema's, and Arrow's.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use serde_json::{Value, json};
use showrunner_lake::warehouse::split_types as split;
use showrunner_lake::{Error, ErrorKind, Result};

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By SQL's name, for instance `INT64`, with the name in REST schemas, for instance `INTEGER`.
    Scalar { sql: &'static str, rest: &'static str },
    /// `NUMERIC(precision, scale)`.
    Numeric { precision: u8, scale: u8 },
    /// `ARRAY<…>`: mode `REPEATED`.
    Array(Box<Kind>),
    /// `STRUCT<…>`: type `RECORD`.
    Struct(Vec<(String, Kind)>),
}

/// SQL's names, the REST schema's, and synonyms of both; the first two are what is written.
/// The REST names are the ones that `tables.get` answers with, whatever a table was made with.
const SCALARS: [(&str, &str, &[&str]); 15] = [
    ("STRING", "STRING", &[]),
    ("INT64", "INTEGER", &["INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT"]),
    ("FLOAT64", "FLOAT", &[]),
    ("BOOL", "BOOLEAN", &[]),
    ("DATE", "DATE", &[]),
    ("TIMESTAMP", "TIMESTAMP", &[]),
    ("BYTES", "BYTES", &[]),
    ("NUMERIC", "NUMERIC", &["DECIMAL"]),
    ("BIGNUMERIC", "BIGNUMERIC", &["BIGDECIMAL"]),
    ("JSON", "JSON", &[]),
    ("DATETIME", "DATETIME", &[]),
    ("TIME", "TIME", &[]),
    ("GEOGRAPHY", "GEOGRAPHY", &[]),
    ("INTERVAL", "INTERVAL", &[]),
    ("RANGE", "RANGE", &[]),
];

fn scalar(name: &str) -> Option<Kind> {
    SCALARS
        .iter()
        .find(|(sql, rest, more)| *sql == name || *rest == name || more.contains(&name))
        .map(|(sql, rest, _)| Kind::Scalar { sql, rest })
}

fn unknown(text: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{text:?} is not a column type that the warehouse knows."))
}

impl Kind {
    /// Reads SQL's spelling, for instance `ARRAY<STRUCT<name STRING, at TIMESTAMP>>`.
    pub(crate) fn parse(text: &str) -> Result<Kind> {
        let trimmed = text.trim();
        let upper = trimmed.to_ascii_uppercase();
        if let Some(kind) = scalar(&upper) {
            return Ok(kind);
        }
        let between = |open: &str, close: char| {
            (upper.starts_with(open) && trimmed.ends_with(close)).then(|| &trimmed[open.len()..trimmed.len() - 1])
        };
        if let Some(inner) = between("NUMERIC(", ')') {
            let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
            if let (Ok(precision), Ok(scale)) = (precision.trim().parse(), scale.trim().parse())
                && (1..=38).contains(&precision)
                && scale <= precision
            {
                return Ok(Kind::Numeric { precision, scale });
            }
        }
        if let Some(inner) = between("ARRAY<", '>') {
            return match Kind::parse(inner)? {
                Kind::Array(_) => Err(unknown(text)), // BigQuery has no arrays of arrays
                item => Ok(Kind::Array(Box::new(item))),
            };
        }
        if let Some(inner) = between("STRUCT<", '>') {
            let fields = split(inner).into_iter().map(|field| match field.trim().split_once(char::is_whitespace) {
                Some((name, kind)) => Ok((name.trim_matches('`').to_owned(), Kind::parse(kind)?)),
                None => Err(unknown(text)),
            });
            return Ok(Kind::Struct(fields.collect::<Result<_>>()?));
        }
        Err(unknown(text))
    }

    /// SQL's spelling, as the lake writes it.
    pub(crate) fn sql(&self) -> String {
        match self {
            Kind::Scalar { sql, .. } => (*sql).to_owned(),
            Kind::Numeric { precision, scale } => format!("NUMERIC({precision}, {scale})"),
            Kind::Array(item) => format!("ARRAY<{}>", item.sql()),
            Kind::Struct(fields) => {
                let fields: Vec<String> = fields.iter().map(|(name, kind)| format!("{name} {}", kind.sql())).collect();
                format!("STRUCT<{}>", fields.join(", "))
            }
        }
    }

    /// A field of a REST schema.
    pub(crate) fn to_rest(&self, name: &str) -> Value {
        let (item, mode) = match self {
            Kind::Array(item) => (item.as_ref(), "REPEATED"),
            kind => (kind, "NULLABLE"),
        };
        match item {
            Kind::Scalar { rest, .. } => json!({"name": name, "type": rest, "mode": mode}),
            Kind::Numeric { precision, scale } => json!({
                "name": name, "type": "NUMERIC", "mode": mode, "precision": precision.to_string(), "scale": scale.to_string(),
            }),
            Kind::Struct(fields) => {
                let fields: Vec<Value> = fields.iter().map(|(name, kind)| kind.to_rest(name)).collect();
                json!({"name": name, "type": "RECORD", "mode": mode, "fields": fields})
            }
            Kind::Array(item) => item.to_rest(name), // parse() makes none
        }
    }

    /// Name and type of a field of a REST schema.
    pub(crate) fn of_rest(field: &Value) -> Result<(String, Kind)> {
        let text = |key: &str| field.get(key).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        let kind = text("type").unwrap_or_default();
        let item = match kind {
            "RECORD" | "STRUCT" => {
                let fields = field.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                Kind::Struct(fields.iter().map(Kind::of_rest).collect::<Result<_>>()?)
            }
            "NUMERIC" if field.get("precision").is_some() => {
                let number = |key: &str| text(key).unwrap_or("0").parse().map_err(|_| unknown(&field.to_string()));
                Kind::Numeric { precision: number("precision")?, scale: number("scale")? }
            }
            other => scalar(other).ok_or_else(|| unknown(other))?,
        };
        let kind = if text("mode") == Some("REPEATED") { Kind::Array(Box::new(item)) } else { item };
        Ok((name.to_owned(), kind))
    }

    /// Arrow's type. What Arrow has no counterpart for is text, as BigQuery spells it.
    pub(crate) fn arrow(&self) -> DataType {
        match self {
            Kind::Scalar { sql: "INT64", .. } => DataType::Int64,
            Kind::Scalar { sql: "FLOAT64", .. } => DataType::Float64,
            Kind::Scalar { sql: "BOOL", .. } => DataType::Boolean,
            Kind::Scalar { sql: "DATE", .. } => DataType::Date32,
            Kind::Scalar { sql: "TIMESTAMP", .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Kind::Scalar { sql: "BYTES", .. } => DataType::Binary,
            Kind::Scalar { sql: "NUMERIC", .. } => DataType::Decimal128(38, 9),
            Kind::Scalar { .. } => DataType::Utf8,
            // parse() and BigQuery hold scale ≤ precision ≤ 38, so that it fits.
            Kind::Numeric { precision, scale } => DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(0)),
            Kind::Array(item) => DataType::List(Arc::new(Field::new("element", item.arrow(), true))),
            Kind::Struct(fields) => {
                DataType::Struct(fields.iter().map(|(name, kind)| Field::new(name, kind.arrow(), true)).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_survive_the_way_to_rest_and_back() {
        for sql in [
            "STRING",
            "INT64",
            "FLOAT64",
            "BOOL",
            "DATE",
            "TIMESTAMP",
            "BYTES",
            "JSON",
            "NUMERIC",
            "NUMERIC(18, 6)",
            "ARRAY<STRING>",
            "ARRAY<NUMERIC(18, 6)>",
            "STRUCT<a INT64, b NUMERIC(18, 6)>",
            "ARRAY<STRUCT<name STRING, values ARRAY<FLOAT64>, at STRUCT<d DATE>>>",
        ] {
            let kind = Kind::parse(sql).expect(sql);
            assert_eq!(kind.sql(), sql);
            assert_eq!(Kind::of_rest(&kind.to_rest("c")).expect(sql), ("c".to_owned(), kind));
        }
        for bad in ["", "NUMERIC(99, 1)", "NUMERIC(5, 9)", "ARRAY<", "STRUCT<a>", "ARRAY<ARRAY<INT64>>", "INT65"] {
            assert_eq!(Kind::parse(bad).map_err(|e| e.kind), Err(ErrorKind::Invalid), "{bad}");
        }
    }

    #[test]
    fn rest_names_are_the_ones_that_google_answers_with() {
        let field = Kind::parse("ARRAY<STRUCT<n INT64, ok BOOL, f FLOAT64>>").expect("a type").to_rest("hits");
        assert_eq!(field["type"], "RECORD");
        assert_eq!(field["mode"], "REPEATED");
        let types: Vec<&str> = (0..3).filter_map(|n| field["fields"][n]["type"].as_str()).collect();
        assert_eq!(types, ["INTEGER", "BOOLEAN", "FLOAT"]);
        assert_eq!(Kind::of_rest(&json!({"name": "n", "type": "INT64"})).expect("a synonym").1.sql(), "INT64");
    }
}
