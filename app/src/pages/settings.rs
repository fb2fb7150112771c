use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{CodeRow, Panel, state_icon, state_mark},
    wire::{CheckView, CloudView, CodeView, DifferenceView, SettingView, SettingsView, State},
};

/// What is set, where that comes from, and what is missing.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    let check = use_query_map().with_untracked(|query| query.get("check").unwrap_or_default());
    drawn(Redraw::OnRequest, api::settings(check), |view| view! { <Page view /> })
}

#[component]
fn Page(view: SettingsView) -> impl IntoView {
    let checks = view.checks.into_iter().map(|check| view! { <Check check /> }).collect_view();
    let settings = view.settings.into_iter().map(|setting| view! { <Setting setting /> }).collect_view();
    view! {
        <PageTitle text="Settings" />
        <main class="page people" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Settings"</h1>
                <span class="sub">{view.summary}</span>
            </header>
            <Panel title="Is everything there?" body="panel-body rows">
                {findings("showrunner doctor", checks)}
            </Panel>
            <Cloud cloud=view.cloud />
            <Panel title="What is set" body="panel-body rows">
                <table class="table settings">
                    <thead>
                        <tr>
                            <th>"Setting"</th>
                            <th>"Value"</th>
                            <th>"From"</th>
                            <th class="wide-only">"What it is"</th>
                        </tr>
                    </thead>
                    <tbody>{settings}</tbody>
                </table>
            </Panel>
            <Differences differences=view.differences />
            <p class="sub">
                "Settings are read when the server starts. Those of the command line go before those of the environment; showrunner --help lists them all."
            </p>
        </main>
    }
    .erased()
}

/// A table of what was looked at.
fn findings(label: &'static str, lines: impl IntoView + 'static) -> impl IntoView {
    view! {
        <table class="table findings" aria-label=label>
            <thead>
                <tr>
                    <th>"What"</th>
                    <th>"State"</th>
                    <th>"Found"</th>
                </tr>
            </thead>
            <tbody>{lines.erased()}</tbody>
        </table>
    }
    .erased()
}

#[component]
fn Check(check: CheckView) -> impl IntoView {
    let fix = check.fix.map(|fix| view! { <p class="sub">"To do: " <span class="mono">{fix}</span></p> });
    view! {
        <tr>
            <th scope="row">{check.what}</th>
            <td>{state_mark(check.state, check.word)}</td>
            <td>{check.found} {fix}</td>
        </tr>
    }
    .erased()
}

/// The project, checked when somebody asks for it: that takes seconds and asks Google.
#[component]
fn Cloud(cloud: CloudView) -> impl IntoView {
    let asked = !cloud.checks.is_empty();
    let form = cloud.set.then(|| {
        view! {
            <form method="get" action="/settings#google-cloud">
                <button class="btn" type="submit" name="check" value="google-cloud">
                    {if asked { "Check again" } else { "Check" }}
                </button>
            </form>
        }
    });
    let lines = cloud.checks.into_iter().map(|check| view! { <CloudCheck check /> }).collect_view();
    let lines = asked.then(|| findings("showrunner cloud check", lines));
    view! {
        <Panel
            title="Google Cloud"
            id="google-cloud"
            body="panel-body rows"
            end=view! { <span class="sub">{cloud.summary}</span> }.erased()
        >
            <div class="row cloud-ask">
                <p class="sub">{cloud.words}</p>
                {form}
            </div>
            <div class="note check-running" role="status">
                {state_icon(State::Running, None)}
                <span>"Google Cloud is being looked at."</span>
                <span class="num">
                    <span data-seconds="">"0"</span>
                    " s"
                </span>
            </div>
            {lines}
        </Panel>
    }
    .erased()
}

#[component]
fn CloudCheck(check: CheckView) -> impl IntoView {
    let label = format!("Command for {}", check.what);
    let command = check.fix.map(|text| {
        let code = CodeView { label, text };
        view! { <CodeRow code bare=true /> }
    });
    view! {
        <tr>
            <th scope="row">{breakable(&check.what)}</th>
            <td>{state_mark(check.state, check.word)}</td>
            <td>{check.found} {command}</td>
        </tr>
    }
    .erased()
}

#[component]
fn Setting(setting: SettingView) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">
                <span class="mono name">{breakable(&setting.variable)}</span>
                <p class="sub mono">{setting.flag}</p>
            </th>
            <td class="mono">{setting.value}</td>
            <td>{setting.from}</td>
            <td class="wide-only">{setting.help}</td>
        </tr>
    }
    .erased()
}

#[component]
fn Differences(differences: Vec<DifferenceView>) -> impl IntoView {
    let lines = differences
        .into_iter()
        .map(|difference| {
            let proof = difference.proof.iter().map(|proof| view! { <li>{proved(proof)}</li> }).collect_view();
            view! {
                <tr>
                    <th scope="row">{worded(&difference.what)}</th>
                    <td>{worded(&difference.embedded)}</td>
                    <td>{worded(&difference.google)}</td>
                    <td class="wide-only">
                        <ul class="proofs sub">{proof}</ul>
                    </td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Differences between the two back ends" id="differences" body="panel-body rows">
            <table class="table differences">
                <thead>
                    <tr>
                        <th>"What"</th>
                        <th>"Embedded"</th>
                        <th>"Google Cloud"</th>
                        <th class="wide-only">"Proof"</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

/// A test, or an address as a link.
fn proved(proof: &str) -> AnyView {
    if proof.starts_with("https://") {
        let address = proof.to_owned();
        return view! {
            <a href=address rel="noreferrer external">
                {breakable(proof)}
            </a>
        }
        .erased();
    }
    worded(proof)
}

/// A text in which `` ` `` stands around code.
fn worded(text: &str) -> AnyView {
    let parts = text.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.to_owned().erased(),
        _ => view! { <span class="mono">{breakable(part)}</span> }.erased(),
    });
    parts.collect_view().erased()
}

/// A name that may go on in the next line behind what separates its words.
fn breakable(name: &str) -> AnyView {
    let parts = name.split_inclusive(['_', '/', '.']).map(|part| view! { {part.to_owned()} <wbr /> });
    parts.collect_view().erased()
}
