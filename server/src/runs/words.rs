//! Sentences about runs that did not end well: what stopped, what is safe, what the button does.

use crate::error::Error;
use crate::store::{RunKind, RunRow, StepRow};

/// Why a run failed.
pub(super) fn failed(run: &RunRow, step: Option<&StepRow>, error: &Error) -> String {
    format!("{}{} {} {}", at(step), ended(&error.message), safe(run.kind), button(run.kind))
}

/// A run that was stopped by a person (or by a reset).
pub(super) fn stopped(run: &RunRow, step: Option<&StepRow>) -> String {
    format!("{}stopped as asked. {} {}", at(step), safe(run.kind), button(run.kind))
}

/// A bug ended the run.
pub(super) fn panicked(run: &RunRow, step: Option<&StepRow>) -> String {
    format!(
        "{}ended by a bug in the program; the server's log has the details. {} {}",
        at(step),
        safe(run.kind),
        button(run.kind)
    )
}

/// A run that crashed the server again and again.
pub(super) fn given_up(run: &RunRow, step: Option<&StepRow>, times: i64) -> String {
    format!(
        "{}the server stopped {times} times in this step without finishing a part of it, so it was not tried again. {} {}",
        at(step),
        safe(run.kind),
        button(run.kind)
    )
}

/// The log line of a resumed run.
pub(super) fn resumed(step: Option<&StepRow>) -> String {
    match step {
        Some(step) => format!("Resumed after the server stopped at step '{}'", step.title),
        None => "Resumed after the server stopped between two steps".to_owned(),
    }
}

fn at(step: Option<&StepRow>) -> String {
    step.map(|step| format!("{}: ", step.title)).unwrap_or_default()
}

fn ended(text: &str) -> String {
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

fn safe(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Seed => "The days that were finished stay; nothing is half loaded.",
        RunKind::Upload => "Nothing was started; a file appears whole or not at all.",
        RunKind::Ingest => "Finished steps stay; each day is replaced as a whole or not at all.",
        RunKind::Reset => "Source data, schemas and settings were not touched.",
    }
}

fn button(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Reset => "Retry goes through all the steps again and verifies.",
        _ => "Retry goes on at the first step that is not finished.",
    }
}
