//! A data set's schema in BigQuery's words, and what it is in Arrow.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Type of a field, as BigQuery names it. The standard SQL names are read as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FieldType {
    /// 64-bit signed integer; in JSON a number or a string.
    #[serde(alias = "INT64")]
    Integer,
    /// 64-bit IEEE float.
    #[serde(alias = "FLOAT64")]
    Float,
    /// UTF-8 text.
    String,
    /// True or false.
    #[serde(alias = "BOOL")]
    Boolean,
    /// Nested fields.
    #[serde(alias = "STRUCT")]
    Record,
    /// Calendar day, `2017-07-29`.
    Date,
    /// Instant with microseconds, `2017-07-29 10:11:12.5 UTC` or RFC 3339.
    Timestamp,
}

/// Whether a field may be absent or repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mode {
    /// Missing and null are the same.
    #[default]
    Nullable,
    /// A row without it is refused.
    Required,
    /// A list; missing, null and empty are all the empty list, as in BigQuery.
    Repeated,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSchema {
    /// Name, case sensitive.
    pub name: String,
    /// Type of the value, or of each element.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Null, required or list.
    #[serde(default)]
    pub mode: Mode,
    /// Nested fields; only for [`FieldType::Record`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldSchema>,
}

impl FieldSchema {
    /// The Arrow field. Everything is nullable, so that a schema can grow without rewriting files.
    pub fn to_arrow(&self) -> Field {
        let value = match self.field_type {
            FieldType::Integer => DataType::Int64,
            FieldType::Float => DataType::Float64,
            FieldType::String => DataType::Utf8,
            FieldType::Boolean => DataType::Boolean,
            FieldType::Date => DataType::Date32,
            FieldType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            FieldType::Record => DataType::Struct(to_arrow_fields(&self.fields)),
        };
        let data_type = match self.mode {
            Mode::Repeated => DataType::List(Arc::new(Field::new_list_field(value, true))),
            Mode::Nullable | Mode::Required => value,
        };
        Field::new(&self.name, data_type, true)
    }
}

fn to_arrow_fields(fields: &[FieldSchema]) -> Fields {
    fields.iter().map(|field| FieldRef::new(field.to_arrow())).collect()
}

/// Field types of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TableSchema {
    /// Top-level fields in order.
    pub fields: Vec<FieldSchema>,
}

impl TableSchema {
    /// Reads BigQuery's JSON schema: a list of `{name, type, mode, fields}`.
    ///
    /// # Errors
    /// [`Error::Schema`] when the text is no such list, a name is empty or doubled, a record
    /// has no fields, or a scalar has some.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let schema: Self = serde_json::from_str(text)
            .map_err(|error| Error::Schema(format!("it is no BigQuery JSON schema ({error})")))?;
        check_fields(&schema.fields, "")?;
        Ok(schema)
    }

    /// The Arrow schema: Int64, Float64, Utf8, Boolean, Date32, Timestamp(µs, UTC), Struct and
    /// `List(item)`.
    pub fn to_arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(to_arrow_fields(&self.fields)))
    }

    /// Dotted paths of all scalar fields, in schema order.
    pub fn leaf_paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        collect_leaves(&self.fields, "", &mut paths);
        paths
    }

    /// Number of fields, records included.
    pub fn field_count(&self) -> usize {
        fn count(fields: &[FieldSchema]) -> usize {
            fields.iter().map(|field| 1 + count(&field.fields)).sum()
        }
        count(&self.fields)
    }

    /// The field at a dotted path.
    pub fn field(&self, path: &str) -> Option<&FieldSchema> {
        let mut fields = &self.fields;
        let mut found = None;
        for name in path.split('.') {
            let field = fields.iter().find(|field| field.name == name)?;
            fields = &field.fields;
            found = Some(field);
        }
        found
    }
}

fn check_fields(fields: &[FieldSchema], parent: &str) -> Result<(), Error> {
    if fields.is_empty() {
        let what = if parent.is_empty() { "it" } else { parent.trim_end_matches('.') };
        return Err(Error::Schema(format!("{what} has no fields")));
    }
    let mut names = HashSet::new();
    for field in fields {
        let path = format!("{parent}{}", field.name);
        if field.name.is_empty() || field.name.contains(['.', '"', '\\']) {
            return Err(Error::Schema(format!("'{path}' is no field name")));
        }
        if !names.insert(&field.name) {
            return Err(Error::Schema(format!("{path} is there twice")));
        }
        match field.field_type {
            FieldType::Record => check_fields(&field.fields, &format!("{path}."))?,
            _ if !field.fields.is_empty() => {
                return Err(Error::Schema(format!("{path} has fields and is no RECORD")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn collect_leaves(fields: &[FieldSchema], parent: &str, paths: &mut Vec<String>) {
    for field in fields {
        let path = format!("{parent}{}", field.name);
        if field.field_type == FieldType::Record {
            collect_leaves(&field.fields, &format!("{path}."), paths);
        } else {
            paths.push(path);
        }
    }
}

/// Versions of Google's public ga_sessions tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GaSessionsVersion {
    /// Day tables until 2017-06-30: 336 fields.
    Until20170630,
    /// Day tables since 2017-07-01: 338 fields (`clientId`, `hits.product.productCouponCode`).
    Current,
}

impl GaSessionsVersion {
    /// The version of the table of a day given as `20170629`.
    pub fn of_day(day: &str) -> Self {
        if day < "20170701" { Self::Until20170630 } else { Self::Current }
    }
}

/// The schema of ga_sessions, from the files checked in with this crate.
pub fn ga_sessions_schema(version: GaSessionsVersion) -> TableSchema {
    let text = match version {
        GaSessionsVersion::Until20170630 => {
            include_str!("../schemas/ga_sessions_until_2017-06-30.json")
        }
        GaSessionsVersion::Current => include_str!("../schemas/ga_sessions.json"),
    };
    TableSchema::from_json(text).expect("the checked-in schema is tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ga_sessions_has_all_fields_in_both_versions() {
        let old = ga_sessions_schema(GaSessionsVersion::Until20170630);
        let new = ga_sessions_schema(GaSessionsVersion::of_day("20170701"));
        assert_eq!(old.field_count(), 336);
        assert_eq!(new.field_count(), 338);
        let added: Vec<_> = new.leaf_paths().into_iter().filter(|path| old.field(path).is_none()).collect();
        assert_eq!(added, ["hits.product.productCouponCode", "clientId"]);
    }

    #[test]
    fn arrow_types_follow_the_bigquery_types() {
        let schema = TableSchema::from_json(
            r#"[{"name":"a","type":"INT64","mode":"REQUIRED"},{"name":"b","type":"TIMESTAMP"},
                {"name":"c","type":"STRUCT","mode":"REPEATED","fields":[{"name":"d","type":"BOOL"}]}]"#,
        )
        .unwrap();
        let arrow = schema.to_arrow();
        assert_eq!(arrow.field(0).data_type(), &DataType::Int64);
        assert_eq!(arrow.field(1).data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
        let item = DataType::Struct(vec![Field::new("d", DataType::Boolean, true)].into());
        assert_eq!(arrow.field(2).data_type(), &DataType::new_list(item, true));
    }

    #[test]
    fn unusable_schemas_say_why() {
        for (text, expected) in [
            ("{}", "no BigQuery JSON schema"),
            ("[]", "it has no fields"),
            (r#"[{"name":"a","type":"RECORD"}]"#, "a has no fields"),
            (r#"[{"name":"","type":"STRING"}]"#, "no field name"),
            (r#"[{"name":"a","type":"STRING"},{"name":"a","type":"INTEGER"}]"#, "a is there twice"),
            (r#"[{"name":"a","type":"STRING","fields":[{"name":"b","type":"STRING"}]}]"#, "is no RECORD"),
            (r#"[{"name":"a","type":"GEOGRAPHY"}]"#, "GEOGRAPHY"),
        ] {
            let error = TableSchema::from_json(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
