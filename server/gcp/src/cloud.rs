//! What a show needs in a project of Google Cloud: checked, built up, torn down. It carries our label, and what does not is never touched.

mod build;
mod check;
mod commands;
mod google;
mod inventory;
mod look;
mod plan;
mod tear_down;

use std::sync::Arc;

use google_cloud_pubsub::client::{SubscriptionAdmin, TopicAdmin};
use serde::Serialize;
use showrunner_lake::clock::{Clock, system_clock};
use showrunner_lake::{Names, Result};

use self::commands::Commands;
use self::google::Google;
use crate::rest::{Pace, Rest};
use crate::{Access, BigQueryWarehouse, CloudObjects, GcpConfig, WarehouseOptions, topics};

pub use inventory::{Contents, Inventory, Item, Kind};
pub use plan::{Thing, plan};
pub use tear_down::TornDown;

/// So many things are asked for, made or deleted at once at most.
const AT_ONCE: usize = 16;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Well.
    Ok,
    /// Works, but something is worth doing.
    Warn,
    /// It is not there.
    Missing,
    /// It does not work, or is somebody else's.
    Failed,
    /// There is nobody to ask.
    NotAsked,
}

impl State {
    /// Whether a show cannot run like that.
    pub fn is_red(self) -> bool {
        matches!(self, State::Missing | State::Failed)
    }
}

/// One line of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, for instance `bucket sa-ingestion-demo-dev`.
    pub what: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// Exactly what to run, unless all is well.
    pub command: Option<String>,
}

impl Finding {
    fn well(what: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding { what: what.into(), state: State::Ok, found: found.into(), command: None }
    }

    fn not_asked(what: impl Into<String>) -> Finding {
        Finding { what: what.into(), state: State::NotAsked, found: PEER.to_owned(), command: None }
    }

    fn with(what: impl Into<String>, state: State, found: impl Into<String>, command: impl Into<String>) -> Finding {
        Finding { what: what.into(), state, found: found.into(), command: Some(command.into()) }
    }
}

/// Why something is not asked.
const PEER: &str = "not asked: a peer";

/// What came of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was made.
    Created,
    /// It was there already, and is ours.
    WasThere,
    /// It was deleted.
    Deleted,
    /// Somebody else had deleted it.
    WasGone,
    /// Nothing was done, since it is somebody else's or lies elsewhere.
    Refused,
    /// Nothing was done, since what it needs is not there.
    NotTried,
    /// There is nobody to ask.
    NotAsked,
    /// It was tried, and did not work.
    Failed,
}

impl Outcome {
    /// Whether a person has to do something.
    pub fn is_red(self) -> bool {
        matches!(self, Outcome::Refused | Outcome::NotTried | Outcome::Failed)
    }
}

/// One step of building up or tearing down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it was about.
    pub what: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, or how much; may be empty.
    pub said: String,
    /// Exactly what to run, where a person has to do something.
    pub command: Option<String>,
}

/// Is told of each step as it ends.
pub type Progress<'a> = &'a (dyn Fn(&Step) + Send + Sync);

/// One show in one project.
pub struct Cloud {
    config: GcpConfig,
    names: Names,
    /// Topics and subscriptions as Google calls them.
    spelt: topics::Names,
    commands: Commands,
    access: Access,
    clock: Clock,
    storage: Rest,
    pubsub: Rest,
    bigquery: Rest,
    google: Google,
    topic_admin: TopicAdmin,
    subscription_admin: SubscriptionAdmin,
    objects: CloudObjects,
    warehouse: BigQueryWarehouse,
}

impl Cloud {
    /// Makes the clients. Nothing is asked yet.
    ///
    /// # Errors
    /// [`showrunner_lake::ErrorKind::Invalid`] for a show that cannot stand in a bucket's name, else those of the clients.
    pub async fn connect(config: &GcpConfig, access: &Access) -> Result<Cloud> {
        let names = Names::of_show(&config.show)?;
        let endpoints = &config.endpoints;
        let rest = |endpoint: &crate::Endpoint, path: &str| {
            let access = if endpoint.is_anonymous() { Access::anonymous() } else { access.clone() };
            Rest::new(endpoint, path, access, Pace::default())
        };
        let objects = CloudObjects::connect(config, access).await?;
        let options = WarehouseOptions::new(&names.dataset, &names.datalake);
        let warehouse = BigQueryWarehouse::new(config, access, Arc::new(objects.clone()), options)?;
        let (topic_admin, subscription_admin) = topics::admins(config, access).await?;
        Ok(Cloud {
            spelt: topics::Names::of(config),
            commands: Commands::of(config, "showrunner"),
            access: access.clone(),
            clock: system_clock(),
            storage: rest(&endpoints.storage, "storage/v1")?,
            pubsub: rest(&endpoints.pubsub, "v1")?,
            bigquery: rest(&endpoints.bigquery, "bigquery/v2")?,
            google: Google::of(access)?,
            config: config.clone(),
            names,
            topic_admin,
            subscription_admin,
            objects,
            warehouse,
        })
    }

    /// With another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Cloud {
        Cloud { clock, ..self }
    }

    /// How people call this program with its settings, for the commands that are shown: `showrunner` unless said.
    #[must_use]
    pub fn called(self, program: &str) -> Cloud {
        Cloud { commands: Commands::of(&self.config, program), ..self }
    }

    /// Everything that this show needs, in order.
    pub fn plan(&self) -> Vec<Thing> {
        plan(&self.names)
    }
}
