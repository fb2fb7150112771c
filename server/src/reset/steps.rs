//! A reset's steps. Each may be done again: what is gone already is simply not there.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::Int64Array;
use bytes::Bytes;
use serde::Serialize;
use showrunner_lake::model::{Progress, PurgeItem};
use showrunner_lake::ports::{NewMessage, Past, PullRequest, SeekTarget};
use showrunner_lake::{Identity, NOTIFICATION_SUBSCRIPTION, NOTIFICATION_TOPIC, QueryLimits};

use super::plan::{purge_plans, records};
use super::{Before, Certificate, CertificateLine, ResetScope};
use crate::error::{Error, ErrorKind, Result};
use crate::runs::{Step, StepEnd, counted};

/// The messages that a probe may have to get past.
const PROBE_PULLS: usize = 1_000;
/// How long the probe may take to arrive.
const PROBE_WAIT: Duration = Duration::from_secs(10);

/// Does one step.
pub(crate) async fn step(step: &Step<'_>, name: &str, scope: &ResetScope, before: &Before) -> Result<StepEnd> {
    match name {
        "stop" => stop(step, scope).await,
        "messages" => messages(step, scope).await,
        "runs" => forget(step, scope).await,
        "verify" => verify(step, scope, before).await,
        place => purge(step, place, scope, before).await,
    }
}

/// A reset whose verification found a difference has failed, with the proof kept.
pub(crate) fn accept(end: &StepEnd) -> Result<()> {
    let certificate: Certificate = serde_json::from_str(&end.outcome)?;
    let unequal: Vec<String> = certificate
        .lines
        .iter()
        .filter(|line| !line.equal)
        .map(|line| format!("{}: expected {}, found {}", line.what, line.expected, line.found))
        .collect();
    if unequal.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Conflict, format!("The verification found differences: {}.", unequal.join("; "))))
}

/// Queued runs were stopped with the press; a running one had the lane until now. What is left is to make sure.
async fn stop(step: &Step<'_>, scope: &ResetScope) -> Result<StepEnd> {
    let others = step.engine.store.active_runs().await?;
    let others: Vec<String> = others.into_iter().map(|run| run.id).filter(|id| *id != step.run.id).collect();
    if !others.is_empty() {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("Still under way: {}. Stop it, then retry the reset.", others.join(", ")),
        ));
    }
    let streams = &step.engine.streams;
    let log = match step.engine.store.active_stream().await? {
        Some(stream) if scope.has_stream(&stream) => {
            streams.stop("A reset ended it.").await?;
            format!("Nothing else is queued or running; {} was ended", stream.id)
        }
        _ => "Nothing else is queued or running".to_owned(),
    };
    done(&(), log)
}

/// Whether the messages of the stream are of this scope: not while another customer's stream is under way.
async fn reaches_stream(step: &Step<'_>, scope: &ResetScope) -> Result<bool> {
    Ok(step.engine.store.active_stream().await?.is_none_or(|stream| scope.has_stream(&stream)))
}

async fn messages(step: &Step<'_>, scope: &ResetScope) -> Result<StepEnd> {
    let _alone = step.engine.pulling.lock().await;
    let topics = step.engine.lake.topics();
    let dropped = topics.backlog(NOTIFICATION_SUBSCRIPTION).await?.messages;
    topics.seek(NOTIFICATION_SUBSCRIPTION, SeekTarget::Now).await?;
    let of_stream = if reaches_stream(step, scope).await? { step.engine.streams.drop_messages().await? } else { 0 };
    let dropped = dropped + of_stream;
    done(
        &BTreeMap::from([("messages", dropped)]),
        format!("{} dropped by a seek to now", counted(dropped as usize, "message")),
    )
}

async fn purge(step: &Step<'_>, place: &str, scope: &ResetScope, before: &Before) -> Result<StepEnd> {
    step.control.check()?;
    if place == "ingestion" {
        step.engine.forget_uploads();
    }
    let purge = async {
        let mut gone = Vec::new();
        for part in scope.of_lake() {
            gone.extend(step.engine.lake.purge(place, &part, &ids(before), &step.run.id).await?);
        }
        Ok(gone)
    };
    let gone: Vec<PurgeItem> = match place {
        "bronze" | "warehouse" => step.engine.streams.emptied(purge).await?,
        _ => purge.await?,
    };
    step.point("purged");
    let count: u64 = gone.iter().map(|item| item.count).sum();
    let bytes: u64 = gone.iter().map(|item| item.bytes).sum();
    let what = if place == "ingestion" { "object" } else { "partition" };
    done(&gone, format!("{} went, {bytes} bytes", counted(count as usize, what)))
}

async fn forget(step: &Step<'_>, scope: &ResetScope) -> Result<StepEnd> {
    let records = records(&step.engine.store, scope).await?;
    let runs: Vec<String> = records.runs.into_iter().map(|run| run.id).collect();
    let steps = [records.steps.as_slice(), records.shown.as_slice()].concat();
    let streams: Vec<String> = records.streams.into_iter().map(|stream| stream.id).collect();
    step.engine.store.archive_streams(&streams).await?;
    if *scope == ResetScope::All {
        step.engine.store.forget_imported_lineage().await?;
    }
    step.engine.store.forget(&runs, &records.deliveries, &steps, &records.stories).await?;
    let outcome = BTreeMap::from([
        ("runs", runs.len()),
        ("streams", streams.len()),
        ("deliveries", records.deliveries.len()),
        ("steps", records.steps.len()),
    ]);
    let log = format!(
        "{} and {} archived; {} and {} of the story forgotten",
        counted(runs.len(), "run"),
        counted(streams.len(), "stream"),
        counted(records.deliveries.len(), "delivery decision"),
        counted(records.steps.len(), "pressed step")
    );
    done(&outcome, log)
}

async fn verify(step: &Step<'_>, scope: &ResetScope, before: &Before) -> Result<StepEnd> {
    let (store, lake) = (&step.engine.store, &step.engine.lake);
    let mut lines = Vec::new();
    for item in purge_plans(lake, std::slice::from_ref(scope), &ids(before)).await?.into_iter().flatten() {
        let name = if item.table.is_empty() { item.place.clone() } else { format!("{}.{}", item.place, item.table) };
        if item.place == "ingestion" {
            lines.push(CertificateLine::new("Objects in the ingestion bucket", 0, item.count));
        } else {
            lines.push(CertificateLine::new(
                format!("{name}: partitions, rows, files"),
                "0, 0, 0",
                format!("{}, {}, {}", item.count, item.rows, item.files),
            ));
        }
    }
    if *scope == ResetScope::All {
        // Counted by a query as well, not by the log's statistics alone.
        for table in lake.tables().await? {
            let name = format!("{}.{}", table.zone.name(), table.table);
            lines.push(CertificateLine::new(format!("{name}: rows by a query"), 0, count_rows(step, &name).await?));
        }
    }
    for table in lake.standing().await? {
        // What is served elsewhere is what the lake keeps, whatever the scope left.
        lines.push(CertificateLine::new(format!("{}: rows served", table.name), table.kept, table.served));
    }
    let since = chrono::DateTime::from_timestamp_millis(step.run.created_at).unwrap_or_default();
    for (bucket, past) in lake.past(&ids(before), since).await? {
        lines.push(CertificateLine::new(
            format!("{bucket}: older versions, objects soft-deleted by this reset"),
            "0, 0",
            kept(&bucket, past),
        ));
    }
    let records = records(store, scope).await?;
    lines.push(CertificateLine::new("Runs in the list", 0, records.runs.len()));
    lines.push(CertificateLine::new("Streams in the list", 0, records.streams.len()));
    lines.push(CertificateLine::new("Delivery decisions", 0, records.deliveries.len()));
    lines.push(CertificateLine::new("Pressed steps of the story", 0, records.steps.len()));
    {
        let _alone = step.engine.pulling.lock().await;
        let probe = probe(step).await?;
        let backlog = lake.topics().backlog(NOTIFICATION_SUBSCRIPTION).await?.messages;
        lines.push(CertificateLine::new("Messages waiting", 0, backlog));
        lines.push(CertificateLine::new(
            "Topic alive: a probe message",
            "arrived",
            if probe { "arrived" } else { "did not arrive" },
        ));
    }
    if reaches_stream(step, scope).await? {
        let streams = &step.engine.streams;
        let probe = streams.probe().await?;
        lines.push(CertificateLine::new("Messages of the stream waiting", 0, streams.waiting().await?));
        lines.push(CertificateLine::new(
            "Stream alive: a probe message, to each subscription",
            "arrived",
            if probe { "arrived" } else { "did not arrive" },
        ));
    }
    let (source, objects) = lake.source_checksum(true).await?;
    lines.push(CertificateLine::new(
        "Source data: objects, checksum",
        format!("{}, {}", before.source_objects, before.source),
        format!("{objects}, {source}"),
    ));
    lines.push(CertificateLine::new(
        "Schemas, partitioning, clustering: checksum",
        &before.schemas,
        lake.schema_checksum().await?,
    ));
    let settings = store.settings().await?;
    lines.push(same("Settings", &before.settings, &settings));
    if let Some(policies) = &before.policies {
        // What is in force, and what the control database would put in force at the next start.
        lines.push(CertificateLine::new("Policies in force: checksum", policies, lake.policies().checksum()));
        lines.push(CertificateLine::new("Policies on record: checksum", policies, store.policies().await?.checksum()));
    }
    let customers = store.customers().await?;
    lines.push(same("Customers", &before.customers, &customers));
    let at = store.clock().millis();
    let certificate = Certificate {
        scope: scope.value(),
        lines,
        foreign: lake.foreign(&ids(before)).await?,
        seconds: (at - step.run.started_at.unwrap_or(step.run.created_at)).max(0) as f64 / 1_000.0,
        at,
        by: step.run.started_by.clone(),
    };
    let verified = certificate.verified();
    let log = if verified {
        format!("{} equal: the reset is verified", counted(certificate.lines.len(), "line"))
    } else {
        "Not all lines are equal: the certificate says which".to_owned()
    };
    Ok(StepEnd::done(&certificate, Progress::default(), log)?.warn_if(!verified))
}

/// What a bucket still keeps, and what to do about it.
fn kept(bucket: &str, past: Past) -> String {
    let counts = format!("{}, {}", past.versions, past.soft_deleted);
    let option = match past {
        Past { soft_deleted: 1.., .. } => "--clear-soft-delete",
        Past { versions: 1.., .. } => "--no-versioning",
        Past { .. } => return counts,
    };
    format!("{counts} (it keeps what is deleted: gcloud storage buckets update gs://{bucket} {option})")
}

/// The customers that are known: what others left in the buckets is not ours.
fn ids(before: &Before) -> Vec<String> {
    before.customers.iter().map(|customer| customer.id.clone()).collect()
}

/// Publishes a message and pulls until it comes.
async fn probe(step: &Step<'_>) -> Result<bool> {
    let topics = step.engine.lake.topics();
    let attributes = BTreeMap::from([("eventType".to_owned(), "SHOWRUNNER_PROBE".to_owned())]);
    let message = NewMessage { data: Bytes::from_static(b"probe"), attributes, ..NewMessage::default() };
    let ids = topics.publish(NOTIFICATION_TOPIC, vec![message]).await?;
    let request = PullRequest::now(1_000).waiting(PROBE_WAIT);
    for _ in 0..PROBE_PULLS {
        let messages = topics.pull(NOTIFICATION_SUBSCRIPTION, request).await?;
        if messages.is_empty() {
            return Ok(false);
        }
        let arrived = messages.iter().any(|received| ids.contains(&received.message.id));
        // Notifications only wake the reconciler, which looks again after each run anyway: they may go.
        let ack_ids: Vec<String> = messages.into_iter().map(|received| received.ack_id).collect();
        topics.acknowledge(NOTIFICATION_SUBSCRIPTION, &ack_ids).await?;
        if arrived {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn count_rows(step: &Step<'_>, table: &str) -> Result<i64> {
    let limits = QueryLimits { rows: 1, timeout: Duration::from_secs(60) };
    let answer = step.engine.lake.query(&Identity::admin(), &format!("SELECT count(*) FROM {table}"), limits).await?;
    let column = answer.batches.first().filter(|batch| batch.num_rows() == 1).map(|batch| batch.column(0).clone());
    let count = column.as_ref().and_then(|c| c.as_any().downcast_ref::<Int64Array>()).map(|c| c.value(0));
    count.ok_or_else(|| Error::new(ErrorKind::Internal, format!("The rows of {table} could not be counted.")))
}

fn same<T: PartialEq>(what: &str, before: &[T], after: &[T]) -> CertificateLine {
    let found = if before == after { "the same" } else { "changed" };
    CertificateLine::new(format!("{what} ({})", before.len()), "the same", found)
}

fn done(outcome: &impl Serialize, log: impl Into<String>) -> Result<StepEnd> {
    StepEnd::done(outcome, Progress::default(), log)
}
