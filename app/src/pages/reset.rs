use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_navigate, use_query_map},
};

use super::{fetched, resource};
use crate::{
    actions::{ActionError, Actions, Post},
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{AutoRefresh, Facts, Note, Panel, ProgressPanel, icon, state_icon, state_mark},
    wire::{CertificateView, GoesRow, NoteKind, NoteView, ResetView, ScopeRow, State, StaysRow},
};

/// Reset: what would go, what stays, and afterwards the proof.
#[component]
pub(crate) fn Reset() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let reset = resource(
        move || (live.tick(), query.with(|query| (query.get("scope"), query.get("run")))),
        |(_, (scope, run))| api::reset(scope, run),
    );
    fetched(reset, |reset| match reset.certificate {
        Some(certificate) => view! { <Certificate certificate notes=reset.notes /> }.erased(),
        None => view! { <DryRun reset /> }.erased(),
    })
}

#[component]
fn DryRun(reset: ResetView) -> impl IntoView {
    let running = reset.progress.as_ref().is_some_and(|progress| progress.state == State::Running);
    let (title, sub) = if running {
        ("Reset: under way", "It resumes by itself when it is interrupted.")
    } else {
        ("Reset: what would go", "Dry run. Nothing has been deleted.")
    };
    let scope = reset.scopes.iter().find(|scope| scope.selected).map(|scope| scope.value.clone()).unwrap_or_default();
    let notes = reset.notes.into_iter().map(|note| view! { <Note note /> }).collect_view();
    let progress = reset.progress.map(|progress| view! { <ProgressPanel progress /> });
    let confirm =
        (!running).then(|| view! { <Confirm scope plan=reset.plan items=reset.items estimate=reset.estimate /> });
    view! {
        <PageTitle text="Reset" />
        <AutoRefresh when=running />
        <main class="page reset" id="main" tabindex="-1">
            <header class="page-head">
                <h1>{title}</h1>
                <span class="sub">{sub}</span>
            </header>
            {notes}
            {progress}
            <div class="plan">
                <Scopes rows=reset.scopes />
                <div class="stack list">
                    <Goes rows=reset.goes total=reset.total />
                    <Stays rows=reset.stays />
                </div>
                <div class="stack confirm">{confirm} <ActionError /></div>
            </div>
        </main>
    }
    .erased()
}

/// As inner HTML: with JavaScript the browser takes the content of <noscript> as text, which hydration must not walk into.
const SHOW_BUTTON: &str = r#"<button class="btn" type="submit">Show what would go</button>"#;

/// A form that gets the same page with another scope: by itself with JavaScript, by a button without.
#[component]
fn Scopes(rows: Vec<ScopeRow>) -> impl IntoView {
    let navigate = use_navigate();
    let rows = rows
        .into_iter()
        .map(|row| {
            let navigate = navigate.clone();
            let address = format!("/reset?scope={}", row.value);
            view! {
                <label class="choice">
                    <input
                        type="radio"
                        name="scope"
                        value=row.value
                        checked=row.selected
                        prop:checked=row.selected
                        on:change=move |_| {
                            navigate(&address, NavigateOptions { scroll: false, ..Default::default() });
                        }
                    />
                    <span>{row.title}</span>
                    <span class="num">{row.items}</span>
                    <span class="sub">{row.detail}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <form method="get" action="/reset" class="pick">
            <fieldset class="panel">
                <legend class="sr">"Scope"</legend>
                <div class="panel-head">
                    <h2>"Scope"</h2>
                    <span class="sub end">"items"</span>
                </div>
                {rows}
            </fieldset>
            // Dynamic, since the view macro writes a wholly static <noscript> as text.
            <noscript inner_html=SHOW_BUTTON.to_owned()></noscript>
        </form>
    }
    .erased()
}

#[component]
fn Confirm(scope: String, plan: String, items: u64, estimate: String) -> impl IntoView {
    let nothing = items == 0;
    let words = match items {
        0 => "Nothing to delete".to_owned(),
        1 => "Delete 1 item".to_owned(),
        items => format!("Delete {} items", with_commas(items)),
    };
    let text = if nothing {
        "Nothing is left in this scope: it is as it would be after a reset.".to_owned()
    } else {
        format!("{estimate} If it is interrupted it resumes; pressing twice changes nothing.")
    };
    let action = expect_context::<Actions>().reset;
    view! {
        <div id="estimate">
            <Note note=NoteView { kind: NoteKind::Info, text, link: None } />
        </div>
        <div class="btns">
            <Post action>
                <input type="hidden" name="scope" value=scope />
                <input type="hidden" name="plan" value=plan />
                <button
                    class="btn danger"
                    type=if nothing { "button" } else { "submit" }
                    aria-disabled=nothing.then_some("true")
                    aria-describedby="estimate"
                >
                    {icon("#i-reset")}
                    <span>{words}</span>
                </button>
            </Post>
            <a class="btn quiet" href="/">
                "Back to the show"
            </a>
        </div>
    }
    .erased()
}

/// `1,204`. Integers look the same on every host.
fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[component]
fn Goes(rows: Vec<GoesRow>, total: String) -> impl IntoView {
    let end = view! { <span class="sub">{total}</span> }.erased();
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{row.place}</th>
                    <td class="r num">{row.count}</td>
                    <td>{row.what}</td>
                    <td class="r num wide-only">{row.bytes}</td>
                    <td class="sub">{row.which}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Goes" end body="panel-body rows scroll">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Where"</th>
                        <th scope="col" class="r">
                            "Count"
                        </th>
                        <th scope="col">"What"</th>
                        <th scope="col" class="r wide-only">
                            "Bytes"
                        </th>
                        <th scope="col">"Which"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

#[component]
fn Stays(rows: Vec<StaysRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">{row.what}</th>
                    <td class="r num">{row.count}</td>
                    <td class="sub">{row.how}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Stays" body="panel-body rows scroll">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col" class="r">
                            "Count"
                        </th>
                        <th scope="col">"How we know"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

/// Expected, found, equal: read from the buckets and tables after the reset.
#[component]
fn Certificate(certificate: CertificateView, notes: Vec<NoteView>) -> impl IntoView {
    let (class, state) =
        if certificate.verified { ("cert-head", State::Done) } else { ("cert-head bad", State::Failed) };
    let checks = certificate.lines.len();
    let equal = certificate.lines.iter().filter(|line| line.3).count();
    let lines = certificate
        .lines
        .into_iter()
        .map(|(what, expected, found, equal)| {
            let result = if equal { state_mark(State::Done, "Equal") } else { state_mark(State::Failed, "Not equal") };
            view! {
                <tr>
                    <th scope="row">{what}</th>
                    <td class="num wide-only">{expected}</td>
                    <td class="mono">{found}</td>
                    <td class="r">{result}</td>
                </tr>
            }
        })
        .collect_view();
    let foreign = (!certificate.foreign.is_empty()).then(|| view! { <Foreign rows=certificate.foreign /> });
    let notes = notes.into_iter().map(|note| view! { <Note note /> }).collect_view();
    view! {
        <PageTitle text=certificate.title.clone() />
        <main class="page reset" id="main" tabindex="-1">
            <section class="panel" aria-label="Certificate">
                <div class=class>
                    {state_icon(state, None)} <h1>{certificate.title}</h1> <div class="btns">
                        <a class="btn" href=format!("/runs/{}", certificate.run_id)>
                            "The run"
                        </a>
                        <a class="btn" href="/">
                            "Back to the show"
                        </a>
                    </div>
                </div>
                <div class="panel-body cert-facts">
                    <Facts facts=certificate.facts />
                </div>
                <div class="panel-body rows scroll">
                    <table class="table">
                        <thead>
                            <tr>
                                <th scope="col">"Check"</th>
                                <th scope="col" class="wide-only">
                                    "Expected"
                                </th>
                                <th scope="col">"Found"</th>
                                <th scope="col" class="r">
                                    "Result"
                                </th>
                            </tr>
                        </thead>
                        <tbody>{lines}</tbody>
                    </table>
                </div>
            </section>
            {foreign}
            {notes}
            <p class="sub">
                {format!("{checks} checks, {equal} equal. ")}
                "The certificate is read from the buckets and tables after the reset, not from what the reset reported."
            </p>
        </main>
    }
    .erased()
}

#[component]
fn Foreign(rows: Vec<(String, String)>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|(name, why)| {
            view! {
                <tr>
                    <th scope="row" class="mono">
                        {name}
                    </th>
                    <td class="sub">{why}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Not ours, left alone" body="panel-body rows scroll">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Object"</th>
                        <th scope="col">"Why it stays"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </Panel>
    }
    .erased()
}

#[cfg(test)]
mod tests {
    use super::with_commas;

    #[test]
    fn thousands_have_commas() {
        for (number, expected) in
            [(2, "2"), (999, "999"), (1_204, "1,204"), (151_681, "151,681"), (12_345_678, "12,345,678")]
        {
            assert_eq!(with_commas(number), expected);
        }
    }
}
