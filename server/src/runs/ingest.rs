//! The steps that take days through the lake, shared by seed and ingestion.

use showrunner_lake::keys::day_prefix;
use showrunner_lake::model::{Day, FileRef, ObjectRef, Progress, ZoneOutcome};
use showrunner_lake::ports::{JobDay, JobFile};

use super::outcome::{add_bronze, add_zone};
use super::{BronzeStep, DeliveredDay, Job, ListOutcome, Step, StepEnd, counted};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{ChunkDone, Decision, RunState, StepRow};

/// Days that one commit of bronze or silver covers: what a killed run does again at most. A commit costs as much as the table has
/// files, so that many days are at most eight commits or nine.
fn chunk_size(days: usize) -> usize {
    (days / 8).max(8)
}

/// Checks that the files are what the marker's listing says.
pub(super) async fn list(step: &Step<'_>, days: &[DeliveredDay]) -> Result<StepEnd> {
    let lake = &step.engine.lake;
    let bucket = &lake.names().ingestion;
    let mut outcome = ListOutcome { days: days.len() as u64, ..ListOutcome::default() };
    let mut changed = false;
    for delivered in days {
        let prefix = day_prefix(&delivered.day);
        for file in &delivered.files {
            let meta = lake.objects().head(bucket, &format!("{prefix}{}", file.name)).await.map_err(|error| {
                if error.kind == showrunner_lake::ErrorKind::NotFound {
                    Error::with(
                        ErrorKind::NotFound,
                        format!("{prefix}{} was listed with the marker but is gone. Deliver it again, then re-ingest the day.", file.name),
                        error,
                    )
                } else {
                    error.into()
                }
            })?;
            if meta.generation != file.generation {
                changed = true;
                step.warn(&format!("{prefix}{} was overwritten after the marker; the newer file is read", file.name))
                    .await?;
            }
            outcome.files += 1;
            outcome.bytes += meta.size;
        }
    }
    let log = format!(
        "{} of {} listed, {} bytes",
        counted(outcome.files as usize, "file"),
        counted(days.len(), "day"),
        outcome.bytes
    );
    let progress = Progress { days: outcome.days, days_total: outcome.days, ..Progress::default() };
    Ok(StepEnd::done(&outcome, progress, log)?.warn_if(changed))
}

/// The delivered files into bronze, in chunks.
pub(super) async fn bronze(step: &Step<'_>, job: &Job) -> Result<StepEnd> {
    let inputs = inputs(step, job).await?;
    if inputs.is_empty() {
        return Ok(StepEnd::skipped("All days were ingested before: nothing to do"));
    }
    let finished = step.engine.store.run_days(&step.run.id, &step.row.name).await?;
    let mut sum: BronzeStep = step.row.outcome().unwrap_or_default();
    let mut progress = totals(step.row.progress(), finished.len(), inputs.iter().map(|(input, _)| input));
    step.control.base(progress);
    // Of all days, so that a run that goes on after its process died asks for the same jobs.
    for chunk in inputs.chunks(chunk_size(inputs.len())) {
        let chunk: Vec<_> = chunk.iter().filter(|(input, _)| !finished.contains(&input.day)).collect();
        if chunk.is_empty() {
            continue;
        }
        step.control.check()?;
        let days: Vec<Day> = chunk.iter().map(|(input, _)| input.day.clone()).collect();
        let input: Vec<JobDay> = chunk.iter().map(|(input, _)| input.clone()).collect();
        step.point("chunk");
        let job = step.engine.lake.ingest_job(&step.run.id, input)?;
        let outcome = step.engine.lake.ingest(&job, step.sink()).await?;
        step.point("committed");
        add_bronze(&mut sum, &outcome, &days);
        progress.rows = sum.outcome.rows;
        progress.bytes += chunk.iter().map(|(_, bytes)| bytes).sum::<u64>();
        progress.days += days.len() as u64;
        step.chunk_done(ChunkDone {
            days: &days,
            progress,
            outcome: serde_json::to_string(&sum)?,
            quarantined: &outcome.quarantined,
            log: Some(format!(
                "{}: {}, {}",
                span(&days),
                counted(outcome.rows as usize, "row"),
                held(outcome.rows_quarantined, outcome.files_quarantined)
            )),
            ..ChunkDone::default()
        })
        .await?;
        step.point("recorded");
    }
    if sum.held_days.len() == sum.outcome.per_day.len() {
        return Err(Error::new(
            ErrorKind::Invalid,
            "Nothing could be loaded: all rows and files were held back. The quarantine says why for each; correct the files, deliver them again and re-ingest the day.",
        ));
    }
    let all = &sum.outcome;
    let held_back = all.rows_quarantined > 0 || all.files_quarantined > 0;
    let log = format!(
        "{} from {}, {}",
        counted(all.rows as usize, "row"),
        counted(all.files as usize, "file"),
        held(all.rows_quarantined, all.files_quarantined)
    );
    Ok(StepEnd::done(&sum, progress, log)?.warn_if(held_back))
}

/// Silver of the loaded days, in chunks.
pub(super) async fn silver(step: &Step<'_>) -> Result<StepEnd> {
    let days = loaded(step).await?;
    let finished = step.engine.store.run_days(&step.run.id, &step.row.name).await?;
    let mut sum: ZoneOutcome = step.row.outcome().unwrap_or_default();
    let mut progress = Progress { days: finished.len() as u64, days_total: days.len() as u64, ..step.row.progress() };
    step.control.base(progress);
    if days.is_empty() {
        return Ok(StepEnd::skipped("No day was loaded: nothing to do"));
    }
    let left: Vec<Day> = days.into_iter().filter(|day| !finished.contains(day)).collect();
    for chunk in left.chunks(chunk_size(left.len())) {
        step.control.check()?;
        step.point("chunk");
        let outcome = step.engine.lake.silver(&step.run.id, chunk, step.sink()).await?;
        step.point("committed");
        add_zone(&mut sum, &outcome);
        progress.rows = sum.tables.iter().map(|t| t.rows).sum();
        progress.days += chunk.len() as u64;
        step.chunk_done(ChunkDone {
            days: chunk,
            progress,
            outcome: serde_json::to_string(&sum)?,
            ..ChunkDone::default()
        })
        .await?;
        step.point("recorded");
    }
    zone_end(&sum, progress)
}

/// Gold of the loaded days.
pub(super) async fn gold(step: &Step<'_>) -> Result<StepEnd> {
    let days = loaded(step).await?;
    if days.is_empty() {
        return Ok(StepEnd::skipped("No day was loaded: nothing to do"));
    }
    step.control.base(all_of(&days, 0));
    let outcome = step.engine.lake.gold(&step.run.id, &days, step.sink()).await?;
    step.point("committed");
    whole(&outcome, &days)
}

/// The warehouse's partitions of the loaded days.
pub(super) async fn warehouse(step: &Step<'_>) -> Result<StepEnd> {
    let days = loaded(step).await?;
    if days.is_empty() {
        return Ok(StepEnd::skipped("No day was loaded: nothing to do"));
    }
    step.control.base(all_of(&days, 0));
    let outcome = step.engine.lake.load_warehouse(&step.run.id, &days, step.sink()).await?;
    step.point("committed");
    whole(&outcome, &days)
}

/// The days that a run has loaded when it ends in this state: those whose last step is over.
pub(super) fn ingested(job: &Job, steps: &[StepRow], state: RunState) -> Vec<Day> {
    if state != RunState::Done || !matches!(job, Job::Seed { .. } | Job::Ingest { .. }) {
        return Vec::new();
    }
    steps.iter().find(|step| step.name == "bronze").map(loaded_by).unwrap_or_default()
}

/// The files of the run's days, with their bytes.
async fn inputs(step: &Step<'_>, job: &Job) -> Result<Vec<(JobDay, u64)>> {
    let bucket = step.engine.lake.names().ingestion.clone();
    let days: Vec<DeliveredDay> = match job {
        Job::Ingest { days, .. } => days.clone(),
        // What the step before has delivered, as the ledger has it.
        _ => {
            let ledger = step.engine.store.deliveries().await?;
            ledger
                .into_iter()
                .filter(|row| row.run_id.as_deref() == Some(&step.run.id) && row.decision == Decision::Claimed)
                .map(|row| DeliveredDay { day: row.day, generation: row.generation, files: row.files })
                .collect()
        }
    };
    Ok(days
        .into_iter()
        .map(|delivered| {
            let prefix = day_prefix(&delivered.day);
            let bytes = delivered.files.iter().map(|file| file.size).sum();
            let files = delivered
                .files
                .iter()
                .map(|file| JobFile {
                    file: FileRef::Object(ObjectRef {
                        bucket: bucket.clone(),
                        key: format!("{prefix}{}", file.name),
                        size: file.size,
                    }),
                    generation: file.generation,
                })
                .collect();
            (JobDay { day: delivered.day, files }, bytes)
        })
        .collect())
}

/// The days that this run's step bronze has loaded.
async fn loaded(step: &Step<'_>) -> Result<Vec<Day>> {
    let steps = step.engine.store.steps(&step.run.id).await?;
    Ok(steps.iter().find(|s| s.name == "bronze").map(loaded_by).unwrap_or_default())
}

fn loaded_by(bronze: &StepRow) -> Vec<Day> {
    let BronzeStep { outcome, held_days } = bronze.outcome().unwrap_or_default();
    let days = outcome.per_day.into_iter().map(|(day, _)| day);
    days.filter(|day| !held_days.contains(day)).collect()
}

fn totals<'a>(mut progress: Progress, days: usize, inputs: impl Iterator<Item = &'a JobDay>) -> Progress {
    let mut bytes = 0;
    let mut count = 0;
    for input in inputs {
        count += 1;
        bytes += input
            .files
            .iter()
            .map(|file| match &file.file {
                FileRef::Object(object) => object.size,
                FileRef::Local(_) => 0,
            })
            .sum::<u64>();
    }
    progress.bytes_total = bytes;
    progress.days_total = count;
    progress.days = days as u64;
    progress
}

fn all_of(days: &[Day], done: usize) -> Progress {
    Progress { days: done as u64, days_total: days.len() as u64, ..Progress::default() }
}

fn whole(outcome: &ZoneOutcome, days: &[Day]) -> Result<StepEnd> {
    let mut progress = all_of(days, days.len());
    progress.rows = outcome.tables.iter().map(|t| t.rows).sum();
    zone_end(outcome, progress)
}

fn zone_end(outcome: &ZoneOutcome, progress: Progress) -> Result<StepEnd> {
    let tables: Vec<String> =
        outcome.tables.iter().map(|t| format!("{} {}", t.table, counted(t.rows as usize, "row"))).collect();
    let log = format!("{}: {}", counted(progress.days_total as usize, "day"), tables.join(", "));
    StepEnd::done(outcome, progress, log)
}

fn span(days: &[Day]) -> String {
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("{} to {}", first.date, last.date),
        (Some(first), _) => first.date.to_string(),
        _ => String::new(),
    }
}

fn held(rows: u64, files: u64) -> String {
    if rows == 0 && files == 0 {
        return "nothing held back".to_owned();
    }
    format!("{} and {} held back", counted(rows as usize, "row"), counted(files as usize, "file"))
}
