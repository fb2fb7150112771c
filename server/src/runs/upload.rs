//! A customer delivers: a day from the source bucket into its ingestion folder. Nothing starts.

use showrunner_lake::keys::{SourceKey, day_prefix};
use showrunner_lake::model::{Day, Progress};
use showrunner_lake::ports::ObjectMeta;

use super::{CopyOutcome, Step, StepEnd};
use crate::error::{Error, ErrorKind, Result};

/// Copies the day's file, unless the same content is there already (a copy would count as a late file).
pub(super) async fn copy(step: &Step<'_>, day: &Day) -> Result<StepEnd> {
    let (meta, already) = deliver_file(step, day).await?;
    let outcome = CopyOutcome { files: 1, bytes: meta.size, already };
    let log = if already {
        format!("{} is there already, with the same content", meta.key)
    } else {
        format!("{} delivered, {} bytes; waiting for end_file.txt", meta.key, meta.size)
    };
    let progress = Progress { bytes: meta.size, bytes_total: meta.size, days: 1, days_total: 1, rows: 0 };
    if !already {
        step.engine.store.tell("folder", &crate::store::day_path(day)).await?;
    }
    StepEnd::done(&outcome, progress, log)
}

/// The day's file in its folder; true if it was there already.
pub(super) async fn deliver_file(step: &Step<'_>, day: &Day) -> Result<(ObjectMeta, bool)> {
    let lake = &step.engine.lake;
    let (objects, names) = (lake.objects(), lake.names());
    let source = SourceKey::Data(day.date);
    let from = source.to_string();
    let original = objects.head(&names.source, &from).await.map_err(|error| {
        if error.kind == showrunner_lake::ErrorKind::NotFound {
            Error::with(
                ErrorKind::NotFound,
                format!("The source bucket has no data for {}. Run the seed (or `showrunner import`) first.", day.date),
                error,
            )
        } else {
            error.into()
        }
    })?;
    let to = format!("{}{}", day_prefix(day), source.file());
    match objects.head(&names.ingestion, &to).await {
        Ok(there)
            if there.size == original.size
                && objects.crc32c(&names.ingestion, &to).await? == objects.crc32c(&names.source, &from).await? =>
        {
            return Ok((there, true));
        }
        Ok(_) => {}
        Err(error) if error.kind == showrunner_lake::ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    step.point("file");
    Ok((objects.copy((&names.source, &from), (&names.ingestion, &to)).await?, false))
}
