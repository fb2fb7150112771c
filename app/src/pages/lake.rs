use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

use crate::{
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Empty, Facts, Grid, Note, Panel, choice_links, options_of, tree},
    wire::{FormField, FormView, LakePanel, LakeView, TableQuery},
};

/// The lake: zones with their tables, buckets, and the folders that customers deliver into.
#[component]
pub(crate) fn Lake() -> impl IntoView {
    drawn(Redraw::OnNews, api::lake(), |lake| view! { <Page lake /> })
}

/// A table: partitions and files, history, schema, rows.
#[component]
pub(crate) fn LakeTable() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let asked = TableQuery {
        tab: query.get("tab"),
        page: query.get("page"),
        partition: query.get("partition"),
        file: query.get("file"),
        row: query.get("row"),
        at: query.get("at"),
        find: query.get("find"),
        against: query.get("against"),
        from: query.get("from"),
        to: query.get("to"),
        since: query.get("since"),
    };
    let table = use_params_map().get_untracked().get("table").unwrap_or_default();
    drawn(Redraw::OnNews, api::lake_table(table, asked), |lake| view! { <Page lake /> })
}

/// A bucket: folders and objects.
#[component]
pub(crate) fn LakeBucket() -> impl IntoView {
    let query = use_query_map().get_untracked();
    let bucket = use_params_map().get_untracked().get("bucket").unwrap_or_default();
    let objects = api::lake_bucket(bucket, query.get("prefix"), query.get("page"));
    drawn(Redraw::OnNews, objects, |lake| view! { <Page lake /> })
}

#[component]
fn Page(lake: LakeView) -> impl IntoView {
    let crumbs =
        lake.crumbs.into_iter().map(|(text, href)| view! { <li><a href=href>{text}</a></li> }).collect::<Vec<_>>();
    let crumbs = (!crumbs.is_empty()).then(|| {
        view! {
            <nav class="crumbs" aria-label="Where you are">
                <ol>{crumbs}</ol>
            </nav>
        }
    });
    let tabs = (!lake.tabs.is_empty()).then(|| {
        view! {
            <nav class="seg" aria-label="Parts of the table">
                {choice_links(lake.tabs)}
            </nav>
        }
    });
    let facts = (!lake.facts.is_empty()).then(|| view! { <Facts facts=lake.facts /> });
    let notes = lake.notes.into_iter().map(|note| view! { <Note note /> }).collect::<Vec<_>>();
    let (aside, main): (Vec<_>, Vec<_>) = lake.panels.into_iter().partition(|panel| panel.aside);
    let class = if aside.is_empty() { "stack w-12" } else { "stack w-8" };
    let all = |panels: Vec<LakePanel>| panels.into_iter().map(|panel| view! { <Part panel /> }).collect::<Vec<_>>();
    let aside = (!aside.is_empty()).then(|| view! { <div class="stack w-4">{all(aside)}</div> });
    view! {
        <PageTitle text=lake.title.clone() />
        <main class="page lake" id="main" tabindex="-1">
            {crumbs}
            <header class="page-head">
                <h1>{lake.title}</h1>
                <span class="sub">{lake.what}</span>
            </header>
            {facts}
            {tabs}
            {notes}
            <div class="cols">
                <div class=class>{all(main)}</div>
                {aside}
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Part(panel: LakePanel) -> impl IntoView {
    let end = view! { <span class="sub">{panel.sub}</span> }.erased();
    let forms = panel.forms.into_iter().map(form).collect::<Vec<_>>();
    let forms = (!forms.is_empty()).then(|| view! { <div class="asks">{forms}</div> });
    let body = match (panel.empty, panel.grid) {
        (Some((what, how)), _) => view! { <Empty what how href="/" link="Go to the story" /> }.erased(),
        (None, Some(grid)) => view! { <Grid grid /> }.erased(),
        (None, None) => (!panel.tree.is_empty()).then(|| tree(panel.tree)).erased(),
    };
    view! {
        <Panel title=panel.title end body="panel-body rows">
            {forms}
            {body}
        </Panel>
    }
    .erased()
}

fn form(form: FormView) -> AnyView {
    let hidden = form
        .hidden
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect::<Vec<_>>();
    let fields = form.fields.into_iter().map(field).collect::<Vec<_>>();
    view! {
        <form class="ask" method="get" action=form.action aria-label=form.title>
            {hidden}
            {fields}
            <button class="btn" type="submit">
                {form.button}
            </button>
        </form>
    }
    .erased()
}

fn field(field: FormField) -> AnyView {
    let FormField { name, label, value, kind, options } = field;
    let input = if kind == "select" {
        let choice = options_of(options, &value);
        view! { <select name=name>{choice}</select> }.erased()
    } else {
        view! { <input type=kind name=name value=value /> }.erased()
    };
    view! {
        <label>
            <span class="sub">{label}</span>
            {input}
        </label>
    }
    .erased()
}
