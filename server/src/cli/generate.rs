//! `showrunner generate`

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::NaiveDate;
use futures::{StreamExt, TryStreamExt};
use showrunner_generate::bicycles::{self, HIRES, STATIONS};
use showrunner_generate::{Options, crm, write_day_file};

use super::date;
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};

/// Ten years are enough for any trial, and keep a typing error from filling the disk.
const MOST_DAYS: usize = 3_660;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// First day
    #[arg(long, value_parser = date, value_name = "YYYY-MM-DD", required_unless_present = "crm")]
    from: Option<NaiveDate>,
    /// Last day
    #[arg(long, value_parser = date, value_name = "YYYY-MM-DD", required_unless_present = "crm")]
    to: Option<NaiveDate>,
    /// The CRM file crm_contacts.csv, with its truth beside it
    #[arg(long)]
    crm: bool,
    /// The CRM file's columns are called c01 to c25
    #[arg(long, requires = "crm")]
    meaningless: bool,
    /// London's bicycles instead: the stations, and a file of hires for each day
    #[arg(long, conflicts_with = "crm")]
    bicycles: bool,
    /// Folder for the files and manifest.json
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    if args.crm {
        write_crm(args, config.generated.seed).await?;
    }
    let (Some(from), Some(to)) = (args.from, args.to) else { return Ok(0) };
    let days: Vec<NaiveDate> = from.iter_days().take_while(|day| *day <= to).take(MOST_DAYS + 1).collect();
    if days.is_empty() || days.len() > MOST_DAYS {
        return Err(Error::new(ErrorKind::Invalid, format!("--from {from} --to {to} must be 1 to {MOST_DAYS} days.")));
    }
    tokio::fs::create_dir_all(&args.out).await?;
    if args.bicycles {
        return write_bicycles(args, config.generated.seed, &days).await;
    }
    let options = Options {
        seed: config.generated.seed,
        sessions_per_day: config.generated.sessions_per_day,
        ..Options::default()
    };
    let (all, finished) = (days.len(), AtomicUsize::new(0));
    let finished = &finished;
    let mut manifests: Vec<_> = futures::stream::iter(days)
        .map(|day| {
            let (options, out) = (options.clone(), args.out.clone());
            async move {
                let manifest = tokio::task::spawn_blocking(move || write_day_file(&options, day, &out))
                    .await
                    .map_err(|error| {
                        Error::with(ErrorKind::Internal, format!("Generating {day} ended by a bug."), error)
                    })?
                    .map_err(|error| Error::with(ErrorKind::Unavailable, error.to_string(), error))?;
                let n = finished.fetch_add(1, Ordering::SeqCst) + 1;
                eprintln!("{n} of {all}: {} {} sessions, {} bytes", manifest.file, manifest.rows, manifest.bytes);
                Ok::<_, Error>(manifest)
            }
        })
        .buffer_unordered(config.workers())
        .try_collect()
        .await?;
    manifests.sort_by_key(|manifest| manifest.date);
    let json = serde_json::to_vec_pretty(&serde_json::json!({
        "seed": config.generated.seed,
        "sessions_per_day": config.generated.sessions_per_day,
        "rows": manifests.iter().map(|m| m.rows).sum::<u64>(),
        "bytes": manifests.iter().map(|m| m.bytes).sum::<u64>(),
        "raw_bytes": manifests.iter().map(|m| m.raw_bytes).sum::<u64>(),
        "days": manifests,
    }))?;
    // Beside, then renamed: whoever reads it sees all or nothing.
    let (part, whole) = (args.out.join("manifest.json.part"), args.out.join("manifest.json"));
    tokio::fs::write(&part, json).await?;
    tokio::fs::rename(&part, &whole).await?;
    println!("{}", whole.display());
    Ok(0)
}

async fn write_bicycles(args: &Args, seed: u64, days: &[NaiveDate]) -> Result<i32> {
    let file = args.out.join(format!("{STATIONS}.csv"));
    tokio::fs::write(&file, bicycles::stations_csv(seed)).await?;
    println!("{}", file.display());
    for day in days {
        let (text, dirt) = bicycles::hires_csv(seed, *day);
        let file = args.out.join(format!("{HIRES}_{}.csv", day.format("%Y%m%d")));
        tokio::fs::write(&file, text).await?;
        eprintln!("{day}: {} lines, {} of them no use, {} repeated", dirt.lines, dirt.held_back(), dirt.repeated);
        println!("{}", file.display());
    }
    Ok(0)
}

async fn write_crm(args: &Args, seed: u64) -> Result<()> {
    tokio::fs::create_dir_all(&args.out).await?;
    let truth: serde_json::Map<String, serde_json::Value> = crm::COLUMNS
        .iter()
        .map(|(name, code, kind)| ((if args.meaningless { *code } else { *name }).to_owned(), (*kind).into()))
        .collect();
    let file = args.out.join("crm_contacts.csv");
    tokio::fs::write(&file, crm::csv(seed, args.meaningless)).await?;
    tokio::fs::write(args.out.join("crm_contacts.truth.json"), serde_json::to_vec_pretty(&truth)?).await?;
    println!("{}", file.display());
    Ok(())
}
