use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{fetched, resource};
use crate::{
    actions::ActionError,
    api,
    erase::Erase,
    layout::{PageTitle, failed_icon},
    live::Live,
    ui::{AutoRefresh, CallList, Facts, More, Panel, ProgressPanel, percent, state_mark},
    wire::{CallView, LogLine, QuarantineRow, RuleRow, RunStepView, RunView, State},
};

/// One run: its steps as time bars, its log, what it held back.
#[component]
pub(crate) fn Run() -> impl IntoView {
    let live = expect_context::<Live>();
    let params = use_params_map();
    let run = resource(
        move || (live.tick(), params.with(|params| params.get("id").unwrap_or_default())),
        |(_, id)| api::run(id),
    );
    // What is called for a stream is no event: its page asks again by itself, as it does without JavaScript.
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(Ok(RunView { state: State::Running, progress: None, .. })) = run.get() {
            // One at a time, however often news brought the page in between, and none when it is gone.
            if let Ok(next) = set_timeout_with_handle(move || live.refetch(), std::time::Duration::from_secs(2)) {
                on_cleanup(move || next.clear());
            }
        }
    });
    provide_context(Watched(StoredValue::new(None)));
    fetched(run, |run| view! { <Page run /> })
}

/// The run that was at work when this page showed it. To its end and after, everything has the place that it had by then.
#[derive(Clone, Copy)]
struct Watched(StoredValue<Option<String>>);

impl Watched {
    fn sees(self, run: &RunView) -> bool {
        let Self(watched) = self;
        if matches!(run.state, State::Running | State::Next) {
            watched.set_value(Some(run.id.clone()));
        }
        watched.with_value(|id| id.as_ref() == Some(&run.id))
    }
}

#[component]
fn Page(run: RunView) -> impl IntoView {
    let running = run.state == State::Running;
    let watched = expect_context::<Watched>().sees(&run);
    let error = run.error.map(|error| {
        view! {
            <div class="note bad">
                {failed_icon()} <div>
                    <strong>{error}</strong>
                </div>
            </div>
        }
    });
    let progress = run.progress.filter(|_| watched).map(|progress| view! { <ProgressPanel progress /> });
    let quarantine =
        (!run.quarantine.is_empty()).then(|| view! { <Quarantine rows=run.quarantine more=run.quarantine_more /> });
    let rules = (!run.rules.is_empty()).then(|| view! { <Rules rows=run.rules /> });
    let calls = (watched || !run.calls_of.is_empty()).then(|| {
        // Opened, the first call would push the others down as they come.
        let open = usize::from(!watched);
        view! { <Calls calls=run.calls of=run.calls_of href=format!("/runs/{}/calls", run.id) lineage=run.lineage open /> }
    });
    let beside = rules.is_some() || calls.is_some();
    view! {
        <PageTitle text=run.title.clone() />
        <AutoRefresh when=running />
        <main class=if watched { "page run watched" } else { "page run" } id="main" tabindex="-1">
            <header class="page-head">
                <h1>{run.title}</h1>
                <span class="chip">{run.id}</span>
                {state_mark(run.state, run.state_text)}
                <More actions=run.actions step="" />
            </header>
            <ActionError />
            {error}
            <Facts facts=run.facts class="run-facts" />
            {progress}
            <div class="cols">
                <div class=if beside { "stack w-7" } else { "stack w-12" }>
                    <Steps rows=run.steps scale=run.scale />
                    <Log lines=run.log />
                    {quarantine}
                </div>
                {beside.then(|| view! { <div class="stack w-5">{calls} {rules}</div> })}
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Calls(calls: Vec<CallView>, of: String, href: String, lineage: String, open: usize) -> impl IntoView {
    let end = view! { <span class="sub">{of}</span> }.erased();
    let lineage = (!lineage.is_empty()).then(|| view! { <a href=lineage>"Lineage of this run"</a> });
    view! {
        <Panel title="What did that button do?" end body="">
            <CallList calls open />
            <p class="calls-all">
                <a href=href>"All calls, step by step"</a>
                {lineage}
            </p>
        </Panel>
    }
    .erased()
}

#[component]
fn Steps(rows: Vec<RunStepView>, scale: String) -> impl IntoView {
    let end = view! { <span class="sub">{scale}</span> }.erased();
    let rows = rows
        .into_iter()
        .map(|row| {
            let bar = format!("--from:{};--for:{}", percent(row.start), percent(row.width));
            view! {
                <tr>
                    <th scope="row">{row.title}</th>
                    <td>{state_mark(row.state, row.state_text)}</td>
                    <td class="wide-only when">
                        <div class=if row.longest { "gantt long" } else { "gantt" }>
                            <i style=bar></i>
                        </div>
                    </td>
                    <td class="r num">{row.rows}</td>
                    <td class="r num">{row.seconds}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Steps" end body="panel-body rows scroll">
            <table class="table of-steps">
                <thead>
                    <tr>
                        <th scope="col">"Step"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="wide-only">
                            <span class="sr">"When"</span>
                        </th>
                        <th scope="col" class="r">
                            "Rows"
                        </th>
                        <th scope="col" class="r">
                            "Seconds"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

#[component]
fn Log(lines: Vec<LogLine>) -> impl IntoView {
    let lines = lines
        .into_iter()
        .map(|line| {
            view! {
                <li class=if line.warn { "warn" } else { "" }>
                    <time>{line.at}</time>
                    <b>{line.topic}</b>
                    <span>{line.text}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Panel title="Log" body="">
            <ol class="log" tabindex="0" aria-label="Log">
                {lines}
            </ol>
        </Panel>
    }
    .erased()
}

#[component]
fn Quarantine(rows: Vec<QuarantineRow>, more: Option<String>) -> impl IntoView {
    let end = view! { <span class="sub">{more}</span> }.erased();
    let rows = rows
        .into_iter()
        .map(|row| {
            let sample = (!row.sample.is_empty()).then(|| {
                view! {
                    <code class="code wrap" tabindex="0">
                        {row.sample}
                    </code>
                }
            });
            view! {
                <tr>
                    <td class="mono">{row.file}</td>
                    <td class="r num">{row.line}</td>
                    <td class="held">{row.reason} {sample}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Quarantine" id="quarantine" end body="panel-body rows">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"File"</th>
                        <th scope="col" class="r">
                            "Line"
                        </th>
                        <th scope="col">"Reason, beginning of the row"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

#[component]
fn Rules(rows: Vec<RuleRow>) -> impl IntoView {
    let end = view! { <span class="sub">"rows touched"</span> }.erased();
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <td class="mono">{row.table}</td>
                    <td>{row.rule}</td>
                    <td class="r num">{row.rows}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Silver rules" end body="panel-body rows scroll">
            <table class="table of-rules">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col">"Rule"</th>
                        <th scope="col" class="r">
                            "Rows"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}
