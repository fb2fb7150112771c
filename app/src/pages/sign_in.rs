use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::{
    drawn::{Redraw, drawn},
    erase::Erase,
    error::local_address,
    layout::{PageTitle, encoded},
    services::Services,
    ui::icon,
    wire::{ErrorCode, RoleChoice, SignInView, WireError},
};

/// Where somebody signs in. It is there for everybody, so it asks for no permission.
#[component]
pub(crate) fn SignIn() -> impl IntoView {
    let services = use_context::<Services>();
    let ask = async move {
        match services {
            Some(services) => services.people.sign_in().await,
            None => Err(WireError::new(ErrorCode::Unavailable, "The server is starting. Try again in a moment.")),
        }
    };
    drawn(Redraw::OnRequest, ask, |view| view! { <Page view /> })
}

#[component]
fn Page(view: SignInView) -> impl IntoView {
    let asked = use_query_map().get_untracked();
    let next = local_address(asked.get_str("next").unwrap_or("/")).to_owned();
    let already = view.signed_in.map(|name| {
        let words = format!("You are signed in as {name}. Choosing again changes that in this browser.");
        view! { <p class="sub">{words}</p> }
    });
    let choice = match view.provider {
        Some(provider) => {
            // A link, since the page's policy lets no form lead to another site.
            let href = format!("/sign-in/start?next={}", encoded(&next));
            view! {
                <a class="btn primary" href=href rel="external">
                    {format!("Sign in with {provider}")}
                </a>
            }
            .erased()
        }
        None => {
            let roles = view.roles.into_iter().map(|choice| view! { <Role choice next=next.clone() /> }).collect_view();
            view! {
                <p class="sub">
                    "Nobody outside this machine can reach this server, so there is no password. Choose what you are."
                </p>
                <div class="sign-in-roles">{roles}</div>
            }
            .erased()
        }
    };
    view! {
        <PageTitle text="Sign in" />
        <main class="page sign-in" id="main" tabindex="-1">
            <p class="brand">{icon("#i-mark")} "Showrunner"</p>
            <h1>"Sign in"</h1>
            {already}
            {choice}
        </main>
    }
    .erased()
}

#[component]
fn Role(choice: RoleChoice, next: String) -> impl IntoView {
    let class = if choice.role == "presenter" { "btn primary" } else { "btn" };
    view! {
        <form method="post" action="/sign-in">
            <input type="hidden" name="role" value=choice.role />
            <input type="hidden" name="customer" value=choice.customer />
            <input type="hidden" name="next" value=next />
            <button class=class type="submit">
                {choice.title}
            </button>
            <span class="sub">{choice.words}</span>
        </form>
    }
    .erased()
}
