use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{CodeRow, Facts, Note, Panel, choice_links, labelled_icon},
    wire::{CodeView, LineageBox, LineageColumn, LineageGraph, LineageHop, LineageMade, LineageView},
};

/// Lineage: where each column comes from and where it goes.
#[component]
pub(crate) fn Lineage() -> impl IntoView {
    let query = use_location().search.get_untracked();
    drawn(Redraw::OnNews, api::lineage(query), |lineage| view! { <Page lineage /> })
}

#[component]
fn Page(lineage: LineageView) -> impl IntoView {
    let title = match &lineage.column {
        Some(column) => format!("Lineage of {}", column.title),
        None => lineage.title.clone(),
    };
    let ways = (!lineage.ways.is_empty()).then(|| {
        view! {
            <nav class="seg" aria-label="Direction">
                {choice_links(lineage.ways)}
            </nav>
        }
    });
    let notes = lineage.notes.into_iter().map(|note| view! { <Note note /> }).collect::<Vec<_>>();
    let keep = lineage
        .keep
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect::<Vec<_>>();
    let found = found(&lineage.find, lineage.found);
    let side = match lineage.column {
        Some(column) => followed(column),
        None if lineage.made.is_empty() => view! {
            <p class="hint">
                "Click a column: its way from the files to the report, with each expression. Or search for one."
            </p>
        }
        .erased(),
        None => view! { <p class="hint">"Click a column: its way through this run."</p> }.erased(),
    };
    let made = (!lineage.made.is_empty()).then(|| made(lineage.made, lineage.events));
    view! {
        <PageTitle text=title />
        <div class="lineage">
            <main class="lineage-main" id="main" tabindex="-1">
                <header class="page-head">
                    <h1>"Lineage"</h1>
                    <span class="sub">{lineage.what}</span>
                    <div class="btns">{ways}</div>
                </header>
                {notes}
                {graph(lineage.graph)}
            </main>
            <aside class="lineage-side" aria-label="Selected column">
                <form class="lineage-find" action="/lineage" method="get" role="search">
                    {keep}
                    <label>
                        <span class="sub">"Column"</span>
                        <input type="search" name="find" value=lineage.find placeholder="transactionRevenue" />
                    </label>
                    <button class="btn" type="submit">
                        "Find"
                    </button>
                </form>
                {found}
                {side}
                {made}
            </aside>
        </div>
    }
    .erased()
}

fn graph(graph: LineageGraph) -> AnyView {
    let zones = graph
        .zones
        .into_iter()
        .map(|(name, x)| {
            view! {
                <span class="graph-zone" style=format!("left:{x}px")>
                    {name}
                </span>
            }
        })
        .collect::<Vec<_>>();
    let edges = graph
        .edges
        .into_iter()
        .map(|(d, on)| view! { <path class=if on { "edge on" } else { "edge" } d=d></path> })
        .collect::<Vec<_>>();
    let boxes = graph.boxes.into_iter().map(table).collect::<Vec<_>>();
    let size = format!("width:{}px;height:{}px", graph.width, graph.height);
    view! {
        <div class="graph-scroll" tabindex="0" role="region" aria-label="Lineage graph, scrolls">
            <div class="graph" style=size>
                <svg width=graph.width height=graph.height aria-hidden="true">
                    {edges}
                </svg>
                {zones}
                {boxes}
            </div>
        </div>
    }
    .erased()
}

fn table(table: LineageBox) -> AnyView {
    let rows = table
        .rows
        .into_iter()
        .map(|row| {
            let class = match (row.on, row.nested) {
                (true, true) => "on nest",
                (true, false) => "on",
                (false, true) => "nest",
                (false, false) => "",
            };
            let tag = row
                .tag
                .map(|tag| view! { <span class="pii" title=tag>{labelled_icon("#i-tag", "personal data")}</span> });
            view! {
                <a href=row.href class=class title=row.path aria-current=row.current.then_some("true")>
                    {row.name}
                    {tag}
                </a>
            }
        })
        .collect::<Vec<_>>();
    let rest = table.rest.map(|(words, href)| {
        let label = format!("{words} columns of {}", table.full);
        view! {
            <a class="rest" href=href aria-label=label>
                {words}
            </a>
        }
    });
    let label = table.full.clone();
    view! {
        <section
            class=if table.on { "tbl on" } else { "tbl" }
            style=format!("left:{}px;top:{}px;width:{}px", table.x, table.y, table.width)
            aria-label=label
        >
            <h2 title=table.full>{table.name}</h2>
            {rows}
            {rest}
        </section>
    }
    .erased()
}

fn found(find: &str, found: Vec<(String, String)>) -> Option<AnyView> {
    if find.is_empty() {
        return None;
    }
    let none = found.is_empty().then(|| view! { <p class="hint">"No column has that in its name."</p> });
    let found = found
        .into_iter()
        .map(|(words, href)| {
            view! {
                <li>
                    <a class="mono" href=href>
                        {words}
                    </a>
                </li>
            }
        })
        .collect::<Vec<_>>();
    let list = view! {
        <div class="side-head">
            <h2>"Found"</h2>
            <span class="sub end">"nearest to the report first"</span>
        </div>
        {none}
        <ul class="found-columns">{found}</ul>
    };
    Some(list.erased())
}

fn followed(column: LineageColumn) -> AnyView {
    let hops = column.hops.into_iter().map(hop).collect::<Vec<_>>();
    let rows = column
        .rows
        .into_iter()
        .map(|(words, href, how)| {
            view! {
                <li>
                    <a class="mono" href=href>
                        {words}
                    </a>
                    <span class="sub">{how}</span>
                </li>
            }
        })
        .collect::<Vec<_>>();
    let rows = (!rows.is_empty()).then(|| {
        view! {
            <div class="side-head">
                <h2>"What decides about its rows"</h2>
            </div>
            <ul class="found-columns">{rows}</ul>
        }
    });
    let personal = column.personal.into_iter().map(|words| view! { <li>{words}</li> }).collect::<Vec<_>>();
    let personal = (!personal.is_empty()).then(|| {
        view! {
            <div class="side-head">
                <h2>"Personal data"</h2>
            </div>
            <ul class="found-columns">{personal}</ul>
        }
    });
    let sql = column.sql.map(|(table, sql)| {
        view! {
            <details class="data">
                <summary>{format!("SQL of {table}")}</summary>
                <CodeRow code=CodeView { label: "SQL".into(), text: sql } plain=true />
            </details>
        }
    });
    view! {
        <div class="side-head">
            <h2>{column.title}</h2>
        </div>
        <ol class="hops">{hops}</ol>
        {personal}
        <Facts facts=column.facts class="side-facts" />
        {rows}
        {sql}
    }
    .erased()
}

fn hop(hop: LineageHop) -> AnyView {
    let expression = (!hop.expression.is_empty()).then(|| view! { <code>{hop.expression}</code> });
    view! {
        <li>
            <span class="sub">{hop.what}</span>
            <div class="mono">
                <a href=hop.href>{hop.column}</a>
            </div>
            {expression}
        </li>
    }
    .erased()
}

fn made(made: Vec<LineageMade>, events: String) -> AnyView {
    let made = made
        .into_iter()
        .map(|made| {
            let open = (!made.href.is_empty()).then(|| {
                view! {
                    <li>
                        <a href=made.href>"The table in the lake"</a>
                    </li>
                }
            });
            let reads = made.reads.into_iter().map(|read| view! { <li class="mono">{read}</li> }).collect::<Vec<_>>();
            let more = (!made.more.is_empty()).then(|| view! { <li class="sub">{made.more}</li> });
            view! {
                <details class="data">
                    <summary>
                        <span class="mono">{made.table}</span>
                        <span class="sub">{made.version}</span>
                    </summary>
                    <ul class="found-columns">{reads} {more} {open}</ul>
                </details>
            }
        })
        .collect::<Vec<_>>();
    let end = view! { <a href=events rel="external">"OpenLineage"</a> }.erased();
    view! {
        <Panel title="Made, and read for it" class="lineage-made" end>
            {made}
        </Panel>
    }
    .erased()
}
