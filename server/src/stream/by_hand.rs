//! Records that somebody sends: one as it is, one that is broken on purpose, one that was mended.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use showrunner_lake::ports::NewMessage;
use showrunner_lake::replay::{Form, Poison, Replay};
use showrunner_lake::stream::{
    ATTRIBUTE_ATTEMPT, ATTRIBUTE_CUSTOMER, ATTRIBUTE_RUN, ATTRIBUTE_SEQ, DeadLetter, STREAM_TOPIC,
};

use super::Streams;
use super::notes::Part;
use crate::error::{Error, ErrorKind, Result};
use crate::store::StreamRow;

/// Payloads up to this size are shown and may be sent from the page.
const SHOWN_PAYLOAD: usize = 64 << 10;
/// Says of which record of the day a broken one was made, so that it can be mended by itself.
const ATTRIBUTE_RECORD: &str = "record";
/// Says how it was broken.
const ATTRIBUTE_POISON: &str = "poison";

/// How a record can be broken, by the word in a form.
const POISONS: [(&str, Poison); 3] = [("json", Poison::Json), ("missing", Poison::Missing), ("type", Poison::Type)];

impl Streams {
    /// Publishes one record as it is. Returns its run id and sequence number.
    pub async fn send(&self, payload: &str) -> Result<(String, u64)> {
        let payload = checked(payload)?;
        let stream = self.newest().await?;
        self.by_hand(&stream, payload, BTreeMap::new()).await
    }

    /// Publishes a record that is broken on purpose.
    pub async fn poison(&self, word: &str) -> Result<(String, u64)> {
        let poison = POISONS.iter().find(|(known, _)| *known == word).map(|(_, poison)| *poison);
        let poison = poison
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "There is no such poison. Choose json, missing or type."))?;
        let stream = self.newest().await?;
        let (day, index) = self.next_record(&stream).await?;
        let record = day.broken(index, form(&stream)?, poison).ok_or_else(gone)?;
        let attributes = BTreeMap::from([
            (ATTRIBUTE_POISON.to_owned(), word.to_owned()),
            (ATTRIBUTE_RECORD.to_owned(), index.to_string()),
        ]);
        self.by_hand(&stream, record, attributes).await
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
        let data = checked(payload)?;
        let letter = self.sinks.dead_letter(run_id, seq).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "There is no such dead letter: it was reset, or sent again by somebody else.",
            )
        })?;
        let mut attributes = letter.attributes.clone();
        attributes.insert(ATTRIBUTE_RUN.to_owned(), letter.run_id.clone());
        attributes.insert(ATTRIBUTE_SEQ.to_owned(), letter.seq.to_string());
        attributes.insert(ATTRIBUTE_ATTEMPT.to_owned(), (letter.attempt + 1).to_string());
        attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), letter.customer.clone());
        self.publish_one(&letter.run_id, NewMessage { data, attributes, ..NewMessage::default() }).await
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
        self.publish_one(&run_id, NewMessage { data, attributes, ..NewMessage::default() }).await?;
        Ok((run_id, seq))
    }

    async fn publish_one(&self, run_id: &str, message: NewMessage) -> Result<()> {
        self.noted(run_id, Part::Button, self.lake.topics().publish(STREAM_TOPIC, vec![message])).await?;
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

/// What somebody wrote, as it is published.
fn checked(payload: &str) -> Result<Bytes> {
    let payload = payload.trim();
    if (1..=SHOWN_PAYLOAD).contains(&payload.len()) {
        return Ok(Bytes::from(payload.to_owned()));
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("A record has 1 to {SHOWN_PAYLOAD} bytes, and this one has {}.", payload.len()),
    ))
}

/// Short enough for a page.
fn form(stream: &StreamRow) -> Result<Form> {
    Ok(Form { flattened: true, shifted_to: stream.shift()? })
}

fn record(day: &Replay, index: usize, stream: &StreamRow) -> Result<Bytes> {
    day.message(index, form(stream)?).map(|message| message.data).ok_or_else(gone)
}

fn gone() -> Error {
    Error::new(ErrorKind::Conflict, "The day has no such record any more. Start another stream.")
}
