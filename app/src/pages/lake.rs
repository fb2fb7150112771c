use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::{fetched, resource};
use crate::{
    api,
    erase::Erase,
    layout::PageTitle,
    live::Live,
    ui::{Empty, Panel, state_mark},
    wire::{FolderRow, LakeView, PartitionRow, TableRow},
};

/// The lake: tables, partitions, and what lies in the ingestion bucket.
#[component]
pub(crate) fn Lake() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let lake = resource(move || (live.tick(), query.with(|query| query.get("table"))), |(_, table)| api::lake(table));
    fetched(lake, |lake| view! { <Page lake /> })
}

#[component]
fn Page(lake: LakeView) -> impl IntoView {
    let partitions = lake.selected.clone().map(|table| view! { <Partitions table rows=lake.partitions /> });
    view! {
        <PageTitle text="Lake" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Lake"</h1>
            </header>
            <div class="cols">
                <div class="stack w-7">
                    <Tables rows=lake.tables selected=lake.selected />
                    {partitions}
                </div>
                <div class="stack w-5">
                    <Folders rows=lake.folders />
                </div>
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Tables(rows: Vec<TableRow>, selected: Option<String>) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <Panel title="Tables" body="">
                <Empty
                    what="No tables yet."
                    how="They appear when the first day has been ingested."
                    href="/"
                    link="Go to the story"
                />
            </Panel>
        }
        .erased();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            let current = (selected.as_deref() == Some(row.name.as_str())).then_some("true");
            view! {
                <tr>
                    <th scope="row">
                        <a class="mono" href=format!("/lake?table={}", row.name) aria-current=current title=row.title>
                            {row.name.clone()}
                        </a>
                    </th>
                    <td class="r num">{row.rows}</td>
                    <td class="r num">{row.partitions}</td>
                    <td class="r num wide-only">{row.files}</td>
                    <td class="r num">{row.bytes}</td>
                    <td class="r num wide-only">{row.version}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title="Tables" body="panel-body rows scroll">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Table"</th>
                        <th scope="col" class="r">
                            "Rows"
                        </th>
                        <th scope="col" class="r">
                            "Partitions"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Files"
                        </th>
                        <th scope="col" class="r">
                            "Bytes"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Version"
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
fn Partitions(table: String, rows: Vec<PartitionRow>) -> impl IntoView {
    let end = view! { <span class="sub">"newest first"</span> }.erased();
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <tr>
                    <th scope="row" class="num">
                        {row.date}
                    </th>
                    <td class="mono">{row.customer}</td>
                    <td class="r num">{row.rows}</td>
                    <td class="r num">{row.files}</td>
                    <td class="r num wide-only">{row.bytes}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <Panel title=format!("Partitions of {table}") id="partitions" end body="panel-body rows scroll tall">
            <table class="table">
                <thead>
                    <tr>
                        <th scope="col">"Date"</th>
                        <th scope="col">"Customer"</th>
                        <th scope="col" class="r">
                            "Rows"
                        </th>
                        <th scope="col" class="r">
                            "Files"
                        </th>
                        <th scope="col" class="r wide-only">
                            "Bytes"
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
fn Folders(rows: Vec<FolderRow>) -> impl IntoView {
    if rows.is_empty() {
        return view! {
            <Panel title="Ingestion bucket" body="">
                <Empty
                    what="No day folders yet."
                    how="One appears for each day that a customer uploads."
                    href="/"
                    link="Go to the story"
                />
            </Panel>
        }
        .erased();
    }
    let rows = rows
        .into_iter()
        .map(|row| {
            view! {
                <li class="folder">
                    <span class="mono">{row.path}</span>
                    <span class="num">{row.files} " · " {row.bytes}</span>
                    {state_mark(row.state, row.state_text)}
                </li>
            }
        })
        .collect_view();
    let end = view! { <span class="sub">"newest first"</span> }.erased();
    view! {
        <Panel title="Ingestion bucket" end body="panel-body rows">
            <ol class="folders" tabindex="0" aria-label="Day folders">
                {rows}
            </ol>
        </Panel>
    }
    .erased()
}
