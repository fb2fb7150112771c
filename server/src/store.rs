//! The control database: the only place with SQL for it. Customers, deliveries, runs, the story's state, events.
//!
//! Every change is written together with the event that tells of it, in one transaction. SQL stays portable to PostgreSQL:
//! numbered placeholders, `ON CONFLICT`, no function that only one of them has. What differs is in this file ([`Store::open`],
//! [`Store::begin`]).

mod audit;
mod calls;
mod customers;
mod datasets;
mod deliveries;
mod error;
mod events;
mod lineage;
mod people;
mod policies;
mod presenting;
mod privacy;
mod runs;
mod show;
mod stories;
mod streams;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, MutexGuard, watch};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use error::{explain, explain_migration};

pub use audit::{AuditRow, Outcome};
pub use calls::{CallFilter, CallRow, CallSum, PRESS, StreamCalls};
pub use customers::{AccountRow, DeletedRow, TokenRow};
pub use datasets::DatasetDeletion;
pub(crate) use deliveries::path as day_path;
pub use deliveries::{Claim, Decision, DeliveredFile, DeliveryRow};
pub use events::EventRow;
pub use lineage::{ForeignEvent, LineageRow};
pub use people::{LOCAL, NewPerson, PersonRow};
pub use policies::{PolicyChangeRow, ViewSwitchRow};
pub use presenting::{ClockChange, Presentation};
pub use privacy::{PrivacyTable, Tag, Verdict, VerdictRow};
pub use runs::{
    ChunkDone, Inserted, LogRow, NewRunRow, QuarantineRow, RunEnd, RunKind, RunRow, RunState, StepDone, StepRow,
    StepState,
};
pub use show::{CustomerRow, ShowStepRow};
pub use stories::{NewShow, NewVersion, StageRow, StoryRow, VersionRow};
pub use streams::{NewStream, Payload, StreamRow, StreamState};

/// The file's name within the data folder.
pub const FILE_NAME: &str = "control.db";

/// Events kept for replay; a page that was away longer reloads.
const EVENTS_KEPT: i64 = 10_000;

/// The control database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    clock: Arc<dyn Clock>,
    /// Writers take turns here rather than poll for SQLite's lock.
    turn: Arc<Mutex<()>>,
    newest_event: Arc<watch::Sender<i64>>,
    jobs: Arc<lineage::KnownJobs>,
}

/// A change under way. Dropped without [`Tx::commit`], nothing happened.
struct Tx<'a> {
    inner: sqlx::Transaction<'static, sqlx::Sqlite>,
    store: &'a Store,
    event: Option<i64>,
    _turn: MutexGuard<'a, ()>,
}

impl Store {
    /// Opens `control.db` in the data folder, creating and migrating it.
    pub async fn open(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Store> {
        let store = Self::connect(data_dir, clock, true).await?;
        sqlx::migrate!("../migrations").run(&store.pool).await.map_err(explain_migration)?;
        store.prune_events().await?;
        let newest = store.last_event_id().await?;
        store.newest_event.send_replace(newest);
        Ok(store)
    }

    /// Opens an existing `control.db` without migrating it; an error if it is not there.
    pub async fn open_existing(data_dir: &Path, clock: Arc<dyn Clock>) -> Result<Store> {
        Self::connect(data_dir, clock, false).await
    }

    async fn connect(data_dir: &Path, clock: Arc<dyn Clock>, create: bool) -> Result<Store> {
        let options = SqliteConnectOptions::from_str("sqlite:")
            .map_err(explain)?
            .filename(data_dir.join(FILE_NAME))
            .create_if_missing(create)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .journal_mode(SqliteJournalMode::Wal)
            // A killed process loses nothing with NORMAL, only a power cut may lose the newest commits (never their order or
            // the file). Those are redone: each step is idempotent. FULL would add an fsync to each of a run's many records.
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new()
            .max_connections(6)
            .acquire_timeout(Duration::from_secs(10))
            // On a full disk SQLite ends the transaction by itself, and sqlx goes on counting it: such a connection would refuse every
            // further transaction, long after there is room again.
            .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
            .connect_with(options)
            .await
            .map_err(explain)?;
        Ok(Store {
            pool,
            clock,
            turn: Arc::new(Mutex::new(())),
            newest_event: Arc::new(watch::Sender::new(0)),
            jobs: Arc::default(),
        })
    }

    /// The versions of the migrations that this program knows and the database has not run. Empty = up to date.
    pub async fn pending_migrations(&self) -> Result<Vec<i64>> {
        let known = sqlx::migrate!("../migrations");
        let tables: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'")
                .fetch_one(&self.pool)
                .await
                .map_err(explain)?;
        let done: Vec<i64> = if tables == 0 {
            Vec::new()
        } else {
            sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await
                .map_err(explain)?
        };
        Ok(known.iter().map(|migration| migration.version).filter(|version| !done.contains(version)).collect())
    }

    /// Asks for the write lock and gives it back: an error says why nothing could be written now.
    pub async fn check_writable(&self) -> Result<()> {
        self.begin().await?.commit().await
    }

    /// Closes all connections; the write-ahead log is merged into the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The clock that stamps all records.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Changes whenever events were stored; the value is the newest event's id.
    pub fn subscribe_events(&self) -> watch::Receiver<i64> {
        self.newest_event.subscribe()
    }

    async fn begin(&self) -> Result<Tx<'_>> {
        let turn = self.turn.lock().await;
        let inner = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(explain)?;
        Ok(Tx { inner, store: self, event: None, _turn: turn })
    }
}

impl Tx<'_> {
    /// Tells of a change: `what` is `run`, `step`, `clock`, `audience`, `folder`, `reset`, `lake`, `policy`, `privacy`, `customer`,
    /// `story` or `stream`.
    async fn event(&mut self, what: &str, reference: &str) -> Result<()> {
        let id: i64 = sqlx::query_scalar("INSERT INTO events (at, what, ref) VALUES ($1, $2, $3) RETURNING id")
            .bind(self.store.clock.millis())
            .bind(what)
            .bind(reference)
            .fetch_one(&mut *self.inner)
            .await
            .map_err(explain)?;
        self.event = Some(id);
        Ok(())
    }

    async fn commit(self) -> Result<()> {
        self.commit_then(|| {}).await
    }

    /// As [`Tx::commit`], with something that is done when all is stored and before anybody hears of it.
    async fn commit_then(self, then: impl FnOnce()) -> Result<()> {
        self.inner.commit().await.map_err(explain)?;
        then();
        if let Some(id) = self.event {
            self.store.newest_event.send_if_modified(|newest| {
                id > *newest && {
                    *newest = id;
                    true
                }
            });
        }
        Ok(())
    }
}

/// Something stored is not what this program writes.
fn unreadable(what: &str, value: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!(
            "The control database holds '{value}' as {what}, which this Showrunner does not know. Use the version that wrote it."
        ),
    )
}

#[cfg(test)]
mod tests;
