//! Records that somebody sends: one as it is, one that is broken on purpose, one that was mended.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use showrunner_lake::ports::NewMessage;
use showrunner_lake::replay::{Form, Replay};
use showrunner_lake::stream::{
    ATTRIBUTE_ATTEMPT, ATTRIBUTE_CUSTOMER, ATTRIBUTE_RUN, ATTRIBUTE_SEQ, DeadLetter, STREAM_TOPIC,
};

use super::Streams;
use crate::error::{Error, ErrorKind, Result};
use crate::store::StreamRow;

/// Payloads up to this size are shown and may be sent from the page.
const SHOWN_PAYLOAD: usize = 64 << 10;
/// Says of which record of the day a broken one was made, so that it can be mended by itself.
const ATTRIBUTE_RECORD: &str = "record";
/// Says how it was broken.
const ATTRIBUTE_POISON: &str = "poison";

/// How a record can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// It ends in the middle.
    Json,
    /// The visitor is missing.
    Missing,
    /// A number is a word.
    Type,
}

impl Poison {
    /// All of them, with the word in a form and the words for people.
    pub const ALL: [(Poison, &'static str, &'static str); 3] = [
        (Poison::Json, "json", "Bad JSON: it ends in the middle"),
        (Poison::Missing, "missing", "A missing field: no visitor"),
        (Poison::Type, "type", "A wrong type: a word for a number"),
    ];

    /// By the word in a form.
    pub fn named(word: &str) -> Result<Poison> {
        let found = Poison::ALL.into_iter().find(|(_, name, _)| *name == word).map(|(poison, ..)| poison);
        found.ok_or_else(|| Error::new(ErrorKind::Invalid, "There is no such poison. Choose json, missing or type."))
    }

    fn word(self) -> &'static str {
        Poison::ALL.iter().find(|(poison, ..)| *poison == self).map_or("json", |(_, word, _)| *word)
    }
}

/// A record, broken. `visitor` and `number` are the fields to be left out and to be spoilt.
fn broken(record: &[u8], poison: Poison) -> Vec<u8> {
    let mut row: serde_json::Value = match serde_json::from_slice(record) {
        Ok(row) => row,
        Err(_) => return record.to_vec(),
    };
    let Some(members) = row.as_object_mut() else {
        return record.to_vec();
    };
    match poison {
        Poison::Json => return record[..record.len() * 2 / 3].to_vec(),
        // The identity of a session and the moment that its day follows from: every dataset's rows have both, whatever their names.
        Poison::Missing => {
            let visitor = members.keys().find(|name| name.to_lowercase().contains("visitorid")).cloned();
            visitor.and_then(|name| members.remove(&name));
        }
        Poison::Type => {
            let time = members.keys().find(|name| name.to_lowercase().contains("starttime")).cloned();
            time.and_then(|name| members.insert(name, "yesterday, about noon".into()));
        }
    }
    serde_json::to_vec(&row).unwrap_or_else(|_| record.to_vec())
}

impl Streams {
    /// Publishes one record as it is. Returns its run id and sequence number.
    pub async fn send(&self, payload: &str) -> Result<(String, u64)> {
        let payload = payload.trim();
        if payload.is_empty() || payload.len() > SHOWN_PAYLOAD {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("A record has 1 to {SHOWN_PAYLOAD} bytes, and this one has {}.", payload.len()),
            ));
        }
        let stream = self.newest().await?;
        self.by_hand(&stream, payload.as_bytes().to_vec().into(), BTreeMap::new()).await
    }

    /// Publishes a record that is broken on purpose.
    pub async fn poison(&self, poison: Poison) -> Result<(String, u64)> {
        let stream = self.newest().await?;
        let (day, index) = self.next_record(&stream).await?;
        let record = record(&day, index, &stream)?;
        let attributes = BTreeMap::from([
            (ATTRIBUTE_POISON.to_owned(), poison.word().to_owned()),
            (ATTRIBUTE_RECORD.to_owned(), index.to_string()),
        ]);
        self.by_hand(&stream, broken(&record, poison).into(), attributes).await
    }

    /// The record that comes next, flattened: something to change and to send.
    pub async fn sample(&self) -> Result<String> {
        let stream = self.newest().await?;
        let (day, index) = self.next_record(&stream).await?;
        Ok(String::from_utf8_lossy(&record(&day, index, &stream)?).into_owned())
    }

    /// The payload with which a dead letter is to be sent again: the record that it was made of where that is known, else what it
    /// is, to be mended by a person. `None` if it is too long for a page.
    pub async fn mended(&self, letter: &DeadLetter) -> Result<Option<String>> {
        let made_of = letter.attributes.get(ATTRIBUTE_RECORD).and_then(|index| index.parse::<usize>().ok());
        if let Some(index) = made_of {
            let streams = self.store.streams(u32::MAX).await?;
            if let Some(stream) = streams.iter().find(|row| row.by_hand() == letter.run_id) {
                let day = self.day_of(stream).await?;
                return Ok(Some(String::from_utf8_lossy(&record(&day, index, stream)?).into_owned()));
            }
        }
        Ok((letter.payload.len() <= SHOWN_PAYLOAD).then(|| letter.payload.clone()))
    }

    /// Publishes a dead letter once more, with this payload, under its own number: it lands where the first one should have.
    pub async fn resend(&self, run_id: &str, seq: u64, payload: &str) -> Result<()> {
        self.refuse_during_reset().await?;
        let letter = self.sinks.dead_letter(run_id, seq).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "There is no such dead letter: it was reset, or sent again by somebody else.",
            )
        })?;
        let payload = payload.trim();
        if payload.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "There is nothing to send. Mend the record, then press again."));
        }
        let mut attributes = letter.attributes.clone();
        attributes.insert(ATTRIBUTE_RUN.to_owned(), letter.run_id.clone());
        attributes.insert(ATTRIBUTE_SEQ.to_owned(), letter.seq.to_string());
        attributes.insert(ATTRIBUTE_ATTEMPT.to_owned(), (letter.attempt + 1).to_string());
        attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), letter.customer.clone());
        self.publish_one(NewMessage { data: Bytes::from(payload.to_owned()), attributes, ..NewMessage::default() })
            .await
    }

    async fn by_hand(
        &self,
        stream: &StreamRow,
        data: Bytes,
        mut attributes: BTreeMap<String, String>,
    ) -> Result<(String, u64)> {
        self.refuse_during_reset().await?;
        let seq = self.store.number_by_hand(&stream.id).await?;
        let run_id = stream.by_hand();
        attributes.insert(ATTRIBUTE_RUN.to_owned(), run_id.clone());
        attributes.insert(ATTRIBUTE_SEQ.to_owned(), seq.to_string());
        attributes.insert(ATTRIBUTE_ATTEMPT.to_owned(), "0".to_owned());
        attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), stream.customer.clone());
        self.publish_one(NewMessage { data, attributes, ..NewMessage::default() }).await?;
        Ok((run_id, seq))
    }

    async fn publish_one(&self, message: NewMessage) -> Result<()> {
        self.lake.topics().publish(STREAM_TOPIC, vec![message]).await?;
        self.changed();
        Ok(())
    }

    async fn refuse_during_reset(&self) -> Result<()> {
        match self.store.active_reset().await? {
            None => Ok(()),
            Some(id) => Err(Error::new(
                ErrorKind::Conflict,
                format!("A reset is running ({id}). Wait until it is verified, then press again."),
            )),
        }
    }

    /// The stream that is under way, else the one before.
    async fn newest(&self) -> Result<StreamRow> {
        self.store
            .streams(1)
            .await?
            .pop()
            .ok_or_else(|| Error::new(ErrorKind::Conflict, "There was no stream yet. Start one, then press again."))
    }

    async fn next_record(&self, stream: &StreamRow) -> Result<(Arc<Replay>, usize)> {
        let day = self.day_of(stream).await?;
        let position = self.with_active(|playing| playing.row.position).unwrap_or(stream.position);
        let index = usize::try_from(position).unwrap_or_default() % day.len().max(1);
        Ok((day, index))
    }

    /// The day that a stream publishes.
    pub(super) async fn day_of(&self, stream: &StreamRow) -> Result<Arc<Replay>> {
        self.day(&stream.dataset, stream.day()?).await
    }

    /// A day of the source bucket, kept for the next time. A day that was replaced meanwhile is read when another one was.
    pub(super) async fn day(&self, dataset: &str, date: NaiveDate) -> Result<Arc<Replay>> {
        let wanted = (dataset.to_owned(), date);
        let mut kept = self.kept.lock().await;
        if let Some((known, day)) = kept.as_ref()
            && *known == wanted
        {
            return Ok(day.clone());
        }
        let day = Arc::new(self.lake.replay(&wanted.0, wanted.1).await?);
        *kept = Some((wanted, day.clone()));
        Ok(day)
    }
}

fn record(day: &Replay, index: usize, stream: &StreamRow) -> Result<Bytes> {
    let form = Form { flattened: true, shifted_to: stream.shift()? };
    let message = day.message(index, form);
    message
        .map(|message| message.data)
        .ok_or_else(|| Error::new(ErrorKind::Conflict, "The day has no such record any more. Start another stream."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_poison_breaks_what_it_says() {
        let record = br#"{"fullVisitorId":"7","visitId":"1","visitStartTime":"1501500000","date":"20170731"}"#;
        let json = broken(record, Poison::Json);
        assert!(serde_json::from_slice::<serde_json::Value>(&json).is_err());
        let missing: serde_json::Value = serde_json::from_slice(&broken(record, Poison::Missing)).unwrap();
        assert!(missing.get("fullVisitorId").is_none() && missing.get("visitId").is_some());
        let wrong: serde_json::Value = serde_json::from_slice(&broken(record, Poison::Type)).unwrap();
        assert!(wrong["visitStartTime"].as_str().unwrap().parse::<i64>().is_err());
        assert!(wrong.get("fullVisitorId").is_some());
        for (poison, word, _) in Poison::ALL {
            assert_eq!((Poison::named(word).unwrap(), poison.word()), (poison, word));
        }
        assert!(Poison::named("arsenic").is_err());
    }
}
