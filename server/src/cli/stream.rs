//! `showrunner stream`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use serde::Serialize;
use showrunner_lake::stream::StreamEvent;
use tokio::sync::broadcast::error::RecvError;

use super::{Session, date};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Payload, StreamRow, StreamState};
use crate::stream::Start;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Records a second, 0.1 to 10000
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    rate: f64,
    /// Publish as fast as the topic takes it, whatever the rate
    #[arg(long)]
    burst: bool,
    /// Ends after so many records [default: those of the day]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    records: Option<u64>,
    /// The day of the source bucket [default: its newest]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    date: Option<NaiveDate>,
    /// What a message holds
    #[arg(long, value_enum, default_value = "full")]
    payload: Payload,
    /// Shift the records to today's date
    #[arg(long)]
    as_if_today: bool,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Summary {
    stream: String,
    published: u64,
    warehouse: u64,
    bronze: u64,
    dead_lettered: u64,
    seconds: f64,
    records_per_second: f64,
    /// From publish to visible in a query, in milliseconds.
    latency_ms: BTreeMap<&'static str, f64>,
}

/// Subscribers that have not taken everything by then are said to be behind.
const DRAINED_WITHIN: Duration = Duration::from_secs(600);

pub(super) async fn run(args: &Args, config: &Config) -> Result<i32> {
    let session = Session::open(config).await?;
    let result = stream(args, &session).await;
    session.close().await;
    let summary = result?;
    println!("{}", serde_json::to_string_pretty(&summary)?);
    // What is not in both subscribers' tables is lost, whatever the reason.
    let whole = summary.warehouse + summary.dead_lettered == summary.published && summary.warehouse == summary.bronze;
    Ok(i32::from(!whole))
}

async fn stream(args: &Args, session: &Session) -> Result<Summary> {
    let state = &session.state;
    let mut events = state.streams.sinks().subscribe();
    let date = match args.date {
        Some(date) => date,
        None => state.streams.days().await?.pop().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "The source bucket has no day yet. Run `showrunner seed` first.")
        })?,
    };
    let begun = Instant::now();
    let told = state.stage.told();
    let row = state
        .streams
        .start(Start {
            customer: told.story.customer.clone(),
            dataset: told.story.dataset.clone(),
            date,
            rate: args.rate,
            payload: args.payload,
            as_if_today: args.as_if_today,
            loops: args.records.is_some(),
            most: args.records,
            by: "command line".to_owned(),
        })
        .await?;
    if args.burst {
        state.streams.burst_all(&row.id);
    }
    let mut lags = Vec::new();
    let ended = {
        let waiting = wait(session, &row.id);
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                ended = &mut waiting => break ended?,
                () = super::serve::asked_to_stop() => {
                    state.streams.stop("It was stopped on the command line.").await?;
                }
                event = events.recv() => match event {
                    Ok(event) => collect(&event, &row.id, &mut lags),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => {
                        return Err(Error::new(ErrorKind::Internal, "The subscribers ended before the stream did."));
                    }
                },
            }
        }
    };
    while let Ok(event) = events.try_recv() {
        collect(&event, &row.id, &mut lags);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let counts = state.streams.sinks().counts_of(&row.id).await?;
    lags.sort_by(f64::total_cmp);
    let at = |share: f64| lags.get(((lags.len().max(1) - 1) as f64 * share).round() as usize).copied().unwrap_or(0.0);
    let published = ended.position.unsigned_abs();
    Ok(Summary {
        stream: row.id,
        published,
        warehouse: counts.warehouse,
        bronze: counts.bronze,
        dead_lettered: counts.dead_open,
        seconds,
        records_per_second: published as f64 / seconds,
        latency_ms: BTreeMap::from([("p50", at(0.5)), ("p90", at(0.9)), ("p99", at(0.99)), ("max", at(1.0))]),
    })
}

fn collect(event: &Arc<StreamEvent>, id: &str, lags: &mut Vec<f64>) {
    if let StreamEvent::Landed(landed) = event.as_ref() {
        for session in landed.iter().filter(|session| session.run_id == id) {
            let lag = (session.visible - session.published).num_microseconds().unwrap_or(0);
            lags.push(lag as f64 / 1e3);
        }
    }
}

/// Until the stream has ended and both subscribers have taken all of it.
async fn wait(session: &Session, id: &str) -> Result<StreamRow> {
    let state = &session.state;
    let mut stored = state.engine.subscribe_events();
    let row = loop {
        stored.mark_unchanged();
        let row = state.store.streams(1).await?.into_iter().find(|row| row.id == id);
        match row {
            Some(row) if row.state == StreamState::Ended => break row,
            Some(_) => {}
            None => return Err(Error::new(ErrorKind::Conflict, "The stream was reset while it ran.")),
        }
        if stored.changed().await.is_err() {
            return Err(Error::new(ErrorKind::Internal, "The control database was closed."));
        }
    };
    if !state.streams.sinks().drained(DRAINED_WITHIN).await? {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!(
                "The subscribers are still behind after {} seconds. Run the command again.",
                DRAINED_WITHIN.as_secs()
            ),
        ));
    }
    Ok(row)
}
