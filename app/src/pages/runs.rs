use leptos::prelude::*;

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{AutoRefresh, Empty, state_mark},
    wire::{RunRow, State},
};

/// All runs, newest first.
#[component]
pub(crate) fn Runs() -> impl IntoView {
    drawn(Redraw::OnNews, api::runs(), |rows| view! { <Page rows /> })
}

#[component]
fn Page(rows: Vec<RunRow>) -> impl IntoView {
    let running = rows.iter().any(|row| row.state == State::Running);
    let list = if rows.is_empty() {
        view! {
            <Empty
                what="No runs yet."
                how="The first one appears when a step of the story starts it, or when a customer writes the marker file."
                href="/"
                link="Go to the story"
            />
        }
        .erased()
    } else {
        view! { <List rows /> }.erased()
    };
    view! {
        <PageTitle text="Runs" />
        <AutoRefresh when=running />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Runs"</h1>
                <span class="sub">"Newest first"</span>
            </header>
            <section class="panel" aria-label="Runs">
                {list}
            </section>
        </main>
    }
    .erased()
}

#[component]
fn List(rows: Vec<RunRow>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row">
                        <a href=format!("/runs/{}", row.id)>{row.title}</a>
                    </th>
                    <td>{state_mark(row.state, row.state_text)}</td>
                    <td class="mono wide-only">{row.id.clone()}</td>
                    <td class="sub wide-only">{row.started_by}</td>
                    <td class="r num wide-only">{row.started}</td>
                    <td class="r num">{row.took}</td>
                    <td class="r num wide-only">{row.rows}</td>
                    <td class="r num wide-only">{row.held}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="panel-body rows scroll">
            <table class="table of-runs">
                <thead>
                    <tr>
                        <th scope="col">"Run"</th>
                        <th scope="col">"State"</th>
                        <th scope="col" class="wide-only">
                            "Id"
                        </th>
                        <th scope="col" class="wide-only">
                            "Started by"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Started"
                        </th>
                        <th scope="col" class="r">
                            "Took"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Rows"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Held"
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .erased()
}
