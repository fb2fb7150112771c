//! A day of the source bucket, record by record in the order of the events: what a stream publishes.

use std::io::Read;
use std::ops::Range;

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

/// How a record can be broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// It ends in the middle.
    Json,
    /// The visitor is missing.
    Missing,
    /// The time is a word.
    Type,
}

/// A record's place in the file, and what of it a form changes: all of it is looked for once, when the day is read.
#[derive(Debug, Clone)]
struct Place {
    start: usize,
    end: usize,
    /// Epoch seconds; the last ones of all where the record does not say.
    at: i64,
    /// The visitor's id, as text; nowhere if it is not there.
    visitor: Range<usize>,
    /// In the order of the record.
    cuts: Vec<Cut>,
}

/// A part of a record that some forms change.
#[derive(Debug, Clone)]
struct Cut {
    range: Range<usize>,
    what: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The value of the day.
    Date,
    /// The value of an instant in epoch seconds, as a number or as text.
    Instant,
    /// The nested events, with their name and one comma.
    Nested,
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
                format!(
                    "The day {date} has more than {MOST_BYTES} bytes, which is more than a stream takes at a time."
                ),
            ));
        }
        let mut places = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let end = start + line.trim_ascii_end().len();
            if end > start {
                places.push(place(&text, start..end, &fields));
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
        let data = self.text.slice(place.start..place.end);
        let mut message = NewMessage { data, ..NewMessage::default() };
        if let Some(at) = DateTime::from_timestamp(place.at, 0) {
            let text = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            message.attributes.insert(ATTRIBUTE_EVENT_TIME.to_owned(), text);
        }
        // A record that is no JSON has no parts and is published as it is: what becomes of it is the subscribers' business.
        message.ordering_key = String::from_utf8_lossy(&self.text[place.visitor.clone()]).into_owned();
        if form != Form::default() && !place.cuts.is_empty() {
            message.data = self.formed(place, form).into();
        }
        Some(message)
    }

    /// The record as JSON, broken. `None` behind the last one, and for a record that is no JSON already.
    pub fn broken(&self, index: usize, form: Form, poison: Poison) -> Option<Bytes> {
        let whole = self.message(index, form)?.data;
        let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&whole).ok()?;
        match poison {
            Poison::Json => return Some(whole.slice(..whole.len() * 2 / 3)),
            Poison::Missing => row.remove(self.fields.visitor),
            Poison::Type => row.insert(self.fields.time.to_owned(), "yesterday, about noon".into()),
        };
        serde_json::to_vec(&row).ok().map(Bytes::from)
    }

    fn formed(&self, place: &Place, form: Form) -> Vec<u8> {
        let mut out = Vec::with_capacity(4_096);
        let mut from = place.start;
        for cut in &place.cuts {
            let value = &self.text[cut.range.clone()];
            let new = match (cut.what, form.shifted_to) {
                (Part::Nested, _) if form.flattened => Some(String::new()),
                (Part::Date, Some(to)) => Some(format!("\"{}\"", raw_date(to))),
                (Part::Instant, Some(to)) => moved(value, (to - self.date).num_days()),
                _ => None,
            };
            if let Some(new) = new {
                out.extend_from_slice(&self.text[from..cut.range.start]);
                out.extend_from_slice(new.as_bytes());
                from = cut.range.end;
            }
        }
        out.extend_from_slice(&self.text[from..place.end]);
        out
    }
}

/// Epoch seconds so many days later, in the spelling that they have: INT64 comes as text. `None` for what is no number.
fn moved(value: &[u8], days: i64) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let at = text.trim_matches('"').parse::<i64>().ok()?.saturating_add(days * 86_400);
    Some(if text.starts_with('"') { format!("\"{at}\"") } else { at.to_string() })
}

/// Looks for what a stream reads and changes.
fn place(text: &[u8], line: Range<usize>, fields: &EventFields) -> Place {
    let mut place = Place { start: line.start, end: line.end, at: i64::MAX, visitor: 0..0, cuts: Vec::new() };
    let Some(members) = members(&text[line]) else {
        return place;
    };
    // Both are parts of the text.
    let offset = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    for (name, raw) in &members {
        let value = offset(raw.get())..offset(raw.get()) + raw.get().len();
        if *name == fields.time {
            place.at = raw.get().trim_matches('"').parse().unwrap_or(i64::MAX);
        }
        if *name == fields.visitor {
            let id = raw.get().trim_matches('"');
            place.visitor = offset(id)..offset(id) + id.len();
        }
        let what = match *name {
            name if name == fields.date => Part::Date,
            name if fields.instants.contains(&name) => Part::Instant,
            name if name == fields.nested => Part::Nested,
            _ => continue,
        };
        let range = match what {
            // The quote in front of the name belongs to it.
            Part::Nested => with_comma(text, offset(name) - 1..value.end),
            Part::Date | Part::Instant => value,
        };
        place.cuts.push(Cut { range, what });
    }
    place
}

/// A member with the comma behind it, or the one before it if it is the last.
fn with_comma(text: &[u8], member: Range<usize>) -> Range<usize> {
    let space = |byte: &u8| byte.is_ascii_whitespace();
    let behind = text[member.end..].iter().take_while(|byte| space(byte)).count() + member.end;
    if text.get(behind) == Some(&b',') {
        return member.start..behind + 1;
    }
    let before = member.start - text[..member.start].iter().rev().take_while(|byte| space(byte)).count();
    let comma = before > 0 && text[before - 1] == b',';
    (if comma { before - 1 } else { member.start })..member.end
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
                r#"{"visitId":"1501500000","visitStartTime":1501500000,"date":"20170731","totals":{"visits":"1"}}"#
                    .to_owned(),
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
    fn hits_go_with_one_comma_wherever_they_stand() {
        let form = Form { flattened: true, shifted_to: None };
        for (line, expected) in [
            (r#"{"hits":[],"a":1}"#, r#"{"a":1}"#),
            (r#"{"a":1 , "hits" : [ {"x":"}"} ] }"#, r#"{"a":1  }"#),
            (r#"{"a":1,"hits":[{"b":","}],"c":{"hits":2}}"#, r#"{"a":1,"c":{"hits":2}}"#),
            (r#"{"hits":[1]}"#, "{}"),
            (r#"{"a":"hits"}"#, r#"{"a":"hits"}"#),
        ] {
            let day = replay(line).unwrap();
            assert_eq!(data(&day.message(0, form).unwrap()), expected, "{line}");
        }
    }

    #[test]
    fn each_poison_breaks_what_it_says() {
        let day = replay(r#"{"fullVisitorId":"7","visitId":"1","visitStartTime":"1501500000","hits":[]}"#).unwrap();
        let broken = |poison| day.broken(0, Form { flattened: true, shifted_to: None }, poison).unwrap();
        let row = |poison| serde_json::from_slice::<serde_json::Value>(&broken(poison));
        assert!(row(Poison::Json).is_err());
        let missing = row(Poison::Missing).unwrap();
        assert!(missing.get("fullVisitorId").is_none() && missing.get("visitId").is_some());
        let wrong = row(Poison::Type).unwrap();
        assert!(wrong["visitStartTime"].as_str().unwrap().parse::<i64>().is_err());
        assert!(wrong.get("fullVisitorId").is_some() && wrong.get("hits").is_none());
        assert!(replay("no json").unwrap().broken(0, Form::default(), Poison::Json).is_none());
    }

    #[test]
    fn a_damaged_file_is_said_to_be_so() {
        let error = Replay::read(b"no gzip", "2017-07-31".parse().unwrap(), FIELDS).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Invalid);
        assert!(error.message.contains("2017-07-31"), "{error}");
    }
}
