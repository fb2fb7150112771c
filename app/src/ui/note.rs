use leptos::prelude::*;

use super::icon;
use crate::{
    erase::Erase,
    layout::PageTitle,
    wire::{NoteKind, NoteView, WireError},
};

/// A message with a cause.
#[component]
pub(crate) fn Note(note: NoteView) -> impl IntoView {
    let (class, drawing) = match note.kind {
        NoteKind::Info => ("note", "#i-info"),
        NoteKind::Ok => ("note ok", "#i-done"),
        NoteKind::Warn => ("note warn", "#i-warn"),
        NoteKind::Bad => ("note bad", "#i-failed"),
    };
    let link = note.link.map(|(text, href)| view! { <a href=href>{text}</a> });
    view! {
        <div class=class>
            {icon(drawing)} <div>
                <span>{note.text}</span>
                " "
                {link}
            </div>
        </div>
    }
    .erased()
}

/// Nothing here yet: what would be here, what makes it appear, one plain button.
#[cfg(feature = "ssr")]
#[component]
pub(crate) fn Empty(
    #[prop(into)] what: String,
    #[prop(into)] how: String,
    href: &'static str,
    link: &'static str,
) -> impl IntoView {
    view! {
        <div class="empty">
            <p>{what}</p>
            <p class="sub">{how}</p>
            <a class="btn" href=href>
                {link}
            </a>
        </div>
    }
    .erased()
}

/// Instead of a page that takes longer than a moment.
#[component]
pub(crate) fn Loading() -> impl IntoView {
    view! {
        <p class="sub loading" role="status">
            "Loading"
        </p>
    }
    .erased()
}

/// A page whose values could not be read.
#[component]
pub(crate) fn Problem(error: WireError) -> impl IntoView {
    let id = (!error.request_id.is_empty()).then(|| format!("Request {}", error.request_id));
    view! {
        <PageTitle text="Problem" />
        <main class="page" id="main" tabindex="-1">
            <header class="page-head">
                <h1>"This page could not be read"</h1>
            </header>
            <div class="note bad" role="alert">
                {icon("#i-failed")}
                <div>
                    <strong>{error.message}</strong>
                    " "
                    <span class="sub mono">{id}</span>
                </div>
            </div>
            <div class="btns">
                // An empty address is this page; external, so that the server is asked again.
                <a class="btn" href="" rel="external">
                    "Try again"
                </a>
                <a class="btn quiet" href="/">
                    "Back to the show"
                </a>
            </div>
        </main>
    }
    .erased()
}
