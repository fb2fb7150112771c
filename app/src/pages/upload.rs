use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Facts, Grid, Note, Panel, options_of, state_mark},
    wire::{UploadDayView, UploadView},
};

/// A person uploads a day.
#[component]
pub(crate) fn Upload() -> impl IntoView {
    let search = use_location().search.get_untracked();
    drawn(Redraw::OnNews, api::upload_page(search), |view| view! { <Page view /> })
}

#[component]
fn Page(view: UploadView) -> impl IntoView {
    let note = view.note.clone().map(|note| view! { <Note note /> });
    let facts = view.facts.clone();
    let day = view.day.clone().map(|day| view! { <Day day /> });
    view! {
        <PageTitle text="Upload" />
        <main class="page customer-page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Upload"</h1>
                <span class="sub">"A day's files, then end_file.txt: that starts its ingestion"</span>
            </header>
            <Panel title="Day">
                <Choose view />
                <Facts facts />
            </Panel>
            {note}
            {day}
        </main>
    }
    .erased()
}

#[component]
fn Choose(view: UploadView) -> impl IntoView {
    let customers = view
        .customers
        .into_iter()
        .map(|(id, title)| {
            let selected = id == view.customer;
            let words = if id == title { id.clone() } else { format!("{id}, {title}") };
            view! {
                <option value=id selected=selected>
                    {words}
                </option>
            }
        })
        .collect_view();
    let datasets = options_of(view.datasets, &view.dataset);
    view! {
        <form method="get" action="/upload" class="tag-form">
            <label class="field">
                <span>"Customer"</span>
                <select name="customer">{customers}</select>
            </label>
            <label class="field">
                <span>"Dataset"</span>
                <select name="dataset">{datasets}</select>
            </label>
            <label class="field">
                <span>"Date"</span>
                <input type="date" name="date" value=view.date required />
            </label>
            <button class="btn" type="submit">
                "Open the day"
            </button>
        </form>
    }
    .erased()
}

#[component]
fn Day(day: UploadDayView) -> impl IntoView {
    let action = expect_context::<Actions>().complete_day;
    let end = view! { {state_mark(day.state, day.words)} }.erased();
    let files = match day.files {
        Some(grid) => view! { <Grid grid /> }.erased(),
        None => view! { <p class="sub">"No file yet."</p> }.erased(),
    };
    let run = day.run.map(|(text, href)| view! { <a href=href>{text}</a> });
    let path = day.path.clone();
    let complete = day.complete.then(|| {
        view! {
            <Post action>
                <input type="hidden" name="day" value=path />
                <button class="btn" type="submit">
                    "Write end_file.txt"
                </button>
            </Post>
        }
    });
    let hint = format!("Files: NDJSON, JSON, CSV or Parquet, plain, gz or zip; each of at most {}", day.limit);
    view! {
        <Panel title=day.path.clone() end class="upload-day">
            {files} <form action="/upload" method="post" enctype="multipart/form-data" class="upload-form">
                <input type="hidden" name="day" value=day.path />
                <label>
                    <span class="sub">{hint}</span>
                    <input type="file" name="file" multiple required />
                </label>
                <button class="btn primary" type="submit">
                    "Upload"
                </button>
            </form> <div class="btns">{complete} {run}</div>
        </Panel>
    }
    .erased()
}
