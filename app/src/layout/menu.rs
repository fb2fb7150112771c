//! What the bar says of whoever is signed in: the menu, whom they view as, and that their session is over.

use leptos::{html::Details, prelude::*};
use leptos_router::hooks::use_location;

use super::{SIGN_IN, encoded, here};
use crate::{api, erase::Erase, ui::icon};

/// Where the forms of the identity switch are sent.
const VIEW_AS: &str = <api::ViewAs as server_fn::ServerFn>::PATH;

/// Whom the page is seen as. Both forms here are plain ones: everything on the page is another's then, so all of it is loaded anew.
#[component]
pub(super) fn Viewing(title: String, user: String) -> impl IntoView {
    view! {
        <div class="note warn viewing" role="status">
            {icon("#i-warn")}
            <div>
                "Viewing as "
                <strong>{title}</strong>
                " "
                <span class="mono">{user}</span>
                ". Rows and columns are those that policies allow."
            </div>
            <form method="post" action=VIEW_AS>
                <input type="hidden" name="identity" value="" />
                <input type="hidden" name="back" value=here() />
                <button class="btn" type="submit">
                    "Back to admin"
                </button>
            </form>
        </div>
    }
    .erased()
}

/// The session has ended while the page was open.
#[component]
pub(super) fn SignedOut() -> impl IntoView {
    let here = here();
    let href = move || format!("{SIGN_IN}?next={}", encoded(&here()));
    view! {
        <div class="note warn viewing" role="alert">
            {icon("#i-warn")}
            <div>
                <strong>"Your session has ended."</strong>
                " What is on the page stays. Sign in again, and you come back to it."
            </div>
            <a class="btn" href=href rel="external">
                "Sign in again"
            </a>
        </div>
    }
    .erased()
}

/// Who is signed in, whom they can view as, and what is not for every day.
#[component]
pub(super) fn Menu(role: String, name: String, identities: Vec<(String, String)>) -> impl IntoView {
    // The bar stays when another page comes; what was open in it does not.
    let menu = NodeRef::<Details>::new();
    let place = use_location();
    Effect::new(move |before: Option<String>| {
        let now = place.pathname.get();
        if before.is_some_and(|before| before != now)
            && let Some(menu) = menu.get_untracked()
        {
            let _ = menu.remove_attribute("open");
        }
        now
    });
    let leads = role == "admin" || role == "presenter";
    let buttons = identities
        .into_iter()
        .map(|(id, title)| {
            view! {
                <button class="btn quiet" type="submit" name="identity" value=id>
                    {title}
                </button>
            }
        })
        .collect::<Vec<_>>();
    let view_as = (leads && !buttons.is_empty()).then(|| {
        view! {
            <form method="post" action=VIEW_AS aria-label="View as">
                <p class="sub">"View as"</p>
                <input type="hidden" name="back" value=here() />
                {buttons}
            </form>
        }
    });
    let manage = (role == "admin").then(|| {
        view! {
            <a class="btn quiet" href="/customers">
                "Customers"
            </a>
            <a class="btn quiet" href="/datasets">
                "Datasets"
            </a>
            <a class="btn quiet" href="/people">
                "People and audit trail"
            </a>
            <a class="btn quiet" href="/settings">
                "Settings"
            </a>
        }
    });
    let deliver = leads.then(|| {
        view! {
            <a class="btn quiet" href="/stories">
                "Stories"
            </a>
            <a class="btn quiet" href="/upload">
                "Upload"
            </a>
        }
    });
    let who = (name != role).then(|| view! { <p class="sub">{name}</p> });
    view! {
        <details class="menu" node_ref=menu>
            <summary class="btn quiet">{role}</summary>
            <div class="menu-body">
                {who}
                {view_as}
                {deliver}
                {manage}
                <form method="post" action="/sign-out" aria-label="Session">
                    <button class="btn quiet" type="submit">
                        "Sign out"
                    </button>
                    <button class="btn quiet" type="submit" name="everywhere" value="1">
                        "Sign out everywhere"
                    </button>
                </form>
            </div>
        </details>
    }
    .erased()
}
