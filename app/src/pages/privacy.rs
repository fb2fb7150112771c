use leptos::prelude::*;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{Facts, Note, Panel, icon, options_of},
    wire::{CrmView, NoteKind, NoteView, PrivacyColumnView, PrivacyTableView, PrivacyView},
};

/// Which columns hold personal data, and why the product thinks so.
#[component]
pub(crate) fn Privacy() -> impl IntoView {
    drawn(Redraw::OnNews, api::privacy(), |view| view! { <Page view /> })
}

#[component]
fn Page(view: PrivacyView) -> impl IntoView {
    let action = expect_context::<Actions>().privacy;
    let scanned = !view.facts.is_empty();
    let facts = scanned.then(|| view! { <Facts facts=view.facts /> });
    let none = (!scanned).then(|| {
        let text = "Nothing was scanned yet. Press Scan: 2,000 rows of each table are looked at, and nothing leaves this machine.";
        view! { <Note note=NoteView { kind: NoteKind::Info, text: text.into(), link: None } /> }
    });
    let crm = view.crm.map(|crm| view! { <Crm crm /> });
    let changes = (!view.changes.is_empty()).then(|| {
        let rows = view.changes.into_iter().map(|change| view! { <li>{change}</li> }).collect_view();
        view! {
            <Panel title="Changed since the last scan">
                <ul class="plain">{rows}</ul>
            </Panel>
        }
    });
    let kinds = view.kinds;
    let inherited = (!view.inherited.is_empty()).then(|| {
        let rows =
            view.inherited.into_iter().map(|(words, href)| view! { <li><a href=href>{words}</a></li> }).collect_view();
        view! {
            <Panel title="Made of it: tags follow the lineage">
                <ul class="plain mono inherited">{rows}</ul>
            </Panel>
        }
    });
    let by_hand = scanned.then(|| view! { <TagForm tables=view.scanned kinds=kinds.clone() /> });
    let tables = view.tables.into_iter().map(|table| view! { <Found table kinds=kinds.clone() /> }).collect_view();
    let clean = (!view.clean.is_empty()).then(|| {
        let names = view.clean.join(", ");
        view! {
            <Panel title="Without personal data">
                <p class="mono sub privacy-names">{names}</p>
            </Panel>
        }
    });
    view! {
        <PageTitle text="Personal data" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Personal data"</h1>
                <span class="sub">"Which columns hold it, of which kind, and why"</span>
            </header>
            <Panel title="Scan" class="privacy-scan">
                {facts} {none} <div class="btns">
                    <Post action>
                        <input type="hidden" name="change" value="scan" />
                        <button class="btn primary" type="submit">
                            "Scan"
                        </button>
                    </Post>
                    <Post action>
                        <input type="hidden" name="change" value="deliver" />
                        <button class="btn" type="submit" name="value" value="plain">
                            "Deliver the CRM file"
                        </button>
                    </Post>
                    <Post action>
                        <input type="hidden" name="change" value="deliver" />
                        <button class="btn" type="submit" name="value" value="meaningless">
                            "Deliver it with meaningless names"
                        </button>
                    </Post>
                </div>
            </Panel>
            {crm}
            {changes}
            {tables}
            {inherited}
            {by_hand}
            {clean}
        </main>
    }
    .erased()
}

#[component]
fn Crm(crm: CrmView) -> impl IntoView {
    let mistakes = crm.mistakes.into_iter().map(|mistake| view! { <li>{mistake}</li> }).collect_view();
    view! {
        <Panel title="The CRM file against its truth">
            <Facts facts=crm.facts />
            <ul class="plain">{mistakes}</ul>
        </Panel>
    }
    .erased()
}

#[component]
fn Found(table: PrivacyTableView, kinds: Vec<String>) -> impl IntoView {
    let name = table.name;
    let end = view! { <span class="sub">{table.count}</span> }.erased();
    let columns = table
        .columns
        .into_iter()
        .map(|column| view! { <Why column table=name.clone() kinds=kinds.clone() /> })
        .collect_view();
    view! {
        <Panel title=name end class="found">
            <p class="sub">{table.about}</p>
            {columns}
        </Panel>
    }
    .erased()
}

#[component]
fn Why(column: PrivacyColumnView, table: String, kinds: Vec<String>) -> impl IntoView {
    let list = |rows: Vec<String>, drawing: &'static str, word: &'static str| {
        rows.into_iter()
            .map(|text| {
                view! {
                    <li>
                        {icon(drawing)} <span>
                            <span class="sr">{word} ": "</span>
                            {text}
                        </span>
                    </li>
                }
            })
            .collect_view()
    };
    let verdict = column.verdict.map(|text| view! { <p class="sub">{text}</p> });
    let stale = column.stale.then(|| view! { <span class="chip warn">"needs another look"</span> });
    let kind = column.info_type.clone();
    view! {
        <details class="why">
            <summary>
                <span class="mono">{column.name.clone()}</span>
                <span class="chip tag">{column.info_type}</span>
                {stale}
                <span class="end sub">"why"</span>
            </summary>
            <div>
                <Facts facts=column.facts />
                <ul class="pro">
                    {list(column.pro, "#i-done", "for")} {list(column.con, "#i-warn", "against")}
                    {list(column.rejected, "#i-failed", "rejected")}
                </ul>
                {verdict}
                <Buttons table column=column.name kind kinds />
            </div>
        </details>
    }
    .erased()
}

/// A person knows more than a scan: any column can be tagged.
#[component]
fn TagForm(tables: Vec<String>, kinds: Vec<String>) -> impl IntoView {
    let action = expect_context::<Actions>().privacy;
    view! {
        <Panel title="Tag another column">
            <Post action class="tag-form">
                <label class="field">
                    <span>"Table"</span>
                    <select name="table">{options_of(tables, "")}</select>
                </label>
                <label class="field">
                    <span>"Column"</span>
                    <input class="mono" name="column" required placeholder="geoNetwork.city" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Holds"</span>
                    <select name="value">{options_of(kinds, "")}</select>
                </label>
                <button class="btn" type="submit" name="change" value="correct">
                    "Tag"
                </button>
            </Post>
        </Panel>
    }
    .erased()
}

/// Accept, reject, or another type.
#[component]
fn Buttons(table: String, column: String, kind: String, kinds: Vec<String>) -> impl IntoView {
    let action = expect_context::<Actions>().privacy;
    let label = format!("Type of {column}");
    let options = options_of(kinds, &kind);
    let fields = (table.clone(), column.clone());
    view! {
        <div class="btns">
            <Post action class="btns">
                <input type="hidden" name="table" value=table />
                <input type="hidden" name="column" value=column />
                <button class="btn" type="submit" name="change" value="accept">
                    "Accept"
                </button>
                <button class="btn" type="submit" name="change" value="reject">
                    "Reject"
                </button>
            </Post>
            <Post action class="btns">
                <input type="hidden" name="table" value=fields.0 />
                <input type="hidden" name="column" value=fields.1 />
                <select name="value" aria-label=label>
                    {options}
                </select>
                <button class="btn quiet" type="submit" name="change" value="correct">
                    "Correct"
                </button>
            </Post>
        </div>
    }
    .erased()
}
