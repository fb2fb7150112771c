use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    actions::{Actions, Post},
    api,
    drawn::{Redraw, drawn},
    erase::Erase,
    layout::PageTitle,
    ui::{CodeRow, Facts, Grid, Note, Panel, icon, state_mark},
    wire::{CodeView, CustomerView, CustomersView, ShownTokenView, TokenView},
};

/// Customers: who delivers, how much, and by which tokens.
#[component]
pub(crate) fn Customers() -> impl IntoView {
    let search = use_location().search.get_untracked();
    // A new token is on the page once: what happens elsewhere must not take it away.
    let redraw = if search.contains("shown=") { Redraw::OnRequest } else { Redraw::OnNews };
    drawn(redraw, api::customers(search), |view| view! { <Page view /> })
}

#[component]
fn Page(view: CustomersView) -> impl IntoView {
    let shown = view.shown.map(|token| view! { <Shown token /> });
    let opened = view.opened.map(|customer| view! { <Opened customer /> });
    let deleted = view.deleted.map(|grid| {
        view! {
            <Panel title="Deleted" body="panel-body rows">
                <Grid grid />
            </Panel>
        }
    });
    view! {
        <PageTitle text="Customers" />
        <main class="page customer-page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"Customers"</h1>
                <span class="sub">"Who delivers, how much, and by which tokens"</span>
            </header>
            {shown}
            <Panel title="Side by side" class="customers" body="panel-body rows">
                <Grid grid=view.side_by_side />
            </Panel>
            {opened}
            <div class="cols">
                <div class="stack w-4">
                    <Create quota=view.quota />
                </div>
                <div class="stack w-8">{deleted}</div>
            </div>
        </main>
    }
    .erased()
}

#[component]
fn Shown(token: ShownTokenView) -> impl IntoView {
    view! {
        <Panel title="New token" id="shown" class="token-shown">
            <div class="note ok" role="status">
                {icon("#i-done")} <div>
                    <strong>{token.title}</strong>
                    " Copy it now: it is shown this once, and only its hash is kept."
                </div>
            </div>
            {codes(token.codes)}
        </Panel>
    }
    .erased()
}

fn codes(codes: Vec<CodeView>) -> AnyView {
    codes.into_iter().map(|code| view! { <CodeRow code plain=true /> }).collect_view().erased()
}

#[component]
fn Create(quota: String) -> impl IntoView {
    let action = expect_context::<Actions>().customer;
    view! {
        <Panel title="New customer">
            <Post action class="stack tight">
                <label class="field">
                    <span>"Id, as in its folder's name"</span>
                    <input class="mono" name="customer" required placeholder="customer02" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Title"</span>
                    <input name="title" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Quota, or nothing for " {quota.clone()}</span>
                    <input name="quota" placeholder=quota autocomplete="off" />
                </label>
                <div class="btns">
                    <button class="btn" type="submit" name="change" value="create">
                        "Create"
                    </button>
                </div>
            </Post>
        </Panel>
    }
    .erased()
}

#[component]
fn Opened(customer: CustomerView) -> impl IntoView {
    let id = customer.id.clone();
    let note = customer.note.clone().map(|note| view! { <Note note /> });
    view! {
        <h2 class="customer-name" id="customer">
            {customer.title.clone()}
            " "
            <span class="sub mono">{id.clone()}</span>
        </h2>
        {note}
        <div class="cols">
            <div class="stack w-8">
                <Tokens customer=id tokens=customer.tokens.clone() enabled=customer.enabled codes=customer.codes.clone() />
                <Security customer=customer.clone() />
            </div>
            <div class="stack w-4">
                <Settings customer=customer.clone() />
                <Delete customer />
            </div>
        </div>
    }
    .erased()
}

#[component]
fn Settings(customer: CustomerView) -> impl IntoView {
    let action = expect_context::<Actions>().customer;
    let id = customer.id.clone();
    let (change, words) = if customer.enabled { ("disable", "Disable") } else { ("enable", "Enable") };
    let upload = format!("/upload?customer={}", customer.id);
    view! {
        <Panel title="Settings">
            <Facts facts=customer.facts />
            <Post action class="stack tight">
                <input type="hidden" name="customer" value=customer.id.clone() />
                <label class="field">
                    <span>"Title"</span>
                    <input name="title" value=customer.title required autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Quota, such as 5GB; nothing: as configured"</span>
                    <input name="quota" value=customer.quota autocomplete="off" />
                </label>
                <div class="btns">
                    <button class="btn" type="submit" name="change" value="save">
                        "Save"
                    </button>
                </div>
            </Post>
            <div class="btns">
                <Post action>
                    <input type="hidden" name="customer" value=id />
                    <button class="btn" type="submit" name="change" value=change>
                        {words}
                    </button>
                </Post>
                <a class="btn quiet" href=upload>
                    "Upload page"
                </a>
            </div>
        </Panel>
    }
    .erased()
}

#[component]
fn Tokens(customer: String, tokens: Vec<TokenView>, enabled: bool, codes: Vec<CodeView>) -> impl IntoView {
    let action = expect_context::<Actions>().customer;
    let none = tokens.is_empty().then(|| view! { <p class="sub">"No token yet: nobody can upload by one."</p> });
    let rows = tokens.into_iter().map(|token| view! { <Token token customer=customer.clone() /> }).collect_view();
    let create = enabled.then(|| {
        view! {
            <Post action class="tag-form">
                <input type="hidden" name="customer" value=customer.clone() />
                <label class="field">
                    <span>"For"</span>
                    <input name="title" placeholder="nightly export" maxlength="40" autocomplete="off" />
                </label>
                <label class="field">
                    <span>"Works for, in days"</span>
                    <input name="days" value="30" inputmode="numeric" required autocomplete="off" />
                </label>
                <button class="btn" type="submit" name="change" value="token">
                    "Create a token"
                </button>
            </Post>
        }
    });
    let how = self::codes(codes);
    view! {
        <Panel title="Upload tokens">
            {none} <ul class="tokens">{rows}</ul> {create} <details class="data">
                <summary>"How a day is sent"</summary>
                {how}
            </details>
        </Panel>
    }
    .erased()
}

#[component]
fn Token(token: TokenView, customer: String) -> impl IntoView {
    let action = expect_context::<Actions>().customer;
    let button = |change: &'static str, words: &'static str, there: bool| {
        let label = format!("{words} {}", token.label);
        there.then(|| {
            view! {
                <button class="btn" type="submit" name="change" value=change aria-label=label>
                    {words}
                </button>
            }
        })
    };
    let (rotate, revoke) = (button("rotate", "Rotate", token.rotates), button("revoke", "Revoke", token.revokes));
    view! {
        <li>
            <div>
                <strong>{token.label.clone()}</strong>
                " "
                <span class="mono sub">{token.id.clone()}</span>
                " "
                {state_mark(token.state, token.words)}
                <div class="sub">{token.times}</div>
            </div>
            <Post action class="btns">
                <input type="hidden" name="customer" value=customer />
                <input type="hidden" name="token" value=token.id />
                {rotate}
                {revoke}
            </Post>
        </li>
    }
    .erased()
}

#[component]
fn Security(customer: CustomerView) -> impl IntoView {
    let tried = customer.tried.map(|grid| view! { <Grid grid /> });
    view! {
        <Panel title="Security" id="security">
            <p class="sub">
                "A token of this customer opens its folder of the ingestion bucket and nothing else. Each try below goes through the code that decides about uploads; none sends a file."
            </p>
            <form method="get" action="/customers" class="btns">
                <input type="hidden" name="customer" value=customer.id />
                <input type="hidden" name="try" value="1" />
                <button class="btn" type="submit">
                    "Try what it may not"
                </button>
            </form>
            {tried}
        </Panel>
    }
    .erased()
}

#[component]
fn Delete(customer: CustomerView) -> impl IntoView {
    let action = expect_context::<Actions>().customer;
    let inside = match customer.stays {
        Some(note) => view! { <Note note /> }.erased(),
        None if customer.plan.is_empty() => view! {
            <p class="sub">"First a list of what would go. Nothing is deleted by looking at it."</p>
            <form method="get" action="/customers" class="btns">
                <input type="hidden" name="customer" value=customer.id.clone() />
                <input type="hidden" name="delete" value="1" />
                <button class="btn" type="submit">
                    {format!("Delete {}…", customer.id)}
                </button>
            </form>
        }
        .erased(),
        None => {
            let goes = customer.goes.into_iter().map(|line| view! { <li>{line}</li> }).collect_view();
            let words = format!("Delete {} with {}", customer.id, customer.items);
            view! {
                <p class="sub">
                    "Its uploads are shut, a reset empties it, and when the certificate is equal in all lines the customer and its tokens go. The certificate stays."
                </p>
                <ul class="plain mono goes">{goes}</ul>
                <Post action>
                    <input type="hidden" name="customer" value=customer.id />
                    <input type="hidden" name="plan" value=customer.plan />
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
