//! The player: publishes the records of the stream that is not over, at its rate, and goes on where it was after a restart.
//!
//! A record's sequence number is its place in the stream, so it has the same number whenever it is published. The position is stored
//! behind the publishing: after a crash some records are published once more, and the subscribers know them by their numbers.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use showrunner_lake::replay::{Form, Replay};
use showrunner_lake::stream::{ATTRIBUTE_ATTEMPT, ATTRIBUTE_CUSTOMER, ATTRIBUTE_RUN, ATTRIBUTE_SEQ, STREAM_TOPIC};
use tokio_util::sync::CancellationToken;

use super::notes::Part;
use super::{Playing, Streams, meter};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint;
use crate::store::{Payload, StreamRow, StreamState};
use crate::{format, runs::counted};

/// Messages of one publish request.
const BATCH: u64 = 500;
/// Bytes of one publish request: below the topic's limit, so that one large record more still fits.
const BATCH_BYTES: usize = 4 << 20;
/// At most so long is the position not stored.
const STORED_WITHIN: Duration = Duration::from_millis(250);
/// After a stall, records of at most this time are made up for.
const CATCH_UP: f64 = 1.0;
/// At high rates, so many seconds' records go together.
const TICK: f64 = 0.02;

/// Where the player is.
struct Pace {
    /// Records that are due; one more with each interval.
    credit: f64,
    since: Instant,
    stored: (u64, Instant),
}

impl Streams {
    /// Plays one stream after another until `halt`.
    pub(super) async fn play(&self, halt: &CancellationToken) {
        while !halt.is_cancelled() {
            let played = match self.next().await {
                Ok(Some(row)) => self.play_one(row, halt).await,
                Ok(None) => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = halt.cancelled() => {}
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            };
            *self.active.lock().unwrap_or_else(PoisonError::into_inner) = None;
            match played {
                Ok(()) => self.set_trouble(None),
                Err(error) => self.wait_in_trouble(&error, halt).await,
            }
            self.changed();
        }
    }

    async fn next(&self) -> Result<Option<StreamRow>> {
        // What a reset is about to end is not played on.
        if self.store.active_reset().await?.is_some() {
            return Ok(None);
        }
        self.store.active_stream().await
    }

    async fn wait_in_trouble(&self, error: &Error, halt: &CancellationToken) {
        if self.trouble().as_deref() != Some(error.message.as_str()) {
            tracing::error!("{}", error.chain());
        }
        self.set_trouble(Some(error.message.clone()));
        self.changed();
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            () = halt.cancelled() => {}
        }
    }

    async fn play_one(&self, row: StreamRow, halt: &CancellationToken) -> Result<()> {
        self.note(&row).await;
        let day = match self.noted(&row.id, Part::Player, self.day_of(&row)).await {
            Ok(day) => day,
            // A disk that fails may work again; a day that is gone stays gone.
            Err(error) if error.kind == ErrorKind::Unavailable => return Err(error),
            Err(error) => return self.end(&row.id, None, &error.message).await,
        };
        let records = i64::try_from(day.len()).unwrap_or(i64::MAX);
        if row.records == 0 {
            self.store.stream_read(&row.id, day.len() as u64).await?;
        } else if row.records != records {
            let why = format!(
                "The day {} had {} records when the stream began, and has {records} now: it cannot go on where it was. Start another one.",
                row.date, row.records
            );
            return self.end(&row.id, None, &why).await;
        }
        let form = Form { flattened: row.payload == Payload::Flattened, shifted_to: row.shift()? };
        let position = u64::try_from(row.position).unwrap_or_default();
        let (id, stops_at) = (row.id.clone(), row.stops_at);
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Playing { row, burst: 0, stop: None, meter: meter::Meter::default() });
        self.changed();
        let begun = Instant::now();
        let mut pace = Pace { credit: 1.0, since: begun, stored: (position, begun) };
        let records = self.records(&day, form, stops_at, &mut pace, halt);
        let ended = self.noted(&id, Part::Player, records).await;
        let position = self.with_active(|playing| u64::try_from(playing.row.position).unwrap_or_default());
        match ended? {
            // It goes on at the next start.
            None => match position {
                Some(position) => self.store.stream_at(&id, position).await,
                None => Ok(()),
            },
            Some(why) => self.end(&id, position, &why).await,
        }
    }

    /// Publishes record by record. Returns why the stream is over; `None` when the server stops.
    async fn records(
        &self,
        day: &Arc<Replay>,
        form: Form,
        stops_at: i64,
        pace: &mut Pace,
        halt: &CancellationToken,
    ) -> Result<Option<String>> {
        loop {
            if halt.is_cancelled() {
                return Ok(None);
            }
            let publishing = self.publishing.lock().await;
            let Some(Playing { row, burst, stop, .. }) = self.with_active(|playing| playing.clone()) else {
                return Ok(None);
            };
            if let Some(why) = stop.or_else(|| self.over(&row, day.len(), stops_at)) {
                return Ok(Some(why));
            }
            let now = Instant::now();
            let passed = now.duration_since(pace.since).as_secs_f64();
            pace.since = now;
            let playing = row.state == StreamState::Playing;
            if playing {
                pace.credit = (pace.credit + passed * row.rate).min((row.rate * CATCH_UP).max(1.0));
            }
            let due = if playing { pace.credit.floor() as u64 } else { 0 };
            let unbounded = self.unbounded.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(&row.id);
            let wanted = if unbounded { BATCH } else { burst.saturating_add(due) };
            if wanted == 0 {
                drop(publishing);
                let missing = 1.0 - pace.credit;
                let wait =
                    if playing { Duration::from_secs_f64((missing / row.rate).max(TICK)) } else { Duration::MAX };
                self.rest(pace, wait, stops_at, halt).await;
                continue;
            }
            let published = self.publish(day, form, &row, wanted.min(BATCH), halt).await?;
            pace.credit -= published.min(due) as f64;
            let now = Instant::now();
            self.with_active(|playing| {
                playing.row.position = playing.row.position.saturating_add_unsigned(published);
                playing.burst -= published.saturating_sub(due).min(playing.burst);
                playing.meter.add(now, published);
            });
            drop(publishing);
            if published > 0 {
                failpoint::reach("stream:published");
                self.changed();
            }
            if pace.stored.1.elapsed() >= STORED_WITHIN {
                self.store_position(pace).await;
            }
            // Below the batch everything that was due is out: the next ones come together.
            if playing && published < BATCH && row.rate * TICK > 1.0 {
                self.rest(pace, Duration::from_secs_f64(TICK), stops_at, halt).await;
            }
        }
    }

    /// Whether there is nothing more to publish, in words.
    fn over(&self, row: &StreamRow, records: usize, stops_at: i64) -> Option<String> {
        let position = u64::try_from(row.position).unwrap_or_default();
        if let Some(most) = row.most
            && row.position >= most
        {
            return Some(format!(
                "{} were published, as asked.",
                counted(usize::try_from(most).unwrap_or(0), "record")
            ));
        }
        if !row.loops && position >= records as u64 {
            return Some(format!("All {} records of {} were published.", format::count(records as u64), row.date));
        }
        (self.clock.millis() >= stops_at).then(|| {
            let lasted = format::clock((stops_at - row.started_at) / 60_000);
            format!("It stopped by itself after {lasted} hours. Start another one to go on.")
        })
    }

    /// Publishes the next records; returns how many.
    async fn publish(
        &self,
        day: &Arc<Replay>,
        form: Form,
        row: &StreamRow,
        wanted: u64,
        halt: &CancellationToken,
    ) -> Result<u64> {
        let position = u64::try_from(row.position).unwrap_or_default();
        let most = row.most.and_then(|most| u64::try_from(most).ok()).unwrap_or(u64::MAX);
        let last = if row.loops { most } else { most.min(day.len() as u64) };
        let mut messages = Vec::new();
        let mut bytes = 0;
        for seq in position..last.min(position.saturating_add(wanted)) {
            let index = usize::try_from(seq % day.len() as u64).unwrap_or_default();
            let Some(mut message) = day.message(index, form) else { break };
            message.attributes.insert(ATTRIBUTE_RUN.to_owned(), row.id.clone());
            message.attributes.insert(ATTRIBUTE_SEQ.to_owned(), seq.to_string());
            message.attributes.insert(ATTRIBUTE_ATTEMPT.to_owned(), "0".to_owned());
            message.attributes.insert(ATTRIBUTE_CUSTOMER.to_owned(), row.customer.clone());
            bytes += message.data.len();
            messages.push(message);
            if bytes >= BATCH_BYTES {
                break;
            }
        }
        let count = messages.len() as u64;
        let topics = self.lake.topics();
        match topics.publish(STREAM_TOPIC, messages).await {
            Ok(_) => {
                self.set_trouble(None);
                Ok(count)
            }
            // The subscribers are behind: the stream waits for them, instead of a queue that grows.
            Err(error) if error.kind == showrunner_lake::ErrorKind::Busy => {
                self.set_trouble(Some("The subscribers are behind: the stream waits for them.".to_owned()));
                tokio::select! {
                    room = topics.room(STREAM_TOPIC) => room?,
                    () = self.wake.notified() => {}
                    () = halt.cancelled() => {}
                }
                Ok(0)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until something is due, an order comes, or the position is to be stored.
    async fn rest(&self, pace: &mut Pace, wait: Duration, stops_at: i64, halt: &CancellationToken) {
        let position = self.position();
        let unstored = position.is_some_and(|position| position != pace.stored.0);
        let until_stored = if unstored { STORED_WITHIN.saturating_sub(pace.stored.1.elapsed()) } else { Duration::MAX };
        let until_stop = Duration::from_millis(u64::try_from(stops_at - self.clock.millis()).unwrap_or_default());
        // A timer of the runtime does not take all that a duration can be.
        let wait = wait.min(until_stored).min(until_stop).min(Duration::from_secs(3_600));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.wake.notified() => {}
            () = halt.cancelled() => {}
        }
        if unstored && pace.stored.1.elapsed() >= STORED_WITHIN {
            self.store_position(pace).await;
        }
    }

    fn position(&self) -> Option<u64> {
        self.with_active(|playing| u64::try_from(playing.row.position).unwrap_or_default())
    }

    /// A position that could not be stored costs records that are published twice after a crash, and left out by the subscribers.
    async fn store_position(&self, pace: &mut Pace) {
        let Some((id, position)) =
            self.with_active(|p| (p.row.id.clone(), u64::try_from(p.row.position).unwrap_or_default()))
        else {
            return;
        };
        if position == pace.stored.0 {
            return;
        }
        match self.store.stream_at(&id, position).await {
            Ok(()) => pace.stored = (position, Instant::now()),
            Err(error) => {
                pace.stored.1 = Instant::now();
                if error.kind != ErrorKind::Unavailable {
                    tracing::warn!("{}", error.chain());
                }
            }
        }
    }
}
