use leptos::prelude::*;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    pages::late,
    ui::{CodeRow, Empty, Grid, Note, Panel, answer, icon},
    wire::{GridView, NoteKind, NoteView, PoliciesView, PolicyLine, PolicyTable, SeenView},
};

/// Policies: what each identity sees, and the statements that make it so.
#[component]
pub(crate) fn Policies() -> impl IntoView {
    drawn(Redraw::OnNews, api::policies(), |view| view! { <Page view /> })
}

#[component]
fn Page(view: PoliciesView) -> impl IntoView {
    let locked = view.locked.clone();
    let may = locked.is_none();
    let note = locked.map(|text| view! { <Note note=NoteView { kind: NoteKind::Info, text, link: None } /> });
    let tables = if view.tables.is_empty() {
        view! {
            <section class="panel" aria-label="Policies">
                <Empty
                    what="No policies yet: everybody sees everything."
                    how="Put the story's policies in place, or write one with the forms or on the SQL page."
                    href="/sql"
                    link="Open SQL"
                />
            </section>
        }
        .erased()
    } else {
        view.tables.into_iter().map(|table| view! { <Table table may /> }).collect_view().erased()
    };
    let forms = may.then(|| {
        view! {
            <RowPolicyForm tables=view.choices.clone() grantees=view.grantees.clone() />
            <MaskForm tables=view.choices.clone() rules=view.rules.clone() grantees=view.grantees.clone() />
        }
    });
    view! {
        <PageTitle text="Policies" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Policies"</h1>
                <span class="sub">{view.summary}</span>
            </header>
            {note}
            <Seen seen=view.seen waiting=view.waiting query=view.query />
            <div class="cols">
                <div class="stack w-8">{tables} <Data data=view.data may /></div>
                <div class="stack w-4">
                    <Preset statements=view.story may />
                    {forms}
                </div>
            </div>
            <div class="cols">
                <Log title="Who viewed as whom" grid=view.switches none="Nobody has viewed as somebody else." />
                <Log title="Changes" grid=view.changes none="No policy has been changed." />
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Log(title: &'static str, grid: Option<GridView>, none: &'static str) -> impl IntoView {
    let inside = match grid {
        Some(grid) => view! { <Grid grid /> }.erased(),
        None => view! { <p class="panel-body sub">{none}</p> }.erased(),
    };
    view! {
        <Panel title class="w-6" body="">
            {inside}
        </Panel>
    }
    .erased()
}

const WAITING: &str = "The query is being asked as each of them.";

/// The same query as each identity.
#[component]
fn Seen(seen: Vec<SeenView>, waiting: bool, query: String) -> impl IntoView {
    let found = if waiting {
        view! { <div class="stack tight" inner_html=late::waiting(WAITING)></div> }.erased()
    } else if seen.is_empty() {
        return ().erased();
    } else {
        view! {
            <div class="stack tight">
                <AllSeen seen />
            </div>
        }
        .erased()
    };
    view! {
        <Panel title="Who sees what" body="panel-body stack tight">
            <details class="data">
                <summary>{icon("#i-down")} <span>"The same query, asked by each"</span></summary>
                <pre class="code wrap" tabindex="0" role="region" aria-label="The query">
                    {query}
                </pre>
            </details>
            {found}
        </Panel>
    }
    .erased()
}

#[component]
fn AllSeen(seen: Vec<SeenView>) -> impl IntoView {
    let many = seen.into_iter().map(|seen| view! { <SeenAs seen /> }).collect_view();
    view! { <div class="cols seen">{many}</div> }.erased()
}

/// What each sees on a page that was sent, as HTML: see [`super::FOUND`].
pub fn seen_html(seen: Vec<SeenView>) -> String {
    late::html(|| view! { <AllSeen seen /> })
}

#[component]
fn SeenAs(seen: SeenView) -> impl IntoView {
    let label = format!("As {}", seen.title);
    let inside = match (seen.rows, seen.error) {
        (_, Some(error)) => view! {
            <div class="note bad">{icon("#i-failed")} <div>{error}</div></div>
        }
        .erased(),
        (Some(grid), None) => answer(grid, &seen.masked),
        (None, None) => ().erased(),
    };
    view! {
        <section class="w-6" aria-label=label>
            <h3>{seen.title} " " <span class="sub mono">{seen.user}</span></h3>
            {inside}
            <p class="sub">{seen.words}</p>
        </section>
    }
    .erased()
}

#[component]
fn Table(table: PolicyTable, may: bool) -> impl IntoView {
    let part = move |title: &'static str, lines: Vec<PolicyLine>| {
        (!lines.is_empty()).then(|| {
            let lines = lines.into_iter().map(|line| view! { <Line line may /> }).collect_view();
            view! {
                <h3>{title}</h3>
                <ul class="policies">{lines}</ul>
            }
        })
    };
    view! {
        <Panel title=table.name body="panel-body stack tight">
            {part("Rows: each policy adds rows for whom it is granted to", table.rows)}
            {part("Columns: who is granted none of a column's policies may not read it", table.columns)}
        </Panel>
    }
    .erased()
}

#[component]
fn Data(data: Vec<PolicyLine>, may: bool) -> impl IntoView {
    if data.is_empty() {
        return ().erased();
    }
    let lines = data.into_iter().map(|line| view! { <Line line may /> }).collect_view();
    view! {
        <Panel title="Data policies" body="panel-body">
            <ul class="policies">{lines}</ul>
        </Panel>
    }
    .erased()
}

#[component]
fn Line(line: PolicyLine, may: bool) -> impl IntoView {
    let action = expect_context::<Actions>().policies;
    let label = format!("Drop {}", line.name);
    let drop = (may && !line.drop.is_empty()).then(|| {
        view! {
            <Post action>
                <input type="hidden" name="sql" value=line.drop />
                <button class="btn quiet" type="submit" aria-label=label>
                    "Drop"
                </button>
            </Post>
        }
    });
    let codes = line.codes.into_iter().map(|code| view! { <CodeRow code plain=true /> }).collect_view();
    view! {
        <li>
            <div class="policy">
                <div>
                    <strong class="mono">{line.name}</strong>
                    " "
                    <code>{line.what}</code>
                    <span class="sub">" to " {line.to}</span>
                </div>
                {drop}
            </div>
            <details class="data">
                <summary>{icon("#i-down")} <span>"As SQL, and in Google Cloud"</span></summary>
                <div class="call-body">{codes}</div>
            </details>
        </li>
    }
    .erased()
}

#[component]
fn Preset(statements: String, may: bool) -> impl IntoView {
    if statements.is_empty() {
        return ().erased();
    }
    let action = expect_context::<Actions>().story_policies;
    let press = may.then(|| {
        view! {
            <Post action>
                <button class="btn primary" type="submit">
                    "Put the story's policies in place"
                </button>
            </Post>
        }
    });
    view! {
        <Panel title="The story's policies" body="panel-body stack tight">
            <p class="sub">"May be pressed again: what is there already stays as it is."</p>
            {press}
            <details class="data">
                <summary>{icon("#i-down")} <span>"The statements"</span></summary>
                <pre class="code wrap" tabindex="0" role="region" aria-label="The story's statements">
                    {statements}
                </pre>
            </details>
        </Panel>
    }
    .erased()
}

fn choices(values: Vec<(String, String)>) -> impl IntoView {
    values.into_iter().map(|(value, words)| view! { <option value=value>{words}</option> }).collect_view()
}

fn same(values: Vec<String>) -> Vec<(String, String)> {
    values.into_iter().map(|value| (value.clone(), value)).collect()
}

#[component]
fn RowPolicyForm(tables: Vec<String>, grantees: Vec<String>) -> impl IntoView {
    let action = expect_context::<Actions>().row_policy;
    view! {
        <Panel title="Add a row access policy" body="panel-body">
            <Post action class="stack tight">
                {of_table(tables)}
                <label class="field">
                    <span>"Name"</span>
                    <input name="name" required pattern="[A-Za-z0-9_]+" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Rows where"</span>
                    <input class="mono" name="filter" required placeholder="country = 'Germany'" autocomplete="off" />
                </label>
                {granted_to("grantees", grantees)}
                {submit("Add row access policy")}
            </Post>
        </Panel>
    }
    .erased()
}

#[component]
fn MaskForm(tables: Vec<String>, rules: Vec<(String, String)>, grantees: Vec<String>) -> impl IntoView {
    let action = expect_context::<Actions>().mask;
    let mut rules: Vec<_> = rules.into_iter().map(|(name, words)| (name.clone(), format!("{name}: {words}"))).collect();
    rules.push(("RAW".into(), "RAW: as it is; denied to all others".into()));
    view! {
        <Panel title="Protect a column" body="panel-body">
            <Post action class="stack tight">
                {of_table(tables)}
                <label class="field">
                    <span>"Column"</span>
                    <input class="mono" name="column" required placeholder="geoNetwork.city" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Shown as"</span>
                    <select name="rule">{choices(rules)}</select>
                </label>
                {granted_to("mask-grantees", grantees)}
                {submit("Protect column")}
            </Post>
        </Panel>
    }
    .erased()
}

fn of_table(tables: Vec<String>) -> AnyView {
    view! {
        <label class="field">
            <span>"Table"</span>
            <select name="table">{choices(same(tables))}</select>
        </label>
    }
    .erased()
}

/// `list` is the id of what is offered.
fn granted_to(list: &'static str, grantees: Vec<String>) -> AnyView {
    view! {
        <label class="field">
            <span>"Granted to, separated by commas"</span>
            <input class="mono" name="grantees" list=list autocomplete="off" />
        </label>
        <datalist id=list>{choices(same(grantees))}</datalist>
    }
    .erased()
}

fn submit(words: &'static str) -> AnyView {
    view! {
        <div class="btns">
            <button class="btn" type="submit">
                {words}
            </button>
        </div>
    }
    .erased()
}
