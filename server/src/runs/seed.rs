//! The past: days into the source bucket, the history delivered by the customer.

use std::path::Path;

use bytes::Bytes;
use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use showrunner_generate::{DayManifest, Options, write_day_file};
use showrunner_lake::keys::{MARKER, SourceKey, day_prefix, marker_key};
use showrunner_lake::model::{Day, Progress};
use showrunner_lake::ports::{Objects, Precondition};

use super::upload::deliver_file;
use super::{DeliverOutcome, SourceOutcome, Step, StepEnd, counted};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Decision, DeliveredFile};

/// What is read from a day's `manifest.json`, generated or imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceManifest {
    /// The day.
    pub(crate) date: NaiveDate,
    /// The data file's name.
    pub(crate) file: String,
    /// Sessions.
    pub(crate) rows: u64,
    /// The data file's size.
    pub(crate) bytes: u64,
}

/// Generates the days that the source bucket does not have.
pub(super) async fn source(step: &Step<'_>, customer: &str, dataset: &str, dates: &[NaiveDate]) -> Result<StepEnd> {
    let engine = step.engine;
    if !engine.lake.datasets().iter().any(|known| known == dataset) {
        return Err(Error::new(ErrorKind::Invalid, format!("There is no dataset `{dataset}`. Correct the story.")));
    }
    showrunner_lake::keys::check_customer(customer)?;
    engine.store.add_customer(customer, customer).await?;
    let (objects, bucket) = (engine.lake.objects(), &engine.lake.names().source);
    let mut progress = Progress { days_total: dates.len() as u64, ..Progress::default() };
    let mut outcome = SourceOutcome { days: dates.len() as u64, ..SourceOutcome::default() };
    let mut missing = Vec::new();
    let looks: Vec<_> = dates.iter().map(|date| present(objects, bucket, *date)).collect();
    let mut looks =
        futures::stream::iter(looks).buffered(engine.lake.calls_at_once()).zip(futures::stream::iter(dates));
    while let Some((manifest, date)) = looks.next().await {
        match manifest? {
            Some(manifest) => add(&mut progress, &mut outcome, manifest.rows, manifest.bytes),
            None => missing.push(*date),
        }
    }
    drop(looks);
    step.control.base(progress);
    let options =
        Options { seed: engine.config.seed, sessions_per_day: engine.config.sessions_per_day, ..Options::default() };
    let scratch = engine.config.scratch.join(format!("source-{}", step.run.id));
    tokio::fs::create_dir_all(&scratch).await?;
    let workers = engine.config.workers.max(1);
    // Where a file takes long to send, the next ones are made meanwhile.
    let threads = tokio::sync::Semaphore::new(workers);
    let mut made = futures::stream::iter(missing)
        .map(|date| {
            let (options, scratch, threads) = (options.clone(), scratch.clone(), &threads);
            async move {
                let thread = threads.acquire().await;
                step.control.check()?;
                let manifest = tokio::task::spawn_blocking({
                    let scratch = scratch.clone();
                    move || write_day_file(&options, date, &scratch)
                })
                .await
                .map_err(|error| Error::with(ErrorKind::Internal, format!("Generating {date} ended by a bug."), error))?
                .map_err(|error| Error::with(ErrorKind::Unavailable, error.to_string(), error))?;
                drop(thread);
                put_day(objects, bucket, &manifest, &scratch, step).await?;
                Ok::<DayManifest, Error>(manifest)
            }
        })
        .buffer_unordered(workers.max(engine.lake.calls_at_once()));
    while let Some(manifest) = made.try_next().await? {
        outcome.generated += 1;
        add(&mut progress, &mut outcome, manifest.rows, manifest.bytes);
        step.control.base(progress);
    }
    drop(made);
    tokio::fs::remove_dir_all(&scratch).await?;
    let log = if outcome.generated == 0 {
        format!("All {} are in the source bucket already", counted(dates.len(), "day"))
    } else {
        format!(
            "{} generated, {} in the source bucket: {} sessions, {} bytes",
            counted(outcome.generated as usize, "day"),
            outcome.days,
            outcome.rows,
            outcome.bytes
        )
    };
    StepEnd::done(&outcome, progress, log)
}

/// Copies the history into the ingestion bucket, each day's marker last. The days are claimed by this run before their markers
/// exist, so that the reconciler starts nothing of its own.
pub(super) async fn deliver(step: &Step<'_>, days: &[Day]) -> Result<StepEnd> {
    let mut outcome = DeliverOutcome::default();
    let mut progress = Progress { days_total: days.len() as u64, ..Progress::default() };
    let deliveries: Vec<_> = days.iter().map(|day| deliver_day(step, day)).collect();
    let mut deliveries = futures::stream::iter(deliveries).buffered(step.engine.lake.calls_at_once());
    while let Some(delivered) = deliveries.try_next().await? {
        match delivered {
            None => outcome.already += 1,
            Some(bytes) => {
                outcome.days += 1;
                outcome.files += 1;
                outcome.bytes += bytes;
                progress.bytes += bytes;
            }
        }
        progress.days += 1;
        step.control.base(progress);
    }
    drop(deliveries);
    let log = if outcome.days == 0 {
        format!("All {} are ingested already: nothing is delivered", counted(days.len(), "day"))
    } else {
        format!(
            "{} delivered, each with its marker last; {} ingested before",
            counted(outcome.days as usize, "day"),
            outcome.already
        )
    };
    StepEnd::done(&outcome, progress, log)
}

/// Delivers a day, its marker last: the bytes of its file. `None` if it was ingested before.
async fn deliver_day(step: &Step<'_>, day: &Day) -> Result<Option<u64>> {
    step.control.check()?;
    let engine = step.engine;
    let (objects, bucket, store) = (engine.lake.objects(), &engine.lake.names().ingestion, &engine.store);
    let ledger = store.deliveries_of(day).await?;
    let mine = ledger.iter().find(|row| row.run_id.as_deref() == Some(&step.run.id));
    if mine.is_none() && ledger.iter().any(|row| matches!(row.decision, Decision::Ingested | Decision::Claimed)) {
        return Ok(None);
    }
    let (meta, _) = deliver_file(step, day).await?;
    step.point("copied");
    if mine.is_none_or(|row| row.generation == 0) {
        let file = meta.key.rsplit('/').next().unwrap_or(&meta.key).to_owned();
        let mut files = vec![DeliveredFile { name: file, size: meta.size, generation: meta.generation }];
        // Files that the customer had delivered by itself belong to the day as well.
        for other in objects.list(bucket, &day_prefix(day)).await? {
            let name = other.key.rsplit('/').next().unwrap_or_default();
            if name != MARKER && files.iter().all(|known| known.name != name) {
                files.push(DeliveredFile { name: name.to_owned(), size: other.size, generation: other.generation });
            }
        }
        store.announce(day, &step.run.id, &files).await?;
        step.point("announced");
        let marker = objects.put(bucket, &marker_key(day), Bytes::new(), Precondition::None).await?;
        step.point("marked");
        store.announced_marker_written(day, &step.run.id, marker.generation).await?;
    }
    Ok(Some(meta.size))
}

/// The day's manifest, if the day is whole in the source bucket. The data file is written before its manifest; either appears
/// whole or not at all.
async fn present(objects: &dyn Objects, bucket: &str, date: NaiveDate) -> Result<Option<SourceManifest>> {
    let manifest = match objects.get(bucket, &SourceKey::Manifest(date).to_string()).await {
        Ok(bytes) => serde_json::from_slice::<SourceManifest>(&bytes).ok(),
        Err(error) if error.kind == showrunner_lake::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let Some(manifest) = manifest else {
        return Ok(None);
    };
    match objects.head(bucket, &SourceKey::Data(date).to_string()).await {
        Ok(meta) => Ok((meta.size == manifest.bytes).then_some(manifest)),
        Err(error) if error.kind == showrunner_lake::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn put_day(
    objects: &dyn Objects,
    bucket: &str,
    manifest: &DayManifest,
    scratch: &Path,
    step: &Step<'_>,
) -> Result<()> {
    let path = scratch.join(&manifest.file);
    let file = tokio::fs::File::open(&path).await?;
    let stream = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024).boxed();
    objects.put_stream(bucket, &SourceKey::Data(manifest.date).to_string(), stream, u64::MAX).await?;
    step.point("file");
    let json = serde_json::to_vec_pretty(manifest)?;
    objects.put(bucket, &SourceKey::Manifest(manifest.date).to_string(), json.into(), Precondition::None).await?;
    tokio::fs::remove_file(&path).await?;
    Ok(())
}

fn add(progress: &mut Progress, outcome: &mut SourceOutcome, rows: u64, bytes: u64) {
    progress.days += 1;
    progress.rows += rows;
    progress.bytes += bytes;
    outcome.rows += rows;
    outcome.bytes += bytes;
}
