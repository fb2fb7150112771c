//! The stream: a day's records, published one after another, and what comes of them. One at a time, beside the lane of the runs.
//!
//! [`Streams`] takes orders and remembers them in the control database first; its player publishes. The subscribers are the lake's
//! ([`showrunner_lake::stream::Sinks`]); what they made visible is counted by the [`board`].

mod board;
mod by_hand;
mod meter;
mod notes;
mod player;
mod reset;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use showrunner_lake::calls::noted;
use showrunner_lake::keys::SourceKey;
use showrunner_lake::lineage::{self, SINKS, TOPIC};
use showrunner_lake::replay::Replay;
use showrunner_lake::stream::{Compaction, Sinks, StreamOptions};
use showrunner_lake::{Identity, Lake};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Ids};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{NewStream, Payload, Store, StreamRow, StreamState};

pub use board::{Board, Second};
pub use notes::STEPS;

/// The slowest and the fastest, in records a second.
pub const RATES: (f64, f64) = (0.1, 10_000.0);
/// As many records as one press of Burst publishes at most.
pub const MOST_IN_A_BURST: u64 = 100_000;
/// The run in the history of what the service does by itself.
const SCHEDULE: &str = "stream-schedule";

/// What streams are given by the configuration.
#[derive(Debug, Clone, Copy)]
pub struct StreamSettings {
    /// A stream stops by itself after this time.
    pub lasts: Duration,
    /// Small files become large ones so often; zero: only when somebody presses the button.
    pub compact_every: Duration,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Start {
    /// Who delivers.
    pub customer: String,
    /// What is delivered.
    pub dataset: String,
    /// The day of the source bucket.
    pub date: NaiveDate,
    /// Records a second.
    pub rate: f64,
    /// What a message holds.
    pub payload: Payload,
    /// As if it were today.
    pub as_if_today: bool,
    /// Begins again at the end of the day.
    pub loops: bool,
    /// Ends after so many records.
    pub most: Option<u64>,
    /// Who pressed.
    pub by: String,
}

/// The stream of a data folder.
pub struct Streams {
    store: Store,
    lake: Arc<Lake>,
    sinks: Arc<Sinks>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    settings: StreamSettings,
    /// The stream that is not over, as the player sees it. Changed only behind the database.
    active: Mutex<Option<Playing>>,
    /// Held from the look at `active` until what it asked for is published and counted there.
    publishing: tokio::sync::Mutex<()>,
    /// The day that was read last, with its dataset and date.
    kept: tokio::sync::Mutex<Option<KeptDay>>,
    /// The stream that is published as fast as it goes.
    unbounded: Mutex<Option<String>>,
    /// Something about it changed.
    wake: Notify,
    board: Board,
    /// What was executed, and is not on record yet.
    notes: notes::Notes,
    /// What the newest compaction did, by anybody.
    compacted: Mutex<Vec<Compaction>>,
    /// Rises whenever the board may look different.
    frames: watch::Sender<u64>,
    trouble: Mutex<Option<String>>,
}

/// A day that was read, with its dataset and date.
type KeptDay = ((String, NaiveDate), Arc<Replay>);

/// A stream under way.
#[derive(Debug, Clone)]
struct Playing {
    row: StreamRow,
    /// To be published at once, whatever the rate and even while paused.
    burst: u64,
    /// Asked to end, with the reason.
    stop: Option<String>,
    meter: meter::Meter,
}

impl Streams {
    /// Opens the subscribers. Nothing runs before [`Streams::work`].
    pub async fn open(
        store: Store,
        lake: Arc<Lake>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        settings: StreamSettings,
    ) -> Result<Arc<Streams>> {
        let sinks = Sinks::open(lake.clone(), StreamOptions::default()).await?;
        let board = Board::read(&lake, &Identity::admin(), clock.now()).await?;
        Ok(Arc::new(Streams {
            store,
            lake,
            sinks,
            clock,
            ids,
            settings,
            active: Mutex::default(),
            publishing: tokio::sync::Mutex::default(),
            kept: tokio::sync::Mutex::default(),
            unbounded: Mutex::default(),
            wake: Notify::new(),
            board,
            notes: notes::Notes::default(),
            compacted: Mutex::default(),
            frames: watch::Sender::new(0),
            trouble: Mutex::default(),
        }))
    }

    /// The subscribers.
    pub fn sinks(&self) -> &Arc<Sinks> {
        &self.sinks
    }

    /// What became visible.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What became visible, as far as `who` sees it: counted from the warehouse.
    pub async fn board_of(&self, who: &Identity) -> Result<Second> {
        let now = self.clock.now();
        Ok(Board::read(&self.lake, who, now).await?.at(now))
    }

    /// What streams are given by the configuration.
    pub fn settings(&self) -> StreamSettings {
        self.settings
    }

    /// Changes whenever the board may look different; often.
    pub fn frames(&self) -> watch::Receiver<u64> {
        self.frames.subscribe()
    }

    /// What keeps the stream from going on, as a sentence.
    pub fn trouble(&self) -> Option<String> {
        let own = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.or_else(|| self.sinks.trouble())
    }

    /// Plays, counts and compacts until `halt`.
    pub async fn work(self: Arc<Self>, halt: CancellationToken) {
        // Before anything lands, so that all of it is counted.
        let events = self.sinks.subscribe();
        if let Err(error) = self.sinks.start(halt.clone()) {
            tracing::error!("{}", Error::from(error).chain());
            return;
        }
        tokio::join!(
            self.count(events, &halt),
            self.compact_by_schedule(&halt),
            self.ticks(&halt),
            self.store_notes_by_and_by(&halt),
            self.play(&halt)
        );
        self.store_notes().await;
        // The commit under way and the open window are the subscribers' last.
        self.sinks.stopped().await;
        self.store_notes().await;
    }

    /// Starts a stream, or says which one is under way.
    pub async fn start(&self, start: Start) -> Result<StreamRow> {
        let rate = checked_rate(start.rate)?;
        showrunner_lake::keys::check_customer(&start.customer)?;
        // A day that is not there is said now, to whoever pressed.
        let read = notes::call_log(&self.clock);
        if noted(read.clone(), self.day(&start.dataset, start.date)).await?.is_empty() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("The day {} has no records. Choose another day.", start.date),
            ));
        }
        let (row, fresh) = self
            .store
            .insert_stream(&NewStream {
                customer: start.customer,
                dataset: start.dataset,
                date: start.date,
                rate,
                payload: start.payload,
                shifted_to: start.as_if_today.then(|| self.clock.now().date_naive()),
                loops: start.loops,
                most: start.most,
                started_by: start.by,
                lasts: i64::try_from(self.settings.lasts.as_millis()).unwrap_or(i64::MAX),
                suffix: self.ids.suffix(),
            })
            .await?;
        if fresh {
            self.note(&row).await;
            self.pressed(&row.id, read.finish());
            self.store.add_lineage(&row.id, TOPIC, std::slice::from_ref(&row.date), 0).await?;
            self.wake.notify_one();
        }
        self.changed();
        Ok(row)
    }

    /// Ends a stream. Which versions of its tables there are by then is on record before anybody sees that it is over.
    async fn end(&self, id: &str, position: Option<u64>, why: &str) -> Result<()> {
        let read = [format!("messages of {id}")];
        for stat in self.lake.tables().await? {
            let table = stat.full_name();
            if SINKS.contains(&table.as_str()) {
                self.store.add_lineage(id, &table, &read, stat.version).await?;
            }
        }
        self.store_notes().await;
        self.store.end_stream(id, position, why).await
    }

    /// Days that can be published, in order.
    pub async fn days(&self) -> Result<Vec<NaiveDate>> {
        let mut days = Vec::new();
        for object in self.lake.objects().list(&self.lake.names().source, "").await? {
            if let Ok(SourceKey::Data(date)) = SourceKey::parse(&object.key) {
                days.push(date);
            }
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Plays on or pauses.
    pub async fn play_or_pause(&self, state: StreamState) -> Result<StreamRow> {
        let active = self.need().await?;
        self.change(&active.id, state, active.rate).await
    }

    /// Another rate, while it runs.
    pub async fn set_rate(&self, rate: f64) -> Result<StreamRow> {
        let rate = checked_rate(rate)?;
        let active = self.need().await?;
        self.change(&active.id, active.state, rate).await
    }

    /// Publishes so many records at once, whatever the rate; one of them while paused is a step.
    pub async fn burst(&self, records: u64) -> Result<StreamRow> {
        if records == 0 || records > MOST_IN_A_BURST {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("A burst has 1 to {MOST_IN_A_BURST} records, and this one would have {records}."),
            ));
        }
        let active = self.need().await?;
        self.with_active(|playing| {
            if playing.row.id == active.id {
                playing.burst = (playing.burst + records).min(MOST_IN_A_BURST);
            }
        });
        self.wake.notify_one();
        Ok(active)
    }

    /// Publishes all that is left of the stream as fast as the topic takes it.
    pub fn burst_all(&self, id: &str) {
        *self.unbounded.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.to_owned());
        self.wake.notify_one();
    }

    /// Ends the stream. What is published stays published.
    pub async fn stop(&self, why: &str) -> Result<Option<StreamRow>> {
        let Some(active) = self.store.active_stream().await? else {
            return Ok(None);
        };
        let position = self.with_active(|playing| {
            playing.stop = Some(why.to_owned());
            u64::try_from(playing.row.position).unwrap_or_default()
        });
        self.end(&active.id, position, why).await?;
        self.wake.notify_one();
        self.changed();
        Ok(Some(active))
    }

    /// Ends this stream, or says that it is over already.
    pub async fn stop_this(&self, id: &str, why: &str) -> Result<()> {
        let over = || Error::new(ErrorKind::Conflict, format!("{id} is over already: there is nothing to stop."));
        // Whether there is such a stream at all.
        self.store.stream(id).await?;
        self.store.active_stream().await?.filter(|active| active.id == id).ok_or_else(over)?;
        self.stop(why).await.map(|_| ())
    }

    /// The stream that is not over, with the newest position; and the rate that was measured.
    pub async fn active(&self) -> Result<Option<(StreamRow, f64)>> {
        let Some(stored) = self.store.active_stream().await? else {
            return Ok(None);
        };
        let now = std::time::Instant::now();
        let live = self.with_active(|playing| (playing.row.clone(), playing.meter.rate(now, playing.row.rate)));
        Ok(Some(match live {
            Some((row, rate)) if row.id == stored.id => (StreamRow { position: row.position, ..stored }, rate),
            _ => (stored, 0.0),
        }))
    }

    /// Small files become large ones, now. What that executes is noted among the presses of the newest stream.
    pub async fn compact(&self, run_id: &str) -> Result<Vec<Compaction>> {
        // The open window first: the presenter counts on all that was published.
        self.sinks.flush().await?;
        let done = self.noted_by_newest(self.sinks.compact(run_id)).await;
        // On record when the press is answered, as at a pause.
        self.store_notes().await;
        let done = done?;
        self.remember_compaction(&done);
        self.record_compaction(run_id, &done).await?;
        self.store.tell("stream", run_id).await?;
        Ok(done)
    }

    /// What the newest compaction did.
    pub fn compacted(&self) -> Vec<Compaction> {
        self.compacted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember_compaction(&self, done: &[Compaction]) {
        let telling: Vec<_> = done.iter().filter(|c| c.files_before > c.files_after).cloned().collect();
        if !telling.is_empty() {
            *self.compacted.lock().unwrap_or_else(PoisonError::into_inner) = telling;
        }
    }

    async fn record_compaction(&self, run_id: &str, done: &[Compaction]) -> Result<()> {
        let tables = self.lake.tables().await?;
        for compaction in done.iter().filter(|done| done.files_before > done.files_after) {
            let version = tables.iter().find(|stat| stat.full_name() == compaction.table);
            let job = lineage::compaction(&compaction.table);
            let read = format!("{} files of {}", compaction.files_before, compaction.table);
            self.store.add_lineage(run_id, &job, &[read], version.map_or(0, |stat| stat.version)).await?;
        }
        Ok(())
    }

    async fn compact_by_schedule(&self, halt: &CancellationToken) {
        if self.settings.compact_every.is_zero() {
            return;
        }
        loop {
            tokio::select! {
                () = halt.cancelled() => return,
                () = tokio::time::sleep(self.settings.compact_every) => {}
            }
            match self.sinks.compact(SCHEDULE).await {
                Ok(done) => {
                    self.remember_compaction(&done);
                    if let Err(error) = self.record_compaction(SCHEDULE, &done).await {
                        tracing::warn!("{}", error.chain());
                    }
                }
                Err(error) => tracing::warn!("{}", Error::from(error).chain()),
            }
        }
    }

    /// The last minute moves although nothing arrives.
    async fn ticks(&self, halt: &CancellationToken) {
        loop {
            tokio::select! {
                () = halt.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            if self.board.moves(self.clock.now()) || self.with_active(|_| ()).is_some() {
                self.changed();
            }
        }
    }

    async fn need(&self) -> Result<StreamRow> {
        self.store.active_stream().await?.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, "No stream is under way: it has ended. Start one, then press again.")
        })
    }

    async fn change(&self, id: &str, state: StreamState, rate: f64) -> Result<StreamRow> {
        let row = self.store.change_stream(id, state, rate).await?;
        let row =
            row.ok_or_else(|| Error::new(ErrorKind::Conflict, "The stream has just ended. Start another one."))?;
        self.with_active(|playing| {
            if playing.row.id == row.id {
                playing.row.state = row.state;
                playing.row.rate = row.rate;
                playing.meter.restart();
            }
        });
        self.wake.notify_one();
        // What was being published by the old state is out: a stream that is said to pause publishes nothing more.
        drop(self.publishing.lock().await);
        self.store_notes().await;
        self.changed();
        Ok(row)
    }

    fn with_active<T>(&self, what: impl FnOnce(&mut Playing) -> T) -> Option<T> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(what)
    }

    fn changed(&self) {
        self.frames.send_modify(|n| *n += 1);
    }

    fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

fn checked_rate(rate: f64) -> Result<f64> {
    let (slowest, fastest) = RATES;
    if rate.is_finite() && (slowest..=fastest).contains(&rate) {
        return Ok(rate);
    }
    Err(Error::new(ErrorKind::Invalid, format!("The rate goes from {slowest} to {fastest} records a second.")))
}
