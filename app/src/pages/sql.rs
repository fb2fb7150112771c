use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    pages::late,
    services::Host,
    ui::{CodeRow, Empty, Facts, Panel, answer as shown, icon, state_icon},
    wire::{PolicyStatement, SqlAnswer, SqlError, SqlFound, SqlRows, SqlTable, SqlView, State},
};

/// Read-only SQL over all zones. The query is in the address, so that a view can be sent. It is drawn again for nothing that happened
/// elsewhere: a query runs when somebody runs it.
#[component]
pub(crate) fn Sql() -> impl IntoView {
    let search = use_location().search.get_untracked();
    let id = use_context::<Host>().map(|host| host.query).unwrap_or_default();
    drawn(Redraw::OnRequest, api::sql(search, id), |sql| view! { <Page sql /> })
}

const WAITING: &str = "The query is running. To cancel it, stop loading the page.";

#[component]
fn Page(sql: SqlView) -> impl IntoView {
    let found = if sql.waiting {
        view! { <div class="stack" inner_html=late::waiting(WAITING)></div> }.erased()
    } else if sql.found.answers.is_empty() {
        view! {
            <section class="panel" aria-label="Result" hidden=sql.statement.is_some()>
                <Empty
                    what="No query has run on this page yet."
                    how="Write one above, or open one of the saved queries."
                    href="/sql?q=SHOW+TABLES"
                    link="Show all tables"
                />
            </section>
        }
        .erased()
    } else {
        view! {
            <div class="stack">
                <Found comparison=sql.found.comparison answers=sql.found.answers />
            </div>
        }
        .erased()
    };
    view! {
        <PageTitle text="SQL" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"SQL"</h1>
                <span class="sub">{sql.limits}</span>
            </header>
            <div class="cols">
                <div class="stack w-8">
                    <Editor q=sql.q compare=sql.compare />
                    <Running id=sql.id />
                    {sql.statement.map(|statement| view! { <Policy statement /> })}
                    {found}
                </div>
                <div class="stack w-4">
                    <Saved queries=sql.saved />
                    <Tables zones=sql.zones />
                </div>
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Found(comparison: Option<(String, SqlRows)>, answers: Vec<SqlAnswer>) -> impl IntoView {
    let class = if answers.len() > 1 { "w-6" } else { "w-12" };
    let comparison = comparison.map(|(words, grid)| {
        view! {
            <Panel title="Side by side" body="panel-body stack tight">
                <p class="sub">{words}</p>
                {shown(grid, &[])}
            </Panel>
        }
    });
    let answers = answers.into_iter().map(|answer| view! { <Answer answer class /> }).collect_view();
    view! {
        {comparison}
        <div class="cols">{answers}</div>
    }
    .erased()
}

/// What the queries of a page that was sent found, as HTML: see [`super::FOUND`].
pub fn found_html(SqlFound { comparison, answers }: SqlFound) -> String {
    late::html(|| view! { <Found comparison answers /> })
}

#[component]
fn Editor(q: String, compare: String) -> impl IntoView {
    let lines = (q.lines().count() + 1).clamp(6, 16);
    let compares = !compare.is_empty();
    view! {
        <form method="get" action="/sql" class="panel sql-form">
            <label for="q">"Query"</label>
            {field("q", q, lines)}
            <details class="data" open=compares>
                <summary>{icon("#i-down")} <span>"Compare with another query"</span></summary>
                <label for="compare">"For instance the same query without its date filter"</label>
                {field("compare", compare, 5)}
            </details>
            <div class="btns">
                <button class="btn primary" type="submit">
                    "Run"
                </button>
            </div>
        </form>
    }
    .erased()
}

fn field(name: &'static str, text: String, lines: usize) -> impl IntoView {
    // Leptos writes the text of a textarea as it is, so that one with `</textarea>` in it would end it and go on as markup.
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    view! {
        <textarea id=name name=name rows=lines class="mono" spellcheck="false" autocomplete="off">
            {text}
        </textarea>
    }
    .erased()
}

/// Seen while the browser waits for the answer to a query of this page; without JavaScript its own stop button cancels that.
#[component]
fn Running(id: String) -> impl IntoView {
    let cancel = expect_context::<Actions>().cancel_query;
    let query = id.clone();
    view! {
        <div class="note sql-running" data-query=query>
            {state_icon(State::Running, None)}
            <span>"The query is running."</span>
            <span class="num">
                <span data-seconds="">"0"</span>
                " s"
            </span>
            <Post action=cancel>
                <input type="hidden" name="id" value=id />
                <button class="btn" type="submit">
                    "Cancel"
                </button>
            </Post>
        </div>
    }
    .erased()
}

/// A statement that changes policies: looking at it changes nothing, pressing does.
#[component]
fn Policy(statement: PolicyStatement) -> impl IntoView {
    let action = expect_context::<Actions>().policies;
    let press = if statement.allowed {
        view! {
            <Post action class="btns">
                <input type="hidden" name="sql" value=statement.sql.clone() />
                <button class="btn" type="submit">
                    "Change policies"
                </button>
            </Post>
        }
        .erased()
    } else {
        ().erased()
    };
    let class = if statement.allowed { "note" } else { "note bad" };
    let drawing = if statement.allowed { "#i-info" } else { "#i-failed" };
    let codes = statement.codes.into_iter().map(|code| view! { <CodeRow code plain=true /> }).collect_view();
    view! {
        <Panel title="Statement" body="panel-body stack tight">
            <div class=class>{icon(drawing)} <div>{statement.words}</div></div>
            {press}
            <div class="call-body">{codes}</div>
        </Panel>
    }
    .erased()
}

/// Lines of which some were put in by the engine: those have a mark and the accent, and a word for who hears them.
#[component]
fn Injected(title: String, lines: Vec<(String, bool)>) -> impl IntoView {
    let label = title.clone();
    let lines = lines
        .into_iter()
        .map(|(line, put_in)| {
            if put_in {
                view! { <ins><span class="sr">"put in: "</span><span aria-hidden="true">"▸ "</span>{line}"\n"</ins> }
                    .erased()
            } else {
                view! { <span>"  "{line}"\n"</span> }.erased()
            }
        })
        .collect_view();
    view! {
        <details class="data" open="">
            <summary>{icon("#i-down")} <span>{title}</span></summary>
            <pre class="code injected" tabindex="0" role="region" aria-label=label>
                {lines}
            </pre>
        </details>
    }
    .erased()
}

#[component]
fn Answer(answer: SqlAnswer, class: &'static str) -> impl IntoView {
    let end = answer.csv.map(|href| {
        // The router is not to open what is a file.
        view! {
            <a href=href rel="external" download="query.csv">
                "Download as CSV"
            </a>
        }
        .erased()
    });
    let error = answer.error.map(|error| view! { <Fault error /> });
    let rows = answer.rows.map(|grid| shown(grid, &[]));
    let google = (!answer.google.is_empty()).then(|| {
        let codes = answer.google.into_iter().map(|code| view! { <CodeRow code plain=true /> }).collect_view();
        view! {
            <details class="data">
                <summary>{icon("#i-down")} <span>"The Google call that it stands for"</span></summary>
                <div class="call-body">{codes}</div>
            </details>
        }
    });
    let injected = answer.injected.into_iter().map(|(title, lines)| view! { <Injected title lines /> }).collect_view();
    let details = answer
        .details
        .into_iter()
        .map(|(title, text)| {
            let label = title.clone();
            view! {
                <details class="data">
                    <summary>{icon("#i-down")} <span>{title}</span></summary>
                    <pre class="code" tabindex="0" role="region" aria-label=label>
                        {text}
                    </pre>
                </details>
            }
        })
        .collect_view();
    view! {
        <Panel title=answer.title class end=end.unwrap_or_else(|| ().erased()) body="panel-body stack tight">
            <Facts facts=answer.facts />
            {error}
            {rows}
            {answer.more.map(|more| view! { <p class="sub">{more}</p> })}
            <div>{injected} {google} {details}</div>
        </Panel>
    }
    .erased()
}

#[component]
fn Fault(error: SqlError) -> impl IntoView {
    let excerpt = error.excerpt.map(|text| {
        view! {
            <pre class="code" tabindex="0" role="region" aria-label="The place in the query">
                {text}
            </pre>
        }
    });
    view! {
        <div class="note bad" role="alert">
            {icon("#i-failed")} <div class="stack tight">
                <p>
                    <strong>{error.message}</strong>
                    " "
                    {error.place}
                </p>
                {excerpt}
            </div>
        </div>
    }
    .erased()
}

#[component]
fn Saved(queries: Vec<(String, String, bool)>) -> impl IntoView {
    let links = queries
        .into_iter()
        .map(|(title, href, shown)| {
            view! {
                <li>
                    <a href=href aria-current=shown.then_some("true")>
                        {title}
                    </a>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!links.is_empty())
        .then(|| {
            view! {
                <Panel title="Saved queries">
                    <ol class="saved">{links}</ol>
                </Panel>
            }
        })
        .erased()
}

#[component]
fn Tables(zones: Vec<(String, Vec<SqlTable>)>) -> impl IntoView {
    let zones = zones
        .into_iter()
        .map(|(zone, tables)| {
            let tables = tables
                .into_iter()
                .map(|table| {
                    let columns = table
                        .columns
                        .into_iter()
                        .map(|(name, kind)| view! { <li><span class="mono">{name}</span> " " <span class="sub">{kind}</span></li> })
                        .collect_view();
                    view! {
                        <details class="data">
                            <summary>{icon("#i-down")} <span class="mono">{table.name}</span></summary>
                            <p class="sub">{table.title}</p>
                            <ul class="columns">{columns}</ul>
                        </details>
                    }
                })
                .collect_view();
            view! {
                <h3>{zone}</h3>
                {tables}
            }
        })
        .collect_view();
    view! {
        <Panel title="Tables and columns" body="panel-body sql-tables">
            {zones}
        </Panel>
    }
    .erased()
}
