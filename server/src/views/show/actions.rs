//! What a step's buttons do and what stands beside them.

use app::wire::*;

use crate::format;
use crate::ingestion::FolderState;
use crate::store::{Decision, RunRow};
use crate::story::{Kind, Step};
use crate::views::steps::{StepStatus, folder_words, form_day, late_words};

/// The one button. In every state it stands in the same place; only its words change.
pub(super) fn action(
    step: &Step,
    status: &StepStatus,
    next: Option<&Step>,
    folder: Option<&FolderState>,
) -> ActionView {
    let button = |kind, label: String| ActionView { kind, label, busy: false, disabled: None };
    match status.state {
        State::Running => ActionView {
            busy: true,
            disabled: Some("It is running.".into()),
            ..button(ActionKind::Press, busy_label(step).into())
        },
        State::Done | State::Warn => match next {
            Some(next) => button(ActionKind::Link(format!("/?step={}", next.id)), format!("Next: {}", next.title)),
            None => button(ActionKind::Link("/".into()), "From the beginning".into()),
        },
        State::Failed => match &status.run_id {
            Some(run) => button(ActionKind::Retry(run.clone()), "Run again from where it stopped".into()),
            None => button(ActionKind::Press, step.action.label.clone()),
        },
        State::Next | State::Later | State::Blocked | State::Skipped => {
            let kind = match step.action.kind {
                Kind::Look => ActionKind::Look(step.action.href.clone().unwrap_or_else(|| "/".into())),
                Kind::Reset => ActionKind::Look(reset_href(step)),
                _ => ActionKind::Press,
            };
            let claimed =
                folder.is_some_and(|f| f.decision == Some(Decision::Claimed)) && step.action.kind == Kind::Marker;
            let disabled = if claimed {
                Some("The marker is written; the run starts in a moment.".into())
            } else {
                status.reason.clone().filter(|_| status.resolve.is_some())
            };
            ActionView { disabled, ..button(kind, step.action.label.clone()) }
        }
    }
}

/// Where a reset step leads.
fn reset_href(step: &Step) -> String {
    format!("/reset?scope={}", step.action.scope.as_deref().unwrap_or("all"))
}

fn busy_label(step: &Step) -> &'static str {
    match step.action.kind {
        Kind::Seed => "Seeding the history",
        Kind::Upload => "Uploading",
        Kind::Marker => "Ingesting",
        Kind::Look | Kind::Reset => "Working",
    }
}

pub(super) fn more(
    step: &Step,
    status: &StepStatus,
    folder: Option<&FolderState>,
    run: Option<&RunRow>,
    day: &Option<String>,
) -> Vec<ActionView> {
    let button = |kind, label: &str| ActionView { kind, label: label.into(), busy: false, disabled: None };
    let mut more = Vec::new();
    if let Some(run) = run.filter(|r| r.state.active()) {
        let mut stop = button(ActionKind::Stop(run.id.clone()), "Stop the run");
        stop.disabled = run.stop_requested.then(|| "It stops at the next safe point.".into());
        more.push(stop);
        return more;
    }
    if status.state == State::Skipped {
        more.push(button(ActionKind::TakeUp, "Take it up again"));
        return more;
    }
    match step.action.kind {
        Kind::Upload => more.extend(day.clone().map(|d| button(ActionKind::UploadOwn(d), "Upload a file of your own"))),
        Kind::Marker if status.over() => {
            more.push(button(ActionKind::Press, "Write end_file.txt again"));
            more.extend(folder.map(|f| button(ActionKind::Reingest(form_day(f)), "Ingest the day again")));
        }
        Kind::Marker if status.state == State::Failed => {
            more.extend(folder.map(|f| button(ActionKind::Reingest(form_day(f)), "Ingest the day anew")))
        }
        _ => {}
    }
    more
}

pub(super) fn notes(
    step: &Step,
    status: &StepStatus,
    folder: Option<&FolderState>,
    run: Option<&RunRow>,
) -> Vec<NoteView> {
    let note = |kind, text: String| NoteView { kind, text, link: None };
    let mut notes = Vec::new();
    if status.state == State::Failed {
        notes.push(NoteView {
            kind: NoteKind::Bad,
            text: status.reason.clone().unwrap_or_else(|| "The run failed.".into()),
            link: status.run_id.as_ref().map(|id| ("What happened".into(), format!("/runs/{id}"))),
        });
    } else if let (Some(reason), Some(link)) = (&status.reason, &status.resolve) {
        notes.push(NoteView { kind: NoteKind::Warn, text: reason.clone(), link: Some(link.clone()) });
    } else if status.state == State::Skipped {
        let text = "Skipped: it is no longer in the plan. Pressing it, or taking it up again, puts it back.";
        notes.push(note(NoteKind::Info, text.into()));
    } else if let (Some(reason), State::Next) = (&status.reason, status.state) {
        notes.push(note(NoteKind::Info, reason.clone()));
    }
    let Some(folder) = folder.filter(|_| matches!(step.action.kind, Kind::Upload | Kind::Marker)) else {
        return notes;
    };
    let duplicate = (folder.duplicates > 0).then(|| {
        let times = if folder.duplicates == 1 {
            "The marker was written again".into()
        } else {
            format!("The marker was written {} more times", format::count(folder.duplicates))
        };
        format!("{times}: duplicate, ignored. One day, one run. Use “Ingest the day again” to replace it.")
    });
    match folder.decision {
        Some(Decision::Ingested) if !folder.late.is_empty() => {
            notes.push(note(NoteKind::Warn, late_words(&folder.late)))
        }
        Some(Decision::Refused) => notes.push(note(NoteKind::Bad, folder_words(folder).1)),
        None if folder.files > 0 => {
            notes.push(note(NoteKind::Info, format!("{}. Nothing has started.", folder_words(folder).1)))
        }
        _ => {}
    }
    if step.action.kind == Kind::Marker {
        notes.extend(duplicate.map(|text| note(NoteKind::Info, text)));
        if status.state == State::Warn
            && folder.late.is_empty()
            && let Some(run) = run
        {
            notes.push(NoteView {
                kind: NoteKind::Warn,
                text: status.reason.clone().unwrap_or_default(),
                link: Some(("Rows, reasons".into(), format!("/runs/{}#quarantine", run.id))),
            });
        }
    }
    notes
}
