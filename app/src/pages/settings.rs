use leptos::prelude::*;

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Panel, state_mark},
    wire::{CheckView, SettingView, SettingsView},
};

/// What is set, where that comes from, and what is missing.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    drawn(Redraw::OnRequest, api::settings(), |view| view! { <Page view /> })
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
                <table class="table">
                    <thead>
                        <tr>
                            <th>"What"</th>
                            <th>"State"</th>
                            <th>"Found"</th>
                        </tr>
                    </thead>
                    <tbody>{checks}</tbody>
                </table>
            </Panel>
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
            <p class="sub">
                "Settings are read when the server starts. Those of the command line go before those of the environment; showrunner --help lists them all."
            </p>
        </main>
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

#[component]
fn Setting(setting: SettingView) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">
                <span class="mono">{setting.variable}</span>
                <p class="sub mono">{setting.flag}</p>
            </th>
            <td class="mono">{setting.value}</td>
            <td>{setting.from}</td>
            <td class="wide-only">{setting.help}</td>
        </tr>
    }
    .erased()
}
