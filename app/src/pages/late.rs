//! Parts of pages that take longer than the rest: the page is sent up to them, and they follow where they belong.

use leptos::prelude::*;

use crate::{ui::state_icon, wire::State};

/// Where in a page that was sent what its queries found belongs. Text that people write cannot hold it: its `<` is escaped.
pub const FOUND: &str = "<!--what the queries found-->";

/// A note, hidden as soon as anything follows it (style/04-parts.css), and the place where what was found follows.
pub(super) fn waiting(words: &'static str) -> String {
    let note = view! {
        <p class="note waiting" role="status">
            {state_icon(State::Running, None)}
            <span>{words}</span>
        </p>
    };
    note.to_html() + FOUND
}

/// What belongs at [`FOUND`], as HTML, outside of any request.
pub(super) fn html<V: IntoView>(found: impl FnOnce() -> V) -> String {
    let owner = Owner::new();
    let html = owner.with(|| found().into_view().to_html());
    owner.cleanup();
    html
}
