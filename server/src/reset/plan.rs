//! The dry run: what would go, what stays, what is foreign.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use showrunner_lake::model::{Day, ForeignObject, PurgeItem, Scope};
use showrunner_lake::{Lake, NOTIFICATION_SUBSCRIPTION, ingestion};

use super::{Before, ResetScope};
use crate::AppState;
use crate::error::{Error, Result};
use crate::runs::{Job, counted, fingerprint};
use crate::store::{DeliveryRow, RunKind, RunRow, ShowStepRow, Store, StreamRow};

/// A line of what would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanItem {
    /// `ingestion`, `bronze`, `silver`, `gold`, `warehouse`, `messages`, `runs`, `streams`, `deliveries`, `steps`.
    pub place: String,
    /// Table, or empty.
    pub table: String,
    /// `objects`, `partitions`, `messages`, `runs`, `streams`, `decisions`, `steps`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// Rows that go with them.
    pub rows: u64,
    /// Files on disk, leftovers included.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
    /// `2017-07-29`, `2017-06-01 to 2017-07-29`, or empty.
    pub which: String,
}

/// A line of what stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StayItem {
    /// `source`, `schemas`, `settings`, `policies`, `customers`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// How we know: a checksum, or empty.
    pub checksum: String,
}

/// A dry run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ResetPlan {
    /// What it covers.
    pub scope: ResetScope,
    /// What would go; places with nothing are left out.
    pub items: Vec<PlanItem>,
    /// What stays.
    pub stays: Vec<StayItem>,
    /// What is not ours and is left alone.
    pub foreign: Vec<ForeignObject>,
    /// Changes when what would go changes.
    pub digest: String,
    /// What the run will compare with.
    pub before: Before,
}

impl ResetPlan {
    /// How many things would go; 0 = nothing to do.
    pub fn total(&self) -> u64 {
        total(&self.items)
    }

    /// Bytes that would go.
    pub fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }
}

/// How many things these are.
pub fn total(items: &[PlanItem]) -> u64 {
    // Files that only an interrupted run left behind count as well: an emptied partition may have some.
    items.iter().map(|item| item.count.max(u64::from(item.files > 0))).sum()
}

/// What a reset of this scope would do now.
pub async fn plan(state: &AppState, scope: &ResetScope) -> Result<ResetPlan> {
    let scopes = std::slice::from_ref(scope);
    let (mut items, foreign) = found(state, scopes).await?;
    plan_of(state, scope, items.pop().unwrap_or_default(), foreign).await
}

/// What is in each of these scopes, and what is foreign: buckets and folders are looked through for both at the same time.
pub async fn found(state: &AppState, scopes: &[ResetScope]) -> Result<(Vec<Vec<PlanItem>>, Vec<ForeignObject>)> {
    let customers: Vec<String> = state.store.customers().await?.into_iter().map(|customer| customer.id).collect();
    let foreign = async { state.lake.foreign(&customers).await.map_err(Error::from) };
    tokio::try_join!(items(state, scopes), foreign)
}

/// The same as [`plan`], where it is known what was [`found`].
pub async fn plan_of(
    state: &AppState,
    scope: &ResetScope,
    items: Vec<PlanItem>,
    foreign: Vec<ForeignObject>,
) -> Result<ResetPlan> {
    let (store, lake) = (&state.store, &state.lake);
    let customers = store.customers().await?;
    let (source, source_objects) = lake.source_checksum(false).await?;
    let schemas = lake.schema_checksum().await?;
    let tables = lake.tables().await?.len() as u64;
    let settings = store.settings().await?;
    let policies = lake.policies();
    let policies_checksum = policies.checksum();
    let stay = |what: &str, count: u64, checksum: &str| StayItem {
        what: what.to_owned(),
        count,
        checksum: checksum.to_owned(),
    };
    let stays = vec![
        stay("source", source_objects, &source),
        stay("schemas", tables, &schemas),
        stay("settings", settings.len() as u64, ""),
        stay("policies", (policies.rows.len() + policies.data.len()) as u64, &policies_checksum),
        stay("customers", customers.len() as u64, ""),
    ];
    // Messages come and go while the reconciler works, and a stream moves on while one reads: they do not make it another plan.
    let lasting: Vec<&PlanItem> =
        items.iter().filter(|item| item.place != "messages" && !is_stream(&item.table)).collect();
    let digest = fingerprint(&serde_json::to_string(&(scope, &lasting))?);
    let counts =
        items.iter().map(|item| (format!("{} {}", item.place, item.table).trim().to_owned(), item.count)).collect();
    let before =
        Before { source, source_objects, schemas, settings, policies: Some(policies_checksum), customers, counts };
    Ok(ResetPlan { scope: scope.clone(), items, stays, foreign, digest, before })
}

/// What is in each of these scopes now, without the checksums of what stays; buckets and folders are listed once for all of them.
async fn items(state: &AppState, scopes: &[ResetScope]) -> Result<Vec<Vec<PlanItem>>> {
    let (store, lake) = (&state.store, &state.lake);
    let tables = lake.tables().await?;
    let customers: Vec<String> = store.customers().await?.into_iter().map(|customer| customer.id).collect();
    let purges = purge_plans(lake, scopes, &customers).await?;
    let folders = ingestion::day_folders(lake.objects(), &lake.names().ingestion).await?;
    let backlog = lake.topics().backlog(NOTIFICATION_SUBSCRIPTION).await?.messages + state.streams.waiting().await?;
    let recorded = Recorded::read(store).await?;
    let mut all = Vec::with_capacity(scopes.len());
    for (scope, purge) in scopes.iter().zip(purges) {
        let mut items = Vec::new();
        for item in purge {
            let dates = if item.place == "ingestion" {
                folders.iter().filter(|f| scope.has_day(&f.day)).map(|f| f.day.date).collect()
            } else {
                let of = tables.iter().filter(|t| t.zone.name() == item.place && t.table == item.table);
                of.flat_map(|t| &t.partitions)
                    .filter(|p| is_stream(&item.table) || in_scope(scope, p.date, p.customer.as_deref()))
                    .filter_map(|p| p.date)
                    .collect()
            };
            items.push(PlanItem {
                what: if item.place == "ingestion" { "objects" } else { "partitions" }.to_owned(),
                which: span(&dates),
                place: item.place,
                table: item.table,
                count: item.count,
                rows: item.rows,
                files: item.files,
                bytes: item.bytes,
            });
        }
        let records = recorded.of(store, scope).await?;
        for (place, what, count) in [
            ("messages", "messages", backlog),
            ("runs", "runs", records.runs.len() as u64),
            ("streams", "streams", records.streams.len() as u64),
            ("deliveries", "decisions", records.deliveries.len() as u64),
            ("steps", "steps", records.steps.len() as u64),
        ] {
            items.push(PlanItem {
                place: place.to_owned(),
                table: String::new(),
                what: what.to_owned(),
                count,
                rows: 0,
                files: 0,
                bytes: 0,
                which: String::new(),
            });
        }
        items.retain(|item| item.count > 0 || item.files > 0);
        all.push(items);
    }
    Ok(all)
}

/// What the control database has on record about a scope.
pub(super) struct Records {
    /// Runs to be archived; resets stay, as proof.
    pub(super) runs: Vec<RunRow>,
    /// Streams to be archived.
    pub(super) streams: Vec<StreamRow>,
    pub(super) deliveries: Vec<DeliveryRow>,
    /// Story and step of what was pressed or skipped.
    pub(super) steps: Vec<(String, String)>,
    /// Story and step of what was only shown: its time goes too, but it is nothing to count.
    pub(super) shown: Vec<(String, String)>,
    /// Stories whose presentation ends.
    pub(super) stories: Vec<String>,
}

pub(super) async fn records(store: &Store, scope: &ResetScope) -> Result<Records> {
    Recorded::read(store).await?.of(store, scope).await
}

/// All that the control database has on record, of which scopes have their part.
struct Recorded {
    /// With the days that their jobs are about; without resets.
    runs: Vec<(RunRow, Vec<Day>)>,
    streams: Vec<StreamRow>,
    deliveries: Vec<DeliveryRow>,
    steps: Vec<ShowStepRow>,
}

impl Recorded {
    async fn read(store: &Store) -> Result<Self> {
        let mut runs = Vec::new();
        for run in store.runs(u32::MAX).await?.into_iter().filter(|run| run.kind != RunKind::Reset) {
            let days = serde_json::from_str::<Job>(&run.job)?.days();
            runs.push((run, days));
        }
        Ok(Recorded {
            runs,
            streams: store.streams(u32::MAX).await?,
            deliveries: store.deliveries().await?,
            steps: store.all_show_steps().await?,
        })
    }

    async fn of(&self, store: &Store, scope: &ResetScope) -> Result<Records> {
        let runs = self.runs.iter().filter(|(run, days)| scope.has_run(run, days)).map(|(run, _)| run.clone());
        let streams = self.streams.iter().filter(|stream| scope.has_stream(stream)).cloned();
        let deliveries = self.deliveries.iter().filter(|row| scope.has_day(&row.day)).cloned();
        let stories = self.stories(store, scope).await?;
        let names = |touched: bool| {
            let steps = self.steps.iter().filter(|step| scope.has_step(step, &stories) && step.touched() == touched);
            steps.map(|step| (step.story.clone(), step.step.clone())).collect()
        };
        Ok(Records {
            runs: runs.collect(),
            streams: streams.collect(),
            deliveries: deliveries.collect(),
            steps: names(true),
            shown: names(false),
            stories,
        })
    }

    async fn stories(&self, store: &Store, scope: &ResetScope) -> Result<Vec<String>> {
        let id = match scope {
            ResetScope::All => return store.presented_stories().await,
            ResetScope::Step { story, .. } => return Ok(vec![story.clone()]),
            // No story tells of a dataset that can be deleted.
            ResetScope::Dataset(_) => return Ok(Vec::new()),
            ResetScope::Customer(id) => id,
        };
        let mut stories = Vec::new();
        for step in &self.steps {
            if let Some(run_id) = &step.run_id
                && store.run(run_id).await?.customer.as_ref() == Some(id)
            {
                stories.push(step.story.clone());
            }
        }
        stories.dedup();
        Ok(stories)
    }
}

/// What would go from buckets and tables, for each scope a line for each place.
pub(super) async fn purge_plans(
    lake: &Lake,
    scopes: &[ResetScope],
    customers: &[String],
) -> Result<Vec<Vec<PurgeItem>>> {
    let parts: Vec<Vec<Scope>> = scopes.iter().map(ResetScope::of_lake).collect();
    let mut plans = lake.purge_plans(&parts.concat(), customers).await?.into_iter();
    let mut all = Vec::with_capacity(scopes.len());
    for of_scope in &parts {
        let mut lines: Vec<PurgeItem> = Vec::new();
        for item in plans.by_ref().take(of_scope.len()).flatten() {
            match lines.iter_mut().find(|line| line.place == item.place && line.table == item.table) {
                Some(line) => {
                    line.count += item.count;
                    line.rows += item.rows;
                    line.files += item.files;
                    line.bytes += item.bytes;
                }
                None => lines.push(item),
            }
        }
        all.push(lines);
    }
    Ok(all)
}

/// The tables of the stream go as a whole, or by the customer.
fn is_stream(table: &str) -> bool {
    showrunner_lake::stream::TABLES.contains(&table)
}

/// Whether a partition is of this scope. The warehouse's have no customer: they are judged by the date alone.
fn in_scope(scope: &ResetScope, date: Option<NaiveDate>, customer: Option<&str>) -> bool {
    match scope {
        ResetScope::All => true,
        // Its own tables only have a line at all.
        ResetScope::Dataset(_) => true,
        ResetScope::Customer(id) => customer.is_none_or(|customer| customer == id),
        ResetScope::Step { days, .. } => days.iter().any(|day| {
            date.is_none_or(|date| date == day.date) && customer.is_none_or(|customer| customer == day.customer)
        }),
    }
}

fn span(dates: &BTreeSet<NaiveDate>) -> String {
    match (dates.first(), dates.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("{first} to {last}, {}", counted(dates.len(), "day"))
        }
        (Some(first), _) => first.to_string(),
        _ => String::new(),
    }
}
