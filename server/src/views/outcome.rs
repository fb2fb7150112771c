//! 'What came out' of a run: a line for each zone it wrote, with where one can see it.

use app::wire::{OutcomeRow, State};
use showrunner_lake::model::{BronzeOutcome, TableOutcome, ZoneOutcome};

use super::progress::step_state;
use crate::format;
use crate::store::{RunKind, RunRow, StepRow, StepState};

/// The lines of a run, in the order of its steps. Steps without rows of their own (list, stop, …) have none. All lines are there from the
/// beginning, so that nothing moves when a number comes.
pub fn rows(run: &RunRow, steps: &[StepRow]) -> Vec<OutcomeRow> {
    let mut rows = Vec::new();
    for step in steps {
        let title = match step.name.as_str() {
            "bronze" => "Bronze",
            "silver" => "Silver",
            "gold" => "Gold",
            "warehouse" => "Warehouse",
            _ => continue,
        };
        let bronze = (step.name == "bronze").then(|| step.outcome::<BronzeOutcome>()).flatten();
        match step.state {
            StepState::Done | StepState::Warn => {
                let took = step
                    .started_at
                    .zip(step.ended_at)
                    .map_or("–".into(), |(a, b)| format::seconds((b - a).max(0) as f64 / 1000.0));
                let tables = match &bronze {
                    Some(bronze) => bronze.tables.clone(),
                    None => step.outcome::<ZoneOutcome>().map(|z| z.tables).unwrap_or_default(),
                };
                let mut row = line(title, step_state(step.state), Some(&tables), took);
                row.link = link(&step.name, &tables);
                rows.push(row);
            }
            state => rows.push(line(title, step_state(state), None, "–".into())),
        }
        if step.name == "bronze" && run.kind != RunKind::Reset {
            let read = bronze.filter(|_| matches!(step.state, StepState::Done | StepState::Warn));
            rows.push(held(&run.id, read.as_ref()));
        }
    }
    rows
}

fn line(what: &str, state: State, tables: Option<&[TableOutcome]>, seconds: String) -> OutcomeRow {
    let sum = |f: &dyn Fn(&TableOutcome) -> u64| tables.map(|t| t.iter().map(f).sum::<u64>());
    let shown = |n: Option<u64>, text: &dyn Fn(u64) -> String| n.map_or("–".into(), text);
    OutcomeRow {
        what: what.into(),
        tables: shown(tables.map(|t| t.len() as u64), &format::count),
        rows: shown(sum(&|t| t.rows), &format::count),
        files: shown(sum(&|t| t.files), &format::count),
        bytes: shown(sum(&|t| t.bytes), &format::bytes),
        seconds,
        link: None,
        state,
    }
}

/// Where the rows of a step can be seen: gold of the sessions is what the report shows.
fn link(step: &str, tables: &[TableOutcome]) -> Option<(String, String)> {
    let first = &tables.first()?.table;
    Some(match step {
        "gold" if showrunner_lake::transform::table(first).is_some() => ("Report".into(), "/report".into()),
        _ => ("Partitions".into(), format!("/lake/{step}.{first}")),
    })
}

/// What was held back: not known before bronze is read.
fn held(run_id: &str, bronze: Option<&BronzeOutcome>) -> OutcomeRow {
    let mut row = line("Quarantine", State::Later, None, "–".into());
    if let Some(bronze) = bronze {
        row.rows = format::count(bronze.rows_quarantined);
        row.files = format::count(bronze.files_quarantined);
        if bronze.rows_quarantined + bronze.files_quarantined > 0 {
            row.link = Some(("Reasons".into(), format!("/runs/{run_id}#quarantine")));
            row.state = State::Warn;
        }
    }
    row
}

/// `1 row held`, `1 row and 2 files held`, or nothing.
pub fn held_words(rows: u64, files: u64) -> Option<String> {
    match (rows, files) {
        (0, 0) => None,
        (r, 0) => Some(format!("{} held", format::plural(r, "row"))),
        (0, f) => Some(format!("{} held", format::plural(f, "file"))),
        (r, f) => Some(format!("{} and {} held", format::plural(r, "row"), format::plural(f, "file"))),
    }
}
