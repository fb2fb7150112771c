//! The subscribers of the stream: a sink each for the warehouse and for bronze, as Dataflow jobs or export subscriptions would be.
//!
//! Messages come at least once, and each becomes one row in each table. A message is known by its run and number, and which messages a
//! table holds is read from the table itself. Under the table's writer lock a batch is left what the table does not have, written as
//! Parquet and committed in one version of the Delta log; only then its messages are acknowledged. A process that dies before the commit
//! gets them again, and one that dies after it gets them again and leaves them out.
//!
//! A message that cannot be read becomes an error record with the reason, so that it blocks nothing and nothing is lost. It is open
//! until a repaired one of the same run and number lands; nobody sets a flag.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, system_clock};
use crate::delta::Table;
use crate::lake::{Lake, StreamParts};
use crate::ports::{SubscriptionConfig, TopicConfig};
use crate::{Error, ErrorKind, Result};

mod append;
mod bronze;
mod compact;
mod control;
mod decode;
mod events;
mod faults;
mod identity;
mod letters;
mod merge;
mod noted;
mod rows;
mod run;
mod serve;
mod sweep;
mod tables;
mod warehouse;

use append::Appender;
use control::Control;
pub use control::Held;
use decode::Reader;
pub use events::*;
#[cfg(any(test, feature = "testing"))]
pub use faults::Fault;
use faults::Faults;
use identity::{ErrorCounts, Errors, Holds, Ledger, RawRows, Rows};
use noted::Noting;
pub use noted::StreamLogs;
use sweep::Sweeper;
pub(crate) use tables::*;

/// The topic on which sessions are published.
pub const STREAM_TOPIC: &str = "ga-sessions-stream";
/// The warehouse sink's subscription: ordered, since a repaired message must not overtake the next of its visitor.
pub const WAREHOUSE_SUBSCRIPTION: &str = "ga-sessions-stream-warehouse";
/// The bronze sink's subscription. Not ordered: a window holds many messages of a visitor.
pub const BRONZE_SUBSCRIPTION: &str = "ga-sessions-stream-bronze";
/// The tables of the stream, without their zones: in bronze and in the warehouse, and what could not be read.
pub const TABLES: [&str; 2] = [ROWS_TABLE, ERRORS_TABLE];
/// The attribute with the replay's id.
pub const ATTRIBUTE_RUN: &str = "run_id";
/// The attribute with the message's number within the replay, decimal.
pub const ATTRIBUTE_SEQ: &str = "seq";
/// The attribute with how often the message was repaired: 0 for the original.
pub const ATTRIBUTE_ATTEMPT: &str = "attempt";
/// The attribute with the time at which the session began, RFC 3339.
pub const ATTRIBUTE_EVENT_TIME: &str = "event_time";
/// The attribute with the customer whose session it is.
pub const ATTRIBUTE_CUSTOMER: &str = "customer";

/// A message that is not acknowledged within this time comes again.
const ACK_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes that a subscription holds at most before publishing is refused.
const MAX_BACKLOG_BYTES: u64 = 512 << 20;
/// Events that wait for a slow listener; then it misses the oldest.
const EVENTS: usize = 64;
/// How often [`Sinks::drained`] looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// When the sinks write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamOptions {
    /// The warehouse sink begins a batch no sooner than this after the one before: a message that comes alone is written at once, and
    /// many that come in a row are written together.
    pub linger: Duration,
    /// Messages in a batch of the warehouse sink at most.
    pub batch_rows: usize,
    /// Bytes in a batch of the warehouse sink at most.
    pub batch_bytes: usize,
    /// The bronze sink writes a window so long after its first message …
    pub window: Duration,
    /// … or with so many messages …
    pub window_rows: usize,
    /// … or so many bytes, whichever comes first.
    pub window_bytes: usize,
    /// A partition of the warehouse sink's tables with more small files than this is compacted by itself.
    pub compact_files: usize,
    /// So long files that were replaced stay on the disk, for those that are reading them.
    pub grace: Duration,
}

impl Default for StreamOptions {
    fn default() -> Self {
        StreamOptions {
            linger: Duration::from_millis(100),
            batch_rows: 8_192,
            batch_bytes: 32 << 20,
            window: Duration::from_secs(10),
            window_rows: 20_000,
            window_bytes: 64 << 20,
            compact_files: 128,
            grace: Duration::from_secs(600),
        }
    }
}

/// The two sinks of the stream.
pub struct Sinks {
    options: StreamOptions,
    parts: StreamParts,
    clock: Clock,
    reader: Reader,
    rows: Kept<Rows>,
    errors: Kept<Errors>,
    bronze: Kept<RawRows>,
    events: broadcast::Sender<Arc<StreamEvent>>,
    control: Control,
    tasks: TaskTracker,
    trouble: [Mutex<Option<String>>; 2],
    /// When the warehouse sink's last batch began.
    last_batch: Mutex<Option<tokio::time::Instant>>,
    window_rows: AtomicU64,
    skipped: AtomicU64,
    compacting: tokio::sync::Mutex<()>,
    sweeper: Arc<Sweeper>,
    faults: Faults,
    noting: Noting,
    /// The lake's threads end with the lake.
    _lake: Arc<Lake>,
}

/// A table that a sink adds to. Who wants both locks takes [`Table::writer`] first.
struct Kept<H> {
    table: Arc<Table>,
    /// Which messages it holds.
    ledger: tokio::sync::Mutex<Ledger<H>>,
    appender: tokio::sync::Mutex<Appender>,
    /// Whether the warehouse elsewhere, if there is one, has what the table has.
    level: tokio::sync::Mutex<bool>,
}

impl<H: Holds> Kept<H> {
    fn new(table: Arc<Table>, sweeper: &Arc<Sweeper>) -> Self {
        let appender = tokio::sync::Mutex::new(Appender::new(table.clone(), sweeper.clone()));
        Kept { table, ledger: tokio::sync::Mutex::default(), appender, level: tokio::sync::Mutex::default() }
    }

    /// What the table holds now.
    async fn fresh(&self) -> Result<tokio::sync::MutexGuard<'_, Ledger<H>>> {
        let ledger = self.ledger.lock().await;
        if ledger.is_of(self.table.current().await?.as_ref()) {
            return Ok(ledger);
        }
        drop(ledger);
        // Who is about to commit adds to the ledger what it commits.
        let _writer = self.table.writer().await;
        let mut ledger = self.ledger.lock().await;
        ledger.refresh(&self.table).await?;
        Ok(ledger)
    }
}

impl Sinks {
    /// Makes topic and subscriptions where they are missing, and reads which messages the tables hold. Runs nothing yet. One at a time
    /// for a lake.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] if the data folder was opened for queries only, else those of reading the tables.
    pub async fn open(lake: Arc<Lake>, options: StreamOptions) -> Result<Arc<Sinks>> {
        let parts = lake.stream()?;
        ensure(&parts).await?;
        let sweeper = Arc::new(Sweeper::new(options.grace));
        // A batch or a window of nothing would never be full.
        let options = StreamOptions {
            batch_rows: options.batch_rows.max(1),
            batch_bytes: options.batch_bytes.max(1),
            window_rows: options.window_rows.max(1),
            window_bytes: options.window_bytes.max(1),
            ..options
        };
        let clock = system_clock();
        let sinks = Sinks {
            noting: Noting::new(&clock),
            clock,
            reader: Reader::new(&parts.dataset.schema),
            rows: Kept::new(parts.rows.clone(), &sweeper),
            errors: Kept::new(parts.errors.clone(), &sweeper),
            bronze: Kept::new(parts.bronze.clone(), &sweeper),
            events: broadcast::channel(EVENTS).0,
            control: Control::default(),
            tasks: TaskTracker::new(),
            trouble: Default::default(),
            last_batch: Mutex::default(),
            window_rows: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            compacting: tokio::sync::Mutex::default(),
            sweeper,
            faults: Faults::default(),
            options,
            parts,
            _lake: lake,
        };
        for table in [&sinks.rows.table, &sinks.errors.table, &sinks.bronze.table] {
            // What a killed process wrote and did not commit, and what it had replaced.
            sinks.sweeper.doom_unreferenced(table).await?;
        }
        sinks.read_all().await?;
        Ok(Arc::new(sinks))
    }

    /// Starts both sinks on the lake's own threads until `shutdown`: then the commit under way is finished and the open window written.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if they are running.
    pub fn start(self: &Arc<Self>, shutdown: CancellationToken) -> Result<()> {
        if !self.tasks.is_empty() {
            return Err(Error::new(ErrorKind::Busy, "The sinks of the stream are running already."));
        }
        run::start(self, &shutdown);
        Ok(())
    }

    /// Waits until both sinks have ended, after the shutdown that [`Sinks::start`] was given.
    pub async fn stopped(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// What happens from now on. A listener that is too slow misses the oldest events.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<StreamEvent>> {
        self.events.subscribe()
    }

    /// How much has come, and how much is waiting.
    ///
    /// # Errors
    /// Those of the topics and of reading the tables.
    pub async fn counts(&self) -> Result<StreamCounts> {
        let errors = self.error_counts(None).await?;
        let (warehouse, bronze) = (self.rows.table.current().await?, self.bronze.table.current().await?);
        let topics = &self.parts.topics;
        Ok(StreamCounts {
            warehouse_rows: warehouse.stat.rows(),
            warehouse_files: warehouse.stat.files(),
            bronze_rows: bronze.stat.rows(),
            bronze_files: bronze.stat.files(),
            bronze_bytes: bronze.stat.bytes(),
            bronze_skipped: self.skipped.load(Ordering::Relaxed),
            window_rows: self.window_rows.load(Ordering::Relaxed),
            dead_open: errors.open,
            dead_repaired: errors.repaired,
            warehouse_backlog: topics.backlog(WAREHOUSE_SUBSCRIPTION).await?,
            bronze_backlog: topics.backlog(BRONZE_SUBSCRIPTION).await?,
        })
    }

    /// How much of a run has come.
    ///
    /// # Errors
    /// Those of reading the tables.
    pub async fn counts_of(&self, run_id: &str) -> Result<RunCounts> {
        let errors = self.error_counts(Some(run_id)).await?;
        Ok(RunCounts {
            warehouse: self.rows.fresh().await?.held.0.of_run(run_id),
            bronze: self.bronze.fresh().await?.held.0.of_run(run_id),
            dead_open: errors.open,
            dead_repaired: errors.repaired,
            dead_letters: errors.all,
        })
    }

    async fn error_counts(&self, run: Option<&str>) -> Result<ErrorCounts> {
        // Letters first: one that lands in between is counted as repaired.
        let errors = self.errors.fresh().await?;
        let rows = self.rows.fresh().await?;
        Ok(errors.held.counts(run, &rows.held.0))
    }

    /// Writes the bronze window that is open now. Nothing to do while the sinks are held or not running.
    ///
    /// # Errors
    /// What kept the window from being written; its messages come again.
    pub async fn flush(&self) -> Result<()> {
        if self.tasks.is_empty() || self.control.is_held() {
            return Ok(());
        }
        let flushed = self.control.flush();
        tokio::select! {
            flushed = flushed => flushed,
            () = self.control.held() => Ok(()),
            () = self.tasks.wait() => Ok(()),
        }
    }

    /// Waits until neither subscription holds a message, writing bronze's windows at once. False if that took longer than `timeout`.
    ///
    /// # Errors
    /// Those of the topics. What keeps a sink from writing is no error here: see [`Sinks::trouble`].
    pub async fn drained(&self, timeout: Duration) -> Result<bool> {
        let until = tokio::time::Instant::now() + timeout;
        loop {
            let bronze = self.parts.topics.backlog(BRONZE_SUBSCRIPTION).await?;
            if bronze.messages + self.parts.topics.backlog(WAREHOUSE_SUBSCRIPTION).await?.messages == 0 {
                return Ok(true);
            }
            if tokio::time::Instant::now() >= until {
                return Ok(false);
            }
            // As long as there are more, full windows are better ones.
            if bronze.messages > 0 && bronze.outstanding >= bronze.messages {
                let _in_trouble = tokio::time::timeout_at(until, self.flush()).await;
            }
            tokio::time::sleep_until(until.min(tokio::time::Instant::now() + LOOK_AGAIN)).await;
        }
    }

    /// Holds both sinks still until what is returned is dropped: nothing is pulled, nothing is leased, nothing is compacted, and the
    /// open window is given back. For a reset. Waits for the batch under way.
    ///
    /// # Errors
    /// None at present.
    pub async fn hold(self: &Arc<Self>) -> Result<Held> {
        let held = self.control.hold().await;
        // Who compacts has seen that the sinks are to be held, or ends soon.
        drop(self.compacting.lock().await);
        Ok(held)
    }

    /// Reads again which messages the tables hold, within a hold: after [`Lake::purge`] none of what is gone.
    ///
    /// # Errors
    /// Those of reading the tables.
    pub async fn reread(&self) -> Result<()> {
        self.rows.ledger.lock().await.forget();
        self.errors.ledger.lock().await.forget();
        self.bronze.ledger.lock().await.forget();
        self.skipped.store(0, Ordering::Relaxed);
        *self.rows.level.lock().await = false;
        *self.errors.level.lock().await = false;
        self.read_all().await
    }

    async fn read_all(&self) -> Result<()> {
        drop(self.rows.fresh().await?);
        drop(self.errors.fresh().await?);
        drop(self.bronze.fresh().await?);
        Ok(())
    }

    /// What keeps a sink from writing now, as a sentence. It tries again by itself.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.iter().find_map(|trouble| locked(trouble).clone())
    }

    fn tell(&self, event: StreamEvent) {
        // Nobody may be listening.
        let _listeners = self.events.send(Arc::new(event));
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }
}

/// What [`STREAM_TOPIC`] is made with.
pub fn topic() -> TopicConfig {
    TopicConfig { max_backlog_bytes: Some(MAX_BACKLOG_BYTES), ..TopicConfig::default() }
}

/// The subscriptions to [`STREAM_TOPIC`], and what each is made with.
pub fn subscriptions() -> [(&'static str, SubscriptionConfig); 2] {
    let config = SubscriptionConfig { ack_deadline: ACK_DEADLINE, ..SubscriptionConfig::default() };
    [(WAREHOUSE_SUBSCRIPTION, SubscriptionConfig { ordered: true, ..config.clone() }), (BRONZE_SUBSCRIPTION, config)]
}

async fn ensure(parts: &StreamParts) -> Result<()> {
    parts.topics.ensure_topic(STREAM_TOPIC, topic()).await?;
    for (subscription, config) in subscriptions() {
        parts.topics.ensure_subscription(subscription, STREAM_TOPIC, config).await?;
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it holds is replaced in one go, so a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
