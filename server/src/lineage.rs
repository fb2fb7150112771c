//! Lineage leaves and comes in as OpenLineage: told to an endpoint if one is configured, taken from whoever sends it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use showrunner_lake::Lake;
use showrunner_lake::lineage::openlineage::{self, Ran};
use showrunner_lake::lineage::{ColumnRef, Job};
use showrunner_lake::model::Zone;
use showrunner_lake::policy::TableName;
use tokio_util::sync::CancellationToken;

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ForeignEvent, LineageRow, Store};
use crate::views::lineage::graph::{Graph, split};
use crate::views::lineage::tags::follow;

/// Records that are told at a time.
const AT_A_TIME: u32 = 50;
/// So long an endpoint may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// After a failure it is tried again after this, and each time after twice as long, up to the second.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// Where our jobs and datasets have their names.
pub fn namespace(state: &AppState) -> String {
    format!("showrunner-{}-{}", state.config.names.id, state.config.names.stage)
}

/// The two events of a record; none if its job is not on record any more.
pub async fn events(state: &AppState, row: &LineageRow) -> Result<Vec<Value>> {
    let Some(job) = state.store.lineage_job(&row.digest).await? else { return Ok(Vec::new()) };
    let at = |millis: i64| DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    let ran = Ran {
        namespace: &namespace(state),
        run_id: &row.run_id,
        started: at(row.started_at),
        ended: at(row.ended_at),
        version: row.version,
        reads: &row.listed(),
    };
    Ok(openlineage::events(&job, &ran).into())
}

/// Columns in which personal data was found, or a person says that it is there.
pub async fn found(store: &Store) -> Result<Vec<(ColumnRef, String)>> {
    let tags = store.tags().await?.into_iter();
    Ok(tags.map(|tag| (ColumnRef { table: tag.table, column: tag.path }, tag.info_type)).collect())
}

/// Tells the engine which columns hold personal data: those in which it was found, and those that are made of them. Policies on kinds of
/// data act on all of them from now on, and a warehouse elsewhere is brought in line.
///
/// # Errors
/// Those of the control database; of the warehouse elsewhere, after the tags are in force here.
pub async fn spread(store: &Store, lake: &Lake, jobs: &[Job]) -> Result<()> {
    let graph = Graph::of(jobs.to_vec());
    let tags = follow(&graph, &found(store).await?).into_iter().filter_map(|(column, tag)| {
        let (zone, table) = split(&column.table);
        let zone = Zone::ALL.into_iter().find(|known| known.name() == zone)?;
        let table = TableName { zone, table: table.to_owned() };
        Some(showrunner_lake::policy::Tag { table, column: column.column, info_type: tag.info_type })
    });
    lake.set_tags(tags.collect());
    Ok(lake.sync_policies().await?)
}

/// Takes events of others: one, or a list of them. All of them or none; returns how many were new.
pub async fn import(state: &AppState, body: &[u8]) -> Result<u64> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|e| Error::with(ErrorKind::Invalid, format!("The events are no JSON: {e}."), e))?;
    let events = match value {
        Value::Array(events) => events,
        event => vec![event],
    };
    let mut taken = Vec::new();
    for event in &events {
        let checked = openlineage::check(event)?;
        taken.push(ForeignEvent {
            run_id: checked.run_id,
            event_type: checked.event_type,
            event_time: checked.event_time,
            job: checked.job,
            event: serde_json::to_string(event)?,
        });
    }
    state.store.import_lineage(&taken).await
}

/// Tells the endpoint of everything that was recorded, oldest first, until `halt`. What it does not take is told again later: at least
/// once, and each event says by its ids which one it is.
pub async fn tell(state: Arc<AppState>, halt: CancellationToken) {
    let Some(url) = state.config.lineage.url.clone() else { return };
    let client = match reqwest::Client::builder().timeout(PATIENCE).build() {
        Ok(client) => client,
        Err(error) => return tracing::error!("lineage is not told to {url}: {error}"),
    };
    let mut news = state.store.subscribe_events();
    let mut wait = RETRY.0;
    loop {
        match tell_all(&state, &client, &url).await {
            Ok(()) => {
                wait = RETRY.0;
                tokio::select! {
                    () = halt.cancelled() => return,
                    changed = news.changed() => if changed.is_err() { return },
                }
            }
            Err(error) => {
                tracing::warn!("{}; tried again in {} s", error.chain(), wait.as_secs());
                tokio::select! {
                    () = halt.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(RETRY.1);
            }
        }
    }
}

async fn tell_all(state: &AppState, client: &reqwest::Client, url: &str) -> Result<()> {
    loop {
        let rows = state.store.lineage_to_emit(AT_A_TIME).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in &rows {
            for event in events(state, row).await? {
                let address = openlineage::address(url, &event);
                let mut request =
                    client.post(address).header("content-type", "application/json").body(event.to_string());
                if let Some(key) = &state.config.lineage.api_key {
                    request = request.bearer_auth(key.secret());
                }
                // The address may hold a password, and so may what the client says of it.
                let failed =
                    |why: String| Error::new(ErrorKind::Unavailable, format!("The OpenLineage endpoint {why}"));
                let answer =
                    request.send().await.map_err(|e| failed(format!("does not answer: {}", e.without_url())))?;
                if !answer.status().is_success() {
                    return Err(failed(format!("answered {}", answer.status())));
                }
            }
            state.store.lineage_emitted(&[row.id]).await?;
        }
    }
}
