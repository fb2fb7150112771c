//! `showrunner ingest`: files through the lake without a server, by the same code path as the marker.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::ValueEnum;
use futures::StreamExt;
use showrunner_lake::calls;
use showrunner_lake::keys::{MARKER, check_customer, check_dataset, day_prefix, sanitise_file_name};
use showrunner_lake::model::{Day, Zone};

use super::{Session, date, watch};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::ingestion::IngestRequest;
use crate::runs::{Reason, Summary};
use crate::store::RunState;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who delivers; added if new
    #[arg(long)]
    customer: String,
    /// What is delivered
    #[arg(long)]
    dataset: String,
    /// The day of all files [default: from each file's name (…YYYYMMDD… or …YYYY-MM-DD…) or its folder (YYYY-MM-DD)]
    #[arg(long, value_parser = date, value_name = "YYYY-MM-DD")]
    date: Option<NaiveDate>,
    /// The last zone that is computed
    #[arg(long, value_enum, default_value = "warehouse")]
    until: Until,
    /// Files: NDJSON, JSON array, CSV, Parquet; plain, gz, zip
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Until {
    Bronze,
    Silver,
    Gold,
    Warehouse,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    check_customer(&args.customer)?;
    check_dataset(&args.dataset)?;
    let days = by_day(args)?;
    let session = Session::open(config).await?;
    let state = &session.state;
    if !state.lake.datasets().contains(&args.dataset) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("There is no dataset `{}`: choose one of {}.", args.dataset, state.lake.datasets().join(", ")),
        ));
    }
    state.engine.refuse_during_reset().await?;
    state.store.add_customer(&args.customer, &args.customer).await?;
    for (day, files) in &days {
        for (name, path) in files {
            let stream =
                tokio_util::io::ReaderStream::with_capacity(tokio::fs::File::open(path).await?, 256 * 1024).boxed();
            let key = format!("{}{name}", day_prefix(day));
            let bucket = &state.lake.names().ingestion;
            let put = state.lake.objects().put_stream(bucket, &key, stream, u64::MAX);
            calls::noted(state.engine.upload_log(day), put).await?;
        }
    }
    crate::failpoint::reach("cli.ingest:copied");
    let request = IngestRequest {
        days: days.keys().cloned().collect(),
        until: match args.until {
            Until::Bronze => Zone::Bronze,
            Until::Silver => Zone::Silver,
            Until::Gold => Zone::Gold,
            Until::Warehouse => Zone::Warehouse,
        },
        reason: Reason::Cli,
        by: "command line".to_owned(),
        story_step: None,
    };
    let run_id = state.reconciler.ingest(request).await?;
    let run = watch::wait(state, &run_id).await?;
    session.close().await;
    let summary: Summary = serde_json::from_str(&run.summary)?;
    println!(
        "{}",
        serde_json::json!({
            "run": run.id,
            "state": run.state.word(),
            "days": summary.days,
            "files": summary.files,
            "rows": summary.rows,
            "quarantined": { "files": summary.files_quarantined, "rows": summary.rows_quarantined },
            "seconds": summary.seconds,
            "bytes": { "in": summary.bytes_in, "raw": summary.bytes_raw, "written": summary.bytes_written },
            "error": run.error,
        })
    );
    Ok(i32::from(run.state != RunState::Done))
}

/// Files by day, each with its name in the folder.
fn by_day(args: &Args) -> Result<BTreeMap<Day, BTreeMap<String, PathBuf>>> {
    let mut days: BTreeMap<Day, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for path in &args.files {
        if !path.is_file() {
            return Err(Error::new(ErrorKind::Invalid, format!("{} is no file that can be read.", path.display())));
        }
        let date = args.date.or_else(|| date_of(path)).ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                format!("The day of {} is not clear: name it with --date YYYY-MM-DD.", path.display()),
            )
        })?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = sanitise_file_name(&name)?;
        if name == MARKER {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("{MARKER} is written by this command itself: leave it out."),
            ));
        }
        let day = Day { customer: args.customer.clone(), dataset: args.dataset.clone(), date };
        if let Some(other) = days.entry(day).or_default().insert(name, path.clone()) {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "{} and {} would both become the same file of {date}. Rename one.",
                    other.display(),
                    path.display()
                ),
            ));
        }
    }
    Ok(days)
}

/// The day in a file's name (`…YYYYMMDD…`, `…YYYY-MM-DD…`) or in the name of its folder (`YYYY-MM-DD`).
pub(super) fn date_of(path: &Path) -> Option<NaiveDate> {
    let name = path.file_name()?.to_str()?;
    let digits = name.split(|c: char| !c.is_ascii_digit()).filter(|run| run.len() == 8);
    let in_name = digits.filter_map(|run| NaiveDate::parse_from_str(run, "%Y%m%d").ok()).next();
    let with_dashes = || (0..name.len()).find_map(|at| showrunner_lake::keys::parse_date(name.get(at..at + 10)?).ok());
    let of_folder = || showrunner_lake::keys::parse_date(path.parent()?.file_name()?.to_str()?).ok();
    in_name.or_else(with_dashes).or_else(of_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_is_read_from_name_or_folder() {
        for (path, expected) in [
            ("ga_sessions_20170729.json.gz", Some("2017-07-29")),
            ("x/part-2017-07-30-a.csv", Some("2017-07-30")),
            ("customer01/2017-07-31/part-1.parquet", Some("2017-07-31")),
            ("2017-07-31/ga_sessions_20170729.json", Some("2017-07-29")),
            ("ga_sessions_20171345.json", None),
            ("ga_sessions_201707291.json", None),
            ("part-1.json", None),
        ] {
            let found = date_of(Path::new(path)).map(|date| date.to_string());
            assert_eq!(found.as_deref(), expected, "{path}");
        }
    }
}
