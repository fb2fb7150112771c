//! A strict reader of one row on serde_json, which writes the row again.

use std::fmt::{self, Display};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::decode::parse_float;
use crate::schema::{FieldSchema, FieldType, Mode};
use crate::time::{format_date, parse_date, parse_timestamp};

/// Checks one row and appends it to `out` as arrow-json reads it.
pub(super) fn normalise(row: &[u8], fields: &[FieldSchema], max_depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut json = serde_json::Deserializer::from_slice(row);
    let seed = RecordSeed { fields, path: String::new(), levels: max_depth, out };
    seed.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| error.to_string())
}

fn push(out: &mut Vec<u8>, text: impl Display) {
    out.extend_from_slice(text.to_string().as_bytes());
}

fn push_string<E: serde::de::Error>(out: &mut Vec<u8>, text: &str) -> Result<(), E> {
    serde_json::to_writer(out, text).map_err(E::custom)
}

struct RecordSeed<'a> {
    fields: &'a [FieldSchema],
    path: String,
    levels: usize,
    out: &'a mut Vec<u8>,
}

impl<'de> DeserializeSeed<'de> for RecordSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RecordSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object at '{}'", self.path)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.levels == 0 {
            return Err(A::Error::custom("it is nested deeper than the limit"));
        }
        let mut seen = vec![None; self.fields.len()];
        self.out.push(b'{');
        while let Some(key) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            let Some(at) = self.fields.iter().position(|field| field.name == key) else {
                return Err(A::Error::custom(format!("{path}: the field is not in the schema")));
            };
            if seen[at].is_some() {
                return Err(A::Error::custom(format!("{path}: the field is there twice")));
            }
            if self.out.last() != Some(&b'{') {
                self.out.push(b',');
            }
            push_string(self.out, &key)?;
            self.out.push(b':');
            seen[at] = Some(map.next_value_seed(ValueSeed {
                field: &self.fields[at],
                element: false,
                path: &path,
                levels: self.levels,
                out: self.out,
            })?);
        }
        self.out.push(b'}');
        for (field, seen) in self.fields.iter().zip(seen) {
            if field.mode == Mode::Required && seen != Some(true) {
                return Err(A::Error::custom(format!("{}: the required field is missing", field.name)));
            }
        }
        Ok(())
    }
}

/// One value; gives whether there was one, that is, no null.
struct ValueSeed<'a> {
    field: &'a FieldSchema,
    /// Within the list already.
    element: bool,
    path: &'a str,
    levels: usize,
    out: &'a mut Vec<u8>,
}

impl ValueSeed<'_> {
    fn is_list(&self) -> bool {
        self.field.mode == Mode::Repeated && !self.element
    }

    fn wrong<E: serde::de::Error>(&self, found: impl Display) -> E {
        let expected =
            if self.is_list() { "a list".to_owned() } else { format!("{:?}", self.field.field_type).to_uppercase() };
        E::custom(format!("{}: expected {expected}, found {found}", self.path))
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at '{}'", self.field.field_type, self.path)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        if self.element {
            return Err(self.wrong("null"));
        }
        self.out.extend_from_slice(b"null");
        Ok(false)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<bool, E> {
        if self.is_list() || self.field.field_type != FieldType::Boolean {
            return Err(self.wrong(value));
        }
        push(self.out, value);
        Ok(true)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<bool, E> {
        match self.field.field_type {
            FieldType::Integer if !self.is_list() => push(self.out, value),
            FieldType::Float if !self.is_list() => push(self.out, value),
            _ => return Err(self.wrong(value)),
        }
        Ok(true)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<bool, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<bool, E> {
        match self.field.field_type {
            FieldType::Float if !self.is_list() => push(self.out, format!("{value:?}")),
            // How serde_json gives the integer -0.
            FieldType::Integer if !self.is_list() && value == 0.0 && value.is_sign_negative() => {
                push(self.out, 0);
            }
            _ => return Err(self.wrong(value)),
        }
        Ok(true)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<bool, E> {
        if self.is_list() {
            return Err(self.wrong(value));
        }
        match self.field.field_type {
            FieldType::String => push_string(self.out, value)?,
            FieldType::Integer => {
                let digits = value.strip_prefix('-').unwrap_or(value);
                let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
                match value.parse::<i64>() {
                    Ok(value) if plain => push(self.out, value),
                    _ => return Err(self.wrong(value)),
                }
            }
            FieldType::Float => match parse_float(value) {
                Some(value) if value.is_finite() => push(self.out, format!("{value:?}")),
                Some(value) => push_string(self.out, &value.to_string())?,
                None => return Err(self.wrong(value)),
            },
            FieldType::Boolean => match value.to_ascii_lowercase().as_str() {
                "true" => push(self.out, true),
                "false" => push(self.out, false),
                _ => return Err(self.wrong(value)),
            },
            FieldType::Date => match parse_date(value.as_bytes()) {
                Some(days) => push_string(self.out, &format_date(i64::from(days)))?,
                None => return Err(self.wrong(value)),
            },
            FieldType::Timestamp => match parse_timestamp(value.as_bytes()) {
                Some(micros) => push(self.out, micros),
                None => return Err(self.wrong(value)),
            },
            FieldType::Record => return Err(self.wrong(value)),
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        if !self.is_list() {
            return Err(self.wrong("a list"));
        }
        self.out.push(b'[');
        let mut index = 0;
        loop {
            let before = self.out.len();
            if index > 0 {
                self.out.push(b',');
            }
            let path = format!("{}[{index}]", self.path);
            let element =
                ValueSeed { field: self.field, element: true, path: &path, levels: self.levels, out: self.out };
            if list.next_element_seed(element)?.is_none() {
                self.out.truncate(before);
                break;
            }
            index += 1;
        }
        self.out.push(b']');
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        if self.is_list() || self.field.field_type != FieldType::Record {
            return Err(self.wrong("an object"));
        }
        let record = RecordSeed {
            fields: &self.field.fields,
            path: self.path.to_owned(),
            levels: self.levels - 1,
            out: self.out,
        };
        record.visit_map(map)?;
        Ok(true)
    }
}
