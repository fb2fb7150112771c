use leptos::prelude::*;

use crate::erase::Erase;
use crate::layout::PageTitle;

/// No such page; with status 404.
#[component]
pub(crate) fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(host) = use_context::<crate::services::Host>() {
        (host.status)(404);
    }
    view! {
        <PageTitle text="No such page" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"No such page"</h1>
            </header>
            <p>"The address is wrong, or the page has moved."</p>
            <div class="btns">
                <a class="btn" href="/">
                    "Back to the show"
                </a>
            </div>
        </main>
    }
    .erased()
}
