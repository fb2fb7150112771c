//! `showrunner seed`

use super::{Session, watch};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::runs::{NewRun, Summary};
use crate::store::RunState;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Days of history to ingest, from the story's first day on [default: the story's history]
    #[arg(long, value_name = "N")]
    days: Option<usize>,
}

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let session = Session::open(config).await?;
    let job = crate::seed::job(&session.state.stage.told().whole, args.days)?;
    let started =
        session.state.engine.start(NewRun { job, started_by: "command line".to_owned(), story_step: None }).await?;
    let run = watch::wait(&session.state, &started.run_id).await?;
    session.close().await;
    if run.state != RunState::Done {
        return Err(Error::new(ErrorKind::Conflict, run.error.unwrap_or_else(|| format!("{} is not over.", run.id))));
    }
    let summary: Summary = serde_json::from_str(&run.summary)?;
    match summary.note {
        Some(note) => println!("{}: {note}", run.id),
        None => {
            println!("{}: {} days, {} rows, {} held back", run.id, summary.days, summary.rows, summary.rows_quarantined)
        }
    }
    Ok(0)
}
