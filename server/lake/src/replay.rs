//! A day of the source bucket, record by record in the order of the events: what a stream publishes.

use std::io::Read;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate};
use flate2::read::MultiGzDecoder;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::datasets::{EventFields, raw_date};
use crate::keys::SourceKey;
use crate::ports::NewMessage;
use crate::stream::ATTRIBUTE_EVENT_TIME;
use crate::{Error, ErrorKind, Lake, Result};

/// A day is held in memory while it is published.
const MOST_BYTES: u64 = 1 << 30;

/// How records are published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Form {
    /// Without the nested hits: a tenth of the bytes.
    pub flattened: bool,
    /// As if they were of this date: the day, the ids and instants that follow from it move by whole days.
    pub shifted_to: Option<NaiveDate>,
}

/// A record's place in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    /// Epoch seconds; the last ones of all where the record does not say.
    at: i64,
}

/// The records of a day.
pub struct Replay {
    text: Bytes,
    places: Vec<Place>,
    date: NaiveDate,
    fields: EventFields,
}

impl Lake {
    /// Reads a day of the source bucket.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the source bucket does not have it, [`ErrorKind::Invalid`] if it is damaged.
    pub async fn replay(&self, dataset: &str, date: NaiveDate) -> Result<Replay> {
        let fields = self.event_fields(dataset)?;
        let key = SourceKey::Data(date).to_string();
        let stored = self.objects().get(&self.names().source, &key).await.map_err(|error| match error.kind {
            ErrorKind::NotFound => Error::with(
                ErrorKind::NotFound,
                format!("The source bucket has no day {date}. Seed the history first, or choose another day."),
                error,
            ),
            _ => error,
        })?;
        tokio::task::spawn_blocking(move || Replay::read(&stored, date, fields))
            .await
            .map_err(|e| Error::with(ErrorKind::Internal, format!("Reading the day stopped unexpectedly: {e}"), e))?
    }
}

impl Replay {
    fn read(stored: &[u8], date: NaiveDate, fields: EventFields) -> Result<Replay> {
        let damaged = |e: std::io::Error| {
            Error::with(
                ErrorKind::Invalid,
                format!("The file of {date} in the source bucket is damaged ({e}). Seed it again."),
                e,
            )
        };
        let mut text = Vec::with_capacity(stored.len().saturating_mul(12));
        MultiGzDecoder::new(stored).take(MOST_BYTES + 1).read_to_end(&mut text).map_err(damaged)?;
        if text.len() as u64 > MOST_BYTES {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!("The day {date} has more than {MOST_BYTES} bytes, which is more than a stream takes at a time."),
            ));
        }
        let mut places = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.trim_ascii_end().len();
            if end > start {
                let event = members(&text[start..end]).and_then(|m| number(value(&m, fields.time)?));
                places.push(Place { start, end, at: event.unwrap_or(i64::MAX) });
            }
            start += line.len();
        }
        // Records of the same second stay as they were delivered.
        places.sort_by_key(|place| place.at);
        Ok(Replay { text: text.into(), places, date, fields })
    }

    /// How many records the day has.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The record as a message: JSON, the visitor as its ordering key, and when it really happened. `index` counts in the order
    /// of the events; `None` behind the last one.
    pub fn message(&self, index: usize, form: Form) -> Option<NewMessage> {
        let place = self.places.get(index)?;
        let line = self.text.slice(place.start..place.end);
        let mut message = NewMessage { data: line.clone(), ..NewMessage::default() };
        if let Some(at) = DateTime::from_timestamp(place.at, 0) {
            let text = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            message.attributes.insert(ATTRIBUTE_EVENT_TIME.to_owned(), text);
        }
        // A record that is no JSON is published as it is: what becomes of it is the subscribers' business.
        if let Some(members) = members(&line) {
            let key = value(&members, self.fields.visitor).map(|raw| raw.get().trim_matches('"').to_owned());
            message.ordering_key = key.unwrap_or_default();
            if form != Form::default() {
                message.data = self.formed(&members, form).into();
            }
        }
        Some(message)
    }

    fn formed(&self, members: &[(&str, &RawValue)], form: Form) -> Vec<u8> {
        let days = form.shifted_to.map_or(0, |to| (to - self.date).num_days());
        let mut out = Vec::with_capacity(4_096);
        for (name, raw) in members {
            if form.flattened && *name == self.fields.nested {
                continue;
            }
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            let raw = raw.get();
            match form.shifted_to {
                Some(to) if *name == self.fields.date => {
                    out.extend_from_slice(format!("\"{}\"", raw_date(to)).as_bytes());
                }
                Some(_) if self.fields.instants.contains(name) => {
                    match raw.trim_matches('"').parse::<i64>() {
                        // In the spelling that it has: INT64 comes as text.
                        Ok(at) if raw.starts_with('"') => {
                            out.extend_from_slice(format!("\"{}\"", at.saturating_add(days * 86_400)).as_bytes());
                        }
                        Ok(at) => out.extend_from_slice(at.saturating_add(days * 86_400).to_string().as_bytes()),
                        Err(_) => out.extend_from_slice(raw.as_bytes()),
                    }
                }
                _ => out.extend_from_slice(raw.as_bytes()),
            }
        }
        out.extend_from_slice(if out.is_empty() { b"{}" } else { b"}" });
        out
    }
}

fn value<'a>(members: &[(&str, &'a RawValue)], name: &str) -> Option<&'a RawValue> {
    members.iter().find(|(known, _)| *known == name).map(|(_, raw)| *raw)
}

fn number(raw: &RawValue) -> Option<i64> {
    raw.get().trim_matches('"').parse().ok()
}

/// The members of an object at the top level, in their order, values as they are written. `None` if it is no object, or if a name
/// is written with escapes: no known field's is.
fn members(line: &[u8]) -> Option<Vec<(&str, &RawValue)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(&'de str, &'de RawValue)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(24);
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    let mut json = serde_json::Deserializer::from_slice(line);
    let members = json.deserialize_map(Members).ok()?;
    json.end().ok()?;
    Some(members)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const FIELDS: EventFields = EventFields {
        visitor: "fullVisitorId",
        time: "visitStartTime",
        date: "date",
        instants: &["visitStartTime", "visitId"],
        nested: "hits",
    };

    fn replay(lines: &str) -> Result<Replay> {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(lines.as_bytes()).unwrap();
        Replay::read(&gz.finish().unwrap(), "2017-07-31".parse().unwrap(), FIELDS)
    }

    fn data(message: &NewMessage) -> &str {
        std::str::from_utf8(&message.data).unwrap()
    }

    #[test]
    fn records_come_in_the_order_of_their_events_and_none_is_lost() {
        let day = replay(
            "{\"visitStartTime\":\"300\",\"fullVisitorId\":\"7\"}\n\nno json\n{\"visitStartTime\":100}\r\n{\"visitStartTime\":\"200\",\"a\":[1]}",
        )
        .unwrap();
        let all: Vec<_> = (0..day.len()).map(|at| day.message(at, Form::default()).unwrap()).collect();
        let texts: Vec<_> = all.iter().map(data).collect();
        assert_eq!(
            texts,
            [
                "{\"visitStartTime\":100}",
                "{\"visitStartTime\":\"200\",\"a\":[1]}",
                "{\"visitStartTime\":\"300\",\"fullVisitorId\":\"7\"}",
                "no json"
            ]
        );
        assert_eq!(all[2].ordering_key, "7");
        assert_eq!(all[2].attributes[ATTRIBUTE_EVENT_TIME], "1970-01-01T00:05:00Z");
        assert!(all[3].attributes.is_empty() && all[3].ordering_key.is_empty());
        assert!(day.message(4, Form::default()).is_none());
    }

    #[test]
    fn a_record_moves_by_whole_days_and_loses_its_hits_only_if_asked() {
        let line = r#"{"visitId":"1501500000","visitStartTime":1501500000,"date":"20170731","totals":{"visits":"1"},"hits":[{"time":"0"}]}"#;
        let day = replay(line).unwrap();
        let to = Some("2026-11-25".parse().unwrap());
        // 2017-07-31 to 2026-11-25 are 3,404 days.
        let later = 1_501_500_000_i64 + 3_404 * 86_400;
        for (form, expected) in [
            (Form { flattened: false, shifted_to: None }, line.to_owned()),
            (
                Form { flattened: true, shifted_to: None },
                r#"{"visitId":"1501500000","visitStartTime":1501500000,"date":"20170731","totals":{"visits":"1"}}"#.to_owned(),
            ),
            (
                Form { flattened: false, shifted_to: to },
                format!(
                    r#"{{"visitId":"{later}","visitStartTime":{later},"date":"20261125","totals":{{"visits":"1"}},"hits":[{{"time":"0"}}]}}"#
                ),
            ),
        ] {
            let message = day.message(0, form).unwrap();
            assert_eq!(data(&message), expected);
            // The original time, whatever is published.
            assert_eq!(message.attributes[ATTRIBUTE_EVENT_TIME], "2017-07-31T11:20:00Z");
        }
    }

    #[test]
    fn a_damaged_file_is_said_to_be_so() {
        let error = Replay::read(b"no gzip", "2017-07-31".parse().unwrap(), FIELDS).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("2017-07-31"), "{error}");
    }
}
