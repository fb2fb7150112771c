use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::{fetched, resource};
use crate::{
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{AutoRefresh, CallList, Panel},
    wire::{CallChoice, CallsView},
};

/// What a run executed, call by call, and what each stands for in Google Cloud.
#[component]
pub(crate) fn RunCalls() -> impl IntoView {
    let live = expect_context::<Live>();
    let (params, query) = (use_params_map(), use_query_map());
    let asked = move |name: &str| query.with(|query| query.get(name));
    let calls = resource(
        move || {
            let id = params.with(|params| params.get("id").unwrap_or_default());
            (live.tick(), id, asked("step"), asked("kind"), asked("page"))
        },
        |(_, id, step, kind, page)| api::run_calls(id, step, kind, page),
    );
    fetched(calls, |calls| view! { <Page calls /> })
}

#[component]
fn Page(calls: CallsView) -> impl IntoView {
    let run = format!("/runs/{}", calls.run_id);
    let list = if calls.calls.is_empty() {
        view! {
            <div class="empty">
                <p>"No calls on record here."</p>
                <p class="sub">
                    "They are written when a step ends. Runs of earlier versions of Showrunner have none; another filter may have."
                </p>
                <a class="btn" href=run.clone()>
                    "Back to the run"
                </a>
            </div>
        }
        .erased()
    } else {
        view! { <CallList calls=calls.calls /> }.erased()
    };
    let turn = |href: Option<String>, rel, words: &'static str| {
        href.map(|href| {
            view! {
                <a class="btn" href=href rel=rel>
                    {words}
                </a>
            }
        })
    };
    view! {
        <PageTitle text=format!("Calls of {}", calls.title) />
        <AutoRefresh when=calls.running />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"What did that button do?"</h1>
                <a href=run>{calls.title}</a>
                <span class="chip">{calls.run_id}</span>
            </header>
            <p class="sub">{calls.summary}</p>
            <div class="call-filters">
                <Choices label="Steps" choices=calls.steps />
                <Choices label="Kinds" choices=calls.kinds />
            </div>
            <Panel title="Calls" body="" end=view! { <span class="sub">{calls.range}</span> }.erased()>
                {list}
            </Panel>
            <div class="btns">
                {turn(calls.previous, "prev", "Earlier calls")} {turn(calls.next, "next", "Later calls")}
            </div>
            <p class="sub">{calls.legend}</p>
        </main>
    }
    .erased()
}

#[component]
fn Choices(label: &'static str, choices: Vec<CallChoice>) -> impl IntoView {
    let links = choices
        .into_iter()
        .map(|choice| {
            view! {
                <a href=choice.href aria-current=choice.current.then_some("true")>
                    {choice.label}
                    " "
                    <span class="num">{choice.count}</span>
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="seg" aria-label=label>
            {links}
        </nav>
    }
    .erased()
}
