use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Facts, Grid, Note, Panel, options_of},
    wire::{DatasetColumnView, DatasetView, DatasetsView, GenerateView},
};

/// Datasets: what is delivered, and how its tables are made. A form that is being filled in is not drawn again by news.
#[component]
pub(crate) fn Datasets() -> impl IntoView {
    let search = use_location().search.get_untracked();
    let redraw = if search.contains("dataset=") { Redraw::OnRequest } else { Redraw::OnNews };
    drawn(redraw, api::datasets(search), |view| view! { <Page view /> })
}

#[component]
fn Page(view: DatasetsView) -> impl IntoView {
    let opened = view.opened.map(|dataset| view! { <Opened dataset /> });
    let deleted = view.deleted.map(|grid| {
        view! {
            <Panel title="Deleted" body="panel-body rows">
                <Grid grid />
            </Panel>
        }
    });
    let action = expect_context::<Actions>().dataset;
    let bicycles = view.bicycles.then(|| {
        view! {
            <Panel title="London bicycles">
                <p class="sub">
                    "The second dataset of the show: stations with their place, and hires that are dirty on purpose. Both are defined from a generated sample."
                </p>
                <Post action class="btns">
                    <button class="btn" type="submit" name="change" value="bicycles">
                        "Add London bicycles"
                    </button>
                </Post>
            </Panel>
        }
    });
    view! {
        <PageTitle text="Datasets" />
        <main class="page customer-page dataset-page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Datasets"</h1>
                <span class="sub">"What is delivered, and how its tables are made of it"</span>
            </header>
            <Panel title="All datasets" class="customers" body="panel-body rows">
                <Grid grid=view.all />
            </Panel>
            {opened}
            <div class="cols">
                <div class="stack w-4">
                    <Create limit=view.limit />
                    {bicycles}
                </div>
                <div class="stack w-8">{deleted}</div>
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Create(limit: String) -> impl IntoView {
    let hint = format!("A sample: CSV, NDJSON, JSON or Parquet, plain, gz or zip, at most {limit}");
    view! {
        <Panel title="New dataset">
            <form action="/datasets/sample" method="post" enctype="multipart/form-data" class="stack tight">
                <label class="field">
                    <span>"Name, as in folders and tables"</span>
                    <input class="mono" name="name" required placeholder="bike_hires" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Title"</span>
                    <input name="title" maxlength="80" autocomplete="off" />
                </label>
                <label class="field">
                    <span>{hint}</span>
                    <input type="file" name="sample" required />
                </label>
                <div class="btns">
                    <button class="btn" type="submit">
                        "Create from the sample"
                    </button>
                </div>
            </form>
        </Panel>
    }
    .erased()
}

#[component]
fn Opened(dataset: DatasetView) -> impl IntoView {
    let notes = dataset.notes.clone().into_iter().map(|note| view! { <Note note /> }).collect_view();
    let generate =
        dataset.generate.clone().map(|generate| view! { <Generate generate dataset=dataset.name.clone() /> });
    let (tables, versions) = (dataset.tables.clone(), dataset.versions.clone());
    view! {
        <h2 class="customer-name" id="dataset">
            {dataset.title.clone()}
            " "
            <span class="sub mono">{dataset.name.clone()}</span>
        </h2>
        {notes}
        <Definition dataset=dataset.clone() />
        <div class="cols">
            <div class="stack w-8">
                <Panel title="Tables" body="panel-body rows">
                    <Grid grid=tables />
                </Panel>
                <Panel title="Versions" body="panel-body rows">
                    <Grid grid=versions />
                </Panel>
            </div>
            <div class="stack w-4">{generate} <Delete dataset /></div>
        </div>
    }
    .erased()
}

#[component]
fn Definition(dataset: DatasetView) -> impl IntoView {
    let action = expect_context::<Actions>().definition;
    let (types, info_types) = (dataset.types.clone(), dataset.info_types.clone());
    let rows = dataset
        .columns
        .into_iter()
        .enumerate()
        .map(|(at, column)| view! { <Column at column types=types.clone() info_types=info_types.clone() /> })
        .collect_view();
    let days = dataset.days.into_iter().map(|name| (name.clone(), format!("{name}, which has to be the folder's day")));
    let days: Vec<_> =
        std::iter::once((String::new(), "the day of the folder, whatever rows say".to_owned())).chain(days).collect();
    let days = days
        .into_iter()
        .map(|(value, words)| {
            let selected = value == dataset.day;
            view! {
                <option value=value selected=selected>
                    {words}
                </option>
            }
        })
        .collect_view();
    let save = dataset.current.then(|| {
        view! {
            <div class="btns">
                <button class="btn" type="submit">
                    "Save as a new version"
                </button>
                <span class="sub">
                    "A change of a name, type, key, day, clustering or sum makes the tables anew; days that were ingested are ingested again."
                </span>
            </div>
        }
    });
    let title = format!("Definition, version {}", dataset.version);
    view! {
        <Panel title id="definition" class="definition">
            <Facts facts=dataset.facts />
            <Post action class="stack tight">
                <input type="hidden" name="dataset" value=dataset.name />
                <input type="hidden" name="after" value=dataset.version.to_string() />
                <div class="tag-form">
                    <label class="field">
                        <span>"Title"</span>
                        <input name="title" value=dataset.title required maxlength="80" autocomplete="off" />
                    </label>
                    <label class="field">
                        <span>"Partitioned by"</span>
                        <select name="day">{days}</select>
                    </label>
                </div>
                <div class="rows scroll" tabindex="0" role="region" aria-label="Columns">
                    <table class="table">
                        <caption class="sr">"Columns"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Column"</th>
                                <th scope="col">"Type"</th>
                                <th scope="col">"Key"</th>
                                <th scope="col">"Cluster"</th>
                                <th scope="col">"Sum"</th>
                                <th scope="col">"Personal data expected"</th>
                                <th scope="col">"The sample"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                {save}
            </Post>
        </Panel>
    }
    .erased()
}

#[component]
fn Column(at: usize, column: DatasetColumnView, types: Vec<String>, info_types: Vec<String>) -> impl IntoView {
    let field = |name: &str| format!("columns[{at}][{name}]");
    let label = |what: &str| format!("{what} of {}", column.name);
    let kind = match column.plain {
        true => {
            let options = options_of(types, &column.kind);
            view! {
                <select name=field("kind") aria-label=label("Type")>
                    {options}
                </select>
            }
            .erased()
        }
        false => view! { <span class="mono">{column.kind.clone()}</span> }.erased(),
    };
    let mode = (!column.mode.is_empty()).then(|| view! { <span class="sub">{column.mode.clone()}</span> });
    let source = (!column.source.is_empty())
        .then(|| view! { <div class="sub">"delivered as " <span class="mono">{column.source.clone()}</span></div> });
    let places = ["", "1", "2", "3", "4"].map(str::to_owned).to_vec();
    let place = if column.cluster == 0 { String::new() } else { column.cluster.to_string() };
    let places = options_of(places, &place);
    let expected = options_of(info_types, &column.expected);
    let nothing = column.expected.is_empty();
    let found = match (column.found.is_empty(), column.differs) {
        (true, _) => None,
        (false, true) => Some(view! { <div class="sub differs">"found: " {column.found.clone()}</div> }.erased()),
        (false, false) => Some(view! { <div class="sub">"found as expected"</div> }.erased()),
    };
    view! {
        <tr>
            <th scope="row">
                <input class="mono" name=field("name") value=column.name.clone() aria-label=label("Name") autocomplete="off" />
                {source}
            </th>
            <td>{kind} " " {mode}</td>
            <td>
                <input type="checkbox" name=field("key") value="1" checked=column.key aria-label=label("Key") />
            </td>
            <td>
                <select name=field("cluster") aria-label=label("Place in the clustering")>
                    {places}
                </select>
            </td>
            <td>
                <input type="checkbox" name=field("measure") value="1" checked=column.measure aria-label=label("Sum") />
            </td>
            <td>
                <select name=field("expected") aria-label=label("Personal data")>
                    <option value="" selected=nothing>
                        "none"
                    </option>
                    {expected}
                </select>
                {found}
            </td>
            <td>
                <span class="sub">{column.note}</span>
            </td>
        </tr>
    }
    .erased()
}

#[component]
fn Generate(generate: GenerateView, dataset: String) -> impl IntoView {
    let action = expect_context::<Actions>().dataset;
    let customers = options_of(generate.customers, &generate.customer);
    view! {
        <Panel title="Generated day">
            <p class="sub">"A day's file and its end_file.txt, as the customer would deliver them."</p>
            <Post action class="stack tight">
                <input type="hidden" name="dataset" value=dataset />
                <label class="field">
                    <span>"Customer"</span>
                    <select name="customer">{customers}</select>
                </label>
                <label class="field">
                    <span>"Date"</span>
                    <input type="date" name="date" value=generate.date required />
                </label>
                <div class="btns">
                    <button class="btn" type="submit" name="change" value="deliver">
                        "Deliver the day"
                    </button>
                </div>
            </Post>
        </Panel>
    }
    .erased()
}

#[component]
fn Delete(dataset: DatasetView) -> impl IntoView {
    let action = expect_context::<Actions>().dataset;
    let inside = match dataset.stays {
        Some(note) => view! { <Note note /> }.erased(),
        None if dataset.plan.is_empty() => view! {
            <p class="sub">"First a list of what would go. Nothing is deleted by looking at it."</p>
            <form method="get" action="/datasets" class="btns">
                <input type="hidden" name="dataset" value=dataset.name.clone() />
                <input type="hidden" name="delete" value="1" />
                <button class="btn" type="submit">
                    {format!("Delete {}…", dataset.name)}
                </button>
            </form>
        }
        .erased(),
        None => {
            let goes = dataset.goes.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
            let words = format!("Delete {} with {}", dataset.name, dataset.items);
            view! {
                <p class="sub">
                    "A reset empties it, and when the certificate is equal in all lines the dataset goes with its tables, its versions and what was found in it. The certificate stays."
                </p>
                <ul class="plain mono goes">{goes}</ul>
                <Post action>
                    <input type="hidden" name="dataset" value=dataset.name />
                    <input type="hidden" name="plan" value=dataset.plan />
                    <button class="btn danger" type="submit" name="change" value="delete">
                        {words}
                    </button>
                </Post>
            }
            .erased()
        }
    };
    view! { <Panel title="Delete">{inside}</Panel> }.erased()
}
