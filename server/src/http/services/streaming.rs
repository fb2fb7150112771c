//! The stream's buttons.

use app::services::Streaming;
use app::wire::{StartStreamForm, StreamView, WireError};
use async_trait::async_trait;

use super::Person;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Payload, StreamState};
use crate::stream::Start;

/// A press of Compact in the tables' history.
const COMPACTION: &str = "compaction";

#[async_trait]
impl Streaming for Person {
    async fn stream(&self) -> Result<StreamView, WireError> {
        self.views.stream().await.map_err(|e| self.explain(e))
    }

    async fn start_stream(&self, start: StartStreamForm) -> Result<String, WireError> {
        self.start(start).await.map_err(|e| self.explain(e))
    }

    async fn change_stream(&self, change: String, value: String) -> Result<(), WireError> {
        self.change(&change, &value).await.map_err(|e| self.explain(e))
    }

    async fn resend_record(&self, run: String, seq: String, payload: String) -> Result<(), WireError> {
        let seq = seq.parse().map_err(|_| self.invalid("The number of a record is a whole number.".to_owned()))?;
        self.web.state.streams.resend(&run, seq, &payload).await.map_err(|e| self.explain(e))
    }
}

impl Person {
    async fn start(&self, form: StartStreamForm) -> Result<String> {
        let story = self.views.story();
        let day = self.views.parse_day(&format!("{}/{}/{}", story.customer, story.dataset, form.day)).await?;
        let start = Start {
            customer: day.customer,
            dataset: day.dataset,
            date: day.date,
            rate: number(&form.rate)?,
            payload: Payload::try_from(form.payload)
                .map_err(|_| Error::new(ErrorKind::Invalid, "A message holds the full session, or a flattened one."))?,
            as_if_today: form.dates == "today",
            loops: form.end == "loop",
            most: None,
            by: self.asker.name().into(),
        };
        self.web.state.streams.start(start).await?;
        Ok("/stream".into())
    }

    async fn change(&self, change: &str, value: &str) -> Result<()> {
        let streams = &self.web.state.streams;
        match change {
            "pause" => streams.play_or_pause(StreamState::Paused).await.map(|_| ()),
            "resume" => streams.play_or_pause(StreamState::Playing).await.map(|_| ()),
            "step" => streams.burst(1).await.map(|_| ()),
            "burst" => streams.burst(whole(value)?).await.map(|_| ()),
            "rate" => streams.set_rate(number(value)?).await.map(|_| ()),
            "stop" => streams.stop(&format!("{} stopped it.", self.asker.name())).await.map(|_| ()),
            "send" => streams.send(value).await.map(|_| ()),
            "poison" => streams.poison(value).await.map(|_| ()),
            "compact" => {
                self.web.state.engine.refuse_during_reset().await?;
                streams.compact(COMPACTION).await.map(|_| ())
            }
            _ => Err(Error::new(ErrorKind::Invalid, "There is no such change of a stream. Load the page again.")),
        }
    }
}

fn number(text: &str) -> Result<f64> {
    text.trim().replace(',', ".").parse().map_err(|_| {
        Error::new(ErrorKind::Invalid, "The rate is a number of records a second, such as 0.5, 1 or 1000.")
    })
}

fn whole(text: &str) -> Result<u64> {
    text.trim()
        .parse()
        .map_err(|_| Error::new(ErrorKind::Invalid, "A burst is a whole number of records, such as 100."))
}
