//! What a run executed: its call log, with the Google call that each stands for.

use app::wire::{CallChoice, CallView, CallsView, CodeView, State};
use showrunner_lake::calls::{CallKind, Operation};
use showrunner_lake::google::{GoogleCall, LOCATION, PROJECT, Place, REGION, google};

use super::Views;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::store::{CallFilter, CallRow, CallSum, PRESS, StepRow, StreamRow};

/// Calls on one page.
const LISTED: u32 = 25;
/// Calls on the run's own page.
const TOLD: u32 = 3;
/// What the first steps are called in addresses.
const BUTTON: &str = "button";

impl Views {
    /// The calls of a run or a stream: those of a step, of a kind, a page of them.
    pub async fn run_calls(
        &self,
        id: &str,
        step: Option<String>,
        kind: Option<String>,
        page: Option<String>,
    ) -> Result<CallsView> {
        let store = &self.state.store;
        let (title, running, steps) = if StreamRow::is_id(id) {
            self.stream_of_calls(id).await?
        } else {
            let run = store.run(id).await?;
            (run.title, run.state.active(), store.steps(id).await?)
        };
        let sums = store.call_sums(id).await?;
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let (step, kind) = (given(step), given(kind));
        let position = match &step {
            None => None,
            Some(name) if name == BUTTON => Some(PRESS),
            Some(name) => {
                Some(steps.iter().find(|s| s.name == *name).map(|s| s.position).ok_or_else(|| no_such("step", name))?)
            }
        };
        if let Some(kind) = &kind
            && !CallKind::ALL.iter().any(|known| known.name() == kind)
        {
            return Err(no_such("kind of call", kind));
        }
        let page = match given(page) {
            None => 1,
            Some(text) => text
                .parse::<u32>()
                .ok()
                .filter(|n| (1..=1_000_000).contains(n))
                .ok_or_else(|| no_such("page", &text))?,
        };
        let shown = |sum: &&CallSum| {
            position.is_none_or(|p| p == sum.position) && kind.as_ref().is_none_or(|kind| *kind == sum.kind)
        };
        let listed: i64 = sums.iter().filter(shown).map(|sum| sum.listed).sum();
        let from = (page - 1) * LISTED;
        let filter = CallFilter { position, kind: kind.clone() };
        let rows = store.calls(id, &filter, from, LISTED).await?;
        let href = |step: Option<&str>, kind: Option<&str>, page: u32| {
            let number = page.to_string();
            let fields = [("step", step), ("kind", kind), ("page", (page > 1).then_some(number.as_str()))];
            let query: Vec<String> = fields.iter().filter_map(|(n, v)| v.map(|v| format!("{n}={v}"))).collect();
            let mark = if query.is_empty() { "" } else { "?" };
            format!("/runs/{id}/calls{mark}{}", query.join("&"))
        };
        let here = |page| href(step.as_deref(), kind.as_deref(), page);
        let choice = |label: String, of: &dyn Fn(&CallSum) -> bool, href: String, current: bool| {
            let count: i64 = sums.iter().filter(|sum| of(sum)).map(|sum| sum.calls).sum();
            CallChoice { label, count: format::count(count.unsigned_abs()), href, current }
        };
        let kind_is = |sum: &CallSum| kind.as_ref().is_none_or(|kind| *kind == sum.kind);
        let mut of_steps = vec![choice("All steps".into(), &kind_is, href(None, kind.as_deref(), 1), step.is_none())];
        let names = std::iter::once((PRESS, BUTTON)).chain(steps.iter().map(|s| (s.position, s.name.as_str())));
        for (at, name) in names.filter(|(at, _)| sums.iter().any(|sum| sum.position == *at)) {
            let of = |sum: &CallSum| sum.position == at && kind_is(sum);
            of_steps.push(choice(
                step_title(&steps, at),
                &of,
                href(Some(name), kind.as_deref(), 1),
                position == Some(at),
            ));
        }
        let step_is = |sum: &CallSum| position.is_none_or(|p| p == sum.position);
        let mut of_kinds = vec![choice("All kinds".into(), &step_is, href(step.as_deref(), None, 1), kind.is_none())];
        for known in CallKind::ALL.into_iter().filter(|known| sums.iter().any(|sum| sum.kind == known.name())) {
            let of = |sum: &CallSum| sum.kind == known.name() && step_is(sum);
            let current = kind.as_deref() == Some(known.name());
            of_kinds.push(choice(kind_title(known).into(), &of, href(step.as_deref(), Some(known.name()), 1), current));
        }
        let last = from + rows.len() as u32;
        Ok(CallsView {
            running,
            summary: summary(&sums),
            legend: legend(),
            steps: of_steps,
            kinds: of_kinds,
            range: if rows.is_empty() {
                String::new()
            } else {
                format!(
                    "{} to {} of {}",
                    format::count(u64::from(from) + 1),
                    format::count(last.into()),
                    format::count(listed.unsigned_abs())
                )
            },
            previous: (page > 1).then(|| here(page - 1)),
            next: (i64::from(last) < listed).then(|| here(page + 1)),
            calls: self.call_views(id, &rows, &steps),
            title,
            run_id: id.to_owned(),
        })
    }

    /// The calls that tell most of a run, and of how many they are.
    pub(super) async fn telling_calls(&self, id: &str, steps: &[StepRow]) -> Result<(Vec<CallView>, String)> {
        let store = &self.state.store;
        let all: i64 = store.call_sums(id).await?.iter().map(|sum| sum.calls).sum();
        if all == 0 {
            return Ok((Vec::new(), String::new()));
        }
        let rows = store.telling_calls(id, TOLD).await?;
        let of = format!("{} of {}", rows.len(), format::plural(all.unsigned_abs(), "call"));
        Ok((self.call_views(id, &rows, steps), of))
    }

    fn call_views(&self, run: &str, rows: &[CallRow], steps: &[StepRow]) -> Vec<CallView> {
        let place = Place { names: self.state.lake.names().clone(), run: Some(run.to_owned()) };
        let newest = rows.iter().map(|row| row.attempt).max().unwrap_or(1);
        rows.iter().map(|row| call_view(row, &place, steps, newest > 1)).collect()
    }

    /// The forms of the Google call that something executed outside of runs stands for.
    pub(super) fn google_codes(&self, operation: &Operation) -> Vec<CodeView> {
        codes(&google(operation, &Place { names: self.state.lake.names().clone(), run: None }))
    }
}

fn no_such(what: &str, name: &str) -> Error {
    let name: String = name.chars().take(40).collect();
    Error::new(ErrorKind::NotFound, format!("This run has no {what} '{name}'. Choose one of those that are listed."))
}

fn step_title(steps: &[StepRow], position: i64) -> String {
    let step = steps.iter().find(|step| step.position == position);
    step.map_or_else(|| "The button itself".to_owned(), |step| step.title.clone())
}

fn kind_title(kind: CallKind) -> &'static str {
    match kind {
        CallKind::Objects => "Objects",
        CallKind::Messages => "Messages",
        CallKind::Tables => "Tables",
        CallKind::Sql => "SQL",
    }
}

fn summary(sums: &[CallSum]) -> String {
    let calls: i64 = sums.iter().map(|sum| sum.calls).sum();
    let listed: i64 = sums.iter().map(|sum| sum.listed).sum();
    let micros: i64 = sums.iter().map(|sum| sum.micros).sum();
    let mut text = format!(
        "{}, noted by the data plane as they happened. They took {} in all, many of them side by side.",
        format::plural(calls.unsigned_abs(), "call"),
        took(micros)
    );
    if listed < calls {
        text.push_str(" Of many calls of the same shape the first are listed, the others are counted in one line.");
    }
    text
}

fn legend() -> String {
    format!(
        "The Google calls are derived from what ran here. {PROJECT} stands for your project; batches are in {REGION}, datasets in {LOCATION}; the names of buckets, tables and subscriptions are those of this show."
    )
}

fn call_view(row: &CallRow, place: &Place, steps: &[StepRow], attempts: bool) -> CallView {
    let operation = row.operation();
    let call = operation.as_ref().map(|operation| google(operation, place));
    let mut step = step_title(steps, row.position);
    if attempts {
        step.push_str(&format!(", attempt {}", row.attempt));
    }
    let (state, state_text) = match row.outcome.as_str() {
        "ok" => (State::Done, "OK"),
        "absent" => (State::Later, "Not there"),
        _ => (State::Failed, "Failed"),
    };
    let mut facts = vec![format::time_ms(row.started_at)];
    if row.calls == 1 {
        facts.push(took(row.micros));
    }
    let noun = match row.method.split_once('.').map_or("", |(port, _)| port) {
        "objects" => "object",
        "topics" => "message",
        _ => "row",
    };
    facts.extend(row.rows.map(|rows| format::plural(rows.unsigned_abs(), noun)));
    facts.extend(row.bytes.map(|bytes| format::bytes(bytes.unsigned_abs())));
    let mut codes = vec![];
    codes.extend(operation.as_ref().map(|operation| CodeView { label: "Here".into(), text: operation.here() }));
    codes.extend(call.as_ref().map(self::codes).unwrap_or_default());
    CallView {
        title: operation.as_ref().and_then(Operation::title).unwrap_or_else(|| row.method.clone()),
        resource: row.resource.clone(),
        step,
        state,
        state_text: state_text.into(),
        facts: facts.join(" · "),
        error: row.error.clone(),
        more: (row.calls > 1).then(|| {
            let calls = format::count(row.calls.unsigned_abs());
            format!("And {calls} more like those above, {} in all. The last of them is shown.", took(row.micros))
        }),
        google: match &call {
            Some(call) if call.method.is_empty() => "no call of its own".into(),
            Some(call) => format!("{}.{}", call.service, call.method),
            None => "not known to this version".into(),
        },
        note: call.and_then(|call| call.note),
        codes,
    }
}

fn codes(call: &GoogleCall) -> Vec<CodeView> {
    if call.rest.is_empty() {
        return Vec::new();
    }
    let tool = match call.command.split_whitespace().next() {
        Some("bq") => "bq",
        Some("curl") => "curl",
        _ => "gcloud",
    };
    vec![
        CodeView { label: "REST".into(), text: call.rest_text() },
        CodeView { label: tool.into(), text: call.command.clone() },
    ]
}

/// `0.4 ms`, `12 ms`, `1.30 s`
fn took(micros: i64) -> String {
    match micros.max(0) {
        micros @ 0..10_000 => format!("{:.1} ms", micros as f64 / 1_000.0),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1_000),
        micros => format::duration(micros / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_that_fits() {
        for (micros, expected) in [
            (0, "0.0 ms"),
            (430, "0.4 ms"),
            (12_345, "12 ms"),
            (999_999, "999 ms"),
            (1_304_000, "1.30 s"),
            (-5, "0.0 ms"),
        ] {
            assert_eq!(took(micros), expected);
        }
    }

    #[test]
    fn a_call_of_another_version_is_still_listed() {
        let row = CallRow {
            id: 1,
            attempt: 2,
            position: 0,
            method: "objects.append".into(),
            resource: "b/k".into(),
            started_at: 0,
            micros: 1,
            outcome: "ok".into(),
            error: None,
            rows: None,
            bytes: Some(1_980_000),
            calls: 1,
            operation: r#"{"operation":"append_object"}"#.into(),
        };
        let names = showrunner_lake::Names {
            source: "s".into(),
            ingestion: "i".into(),
            datalake: "d".into(),
            dataset: "w".into(),
        };
        let view = call_view(&row, &Place { names, run: None }, &[], true);
        assert_eq!((view.title.as_str(), view.resource.as_str()), ("objects.append", "b/k"));
        assert!(view.codes.is_empty() && view.google == "not known to this version");
        assert!(view.facts.ends_with("1.98 MB") && view.step.ends_with("attempt 2"), "{view:?}");
    }
}
