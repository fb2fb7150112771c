//! The Showrunner server: HTTP, runs, reset, the control database, and the command line. See ARCHITECTURE.md at the top of the
//! repository.

pub mod ask;
mod backend;
pub mod cli;
pub mod clock;
mod cloud;
pub mod config;
pub mod customers;
pub mod datasets;
mod doctor;
mod error;
mod failpoint;
mod format;
pub mod hook;
pub mod http;
pub mod ingestion;
mod lineage;
pub mod people;
pub mod policies;
mod random;
pub mod reset;
pub mod runs;
mod seed;
pub mod sign_in;
pub mod store;
pub mod stories;
pub mod story;
pub mod stream;
mod views;

use std::sync::Arc;
use std::time::Duration;

use showrunner_lake::Lake;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use clock::{Clock, Ids};
use config::Config;
use hook::Hook;
use ingestion::Reconciler;
use runs::{Engine, EngineConfig};
use sign_in::{Sealer, SignIn};
use store::Store;
use stream::Streams;

pub use error::{Error, ErrorKind, Result};

/// The customer that every data folder has.
pub const FIRST_CUSTOMER: (&str, &str) = ("customer01", "Customer 01");

/// A halted run gets this long to reach its next safe point.
const HALT_WITHIN: Duration = Duration::from_secs(4);

/// Everything that pages and commands work with.
pub struct AppState {
    /// Configuration.
    pub config: Config,
    /// Control database.
    pub store: Store,
    /// Data plane.
    pub lake: Arc<Lake>,
    /// Executes runs.
    pub engine: Arc<Engine>,
    /// The stream.
    pub streams: Arc<Streams>,
    /// Keeps the policies.
    pub policies: policies::Keeper,
    /// Signs people in.
    pub sign_in: Arc<SignIn>,
    /// Where uploads are received.
    pub desk: customers::Desk,
    /// Decides about markers.
    pub reconciler: Reconciler,
    /// Takes pushed notifications, where somebody may push them.
    pub hook: Option<Hook>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Which story is told, and at which depth.
    pub stage: story::Stage,
    /// What makes each table of the lake that is built in; [`AppState::lineage_jobs`] has all of them.
    pub jobs: Vec<showrunner_lake::lineage::Job>,
}

/// The background tasks of a started [`AppState`].
pub struct Background {
    engine: Arc<Engine>,
    halt: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// Opens the data folder: control database (migrated), data plane, engine. Nothing runs yet; see [`AppState::start`]. Who writes
/// holds the folder's lock for as long ([`showrunner_lake::DataDirLock`]).
pub async fn build(config: &Config, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Result<Arc<AppState>> {
    build_on(config, config.lake().await?, clock, ids).await
}

/// As [`build`], on a data plane that the configuration does not name.
pub async fn build_on(
    config: &Config,
    lake: showrunner_lake::LakeConfig,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
) -> Result<Arc<AppState>> {
    let shipped = story::shipped(config.story.stories_dir.as_deref())?;
    tokio::fs::create_dir_all(&config.data.data_dir).await?;
    let store = Store::open(&config.data.data_dir, clock.clone()).await?;
    let stage = story::Stage::open(&store, shipped).await?;
    let lake = Lake::open(lake).await?;
    let policies = policies::Keeper::open(store.clone(), lake.clone()).await?;
    store.add_customer(FIRST_CUSTOMER.0, FIRST_CUSTOMER.1).await?;
    let jobs = showrunner_lake::lineage::jobs().await?;
    let all_jobs = [jobs.clone(), lake.defined_jobs()?].concat();
    store.know_jobs(&all_jobs).await?;
    if let Err(error) = lineage::spread(&store, &lake, &all_jobs).await {
        // A server that says so, on the page of settings too, is worth more than none.
        if lake.policies_trouble().is_none() {
            return Err(error);
        }
        tracing::warn!(error = %error.chain(), "policies are not in force in the warehouse; the lake answers its queries until they are");
    }
    let streams = Streams::open(store.clone(), lake.clone(), clock.clone(), ids.clone(), config.streams()).await?;
    let engine = Engine::new(
        store.clone(),
        lake.clone(),
        streams.clone(),
        EngineConfig {
            scratch: config.data.data_dir.join("scratch"),
            workers: config.workers(),
            seed: config.generated.seed,
            sessions_per_day: config.generated.sessions_per_day,
        },
        clock.clone(),
        ids,
    );
    let reconciler = Reconciler::new(store.clone(), lake.clone(), engine.clone());
    let hook = config.hook.settings()?.map(|settings| Hook::new(settings, clock.clone())).transpose()?;
    let sealer = Sealer::open(&config.data.data_dir)?;
    let sign_in = Arc::new(SignIn::new(&config.sign_in, sealer, store.clone(), clock.clone())?);
    Ok(Arc::new(AppState {
        config: config.clone(),
        store,
        lake,
        engine,
        streams,
        policies,
        sign_in,
        desk: customers::Desk::new(config.upload.parallel),
        reconciler,
        hook,
        clock,
        stage,
        jobs,
    }))
}

impl AppState {
    /// Resumes what was under way and starts the lane, and the stream beside it.
    pub async fn start_engine(&self) -> Result<Background> {
        self.engine.resume().await?;
        self.streams.resume().await?;
        let halt = CancellationToken::new();
        let tasks =
            vec![tokio::spawn(self.engine.clone().work()), tokio::spawn(self.streams.clone().work(halt.clone()))];
        Ok(Background { engine: self.engine.clone(), halt, tasks })
    }

    /// As [`AppState::start_engine`], and starts the reconciler.
    pub async fn start(self: &Arc<Self>) -> Result<Background> {
        let mut background = self.start_engine().await?;
        background.tasks.push(tokio::spawn(self.reconciler.clone().work(background.halt.clone())));
        background.tasks.push(tokio::spawn(customers::work(self.clone(), background.halt.clone())));
        background.tasks.push(tokio::spawn(datasets::work(self.clone(), background.halt.clone())));
        background.tasks.push(tokio::spawn(lineage::tell(self.clone(), background.halt.clone())));
        background.tasks.push(tokio::spawn(sign_in::work(self.store.clone(), background.halt.clone())));
        Ok(background)
    }
}

impl Background {
    /// Halts the running run at its next safe point and ends the tasks, within a few seconds. What was under way is resumed at
    /// the next start.
    pub async fn stop(self) {
        self.halt.cancel();
        self.engine.shutdown();
        let all = futures::future::join_all(self.tasks);
        if tokio::time::timeout(HALT_WITHIN, all).await.is_err() {
            tracing::warn!("a run did not reach a safe point in time; it is resumed at the next start");
        }
    }
}
