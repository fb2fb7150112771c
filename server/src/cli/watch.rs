//! Follows a run from the terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::AppState;
use crate::error::{Error, ErrorKind, Result};
use crate::runs::LiveProgress;
use crate::store::RunRow;

/// On a terminal one line is rewritten; elsewhere a line is written this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Waits until a run is over, with its progress on standard error. Ctrl-C ends the program; the run is resumed by the next command.
pub(super) async fn wait(state: &AppState, run_id: &str) -> Result<RunRow> {
    let mut progress = state.engine.subscribe_progress();
    let names: Vec<String> = state.store.steps(run_id).await?.into_iter().map(|step| step.title).collect();
    let terminal = std::io::stderr().is_terminal();
    let mut last: Option<(usize, Instant)> = None;
    let mut wait = std::pin::pin!(state.engine.wait(run_id));
    let run = loop {
        tokio::select! {
            run = &mut wait => break run?,
            () = super::serve::asked_to_stop() => {
                return Err(Error::new(ErrorKind::Cancelled, format!("Interrupted. {run_id} goes on with the next command or when the server starts.")));
            }
            Ok(live) = progress.recv() => {
                let due = last.is_none_or(|(step, at)| step != live.step || terminal || at.elapsed() >= LINE_EVERY);
                if live.run_id == run_id && due {
                    last = Some((live.step, Instant::now()));
                    let line = line(&live, names.get(live.step).map_or("", String::as_str));
                    if terminal {
                        eprint!("\r\x1b[2K{line}");
                        let _ = std::io::stderr().flush();
                    } else {
                        eprintln!("{line}");
                    }
                }
            }
        }
    };
    if terminal && last.is_some() {
        eprintln!();
    }
    Ok(run)
}

fn line(live: &LiveProgress, title: &str) -> String {
    let progress = &live.progress;
    let mut line = format!("{title}: {} of {} days, {} rows", progress.days, progress.days_total, progress.rows);
    if progress.bytes_total > 0 {
        let percent = progress.bytes as f64 * 100.0 / progress.bytes_total as f64;
        line.push_str(&format!(
            ", {:.1} of {:.1} MB ({percent:.0} %)",
            progress.bytes as f64 / 1e6,
            progress.bytes_total as f64 / 1e6
        ));
    }
    line
}
